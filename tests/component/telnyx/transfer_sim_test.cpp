// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A transfer by the client against the simulated carrier, over loopback HTTP: what it sends breaks no rule,
// and a reply that is lost makes no second call.
#include "sim_line.hpp"

using namespace z360;
using namespace z360::test;
using call::outcome;

namespace {

struct placed : sim_line {
    std::string device = carrier.with([](sim::carrier& c, time_point now) {
        c.set_default_phone(sim::phone::answers(50ms));
        return c.device_calls("gencred1", "+14155550123", sim::json(), now);
    });

    [[nodiscard]] call::command order(std::string number) const {
        call::transfer_body b;
        b.leg = leg_id{uuid{5, 6}};
        b.number = std::move(number);
        b.from = "+14155550100";
        b.recording_name = "call-7";
        call::command c;
        c.id = "transfer-1";
        c.call = call_id{uuid{3, 4}};
        c.org = org_id{7};
        c.call_control_id = device;
        c.issued_at = clock.now();
        c.deadline = c.issued_at + millis{20'000};
        c.body = std::move(b);
        return c;
    }
    /// Where the leg's mark leads, by our own codec.
    std::optional<adapter::crypto::client_state> mark_of(const sim::leg_view& l) const {
        return codec.open(l.client_state.is_string() ? l.client_state.get<std::string>() : std::string{});
    }
    std::vector<sim::leg_view> legs() {
        return carrier.with([](sim::carrier& c, time_point) { return c.legs(); });
    }
};

} // namespace

TEST_F(placed, a_transfer_is_played_marked_on_both_legs_and_recorded) {
    for (const char* number : {"+14155550123", "911"}) {
        device = carrier.with([](sim::carrier& c, time_point now) {
            return c.device_calls("gencred1", "+14155550123", sim::json(), now);
        });
        EXPECT_EQ(run(api().execute(order(number), [](unsigned) { return yes(); })).result, outcome::done);
        ASSERT_TRUE(carrier.wait_until(
            [this](const sim::carrier& c) { return !c.leg(device)->bridged_with.empty(); }, millis{10'000}
        )) << number;
        const auto own = *carrier.with([this](sim::carrier& c, time_point) { return c.leg(device); });
        const auto target =
            *carrier.with([&own](sim::carrier& c, time_point) { return c.leg(own.bridged_with); });
        EXPECT_EQ(target.to, number);
        EXPECT_EQ(mark_of(own)->command, "transfer-1");
        EXPECT_FALSE(mark_of(own)->leg);
        EXPECT_EQ(mark_of(target)->leg, leg_id(uuid{5, 6}));
        EXPECT_TRUE(own.recording);
    }
    carrier.with([](sim::carrier& c, time_point) { EXPECT_TRUE(c.seen().violations.empty()); });
}

TEST_F(placed, i7_a_lost_answer_makes_no_second_call) {
    sim::command_fault f;
    f.verb = "transfer";
    f.match.times = 1;
    f.lose_reply = true;
    carrier.add_fault(f);
    EXPECT_EQ(
        run(api().execute(order("+14155550123"), [](unsigned) { return yes(); })).result, outcome::done
    );
    EXPECT_EQ(acted("transfer", device), 1U);
    EXPECT_GE(requests("transfer"), 2U);
    EXPECT_EQ(legs().size(), 2U);
}

TEST_F(placed, a_transfer_of_a_device_that_has_left_finds_it_gone) {
    carrier.with([this](sim::carrier& c, time_point now) { c.device_hangs_up(device, now); });
    const auto out = run(api().execute(order("+14155550123"), [](unsigned) { return yes(); }));
    EXPECT_EQ(out.result, outcome::peer_gone);
    EXPECT_EQ(out.error_code, "90018");
    EXPECT_EQ(legs().size(), 1U);
}
