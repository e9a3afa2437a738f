// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The change feed of two nodes over a real Postgres and a real Redis.
#include "../postgres/calls.hpp"
#include "../redis/redis_process.hpp"
#include "adapter/postgres/broadcast.hpp"
#include "adapter/redis/broadcast.hpp"
#include "engine/change_queue.hpp"
#include "support/recording_metrics.hpp"

#include <z360/engine/change_feed.hpp>

using namespace z360;
using namespace z360::testing;
using namespace std::chrono_literals;

namespace {

port::change at(const char* call, std::uint64_t version) {
    return {id_of(call), {1}, version};
}

struct node {
    node(asio::any_io_executor ex, pg::database& db, const secret& url, std::uint16_t port) {
        adapter::redis::channel_settings c;
        c.connect.where.host = "127.0.0.1";
        c.connect.where.port = port;
        c.name = "test:changes";
        session = std::make_unique<adapter::redis::session>(ex, c.connect, metrics);
        channel = adapter::redis::make_channel(ex, *session, c, metrics);
        notes = pg::make_notifications(ex, db, {url, "z360_changes", 5'000ms}, metrics);
        log = pg::make_change_log(db);
        feed = engine::make_change_feed(ex, {channel.get(), *notes, *log, metrics}, {.log_period = 50ms});
        session->start();
        channel->start();
        notes->start();
        feed->start();
    }
    awaitable<void> stop() {
        co_await feed->stop();
        co_await notes->stop();
        co_await channel->stop();
        co_await session->stop();
    }

    test::recording_metrics metrics;
    std::unique_ptr<adapter::redis::session> session;
    std::unique_ptr<adapter::redis::channel> channel;
    std::unique_ptr<pg::notifications> notes;
    std::unique_ptr<port::change_log> log;
    std::unique_ptr<engine::change_feed> feed;
};

awaitable<bool> until(std::function<bool()> condition) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) co_return false;
        co_await rt::sleep_for(5ms);
    }
    co_return true;
}

// nullopt: nothing within ten seconds
awaitable<std::optional<port::change_news>> heard(port::change_subscription* s) {
    return rt::with_timeout(s->next(), 10s);
}

class change_feed : public postgres_test {
  protected:
    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        if (!adapter::redis::test::redis_process::installed()) GTEST_SKIP() << "no redis-server";
        people_ = add_people("acme", "+15550100001", 2);
        calls_ = pg::make_call_store(*db_);
    }
    void TearDown() override {
        calls_.reset();
        postgres_test::TearDown();
    }
    awaitable<void> store(const char* name) {
        auto first = first_commit(ringing(people_, name));
        const auto done = co_await calls_->commit(std::move(first), millis{60'000});
        EXPECT_EQ(done, port::commit_result::committed);
    }
    // Told by Redis; after its end by NOTIFY; then what nobody told, found in the log.
    awaitable<void> three_ways(adapter::redis::test::redis_process* redis) {
        auto ex = co_await asio::this_coro::executor;
        node teller(ex, *db_, secret(scratch_->url()), redis->port);
        node reader(ex, *db_, secret(scratch_->url()), redis->port);
        {
            const auto s = reader.feed->subscribe();
            const auto first = co_await heard(s.get());
            EXPECT_TRUE(first && first->read_all);
            const bool up = co_await until([&] {
                return reader.channel->listening() && reader.notes->listening() && teller.session->healthy();
            });
            EXPECT_TRUE(up);
            teller.feed->tell(at("a", 2));
            const auto by_redis = co_await heard(s.get());
            EXPECT_TRUE(by_redis && by_redis->changes == std::vector{at("a", 2)});
            EXPECT_EQ(reader.metrics.counted("changes_heard_total", {{"by", "redis"}}), 1);
            redis->kill();
            teller.feed->tell(at("a", 1)); // older: must never be heard
            teller.feed->tell(at("b", 3));
            const auto by_notify = co_await heard(s.get());
            EXPECT_TRUE(by_notify && by_notify->changes == std::vector{at("b", 3)});
            EXPECT_EQ(reader.metrics.counted("changes_heard_total", {{"by", "notify"}}), 1);
            co_await store("untold");
            const auto found = co_await heard(s.get());
            EXPECT_TRUE(found && found->changes.size() == 1 && found->changes[0].call == id_of("untold"));
            EXPECT_EQ(reader.metrics.counted("changes_heard_total", {{"by", "log"}}), 1);
        }
        co_await teller.stop();
        co_await reader.stop();
    }
    // An older write transaction holds the log up for ten seconds, but nothing that is told; afterwards
    // nothing is missing.
    awaitable<void> beside_an_open_transaction(adapter::redis::test::redis_process* redis) {
        auto ex = co_await asio::this_coro::executor;
        node one(ex, *db_, secret(scratch_->url()), redis->port);
        {
            const auto s = one.feed->subscribe();
            const auto first = co_await heard(s.get());
            EXPECT_TRUE(first && first->read_all);
            pqxx::connection other(scratch_->url());
            pqxx::work open(other);
            open.exec("select pg_current_xact_id()");
            co_await store("untold");
            const auto end = std::chrono::steady_clock::now() + 10s;
            for (std::uint64_t v = 1; std::chrono::steady_clock::now() < end; ++v) {
                one.feed->tell(at("told", v));
                const auto told = co_await rt::with_timeout(s->next(), 1s);
                EXPECT_TRUE(told && told->changes == std::vector{at("told", v)}) << v;
                const auto early = co_await rt::with_timeout(s->next(), 200ms);
                EXPECT_FALSE(early) << "the log went past a transaction that is still open";
                if (!told || early) break;
            }
            open.commit();
            const auto found = co_await heard(s.get());
            EXPECT_TRUE(found && found->changes.size() == 1 && found->changes[0].call == id_of("untold"));
        }
        co_await one.stop();
    }
    // Both carriers go and come back: Redis restarted, then Postgres' listening connection cut under it.
    awaitable<void> away_and_back(adapter::redis::test::redis_process* redis) {
        auto ex = co_await asio::this_coro::executor;
        node teller(ex, *db_, secret(scratch_->url()), redis->port);
        node reader(ex, *db_, secret(scratch_->url()), redis->port);
        const auto by = [&reader](std::string_view carrier) {
            return reader.metrics.counted("changes_heard_total", {{"by", carrier}});
        };
        {
            const auto s = reader.feed->subscribe();
            const auto first = co_await heard(s.get());
            EXPECT_TRUE(first && first->read_all);
            const auto up = [&] {
                return reader.channel->listening() && reader.notes->listening() && teller.session->healthy();
            };
            const bool ready = co_await until(up);
            EXPECT_TRUE(ready);
            redis->kill();
            teller.feed->tell(at("a", 1));
            const auto without = co_await heard(s.get());
            EXPECT_TRUE(without && without->changes == std::vector{at("a", 1)});
            EXPECT_EQ(by("notify"), 1);
            // Cut while it alone carries: what is told just then is lost to it, and in the log.
            sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
                "and "
                "query ilike 'listen%'");
            const bool cut = co_await until([&] { return !reader.notes->listening(); });
            EXPECT_TRUE(cut);
            co_await store("b");
            const auto found = co_await heard(s.get());
            EXPECT_TRUE(found && found->changes.size() == 1 && found->changes[0].call == id_of("b"));
            const bool listens = co_await until([&] { return reader.notes->listening(); });
            EXPECT_TRUE(listens);
            teller.feed->tell(at("a", 2));
            const auto again = co_await heard(s.get());
            EXPECT_TRUE(again && again->changes == std::vector{at("a", 2)});
            EXPECT_EQ(by("notify"), 2);
            EXPECT_EQ(by("redis"), 0);
            redis->start();
            const bool back = co_await until(up);
            EXPECT_TRUE(back);
            teller.feed->tell(at("a", 3));
            const auto quick = co_await heard(s.get());
            EXPECT_TRUE(quick && quick->changes == std::vector{at("a", 3)});
            EXPECT_EQ(by("redis"), 1);
        }
        co_await teller.stop();
        co_await reader.stop();
    }

    // Whoever reaches Redis may say anything there; it silences no call and takes no time.
    awaitable<void> beside_lies(adapter::redis::test::redis_process* redis) {
        auto ex = co_await asio::this_coro::executor;
        node one(ex, *db_, secret(scratch_->url()), redis->port);
        {
            const auto s = one.feed->subscribe();
            const auto first = co_await heard(s.get());
            EXPECT_TRUE(first && first->read_all);
            const bool up =
                co_await until([&] { return one.channel->listening() && one.session->healthy(); });
            EXPECT_TRUE(up);
            std::vector<std::string> lies = engine::encode_changes({at("untold", UINT64_MAX)}, 7'900);
            std::string flood;
            while (flood.size() <= port::broadcast::k_longest)
                flood += engine::encode_changes({at("flood", 1)}, 7'900).front();
            lies.insert(lies.begin(), {"", "\n\n", std::string("\0x", 2), "a b c", flood});
            const bool sent = co_await one.channel->send(std::move(lies));
            EXPECT_TRUE(sent);
            const auto lie = co_await heard(s.get());
            EXPECT_TRUE(lie && lie->changes == std::vector{at("untold", UINT64_MAX)}) << "and not the flood";
            co_await store("untold");
            const auto truth = co_await heard(s.get());
            EXPECT_TRUE(truth && truth->changes.size() == 1 && truth->changes[0].call == id_of("untold"));
            EXPECT_TRUE(truth && truth->changes.size() == 1 && truth->changes[0].version < 10);
        }
        co_await one.stop();
    }

    people people_;
    std::unique_ptr<port::call_store> calls_;
};

} // namespace

TEST_F(change_feed, told_by_redis_else_by_notify_else_found_in_the_log) {
    adapter::redis::test::redis_process redis;
    run(three_ways(&redis));
}

TEST_F(change_feed, an_open_transaction_delays_nothing_that_was_told_and_loses_nothing) {
    adapter::redis::test::redis_process redis;
    run(beside_an_open_transaction(&redis));
}

TEST_F(change_feed, redis_and_the_listening_connection_go_and_come_back) {
    adapter::redis::test::redis_process redis;
    run(away_and_back(&redis));
}

TEST_F(change_feed, sec_04_a_lie_on_a_carrier_silences_no_call) {
    adapter::redis::test::redis_process redis;
    run(beside_lies(&redis));
}

TEST(change_queue, a_sleeper_finds_the_newest_version_of_each_call_and_no_more_calls_than_fit) {
    engine::change_queue q(2);
    EXPECT_TRUE(q.put(at("a", 1)));
    EXPECT_TRUE(q.put(at("b", 7)));
    EXPECT_TRUE(q.put(at("a", 3)));
    EXPECT_TRUE(q.put(at("a", 2)));
    EXPECT_FALSE(q.put(at("c", 1)));
    EXPECT_EQ(q.take(), (std::vector{at("a", 3), at("b", 7)}));
    EXPECT_TRUE(q.empty());
}

TEST(change_queue, versions_never_go_back_and_memory_is_bounded) {
    engine::newest_heard h(4);
    EXPECT_TRUE(h.advance(at("a", 2)));
    EXPECT_FALSE(h.advance(at("a", 2)));
    EXPECT_FALSE(h.advance(at("a", 1)));
    for (int i = 0; i < 100; ++i)
        (void)h.advance(at(std::to_string(i).c_str(), 1));
    EXPECT_LE(h.size(), 4U);
    EXPECT_TRUE(h.correct(at("99", 7)));
    EXPECT_FALSE(h.correct(at("99", 7)));
    EXPECT_TRUE(h.correct(at("99", 5))) << "the database's word counts";
    EXPECT_TRUE(h.advance(at("99", 6)));
    for (int i = 0; i < 100; ++i)
        (void)h.correct(at(std::to_string(i).c_str(), 2));
    EXPECT_LE(h.size(), 4U);
}

TEST(change_queue, texts_keep_to_their_length_and_unknown_lines_are_passed_over) {
    const std::vector all{at("a", 1), at("b", 2), at("c", 3)};
    const auto texts = engine::encode_changes(all, 90);
    EXPECT_EQ(texts.size(), 2U);
    EXPECT_EQ(engine::decode_changes("new words\n" + texts[0] + texts[1]), all);
}
