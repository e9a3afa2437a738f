// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The process dies or is stopped at any moment; the next one takes up where it was. A restart costs time, not
// calls. Z360_TEST_SEED repeats a run of the random test.
#include "integration/flows/aftermath.hpp"
#include "integration/flows/flow.hpp"

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <random>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

// Webhooks are repeated until the process is back. Real carriers give up sooner; then reconciliation asks.
sim::delivery_policy patient() {
    sim::delivery_policy d;
    d.primary_attempts = 300;
    d.retry_after = 100ms;
    return d;
}

unsigned seed() {
    if (const char* given = std::getenv("Z360_TEST_SEED")) return static_cast<unsigned>(std::atoi(given));
    return std::random_device{}();
}

class restart_flow : public flow {
  protected:
    static void restart(rig& r) {
        r.server().start();
        ASSERT_TRUE(r.server().ready());
    }
    static std::string end_reason(const rig& r, const std::string& session) {
        return r.sql("select end_reason from calls where call_session_id = '" + session + "'");
    }
    // The caller is joined, or hears the voicemail greeting (or its end).
    static bool served(rig& r, const std::string& caller, millis limit) {
        return r.carrier().wait_until(
            [&](const sim::carrier& c) {
                const auto leg = c.leg(caller);
                return leg && (!leg->alive() || !leg->bridged_with.empty() || leg->playing || leg->recording);
            },
            limit
        );
    }
    static bool is_joined(rig& r, const std::string& caller) {
        return r.carrier().with([&](sim::carrier& c, time_point) {
            return !c.leg(caller)->bridged_with.empty();
        });
    }
    // The moment is not a condition: it is the input of the test, between nothing and the finished bridge.
    static void let_it_run(rig& r, millis moment) {
        (void)r.carrier().wait_until([](const sim::carrier&) { return false; }, moment);
    }
};

} // namespace

TEST_F(restart_flow, be_21_killed_at_random_moments_every_call_ends_right) {
    rig_options o;
    o.devices = 3;
    o.delivery = patient();
    o.environment["Z360_CALLS_RING_TIME_MS"] = "12000";
    auto& r = set_up(std::move(o));
    r.phone(1, phone::answers(250ms));
    r.phone(2, phone::answers(9s)); // should the first answerer be given up because the restart took too long
    const auto s = seed();
    std::mt19937 random(s);
    SCOPED_TRACE("Z360_TEST_SEED=" + std::to_string(s));
    std::cout << "Z360_TEST_SEED=" << s << '\n';
    int joined = 0;
    constexpr int k_rounds = 15;
    for (int round = 0; round < k_rounds && !HasFatalFailure(); ++round) {
        const millis moment{std::uniform_int_distribution<int>(0, 600)(random)};
        SCOPED_TRACE(
            "round " + std::to_string(round) + ", killed after " + std::to_string(moment.count()) + " ms"
        );
        const auto caller = r.call();
        const auto leaver = r.call("+13125550177");
        const auto session = r.session(caller);
        const auto other = r.session(leaver);
        let_it_run(r, moment);
        if (round % 2 == 0) r.carrier().caller_hangs_up(leaver); // cancelled just before the end
        r.server().kill();
        if (round % 2 != 0) r.carrier().caller_hangs_up(leaver); // … or while nobody listens
        restart(r);
        EXPECT_TRUE(served(r, caller, 15s));
        const bool talks = is_joined(r, caller);
        if (talks) ++joined;
        EXPECT_TRUE(r.quiet(session, talks ? 2 : 1, 10s)); // losers do not ring on
        EXPECT_TRUE(r.quiet(other, 0, 10s));
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.quiet(session, 0, 10s));
        EXPECT_EQ(aftermath(r, session), "");
        EXPECT_EQ(aftermath(r, other), "");
        EXPECT_EQ(end_reason(r, session), talks ? "completed" : "voicemail");
    }
    RecordProperty("seed", std::to_string(s));
    RecordProperty("joined", joined);
    EXPECT_GE(joined, k_rounds / 2); // a restart within the limits keeps the answerer
    EXPECT_TRUE(eventually([&] {
        return r.sql("select count(*) from commands where status = 'pending'") == "0";
    }));
    EXPECT_TRUE(eventually([&] {
        return r.sql("select count(*) from webhook_events where status in ('new', 'dead')") == "0";
    }));
}

TEST_F(restart_flow, be_20_killed_between_the_dials_and_their_answers_no_leg_leaks) {
    rig_options o;
    o.devices = 3;
    o.delivery = patient();
    auto& r = set_up(std::move(o));
    sim::command_fault lost; // the legs exist, nobody here has been told
    lost.verb = "dial";
    lost.lose_reply = true;
    lost.match.times = 3;
    r.carrier().add_fault(lost);
    sim::webhook_fault later; // … before the process is gone
    later.event_type = "call.initiated";
    later.match.leg = "device";
    later.delay = 1'000ms;
    r.carrier().add_fault(later);
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 3));
    r.server().kill();
    r.carrier().caller_hangs_up(caller);
    restart(r);
    EXPECT_TRUE(r.quiet(session, 0, 10s)); // I8
    EXPECT_EQ(aftermath(r, session), "");
    EXPECT_EQ(end_reason(r, session), "caller_cancelled");
}

TEST_F(restart_flow, be_21_the_ring_deadline_is_kept_across_a_kill) {
    rig_options o;
    o.delivery = patient();
    o.environment["Z360_CALLS_RING_TIME_MS"] = "5000";
    auto& r = set_up(std::move(o));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 2));
    r.server().kill();
    restart(r);
    ASSERT_TRUE(served(r, caller, 10s));
    const auto rang = r.carrier().with([&](sim::carrier& c, time_point) {
        return c.seen().commands_of("answer", session).at(0)->at - c.leg(caller)->began;
    });
    RecordProperty("rang_ms", static_cast<int>(rang.count()));
    EXPECT_GE(rang, 4s);
    EXPECT_LE(rang, 6s);
    EXPECT_TRUE(r.quiet(session, 1));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_EQ(aftermath(r, session), "");
    EXPECT_EQ(end_reason(r, session), "voicemail");
}

TEST_F(restart_flow, i_08_sigterm_finishes_what_is_in_flight_and_loses_nothing) {
    rig_options o;
    o.delivery = patient();
    auto& r = set_up(std::move(o));
    const auto talking = r.call();
    ASSERT_TRUE(r.ringing(r.session(talking), 2));
    ASSERT_TRUE(answer(r, r.session(talking), 1));
    ASSERT_TRUE(r.joined(talking));
    ASSERT_TRUE(r.quiet(r.session(talking), 2));
    const auto ringing = r.call();
    ASSERT_TRUE(r.ringing(r.session(ringing), 2));
    const auto cancelled = r.call();
    ASSERT_TRUE(r.ringing(r.session(cancelled), 2));

    const auto asked = std::chrono::steady_clock::now();
    r.carrier().caller_hangs_up(cancelled); // its webhook and the hang-ups are on their way
    r.server().signal(SIGTERM);
    EXPECT_TRUE(eventually(
        [&] {
            int status = 0;
            (void)r.server().get("/readyz", &status);
            return status != 200; // 503, or no longer accepting
        },
        2s
    ));
    const auto code = r.server().wait(10s);
    ASSERT_TRUE(code.has_value());
    EXPECT_EQ(*code, 0);
    const auto took = std::chrono::floor<millis>(std::chrono::steady_clock::now() - asked);
    RecordProperty("stop_ms", static_cast<int>(took.count()));
    EXPECT_TRUE(r.quiet(r.session(talking), 2)) << "a stop must not end conversations";

    ASSERT_TRUE(answer(r, r.session(ringing), 2)); // nobody listens; the webhook comes again
    restart(r);
    EXPECT_TRUE(r.joined(ringing, 10s));
    EXPECT_TRUE(r.quiet(r.session(cancelled), 0, 10s));
    for (const auto& caller : {talking, ringing}) {
        EXPECT_EQ(aftermath(r, r.session(caller)), "");
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.quiet(r.session(caller)));
        EXPECT_EQ(aftermath(r, r.session(caller)), "");
        EXPECT_EQ(end_reason(r, r.session(caller)), "completed");
    }
    EXPECT_EQ(aftermath(r, r.session(cancelled)), "");
}

TEST_F(restart_flow, be_08_a_talk_of_five_hours_ends_right_after_flush_and_restart) {
    rig_options o;
    o.delivery = patient();
    auto& r = set_up(std::move(o));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 2));
    ASSERT_TRUE(answer(r, session, 2));
    ASSERT_TRUE(r.joined(caller));
    ASSERT_TRUE(r.phase(session, "active"));
    ASSERT_EQ(aftermath(r, session), "");
    r.flush_redis();
    r.server().kill();
    // Five hours ago, as far as anything stored can tell.
    (void)r.sql(
        "update calls set began_at = began_at - interval '5 h', answered_at = answered_at - interval '5 h', "
        "bridged_at = bridged_at - interval '5 h', updated_at = updated_at - interval '5 h', snapshot = "
        "(select "
        "jsonb_object_agg(key, case when key in ('began', 'answered_at') and "
        "jsonb_typeof(value) = 'number' then to_jsonb(value::bigint - 18000000) when key = 'joins' then "
        "(select jsonb_agg(jsonb_set(j, '{joined_at}', to_jsonb((j->>'joined_at')::bigint - 18000000))) "
        "from jsonb_array_elements(value) as j) when key = 'rings' then "
        "(select jsonb_agg(r || jsonb_build_object('began', (r->>'began')::bigint - 18000000, 'deadline', "
        "(r->>'deadline')::bigint - 18000000)) from jsonb_array_elements(value) as r) else value end) from "
        "jsonb_each(snapshot)) where call_session_id = '" +
        session + "'"
    );
    (void)r.sql(
        "update commands set created_at = created_at - interval '5 h', deadline = deadline - interval '5 h'"
    );
    (void)r.sql("update webhook_events set received_at = received_at - interval '5 h'");
    restart(r);
    EXPECT_TRUE(r.quiet(session, 2));
    EXPECT_EQ(aftermath(r, session), "");
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_EQ(aftermath(r, session), "");
    EXPECT_EQ(end_reason(r, session), "completed");
    EXPECT_EQ(
        r.sql(
            "select extract(epoch from ended_at - began_at) > 4 * 3600 from calls where call_session_id = '" +
            session + "'"
        ),
        "t"
    );
}
