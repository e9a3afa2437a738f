// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Ringing, answering, giving up: real server, real Postgres and Redis, simulated carrier.
#include "integration/flows/flow.hpp"

#include <algorithm>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

class ring_flow : public flow {};
class ring_flow_devices : public flow, public ::testing::WithParamInterface<int> {};

} // namespace

TEST_P(ring_flow_devices, be_45_all_ring_at_once_and_the_answerer_is_joined) {
    const int n = GetParam();
    rig_options o;
    o.devices = n;
    auto& r = set_up(std::move(o));
    r.phone(n, phone::answers(300ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.joined(caller));
    // I11: whoever was hung up, was hung up after the bridge command had been accepted.
    EXPECT_TRUE(r.quiet(session, 2)); // the caller and the winner
    const auto late = r.carrier().with([&](sim::carrier& c, time_point) {
        const auto bridge = c.seen().commands_of("bridge", session);
        const auto hangups = c.seen().commands_of("hangup", session);
        return std::count_if(hangups.begin(), hangups.end(), [&](const auto* h) {
            return !bridge.at(0)->acted_at || h->at < *bridge.at(0)->acted_at;
        });
    });
    EXPECT_EQ(late, 0);
    EXPECT_EQ(r.accepted("dial", session), static_cast<std::size_t>(n));
    EXPECT_EQ(r.accepted("hangup", session), static_cast<std::size_t>(n - 1));
    EXPECT_TRUE(r.phase(session, "active"));
    // BE-45: the dials left together.
    const auto spread = r.carrier().with([&](sim::carrier& c, time_point) {
        const auto dials = c.seen().commands_of("dial", session);
        const auto [first, last] =
            std::minmax_element(dials.begin(), dials.end(), [](auto* a, auto* b) { return a->at < b->at; });
        return (*last)->at - (*first)->at;
    });
    RecordProperty("dial_spread_ms", static_cast<int>(spread.count()));
    EXPECT_LE(spread, 250ms); // sequential dials would need a round trip each
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_TRUE(r.phase(session, "ended"));
    EXPECT_EQ(r.sql("select end_reason from calls where call_session_id = '" + session + "'"), "completed");
}
INSTANTIATE_TEST_SUITE_P(devices, ring_flow_devices, ::testing::Values(1, 2, 5, 20));

TEST_F(ring_flow, be_01_caller_hangup_hangs_up_every_leg) {
    rig_options o;
    o.devices = 5;
    auto& r = set_up(std::move(o));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 5));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session, 0, 2s));
    EXPECT_EQ(r.accepted("bridge", session), 0U);
    EXPECT_EQ(
        r.sql("select end_reason from calls where call_session_id = '" + session + "'"), "caller_cancelled"
    );
}
