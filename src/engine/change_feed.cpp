// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Telling and hearing. What was told is a hint that saves time; that nothing is lost rests on the log.
#include "engine/change_queue.hpp"

#include <z360/engine/change_feed.hpp>
#include <z360/log.hpp>
#include <z360/port/errors.hpp>
#include <z360/rt/supervisor.hpp>

#include <algorithm>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

namespace z360::engine {
namespace {

using boost::asio::awaitable;
using steady = rt::clock;

class feed;

class subscription final : public port::change_subscription {
  public:
    subscription(feed& owner, boost::asio::any_io_executor ex, std::size_t limit)
        : owner_(owner), queue_(limit), wake_(std::move(ex)) {}
    ~subscription() override;
    subscription(const subscription&) = delete;
    subscription& operator=(const subscription&) = delete;

    awaitable<port::change_news> next() override {
        while (!read_all_ && queue_.empty())
            co_await wake_.wait();
        port::change_news out;
        out.read_all = std::exchange(read_all_, false);
        out.changes = queue_.take();
        co_return out;
    }

    /// false: too many waited, so all of them gave way to one word.
    bool offer(const port::change& c) {
        const bool room = queue_.put(c);
        if (room)
            wake_.set();
        else
            start_over();
        return room;
    }
    /// What waited is in what will be read.
    void start_over() {
        queue_.clear();
        read_all_ = true;
        wake_.set();
    }

  private:
    feed& owner_;
    change_queue queue_;
    rt::event wake_;
    bool read_all_ = false;
};

class feed final : public change_feed {
  public:
    feed(boost::asio::any_io_executor ex, change_feed_ports p, change_feed_settings s)
        : ex_(std::move(ex)), p_(p), s_(s), untold_(s.max_untold), for_slow_(s.max_untold),
          heard_(s.remembered), told_(ex_), slow_(ex_), subscribed_(ex_), look_(ex_),
          loops_(ex_, [this](std::string_view name, std::string_view) {
              p_.metrics.count("loop_failures_total", {{"loop", name}});
          }) {}

    void start() override {
        for (const auto by : {"redis", "notify"})
            p_.metrics.count("changes_told_total", {{"by", by}}, 0);
        for (const auto by : {"process", "redis", "notify", "log"})
            p_.metrics.count("changes_heard_total", {{"by", by}}, 0);
        p_.metrics.count("changes_untold_total", {}, 0);
        for (const auto why : {"subscriber_slow", "too_many", "database_server"})
            p_.metrics.count("changes_start_over_total", {{"why", why}}, 0);
        run("change_teller", millis{0}, nullptr, [this] { return tell_some(); });
        run("change_notifier", s_.slow_pause, nullptr, [this] { return tell_slowly(); });
        run("change_cursor", s_.log_period, &look_, [this] { return look(); });
    }
    awaitable<void> stop() override { co_await loops_.join(); }
    [[nodiscard]] std::vector<loop_state> loops() const override { return loops_.states(); }

    void tell(const port::change& what) noexcept override {
        try {
            hear(what, "process");
            if (!untold_.put(what)) p_.metrics.count("changes_untold_total");
            told_.set();
        } catch (const std::exception& e) {
            log::warn("change_not_told", {{"call", what.call}, {"why", e.what()}}); // the log has it
        }
    }

    std::unique_ptr<port::change_subscription> subscribe() override {
        auto made = std::make_unique<subscription>(*this, ex_, s_.max_waiting);
        subscriptions_.push_back(made.get());
        if (position_) {
            made->start_over(); // from that position on nothing is lost
        } else if (subscriptions_.size() == 1) {
            listen();
            subscribed_.set();
            look_.set();
        }
        return made;
    }
    void leave(const subscription* s) {
        std::erase(subscriptions_, s);
        if (!subscriptions_.empty()) return;
        ++era_;
        position_.reset();
        heard_.clear();
        if (p_.fast != nullptr) p_.fast->listen({});
        p_.slow.listen({});
    }

  private:
    // They wait for something that may rightly never come.
    void run(std::string name, millis period, rt::event* wake, std::function<awaitable<void>()> round) {
        rt::loop_settings l{.name = std::move(name), .period = period, .late_after = rt::k_never_late};
        l.wake = wake;
        loops_.run(std::move(l), std::move(round));
    }

    void listen() {
        if (p_.fast != nullptr) p_.fast->listen([this](std::string_view text) { hear(text, "redis"); });
        p_.slow.listen([this](std::string_view text) { hear(text, "notify"); });
    }
    // Whoever reaches the carriers may say anything there: no program of ours says more at once.
    void hear(std::string_view text, std::string_view by) {
        if (text.size() > port::broadcast::k_longest) return;
        for (const auto& c : decode_changes(text))
            hear(c, by);
    }
    void hear(const port::change& c, std::string_view by) {
        if (!subscriptions_.empty() && heard_.advance(c)) offer(c, by);
    }
    void offer(const port::change& c, std::string_view by) {
        p_.metrics.count("changes_heard_total", {{"by", by}});
        for (auto* s : subscriptions_)
            if (!s->offer(c)) p_.metrics.count("changes_start_over_total", {{"why", "subscriber_slow"}});
    }

    // What comes in while a batch is on its way is the next batch.
    awaitable<void> tell_some() {
        co_await told_.wait();
        const auto batch = untold_.take();
        if (batch.empty()) co_return;
        if (p_.fast != nullptr) {
            const bool left = co_await p_.fast->send(encode_changes(batch, port::broadcast::k_longest));
            if (left) {
                count_told("redis", batch.size());
                co_return;
            }
        }
        for (const auto& c : batch)
            if (!for_slow_.put(c)) p_.metrics.count("changes_untold_total");
        slow_.set();
    }

    // NOTIFYs are committed one after another in the whole database server: few, and none of them a call's.
    awaitable<void> tell_slowly() {
        co_await slow_.wait();
        const auto batch = for_slow_.take();
        if (batch.empty()) co_return;
        const bool left = co_await p_.slow.send(encode_changes(batch, port::broadcast::k_longest));
        if (left)
            count_told("notify", batch.size());
        else
            p_.metrics.count("changes_untold_total", {}, static_cast<double>(batch.size()));
    }
    void count_told(std::string_view by, std::size_t n) {
        p_.metrics.count("changes_told_total", {{"by", by}}, static_cast<double>(n));
    }

    awaitable<void> look() {
        while (subscriptions_.empty())
            co_await subscribed_.wait();
        const auto era = era_;
        port::changes_read found;
        try {
            found = co_await p_.log.since(position_, s_.max_found);
        } catch (const port::unavailable&) {
            co_return; // its pool tells; the position stays, so nothing is lost
        }
        if (era != era_) co_return; // everybody has left meanwhile
        const bool first = !position_;
        position_ = std::move(found.next);
        using result = port::changes_read::result;
        if (first) {
            start_over();
        } else if (found.what == result::complete) {
            for (const auto& c : found.changes)
                if (heard_.correct(c)) offer(c, "log");
        } else {
            const std::string_view why = found.what == result::too_many ? "too_many" : "database_server";
            log::info("changes_start_over", {{"why", why}});
            p_.metrics.count("changes_start_over_total", {{"why", why}});
            heard_.clear(); // a server that lost commits may count versions of them again
            start_over();
        }
    }
    void start_over() {
        for (auto* s : subscriptions_)
            s->start_over();
    }

    boost::asio::any_io_executor ex_;
    change_feed_ports p_;
    change_feed_settings s_;
    change_queue untold_;
    change_queue for_slow_;
    newest_heard heard_;
    std::vector<subscription*> subscriptions_;
    std::optional<port::change_position> position_; ///< of the log; unknown while nobody listens
    unsigned era_ = 0;                              ///< moves when the last subscriber leaves
    rt::event told_;
    rt::event slow_;
    rt::event subscribed_;
    rt::event look_;
    rt::supervisor loops_;
};

subscription::~subscription() {
    owner_.leave(this);
}

} // namespace

std::unique_ptr<change_feed>
make_change_feed(boost::asio::any_io_executor ex, change_feed_ports p, change_feed_settings s) {
    return std::make_unique<feed>(std::move(ex), p, s);
}

} // namespace z360::engine
