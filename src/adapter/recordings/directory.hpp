// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Folders and files of a vault, by descriptors: no symbolic link below the root is followed. Blocking;
// thread-safe. Everything throws port::unavailable for what the system says.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace z360::adapter::recordings {

/// Owns an open file or folder.
class descriptor {
  public:
    descriptor() = default;
    explicit descriptor(int fd) : fd_(fd) {}
    descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~descriptor();

    [[nodiscard]] int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

  private:
    int fd_ = -1;
};

/// Throws port::unavailable: "recordings: cannot <doing>: <what errno says>".
[[noreturn]] void fail(std::string_view doing, int error);

/// The folder itself, which may be a link; made for its owner alone if it is missing.
[[nodiscard]] descriptor open_root(const std::filesystem::path& root);
/// A folder in another, made if it is missing. None: the other is being removed.
[[nodiscard]] descriptor make_folder(const descriptor& in, const std::string& name);

/// Where the file of a key belongs.
struct place {
    std::vector<descriptor> folders; ///< the root first, the file's last
    std::vector<std::string> names;  ///< of folders[1] and so on
    std::string file;                ///< its name in the last folder

    [[nodiscard]] int folder() const { return folders.back().get(); }
};
/// nullopt: a folder on the way is missing, or is none.
[[nodiscard]] std::optional<place> find_place(const std::filesystem::path& root, std::string_view key);
/// Makes folders that are missing. nullopt: one was removed meanwhile; try again.
[[nodiscard]] std::optional<place> make_place(const std::filesystem::path& root, std::string_view key);
/// All of its folders survive a power loss from here on, with what is in them by name.
void sync(const place& p);
/// Removes the folders that are empty, but for the root. Never fails: what is in use stays.
void prune(const place& p) noexcept;

/// A regular file, for reading. None: nothing is there, or no file.
[[nodiscard]] descriptor open_file(const place& p);
/// The size of an open file.
[[nodiscard]] std::uint64_t size_of(const descriptor& file);
/// Up to `most` bytes from `at` on; empty: the file ends there.
[[nodiscard]] std::string read_at(const descriptor& file, std::uint64_t at, std::size_t most);

} // namespace z360::adapter::recordings
