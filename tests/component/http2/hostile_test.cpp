// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Servers that break the protocol or keep us busy: the connection ends, the loop lives, memory stays bounded.
#include "bed.hpp"

#include <nghttp2/nghttp2.h>

#include <random>

using namespace z360;
using namespace z360::test;

namespace {

std::string frame(unsigned type, unsigned flags, unsigned stream, std::string_view payload) {
    std::string out;
    const auto n = static_cast<unsigned>(payload.size());
    for (const unsigned v :
         {n >> 16, n >> 8, n, type, flags, stream >> 24, stream >> 16, stream >> 8, stream})
        out.push_back(static_cast<char>(v & 0xff));
    return out.append(payload);
}
std::string many(const std::string& what, int n) {
    std::string out;
    out.reserve(what.size() * static_cast<std::size_t>(n));
    for (int i = 0; i < n; ++i)
        out += what;
    return out;
}
const std::string k_settings = frame(NGHTTP2_SETTINGS, 0, 0, "");

/// The bytes come once a request is on its way: it gets one outcome, and the next request another connection.
awaitable<void> attacked(bed& b, std::string bytes, outcome expected) {
    b.server.on_request = [&](h2_peer& p, const h2_seen&) {
        b.server.on_request = nullptr;
        p.raw(bytes);
    };
    const auto victim = b.start(ask("/victim"));
    Z360_REQUIRE(co_await eventually([&] { return victim->done; }));
    EXPECT_EQ(victim->got.what, expected) << h2::name(victim->got.why);
    EXPECT_EQ(victim->got.why, cause::protocol);
    const h2::result next = co_await b.pool->perform(ask("/next"));
    EXPECT_EQ(next.status, 200);
    EXPECT_EQ(b.server.accepted, 2U);
    EXPECT_EQ(b.server.times.at("/victim"), 1U);
}

void expect_survives(const std::string& bytes) {
    bed b;
    const auto began = steady::now();
    b.run(attacked(b, bytes, outcome::unknown));
    EXPECT_LT(steady::now() - began, 8s);
}

/// Headers without end: a block that is never finished.
std::string continuation_flood() {
    std::string block("\x88", 1); // :status 200
    std::string out = frame(NGHTTP2_HEADERS, 0, 1, block);
    const std::string literal = std::string(
                                    "\x00\x03"
                                    "x-a\x7e",
                                    6
                                ) +
                                std::string(126, 'v');
    return out + many(frame(NGHTTP2_CONTINUATION, 0, 1, many(literal, 100)), 2'000);
}

/// 1xx without end.
std::string interim_flood() {
    const std::string early(
        "\x08\x03"
        "103",
        5
    ); // :status 103
    return many(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, early), 20'000);
}

std::string endless_body() {
    std::string out = frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, "\x88");
    return out + many(frame(NGHTTP2_DATA, 0, 1, ""), 20'000);
}

/// What a random server sends: frames of any type with anything in them, or no frames at all.
std::string noise(std::mt19937& random) {
    const auto some = [&](unsigned most) { return static_cast<unsigned>(random() % most); };
    const auto bytes = [&](std::size_t n) {
        std::string s(n, '\0');
        for (auto& c : s)
            c = static_cast<char>(random() & 0xff);
        return s;
    };
    std::string out = some(4) == 0 ? bytes(some(600)) : k_settings;
    for (unsigned i = some(30); i > 0; --i) {
        const unsigned type = some(12);
        const unsigned stream = some(3) == 0 ? 0 : some(8);
        std::string payload = bytes(type == NGHTTP2_PING ? 8 : type == NGHTTP2_WINDOW_UPDATE ? 4 : some(40));
        if (type == NGHTTP2_SETTINGS) payload.resize(payload.size() / 6 * 6);
        if (type == NGHTTP2_HEADERS && some(2) == 0) payload = "\x88" + payload.substr(0, some(3));
        out += frame(type, some(4) == 0 ? some(256) : some(2) * 5, stream, payload);
    }
    return out;
}

awaitable<void> noisy(bed& b, unsigned seed) {
    std::mt19937 random(seed);
    b.server.how = h2_server::manner::raw;
    for (int round = 0; round < 30; ++round) {
        b.server.raw_bytes = noise(random);
        auto all = std::vector<pending_ptr>();
        for (int i = 0; i < 3; ++i) {
            auto r = ask("/p" + std::to_string(i));
            r.timeout = 40ms;
            all.push_back(b.start(std::move(r)));
        }
        Z360_REQUIRE(co_await eventually([&] { return all_done(all); }));
        for (const auto& p : b.server.peers)
            p->drop();
    }
    b.server.how = h2_server::manner::proper;
    Z360_REQUIRE(co_await eventually([&] { // what was dropped is noticed
        const auto n = b.pool->now();
        return n.connections + n.connecting == 0;
    }));
    const auto last = b.start(ask("/last"));
    Z360_REQUIRE(co_await eventually([&] { return last->done; }));
    EXPECT_EQ(last->got.status, 200) << "the pool works as before";
}

} // namespace

TEST(http2_hostile, a_frame_too_long) {
    expect_survives(frame(NGHTTP2_DATA, 0, 1, std::string(20'000, 'x')));
}
TEST(http2_hostile, headers_that_cannot_be_read) {
    expect_survives(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, std::string(30, '\xff')));
}
TEST(http2_hostile, data_on_no_stream) {
    expect_survives(frame(NGHTTP2_DATA, 0, 0, "x"));
}
TEST(http2_hostile, a_window_beyond_the_largest) {
    expect_survives(many(frame(NGHTTP2_WINDOW_UPDATE, 0, 0, "\x7f\xff\xff\xff"), 2));
}
TEST(http2_hostile, a_push_although_they_are_off) {
    expect_survives(frame(
        NGHTTP2_PUSH_PROMISE, NGHTTP2_FLAG_END_HEADERS, 1, std::string("\0\0\0\x02\x82\x87\x84\x41\x01x", 10)
    ));
}
TEST(http2_hostile, a_goaway_that_takes_back_its_word) {
    expect_survives(
        frame(NGHTTP2_GOAWAY, 0, 0, std::string("\0\0\0\x01\0\0\0\0", 8)) +
        frame(NGHTTP2_GOAWAY, 0, 0, std::string("\0\0\0\x09\0\0\0\0", 8))
    );
}
TEST(http2_hostile, settings_flood) {
    expect_survives(many(k_settings, 20'000));
}
TEST(http2_hostile, ping_flood) {
    expect_survives(many(frame(NGHTTP2_PING, 0, 0, "12345678"), 20'000));
}
TEST(http2_hostile, continuation_flood) {
    expect_survives(continuation_flood());
}
TEST(http2_hostile, interim_replies_without_end) {
    expect_survives(interim_flood());
}
TEST(http2_hostile, empty_data_without_end) {
    expect_survives(endless_body());
}
TEST(http2_hostile, unknown_frames_without_end) {
    expect_survives(many(frame(0x77, 0, 0, std::string(16'000, '?')), 1'000));
}

TEST(http2_hostile, random_bytes_and_frames_neither_crash_nor_hang) {
    for (const unsigned seed : {1U, 2U, 3U, 4U, 5U}) {
        SCOPED_TRACE(seed);
        bed b;
        b.settings.settings_timeout = 30ms;
        b.settings.first_pause = 1ms;
        b.settings.longest_pause = 2ms;
        b.run(noisy(b, seed));
    }
}
