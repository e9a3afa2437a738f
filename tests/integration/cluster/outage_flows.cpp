// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the nodes do, and say, while Postgres is away for long or takes no commit.
#include "integration/cluster/cluster_flow.hpp"
#include "integration/flows/aftermath.hpp"
#include "integration/flows/watch.hpp"

#include <algorithm>
#include <csignal>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

bool all_delivered(const sim::carrier& c) {
    const auto& all = c.seen().webhooks;
    return std::all_of(all.begin(), all.end(), [](const auto& w) {
        return w.second.state == sim::delivery_state::delivered;
    });
}

class outage_flow : public cluster_flow {
  protected:
    static void take_away(rig& r) {
        r.postgres(0).cut();
        r.postgres(1).cut();
    }
    static void bring_back(rig& r) {
        r.postgres(0).resume();
        r.postgres(1).resume();
    }
    static int readiness(rig& r, std::size_t n, std::string& body) {
        int status = 0;
        body = r.server(n).get("/readyz", &status);
        return status;
    }
};

} // namespace

// The limits that an outage of more than a minute exceeds are a thirtieth of their size, and so is the
// outage.
TEST_F(outage_flow, i_21_a_node_restarted_in_a_long_outage_ends_no_talk_and_dials_for_nobody_gone) {
    rig_options o;
    o.environment["Z360_CALLS_UNKNOWN_SESSION_WAIT_MS"] = "2000";
    o.carrier.command_memory = 2s;
    auto& r = set_up(std::move(o));
    teach_routes(r);
    r.point_webhooks(0, 0); // all of it is known to one node, and to its spool
    take_away(r);
    const auto talk = ring(r, 1);
    ASSERT_TRUE(picks_up(r, talk.front().session, 1));
    ASSERT_EQ(not_joined(r, talk, 5s), "");
    const auto gone = ring(r, 1);
    r.carrier().caller_hangs_up(gone.front().caller);
    ASSERT_TRUE(r.quiet(gone.front().session));
    const auto waiting = ring(r, 1);
    ASSERT_TRUE(r.carrier().wait_until(all_delivered, 5s)); // to the spool
    r.point_webhooks_at_front();
    r.server(0).signal(SIGTERM);
    ASSERT_EQ(r.server(0).wait(15s).value_or(-1), 0);
    r.server(0).start();
    EXPECT_EQ(parted(r, talk, 7s), "");

    bring_back(r);
    ASSERT_TRUE(all_ready(r, 15s));
    const auto drained = [&] {
        return total(r, "spool_events") == 0.0 &&
               r.sql("select count(*) from webhook_events where status = 'new'") == "0";
    };
    EXPECT_TRUE(eventually(drained, 15s));
    EXPECT_EQ(parted(r, talk, 5s), "");
    expect_active(r, talk);
    if (r.ringing(waiting.front().session, 1, 1ms)) EXPECT_TRUE(picks_up(r, waiting.front().session, 2));
    EXPECT_EQ(not_served(r, waiting, 12s), "");
    EXPECT_EQ(
        r.carrier().with([&](sim::carrier& c, time_point) {
            return dials_after_the_end(c, gone.front().caller);
        }),
        0U
    );
    EXPECT_EQ(
        r.sql("select end_reason from calls where call_session_id = '" + gone.front().session + "'"),
        "caller_cancelled"
    );
    EXPECT_EQ(buried_or_tried_more_than(r, 20), "");
    EXPECT_EQ(farewell(r, talk + gone + waiting), "");
}

TEST_F(outage_flow, i_09_a_caller_never_heard_of_rings_while_postgres_is_away) {
    auto& r = set_up();
    teach_routes(r, "+13125550142");
    take_away(r);
    ASSERT_TRUE(eventually([&] {
        std::string body;
        return readiness(r, 0, body) == 503 && readiness(r, 1, body) == 503 && readiness(r, 2, body) == 503;
    }));
    const auto stranger = arrive(r, "+13125550199");
    EXPECT_TRUE(r.ringing(stranger.session, 2, 3s));
    bring_back(r);
    ASSERT_TRUE(all_ready(r, 10s));
    EXPECT_TRUE(picks_up(r, stranger.session, 1));
    EXPECT_EQ(not_joined(r, {stranger}, 5s), "");
    expect_active(r, {stranger});
    EXPECT_EQ(farewell(r, {stranger}), "");
}

TEST_F(outage_flow, sys_commits_that_hang_show_in_readyz_and_metrics_and_pass_by_themselves) {
    auto& r = set_up();
    teach_routes(r);
    r.phone(1, phone::answers(300ms));
    const auto before = ring(r, 1);
    ASSERT_EQ(not_joined(r, before, 5s), "");
    expect_active(r, before);
    pair().commits_wait_for_nobody_there();
    std::vector<party> meanwhile;
    bool told = false;
    std::string body;
    for (int i = 0; i < 10 && !told; ++i) { // one caller a second
        meanwhile.push_back(arrive(r));
        told = eventually(
            [&] {
                for (std::size_t n = 0; n < k_nodes; ++n)
                    if (readiness(r, n, body) == 503) return true;
                return false;
            },
            1s
        );
    }
    EXPECT_TRUE(told) << "ten seconds of commits that hang, and every node is ready: " << body;
    EXPECT_NE(body.find("commit"), std::string::npos) << body;
    EXPECT_GT(total(r, "commits_slow") + total(r, "commits_unsaved_oldest_seconds"), 0.0);
    // An answer that reaches a node which does not hold the call waits for the database, as the caller does.
    pair().commits_wait_no_more();
    EXPECT_TRUE(all_ready(r, 20s));
    EXPECT_EQ(not_joined(r, meanwhile, 10s), "");
    EXPECT_EQ(parted(r, before + meanwhile, 4s), "");
    expect_active(r, before + meanwhile);
    EXPECT_EQ(farewell(r, before + meanwhile), "");
}
