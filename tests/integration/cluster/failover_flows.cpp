// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A failover to a standby that lagged behind: what the last second decided is in no table any more, yet the
// carrier knows it, and so do the nodes.
#include "integration/cluster/cluster_flow.hpp"
#include "integration/flows/aftermath.hpp"

#include <algorithm>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

class failover_flow : public cluster_flow {
  protected:
    // `known`: what the standby may have heard of, or nothing was lost and this tests nothing.
    void lose_what_was_committed(rig& r, const std::string& count, const std::string& known) {
        r.ask_database(1);
        ASSERT_EQ(r.sql(count), known);
        pair().kill(pair().primary());
        r.postgres(0).cut(); // or the relay would take connections for it
        fail_over(r);
    }
};

bool lives(const sim::carrier& c, const std::string& leg) {
    const auto l = c.leg(leg);
    return l && l->alive();
}

} // namespace

TEST_F(failover_flow, i_21_calls_begun_and_joined_in_the_second_that_was_lost_live_on) {
    rig_options o;
    o.environment["Z360_CALLS_RING_TIME_MS"] = "9000";
    auto& r = set_up(std::move(o));
    const auto old_talk = ring(r, 1);
    ASSERT_TRUE(picks_up(r, old_talk.front().session, 1));
    ASSERT_EQ(not_joined(r, old_talk, 5s), "");
    expect_active(r, old_talk);
    const auto joined_in_it = ring(r, 2);
    pair().await_standby();
    pair().cut_replication();
    const auto begun_in_it = ring(r, 3);
    const auto begun_and_joined_in_it = ring(r, 1);
    for (const auto& p : joined_in_it + begun_and_joined_in_it)
        ASSERT_TRUE(picks_up(r, p.session, 1));
    ASSERT_EQ(not_joined(r, joined_in_it + begun_and_joined_in_it, 5s), "");
    expect_active(r, joined_in_it + begun_and_joined_in_it);
    lose_what_was_committed(r, "select count(*) from calls where phase = 'active'", "1");
    ASSERT_TRUE(all_ready(r, 10s));

    for (const auto& p : begun_in_it)
        EXPECT_TRUE(picks_up(r, p.session, 2));
    EXPECT_EQ(not_joined(r, begun_in_it, 8s), "");
    const auto all = old_talk + joined_in_it + begun_in_it + begun_and_joined_in_it;
    EXPECT_EQ(parted(r, all, 11s), ""); // past the end of every ring
    expect_active(r, all);
    EXPECT_EQ(buried_or_tried_more_than(r, 20), "");
    EXPECT_EQ(farewell_after_loss(r, all), "");
    EXPECT_EQ(buried_or_tried_more_than(r, 20), "");
}

TEST_F(failover_flow, i_08_a_device_that_answers_a_call_nobody_knows_any_more_is_let_go) {
    auto& r = set_up();
    pair().await_standby();
    pair().cut_replication();
    const auto forgotten = ring(r, 2);
    for (const auto& p : forgotten)
        ASSERT_TRUE(r.ringing(p.session, 2));
    for (std::size_t n = 0; n < k_nodes; ++n)
        r.server(n).kill();
    lose_what_was_committed(r, "select count(*) from calls", "0");
    for (std::size_t n = 0; n < k_nodes; ++n)
        r.server(n).start();
    ASSERT_TRUE(all_ready(r, 15s));
    std::vector<std::string> answered;
    for (const auto& p : forgotten) {
        answered.push_back(leg_of(r, p.session, r.device(1)));
        // A start may have asked the carrier and ended it, or begun the call anew, already.
        if (!answer(r, p.session, 1)) answered.pop_back();
    }
    const auto settled = [&](const sim::carrier& c) {
        return std::all_of(answered.begin(), answered.end(), [&](const auto& leg) {
            return !lives(c, leg) || !c.leg(leg)->bridged_with.empty();
        });
    };
    EXPECT_TRUE(r.carrier().wait_until(settled, 10s))
        << "an answered device hears nobody, and nobody ends it";
    for (const auto& p : forgotten)
        r.carrier().caller_hangs_up(p.caller);
    const auto all_dead = [&](const sim::carrier& c) { return c.alive_legs() == 0; };
    EXPECT_TRUE(r.carrier().wait_until(all_dead, 15s));
    EXPECT_EQ(r.sql("select max(attempts) > 20 from webhook_events"), "f");
}
