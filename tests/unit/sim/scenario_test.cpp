// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/scenario.hpp"
#include "world.hpp"

#include <stdexcept>

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

TEST(scenario, puts_phones_faults_and_unknowns_in_place) {
    const auto s = scenario::from_json(json::parse(R"({
        "phones": {"one": {"does": "decline", "after_ms": 5}},
        "default_phone": {"does": "unreachable"},
        "faults": {"webhooks": [{"event_type": "call.initiated", "leg": "caller", "drop": true}],
                   "commands": [{"verb": "hangup", "status": 500}]},
        "unknowns": {"double_bridge": "ok_without_effect"},
        "calls": [{"at_ms": 100, "from": "+15550100001", "to": "+15550100002", "hangs_up_after_ms": 900}]
    })"));
    EXPECT_EQ(s.unknown.fence, unknowns::fence_answer::ok_without_effect);
    ASSERT_EQ(s.calls.size(), 1U);
    EXPECT_EQ(s.calls[0].at, 100ms);
    EXPECT_EQ(s.calls[0].hangs_up_after, 900ms);
    world w;
    s.apply(w.tel, w.now);
    const auto caller = w.ring_in();
    EXPECT_TRUE(w.events_of(caller).empty());
    const auto one = w.ring_device("one", caller);
    const auto other = w.ring_device("other", caller);
    w.pass(1s);
    EXPECT_EQ(w.tel.leg(one)->hangup_cause, "user_busy");
    EXPECT_EQ(w.last(other, "call.hangup")["sip_hangup_cause"], "480");
    EXPECT_EQ(w.command(caller, "hangup").status, 500);
}
TEST(scenario, mistakes_are_refused) {
    for (const char* bad :
         {R"([])", R"({"phone":{}})", R"({"phones":[]})", R"({"calls":[{"from":"+1"}]})", R"({"calls":{}})",
          R"({"faults":{"webhook":[]}})", R"({"faults":{"commands":[{"verb":1}]}})",
          R"({"default_phone":{"does":1}})"})
        EXPECT_THROW((void)scenario::from_json(json::parse(bad)), std::invalid_argument) << bad;
    EXPECT_THROW((void)scenario::from_file("/nonexistent/file"), std::invalid_argument);
}
TEST(scenario, faults_are_added_all_or_none) {
    world w;
    EXPECT_THROW(
        add_faults(
            w.tel, json::parse(R"({"commands":[{"verb":"hangup","status":500},{"verb":"dial","status":1}]})"),
            w.now
        ),
        std::invalid_argument
    );
    EXPECT_EQ(w.command(w.ring_in(), "hangup").status, 200);
}
