// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a client is told before any route is found, or when a handler fails: bodies of the document's
// ServerProblem.
#include "component/http/site.hpp"
#include "exchanges.hpp"

#include <nlohmann/json.hpp>

using namespace z360;
using namespace z360::test;

namespace {

void keep(const reply& r, int status, const std::string& code) {
    ASSERT_EQ(r.status, status) << code;
    const auto body = nlohmann::json::parse(r.body, nullptr, false);
    ASSERT_TRUE(body.is_object()) << r.body;
    EXPECT_EQ(body["code"], code);
    EXPECT_EQ(body["status"], status);
    EXPECT_EQ(body["type"], "urn:z360:problem:" + code);
    exchange e;
    e.method = "GET";
    e.path = "/";
    e.status = status;
    e.content_type = "application/problem+json";
    e.body = r.body;
    write_down(exchange_file("server"), e);
}

awaitable<reply> ask(site& s, std::string bytes, bool ends = false) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    co_await w.send(std::move(bytes));
    if (ends) w.socket.shutdown(tcp::socket::shutdown_send);
    reply r = co_await w.receive();
    co_return r;
}

awaitable<void> every_refusal(site& s) {
    const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\n";
    reply r = co_await ask(s, get("/nowhere"));
    keep(r, 404, "not_found");
    r = co_await ask(s, "DELETE /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    keep(r, 405, "method_not_allowed");
    r = co_await ask(s, get("/fail"));
    keep(r, 500, "internal_error");
    r = co_await ask(s, post("/echo", std::string(s.settings.max_body_bytes + 1, 'x')));
    keep(r, 413, "body_too_large");
    r = co_await ask(s, get("/hello", "X-Long: " + std::string(s.settings.max_header_bytes, 'x') + "\r\n"));
    keep(r, 431, "headers_too_large");
    r = co_await ask(s, "\x16\x03\x01 a TLS hello on the plain port");
    keep(r, 400, "request_malformed");
    r = co_await ask(s, "GET /hello HTTP/1.1\r\n\r\n");
    keep(r, 400, "host_invalid");
    r = co_await ask(s, "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n");
    keep(r, 400, "target_invalid");
    r = co_await ask(s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    keep(r, 505, "http_version_unsupported");
    r = co_await ask(s, head + "Transfer-Encoding: gzip\r\n\r\n");
    keep(r, 501, "transfer_encoding_unsupported");
    r = co_await ask(s, head + "Content-Length: 100\r\n\r\nhalf", true);
    keep(r, 400, "request_incomplete");
    r = co_await ask(s, head + "Content-Length: 100\r\n\r\nhalf"); // and then nothing
    keep(r, 408, "request_timeout");
    wire first(s.io.get_executor());
    co_await first.connect(s.port());
    (void)co_await first.ask(get("/hello"));
    r = co_await ask(s, get("/hello"));
    keep(r, 503, "too_many_connections");
}

} // namespace

TEST(api_server_problems, and_26_what_the_server_refuses_by_itself_is_documented_and_published) {
    site s;
    s.settings.max_connections = 1;
    s.settings.max_body_bytes = 2'000;
    s.settings.max_header_bytes = 1'500;
    s.settings.read_timeout = 200ms;
    std::filesystem::remove(exchange_file("server"));
    s.run(every_refusal(s));
}
