// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/recordings/directory.hpp"

#include <z360/port/errors.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace z360::adapter::recordings {
namespace fs = std::filesystem;
namespace {

constexpr int k_folder = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
constexpr mode_t k_folder_mode = 0700;

void sync_folder(const descriptor& d) {
    // EINVAL: a file system that keeps names in its own way, and has no such call for folders.
    if (::fsync(d.get()) != 0 && errno != EINVAL) fail("write a folder to the disk", errno);
}

place split(std::string_view key) {
    place p;
    for (auto end = key.find('/'); end != std::string_view::npos; end = key.find('/')) {
        p.names.emplace_back(key.substr(0, end));
        key.remove_prefix(end + 1);
    }
    p.file = key;
    return p;
}

} // namespace

descriptor::~descriptor() {
    if (fd_ >= 0) ::close(fd_);
}

void fail(std::string_view doing, int error) {
    throw port::unavailable(
        "recordings: cannot " + std::string(doing) + ": " + std::generic_category().message(error)
    );
}

descriptor open_root(const fs::path& root) {
    descriptor out(::open(root.c_str(), k_folder));
    if (!out && errno == ENOENT) {
        std::error_code ignored; // opening it tells
        fs::create_directories(root.parent_path(), ignored);
        (void)::mkdir(root.c_str(), k_folder_mode);
        out = descriptor(::open(root.c_str(), k_folder));
    }
    if (!out) fail("open their folder", errno);
    return out;
}

descriptor make_folder(const descriptor& in, const std::string& name) {
    if (::mkdirat(in.get(), name.c_str(), k_folder_mode) != 0 && errno != EEXIST) {
        if (errno == ENOENT) return {};
        fail("make the folder " + name, errno);
    }
    descriptor out(::openat(in.get(), name.c_str(), k_folder | O_NOFOLLOW));
    if (!out && errno != ENOENT) fail("open the folder " + name, errno);
    return out;
}

std::optional<place> find_place(const fs::path& root, std::string_view key) {
    place p = split(key);
    p.folders.push_back(open_root(root));
    for (const auto& name : p.names) {
        descriptor next(::openat(p.folder(), name.c_str(), k_folder | O_NOFOLLOW));
        if (!next) {
            if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENAMETOOLONG)
                return std::nullopt;
            fail("open the folder " + name, errno);
        }
        p.folders.push_back(std::move(next));
    }
    return p;
}

std::optional<place> make_place(const fs::path& root, std::string_view key) {
    place p = split(key);
    p.folders.push_back(open_root(root));
    for (const auto& name : p.names) {
        descriptor next = make_folder(p.folders.back(), name);
        if (!next) return std::nullopt;
        p.folders.push_back(std::move(next));
    }
    return p;
}

void sync(const place& p) {
    for (auto folder = p.folders.rbegin(); folder != p.folders.rend(); ++folder)
        sync_folder(*folder);
}

void prune(const place& p) noexcept {
    // rmdir takes an empty folder only, so that nothing is lost to whoever puts a file in at the same moment.
    for (std::size_t i = p.names.size(); i > 0; --i)
        if (::unlinkat(p.folders[i - 1].get(), p.names[i - 1].c_str(), AT_REMOVEDIR) != 0) return;
}

descriptor open_file(const place& p) {
    // O_NONBLOCK: opening a pipe would wait for a writer.
    descriptor out(::openat(p.folder(), p.file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!out) {
        if (errno == ENOENT || errno == ENAMETOOLONG) return {};
        if (errno == ELOOP)
            throw port::unavailable("recordings: " + p.file + " is a link, which is not followed");
        fail("open " + p.file, errno);
    }
    struct stat st{};
    if (::fstat(out.get(), &st) != 0) fail("open " + p.file, errno);
    if (!S_ISREG(st.st_mode)) return {};
    return out;
}

std::uint64_t size_of(const descriptor& file) {
    struct stat st{};
    if (::fstat(file.get(), &st) != 0) fail("tell a file's size", errno);
    return static_cast<std::uint64_t>(st.st_size);
}

std::string read_at(const descriptor& file, std::uint64_t at, std::size_t most) {
    std::string out(most, '\0');
    while (true) {
        const auto n = ::pread(file.get(), out.data(), out.size(), static_cast<off_t>(at));
        if (n >= 0) {
            out.resize(static_cast<std::size_t>(n));
            return out;
        }
        if (errno != EINTR) fail("read a file", errno);
    }
}

} // namespace z360::adapter::recordings
