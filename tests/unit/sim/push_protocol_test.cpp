// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Bytes in, requests out, for clients that are right, wrong, or too much.
#include "sim/push_protocol.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace z360;
using namespace z360::sim;

namespace {

push_exchange answer_of(int status, std::string body) {
    push_exchange e;
    e.answer.reply.status = status;
    e.answer.reply.fields = {{"content-type", "application/json"}};
    e.answer.reply.body = std::move(body);
    return e;
}

push_exchange ending_of(push_course::ending how, bool processed) {
    auto e = answer_of(200, "x");
    e.course.how = how;
    e.course.processed = processed;
    return e;
}

const std::string k_post = "POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b";

/// A client's preface and its empty SETTINGS.
std::string h2_start() {
    return std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + std::string("\0\0\0\x04\0\0\0\0\0", 9);
}

/// The types of whole frames, in order.
std::vector<int> frames_in(const std::string& bytes) {
    std::vector<int> out{-1};
    const auto byte = [&](std::size_t at) {
        return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at]));
    };
    for (std::size_t at = 0; at + 9 <= bytes.size();) {
        out.push_back(static_cast<int>(byte(at + 3)));
        at += 9 + (byte(at) << 16) + (byte(at + 1) << 8) + byte(at + 2);
    }
    return out;
}

} // namespace

TEST(push_http1, takes_requests_one_after_the_other) {
    const auto p = make_http1({});
    ASSERT_TRUE(p->feed(k_post + k_post + k_post));
    for (int i = 1; i <= 3; ++i) {
        const auto in = p->take_requests();
        ASSERT_EQ(in.size(), 1U) << "the next waits for the answer to this one";
        EXPECT_EQ(in[0].request.method, "POST");
        EXPECT_EQ(in[0].request.path, "/token");
        EXPECT_EQ(in[0].request.body, "a=b");
        EXPECT_EQ(*in[0].request.find("content-length"), "3");
        p->finish(in[0].stream, answer_of(200, "{}"));
        EXPECT_EQ(
            p->take_output(),
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
        );
    }
    EXPECT_TRUE(p->take_requests().empty());
    EXPECT_FALSE(p->over());
}
TEST(push_http1, takes_a_request_that_comes_byte_by_byte) {
    const auto p = make_http1({});
    for (std::size_t i = 0; i < k_post.size(); ++i) {
        ASSERT_TRUE(p->take_requests().empty());
        ASSERT_TRUE(p->feed(std::string_view(k_post).substr(i, 1)));
    }
    EXPECT_EQ(p->take_requests().size(), 1U);
}
TEST(push_http1, ends_when_the_client_wants_no_more) {
    const auto p = make_http1({});
    ASSERT_TRUE(p->feed("POST /a HTTP/1.1\r\nConnection: Close\r\n\r\n"));
    const auto in = p->take_requests();
    ASSERT_EQ(in.size(), 1U);
    p->finish(in[0].stream, answer_of(200, ""));
    EXPECT_FALSE(p->over()) << "the answer is not out yet";
    EXPECT_NE(p->take_output().find("connection: close"), std::string::npos);
    EXPECT_TRUE(p->over());
    EXPECT_FALSE(p->feed(k_post));
}
TEST(push_http1, refuses_what_it_cannot_read) {
    struct row {
        std::string bytes;
        const char* status;
    };
    for (const auto& r : std::vector<row>{
             {"nonsense\r\n\r\n", "400"},
             {"GET /\r\n\r\n", "400"},
             {"POST / HTTP/1.1\r\nno colon\r\n\r\n", "400"},
             {"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400"},
             {"POST / HTTP/1.1\r\nContent-Length: 3x\r\n\r\n", "400"},
             {"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", "400"},
             {"POST / HTTP/1.1\r\nContent-Length: 70000\r\n\r\n", "413"},
             {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "411"},
             {"POST / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n", "431"},
             {std::string(20'000, 'x'), "431"},
         }) {
        const auto p = make_http1({});
        EXPECT_FALSE(p->feed(r.bytes)) << r.bytes.substr(0, 60);
        EXPECT_TRUE(p->take_requests().empty());
        EXPECT_TRUE(p->take_output().starts_with(std::string("HTTP/1.1 ") + r.status))
            << r.bytes.substr(0, 60);
        EXPECT_TRUE(p->over());
    }
}
TEST(push_http1, keeps_no_more_than_one_request_while_one_waits) {
    const auto p = make_http1({});
    ASSERT_TRUE(p->feed(k_post));
    EXPECT_EQ(p->take_requests().size(), 1U);
    EXPECT_TRUE(p->feed(std::string(50'000, 'x')));
    EXPECT_FALSE(p->feed(std::string(50'000, 'x')));
}
TEST(push_http1, has_no_streams_so_every_other_end_is_that_of_the_connection) {
    using ending = push_course::ending;
    for (const auto how : {ending::drop, ending::reset, ending::goaway}) {
        const auto p = make_http1({});
        ASSERT_TRUE(p->feed(k_post));
        p->finish(p->take_requests().at(0).stream, ending_of(how, false));
        EXPECT_TRUE(p->dropped());
    }
    const auto p = make_http1({});
    ASSERT_TRUE(p->feed(k_post));
    p->finish(p->take_requests().at(0).stream, ending_of(ending::goaway, true));
    EXPECT_FALSE(p->dropped());
    EXPECT_TRUE(p->take_output().ends_with("\r\n\r\nx")) << "answered first";
    EXPECT_TRUE(p->over());
    const auto silent = make_http1({});
    ASSERT_TRUE(silent->feed(k_post + k_post));
    silent->finish(silent->take_requests().at(0).stream, ending_of(ending::stall, false));
    EXPECT_TRUE(silent->take_output().empty());
    EXPECT_TRUE(silent->take_requests().empty());
}
TEST(push_http2, says_how_many_streams_there_may_be) {
    const auto p = make_http2({}, 1, true);
    ASSERT_TRUE(p->feed(h2_start()));
    const auto first = p->take_output();
    EXPECT_NE(first.find(std::string("\0\x03\0\0\0\x01", 6)), std::string::npos) << "SETTINGS: one";
    p->allow_streams(1);
    EXPECT_TRUE(p->take_output().empty()) << "nothing changed";
    p->allow_streams(1000);
    EXPECT_NE(p->take_output().find(std::string("\0\x03\0\0\x03\xe8", 6)), std::string::npos);
}
TEST(push_http2, ends_with_who_breaks_it) {
    const auto p = make_http2({}, 1, true);
    EXPECT_FALSE(p->feed("POST / HTTP/1.1\r\n\r\n and so on"));
    const auto other = make_http2({}, 1, true);
    ASSERT_TRUE(other->feed(h2_start()));
    (void)other->take_output();
    // DATA on stream 1, which nobody has opened: a connection error.
    (void)other->feed(std::string("\0\0\x01\0\0\0\0\0\x01x", 10));
    EXPECT_EQ(frames_in(other->take_output()).back(), 7) << "GOAWAY";
    EXPECT_TRUE(other->take_requests().empty());
}
TEST(push_http2, is_told_by_three_bytes) {
    EXPECT_TRUE(begins_http2("PRI"));
    EXPECT_FALSE(begins_http2("POS"));
    EXPECT_FALSE(begins_http2("PR"));
}
