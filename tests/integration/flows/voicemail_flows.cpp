// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Nobody takes the call: the caller is answered, greeted and recorded, and everything ends.
#include "integration/flows/flow.hpp"
#include "integration/flows/watch.hpp"

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

class voicemail_flow : public flow {
  protected:
    rig& devices(int n) {
        rig_options o;
        o.devices = n;
        o.carrier.speak_per_char = millis{5}; // a greeting of a third of a second
        o.carrier.recording_delay = 200ms;
        o.environment["Z360_CALLS_RING_TIME_MS"] = "5000";
        return set_up(std::move(o));
    }
};

std::string snapshot(rig& r, const std::string& session, const std::string& path) {
    return column(r, session, "snapshot #>> '{" + path + "}'");
}

// From the greeting to the stored message.
void expect_message_taken(rig& r, const std::string& caller, millis until_greeting) {
    const auto session = r.session(caller);
    ASSERT_TRUE(r.commanded("speak", session, 1, until_greeting));
    EXPECT_TRUE(leg(r, caller).answered_at);
    ASSERT_TRUE(r.commanded("record_start", session, 1, 3s));
    EXPECT_TRUE(leg(r, caller).recording);
    EXPECT_TRUE(r.quiet(session, 1)); // nobody but the caller
    EXPECT_EQ(r.accepted("bridge", session), 0U);
    EXPECT_TRUE(r.phase(session, "voicemail"));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_TRUE(ended_as(r, session, "voicemail"));
    EXPECT_TRUE(eventually([&] {
        return column(r, session, "snapshot::text").find("/recording-files/") != std::string::npos;
    })) << "the recording is not in the row";
}

} // namespace

TEST_F(voicemail_flow, and_07_devices_that_cannot_or_will_not_answer_lead_to_voicemail) {
    auto& r = devices(3);
    const auto no = phone::declines(100ms);
    const auto away = phone::unreachable(100ms);
    auto strange = phone::unreachable(100ms);
    strange.hangup_cause = "a_cause_nobody_has_heard_of";
    strange.sip_code = "606";
    const std::vector<std::pair<const char*, std::vector<phone>>> cases{
        {"all decline", {no, no, no}},
        {"all unreachable", {away, away, away}},
        {"a mixture, with an unknown cause", {no, away, strange}},
    };
    for (const auto& [what, phones] : cases) {
        SCOPED_TRACE(what);
        for (int i = 1; i <= 3; ++i)
            r.phone(i, phones[static_cast<std::size_t>(i - 1)]);
        expect_message_taken(r, r.call(), 2s); // long before the end of the ring
    }
}

// The person is reached at their mobile number: by a key, for a number may be a voicemail's.
TEST_F(voicemail_flow, be_46_who_takes_no_call_on_a_device_is_rung_on_the_mobile_and_takes_it_by_a_key) {
    auto& r = devices(2);
    (void)r.sql("update memberships set mobile = '+15550107777'");
    r.phone(1, phone::unreachable(50ms));
    r.phone(2, phone::unreachable(50ms));
    r.carrier().set_phone("+15550107777", phone::answers_and_presses(100ms, "1", 200ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.joined(caller));
    ASSERT_EQ(r.accepted("gather_using_speak", session), 1U);
    EXPECT_EQ(leg(r, leg(r, caller).bridged_with).to, "+15550107777");
    EXPECT_EQ(
        column(
            r, session,
            "(select role || ' ' || endpoint || ' ' || address from call_legs l "
            "where l.leg_id = winner_leg_id)"
        ),
        "peer e164 +15550107777"
    );
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_TRUE(ended_as(r, session, "completed"));
}

TEST_F(voicemail_flow, be_46_the_voicemail_of_a_mobile_network_is_let_go_and_ours_takes_the_message) {
    auto& r = devices(1);
    (void)r.sql("update memberships set mobile = '+15550107777'");
    r.phone(1, phone::unreachable(50ms));
    r.carrier().set_phone("+15550107777", phone::answers_and_presses(100ms, "23", 100ms));
    expect_message_taken(r, r.call(), 5s);
}

TEST_F(voicemail_flow, and_07_deadline_holds_with_every_timeout_webhook_lost) {
    auto& r = devices(3);
    r.carrier().add_fault(lost("call.hangup", "device"));
    r.phone(1, phone::declines(200ms)); // unheard as well
    r.phone(3, phone::offline());
    const auto caller = r.call();
    const auto began = leg(r, caller).began;
    ASSERT_TRUE(r.commanded("speak", r.session(caller), 1, 8s));
    const auto speak = commands(r, "speak", r.session(caller)).at(0).at - began;
    RecordProperty("voicemail_after_ms", static_cast<int>(speak.count()));
    EXPECT_GE(speak, 4900ms);
    EXPECT_LE(speak, 7s);
    expect_message_taken(r, caller, 1s);
}

TEST_F(voicemail_flow, and_07_nobody_to_ring_is_voicemail_at_once) {
    auto& r = devices(0);
    const auto caller = r.call();
    expect_message_taken(r, caller, 2s);
    EXPECT_EQ(commands(r, "dial", r.session(caller)).size(), 0U);
}

TEST_F(voicemail_flow, and_07_caller_who_leaves_in_the_greeting_is_not_recorded) {
    rig_options o;
    o.devices = 1;
    auto& r = set_up(std::move(o)); // a greeting of some seconds
    r.phone(1, phone::declines(50ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.commanded("speak", session));
    ASSERT_TRUE(r.carrier().wait_until(
        [&](const sim::carrier& c) { return !c.seen().webhooks_of("call.speak.started", session).empty(); },
        2s
    ));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_TRUE(ended_as(r, session, "voicemail"));
    // speak.ended of a caller who left arrives with or before the hang-up; neither may start a recording.
    EXPECT_TRUE(stays(r, 500ms, [&](const sim::carrier& c) {
        return c.seen().commands_of("record_start", session).empty();
    }));
    EXPECT_EQ(snapshot(r, session, "recordings"), "[]");
}

// A lost speak.ended must not leave the caller in silence (B24).
TEST_F(voicemail_flow, be_24_lost_end_of_the_greeting_still_leads_to_the_recording) {
    auto& r = devices(1);
    // Brief: the watchdog goes by the length of the text.
    (void)r.sql(
        "insert into org_settings (org_id, voicemail_greeting) values (" + std::to_string(r.org()) +
        ", 'Hello.') returning org_id"
    );
    r.carrier().add_fault(lost("call.speak.ended"));
    r.phone(1, phone::declines(50ms));
    const auto caller = r.call();
    ASSERT_TRUE(r.commanded("speak", r.session(caller)));
    EXPECT_TRUE(r.commanded("record_start", r.session(caller), 1, 6s));
    expect_message_taken(r, caller, 1s);
}

TEST_F(voicemail_flow, be_03_caller_whom_the_carrier_does_not_answer_is_let_go) {
    auto& r = devices(1);
    auto broken = fault_of("answer");
    broken.fail_status = 500;
    r.carrier().add_fault(broken);
    r.carrier().set_default_phone(phone::declines(50ms));
    const auto caller = r.call();
    EXPECT_TRUE(r.quiet(r.session(caller), 0, 6s)); // limbo would last until the caller gives up
    EXPECT_TRUE(ended_as(r, r.session(caller), "failed"));
}
