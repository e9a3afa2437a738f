// SPDX-License-Identifier: LicenseRef-z360-proprietary
// How connections end, and what becomes of the requests on them.
#include "bed.hpp"

#include <nghttp2/nghttp2.h>

using namespace z360;
using namespace z360::test;

namespace {

void hold(bed& b) {
    b.server.on_request = [](h2_peer&, const h2_seen&) {};
}
void answer(bed& b) {
    b.server.on_request = nullptr;
}
double goaways(const bed& b, std::string_view reason) {
    return b.metrics.counted("http2_goaways_total", {{"pool", "test"}, {"reason", reason}});
}

awaitable<void> goaway_requeues(bed& b) {
    hold(b);
    const auto all = b.start_many(10, "/p");
    Z360_REQUIRE(co_await eventually([&] { return b.server.seen.size() == 10; }));
    answer(b);
    auto& first = *b.server.peers.at(0);
    first.goaway(9, NGHTTP2_NO_ERROR, "{\"reason\":\"Shutdown\",\"timestamp\":1}\x01\xff"); // streams 1 to 9
    Z360_REQUIRE(co_await eventually([&] { return all[9]->done; }));
    for (int i = 5; i < 10; ++i) { // streams 11 to 19
        Z360_REQUIRE(co_await eventually([&] { return all[static_cast<std::size_t>(i)]->done; }));
        EXPECT_EQ(all[static_cast<std::size_t>(i)]->got.status, 200);
        EXPECT_EQ(all[static_cast<std::size_t>(i)]->got.connection, 2U);
    }
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_FALSE(all[i]->done) << "it may still finish";
        first.respond(static_cast<std::int32_t>(2 * i + 1), 202, "late");
    }
    Z360_REQUIRE(co_await eventually([&] { return all_done(all); }));
    for (std::size_t i = 0; i < 5; ++i)
        EXPECT_EQ(all[i]->got.status, 202);
    Z360_REQUIRE(co_await eventually([&] { return b.server.open_peers() == 1; }));
    Z360_REQUIRE(b.goaways.size() == 1);
    EXPECT_EQ(b.goaways[0].debug, "{\"reason\":\"Shutdown\",\"timestamp\":1}??");
    EXPECT_EQ(b.goaways[0].connection, 1U);
    EXPECT_EQ(goaways(b, "Shutdown"), 1);
    EXPECT_EQ(b.sent_frames(NGHTTP2_RST_STREAM), 0);
    const h2::result next = co_await b.pool->perform(ask("/next"));
    EXPECT_EQ(next.connection, 2U);
}

awaitable<void> graceful_double_goaway(bed& b) {
    hold(b);
    const auto before = b.start(ask("/before"));
    Z360_REQUIRE(co_await eventually([&] { return b.server.seen.size() == 1; }));
    auto& first = *b.server.peers.at(0);
    first.shutdown_notice();
    Z360_REQUIRE(co_await eventually([&] { return b.goaways.size() == 1; }));
    answer(b);
    const h2::result after = co_await b.pool->perform(ask("/after"));
    EXPECT_EQ(after.connection, 2U) << "no new stream after the first GOAWAY";
    first.goaway(1, NGHTTP2_NO_ERROR, "");
    first.respond(1, 200, "ok");
    Z360_REQUIRE(co_await eventually([&] { return before->done; }));
    EXPECT_EQ(before->got.status, 200);
    EXPECT_EQ(before->got.connection, 1U);
    Z360_REQUIRE(co_await eventually([&] { return b.server.open_peers() == 1; }));
    EXPECT_EQ(goaways(b, "none"), 2);
}

awaitable<void> goaway_and_cut(bed& b) {
    hold(b);
    const auto all = b.start_many(4, "/p");
    Z360_REQUIRE(co_await eventually([&] { return b.server.seen.size() == 4; }));
    answer(b);
    b.server.peers.at(0)->goaway(3, NGHTTP2_ENHANCE_YOUR_CALM, "no \"Reason\" of ours");
    Z360_REQUIRE(co_await eventually([&] { return all[2]->done && all[3]->done; }));
    b.server.peers.at(0)->drop();
    Z360_REQUIRE(co_await eventually([&] { return all_done(all); }));
    EXPECT_TRUE(is(all[0]->got, outcome::unknown, cause::lost));
    EXPECT_TRUE(is(all[1]->got, outcome::unknown, cause::lost));
    EXPECT_EQ(all[2]->got.status, 200);
    EXPECT_EQ(goaways(b, "other"), 1);
}

awaitable<void> refused_streams(bed& b) {
    int refusals = 0;
    b.server.on_request = [&](h2_peer& p, const h2_seen& r) {
        if (++refusals <= 3)
            p.reset(r.stream, NGHTTP2_REFUSED_STREAM);
        else
            p.respond(r.stream, 200, "ok");
    };
    const h2::result got = co_await b.pool->perform(ask("/x"));
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(b.server.times.at("/x"), 4U);
    EXPECT_EQ(b.metrics.counted("http2_requeued_total", {{"pool", "test"}, {"cause", "refused"}}), 3);
}

awaitable<void> refused_for_ever(bed& b) {
    b.server.on_request = [&](h2_peer& p, const h2_seen& r) { p.reset(r.stream, NGHTTP2_REFUSED_STREAM); };
    auto r = ask("/x");
    r.timeout = 400ms;
    const h2::result got = co_await b.pool->perform(std::move(r));
    EXPECT_EQ(got.what, outcome::not_processed);
    EXPECT_LE(b.server.seen.size(), 8U) << "it is asked less and less often";
}

awaitable<void> reset_streams(bed& b) {
    b.server.on_request = [&](h2_peer& p, const h2_seen& r) { p.reset(r.stream, NGHTTP2_INTERNAL_ERROR); };
    const h2::result got = co_await b.pool->perform(ask("/x"));
    EXPECT_TRUE(is(got, outcome::unknown, cause::reset));
    b.server.on_request = [&](h2_peer& p, const h2_seen& r) {
        const auto id = static_cast<char>(r.stream);
        p.raw(
            std::string("\0\0\1\1\4\0\0\0", 8) + id + "\x88" + // HEADERS, :status 200
            std::string("\0\0\4\3\0\0\0\0", 8) + id + std::string("\0\0\0\7", 4)
        ); // and then REFUSED_STREAM
    };
    const h2::result begun = co_await b.pool->perform(ask("/y"));
    EXPECT_TRUE(is(begun, outcome::unknown, cause::reset)) << "it had begun to answer";
    b.server.on_request = [&](h2_peer& p, const h2_seen& r) { p.reset(r.stream, NGHTTP2_NO_ERROR); };
    const h2::result nothing = co_await b.pool->perform(ask("/z"));
    EXPECT_TRUE(is(nothing, outcome::unknown, cause::reset));
    EXPECT_EQ(b.server.seen.size(), 3U) << "nobody knows: nothing is sent again from here";
    EXPECT_EQ(b.server.accepted, 1U);
}

awaitable<void> silence(bed& b) {
    const h2::result well = co_await b.pool->perform(ask("/well"));
    EXPECT_EQ(well.status, 200);
    b.server.peers.at(0)->deaf = true;
    const auto began = steady::now();
    const h2::result got = co_await b.pool->perform(ask("/x"));
    EXPECT_TRUE(is(got, outcome::unknown, cause::silent));
    EXPECT_GE(steady::now() - began, 240ms);
    EXPECT_LT(steady::now() - began, 1500ms);
    Z360_REQUIRE(co_await eventually([&] {
        return b.metrics.counted("http2_pings_lost_total", {{"pool", "test"}}) == 1;
    }));
    const h2::result next = co_await b.pool->perform(ask("/next"));
    EXPECT_EQ(next.status, 200);
    EXPECT_EQ(next.connection, 2U);
}

awaitable<void> slow_but_alive(bed& b) {
    std::int32_t stream = 0;
    b.server.on_request = [&](h2_peer&, const h2_seen& r) { stream = r.stream; };
    const auto slow = b.start(ask("/slow"));
    Z360_REQUIRE(co_await eventually([&] { return b.sent_frames(NGHTTP2_PING) >= 2; }));
    EXPECT_LE(b.sent_frames(NGHTTP2_PING), 2);
    b.server.peers.at(0)->respond(stream, 200, "at last");
    Z360_REQUIRE(co_await eventually([&] { return slow->done; }));
    EXPECT_EQ(slow->got.body, "at last");
    EXPECT_EQ(b.server.accepted, 1U);
}

awaitable<void> dropped_in_the_middle(bed& b) {
    hold(b);
    const auto whole = b.start(ask("/whole", ""));
    const auto stalled = b.start(ask("/stalled", std::string(1'000, 's'))); // the window is 0
    Z360_REQUIRE(co_await eventually([&] { return b.pool->now().streams == 2 && b.server.seen.size() == 1; })
    );
    b.server.initial_window = 65'535;
    answer(b);
    b.server.peers.at(0)->drop();
    Z360_REQUIRE(co_await eventually([&] { return whole->done && stalled->done; }));
    EXPECT_TRUE(is(whole->got, outcome::unknown, cause::lost));
    EXPECT_EQ(stalled->got.status, 200) << "the server had never had it: it went again";
    EXPECT_EQ(b.server.times.at("/stalled"), 1U);
}

awaitable<void> idle_ping(bed& b) {
    const h2::result got = co_await b.pool->perform(ask("/x"));
    EXPECT_EQ(got.status, 200);
    Z360_REQUIRE(co_await eventually([&] { return b.sent_frames(NGHTTP2_PING) >= 2; }));
    b.server.peers.at(0)->deaf = true;
    Z360_REQUIRE(co_await eventually([&] { return b.pool->now().connections == 0; }));
    EXPECT_EQ(b.metrics.counted("http2_pings_lost_total", {{"pool", "test"}}), 1);
}

awaitable<void> retired(bed& b) {
    const h2::result first = co_await b.pool->perform(ask("/1"));
    b.pool->retire(77);
    b.pool->retire(first.connection);
    const h2::result second = co_await b.pool->perform(ask("/2"));
    EXPECT_EQ(second.status, 200);
    EXPECT_NE(second.connection, first.connection);
    Z360_REQUIRE(co_await eventually([&] { return b.server.open_peers() == 1; }));
    EXPECT_EQ(b.sent_frames(NGHTTP2_GOAWAY), 1);
}

awaitable<void> drain_has_a_limit(bed& b) {
    hold(b);
    const auto stuck = b.start(ask("/stuck"));
    Z360_REQUIRE(co_await eventually([&] { return b.server.seen.size() == 1; }));
    b.pool->retire(1);
    Z360_REQUIRE(co_await eventually([&] { return stuck->done; }));
    EXPECT_TRUE(is(stuck->got, outcome::unknown, cause::drained));
}

awaitable<void> leave_some_behind(bed& b, pending_ptr* open, pending_ptr* waiting) {
    hold(b);
    *open = b.start(ask("/open"));
    Z360_REQUIRE(co_await eventually([&] { return b.server.seen.size() == 1; }));
    *waiting = b.start(ask("/waiting"));
    Z360_REQUIRE(co_await eventually([&] { return b.pool->now().waiting == 1; }));
}

awaitable<void> answered_while_stopping(bed& b, pending_ptr* open) {
    hold(b);
    *open = b.start(ask("/open"));
    Z360_REQUIRE(co_await eventually([&] { return b.server.seen.size() == 1; }));
    b.server.peers.at(0)->respond(1, 200, "while stopping");
}

} // namespace

TEST(http2_ends, goaway_sends_again_what_the_server_did_not_take_and_lets_the_rest_finish) {
    bed b;
    b.settings.patience = 5s;
    b.run(goaway_requeues(b));
}

TEST(http2_ends, graceful_shutdown_in_two_goaways_loses_nothing) {
    bed b;
    b.settings.patience = 5s;
    b.run(graceful_double_goaway(b));
}

TEST(http2_ends, what_goaway_had_taken_is_unknown_when_the_connection_breaks) {
    bed b;
    b.settings.patience = 5s;
    b.run(goaway_and_cut(b));
}

TEST(http2_ends, refused_streams_go_again) {
    bed b;
    b.run(refused_streams(b));
}

TEST(http2_ends, a_server_that_always_refuses_is_left_more_and_more_time) {
    bed b;
    b.settings.max_connections = 1;
    b.run(refused_for_ever(b));
}

TEST(http2_ends, other_resets_are_unknown) {
    bed b;
    b.run(reset_streams(b));
}

TEST(http2_ends, a_connection_that_answers_no_ping_is_dead) {
    bed b;
    b.run(silence(b));
}

TEST(http2_ends, a_slow_server_that_answers_pings_is_waited_for_and_seldom_asked) {
    bed b;
    b.run(slow_but_alive(b));
}

TEST(http2_ends, a_lost_connection_tells_what_was_sent_whole_from_what_was_not) {
    bed b;
    b.server.initial_window = 0;
    b.settings.patience = 5s;
    b.run(dropped_in_the_middle(b));
}

TEST(http2_ends, an_idle_connection_is_pinged) {
    bed b;
    b.settings.idle_ping = 50ms;
    b.run(idle_ping(b));
}

TEST(http2_ends, a_retired_connection_is_replaced) {
    bed b;
    b.run(retired(b));
}

TEST(http2_ends, draining_has_a_limit) {
    bed b;
    b.settings.patience = 5s;
    b.settings.drain_limit = 100ms;
    b.run(drain_has_a_limit(b));
}

TEST(http2_ends, stop_answers_everybody_within_its_limit) {
    bed b;
    b.server.max_streams = 1;
    b.settings.max_connections = 1;
    b.settings.patience = 5s;
    b.stop_limit = 100ms;
    pending_ptr open;
    pending_ptr waiting;
    const auto began = steady::now();
    b.run(leave_some_behind(b, &open, &waiting));
    EXPECT_LT(steady::now() - began, 3s);
    EXPECT_TRUE(open->done && waiting->done);
    EXPECT_TRUE(is(open->got, outcome::unknown, open->got.why));
    EXPECT_TRUE(is(waiting->got, outcome::not_processed, cause::stopping));
}

TEST(http2_ends, stop_lets_streams_finish) {
    bed b;
    pending_ptr open;
    b.run(answered_while_stopping(b, &open));
    EXPECT_EQ(open->got.body, "while stopping");
}
