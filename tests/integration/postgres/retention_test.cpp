// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What is removed when its time is over, what never is, and how a backlog is claimed.
#include "adapter/postgres/calls/inbox_claim.hpp"
#include "adapter/postgres/session.hpp"
#include "calls.hpp"

using namespace z360;
using namespace z360::testing;
using port::kept;

namespace {

constexpr millis k_day{86'400'000};

class keeping : public postgres_test {
  protected:
    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        store_ = pg::make_retention_store(*db_);
    }
    void TearDown() override {
        store_.reset();
        postgres_test::TearDown();
    }
    std::size_t remove(kept what, millis age = 7 * k_day, std::size_t limit = 500) {
        return run(store_->remove(what, age, limit));
    }
    void event(const std::string& id, const std::string& status, const std::string& age) {
        const bool waits = status == "new";
        sql("insert into webhook_events (event_id, event_type, route, call_session_id, received_at, body, "
            "claimed_until, status, processed_at, error) values ('" +
            id + "', 'call.answered', 'call_control', 'session', now() - interval '" + age +
            "', '{}', now(), '" + status + "', " + (waits ? "null" : "now() - interval '" + age + "'") +
            ", " + (status == "dead" ? "'unknown session'" : "null") + ")");
    }
    void conflict(const std::string& id, const std::string& age) {
        sql("insert into webhook_conflicts (event_id, route, received_at, body) values ('" + id +
            "', 'call_control', now() - interval '" + age + "', 'other bytes')");
    }
    std::string events() {
        return value("select string_agg(event_id, ' ' order by event_id) from webhook_events");
    }
    std::string count(const std::string& table) { return value("select count(*) from " + table); }

    /// A call with legs, a join, commands and a timeline; over since `ended`, or alive.
    void call(const people& p, const std::string& session, const std::string& ended) {
        auto s = ringing(p, session);
        join_leg(s, 0);
        run(pg::make_call_store(*db_)->commit(first_commit(s), millis{60'000}));
        sql("insert into call_questions (call_id, asked_at) values ('" + s.id.text() + "', now())");
        if (ended.empty())
            sql("update calls set began_at = now() - interval '10 years' where call_id = '" + s.id.text() +
                "'");
        else
            sql("update calls set phase = 'ended', end_reason = 'completed', ended_at = now() - interval '" +
                ended + "' where call_id = '" + s.id.text() + "'");
    }
    std::unique_ptr<port::retention_store> store_;
};

} // namespace

TEST_F(keeping, be_34_processed_webhooks_go_when_their_time_is_over_and_waiting_ones_never) {
    for (const std::string status : {"done", "ignored", "dead", "new"}) {
        event(status + "-old", status, "7 days 1 minute");
        event(status + "-young", status, "6 days 23 hours 59 minutes");
    }
    EXPECT_EQ(remove(kept::raw_events), 2U);
    EXPECT_EQ(events(), "dead-old dead-young done-young ignored-young new-old new-young");
    EXPECT_EQ(remove(kept::raw_events), 0U);
    EXPECT_EQ(remove(kept::dead_letters), 1U);
    EXPECT_EQ(events(), "dead-young done-young ignored-young new-old new-young");
    EXPECT_EQ(remove(kept::dead_letters), 0U);
}

TEST_F(keeping, other_bytes_under_a_known_id_keep_their_event_until_they_go_themselves) {
    event("twice", "done", "40 days");
    event("buried", "dead", "40 days");
    conflict("twice", "29 days");
    conflict("buried", "40 days");
    EXPECT_EQ(remove(kept::raw_events), 0U);
    EXPECT_EQ(remove(kept::dead_letters, 30 * k_day), 0U);
    EXPECT_EQ(remove(kept::conflicts, 30 * k_day), 1U);
    EXPECT_EQ(remove(kept::dead_letters, 30 * k_day), 1U);
    EXPECT_EQ(remove(kept::raw_events), 0U);
    EXPECT_EQ(events(), "twice");
    EXPECT_EQ(remove(kept::conflicts, 28 * k_day), 1U);
    EXPECT_EQ(remove(kept::raw_events), 1U);
}

TEST_F(keeping, calls_that_are_over_go_with_all_that_belongs_to_them_and_live_ones_stay) {
    const auto acme = add_people("acme", "+15550100001", 2);
    call(acme, "old", "400 days 1 minute");
    call(acme, "young", "399 days 23 hours");
    call(acme, "alive", "");
    EXPECT_EQ(count("calls"), "3");
    EXPECT_EQ(remove(kept::calls, 400 * k_day), 1U);
    EXPECT_EQ(
        value("select string_agg(call_session_id, ' ' order by call_session_id) from calls"), "alive young"
    );
    for (const char* table : {"call_legs", "commands"})
        EXPECT_EQ(count(table), "4") << table;
    EXPECT_EQ(count("call_questions"), "2");
    EXPECT_EQ(count("call_joins"), "2");
    EXPECT_EQ(
        value("select count(*) from call_events e where not exists (select from calls c where c.call_id = "
              "e.call_id)"),
        "0"
    );
    EXPECT_NE(count("call_events"), "0");
    EXPECT_EQ(remove(kept::calls, 400 * k_day), 0U);
}

TEST_F(keeping, rows_go_in_batches_oldest_first_and_nobody_is_waited_for) {
    for (int n = 1; n <= 5; ++n)
        event("e" + std::to_string(n), "done", std::to_string(20 - n) + " days");
    EXPECT_EQ(remove(kept::raw_events, 7 * k_day, 2), 2U);
    EXPECT_EQ(events(), "e3 e4 e5");
    pqxx::connection other(scratch_->url());
    pqxx::work busy(other);
    busy.exec("select from webhook_events where event_id = 'e3' for update");
    EXPECT_EQ(remove(kept::raw_events, 7 * k_day, 2), 2U) << "passes over what somebody holds";
    EXPECT_EQ(remove(kept::raw_events, 7 * k_day, 2), 0U);
    busy.abort();
    EXPECT_EQ(remove(kept::raw_events, 7 * k_day, 2), 1U);
}

TEST_F(keeping, effects_of_a_channel_that_nobody_runs_end_long_after_their_deadline) {
    const auto acme = add_people("acme", "+15550100001", 2);
    call(acme, "one", "");
    const auto effect = [&](const std::string& id, const std::string& channel, const std::string& deadline,
                            const std::string& claimed) {
        sql("insert into commands (command_id, call_id, org_id, channel, verb, payload, deadline, "
            "claimed_until, created_at, form) select '" +
            id + "', call_id, org_id, '" + channel + "', '" +
            (channel == "carrier" ? "hangup" : "incoming_call") + "', '{}', now() - interval '" + deadline +
            "', now() - interval '" + claimed + "', now() - interval '3 hours', 1 from calls limit 1");
    };
    effect("left", "push", "61 minutes", "61 minutes");
    effect("young", "push", "59 minutes", "61 minutes");
    effect("held", "push", "61 minutes", "1 minute");
    effect("of the carrier", "carrier", "61 minutes", "61 minutes");
    EXPECT_EQ(run(store_->end_abandoned(millis{3'600'000}, 500)), 1U);
    EXPECT_EQ(run(store_->end_abandoned(millis{3'600'000}, 500)), 0U);
    EXPECT_EQ(
        value("select status || ' ' || error_code from commands where command_id = 'left'"),
        "expired no_runner"
    );
    EXPECT_EQ(
        value("select string_agg(command_id, ', ' order by command_id) from commands where command_id in "
              "('young', 'held', 'of the carrier') and status = 'pending'"),
        "held, of the carrier, young"
    );
}

TEST_F(keeping, claims_pass_over_effects_of_other_channels_by_an_index) {
    const auto acme = add_people("acme", "+15550100001", 2);
    call(acme, "one", "");
    sql("insert into commands (command_id, call_id, org_id, channel, verb, payload, deadline, claimed_until, "
        "created_at, form) select 'n' || n, call_id, org_id, 'push', 'incoming_call', '{}', now(), now() - "
        "interval '1 minute', now(), 1 from calls, generate_series(1, 2000) n");
    sql("analyze commands");
    const auto plan =
        sql("explain select command_id from commands where status = 'pending' and claimed_until "
            "<= now() and channel = any('{carrier}'::text[]) order by claimed_until limit 10");
    std::string text;
    for (const auto& r : plan)
        text += std::string(r[0].c_str()) + "\n";
    EXPECT_NE(text.find("commands_due"), std::string::npos) << text;
}

TEST_F(keeping, requests_to_push_providers_go_when_their_time_is_over) {
    for (const char* age : {"91 days", "89 days"})
        sql(std::string(
                "insert into push_attempts (attempt_id, call_id, org_id, device_id, kind, ring, round, "
                "attempt, provider, token_kind, lane, queued_at, sent_at, outcome) values "
                "(gen_random_uuid(), gen_random_uuid(), 1, 1, 'incoming_call', 1, 1, 1, 'fcm', 'fcm', "
                "'call', now() - interval '"
            ) +
            age + "', now(), 'accepted')");
    for (const char* age : {"91 days", "89 days"})
        sql(std::string("insert into push_receipts (call_id, device_id, ring, state, org_id, at) values "
                        "(gen_random_uuid(), 1, 1, 'received', 1, now() - interval '") +
            age + "')");
    EXPECT_EQ(remove(kept::push_attempts, 90 * k_day), 2U);
    EXPECT_EQ(remove(kept::push_attempts, 90 * k_day), 0U);
    EXPECT_EQ(count("push_attempts"), "1");
    EXPECT_EQ(count("push_receipts"), "1");
}

TEST_F(keeping, one_node_at_a_time_has_the_right_to_remove) {
    EXPECT_TRUE(run(store_->hold("a", millis{60'000})));
    EXPECT_FALSE(run(store_->hold("b", millis{60'000})));
    EXPECT_TRUE(run(store_->hold("a", millis{60'000}))) << "and may go on";
    sql("update leases set held_until = clock_timestamp()");
    EXPECT_TRUE(run(store_->hold("b", millis{60'000}))) << "a dead node's right ends";
    EXPECT_FALSE(run(store_->hold("a", millis{60'000})));
}

TEST_F(keeping, webhook_events_keep_one_unique_id_and_are_not_partitioned) {
    EXPECT_EQ(value("select relkind from pg_class where oid = 'webhook_events'::regclass"), "r");
    event("once", "done", "1 day");
    EXPECT_THROW(event("once", "done", "300 days"), pqxx::unique_violation);
}

namespace {

class backlog : public keeping {
  protected:
    void SetUp() override {
        keeping::SetUp();
        if (IsSkipped()) return;
        sql("set client_min_messages = error");
        sql("analyze webhook_events"); // of an empty table: an outage makes figures worthless
        fill(20'000);
    }
    void fill(int rows) {
        const auto n = std::to_string(rows);
        sql("insert into webhook_events (event_id, event_type, route, call_session_id, received_at, body, "
            "claimed_until, status, processed_at) select 'old-' || n, 'call.answered', 'call_control', 's' "
            "|| n, "
            "now() - interval '1 day', '{}', now(), 'done', now() from generate_series(1, " +
            n + ") n");
        sql("insert into webhook_events (event_id, event_type, route, call_session_id, received_at, body, "
            "claimed_until) select 'new-' || n, 'call.answered', 'call_control', 's' || n, "
            "now() - (n % 1000) * interval '1 s', '{}', now() + (n % 1000 >= 900)::int * interval '1 hour' "
            "from generate_series(1, " +
            n + ") n");
    }
    /// The plan of a claim of 200 in a session of ours, carried out and taken back.
    std::string plan(const std::string& mode) {
        pg::session db{secret(scratch_->url())};
        pqxx::work tx(db);
        tx.exec("set local plan_cache_mode = " + mode);
        tx.exec(pg::k_in_order);
        tx.exec(std::string("prepare claim (bigint, bigint) as ") + pg::k_claim_pending);
        std::string out;
        for (const auto& r :
             tx.exec("explain (analyze, costs off, timing off, summary off) execute claim (200, 0)"))
            out += std::string(r[0].c_str()) + "\n";
        return out;
    }
    void expect_the_order_of_the_index(const std::string& when) {
        for (const std::string mode : {"force_custom_plan", "force_generic_plan"}) {
            const auto p = plan(mode);
            const auto where = when + ", " + mode + ":\n" + p;
            EXPECT_NE(
                p.find("Index Scan using webhook_events_pending on webhook_events (actual rows=200"),
                std::string::npos
            ) << where;
            EXPECT_NE(p.find("Index Cond: (claimed_until <= statement_timestamp())"), std::string::npos)
                << where;
            EXPECT_EQ(p.find("Sort"), std::string::npos) << where;
            EXPECT_EQ(p.find("Seq Scan"), std::string::npos) << where;
            EXPECT_EQ(p.find("Rows Removed"), std::string::npos)
                << "what others hold is passed over without a look at its row; " << where;
        }
    }
};

} // namespace

TEST_F(backlog, claims_read_what_they_take_however_long_the_backlog_and_wrong_the_figures) {
    expect_the_order_of_the_index("figures of an empty table");
    sql("analyze webhook_events");
    expect_the_order_of_the_index("true figures");
}

TEST_F(backlog, claims_are_in_the_order_of_arrival) {
    const auto inbox = pg::make_event_inbox(*db_);
    time_point last{};
    for (int n = 0; n < 3; ++n)
        for (const auto& e : run(inbox->claim_pending(200, millis{60'000}))) {
            EXPECT_LE(last, e.received_at);
            last = e.received_at;
        }
    EXPECT_EQ(
        value("select count(*) from webhook_events where status = 'new' and claimed_until > now() + interval "
              "'10 s' "
              "and claimed_until < now() + interval '10 minutes'"),
        "600"
    );
}
