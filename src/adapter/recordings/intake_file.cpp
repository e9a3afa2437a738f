// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/recordings/intake_file.hpp"

#include "adapter/crypto/digest.hpp"
#include "adapter/recordings/key.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <utility>

namespace z360::adapter::recordings {
namespace fs = std::filesystem;
namespace {

constexpr int k_tries = 100;

descriptor open_incoming(const fs::path& root) {
    const descriptor top = open_root(root);
    descriptor folder = make_folder(top, std::string(k_incoming));
    if (!folder) fail("make the folder " + std::string(k_incoming), ENOENT);
    return folder;
}

bool is_old(int folder, const std::string& name, std::chrono::seconds older_than) {
    struct stat st{};
    if (::fstatat(folder, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) return false;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count() - st.st_mtime > older_than.count();
}

} // namespace

std::shared_ptr<intake_file> intake_file::begin(const fs::path& root) {
    descriptor folder = open_incoming(root);
    std::string name = crypto::random_hex(16);
    descriptor file(
        ::openat(folder.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)
    );
    if (!file) fail("make a file for a new one", errno);
    return std::make_shared<intake_file>(std::move(folder), std::move(name), std::move(file));
}

intake_file::intake_file(descriptor folder, std::string name, descriptor file)
    : folder_(std::move(folder)), name_(std::move(name)),
      file_(std::make_shared<const descriptor>(std::move(file))) {}

intake_file::~intake_file() {
    if (!moved_) (void)::unlinkat(folder_.get(), name_.c_str(), 0);
}

void intake_file::write(std::string_view piece) {
    if (finished_) throw std::logic_error("a recording is written to after it was complete");
    if (failed_) throw port::unavailable("recordings: an earlier piece could not be written");
    digest_.add(piece);
    bytes_ += piece.size();
    while (!piece.empty()) {
        const auto n = ::write(file_->get(), piece.data(), piece.size());
        if (n >= 0) {
            piece.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno != EINTR) {
            failed_ = true;
            fail("write a new one", errno);
        }
    }
}

port::kept_copy intake_file::finish() {
    if (failed_) throw port::unavailable("recordings: an earlier piece could not be written");
    finished_ = true;
    return {bytes_, digest_.hex()};
}

port::kept_copy intake_file::move_to(const fs::path& root, std::string_view key) {
    auto copy = finish();
    if (!moved_ && ::fsync(file_->get()) != 0) {
        failed_ = true; // another fsync would say that all is well, and it would not be true
        fail("write a new one to the disk", errno);
    }
    for (int i = 0; !moved_; ++i) {
        auto to = make_place(root, key);
        if (to && ::renameat(folder_.get(), name_.c_str(), to->folder(), to->file.c_str()) == 0)
            moved_ = std::move(to);
        else if (to && errno != ENOENT)
            fail("put " + to->file + " in its place", errno);
        else if (i == k_tries) // whoever removes its neighbours takes the folders away, but not for ever
            fail("put a new one in its place", ENOENT);
    }
    sync(*moved_);
    return copy;
}

int remove_leftovers(const fs::path& root, std::chrono::seconds older_than) noexcept {
    int removed = 0;
    try {
        const descriptor folder = open_incoming(root);
        for (const auto& entry : fs::directory_iterator(root / k_incoming)) {
            const auto name = entry.path().filename().string();
            if (is_old(folder.get(), name, older_than) && ::unlinkat(folder.get(), name.c_str(), 0) == 0)
                ++removed;
        }
        if (removed > 0) log::info("recording_leftovers_removed", {{"files", removed}});
    } catch (const std::exception& e) {
        log::warn("recording_leftovers_not_removed", {{"why", e.what()}});
    }
    return removed;
}

} // namespace z360::adapter::recordings
