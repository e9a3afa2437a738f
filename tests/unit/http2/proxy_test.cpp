// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/http2/proxy.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

using namespace z360;
using namespace z360::adapter::http2;

namespace {

const std::string k_who = "us%3Aer:p%40ss%zz";

proxy read(const std::string& text) {
    return parse_proxy(secret(text));
}

std::string fault(const std::string& text) {
    try {
        (void)read(text);
    } catch (const std::runtime_error& e) {
        return e.what();
    }
    return {};
}

} // namespace

TEST(http2_proxy, reads_what_curl_reads) {
    auto p = read("proxy.example:3128");
    EXPECT_EQ(p.host, "proxy.example");
    EXPECT_EQ(p.port, 3128);
    EXPECT_TRUE(p.credentials.empty());
    p = read("http://" + k_who + "@10.0.0.1:80/");
    EXPECT_EQ(p.host, "10.0.0.1");
    EXPECT_EQ(p.port, 80);
    EXPECT_EQ(p.credentials.reveal(), "us:er:p@ss%zz");
    p = read("user@[::1]:81");
    EXPECT_EQ(p.host, "::1");
    EXPECT_EQ(p.port, 81);
    EXPECT_EQ(p.credentials.reveal(), "user:");
    EXPECT_EQ(read("proxy").port, 1080);
    EXPECT_EQ(read("[fe80::1]").host, "fe80::1");
}

TEST(http2_proxy, says_what_is_wrong_without_quoting_it) {
    for (const std::string bad :
         {"", "http://", ":80", "https://p:1", "socks5h://secret@p", "p:0", "p:65536", "p:8o", "p:", "[::1",
          "[::1]x:1", "ho st:1", "secret:secret@", "secret@a b:1"}) {
        const auto said = fault(bad);
        EXPECT_NE(said.find("expected [http://]"), std::string::npos) << bad;
        EXPECT_EQ(said.find("secret"), std::string::npos) << bad;
    }
}

TEST(http2_proxy, asks_for_the_origin) {
    auto p = read("u:p@proxy:1");
    EXPECT_EQ(
        connect_request(p, "api.example", 443).reveal(),
        "CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\nProxy-Authorization: Basic dTpw\r\n\r\n"
    );
    p.credentials = secret();
    EXPECT_EQ(
        connect_request(p, "::1", 443).reveal(), "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n"
    );
}

TEST(http2_proxy, reads_the_answers_status) {
    EXPECT_EQ(status_of("HTTP/1.1 200 Connection established\r\n\r\n"), 200);
    EXPECT_EQ(status_of("HTTP/1.0 407"), 407);
    EXPECT_EQ(status_of("HTTP/2 200 ok"), std::nullopt);
    EXPECT_EQ(status_of("HTTP/1.1 20x"), std::nullopt);
    EXPECT_EQ(status_of("HTTP/1.1 -12"), std::nullopt);
    EXPECT_EQ(status_of("SSH-2.0-OpenSSH"), std::nullopt);
    EXPECT_EQ(status_of(""), std::nullopt);
}
