// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Webhooks come late, twice, in another order, all at once: the calls end up the same.
#include "integration/flows/flow.hpp"
#include "integration/flows/watch.hpp"

#include <set>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

class order_flow : public flow {
  protected:
    rig& devices(int n) {
        rig_options o;
        o.devices = n;
        return set_up(std::move(o));
    }
};

template <class T>
const T& pick(std::mt19937& random, const std::vector<T>& from) {
    return from[std::uniform_int_distribution<std::size_t>(0, from.size() - 1)(random)];
}

// A schedule of disorder for a run of many calls. `nth` counts the webhooks of one type.
sim::webhook_fault random_fault(std::mt19937& random, unsigned highest) {
    static const std::vector<std::string> types{
        "call.initiated", "call.answered", "call.bridged", "call.hangup"
    };
    sim::webhook_fault f;
    f.event_type = pick(random, types);
    f.match.nth = std::uniform_int_distribution<unsigned>(1, highest)(random);
    switch (std::uniform_int_distribution<int>(0, 3)(random)) {
    case 0: f.delay = millis{std::uniform_int_distribution<int>(1, 800)(random)}; break;
    case 1:
        f.duplicates = std::uniform_int_distribution<unsigned>(1, 3)(random);
        f.duplicate_after = millis{std::uniform_int_distribution<int>(0, 400)(random)};
        break;
    case 2:
        f.duplicates = std::uniform_int_distribution<unsigned>(1, 3)(random);
        f.duplicate_after = millis{std::uniform_int_distribution<int>(0, 400)(random)};
        f.new_id = true;
        break;
    default: f.after_next = true; break;
    }
    return f;
}

bool all_delivered(const sim::carrier& c) {
    const auto& all = c.seen().webhooks;
    return std::all_of(all.begin(), all.end(), [](const auto& w) {
        return w.second.state == sim::delivery_state::delivered;
    });
}

} // namespace

TEST_F(order_flow, be_12_twenty_calls_in_disorder_end_right) {
    constexpr std::size_t k_calls = 20;
    const auto seed = test_seed();
    SCOPED_TRACE("Z360_TEST_SEED=" + std::to_string(seed));
    RecordProperty("seed", static_cast<int>(seed));
    std::mt19937 random(seed);
    auto& r = devices(3);
    for (int i = 0; i < 150; ++i)
        r.carrier().add_fault(random_fault(random, 4 * k_calls));
    r.phone(1, phone::answers(millis{std::uniform_int_distribution<int>(0, 400)(random)}));
    r.phone(2, phone::answers(millis{std::uniform_int_distribution<int>(0, 400)(random)}));
    std::vector<std::string> callers;
    for (std::size_t i = 0; i < k_calls; ++i)
        callers.push_back(r.call("+1312555" + std::to_string(2000 + i)));
    for (const auto& caller : callers) {
        SCOPED_TRACE(r.session(caller));
        ASSERT_TRUE(r.joined(caller, 15s));
        EXPECT_TRUE(r.phase(r.session(caller), "active", 5s));
    }
    // One half ends by the caller, the other by the device.
    for (std::size_t i = 0; i < k_calls; ++i) {
        r.carrier().with([&](sim::carrier& c, time_point now) {
            if (i % 2 == 0)
                c.caller_hangs_up(callers[i], now);
            else
                (void)c.device_hangs_up(c.leg(callers[i])->bridged_with, now);
        });
    }
    for (const auto& caller : callers) {
        const auto session = r.session(caller);
        SCOPED_TRACE(session);
        EXPECT_TRUE(r.quiet(session, 0, 8s));
        EXPECT_TRUE(ended_as(r, session, "completed"));
        EXPECT_EQ(bridges(r, session).size(), 1U);
    }
    // Late copies change nothing any more.
    ASSERT_TRUE(r.carrier().wait_until(all_delivered, 5s));
    EXPECT_TRUE(eventually([&] {
        return r.sql("select count(*) from webhook_events where status = 'new'") == "0";
    }));
    EXPECT_EQ(r.sql("select count(*) from calls"), std::to_string(k_calls));
    EXPECT_EQ(
        r.sql("select count(*) from calls where phase = 'ended' and end_reason = 'completed' and "
              "bridged_at is not null and winner_leg_id is not null"),
        std::to_string(k_calls)
    );
    EXPECT_EQ(r.sql("select count(*) from call_legs"), std::to_string(3 * k_calls));
    EXPECT_EQ(r.sql("select count(*) from call_legs where call_control_id is null or not ended"), "0");
    EXPECT_EQ(r.sql("select count(*) from webhook_events where status = 'dead'"), "0");
    EXPECT_TRUE(eventually([&] {
        return r.sql("select count(*) from commands where status = 'pending'") == "0";
    }));
}

TEST_F(order_flow, be_20_answer_before_the_dial_response) {
    auto& r = devices(2);
    auto slow = fault_of("dial");
    slow.stall_reply = 2s;
    r.carrier().add_fault(slow);
    r.carrier().add_fault(lost("call.initiated", "device"));
    r.phone(2, phone::answers(0ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.joined(caller, 1900ms)) << "the answer had to wait for the dial's response";
    const auto took =
        bridges(r, session).at(0).began - leg(r, bridges(r, session).at(0).device).answered_at.value();
    RecordProperty("answer_to_bridge_ms", static_cast<int>(took.count()));
    EXPECT_LE(took, 1500ms);
    EXPECT_TRUE(r.quiet(session, 2, 5s)); // the other leg's id is known with its response only
    EXPECT_EQ(joined_to(r, caller), r.device(2));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}

// The only source of twenty ids, all in one moment.
TEST_F(order_flow, be_35_no_leg_is_lost_when_all_initiated_events_come_at_once) {
    auto& r = devices(20);
    auto slow = fault_of("dial");
    slow.stall_reply = 2500ms;
    r.carrier().add_fault(slow);
    r.carrier().add_fault(late("call.initiated", "device", 400ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    EXPECT_TRUE(eventually(
        [&] {
            return r.sql("select count(*) from call_legs where initiated and call_control_id is not null "
                         "and dial = 'accepted'") == "20";
        },
        2s
    ));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session, 0, 2s));
    EXPECT_LE(slowest_release(r, caller, {1, 5, 10, 15, 20}), 2s);
}

TEST_F(order_flow, be_33_repeated_hangups_end_a_call_once) {
    auto& r = devices(2);
    sim::webhook_fault again;
    again.event_type = "call.hangup";
    again.duplicates = 3;
    again.duplicate_after = 100ms;
    again.new_id = true;
    r.carrier().add_fault(again);
    r.phone(1, phone::answers(50ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.joined(caller));
    ASSERT_TRUE(r.quiet(session, 2));
    r.carrier().caller_hangs_up(caller);
    ASSERT_TRUE(r.quiet(session));
    ASSERT_TRUE(ended_as(r, session, "completed"));
    const auto ended_at = column(r, session, "ended_at");
    ASSERT_TRUE(r.carrier().wait_until(all_delivered, 5s));
    EXPECT_TRUE(eventually([&] {
        return r.sql("select count(*) from webhook_events where status = 'new'") == "0";
    }));
    EXPECT_EQ(column(r, session, "ended_at"), ended_at);
    EXPECT_EQ(r.sql("select count(*) from call_events where what = 'call_ended'"), "1");
    EXPECT_EQ(r.sql("select count(*) from call_events where what = 'caller_hung_up'"), "1");
    // The winner's leg may be told, too, when the caller's end is heard of first; nobody is told twice.
    std::set<std::string> told;
    for (const auto& h : commands(r, "hangup", session))
        EXPECT_TRUE(told.insert(h.call_control_id).second) << h.call_control_id;
    EXPECT_FALSE(told.contains(caller));
}
