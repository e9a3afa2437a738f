// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Every push in contract/push, judged by the models of the services: two readings of the same documents
// agree.
#include "push_signer.hpp"
#include "sim/push_desk.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

namespace {

const time_point k_now{1'780'000'000'000ms};

/// The body has the ordering of its file's text; its size is what counts.
push_request request_in(const json& golden) {
    push_request r;
    r.method = "POST";
    r.path = golden.at("path").get<std::string>();
    for (const auto& h : golden.at("headers").items())
        r.fields.emplace_back(h.key(), h.value().get<std::string>());
    r.body = golden.at("body").dump();
    return r;
}

std::string text(const push_request& r, const char* name) {
    const auto* v = r.find(name);
    return v != nullptr ? *v : std::string{};
}

push_answer judged_by_apns(push_request r, const std::string& authority) {
    const push_signer key(push_signer::kind::p256);
    push_desk_settings s;
    s.apns.bundle_ids = {"com.example.voip"};
    push_desk d(std::move(s));
    d.apns().add_key({"KEY1234567", "TEAM123456", key.public_pem(), {}});
    apns_connection on;
    if (authority == "api.sandbox.push.apple.com") on.where = apns_environment::sandbox;
    d.apns().put_device(on.where, *apns_token_in(r.path), {text(r, "apns-topic"), {}, {}});
    r.fields.emplace_back(
        "authorization", "bearer " + key.token(
                                         {{"alg", "ES256"}, {"kid", "KEY1234567"}},
                                         {{"iss", "TEAM123456"}, {"iat", seconds(k_now)}}
                                     )
    );
    return d.take_apns(r, on, k_now).answer;
}

push_answer judged_by_fcm(push_request r, const json& message) {
    const push_signer key(push_signer::kind::rsa);
    push_desk d;
    const auto project = *fcm_project_in(r.path);
    d.google().add_account({"push@example.com", project, key.public_pem()});
    push_request grant;
    grant.method = "POST";
    grant.path = "/token";
    grant.fields = {{"content-type", "application/x-www-form-urlencoded"}};
    const json claims{
        {"iss", "push@example.com"},
        {"scope", "https://www.googleapis.com/auth/firebase.messaging"},
        {"aud", "https://oauth2.googleapis.com/token"},
        {"iat", seconds(k_now)},
        {"exp", seconds(k_now) + 3600},
    };
    grant.body = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" +
                 key.token({{"alg", "RS256"}}, claims);
    const auto granted = d.take_google(grant, k_now).answer;
    const bool fid = message.contains("fid");
    d.fcm().put_device(
        message.at(fid ? "fid" : "token").get<std::string>(), {project, fid, "com.example.voip", false}
    );
    r.fields.emplace_back(
        "authorization", "Bearer " + json::parse(granted.reply.body).at("access_token").get<std::string>()
    );
    return d.take_google(r, k_now).answer;
}

} // namespace

TEST(push_golden, every_push_that_we_send_is_taken_and_nothing_is_to_be_said_of_it) {
    std::size_t seen = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::filesystem::path(Z360_SOURCE_DIR) / "contract" / "push")) {
        if (entry.path().extension() != ".json") continue;
        ++seen;
        std::ifstream in(entry.path());
        const auto golden = json::parse(in);
        auto r = request_in(golden);
        const auto authority = golden.at("authority").get<std::string>();
        const auto a = authority == "fcm.googleapis.com"
                           ? judged_by_fcm(std::move(r), golden.at("body").at("message"))
                           : judged_by_apns(std::move(r), authority);
        EXPECT_EQ(a.reply.status, 200) << entry.path() << a.reply.body;
        EXPECT_TRUE(a.notes.empty()) << entry.path() << a.notes.front();
    }
    EXPECT_GE(seen, 16U);
}
