// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the model of Apple's push service takes and refuses, and with which reason.
#include "adapter/crypto/apns_key.hpp"
#include "push_signer.hpp"
#include "sim/apns.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

namespace {

constexpr const char* k_token = "a1b2c3d4e5f60718a1b2c3d4e5f60718a1b2c3d4e5f60718a1b2c3d4e5f60718";
constexpr const char* k_id = "4d3b7f44-8608-4373-a988-b1767b6d8a37";
const time_point k_now{1'780'000'000'000ms};

struct desk {
    push_signer key{push_signer::kind::p256};
    apns_service service{[] {
        apns_settings s;
        s.bundle_ids = {"com.example.voip"};
        return s;
    }()};
    apns_connection on;
    time_point now = k_now;
    std::string bearer;

    desk() {
        service.add_key({"KEY1234567", "TEAM123456", key.public_pem(), {}});
        service.put_device(apns_environment::production, k_token, {"com.example.voip.voip", {}, {}});
        bearer = token(now - 30s);
    }
    [[nodiscard]] std::string token(time_point issued, const json& more = {}, bool der = false) const {
        json header{{"alg", "ES256"}, {"kid", "KEY1234567"}};
        json claims{{"iss", "TEAM123456"}, {"iat", seconds(issued)}};
        if (more.contains("header")) header.update(more["header"]);
        if (more.contains("claims")) claims.update(more["claims"]);
        return key.token(header, claims, der);
    }
    [[nodiscard]] push_request voip() const {
        push_request r;
        r.method = "POST";
        r.path = std::string("/3/device/") + k_token;
        r.fields = {
            {"authorization", "bearer " + bearer},
            {"apns-topic", "com.example.voip.voip"},
            {"apns-push-type", "voip"},
            {"apns-priority", "10"},
            {"apns-expiration", "0"},
            {"apns-id", k_id},
            {"apns-collapse-id", "a-call-of-ours"},
        };
        r.body = R"({"aps":{"content-available":1},"type":"incoming_call"})";
        return r;
    }
    push_answer send(const push_request& r) { return service.take(r, on, now); }
    push_answer with(const std::string& name, const std::string& value) {
        auto r = voip();
        set(r, name, value);
        return send(r);
    }
    push_answer without(const std::string& name) {
        auto r = voip();
        std::erase_if(r.fields, [&](const auto& f) { return f.first == name; });
        return send(r);
    }
    static void set(push_request& r, const std::string& name, const std::string& value) {
        for (auto& [n, v] : r.fields)
            if (n == name) {
                v = value;
                return;
            }
        r.fields.emplace_back(name, value);
    }
};

void refused(const push_answer& a, int status, const std::string& reason) {
    EXPECT_EQ(a.reply.status, status) << a.reply.body;
    EXPECT_EQ(a.reason, reason);
    EXPECT_EQ(json::parse(a.reply.body).at("reason"), reason);
    EXPECT_FALSE(a.delivered);
}

std::string field(const push_answer& a, std::string_view name) {
    for (const auto& [n, v] : a.reply.fields)
        if (n == name) return v;
    return {};
}

} // namespace

TEST(apns, takes_a_voip_push_and_echoes_its_id) {
    desk d;
    const auto a = d.send(d.voip());
    EXPECT_EQ(a.reply.status, 200) << a.reply.body;
    EXPECT_TRUE(a.delivered);
    EXPECT_TRUE(a.reply.body.empty());
    EXPECT_EQ(field(a, "apns-id"), k_id);
    EXPECT_TRUE(a.notes.empty()) << a.notes.front();
}
TEST(apns, makes_an_id_for_a_push_without_one) {
    desk d;
    const auto a = d.without("apns-id");
    EXPECT_TRUE(a.taken());
    EXPECT_EQ(field(a, "apns-id").size(), 36U);
    EXPECT_NE(field(a, "apns-id"), field(d.without("apns-id"), "apns-id"));
}
TEST(apns, knows_its_one_path_and_method) {
    desk d;
    auto r = d.voip();
    r.method = "GET";
    refused(d.send(r), 405, "MethodNotAllowed");
    r = d.voip();
    r.path = std::string("/2/device/") + k_token;
    refused(d.send(r), 404, "BadPath");
    r.path = "/3/device/";
    refused(d.send(r), 400, "MissingDeviceToken");
}
TEST(apns, takes_signatures_in_both_forms_that_are_in_the_field) {
    desk d;
    d.bearer = d.token(d.now, {}, true);
    EXPECT_TRUE(d.send(d.voip()).taken()) << "ASN.1";
    desk other;
    EXPECT_TRUE(other.send(other.voip()).taken()) << "r and s";
}
TEST(apns, takes_what_our_key_signs) {
    desk d;
    const auto ours = adapter::crypto::apns_key::parse(
        "apns.key_file", "a test", secret(d.key.private_pem()), {"KEY1234567", "TEAM123456"}
    );
    d.bearer = std::string(ours->mint(d.now).reveal());
    EXPECT_TRUE(d.send(d.voip()).taken());
}
TEST(apns, refuses_provider_tokens_that_are_missing_or_not_the_teams) {
    desk d;
    refused(d.without("authorization"), 403, "MissingProviderToken");
    refused(d.with("authorization", d.bearer), 403, "InvalidProviderToken");
    refused(d.with("authorization", "bearer a.b"), 403, "InvalidProviderToken");
    refused(d.with("authorization", "bearer " + d.bearer + "A"), 403, "InvalidProviderToken");
    const auto with_token = [&](const json& more) {
        return d.with("authorization", "bearer " + d.token(d.now, more));
    };
    refused(with_token({{"header", {{"kid", "KEY7654321"}}}}), 403, "InvalidProviderToken");
    refused(with_token({{"header", {{"alg", "RS256"}}}}), 403, "InvalidProviderToken");
    refused(with_token({{"claims", {{"iss", "TEAM654321"}}}}), 403, "InvalidProviderToken");
    refused(with_token({{"claims", {{"iat", "yesterday"}}}}), 403, "InvalidProviderToken");
    const push_signer stranger(push_signer::kind::p256);
    const auto forged = stranger.token(
        {{"alg", "ES256"}, {"kid", "KEY1234567"}}, {{"iss", "TEAM123456"}, {"iat", seconds(d.now)}}
    );
    refused(d.with("authorization", "bearer " + forged), 403, "InvalidProviderToken");
    EXPECT_FALSE(d.on.trusted);
}
TEST(apns, refuses_provider_tokens_older_than_an_hour_or_from_the_future) {
    desk d;
    d.bearer = d.token(d.now - 1h);
    EXPECT_TRUE(d.send(d.voip()).taken());
    d.now += 1s;
    refused(d.send(d.voip()), 403, "ExpiredProviderToken");
    desk early;
    early.bearer = early.token(early.now + 2min);
    refused(early.send(early.voip()), 403, "InvalidProviderToken");
}
TEST(apns, a_connection_takes_one_new_provider_token_in_twenty_minutes) {
    desk d;
    EXPECT_TRUE(d.send(d.voip()).taken());
    const auto first = d.bearer;
    d.now += 19min;
    d.bearer = d.token(d.now);
    refused(d.send(d.voip()), 429, "TooManyProviderTokenUpdates");
    d.bearer = first;
    refused(d.send(d.voip()), 429, "TooManyProviderTokenUpdates");
    d.now += 1min;
    d.bearer = d.token(d.now);
    EXPECT_TRUE(d.send(d.voip()).taken()) << "after twenty minutes it is of use again";
    apns_connection fresh;
    d.now += 1min;
    d.bearer = d.token(d.now);
    EXPECT_TRUE(d.service.take(d.voip(), fresh, d.now).taken()) << "each connection counts for itself";
}
TEST(apns, a_connection_belongs_to_its_first_team_and_key) {
    desk d;
    d.service.add_key({"KEY2222222", "TEAM123456", d.key.public_pem(), {}});
    d.service.add_key({"KEY3333333", "TEAM333333", d.key.public_pem(), {}});
    EXPECT_TRUE(d.send(d.voip()).taken());
    d.bearer = d.token(d.now, {{"header", {{"kid", "KEY2222222"}}}});
    refused(d.send(d.voip()), 403, "UnrelatedKeyIdInToken");
    d.bearer = d.token(d.now, {{"header", {{"kid", "KEY3333333"}}}, {"claims", {{"iss", "TEAM333333"}}}});
    refused(d.send(d.voip()), 403, "InvalidProviderToken");
}
TEST(apns, a_key_of_one_environment_is_not_for_the_other) {
    desk d;
    d.service.add_key({"KEY1234567", "TEAM123456", d.key.public_pem(), apns_environment::sandbox});
    refused(d.send(d.voip()), 403, "BadEnvironmentKeyIdInToken");
}
TEST(apns, refuses_topics_that_are_not_the_teams_or_not_of_the_push_type) {
    desk d;
    refused(d.without("apns-topic"), 400, "MissingTopic");
    refused(d.with("apns-topic", "com example"), 400, "BadTopic");
    refused(d.with("apns-topic", "com.example.voip"), 400, "BadTopic");
    refused(d.with("apns-push-type", "alert"), 400, "BadTopic");
    refused(d.with("apns-topic", "com.example.other.voip"), 400, "TopicDisallowed");
    EXPECT_EQ(d.without("apns-push-type").reason, "") << "without a type the topic says it";
}
TEST(apns, refuses_headers_of_another_form) {
    desk d;
    refused(d.with("apns-push-type", "call"), 400, "InvalidPushType");
    refused(d.with("apns-priority", "9"), 400, "BadPriority");
    refused(d.with("apns-expiration", "soon"), 400, "BadExpirationDate");
    refused(d.with("apns-id", "17"), 400, "BadMessageId");
    EXPECT_TRUE(d.with("apns-collapse-id", std::string(64, 'x')).taken());
    refused(d.with("apns-collapse-id", std::string(65, 'x')), 400, "BadCollapseId");
    auto r = d.voip();
    r.fields.emplace_back("apns-priority", "10");
    refused(d.send(r), 400, "DuplicateHeaders");
}
TEST(apns, a_background_push_has_priority_5) {
    desk d;
    d.service.put_device(apns_environment::production, "ab12", {"com.example.voip", {}, {}});
    auto r = d.voip();
    r.path = "/3/device/ab12";
    desk::set(r, "apns-topic", "com.example.voip");
    desk::set(r, "apns-push-type", "background");
    refused(d.send(r), 400, "BadPriority");
    desk::set(r, "apns-priority", "5");
    EXPECT_TRUE(d.send(r).taken());
    r.body = R"({"aps":{"alert":"hello"}})";
    EXPECT_EQ(d.send(r).notes.size(), 1U);
}
TEST(apns, payloads_have_5120_bytes_if_voip_else_4096) {
    desk d;
    auto r = d.voip();
    const auto of = [](std::size_t size) {
        const std::string frame = R"({"aps":{"alert":"x"},"p":""})";
        return std::string(R"({"aps":{"alert":"x"},"p":")") + std::string(size - frame.size(), 'x') + "\"}";
    };
    r.body = of(5120);
    EXPECT_TRUE(d.send(r).taken());
    r.body = of(5121);
    refused(d.send(r), 413, "PayloadTooLarge");
    d.service.put_device(apns_environment::production, "ab12", {"com.example.voip", {}, {}});
    r.path = "/3/device/ab12";
    desk::set(r, "apns-topic", "com.example.voip");
    desk::set(r, "apns-push-type", "alert");
    r.body = of(4096);
    EXPECT_TRUE(d.send(r).taken());
    r.body = of(4097);
    refused(d.send(r), 413, "PayloadTooLarge");
    r.body.clear();
    refused(d.send(r), 400, "PayloadEmpty");
    r.body = "call";
    refused(d.send(r), 400, "PayloadEmpty");
}
TEST(apns, a_token_is_known_in_its_environment_and_for_its_topic_only) {
    desk d;
    auto r = d.voip();
    r.path = "/3/device/no-token";
    refused(d.send(r), 400, "BadDeviceToken");
    r.path = "/3/device/abcd";
    refused(d.send(r), 400, "BadDeviceToken");
    apns_connection sandbox;
    sandbox.where = apns_environment::sandbox;
    refused(d.service.take(d.voip(), sandbox, d.now), 400, "BadDeviceToken");
    d.service.put_device(apns_environment::production, "abcd", {"com.example.voip", {}, {}});
    refused(d.send(r), 400, "DeviceTokenNotForTopic");
    r = d.voip();
    r.path = "/3/device/A1B2C3D4E5F60718A1B2C3D4E5F60718A1B2C3D4E5F60718A1B2C3D4E5F60718";
    EXPECT_TRUE(d.send(r).taken()) << "the case of a token does not count";
}
TEST(apns, a_dead_token_tells_since_when) {
    desk d;
    d.service.put_device(
        apns_environment::production, k_token,
        {"com.example.voip.voip", apns_device::state::unregistered, d.now - 5min}
    );
    const auto a = d.send(d.voip());
    refused(a, 410, "Unregistered");
    EXPECT_EQ(json::parse(a.reply.body).at("timestamp"), (d.now - 5min).time_since_epoch().count());
    d.service.put_device(
        apns_environment::production, k_token, {"com.example.voip.voip", apns_device::state::expired, d.now}
    );
    refused(d.send(d.voip()), 410, "ExpiredToken");
    d.service.forget_device(apns_environment::production, k_token);
    refused(d.send(d.voip()), 400, "BadDeviceToken");
}
TEST(apns, a_connection_has_one_stream_until_its_first_accepted_request) {
    desk d;
    EXPECT_EQ(d.service.streams(d.on), 1U);
    refused(d.with("apns-priority", "9"), 400, "BadPriority");
    EXPECT_EQ(d.service.streams(d.on), 1U) << "refused is not accepted";
    EXPECT_TRUE(d.send(d.voip()).taken());
    EXPECT_EQ(d.service.streams(d.on), 1000U);
}
TEST(apns, has_enough_of_a_connection_with_many_errors_but_dead_tokens_do_not_count) {
    apns_settings s;
    s.most_refusals = 2;
    apns_service service(s);
    desk d;
    service.add_key({"KEY1234567", "TEAM123456", d.key.public_pem(), {}});
    service.put_device(
        apns_environment::production, "abcd",
        {"com.example.voip.voip", apns_device::state::unregistered, d.now}
    );
    auto dead = d.voip();
    dead.path = "/3/device/abcd";
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(service.take(dead, d.on, d.now).reply.status, 410);
    EXPECT_FALSE(service.fed_up(d.on));
    EXPECT_EQ(service.take(d.voip(), d.on, d.now).reason, "BadDeviceToken");
    EXPECT_EQ(service.take(d.voip(), d.on, d.now).reason, "BadDeviceToken");
    EXPECT_TRUE(service.fed_up(d.on));
}
TEST(apns, notes_what_is_taken_but_costs_deliveries) {
    desk d;
    EXPECT_EQ(d.without("apns-push-type").notes.size(), 1U);
    EXPECT_EQ(d.without("apns-expiration").notes.size(), 1U);
    EXPECT_EQ(d.with("apns-expiration", std::to_string(seconds(d.now) + 600)).notes.size(), 1U);
    EXPECT_EQ(d.with("apns-id", "4D3B7F44-8608-4373-A988-B1767B6D8A37").notes.size(), 1U);
}
TEST(apns, refuses_keys_that_are_none) {
    apns_service service;
    const push_signer rsa(push_signer::kind::rsa);
    EXPECT_THROW(service.add_key({"KEY1234567", "TEAM123456", "no key", {}}), std::invalid_argument);
    EXPECT_THROW(service.add_key({"KEY1234567", "TEAM123456", rsa.public_pem(), {}}), std::invalid_argument);
    EXPECT_THROW(service.add_key({"key", "TEAM123456", "", {}}), std::invalid_argument);
    EXPECT_THROW(
        service.put_device(apns_environment::sandbox, "xyz", {"com.example", {}, {}}), std::invalid_argument
    );
}
