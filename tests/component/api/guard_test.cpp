// SPDX-License-Identifier: LicenseRef-z360-proprietary
// HTTPS, addresses behind proxies, limits, headers, CORS.
#include "bed.hpp"
#include "edge/api/address.hpp"

#include <regex>

using namespace z360;
using namespace z360::test;

class api_guard : public bed {};

TEST_F(api_guard, cfg_05_plain_http_gets_no_data) {
    settings.http.allow_plain_api = false;
    restart();
    auto r = send("GET", "/api/voip/calls?since=3");
    EXPECT_EQ(r.status, 308);
    EXPECT_EQ(r.header("Location"), "https://voip.example.com/api/voip/calls?since=3");
    EXPECT_TRUE(r.text.empty());
    r = send("POST", "/api/device-tokens", {}, json{{"device_id", "d"}, {"platform", "ios"}});
    EXPECT_EQ(r.status, 403);
    EXPECT_EQ(r.code(), "https_required");
    EXPECT_EQ(tokens.lookups, 0);
    EXPECT_EQ(send("OPTIONS", "/api/device-tokens").status, 403);
    EXPECT_EQ(send("GET", "/api/health").text, "ok") << "load balancers ask on plain HTTP";
    settings.server.public_url.clear();
    restart();
    EXPECT_EQ(send("GET", "/api/voip/calls").code(), "https_required");
}

TEST_F(api_guard, cfg_05_https_counts_when_a_trusted_proxy_says_so_and_sets_hsts) {
    settings.http.allow_plain_api = false;
    restart();
    const with forwarded{{"X-Forwarded-Proto", "https"}};
    auto r = send("GET", "/api/openapi.json", forwarded);
    EXPECT_EQ(r.status, 403) << "anybody can send that header; through a proxy it would be sent where it is";
    EXPECT_NE(r.body["detail"].get<std::string>().find("http.trusted_proxies"), std::string::npos);
    peer = "10.1.2.3:555";
    r = send("GET", "/api/openapi.json", forwarded);
    EXPECT_EQ(r.status, 200);
    EXPECT_NE(r.header("Strict-Transport-Security").find("max-age="), std::string::npos);
    settings.http.allow_plain_api = true;
    restart();
    EXPECT_TRUE(send("GET", "/api/openapi.json").header("Strict-Transport-Security").empty());
}

// Behind a proxy that ends TLS the client has come over HTTPS already: 308 to the public URL would be a
// circle.
TEST_F(api_guard, cfg_05_nobody_behind_a_proxy_is_redirected_to_where_they_are) {
    settings.http.allow_plain_api = false;
    restart();
    const auto refused = [this](const with& headers, const char* fix) {
        const auto r = send("GET", "/api/openapi.json", headers);
        EXPECT_EQ(r.status, 403);
        EXPECT_EQ(r.code(), "https_required");
        EXPECT_TRUE(r.header("Location").empty());
        EXPECT_NE(r.body["detail"].get<std::string>().find(fix), std::string::npos) << r.text;
    };
    for (const char* header : {"X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Via"})
        refused({{header, "198.51.100.7"}}, "http.trusted_proxies");
    peer = "10.1.2.3:555";
    refused({{"X-Forwarded-For", "198.51.100.7"}}, "X-Forwarded-Proto");
    EXPECT_EQ(send("GET", "/api/openapi.json", {{"X-Forwarded-Proto", "http"}}).status, 308);
    EXPECT_EQ(send("GET", "/api/openapi.json").status, 308) << "asked directly";
    settings.http.trusted_proxies.clear();
    restart();
    refused({}, "http.trusted_proxies"); // a proxy that tells nothing
    refused({{"X-Forwarded-Proto", "https"}}, "http.trusted_proxies");
}

TEST_F(api_guard, cfg_05_every_url_in_replies_is_https_or_wss) {
    const auto phone = device(k_ada, "phone-1");
    settings.server.public_url.clear();
    settings.clients.store_urls = {"ios=https://apps.example.com/voip"};
    restart();
    for (const char* path : {"/api/voip/bootstrap", "/api/voip/credentials", "/api/voip/devices/self"}) {
        const auto text = send("GET", path, phone).text;
        EXPECT_EQ(text.find("http://"), std::string::npos) << path;
        EXPECT_EQ(text.find("ws://"), std::string::npos) << path;
    }
    const auto config = send("GET", "/api/voip/bootstrap", phone).data()["client_config"];
    EXPECT_EQ(config["api_base_url"], "https://voip.example.com");
    EXPECT_EQ(config["ws_url"], "wss://voip.example.com/app");
}

TEST_F(api_guard, settings_that_would_emit_plain_urls_are_refused) {
    settings.clients.ws_url = "ws://voip.example.com";
    EXPECT_THROW(restart(), std::runtime_error);
    settings.clients.ws_url.clear();
    settings.server.public_url = "http://voip.example.com";
    EXPECT_THROW(restart(), std::runtime_error);
    settings.server.public_url.clear();
    settings.http.trusted_proxies = {"10.0.0.0/33"};
    EXPECT_THROW(restart(), std::runtime_error);
    settings.http.trusted_proxies = {"somewhere"};
    EXPECT_THROW(restart(), std::runtime_error);
}

TEST_F(api_guard, sec_04_the_eleventh_registration_in_a_minute_is_told_when_to_come_back) {
    settings.limits.register_per_minute = 10;
    restart();
    const auto backend = acting(k_ada);
    const json body{{"device_id", "phone-1"}, {"platform", "ios"}};
    for (int i = 0; i < 10; ++i) {
        const auto r = send("POST", "/api/device-tokens", backend, body);
        ASSERT_LT(r.status, 300);
        EXPECT_EQ(r.header("RateLimit-Limit"), "10");
        EXPECT_EQ(r.header("RateLimit-Remaining"), std::to_string(9 - i));
    }
    const auto r = send("POST", "/api/device-tokens", backend, body);
    EXPECT_EQ(r.status, 429);
    EXPECT_EQ(r.code(), "rate_limited");
    EXPECT_GE(std::stoi(r.header("Retry-After")), 1);
    EXPECT_EQ(r.body["retry_after"], std::stoi(r.header("Retry-After")));
    EXPECT_LE(std::stoi(r.header("RateLimit-Reset")), 60);
    const json other{{"device_id", "phone-2"}, {"platform", "ios"}};
    EXPECT_EQ(send("POST", "/api/device-tokens", acting(k_bob), other).status, 201)
        << "somebody else is not slowed";
}

TEST_F(api_guard, sec_04_a_poll_every_three_seconds_is_never_throttled) {
    const auto phone = device(k_ada, "phone-1");
    const auto id = ring(k_ada, k_acme, {row(k_ada, "phone-1").id}).state.id.text();
    for (int i = 0; i < 200; ++i) {
        clock.at += millis{3'000};
        ASSERT_EQ(send("GET", "/api/voip/call-status/" + id, phone).status, 200) << i;
    }
}

TEST_F(api_guard, sec_04_an_address_is_limited_as_a_whole_and_proxies_are_seen_through) {
    settings.limits.address_per_minute = 3;
    restart();
    peer = "10.0.0.1:1";
    const auto from = [this](const std::string& hops) {
        return send("GET", "/api/voip/state-model", {{"X-Forwarded-For", hops}}).status;
    };
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(from("6.6.6." + std::to_string(i) + ", 203.0.113.7, 10.2.2.2"), 200);
    EXPECT_EQ(from("6.6.6.9, 203.0.113.7"), 429) << "what the client put in front does not count";
    EXPECT_EQ(from("203.0.113.8"), 200);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(from("2001:db8:1:1::" + std::to_string(i + 1)), 200);
    EXPECT_EQ(from("2001:db8:1:1:ffff::9"), 429) << "one customer has a whole /64";
    peer = "198.51.100.1:1";
    EXPECT_EQ(from("203.0.113.7"), 200) << "an untrusted peer speaks for itself";
}

TEST_F(api_guard, addresses_match_blocks_of_both_families) {
    const edge::api::address_list list({"192.0.2.0/25", "2001:db8::/33", "::1"});
    const auto holds = [&](const char* text) { return list.holds(boost::asio::ip::make_address(text)); };
    EXPECT_TRUE(holds("192.0.2.127"));
    EXPECT_FALSE(holds("192.0.2.128"));
    EXPECT_TRUE(holds("2001:db8:7fff::1"));
    EXPECT_FALSE(holds("2001:db8:8000::1"));
    EXPECT_TRUE(holds("::1"));
    EXPECT_FALSE(holds("::2"));
}

TEST_F(api_guard, a_block_of_any_length_ends_at_its_last_bit) {
    namespace ip = boost::asio::ip;
    const auto of_one_bit = [](auto bytes, unsigned bit) {
        bytes[bit / 8] ^= static_cast<unsigned char>(0x80U >> (bit % 8));
        return bytes;
    };
    const auto all = [&](const auto& network, unsigned width) {
        for (unsigned bits = 0; bits <= width; ++bits) {
            const edge::api::address_list list({network.to_string() + "/" + std::to_string(bits)});
            EXPECT_TRUE(list.holds(network)) << bits;
            for (unsigned bit = 0; bit < width; ++bit) {
                const std::decay_t<decltype(network)> other(of_one_bit(network.to_bytes(), bit));
                EXPECT_EQ(list.holds(other), bit >= bits) << other << " in /" << bits;
            }
        }
    };
    all(ip::make_address_v4("10.170.85.201"), 32);
    all(ip::make_address_v6("2001:db8:aaaa:5555:c3c3:3c3c:9669:6996"), 128);
    EXPECT_FALSE(edge::api::address_list({"0.0.0.0/0"}).trusts("::1")) << "the other family";
    EXPECT_FALSE(edge::api::address_list({"::/0"}).trusts("10.0.0.1"));
    EXPECT_TRUE(edge::api::address_list({"10.0.0.0/8"}).trusts("[::ffff:10.1.2.3]:80")) << "IPv4 in IPv6";
    EXPECT_TRUE(edge::api::address_list({"fe80::/10"}).trusts("fe80::1%1")) << "of whatever interface";
    EXPECT_TRUE(edge::api::address_list({"fe80::1%1"}).trusts("fe80::1%2"));
}

TEST_F(api_guard, what_is_no_block_is_refused_by_name) {
    for (const std::string bad :
         {"", "/8", "10.0.0/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8x",
          "10.0.0.0/ 8", "10.0.0.0/4294967304", "10.0.0.0/99999999999999999999", "::/129",
          "::ffff:10.0.0.0/104", "proxy.example"})
        try {
            const edge::api::address_list list({bad});
            ADD_FAILURE() << bad;
        } catch (const std::runtime_error& e) {
            EXPECT_NE(std::string(e.what()).find("\"" + bad + "\""), std::string::npos) << e.what();
        }
}

TEST_F(api_guard, replies_are_not_stored_and_not_sniffed) {
    const auto phone = device(k_ada, "phone-1");
    for (const char* path : {"/api/voip/credentials", "/api/device-tokens", "/api/voip/calls"}) {
        const auto r = send("GET", path, phone);
        EXPECT_EQ(r.header("Cache-Control"), "no-store") << path;
        EXPECT_EQ(r.header("X-Content-Type-Options"), "nosniff") << path;
    }
    EXPECT_EQ(send("GET", "/api/voip/calls").header("Cache-Control"), "no-store");
}

TEST_F(api_guard, cors_is_for_allowed_origins_only) {
    auto r = send("OPTIONS", "/api/device-tokens", from_page());
    EXPECT_EQ(r.status, 204);
    EXPECT_EQ(r.header("Access-Control-Allow-Origin"), "https://app.example.com");
    EXPECT_EQ(r.header("Access-Control-Allow-Credentials"), "true");
    EXPECT_NE(r.header("Access-Control-Allow-Methods").find("POST"), std::string::npos);
    EXPECT_EQ(r.header("Vary"), "Origin");
    r = send("OPTIONS", "/api/device-tokens", {{"Origin", "https://evil.example"}});
    EXPECT_EQ(r.status, 403);
    EXPECT_TRUE(r.header("Access-Control-Allow-Origin").empty());
    const auto phone = device(k_ada, "phone-1");
    r = send("GET", "/api/voip/calls", plus(phone, {{"Origin", "https://evil.example"}}));
    EXPECT_EQ(r.status, 200);
    EXPECT_TRUE(r.header("Access-Control-Allow-Origin").empty());
}

// The web view of a native app has a page of its own; nobody on the web can have its origin.
TEST_F(api_guard, cors_lets_native_web_views_in_until_they_are_switched_off) {
    for (const char* page : {"capacitor://localhost", "https://localhost"}) {
        SCOPED_TRACE(page);
        const auto r = send("OPTIONS", "/api/device-tokens", {{"Origin", page}});
        EXPECT_EQ(r.status, 204);
        EXPECT_EQ(r.header("Access-Control-Allow-Origin"), page);
        EXPECT_EQ(r.header("Access-Control-Allow-Credentials"), "true");
        const json body{{"device_id", page[0] == 'c' ? "v1" : "v2"}, {"platform", "web"}};
        const auto made = send("POST", "/api/device-tokens", plus(cookie(k_ada), {{"Origin", page}}), body);
        EXPECT_LT(made.status, 300) << made.text;
    }
    for (const char* page :
         {"http://localhost", "https://localhost:8100", "capacitor://localhost.evil.example",
          "capacitor://evil"})
        EXPECT_EQ(send("OPTIONS", "/api/device-tokens", {{"Origin", page}}).status, 403) << page;
    settings.auth.native_webviews = false;
    restart();
    for (const char* page : {"capacitor://localhost", "https://localhost"})
        EXPECT_EQ(send("OPTIONS", "/api/device-tokens", {{"Origin", page}}).status, 403) << page;
}

TEST_F(api_guard, and_26_every_header_that_the_document_names_may_be_sent_from_a_page) {
    const auto allowed =
        send("OPTIONS", "/api/voip/credentials", from_page()).header("Access-Control-Allow-Headers");
    const auto document = json::parse(send("GET", "/api/openapi.json").text);
    std::size_t headers = 0;
    for (const auto& [key, parameter] : document["components"]["parameters"].items()) {
        if (parameter["in"] != "header") continue;
        ++headers;
        const auto name = parameter["name"].get<std::string>();
        EXPECT_NE((", " + allowed + ",").find(", " + name + ","), std::string::npos)
            << name << " in " << allowed;
    }
    EXPECT_GE(headers, 3U);
}

// A sandbox on one machine speaks plain HTTP; what it tells apps must work there.
TEST_F(api_guard, a_sandbox_tells_the_address_at_which_it_is_reached) {
    settings.server.public_url.clear();
    settings.server.sandbox = true;
    restart();
    const auto phone = device(k_ada, "phone-1");
    const auto told = [&](const with& more) {
        return send("GET", "/api/voip/bootstrap", plus(phone, more)).data()["client_config"];
    };
    const auto here = told({});
    EXPECT_EQ(here["api_base_url"], "http://voip.example.com"); // the Host that was asked
    EXPECT_EQ(here["ws_url"], "ws://voip.example.com/app");
    peer = "10.1.2.3:555";
    const auto behind = told({{"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", "s.example.com"}});
    EXPECT_EQ(behind["api_base_url"], "https://s.example.com");
    EXPECT_EQ(behind["ws_url"], "wss://s.example.com/app");
}

TEST_F(api_guard, a_dependency_that_is_away_is_503_and_names_no_detail) {
    const auto phone = device(k_ada, "phone-1");
    tokens.away = true;
    const auto r = send("GET", "/api/voip/calls", phone);
    EXPECT_EQ(r.status, 503);
    EXPECT_EQ(r.code(), "voip_unavailable");
    EXPECT_FALSE(r.header("Retry-After").empty());
    EXPECT_EQ(r.text.find("database"), std::string::npos);
}
