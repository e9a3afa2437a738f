// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "byte_streams.hpp"
#include "site.hpp"

#include <z360/http/range.hpp>

#include <gtest/gtest.h>

using namespace z360;
using namespace z360::test;

namespace {

constexpr auto k_pace = 5ms; ///< of a slow client, between two reads

/// A server with GET /stream, which gives what `source` says.
struct stream_site : site {
    source_state source;
    wire stays{io.get_executor()}; ///< a connection that is open when the server stops
    explicit stream_site(std::uint64_t size) {
        source.size = size;
        const auto give = [this](http::request r) { return answer(std::move(r)); };
        more.push_back({"GET", "/stream", give});
    }
    awaitable<http::response> answer(http::request) {
        http::response r;
        r.headers.add("Content-Type", "audio/mpeg");
        r.stream = std::make_shared<pattern_source>(source);
        co_return r;
    }
    [[nodiscard]] double rejected(const char* why) const {
        return metrics.counted("http_rejected_total", {{"reason", why}});
    }
};

/// Reads until the server closes.
awaitable<std::string> read_all(wire& w) {
    std::string all = std::move(w.rest);
    std::string chunk(64 * 1024, '\0');
    while (true) {
        auto [ec, n] = co_await w.socket.async_read_some(asio::buffer(chunk), k_tuple);
        if (ec) co_return all;
        all.append(chunk, 0, n);
    }
}

std::string body_of(const std::string& bytes) {
    const auto end = bytes.find("\r\n\r\n");
    return end == std::string::npos ? std::string() : bytes.substr(end + 4);
}

awaitable<void> arrives_whole(stream_site& s) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    for (int i = 0; i < 2; ++i) {
        s.source.given = 0;
        const reply r = co_await w.ask(get("/stream"));
        EXPECT_EQ(r.status, 200);
        EXPECT_TRUE(r.has("Content-Length: " + std::to_string(s.source.size) + "\r\n")) << r.head;
        EXPECT_TRUE(r.has("Content-Type: audio/mpeg\r\n")) << r.head;
        EXPECT_EQ(r.body.size(), s.source.size);
        EXPECT_TRUE(r.body == patterned(0, r.body.size()));
        const bool freed = co_await eventually([&s] { return s.source.alive == 0; });
        EXPECT_TRUE(freed);
    }
    EXPECT_LE(s.source.most_asked, 64U * 1024);
    const reply next = co_await w.ask(get("/hello"));
    EXPECT_EQ(next.body, "hello");
    EXPECT_EQ(s.server->connections(), 1U);
    EXPECT_EQ(s.rejected("stream_failed"), 0);
}

awaitable<void> head_alone(stream_site& s) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    co_await w.send("HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n" + get("/hello"));
    const reply head = co_await w.receive(true);
    EXPECT_EQ(head.status, 200);
    EXPECT_TRUE(head.has("Content-Length: " + std::to_string(s.source.size) + "\r\n")) << head.head;
    const reply next = co_await w.receive();
    EXPECT_EQ(next.body, "hello");
    EXPECT_EQ(s.source.given, 0U);
    EXPECT_EQ(s.source.alive, 0);
}

awaitable<void> never_more_than_announced(stream_site& s) {
    s.source.excess = 1000;
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    const reply r = co_await w.ask(get("/stream"));
    EXPECT_EQ(r.body.size(), s.source.size);
    EXPECT_TRUE(w.rest.empty());
    const reply next = co_await w.ask(get("/hello")); // would be garbage if more had followed
    EXPECT_EQ(next.status, 200);
}

awaitable<void> breaks_off(stream_site& s, std::uint64_t after) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    co_await w.send(get("/stream") + get("/hello"));
    const std::string all = co_await read_all(w);
    EXPECT_TRUE(all.starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_LE(body_of(all).size(), after);
    EXPECT_EQ(all.find("HTTP/1.1", 1), std::string::npos) << "another response in the place of the rest";
    const bool freed = co_await eventually([&s] { return s.source.alive == 0; });
    EXPECT_TRUE(freed);
    EXPECT_EQ(s.source.given, after);
    EXPECT_EQ(s.rejected("stream_failed"), 1);
}

awaitable<void> leaves_midway(stream_site& s) {
    {
        wire w(s.io.get_executor());
        co_await w.connect(s.port());
        co_await w.send(get("/stream"));
        std::array<char, 1000> some{};
        (void)co_await asio::async_read(w.socket, asio::buffer(some), k_tuple);
        EXPECT_EQ(s.source.alive, 1);
    }
    const bool freed = co_await eventually([&s] { return s.source.alive == 0; });
    EXPECT_TRUE(freed);
    EXPECT_LT(s.source.given, s.source.size);
    EXPECT_EQ(s.rejected("stream_failed"), 0) << "that was not the stream's fault";
    const bool closed = co_await eventually([&s] { return s.server->connections() == 0; });
    EXPECT_TRUE(closed);
}

awaitable<void> takes_nothing(stream_site& s) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    co_await w.send(get("/stream"));
    const bool freed = co_await eventually([&s] { return s.source.given > 0 && s.source.alive == 0; });
    EXPECT_TRUE(freed);
    EXPECT_EQ(s.rejected("write_timeout"), 1);
    EXPECT_LT(s.source.given, s.source.size / 2) << "what the kernel took in, and one piece";
}

awaitable<void> takes_little_by_little(stream_site& s) {
    wire w(s.io.get_executor());
    w.socket.open(tcp::v4());
    w.socket.set_option(asio::socket_base::receive_buffer_size(64 * 1024));
    co_await w.connect(s.port());
    co_await w.send(get("/stream"));
    const auto before = std::chrono::steady_clock::now();
    const reply head = co_await w.receive(true);
    EXPECT_EQ(head.status, 200);
    std::string body = std::move(w.rest);
    std::string chunk(64 * 1024, '\0');
    while (body.size() < s.source.size) {
        auto [ec, n] = co_await w.socket.async_read_some(asio::buffer(chunk), k_tuple);
        if (ec) break;
        body.append(chunk, 0, n);
        co_await rt::sleep_for(k_pace);
    }
    EXPECT_GT(std::chrono::steady_clock::now() - before, s.settings.write_timeout);
    EXPECT_EQ(body.size(), s.source.size);
    EXPECT_TRUE(body == patterned(0, body.size()));
    EXPECT_EQ(s.rejected("write_timeout"), 0);
}

awaitable<void> begins_and_waits(stream_site& s) {
    co_await s.stays.connect(s.port());
    co_await s.stays.send(get("/stream"));
    const bool began = co_await eventually([&s] { return s.source.given > 0; });
    EXPECT_TRUE(began);
    EXPECT_EQ(s.source.alive, 1); // and the server stops
}

/// GET /part gives what the request's Range asks for.
awaitable<http::response> give_part(source_state& all, http::request req) {
    const auto part = http::asked_part(req, all.size);
    if (part.what == http::content_part::kind::outside) co_return http::range_refused(all.size);
    http::response r;
    mark_part(r, part, all.size);
    r.body = patterned(part.first, static_cast<std::size_t>(part.length));
    co_return r;
}

awaitable<void> serves_parts(stream_site& s) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    const reply part = co_await w.ask(get("/part", "Range: bytes=10-19\r\n"));
    EXPECT_EQ(part.status, 206);
    EXPECT_TRUE(part.has("Content-Range: bytes 10-19/100\r\n")) << part.head;
    EXPECT_EQ(part.body, patterned(10, 10));
    const reply all = co_await w.ask(get("/part"));
    EXPECT_EQ(all.status, 200);
    EXPECT_TRUE(all.has("Accept-Ranges: bytes\r\n")) << all.head;
    EXPECT_EQ(all.body.size(), 100U);
    const reply outside = co_await w.ask(get("/part", "Range: bytes=100-\r\n"));
    EXPECT_EQ(outside.status, 416);
    EXPECT_TRUE(outside.has("HTTP/1.1 416 Range Not Satisfiable\r\n")) << outside.head;
    EXPECT_TRUE(outside.has("Content-Range: bytes */100\r\n")) << outside.head;
    EXPECT_TRUE(outside.is_problem("range_not_satisfiable")) << outside.body;
}

} // namespace

TEST(http_server_stream, a_long_stream_arrives_whole_and_the_connection_is_kept) {
    stream_site s(5 * k_mib + 17);
    s.run(arrives_whole(s));
}
TEST(http_server_stream, an_empty_stream_is_an_empty_body) {
    stream_site s(0);
    s.run(arrives_whole(s));
}
TEST(http_server_stream, a_head_request_reads_nothing_of_it) {
    stream_site s(k_mib);
    s.run(head_alone(s));
}
TEST(http_server_stream, more_than_was_announced_is_never_sent) {
    stream_site s(100'000);
    s.run(never_more_than_announced(s));
}
TEST(http_server_stream, a_source_that_throws_ends_the_connection) {
    stream_site s(k_mib);
    s.source.throws_at = 128 * 1024;
    s.run(breaks_off(s, s.source.throws_at));
}
TEST(http_server_stream, a_source_that_ends_early_ends_the_connection) {
    stream_site s(k_mib);
    s.source.ends_at = 100'000;
    s.run(breaks_off(s, s.source.ends_at));
}
TEST(http_server_stream, a_client_that_leaves_midway_frees_the_source) {
    stream_site s(256 * k_mib);
    s.run(leaves_midway(s));
}
TEST(http_server_stream, a_client_that_takes_nothing_is_given_up) {
    stream_site s(64 * k_mib);
    s.settings.write_timeout = 200ms;
    s.run(takes_nothing(s));
}
TEST(http_server_stream, the_time_to_write_is_that_of_one_piece) {
    stream_site s(12 * k_mib);
    s.settings.write_timeout = 800ms;
    s.run(takes_little_by_little(s));
}
TEST(http_server_stream, a_stop_frees_a_source_that_is_being_read) {
    stream_site s(k_mib);
    s.source.waits_at = 64 * 1024;
    s.stop_limit = 50ms;
    s.run(begins_and_waits(s));
    EXPECT_EQ(s.source.alive, 0);
    EXPECT_EQ(s.rejected("stream_failed"), 0);
}
TEST(http_server_stream, a_stop_frees_a_source_whose_client_takes_nothing) {
    stream_site s(64 * k_mib);
    s.stop_limit = 50ms;
    s.run(begins_and_waits(s));
    EXPECT_EQ(s.source.alive, 0);
}
TEST(http_server_stream, a_client_may_ask_for_a_part) {
    stream_site s(100);
    const auto give = [&s](http::request r) { return give_part(s.source, std::move(r)); };
    s.more.push_back({"GET", "/part", give});
    s.run(serves_parts(s));
}
