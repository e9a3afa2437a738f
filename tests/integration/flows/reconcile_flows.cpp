// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Webhooks that never come (BE-09, D11): every call finds out at the carrier what became of it, and no leg is
// left over (I8). Real processes, the carrier's lists as they are documented.
#include "adapter/postgres/ops/migrate.hpp"
#include "integration/flows/aftermath.hpp"
#include "integration/flows/flow.hpp"

#include <nlohmann/json.hpp>
#include <pqxx/pqxx>

#include <csignal>
#include <regex>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

using steady = std::chrono::steady_clock;

class reconcile_flow : public flow {
  protected:
    static rig_options options(int devices) {
        rig_options o;
        o.devices = devices;
        o.carrier.speak_per_char = 5ms;
        return o;
    }
    /// Nothing of this kind arrives, for good: no list of deliveries knows of it either.
    static void lose(rig& r, const std::string& event_type, const std::string& leg) {
        sim::webhook_fault f;
        f.event_type = event_type;
        f.match.leg = leg;
        f.drop = true;
        r.carrier().add_fault(f);
    }
    static void empty(rig& r, const std::string& list) {
        sim::command_fault f;
        f.verb = list;
        f.empty_list = true;
        r.carrier().add_fault(f);
    }
    static std::string end_reason(const rig& r, const std::string& session) {
        return r.sql("select end_reason from calls where call_session_id = '" + session + "'");
    }
    static std::string legs_without_end(const rig& r, const std::string& session) {
        return r.sql(
            "select count(*) from call_legs join calls using (call_id) where call_session_id = '" + session +
            "' and not ended"
        );
    }
    void note(const std::string& what, steady::time_point since) {
        const auto ms = std::chrono::duration_cast<millis>(steady::now() - since).count();
        RecordProperty(what + "_ms", std::to_string(ms));
    }
    /// A caller and device 1 talk.
    std::string talk(rig& r) {
        r.phone(1, phone::answers(100ms));
        const auto caller = r.call();
        EXPECT_TRUE(r.joined(caller));
        EXPECT_TRUE(r.phase(r.session(caller), "active"));
        return caller;
    }
};

} // namespace

TEST_F(reconcile_flow, be_09_a_lost_answer_is_joined_within_ten_seconds) {
    auto& r = set_up(options(2));
    lose(r, "call.answered", "device");
    r.phone(1, phone::answers(300ms));
    const auto caller = r.call();
    const auto began = steady::now();
    EXPECT_TRUE(r.joined(caller, 10s));
    note("answer_to_talk", began);
    EXPECT_TRUE(r.quiet(r.session(caller), 2));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(r.session(caller)));
}

TEST_F(reconcile_flow, i_21_a_talk_whose_reports_never_come_is_left_as_it_is) {
    auto& r = set_up(options(2));
    lose(r, "call.bridged", "");
    r.phone(1, phone::answers(100ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.joined(caller));
    EXPECT_TRUE(r.phase(session, "active", 8s)); // asked after at the limit of three seconds
    EXPECT_TRUE(r.joined(caller, 0ms));
    EXPECT_GE(r.server().metric("carrier_inquiries_total"), 1.0);
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.phase(session, "ended"));
    EXPECT_EQ(end_reason(r, session), "completed");
}

TEST_F(reconcile_flow, be_09_lost_ends_of_all_legs_are_known_three_seconds_past_the_ring) {
    auto o = options(2);
    o.environment["Z360_CALLS_RING_TIME_MS"] = "5000";
    auto& r = set_up(std::move(o));
    lose(r, "call.hangup", "device");
    r.phone(1, phone::declines(100ms));
    r.phone(2, phone::declines(5'500ms)); // is told to stop before
    const auto caller = r.call();
    const auto session = r.session(caller);
    EXPECT_TRUE(r.phase(session, "voicemail", 8s));
    EXPECT_TRUE(r.quiet(session, 1));
    EXPECT_TRUE(eventually([&] { return legs_without_end(r, session) == "0"; }, 8s));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.phase(session, "ended"));
}

TEST_F(reconcile_flow, be_09_the_lost_end_of_a_caller_stops_the_ring_within_ten_seconds) {
    auto& r = set_up(options(3));
    lose(r, "call.hangup", "caller");
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 3));
    r.carrier().caller_hangs_up(caller);
    const auto gone = steady::now();
    EXPECT_TRUE(r.quiet(session, 0, 10s));
    note("hang_up_to_quiet", gone);
    EXPECT_TRUE(r.phase(session, "ended"));
    EXPECT_EQ(end_reason(r, session), "caller_cancelled");
}

// The defaults (45 s of silence, a sweep each minute) find it within a minute; these ask the same sooner.
TEST_F(reconcile_flow, be_09_a_talk_whose_hang_ups_are_lost_ends_by_the_records_of_its_session) {
    auto o = options(2);
    o.environment["Z360_RECONCILE_SILENCE_MS"] = "2000";
    o.environment["Z360_RECONCILE_SWEEP_EVERY_MS"] = "3600000";
    auto& r = set_up(std::move(o));
    const auto caller = talk(r);
    lose(r, "call.hangup", "");
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.phase(r.session(caller), "ended", 10s));
    EXPECT_EQ(end_reason(r, r.session(caller)), "completed");
    EXPECT_TRUE(r.quiet(r.session(caller)));
}

// Whatever a call is in the middle of when nothing more is heard of it: it ends, and its devices are free.
TEST_F(reconcile_flow, be_09_a_voicemail_whose_last_events_are_lost_ends) {
    auto o = options(1);
    o.environment["Z360_RECONCILE_SILENCE_MS"] = "2000";
    o.environment["Z360_RECONCILE_SWEEP_EVERY_MS"] = "1000";
    auto& r = set_up(std::move(o));
    r.phone(1, phone::declines(100ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.commanded("record_start", session, 1, 10s));
    lose(r, "call.hangup", "");
    lose(r, "call.recording.saved", "");
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.phase(session, "ended", 25s));
    EXPECT_EQ(legs_without_end(r, session), "0");
}

TEST_F(reconcile_flow, be_09_two_talks_of_one_session_end_each_with_its_own_legs) {
    auto o = options(2);
    o.environment["Z360_RECONCILE_SILENCE_MS"] = "2000";
    o.environment["Z360_RECONCILE_SWEEP_EVERY_MS"] = "1000";
    auto& r = set_up(std::move(o));
    const auto first = talk(r);
    const auto session = r.session(first);
    r.phone(1, phone{});
    r.phone(2, phone::answers(100ms));
    const auto second = r.carrier().place_call("+13125550199", r.number(), session);
    const auto in = [&r](const std::string& caller) {
        return r.sql("select phase from calls where caller_control_id = '" + caller + "'");
    };
    ASSERT_TRUE(r.joined(second));
    ASSERT_TRUE(eventually([&] { return in(second) == "active"; }));
    lose(r, "call.hangup", "");
    r.carrier().caller_hangs_up(second);
    EXPECT_TRUE(eventually([&] { return in(second) == "ended"; }, 25s));
    EXPECT_EQ(in(first), "active");
    EXPECT_TRUE(r.joined(first)) << "nobody else's talk is touched";
    r.carrier().caller_hangs_up(first);
    EXPECT_TRUE(eventually([&] { return in(first) == "ended"; }, 25s));
    EXPECT_TRUE(eventually([&] { return r.sql("select count(*) from call_legs where not ended") == "0"; }));
}

TEST_F(reconcile_flow, be_09_a_talk_that_ends_unheard_while_the_server_restarts_ends) {
    auto o = options(1);
    o.environment["Z360_RECONCILE_SILENCE_MS"] = "2000";
    auto& r = set_up(std::move(o));
    const auto caller = talk(r);
    lose(r, "call.hangup", "");
    r.server().kill();
    r.carrier().caller_hangs_up(caller);
    r.server().start();
    ASSERT_TRUE(r.server().ready());
    EXPECT_TRUE(r.phase(r.session(caller), "ended", 20s));
    r.phone(1, phone::answers(100ms));
    const auto next = r.call(); // its device is not busy for ever
    EXPECT_TRUE(r.joined(next));
    r.carrier().caller_hangs_up(next);
}

// A second server with the same account and key, on a database that knows nothing: every leg is strange to
// it.
TEST_F(reconcile_flow, i_21_a_server_on_an_empty_database_ends_nothing_that_another_one_has) {
    auto o = options(2);
    o.environment["Z360_RECONCILE_SWEEP_EVERY_MS"] = "3600000";
    auto& r = set_up(std::move(o));
    const auto talking = talk(r);
    r.phone(1, phone{});
    const auto ringing = r.call("+13125550199");
    ASSERT_TRUE(r.ringing(r.session(ringing), 1));
    const auto name = r.sql("select current_database()") + "_empty";
    const auto url = std::regex_replace(r.database_url(), std::regex("/z360_flow_[0-9_]+"), "/" + name);
    pqxx::connection own(r.database_url());
    {
        pqxx::nontransaction tx(own);
        tx.exec("create database " + name);
    }
    adapter::postgres::migrate(secret(url));
    pqxx::connection theirs(url);
    auto& wrong = r.add_node({{"Z360_DATABASE_URL", url}, {"Z360_RECONCILE_SWEEP_EVERY_MS", "1000"}});
    wrong.start();
    EXPECT_TRUE(wrong.ready());
    EXPECT_TRUE(eventually([&] { return wrong.metric("reconcile_legs_total{what=\"foreign\"}") >= 2; }, 20s));
    // Both callers were looked up there, five seconds after they came, and let be.
    EXPECT_TRUE(eventually(
        [&] {
            pqxx::nontransaction tx(theirs);
            return tx.exec1("select count(*) from webhook_events where event_type = 'call.initiated' and "
                            "status = 'ignored'")[0]
                       .as<int>() >= 2;
        },
        20s
    ));
    EXPECT_EQ(wrong.metric("reconcile_legs_total{what=\"hung_up\"}"), 0);
    EXPECT_EQ(wrong.metric("orphan_legs_hung_up_total"), 0);
    EXPECT_TRUE(r.joined(talking));
    EXPECT_TRUE(r.ringing(r.session(ringing), 1));
    wrong.kill();
    // The caller who rings is answered as if nothing had been.
    EXPECT_TRUE(answer(r, r.session(ringing), 2) || answer(r, r.session(ringing), 1));
    EXPECT_TRUE(r.joined(ringing));
    for (const auto& caller : {talking, ringing}) {
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.phase(r.session(caller), "ended"));
    }
    pqxx::nontransaction tx(own);
    tx.exec("drop database " + name + " with (force)");
}

TEST_F(reconcile_flow, be_09_a_talk_whose_ends_are_on_no_record_ends_by_the_list_of_living_legs) {
    auto o = options(2);
    o.environment["Z360_RECONCILE_SWEEP_EVERY_MS"] = "1000";
    auto& r = set_up(std::move(o));
    const auto caller = talk(r);
    const auto session = r.session(caller);
    const auto other = talk(r);
    lose(r, "call.hangup", "");
    empty(r, "call_events");
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_TRUE(r.phase(session, "ended", 25s)); // a call younger than ten seconds is not judged
    EXPECT_EQ(end_reason(r, session), "completed");
    EXPECT_GE(r.server().metric("reconcile_legs_total{what=\"gone\"}"), 1.0);
    EXPECT_TRUE(r.joined(other)); // nobody else's talk is touched
    EXPECT_TRUE(r.phase(r.session(other), "active"));
}

TEST_F(reconcile_flow, be_09_a_dial_whose_reply_and_webhooks_are_lost_is_found) {
    auto& r = set_up(options(2));
    sim::command_fault f;
    f.verb = "dial";
    f.match.leg = r.device(1);
    f.lose_reply = true;
    f.silent_leg = true;
    r.carrier().add_fault(f);
    r.phone(1, phone::answers(500ms));
    const auto caller = r.call();
    const auto dialed = steady::now();
    EXPECT_TRUE(r.joined(caller, 10s));
    note("dial_to_talk", dialed);
    EXPECT_EQ(leg_of(r, r.session(caller), r.device(1)), r.carrier().with([&](sim::carrier& c, time_point) {
        return c.leg(caller)->bridged_with;
    }));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(r.session(caller), 0, 10s));
}

TEST_F(reconcile_flow, i_08_a_leg_that_only_the_list_of_living_legs_tells_of_is_found) {
    auto o = options(2);
    o.environment["Z360_RECONCILE_SWEEP_EVERY_MS"] = "1000";
    auto& r = set_up(std::move(o));
    sim::command_fault f;
    f.verb = "dial";
    f.match.leg = r.device(1);
    f.lose_reply = true;
    f.silent_leg = true;
    r.carrier().add_fault(f);
    empty(r, "call_events");
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 2));
    EXPECT_TRUE(eventually(
        [&] { return r.sql("select count(*) from call_legs where call_control_id is not null") == "2"; }, 15s
    ));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session)); // what is known can be hung up
}

TEST_F(
    reconcile_flow, be_09_twenty_calls_through_a_blackout_of_thirty_seconds_are_settled_twenty_seconds_later
) {
    auto o = options(2);
    o.environment["Z360_CALLS_RING_TIME_MS"] = "60000";
    auto& r = set_up(std::move(o));
    std::vector<std::string> callers;
    for (int i = 0; i < 14; ++i)
        callers.push_back(r.call());
    for (const auto& c : callers)
        ASSERT_TRUE(r.ringing(r.session(c), 2));
    sim::webhook_fault f;
    f.unreachable = true;
    f.match.until = 30s;
    r.carrier().add_fault(f);
    const auto light = steady::now() + 30s;
    for (std::size_t i = 0; i < 7; ++i)
        ASSERT_TRUE(answer(r, r.session(callers[i]), 1));
    for (std::size_t i = 7; i < 14; ++i)
        r.carrier().caller_hangs_up(callers[i]);
    for (int i = 0; i < 6; ++i) // and some who call meanwhile
        callers.push_back(r.call());
    const auto settled = [&] {
        for (std::size_t i = 0; i < callers.size(); ++i) {
            const auto session = r.session(callers[i]);
            const auto legs =
                r.carrier().with([&](sim::carrier& c, time_point) { return c.alive_legs(session); });
            const std::size_t want = i < 7 ? 2 : i < 14 ? 0 : 3; // talk, over, ring
            if (legs != want || (i < 7 && !r.joined(callers[i], 0ms))) return false;
        }
        return true;
    };
    EXPECT_TRUE(eventually(settled, 50s));
    EXPECT_LE(steady::now(), light + 20s);
    const auto after = std::chrono::duration_cast<millis>(steady::now() - light).count();
    RecordProperty("settled_after_blackout_ms", std::to_string(after));
    for (const auto& c : callers)
        r.carrier().caller_hangs_up(c);
    for (const auto& c : callers)
        EXPECT_TRUE(r.quiet(r.session(c), 0, 15s));
    EXPECT_EQ(r.sql("select count(*) from webhook_conflicts"), "0");
}

TEST_F(reconcile_flow, be_21_what_nobody_took_while_the_server_was_away_is_taken_up_at_its_start) {
    auto o = options(2);
    o.environment["Z360_RECONCILE_SWEEP_EVERY_MS"] = "3600000";
    auto& r = set_up(std::move(o));
    // By the list of failed deliveries alone.
    empty(r, "call_events");
    sim::command_fault silent;
    silent.verb = "get_call";
    silent.fail_status = 500;
    r.carrier().add_fault(silent);
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 2));
    r.server().kill();
    r.carrier().caller_hangs_up(caller);
    // A leg that was neither dialed nor answered by us has no retries of its own: it is given up soon.
    ASSERT_TRUE(r.carrier().wait_until(
        [&](const sim::carrier& c) {
            for (const auto& [id, w] : c.seen().webhooks)
                if (w.call_control_id == caller && w.event_type == "call.hangup")
                    return w.state == sim::delivery_state::failed;
            return false;
        },
        15s
    ));
    r.server().start();
    const auto back = steady::now();
    EXPECT_TRUE(r.phase(session, "ended", 20s));
    note("start_to_end", back);
    EXPECT_EQ(end_reason(r, session), "caller_cancelled");
    EXPECT_TRUE(r.quiet(session));
}

TEST_F(reconcile_flow, i_08_legs_of_a_call_that_the_database_lost_are_hung_up_ten_seconds_after_the_start) {
    auto& r = set_up(options(2));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 2));
    EXPECT_EQ(aftermath(r, session), "");
    r.server().kill();
    // As after the failover to a standby that lacked these commits.
    (void)r.sql(
        "with e as (delete from call_events), c as (delete from commands), q as (delete from call_questions) "
        "select 1"
    );
    (void)r.sql("delete from call_legs returning 1");
    (void)r.sql("delete from calls returning 1");
    r.server().start();
    ASSERT_TRUE(r.server().ready());
    const auto back = steady::now();
    EXPECT_TRUE(r.carrier().wait_until(
        [&](const sim::carrier& c) {
            for (const auto& l : c.legs(session))
                if (!l.username.empty() && l.alive()) return false;
            return true;
        },
        10s
    ));
    note("start_to_quiet", back);
    r.carrier().caller_hangs_up(caller);
}

TEST_F(reconcile_flow, be_09_a_call_beyond_the_carriers_limit_ends_and_frees_its_device) {
    auto o = options(2);
    o.environment["Z360_RECONCILE_SWEEP_EVERY_MS"] = "1000";
    o.environment["Z360_RECONCILE_SILENCE_MS"] = "3600000";
    auto& r = set_up(std::move(o));
    const auto caller = talk(r);
    const auto session = r.session(caller);
    (void)r.sql("update calls set began_at = began_at - interval '4 hours 6 minutes' returning 1");
    EXPECT_TRUE(r.phase(session, "ended", 10s));
    EXPECT_TRUE(r.quiet(session, 0, 5s));
    EXPECT_EQ(legs_without_end(r, session), "0");
}

TEST_F(reconcile_flow, i_16_a_carrier_whose_records_cannot_be_asked_costs_no_call) {
    auto o = options(2);
    o.environment["Z360_RECONCILE_SILENCE_MS"] = "1000";
    o.environment["Z360_RECONCILE_SWEEP_EVERY_MS"] = "1000";
    o.environment["Z360_RECONCILE_DELIVERIES_EVERY_MS"] = "1000";
    auto& r = set_up(std::move(o));
    for (const char* list : {"call_events", "webhook_deliveries", "active_calls", "get_call"}) {
        sim::command_fault f;
        f.verb = list;
        f.fail_status = 500;
        r.carrier().add_fault(f);
    }
    const auto caller = talk(r);
    const auto session = r.session(caller);
    EXPECT_TRUE(eventually(
        [&] { return r.server().metric("loop_failures_total{loop=\"reconcile_sweep\"}") >= 2; }, 20s
    ));
    EXPECT_TRUE(r.joined(caller));
    EXPECT_TRUE(r.phase(session, "active"));
    EXPECT_TRUE(r.server().ready(1s));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.phase(session, "ended"));
}
