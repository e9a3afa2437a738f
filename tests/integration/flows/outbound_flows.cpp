// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calls that devices place, through the whole system (BE-42, BE-43, AND-13).
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"

#include <optional>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

constexpr const char* k_peer = "+14155550199";

class outbound_flow : public flow {
  protected:
    rig& ada(rig_options o = {}) {
        o.devices = 0;
        // As for calls to us: real carriers give up sooner, then reconciliation asks.
        o.delivery.primary_attempts = 300;
        o.delivery.retry_after = 100ms;
        auto& r = set_up(std::move(o));
        acme_ = founded(r, 701, "acme", "+13125550701");
        app_ = install_for(r, acme_, "phone-one");
        return r;
    }
    /// The app dials; the control id of its leg.
    std::string dials(rig& r, const std::string& to = "14155550199", sim::device_wishes wishes = {}) {
        return r.carrier().with([&](sim::carrier& c, time_point now) {
            return c.device_calls(app_->sip(), to, nlohmann::json(), now, std::move(wishes));
        });
    }
    static void gives_up(rig& r, const std::string& leg) {
        r.carrier().with([&](sim::carrier& c, time_point now) { c.caller_hangs_up(leg, now); });
    }
    static std::string reason(const rig& r, const std::string& session) {
        return r.sql("select end_reason from calls where call_session_id = '" + session + "'");
    }
    static std::string rule(const rig& r, const std::string& session) {
        return r.sql(
            "select e.detail from call_events e join calls c using (call_id) where c.call_session_id = '" +
            session + "' and e.what = 'placing_refused'"
        );
    }
    static std::optional<sim::leg_view> peer(rig& r, const std::string& session) {
        return r.carrier().with([&](sim::carrier& c, time_point) -> std::optional<sim::leg_view> {
            for (auto& l : c.legs(session))
                if (l.to == k_peer) return l;
            return std::nullopt;
        });
    }
    static bool talks(rig& r, const std::string& leg, millis limit = 10s) {
        return r.carrier().wait_until(
            [&](const sim::carrier& c) {
                const auto l = c.leg(leg);
                return l && !l->bridged_with.empty();
            },
            limit
        );
    }
    /// It talks for the carrier and for us.
    std::string talk(rig& r) {
        r.carrier().set_phone(k_peer, phone::answers(200ms));
        const auto leg = dials(r);
        EXPECT_TRUE(talks(r, leg));
        EXPECT_TRUE(r.phase(r.session(leg), "active", 10s));
        return leg;
    }

    tenant acme_;
    std::optional<app> app_;
};

} // namespace

TEST_F(outbound_flow, be_42_and_13_a_device_calls_talks_and_its_call_is_in_every_list) {
    auto& r = ada();
    r.carrier().set_phone(k_peer, phone::ignores());
    const auto leg = dials(r);
    const auto session = r.session(leg);
    ASSERT_TRUE(r.commanded("transfer", session));
    ASSERT_TRUE(r.carrier().wait_until([&](const sim::carrier& c) { return c.alive_legs() == 2; }, 5s));
    EXPECT_EQ(peer(r, session)->from, acme_.number);
    auto mine = app_->client.get("/api/voip/my-active-call");
    ASSERT_EQ(mine.status, 200) << mine.body;
    auto call = mine.data().at("active_call");
    EXPECT_EQ(call.at("direction"), "outbound");
    EXPECT_EQ(call.at("state"), "ringing");
    EXPECT_EQ(call.at("caller_number"), k_peer);
    EXPECT_EQ(call.at("channel_number"), acme_.number);
    ASSERT_TRUE(eventually([&] { return peer(r, session)->ringing(); }));
    const auto theirs = peer(r, session)->call_control_id;
    ASSERT_TRUE(r.carrier().with([&](sim::carrier& c, time_point now) {
        return c.device_answers(theirs, now);
    }));
    ASSERT_TRUE(talks(r, leg));
    ASSERT_TRUE(r.phase(session, "active"));
    ASSERT_TRUE(eventually([&] {
        return app_->client.get("/api/voip/my-active-call").data().at("active_call").at("state") == "active";
    }));
    gives_up(r, leg);
    ASSERT_TRUE(r.quiet(session));
    ASSERT_TRUE(r.phase(session, "ended"));
    EXPECT_EQ(reason(r, session), "completed");
    EXPECT_EQ(r.sql("select direction || ' ' || outcome from call_records"), "outbound answered");
    ASSERT_TRUE(eventually([&] { return r.sql("select count(*) from recordings") == "1"; })) << "BE-43";
    EXPECT_EQ(r.sql("select purpose from recordings"), "talk");
    ASSERT_TRUE(eventually([&] { return r.sql("select direction from messages") == "outbound"; }, 15s));
    EXPECT_EQ(r.sql("select identifier from conversations"), k_peer);
    EXPECT_EQ(r.sql("select count(*) from push_messages"), "0") << "nobody has missed anything";
}

TEST_F(outbound_flow, whom_nobody_reaches_ends_the_call_whether_or_not_the_carrier_ends_the_devices_leg) {
    for (const bool ends : {false, true}) {
        rig_options o;
        o.carrier.unknown.failed_transfer_ends_device = ends;
        auto& r = ada(std::move(o));
        const std::vector<std::pair<phone, std::string>> all{
            {phone::busy(), "busy"}, {phone::declines(100ms), "busy"}, {phone::unallocated(), "failed"}
        };
        for (const auto& [does, expected] : all) {
            r.carrier().set_phone(k_peer, does);
            const auto leg = dials(r);
            const auto session = r.session(leg);
            ASSERT_TRUE(r.phase(session, "ended", 10s)) << expected << ends;
            EXPECT_EQ(reason(r, session), expected) << ends;
            ASSERT_TRUE(r.quiet(session));
        }
    }
}

TEST_F(outbound_flow, whom_nobody_answers_in_the_organisations_time_is_no_answer) {
    auto& r = ada();
    r.carrier().set_phone(k_peer, phone::ignores());
    ASSERT_EQ(
        r.sql("insert into outbound_rules (org_id, ring_seconds) values (701, 5) returning ring_seconds"), "5"
    );
    const auto leg = dials(r);
    const auto session = r.session(leg);
    ASSERT_TRUE(r.phase(session, "ended", 12s));
    EXPECT_EQ(reason(r, session), "no_answer");
    ASSERT_TRUE(r.quiet(session));
}

TEST_F(outbound_flow, a_device_that_gives_up_leaves_nothing_ringing_whatever_the_carrier_does_by_itself) {
    for (const bool rings_on : {false, true}) {
        rig_options o;
        o.carrier.unknown.transfer_outlives_device = rings_on;
        auto& r = ada(std::move(o));
        r.carrier().set_phone(k_peer, phone::ignores());
        const auto leg = dials(r);
        const auto session = r.session(leg);
        ASSERT_TRUE(r.carrier().wait_until([&](const sim::carrier& c) { return c.alive_legs() == 2; }, 5s));
        gives_up(r, leg);
        ASSERT_TRUE(r.quiet(session)) << rings_on;
        ASSERT_TRUE(r.phase(session, "ended"));
        EXPECT_EQ(reason(r, session), "caller_cancelled");
    }
}

TEST_F(outbound_flow, a_rule_that_keeps_the_call_is_said_to_the_person_and_nothing_is_dialed) {
    for (const bool speaks : {true, false}) {
        rig_options o;
        o.carrier.unknown.speaks_to_parked_device = speaks;
        auto& r = ada(std::move(o));
        const auto leg = dials(r, "19005551234");
        const auto session = r.session(leg);
        ASSERT_TRUE(r.phase(session, "ended", 15s));
        EXPECT_EQ(reason(r, session), "rejected");
        EXPECT_EQ(rule(r, session), "rule=destination_forbidden");
        ASSERT_TRUE(r.quiet(session));
        EXPECT_EQ(r.accepted("transfer", session), 0U);
        EXPECT_EQ(r.accepted("speak", session), speaks ? 1U : 0U);
    }
}

TEST_F(outbound_flow, be_42_a_caller_id_of_another_organisation_is_refused_and_ones_own_is_shown) {
    auto& r = ada();
    const auto other = founded(r, 702, "other", "+13125550702");
    auto leg = dials(r, "14155550199", {.from = other.number, .client_state = ""});
    EXPECT_TRUE(r.phase(r.session(leg), "ended", 15s));
    EXPECT_EQ(rule(r, r.session(leg)), "rule=caller_id_not_yours");
    r.carrier().set_phone(k_peer, phone::ignores());
    // A web client's own client_state: base64 of {"user_id":9}.
    leg = dials(r, "14155550199", {.from = acme_.number, .client_state = "eyJ1c2VyX2lkIjo5fQ=="});
    ASSERT_TRUE(r.commanded("transfer", r.session(leg)));
    EXPECT_EQ(r.sql("select user_id from calls where call_session_id = '" + r.session(leg) + "'"), "701");
    gives_up(r, leg);
    EXPECT_TRUE(r.quiet(r.session(leg)));
}

TEST_F(outbound_flow, state_02_a_second_call_of_a_device_in_a_call_is_refused_and_the_first_goes_on) {
    auto& r = ada();
    const auto first = talk(r);
    const auto second = dials(r, "14155550198");
    ASSERT_TRUE(r.phase(r.session(second), "ended", 15s));
    EXPECT_EQ(rule(r, r.session(second)), "rule=in_a_call");
    EXPECT_TRUE(talks(r, first, 0ms));
    gives_up(r, first);
    EXPECT_TRUE(r.quiet(r.session(first)));
}

TEST_F(outbound_flow, state_02_who_calls_out_is_not_rung_on_that_device) {
    auto& r = ada();
    const auto two = install_for(r, acme_, "phone-two");
    const auto first = talk(r);
    const auto caller = r.carrier().place_call("+13125550143", acme_.number);
    const auto session = r.session(caller);
    ASSERT_TRUE(rings(r, session, two));
    EXPECT_TRUE(leg_of(r, session, *app_).call_control_id.empty());
    r.carrier().caller_hangs_up(caller);
    gives_up(r, first);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_TRUE(r.quiet(r.session(first)));
}

TEST_F(outbound_flow, i_10_webhooks_lost_doubled_or_out_of_order_change_nothing) {
    const std::vector<std::string> types{"call.initiated", "call.answered", "call.bridged", "call.hangup"};
    auto& r = ada();
    r.carrier().set_phone(k_peer, phone::answers(300ms));
    for (const auto& type : types)
        for (int kind = 0; kind < 3; ++kind) {
            r.carrier().with([](sim::carrier& c, time_point) { c.clear_faults(); });
            sim::webhook_fault f;
            f.event_type = type;
            f.drop = kind == 0 && type != "call.initiated"; // whose loss is reconciliation's
            f.match.times = kind == 0 ? 1 : 0;              // of one of the two legs
            f.duplicates = kind == 1 ? 2 : 0;
            f.after_next = kind == 2;
            r.carrier().add_fault(f);
            const auto leg = dials(r);
            const auto session = r.session(leg);
            ASSERT_TRUE(talks(r, leg)) << type << kind;
            ASSERT_TRUE(r.phase(session, "active", 20s)) << type << kind;
            EXPECT_EQ(r.accepted("transfer", session), 1U) << type << kind;
            gives_up(r, leg);
            ASSERT_TRUE(r.quiet(session, 0, 10s)) << type << kind;
            ASSERT_TRUE(r.phase(session, "ended", 20s)) << type << kind;
            EXPECT_EQ(reason(r, session), "completed") << type << kind;
        }
}

TEST_F(outbound_flow, a_node_that_dies_in_the_middle_costs_time_and_no_call) {
    auto& r = ada();
    r.carrier().set_phone(k_peer, phone::answers(700ms));
    for (const auto moment : {0ms, 10ms, 40ms, 200ms, 750ms}) {
        const auto leg = dials(r);
        const auto session = r.session(leg);
        // The moment is the input of the test, between nothing and the talk.
        (void)r.carrier().wait_until([](const sim::carrier&) { return false; }, moment);
        r.server().kill();
        r.server().start();
        ASSERT_TRUE(r.server().ready());
        ASSERT_TRUE(talks(r, leg, 20s)) << moment.count();
        ASSERT_TRUE(r.phase(session, "active", 20s)) << moment.count();
        const auto legs =
            r.carrier().with([&](sim::carrier& c, time_point) { return c.legs(session).size(); });
        EXPECT_EQ(legs, 2U) << "the device's, and one";
        gives_up(r, leg);
        ASSERT_TRUE(r.quiet(session, 0, 10s)) << moment.count();
        ASSERT_TRUE(r.phase(session, "ended", 20s)) << moment.count();
    }
}

TEST_F(outbound_flow, an_order_whose_answer_is_lost_is_one_call) {
    auto& r = ada();
    r.carrier().set_phone(k_peer, phone::answers(500ms));
    sim::command_fault lost;
    lost.verb = "transfer";
    lost.lose_reply = true;
    r.carrier().add_fault(lost);
    const auto leg = dials(r);
    const auto session = r.session(leg);
    ASSERT_TRUE(talks(r, leg));
    ASSERT_TRUE(r.phase(session, "active", 10s));
    const auto legs = r.carrier().with([&](sim::carrier& c, time_point) { return c.legs(session).size(); });
    EXPECT_EQ(legs, 2U) << "the device's, and one";
    gives_up(r, leg);
    EXPECT_TRUE(r.quiet(session));
}

TEST_F(outbound_flow, without_postgres_a_call_waits_for_it_and_then_goes_out) {
    auto& r = ada();
    r.carrier().set_phone(k_peer, phone::answers(300ms));
    r.postgres().cut();
    const auto leg = dials(r);
    ASSERT_TRUE(eventually([&] { return r.server().metric("z360_callers_waiting") >= 1; }, 10s));
    r.postgres().resume();
    ASSERT_TRUE(talks(r, leg, 20s));
    gives_up(r, leg);
    EXPECT_TRUE(r.quiet(r.session(leg)));
}
