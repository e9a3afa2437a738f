// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "http_server/response_text.hpp"

#include <z360/http/message.hpp>

#include <gtest/gtest.h>

using namespace z360::http;

namespace {

std::string head_of(const response& r, response_options options = {}) {
    options.date = "Thu, 01 Jan 1970 00:00:00 GMT";
    std::string out;
    append_response_head(out, r, options);
    return out;
}

} // namespace

TEST(http_message, header_names_compare_without_case_and_keep_their_order) {
    headers h;
    h.add("Content-Type", "a");
    h.add("X-Two", "1");
    h.add("x-two", "2");
    EXPECT_EQ(h.get("content-type"), "a");
    EXPECT_EQ(h.get("X-TWO"), "1");
    EXPECT_EQ(h.count("x-Two"), 2U);
    EXPECT_EQ(h.get("absent"), "");
    h.set("X-TWO", "3");
    ASSERT_EQ(h.items().size(), 2U);
    EXPECT_EQ(h.items()[1].second, "3");
    h.set("New", "n");
    EXPECT_EQ(h.get("new"), "n");
}

TEST(http_message, a_problem_document_names_its_code) {
    const auto r = response::problem(403, "signature_invalid", "Signature invalid", "line \"1\"\nand 2");
    EXPECT_EQ(r.status, 403);
    EXPECT_EQ(r.headers.get("content-type"), "application/problem+json");
    EXPECT_EQ(
        r.body, R"({"type":"urn:z360:problem:signature_invalid","title":"Signature invalid","status":403,)"
                R"("detail":"line \"1\"\u000aand 2","code":"signature_invalid"})"
    );
}

TEST(http_message, a_problem_document_is_valid_utf8_whatever_it_quotes) {
    const auto good = response::problem(400, "c", "t", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
    EXPECT_NE(good.body.find("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"), std::string::npos);
    for (const std::string bad :
         {"\xFF", "\xC0\x80", "\xED\xA0\x80", "\xE2\x82", "\xF4\x90\x80\x80", "\x80"}) {
        const auto r = response::problem(400, "c", "t", bad);
        for (const char c : r.body)
            EXPECT_LT(static_cast<unsigned char>(c), 0x80) << r.body;
        EXPECT_NE(r.body.find("\\ufffd"), std::string::npos) << r.body;
    }
}

TEST(http_message, the_head_of_a_response_is_complete) {
    auto r = response::json(200, "{}");
    EXPECT_EQ(
        head_of(r),
        "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: application/json\r\n"
        "Content-Length: 2\r\n\r\n"
    );
}

TEST(http_message, a_response_without_content_has_no_length) {
    response r;
    r.status = 204;
    EXPECT_EQ(head_of(r).find("Content-Length"), std::string::npos);
}

TEST(http_message, a_handler_cannot_forge_framing_or_split_a_header) {
    response r;
    r.body = "abc";
    r.headers.add("Content-Length", "99");
    r.headers.add("transfer-encoding", "chunked");
    r.headers.add("Connection", "close");
    r.headers.add("X-Echo", "a\r\nSet-Cookie: evil=1");
    r.headers.add("Bad Name", "x");
    const auto head = head_of(r);
    EXPECT_NE(head.find("Content-Length: 3\r\n"), std::string::npos) << head;
    EXPECT_EQ(head.find("99"), std::string::npos) << head;
    EXPECT_EQ(head.find("chunked"), std::string::npos) << head;
    EXPECT_EQ(head.find("Connection"), std::string::npos) << head;
    EXPECT_EQ(head.find("\nSet-Cookie"), std::string::npos) << head;
    EXPECT_EQ(head.find("Bad Name"), std::string::npos) << head;
}

TEST(http_message, cfg_05_responses_over_tls_ask_for_tls_next_time) {
    response_options secure;
    secure.secure = true;
    EXPECT_NE(head_of({}, secure).find("Strict-Transport-Security: max-age="), std::string::npos);
    EXPECT_EQ(head_of({}).find("Strict-Transport-Security"), std::string::npos);
}

TEST(http_message, the_connection_header_tells_what_will_happen) {
    response_options o;
    o.keep_alive = false;
    EXPECT_NE(head_of({}, o).find("Connection: close\r\n"), std::string::npos);
    o.keep_alive = true;
    o.http_1_0 = true;
    EXPECT_NE(head_of({}, o).find("Connection: keep-alive\r\n"), std::string::npos);
}

TEST(http_message, dates_are_written_as_http_wants_them) {
    EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST(http_message, reasons_are_known_for_every_status_we_send) {
    for (const int status :
         {200, 204, 308, 400, 403, 404, 405, 408, 409, 413, 422, 429, 431, 500, 501, 503, 505})
        EXPECT_NE(reason(status), "Unknown") << status;
    EXPECT_EQ(reason(404), "Not Found");
}
