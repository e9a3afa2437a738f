// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The API over encrypted connections only (CFG-05).
#include "component/http/test_certificate.hpp"
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"
#include "integration/flows/raw_http.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <regex>

using namespace z360;
using namespace z360::testing;

namespace {

class tls_flow : public flow {};

/// Standard output and error of a shell command.
std::string output_of(const std::string& command) {
    const auto close = [](std::FILE* f) { (void)::pclose(f); };
    const std::unique_ptr<std::FILE, decltype(close)> pipe(::popen((command + " 2>&1").c_str(), "r"), close);
    std::string out;
    std::array<char, 4096> buffer{};
    while (const auto n = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
        out.append(buffer.data(), n);
    return out;
}

/// One GET by the openssl program, with the protocol that the flags name.
std::string
get_over(std::uint16_t port, const std::string& flags, const std::string& path, const std::string& header) {
    return output_of(
        "printf 'GET " + path + " HTTP/1.1\\r\\nHost: voip.test\\r\\n" + header +
        "Connection: close\\r\\n\\r\\n' | timeout 10 openssl s_client -ign_eof -cipher 'DEFAULT@SECLEVEL=0' "
        "-connect "
        "127.0.0.1:" +
        std::to_string(port) + " " + flags
    );
}

} // namespace

TEST_F(tls_flow, cfg_05_plain_requests_are_refused_before_anything_is_done) {
    rig_options o;
    o.devices = 0;
    o.environment = {
        {"Z360_HTTP_ALLOW_PLAIN_API", "false"},
        {"Z360_SERVER_PUBLIC_URL", "https://voip.example"},
        {"Z360_HTTP_TRUSTED_PROXIES", "127.0.0.1"}
    };
    auto& r = set_up(std::move(o));
    const auto through_proxy = r.service(r.user(), r.org()).with("X-Forwarded-Proto", "https");
    const json body{{"device_id", "phone"}, {"platform", "ios"}};

    const auto plain = r.register_device("phone", "ios");
    EXPECT_EQ(plain.status, 403);
    EXPECT_EQ(plain.code(), "https_required");
    EXPECT_EQ(r.sql("select count(*) from devices"), "0");
    const auto moved = r.client().get("/api/voip/state-model");
    EXPECT_EQ(moved.status, 308);
    EXPECT_EQ(moved.header("location"), "https://voip.example/api/voip/state-model");
    EXPECT_EQ(moved.body, "");
    for (const char* said : {"http", "ftp", "https, http"})
        EXPECT_EQ(
            r.service(r.user(), r.org())
                .with("X-Forwarded-Proto", said)
                .post("/api/device-tokens", body)
                .status,
            403
        ) << said;

    const auto passed = through_proxy.post("/api/device-tokens", body);
    EXPECT_EQ(passed.status, 201) << passed.body;
    EXPECT_EQ(passed.header("strict-transport-security"), "max-age=31536000");
    EXPECT_EQ(passed.header("cache-control"), "no-store");
    EXPECT_EQ(plain.header("strict-transport-security"), "");
    int status = 0;
    (void)r.server().get("/readyz", &status);
    EXPECT_EQ(status, 200) << "health is asked inside the house";
    EXPECT_EQ(r.client().get("/api/health").status, 200);
}

TEST_F(tls_flow, cfg_05_a_strangers_word_for_https_is_not_taken) {
    rig_options o;
    o.devices = 0;
    o.environment = {{"Z360_HTTP_ALLOW_PLAIN_API", "false"}, {"Z360_HTTP_TRUSTED_PROXIES", "10.9.8.7"}};
    auto& r = set_up(std::move(o));
    const auto said = r.service(r.user(), r.org()).with("X-Forwarded-Proto", "https");
    EXPECT_EQ(
        said.post("/api/device-tokens", {{"device_id", "phone"}, {"platform", "ios"}}).code(),
        "https_required"
    );
    EXPECT_EQ(said.get("/api/device-tokens").code(), "https_required") << "no address to go to is made up";
    EXPECT_EQ(r.sql("select count(*) from devices"), "0");
}

TEST_F(tls_flow, cfg_05_a_server_with_a_certificate_takes_tls_of_today_only) {
    const test::temp_folder files;
    test::write_certificate(files.file("cert"), files.file("key"), "voip", 30);
    rig_options o;
    o.devices = 0;
    o.start = false;
    o.environment = {
        {"Z360_HTTP_TLS_CERTIFICATE_FILE", files.file("cert")},
        {"Z360_HTTP_TLS_KEY_FILE", files.file("key")},
        {"Z360_HTTP_ALLOW_PLAIN_API", "false"}
    };
    auto& r = set_up(std::move(o));
    r.server().start();
    const auto port = r.server().port();
    ASSERT_TRUE(
        eventually([&] { return get_over(port, "", "/readyz", "").find("200 OK") != std::string::npos; }, 15s)
    );
    const auto token = json::parse(r.run("--json --create-token service")).at("token").get<std::string>();
    const auto who =
        "Authorization: Bearer " + token + "\\r\\nX-Z360-User: " + std::to_string(r.user()) + "\\r\\n";
    for (const char* version : {"-tls1_2", "-tls1_3"}) {
        const auto text = get_over(port, version, "/api/device-tokens", who);
        EXPECT_NE(text.find("HTTP/1.1 200 OK"), std::string::npos) << version << "\n" << text;
        EXPECT_NE(text.find("Strict-Transport-Security: max-age=31536000"), std::string::npos) << version;
    }
    for (const char* version : {"-tls1", "-tls1_1"}) {
        const auto text = get_over(port, version, "/api/device-tokens", who);
        EXPECT_EQ(text.find("HTTP/1.1"), std::string::npos) << version << "\n" << text;
        EXPECT_NE(text.find("alert protocol version"), std::string::npos) << version << "\n" << text;
    }
    EXPECT_EQ(r.client().get("/api/device-tokens").status, 0) << "plain bytes get no answer";
}

// ---- behind a proxy that ends TLS, as docs/operations.md sets it up

namespace {

constexpr const char* k_public_host = "voip.example.com";
constexpr const char* k_client_address = "198.51.100.7";

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
        text.replace(at, what.size(), by);
    return text;
}

/// What nginx sends with the guide's lines, for a client that brings `forwarded` of its own invention.
header_list nginx_headers(const std::string& forwarded) {
    std::ifstream guide(std::string(Z360_SOURCE_DIR) + "/docs/operations.md");
    header_list out;
    const std::regex line(R"(^\s*proxy_set_header\s+(\S+)\s+(\S+);$)");
    for (std::string text; std::getline(guide, text);) {
        std::smatch m;
        if (!std::regex_match(text, m, line)) continue;
        auto value = replaced(m[2], "$host", k_public_host);
        value = replaced(
            value, "$proxy_add_x_forwarded_for",
            forwarded.empty() ? k_client_address : forwarded + ", " + k_client_address
        );
        value = replaced(value, "$scheme", "https");
        if (value != "\"\"") out.emplace_back(m[1], value); // an empty value: the header is not sent
    }
    return out;
}

/// What Caddy's reverse_proxy sends by itself; what the client brings of these is dropped.
header_list caddy_headers() {
    return {
        {"Host", k_public_host},        {"X-Forwarded-For", k_client_address},
        {"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", k_public_host},
        {"Accept-Encoding", "gzip"},    {"Via", "1.1 Caddy"},
    };
}

api through(api client, const header_list& headers) {
    for (const auto& [name, value] : headers)
        client = client.with(name, value);
    return client;
}

} // namespace

TEST_F(tls_flow, cfg_05_the_documented_proxies_make_an_https_server) {
    rig_options o;
    o.devices = 1;
    o.environment = {{"Z360_HTTP_ALLOW_PLAIN_API", "false"}, {"Z360_HTTP_TRUSTED_PROXIES", "127.0.0.1"}};
    auto& r = set_up(std::move(o));
    const std::vector<std::pair<std::string, header_list>> proxies{
        {"nginx", nginx_headers("")},
        {"nginx-spoofed", nginx_headers("203.0.113.99")},
        {"caddy", caddy_headers()},
    };
    for (const auto& [name, headers] : proxies) {
        SCOPED_TRACE(name);
        for (const char* needed : {"Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"})
            EXPECT_TRUE(std::any_of(headers.begin(), headers.end(), [&](const auto& h) {
                return h.first == needed;
            })) << needed;
        const auto page = through(r.client(), headers).get("/api/openapi.json");
        EXPECT_EQ(page.status, 200) << page.body;
        EXPECT_EQ(page.header("location"), "");
        EXPECT_EQ(page.header("strict-transport-security"), "max-age=31536000");
        const auto backend = through(r.service(r.user(), r.org()), headers);
        const auto made = backend.post("/api/device-tokens", {{"device_id", name}, {"platform", "ios"}});
        ASSERT_EQ(made.status / 100, 2) << made.body;
        EXPECT_EQ(
            made.data().at("client_config").at("api_base_url"), std::string("https://") + k_public_host
        );
        EXPECT_EQ(
            r.sql("select remote_address from audit_events where action = 'device_registered' order by at "
                  "desc limit 1"),
            k_client_address
        ) << "limits and audit are about the client, not the proxy";
        // The carrier's webhooks come the same way; their bytes are signed.
        const std::string body =
            R"({"data":{"record_type":"event","event_type":"call.hangup","id":")" + name +
            R"(","occurred_at":"2026-01-01T00:00:00Z","payload":{"call_control_id":"v3:nobody",)"
            R"("call_session_id":")" +
            name + R"("}}})";
        auto signed_and_forwarded = signed_headers(body);
        for (const auto& h : headers)
            if (h.first != "Host") signed_and_forwarded.push_back(h);
        EXPECT_EQ(post(r.server().port(), k_call_control, signed_and_forwarded, body).status, 200);
    }
}

// The set-up that people forget: nobody is sent round in a circle, and the answer says what is missing.
TEST_F(tls_flow, cfg_05_a_proxy_that_is_not_trusted_is_told_so) {
    rig_options o;
    o.devices = 0;
    o.environment = {
        {"Z360_HTTP_ALLOW_PLAIN_API", "false"}, {"Z360_SERVER_PUBLIC_URL", "https://voip.example.com"}
    };
    auto& r = set_up(std::move(o));
    for (const auto& headers : {nginx_headers(""), caddy_headers(), header_list{}}) {
        const auto page = through(r.client(), headers).get("/api/openapi.json");
        EXPECT_EQ(page.status, 403);
        EXPECT_EQ(page.code(), "https_required");
        EXPECT_EQ(page.header("location"), "");
        EXPECT_NE(page.json.value("detail", "").find("http.trusted_proxies"), std::string::npos) << page.body;
    }
    const auto log = [&] {
        std::ifstream in(r.server().log_file());
        return std::string(std::istreambuf_iterator<char>(in), {});
    };
    EXPECT_TRUE(eventually([&] { return log().find("https_not_recognised") != std::string::npos; }));
    EXPECT_NE(log().find("peer=127.0.0.1"), std::string::npos) << "the operator needs the address";
    EXPECT_NE(log().find("http.trusted_proxies"), std::string::npos);
}
