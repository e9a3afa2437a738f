// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Requests to APNs.
#include "bed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

using namespace z360;
using namespace z360::testing;
using namespace z360::wire;
using namespace std::chrono_literals;
using push::kind;
using push::token_kind;

TEST(apns_request, mob_01_a_ringing_call_goes_by_pushkit_now_or_never) {
    const auto built = to_apns(call_message(), target_of(token_kind::voip));
    ASSERT_TRUE(built.request) << built.why;
    EXPECT_EQ(built.request->authority, "api.push.apple.com");
    std::string hex;
    for (int i = 0; i < 32; ++i)
        hex += "a1";
    EXPECT_EQ(built.request->path.reveal(), "/3/device/" + hex);
    EXPECT_EQ(header_of(built, "apns-topic"), "com.example.voip.voip");
    EXPECT_EQ(header_of(built, "apns-push-type"), "voip");
    EXPECT_EQ(header_of(built, "apns-priority"), "10");
    EXPECT_EQ(header_of(built, "apns-expiration"), "0");
    EXPECT_EQ(header_of(built, "apns-collapse-id"), k_call);
    EXPECT_EQ(body_of(built).at("aps"), nlohmann::json({{"content-available", 1}}));
    EXPECT_TRUE(built.trimmed.empty());
}

TEST(apns_request, each_header_is_there_once_and_what_differs_each_time_is_never_indexed) {
    const auto built = to_apns(call_message(), target_of(token_kind::voip));
    std::set<std::string> names;
    std::set<std::string> never;
    for (const auto& h : built.request->headers) {
        EXPECT_TRUE(names.insert(h.name).second) << h.name;
        if (h.never_index) never.insert(h.name);
    }
    EXPECT_EQ(never, (std::set<std::string>{"apns-expiration", "apns-id", "apns-collapse-id"}));
    EXPECT_EQ(names.size(), 6U);
}

TEST(apns_request, mob_01_no_other_push_goes_to_a_pushkit_token) {
    for (const auto k : {kind::call_ended, kind::missed_call}) {
        const auto built = to_apns(call_message(k), target_of(token_kind::voip));
        EXPECT_EQ(built.fault, push_fault::wrong_token);
        EXPECT_FALSE(built.request);
    }
    for (const auto k : {kind::session_warning, kind::push_token_required})
        EXPECT_EQ(to_apns(notice(k), target_of(token_kind::voip)).fault, push_fault::wrong_token);
    EXPECT_EQ(to_apns(business(), target_of(token_kind::voip)).fault, push_fault::wrong_token);
}

TEST(apns_request, be_46_alerts_say_what_happened_and_take_each_others_place) {
    struct line {
        push::message m;
        const char* title;
        const char* body;
        const char* priority;
        const char* collapse;
        bool sound;
    };
    auto ended = call_message(kind::call_ended);
    auto timed_out = ended;
    timed_out.reason = push::ended_reason::ring_timeout;
    auto removed = ended;
    removed.reason = push::ended_reason::device_removed;
    auto withheld = call_message(kind::missed_call);
    withheld.call.caller_name.clear();
    withheld.call.caller_number = "withheld";
    const std::string call(k_call);
    const line all[] = {
        {call_message(), "Ada Lovelace", "Incoming call", "10", call.c_str(), true},
        {ended, "Ada Lovelace", "Answered on another device", "10", call.c_str(), false},
        {timed_out, "Ada Lovelace", "Missed call", "10", call.c_str(), false},
        {removed, "Ada Lovelace", "Call ended", "10", call.c_str(), false},
        {call_message(kind::missed_call), "Ada Lovelace", "Missed call", "10", call.c_str(), true},
        {withheld, "Unknown caller", "Missed call", "10", call.c_str(), true},
        {notice(kind::session_warning), "Open the app to keep receiving calls",
         "This device has not been used for a while.", "5", "session_warning", false},
        {business(), "[Baker Street Ltd] Ada Lovelace", "Is the engine running?", "10", "conversation-9", true
        },
    };
    for (const auto& l : all) {
        SCOPED_TRACE(l.body);
        const auto built = to_apns(l.m, target_of(token_kind::alert));
        ASSERT_TRUE(built.request) << built.why;
        EXPECT_EQ(header_of(built, "apns-topic"), "com.example.voip");
        EXPECT_EQ(header_of(built, "apns-push-type"), "alert");
        EXPECT_EQ(header_of(built, "apns-priority"), l.priority);
        EXPECT_EQ(header_of(built, "apns-collapse-id"), l.collapse);
        EXPECT_EQ(header_of(built, "apns-expiration"), std::to_string(l.m.deadline.time_since_epoch() / 1s));
        const auto aps = body_of(built).at("aps");
        EXPECT_EQ(aps.at("alert").at("title"), l.title);
        EXPECT_EQ(aps.at("alert").at("body"), l.body);
        EXPECT_EQ(aps.contains("sound"), l.sound);
        EXPECT_FALSE(aps.contains("content-available"));
    }
}

TEST(apns_request, mob_02_a_dead_tokens_device_is_told_in_the_background_at_priority_five) {
    const auto built = to_apns(notice(kind::push_token_required), target_of(token_kind::alert));
    EXPECT_EQ(header_of(built, "apns-push-type"), "background");
    EXPECT_EQ(header_of(built, "apns-priority"), "5"); // 10 is an error there
    EXPECT_EQ(body_of(built).at("aps"), nlohmann::json({{"content-available", 1}}));
}

TEST(apns_request, cfg_01_topic_and_host_are_the_devices_own) {
    auto t = target_of(token_kind::voip);
    t.bundle_id = "com.example.other";
    t.env = push::environment::sandbox;
    const auto built = to_apns(call_message(), t);
    EXPECT_EQ(built.request->authority, "api.sandbox.push.apple.com");
    EXPECT_EQ(header_of(built, "apns-topic"), "com.example.other.voip");
    t.env = push::environment::unknown;
    EXPECT_EQ(to_apns(call_message(), t).request->authority, "api.push.apple.com");
    t.bundle_id.clear(); // an app from before bundle ids were sent
    EXPECT_EQ(header_of(to_apns(call_message(), t), "apns-topic"), "com.example.voip.voip");
}

TEST(apns_request, cfg_01_an_app_that_is_not_allowed_is_refused_by_name_and_its_token_is_not_to_blame) {
    auto t = target_of(token_kind::voip);
    for (const char* odd :
         {"com.stranger.app", "com.example.voip.voip", "COM.EXAMPLE.VOIP", "com.example.voip\r\nx: y"}) {
        t.bundle_id = odd;
        const auto built = to_apns(call_message(), t);
        EXPECT_EQ(built.fault, push_fault::not_allowed) << odd;
        EXPECT_FALSE(built.why.empty());
        EXPECT_EQ(built.why.find('\n'), std::string::npos);
        EXPECT_EQ(built.why.find("a1a1a1"), std::string::npos); // no token in it
    }
    t.bundle_id.clear();
    const auto none = build_apns(call_message(), t, {{"com.example.voip"}, ""}, k_now);
    EXPECT_EQ(none.fault, push_fault::not_allowed);
    // Also one that somebody has allowed, if it is no bundle id.
    t.bundle_id = "a/b";
    EXPECT_EQ(build_apns(call_message(), t, {{"a/b"}, ""}, k_now).fault, push_fault::not_allowed);
}

TEST(apns_request, a_token_is_hexadecimal_digits_of_any_length_in_one_case) {
    auto t = target_of(token_kind::voip);
    t.token = secret("A1B2");
    EXPECT_EQ(to_apns(call_message(), t).request->path.reveal(), "/3/device/a1b2");
    t.token = secret(std::string(200, 'F'));
    EXPECT_EQ(to_apns(call_message(), t).request->path.reveal(), "/3/device/" + std::string(200, 'f'));
    for (const std::string& odd :
         {std::string(), std::string("abc"), std::string("zz"), std::string("aa/../bb"), std::string("aa bb"),
          std::string("aa\r\nbb", 6), std::string(514, 'a'), std::string("aa\0a", 4)}) {
        t.token = secret(odd);
        EXPECT_EQ(to_apns(call_message(), t).fault, push_fault::bad_token);
    }
    t = target_of(token_kind::fcm_token);
    EXPECT_EQ(to_apns(call_message(), t).fault, push_fault::wrong_token);
}

TEST(apns_request, be_14_repeats_have_the_same_id_and_two_calls_never) {
    const auto id = header_of(to_apns(call_message(), target_of(token_kind::voip)), "apns-id");
    ASSERT_EQ(id.size(), 36U);
    EXPECT_TRUE(std::all_of(id.begin(), id.end(), [](char c) {
        return c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    }));
    auto later = call_message();
    later.seq = 8;
    later.call.ticket = secret("another");
    EXPECT_EQ(header_of(to_apns(later, target_of(token_kind::voip)), "apns-id"), id);
    auto other = call_message();
    other.call.id = call_id{derive_uuid("another call")};
    EXPECT_NE(header_of(to_apns(other, target_of(token_kind::voip)), "apns-id"), id);
    EXPECT_NE(header_of(to_apns(other, target_of(token_kind::voip)), "apns-collapse-id"), k_call);
}

TEST(apns_request, a_collapse_id_has_at_most_64_bytes) {
    auto m = business();
    for (const std::string& key :
         {std::string(64, 'k'), std::string(65, 'k'), std::string(5'000, 'k'), std::string("with blank"),
          std::string("\xC3\xA9\r\n")}) {
        m.shown.collapse_key = key;
        const auto id = header_of(to_apns(m, target_of(token_kind::alert)), "apns-collapse-id");
        EXPECT_FALSE(id.empty());
        EXPECT_LE(id.size(), k_apns_longest_collapse_id);
        EXPECT_EQ(id.find_first_of(" \r\n"), std::string::npos);
    }
    m.shown.collapse_key = std::string(65, 'k');
    const auto a = header_of(to_apns(m, target_of(token_kind::alert)), "apns-collapse-id");
    m.shown.collapse_key += 'k';
    EXPECT_NE(header_of(to_apns(m, target_of(token_kind::alert)), "apns-collapse-id"), a);
    m.shown.collapse_key.clear();
    EXPECT_EQ(header_of(to_apns(m, target_of(token_kind::alert)), "apns-collapse-id"), "");
}

TEST(apns_request, mob_16_nothing_is_made_once_the_deadline_has_come) {
    auto m = call_message();
    m.deadline = k_now + 1ms;
    EXPECT_TRUE(to_apns(m, target_of(token_kind::voip)).request);
    for (const auto d : {k_now, k_now - 1ms, time_point{}}) {
        m.deadline = d;
        const auto built = to_apns(m, target_of(token_kind::voip));
        EXPECT_EQ(built.fault, push_fault::too_late);
        EXPECT_FALSE(built.request);
    }
}

TEST(apns_request, a_payload_is_trimmed_in_order_and_nothing_else_is_lost) {
    auto m = call_message();
    m.call.caller_avatar = "https://example.com/" + std::string(1'000, 'a');
    m.call.session = std::string(256, 's');
    m.call.caller_control_id = std::string(256, 'c');
    m.call.ticket = secret(std::string(1'024, 't'));
    const auto whole = to_apns(m, target_of(token_kind::voip));
    EXPECT_LE(whole.request->body.reveal().size(), k_apns_voip_limit);
    ASSERT_FALSE(whole.trimmed.empty()); // three copies of the picture did not fit
    EXPECT_EQ(whole.trimmed.front(), "caller_avatar_url, avatar_url");
    auto body = body_of(whole);
    EXPECT_EQ(body.at("caller_avatar"), m.call.caller_avatar);
    EXPECT_FALSE(body.contains("avatar_url"));

    const auto smaller = to_apns(m, target_of(token_kind::voip), true);
    EXPECT_LE(smaller.request->body.reveal().size(), k_apns_voip_limit);
    ASSERT_GE(smaller.trimmed.size(), 2U);
    EXPECT_EQ(smaller.trimmed[1], "caller_avatar");
    auto left = body_of(smaller);
    const auto usual = body_of(to_apns(call_message(), target_of(token_kind::voip)));
    for (const auto& [key, value] : usual.items())
        if (key.find("avatar") == std::string::npos) EXPECT_TRUE(left.contains(key)) << key;
    EXPECT_EQ(left.at("ring_ticket"), std::string(1'024, 't'));
}

TEST(apns_request, mob_07_names_are_cut_only_when_pictures_are_not_enough) {
    auto m = business();
    m.org.name.clear();
    for (int i = 0; i < 128; ++i)
        m.org.name += "\xE6\x84\x9B";
    m.shown.body.clear();
    for (int i = 0; i < 1'000; ++i)
        m.shown.body += "\xF0\x9F\x98\x80";
    const auto built = to_apns(m, target_of(token_kind::alert));
    ASSERT_TRUE(built.request) << built.why;
    EXPECT_LE(built.request->body.reveal().size(), k_apns_limit);
    EXPECT_EQ(built.trimmed, (std::vector<std::string_view>{"organization_name", "body"}));
    const std::string text = body_of(built).at("aps").at("alert").at("body");
    EXPECT_EQ(text.size(), 120U * 4); // whole characters
}

TEST(apns_request, what_cannot_be_trimmed_is_refused_and_named) {
    auto m = business();
    m.shown.extras = {{"blob", std::string(5'000, 'x')}};
    const auto built = to_apns(m, target_of(token_kind::alert));
    EXPECT_EQ(built.fault, push_fault::too_large);
    EXPECT_NE(built.why.find("4096"), std::string::npos) << built.why;
    EXPECT_FALSE(built.request);
}

TEST(apns_request, mob_07_hostile_names_make_valid_json_and_bounded_payloads) {
    const std::string names[] = {
        std::string(10'000, 'x'),
        std::string(10'000, '"'),
        std::string(10'000, '\\'),
        std::string(10'000, '\x01'),
        std::string(10'000, '\xFF'),
        std::string(
            "\xE2\x80\xAE"
            "evil\0name",
            12
        ),
        "\xED\xA0\x80\xED\xB0\x80",
        "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB",
        "</script>",
        "\"},\"aps\":{}",
    };
    for (const auto& name : names)
        for (const auto k : {kind::incoming_call, kind::call_ended, kind::missed_call}) {
            auto m = call_message(k);
            m.call.caller_name = name;
            m.call.caller_number = name;
            m.call.channel_number = name;
            m.call.session = name;
            m.call.caller_control_id = name;
            m.call.caller_avatar = name;
            m.org.name = name;
            m.org.slug = name;
            m.device.uid = name;
            m.winner_device = name;
            m.device.api_base = name;
            const auto built = to_apns(m, target_of(token_kind::alert));
            ASSERT_TRUE(built.request) << built.why;
            EXPECT_LE(built.request->body.reveal().size(), k_apns_limit);
            const auto body = body_of(built);
            EXPECT_EQ(body.at("type"), push::name(k));
            EXPECT_EQ(body.at("call_uuid"), k_call);
            EXPECT_TRUE(body.at("aps").contains("alert"));
            for (const auto& [key, value] : body.items())
                if (value.is_string()) {
                    const std::string text = value;
                    EXPECT_EQ(text.find('\0'), std::string::npos) << key;
                    EXPECT_EQ(text.find("\xE2\x80\xAE"), std::string::npos) << key;
                }
        }
}

TEST(apns_request, what_a_kind_needs_is_asked_for_by_name) {
    auto m = call_message();
    m.call.id = {};
    EXPECT_EQ(to_apns(m, target_of(token_kind::voip)).fault, push_fault::incomplete);
    m = call_message(kind::call_ended);
    m.reason = push::ended_reason::none;
    const auto built = to_apns(m, target_of(token_kind::alert));
    EXPECT_EQ(built.fault, push_fault::incomplete);
    EXPECT_NE(built.why.find("reason"), std::string::npos);
    for (const std::string& odd : {std::string("a b"), std::string(1'025, 't'), std::string("\xFF")}) {
        m = call_message(); // a ticket is whole or the push is not sent
        m.call.ticket = secret(odd);
        EXPECT_EQ(to_apns(m, target_of(token_kind::voip)).fault, push_fault::incomplete);
    }
    m = notice(kind::session_warning);
    m.occasion.clear();
    EXPECT_EQ(to_apns(m, target_of(token_kind::alert)).fault, push_fault::incomplete);
}
