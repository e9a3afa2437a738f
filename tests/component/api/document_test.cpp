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
    for (const auto& route : served)
        EXPECT_TRUE(written.contains(route)) << route << " is served, and not in the document";
    for (const auto& route : written)
        EXPECT_TRUE(served.contains(route)) << route << " is in the document, and not served";
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

TEST_F(api_document, the_answers_that_any_route_may_give_are_documented_where_they_can_come) {
    const auto document = json::parse(edge::api::openapi_document());
    for (const auto& e : edge::api::all_entries()) {
        std::string verb(e.method);
        for (auto& c : verb)
            c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        const auto& answers = document["paths"][std::string(e.pattern)][verb]["responses"];
        const auto what = verb + " " + std::string(e.pattern);
        EXPECT_EQ(answers.contains("429"), !e.raw) << what;
        EXPECT_EQ(answers.contains("403"), !e.raw) << what << ": plain HTTP";
        EXPECT_EQ(answers.contains("308"), !e.raw && verb == "get")
            << what << ": what changes is never sent on";
        const bool known = e.raw || (e.takes & edge::api::any_of(edge::api::via::nobody)) != 0;
        if (!known) EXPECT_TRUE(answers.contains("401")) << what;
    }
}

TEST_F(api_document, it_is_served_as_it_lies_in_the_project_with_a_page_that_loads_nothing_else) {
    const auto r = send("GET", "/api/openapi.json");
    std::ifstream file(Z360_SOURCE_DIR "/contract/api/openapi.json", std::ios::binary);
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
