// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The protocol we use, and those that look as good and are not. A bad protocol must be found bad: that is the
// proof that the checker can see what it looks for.
#include "arbitration_model.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace z360::model {
namespace {

using arbiter = protocol::arbiter_kind;
using blind = protocol::blind_kind;
using cancel = protocol::cancel_kind;
using takeover = protocol::takeover_kind;

/// In how many of the 16 reachability patterns each bad thing can happen.
struct tally {
    std::size_t states = 0;
    int two_bridged = 0;
    int both_killed = 0;
    int stuck = 0;
    int stuck_after_crash = 0;
    bool operator==(const tally&) const = default;
};
std::ostream& operator<<(std::ostream& out, const tally& t) {
    return out << t.states << " states, two bridged in " << t.two_bridged << ", both killed in "
               << t.both_killed << ", stuck in " << t.stuck << ", stuck after a crash in "
               << t.stuck_after_crash << " of 16";
}

tally check(const protocol& rules, std::string* witness = nullptr) {
    tally out;
    for (const reach_pair& r : all_reachabilities()) {
        const findings f = explore(rules, r);
        out.states += f.states;
        for (const auto& [way, count] :
             {std::pair{&f.two_bridged, &out.two_bridged}, std::pair{&f.both_killed, &out.both_killed},
              std::pair{&f.stuck, &out.stuck}, std::pair{&f.stuck_after_crash, &out.stuck_after_crash}}) {
            if (way->empty()) continue;
            ++*count;
            if (witness != nullptr && witness->empty()) *witness = *way;
        }
    }
    return out;
}

const protocol k_ours{arbiter::postgres, true, blind::trust_fence, takeover::help, cancel::after_bridge};

TEST(arbitration, i_01_i_09_i_11_the_protocol_in_use_is_safe_and_live_whatever_stores_are_reachable) {
    std::string witness;
    EXPECT_EQ(check(k_ours, &witness), (tally{14218, 0, 0, 0, 0})) << witness;
}

TEST(arbitration, be_07_asking_redis_and_postgres_only_without_it_joins_two_devices) {
    protocol p;
    p.arbiter = arbiter::redis_else_postgres;
    EXPECT_EQ(check(p), (tally{7570, 8, 0, 6, 6}));
}

TEST(arbitration, be_07_redis_alone_loses_its_key_even_when_everything_is_reachable) {
    protocol p;
    p.arbiter = arbiter::redis_else_postgres;
    const findings f = explore(p, {reach{}, reach{}});
    EXPECT_FALSE(f.two_bridged.empty());
}

TEST(arbitration, a_claim_that_nobody_takes_over_strands_the_caller) {
    EXPECT_EQ(check(protocol{}), (tally{4636, 0, 0, 4, 4}));
}

TEST(arbitration, redis_deciding_while_postgres_is_away_joins_two_devices) {
    protocol p;
    p.blind = blind::trust_redis;
    EXPECT_EQ(check(p), (tally{8098, 5, 0, 1, 4}));
}

TEST(arbitration, stealing_a_claim_needs_the_fence) {
    protocol p;
    p.takeover = takeover::steal;
    EXPECT_EQ(check(p), (tally{13076, 4, 0, 4, 0}));
    p.fence = true;
    EXPECT_EQ(check(p), (tally{11456, 0, 0, 4, 0}));
}

TEST(arbitration, helping_the_recorded_winner_is_safe_without_any_fence) {
    protocol p;
    p.takeover = takeover::help;
    EXPECT_EQ(check(p), (tally{9036, 0, 0, 4, 0}));
}

TEST(arbitration, i_11_hanging_up_losers_before_the_bridge_kills_calls) {
    protocol p = k_ours;
    p.cancel = cancel::before_bridge;
    EXPECT_EQ(check(p), (tally{12412, 0, 12, 0, 0}));
}

TEST(arbitration, be_30_without_the_fence_the_protocol_in_use_joins_two_devices) {
    protocol p = k_ours;
    p.fence = false;
    EXPECT_EQ(check(p), (tally{15598, 12, 0, 0, 0}));
}

} // namespace
} // namespace z360::model
