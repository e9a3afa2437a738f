// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/spool/spool.hpp"

#include "adapter/spool/disk_queue.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>
#include <z360/rt/blocking_pool.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <exception>
#include <memory>
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
        if (first.error) log::error("spool_not_tended", {{"why", rt::what(first.error)}});
    }

    // What arrives while the disk is busy is written together, as one transaction: a rollback journal makes a
    // transaction slow, not large. One of those who wait writes for all of them.
    asio::awaitable<void> append(std::vector<inbox_event> events) override {
        auto ex = co_await asio::this_coro::executor;
        const auto turn = std::make_shared<rt::event>(ex);
        const place mine = join(std::move(events), turn);
        batch& b = *mine.of;
        while (!b.done) {
            if (b.writer == mine.at && !b.taken && !line_->writing)
                co_await write(mine.of);
            else
                co_await turn->wait();
        }
        if (b.errors.at(mine.at)) std::rethrow_exception(b.errors.at(mine.at));
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
    struct batch {
        std::vector<std::vector<inbox_event>> parts;
        std::vector<std::shared_ptr<rt::event>> waiting; ///< by part; null: gone
        std::vector<std::exception_ptr> errors;          ///< by part, once it is done
        std::size_t writer = 0;                          ///< whose turn it is to write
        bool taken = false;                              ///< to the disk
        bool done = false;
    };
    // Shared with those who wait: they may end after the spool, when the loop is torn down.
    struct line {
        std::shared_ptr<batch> gathering; ///< takes more
        bool writing = false;
    };
    // One who waits. Whoever leaves before the writing takes their own part along and nobody else's.
    struct place {
        std::shared_ptr<line> in;
        std::shared_ptr<batch> of;
        std::size_t at;
        ~place() {
            if (of->taken) return;
            of->parts[at].clear();
            of->waiting[at].reset();
            const auto next = std::ranges::find_if(of->waiting, [](const auto& w) { return w != nullptr; });
            if (next == of->waiting.end()) {
                if (in->gathering == of) in->gathering.reset();
                return;
            }
            of->writer = static_cast<std::size_t>(next - of->waiting.begin());
            (*next)->set();
        }
    };
    // Whatever becomes of the writing, those who wait for it are told, and the next batch begins.
    struct writing {
        std::shared_ptr<line> in;
        std::shared_ptr<batch> of;
        ~writing() {
            if (of->errors.size() != of->parts.size())
                of->errors.assign(
                    of->parts.size(), std::make_exception_ptr(port::unavailable("spool: given up"))
                );
            of->done = true;
            in->writing = false;
            for (const auto& w : of->waiting)
                if (w) w->set();
            if (in->gathering) in->gathering->waiting.at(in->gathering->writer)->set();
        }
    };

    place join(std::vector<inbox_event> events, std::shared_ptr<rt::event> turn) {
        if (!line_->gathering) line_->gathering = std::make_shared<batch>();
        const auto& b = line_->gathering;
        b->parts.push_back(std::move(events));
        b->waiting.push_back(std::move(turn));
        return {line_, b, b->parts.size() - 1};
    }
    asio::awaitable<void> write(std::shared_ptr<batch> mine) {
        const writing ends{line_, mine};
        mine->taken = line_->writing = true;
        line_->gathering.reset();
        auto work = [this, mine] { return carry_out([&mine](disk_queue& q, report&) { store(q, *mine); }); };
        (void)note(co_await thread_.run(std::move(work)));
    }
    // On the disk's thread; the loop looks at the batch again when this is over. Together, or else each by
    // itself: what one is refused for need not be the others' fault.
    static void store(disk_queue& q, batch& b) {
        std::vector<inbox_event> all;
        for (const auto& part : b.parts)
            all.insert(all.end(), part.begin(), part.end());
        b.errors.assign(b.parts.size(), nullptr);
        try {
            q.append(all);
            return;
        } catch (const port::unavailable&) {
            if (b.parts.size() == 1) b.errors[0] = std::current_exception();
        }
        for (std::size_t i = 0; b.parts.size() > 1 && i < b.parts.size(); ++i) {
            try {
                q.append(b.parts[i]);
            } catch (const port::unavailable&) {
                b.errors[i] = std::current_exception();
            }
        }
    }
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
    std::shared_ptr<line> line_ = std::make_shared<line>();
    rt::blocking_pool thread_{1}; // joined before the files close
};

} // namespace

std::unique_ptr<port::spool> make_spool(const std::filesystem::path& directory, std::size_t max_bytes) {
    return std::make_unique<disk_spool>(directory, max_bytes);
}

std::vector<dead_letter> read_dead_letters(const std::filesystem::path& directory, std::size_t limit) {
    return dead_letter_file(directory, 0).read(limit);
}

} // namespace z360::adapter::spool
