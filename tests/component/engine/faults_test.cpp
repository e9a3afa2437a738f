// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whatever any port throws, at any moment of a call: with the fault over, the call ends as it would have
// ended without it, nothing that was acknowledged is lost, and no mark of work stays behind (I3).
#include "callers_world.hpp"

#include <sstream>

using namespace z360;
using namespace z360::testing;

namespace {

struct trial {
    std::string name; ///< of the port's function
    std::size_t nth = 0;
    fault what = fault::unavailable;
    fault_plan::moment when = fault_plan::moment::before;
};
std::ostream& operator<<(std::ostream& out, const trial& t) {
    return out << t.what << (t.when == fault_plan::moment::before ? " before " : " after ") << t.name << " #"
               << t.nth;
}

/// How a call ended, without what depends on the moment.
std::string end_of(const callers_world& w) {
    const auto* s = w.state(1);
    if (s == nullptr) return "no call";
    std::ostringstream out;
    out << call::name(phase_of(*s)) << ' ' << call::name(s->reason) << " caller=" << s->caller.answered
        << s->caller.bridged << s->caller.ended;
    for (const auto& l : s->legs)
        out << ' ' << call::name(l.dial) << l.answered << l.bridged << l.ended << call::name(l.release);
    out << " winner=" << is_winner(*s, w.leg(1, 2)) << " dials=" << w.telnyx.distinct(call::verb::dial)
        << " bridges=" << w.telnyx.distinct(call::verb::bridge);
    return out.str();
}

// Sent until it is taken, as the carrier does.
awaitable<void> deliver(callers_world* w, port::inbox_event e) {
    for (int tries = 0; tries < 20; ++tries) {
        bool taken = false;
        try {
            auto copy = e;
            (void)co_await w->nodes.front()->accept(callers_world::raw(std::move(copy)));
            taken = true;
        } catch (const port::unavailable&) {
            // 503
        }
        if (taken) co_return;
        co_await rt::sleep_for(5ms); // tidy: allow, the carrier's pause between two deliveries
    }
    ADD_FAILURE() << "never taken: " << e.event_type;
}

// A caller who cannot be begun about at once, so that every look-up there is takes part; then ring, answer,
// talk, end.
awaitable<void> a_call(callers_world* w, trial t, std::string* end) {
    std::ostringstream told;
    told << t;
    const std::string label = told.str();
    w->settings.event_claim = 60ms;
    w->settings.command_claim = 100ms;
    w->settings.urgent_claim = 100ms;
    w->settings.gathering = 10ms;
    w->directory.answer.rules.ring_time = 60s; // who has waited for a whole ring is not rung
    w->add_node();
    if (t.nth != 0) w->plan.arm(t.nth, t.what, t.when, 1, t.name);
    w->late = 40s;
    auto first = w->initiated(1);
    auto again = w->initiated(1);
    w->late = 0s;
    auto overtaker = w->event("call.answered", 1, w->caller(1));
    co_await deliver(w, std::move(overtaker));
    co_await deliver(w, std::move(first));
    bool ok = co_await until([w] { return w->telnyx.distinct(call::verb::dial) == 2; });
    EXPECT_TRUE(ok) << label << ": never dialed";
    auto up = w->of_device("call.initiated", 1, 2);
    co_await deliver(w, std::move(up));
    co_await deliver(w, std::move(again));
    auto answered = w->of_device("call.answered", 1, 2);
    co_await deliver(w, std::move(answered));
    ok = co_await until([w] { return w->telnyx.distinct(call::verb::bridge) == 1; });
    EXPECT_TRUE(ok) << label << ": never bridged";
    auto one = w->of_device("call.bridged", 1, 2);
    co_await deliver(w, std::move(one));
    auto other = w->event("call.bridged", 1, w->caller(1));
    co_await deliver(w, std::move(other));
    auto lost = w->of_device("call.hangup", 1, 1);
    co_await deliver(w, std::move(lost));
    ok = co_await until([w] { return w->in(1, call::phase::active); });
    EXPECT_TRUE(ok) << label << ": never active";
    auto bye = w->event("call.hangup", 1, w->caller(1), R"(,"hangup_cause":"normal_clearing")");
    co_await deliver(w, std::move(bye));
    ok = co_await until([w] { return w->in(1, call::phase::ended); });
    EXPECT_TRUE(ok) << label << ": never ended";
    auto last = w->of_device("call.hangup", 1, 2);
    co_await deliver(w, std::move(last));
    ok = co_await until([w] { return w->in(1, call::phase::ended) && w->idle(); }, 15s);
    const auto f = w->nodes.front()->now();
    EXPECT_TRUE(ok) << label << ": " << f.events_in_work << " marks, " << w->inbox.left() << " events left, "
                    << f.unsaved_calls << " unsaved, " << f.commands_running << " commands, "
                    << w->spool.rows.size() << " spooled";
    EXPECT_EQ(w->dead(), 0U) << label;
    // Sweeps go on: what is theirs may happen after the call.
    ok = t.nth == 0;
    if (!ok) ok = co_await until([w] { return w->plan.fired == 1; });
    EXPECT_TRUE(ok) << label << ": never happened";
    *end = end_of(*w);
    co_await w->nodes.front()->stop(1s);
}

/// All of them at once, each in its own world.
std::vector<std::string>
play_all(const std::vector<trial>& trials, std::vector<std::string>* calls = nullptr) {
    boost::asio::io_context io{1};
    std::vector<std::unique_ptr<callers_world>> worlds;
    std::vector<std::string> ends(trials.size());
    for (std::size_t i = 0; i < trials.size(); ++i) {
        worlds.push_back(std::make_unique<callers_world>(io));
        boost::asio::co_spawn(io, a_call(worlds.back().get(), trials[i], &ends[i]), [](std::exception_ptr e) {
            EXPECT_FALSE(e) << rt::what(e);
        });
    }
    io.run();
    if (calls != nullptr) *calls = worlds.front()->plan.calls;
    return ends;
}

void whatever_throws(fault what) {
    std::vector<std::string> calls;
    const auto plain = play_all({trial{}}, &calls);
    ASSERT_NE(plain.front().find("ended completed"), std::string::npos) << plain.front();
    std::map<std::string, std::size_t> seen;
    for (const auto& c : calls)
        ++seen[c];
    for (const char* must :
         {"store.load", "store.commit", "store.find", "inbox.append", "inbox.claim_session",
          "inbox.mark_ignored", "directory.resolve", "records.life_of"})
        EXPECT_GE(seen[must], 1U) << must << " takes no part in this call";
    std::vector<trial> trials;
    for (const auto& [name, n] : seen) {
        if (name.starts_with("hint.")) continue; // never throws
        for (std::size_t nth = 1; nth <= std::min<std::size_t>(n, 12); ++nth)
            for (const auto when : {fault_plan::moment::before, fault_plan::moment::after})
                trials.push_back({name, nth, what, when});
    }
    const auto ends = play_all(trials);
    for (std::size_t i = 0; i < trials.size(); ++i)
        EXPECT_EQ(ends[i], plain.front()) << trials[i];
}

} // namespace

TEST(faults, i_03_a_dependency_that_is_away_at_any_moment_changes_no_end) {
    whatever_throws(fault::unavailable);
}
TEST(faults, i_03_an_unexpected_exception_at_any_moment_changes_no_end) {
    whatever_throws(fault::unexpected);
}
TEST(faults, i_03_a_statement_error_at_any_moment_changes_no_end) {
    whatever_throws(fault::statement);
}
TEST(faults, i_03_a_row_of_a_newer_form_at_any_moment_changes_no_end) {
    whatever_throws(fault::newer_form);
}
TEST(faults, i_03_what_is_no_std_exception_at_any_moment_changes_no_end) {
    whatever_throws(fault::foreign);
}
