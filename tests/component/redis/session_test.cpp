// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/redis/redis.hpp"
#include "bed.hpp"

#include <stdexcept>

using namespace z360;
using namespace z360::adapter::redis;
using namespace z360::adapter::redis::test;
using reason = unavailable::reason;

namespace {

awaitable<void> ask(session* s, reply* out, unsigned* finished) {
    *out = co_await s->command(words({"GET", "x"}));
    ++*finished;
}

awaitable<void> survives_odd_faults(bed& b) {
    int faults = 2;
    b.metrics.fault = [&faults](std::string_view name, double value) {
        if (name == "redis_up" && value == 1 && faults-- > 0)
            throw std::runtime_error("nobody expected this");
    };
    b.start();
    EXPECT_EQ(b.client->loops().size(), 1U);
    co_await b.ready();
    EXPECT_EQ(b.server.connections, 3U) << "a connection that nobody watches is given up";
    EXPECT_EQ(b.metrics.of("loop_failures_total,loop=redis"), 2);
    const bool alone = co_await until([&b] { return b.client->loops().at(0).failures == 2; });
    EXPECT_TRUE(alone);
    EXPECT_FALSE(b.client->loops().at(0).late);
}

awaitable<void> every_reply_type(bed& b) {
    b.server.answer = [](const std::vector<std::string>& w) -> std::string {
        const std::map<std::string, std::string> all{
            {"string", std::string("$5\r\na\r\n\0b\r\n", 11)},
            {"empty", "$0\r\n\r\n"},
            {"status", "+OK\r\n"},
            {"error", "-WRONGTYPE no\r\n"},
            {"integer", ":-7\r\n"},
            {"nil", "$-1\r\n"},
            {"array", "*3\r\n:1\r\n$1\r\nx\r\n*1\r\n$-1\r\n"}
        };
        return all.at(w[1]);
    };
    b.start();
    co_await b.ready();
    const auto text = co_await b.client->command(words({"GET", "string"}));
    EXPECT_EQ(text.as<string_reply>()->value, std::string("a\r\n\0b", 5));
    const auto empty = co_await b.client->command(words({"GET", "empty"}));
    EXPECT_EQ(empty.as<string_reply>()->value, "");
    const auto status = co_await b.client->command(words({"GET", "status"}));
    EXPECT_EQ(status.as<status_reply>()->value, "OK");
    const auto error = co_await b.client->command(words({"GET", "error"}));
    EXPECT_EQ(error.as<error_reply>()->text, "WRONGTYPE no");
    const auto integer = co_await b.client->command(words({"GET", "integer"}));
    EXPECT_EQ(integer.as<integer_reply>()->value, -7);
    const auto nil = co_await b.client->command(words({"GET", "nil"}));
    EXPECT_NE(nil.as<nil_reply>(), nullptr);
    const auto array = co_await b.client->command(words({"GET", "array"}));
    const auto& values = array.as<array_reply>()->values;
    EXPECT_EQ(values.size(), 3U);
    EXPECT_EQ(values[0].as<integer_reply>()->value, 1);
    EXPECT_EQ(values[1].as<string_reply>()->value, "x");
    EXPECT_NE(values[2].as<array_reply>()->values[0].as<nil_reply>(), nullptr);
    EXPECT_EQ(b.metrics.of("redis_commands_total,result=ok"), 6);
    EXPECT_EQ(b.metrics.of("redis_commands_total,result=error"), 1);
    EXPECT_EQ(b.metrics.of("redis_command_seconds"), 7);
    EXPECT_EQ(b.metrics.of("redis_up"), 1);
}

awaitable<void> greets_with_login(bed& b) {
    b.settings.where.user = "u";
    b.settings.where.password = secret("p w");
    b.settings.where.database = 3;
    b.server.answer = [](const std::vector<std::string>&) { return "+OK\r\n"; };
    b.start();
    co_await b.ready();
    const std::vector<std::vector<std::string>> expected{{"AUTH", "u", "p w"}, {"SELECT", "3"}, {"PING"}};
    EXPECT_EQ(b.server.seen, expected);
}

awaitable<void> refused_login(bed& b) {
    b.settings.where.password = secret("wrong");
    b.server.answer = [](const std::vector<std::string>&) { return "-WRONGPASS invalid\r\n"; };
    b.start();
    const bool again = co_await until([&b] { return b.server.connections >= 3; });
    EXPECT_TRUE(again);
    EXPECT_FALSE(b.client->healthy());
    const auto r = co_await b.client->command(words({"GET", "x"}));
    EXPECT_TRUE(is(r, reason::away));
}

awaitable<void> still_loading(bed& b) {
    unsigned pings = 0;
    b.server.greet = false;
    b.server.answer = [&pings](const std::vector<std::string>&) -> std::string {
        return ++pings < 3 ? "-LOADING dataset in memory\r\n" : "+PONG\r\n";
    };
    b.start();
    co_await b.ready();
    EXPECT_EQ(pings, 3U);
}

awaitable<void> stall_costs_one_budget(bed& b) {
    b.start();
    co_await b.ready();
    const auto began = steady::now();
    const auto first = co_await b.client->command(words({"GET", "x"})); // nothing is ever sent back
    const auto took = steady::now() - began;
    EXPECT_TRUE(is(first, reason::timed_out));
    EXPECT_GE(took, 50ms);
    EXPECT_LT(took, 500ms); // wide: a busy machine
    EXPECT_FALSE(b.client->healthy());
    EXPECT_EQ(b.metrics.of("redis_up"), 0);
    const auto then = steady::now();
    for (int i = 0; i < 100; ++i) {
        const auto r = co_await b.client->command(words({"GET", "x"}));
        EXPECT_TRUE(is(r, reason::skipped));
    }
    EXPECT_LT(steady::now() - then, 1s); // a budget each would be 5 s
    EXPECT_EQ(b.server.seen.size(), 2U); // PING and the first
    EXPECT_EQ(b.metrics.of("redis_commands_total,result=timed_out"), 1);
    EXPECT_EQ(b.metrics.of("redis_commands_total,result=skipped"), 100);
}

awaitable<void> one_probe_then_back(bed& b) {
    b.start();
    co_await b.ready();
    (void)co_await b.client->command(words({"GET", "x"}));
    auto ex = co_await asio::this_coro::executor;
    co_await rt::sleep_for(110ms); // tidy: allow, the pause under test is 100 ms
    rt::task_group group(ex);
    std::vector<reply> answers(20);
    unsigned finished = 0;
    for (auto& a : answers)
        group.spawn(ask(b.client.get(), &a, &finished));
    const bool done = co_await group.drain(1s);
    EXPECT_TRUE(done);
    EXPECT_EQ(b.server.seen.size(), 3U) << "one probe, not twenty";
    co_await group.join();

    // the late replies of the two unanswered ones, then a server that answers
    b.server.answer = [](const std::vector<std::string>&) { return "$5\r\nfresh\r\n"; };
    co_await b.server.say("$4\r\nlate\r\n$4\r\nlate\r\n");
    co_await rt::sleep_for(210ms); // tidy: allow, the pause under test is 200 ms
    const auto r = co_await b.client->command(words({"GET", "x"}));
    EXPECT_NE(r.as<string_reply>(), nullptr);
    if (const auto* s = r.as<string_reply>())
        EXPECT_EQ(s->value, "fresh") << "a late reply was taken for this command's";
    EXPECT_TRUE(b.client->healthy());
    EXPECT_EQ(b.server.connections, 1U);
}

awaitable<void> repeated_stalls_reconnect(bed& b) {
    b.start();
    co_await b.ready();
    std::function<bool()> reconnected = [&b] { return b.server.connections == 2 && b.client->healthy(); };
    const auto end = steady::now() + 5s;
    while (!reconnected() && steady::now() < end) {
        (void)co_await b.client->command(words({"GET", "x"}));
        co_await rt::sleep_for(10ms);
    }
    EXPECT_TRUE(reconnected());
    EXPECT_EQ(b.metrics.of("redis_commands_total,result=timed_out"), 3);
}

awaitable<void> disconnect_completes_all(bed& b) {
    b.settings.budget = 5s;
    b.start();
    co_await b.ready();
    auto ex = co_await asio::this_coro::executor;
    rt::task_group group(ex);
    std::vector<reply> answers(50);
    unsigned finished = 0;
    for (auto& a : answers)
        group.spawn(ask(b.client.get(), &a, &finished));
    const bool arrived = co_await until([&b] { return b.server.seen.size() == 51; });
    EXPECT_TRUE(arrived);
    co_await b.server.say("$100\r\nhalf a reply"); // then nothing more
    b.server.drop_all();
    const bool done = co_await group.drain(2s);
    EXPECT_TRUE(done);
    EXPECT_EQ(finished, 50U);
    for (const auto& a : answers)
        EXPECT_TRUE(is(a, reason::disconnected));
    co_await group.join();
    b.server.answer = [](const std::vector<std::string>&) { return ":1\r\n"; };
    co_await b.ready(); // reconnected
    const auto r = co_await b.client->command(words({"GET", "x"}));
    EXPECT_NE(r.as<integer_reply>(), nullptr);
    EXPECT_EQ(b.server.connections, 2U);
}

awaitable<void> garbage(bed& b) {
    b.server.answer = [](const std::vector<std::string>&) { return "HTTP/1.1 400 Bad Request\r\n\r\n"; };
    b.start();
    co_await b.ready();
    const auto r = co_await b.client->command(words({"GET", "x"}));
    EXPECT_TRUE(is(r, reason::disconnected));
    const bool again = co_await until([&b] { return b.server.connections == 2; });
    EXPECT_TRUE(again);
}

awaitable<void> no_server(bed& b) {
    co_await b.server.stop();
    b.start();
    const auto began = steady::now();
    const auto r = co_await b.client->command(words({"GET", "x"}));
    EXPECT_TRUE(is(r, reason::away));
    EXPECT_LT(steady::now() - began, 40ms) << "waited for a budget";
    EXPECT_FALSE(b.client->healthy());
}

awaitable<void> stopping_completes_commands(bed& b) {
    b.settings.budget = 5s;
    b.start();
    co_await b.ready();
    auto ex = co_await asio::this_coro::executor;
    rt::task_group group(ex);
    reply answer{nil_reply{}};
    unsigned finished = 0;
    group.spawn(ask(b.client.get(), &answer, &finished));
    const bool arrived = co_await until([&b] { return b.server.seen.size() == 2; });
    EXPECT_TRUE(arrived);
    co_await b.client->stop();
    EXPECT_TRUE(is(answer, reason::disconnected));
    co_await group.join();
}

awaitable<void> cancelled_command(bed& b) {
    b.settings.budget = 5s;
    b.start();
    co_await b.ready();
    auto ex = co_await asio::this_coro::executor;
    reply answer{nil_reply{}};
    unsigned finished = 0;
    {
        rt::task_group group(ex);
        group.spawn(ask(b.client.get(), &answer, &finished));
        const bool arrived = co_await until([&b] { return b.server.seen.size() == 2; });
        EXPECT_TRUE(arrived);
        co_await group.join();
    }
    EXPECT_EQ(finished, 0U);
    co_await b.server.say("+late\r\n");
    b.server.answer = [](const std::vector<std::string>&) { return "+next\r\n"; };
    const auto r = co_await b.client->command(words({"GET", "x"}));
    EXPECT_EQ(r.as<status_reply>()->value, "next");
}

awaitable<void> host_name(bed& b) {
    b.settings.where.host = "localhost"; // may be ::1 first, where nobody listens
    b.start();
    co_await b.ready();
}

awaitable<void> hint_unknown(bed& b) {
    b.start();
    const auto hints = make_ring_hint(*b.client, "t:");
    const auto away = co_await hints->answered(call_id{}, leg_id{});
    EXPECT_EQ(away, port::hint::unknown);
    co_await b.ready();
    const auto stalled = co_await hints->answered(call_id{}, leg_id{});
    EXPECT_EQ(stalled, port::hint::unknown);
    const auto none = make_null_ring_hint();
    const auto null = co_await none->answered(call_id{}, leg_id{});
    EXPECT_EQ(null, port::hint::unknown);
}

awaitable<unsigned> take_all(port::dial_budget* budget, unsigned tries) {
    unsigned granted = 0;
    for (unsigned i = 0; i < tries; ++i) {
        const auto wait = co_await budget->take_ms();
        EXPECT_GE(wait, 0);
        EXPECT_LE(wait, 5'002);
        if (wait == 0) ++granted;
    }
    co_return granted;
}

awaitable<void> local_share(bed& b) {
    co_await b.server.stop();
    b.start();
    const auto shared = make_dial_budget(*b.client, "t:");
    const auto alone = make_local_dial_budget();
    const unsigned of_share = co_await take_all(shared.get(), 400);
    const unsigned of_all = co_await take_all(alone.get(), 400);
    EXPECT_EQ(of_share, 75U);
    EXPECT_EQ(of_all, 150U);
}

} // namespace

TEST(redis_session, i_03_whatever_goes_wrong_in_its_loop_it_connects_again) {
    play(survives_odd_faults);
}
TEST(redis_session, every_reply_type_is_copied) {
    play(every_reply_type);
}
TEST(redis_session, login_and_database_come_before_ready) {
    play(greets_with_login);
}
TEST(redis_session, a_refused_login_is_not_ready_and_tried_again) {
    play(refused_login);
}
TEST(redis_session, be_44_a_redis_that_still_loads_is_not_ready) {
    play(still_loading);
}
TEST(redis_session, be_44_a_stall_costs_one_budget_then_nothing) {
    play(stall_costs_one_budget);
}
TEST(redis_session, be_44_one_probe_at_a_time_and_late_replies_are_dropped) {
    play(one_probe_then_back);
}
TEST(redis_session, be_44_three_stalls_make_a_new_connection) {
    play(repeated_stalls_reconnect);
}
TEST(redis_session, be_44_a_disconnect_mid_reply_completes_every_command_once) {
    play(disconnect_completes_all);
}
TEST(redis_session, garbage_ends_the_connection_not_the_process) {
    play(garbage);
}
TEST(redis_session, be_44_without_a_server_commands_return_at_once) {
    play(no_server);
}
TEST(redis_session, stop_completes_what_is_under_way) {
    play(stopping_completes_commands);
}
TEST(redis_session, a_cancelled_command_leaves_no_trace) {
    play(cancelled_command);
}
TEST(redis_session, names_are_resolved_and_every_address_is_tried) {
    play(host_name);
}
TEST(redis_hint, be_11_is_unknown_when_redis_is_away_stalled_or_not_configured) {
    play(hint_unknown);
}
TEST(dial_budget, i_15_without_redis_a_share_and_alone_the_whole_limit) {
    play(local_share);
}
