// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/rules.hpp"

#include <gtest/gtest.h>

using namespace z360::sim;

namespace {

const json k_dial{
    {"connection_id", "1"},
    {"to", "sip:gencred1@sip.telnyx.com"},
    {"from", "+15550100001"},
    {"timeout_secs", 30}
};

struct row {
    const char* name;
    const char* verb;
    json change;      ///< merged into a good body; null removes a field
    const char* code; ///< expected complaint; nullptr: none
};

json good_body(std::string_view verb) {
    if (verb == "dial") return k_dial;
    if (verb == "bridge") return json{{"call_control_id", "v3:x"}};
    if (verb == "transfer") return json{{"to", "+15550100009"}};
    if (verb == "speak") return json{{"payload", "hello"}, {"voice", "AWS.Polly.Joanna-Neural"}};
    if (verb == "playback_start") return json{{"audio_url", "https://x.invalid/a.mp3"}};
    if (verb == "record_start") return json{{"format", "wav"}, {"channels", "single"}};
    if (verb == "reject") return json{{"cause", "USER_BUSY"}};
    return json::object();
}

class request_rules : public ::testing::TestWithParam<row> {};

TEST_P(request_rules, are_applied) {
    const auto& p = GetParam();
    auto body = good_body(p.verb);
    body.merge_patch(p.change);
    const auto found = check_request(p.verb, body);
    if (!p.code) {
        EXPECT_TRUE(found.empty()) << (found.empty() ? "" : found[0].pointer + " " + found[0].detail);
    } else {
        ASSERT_EQ(found.size(), 1U);
        EXPECT_EQ(found[0].code, p.code) << found[0].detail;
    }
}

const std::string k_long(301, 'x');

INSTANTIATE_TEST_SUITE_P(
    table, request_rules,
    ::testing::Values(
        row{"dial_is_fine", "dial", json::object(), nullptr},
        row{"bridge_is_fine", "bridge", {{"prevent_double_bridge", true}, {"command_id", "c"}}, nullptr},
        row{"speak_is_fine", "speak", json::object(), nullptr},
        row{"dial_needs_to", "dial", {{"to", nullptr}}, "10004"},
        row{"dial_needs_from", "dial", {{"from", nullptr}}, "10004"},
        row{"dial_needs_connection", "dial", {{"connection_id", nullptr}}, "10004"},
        row{"dial_to_must_be_dialable", "dial", {{"to", "gencred1"}}, "10016"},
        row{"dial_from_must_be_e164", "dial", {{"from", "15550100001"}}, "10016"},
        row{"dial_from_a_sip_address_is_no_number", "dial", {{"from", "sip:ada@example.com"}}, "10016"},
        row{"dial_from_a_sip_number_is_no_number", "dial", {{"from", "sip:+15550100001@h"}}, "10016"},
        row{"dial_from_withheld_is_no_number", "dial", {{"from", "withheld"}}, "10016"},
        row{"dial_from_nothing_is_no_number", "dial", {{"from", ""}}, "10016"},
        row{"dial_to_several",
            "dial",
            {{"to", json::array({"sip:gencred1@sip.telnyx.com", "+15550100001"})}},
            nullptr},
        row{"dial_to_nobody", "dial", {{"to", json::array()}}, "10004"},
        row{"dial_to_several_one_wrong", "dial", {{"to", json::array({"+15550100001", "x"})}}, "10016"},
        row{"dial_to_numbers_of_json", "dial", {{"to", json::array({15550100001})}}, "10015"},
        row{"sip_headers_user_to_user",
            "dial",
            {{"sip_headers", json::array({{{"name", "User-to-User"}, {"value", "1"}}})}},
            nullptr},
        row{"sip_headers_nothing_else",
            "dial",
            {{"sip_headers", json::array({{{"name", "X-A"}, {"value", "1"}}})}},
            "10032"},
        row{"dial_from_anonymous_is_no_number", "dial", {{"from", "anonymous"}}, "10016"},
        row{"timeout_below_range", "dial", {{"timeout_secs", 4}}, "10033"},
        row{"timeout_lowest", "dial", {{"timeout_secs", 5}}, nullptr},
        row{"timeout_highest", "dial", {{"timeout_secs", 600}}, nullptr},
        row{"timeout_above_range", "dial", {{"timeout_secs", 601}}, "10033"},
        row{"timeout_as_text", "dial", {{"timeout_secs", "30"}}, "10015"},
        row{"time_limit_below_range", "dial", {{"time_limit_secs", 29}}, "10033"},
        row{"client_state_is_base64", "dial", {{"client_state", "{}"}}, "90017"},
        row{"client_state_padding", "dial", {{"client_state", "YWI"}}, "90017"},
        row{"client_state_good", "dial", {{"client_state", "YWI="}}, nullptr},
        row{"intent_needs_link", "dial", {{"bridge_intent", true}}, "10004"},
        row{"bridge_on_answer_needs_link", "dial", {{"bridge_on_answer", true}}, "10004"},
        row{"intent_with_link", "dial", {{"bridge_intent", true}, {"link_to", "v3:x"}}, nullptr},
        row{"flag_as_text", "dial", {{"retry_on_timeout", "no"}}, "10015"},
        row{"park_only_self", "dial", {{"park_after_unbridge", "both"}}, "10032"},
        row{"headers_fine",
            "dial",
            {{"custom_headers", json::array({{{"name", "X-Z360-Call-Id"}, {"value", "1"}}})}},
            nullptr},
        row{"headers_as_object", "dial", {{"custom_headers", {{"X-A", "1"}}}}, "10015"},
        row{"headers_without_value", "dial", {{"custom_headers", json::array({{{"name", "X-A"}}})}}, "10015"},
        row{"headers_need_a_name_of_sip",
            "dial",
            {{"custom_headers", json::array({{{"name", "X A:"}, {"value", "1"}}})}},
            "10015"},
        row{"headers_too_long",
            "dial",
            {{"custom_headers", json::array({{{"name", "X-A"}, {"value", k_long}}})}},
            "10033"},
        row{"headers_not_ascii",
            "dial",
            {{"custom_headers", json::array({{{"name", "X-A"}, {"value", "\xC3\xA4"}}})}},
            "10015"},
        row{"display_name_characters", "dial", {{"from_display_name", "J\xC3\xBCrgen"}}, "10015"},
        row{"display_name_length", "dial", {{"from_display_name", std::string(129, 'a')}}, "10033"},
        row{"retries_fine",
            "dial",
            {{"webhook_retries_policies", {{"call.hangup", {{"retries_ms", {1000, 2000}}}}}}},
            nullptr},
        row{"retries_too_long",
            "dial",
            {{"webhook_retries_policies", {{"call.hangup", {{"retries_ms", {60000, 1}}}}}}},
            "10033"},
        row{"retries_unknown_event",
            "dial",
            {{"webhook_retries_policies", {{"hangup", {{"retries_ms", {1}}}}}}},
            "90057"},
        row{"unknown_field_is_noticed", "dial", {{"timeout", 30}}, "10015"},
        row{"bridge_needs_the_other", "bridge", {{"call_control_id", nullptr}}, "10004"},
        row{"bridge_record_value", "bridge", {{"record", true}}, "10015"},
        row{"bridge_record_name", "bridge", {{"record_custom_file_name", std::string(41, 'a')}}, "10033"},
        row{"reject_needs_cause", "reject", {{"cause", nullptr}}, "10004"},
        row{"reject_cause_case", "reject", {{"cause", "busy"}}, "10032"},
        row{"speak_needs_voice", "speak", {{"voice", nullptr}}, "10004"},
        row{"speak_text_length", "speak", {{"payload", std::string(3001, 'a')}}, "10033"},
        row{"playback_needs_a_source", "playback_start", {{"audio_url", nullptr}}, "10004"},
        row{"playback_one_source", "playback_start", {{"media_name", "m"}}, "10004"},
        row{"playback_loops_for_ever", "playback_start", {{"loop", "infinity"}}, nullptr},
        row{"playback_loops_often", "playback_start", {{"loop", 101}}, "10033"},
        row{"stop_all", "playback_stop", {{"stop", "all"}}, nullptr},
        row{"stop_something_else", "playback_stop", {{"stop", "now"}}, "90016"},
        row{"record_needs_format", "record_start", {{"format", nullptr}}, "10004"},
        row{"record_format", "record_start", {{"format", "ogg"}}, "10032"},
        row{"record_silence_and_words",
            "record_start",
            {{"transcription", true}, {"timeout_secs", 5}},
            "90053"},
        row{"state_update_needs_state", "client_state_update", json::object(), "10004"},
        row{"no_such_verb", "sing", json::object(), "10005"}
    ),
    [](const auto& info) { return info.param.name; }
);

INSTANTIATE_TEST_SUITE_P(
    transfer, request_rules,
    ::testing::ValuesIn(std::vector<row>{
        row{"transfer_is_fine", "transfer", json::object(), nullptr},
        row{"transfer_needs_to", "transfer", {{"to", nullptr}}, "10004"},
        row{"transfer_to_nobody", "transfer", {{"to", ""}}, "10004"},
        row{"transfer_to_several", "transfer", {{"to", json::array({"+15550100009"})}}, "10015"},
        row{"transfer_to_must_be_dialable", "transfer", {{"to", "15550100009"}}, "10016"},
        row{"transfer_to_911", "transfer", {{"to", "911"}}, nullptr},
        row{"transfer_to_four_digits", "transfer", {{"to", "9111"}}, "10016"},
        row{"transfer_to_an_extension", "transfer", {{"to", "+15550100009,ww200#"}}, nullptr},
        row{"transfer_to_words_behind_a_number", "transfer", {{"to", "+15550100009,hi"}}, "10015"},
        row{"transfer_to_a_device", "transfer", {{"to", "sip:gencred1@sip.telnyx.com;secure=srtp"}}, nullptr},
        row{"transfer_from_must_be_e164", "transfer", {{"from", "gencred1"}}, "10016"},
        row{"transfer_display_name", "transfer", {{"from_display_name", "a,b"}}, "10015"},
        row{"transfer_state", "transfer", {{"client_state", "{}"}}, "90017"},
        row{"transfer_target_state", "transfer", {{"target_leg_client_state", "YWI"}}, "90017"},
        row{"transfer_target_state_good", "transfer", {{"target_leg_client_state", "YWI="}}, nullptr},
        row{"transfer_rings_too_briefly", "transfer", {{"timeout_secs", 4}}, "10033"},
        row{"transfer_rings_too_long", "transfer", {{"timeout_secs", 601}}, "10033"},
        row{"transfer_rings_for_a_text", "transfer", {{"timeout_secs", "60"}}, "10015"},
        row{"transfer_limit_too_small", "transfer", {{"time_limit_secs", 29}}, "10033"},
        row{"transfer_early_media", "transfer", {{"early_media", "yes"}}, "10015"},
        row{"transfer_park", "transfer", {{"park_after_unbridge", "both"}}, "10032"},
        row{"transfer_mute_dtmf", "transfer", {{"mute_dtmf", "all"}}, "10032"},
        row{"transfer_digits", "transfer", {{"send_digits_on_answer", "x"}}, "10015"},
        row{"transfer_digits_too_many", "transfer", {{"send_digits_on_answer", std::string(65, '1')}}, "10033"
        },
        row{"transfer_digits_good", "transfer", {{"send_digits_on_answer", "wwww200"}}, nullptr},
        row{"transfer_audio_url", "transfer", {{"audio_url", "a.mp3"}}, "10015"},
        row{"transfer_media_name", "transfer", {{"media_name", 7}}, "10015"},
        row{"transfer_two_sources",
            "transfer",
            {{"audio_url", "https://x.invalid/a.mp3"}, {"media_name", "m"}},
            "90053"},
        row{"transfer_machines", "transfer", {{"answering_machine_detection", "maybe"}}, "10032"},
        row{"transfer_machine_settings",
            "transfer",
            {{"answering_machine_detection_config", {{"silence_threshold", "x"}}}},
            "10015"},
        row{"transfer_sound", "transfer", {{"sound_modifications", "deep"}}, "10015"},
        row{"transfer_codecs", "transfer", {{"preferred_codecs", json::array()}}, "10015"},
        row{"transfer_headers", "transfer", {{"custom_headers", {{"X-A", "1"}}}}, "10015"},
        row{"transfer_sip_headers",
            "transfer",
            {{"sip_headers", json::array({{{"name", "X-A"}, {"value", "1"}}})}},
            "10032"},
        row{"transfer_sip_user", "transfer", {{"sip_auth_username", 1}}, "10015"},
        row{"transfer_sip_password", "transfer", {{"sip_auth_password", 1}}, "10015"},
        row{"transfer_privacy", "transfer", {{"privacy", "yes"}}, "10032"},
        row{"transfer_encryption", "transfer", {{"media_encryption", "TLS"}}, "10032"},
        row{"transfer_protocol", "transfer", {{"sip_transport_protocol", "SCTP"}}, "10032"},
        row{"transfer_region", "transfer", {{"sip_region", "Asia"}}, "10032"},
        row{"transfer_record", "transfer", {{"record", true}}, "10015"},
        row{"transfer_record_mode", "transfer", {{"record", "always"}}, "10032"},
        row{"transfer_record_channels", "transfer", {{"record_channels", "both"}}, "10032"},
        row{"transfer_record_format", "transfer", {{"record_format", "ogg"}}, "10032"},
        row{"transfer_record_name", "transfer", {{"record_custom_file_name", std::string(41, 'a')}}, "10033"},
        row{"transfer_record_length", "transfer", {{"record_max_length", 43201}}, "10033"},
        row{"transfer_record_silence", "transfer", {{"record_timeout_secs", -1}}, "10033"},
        row{"transfer_record_track", "transfer", {{"record_track", "left"}}, "10032"},
        row{"transfer_record_trim", "transfer", {{"record_trim", "yes"}}, "10032"},
        row{"transfer_url", "transfer", {{"webhook_url", "voip"}}, "10015"},
        row{"transfer_url_method", "transfer", {{"webhook_url_method", "PUT"}}, "10032"},
        row{"transfer_urls", "transfer", {{"webhook_urls", {{"call.hangup", "voip"}}}}, "10015"},
        row{"transfer_urls_method", "transfer", {{"webhook_urls_method", "PUT"}}, "10032"},
        row{"transfer_retries",
            "transfer",
            {{"webhook_retries_policies", {{"call.hangup", {{"retries_ms", {60000, 1}}}}}}},
            "10033"},
        row{"transfer_command_id", "transfer", {{"command_id", 5}}, "10015"},
        row{"transfer_misspelled", "transfer", {{"target_client_state", "YWI="}}, "10015"}
    }),
    [](const auto& info) { return info.param.name; }
);

} // namespace

TEST(rules, an_action_without_a_json_object_is_refused) {
    for (const auto& body : {json{}, json::array(), json("text"), json::parse("{", nullptr, false)}) {
        const auto found = check_request("hangup", body);
        ASSERT_EQ(found.size(), 1U);
        EXPECT_EQ(found[0].code, "10004");
    }
}
TEST(rules, only_unknown_fields_are_let_through) {
    EXPECT_FALSE(check_request("hangup", json{{"why", "x"}}).at(0).fatal);
    EXPECT_TRUE(check_request("hangup", json{{"command_id", 5}}).at(0).fatal);
}
TEST(rules, sip_uri_gives_its_user) {
    EXPECT_EQ(sip_user("sip:gencred1@sip.telnyx.com;secure=srtp"), "gencred1");
    EXPECT_EQ(sip_user("sips:a@b"), "a");
    for (const char* bad : {"", "sip:", "sip:@x", "sip:a@", "a@b", "+15550100", "sip:a b@c", "tel:+1"})
        EXPECT_FALSE(sip_user(bad)) << bad;
}
TEST(rules, e164_is_strict) {
    for (const char* good : {"+15550100001", "+4912345678", "+123456789012345"})
        EXPECT_TRUE(is_e164(good));
    for (const char* bad :
         {"", "+", "15550100001", "+05550100001", "+1555010000a", "+1234567890123456", "+1 555"})
        EXPECT_FALSE(is_e164(bad)) << bad;
}
TEST(rules, base64_accepts_wrapped_text) {
    EXPECT_TRUE(is_base64("YWJj\nZGVm"));
    EXPECT_FALSE(is_base64("YW=j"));
    EXPECT_FALSE(is_base64("YWJ-"));
}
