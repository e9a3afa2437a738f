// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "http_server/connection.hpp"
#include "site.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <list>
#include <random>
#include <vector>

using namespace z360;
using namespace z360::test;

namespace {

awaitable<void> expect_refusal(site& s, std::string bytes, int status, std::string code) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    const reply r = co_await w.ask(std::move(bytes));
    EXPECT_EQ(r.status, status) << code;
    EXPECT_TRUE(r.is_problem(code)) << r.head << r.body;
    EXPECT_TRUE(r.has("Connection: close\r\n")) << r.head;
    const bool closed = co_await w.closed();
    EXPECT_TRUE(closed) << code;
    EXPECT_EQ(s.metrics.counted("http_rejected_total", {{"reason", code}}), 1) << code;
}

awaitable<void> refuses_what_is_too_large(site& s) {
    const std::string body(s.settings.max_body_bytes + 1, 'x');
    co_await expect_refusal(s, post("/echo", body), 413, "body_too_large");
    const std::string header(s.settings.max_header_bytes, 'x');
    co_await expect_refusal(s, get("/hello", "X-Long: " + header + "\r\n"), 431, "headers_too_large");
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    const std::string just_fits(s.settings.max_body_bytes, 'y');
    const reply r = co_await w.ask(post("/echo", just_fits));
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body.size(), just_fits.size());
}

awaitable<void> refuses_what_is_malformed(site& s) {
    co_await expect_refusal(s, "\x16\x03\x01 a TLS hello on the plain port", 400, "request_malformed");
    co_await expect_refusal(s, "GET /hello HTTP/1.1\r\n\r\n", 400, "host_invalid");
    co_await expect_refusal(s, "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400, "target_invalid");
    co_await expect_refusal(s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "http_version_unsupported");
}

awaitable<void> survives_garbage(site& s) {
    std::mt19937 random(7);
    std::uniform_int_distribution<int> byte(0, 255);
    std::uniform_int_distribution<int> length(1, 3000);
    for (int i = 0; i < 200; ++i) {
        std::string bytes(static_cast<std::size_t>(length(random)), '\0');
        for (auto& c : bytes)
            c = static_cast<char>(byte(random));
        if (i % 2 == 0) bytes = "GET / HTTP/1.1\r\n" + bytes;
        wire w(s.io.get_executor());
        co_await w.connect(s.port());
        co_await w.send(std::move(bytes));
        boost::system::error_code ignored;
        w.socket.shutdown(tcp::socket::shutdown_send, ignored); // nothing more will come
        const reply r = co_await w.receive();
        EXPECT_GE(r.status, 400);
        EXPECT_LT(r.status, 600);
    }
    EXPECT_EQ(s.metrics.total("http_rejected_total"), 200);
    wire good(s.io.get_executor());
    co_await good.connect(s.port());
    const reply r = co_await good.ask(get("/hello"));
    EXPECT_EQ(r.status, 200);
}

awaitable<void> drip(wire& w) {
    co_await w.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
    while (true) {
        co_await w.send("x");
        co_await rt::sleep_for(10ms);
    }
}

awaitable<void> slow_request(site& s) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    const auto before = std::chrono::steady_clock::now();
    // A byte now and then must not win more time: the limit is for the whole request.
    rt::task_group dripping(s.io.get_executor());
    dripping.spawn(drip(w));
    const reply r = co_await w.receive();
    const auto took = std::chrono::steady_clock::now() - before;
    EXPECT_EQ(r.status, 408);
    EXPECT_TRUE(r.is_problem("request_timeout")) << r.body;
    EXPECT_GE(took, s.settings.read_timeout);
    EXPECT_LT(took, 3s);
    co_await dripping.join();
    EXPECT_EQ(s.metrics.counted("http_rejected_total", {{"reason", "request_timeout"}}), 1);
}

awaitable<void> half_a_request(site& s) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    co_await w.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf");
    w.socket.shutdown(tcp::socket::shutdown_send);
    const reply r = co_await w.receive();
    EXPECT_EQ(r.status, 400);
    EXPECT_TRUE(r.is_problem("request_incomplete")) << r.body;
    wire gone(s.io.get_executor());
    co_await gone.connect(s.port());
    co_await gone.send("GET /he");
    gone.socket.close();
    w.socket.close();
    const bool empty = co_await eventually([&s] { return s.server->connections() == 0; });
    EXPECT_TRUE(empty);
    EXPECT_EQ(s.hits, 0);
}

awaitable<void> idle_connections(site& s) {
    wire fresh(s.io.get_executor());
    wire used(s.io.get_executor());
    co_await fresh.connect(s.port());
    co_await used.connect(s.port());
    const reply r = co_await used.ask(get("/hello"));
    EXPECT_EQ(r.status, 200);
    const auto before = std::chrono::steady_clock::now();
    const bool fresh_closed = co_await fresh.closed();
    const bool used_closed = co_await used.closed();
    EXPECT_TRUE(fresh_closed);
    EXPECT_TRUE(used_closed);
    EXPECT_LT(std::chrono::steady_clock::now() - before, 3s);
    EXPECT_EQ(s.metrics.total("http_rejected_total"), 0) << "closing an idle connection refuses nothing";
}

awaitable<void> reader_that_does_not_read(site& s) {
    wire w(s.io.get_executor());
    w.socket.open(tcp::v4());
    w.socket.set_option(asio::socket_base::receive_buffer_size(4096));
    const tcp::endpoint at(asio::ip::address_v4::loopback(), s.port());
    co_await w.socket.async_connect(at, asio::use_awaitable);
    std::string many;
    for (int i = 0; i < 20; ++i)
        many += get("/large");
    co_await w.send(many);
    const bool dropped = co_await eventually([&s] {
        return s.metrics.counted("http_rejected_total", {{"reason", "write_timeout"}}) == 1;
    });
    EXPECT_TRUE(dropped);
    const bool empty = co_await eventually([&s] { return s.server->connections() == 0; });
    EXPECT_TRUE(empty);
}

awaitable<void> connection_cap(site& s) {
    std::list<wire> held;
    for (std::size_t i = 0; i < s.settings.max_connections; ++i) {
        auto& w = held.emplace_back(s.io.get_executor());
        co_await w.connect(s.port());
        const reply r = co_await w.ask(get("/hello"));
        EXPECT_EQ(r.status, 200);
    }
    wire extra(s.io.get_executor());
    co_await extra.connect(s.port());
    const reply r = co_await extra.ask(get("/hello"));
    EXPECT_EQ(r.status, 503);
    EXPECT_TRUE(r.is_problem("too_many_connections")) << r.body;
    EXPECT_TRUE(r.has("Retry-After: ")) << r.head;
    const bool closed = co_await extra.closed();
    EXPECT_TRUE(closed);
    EXPECT_EQ(s.server->connections(), s.settings.max_connections);
    held.pop_front(); // one place is free again
    const bool room =
        co_await eventually([&s] { return s.server->connections() == s.settings.max_connections - 1; });
    EXPECT_TRUE(room);
    wire next(s.io.get_executor());
    co_await next.connect(s.port());
    const reply served = co_await next.ask(get("/hello"));
    EXPECT_EQ(served.status, 200);
}

using wires = std::list<wire>;

awaitable<void> fill(site& s, wires& held, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        auto& w = held.emplace_back(s.io.get_executor());
        co_await w.connect(s.port());
    }
}

awaitable<void> expect_answer(site& s, std::string bytes, int status, std::string code) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    const reply r = co_await w.ask(std::move(bytes));
    EXPECT_EQ(r.status, status) << r.head << r.body;
    if (!code.empty()) EXPECT_TRUE(r.is_problem(code)) << r.body;
}

awaitable<void> reserved_places(site& s) {
    wires held;
    co_await fill(s, held, s.settings.max_connections);
    const bool full =
        co_await eventually([&] { return s.server->connections() == s.settings.max_connections; });
    EXPECT_TRUE(full);
    co_await expect_answer(s, post("/hook", "a"), 200, "");
    co_await expect_answer(s, get("/hello"), 503, "too_many_connections");
    co_await expect_answer(s, get("/hook"), 503, "too_many_connections");
    // Kept open, it goes on being served, and asks for the rest once there is room.
    wire carrier(s.io.get_executor());
    co_await carrier.connect(s.port());
    for (int i = 0; i < 3; ++i) {
        const reply r = co_await carrier.ask(post("/hook", "again"));
        EXPECT_EQ(r.status, 200);
        EXPECT_FALSE(r.has("Connection: close\r\n"));
    }
    held.pop_front();
    const bool room =
        co_await eventually([&] { return s.server->connections() == s.settings.max_connections; });
    EXPECT_TRUE(room);
    const reply other = co_await carrier.ask(get("/hello"));
    EXPECT_EQ(other.status, 200);
}

awaitable<void> silent_holders_of_reserved_places(site& s) {
    wires held;
    co_await fill(s, held, s.settings.max_connections + s.settings.reserved_connections + 20);
    co_await expect_answer(s, post("/hook", "a"), 200, "");
    wire half(s.io.get_executor());
    co_await half.connect(s.port());
    co_await half.send("POST /hook HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf");
    co_await fill(s, held, s.settings.reserved_connections + 1);
    co_await expect_answer(s, post("/hook", "b"), 200, "");
    EXPECT_GT(s.metrics.counted("http_rejected_total", {{"reason", "made_room"}}), 0);
    const bool bounded = co_await eventually([&] {
        return s.server->connections() <= s.settings.max_connections + s.settings.reserved_connections;
    });
    EXPECT_TRUE(bounded);
}

awaitable<void> busy_holders_of_reserved_places(site& s) {
    wires held;
    co_await fill(s, held, s.settings.max_connections);
    wire busy(s.io.get_executor());
    co_await busy.connect(s.port());
    co_await busy.send(post("/hold", "x"));
    co_await s.entered.wait();
    co_await expect_answer(s, post("/hook", "a"), 503, "too_many_connections");
    s.gate.set();
    const reply r = co_await busy.receive();
    EXPECT_EQ(r.status, 200) << "who is being served makes no room";
    co_await expect_answer(s, post("/hook", "a"), 200, "");
}

awaitable<void> one_address(site& s) {
    wires held;
    co_await fill(s, held, s.settings.max_connections_per_address);
    const bool taken = co_await eventually([&] {
        return s.server->connections() == s.settings.max_connections_per_address;
    });
    EXPECT_TRUE(taken);
    wire extra(s.io.get_executor());
    co_await extra.connect(s.port());
    const reply refused = co_await extra.ask(get("/hello"));
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(refused.is_problem("too_many_connections")) << refused.body;
    EXPECT_NE(refused.body.find("This address has too many connections"), std::string::npos) << refused.body;
    co_await expect_answer(s, post("/hook", "a"), 200, "");
    wire elsewhere(s.io.get_executor());
    elsewhere.socket.open(tcp::v4());
    elsewhere.socket.bind({asio::ip::make_address_v4("127.0.0.2"), 0});
    const tcp::endpoint at(asio::ip::address_v4::loopback(), s.port());
    co_await elsewhere.socket.async_connect(at, asio::use_awaitable);
    const reply r = co_await elsewhere.ask(get("/hello"));
    EXPECT_EQ(r.status, 200);
    held.pop_front();
    const bool room = co_await eventually([&] {
        return s.server->connections() == s.settings.max_connections_per_address;
    });
    EXPECT_TRUE(room);
    co_await expect_answer(s, get("/hello"), 200, "");
}

awaitable<void> exempt_address(site& s) {
    wires held;
    co_await fill(s, held, s.settings.max_connections_per_address + 3);
    co_await expect_answer(s, get("/hello"), 200, "");
}

// With places to spare they may wait for a minute; short of them those that never asked go.
awaitable<void> silent_when_short(site& s) {
    wire old(s.io.get_executor());
    wire carrier(s.io.get_executor());
    co_await old.connect(s.port());
    co_await carrier.connect(s.port());
    for (int i = 0; i < 3; ++i) {
        const reply r = co_await carrier.ask(post("/hook", "a"));
        EXPECT_EQ(r.status, 200);
    }
    EXPECT_EQ(s.server->connections(), 2U) << "nobody is short of places";
    wires held;
    co_await fill(s, held, s.settings.max_connections - 2);
    const bool gone = co_await eventually([&] { return s.server->connections() == 1; });
    EXPECT_TRUE(gone) << s.server->connections() << " are left";
    const reply r = co_await carrier.ask(post("/hook", "a"));
    EXPECT_EQ(r.status, 200) << "the carrier's connection stays";
}

/// Holds every free descriptor but `left` of this process.
class descriptor_shortage {
  public:
    explicit descriptor_shortage(std::size_t left) {
        (void)::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit lower = before_;
        lower.rlim_cur = std::min<rlim_t>(before_.rlim_cur, 256);
        (void)::setrlimit(RLIMIT_NOFILE, &lower);
        int fd = -1;
        while ((fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
            held_.push_back(fd);
        for (; left > 0 && !held_.empty(); --left) {
            (void)::close(held_.back());
            held_.pop_back();
        }
    }
    ~descriptor_shortage() { end(); }
    descriptor_shortage(const descriptor_shortage&) = delete;
    descriptor_shortage& operator=(const descriptor_shortage&) = delete;
    void end() {
        for (const int fd : held_)
            (void)::close(fd);
        held_.clear();
        (void)::setrlimit(RLIMIT_NOFILE, &before_);
    }

  private:
    rlimit before_{};
    std::vector<int> held_;
};

awaitable<void> out_of_descriptors(site& s) {
    descriptor_shortage shortage(1); // enough for the client's end
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    co_await w.send(get("/hello"));
    const bool noticed =
        co_await eventually([&s] { return s.metrics.total("http_accept_errors_total") >= 3; });
    EXPECT_TRUE(noticed);
    co_await rt::sleep_for(300ms); // tidy: allow, a spinning loop would count up meanwhile
    EXPECT_LT(s.metrics.total("http_accept_errors_total"), 20) << "the accept loop spins";
    shortage.end();
    const reply r = co_await w.receive();
    EXPECT_EQ(r.status, 200);
}

// A crowd that has just connected and asks without end: the next one is not served after the whole crowd has
// been, again and again, while it is let in one by one.
awaitable<void> newcomer_behind_a_crowd(site& s) {
    constexpr int k_crowd = 200;
    const tcp::endpoint at(asio::ip::address_v4::loopback(), s.port());
    std::string many;
    for (int n = 0; n < 100; ++n)
        many += get("/count");
    // Nothing here waits, so the server has accepted nobody yet; the kernel has.
    std::list<tcp::socket> crowd;
    for (int n = 0; n < k_crowd; ++n) {
        auto& c = crowd.emplace_back(s.io.get_executor());
        c.connect(at);
        (void)asio::write(c, asio::buffer(many));
    }
    wire newcomer(s.io.get_executor());
    newcomer.socket.connect(at);
    const reply r = co_await newcomer.ask(get("/hello"));
    EXPECT_EQ(r.status, 200);
    EXPECT_LT(s.hits, k_crowd * 10);
}

} // namespace

TEST(http_limits, oversized_bodies_are_413_and_oversized_headers_431) {
    site s;
    s.settings.max_body_bytes = 200'000;
    s.settings.max_header_bytes = 4096;
    s.run(refuses_what_is_too_large(s));
}
TEST(http_limits, malformed_requests_get_400_and_a_closed_connection) {
    site s;
    s.run(refuses_what_is_malformed(s));
}
TEST(http_limits, garbage_is_refused_counted_and_harmless) {
    site s;
    s.run(survives_garbage(s));
}
TEST(http_limits, a_request_that_drips_in_is_408) {
    site s;
    s.settings.read_timeout = 200ms;
    s.run(slow_request(s));
}
TEST(http_limits, half_a_request_reaches_no_handler) {
    site s;
    s.run(half_a_request(s));
}
TEST(http_limits, idle_connections_are_closed) {
    site s;
    s.settings.idle_timeout = 100ms;
    s.settings.read_timeout = 100ms;
    s.run(idle_connections(s));
}
TEST(http_limits, a_client_that_does_not_read_is_dropped) {
    site s;
    s.settings.write_timeout = 200ms;
    s.run(reader_that_does_not_read(s));
}
TEST(http_limits, connections_beyond_the_cap_are_told_503) {
    site s;
    s.settings.max_connections = 3;
    s.run(connection_cap(s));
}
TEST(http_limits, reserved_routes_are_served_when_all_places_are_taken) {
    site s;
    s.settings.max_connections = 3;
    s.settings.reserved_connections = 2;
    s.run(reserved_places(s));
}
TEST(http_limits, who_only_waits_in_a_reserved_place_makes_room) {
    site s;
    s.settings.max_connections = 3;
    s.settings.reserved_connections = 2;
    s.run(silent_holders_of_reserved_places(s));
}
TEST(http_limits, who_is_served_in_a_reserved_place_stays) {
    site s;
    s.settings.max_connections = 1;
    s.settings.reserved_connections = 1;
    s.run(busy_holders_of_reserved_places(s));
}
TEST(http_limits, one_address_has_its_share_of_the_places) {
    site s;
    s.settings.max_connections = 100;
    s.settings.max_connections_per_address = 4;
    s.settings.reserved_connections = 2;
    s.run(one_address(s));
}
TEST(http_limits, addresses_are_counted_by_ipv4_address_and_ipv6_network) {
    EXPECT_EQ(http::source_of("192.0.2.7"), "192.0.2.7");
    EXPECT_EQ(http::source_of("::ffff:192.0.2.7"), "192.0.2.7");
    EXPECT_EQ(http::source_of("2001:db8:1:2:3:4:5:6"), http::source_of("2001:db8:1:2::1"));
    EXPECT_NE(http::source_of("2001:db8:1:2::1"), http::source_of("2001:db8:1:3::1"));
    EXPECT_EQ(http::source_of(""), "");
}
TEST(http_limits, a_proxys_address_has_no_share) {
    site s;
    s.settings.max_connections = 100;
    s.settings.max_connections_per_address = 4;
    s.settings.no_address_limit = [](std::string_view address) { return address == "127.0.0.1"; };
    s.run(exempt_address(s));
}
TEST(http_limits, who_never_asked_is_let_go_when_places_are_short) {
    site s;
    s.settings.max_connections = 12;
    s.settings.short_idle_timeout = 150ms;
    s.run(silent_when_short(s));
}
TEST(http_limits, running_out_of_descriptors_does_not_spin_and_heals) {
    site s;
    s.run(out_of_descriptors(s));
}
TEST(http_limits, a_newcomer_is_let_in_at_once_however_busy_a_crowd_before_it_is) {
    site s;
    s.run(newcomer_behind_a_crowd(s));
}
