// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Opening connections: TLS, names, proxies, deadlines, and no storm when nothing comes of it.
#include "bed.hpp"

#include <z360/log.hpp>

using namespace z360;
using namespace z360::test;

namespace {

double connects(const bed& b, std::string_view result) {
    return b.metrics.counted("http2_connects_total", {{"pool", "test"}, {"result", result}});
}

h2::request hasty(millis timeout = 300ms) {
    auto r = ask("/x");
    r.timeout = timeout;
    return r;
}

/// Whoever asks is told that there is no connection, and the metric says why.
awaitable<void> comes_to_nothing(bed& b, std::string result) {
    const h2::result got = co_await b.pool->perform(hasty(700ms));
    EXPECT_TRUE(is(got, outcome::not_processed, cause::connect_failed));
    EXPECT_GE(connects(b, result), 1) << b.metrics.text();
    EXPECT_EQ(connects(b, "ok"), 0);
    EXPECT_TRUE(b.server.seen.empty());
}

awaitable<void> works(bed& b) {
    const h2::result got = co_await b.pool->perform(ask("/x"));
    EXPECT_EQ(got.status, 200);
}

awaitable<void> refused_then_hopeless(bed& b) {
    b.server.refuse();
    const auto began = steady::now();
    const h2::result got = co_await b.pool->perform(hasty(5s));
    EXPECT_TRUE(is(got, outcome::not_processed, cause::connect_failed));
    EXPECT_LT(steady::now() - began, 2s) << "the next attempt would come after its time: it learns it now";
    EXPECT_EQ(connects(b, "connect_failed"), 1);
}

awaitable<void> comes_back(bed& b) {
    b.server.how = h2_server::manner::never_settings;
    const auto p = b.start(ask("/x"));
    Z360_REQUIRE(co_await eventually([&] { return connects(b, "settings_timeout") == 1; }));
    EXPECT_FALSE(p->done);
    b.server.how = h2_server::manner::proper;
    Z360_REQUIRE(co_await eventually([&] { return p->done; }));
    EXPECT_EQ(p->got.status, 200);
}

awaitable<void> no_storm(bed& b) {
    b.server.on_open = [](h2_peer& p) { p.drop(); };
    const auto until = steady::now() + 1s;
    while (steady::now() < until)
        (void)co_await b.pool->perform(hasty(100ms));
    // 50, 100, 200, 400 ms with chance: at most six or so in a second
    EXPECT_LE(b.server.accepted, 9U);
    EXPECT_GE(b.server.accepted, 3U);
}

awaitable<void> paced(bed& b) {
    // Each connection works once and is then sent away: no failure, and yet not a connection per request.
    b.server.on_request = [](h2_peer& p, const h2_seen& r) {
        p.respond(r.stream, 200, "ok");
        p.goaway(r.stream, 0, "");
    };
    const auto until = steady::now() + 1s;
    while (steady::now() < until)
        (void)co_await b.pool->perform(hasty(100ms));
    EXPECT_LE(b.server.accepted, 3U + 10U + 1U);
}

awaitable<void> kept_open(bed& b) {
    Z360_REQUIRE(co_await eventually([&] { return b.pool->now().connections == 2; }));
    EXPECT_TRUE(b.server.seen.empty());
    b.server.peers.at(0)->drop();
    Z360_REQUIRE(co_await eventually([&] { return b.server.accepted == 3 && b.pool->now().connections == 2; })
    );
}

struct proxied : bed {
    connect_proxy proxy{io.get_executor()};
    explicit proxied(bool tls, const std::string& credentials = {}) : bed(tls) {
        settings.proxy = secret("http://" + credentials + "127.0.0.1:" + std::to_string(proxy.port()));
    }
};

awaitable<void> within_proxy(proxied& b, awaitable<void> scenario) {
    b.proxy.start();
    std::exception_ptr error;
    try {
        co_await std::move(scenario);
    } catch (...) {
        error = std::current_exception();
    }
    co_await b.pool->stop(1s); // the proxy's connections end with it
    co_await b.proxy.stop();
    if (error) std::rethrow_exception(error);
}

/// A life with everything that is logged: a refused proxy, replies, a GOAWAY, a reset, a lost connection, a
/// request that cannot be sent.
awaitable<void> eventful(proxied& b) {
    b.proxy.wants = "nobody";
    const auto first = b.start(ask("/3/device/hidden-path"));
    Z360_REQUIRE(co_await eventually([&] { return connects(b, "proxy_failed") > 0; }));
    b.proxy.wants.clear();
    Z360_REQUIRE(co_await eventually([&] { return first->done; }));
    for (int i = 0; i < 4; ++i) {
        b.server.on_request = [i](h2_peer& p, const h2_seen& r) {
            if (i == 0) p.goaway(r.stream, 0, "about " + r.path);
            if (i == 1) p.reset(r.stream, 2);
            if (i == 2) p.drop();
            p.respond(r.stream, 403, r.path);
        };
        auto r = ask("/3/device/hidden-path", "hidden-body");
        r.bearer = secret("hidden-token");
        r.fields = {{"x-secret", i == 3 ? "hidden-value\n" : "hidden-value"}};
        (void)co_await b.pool->perform(std::move(r));
    }
}

std::string thrown_by(const h2::pool_settings& s) {
    asio::io_context io;
    recording_metrics metrics;
    try {
        (void)h2::make_pool(io.get_executor(), s, metrics);
    } catch (const std::runtime_error& e) {
        return e.what();
    }
    return {};
}

} // namespace

TEST(http2_connect, an_untrusted_certificate_is_refused) {
    bed b(true);
    const certificate other;
    b.settings.ca_file = other.pem;
    b.run(comes_to_nothing(b, "tls_failed"));
}

TEST(http2_connect, a_certificate_for_another_host_is_refused) {
    bed b(true);
    b.settings.host = "localhost"; // the certificate is for 127.0.0.1
    b.run(comes_to_nothing(b, "tls_failed"));
}

TEST(http2_connect, a_name_is_verified_and_sent_along) {
    bed b(true, "localhost");
    b.settings.host = "localhost";
    b.run(works(b));
    EXPECT_EQ(b.server.names, std::vector<std::string>{"localhost"});
}

TEST(http2_connect, an_address_is_verified_and_not_sent_as_a_name) {
    bed b(true);
    b.run(works(b));
    EXPECT_EQ(b.server.names, std::vector<std::string>{""});
}

TEST(http2_connect, a_server_without_http2_is_refused) {
    bed b(true);
    b.server.alpn = false;
    b.run(comes_to_nothing(b, "no_http2"));
}

TEST(http2_connect, a_handshake_has_a_deadline) {
    bed b(true);
    b.server.how = h2_server::manner::silent_tcp;
    b.settings.tls_timeout = 100ms;
    b.run(comes_to_nothing(b, "tls_timeout"));
}

TEST(http2_connect, settings_have_a_deadline) {
    bed b;
    b.server.how = h2_server::manner::never_settings;
    b.settings.settings_timeout = 100ms;
    b.run(comes_to_nothing(b, "settings_timeout"));
}

TEST(http2_connect, a_server_that_speaks_something_else_is_left) {
    bed b;
    b.server.how = h2_server::manner::garbage;
    b.run(comes_to_nothing(b, "ended"));
}

TEST(http2_connect, a_name_that_does_not_exist_is_told) {
    bed b;
    b.settings.host = "no-such-host.invalid";
    b.run(comes_to_nothing(b, "resolve_failed"));
}

TEST(http2_connect, a_name_with_several_addresses_is_tried_one_after_the_other) {
    bed b; // localhost is ::1 as well on most machines, where nobody listens
    b.settings.host = "localhost";
    b.run(works(b));
}

TEST(http2_connect, who_cannot_be_served_in_time_learns_it_at_once) {
    bed b;
    b.settings.first_pause = 60s;
    b.settings.longest_pause = 60s;
    b.run(refused_then_hopeless(b));
}

TEST(http2_connect, requests_wait_for_a_connection_within_their_time) {
    bed b;
    b.settings.settings_timeout = 100ms;
    b.run(comes_back(b));
}

TEST(http2_connect, pauses_grow_while_nothing_comes_of_it) {
    bed b;
    b.settings.first_pause = 50ms;
    b.settings.longest_pause = 60s;
    b.run(no_storm(b));
}

TEST(http2_connect, reconnects_are_paced_whatever_the_server_does) {
    bed b;
    b.settings.connects_per_second = 10;
    b.settings.connect_burst = 3;
    b.run(paced(b));
}

TEST(http2_connect, some_are_kept_open_and_replaced) {
    bed b;
    b.settings.kept_open = 2;
    b.run(kept_open(b));
}

TEST(http2_connect, a_proxy_connects_by_name_with_tls_end_to_end) {
    proxied b(true, "us%65r:p%40ss@"); // user:p@ss
    b.proxy.wants = "Basic dXNlcjpwQHNz";
    b.run(within_proxy(b, works(b)));
    ASSERT_EQ(b.proxy.heads.size(), 1U);
    EXPECT_TRUE(
        b.proxy.heads[0].starts_with("CONNECT 127.0.0.1:" + std::to_string(b.server.port()) + " HTTP/1.1\r\n")
    );
}

TEST(http2_connect, a_proxy_passes_clear_text) {
    proxied b(false);
    b.run(within_proxy(b, works(b)));
    EXPECT_EQ(b.proxy.heads.at(0).find("Proxy-Authorization"), std::string::npos);
}

TEST(http2_connect, a_proxy_that_refuses_is_told) {
    proxied b(true, "user:wrong@");
    b.proxy.wants = "Basic dXNlcjpwQHNz";
    b.run(within_proxy(b, comes_to_nothing(b, "proxy_failed")));
}

TEST(http2_connect, a_mute_proxy_has_a_deadline) {
    proxied b(true);
    b.proxy.mute = true;
    b.settings.connect_timeout = 100ms;
    b.run(within_proxy(b, comes_to_nothing(b, "proxy_failed")));
}

TEST(http2_connect, a_proxy_that_is_none_is_told) {
    proxied b(true);
    b.proxy.chatty = true;
    b.run(within_proxy(b, comes_to_nothing(b, "proxy_failed")));
}

TEST(http2_connect, i_06_paths_tokens_and_proxy_credentials_are_in_no_log_line_and_no_metric) {
    proxied b(true, "hidden-user:hidden-password@");
    ::testing::internal::CaptureStderr();
    log::settings all;
    all.threshold = log::level::debug;
    log::configure(all); // to standard error
    b.run(within_proxy(b, eventful(b)));
    const auto logged = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(logged.find("http2_goaway"), std::string::npos) << "lines were written";
    EXPECT_NE(logged.find("http2_bad_request"), std::string::npos);
    EXPECT_NE(logged.find("http2_connection_came_to_nothing"), std::string::npos);
    EXPECT_EQ(logged.find("hidden"), std::string::npos) << logged;
    EXPECT_EQ(b.metrics.text().find("hidden"), std::string::npos);
    EXPECT_EQ(logged.find("aGlkZGVu"), std::string::npos) << "not in base64 either";
}

TEST(http2_connect, wrong_settings_are_named) {
    h2::pool_settings s;
    EXPECT_NE(thrown_by(s).find("no host"), std::string::npos);
    s.host = "127.0.0.1";
    s.ca_file = "/no/such/file.pem";
    EXPECT_NE(thrown_by(s).find("/no/such/file.pem"), std::string::npos);
    s.ca_file.clear();
    s.proxy = secret(std::string("socks5://user:hidden") + "@proxy:1");
    EXPECT_NE(thrown_by(s).find("http only"), std::string::npos);
    EXPECT_EQ(thrown_by(s).find("hidden"), std::string::npos);
}
