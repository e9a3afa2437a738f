// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/http/bodies.hpp"
#include "long_body_site.hpp"
#include "test_certificate.hpp"

#include <curl/curl.h>
#include <gtest/gtest.h>

using namespace z360;
using namespace z360::test;
using adapter::http::bodies;

namespace {

awaitable<void> downloads(long_body_site& s) {
    checking_sink sink;
    sink.pause = 1ms; // slower than the peer
    sink.from = &s.source;
    const client_response r = co_await s.out->perform(download(url(s.port(), "/stream"), sink));
    EXPECT_EQ(r.status, 200) << r.error;
    EXPECT_EQ(r.body, "");
    EXPECT_EQ(r.headers.get("Content-Length"), std::to_string(s.source.size));
    EXPECT_EQ(sink.taken, s.source.size);
    EXPECT_TRUE(sink.intact);
    EXPECT_LE(sink.largest, 128U * 1024);
    EXPECT_GT(sink.largest, 100U * 1024) << "the peer never had to wait: this shows nothing";
    EXPECT_LT(sink.most_on_the_way, s.source.size / 2) << "what the kernel holds, and little of ours";
    co_await expect_usable(s);
    EXPECT_EQ(s.server->connections(), 1U) << "the connection is kept";
}

awaitable<void> downloads_over_tls(long_body_site& s) {
    auto trusting = http::make_client(s.io.get_executor(), 4, s.settings.tls_certificate_file);
    checking_sink sink;
    const auto from = url(s.port(), "/stream", "https");
    const client_response r = co_await trusting->perform(download(from, sink));
    EXPECT_EQ(r.status, 200) << r.error;
    EXPECT_EQ(sink.taken, s.source.size);
    EXPECT_TRUE(sink.intact);
    source_state up{.size = 4 * k_mib};
    pattern_source source(up);
    const auto to = url(s.port(), "/keep", "https");
    const client_response sent = co_await trusting->perform(upload(to, source));
    EXPECT_EQ(sent.status, 201) << sent.error;
    EXPECT_TRUE(s.kept.body == patterned(0, 4 * k_mib));
}

awaitable<void> downloads_nothing(long_body_site& s) {
    checking_sink sink;
    const client_response empty = co_await s.out->perform(download(url(s.port(), "/stream"), sink));
    EXPECT_EQ(empty.status, 200) << empty.error;
    scripted_peer peer(s.io.get_executor());
    peer.play("HTTP/1.1 204 No Content\r\n\r\n");
    const client_response none = co_await s.out->perform(download(url(peer.port(), "/"), sink));
    EXPECT_EQ(none.status, 204) << none.error;
    EXPECT_EQ(sink.largest, 0U);
    co_await peer.end();
}

awaitable<void> errors_are_answers(long_body_site& s) {
    checking_sink sink;
    const client_response absent = co_await s.out->perform(download(url(s.port(), "/absent"), sink));
    EXPECT_EQ(absent.status, 404) << absent.error;
    EXPECT_NE(absent.body.find("not_found"), std::string::npos) << absent.body;
    scripted_peer interim(s.io.get_executor());
    interim.play("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    const client_response refused = co_await s.out->perform(download(url(interim.port(), "/"), sink));
    EXPECT_EQ(refused.status, 403) << refused.error;
    EXPECT_EQ(refused.body, "no");
    co_await interim.end();
    scripted_peer endless(s.io.get_executor());
    endless.play("HTTP/1.1 500 Oh\r\nConnection: close\r\n\r\n" + std::string(9 * k_mib, 'x'));
    const client_response cut = co_await s.out->perform(download(url(endless.port(), "/"), sink));
    EXPECT_EQ(cut.status, 0);
    EXPECT_NE(cut.error.find("larger"), std::string::npos) << cut.error;
    EXPECT_EQ(sink.largest, 0U);
    co_await endless.end();
}

awaitable<void> truncated(long_body_site& s) {
    const std::string half(100'000, 'h');
    for (const std::string head :
         {"Content-Length: 200000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n186A0\r\n"}) {
        scripted_peer cut(s.io.get_executor());
        cut.play("HTTP/1.1 200 OK\r\n" + head + half);
        checking_sink sink;
        const client_response r = co_await s.out->perform(download(url(cut.port(), "/"), sink));
        EXPECT_EQ(r.status, 0) << "half a body is none";
        EXPECT_NE(r.error, "");
        EXPECT_TRUE(r.sent);
        co_await cut.end();
    }
    s.source.throws_at = k_mib;
    checking_sink sink;
    const client_response r = co_await s.out->perform(download(url(s.port(), "/stream"), sink));
    EXPECT_EQ(r.status, 0);
    EXPECT_NE(r.error, "");
    EXPECT_LE(sink.taken, k_mib);
    EXPECT_TRUE(sink.intact);
}

awaitable<void> bears_slowness(long_body_site& s) {
    dripping_peer peer(s, 12'000, 12, 50ms);
    checking_sink slow;
    auto r = download(peer.address(), slow);
    r.stall_timeout = 400ms; // less than the whole takes
    const client_response got = co_await s.out->perform(r);
    EXPECT_EQ(got.status, 200) << got.error;
    EXPECT_EQ(slow.taken, 12'000U);
    EXPECT_TRUE(slow.intact);
    co_await peer.tasks.join();

    checking_sink slower;
    slower.pause = 300ms;
    auto mine = download(url(s.port(), "/stream"), slower);
    mine.stall_timeout = 200ms; // our own side's time does not count
    const client_response taken = co_await s.out->perform(mine);
    EXPECT_EQ(taken.status, 200) << taken.error;
    EXPECT_EQ(slower.taken, s.source.size);
}

awaitable<void> stalls(long_body_site& s) {
    dripping_peer peer(s, 100'000, 3, 1ms);
    checking_sink sink;
    auto r = download(peer.address(), sink);
    r.stall_timeout = 200ms;
    const auto before = std::chrono::steady_clock::now();
    const client_response got = co_await s.out->perform(r);
    const auto took = std::chrono::steady_clock::now() - before;
    EXPECT_EQ(got.status, 0);
    EXPECT_TRUE(got.error.starts_with("timeout: not a byte moved")) << got.error;
    EXPECT_TRUE(got.sent);
    EXPECT_EQ(sink.taken, 3000U) << "what came before";
    EXPECT_GE(took, 200ms);
    EXPECT_LT(took, 5s);
    co_await peer.tasks.join();
    co_await expect_usable(s);
}

awaitable<void> whole_exchange_times_out(long_body_site& s) {
    dripping_peer peer(s, 1'000'000, 1000, 10ms);
    checking_sink sink;
    auto r = download(peer.address(), sink);
    r.timeout = 300ms;
    const client_response got = co_await s.out->perform(r);
    EXPECT_EQ(got.status, 0);
    EXPECT_TRUE(got.error.starts_with("timeout")) << got.error;
    EXPECT_GT(sink.taken, 0U);
    co_await peer.tasks.join();

    checking_sink slow;
    slow.pause = 100ms;
    auto mine = download(url(s.port(), "/stream"), slow);
    mine.timeout = 250ms;
    const client_response late = co_await s.out->perform(mine);
    EXPECT_EQ(late.status, 0) << "our own side's time counts here";
    EXPECT_TRUE(late.error.starts_with("timeout")) << late.error;
    EXPECT_LT(slow.taken, s.source.size);
    co_await expect_usable(s);
}

awaitable<void> sink_throws(long_body_site& s) {
    for (const std::uint64_t at : {0 * k_mib, k_mib / 4, 4 * k_mib}) {
        s.source.given = 0;
        checking_sink sink;
        sink.throws_at = at;
        const std::string why = co_await failure_of(*s.out, download(url(s.port(), "/stream"), sink));
        EXPECT_EQ(why, "the sink is full");
        EXPECT_LT(sink.taken, s.source.size);
        const bool gone = co_await eventually([&s] { return s.source.alive == 0; });
        EXPECT_TRUE(gone) << "the transfer goes on";
    }
    co_await expect_usable(s);
}

} // namespace

TEST(http_client_download, a_long_download_reaches_a_slow_sink_whole_and_piece_by_piece) {
    long_body_site s(48 * k_mib + 5);
    s.run(downloads(s));
}
TEST(http_client_download, long_bodies_pass_over_tls) {
    const temp_folder folder;
    long_body_site s(4 * k_mib);
    s.settings.tls_certificate_file = folder.file("cert.pem");
    s.settings.tls_key_file = folder.file("key.pem");
    write_certificate(s.settings.tls_certificate_file, s.settings.tls_key_file, "peer", 30);
    s.run(downloads_over_tls(s));
}
TEST(http_client_download, the_sink_gets_nothing_where_nothing_comes) {
    long_body_site s(0);
    s.run(downloads_nothing(s));
}
TEST(http_client_download, the_body_of_an_error_is_in_the_response_and_bounded) {
    long_body_site s;
    s.run(errors_are_answers(s));
}
TEST(http_client_download, a_body_that_is_cut_off_is_an_error) {
    long_body_site s(4 * k_mib);
    s.run(truncated(s));
}
TEST(http_client_download, a_slow_peer_and_a_slow_sink_are_no_stall) {
    long_body_site s(500'000);
    s.run(bears_slowness(s));
}
TEST(http_client_download, a_peer_that_falls_silent_is_given_up) {
    long_body_site s;
    s.run(stalls(s));
}
TEST(http_client_download, the_timeout_is_that_of_the_whole_exchange) {
    long_body_site s(64 * k_mib);
    s.run(whole_exchange_times_out(s));
}
TEST(http_client_download, what_a_sink_throws_ends_the_exchange_and_is_thrown_on) {
    long_body_site s(64 * k_mib);
    s.run(sink_throws(s));
}
TEST(http_client_download, between_libcurl_and_a_sink_lie_at_most_128_kib) {
    checking_sink sink;
    bodies b(nullptr, &sink, 1s);
    const std::string chunk(16 * 1024, 'c');
    int taken = 0;
    while (b.take_in(chunk.data(), chunk.size()))
        ++taken;
    EXPECT_EQ(taken, 8);
    EXPECT_EQ(b.paused, CURLPAUSE_RECV);
    EXPECT_EQ(b.take_incoming().size(), 128U * 1024);
    EXPECT_FALSE(b.has_incoming());
    const std::string large(200 * 1024, 'l');
    EXPECT_TRUE(b.take_in(large.data(), large.size())) << "or it would be refused for ever";
}
