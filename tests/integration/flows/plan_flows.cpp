// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Groups and people who are rung one after the other: through the whole system.
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"

#include <optional>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

// Webhooks are repeated until the process is back.
sim::delivery_policy patient() {
    sim::delivery_policy d;
    d.primary_attempts = 300;
    d.retry_after = 100ms;
    return d;
}

/// Ada and Bob of one organisation, with a phone each.
class plan_flow : public flow {
  protected:
    rig& two_people(rig_options o = {}) {
        o.devices = 0;
        auto& r = set_up(std::move(o));
        acme_ = founded(r, 701, "acme", "+13125550701");
        bob_ = acme_;
        bob_.user = 702;
        const auto boss = r.admin();
        EXPECT_EQ(boss.put(bob_.user_path(), {{"login", "bob@people.example"}, {"name", "Bob"}}).status, 201);
        EXPECT_EQ(boss.put(acme_.org_path() + "/members/702", {{"role", "member"}}).status, 201);
        adas_ = install_for(r, acme_, "adas-phone");
        bobs_ = install_for(r, bob_, "bobs-phone");
        return r;
    }
    void rings_by(rig& r, const json& plan) {
        const auto boss = r.admin();
        const auto set = boss.put(acme_.org_path() + "/ring-plans/sales", plan);
        ASSERT_EQ(set.status, 201) << set.body;
        const auto routed = boss.put(acme_.org_path() + "/numbers/" + acme_.number, {{"ring_plan", "sales"}});
        ASSERT_EQ(routed.status, 200) << routed.body;
    }
    static json in_turn(std::int64_t first, std::int64_t second) {
        return {
            {"strategy", "sequence"},
            {"step_seconds", 5},
            {"members", json::array({json{{"user_id", first}}, json{{"user_id", second}}})}
        };
    }
    std::string call(rig& r) { return r.carrier().place_call("+13125550142", acme_.number); }
    static std::size_t dials(rig& r, const std::string& session) { return r.accepted("dial", session); }

    tenant acme_, bob_;
    std::optional<app> adas_, bobs_; ///< phones
};

} // namespace

TEST_F(plan_flow, i_01_a_group_rings_at_once_has_one_winner_and_is_in_both_peoples_lists) {
    auto& r = two_people();
    rings_by(r, {{"members", json::array({json{{"user_id", 701}}, json{{"user_id", 702}}})}});
    const auto caller = call(r);
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 2));
    ASSERT_TRUE(answers(r, session, *bobs_));
    ASSERT_TRUE(r.joined(caller));
    ASSERT_TRUE(r.phase(session, "active"));
    r.carrier().caller_hangs_up(caller);
    ASSERT_TRUE(r.quiet(session));
    EXPECT_EQ(
        r.sql("select string_agg(user_id || ' ' || answered, ', ' order by user_id) from call_people"),
        "701 false, 702 true"
    );
    for (const auto* a : {&*adas_, &*bobs_}) {
        const auto calls = a->client.get("/api/voip/calls");
        ASSERT_EQ(calls.status, 200) << calls.body;
        EXPECT_EQ(calls.data().size(), 1U) << a->uid << calls.body;
        EXPECT_FALSE(calls.data()[0]["missed"].get<bool>()) << "a colleague took it";
    }
}

TEST_F(plan_flow, the_second_is_rung_when_the_first_ones_turn_is_over_and_sees_nothing_before) {
    auto& r = two_people();
    rings_by(r, in_turn(701, 702));
    const auto caller = call(r);
    const auto session = r.session(caller);
    ASSERT_TRUE(rings(r, session, *adas_));
    EXPECT_EQ(dials(r, session), 1U);
    const auto path = "/api/voip/call-status/" + session;
    EXPECT_EQ(adas_->client.get(path).status, 200);
    EXPECT_EQ(bobs_->client.get(path).status, 404) << "not his turn";
    ASSERT_TRUE(rings(r, session, *bobs_));
    EXPECT_EQ(bobs_->client.get(path).status, 200);
    ASSERT_TRUE(answers(r, session, *bobs_));
    ASSERT_TRUE(r.joined(caller));
    EXPECT_FALSE(leg_of(r, session, *adas_).alive());
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}

TEST_F(plan_flow, i_04_a_turn_that_fell_into_a_restart_is_taken_by_the_next_process) {
    rig_options o;
    o.delivery = patient();
    auto& r = two_people(std::move(o));
    rings_by(r, in_turn(701, 702));
    const auto caller = call(r);
    const auto session = r.session(caller);
    ASSERT_TRUE(rings(r, session, *adas_));
    ASSERT_TRUE(eventually([&] {
        return r.sql("select count(*) from call_legs where dial = 'planned'") == "1";
    }));
    r.server().kill();
    r.server().start();
    ASSERT_TRUE(r.server().ready());
    ASSERT_TRUE(rings(r, session, *bobs_));
    ASSERT_TRUE(answers(r, session, *bobs_));
    ASSERT_TRUE(r.joined(caller));
    EXPECT_EQ(dials(r, session), 2U) << "each once";
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}

TEST_F(plan_flow, who_is_added_in_the_middle_of_a_call_rings_with_the_next_one) {
    auto& r = two_people();
    const auto only = [](std::int64_t who) {
        return json{{"members", json::array({json{{"user_id", who}}})}};
    };
    rings_by(r, only(701));
    auto caller = call(r);
    ASSERT_TRUE(rings(r, r.session(caller), *adas_));
    const auto both = json{{"members", json::array({json{{"user_id", 701}}, json{{"user_id", 702}}})}};
    ASSERT_EQ(r.admin().put(acme_.org_path() + "/ring-plans/sales", both).status, 200);
    ASSERT_TRUE(answers(r, r.session(caller), *adas_));
    ASSERT_TRUE(r.joined(caller));
    EXPECT_EQ(dials(r, r.session(caller)), 1U) << "a call keeps the plan that it began with";
    EXPECT_EQ(bobs_->client.get("/api/voip/call-status/" + r.session(caller)).status, 404);
    r.carrier().caller_hangs_up(caller);
    ASSERT_TRUE(r.quiet(r.session(caller)));
    ASSERT_TRUE(r.phase(r.session(caller), "ended")) << "else she talks, for all we know";
    caller = call(r);
    EXPECT_TRUE(r.ringing(r.session(caller), 2));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(r.session(caller)));
}

TEST_F(plan_flow, b28_who_leaves_in_the_middle_of_a_plan_is_not_rung_when_their_turn_comes) {
    auto& r = two_people();
    rings_by(r, in_turn(701, 702));
    const auto caller = call(r);
    const auto session = r.session(caller);
    ASSERT_TRUE(rings(r, session, *adas_));
    EXPECT_EQ(r.admin().send("DELETE", acme_.org_path() + "/members/702", "").status, 200);
    ASSERT_TRUE(r.phase(session, "voicemail", 12s)) << "nobody is left when the first turn is over";
    EXPECT_EQ(dials(r, session), 1U);
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}

TEST_F(plan_flow, explain_route_says_who_rings_when) {
    auto& r = two_people();
    rings_by(r, in_turn(702, 701));
    const auto told = r.run("--explain-route " + acme_.number);
    EXPECT_NE(told.find("after 0 s, for 5 s: user 702"), std::string::npos) << told;
    EXPECT_NE(told.find("after 5 s, for 5 s: user 701"), std::string::npos) << told;
    const auto route = r.admin().get(acme_.org_path() + "/numbers/" + acme_.number + "/route");
    ASSERT_EQ(route.status, 200) << route.body;
    ASSERT_EQ(route.data()["waves"].size(), 2U) << route.body;
    EXPECT_EQ(route.data()["waves"][0]["members"][0]["user_id"], 702);
    EXPECT_EQ(route.data()["ring_seconds"], 10);
}
