// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Against a real Redis: the one of Z360_TEST_REDIS_URL where sharing does no harm, else one of our own.
#include "../../component/redis/support.hpp"
#include "adapter/redis/redis.hpp"
#include "redis_process.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <random>

using namespace z360;
using namespace z360::adapter::redis;
using namespace z360::adapter::redis::test;

namespace {

struct bed {
    explicit bed(asio::any_io_executor e) : ex(e) {}

    session& add(std::optional<url> where = std::nullopt) {
        session_settings s;
        if (where) {
            s.where = *where;
        } else {
            s.where.host = "127.0.0.1";
            s.where.port = server->port;
        }
        auto& made = sessions.emplace_back(std::make_unique<session>(ex, std::move(s), metrics));
        made->start();
        return *made;
    }
    // The shared Redis, if there is one.
    session& add_shared() {
        if (const char* text = std::getenv("Z360_TEST_REDIS_URL"); text != nullptr)
            return add(std::get<url>(parse_url(text)));
        own();
        return add();
    }
    redis_process& own() {
        if (!server) server.emplace();
        return *server;
    }
    awaitable<void> stop() {
        for (auto& s : sessions)
            co_await s->stop();
    }

    asio::any_io_executor ex;
    counting_metrics metrics;
    std::optional<redis_process> server;
    std::vector<std::unique_ptr<session>> sessions;
    // of its own for each run, so that tests on one Redis do not meet
    std::string prefix = "test:" + std::to_string(std::random_device{}()) + std::to_string(::getpid()) + ":";
};

awaitable<void> ready(session* s, steady::duration limit = 5s) {
    const bool up = co_await until([s] { return s->healthy(); }, limit);
    EXPECT_TRUE(up) << "not ready in time";
}

using body = awaitable<void> (*)(bed&);

awaitable<void> with_bed(body b) {
    auto ex = co_await asio::this_coro::executor;
    bed it(ex);
    co_await b(it);
    co_await it.stop();
}

class redis_server : public testing::Test {
  protected:
    void SetUp() override {
        if (!redis_process::installed()) GTEST_SKIP() << "/usr/bin/redis-server is not installed";
    }
    static void play(body b) {
        asio::io_context io{1};
        run(with_bed(b), io);
    }
};

call_id a_call() {
    return call_id{derive_uuid("a call")};
}
leg_id leg(std::uint64_t n) {
    return leg_id{derive_uuid(a_call().value, n)};
}

awaitable<void> hint_semantics(bed& b) {
    auto& s = b.add_shared();
    auto& other_node = b.add_shared();
    co_await ready(&s);
    co_await ready(&other_node);
    const auto hints = make_ring_hint(s, b.prefix);
    const auto elsewhere = make_ring_hint(other_node, b.prefix);
    const auto other_environment = make_ring_hint(s, b.prefix + "other:");
    const auto first = co_await hints->answered(a_call(), leg(1));
    const auto again = co_await elsewhere->answered(a_call(), leg(1));
    const auto second = co_await elsewhere->answered(a_call(), leg(2));
    const auto apart = co_await other_environment->answered(a_call(), leg(2));
    EXPECT_EQ(first, port::hint::first);
    EXPECT_EQ(again, port::hint::first) << "a duplicate webhook of the same leg";
    EXPECT_EQ(second, port::hint::not_first);
    EXPECT_EQ(apart, port::hint::first);
    std::vector<std::string> pttl{"PTTL", b.prefix + "ring:{" + a_call().text() + "}:hint"};
    const auto life = co_await s.command(std::move(pttl));
    EXPECT_NE(life.as<integer_reply>(), nullptr);
    if (const auto* ms = life.as<integer_reply>()) {
        EXPECT_GT(ms->value, 0);
        EXPECT_LE(ms->value, 5'000);
    }
}

awaitable<void> flushed(bed& b) {
    b.own();
    auto& s = b.add();
    co_await ready(&s);
    const auto hints = make_ring_hint(s, b.prefix);
    const auto budget = make_dial_budget(s, b.prefix, {.limit = 10});
    const auto before = co_await hints->answered(a_call(), leg(1));
    unsigned granted = 0;
    for (int i = 0; i < 30; ++i) {
        if (i == 7) (void)co_await s.command(words({"FLUSHALL"}));
        const auto wait = co_await budget->take_ms();
        if (wait == 0) ++granted;
    }
    EXPECT_EQ(granted, 10U) << "one node keeps the limit although Redis forgot the first dials";
    const auto after = co_await hints->answered(a_call(), leg(2));
    EXPECT_EQ(before, port::hint::first);
    EXPECT_EQ(after, port::hint::first) << "a lost hint: Postgres decides";
}

awaitable<void> stalled(bed& b) {
    auto& server = b.own();
    auto& s = b.add();
    co_await ready(&s);
    const auto hints = make_ring_hint(s, b.prefix);
    server.freeze();
    const auto began = steady::now();
    for (std::uint64_t i = 0; i < 50; ++i) {
        const auto h = co_await hints->answered(a_call(), leg(i));
        EXPECT_EQ(h, port::hint::unknown);
    }
    EXPECT_LT(steady::now() - began, 500ms) << "50 rings must not wait 50 budgets";
    EXPECT_FALSE(s.healthy());
    // long enough for probes to fail and the connection to be given up
    const auto end = steady::now() + 4s;
    while (steady::now() < end) {
        (void)co_await hints->answered(a_call(), leg(99));
        co_await rt::sleep_for(20ms);
    }
    server.thaw();
    co_await ready(&s, 3s);
    const auto h = co_await hints->answered(call_id{derive_uuid("another")}, leg(1));
    EXPECT_EQ(h, port::hint::first);
}

awaitable<void> short_stall(bed& b) {
    auto& server = b.own();
    auto& s = b.add();
    co_await ready(&s);
    server.freeze();
    const auto lost = co_await s.command(words({"INCR", "n"}));
    EXPECT_TRUE(is(lost, unavailable::reason::timed_out));
    server.thaw();
    std::optional<std::int64_t> n;
    const auto end = steady::now() + 3s;
    while (!n && steady::now() < end) {
        const auto r = co_await s.command(words({"INCR", "n"}));
        if (const auto* i = r.as<integer_reply>()) n = i->value;
        co_await rt::sleep_for(5ms);
    }
    EXPECT_EQ(n, 2) << "the first INCR ran late; its reply must not be taken for the second's";
    EXPECT_TRUE(s.healthy());
}

awaitable<void> killed(bed& b) {
    auto& server = b.own();
    auto& s = b.add();
    co_await ready(&s);
    const auto hints = make_ring_hint(s, b.prefix);
    const auto budget = make_dial_budget(s, b.prefix, {.limit = 20});
    unsigned granted = 0;
    for (int i = 0; i < 6; ++i) {
        const auto wait = co_await budget->take_ms();
        if (wait == 0) ++granted;
    }
    server.kill();
    const bool noticed = co_await until([&s] { return !s.healthy(); });
    EXPECT_TRUE(noticed);
    const auto h = co_await hints->answered(a_call(), leg(1));
    EXPECT_EQ(h, port::hint::unknown);
    for (int i = 0; i < 30; ++i) {
        const auto wait = co_await budget->take_ms();
        if (wait == 0) ++granted;
    }
    EXPECT_EQ(granted, 10U) << "half of the limit, the dials from before included";
    server.start();
    co_await ready(&s, 3s);
    const auto back = co_await hints->answered(a_call(), leg(1));
    EXPECT_EQ(back, port::hint::first);
    for (int i = 0; i < 30; ++i) {
        const auto wait = co_await budget->take_ms();
        if (wait == 0) ++granted;
    }
    EXPECT_EQ(granted, 20U) << "the new Redis knows nothing, this node still does";
}

awaitable<void> login(bed& b) {
    b.server.emplace(std::vector<std::string>{"--requirepass", "secret"});
    auto where =
        std::get<url>(parse_url("redis://:secret@127.0.0.1:" + std::to_string(b.server->port) + "/2"));
    auto& s = b.add(where);
    where.password = secret("wrong");
    auto& refused = b.add(where);
    co_await ready(&s);
    (void)co_await s.command(words({"SET", "k", "v"}));
    (void)co_await s.command(words({"SELECT", "0"}));
    const auto elsewhere = co_await s.command(words({"GET", "k"}));
    EXPECT_NE(elsewhere.as<nil_reply>(), nullptr) << "database 2 was chosen";
    EXPECT_FALSE(refused.healthy());
}

struct grant {
    steady::time_point asked;
    steady::time_point told; ///< the dial was counted somewhere between the two
};

awaitable<void>
taker(port::dial_budget* budget, steady::time_point end, unsigned* takes, std::vector<grant>* grants) {
    while (steady::now() < end) {
        const auto asked = steady::now();
        const auto wait = co_await budget->take_ms();
        ++*takes;
        if (wait == 0) grants->push_back({asked, steady::now()});
        // Impatient: asks long before the wait it was told is over.
        if (wait > 0) co_await rt::sleep_for(millis(std::min<std::int64_t>(wait, 15)));
    }
}

awaitable<void> never_above_the_limit(bed& b) {
    auto& one = b.add_shared();
    auto& two = b.add_shared();
    co_await ready(&one);
    co_await ready(&two);
    const auto node_one = make_dial_budget(one, b.prefix);
    const auto node_two = make_dial_budget(two, b.prefix);
    unsigned takes = 0;
    std::vector<grant> grants;
    auto ex = co_await asio::this_coro::executor;
    rt::task_group group(ex);
    const auto end = steady::now() + 10'500ms;
    for (int i = 0; i < 10; ++i) {
        group.spawn(taker(node_one.get(), end, &takes, &grants));
        group.spawn(taker(node_two.get(), end, &takes, &grants));
    }
    const bool done = co_await group.drain(30s);
    EXPECT_TRUE(done);
    co_await group.join();
    EXPECT_GE(takes, 10'000U);
    EXPECT_GE(grants.size(), 300U) << "the budget is there to be used";
    EXPECT_LE(grants.size(), 450U);
    std::sort(grants.begin(), grants.end(), [](const grant& a, const grant& c) { return a.told < c.told; });
    for (std::size_t i = 0; i + 150 < grants.size(); ++i) {
        // 151 dials inside less than 5 s, even seen in the kindest way
        auto earliest = grants[i].asked;
        for (std::size_t j = i; j <= i + 150; ++j)
            earliest = std::min(earliest, grants[j].asked);
        EXPECT_GE(grants[i + 150].told - earliest, 4'995ms) << "from grant " << i;
    }
    EXPECT_EQ(b.metrics.of("redis_commands_total,result=error"), 0) << "a script failed";
}

} // namespace

TEST_F(redis_server, be_07_the_first_leg_is_first_for_every_node_and_for_its_duplicates) {
    play(hint_semantics);
}
TEST_F(redis_server, be_11_flushall_loses_only_the_hint) {
    play(flushed);
}
TEST_F(redis_server, be_44_a_long_stall_costs_little_and_ends_by_itself) {
    play(stalled);
}
TEST_F(redis_server, be_44_after_a_short_stall_replies_still_match_their_commands) {
    play(short_stall);
}
TEST_F(redis_server, be_44_killed_and_restarted_it_is_used_again) {
    play(killed);
}
TEST_F(redis_server, password_and_database_of_the_url_are_used) {
    play(login);
}
TEST_F(redis_server, i_15_two_nodes_never_dial_more_than_150_times_in_5_s) {
    play(never_above_the_limit);
}
