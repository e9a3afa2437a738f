// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Postgres is the memory: while it is away calls go on, and when it is back it knows what happened.
#include "integration/flows/aftermath.hpp"
#include "integration/flows/flow.hpp"

#include <cstdlib>
#include <functional>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

constexpr auto k_outage = 5s;
const std::string k_known = "+13125550142";
const std::string k_stranger = "+13125550199";

sim::delivery_policy patient() {
    sim::delivery_policy d;
    d.primary_attempts = 100;
    d.retry_after = 200ms;
    return d;
}

// Five calls, each at another step when Postgres goes away.
class postgres_flow : public flow {
  protected:
    struct party {
        std::string caller;
        std::string session;
    };
    party ring(rig& r, const std::string& from = k_known) {
        party p;
        p.caller = r.call(from);
        p.session = r.session(p.caller);
        EXPECT_TRUE(r.ringing(p.session, 2));
        return p;
    }
    // Every webhook was answered 200 or 503, and a 503 was followed by another attempt.
    void expect_acknowledged(rig& r) {
        const auto odd = r.carrier().with([](sim::carrier& c, time_point) {
            std::string out;
            for (const auto& [id, w] : c.seen().webhooks)
                for (const auto& a : w.attempts)
                    if (a.status != 200 && a.status != 503)
                        out += w.event_type + ": " + std::to_string(a.status) + " " + a.error + "\n";
            return out;
        });
        EXPECT_EQ(odd, "");
    }
    void survive(const std::function<void(rig&)>& take_away, const std::function<void(rig&)>& bring_back) {
        rig_options o;
        o.delivery = patient();
        auto& r = set_up(std::move(o));
        const auto answered_away = ring(r);
        const auto cancelled_away = ring(r);
        const auto bridging = ring(r);
        sim::command_fault slow;
        slow.verb = "bridge";
        slow.match.times = 1;
        slow.stall_before = 300ms;
        r.carrier().add_fault(slow);
        ASSERT_TRUE(answer(r, bridging.session, 2));
        ASSERT_TRUE(attempted(r, "bridge", bridging.session));

        take_away(r);
        const auto back_at = std::chrono::steady_clock::now() + k_outage;
        EXPECT_TRUE(r.joined(bridging.caller));
        ASSERT_TRUE(answer(r, answered_away.session, 1));
        EXPECT_TRUE(r.joined(answered_away.caller))
            << "I9: the answerer waits although Postgres is not needed";
        RecordProperty(
            "answer_to_bridge_ms", std::to_string(answer_to_bridge(r, answered_away.session).count())
        );
        r.carrier().caller_hangs_up(cancelled_away.caller);
        EXPECT_TRUE(r.quiet(cancelled_away.session));
        const auto arrived_away = ring(r); // a number called before: its route is remembered
        const auto stranger = r.call(k_stranger);
        EXPECT_TRUE(eventually([&] { return !ready_now(r); }, 5s));
        const auto as_they_should = [&](const sim::carrier& c) {
            return c.alive_legs(bridging.session) == 2 && c.alive_legs(answered_away.session) == 2 &&
                   c.alive_legs(arrived_away.session) == 3;
        };
        EXPECT_TRUE(r.carrier().wait_until(as_they_should, 5s)); // the other phones fall silent
        const auto rest = std::chrono::floor<millis>(back_at - std::chrono::steady_clock::now());
        EXPECT_FALSE(r.carrier().wait_until( // nobody may be cut off for the whole outage
            [&](const sim::carrier& c) { return !as_they_should(c); }, std::max(rest, millis{1})
        )) << living(r, {bridging, answered_away, arrived_away});

        bring_back(r);
        ASSERT_TRUE(r.server().ready());
        ASSERT_TRUE(answer(r, arrived_away.session, 2));
        EXPECT_TRUE(r.joined(arrived_away.caller));
        const auto late = r.session(stranger);
        ASSERT_TRUE(r.ringing(late, 2));
        ASSERT_TRUE(answer(r, late, 1));
        EXPECT_TRUE(r.joined(stranger));
        for (const auto& s : {bridging.session, answered_away.session, arrived_away.session, late}) {
            EXPECT_EQ(aftermath(r, s), "");
            EXPECT_EQ(r.sql("select phase from calls where call_session_id = '" + s + "'"), "active");
        }
        EXPECT_EQ(aftermath(r, cancelled_away.session), "");
        EXPECT_EQ(end_reason(r, cancelled_away.session), "caller_cancelled");
        for (const auto& caller : {bridging.caller, answered_away.caller, arrived_away.caller, stranger}) {
            r.carrier().caller_hangs_up(caller);
            EXPECT_TRUE(r.quiet(r.session(caller)));
            EXPECT_EQ(aftermath(r, r.session(caller)), "");
            EXPECT_EQ(end_reason(r, r.session(caller)), "completed");
        }
        expect_acknowledged(r);
        EXPECT_TRUE(eventually([&] { return r.server().metric("spool_events") == 0.0; }));
        EXPECT_EQ(r.sql("select count(*) from webhook_events where status in ('new', 'dead')"), "0");
    }
    static std::string living(rig& r, const std::vector<party>& calls) {
        return r.carrier().with([&](sim::carrier& c, time_point) {
            std::string out = "living legs, of 2, 2 and 3:";
            for (const auto& p : calls)
                out += ' ' + std::to_string(c.alive_legs(p.session));
            return out;
        });
    }
    static bool ready_now(const rig& r) {
        int status = 0;
        (void)const_cast<rig&>(r).server().get("/readyz", &status);
        return status == 200;
    }
    static std::string end_reason(const rig& r, const std::string& session) {
        return r.sql("select end_reason from calls where call_session_id = '" + session + "'");
    }
};

void private_postgres(const std::string& verb) {
    const std::string command = std::string(Z360_SOURCE_DIR) + "/scripts/lib/private-postgres " + verb;
    if (std::system((command + " >/dev/null").c_str()) != 0) throw std::runtime_error(command + " failed");
}

} // namespace

TEST_F(postgres_flow, i_03_calls_go_on_while_postgres_is_unreachable_and_are_written_down_afterwards) {
    survive([](rig& r) { r.postgres().cut(); }, [](rig& r) { r.postgres().resume(); });
}

TEST_F(postgres_flow, i_09_calls_go_on_while_postgres_is_silent_and_are_written_down_afterwards) {
    survive([](rig& r) { r.postgres().stall(); }, [](rig& r) { r.postgres().resume(); });
}

TEST_F(postgres_flow, i_03_a_crash_of_postgres_loses_nothing) {
    const char* folder = std::getenv("Z360_TEST_PG_DIR");
    if (folder == nullptr) GTEST_SKIP() << "Z360_TEST_PG_DIR is not set; scripts/test sets it";
    const std::string where = folder;
    struct always_back { // whatever fails, the other tests need it again
        std::string where;
        ~always_back() {
            (void)std::system((std::string(Z360_SOURCE_DIR) + "/scripts/lib/private-postgres start '" +
                               where + "' >/dev/null")
                                  .c_str());
        }
    } guard{where};
    survive(
        [&](rig&) { private_postgres("stop '" + where + "' immediate"); },
        [&](rig&) { private_postgres("start '" + where + "'"); }
    );
}

TEST_F(postgres_flow, i_01_commits_whose_answers_are_lost_are_not_decided_twice) {
    rig_options o;
    o.delivery = patient();
    auto& r = set_up(std::move(o));
    const auto c = ring(r);
    r.postgres().mute_answers();
    ASSERT_TRUE(answer(r, c.session, 1));
    EXPECT_TRUE(r.joined(c.caller));
    RecordProperty("answer_to_bridge_ms", std::to_string(answer_to_bridge(r, c.session).count()));
    EXPECT_TRUE(r.quiet(c.session, 2));
    r.postgres().resume();
    ASSERT_TRUE(r.server().ready());
    EXPECT_EQ(aftermath(r, c.session), "");
    EXPECT_EQ(r.accepted("bridge", c.session), 1U);
    EXPECT_EQ(
        r.sql(
            "select count(*) from call_events join calls using (call_id) where call_session_id = '" +
            c.session + "' and what = 'winner_claimed'"
        ),
        "1"
    );
    r.carrier().caller_hangs_up(c.caller);
    EXPECT_TRUE(r.quiet(c.session));
    EXPECT_EQ(aftermath(r, c.session), "");
    EXPECT_EQ(end_reason(r, c.session), "completed");
}

TEST_F(postgres_flow, be_23_a_burst_of_webhooks_during_an_outage_is_kept) {
    rig_options o;
    o.delivery = patient();
    auto& r = set_up(std::move(o));
    constexpr int k_calls = 20;
    std::vector<party> calls;
    for (int i = 0; i < k_calls; ++i)
        calls.push_back(ring(r));
    r.postgres().cut();
    for (const auto& p : calls)
        r.carrier().caller_hangs_up(p.caller);
    for (const auto& p : calls)
        EXPECT_TRUE(r.quiet(p.session));
    r.postgres().resume();
    ASSERT_TRUE(r.server().ready());
    for (const auto& p : calls) {
        EXPECT_EQ(aftermath(r, p.session), "");
        EXPECT_EQ(end_reason(r, p.session), "caller_cancelled");
    }
    expect_acknowledged(r);
}
