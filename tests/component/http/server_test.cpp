// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "site.hpp"

#include <gtest/gtest.h>

using namespace z360;
using namespace z360::test;

namespace {

awaitable<void> answers(site& s) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    const reply r = co_await w.ask(get("/hello"));
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body, "hello");
    EXPECT_TRUE(r.has("\r\nDate: ")) << r.head;
    EXPECT_FALSE(r.has("Connection:")) << r.head;
    EXPECT_EQ(s.server->connections(), 1U);
    EXPECT_EQ(s.metrics.gauge_value("http_connections"), 1);
    EXPECT_EQ(
        s.metrics.counted(
            "http_requests_total", {{"method", "GET"}, {"route", "/hello"}, {"status_class", "2xx"}}
        ),
        1
    );
    EXPECT_EQ(s.metrics.observed("http_request_seconds", {{"route", "/hello"}}).size(), 1U);
}

awaitable<void> passes_the_request_on(site& s) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    const reply r = co_await w.ask(get("/echo/a%20b?x=%31", "Authorization: token\r\n"));
    EXPECT_EQ(r.status, 200);
    EXPECT_TRUE(r.has("X-Path: /echo/a b\r\n")) << r.head;
    EXPECT_TRUE(r.has("X-Query: x=%31\r\n")) << r.head;
    EXPECT_TRUE(r.has("X-Param-name: a b\r\n")) << r.head;
    EXPECT_TRUE(r.has("X-Remote: 127.0.0.1\r\n")) << r.head;
    EXPECT_TRUE(r.has("X-Auth: token\r\n")) << r.head;
}

awaitable<void> keeps_alive(site& s) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    for (int i = 0; i < 5; ++i) {
        const auto body = "request " + std::to_string(i);
        const reply r = co_await w.ask(post("/echo", body));
        EXPECT_EQ(r.status, 200);
        EXPECT_EQ(r.body, body);
    }
    const reply last = co_await w.ask(get("/hello", "Connection: close\r\n"));
    EXPECT_EQ(last.status, 200);
    EXPECT_TRUE(last.has("Connection: close\r\n")) << last.head;
    const bool closed = co_await w.closed();
    EXPECT_TRUE(closed);
}

awaitable<void> speaks_http_1_0(site& s) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    const reply r = co_await w.ask("GET /hello HTTP/1.0\r\n\r\n");
    EXPECT_EQ(r.status, 200);
    EXPECT_TRUE(r.has("Connection: close\r\n")) << r.head;
    const bool closed = co_await w.closed();
    EXPECT_TRUE(closed);
}

awaitable<void> pipelines(site& s) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    std::string all;
    for (int i = 0; i < 50; ++i)
        all += post("/echo", std::to_string(i));
    co_await w.send(all);
    for (int i = 0; i < 50; ++i) {
        const reply r = co_await w.receive();
        EXPECT_EQ(r.status, 200);
        EXPECT_EQ(r.body, std::to_string(i));
    }
}

awaitable<void> unknown_and_wrong(site& s) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    const reply absent = co_await w.ask(get("/nowhere"));
    EXPECT_EQ(absent.status, 404);
    EXPECT_TRUE(absent.is_problem("not_found")) << absent.head << absent.body;
    const reply wrong = co_await w.ask(post("/hello", "x"));
    EXPECT_EQ(wrong.status, 405);
    EXPECT_TRUE(wrong.is_problem("method_not_allowed")) << wrong.body;
    EXPECT_TRUE(wrong.has("Allow: GET, HEAD\r\n")) << wrong.head;
    const reply still = co_await w.ask(get("/hello")); // neither cost the connection
    EXPECT_EQ(still.status, 200);
    EXPECT_EQ(
        s.metrics.counted(
            "http_requests_total", {{"method", "GET"}, {"route", "none"}, {"status_class", "4xx"}}
        ),
        1
    );
}

awaitable<void> invented_method(site& s) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    const reply r = co_await w.ask("BREW /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(r.status, 405);
    EXPECT_EQ(
        s.metrics.counted(
            "http_requests_total", {{"method", "other"}, {"route", "none"}, {"status_class", "4xx"}}
        ),
        1
    );
}

awaitable<void> head_has_no_body(site& s) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    co_await w.send("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n" + get("/hello"));
    const reply head = co_await w.receive(true);
    EXPECT_EQ(head.status, 200);
    EXPECT_TRUE(head.has("Content-Length: 5\r\n")) << head.head;
    const reply next = co_await w.receive(); // would be garbage if a body had followed
    EXPECT_EQ(next.status, 200);
    EXPECT_EQ(next.body, "hello");
}

awaitable<void> handler_throws(site& s) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    const reply r = co_await w.ask(get("/fail"));
    EXPECT_EQ(r.status, 500);
    EXPECT_TRUE(r.is_problem("internal_error")) << r.body;
    EXPECT_EQ(r.body.find("broke"), std::string::npos) << "the cause is not the client's business";
    const reply next = co_await w.ask(get("/hello"));
    EXPECT_EQ(next.status, 200);
}

awaitable<void> large_response(site& s) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    const reply r = co_await w.ask(get("/large"));
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body, std::string(3 * 1024 * 1024, 'L'));
}

awaitable<void> continues(site& s) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    co_await w.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    const reply go = co_await w.receive();
    EXPECT_EQ(go.status, 100);
    const reply r = co_await w.ask("body");
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body, "body");
}

awaitable<void> finishes_what_is_in_flight(site& s) {
    wire busy(s.io.get_executor());
    wire idle(s.io.get_executor());
    co_await busy.connect(s.port());
    co_await idle.connect(s.port());
    const reply first = co_await idle.ask(get("/hello"));
    EXPECT_EQ(first.status, 200);
    co_await busy.send(get("/wait"));
    co_await s.entered.wait();

    rt::task_group stopping(s.io.get_executor());
    stopping.spawn(s.server->stop(5s));
    const bool idle_closed = co_await idle.closed(); // at once, while the other is still being served
    EXPECT_TRUE(idle_closed);
    EXPECT_EQ(s.server->connections(), 1U);
    wire late(s.io.get_executor());
    const tcp::endpoint at(asio::ip::address_v4::loopback(), s.port());
    auto [refused] = co_await late.socket.async_connect(at, k_tuple);
    EXPECT_EQ(refused, asio::error::connection_refused);

    s.gate.set();
    const reply r = co_await busy.receive();
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body, "waited");
    EXPECT_TRUE(r.has("Connection: close\r\n")) << r.head;
    busy.socket.close();
    const bool stopped = co_await stopping.drain(5s);
    EXPECT_TRUE(stopped);
    co_await stopping.join();
}

awaitable<void> drains_before_it_stops(site& s) {
    wire old(s.io.get_executor());
    co_await old.connect(s.port());
    const reply before = co_await old.ask(get("/hello"));
    EXPECT_FALSE(before.has("Connection: close\r\n")) << before.head;
    s.server->drain();
    const reply last = co_await old.ask(get("/hello"));
    EXPECT_EQ(last.status, 200);
    EXPECT_TRUE(last.has("Connection: close\r\n")) << last.head;
    wire fresh(s.io.get_executor());
    co_await fresh.connect(s.port());
    const reply served = co_await fresh.ask(get("/hello"));
    EXPECT_EQ(served.status, 200);
    EXPECT_TRUE(served.has("Connection: close\r\n")) << served.head;
}

awaitable<void> serves_whom_it_has_accepted(site& s) {
    wire fresh(s.io.get_executor());
    co_await fresh.connect(s.port());
    const bool accepted = co_await eventually([&s] { return s.server->connections() == 1; });
    EXPECT_TRUE(accepted);
    wire queued(s.io.get_executor()); // only the kernel knows of it: the loop has not come to it yet
    queued.socket.connect(tcp::endpoint(asio::ip::address_v4::loopback(), s.port()));
    wire silent(s.io.get_executor());
    silent.socket.connect(tcp::endpoint(asio::ip::address_v4::loopback(), s.port()));
    rt::task_group stopping(s.io.get_executor());
    stopping.spawn(s.server->stop(5s));
    wire late(s.io.get_executor());
    const tcp::endpoint at(asio::ip::address_v4::loopback(), s.port());
    auto [refused] = co_await late.socket.async_connect(at, k_tuple);
    EXPECT_EQ(refused, asio::error::connection_refused);
    for (auto* w : {&fresh, &queued}) {
        const reply r = co_await w->ask(get("/hello"));
        EXPECT_EQ(r.status, 200);
        EXPECT_TRUE(r.has("Connection: close\r\n")) << r.head;
        w->socket.close();
    }
    const bool closed = co_await silent.closed(); // it has nothing to say, and nobody waits for it for long
    EXPECT_TRUE(closed);
    silent.socket.close();
    const bool stopped = co_await stopping.drain(3s);
    EXPECT_TRUE(stopped);
    co_await stopping.join();
}

awaitable<void> tells_how_its_loops_do(site& s) {
    const auto states = s.server->loops();
    EXPECT_EQ(states.size(), 2U);
    for (const auto& l : states) {
        EXPECT_FALSE(l.late) << l.name;
        EXPECT_NE(s.metrics.text().find("loop_failures_total{loop=" + l.name + "} 0"), std::string::npos);
    }
    co_return;
}

awaitable<void> cuts_off_at_the_limit(site& s) {
    wire busy(s.io.get_executor());
    co_await busy.connect(s.port());
    co_await busy.send(get("/wait"));
    co_await s.entered.wait();
    const auto before = std::chrono::steady_clock::now();
    co_await s.server->stop(50ms);
    const auto took = std::chrono::steady_clock::now() - before;
    EXPECT_GE(took, 50ms);
    EXPECT_LT(took, 2s);
    EXPECT_EQ(s.server->connections(), 0U);
    const bool closed = co_await busy.closed();
    EXPECT_TRUE(closed);
}

awaitable<void> shares_its_port(site& s) {
    auto settings = s.settings;
    settings.port = s.port();
    std::vector<http::route> routes;
    routes.push_back({"GET", "/hello", &say_hello});
    auto second = http::make_server(s.io.get_executor(), settings, std::move(routes), s.metrics);
    second->start();
    EXPECT_EQ(second->port(), s.port());
    co_await s.server->stop(1s); // the port lives on in the second
    wire w(s.io.get_executor());
    co_await w.connect(second->port());
    const reply r = co_await w.ask(get("/hello"));
    EXPECT_EQ(r.status, 200);
    co_await second->stop(1s);
}

} // namespace

TEST(http_server, answers_a_request) {
    site s;
    s.run(answers(s));
    EXPECT_EQ(s.metrics.gauge_value("http_connections"), 0);
}
TEST(http_server, hands_path_query_params_headers_and_peer_to_the_handler) {
    site s;
    s.run(passes_the_request_on(s));
}
TEST(http_server, keeps_a_connection_until_the_client_wants_it_closed) {
    site s;
    s.run(keeps_alive(s));
}
TEST(http_server, closes_after_an_http_1_0_request) {
    site s;
    s.run(speaks_http_1_0(s));
}
TEST(http_server, answers_pipelined_requests_in_order) {
    site s;
    s.run(pipelines(s));
}
TEST(http_server, unknown_paths_are_404_and_wrong_methods_405) {
    site s;
    s.run(unknown_and_wrong(s));
}
TEST(http_server, a_client_cannot_invent_metric_labels) {
    site s;
    s.run(invented_method(s));
}
TEST(http_server, head_is_get_without_the_body) {
    site s;
    s.run(head_has_no_body(s));
}
TEST(http_server, an_exception_in_a_handler_is_500_and_harms_nobody_else) {
    site s;
    s.run(handler_throws(s));
}
TEST(http_server, large_responses_arrive_whole) {
    site s;
    s.run(large_response(s));
}
TEST(http_server, expect_100_continue_is_honoured) {
    site s;
    s.run(continues(s));
}
TEST(http_server, stop_finishes_requests_in_flight_and_closes_idle_connections_at_once) {
    site s;
    s.run(finishes_what_is_in_flight(s));
}
TEST(http_server, be_21_a_draining_server_serves_everybody_and_asks_them_to_go) {
    site s;
    s.run(drains_before_it_stops(s));
}
TEST(http_server, be_21_a_stop_serves_whom_the_kernel_has_accepted) {
    site s;
    s.run(serves_whom_it_has_accepted(s));
}
TEST(http_server, i_03_its_loops_are_told) {
    site s;
    s.run(tells_how_its_loops_do(s));
}
TEST(http_server, stop_cuts_off_what_outlasts_its_limit) {
    site s;
    s.run(cuts_off_at_the_limit(s));
}
TEST(http_server, a_second_server_may_share_the_port_and_outlive_the_first) {
    site s;
    s.run(shares_its_port(s));
}
TEST(http_server, an_address_that_cannot_be_used_is_refused_with_a_reason) {
    asio::io_context io;
    recording_metrics m;
    http::server_settings settings;
    settings.reuse_port = false;
    tcp::acceptor taken(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    settings.port = taken.local_endpoint().port();
    auto second = http::make_server(io.get_executor(), settings, {}, m);
    try {
        second->start();
        FAIL() << "start() should throw";
    } catch (const std::runtime_error& e) {
        const std::string text = e.what();
        EXPECT_NE(text.find("127.0.0.1"), std::string::npos) << text;
        EXPECT_NE(text.find(std::to_string(settings.port)), std::string::npos) << text;
        EXPECT_NE(text.find("in use"), std::string::npos) << text;
    }
    settings.address = "localhost";
    auto named = http::make_server(io.get_executor(), settings, {}, m);
    EXPECT_THROW(named->start(), std::runtime_error);
}
