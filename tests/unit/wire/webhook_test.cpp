// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/telnyx_webhook.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <variant>

using namespace z360;
using namespace z360::wire;

namespace {

const auto k_leg = leg_id{uuid{0x1111, 0x2222}};

std::string fixture(const std::string& name) {
    std::ifstream in(std::string(Z360_SOURCE_DIR) + "/tests/fixtures/webhooks/" + name + ".json");
    EXPECT_TRUE(in) << name;
    return {std::istreambuf_iterator<char>(in), {}};
}

telnyx_webhook read(const std::string& name) {
    const auto e = parse_envelope(fixture(name));
    EXPECT_EQ(e.fault, envelope_fault::none) << name;
    EXPECT_TRUE(e.event) << name;
    return e.event.value_or(telnyx_webhook{});
}

template <class Event>
Event mapped(const std::string& fixture_name, std::optional<leg_id> leg = std::nullopt) {
    const auto e = to_call_event(read(fixture_name), leg);
    EXPECT_TRUE(e && std::holds_alternative<Event>(*e)) << fixture_name;
    if (!e || !std::holds_alternative<Event>(*e)) return {};
    return std::get<Event>(*e);
}

envelope_fault fault_of(std::string_view body) {
    const auto e = parse_envelope(body);
    EXPECT_EQ(e.event.has_value(), e.fault == envelope_fault::none);
    return e.fault;
}

} // namespace

TEST(webhook, every_field_of_the_envelope_is_read) {
    const auto w = read("call.hangup");
    EXPECT_EQ(w.event_type, "call.hangup");
    EXPECT_EQ(w.event_id.size(), 36U);
    EXPECT_EQ(iso8601(w.occurred_at.value()), "2026-11-01T09:30:00.125Z");
    EXPECT_EQ(w.call_control_id, "v3:device-leg-0001");
    EXPECT_EQ(w.call_leg_id, "a0000000-0000-4000-8000-000000000002");
    EXPECT_EQ(w.call_session_id, "c0000000-0000-4000-8000-000000000001");
    EXPECT_FALSE(w.client_state.empty());
    EXPECT_EQ(w.connection_id, "2400000000000000001");
    EXPECT_EQ(w.from, "+14155550123");
    EXPECT_EQ(w.to, "sip:gencredAbc123@sip.telnyx.com");
    EXPECT_EQ(w.hangup_cause, "user_busy");
    EXPECT_EQ(w.sip_hangup_cause, "486");
    EXPECT_EQ(w.attempt, 1);
    EXPECT_EQ(read("call.answered").attempt, 2);
    EXPECT_EQ(read("call.initiated").direction, "incoming");
}

TEST(webhook, the_event_log_shape_without_data_is_read_too) {
    const auto w = read("log-call.hangup");
    EXPECT_EQ(w.event_id, "5f0c9001-1a2b-4c3d-8e4f-0a1b2c3d4e5f");
    EXPECT_EQ(w.call_control_id, "v3:caller-leg-0001");
    EXPECT_EQ(iso8601(w.occurred_at.value()), "2026-11-01T09:30:00.750Z") << "payload wins over created_at";
    EXPECT_EQ(read("log-recording_saved").event_type, "call.recording.saved");
    EXPECT_EQ(iso8601(read("log-recording_saved").occurred_at.value()), "2026-11-01T09:33:01.000Z");
}

TEST(webhook, nulls_are_missing_fields) {
    const auto w = read("call.hangup-nulls");
    EXPECT_EQ(w.call_control_id, "v3:caller-leg-0001");
    EXPECT_TRUE(
        w.call_session_id.empty() && w.client_state.empty() && w.hangup_cause.empty() && w.from.empty()
    );
    EXPECT_FALSE(read("null-payload").occurred_at);
}

TEST(webhook, fields_of_another_type_are_missing_and_integers_are_digits) {
    const auto w = read("call.hangup-other-types");
    EXPECT_EQ(w.connection_id, "2400000000000000001");
    EXPECT_EQ(w.sip_hangup_cause, "503");
    EXPECT_TRUE(
        w.call_session_id.empty() && w.hangup_cause.empty() && w.client_state.empty() && w.to.empty()
    );
}

TEST(webhook, what_is_no_event_is_refused_with_the_reason) {
    EXPECT_EQ(fault_of(""), envelope_fault::not_json);
    EXPECT_EQ(fault_of("{\"data\":"), envelope_fault::not_json);
    EXPECT_EQ(fault_of("{} trailing"), envelope_fault::not_json);
    EXPECT_EQ(fault_of("[]"), envelope_fault::not_an_event);
    EXPECT_EQ(fault_of("{}"), envelope_fault::not_an_event);
    EXPECT_EQ(fault_of("{\"data\":\"text\"}"), envelope_fault::not_an_event);
    EXPECT_EQ(fault_of("{\"call_control_id\":\"v3:x\"}"), envelope_fault::not_an_event);
    EXPECT_EQ(fault_of("{\"data\":{}}"), envelope_fault::none);
}

TEST(webhook, size_and_depth_are_bounded) {
    const std::string big = "{\"data\":{\"x\":\"" + std::string(k_max_webhook_bytes, 'x') + "\"}}";
    EXPECT_EQ(fault_of(big), envelope_fault::too_large);
    const auto nested = [](int levels) {
        const auto n = static_cast<std::size_t>(levels);
        return "{\"data\":{\"x\":" + std::string(n, '[') + std::string(n, ']') + "}}";
    };
    EXPECT_EQ(fault_of(nested(k_max_webhook_depth - 2)), envelope_fault::none);
    EXPECT_EQ(fault_of(nested(k_max_webhook_depth - 1)), envelope_fault::too_deep);
    EXPECT_EQ(fault_of(nested(400'000)), envelope_fault::too_deep);
    EXPECT_EQ(
        fault_of("{\"data\":{\"x\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[\"}}"), envelope_fault::none
    ) << "brackets inside a text are no nesting";
}

TEST(webhook, a_zero_byte_in_a_text_makes_it_missing) {
    const auto e = parse_envelope(R"({"data":{"id":"a\u0000b","payload":{"from":"\u0000","to":"+1"}}})");
    ASSERT_TRUE(e.event);
    EXPECT_TRUE(e.event->event_id.empty());
    EXPECT_TRUE(e.event->from.empty());
    EXPECT_EQ(e.event->to, "+1");
}

TEST(mapping, each_handled_type_becomes_its_event) {
    EXPECT_EQ(mapped<call::leg_initiated>("call.initiated-device").who.call_control_id, "v3:device-leg-0001");
    EXPECT_EQ(mapped<call::leg_answered>("call.answered").who.call_control_id, "v3:device-leg-0001");
    EXPECT_EQ(mapped<call::leg_answered>("call.answered-nulls").who.call_control_id, "v3:device-leg-0001");
    EXPECT_EQ(mapped<call::leg_bridged>("call.bridged").who.call_control_id, "v3:device-leg-0001");
    EXPECT_EQ(mapped<call::leg_bridged>("call.bridged-missing").who.call_control_id, "v3:device-leg-0001");
    const auto gone = mapped<call::leg_hangup>("call.hangup");
    EXPECT_EQ(gone.cause, "user_busy");
    EXPECT_EQ(mapped<call::leg_hangup>("call.hangup-unknown-cause").cause, "cable_eaten_by_shark");
    EXPECT_EQ(mapped<call::leg_hangup>("call.hangup-nulls").cause, "");
    EXPECT_EQ(mapped<call::leg_hangup>("log-call.hangup").cause, "originator_cancel");
}

TEST(mapping, hold_carries_the_time_at_which_it_happened) {
    const auto hold = mapped<call::leg_hold>("call.hold");
    const auto unhold = mapped<call::leg_hold>("call.unhold");
    EXPECT_TRUE(hold.held);
    EXPECT_FALSE(unhold.held);
    EXPECT_EQ(unhold.at - hold.at, millis{7'500});
    telnyx_webhook undated = read("call.hold");
    undated.occurred_at.reset();
    const time_point received{millis{42}};
    const auto e = to_call_event(undated, std::nullopt, received);
    ASSERT_TRUE(e);
    EXPECT_EQ(std::get<call::leg_hold>(*e).at, received);
}

TEST(mapping, prompts_tell_whether_the_listener_left_or_the_audio_failed) {
    const auto done = mapped<call::prompt_ended>("call.speak.ended");
    EXPECT_FALSE(done.listener_left);
    EXPECT_TRUE(mapped<call::prompt_ended>("call.speak.ended-listener-left").listener_left);
    EXPECT_FALSE(mapped<call::prompt_ended>("call.playback.ended-not-found").listener_left);
    const auto unknown = mapped<call::prompt_ended>("call.playback.ended-missing");
    EXPECT_FALSE(unknown.listener_left);
}

TEST(mapping, be_46_keys_are_told_with_their_leg_and_none_are_none) {
    const auto leg = leg_id{*uuid::parse("0b0c8f52-1f6e-4a5b-9d39-2f0f5d0a7c00")};
    const auto one = mapped<call::digits_gathered>("call.gather.ended", leg);
    EXPECT_EQ(one.digits, "1");
    EXPECT_EQ(one.who.leg, leg);
    EXPECT_EQ(mapped<call::digits_gathered>("call.gather.ended-timeout").digits, "");
}

TEST(mapping, recordings_prefer_mp3_and_need_no_leg) {
    const auto saved = mapped<call::recording_saved>("call.recording.saved");
    EXPECT_EQ(saved.recording_id, "d0000000-0000-4000-8000-000000000001");
    EXPECT_EQ(saved.url, "https://records.example.test/1.mp3?sig=x");
    const auto bare = mapped<call::recording_saved>("call.recording.saved-nulls");
    EXPECT_EQ(bare.url, "https://records.example.test/1.wav?sig=x");
    EXPECT_EQ(bare.who, call::leg_ref{});
    EXPECT_EQ(
        mapped<call::recording_saved>("log-recording_saved").url, "https://records.example.test/1.mp3?sig=y"
    );
    EXPECT_EQ(mapped<call::recording_failed>("call.recording.error").reason, "Internal server error");
    EXPECT_EQ(mapped<call::recording_failed>("call.recording.error-missing").reason, "unknown");
}

TEST(mapping, be_02_a_verified_leg_is_kept_beside_the_control_id) {
    const auto e = mapped<call::leg_answered>("call.answered", k_leg);
    EXPECT_EQ(e.who.leg, k_leg);
    EXPECT_EQ(e.who.call_control_id, "v3:device-leg-0001");
}

TEST(mapping, an_event_that_names_no_leg_is_nothing_unless_the_leg_is_verified) {
    EXPECT_FALSE(to_call_event(read("empty-payload"), std::nullopt));
    EXPECT_FALSE(to_call_event(read("null-payload"), std::nullopt));
    EXPECT_TRUE(to_call_event(read("empty-payload"), k_leg));
}

TEST(mapping, unknown_types_are_nothing) {
    EXPECT_FALSE(to_call_event(read("call.dtmf.received"), k_leg));
    EXPECT_FALSE(to_call_event(read("no-type"), k_leg));
}

TEST(mapping, a_foreign_incoming_leg_is_not_mapped_but_ours_is) {
    EXPECT_FALSE(to_call_event(read("call.initiated"), std::nullopt));
    EXPECT_TRUE(to_call_event(read("call.initiated"), k_leg));
}

TEST(new_caller, is_a_foreign_incoming_leg_at_the_call_control_application) {
    EXPECT_TRUE(is_new_caller(read("call.initiated"), webhook_source::call_control, std::nullopt));
    EXPECT_TRUE(is_new_caller(read("call.initiated-nulls"), webhook_source::call_control, std::nullopt));
    EXPECT_FALSE(is_new_caller(read("call.initiated"), webhook_source::credential, std::nullopt));
    EXPECT_FALSE(is_new_caller(read("call.initiated"), webhook_source::call_control, k_leg));
    EXPECT_FALSE(is_new_caller(read("call.initiated-device"), webhook_source::call_control, std::nullopt));
    EXPECT_FALSE(is_new_caller(read("call.answered"), webhook_source::call_control, std::nullopt));
}

TEST(new_caller, be_36_a_generated_sip_user_is_never_a_dialed_number) {
    telnyx_webhook w = read("call.initiated");
    for (const char* to : {"gencredAbc", "sip:gencredAbc@sip.telnyx.com", "SIPS:GENCREDabc@x", "GenCred1"}) {
        w.to = to;
        EXPECT_FALSE(is_new_caller(w, webhook_source::call_control, std::nullopt)) << to;
    }
    for (const char* to : {"+14155550199", "sip:+14155550199@sip.telnyx.com", "", "gen", "xgencred"}) {
        w.to = to;
        EXPECT_TRUE(is_new_caller(w, webhook_source::call_control, std::nullopt)) << to;
    }
}

TEST(fixtures, all_of_them_are_readable) {
    std::size_t n = 0;
    for (const auto& f :
         std::filesystem::directory_iterator(std::string(Z360_SOURCE_DIR) + "/tests/fixtures/webhooks")) {
        const auto w = read(f.path().stem().string());
        (void)to_call_event(w, std::nullopt);
        EXPECT_EQ(w.event_id.size(), 36U) << f.path();
        ++n;
    }
    EXPECT_GE(n, 25U);
}
