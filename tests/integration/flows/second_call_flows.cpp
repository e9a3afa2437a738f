// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A person who talks is called again, or does not want to be disturbed: through the whole system.
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"

#include <optional>

using namespace z360;
using namespace z360::testing;

namespace {

/// Ada with two phones, who may be called by several callers at once.
class second_call_flow : public flow {
  protected:
    rig& ada(rig_options o = {}) {
        o.devices = 0;
        auto& r = set_up(std::move(o));
        acme_ = founded(r, 701, "acme", "+13125550701");
        one_ = install_for(r, acme_, "phone-one");
        two_ = install_for(r, acme_, "phone-two");
        return r;
    }
    std::string call(rig& r, const std::string& from = "+13125550142") {
        return r.carrier().place_call(from, acme_.number);
    }
    /// Every dial of the call, by the devices' names.
    std::size_t dials(rig& r, const std::string& session, const app& a) {
        return r.carrier().with([&](sim::carrier& c, time_point) {
            const auto all = c.legs(session);
            return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const auto& l) {
                return l.username == a.sip();
            }));
        });
    }
    void policy(rig& r, const std::string& word) {
        const auto set = r.admin().put(
            acme_.org_path() + "/members/" + std::to_string(acme_.user), {{"second_call", word}}
        );
        ASSERT_EQ(set.status, 200) << set.body;
        ASSERT_EQ(set.data()["second_call"], word);
    }
    /// Ada talks to the first caller on her first phone.
    std::string talks_on_one(rig& r) {
        const auto caller = call(r);
        EXPECT_TRUE(r.ringing(r.session(caller), 2));
        EXPECT_TRUE(answers(r, r.session(caller), *one_));
        EXPECT_TRUE(r.joined(caller));
        EXPECT_TRUE(r.phase(r.session(caller), "active"));
        return caller;
    }

    tenant acme_;
    std::optional<app> one_, two_;
};

} // namespace

TEST_F(second_call_flow, state_02_a_second_call_rings_the_free_phone_alone_and_leaves_the_talk_alone) {
    auto& r = ada();
    const auto first = talks_on_one(r);
    const auto second = call(r, "+13125550143");
    const auto session = r.session(second);
    ASSERT_TRUE(rings(r, session, *two_));
    ASSERT_TRUE(answers(r, session, *two_));
    ASSERT_TRUE(r.joined(second));
    EXPECT_EQ(dials(r, session, *one_), 0U);
    EXPECT_TRUE(r.joined(first)) << "the first talk goes on";
    r.carrier().caller_hangs_up(first);
    r.carrier().caller_hangs_up(second);
    EXPECT_TRUE(r.quiet(session));
}

TEST_F(second_call_flow, state_02_by_the_policy_none_a_second_caller_meets_voicemail_within_a_second) {
    auto& r = ada();
    policy(r, "none");
    const auto first = talks_on_one(r);
    const auto before = std::chrono::steady_clock::now();
    const auto second = call(r, "+13125550143");
    const auto session = r.session(second);
    ASSERT_TRUE(r.phase(session, "voicemail"));
    EXPECT_LT(std::chrono::steady_clock::now() - before, 5s) << "and not after the ring time of 30 s";
    EXPECT_EQ(dials(r, session, *one_) + dials(r, session, *two_), 0U);
    EXPECT_EQ(
        r.sql(
            "select detail from call_events where what = 'call_began' and call_id = (select call_id from "
            "calls where call_session_id = '" +
            session + "')"
        ),
        "devices=0 busy=2"
    );
    r.carrier().caller_hangs_up(second);
    r.carrier().caller_hangs_up(first);
    EXPECT_TRUE(r.quiet(session));
    ASSERT_TRUE(r.phase(session, "ended"));
    // It is a missed call of hers.
    const auto calls = two_->client.get("/api/voip/calls");
    ASSERT_EQ(calls.status, 200) << calls.body;
    ASSERT_EQ(calls.data().size(), 2U) << calls.body;
    EXPECT_TRUE(calls.data()[0]["missed"].get<bool>()) << calls.body;
}

TEST_F(
    second_call_flow, state_02_of_two_calls_that_ring_at_once_the_one_that_is_not_answered_leaves_that_phone
) {
    auto& r = ada();
    const auto first = call(r);
    const auto second = call(r, "+13125550143");
    for (const auto& s : {r.session(first), r.session(second)})
        for (const auto* a : {&*one_, &*two_})
            ASSERT_TRUE(rings(r, s, *a));
    ASSERT_TRUE(answers(r, r.session(first), *one_));
    ASSERT_TRUE(r.joined(first));
    ASSERT_TRUE(eventually([&] { return !leg_of(r, r.session(second), *one_).alive(); }))
        << "phone one talks to the first caller";
    EXPECT_TRUE(leg_of(r, r.session(second), *two_).ringing()) << "phone two is free";
    ASSERT_TRUE(answers(r, r.session(second), *two_));
    ASSERT_TRUE(r.joined(second));
    EXPECT_TRUE(r.joined(first));
    r.carrier().caller_hangs_up(first);
    r.carrier().caller_hangs_up(second);
    EXPECT_TRUE(r.quiet(r.session(second)));
}

TEST_F(second_call_flow, state_02_a_killed_server_knows_afterwards_who_talks) {
    rig_options o;
    o.delivery.primary_attempts = 300;
    o.delivery.retry_after = 100ms;
    auto& r = ada(std::move(o));
    const auto first = talks_on_one(r);
    r.server().kill();
    r.server().start();
    ASSERT_TRUE(r.server().ready());
    const auto second = call(r, "+13125550143");
    ASSERT_TRUE(rings(r, r.session(second), *two_));
    EXPECT_EQ(dials(r, r.session(second), *one_), 0U);
    r.carrier().caller_hangs_up(second);
    r.carrier().caller_hangs_up(first);
    ASSERT_TRUE(r.quiet(r.session(first)));
    ASSERT_TRUE(r.phase(r.session(first), "ended"));
    const auto third = call(r, "+13125550144");
    EXPECT_TRUE(r.ringing(r.session(third), 2)) << "the talk is over: both ring again";
    r.carrier().caller_hangs_up(third);
    EXPECT_TRUE(r.quiet(r.session(third)));
}

TEST_F(second_call_flow, do_not_disturb_is_set_by_the_app_and_holds_for_the_next_call) {
    auto& r = ada();
    constexpr const char* k_path = "/api/voip/do-not-disturb";
    EXPECT_EQ(one_->client.get(k_path).data()["device"]["on"], false);
    auto set = one_->client.put(k_path, {{"of", "device"}, {"on", true}});
    ASSERT_EQ(set.status, 200) << set.body;
    EXPECT_EQ(set.data()["device"]["on"], true);
    EXPECT_EQ(set.data()["person"]["on"], false);
    auto caller = call(r);
    ASSERT_TRUE(rings(r, r.session(caller), *two_));
    EXPECT_EQ(dials(r, r.session(caller), *one_), 0U);
    r.carrier().caller_hangs_up(caller);
    ASSERT_TRUE(r.quiet(r.session(caller)));

    set = two_->client.put(k_path, {{"of", "person"}, {"on", true}, {"until", "2026-01-01T00:00:00Z"}});
    EXPECT_EQ(set.status, 422) << "that is over";
    set = two_->client.put(k_path, {{"of", "person"}, {"on", true}});
    ASSERT_EQ(set.status, 200) << set.body;
    caller = call(r);
    ASSERT_TRUE(r.phase(r.session(caller), "voicemail"));
    EXPECT_EQ(dials(r, r.session(caller), *two_), 0U);
    r.carrier().caller_hangs_up(caller);
    ASSERT_TRUE(r.quiet(r.session(caller)));

    for (const auto& [a, of] : {std::pair{&*one_, "device"}, std::pair{&*two_, "person"}})
        ASSERT_EQ(a->client.put(k_path, {{"of", of}, {"on", false}}).status, 200);
    caller = call(r);
    EXPECT_TRUE(r.ringing(r.session(caller), 2));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(r.session(caller)));
}
