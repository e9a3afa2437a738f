// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Redis is a hint: whatever happens to it at whatever step, every call ends right and hardly later.
#include "integration/flows/aftermath.hpp"
#include "integration/flows/flow.hpp"

#include <array>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

enum class harm { cut, stall, flush };
enum class step { before_dials, ringing, answering, bridging, talking };

std::string name_of(const ::testing::TestParamInfo<harm>& what) {
    static const std::array<const char*, 3> k_names{"cut", "stalled", "flushed"};
    return k_names.at(static_cast<std::size_t>(what.param));
}

void strike(rig& r, harm h) {
    switch (h) {
    case harm::cut: r.redis().cut(); return;
    case harm::stall: r.redis().stall(); return;
    case harm::flush: r.flush_redis(); return;
    }
}

void mend(rig& r) {
    r.redis().resume();
    EXPECT_TRUE(eventually([&] { return r.server().metric("redis_up") == 1.0; }, 10s));
}

// Slows the call down where the harm is to strike, so that it strikes there.
void slow_down(rig& r, step at) {
    if (at == step::answering) {
        sim::webhook_fault late;
        late.event_type = "call.answered";
        late.match.leg = "device";
        late.match.times = 1;
        late.delay = 150ms;
        r.carrier().add_fault(late);
    }
    if (at == step::bridging) {
        sim::command_fault slow;
        slow.verb = "bridge";
        slow.match.times = 1;
        slow.stall_before = 200ms;
        r.carrier().add_fault(slow);
    }
}

class redis_flow : public flow {};
class redis_flow_harms : public flow, public ::testing::WithParamInterface<harm> {
  protected:
    // One call, struck once; returns the time from the answer to the bridge command.
    void play(rig& r, step at) {
        SCOPED_TRACE("step " + std::to_string(static_cast<int>(at)));
        slow_down(r, at);
        if (at == step::before_dials) strike(r, GetParam());
        const auto caller = r.call();
        const auto session = r.session(caller);
        ASSERT_TRUE(r.ringing(session, 3));
        if (at == step::ringing) strike(r, GetParam());
        ASSERT_TRUE(answer(r, session, 2));
        if (at == step::answering) strike(r, GetParam());
        if (at == step::bridging) {
            ASSERT_TRUE(attempted(r, "bridge", session));
            strike(r, GetParam());
        }
        ASSERT_TRUE(r.joined(caller));
        EXPECT_TRUE(r.quiet(session, 2));
        // 150 ms are the scripted delay; one Redis budget is 50 ms; the rest is a busy machine.
        const auto took = answer_to_bridge(r, session);
        RecordProperty(
            "answer_to_bridge_ms_" + std::to_string(static_cast<int>(at)), std::to_string(took.count())
        );
        EXPECT_LE(took, 2s);
        if (at == step::talking) strike(r, GetParam());
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.quiet(session));
        EXPECT_EQ(aftermath(r, session), "");
        r.carrier().with([](sim::carrier& c, time_point) { c.clear_faults(); });
    }
};

} // namespace

TEST_P(redis_flow_harms, be_11_calls_end_right_whatever_happens_to_redis_at_any_step) {
    rig_options o;
    o.devices = 3;
    auto& r = set_up(std::move(o));
    for (const auto at :
         {step::before_dials, step::ringing, step::answering, step::bridging, step::talking}) {
        play(r, at);
        mend(r);
        if (HasFatalFailure()) return;
    }
}
INSTANTIATE_TEST_SUITE_P(
    harms, redis_flow_harms, ::testing::Values(harm::cut, harm::stall, harm::flush), name_of
);

TEST_F(redis_flow, be_44_redis_absent_from_the_start_costs_only_the_hint_and_is_taken_up_later) {
    rig_options o;
    o.start = false;
    auto& r = set_up(std::move(o));
    r.redis().cut();
    r.server().start();
    ASSERT_TRUE(r.server().ready()); // Redis is not needed to take traffic
    EXPECT_EQ(r.server().metric("redis_up"), 0.0);
    r.phone(1, phone::answers(100ms));
    for (const bool there : {false, true}) {
        if (there) {
            r.redis().resume();
            ASSERT_TRUE(eventually([&] { return r.server().metric("redis_up") == 1.0; }, 10s));
        }
        const auto caller = r.call();
        const auto session = r.session(caller);
        ASSERT_TRUE(r.joined(caller));
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.quiet(session));
        EXPECT_EQ(aftermath(r, session), "");
    }
}

TEST_F(redis_flow, be_07_two_answers_while_redis_stalls_join_exactly_one) {
    rig_options o;
    o.devices = 5;
    auto& r = set_up(std::move(o));
    r.phone(1, phone::answers(100ms));
    r.phone(2, phone::answers(110ms));
    r.phone(3, phone::answers(120ms));
    r.redis().stall();
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.joined(caller));
    EXPECT_TRUE(r.quiet(session, 2));
    EXPECT_EQ(r.accepted("bridge", session), 1U);
    EXPECT_EQ(r.accepted("hangup", session), 4U);
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_EQ(aftermath(r, session), "");
}
