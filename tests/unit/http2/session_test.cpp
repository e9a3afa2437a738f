// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The protocol without a socket: frames by hand on one side, the session on the other, time as told.
#include "adapter/http2/session.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

using namespace z360::adapter::http2;
using namespace std::chrono_literals;
using h2::cause;
using h2::outcome;

namespace {

struct frame {
    unsigned type = 0;
    unsigned flags = 0;
    unsigned stream = 0;
    std::string payload;
};

std::string bytes_of(const frame& f) {
    std::string out;
    const auto n = static_cast<unsigned>(f.payload.size());
    for (const unsigned v :
         {n >> 16, n >> 8, n, f.type, f.flags, f.stream >> 24, f.stream >> 16, f.stream >> 8, f.stream})
        out.push_back(static_cast<char>(v & 0xff));
    return out + f.payload;
}

std::string number(std::uint32_t v) {
    std::string out;
    for (const unsigned shift : {24U, 16U, 8U, 0U})
        out.push_back(static_cast<char>((v >> shift) & 0xff));
    return out;
}
std::string setting(unsigned id, std::uint32_t value) {
    return std::string{static_cast<char>(id >> 8), static_cast<char>(id & 0xff)} + number(value);
}

constexpr std::string_view k_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct talk {
    moment now{1h};
    session_settings settings;
    std::deque<exchange_ptr> line;
    std::unique_ptr<session> s;

    void begin() {
        settings.authority = "host";
        s = std::make_unique<session>(settings, now);
        s->begin(now);
    }
    exchange_ptr queue(const std::string& body = {}) {
        h2::request r;
        r.path = "/";
        r.body = body;
        line.push_back(std::make_shared<exchange>(std::move(r), now + 10s));
        return line.back();
    }
    std::string write(std::size_t most = 65'536) {
        std::string out;
        s->output(out, most, now, [this]() -> exchange_ptr {
            if (line.empty()) return nullptr;
            auto x = line.front();
            line.pop_front();
            return x;
        });
        return out;
    }
    std::vector<frame> frames() {
        auto out = write();
        if (out.starts_with(k_preface)) out.erase(0, k_preface.size());
        std::vector<frame> list;
        const auto at = [&out](std::size_t i) {
            return static_cast<unsigned>(static_cast<unsigned char>(out[i]));
        };
        while (out.size() >= 9) {
            const std::size_t n = at(0) << 16 | at(1) << 8 | at(2);
            list.push_back({at(3), at(4), at(5) << 24 | at(6) << 16 | at(7) << 8 | at(8), out.substr(9, n)});
            out.erase(0, 9 + n);
        }
        EXPECT_TRUE(out.empty());
        return list;
    }
    void receive(const frame& f) { s->input(bytes_of(f), now); }
    void opened(const std::string& server_settings = {}) {
        begin();
        (void)write();
        receive({4, 0, 0, server_settings});
        (void)write();
    }
    void reply(unsigned stream) { receive({1, 5, stream, "\x88"}); } // :status 200, the last frame
    void goaway(std::uint32_t last, const std::string& debug = {}) {
        receive({7, 0, 0, number(last) + number(0) + debug});
    }
    h2::result only() {
        auto all = s->take_finished();
        EXPECT_EQ(all.size(), 1U);
        return all.empty() ? h2::result{} : all[0].result;
    }
};

unsigned count(const std::vector<frame>& list, unsigned type) {
    unsigned n = 0;
    for (const auto& f : list)
        n += f.type == type ? 1 : 0;
    return n;
}

} // namespace

TEST(http2_session, begins_with_the_preface_and_settings_that_forbid_push) {
    talk t;
    t.begin();
    (void)t.queue();
    const auto out = t.write();
    ASSERT_TRUE(out.starts_with(k_preface));
    const auto settings = out.substr(k_preface.size());
    EXPECT_EQ(settings, bytes_of({4, 0, 0, setting(2, 0) + setting(3, 0) + setting(6, 16'384)}));
    EXPECT_EQ(t.line.size(), 1U) << "no request before the server's SETTINGS";
    EXPECT_FALSE(t.s->ready());
}

TEST(http2_session, sends_what_waits_once_it_is_ready_and_gets_the_reply) {
    talk t;
    t.opened();
    (void)t.queue("hello");
    const auto sent = t.frames();
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_EQ(sent[0].type, 1U);
    EXPECT_EQ(sent[0].flags, 4U) << "no priority, and not the end";
    EXPECT_EQ(sent[1].payload, "hello");
    EXPECT_EQ(sent[1].flags, 1U);
    t.reply(1);
    const auto got = t.only();
    EXPECT_EQ(got.what, outcome::replied);
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(t.s->streams(), 0U);
}

TEST(http2_session, a_lost_connection_knows_what_was_written_whole) {
    talk t;
    t.opened(setting(4, 10)); // each stream's window: ten bytes
    const auto whole = t.queue("0123456789");
    const auto part = t.queue("0123456789+");
    const auto bare = t.queue();
    (void)t.write();
    const auto waiting = t.queue();
    t.s->lost(cause::lost);
    const auto all = t.s->take_finished();
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[0].x, whole);
    EXPECT_EQ(all[0].result.what, outcome::unknown);
    EXPECT_EQ(all[1].x, part);
    EXPECT_EQ(all[1].result.what, outcome::not_processed);
    EXPECT_EQ(all[2].x, bare);
    EXPECT_EQ(all[2].result.what, outcome::unknown);
    EXPECT_EQ(t.line.size(), 1U) << "who waits was never taken";
    EXPECT_TRUE(t.s->over());
    t.s->lost(cause::silent);
    EXPECT_TRUE(t.s->take_finished().empty()) << "once";
}

TEST(http2_session, a_frame_cut_by_the_size_of_a_write_counts_as_written) {
    talk t;
    t.opened();
    (void)t.queue("0123456789");
    std::string out;
    while (out.find("0123456789") == std::string::npos)
        out += t.write(1);
    t.s->lost(cause::lost);
    EXPECT_EQ(t.only().what, outcome::unknown);
}

TEST(http2_session, takes_few_from_the_line_for_one_write) {
    talk t;
    t.opened();
    for (int i = 0; i < 100; ++i)
        (void)t.queue(std::string(500, 'x'));
    (void)t.write(2'000);
    EXPECT_GE(t.line.size(), 95U) << "the rest may still be overtaken";
}

TEST(http2_session, takes_nobody_from_the_line_without_a_window) {
    talk t;
    t.opened();
    for (int i = 0; i < 70; ++i)
        (void)t.queue(std::string(1'000, 'x'));
    (void)t.write(1'000'000);
    EXPECT_EQ(t.line.size(), 4U) << "65,535 bytes are 65 of them and a part of one";
    EXPECT_EQ(t.s->room(t.now), 0U);
    EXPECT_GT(t.s->free(), 0U) << "that is no reason for another connection";
    t.receive({8, 0, 0, number(100'000)});
    EXPECT_GT(t.s->room(t.now), 0U);
    (void)t.write(1'000'000);
    EXPECT_TRUE(t.line.empty());
}

TEST(http2_session, goaway_ends_new_streams_and_returns_what_is_beyond) {
    talk t;
    t.opened();
    const auto first = t.queue();
    const auto second = t.queue();
    (void)t.write();
    t.goaway(1, "why\n");
    auto all = t.s->take_finished();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].x, second);
    EXPECT_EQ(all[0].result.what, outcome::not_processed);
    EXPECT_EQ(all[0].result.why, cause::goaway);
    const auto said = t.s->take_goaways();
    ASSERT_EQ(said.size(), 1U);
    EXPECT_EQ(said[0].debug, "why?");
    (void)t.queue();
    EXPECT_EQ(count(t.frames(), 1), 0U);
    t.reply(1);
    EXPECT_EQ(t.only().what, outcome::replied);
    (void)t.write();
    EXPECT_TRUE(t.s->over());
    EXPECT_FALSE(t.s->failed());
}

TEST(http2_session, debug_data_is_bounded) {
    talk t;
    t.opened();
    t.goaway(0, std::string(10'000, 'd'));
    EXPECT_EQ(t.s->take_goaways().at(0).debug.size(), 1'024U);
}

TEST(http2_session, asks_by_ping_after_its_patience_and_gives_up_without_an_answer) {
    talk t;
    t.opened();
    (void)t.queue();
    (void)t.write();
    t.now += 1999ms;
    t.s->tick(t.now);
    EXPECT_EQ(count(t.frames(), 6), 0U);
    t.now += 1ms;
    t.s->tick(t.now);
    const auto pings = t.frames();
    ASSERT_EQ(count(pings, 6), 1U);
    t.now += 999ms;
    t.s->tick(t.now);
    EXPECT_FALSE(t.s->over());
    t.now += 1ms;
    t.s->tick(t.now);
    EXPECT_TRUE(t.s->over());
    const auto got = t.only();
    EXPECT_EQ(got.what, outcome::unknown);
    EXPECT_EQ(got.why, cause::silent);
}

TEST(http2_session, an_answered_ping_buys_twice_the_time) {
    talk t;
    t.opened();
    (void)t.queue();
    (void)t.write();
    std::vector<std::chrono::seconds> asked;
    for (int second = 1; second <= 40; ++second) {
        t.now += 1s;
        t.s->tick(t.now);
        for (const auto& f : t.frames())
            if (f.type == 6) {
                asked.emplace_back(second);
                t.receive({6, 1, 0, f.payload});
            }
    }
    const std::vector<std::chrono::seconds> expected{2s, 4s, 8s, 16s, 32s};
    EXPECT_EQ(asked, expected);
}

TEST(http2_session, an_answer_to_another_ping_is_none) {
    talk t;
    t.opened();
    (void)t.queue();
    (void)t.write();
    t.now += 2s;
    t.s->tick(t.now);
    t.receive({6, 1, 0, "12345678"});
    t.now += 1s;
    t.s->tick(t.now);
    EXPECT_TRUE(t.s->over());
}

TEST(http2_session, settings_are_waited_for_so_long) {
    talk t;
    t.begin();
    (void)t.write();
    t.now += 5s;
    t.s->tick(t.now);
    EXPECT_TRUE(t.s->failed());
    EXPECT_EQ(t.s->why_over(), cause::timeout);
}

TEST(http2_session, who_gave_up_gets_nothing_and_the_stream_goes_on) {
    talk t;
    t.opened();
    const auto x = t.queue("hello");
    (void)t.write();
    t.s->give_up(*x, t.now);
    EXPECT_EQ(t.s->lingering(), 1U);
    EXPECT_EQ(count(t.frames(), 3), 0U) << "no reset";
    t.now += 30s;
    t.s->tick(t.now);
    EXPECT_EQ(count(t.frames(), 6), 0U) << "nobody waits, so nobody asks";
    t.reply(1);
    EXPECT_TRUE(t.s->take_finished().empty());
    EXPECT_EQ(t.s->lingering(), 0U);
    EXPECT_EQ(t.s->replies(), 1U);
}

TEST(http2_session, a_reply_before_the_whole_request_is_one_and_the_rest_lingers) {
    talk t;
    t.opened(setting(4, 3));
    (void)t.queue("hello");
    (void)t.write();
    t.reply(1);
    EXPECT_EQ(t.only().status, 200);
    EXPECT_EQ(t.s->streams(), 1U);
    EXPECT_EQ(t.s->lingering(), 1U);
    t.receive({8, 0, 1, number(100)});
    EXPECT_EQ(count(t.frames(), 0), 1U) << "the rest is sent, not reset";
    EXPECT_EQ(t.s->streams(), 0U);
    EXPECT_EQ(t.s->lingering(), 0U);
}

TEST(http2_session, an_error_of_the_server_is_told_it_and_ends_the_connection) {
    talk t;
    t.opened();
    (void)t.queue();
    (void)t.write();
    t.receive({0, 0, 0, "data on no stream"});
    const auto sent = t.frames();
    EXPECT_EQ(count(sent, 7), 1U);
    EXPECT_TRUE(t.s->over());
    EXPECT_EQ(t.s->why_over(), cause::protocol);
}
