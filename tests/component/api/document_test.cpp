// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The document is what is served, and nothing is served beside it.
#include "bed.hpp"
#include "edge/api/documents.hpp"
#include "edge/api/route_tables.hpp"

#include <fstream>
#include <iterator>
#include <set>

using namespace z360;
using namespace z360::test;

class api_document : public bed {};

TEST_F(api_document, and_26_every_served_route_is_in_the_document_and_the_other_way_round) {
    std::set<std::string> served, written;
    for (const auto& r : edge::api::api_routes(
             {tokens, devices, audit, tenants, calls, limits, credentials, *vault, &cookies, &apple, clock,
              metrics, settings}
         ))
        served.insert(r.method + " " + r.pattern);
    const auto document = json::parse(edge::api::openapi_document());
    for (const auto& [path, item] : document["paths"].items())
        for (const auto& [verb, operation] : item.items()) {
            if (verb == "parameters") continue;
            std::string method = verb;
            for (auto& c : method)
                c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
            written.insert(method + " " + path);
        }
    EXPECT_EQ(served, written);
}

TEST_F(api_document, and_26_the_credentials_of_each_route_are_those_that_the_document_names) {
    const auto document = json::parse(edge::api::openapi_document());
    using edge::api::via;
    const std::vector<std::pair<via, std::string>> schemes{
        {via::device, "deviceToken"},   {via::service, "serviceToken"},    {via::admin, "adminToken"},
        {via::cookie, "sessionCookie"}, {via::enrolment, "enrolmentCode"},
    };
    for (const auto& e : edge::api::all_entries()) {
        std::string verb(e.method);
        for (auto& c : verb)
            c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        const auto& operation = document["paths"][std::string(e.pattern)][verb];
        for (const auto& [by, scheme] : schemes) {
            bool named = false;
            for (const auto& s : operation["security"])
                named = named || s.contains(scheme);
            EXPECT_EQ(named, (e.takes & edge::api::any_of(by)) != 0)
                << verb << " " << e.pattern << " " << scheme;
        }
    }
}

TEST_F(api_document, sec_04_every_route_has_a_rate_class_and_the_document_says_so) {
    const auto document = json::parse(edge::api::openapi_document());
    for (const auto& e : edge::api::all_entries()) {
        const std::string route = std::string(e.method) + " " + std::string(e.pattern);
        if (e.raw) continue; // the word ok, which probes ask for
        EXPECT_NE(edge::api::name(e.rate), "none") << route;
        std::string verb(e.method);
        for (auto& c : verb)
            c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        const auto& replies = document["paths"][std::string(e.pattern)][verb]["responses"];
        EXPECT_TRUE(replies.contains("429")) << route;
        for (const auto& [status, reply] : replies.items())
            if (status.starts_with('2'))
                EXPECT_TRUE(reply.contains("headers") && reply["headers"].contains("RateLimit-Remaining"))
                    << route << " " << status;
    }
}

TEST_F(api_document, sec_04_an_address_that_reads_too_much_is_told_when_to_come_back) {
    const auto phone = device(k_ada, "phone-1");
    settings.limits.read_per_minute = 3;
    for (const char* path : {"/api/openapi.json", "/api/docs", "/api/voip/state-model"}) {
        restart();
        for (int i = 0; i < 3; ++i) {
            const auto r = send("GET", path);
            ASSERT_EQ(r.status, 200) << path;
            EXPECT_EQ(r.header("RateLimit-Limit"), "3") << path;
            EXPECT_EQ(r.header("RateLimit-Remaining"), std::to_string(2 - i)) << path;
        }
        const auto r = send("GET", path);
        EXPECT_EQ(r.status, 429) << path;
        EXPECT_EQ(r.code(), "rate_limited");
        EXPECT_GE(std::stoi(r.header("Retry-After")), 1);
        EXPECT_EQ(send("GET", path, phone).status, 200) << path << ": a good bearer has reads of its own";
        EXPECT_EQ(send("GET", path, {{"Authorization", "Bearer z360d_test_made-up"}}).status, 401) << path;
        peer = "203.0.113.8:1";
        EXPECT_EQ(send("GET", path).status, 200) << path << ": another address";
        peer = "198.51.100.9:40000";
        clock.at += millis{61'000};
        EXPECT_EQ(send("GET", path).status, 200) << path;
        clock.at += millis{61'000};
    }
}

TEST_F(api_document, it_is_served_as_it_lies_in_the_project_with_a_page_that_loads_nothing_else) {
    const auto r = send("GET", "/api/openapi.json");
    std::ifstream file(Z360_SOURCE_DIR "/docs/api/openapi.json", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_TRUE(r.text == text) << "the program was built from another document";
    const auto page = send("GET", "/api/docs");
    EXPECT_EQ(page.status, 200);
    EXPECT_TRUE(page.header("Content-Type").starts_with("text/html"));
    EXPECT_NE(page.header("Content-Security-Policy").find("default-src 'none'"), std::string::npos);
    for (const char* outside : {"https://", "http://", "src=", "@import"})
        EXPECT_EQ(page.text.find(outside), std::string::npos) << outside;
}

TEST_F(api_document, it_names_the_server_and_the_cookie_of_the_installation) {
    settings.server.public_url = "https://calls.example.net";
    settings.auth.cookie_name = "session";
    restart();
    const auto served = json::parse(send("GET", "/api/openapi.json").text);
    EXPECT_EQ(served["servers"][0]["url"], "https://calls.example.net");
    EXPECT_EQ(served["components"]["securitySchemes"]["sessionCookie"]["name"], "session");
    auto written = json::parse(edge::api::openapi_document());
    written["servers"][0]["url"] = "https://calls.example.net";
    written["components"]["securitySchemes"]["sessionCookie"]["name"] = "session";
    EXPECT_EQ(served, written) << "nothing else differs";
}

TEST_F(api_document, health_says_ok) {
    const auto r = send("GET", "/api/health");
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.text, "ok");
}
