// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/spool/spool.hpp"

#include "adapter/spool/disk_queue.hpp"

#include <z360/log.hpp>
#include <z360/rt/blocking_pool.hpp>
#include <z360/rt/sync.hpp>

#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace z360::adapter::spool {
namespace asio = boost::asio;
using port::inbox_event;
namespace {

// What comes back from the disk's thread: how the queue is then, beside what was asked for.
struct report {
    std::size_t size = 0;
    port::spool_health health;
    std::vector<inbox_event> events;
    std::exception_ptr error;
};

// One thread: the files have one user at a time, and the disk one waiting thread.
class disk_spool final : public port::spool {
  public:
    disk_spool(const std::filesystem::path& directory, std::size_t max_bytes) : queue_(directory, max_bytes) {
        // Before the first webhook, so that what a former process left counts from the start.
        const auto first = carry_out([](disk_queue& q, report&) { q.tend(); });
        size_ = first.size;
        health_ = first.health;
        if (first.error) log::warn("spool_not_tended", {{"why", rt::what(first.error)}});
    }

    asio::awaitable<void> append(std::vector<inbox_event> events) override {
        auto work = [this, held = std::move(events)] {
            return carry_out([&held](disk_queue& q, report&) { q.append(held); });
        };
        note(co_await thread_.run(std::move(work)));
    }
    asio::awaitable<std::vector<inbox_event>> peek(std::size_t limit) override {
        auto work = [this, limit] {
            return carry_out([limit](disk_queue& q, report& r) { r.events = q.peek(limit); });
        };
        co_return note(co_await thread_.run(std::move(work)));
    }
    asio::awaitable<void> remove(std::vector<std::string> event_ids) override {
        auto work = [this, held = std::move(event_ids)] {
            return carry_out([&held](disk_queue& q, report&) { q.remove(held); });
        };
        note(co_await thread_.run(std::move(work)));
    }
    asio::awaitable<void> set_aside(std::vector<std::string> event_ids, std::string why) override {
        auto work = [this, held = std::move(event_ids), reason = std::move(why)] {
            return carry_out([&](disk_queue& q, report&) { q.set_aside(held, reason); });
        };
        note(co_await thread_.run(std::move(work)));
    }
    asio::awaitable<void> tend() override {
        auto work = [this] { return carry_out([](disk_queue& q, report&) { q.tend(); }); };
        note(co_await thread_.run(std::move(work)));
    }
    [[nodiscard]] std::size_t size() const override { return size_; }
    [[nodiscard]] port::spool_health health() const override { return health_; }

  private:
    // On the disk's thread.
    template <class F>
    report carry_out(F act) {
        report r;
        try {
            act(queue_, r);
        } catch (...) {
            r.error = std::current_exception();
        }
        r.size = queue_.size();
        r.health = queue_.health();
        return r;
    }
    // On the loop. Reports come in the order of the work.
    std::vector<inbox_event> note(report r) {
        size_ = r.size;
        health_ = std::move(r.health);
        if (r.error) std::rethrow_exception(r.error);
        return std::move(r.events);
    }

    disk_queue queue_;
    std::size_t size_ = 0;
    port::spool_health health_;
    rt::blocking_pool thread_{1}; // joined before the files close
};

} // namespace

std::unique_ptr<port::spool> make_spool(const std::filesystem::path& directory, std::size_t max_bytes) {
    return std::make_unique<disk_spool>(directory, max_bytes);
}

std::vector<aside_event> read_set_aside(const std::filesystem::path& directory, std::size_t limit) {
    return aside_file(directory, 0).read(limit);
}

} // namespace z360::adapter::spool
