// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/http/bodies.hpp"
#include "long_body_site.hpp"

#include <curl/curl.h>
#include <gtest/gtest.h>

using namespace z360;
using namespace z360::test;
using adapter::http::bodies;

namespace {

awaitable<void> stalled_upload(long_body_site& s) {
    const tcp::acceptor never_reads(s.io.get_executor(), tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    s.source.size = 64 * k_mib;
    pattern_source source(s.source);
    auto r = upload(url(never_reads.local_endpoint().port(), "/"), source);
    r.stall_timeout = 300ms;
    const client_response got = co_await s.out->perform(r);
    EXPECT_EQ(got.status, 0);
    EXPECT_TRUE(got.error.starts_with("timeout: not a byte moved")) << got.error;
    EXPECT_LT(s.source.given, 16 * k_mib) << "what the kernel took in, and little of ours";
    co_await expect_usable(s);
}

awaitable<void> source_fails(long_body_site& s) {
    const auto to = url(s.port(), "/keep");
    source_state breaks{.size = 4 * k_mib, .throws_at = k_mib};
    pattern_source broken(breaks);
    const std::string why = co_await failure_of(*s.out, upload(to, broken));
    EXPECT_EQ(why, "the source broke");
    source_state ends{.size = 4 * k_mib, .ends_at = k_mib};
    pattern_source brief(ends);
    const std::string ended = co_await failure_of(*s.out, upload(to, brief));
    EXPECT_EQ(ended, "the source of an upload ended 3145728 bytes before its size");
    const bool gone = co_await eventually([&s] { return s.server->connections() == 0; });
    EXPECT_TRUE(gone);
    EXPECT_EQ(s.kept.method, "") << "half an upload was taken for a whole one";
    co_await expect_usable(s);
}

awaitable<void> uploads(long_body_site& s) {
    for (const std::string method : {"PUT", "POST"}) {
        source_state up{.size = 9 * k_mib + 3, .excess = method == "POST" ? 100U : 0U};
        pattern_source source(up);
        auto r = upload(url(s.port(), "/keep"), source, method);
        r.headers.add("Content-Type", "audio/mpeg");
        const client_response got = co_await s.out->perform(r);
        EXPECT_EQ(got.status, 201) << got.error;
        EXPECT_EQ(got.body, "kept");
        EXPECT_EQ(s.kept.method, method);
        EXPECT_EQ(s.kept.headers.get("Content-Length"), std::to_string(up.size));
        EXPECT_EQ(s.kept.headers.count("Transfer-Encoding"), 0U);
        EXPECT_EQ(s.kept.headers.count("Expect"), 0U);
        EXPECT_EQ(s.kept.headers.get("Content-Type"), "audio/mpeg");
        EXPECT_EQ(s.kept.body.size(), up.size);
        if (up.excess == 0) EXPECT_TRUE(s.kept.body == patterned(0, s.kept.body.size()));
        EXPECT_LE(up.most_asked, 64U * 1024);
    }
    source_state none{.size = 0};
    pattern_source nothing(none);
    const client_response empty = co_await s.out->perform(upload(url(s.port(), "/keep"), nothing));
    EXPECT_EQ(empty.status, 201) << empty.error;
    EXPECT_EQ(s.kept.headers.get("Content-Length"), "0");
    co_await expect_usable(s);
}

awaitable<void> both_ways(long_body_site& s) {
    source_state up{.size = 3 * k_mib};
    pattern_source source(up);
    checking_sink sink;
    sink.pause = 1ms;
    auto r = upload(url(s.port(), "/echo"), source, "POST");
    r.download = &sink;
    const client_response got = co_await s.out->perform(r);
    EXPECT_EQ(got.status, 200) << got.error;
    EXPECT_EQ(sink.taken, up.size);
    EXPECT_TRUE(sink.intact);
}

/// Answers as soon as it knows the head, and reads on until the client has heard it.
awaitable<void> refuse_early(tcp::acceptor& at) {
    wire w(at.get_executor());
    co_await at.async_accept(w.socket, asio::use_awaitable);
    const reply request = co_await w.receive(true);
    (void)request;
    co_await w.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope");
    std::string chunk(64 * 1024, '\0');
    boost::system::error_code failed;
    while (!failed) {
        auto [ec, n] = co_await w.socket.async_read_some(asio::buffer(chunk), k_tuple);
        (void)n;
        failed = ec;
    }
}

awaitable<void> refused_early(long_body_site& s) {
    tcp::acceptor at(s.io.get_executor(), tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    rt::task_group tasks(s.io.get_executor());
    tasks.spawn(refuse_early(at));
    source_state up{.size = 1024 * k_mib};
    pattern_source source(up);
    const client_response got = co_await s.out->perform(upload(url(at.local_endpoint().port(), "/"), source));
    EXPECT_EQ(got.status, 403) << got.error;
    EXPECT_EQ(got.body, "nope");
    EXPECT_LT(up.given, up.size);
    co_await tasks.join();
}

awaitable<void> cancelled_midway(long_body_site& s, client_request r, std::function<bool()> midway) {
    rt::task_group group(s.io.get_executor());
    auto p = std::make_shared<pending>();
    group.spawn(perform_into(*s.out, std::move(r), p));
    const bool there = co_await eventually(std::move(midway));
    EXPECT_TRUE(there);
    const auto before = std::chrono::steady_clock::now();
    co_await group.join(); // cancels
    EXPECT_LT(std::chrono::steady_clock::now() - before, 1s);
    EXPECT_FALSE(p->finished);
    EXPECT_TRUE(p->cancelled);
    const bool gone = co_await eventually([&s] { return s.server->connections() == 0; });
    EXPECT_TRUE(gone);
    co_await expect_usable(s);
}

awaitable<void> cancels(long_body_site& s) {
    checking_sink stuck;
    stuck.waits_at = k_mib;
    auto down = download(url(s.port(), "/stream"), stuck);
    co_await cancelled_midway(s, std::move(down), [&stuck] { return stuck.waiting; });
    EXPECT_EQ(s.source.alive, 0);
    dripping_peer silent(s, 100'000, 3, 1ms);
    checking_sink hungry;
    auto waits = download(silent.address(), hungry);
    co_await cancelled_midway(s, std::move(waits), [&hungry] { return hungry.taken == 3000; });
    co_await silent.tasks.join();
    source_state up{.size = 4 * k_mib, .waits_at = k_mib};
    pattern_source source(up);
    auto sends = upload(url(s.port(), "/keep"), source);
    co_await cancelled_midway(s, std::move(sends), [&up] { return up.given == k_mib; });
    EXPECT_EQ(s.kept.method, "");
}

awaitable<void> cancels_anywhere(long_body_site& s) {
    for (int i = 0; i < 60; ++i) {
        rt::task_group group(s.io.get_executor());
        s.source.given = 0;
        checking_sink sink;
        sink.pause = (i % 3) * 100us;
        source_state up{.size = 4 * k_mib};
        pattern_source source(up);
        group.spawn(
            perform_into(*s.out, download(url(s.port(), "/stream"), sink), std::make_shared<pending>())
        );
        group.spawn(perform_into(*s.out, upload(url(s.port(), "/keep"), source), std::make_shared<pending>())
        );
        asio::steady_timer later(s.io.get_executor(), std::chrono::microseconds(i * 150));
        co_await later.async_wait(asio::use_awaitable);
        co_await group.join();
        EXPECT_TRUE(sink.intact);
        const bool gone = co_await eventually([&s] { return s.source.alive == 0; });
        EXPECT_TRUE(gone);
    }
    co_await expect_usable(s);
}

awaitable<void> client_dies(long_body_site& s) {
    rt::task_group group(s.io.get_executor());
    checking_sink slow;
    slow.pause = 100ms;
    s.source.waits_at = 8 * k_mib;
    auto writing = std::make_shared<pending>();
    group.spawn(perform_into(*s.out, download(url(s.port(), "/stream"), slow), writing));
    const bool midway = co_await eventually([&slow] { return slow.taken > 0; });
    EXPECT_TRUE(midway);
    s.out.reset(); // while the sink has a piece
    const bool ended = co_await group.drain(5s);
    EXPECT_TRUE(ended);
    EXPECT_TRUE(writing->finished);
    EXPECT_EQ(writing->response.status, 0);
    EXPECT_NE(writing->response.error.find("closed"), std::string::npos) << writing->response.error;
    co_await group.join();
}

} // namespace

TEST(http_client_upload, a_peer_that_takes_no_upload_is_given_up_and_little_of_it_is_held) {
    long_body_site s;
    s.run(stalled_upload(s));
}
TEST(http_client_upload, what_a_source_throws_or_leaves_out_ends_the_exchange) {
    long_body_site s;
    s.run(source_fails(s));
}
TEST(http_client_upload, an_upload_arrives_whole_with_its_length_and_never_longer) {
    long_body_site s;
    s.run(uploads(s));
}
TEST(http_client_upload, an_upload_may_have_a_download_for_its_answer) {
    long_body_site s;
    s.run(both_ways(s));
}
TEST(http_client_upload, an_upload_that_is_refused_early_hears_the_answer) {
    long_body_site s;
    s.run(refused_early(s));
}
TEST(http_client_upload, cancelling_midway_aborts_the_exchange) {
    long_body_site s(64 * k_mib);
    s.settings.idle_timeout = 50ms;
    s.run(cancels(s));
}
TEST(http_client_upload, cancelling_anywhere_leaves_the_client_usable) {
    long_body_site s(4 * k_mib);
    s.run(cancels_anywhere(s));
}
TEST(http_client_upload, destroying_the_client_ends_an_exchange_whose_sink_is_busy) {
    long_body_site s(64 * k_mib);
    s.stop_limit = 50ms;
    s.run(client_dies(s));
}

TEST(http_client_upload, a_source_is_asked_for_no_more_than_128_kib_ahead) {
    source_state state{.size = k_mib};
    pattern_source source(state);
    bodies b(&source, nullptr, 1s);
    std::string out(1000, '\0');
    EXPECT_EQ(b.give_out(out.data(), out.size()), std::size_t{CURL_READFUNC_PAUSE});
    EXPECT_EQ(b.paused, CURLPAUSE_SEND);
    int asked = 0;
    for (; b.wanted() > 0; ++asked)
        b.add_outgoing(std::string(b.wanted(), 'o'));
    EXPECT_EQ(asked, 2);
    EXPECT_EQ(b.give_out(out.data(), out.size()), 1000U);
    EXPECT_EQ(b.wanted(), 0U);
    out.resize(64 * 1024);
    EXPECT_EQ(b.give_out(out.data(), out.size()), out.size());
    EXPECT_EQ(b.wanted(), 64U * 1024);
}
