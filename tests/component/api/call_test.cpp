// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What clients ask about calls.
#include "bed.hpp"
#include "support/joined.hpp"

using namespace z360;
using namespace z360::test;

class api_calls : public bed {
  protected:
    void SetUp() override {
        one = device(k_ada, "phone-1");
        two = device(k_ada, "phone-2", "android");
        id = ring(k_ada, k_globex, {row(k_ada, "phone-1").id, row(k_ada, "phone-2").id}).state.id.text();
    }
    call::state& state() { return calls.rows.front().state; }
    answer status(const with& who) { return send("GET", "/api/voip/call-status/" + id, who); }
    /// The first phone has the caller; the second was told to stop.
    void bridge() {
        auto& s = state();
        auto& j = z360::testing::join_leg(s, 0);
        s.legs[0].answered = s.legs[0].bridged = true;
        s.legs[1].release = call::release_reason::answered_elsewhere;
        j.commanded = true;
        s.answered_at = clock.at + millis{4'000};
        j.joined_at = clock.at + millis{4'200};
        calls.rows.front().version = 9;
    }
    void over(call::state& s, call::end_reason why) {
        s.reason = why;
        s.ended_at = clock.at + millis{60'000};
    }
    with one, two;
    std::string id;
};

TEST_F(api_calls, and_07_a_ringing_call_says_until_when) {
    const auto r = status(one);
    ASSERT_EQ(r.status, 200) << r.text;
    const auto& d = r.data();
    EXPECT_EQ(d["status"], "ringing");
    EXPECT_EQ(d["ring_expires_at"], "2026-01-31T12:00:30.000Z");
    EXPECT_EQ(d["ring_seconds"], 30);
    EXPECT_EQ(d["seq"], 1);
    EXPECT_EQ(d["device_state"], "ringing");
    EXPECT_EQ(d["leg_state"], "ringing");
    EXPECT_EQ(d["caller_number"], "+13125550142");
    EXPECT_EQ(d["caller_name"], "Grace Hopper");
    EXPECT_EQ(d["organization"]["slug"], "globex");
    EXPECT_TRUE(d["winner_device_id"].is_null());
}

TEST_F(api_calls, and_08_the_loser_hears_answered_elsewhere_and_the_winner_does_not) {
    bridge();
    EXPECT_EQ(status(two).data()["status"], "answered_elsewhere");
    EXPECT_EQ(status(two).data()["reason"], "answered_elsewhere");
    EXPECT_EQ(status(two).data()["winner_device_id"], "phone-1");
    EXPECT_EQ(status(one).data()["status"], "active");
    EXPECT_EQ(status(one).data()["leg_state"], "bridged");
    EXPECT_EQ(status(cookie(k_ada)).data()["status"], "active");
    over(state(), call::end_reason::completed);
    EXPECT_EQ(status(two).data()["status"], "answered_elsewhere");
    EXPECT_EQ(status(one).data()["status"], "ended");
    EXPECT_EQ(status(one).data()["reason"], "completed");
}

TEST_F(api_calls, and_08_a_winner_that_is_not_joined_yet_has_not_won) {
    z360::testing::join_leg(state(), 0).commanded = true;
    state().legs[0].answered = true;
    EXPECT_EQ(status(two).data()["status"], "bridging");
}

TEST_F(api_calls, a_device_that_is_rung_on_two_identities_is_the_winner_by_either) {
    auto second = state().legs[0];
    second.id = leg_id{derive_uuid("second leg")};
    state().legs.push_back(second);
    bridge();
    state().legs[2].release = call::release_reason::answered_elsewhere;
    EXPECT_EQ(status(one).data()["status"], "active");
}

TEST_F(api_calls, and_04_an_active_call_says_since_when) {
    bridge();
    EXPECT_EQ(status(one).data()["answered_at"], "2026-01-31T12:00:04.200Z");
}

TEST_F(api_calls, and_14_calling_back_is_from_the_number_that_was_called) {
    const auto back = status(one).data()["callback"];
    EXPECT_EQ(back["to"], "+13125550142");
    EXPECT_EQ(back["organization_id"], 8);
    EXPECT_EQ(back["from"], "+13125550100");
    state().caller.to = call::endpoint_of("anonymous");
    EXPECT_TRUE(status(one).data()["callback"].is_null());
}

TEST_F(api_calls, be_15_a_caller_without_a_number_is_shown_and_cannot_be_called_back) {
    for (const char* caller : {"withheld", "sip:ada@example.com", "911"}) {
        state().caller.to = call::endpoint_of(caller);
        state().routed.caller_name.clear();
        for (const auto& reply :
             {status(one).data(), send("GET", "/api/voip/calls", one).data().at(0),
              send("GET", "/api/voip/my-active-call", one).data()["active_call"]}) {
            EXPECT_EQ(reply["caller_number"], caller);
            EXPECT_TRUE(reply["caller_name"].is_null()) << caller;
            EXPECT_TRUE(reply["callback"].is_null()) << caller;
        }
    }
}

TEST_F(api_calls, ios_05_asking_a_hundred_times_changes_nothing) {
    const auto first = send("GET", "/api/voip/my-active-call", one);
    EXPECT_EQ(first.data()["active_call"]["call_uuid"], id);
    for (int i = 0; i < 99; ++i)
        ASSERT_EQ(send("GET", "/api/voip/my-active-call", one).text, first.text);
    bridge();
    EXPECT_TRUE(send("GET", "/api/voip/my-active-call", two).data()["active_call"].is_null());
    EXPECT_EQ(send("GET", "/api/voip/my-active-call", one).data()["active_call"]["status"], "active");
    over(state(), call::end_reason::completed);
    const auto after = send("GET", "/api/voip/my-active-call", one);
    EXPECT_TRUE(after.data()["active_call"].is_null());
    EXPECT_TRUE(after.data()["active_calls"].empty());
    EXPECT_EQ(after.data()["recent_calls"][0]["reason"], "completed");
}

TEST_F(api_calls, state_03_a_missed_call_is_listed_and_one_answered_elsewhere_is_not_missed) {
    bridge();
    over(state(), call::end_reason::completed);
    auto& missed = ring(k_ada, k_acme, {row(k_ada, "phone-1").id});
    over(missed.state, call::end_reason::caller_cancelled);
    const auto r = send("GET", "/api/voip/calls", two);
    ASSERT_EQ(r.data().size(), 2U);
    EXPECT_EQ(r.data()[0]["missed"], true);
    EXPECT_EQ(r.data()[0]["organization_id"], 7);
    EXPECT_EQ(r.data()[1]["missed"], false);
    EXPECT_EQ(r.data()[1]["status"], "answered_elsewhere");
}

TEST_F(api_calls, state_03_pages_of_changes_follow_each_other_without_a_gap) {
    (void)ring(k_ada, k_acme, {});
    (void)ring(k_ada, k_acme, {});
    std::vector<std::uint64_t> seen;
    std::uint64_t since = 0;
    for (bool more = true; more;) {
        const auto r = send("GET", "/api/voip/calls?limit=2&since=" + std::to_string(since), one);
        for (const auto& c : r.data())
            seen.push_back(c["position"]);
        since = r.body["meta"]["next"];
        more = r.body["meta"]["more"];
    }
    EXPECT_EQ(seen, (std::vector<std::uint64_t>{1001, 1002, 1003}));
    EXPECT_EQ(send("GET", "/api/voip/calls?since=1003", one).body["meta"]["next"], 1003);
}

TEST_F(api_calls, bootstrap_has_settings_device_and_calls_in_one_reply) {
    const auto r = send("GET", "/api/voip/bootstrap", one);
    ASSERT_EQ(r.status, 200);
    EXPECT_EQ(r.data()["snapshot"]["active_call"]["call_uuid"], id);
    EXPECT_EQ(r.data()["client_config"]["status_poll_seconds"], 3);
    EXPECT_EQ(r.data()["device"]["device_id"], "phone-1");
    EXPECT_EQ(r.data()["push_token_required"], true);
}

TEST_F(api_calls, i_05_another_persons_call_does_not_exist) {
    EXPECT_EQ(status(device(k_bob, "bob-1")).status, 404);
    EXPECT_EQ(status(acting(k_mallory)).status, 404);
    // A backend of Acme acts for Ada, and does not see her call in Globex.
    const auto acme = plus(service(k_acme), {{"X-Z360-User", "3"}});
    EXPECT_EQ(status(acme).status, 404);
    EXPECT_TRUE(send("GET", "/api/voip/calls", acme).data().empty());
    EXPECT_TRUE(send("GET", "/api/voip/my-active-call", acme).data()["active_call"].is_null());
}
