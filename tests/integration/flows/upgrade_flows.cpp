// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Between --migrate and the last replaced node the program of the release before works on the new schema, and
// both work side by side. scripts/previous-release builds it.
#include "integration/cluster/judge.hpp"
#include "integration/flows/flow.hpp"

#include <unistd.h>

#include <csignal>
#include <iostream>
#include <vector>

using namespace z360;
using namespace z360::testing;

namespace {

class upgrade_flow : public flow {
  protected:
    void SetUp() override {
        flow::SetUp();
        if (!IsSkipped() && ::access(Z360_PREVIOUS_PROGRAM, X_OK) != 0)
            GTEST_SKIP() << Z360_PREVIOUS_PROGRAM << " is not there; scripts/previous-release builds it";
    }
    /// Node 0 is of the release before; the others are ours. The schema is ours.
    rig& nodes(int ours) {
        rig_options o;
        o.nodes = 1 + ours;
        o.start = false;
        rig& r = set_up(std::move(o));
        r.server(0).use_program(Z360_PREVIOUS_PROGRAM);
        for (std::size_t n = 0; n < r.servers(); ++n)
            r.server(n).start();
        for (std::size_t n = 0; n < r.servers(); ++n)
            EXPECT_TRUE(r.server(n).ready()) << "node " << n << ": " << r.server(n).get("/readyz");
        r.phone(1, {.does = sim::phone::mode::answer, .act_after = millis{150}});
        return r;
    }
    static void expect_a_whole_call(rig& r) {
        const auto caller = r.call();
        const auto session = r.session(caller);
        ASSERT_TRUE(r.joined(caller));
        ASSERT_TRUE(r.phase(session, "active"));
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.phase(session, "ended"));
        EXPECT_TRUE(r.quiet(session));
    }
};

} // namespace

TEST_F(upgrade_flow, be_21_the_release_before_works_on_the_new_schema) {
    rig& r = nodes(0);
    for (int i = 0; i < 3; ++i)
        expect_a_whole_call(r);
    EXPECT_NE(r.server().get("/readyz").find("newer than this program"), std::string::npos);
    EXPECT_EQ(r.sql("select count(*) from webhook_events where status = 'dead'"), "0");
    // What was left behind by somebody who died is claimed, without the index that it once was claimed by.
    (void
    )r.sql("update webhook_events set status = 'new', processed_at = null, claimed_until = now() returning 1"
    );
    EXPECT_TRUE(eventually(
        [&] { return r.sql("select count(*) from webhook_events where status = 'new'") == "0"; }, 10s
    ));
}

TEST_F(upgrade_flow, be_21_both_releases_side_by_side_take_up_each_others_calls) {
    rig& r = nodes(1);
    r.point_webhooks(0, 1);
    expect_a_whole_call(r);
    r.point_webhooks(1, 0);
    expect_a_whole_call(r);
    // The old one dies in the middle of a ring: ours goes on.
    r.point_webhooks(0, 1);
    r.phone(1, {.does = sim::phone::mode::answer, .act_after = 2s});
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 1));
    r.server(0).kill();
    EXPECT_TRUE(r.joined(caller, 15s));
}

TEST_F(upgrade_flow, i_08_fifty_callers_of_each_release_are_served_though_each_is_killed_once) {
    constexpr std::size_t k_callers = 100;
    rig& r = nodes(1);
    r.phone(1, sim::phone::answers(400ms));
    r.phone(2, sim::phone::ignores());
    std::vector<party> all;
    for (std::size_t i = 0; i < k_callers; ++i) {
        r.point_webhooks(i % 2, 1 - i % 2);
        all.push_back(arrive(r));
        (void)r.carrier().wait_until([](const sim::carrier&) { return false; }, 150ms); // they come evenly
        // The old one dies first, then ours: each with rings under way.
        if (i == k_callers / 4 || i == 3 * k_callers / 4) r.server(i == k_callers / 4 ? 0 : 1).kill();
        if (i == k_callers / 2 || i + 1 == k_callers) {
            auto& back = r.server(i == k_callers / 2 ? 0 : 1);
            back.start();
            ASSERT_TRUE(back.ready());
        }
    }
    EXPECT_EQ(not_joined(r, all, 20s), "");
    EXPECT_EQ(parted(r, all, 2s), "");
    EXPECT_EQ(cut_talks(r), "");
    EXPECT_EQ(farewell(r, all, 30s), "");
    if (HasFailure())
        for (const auto& session : unlucky(r))
            std::cout << history(r, session) << '\n';
}
