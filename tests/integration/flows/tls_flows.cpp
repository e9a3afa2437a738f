// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The API over encrypted connections only (CFG-05).
#include "component/http/test_certificate.hpp"
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"

#include <array>
#include <cstdio>
#include <memory>

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
