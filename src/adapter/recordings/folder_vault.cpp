// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/recordings/directory.hpp"
#include "adapter/recordings/file_source.hpp"
#include "adapter/recordings/intake_file.hpp"
#include "adapter/recordings/key.hpp"
#include "adapter/recordings/recordings.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

namespace z360::adapter::recordings {
namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace {

constexpr std::chrono::hours k_leftover_age{1};

// Blocking; for workers.
descriptor open_kept(const fs::path& root, const std::string& key) {
    const auto at = find_place(root, key);
    return at ? open_file(*at) : descriptor{};
}

void remove_kept(const fs::path& root, const std::string& key) {
    const auto at = find_place(root, key);
    if (!at) return;
    // A folder under that name is the way to other keys (EISDIR).
    if (::unlinkat(at->folder(), at->file.c_str(), 0) == 0)
        sync(*at); // what was removed does not come back after a power loss
    else if (errno != ENOENT && errno != EISDIR && errno != ENAMETOOLONG)
        fail("remove " + at->file, errno);
    prune(*at);
}

class folder_intake final : public port::vault_intake {
  public:
    folder_intake(rt::blocking_pool& pool, fs::path root, std::string key, std::shared_ptr<intake_file> file)
        : pool_(pool), root_(std::move(root)), key_(std::move(key)), file_(std::move(file)) {}
    // A worker removes it; one that is still writing has a share in it, and the last of them does.
    ~folder_intake() override {
        pool_.run_unawaited([file = std::move(file_)]() mutable noexcept { file.reset(); });
    }
    folder_intake(const folder_intake&) = delete;
    folder_intake& operator=(const folder_intake&) = delete;

    asio::awaitable<void> write(std::string piece) override {
        auto work = [file = file_, held = std::move(piece)] { file->write(held); };
        co_await pool_.run(std::move(work));
    }
    asio::awaitable<port::kept_copy> keep() override {
        auto work = [file = file_, root = root_, key = key_] { return file->move_to(root, key); };
        co_return co_await pool_.run(std::move(work));
    }

  private:
    rt::blocking_pool& pool_;
    fs::path root_;
    std::string key_;
    std::shared_ptr<intake_file> file_;
};

class folder_vault final : public port::recording_vault {
  public:
    folder_vault(rt::blocking_pool& pool, fs::path root) : pool_(pool), root_(std::move(root)) {
        pool_.run_unawaited([r = root_]() noexcept { (void)remove_leftovers(r, k_leftover_age); });
    }

    [[nodiscard]] std::string_view kind() const override { return "folder"; }

    asio::awaitable<std::unique_ptr<port::vault_intake>> begin(std::string key) override {
        check_key(key);
        auto work = [root = root_] { return intake_file::begin(root); };
        auto file = co_await pool_.run(std::move(work));
        co_return std::make_unique<folder_intake>(pool_, root_, std::move(key), std::move(file));
    }

    asio::awaitable<std::optional<std::uint64_t>> size_of(std::string key) override {
        check_key(key);
        auto work = [root = root_, k = std::move(key)]() -> std::optional<std::uint64_t> {
            const descriptor file = open_kept(root, k);
            if (!file) return std::nullopt;
            return recordings::size_of(file);
        };
        co_return co_await pool_.run(std::move(work));
    }

    asio::awaitable<std::unique_ptr<port::byte_source>>
    open(std::string key, port::byte_range part) override {
        check_key(key);
        auto work = [root = root_, k = std::move(key), part]() -> std::shared_ptr<const descriptor> {
            descriptor file = open_kept(root, k);
            if (!file) return nullptr;
            check_range(part, recordings::size_of(file));
            return std::make_shared<const descriptor>(std::move(file));
        };
        auto file = co_await pool_.run(std::move(work));
        if (!file) co_return nullptr;
        co_return std::make_unique<file_source>(pool_, std::move(file), part);
    }

    [[nodiscard]] std::optional<std::string> link(std::string key, millis) const override {
        check_key(key);
        return std::nullopt;
    }

    asio::awaitable<void> remove(std::string key) override {
        check_key(key);
        auto work = [root = root_, k = std::move(key)] { remove_kept(root, k); };
        co_await pool_.run(std::move(work));
    }

  private:
    rt::blocking_pool& pool_;
    fs::path root_;
};

} // namespace

std::unique_ptr<port::recording_vault> make_folder_vault(rt::blocking_pool& pool, fs::path root) {
    if (!root.has_filename()) root = root.parent_path(); // "folder/"
    return std::make_unique<folder_vault>(pool, std::move(root));
}

} // namespace z360::adapter::recordings
