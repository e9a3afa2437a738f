// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a request looks like at the server, and its reply here.
#include "bed.hpp"

#include <nghttp2/nghttp2.h>

using namespace z360;
using namespace z360::test;

namespace {

/// What must never leave us in normal operation.
void expect_no_reset_and_no_priority(const bed& b) {
    EXPECT_EQ(b.sent_frames(NGHTTP2_RST_STREAM), 0);
    EXPECT_EQ(b.sent_frames(NGHTTP2_PRIORITY), 0);
    EXPECT_EQ(b.sent_frames(NGHTTP2_PUSH_PROMISE), 0);
}

awaitable<void> replies(bed& b) {
    b.server.on_request = [](h2_peer& p, const h2_seen& r) {
        p.respond(r.stream, 410, "gone: " + r.body, {{"apns-id", "7"}, {"x-empty", ""}});
    };
    auto r = ask("/3/device/ab?x=1", "a body");
    r.fields = {{"apns-topic", "com.z360.voip", true}, {"apns-id", "11-22", false}};
    r.bearer = secret("the-token");
    const h2::result got = co_await b.pool->perform(std::move(r));
    EXPECT_TRUE(is(got, outcome::replied, cause::none));
    EXPECT_EQ(got.status, 410);
    EXPECT_EQ(got.body, "gone: a body");
    EXPECT_EQ(got.headers.get("apns-id"), "7");
    EXPECT_EQ(got.headers.count("x-empty"), 1U);
    EXPECT_EQ(got.connection, 1U);
    EXPECT_FALSE(got.truncated);
    Z360_REQUIRE(b.server.seen.size() == 1);
    const auto& s = b.server.seen[0];
    EXPECT_EQ(s.method, "POST");
    EXPECT_EQ(s.path, "/3/device/ab?x=1");
    EXPECT_EQ(s.authority, "127.0.0.1:" + std::to_string(b.server.port()));
    EXPECT_EQ(s.get("apns-topic"), "com.z360.voip");
    EXPECT_EQ(s.get("apns-id"), "11-22");
    EXPECT_EQ(s.get("authorization"), "bearer the-token");
    EXPECT_EQ(s.get("content-length"), "6");
    auto g = ask("/empty", "");
    g.method = "GET";
    const h2::result none = co_await b.pool->perform(std::move(g));
    EXPECT_EQ(none.body, "gone: ");
    EXPECT_EQ(b.server.seen[1].get("authorization"), "") << "the token of another request";
}

awaitable<void> many_share_one_connection(bed& b) {
    const auto all = b.start_many(500, "/p");
    Z360_REQUIRE(co_await eventually([&] { return all_done(all); }));
    for (const auto& p : all)
        EXPECT_EQ(p->got.status, 200);
    EXPECT_EQ(b.server.accepted, 1U);
    EXPECT_EQ(b.server.seen.size(), 500U);
    Z360_REQUIRE(co_await eventually([&] {
        return b.metrics.counted(
                   "http2_requests_total", {{"pool", "test"}, {"outcome", "replied"}, {"cause", "none"}}
               ) == 500;
    }));
    EXPECT_EQ(b.metrics.counted("http2_connects_total", {{"pool", "test"}, {"result", "ok"}}), 1);
}

awaitable<void> refuses_what_http_forbids(bed& b) {
    std::vector<h2::request> bad(9, ask("/x"));
    bad[0].path = "no-slash";
    bad[1].path = "/with space";
    bad[2].method = "PO ST";
    bad[3].fields = {{"Upper", "v"}};
    bad[4].fields = {{":path", "/other"}};
    bad[5].fields = {{"x", "a\r\nb: c"}};
    bad[6].fields = {{"connection", "close"}};
    bad[7].bearer = secret("a\nb");
    bad[8].method = "CONNECT";
    for (auto& r : bad) {
        const h2::result got = co_await b.pool->perform(std::move(r));
        EXPECT_TRUE(is(got, outcome::not_processed, cause::bad_request));
    }
    EXPECT_EQ(b.server.accepted, 0U) << "nothing of it leaves";
}

awaitable<void> large_requests_and_replies(bed& b) {
    const std::string large(300'000, 'x');
    b.server.on_request = [](h2_peer& p, const h2_seen& r) { p.respond(r.stream, 200, r.body); };
    const h2::result got = co_await b.pool->perform(ask("/large", large));
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(b.server.seen.at(0).body, large);
    EXPECT_TRUE(got.truncated);
    EXPECT_EQ(got.body.size(), b.settings.max_body_bytes);
    Z360_REQUIRE(co_await eventually([&] { return b.pool->now().streams == 0; })); // ends by itself
    const h2::result next = co_await b.pool->perform(ask("/small", "s"));
    EXPECT_EQ(next.body, "s");
    EXPECT_EQ(b.server.accepted, 1U);
    EXPECT_EQ(b.metrics.counted("http2_replies_truncated_total", {{"pool", "test"}}), 1);
}

awaitable<void> huge_headers_are_cut(bed& b) {
    b.server.on_request = [](h2_peer& p, const h2_seen& r) {
        if (r.path == "/some")
            p.respond(
                r.stream, 400, "why", {{"x-a", std::string(10'000, 'a')}, {"x-b", std::string(10'000, 'b')}}
            );
        else
            p.respond(r.stream, 200, "ok", {});
    };
    const h2::result got = co_await b.pool->perform(ask("/some"));
    EXPECT_EQ(got.status, 400);
    EXPECT_TRUE(got.truncated);
    EXPECT_EQ(got.headers.get("x-a").size(), 10'000U);
    EXPECT_EQ(got.headers.count("x-b"), 0U);
    EXPECT_EQ(got.body, "why");
    const h2::result next = co_await b.pool->perform(ask("/next"));
    EXPECT_EQ(next.status, 200);
    EXPECT_EQ(b.server.accepted, 1U);
}

awaitable<void> interim_replies_and_trailers(bed& b) {
    b.server.on_request = [](h2_peer& p, const h2_seen& r) {
        p.begin_response(r.stream, 103, {{"link", "</a>"}});
        p.trailers_after(r.stream, 200, "with trailers", {{"x-trailer", "t"}});
    };
    const h2::result got = co_await b.pool->perform(ask("/x"));
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, "with trailers");
    EXPECT_EQ(got.headers.count("link"), 0U) << "of the interim reply";
    EXPECT_EQ(got.headers.count("x-trailer"), 0U);
}

awaitable<void> header_list_beyond_the_servers_limit(bed& b) {
    auto r = ask("/x");
    r.fields = {{"x-long", std::string(2'000, 'x')}};
    const h2::result got = co_await b.pool->perform(std::move(r));
    EXPECT_TRUE(is(got, outcome::not_processed, cause::headers_too_large));
    const h2::result next = co_await b.pool->perform(ask("/y"));
    EXPECT_EQ(next.status, 200);
    EXPECT_EQ(b.server.seen.size(), 1U);
}

awaitable<void> timeouts_leave_no_reset(bed& b) {
    h2_peer* peer = nullptr;
    std::vector<std::int32_t> held;
    b.server.on_request = [&](h2_peer& p, const h2_seen& r) {
        peer = &p;
        if (r.path == "/late")
            held.push_back(r.stream);
        else
            p.respond(r.stream, 200, "ok");
    };
    auto r = ask("/late");
    r.timeout = 50ms;
    const auto began = steady::now();
    const h2::result got = co_await b.pool->perform(std::move(r));
    EXPECT_TRUE(is(got, outcome::unknown, cause::timeout));
    EXPECT_EQ(got.connection, 1U);
    EXPECT_LT(steady::now() - began, 1s);
    EXPECT_EQ(b.pool->now().streams, 1U) << "it is left to finish";
    peer->respond(held.at(0), 200, "too late");
    Z360_REQUIRE(co_await eventually([&] { return b.pool->now().streams == 0; }));
    const h2::result next = co_await b.pool->perform(ask("/next"));
    EXPECT_EQ(next.status, 200);
    EXPECT_EQ(b.server.accepted, 1U);
}

} // namespace

TEST(http2_requests, arrive_as_they_were_given_and_replies_come_back_whole) {
    bed b;
    b.run(replies(b));
    expect_no_reset_and_no_priority(b);
}

TEST(http2_requests, arrive_over_verified_tls) {
    bed b(true);
    b.run(replies(b));
    expect_no_reset_and_no_priority(b);
}

TEST(http2_requests, share_one_connection) {
    bed b(true);
    b.run(many_share_one_connection(b));
    expect_no_reset_and_no_priority(b);
}

TEST(http2_requests, that_http_forbids_are_refused_before_anything_is_sent) {
    bed b;
    b.run(refuses_what_http_forbids(b));
}

TEST(http2_requests, flow_control_works_both_ways_and_replies_are_bounded) {
    bed b;
    b.run(large_requests_and_replies(b));
    expect_no_reset_and_no_priority(b);
}

TEST(http2_requests, headers_of_replies_are_bounded) {
    bed b;
    b.run(huge_headers_are_cut(b));
    expect_no_reset_and_no_priority(b);
}

TEST(http2_requests, interim_replies_and_trailers_do_not_confuse) {
    bed b;
    b.run(interim_replies_and_trailers(b));
    expect_no_reset_and_no_priority(b);
}

TEST(http2_requests, are_refused_here_if_the_server_takes_no_such_headers) {
    bed b;
    b.server.header_list = 1'000;
    b.run(header_list_beyond_the_servers_limit(b));
}

TEST(http2_requests, that_time_out_are_unknown_at_once_and_their_streams_finish_quietly) {
    bed b;
    b.run(timeouts_leave_no_reset(b));
    expect_no_reset_and_no_priority(b);
}
