// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calls that a device places: parked, transferred to whom it calls, or spoken to and hung up on.
#include "world.hpp"

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

namespace {

constexpr const char* k_callee = "+15550100009";
constexpr const char* k_device = "gencred1";

/// One device that calls one number.
struct placed : world {
    using world::world;
    std::string device;

    void begin(device_wishes wishes = {}) {
        device = tel.device_calls(k_device, k_callee, json(), now, std::move(wishes));
        pass(0ms);
    }
    static json body(json change = json::object()) {
        json b{
            {"to", k_callee},
            {"from", k_number},
            {"timeout_secs", 30},
            {"client_state", "b3du"},
            {"target_leg_client_state", "bmV3"},
            {"command_id", "transfer-1"},
        };
        b.merge_patch(change);
        return b;
    }
    reply transfer(json change = json::object()) {
        return command(device, "transfer", body(std::move(change)));
    }
    /// The newest leg of the session that the carrier dialed.
    [[nodiscard]] std::string target() const {
        std::string out;
        for (const auto& l : tel.legs(tel.session_of(device)))
            if (!l.calls()) out = l.call_control_id;
        return out;
    }
    /// Transferred to somebody who has answered.
    std::string talk(json change = json::object()) {
        tel.set_phone(k_callee, phone::answers(100ms));
        begin();
        EXPECT_EQ(transfer(std::move(change)).status, 200);
        pass(200ms);
        return target();
    }
};

carrier_settings with(void (*change)(unknowns&)) {
    carrier_settings s;
    change(s.unknown);
    return s;
}

} // namespace

TEST(placed_call, says_which_device_calls_and_what_its_sdk_was_told_to_say) {
    placed w;
    w.begin({"+15550100055", "eyJ1c2VyX2lkIjo3fQ=="});
    const auto p = w.last(w.device, "call.initiated");
    EXPECT_EQ(p["direction"], "outgoing");
    EXPECT_EQ(p["state"], "parked");
    EXPECT_EQ(p["from"], "+15550100055");
    EXPECT_EQ(p["from_sip_uri"], "sip:gencred1@sip.telnyx.com");
    EXPECT_EQ(p["client_state"], "eyJ1c2VyX2lkIjo3fQ==");
    EXPECT_EQ(p["calling_party_type"], "sip");
    placed plain;
    plain.begin();
    const auto q = plain.last(plain.device, "call.initiated");
    EXPECT_EQ(q["from"], k_device);
    EXPECT_TRUE(q["client_state"].is_null());
    EXPECT_FALSE(plain.last(plain.ring_in(), "call.initiated").contains("from_sip_uri"));
}

TEST(placed_call, the_form_of_the_devices_address_is_unknown) {
    placed bare(with([](unknowns& u) { u.address = unknowns::device_address::bare; }));
    bare.begin();
    EXPECT_EQ(bare.last(bare.device, "call.initiated")["from_sip_uri"], "gencred1@sip.telnyx.com");
    placed none(with([](unknowns& u) { u.address = unknowns::device_address::none; }));
    none.begin();
    EXPECT_FALSE(none.last(none.device, "call.initiated").contains("from_sip_uri"));
}

TEST(placed_call, may_be_spoken_to_while_it_is_parked_but_never_answered) {
    const json words{{"payload", "0123456789"}, {"voice", "v"}};
    placed w;
    w.begin();
    EXPECT_EQ(code(w.command(w.device, "answer")), "90102");
    EXPECT_EQ(
        code(w.command(w.device, "record_start", json{{"format", "mp3"}, {"channels", "dual"}})), "90034"
    );
    EXPECT_EQ(w.command(w.device, "speak", words).status, 200);
    w.pass(600ms);
    EXPECT_EQ(w.last(w.device, "call.speak.ended")["status"], "completed");
    EXPECT_EQ(w.command(w.device, "hangup").status, 200);
    w.pass(0ms);
    EXPECT_EQ(w.last(w.device, "call.hangup")["hangup_cause"], "normal_clearing");
    EXPECT_EQ(w.last(w.device, "call.hangup")["hangup_source"], "callee");
    placed strict(with([](unknowns& u) { u.speaks_to_parked_device = false; }));
    strict.begin();
    EXPECT_EQ(code(strict.command(strict.device, "speak", words)), "90034");
}

TEST(placed_call, a_device_hangs_up_before_and_after_the_answer) {
    placed w;
    w.begin();
    EXPECT_TRUE(w.tel.device_hangs_up(w.device, w.now));
    EXPECT_FALSE(w.tel.device_hangs_up(w.device, w.now));
    w.pass(0ms);
    EXPECT_EQ(w.last(w.device, "call.hangup")["hangup_cause"], "originator_cancel");
    EXPECT_EQ(w.last(w.device, "call.hangup")["hangup_source"], "caller");
    placed later;
    const auto callee = later.talk();
    EXPECT_TRUE(later.tel.device_hangs_up(later.device, later.now));
    later.pass(0ms);
    EXPECT_EQ(later.last(later.device, "call.hangup")["hangup_cause"], "normal_clearing");
    EXPECT_EQ(later.last(later.device, "call.hangup")["hangup_source"], "caller");
    EXPECT_FALSE(later.tel.leg(callee)->alive());
}

TEST(transfer, dials_in_the_devices_session_and_on_its_connection) {
    placed w;
    w.begin();
    const auto r = w.transfer();
    ASSERT_EQ(r.status, 200) << r.body.dump();
    EXPECT_EQ(r.body["data"], (json{{"result", "ok"}})) << "nothing is told of the new leg";
    w.pass(10ms);
    const auto leg = *w.tel.leg(w.target());
    EXPECT_EQ(leg.kind, leg_kind::number);
    EXPECT_TRUE(leg.ringing());
    EXPECT_EQ(leg.call_session_id, w.tel.session_of(w.device));
    const auto p = w.last(leg.call_control_id, "call.initiated");
    EXPECT_EQ(p["direction"], "outgoing");
    EXPECT_EQ(p["state"], "bridging");
    EXPECT_EQ(p["from"], k_number);
    EXPECT_EQ(p["to"], k_callee);
    EXPECT_EQ(p["client_state"], "bmV3");
    EXPECT_EQ(p["connection_id"], w.tel.settings().credential_connection_id);
    EXPECT_FALSE(p.contains("from_sip_uri"));
    EXPECT_EQ(w.sent.back().source, webhook_source::credential_connection);
    EXPECT_EQ(w.tel.leg(w.device)->client_state, "b3du");
    EXPECT_FALSE(w.tel.leg(w.device)->answered_at);
}

TEST(transfer, without_a_caller_id_shows_whom_the_device_called_and_without_a_mark_bears_none) {
    placed w;
    w.begin();
    w.transfer({{"from", nullptr}, {"target_leg_client_state", nullptr}});
    w.pass(10ms);
    EXPECT_EQ(w.last(w.target(), "call.initiated")["from"], k_callee);
    EXPECT_TRUE(w.last(w.target(), "call.initiated")["client_state"].is_null());
}

TEST(transfer, joins_the_two_once_the_other_side_answers) {
    placed w;
    const auto callee = w.talk();
    EXPECT_EQ(w.events_of(callee), (strings{"call.initiated", "call.answered", "call.bridged"}));
    EXPECT_EQ(w.events_of(w.device), (strings{"call.initiated", "call.answered", "call.bridged"}));
    strings order;
    for (const auto& hook : w.sent)
        if (hook.event_type == "call.answered") order.push_back(hook.data["payload"]["call_control_id"]);
    EXPECT_EQ(order, (strings{callee, w.device}));
    EXPECT_EQ(w.last(w.device, "call.bridged")["client_state"], "b3du");
    EXPECT_EQ(w.last(callee, "call.bridged")["client_state"], "bmV3");
    ASSERT_EQ(w.tel.seen().bridges.size(), 1U);
    EXPECT_EQ(w.tel.seen().bridges[0].caller, w.device);
    EXPECT_EQ(w.tel.seen().bridges[0].device, callee);
    EXPECT_FALSE(w.tel.leg(w.device)->recording);
}

TEST(transfer, may_leave_the_devices_leg_without_a_word_of_the_answer) {
    placed w(with([](unknowns& u) { u.transfer_answers_device = false; }));
    const auto callee = w.talk();
    EXPECT_EQ(w.events_of(w.device), (strings{"call.initiated", "call.bridged"}));
    EXPECT_EQ(w.tel.leg(w.device)->bridged_with, callee);
    w.tel.device_hangs_up(w.device, w.now);
    w.pass(0ms);
    EXPECT_EQ(w.last(w.device, "call.hangup")["hangup_cause"], "normal_clearing") << "it talked all the same";
}

TEST(transfer, records_one_of_the_two_legs_from_the_answer) {
    for (const bool target : {false, true}) {
        carrier_settings s;
        s.unknown.transfer_records_target = target;
        placed w(s);
        const auto callee = w.talk({{"record", "record-from-answer"}, {"record_channels", "dual"}});
        EXPECT_EQ(w.tel.leg(callee)->recording, target);
        EXPECT_EQ(w.tel.leg(w.device)->recording, !target);
        w.pass(2s);
        w.tel.device_hangs_up(w.device, w.now);
        w.pass(1s);
        ASSERT_EQ(w.tel.seen().recordings.size(), 1U);
        EXPECT_EQ(w.tel.seen().recordings[0].call_control_id, target ? callee : w.device);
        EXPECT_EQ(w.tel.seen().recordings[0].length(), 2'090ms) << "nothing of the time that it rang";
        EXPECT_EQ(w.last(target ? callee : w.device, "call.recording.saved")["channels"], "dual");
    }
}

TEST(transfer, the_other_side_leaves_with_whoever_leaves_unless_it_is_to_stay) {
    for (const bool stays : {false, true}) {
        placed w;
        const auto callee = w.talk(stays ? json{{"park_after_unbridge", "self"}} : json::object());
        EXPECT_TRUE(w.tel.device_hangs_up(callee, w.now));
        w.pass(0ms);
        EXPECT_EQ(w.tel.leg(w.device)->alive(), stays);
        EXPECT_EQ(w.tel.leg(w.device)->bridged_with, "");
        EXPECT_EQ(w.tel.seen().bridges.at(0).ended, w.now);
        if (stays) continue;
        EXPECT_EQ(w.last(w.device, "call.hangup")["hangup_source"], "callee");
    }
}

TEST(transfer, fails_as_the_number_does_and_leaves_the_device_parked) {
    auto rejects = phone::declines(100ms);
    rejects.hangup_cause = "call_rejected";
    rejects.sip_code = "603";
    struct row {
        phone does;
        millis ends; ///< after the order
        const char* cause;
        const char* sip;
        bool rang;
    };
    for (const auto& [does, ends, cause, sip, rang] : {
             row{phone::busy(), 60ms, "user_busy", "486", false},
             row{phone::declines(100ms), 110ms, "user_busy", "486", true},
             row{rejects, 110ms, "call_rejected", "603", true},
             row{phone::ignores(), 7s, "timeout", "487", true},
             row{phone::unallocated(), 10ms, "not_found", "404", false},
         }) {
        placed w;
        w.tel.set_phone(k_callee, does);
        w.begin();
        w.transfer({{"timeout_secs", 7}});
        const auto callee = w.target();
        w.pass(ends - 1ms);
        EXPECT_TRUE(w.tel.leg(callee)->alive()) << cause;
        w.pass(1ms);
        const auto p = w.last(callee, "call.hangup");
        EXPECT_EQ(p["hangup_cause"], cause);
        EXPECT_EQ(p["sip_hangup_cause"], sip);
        EXPECT_EQ(p["hangup_source"], "callee");
        EXPECT_EQ(p["client_state"], "bmV3");
        EXPECT_EQ(w.tel.leg(callee)->ringing_since.has_value(), rang);
        EXPECT_TRUE(w.tel.leg(w.device)->alive()) << cause;
        w.tel.set_phone(k_callee, phone::answers(10ms));
        EXPECT_EQ(w.transfer({{"command_id", "transfer-2"}}).status, 200) << "there may be another try";
        w.pass(100ms);
        EXPECT_EQ(w.tel.leg(w.device)->bridged_with, w.target());
    }
}

TEST(transfer, that_fails_may_end_the_devices_leg_for_the_same_cause) {
    placed w(with([](unknowns& u) { u.failed_transfer_ends_device = true; }));
    w.tel.set_phone(k_callee, phone::busy());
    w.begin();
    w.transfer();
    w.pass(1s);
    const auto p = w.last(w.device, "call.hangup");
    EXPECT_EQ(p["hangup_cause"], "user_busy");
    EXPECT_EQ(p["sip_hangup_cause"], "486");
}

TEST(transfer, is_cancelled_with_the_device_or_rings_on) {
    for (const bool rings_on : {false, true}) {
        carrier_settings s;
        s.unknown.transfer_outlives_device = rings_on;
        placed w(s);
        w.tel.set_phone(k_callee, phone::answers(5s));
        w.begin();
        w.transfer({{"record", "record-from-answer"}});
        const auto callee = w.target();
        w.pass(1s);
        w.tel.device_hangs_up(w.device, w.now);
        w.pass(0ms);
        EXPECT_EQ(w.tel.leg(callee)->alive(), rings_on);
        if (!rings_on) {
            EXPECT_EQ(w.last(callee, "call.hangup")["hangup_cause"], "originator_cancel");
        }
        w.pass(10s);
        EXPECT_TRUE(w.tel.seen().bridges.empty());
        EXPECT_TRUE(w.tel.seen().recordings.empty());
        EXPECT_EQ(w.tel.leg(callee)->answered_at.has_value(), rings_on) << "and nobody is there";
    }
}

TEST(transfer, one_at_a_time_and_never_of_what_is_gone_or_rings_itself) {
    placed w;
    w.begin();
    EXPECT_EQ(w.transfer().status, 200);
    const auto second = w.transfer({{"command_id", "transfer-2"}, {"client_state", "bmV2ZXI="}});
    EXPECT_EQ(second.status, 422);
    EXPECT_EQ(w.tel.legs().size(), 2U);
    EXPECT_EQ(w.tel.leg(w.device)->client_state, "b3du") << "what is refused changes nothing";
    w.pass(10ms);
    EXPECT_EQ(code(w.command(w.target(), "transfer", json{{"to", k_caller}})), "90034");
    w.tel.device_hangs_up(w.device, w.now);
    EXPECT_EQ(code(w.transfer({{"command_id", "transfer-3"}})), "90018");
    EXPECT_EQ(code(w.command("v3:nobody", "transfer", placed::body())), "90015");
}

TEST(transfer, i7_a_repeated_command_id_is_one_call) {
    placed w;
    w.begin();
    const auto first = w.transfer();
    w.pass(1s);
    const auto again = w.transfer();
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(w.tel.legs().size(), 2U);
    const auto all = w.tel.seen().commands_of("transfer", w.tel.session_of(w.device));
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0]->target, k_callee);
    EXPECT_EQ(all[0]->call_control_id, w.device);
    EXPECT_TRUE(all[0]->acted_at);
    EXPECT_TRUE(all[1]->duplicate);
    EXPECT_TRUE(w.tel.seen().violations.empty());
}

TEST(transfer, channels_can_run_out) {
    carrier_settings s;
    s.unknown.outbound_channels = 1; // the device's own
    placed w(s);
    w.begin();
    EXPECT_EQ(code(w.transfer()), "90043");
    EXPECT_EQ(w.tel.legs().size(), 1U);
}

TEST(transfer, leads_to_emergency_numbers_extensions_devices_and_addresses) {
    struct row {
        const char* to;
        leg_kind kind;
        const char* rung;
        const char* target;
    };
    for (const auto& [to, kind, rung, target] : {
             row{"911", leg_kind::number, "911", "911"},
             row{"+15550100009,ww200", leg_kind::number, "+15550100009", "+15550100009"},
             row{"sip:two@sip.telnyx.com", leg_kind::device, "sip:two@sip.telnyx.com", "two"},
             row{"sip:agent@agents.example", leg_kind::address, "sip:agent@agents.example",
                 "sip:agent@agents.example"},
         }) {
        placed w;
        w.tel.set_default_phone(phone::answers(10ms));
        w.begin();
        ASSERT_EQ(w.transfer({{"to", to}}).status, 200) << to;
        w.pass(1s);
        EXPECT_EQ(w.tel.leg(w.target())->kind, kind) << to;
        EXPECT_EQ(w.tel.leg(w.target())->to, rung);
        EXPECT_EQ(w.tel.seen().commands_of("transfer").at(0)->target, target);
        EXPECT_EQ(w.tel.leg(w.device)->bridged_with, w.target()) << to;
    }
}

TEST(transfer, of_a_caller_who_talks_leaves_the_former_partner_behind) {
    world w;
    const auto r = w.two_answered();
    w.join(r.first, r.caller);
    w.tel.set_phone(k_callee, phone::answers(10ms));
    EXPECT_EQ(w.command(r.caller, "transfer", json{{"to", k_callee}}).status, 200);
    w.pass(1s);
    EXPECT_FALSE(w.tel.leg(r.first)->alive());
    EXPECT_TRUE(w.tel.leg(r.caller)->alive());
    EXPECT_EQ(w.tel.leg(w.tel.leg(r.caller)->bridged_with)->to, k_callee);
    EXPECT_EQ(
        w.last(w.tel.leg(r.caller)->bridged_with, "call.initiated")["connection_id"],
        w.tel.settings().app_connection_id
    );
}

TEST(transfer, its_new_legs_webhooks_and_its_bridge_can_be_lost_by_script) {
    placed silent;
    command_fault f;
    f.verb = "transfer";
    f.match.leg = k_device;
    f.silent_leg = true;
    silent.tel.add_fault(f, silent.now);
    const auto unheard = silent.talk();
    EXPECT_TRUE(silent.events_of(unheard).empty());
    EXPECT_EQ(silent.tel.leg(silent.device)->bridged_with, unheard);
    placed w;
    f.silent_leg = false;
    f.one_sided = "device";
    w.tel.add_fault(f, w.now);
    const auto callee = w.talk();
    EXPECT_TRUE(w.last(w.device, "call.bridged").is_null());
    EXPECT_FALSE(w.last(callee, "call.bridged").is_null());
    EXPECT_EQ(w.tel.seen().commands_of("transfer").at(0)->fault, "one_sided");
}
