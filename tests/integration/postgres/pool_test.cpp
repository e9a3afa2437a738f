// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "pool_fixture.hpp"
#include "support/recording_metrics.hpp"

#include <algorithm>
#include <atomic>
#include <map>

using namespace z360;
using namespace z360::testing;

namespace {

using pool = pool_test;

} // namespace

TEST_F(pool, answers_and_reports_its_health) {
    EXPECT_EQ(ask_now(), "ok");
    EXPECT_TRUE(db_->health().up);
    EXPECT_GE(db_->health().connections, 1U);
    const auto told = run(db_->ping());
    EXPECT_LE(told.asked, told.answered);
    EXPECT_LT(told.answered - told.asked, 5s);
    EXPECT_LT(std::chrono::abs(told.server - std::chrono::system_clock::now()), 10s); // the same machine
}

TEST_F(pool, errors_of_a_statement_are_told_apart_from_an_absent_server) {
    try {
        ask_now("select (1 / 0)::text");
        FAIL();
    } catch (const pg::statement_error& e) {
        EXPECT_EQ(e.sqlstate, "22012");
        EXPECT_NE(std::string(e.what()).find("test"), std::string::npos);
    }
    EXPECT_EQ(ask_now(), "ok");
    EXPECT_TRUE(is_unavailable(ask_now("select pg_sleep(30)::text"))); // statement_timeout
    EXPECT_EQ(ask_now(), "ok");
    EXPECT_TRUE(db_->health().up);
}

TEST_F(pool, trouble_of_the_server_or_the_schema_is_unavailable_and_a_fault_of_the_data_is_not) {
    sql("create function fail(state text) returns text language plpgsql as $$ begin "
        "raise exception 'as the test wants' using errcode = state; end $$");
    const auto ask_failing = [this](const std::string& state) {
        return ask_now(("select fail('" + state + "')").c_str());
    };
    for (const std::string state : {"08000", "08006", "25006", "26000", "40001", "40003", "40P01", "53000",
                                    "53100", "53200", "53300", "55006", "55P03", "57000", "57014", "57P01",
                                    "57P03", "58000", "58030", "58P01", "XX000", "XX001", "0A000"}) {
        EXPECT_TRUE(is_unavailable(ask_failing(state))) << state;
        EXPECT_LT(until_ok(), 2s) << state;
    }
    for (const std::string state : {"42P01", "42501", "42703", "42883", "3F000"}) {
        const auto answer = ask_failing(state);
        EXPECT_TRUE(is_unavailable(answer)) << state;
        EXPECT_NE(answer.find("schema"), std::string::npos) << answer;
        EXPECT_NE(answer.find(state == "42501" ? "42501" : state), std::string::npos) << answer;
    }
    EXPECT_TRUE(is_unavailable(ask_now("select no_such_column")));
    EXPECT_TRUE(is_unavailable(ask_now("select x::text from no_such_table")));
    EXPECT_TRUE(is_unavailable(ask_now("select no_such_function()")));
    for (const std::string state :
         {"22021", "22P02", "23502", "23503", "23505", "23514", "54000", "P0001", "42601"})
        try {
            ask_failing(state);
            ADD_FAILURE() << state;
        } catch (const pg::statement_error& e) {
            EXPECT_EQ(e.sqlstate, state);
        }
}

TEST_F(pool, a_commit_that_takes_longer_than_a_decision_may_wait_is_counted) {
    test::recording_metrics figures;
    pg::database db(settings(), &figures);
    auto calls = pg::make_call_store(db);
    const auto s = ringing(add_people("acme", "+15550100001", 1), "s1");
    ASSERT_EQ(run(calls->commit(first_commit(s), 60s)), port::commit_result::committed);
    EXPECT_EQ(figures.total("z360_postgres_slow_commits_total"), 0);
    sql("create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.45); return "
        "new; "
        "end $$");
    sql("create trigger slow before update on calls for each row execute function slow()");
    port::call_commit step;
    step.expected_version = 1;
    step.next = s;
    step.at = k_noon;
    ASSERT_EQ(run(calls->commit(step, 60s)), port::commit_result::committed);
    calls.reset();
    EXPECT_EQ(figures.counted("z360_postgres_slow_commits_total", {{"pool", "calls"}}), 1);
}

TEST_F(pool, figures_tell_the_pools_of_a_process_apart) {
    test::recording_metrics figures;
    auto other = settings();
    other.name = "api";
    pg::database calls(settings(), &figures);
    pg::database api(other, &figures);
    run(calls.ping());
    run(api.ping());
    run(api.ping());
    EXPECT_EQ(figures.observed("z360_postgres_wait_seconds", {{"pool", "calls"}}).size(), 1U);
    EXPECT_EQ(figures.observed("z360_postgres_wait_seconds", {{"pool", "api"}}).size(), 2U);
}

TEST_F(pool, errors_never_quote_a_row) {
    try {
        ask_now(
            "insert into contacts (org_id, e164, name) values (4711, '+15550123456', 'Carla') returning name"
        );
        FAIL();
    } catch (const pg::statement_error& e) {
        EXPECT_EQ(std::string(e.what()).find("Carla"), std::string::npos) << e.what();
        EXPECT_EQ(std::string(e.what()).find("4711"), std::string::npos) << e.what();
    }
}

TEST_F(pool, whoever_waits_too_long_for_a_connection_is_told_so) {
    const auto began = clock_type::now();
    const auto answers = ask_many(6, "select 'ok' from pg_sleep(1)"); // two connections: four wait
    EXPECT_EQ(std::count(answers.begin(), answers.end(), "ok"), 2);
    EXPECT_EQ(std::count_if(answers.begin(), answers.end(), is_unavailable), 4);
    EXPECT_LT(clock_type::now() - began, 2s);
}

TEST_F(pool, a_full_queue_refuses_at_once) {
    auto s = settings();
    s.connections = 1;
    s.max_queue = 3;
    db_ = std::make_unique<pg::database>(s);
    EXPECT_EQ(until_ok() < 5s, true);
    const auto answers = ask_many(10, "select 'ok' from pg_sleep(0.05)");
    EXPECT_GE(std::count(answers.begin(), answers.end(), "ok"), 3);
    EXPECT_GE(std::count_if(answers.begin(), answers.end(), is_unavailable), 6);
}

TEST_F(pool, be_44_a_server_that_is_gone_is_noticed_at_once_and_used_again_when_it_is_back) {
    ASSERT_EQ(ask_now(), "ok");
    relay_->cut();
    EXPECT_TRUE(is_unavailable(ask_now()));
    const auto noticed = clock_type::now() + 5s; // one loss makes the idle connections look at themselves
    while (db_->health().connections > 0 && clock_type::now() < noticed)
        run(rt::sleep_for(1ms));
    EXPECT_TRUE(is_unavailable(ask_now()));
    EXPECT_FALSE(db_->health().up);
    EXPECT_FALSE(db_->health().error.empty());
    EXPECT_EQ(db_->health().connections, 0U);
    const auto began = clock_type::now();
    for (int i = 0; i < 1000; ++i)
        EXPECT_TRUE(is_unavailable(ask_now()));
    EXPECT_LT(clock_type::now() - began, 2s); // no queueing up while it is known to be away
    relay_->resume();
    EXPECT_LT(until_ok(), 2s);
    EXPECT_TRUE(db_->health().up);
}

TEST_F(pool, connections_that_the_server_closed_while_idle_cost_no_request) {
    ASSERT_EQ(ask_many(4, "select 'ok' from pg_sleep(0.02)"), std::vector<std::string>(4, "ok"));
    relay_->reset_connections(); // as a restart does
    EXPECT_EQ(ask_many(4, "select 'ok'"), std::vector<std::string>(4, "ok"));
}

TEST_F(pool, a_silent_server_is_given_up_in_bounded_time) {
    ASSERT_EQ(ask_many(4, "select 'ok' from pg_sleep(0.02)"), std::vector<std::string>(4, "ok"));
    relay_->stall();
    auto began = clock_type::now();
    const auto answers = ask_many(6, "select 'ok'");
    EXPECT_EQ(std::count_if(answers.begin(), answers.end(), is_unavailable), 6);
    EXPECT_LT(clock_type::now() - began, 2700ms);
    began = clock_type::now();
    EXPECT_TRUE(is_unavailable(ask_now()));
    EXPECT_LT(clock_type::now() - began, 2700ms);
    while (db_->health().connections > 0) // the last idle connection is found out by use
        ask_now();
    const auto many = ask_many(20, "select 'ok'"); // one of them probes; the others are not made to wait
    EXPECT_EQ(std::count_if(many.begin(), many.end(), is_unavailable), 20);
    relay_->resume();
    EXPECT_LT(until_ok(), 3s);
}

TEST_F(pool, be_44_one_silent_statement_makes_the_idle_connections_be_asked) {
    relayed_.connections = 6;
    db_ = std::make_unique<pg::database>(relayed_);
    const auto connected = [this](unsigned n) {
        const auto until = clock_type::now() + 5s;
        while (db_->health().connections != n && clock_type::now() < until)
            run(rt::sleep_for(2ms));
        return db_->health().connections == n;
    };
    ASSERT_TRUE(connected(6));
    relay_->stall();
    EXPECT_TRUE(is_unavailable(ask_now())); // one request pays for all of them
    EXPECT_TRUE(connected(0));
    EXPECT_FALSE(db_->health().up);
    relay_->resume();
    EXPECT_LT(until_ok(), 2s);
}

// Its plans and its pages are at hand. In turns each of four would have a quarter; one that is asked again
// before it has lain down leaves the request to the next.
TEST_F(pool, sys_the_connection_that_was_busy_last_is_asked_first) {
    auto s = relayed_;
    s.connections = 4;
    db_ = std::make_unique<pg::database>(s);
    ASSERT_TRUE(eventually([this] { return db_->health().connections == 4; }));
    std::map<std::string, int> asked;
    for (int n = 0; n < 200; ++n)
        ++asked[ask_now("select pg_backend_pid()::text")];
    const auto most = std::max_element(asked.begin(), asked.end(), [](const auto& x, const auto& y) {
        return x.second < y.second;
    });
    EXPECT_GT(most->second, 100);
    const auto both = ask_many(2, "select pg_backend_pid()::text from pg_sleep(0.2)");
    EXPECT_NE(both.at(0), both.at(1)) << "two at once have two";
}

TEST_F(pool, sys_idle_connections_plan_what_will_be_needed) {
    db_->connections().keep_warm({{"wrong", "select no_such_column", 0}, {"warm", "select $1::bigint + 1", 1}}
    );
    const char* has =
        "select count(*)::text from pg_prepared_statements where name = 'warm' and generic_plans = 1";
    EXPECT_EQ(ask_now(has), "0") << "not at once: a command ends before it would be of use";
    EXPECT_TRUE(eventually(
        [&] {
            const auto both = ask_many(
                2, "select (select count(*) from pg_prepared_statements where name = 'warm' and "
                   "generic_plans > 0)::text "
                   "|| substr(pg_sleep(0.05)::text, 1, 0)"
            );
            return both == std::vector<std::string>{"1", "1"};
        },
        15s
    ));
    EXPECT_EQ(ask_now(), "ok");
    EXPECT_TRUE(db_->health().up) << "one that cannot be planned does no harm";
}

// To plan a statement takes the locks that it will need. A table that is locked must not hold up every
// connection that has nothing to do.
TEST_F(pool, sys_what_is_planned_ahead_waits_for_no_lock) {
    sql("create table held (x int)");
    pqxx::connection other(scratch_->url());
    pqxx::work holds(other);
    holds.exec("lock table held in access exclusive mode");
    std::vector<pg::warm_statement> all;
    for (int n = 0; n < 50; ++n)
        all.push_back({"held" + std::to_string(n), "update held set x = " + std::to_string(n), 0});
    db_->connections().keep_warm(std::move(all));
    const auto slowest = [this] {
        millis out{0};
        for (const auto until = clock_type::now() + 4'500ms; clock_type::now() < until;) {
            const auto began = clock_type::now();
            EXPECT_EQ(ask_now(), "ok");
            out = std::max(out, std::chrono::duration_cast<millis>(clock_type::now() - began));
        }
        return out;
    };
    EXPECT_LT(slowest(), 1s) << "two connections, of which one warms up at a time";
    holds.abort();
    EXPECT_TRUE(eventually(
        [this] { return ask_now("select count(*)::text from pg_prepared_statements") != "0"; }, 15s
    )) << "it is planned once the table is free";
}

TEST_F(pool, a_slow_statement_does_not_cost_the_other_connections) {
    db_ = std::make_unique<pg::database>(settings());
    ASSERT_EQ(ask_many(8, "select 'ok' from pg_sleep(0.05)"), std::vector<std::string>(8, "ok"));
    const auto before = db_->health().connections;
    ASSERT_GE(before, 2U);
    auto slow = [](pqxx::connection_base& c) {
        pqxx::nontransaction tx(c);
        tx.exec("select pg_sleep(1)");
    };
    EXPECT_THROW(run(db_->connections().run("test", slow, 100ms)), port::unavailable);
    EXPECT_EQ(ask_many(8, "select 'ok'"), std::vector<std::string>(8, "ok"));
    EXPECT_GE(db_->health().connections, before - 1);
    EXPECT_TRUE(db_->health().up);
}

TEST_F(pool, a_lost_reply_is_unavailable_and_the_repeat_shows_that_the_commit_happened) {
    const auto p = add_people("acme", "+15550100001", 1);
    relayed_.connections = 1;
    db_ = std::make_unique<pg::database>(relayed_);
    auto calls = pg::make_call_store(*db_);
    ASSERT_EQ(
        run(calls->commit(first_commit(ringing(p, "s0")), 60s)), port::commit_result::committed
    ); // prepares
    const auto s = ringing(p, "s1");
    relay_->mute_answers();
    EXPECT_THROW(run(calls->commit(first_commit(s), 60s)), port::unavailable);
    relay_->cut();
    relay_->resume();
    EXPECT_LT(until_ok(), 3s);
    EXPECT_EQ(run(calls->commit(first_commit(s), 60s)), port::commit_result::conflict);
    const auto stored = run(calls->load(s.id));
    ASSERT_TRUE(stored);
    EXPECT_TRUE(stored->state == s);
}

TEST_F(pool, inbox_appends_fail_together_and_soon_so_that_the_spool_can_take_over) {
    auto inbox = pg::make_event_inbox(*db_);
    ASSERT_EQ(ask_many(4, "select 'ok' from pg_sleep(0.02)"), std::vector<std::string>(4, "ok"));
    relay_->stall();
    const auto began = clock_type::now();
    std::atomic<int> failed = 0;
    struct appender {
        static awaitable<void> one(port::event_inbox& box, int n, std::atomic<int>& failed) {
            try {
                co_await box.append({event("e" + std::to_string(n), "x")}, 60s);
            } catch (const port::unavailable&) {
                ++failed;
            }
        }
    };
    std::vector<awaitable<void>> tasks;
    for (int n = 0; n < 50; ++n)
        tasks.push_back(appender::one(*inbox, n, failed));
    run(together(std::move(tasks)));
    EXPECT_EQ(failed, 50);
    EXPECT_LT(clock_type::now() - began, 1500ms);
    relay_->cut();
    relay_->resume();
    EXPECT_LT(until_ok(), 3s);
    EXPECT_EQ(run(inbox->append({event("e1", "x")}, 60s)), std::vector{port::append_result::stored});
}

TEST_F(pool, a_request_whose_caller_is_cancelled_still_ends_cleanly) {
    ASSERT_EQ(ask_now(), "ok");
    auto limited = rt::with_timeout(ask("select 'ok' from pg_sleep(0.3)"), 20ms);
    const auto began = clock_type::now();
    const auto answer = run(std::move(limited));
    EXPECT_TRUE(answer.has_value());
    EXPECT_EQ(answer.value_or(""), "ok"); // bounded work is finished, not torn
    EXPECT_GE(clock_type::now() - began, 250ms);
    EXPECT_EQ(ask_now(), "ok");
}

TEST_F(pool, closes_in_bounded_time_even_while_the_server_is_silent) {
    ASSERT_EQ(ask_now(), "ok");
    relay_->stall();
    EXPECT_TRUE(is_unavailable(ask_now()));
    const auto began = clock_type::now();
    db_.reset();
    EXPECT_LT(clock_type::now() - began, 1500ms); // at most one connect attempt
}
