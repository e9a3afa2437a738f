// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "http_server/request_parser.hpp"

#include <gtest/gtest.h>

#include <cstring>

using namespace z360::http;
using progress = request_parser::progress;

namespace {

void put(input_buffer& in, std::string_view bytes) {
    const auto room = in.prepare(bytes.size());
    std::memcpy(room.data(), bytes.data(), bytes.size());
    in.commit(bytes.size());
}

struct fed {
    progress result;
    std::string code; ///< of a refusal
    request req;
};

fed parse(std::string_view bytes, std::size_t step = std::string_view::npos) {
    request_parser p(1024, 4096);
    input_buffer in;
    fed out{progress::need_more, {}, {}};
    while (!bytes.empty() && out.result == progress::need_more) {
        const auto piece = bytes.substr(0, step);
        put(in, piece);
        bytes.remove_prefix(piece.size());
        out.result = p.feed(in);
    }
    if (out.result == progress::refused) out.code = p.why().code;
    if (out.result == progress::done) out.req = p.take();
    return out;
}

} // namespace

TEST(request_parser, a_request_is_the_same_in_one_piece_and_byte_by_byte) {
    const std::string bytes =
        "POST /a%20b?q=1 HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nContent-Length: 5\r\n\r\nhello";
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
        const auto f = parse(bytes, step);
        ASSERT_EQ(f.result, progress::done) << step << ' ' << f.code;
        EXPECT_EQ(f.req.method, "POST");
        EXPECT_EQ(f.req.target, "/a%20b?q=1");
        EXPECT_EQ(f.req.path, "/a b");
        EXPECT_EQ(f.req.query, "q=1");
        EXPECT_EQ(f.req.headers.get("x-one"), "1");
        EXPECT_EQ(f.req.body, "hello");
    }
}

TEST(request_parser, a_chunked_body_is_put_together_and_its_trailers_are_no_headers) {
    const std::string bytes = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nAuthorization: forged\r\n\r\n";
    for (const std::size_t step : {std::size_t{1}, std::size_t{5}, bytes.size()}) {
        const auto f = parse(bytes, step);
        ASSERT_EQ(f.result, progress::done) << step << ' ' << f.code;
        EXPECT_EQ(f.req.body, "abcde");
        EXPECT_EQ(f.req.headers.count("Authorization"), 0U);
    }
}

TEST(request_parser, what_follows_a_request_is_left_for_the_next) {
    request_parser p(1024, 4096);
    input_buffer in;
    put(in, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_EQ(p.feed(in), progress::done);
    EXPECT_EQ(p.take().path, "/1");
    p.restart();
    ASSERT_EQ(p.feed(in), progress::done);
    EXPECT_EQ(p.take().path, "/2");
    EXPECT_EQ(in.size(), 0U);
}

TEST(request_parser, each_fault_has_its_own_code) {
    const std::string long_value(2000, 'x');
    const std::pair<std::string, std::string> cases[] = {
        {"\x16\x03\x01\x02", "request_malformed"},
        {"GET\r\n\r\n", "request_malformed"},
        {"GET / HTTP/1.1\r\nHost: h\r\nbroken line\r\n\r\n", "request_malformed"},
        {"GET / HTTP/1.1\r\nHost: h\r\nX : 1\r\n\r\n", "request_malformed"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", "request_malformed"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "request_malformed"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
         "request_malformed"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
         "request_malformed"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "request_malformed"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "transfer_encoding_unsupported"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
         "transfer_encoding_unsupported"},
        {"GET / HTTP/1.1\r\n\r\n", "host_invalid"},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "host_invalid"},
        {"GET relative HTTP/1.1\r\nHost: h\r\n\r\n", "target_invalid"},
        {"GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n", "target_invalid"},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http_version_unsupported"},
        {"GET / HTTP/1.1\r\nHost: h\r\nX: " + long_value + "\r\n\r\n", "headers_too_large"},
        {"GET /" + long_value + " HTTP/1.1\r\nHost: h\r\n\r\n", "headers_too_large"},
        {"GET / HTTP/1.1\r\nHost: h\r\nX: " + long_value, "headers_too_large"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4097\r\n\r\n", "body_too_large"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1001\r\n", "body_too_large"},
    };
    for (const auto& [bytes, code] : cases) {
        const auto f = parse(bytes);
        EXPECT_EQ(f.result, progress::refused) << bytes.substr(0, 80);
        EXPECT_EQ(f.code, code) << bytes.substr(0, 80);
        const auto slow = parse(bytes, 1);
        EXPECT_EQ(slow.code, code) << "byte by byte: " << bytes.substr(0, 80);
    }
}

TEST(request_parser, trailers_are_limited_like_headers) {
    std::string bytes = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    bytes += "X: " + std::string(5000, 'x');
    const auto f = parse(bytes, 100);
    EXPECT_EQ(f.result, progress::refused);
    EXPECT_EQ(f.code, "headers_too_large");
}

TEST(request_parser, connections_stay_open_as_the_version_and_the_header_say) {
    const std::pair<std::string, bool> cases[] = {
        {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
    };
    for (const auto& [bytes, keep] : cases) {
        request_parser p(1024, 4096);
        input_buffer in;
        put(in, bytes);
        ASSERT_EQ(p.feed(in), progress::done) << bytes;
        EXPECT_EQ(p.keep_alive(), keep) << bytes;
    }
}

TEST(request_parser, a_client_that_waits_for_continue_is_noticed_once) {
    request_parser p(1024, 4096);
    input_buffer in;
    put(in, "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    ASSERT_EQ(p.feed(in), progress::need_more);
    EXPECT_TRUE(p.take_expectation());
    EXPECT_FALSE(p.take_expectation());
    put(in, "ok");
    EXPECT_EQ(p.feed(in), progress::done);
}
