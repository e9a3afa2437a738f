// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who gets a stream, and when: limits of the server, the line, classes, acceptance.
#include "bed.hpp"

#include <nghttp2/nghttp2.h>

#include <deque>

using namespace z360;
using namespace z360::test;

namespace {

/// A server that answers when told.
struct holding {
    struct held {
        h2_peer* peer;
        std::int32_t stream;
        std::string path;
    };
    std::deque<held> waiting;
    explicit holding(h2_server& s) {
        s.on_request = [this](h2_peer& p, const h2_seen& r) { waiting.push_back({&p, r.stream, r.path}); };
    }
    void answer_one(int status = 200) {
        const auto h = waiting.front();
        waiting.pop_front();
        h.peer->respond(h.stream, status, "ok");
    }
    void answer_all() {
        while (!waiting.empty())
            answer_one();
    }
};

std::vector<std::string> paths(const h2_server& s) {
    std::vector<std::string> out;
    for (const auto& r : s.seen)
        out.push_back(r.path);
    return out;
}

awaitable<void> limit_drops_and_rises(bed& b) {
    holding h(b.server);
    const auto all = b.start_many(40, "/p");
    Z360_REQUIRE(co_await eventually([&] { return h.waiting.size() == 10; }));
    EXPECT_EQ(b.pool->now().waiting, 30U);
    b.server.peers.at(0)->settings({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1}});
    const auto acks = b.sent_frames(NGHTTP2_SETTINGS);
    Z360_REQUIRE(co_await eventually([&] { return b.sent_frames(NGHTTP2_SETTINGS) > acks; }));
    h.answer_all();
    for (int i = 0; i < 5; ++i) { // one at a time from now on
        Z360_REQUIRE(co_await eventually([&] { return h.waiting.size() == 1; }));
        EXPECT_EQ(b.pool->now().streams, 1U);
        h.answer_one();
    }
    Z360_REQUIRE(co_await eventually([&] { return h.waiting.size() == 1; }));
    b.server.peers.at(0)->settings({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 10}});
    Z360_REQUIRE(co_await eventually([&] { return h.waiting.size() == 10; }));
    while (!all_done(all)) {
        h.answer_all();
        co_await rt::sleep_for(1ms);
    }
    EXPECT_EQ(b.server.most_open, 10U);
    EXPECT_EQ(b.server.seen.size(), 40U);
    EXPECT_EQ(b.sent_frames(NGHTTP2_RST_STREAM), 0);
}

awaitable<void> one_until_accepted(bed& b) {
    holding h(b.server);
    const auto all = b.start_many(20, "/p");
    for (int i = 0; i < 3; ++i) { // refusals do not open the gate
        Z360_REQUIRE(co_await eventually([&] { return h.waiting.size() == 1; }));
        EXPECT_EQ(b.pool->now().streams, 1U);
        EXPECT_EQ(b.server.accepted, 1U) << "nor do they make more connections";
        h.answer_one(403);
    }
    Z360_REQUIRE(co_await eventually([&] { return h.waiting.size() == 1; }));
    h.answer_one(200);
    Z360_REQUIRE(co_await eventually([&] { return h.waiting.size() == 16; }));
    h.answer_all();
    Z360_REQUIRE(co_await eventually([&] { return all_done(all); }));
}

awaitable<void> calls_overtake(bed& b) {
    holding h(b.server);
    const auto first = b.start(ask("/first"));
    Z360_REQUIRE(co_await eventually([&] { return h.waiting.size() == 1; }));
    const auto messages = b.start_many(3, "/message", 2);
    Z360_REQUIRE(co_await eventually([&] { return b.pool->now().waiting == 3; }));
    const auto ended = b.start_many(2, "/ended", 1);
    const auto calls = b.start_many(2, "/call", 0);
    Z360_REQUIRE(co_await eventually([&] { return b.pool->now().waiting == 7; }));
    while (b.server.seen.size() < 8 || !h.waiting.empty()) {
        if (!h.waiting.empty()) h.answer_one();
        co_await rt::sleep_for(1ms);
    }
    const std::vector<std::string> order{"/first",  "/call0",    "/call1",    "/ended0",
                                         "/ended1", "/message0", "/message1", "/message2"};
    EXPECT_EQ(paths(b.server), order);
}

awaitable<void> line_is_bounded(bed& b) {
    holding h(b.server);
    const auto first = b.start(ask("/first"));
    Z360_REQUIRE(co_await eventually([&] { return h.waiting.size() == 1; }));
    const auto messages = b.start_many(5, "/message", 2);
    Z360_REQUIRE(co_await eventually([&] { return b.pool->now().waiting == 5; }));
    const h2::result full = co_await b.pool->perform(ask("/more", "b", 2));
    EXPECT_TRUE(is(full, outcome::not_processed, cause::line_full));
    const auto call = b.start(ask("/call"));
    Z360_REQUIRE(co_await eventually([&] { return messages[4]->done; }));
    EXPECT_TRUE(is(messages[4]->got, outcome::not_processed, cause::line_full)) << "the newest of the least";
    h.answer_one();
    Z360_REQUIRE(co_await eventually([&] { return h.waiting.size() == 1; }));
    EXPECT_EQ(h.waiting[0].path, "/call");
    EXPECT_EQ(b.pool->now().waiting, 4U);
}

awaitable<void> second_connection(bed& b) {
    holding h(b.server);
    const auto all = b.start_many(25, "/p");
    Z360_REQUIRE(co_await eventually([&] { return h.waiting.size() == 20; }));
    EXPECT_EQ(b.server.accepted, 2U);
    EXPECT_EQ(b.pool->now().connections, 2U);
    EXPECT_EQ(b.pool->now().waiting, 5U) << "no third connection";
    h.answer_all();
    Z360_REQUIRE(co_await eventually([&] { return h.waiting.size() == 5; }));
    h.answer_all();
    Z360_REQUIRE(co_await eventually([&] { return all_done(all); }));
}

awaitable<void> window_stalls(bed& b) {
    const auto a = b.start(ask("/a", std::string(3'000, 'a')));
    const auto c = b.start(ask("/c", std::string(3'000, 'c')));
    Z360_REQUIRE(co_await eventually([&] { return b.pool->now().streams == 2; }));
    auto r = ask("/late", std::string(3'000, 'l'));
    r.timeout = 60ms;
    const h2::result late = co_await b.pool->perform(std::move(r));
    EXPECT_TRUE(is(late, outcome::unknown, cause::timeout));
    EXPECT_TRUE(b.server.seen.empty());
    b.server.peers.at(0)->settings({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 65'535}});
    Z360_REQUIRE(co_await eventually([&] { return a->done && c->done; }));
    EXPECT_EQ(a->got.status, 200);
    EXPECT_EQ(b.server.seen.size(), 3U) << "also the one that nobody waits for is finished quietly";
    EXPECT_EQ(b.sent_frames(NGHTTP2_RST_STREAM), 0);
}

awaitable<void> waits_in_vain(bed& b) {
    holding h(b.server);
    const auto first = b.start(ask("/first"));
    Z360_REQUIRE(co_await eventually([&] { return h.waiting.size() == 1; }));
    auto r = ask("/second");
    r.timeout = 50ms;
    const h2::result got = co_await b.pool->perform(std::move(r));
    EXPECT_TRUE(is(got, outcome::not_processed, cause::timeout));
    EXPECT_EQ(b.pool->now().waiting, 0U);
    h.answer_all();
    Z360_REQUIRE(co_await eventually([&] { return first->done; }));
    EXPECT_EQ(b.server.seen.size(), 1U) << "who has gone is not sent for";
}

awaitable<void> perform_until_cancelled(h2::pool& pool, h2::request r, bool* aborted) {
    try {
        (void)co_await pool.perform(std::move(r));
    } catch (const boost::system::system_error& e) {
        *aborted = e.code() == asio::error::operation_aborted;
    }
}

awaitable<void> cancelled(bed& b) {
    holding h(b.server);
    bool open_aborted = false;
    bool waiting_aborted = false;
    rt::task_group some(b.io.get_executor());
    some.spawn(perform_until_cancelled(*b.pool, ask("/open"), &open_aborted));
    Z360_REQUIRE(co_await eventually([&] { return h.waiting.size() == 1; }));
    some.spawn(perform_until_cancelled(*b.pool, ask("/waiting"), &waiting_aborted));
    Z360_REQUIRE(co_await eventually([&] { return b.pool->now().waiting == 1; }));
    co_await some.join();
    EXPECT_TRUE(open_aborted);
    EXPECT_TRUE(waiting_aborted);
    EXPECT_EQ(b.pool->now().waiting, 0U);
    EXPECT_EQ(b.pool->now().streams, 1U);
    h.answer_all();
    Z360_REQUIRE(co_await eventually([&] { return b.pool->now().streams == 0; }));
    EXPECT_EQ(b.server.seen.size(), 1U);
    EXPECT_EQ(b.sent_frames(NGHTTP2_RST_STREAM), 0);
}

awaitable<void> lingering_is_bounded(bed& b) {
    holding h(b.server);
    for (int i = 0; i < 4; ++i) {
        auto r = ask("/late" + std::to_string(i));
        r.timeout = 30ms;
        const h2::result got = co_await b.pool->perform(std::move(r));
        EXPECT_TRUE(is(got, outcome::unknown, cause::timeout));
    }
    b.server.on_request = nullptr;
    const h2::result next = co_await b.pool->perform(ask("/next"));
    EXPECT_EQ(next.status, 200);
    EXPECT_EQ(next.connection, 2U) << "too many streams linger on the first";
    h.answer_all();
    Z360_REQUIRE(co_await eventually([&] { return b.server.open_peers() == 1; }));
    EXPECT_EQ(b.sent_frames(NGHTTP2_RST_STREAM), 0);
}

} // namespace

TEST(http2_streams, follow_the_servers_limit_down_to_one_and_back) {
    bed b;
    b.server.max_streams = 10;
    b.settings.max_connections = 1;
    b.settings.patience = 5s;
    b.run(limit_drops_and_rises(b));
}

TEST(http2_streams, are_one_at_a_time_until_a_reply_accepts) {
    bed b;
    b.settings.accepts = [](const h2::result& r) { return r.status == 200; };
    b.run(one_until_accepted(b));
}

TEST(http2_streams, go_to_the_most_urgent_and_within_a_class_in_order) {
    bed b;
    b.server.max_streams = 1;
    b.settings.max_connections = 1;
    b.run(calls_overtake(b));
}

TEST(http2_streams, have_a_bounded_line_in_which_the_urgent_displaces) {
    bed b;
    b.server.max_streams = 1;
    b.settings.max_connections = 1;
    b.settings.max_waiting = 5;
    b.stop_limit = 50ms;
    b.run(line_is_bounded(b));
}

TEST(http2_streams, all_taken_make_a_further_connection_up_to_the_limit) {
    bed b;
    b.server.max_streams = 10;
    b.settings.max_connections = 2;
    b.run(second_connection(b));
}

TEST(http2_streams, wait_for_the_servers_window) {
    bed b;
    b.server.initial_window = 0;
    b.run(window_stalls(b));
}

TEST(http2_streams, that_nobody_gets_in_time_are_not_processed) {
    bed b;
    b.server.max_streams = 1;
    b.settings.max_connections = 1;
    b.run(waits_in_vain(b));
}

TEST(http2_streams, of_cancelled_requests_leave_nothing_behind) {
    bed b;
    b.server.max_streams = 1;
    b.settings.max_connections = 1;
    b.run(cancelled(b));
}

TEST(http2_streams, that_linger_are_few_or_the_connection_is_replaced) {
    bed b;
    b.settings.max_lingering = 3;
    b.settings.patience = 5s;
    b.run(lingering_is_bounded(b));
}
