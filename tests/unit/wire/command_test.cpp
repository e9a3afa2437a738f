// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/telnyx_command.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

using namespace z360;
using nlohmann::json;

namespace {

wire::command_settings settings() {
    wire::command_settings s;
    s.connection_id = "2400000000000000001";
    s.sip_domain = "sip.example.test";
    return s;
}

call::dial_body dial() {
    call::dial_body b;
    b.leg = leg_id{*uuid::parse("11111111-2222-8333-8444-555555555555")};
    b.sip_username = "gencredAlice1";
    b.from = "+14155550123";
    b.display_name = "Zoë Müller";
    b.link_to = "v3:caller/1";
    b.timeout_secs = 30;
    b.org = org_id{7};
    b.call = call_id{*uuid::parse("aaaaaaaa-bbbb-8ccc-8ddd-eeeeeeeeeeee")};
    return b;
}

call::command command(call::command_body body, std::string to = "v3:leg/with+signs=") {
    call::command c;
    c.id = "cmd-1";
    if (!std::holds_alternative<call::dial_body>(body)) c.call_control_id = std::move(to);
    c.body = std::move(body);
    return c;
}

wire::telnyx_request build(call::command_body body, std::string_view state = {}) {
    return wire::build_request(command(std::move(body)), settings(), {std::string(state), {}});
}

json body_of(call::command_body body, std::string_view state = {}) {
    return json::parse(build(std::move(body), state).body);
}

} // namespace

TEST(command, a_dial_says_everything_and_nothing_more) {
    const auto r = build(dial(), "c3RhdGU=");
    EXPECT_EQ(r.method, "POST");
    EXPECT_EQ(r.path, "/calls");
    auto body = json::parse(r.body);
    const auto policies = body["webhook_retries_policies"];
    body.erase("webhook_retries_policies");
    EXPECT_EQ(body, json::parse(R"({
        "connection_id": "2400000000000000001",
        "to": "sip:gencredAlice1@sip.example.test",
        "from": "+14155550123",
        "from_display_name": "Zoe Muller",
        "link_to": "v3:caller/1",
        "bridge_intent": true,
        "retry_on_timeout": false,
        "timeout_secs": 30,
        "client_state": "c3RhdGU=",
        "custom_headers": [
            {"name": "X-Z360-Call-Id", "value": "aaaaaaaa-bbbb-8ccc-8ddd-eeeeeeeeeeee"},
            {"name": "X-Z360-Org-Id", "value": "7"}
        ],
        "command_id": "cmd-1"
    })"));
    for (const char* type : {"call.initiated", "call.answered", "call.bridged", "call.hangup"})
        EXPECT_TRUE(policies.contains(type)) << type;
}

TEST(command, retry_policies_keep_within_the_carriers_limits) {
    for (const auto& body : {body_of(dial()), body_of(call::answer_body{})}) {
        ASSERT_FALSE(body["webhook_retries_policies"].empty());
        for (const auto& [type, policy] : body["webhook_retries_policies"].items()) {
            int sum = 0;
            for (const auto& ms : policy["retries_ms"])
                sum += ms.get<int>();
            EXPECT_LE(policy["retries_ms"].size(), 5U) << type;
            EXPECT_LE(sum, 60'000) << type;
            EXPECT_GE(sum, 30'000) << type << ": must outlast a failover of ours";
        }
    }
}

// The third attempt is the first at the failover address; a bridge is given three seconds to be reported.
TEST(command, be_17_failover_address_is_asked_within_half_a_second) {
    for (const auto& body : {body_of(dial()), body_of(call::answer_body{})}) {
        for (const auto& [type, policy] : body["webhook_retries_policies"].items()) {
            const auto& pauses = policy["retries_ms"];
            EXPECT_LE(pauses.at(0).get<int>() + pauses.at(1).get<int>(), 500) << type;
        }
    }
}

TEST(command, be_27_the_dial_of_an_agent_carries_a_reference_and_nothing_of_the_caller) {
    auto b = dial();
    b.sip_username.clear();
    b.display_name.clear();
    b.agent = "sip:agent@agents.example";
    b.from = "+14155550100"; // ours
    const auto sent =
        wire::build_request(command(b), settings(), {"c3RhdGU=", "0f8d3a51c2b94e7d8a6f5b1c2d3e4f50"});
    auto body = json::parse(sent.body);
    body.erase("webhook_retries_policies");
    EXPECT_EQ(
        body, json::parse(R"({
        "connection_id": "2400000000000000001",
        "to": "sip:agent@agents.example",
        "from": "+14155550100",
        "link_to": "v3:caller/1",
        "retry_on_timeout": false,
        "timeout_secs": 30,
        "client_state": "c3RhdGU=",
        "custom_headers": [{"name": "X-Z360-Reference", "value": "0f8d3a51c2b94e7d8a6f5b1c2d3e4f50"}],
        "command_id": "cmd-1"
    })")
    ) << "bridge_intent would show it the caller's number";
    const auto bare = json::parse(wire::build_request(command(b), settings(), {}).body);
    EXPECT_FALSE(bare.contains("custom_headers"));
}

TEST(command, be_27_nobody_else_gets_a_reference) {
    auto number = dial();
    number.sip_username.clear();
    number.number = "+14155550177";
    for (const auto& b : {dial(), number})
        EXPECT_EQ(
            wire::build_request(command(b), settings(), {{}, "0f8d"}).body.find("0f8d"), std::string::npos
        );
}

TEST(command, a_dial_never_bridges_by_itself) {
    const auto body = body_of(dial());
    EXPECT_FALSE(body.contains("bridge_on_answer"));
    EXPECT_FALSE(body.contains("prevent_double_bridge"));
}

TEST(command, optional_parts_of_a_dial_are_left_out_when_empty) {
    auto b = dial();
    b.display_name = "山田"; // nothing the carrier accepts
    b.link_to.clear();
    b.from.clear();
    const auto body = body_of(b);
    for (const char* key : {"from_display_name", "link_to", "bridge_intent", "client_state", "webhook_url"})
        EXPECT_FALSE(body.contains(key)) << key;
    EXPECT_EQ(body["from"], "anonymous");
    auto s = settings();
    s.webhook_url = "https://voip.example.test/hooks";
    const auto with_url = json::parse(wire::build_request(command(dial()), s, {"x", {}}).body);
    EXPECT_EQ(with_url["webhook_url"], "https://voip.example.test/hooks");
    EXPECT_EQ(with_url["webhook_url_method"], "POST") << "GET would put the payload outside the signature";
}

TEST(command, ring_time_is_kept_within_5_to_600_seconds) {
    auto b = dial();
    b.timeout_secs = 1;
    EXPECT_EQ(body_of(b)["timeout_secs"], 5);
    b.timeout_secs = 9'999;
    EXPECT_EQ(body_of(b)["timeout_secs"], 600);
}

TEST(command, the_leg_in_the_path_is_percent_encoded) {
    EXPECT_EQ(build(call::answer_body{}).path, "/calls/v3%3Aleg%2Fwith%2Bsigns%3D/actions/answer");
    EXPECT_EQ(wire::percent_encode("aZ09-._~ %é"), "aZ09-._~%20%25%C3%A9");
}

TEST(command, bridge_names_the_caller_in_the_body_and_carries_the_fence) {
    call::bridge_body b;
    b.caller_control_id = "v3:caller/1";
    b.recording_name = std::string(60, 'r');
    EXPECT_EQ(
        body_of(b), json::parse(
                        R"({
        "call_control_id": "v3:caller/1", "prevent_double_bridge": true,
        "record": "record-from-answer", "record_channels": "dual", "record_format": "mp3",
        "record_custom_file_name": ")" +
                        std::string(40, 'r') + R"(", "command_id": "cmd-1"})"
                    )
    );
    b.record = false;
    EXPECT_EQ(
        body_of(b),
        json::parse(R"({"call_control_id":"v3:caller/1","prevent_double_bridge":true,"command_id":"cmd-1"})")
    );
}

TEST(command, hangup_tells_the_device_why) {
    EXPECT_EQ(body_of(call::hangup_body{}), json::parse(R"({"command_id":"cmd-1"})"));
    EXPECT_EQ(
        body_of(call::hangup_body{call::release_reason::answered_elsewhere}),
        json::parse(
            R"({"custom_headers":[{"name":"X-Z360-Reason","value":"answered_elsewhere"}],"command_id":"cmd-1"})"
        )
    );
}

TEST(command, the_small_ones) {
    EXPECT_EQ(body_of(call::reject_body{}), json::parse(R"({"cause":"CALL_REJECTED","command_id":"cmd-1"})"));
    EXPECT_EQ(body_of(call::playback_stop_body{}), json::parse(R"({"stop":"all","command_id":"cmd-1"})"));
    EXPECT_EQ(
        body_of(call::playback_start_body{"https://x.test/a.mp3", true}),
        json::parse(R"({"audio_url":"https://x.test/a.mp3","loop":"infinity","command_id":"cmd-1"})")
    );
    EXPECT_EQ(body_of(call::playback_start_body{"https://x.test/a.mp3", false})["loop"], 1);
    EXPECT_FALSE(body_of(call::playback_start_body{"https://x.test/a.mp3", false}).contains("stop"));
    EXPECT_EQ(body_of(call::playback_start_body{"https://x.test/a.mp3", false, true})["stop"], "all");
    EXPECT_EQ(
        body_of(call::record_start_body{120, "vm-7"}),
        json::parse(
            R"({"format":"mp3","channels":"single","play_beep":true,"max_length":120,"custom_file_name":"vm-7","command_id":"cmd-1"})"
        )
    );
    EXPECT_FALSE(body_of(call::record_start_body{120, ""}).contains("custom_file_name"));
    const auto in_writing = body_of(call::record_start_body{.transcribe = true});
    EXPECT_EQ(in_writing["transcription"], true);
    EXPECT_FALSE(in_writing.contains("timeout_secs")) << "refused together: error 90053";
    EXPECT_EQ(
        build(call::record_start_body{}).path, "/calls/v3%3Aleg%2Fwith%2Bsigns%3D/actions/record_start"
    );
    EXPECT_EQ(
        build(call::playback_stop_body{}).path, "/calls/v3%3Aleg%2Fwith%2Bsigns%3D/actions/playback_stop"
    );
}

TEST(command, a_number_is_dialed_as_it_is_and_gets_no_headers_of_ours) {
    auto b = dial();
    b.sip_username.clear();
    b.number = "+15550107777";
    const auto body = body_of(b);
    EXPECT_EQ(body["to"], "+15550107777");
    EXPECT_FALSE(body.contains("custom_headers"));
    EXPECT_TRUE(body.contains("webhook_retries_policies"));
}

TEST(command, a_transfer_dials_for_a_device_records_from_the_answer_and_marks_both_legs) {
    call::transfer_body b;
    b.leg = leg_id{*uuid::parse("11111111-2222-8333-8444-555555555555")};
    b.number = "+14155550123";
    b.from = "+14155550100";
    b.timeout_secs = 45;
    b.recording_name = std::string(60, 'r');
    const auto r = wire::build_request(command(b), settings(), {"b3du", {}, "bmV3"});
    EXPECT_EQ(r.method, "POST");
    EXPECT_EQ(r.path, "/calls/v3%3Aleg%2Fwith%2Bsigns%3D/actions/transfer");
    auto body = json::parse(r.body);
    for (const char* type : {"call.initiated", "call.answered", "call.bridged", "call.hangup"})
        EXPECT_TRUE(body["webhook_retries_policies"].contains(type)) << type;
    body.erase("webhook_retries_policies");
    EXPECT_EQ(
        body, json::parse(
                  R"({
        "to": "+14155550123", "from": "+14155550100", "early_media": true, "timeout_secs": 45,
        "client_state": "b3du", "target_leg_client_state": "bmV3",
        "record": "record-from-answer", "record_channels": "dual", "record_format": "mp3",
        "record_custom_file_name": ")" +
                  std::string(40, 'r') + R"(", "command_id": "cmd-1"})"
              )
    ) << "nothing that keeps a leg when the other one leaves";
}

TEST(command, a_transfer_to_an_emergency_number_is_dialed_as_it_is_and_may_go_unrecorded) {
    call::transfer_body b;
    b.number = "911";
    b.from = "+14155550100";
    b.timeout_secs = 1;
    b.record = false;
    b.recording_name = "call-7";
    auto body = body_of(b);
    body.erase("webhook_retries_policies");
    EXPECT_EQ(body, json::parse(R"({"to":"911","from":"+14155550100","early_media":true,"timeout_secs":5,
        "command_id":"cmd-1"})"));
    b.timeout_secs = 9'999;
    EXPECT_EQ(body_of(b)["timeout_secs"], 600);
    b.record = true;
    b.recording_name.clear();
    EXPECT_EQ(body_of(b)["record"], "record-from-answer");
    EXPECT_FALSE(body_of(b).contains("record_custom_file_name"));
}

TEST(command, only_a_transfer_marks_a_second_leg) {
    for (const call::command_body& b :
         {call::command_body(dial()), call::command_body(call::bridge_body{}),
          call::command_body(call::answer_body{})})
        EXPECT_EQ(
            wire::build_request(command(b), settings(), {"b3du", {}, "bmV3"}).body.find("bmV3"),
            std::string::npos
        );
}

TEST(command, be_46_who_answers_a_number_is_asked_for_one_key) {
    call::gather_using_speak_body b;
    b.text = "Press 1.";
    b.keys = "1";
    EXPECT_EQ(
        body_of(b),
        json::parse(R"({"payload":"Press 1.","payload_type":"text","voice":"AWS.Polly.Joanna-Neural",
            "minimum_digits":1,"maximum_digits":1,"valid_digits":"1","maximum_tries":2,"timeout_millis":5000,
            "command_id":"cmd-1"})")
    );
    EXPECT_EQ(build(b).path, "/calls/v3%3Aleg%2Fwith%2Bsigns%3D/actions/gather_using_speak");
}

TEST(command, speech_is_clipped_between_characters_and_always_has_a_voice) {
    std::string text;
    for (int i = 0; i < 3'500; ++i)
        text += "é";
    const auto body = body_of(call::speak_body{text, ""});
    EXPECT_EQ(body["payload"].get<std::string>().size(), 6'000U);
    EXPECT_EQ(body["voice"], "AWS.Polly.Joanna-Neural");
    EXPECT_EQ(body_of(call::speak_body{"Hi", "AWS.Polly.Amy-Neural"})["voice"], "AWS.Polly.Amy-Neural");
}

TEST(command, broken_utf8_is_repaired_instead_of_thrown) {
    EXPECT_EQ(
        body_of(call::speak_body{
            "a\xff"
            "b",
            "v"
        })["payload"],
        "a\xEF\xBF\xBD"
        "b"
    );
}

TEST(command, i7_equal_commands_give_equal_bytes) {
    EXPECT_EQ(build(dial(), "s").body, build(dial(), "s").body);
}

TEST(command, be_24_a_talk_is_recorded_in_two_channels_and_paused_by_its_id_or_as_a_whole) {
    EXPECT_EQ(
        body_of(call::record_start_body{0, "call-1", false, false, true}),
        json::parse(R"({"format":"mp3","channels":"dual","play_beep":false,"max_length":0,
            "custom_file_name":"call-1","command_id":"cmd-1"})")
    );
    EXPECT_EQ(
        body_of(call::record_pause_body{"rec-1"}),
        json::parse(R"({"recording_id":"rec-1","command_id":"cmd-1"})")
    );
    EXPECT_EQ(body_of(call::record_resume_body{}), json::parse(R"({"command_id":"cmd-1"})"));
    EXPECT_EQ(
        build(call::record_pause_body{}).path, "/calls/v3%3Aleg%2Fwith%2Bsigns%3D/actions/record_pause"
    );
    EXPECT_EQ(
        build(call::record_resume_body{}).path, "/calls/v3%3Aleg%2Fwith%2Bsigns%3D/actions/record_resume"
    );
}
