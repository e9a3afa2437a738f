// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/push/key_watch.hpp"

#include <sys/stat.h>

#include <exception>
#include <utility>

namespace z360::adapter::push {
namespace {

std::int64_t in_ns(const timespec& t) {
    return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

struct finding {
    file_mark mark;
    std::function<void()> use; ///< empty: nothing new, or it is broken
    std::string why;           ///< it is broken
};

// The mark comes first: what is written between the two looks is seen the next time.
finding look_at(const std::string& file, const file_mark& seen, const key_watch::reader& read) {
    finding out;
    out.mark = mark_of(file);
    if (out.mark == seen) return out;
    try {
        out.use = read();
    } catch (const std::exception& e) {
        out.why = e.what();
    }
    return out;
}

} // namespace

file_mark mark_of(const std::string& file) {
    struct stat found{};
    file_mark out;
    if (::stat(file.c_str(), &found) != 0) return out;
    out.inode = found.st_ino;
    out.size = found.st_size;
    out.modified_ns = in_ns(found.st_mtim);
    out.changed_ns = in_ns(found.st_ctim);
    return out;
}

key_watch::key_watch(
    std::string of, std::string file, file_mark read_at, reader read, rt::blocking_pool& workers,
    port::metrics& metrics
)
    : of_(std::move(of)), file_(std::move(file)), seen_(read_at), read_(std::move(read)), workers_(workers),
      metrics_(metrics) {
    metrics_.gauge("push_key_broken", 0, {{"provider", of_}});
    metrics_.count("push_key_reloads_total", {{"provider", of_}}, 0);
}

boost::asio::awaitable<void> key_watch::look() {
    auto work = [file = file_, seen = seen_, read = read_] { return look_at(file, seen, read); };
    auto found = co_await workers_.run(std::move(work));
    if (found.mark == seen_) co_return;
    seen_ = found.mark;
    metrics_.gauge("push_key_broken", found.use ? 0 : 1, {{"provider", of_}});
    if (!found.use) {
        log::error(
            "push_key_not_reloaded", {{"provider", of_}, {"why", found.why}, {"still", "the old key"}}
        );
        co_return;
    }
    found.use();
    metrics_.count("push_key_reloads_total", {{"provider", of_}});
    log::info("push_key_reloaded", {{"provider", of_}, {"file", file_}});
}

} // namespace z360::adapter::push
