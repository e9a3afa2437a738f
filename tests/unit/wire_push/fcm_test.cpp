// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Requests to FCM.
#include "bed.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace z360;
using namespace z360::testing;
using namespace z360::wire;
using namespace std::chrono_literals;
using push::kind;
using push::token_kind;

namespace {

nlohmann::json message_of(const push_built& b) {
    return b.request ? body_of(b).at("message") : nlohmann::json::object();
}
nlohmann::json android(const push::message& m) {
    return message_of(to_fcm(m, target_of(token_kind::fcm_token))).value("android", nlohmann::json::object());
}

} // namespace

TEST(fcm_request, mob_16_a_ringing_call_is_data_alone_at_high_priority_for_what_is_left_of_the_ring) {
    const auto built = to_fcm(call_message(), target_of(token_kind::fcm_token));
    ASSERT_TRUE(built.request) << built.why;
    EXPECT_EQ(built.request->authority, "fcm.googleapis.com");
    EXPECT_EQ(built.request->path.reveal(), "/v1/projects/z360-example/messages:send");
    EXPECT_EQ(header_of(built, "content-type"), "application/json");
    const auto m = message_of(built);
    EXPECT_EQ(m.at("token"), "fcm-token-of-a-phone:APA91b");
    EXPECT_FALSE(m.contains("notification"));
    const nlohmann::json wanted{
        {"priority", "HIGH"},
        {"ttl", "30s"},
        {"direct_boot_ok", true},
        {"bandwidth_constrained_ok", true},
        {"restricted_satellite_ok", true},
        {"restricted_package_name", "com.example.voip"}
    };
    EXPECT_EQ(m.at("android"), wanted); // no collapse key: FCM would hold back a busy phone's calls
    EXPECT_EQ(m.at("fcm_options").at("analytics_label"), "incoming_call");
}

TEST(fcm_request, mob_16_the_ttl_shrinks_and_ends_with_the_ring) {
    auto m = call_message();
    const std::pair<millis, const char*> all[] = {
        {30s, "30s"}, {29'999ms, "29s"}, {1'000ms, "1s"}, {999ms, "0s"}, {1ms, "0s"}
    };
    for (const auto& [left, wanted] : all) {
        m.deadline = k_now + left;
        EXPECT_EQ(android(m).at("ttl"), wanted);
    }
    for (const auto gone : {0ms, -1ms, -86'400'000ms}) {
        m.deadline = k_now + gone;
        EXPECT_EQ(to_fcm(m, target_of(token_kind::fcm_token)).fault, push_fault::too_late);
    }
    m.deadline = k_now + std::chrono::hours{24 * 365};
    EXPECT_EQ(android(m).at("ttl"), "2419200s"); // FCM takes no more
}

TEST(fcm_request, mob_02_exactly_one_address_of_its_own_form) {
    const auto token = message_of(to_fcm(call_message(), target_of(token_kind::fcm_token)));
    EXPECT_TRUE(token.contains("token"));
    EXPECT_FALSE(token.contains("fid"));
    const auto fid = message_of(to_fcm(call_message(), target_of(token_kind::fcm_fid)));
    EXPECT_TRUE(fid.contains("fid"));
    EXPECT_FALSE(fid.contains("token"));
    for (const auto k : {token_kind::voip, token_kind::alert})
        EXPECT_EQ(to_fcm(call_message(), target_of(k)).fault, push_fault::wrong_token);
    auto t = target_of(token_kind::fcm_token);
    for (const std::string& odd :
         {std::string(), std::string("a b"), std::string("a\n"), std::string(4'097, 'x'), std::string("\xFF")
         }) {
        t.token = secret(odd);
        EXPECT_EQ(to_fcm(call_message(), t).fault, push_fault::bad_token);
    }
}

TEST(fcm_request, only_a_dry_push_is_to_be_validated_alone) {
    const auto to = target_of(token_kind::fcm_token);
    const fcm_apps usual{"z360-example", {}};
    fcm_apps dry = usual;
    dry.validate_only = true;
    const auto sent = body_of(build_fcm(call_message(), to, usual, k_now));
    auto looked_at = body_of(build_fcm(call_message(), to, dry, k_now));
    EXPECT_FALSE(sent.contains("validate_only"));
    EXPECT_EQ(looked_at.at("validate_only"), true);
    looked_at.erase("validate_only");
    EXPECT_EQ(looked_at, sent);
}

TEST(fcm_request, every_value_of_data_is_a_text) {
    for (const auto& m :
         {call_message(), call_message(kind::call_ended), call_message(kind::missed_call),
          notice(kind::session_warning), notice(kind::push_token_required), business()}) {
        const auto built = to_fcm(m, target_of(token_kind::fcm_token));
        ASSERT_TRUE(built.request) << built.why;
        const auto sent = message_of(built);
        EXPECT_GE(sent.at("data").size(), 2U);
        for (const auto& [key, value] : sent.at("data").items())
            EXPECT_TRUE(value.is_string()) << key;
    }
}

TEST(fcm_request, mob_16_only_what_a_person_sees_has_high_priority) {
    EXPECT_EQ(android(call_message(kind::call_ended)).at("priority"), "HIGH");
    EXPECT_EQ(android(call_message(kind::missed_call)).at("priority"), "HIGH");
    EXPECT_EQ(android(notice(kind::session_warning)).at("priority"), "NORMAL");
    EXPECT_EQ(android(notice(kind::push_token_required)).at("priority"), "NORMAL");
    auto quiet = business();
    EXPECT_EQ(android(quiet).at("priority"), "HIGH");
    quiet.shown.urgent = false;
    EXPECT_EQ(android(quiet).at("priority"), "NORMAL");
}

TEST(fcm_request, mob_16_pushes_of_calls_have_no_collapse_key_whatever_is_asked) {
    for (const auto k : {kind::incoming_call, kind::call_ended, kind::missed_call}) {
        auto m = call_message(k);
        m.shown.collapse_key = "call";
        EXPECT_FALSE(android(m).contains("collapse_key")) << push::name(k);
    }
    EXPECT_EQ(android(business()).at("collapse_key"), "conversation-9");
    EXPECT_EQ(android(notice(kind::session_warning)).at("collapse_key"), "session_warning");
}

TEST(fcm_request, be_28_a_business_push_is_shown_by_the_system_with_its_channel) {
    const auto m = message_of(to_fcm(business(), target_of(token_kind::fcm_token)));
    EXPECT_EQ(m.at("notification").at("title"), "[Baker Street Ltd] Ada Lovelace");
    EXPECT_EQ(m.at("notification").at("body"), "Is the engine running?");
    EXPECT_EQ(m.at("android").at("notification").at("channel_id"), "messages");
    EXPECT_EQ(m.at("data").at("type"), "message_received");
    EXPECT_EQ(m.at("data").at("link"), "/inbox/9?organization_id=42");
    EXPECT_EQ(m.at("data").at("organization_id"), "42");
    EXPECT_EQ(m.at("data").at("conversation_id"), "9");
    EXPECT_EQ(m.at("fcm_options").at("analytics_label"), "business");
}

TEST(fcm_request, and_17_a_phone_that_cannot_show_calls_full_screen_is_told_and_helped) {
    auto m = call_message();
    m.device.notification_fallback = true;
    auto sent = message_of(to_fcm(m, target_of(token_kind::fcm_token)));
    EXPECT_EQ(sent.at("data").at("notification_fallback"), "true");
    EXPECT_FALSE(sent.contains("notification")); // the app must run to take the call
    m = call_message(kind::missed_call);
    m.device.notification_fallback = true;
    sent = message_of(to_fcm(m, target_of(token_kind::fcm_token)));
    EXPECT_EQ(sent.at("notification").at("body"), "Missed call");
    m.device.notification_fallback = false;
    EXPECT_FALSE(message_of(to_fcm(m, target_of(token_kind::fcm_token))).contains("notification"));
}

TEST(fcm_request, be_28_data_may_not_take_the_names_that_are_others) {
    for (const char* key :
         {"from",
          "message_type",
          "google.sent_time",
          "google.",
          "google",
          "gcm.notification.title",
          "gcm.n.e",
          "gcm",
          "collapse_key",
          "aps",
          "type",
          "link",
          "call_uuid",
          "call_id",
          "call_session_id",
          "organization_id",
          "timestamp",
          "ring_ticket",
          "device_id",
          "metadata",
          "telnyx",
          "",
          "a b",
          "a\n",
          "\xFF"}) {
        auto m = business();
        m.shown.extras.emplace_back(key, "x");
        for (const auto& built :
             {to_fcm(m, target_of(token_kind::fcm_token)), to_apns(m, target_of(token_kind::alert))}) {
            EXPECT_EQ(built.fault, push_fault::not_allowed) << key;
            EXPECT_FALSE(built.why.empty());
            EXPECT_EQ(built.why.find('\n'), std::string::npos);
        }
    }
    for (const char* key :
         {"title", "body", "fromage", "googles", "gcmx", "conversation", "types", "google_event"}) {
        auto m = business();
        m.shown.extras.emplace_back(key, "x");
        EXPECT_EQ(message_of(to_fcm(m, target_of(token_kind::fcm_token))).at("data").at(key), "x") << key;
    }
    // Whatever a push of ours has, data of others may not have.
    auto ring = call_message();
    ring.device.notification_fallback = true;
    ring.call.device_control_id = "v3:device-leg";
    for (auto m :
         {ring, call_message(kind::call_ended), call_message(kind::missed_call),
          notice(kind::session_warning), notice(kind::push_token_required)}) {
        const auto sent = message_of(to_fcm(m, target_of(token_kind::fcm_token))).at("data");
        ASSERT_FALSE(sent.empty());
        for (const auto& [key, value] : sent.items()) {
            auto theirs = business();
            theirs.shown.extras = {{key, "x"}};
            const auto built = to_fcm(theirs, target_of(token_kind::fcm_token));
            EXPECT_EQ(built.fault, push_fault::not_allowed) << key;
            EXPECT_NE(built.why.find("'" + key + "'"), std::string::npos) << built.why;
        }
    }
    auto twice = business();
    twice.shown.extras = {{"a", "1"}, {"a", "2"}};
    EXPECT_EQ(to_fcm(twice, target_of(token_kind::fcm_token)).fault, push_fault::not_allowed);
}

TEST(fcm_request, be_28_a_business_push_cannot_pass_for_one_of_ours) {
    for (int i = 0; i < push::k_kind_count; ++i) {
        auto m = business();
        m.shown.type = push::name(static_cast<kind>(i));
        EXPECT_EQ(to_fcm(m, target_of(token_kind::fcm_token)).fault, push_fault::not_allowed) << m.shown.type;
    }
    for (const std::string& odd : {std::string(), std::string("a b"), std::string(65, 'x')}) {
        auto m = business();
        m.shown.type = odd;
        EXPECT_EQ(to_fcm(m, target_of(token_kind::fcm_token)).fault, push_fault::incomplete);
    }
    auto m = business();
    m.shown.link = std::string(2'049, 'x');
    EXPECT_EQ(to_fcm(m, target_of(token_kind::fcm_token)).fault, push_fault::not_allowed);
}

TEST(fcm_request, a_push_is_restricted_to_a_package_only_if_that_is_one_of_ours) {
    auto t = target_of(token_kind::fcm_token);
    for (const char* other : {"com.stranger.app", "", "com.example"}) {
        t.bundle_id = other;
        EXPECT_FALSE(message_of(to_fcm(call_message(), t)).at("android").contains("restricted_package_name"))
            << other;
    }
}

TEST(fcm_request, cfg_01_a_project_that_is_none_is_refused) {
    for (const std::string& odd :
         {std::string(), std::string("a/b"), std::string("a b"), std::string("A"), std::string(101, 'a'),
          std::string("a\r\n")}) {
        const auto built = build_fcm(call_message(), target_of(token_kind::fcm_token), {odd, {}}, k_now);
        EXPECT_EQ(built.fault, push_fault::not_allowed);
    }
    EXPECT_TRUE(
        build_fcm(call_message(), target_of(token_kind::fcm_token), {"example.com:app-1", {}}, k_now).request
    );
}

TEST(fcm_request, names_and_values_together_stay_below_4096_bytes) {
    auto m = call_message();
    m.call.caller_avatar = "https://example.com/" + std::string(1'000, 'a');
    m.call.session = std::string(256, 's');
    m.call.ticket = secret(std::string(1'024, 't'));
    const auto built = to_fcm(m, target_of(token_kind::fcm_token));
    ASSERT_TRUE(built.request) << built.why;
    std::size_t size = 0;
    const auto message = message_of(built);
    for (const auto& [key, value] : message.at("data").items())
        size += key.size() + value.get<std::string>().size();
    EXPECT_LE(size, k_fcm_limit);
    EXPECT_EQ(built.trimmed, (std::vector<std::string_view>{"caller_avatar_url, avatar_url"}));
    EXPECT_EQ(message.at("data").at("ring_ticket"), std::string(1'024, 't'));

    const auto smaller = to_fcm(call_message(), target_of(token_kind::fcm_token), true);
    EXPECT_TRUE(smaller.request);
    EXPECT_TRUE(smaller.trimmed.empty()); // it fits into half of the limit

    auto blob = business();
    blob.shown.extras = {{"blob", std::string(4'090, 'x')}};
    EXPECT_EQ(to_fcm(blob, target_of(token_kind::fcm_token)).fault, push_fault::too_large);
}

TEST(fcm_request, mob_07_hostile_names_make_valid_json) {
    for (const std::string& name :
         {std::string(10'000, '\0'), std::string(10'000, '"'), std::string("\xED\xA0\x80"),
          std::string("\xE2\x80\xAE"
                      "x"),
          std::string(10'000, '\xF0')}) {
        auto m = call_message();
        m.call.caller_name = name;
        m.org.name = name;
        m.device.uid = name;
        const auto built = to_fcm(m, target_of(token_kind::fcm_token));
        ASSERT_TRUE(built.request) << built.why;
        EXPECT_FALSE(message_of(built).at("data").at("caller_name").get<std::string>().empty());
    }
    auto m = business();
    m.shown.title = std::string("\xE2\x80\xAE\0title", 9);
    m.shown.extras = {{"raw", std::string("\xFF\0", 2)}};
    const auto sent = message_of(to_fcm(m, target_of(token_kind::fcm_token)));
    EXPECT_EQ(sent.at("notification").at("title"), "title");
    EXPECT_EQ(sent.at("data").at("raw"), std::string("\xEF\xBF\xBD\0", 4));
}

TEST(push_fields, mob_09_every_push_of_a_call_names_it_alike) {
    for (const auto k : {kind::incoming_call, kind::call_ended, kind::missed_call}) {
        const auto data = message_of(to_fcm(call_message(k), target_of(token_kind::fcm_token))).at("data");
        const auto apple = body_of(to_apns(call_message(k), target_of(token_kind::alert)));
        for (const char* key :
             {"call_uuid", "call_id", "call_session_id", "caller_number", "caller_name", "organization_id",
              "seq"}) {
            EXPECT_EQ(data.at(key), apple.at(key)) << key;
        }
        EXPECT_EQ(data.at("call_uuid"), k_call);
    }
    auto m = call_message();
    m.call.session = "not a uuid";
    m.call.device_control_id = "v3:device-leg";
    const auto data = message_of(to_fcm(m, target_of(token_kind::fcm_token))).at("data");
    EXPECT_EQ(data.at("call_session_id"), "not a uuid");
    EXPECT_EQ(data.at("call_id"), k_call); // an iPhone reads it as a UUID
    EXPECT_EQ(data.at("telnyx_leg_id"), "v3:device-leg");
}

TEST(push_fields, push_01_the_old_names_are_all_there) {
    const auto data = message_of(to_fcm(call_message(), target_of(token_kind::fcm_token))).at("data");
    for (const char* key :
         {"type", "call_session_id", "call_id", "call_control_id", "caller_number", "caller_name",
          "caller_avatar", "caller_avatar_url", "avatar_url", "channel_number", "organization_id",
          "organization_name", "organization_slug", "timestamp"})
        EXPECT_TRUE(data.contains(key)) << key;
    EXPECT_EQ(data.at("timestamp"), "1780000000");
    EXPECT_EQ(data.at("organization_id"), "42");
}

TEST(push_fields, mob_03_a_phone_that_wakes_has_all_it_needs_offline) {
    const auto data = message_of(to_fcm(call_message(), target_of(token_kind::fcm_token))).at("data");
    EXPECT_EQ(data.at("deadline"), "1780000030");
    EXPECT_EQ(data.at("ring_expires_at"), "2026-05-28T20:27:10.000Z");
    EXPECT_EQ(data.at("ring_seconds"), "30");
    EXPECT_EQ(data.at("ring_ticket"), "ticket-of-this-ring");
    EXPECT_EQ(data.at("device_id"), "phone-1");
    EXPECT_EQ(data.at("credential_version"), "2");
    EXPECT_EQ(data.at("api_base"), "https://voip.example.com");
}

TEST(push_fields, be_30_an_end_says_why_who_has_the_call_and_in_what_order) {
    const auto data =
        message_of(to_fcm(call_message(kind::call_ended), target_of(token_kind::fcm_token))).at("data");
    EXPECT_EQ(data.at("type"), "call_ended");
    EXPECT_EQ(data.at("reason"), "answered_elsewhere");
    EXPECT_EQ(data.at("winner_device_id"), "tablet-1");
    EXPECT_EQ(data.at("seq"), "3");
    EXPECT_EQ(data.at("caller_number"), "+15550100001");
    EXPECT_EQ(data.at("organization_id"), "42");
    EXPECT_FALSE(data.contains("ring_ticket"));
}

TEST(push_fields, and_14_a_missed_call_can_be_called_back_from_the_number_that_was_called) {
    const auto data =
        message_of(to_fcm(call_message(kind::missed_call), target_of(token_kind::fcm_token))).at("data");
    const auto callback = nlohmann::json::parse(data.at("callback").get<std::string>());
    EXPECT_EQ(
        callback, nlohmann::json({{"to", "+15550100001"}, {"organization_id", 42}, {"from", "+15550100099"}})
    );
    EXPECT_EQ(data.at("organization_slug"), "baker-street");
    for (const char* odd : {"withheld", "", "sip:ada@example.com"}) {
        auto m = call_message(kind::missed_call);
        m.call.caller_number = odd;
        EXPECT_FALSE(message_of(to_fcm(m, target_of(token_kind::fcm_token))).at("data").contains("callback"))
            << odd;
    }
}

TEST(push_fields, mob_07_a_caller_without_a_name_is_shown_by_the_number) {
    auto m = call_message();
    for (const char* none : {"", "  ", "\xE2\x80\x8B", "\xE3\x85\xA4"}) {
        m.call.caller_name = none;
        EXPECT_EQ(
            message_of(to_fcm(m, target_of(token_kind::fcm_token))).at("data").at("caller_name"),
            "+15550100001"
        );
    }
}

TEST(push_fields, mob_07_a_caller_who_shows_nothing_is_an_unknown_caller_in_plain_words) {
    auto m = call_message();
    m.call.caller_name.clear();
    for (const char* none : {"withheld", "", " "}) {
        m.call.caller_number = none;
        EXPECT_EQ(
            message_of(to_fcm(m, target_of(token_kind::fcm_token))).at("data").at("caller_name"),
            "Unknown caller"
        );
    }
    m.call.caller_name = "Ada"; // a contact whose number is hidden this time
    EXPECT_EQ(message_of(to_fcm(m, target_of(token_kind::fcm_token))).at("data").at("caller_name"), "Ada");
}

TEST(push_fields, what_is_not_known_is_left_out) {
    auto m = call_message();
    m.org = {};
    m.call.caller_avatar.clear();
    m.call.caller_control_id.clear();
    m.call.ticket = secret();
    m.seq = 0;
    const auto data = message_of(to_fcm(m, target_of(token_kind::fcm_token))).at("data");
    for (const char* key :
         {"organization_id", "organization_name", "organization_slug", "caller_avatar", "avatar_url",
          "call_control_id", "ring_ticket", "seq", "telnyx_leg_id", "notification_fallback"})
        EXPECT_FALSE(data.contains(key)) << key;
}
