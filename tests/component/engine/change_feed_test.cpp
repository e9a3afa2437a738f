// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who hears of changes: what a subscriber is told and how much may wait for it; that the engine tells each
// stored version once, after its commit.
#include "support/engine_play.hpp"
#include "support/recording_metrics.hpp"

#include <z360/engine/change_feed.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>

using namespace z360;
using namespace z360::testing;
using namespace std::chrono_literals;

namespace {

port::change at(const std::string& call, std::uint64_t version) {
    return {call_id{derive_uuid(call)}, org_id{1}, version};
}

/// Every listener hears what anybody sends, while it is up.
struct air {
    bool up = true;
    int sent = 0;
    std::vector<port::broadcast::hearer*> ears;
};
class by_air final : public port::broadcast {
  public:
    explicit by_air(air& a) : air_(a) {}
    awaitable<bool> send(std::vector<std::string> texts) override {
        if (!air_.up) co_return false;
        ++air_.sent;
        for (const auto& t : texts)
            for (auto* ear : air_.ears)
                if (*ear) (*ear)(t);
        co_return true;
    }
    void listen(hearer heard) override {
        if (!ear_) air_.ears.push_back(&ear_);
        ear_ = std::move(heard);
    }

  private:
    air& air_;
    hearer ear_;
};

class memory_log final : public port::change_log {
  public:
    awaitable<port::changes_read>
    since(std::optional<port::change_position> from, std::size_t limit) override {
        if (away) throw port::unavailable("switched off");
        port::changes_read out;
        out.next = {rows.size(), server};
        if (!from) co_return out;
        ++looks;
        if (from->server != server) {
            out.what = port::changes_read::result::another_server;
        } else if (rows.size() - from->below > limit) {
            out.what = port::changes_read::result::too_many;
        } else {
            out.changes.assign(rows.begin() + static_cast<std::ptrdiff_t>(from->below), rows.end());
        }
        co_return out;
    }
    std::vector<port::change> rows;
    std::string server = "one";
    bool away = false;
    int looks = 0;
};

struct node {
    node(boost::asio::io_context& io, air& quick, air& slow_air, port::change_log& l)
        : fast(quick), slow(slow_air),
          feed(engine::make_change_feed(
              io.get_executor(), {&fast, slow, l, metrics},
              {.max_waiting = 3, .max_found = 4, .slow_pause = 1ms, .log_period = 20ms}
          )) {
        feed->start();
    }
    double heard(std::string_view by) const { return metrics.counted("changes_heard_total", {{"by", by}}); }
    double anew(std::string_view why) const {
        return metrics.counted("changes_start_over_total", {{"why", why}});
    }
    test::recording_metrics metrics;
    by_air fast, slow;
    std::unique_ptr<engine::change_feed> feed;
};

struct two_nodes {
    boost::asio::io_context io{1};
    air quick, slow;
    memory_log log;
    node one{io, quick, slow, log};
    node two{io, quick, slow, log};
};

using feed_script = std::function<awaitable<void>(two_nodes&, port::change_subscription&)>;

awaitable<void> play(feed_script s, two_nodes* w) {
    {
        const auto mine = w->two.feed->subscribe();
        const auto first = co_await mine->next();
        EXPECT_TRUE(first.read_all);
        co_await s(*w, *mine);
    }
    co_await w->one.feed->stop();
    co_await w->two.feed->stop();
}

void run(boost::asio::io_context& io, awaitable<void> task) {
    std::exception_ptr error;
    boost::asio::co_spawn(io, std::move(task), [&error](std::exception_ptr e) { error = e; });
    io.run();
    if (error) std::rethrow_exception(error);
}
void run(feed_script s) {
    two_nodes w;
    run(w.io, play(std::move(s), &w));
}

// It asks seldom: states in between may be lost, the last one of each call never.
awaitable<void> merges(two_nodes& w, port::change_subscription& mine) {
    for (std::uint64_t v = 1; v <= 500; ++v)
        for (const char* call : {"a", "b", "c"})
            w.one.feed->tell(at(call, v));
    const bool came = co_await until([&] { return w.two.heard("redis") >= 3; });
    EXPECT_TRUE(came);
    const auto news = co_await mine.next();
    EXPECT_FALSE(news.read_all);
    EXPECT_EQ(news.changes, (std::vector{at("a", 500), at("b", 500), at("c", 500)}));
    EXPECT_LT(w.quick.sent, 500); // what waits together goes together
}

// It sleeps: no more than so many calls wait for it; then one word stands for all of them.
awaitable<void> oversleeps(two_nodes& w, port::change_subscription& mine) {
    for (int i = 0; i < 1'000; ++i)
        w.one.feed->tell(at("call " + std::to_string(i), 1));
    const bool came = co_await until([&] { return w.two.heard("redis") >= 1'000; });
    EXPECT_TRUE(came);
    EXPECT_GE(w.two.anew("subscriber_slow"), 1);
    auto news = co_await mine.next();
    EXPECT_TRUE(news.read_all);
    EXPECT_LE(news.changes.size(), 3U);
    w.one.feed->tell(at("later", 1));
    news = co_await mine.next();
    EXPECT_FALSE(news.read_all);
    EXPECT_EQ(news.changes, std::vector{at("later", 1)});
}

awaitable<void> falls_back(two_nodes& w, port::change_subscription& mine) {
    w.quick.up = false;
    w.one.feed->tell(at("a", 2));
    auto news = co_await mine.next();
    EXPECT_EQ(news.changes, std::vector{at("a", 2)});
    EXPECT_EQ(w.two.heard("notify"), 1);
    w.slow.up = false; // nobody takes it: the log has it
    w.one.feed->tell(at("a", 3));
    w.log.rows.push_back(at("a", 3));
    news = co_await mine.next();
    EXPECT_EQ(news.changes, std::vector{at("a", 3)});
    EXPECT_EQ(w.two.heard("log"), 1);
    w.quick.up = w.slow.up = true;
    w.one.feed->tell(at("a", 1)); // older: must never be heard
    w.one.feed->tell(at("a", 4));
    news = co_await mine.next();
    EXPECT_EQ(news.changes, std::vector{at("a", 4)});
    EXPECT_EQ(w.two.heard("redis"), 1);
}

awaitable<void> survives_the_log(two_nodes& w, port::change_subscription& mine) {
    w.log.away = true;
    for (int i = 0; i < 5; ++i)
        w.log.rows.push_back(at(std::to_string(i), 1));
    w.one.feed->tell(at("told", 1)); // the carriers go on without it
    auto news = co_await mine.next();
    EXPECT_EQ(news.changes, std::vector{at("told", 1)});
    w.log.away = false;
    news = co_await mine.next(); // more than are worth looking at one by one
    EXPECT_TRUE(news.read_all);
    EXPECT_EQ(w.two.anew("too_many"), 1);
    w.log.server = "another"; // promoted: it may have lost commits
    news = co_await mine.next();
    EXPECT_TRUE(news.read_all);
    EXPECT_EQ(w.two.anew("database_server"), 1);
    w.log.rows.push_back(at("found", 1));
    news = co_await mine.next();
    EXPECT_EQ(news.changes, std::vector{at("found", 1)});
}

awaitable<void> asks_nobody(two_nodes* w) {
    for (int i = 0; i < 100; ++i)
        w->one.feed->tell(at(std::to_string(i), 1));
    const bool sent = co_await until([&] { return w->quick.sent > 0; });
    EXPECT_TRUE(sent);
    EXPECT_EQ(w->log.looks, 0);
    EXPECT_EQ(w->two.heard("redis"), 0);
    EXPECT_TRUE(w->quick.ears.empty());
    co_await w->one.feed->stop();
    co_await w->two.feed->stop();
}

/// What the engine tells, checked against the store at that very moment.
class told_changes final : public port::change_feed {
  public:
    explicit told_changes(memory_store& s) : store_(s) {}
    void tell(const port::change& what) noexcept override {
        const auto found = store_.calls.find(what.call);
        if (found == store_.calls.end() || found->second.version < what.version) ++too_early;
        all.push_back(what);
    }
    std::unique_ptr<port::change_subscription> subscribe() override { return nullptr; }
    std::vector<port::change> all;
    int too_early = 0;

  private:
    memory_store& store_;
};

struct calls_world : engine_world {
    told_changes told{store};

    calls_world() {
        settings.commit_budget = 60ms;
        for (int i = 0; i < 2; ++i) {
            auto p = ports();
            p.changes = &told;
            start(std::move(p));
        }
    }
    awaitable<void> hear(std::size_t node, std::string type, std::string extra) {
        engine::genuine_webhook hook;
        hook.received_at = clock.now();
        hook.body = webhook_body(type, std::to_string(++events_), "v3:caller", extra);
        co_await nodes.at(node)->accept(std::move(hook));
    }
    awaitable<bool> begins() {
        co_await hear(0, "call.initiated", k_caller_waits);
        co_return co_await until([&] { return telnyx.count(call::verb::dial) == 2 && stored() >= 2; });
    }
    std::uint64_t stored() const { return store.calls.empty() ? 0 : store.calls.begin()->second.version; }
    bool over() const { return stored() > 0 && call::over(store.calls.begin()->second.state); }

  private:
    int events_ = 0;
};

// Two nodes decide about one call, with conflicts, while commits are slow.
awaitable<void> tells_each_version_once(calls_world* w) {
    w->store.slow = 10ms;
    const bool rings = co_await w->begins();
    EXPECT_TRUE(rings);
    co_await w->hear(1, "call.hangup", R"(,"hangup_cause":"originator_cancel","hangup_source":"caller")");
    const bool over = co_await until([&] { return w->over() && w->inbox.left() == 0; });
    EXPECT_TRUE(over);
    co_await w->stop();
    EXPECT_EQ(w->told.too_early, 0);
    std::vector<std::uint64_t> versions;
    for (const auto& c : w->told.all)
        versions.push_back(c.version);
    std::sort(versions.begin(), versions.end());
    std::vector<std::uint64_t> want(w->stored());
    for (std::size_t i = 0; i < want.size(); ++i)
        want[i] = i + 1;
    EXPECT_EQ(versions, want);
}

// What is decided in memory is told when it is stored, not before.
awaitable<void> tells_nothing_while_it_cannot_store(calls_world* w) {
    const bool rings = co_await w->begins();
    EXPECT_TRUE(rings);
    const bool quiet = co_await until([&] { return w->told.all.size() == w->stored(); });
    EXPECT_TRUE(quiet);
    const auto before = w->told.all.size();
    w->store.away = true;
    co_await w->hear(0, "call.hangup", R"(,"hangup_cause":"originator_cancel","hangup_source":"caller")");
    const bool let_go = co_await until([&] { return w->telnyx.count(call::verb::hangup) == 2; });
    EXPECT_TRUE(let_go); // it goes on without the database
    EXPECT_EQ(w->told.all.size(), before);
    w->store.away = false;
    const bool over = co_await until([&] { return w->over() && w->told.all.size() > before; });
    EXPECT_TRUE(over);
    co_await w->stop();
    EXPECT_EQ(w->told.too_early, 0);
    EXPECT_EQ(w->told.all.back().version, w->stored());
}

} // namespace

TEST(change_feed, state_03_changes_of_a_call_merge_and_the_last_one_is_never_lost) {
    run(merges);
}
TEST(change_feed, i_16_who_sleeps_has_few_calls_waiting_and_then_reads_all) {
    run(oversleeps);
}
TEST(change_feed, be_07_one_carrier_stands_in_for_the_other_and_the_log_for_both) {
    run(falls_back);
}
TEST(change_feed, state_03_the_log_away_then_too_long_then_another_servers) {
    run(survives_the_log);
}
TEST(change_feed, without_a_subscriber_nobody_listens_and_the_database_is_not_asked) {
    two_nodes w;
    run(w.io, asks_nobody(&w));
}
TEST(change_feed, state_03_the_engine_tells_each_stored_version_once_and_after_its_commit) {
    calls_world w;
    run(w.io, tells_each_version_once(&w));
}
TEST(change_feed, state_03_what_is_decided_in_memory_is_told_when_it_is_stored) {
    calls_world w;
    run(w.io, tells_nothing_while_it_cannot_store(&w));
}
