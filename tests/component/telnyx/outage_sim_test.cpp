// SPDX-License-Identifier: LicenseRef-z360-proprietary
// BE-22: the carrier's API is away, or takes our key no longer, under load and over real HTTP. Five seconds
// stand for twenty.
#include "sim_line.hpp"

#include <set>

using namespace z360;
using namespace z360::test;
using call::outcome;

namespace {

struct outage : sim_line {
    using outcomes = std::vector<std::optional<call::command_outcome>>;

    /// A new dial every 20 ms, for so long; `each` is told the number of commands that have no outcome.
    template <class F>
    void
    dial_for(steady::duration length, const std::string& caller, outcomes& out, std::size_t& next, F each) {
        const auto until = steady::now() + length;
        while (steady::now() < until && next < out.size()) {
            start(dial(next, caller, millis{2'000}), &out[next]);
            ++next;
            each(running);
            io.restart();
            io.run_for(20ms);
        }
    }
    /// Hangs ten callers up while nothing works.
    std::vector<std::string> ten_callers() {
        std::vector<std::string> legs;
        for (int i = 0; i < 10; ++i)
            legs.push_back(ring_in());
        return legs;
    }
    void expect_each_hung_up_once(const std::vector<std::string>& legs) {
        for (const auto& leg : legs)
            EXPECT_EQ(acted("hangup", leg), 1U) << leg;
        carrier.with([](sim::carrier& c, time_point) {
            for (const auto* x : c.seen().commands_of("hangup"))
                EXPECT_EQ(x->command_id, "hangup-" + x->call_control_id) << "every try is the same command";
            EXPECT_TRUE(c.seen().violations.empty());
        });
    }
};

} // namespace

TEST_F(
    outage, be_22_dials_fail_under_load_without_storm_pile_or_delay_for_others_and_recover_within_a_second
) {
    outcomes out(1'000);
    std::size_t next = 0;
    const auto caller = ring_in();
    dial_for(500ms, caller, out, next, [](std::size_t) {});
    ASSERT_TRUE(eventually([this] { return running == 0; }));
    EXPECT_EQ(out[0]->result, outcome::done);

    break_api("dial", 503);
    dial_for(1s, caller, out, next, [](std::size_t) {});
    EXPECT_EQ(counted("telnyx_breaker_open class=dial"), 1);
    const auto before = requests("dial");
    std::size_t most = 0;
    const auto began = steady::now();
    steady::duration slowest{0};
    for (int i = 0; i < 5; ++i) { // another endpoint goes on working, as fast as ever
        dial_for(1s, caller, out, next, [&most](std::size_t n) { most = std::max(most, n); });
        std::optional<call::command_outcome> hung_up;
        const auto asked = steady::now();
        start(hangup(ring_in()), &hung_up);
        ASSERT_TRUE(eventually([&] { return hung_up.has_value(); }));
        EXPECT_EQ(hung_up->result, outcome::done);
        slowest = std::max(slowest, steady::now() - asked);
    }
    const auto seconds = std::chrono::duration<double>(steady::now() - began).count();
    EXPECT_LE(static_cast<double>(requests("dial") - before), 5.0 * seconds) << "probes only";
    EXPECT_LE(most, 50U * 2 + 20) << "what waits ends at its deadline of two seconds";
    EXPECT_LT(slowest, 500ms);

    const auto first = next;
    mend_api();
    const auto mended = carrier.with([](sim::carrier&, time_point now) { return now; });
    dial_for(1s, caller, out, next, [](std::size_t) {});
    ASSERT_TRUE(eventually([this] { return running == 0; }));
    EXPECT_EQ(counted("telnyx_breaker_open class=dial"), 0);
    const auto back = carrier.with([&](sim::carrier& c, time_point) {
        std::optional<time_point> earliest;
        for (const auto* d : c.seen().commands_of("dial"))
            if (d->acted_at && *d->acted_at >= mended && (!earliest || *d->acted_at < *earliest))
                earliest = d->acted_at;
        return earliest;
    });
    ASSERT_TRUE(back);
    EXPECT_LE(*back - mended, 1s);
    for (auto i = first; i < next; ++i)
        EXPECT_EQ(out[i]->result, outcome::done) << "whoever calls afterwards is rung for";
    carrier.with([](sim::carrier& c, time_point) {
        std::set<std::string> rung;
        for (const auto* d : c.seen().commands_of("dial"))
            if (d->acted_at) EXPECT_TRUE(rung.insert(d->target).second) << "rung twice: " << d->target;
    });
}

TEST_F(outage, be_22_hang_ups_of_an_outage_arrive_exactly_once_after_it) {
    commands.repeats_per_second = 5;
    const auto legs = ten_callers();
    break_api("", 503);
    outcomes out(legs.size());
    for (std::size_t i = 0; i < legs.size(); ++i)
        start(hangup(legs[i]), &out[i]);
    ASSERT_TRUE(eventually([this] { return counted("telnyx_breaker_open class=control") == 1; }));
    const auto before = requests("hangup");
    const auto began = steady::now();
    io.restart();
    io.run_for(4s); // the outage lasts
    const auto seconds = std::chrono::duration<double>(steady::now() - began).count();
    // Those that were on their way when it opened arrive, too.
    const auto at_most = 5.0 * seconds + 1 + static_cast<double>(legs.size());
    EXPECT_LE(static_cast<double>(requests("hangup") - before), at_most) << "all ten together";
    EXPECT_GE(requests("hangup") - before, 8U) << "but they go on";
    EXPECT_EQ(alive(), legs.size());

    mend_api();
    const auto mended = steady::now();
    ASSERT_TRUE(eventually([this] { return running == 0; }));
    EXPECT_LT(steady::now() - mended, 1s) << "nobody waits for a turn any more";
    for (const auto& o : out)
        EXPECT_EQ(o->result, outcome::done);
    EXPECT_EQ(alive(), 0U);
    expect_each_hung_up_once(legs);
}

TEST_F(outage, be_22_a_rejected_key_alarms_at_once_makes_no_storm_and_what_must_happen_happens_by_itself) {
    commands.insist_every = millis{500}; // a tenth of the real pause, and of the real pace
    commands.repeats_per_second = 50;
    const auto legs = ten_callers();
    break_api("", 401);
    outcomes out(legs.size());
    for (std::size_t i = 0; i < legs.size(); ++i)
        start(hangup(legs[i]), &out[i]);
    ASSERT_TRUE(eventually([this] { return counted("telnyx_key_rejected client=commands") == 1; }, 1s));
    std::optional<call::command_outcome> dialed;
    start(dial(1, legs[0], millis{2'000}), &dialed);
    ASSERT_TRUE(eventually([&dialed] { return dialed.has_value(); }));
    EXPECT_EQ(dialed->result, outcome::refused) << "a ring does not wait for a key";
    EXPECT_EQ(requests("dial"), 1U);
    io.restart();
    io.run_for(2'600ms); // the key stays wrong
    EXPECT_GE(requests("hangup"), 2 * legs.size()) << "they go on";
    EXPECT_LE(requests("hangup"), legs.size() * (1 + 6)) << "each once in half a second";
    EXPECT_EQ(counted("telnyx_insisting"), 10);
    EXPECT_EQ(alive(), legs.size());

    mend_api();
    ASSERT_TRUE(eventually([this] { return running == 0; }));
    for (const auto& o : out)
        EXPECT_EQ(o->result, outcome::done);
    EXPECT_EQ(counted("telnyx_key_rejected client=commands"), 0);
    EXPECT_EQ(counted("telnyx_insisting"), 0);
    EXPECT_EQ(alive(), 0U);
    expect_each_hung_up_once(legs);
}

TEST_F(outage, be_22_a_pause_that_ends_at_a_date_is_kept) {
    sim::command_fault f;
    f.verb = "hangup";
    f.match.times = 1;
    f.fail_status = 429;
    const auto now = carrier.with([](sim::carrier&, time_point t) { return t; });
    const auto end = std::chrono::ceil<std::chrono::seconds>(now) + 1s;
    const auto epoch = end.time_since_epoch().count();
    f.headers["x-ratelimit-reset"] = std::to_string(epoch);
    carrier.add_fault(f);
    clock.offset = now - clock.now();
    const auto leg = ring_in();
    EXPECT_EQ(run(api().execute(hangup(leg), [](unsigned) { return yes(); })).result, outcome::done);
    const auto acted_at = carrier.with([&](sim::carrier& c, time_point) {
        return *c.seen().commands_of("hangup").back()->acted_at;
    });
    EXPECT_GE(acted_at + 50ms, end);
    EXPECT_EQ(acted("hangup", leg), 1U);
}
