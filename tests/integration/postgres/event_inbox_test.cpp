// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "calls.hpp"

#include <z360/port/metrics.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <thread>

using namespace z360;
using namespace z360::testing;
using port::append_result;

namespace {

constexpr millis k_claim{60'000};

class statement_counter final : public port::metrics {
  public:
    void count(std::string_view, port::labels, double) override {}
    void gauge(std::string_view, double, port::labels) override {}
    void observe(std::string_view, double, port::labels l) override {
        const std::scoped_lock lock(mutex_);
        for (const auto& [key, value] : l)
            if (key == "statement") ++statements_[std::string(value)];
    }
    [[nodiscard]] std::string text() const override { return {}; }
    int statements(const std::string& name) {
        const std::scoped_lock lock(mutex_);
        return statements_[name];
    }

  private:
    std::mutex mutex_;
    std::map<std::string, int> statements_;
};

class event_inbox : public postgres_test {
  protected:
    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        db_ = std::make_unique<pg::database>(settings(), &counter_);
        inbox_ = pg::make_event_inbox(*db_);
    }
    void TearDown() override {
        inbox_.reset();
        postgres_test::TearDown();
    }
    std::vector<append_result> append(std::vector<port::inbox_event> events, millis claim = k_claim) {
        return run(inbox_->append(std::move(events), claim));
    }
    awaitable<void> append_and_count(port::event_inbox& box, std::vector<port::inbox_event> events) {
        try {
            const auto results = co_await box.append(std::move(events), k_claim);
            for (const auto r : results)
                ++counts_[r];
        } catch (const port::unavailable&) {
            ++unavailable_;
        }
    }
    std::map<append_result, int> counts_;
    int unavailable_ = 0;
    /// Every INSERT into the inbox for which `condition` holds fails so; each try is counted.
    void raise(const std::string& state, const std::string& condition = "true") {
        sql("create sequence if not exists tries");
        sql("create or replace function fail() returns trigger language plpgsql as $$ begin "
            "perform nextval('tries'); raise exception 'as the test wants' using errcode = '" +
            state + "'; end $$");
        sql("create trigger failing before insert on webhook_events for each row when (" + condition +
            ") execute function fail()");
    }
    void heal() { sql("drop trigger failing on webhook_events"); }
    int tries() { return std::stoi(value("select coalesce(pg_sequence_last_value('tries'), 0)")); }
    bool reachable() {
        try {
            run(db_->ping());
            return true;
        } catch (const port::unavailable&) {
            return false;
        }
    }
    statement_counter counter_;
    std::unique_ptr<port::event_inbox> inbox_;
};

std::vector<std::string> ids(const std::vector<port::inbox_event>& events) {
    std::vector<std::string> out;
    for (const auto& e : events)
        out.push_back(e.event_id);
    return out;
}

} // namespace

TEST_F(event_inbox, be_34_the_same_event_again_is_a_duplicate_and_other_bytes_are_kept_aside) {
    EXPECT_EQ(append({event("e1", "body")}), std::vector{append_result::stored});
    EXPECT_EQ(append({event("e1", "body")}), std::vector{append_result::duplicate});
    EXPECT_EQ(append({event("e1", "altered")}), std::vector{append_result::conflict});
    EXPECT_EQ(append({event("e1", "altered")}), std::vector{append_result::conflict});
    EXPECT_EQ(value("select convert_from(body, 'UTF8') from webhook_events"), "body");
    EXPECT_EQ(value("select string_agg(convert_from(body, 'UTF8'), ',') from webhook_conflicts"), "altered");
}

// Said of what begins a call: there is nothing to claim then, and nobody asks again.
TEST_F(event_inbox, i_11_whether_an_event_is_the_only_one_of_its_session_is_told_when_it_is_stored) {
    const auto of = [](std::string id, std::string session, bool begins) {
        auto e = event(std::move(id), "x");
        e.call_session_id = std::move(session);
        e.begins = begins;
        return e;
    };
    using enum append_result;
    EXPECT_EQ(append({of("a1", "a", true), of("b1", "b", false)}), (std::vector{stored_alone, stored}));
    EXPECT_EQ(append({of("a1", "a", true)}), std::vector{duplicate});
    EXPECT_EQ(append({of("a2", "a", true)}), std::vector{stored}) << "a1 waits";
    EXPECT_EQ(append({of("c1", "c", true), of("c2", "c", false)}), (std::vector{stored, stored}));
    EXPECT_EQ(append({of("none1", "", true), of("none2", "", true)}), (std::vector{stored, stored}));
    run(inbox_->mark_ignored({"b1"}));
    EXPECT_EQ(append({of("b2", "b", true)}), std::vector{stored_alone}) << "b1 is done with";
    run(inbox_->mark_dead({"b2"}, std::string(port::k_unknown_session)));
    EXPECT_EQ(append({of("b3", "b", true)}), std::vector{stored}) << "b2 may be taken back";
    run(inbox_->mark_dead({"a1", "a2"}, "cannot be read"));
    EXPECT_EQ(append({of("a3", "a", true)}), std::vector{stored_alone});
}

TEST_F(event_inbox, be_34_another_delivery_of_the_same_event_is_a_duplicate_and_leaves_no_conflict) {
    const auto body = [](const char* data, const char* meta) {
        return std::string(R"({"data":)") + data + R"(,"meta":)" + meta + "}";
    };
    const char* data = R"({"id":"e1","payload":{"from":"a","to":"b"}})";
    const auto first = body(data, R"({"attempt":1,"delivered_to":"https://a.example"})");
    EXPECT_EQ(append({event("e1", first)}), std::vector{append_result::stored});
    const std::string pretty =
        "{\n \"meta\": {\"attempt\": 3},\n \"data\": {\"payload\": {\"to\": \"b\", \"from\": \"a\"}, "
        "\"id\": \"e1\"}\n}";
    EXPECT_EQ(
        append(
            {event("e1", body(data, R"({"attempt":2,"delivered_to":"https://b.example"})")),
             event("e1", pretty), event("e2", first), event("e2", pretty)}
        ),
        (std::vector{
            append_result::duplicate, append_result::duplicate, append_result::stored,
            append_result::duplicate
        })
    );
    EXPECT_EQ(value("select count(*) from webhook_conflicts"), "0");
    EXPECT_EQ(
        append({event("e1", body(R"({"id":"e1","payload":{"from":"a","to":"c"}})", "{}"))}),
        std::vector{append_result::conflict}
    );
    EXPECT_EQ(value("select count(*) from webhook_conflicts"), "1");
}

TEST_F(event_inbox, be_34_an_event_stays_known_after_it_was_processed) {
    append({event("e1", "body"), event("e2", "body")});
    run(inbox_->mark_ignored({"e1"}));
    run(inbox_->mark_dead({"e2"}, "no such session"));
    EXPECT_EQ(
        append({event("e1", "body"), event("e2", "body")}),
        (std::vector{append_result::duplicate, append_result::duplicate})
    );
    EXPECT_TRUE(run(inbox_->claim_pending(10, k_claim)).empty());
}

TEST_F(event_inbox, be_12_repeats_inside_one_request_are_judged_one_by_one) {
    const auto r =
        append({event("a", "1"), event("a", "1"), event("b", "2"), event("a", "x"), event("c", "3")});
    EXPECT_EQ(
        r, (std::vector{
               append_result::stored, append_result::duplicate, append_result::stored,
               append_result::conflict, append_result::stored
           })
    );
    EXPECT_EQ(value("select count(*) from webhook_events"), "3");
}

TEST_F(event_inbox, keeps_every_byte_of_a_body) {
    std::string body;
    for (int i = 0; i < 256; ++i)
        body.push_back(static_cast<char>(i));
    auto e = event("e1", body, "session");
    e.event_type = std::string("call\0\xFF", 6);
    e.route = port::webhook_route::credential_failover;
    e.call_control_id = "v3:x";
    append({e}, millis{0});
    const auto back = run(inbox_->claim_pending(10, k_claim));
    ASSERT_EQ(back.size(), 1U);
    EXPECT_EQ(back[0].body, body);
    EXPECT_EQ(back[0].route, port::webhook_route::credential_failover);
    EXPECT_EQ(back[0].call_session_id, "session");
    EXPECT_EQ(back[0].call_control_id, "v3:x");
    EXPECT_EQ(back[0].received_at, k_noon);
    EXPECT_EQ(back[0].attempts, 0U);
}

TEST_F(event_inbox, a_thousand_events_in_one_request_are_stored_in_order) {
    std::vector<port::inbox_event> events;
    for (int i = 0; i < 1000; ++i)
        events.push_back(event("e" + std::to_string(i), std::string(500, static_cast<char>('a' + i % 26))));
    const auto results = append(events, millis{0});
    EXPECT_EQ(results, std::vector(1000, append_result::stored));
    EXPECT_EQ(value("select count(*) from webhook_events where digest = sha256(body)"), "1000");
    std::set<std::string> seen;
    for (int round = 0; round < 4; ++round)
        for (const auto& e : run(inbox_->claim_pending(250, k_claim)))
            EXPECT_TRUE(seen.insert(e.event_id).second) << e.event_id;
    EXPECT_EQ(seen.size(), 1000U);
}

TEST_F(event_inbox, requests_that_arrive_during_an_insert_share_the_next_one) {
    std::vector<awaitable<void>> tasks;
    for (int n = 0; n < 200; ++n)
        tasks.push_back(append_and_count(*inbox_, {event("e" + std::to_string(n), "x")}));
    run(together(std::move(tasks)));
    EXPECT_EQ(value("select count(*) from webhook_events"), "200");
    EXPECT_LE(counter_.statements("inbox_append"), 3); // the first alone, the rest together
}

// Nobody waits for the news of a leg that rings: all of a ring's are one commit, also without any load.
TEST_F(event_inbox, sys_what_nobody_waits_for_shares_one_insert_with_what_comes_next) {
    const auto one = [](std::string id, bool patient) {
        auto e = event(std::move(id), "x");
        e.patient = patient;
        return std::vector{std::move(e)};
    };
    std::vector<awaitable<void>> tasks;
    for (int n = 0; n < 20; ++n)
        tasks.push_back(append_and_count(*inbox_, one("p" + std::to_string(n), true)));
    run(together(std::move(tasks)));
    EXPECT_EQ(counter_.statements("inbox_append"), 1);
    tasks.clear();
    tasks.push_back(append_and_count(*inbox_, one("p-last", true)));
    tasks.push_back(append_and_count(*inbox_, one("urgent", false)));
    run(together(std::move(tasks)));
    EXPECT_EQ(counter_.statements("inbox_append"), 2) << "taken along by what does not wait";
    EXPECT_EQ(append(one("alone", true)), std::vector{append_result::stored});
    EXPECT_EQ(counts_[append_result::stored], 22);
}

TEST_F(event_inbox, be_25_two_nodes_that_store_the_same_events_at_once_agree_who_was_first) {
    auto second_node = std::make_unique<pg::database>(settings());
    auto other = pg::make_event_inbox(*second_node);
    const auto batch = [](bool backwards) {
        std::vector<port::inbox_event> events;
        for (int i = 0; i < 300; ++i)
            events.push_back(event("e" + std::to_string(backwards ? 299 - i : i), "x"));
        return events;
    };
    std::vector<awaitable<void>> tasks;
    tasks.push_back(append_and_count(*inbox_, batch(false)));
    tasks.push_back(append_and_count(*other, batch(true)));
    run(together(std::move(tasks)));
    EXPECT_EQ(counts_[append_result::stored], 300);
    EXPECT_EQ(counts_[append_result::duplicate], 300);
    EXPECT_EQ(counts_[append_result::conflict], 0);
    other.reset();
    second_node.reset();
}

TEST_F(event_inbox, be_21_events_of_a_dead_node_are_offered_after_their_claim_oldest_first) {
    auto later = event("later", "x");
    later.received_at = k_noon + millis{5};
    append({later, event("early", "x")}, millis{0});
    append({event("claimed", "x")});
    EXPECT_EQ(ids(run(inbox_->claim_pending(10, k_claim))), (std::vector<std::string>{"early", "later"}));
    EXPECT_TRUE(run(inbox_->claim_pending(10, k_claim)).empty());
}

TEST_F(event_inbox, be_12_parked_events_come_back_after_their_delay_and_with_their_session) {
    append({event("e1", "x", "s1"), event("e2", "x", "s1"), event("e3", "x", "s2")});
    run(inbox_->postpone({"e1", "e2", "e3"}, k_claim, "session unknown"));
    EXPECT_TRUE(run(inbox_->claim_pending(10, k_claim)).empty());
    const auto mine = run(inbox_->claim_session("s1", k_claim));
    EXPECT_EQ(ids(mine), (std::vector<std::string>{"e1", "e2"}));
    EXPECT_EQ(mine[0].attempts, 1U);
    run(inbox_->postpone({"e3"}, millis{0}, "still unknown"));
    const auto due = run(inbox_->claim_pending(10, k_claim));
    ASSERT_EQ(ids(due), std::vector<std::string>{"e3"});
    EXPECT_EQ(due[0].attempts, 2U);
}

TEST_F(event_inbox, i_03_whatever_the_server_says_of_all_rows_is_unavailable_and_the_work_is_bounded) {
    const auto batch = [] {
        std::vector<port::inbox_event> events;
        for (int i = 0; i < 100; ++i)
            events.push_back(event("e" + std::to_string(i), "x"));
        return events;
    };
    // The last ones are blamed on a row, yet here no row at all passes.
    for (const std::string state :
         {"58030", "53100", "53200", "53300", "57014", "40001", "40P01", "55P03", "XX000", "42501", "42P01",
          "08000", "0A000", "42601", "P0001", "22021", "23514", "54000"}) {
        raise(state);
        const auto before = tries();
        EXPECT_THROW(append(batch()), port::unavailable) << state;
        EXPECT_LE(tries() - before, 2) << state; // the batch, and at most one look at a harmless row
        heal();
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        while (!reachable() && std::chrono::steady_clock::now() < until) // some of these end the connection
            run(rt::sleep_for(millis{2}));
    }
    EXPECT_EQ(value("select count(*) from webhook_events"), "0");
    EXPECT_EQ(append(batch()), std::vector(100, append_result::stored));
}

TEST_F(event_inbox, i_03_a_table_that_is_away_for_a_moment_is_unavailable_and_used_again_when_it_is_back) {
    ASSERT_EQ(append({event("e1", "x")}), std::vector{append_result::stored});
    sql("alter table webhook_events rename to elsewhere");
    EXPECT_THROW(append({event("e2", "x")}), port::unavailable);
    EXPECT_THROW(run(inbox_->claim_pending(10, k_claim)), port::unavailable);
    EXPECT_THROW(run(inbox_->mark_ignored({"e1"})), port::unavailable);
    sql("alter table elsewhere rename to webhook_events");
    EXPECT_EQ(append({event("e2", "x")}), std::vector{append_result::stored});
}

TEST_F(event_inbox, i_03_of_a_drain_of_200_one_bad_row_is_set_aside_and_199_are_stored) {
    std::string long_name; // does not compress, so the index takes it not
    for (int i = 0; long_name.size() < 20'000; ++i)
        long_name += derive_uuid(std::to_string(i)).text();
    std::vector<port::inbox_event> events;
    for (int i = 0; i < 200; ++i)
        events.push_back(event("e" + std::to_string(i), "body " + std::to_string(i), "s1"));
    events[137].call_session_id = long_name;
    auto expected = std::vector(200, append_result::stored);
    expected[137] = append_result::set_aside;
    EXPECT_EQ(append(events), expected);
    EXPECT_EQ(value("select count(*) from webhook_events where status = 'new'"), "199");
    EXPECT_EQ(
        value("select event_id || ' ' || convert_from(body, 'UTF8') || ' ' || length(call_session_id) from "
              "webhook_events where status = 'dead'"),
        "e137 body 137 256"
    );
    EXPECT_NE(
        value("select error from webhook_events where status = 'dead'").find("54000"), std::string::npos
    );
    expected = std::vector(200, append_result::duplicate);
    EXPECT_EQ(append(events), expected); // as a drain that was interrupted
}

TEST_F(event_inbox, i_03_a_row_that_cannot_be_stored_does_not_keep_its_neighbours_out) {
    sql("alter table webhook_events add check (event_type <> 'poison')");
    std::vector<awaitable<void>> tasks;
    for (int n = 0; n < 20; ++n) {
        auto e = event("e" + std::to_string(n), "x", "s1");
        if (n == 7) e.event_type = "poison";
        tasks.push_back(append_and_count(*inbox_, {e}));
    }
    run(together(std::move(tasks)));
    EXPECT_EQ(counts_[append_result::stored], 19);
    EXPECT_EQ(counts_[append_result::set_aside], 1); // with nothing left in it that could be refused
    EXPECT_EQ(unavailable_, 0);
    EXPECT_EQ(value("select event_id from webhook_events where status = 'dead'"), "e7");
}

TEST_F(event_inbox, i_03_a_row_that_cannot_even_be_a_dead_letter_is_refused_alone) {
    raise("P0001", "new.event_id = 'e3'");
    std::vector<port::inbox_event> events;
    for (int i = 0; i < 6; ++i)
        events.push_back(event("e" + std::to_string(i), "x"));
    events.push_back(event("e3", "x"));
    auto expected = std::vector(7, append_result::stored);
    expected[3] = append_result::refused;
    expected[6] = append_result::refused; // the same again
    EXPECT_EQ(append(events), expected);
    EXPECT_EQ(value("select count(*) from webhook_events"), "5");
}

TEST_F(event_inbox, i_03_attempts_at_a_batch_of_bad_rows_come_to_an_end_together) {
    raise("P0001", "new.event_type = 'poison'");
    std::vector<port::inbox_event> events;
    for (int i = 0; i < 60; ++i) {
        events.push_back(event("e" + std::to_string(i), "x"));
        if (i % 2 == 0) events.back().event_type = "poison";
    }
    const auto first = append(events);
    EXPECT_EQ(std::count(first.begin(), first.end(), append_result::set_aside), 30);
    EXPECT_EQ(std::count(first.begin(), first.end(), append_result::stored), 30);
    const auto before = tries();
    EXPECT_EQ(
        append(events), std::vector(60, append_result::duplicate)
    ); // as if the first had run out of time
    EXPECT_EQ(tries() - before, 1);
}

TEST_F(event_inbox, i_03_a_time_that_no_clock_shows_is_set_aside) {
    auto e = event("e1", "x");
    e.received_at = time_point{millis{std::numeric_limits<std::int64_t>::max() / 2}};
    EXPECT_EQ(append({e, event("e2", "x")}), (std::vector{append_result::set_aside, append_result::stored}));
}

TEST_F(event_inbox, i_03_impossible_ids_are_set_aside_under_an_id_made_of_the_bytes) {
    const auto odd = [] {
        return std::vector{
            event("", "x"), event(std::string(300, 'a'), "x"), event("good", "x"),
            event(std::string("a\0b", 3), "x"), event("\xFF", "x")
        };
    };
    using enum append_result;
    EXPECT_EQ(append(odd()), (std::vector{set_aside, set_aside, stored, set_aside, set_aside}));
    EXPECT_EQ(append(odd()), std::vector(5, duplicate));
    EXPECT_EQ(value("select count(*) from webhook_events where status = 'dead' and body = 'x'"), "4");
    run(inbox_->mark_ignored({std::string("a\0b", 3), "good"})); // must not fail for the good one
    EXPECT_EQ(value("select status from webhook_events where event_id = 'good'"), "ignored");
}

TEST_F(event_inbox, be_34_a_double_whose_bytes_cannot_be_kept_is_a_conflict_all_the_same) {
    append({event("e1", "body")});
    sql("alter table webhook_conflicts add check (body <> 'odd')");
    EXPECT_EQ(
        append({event("e2", "x"), event("e1", "odd")}),
        (std::vector{append_result::stored, append_result::conflict})
    );
}

TEST_F(event_inbox, i_19_waiting_counts_from_storage_by_the_databases_clock) {
    auto spooled = event("spooled", "x", "s1");
    spooled.received_at = k_noon; // long ago, and by another clock
    append({spooled, event("older", "x", "s1")}, millis{0});
    sql("update webhook_events set stored_at = stored_at - interval '90 s' where event_id = 'older'");
    std::map<std::string, millis> waited;
    for (const auto& e : run(inbox_->claim_pending(10, millis{0})))
        waited[e.event_id] = e.waited;
    EXPECT_LT(waited["spooled"], millis{30'000});
    EXPECT_GE(waited["older"], millis{90'000});
    EXPECT_LT(waited["older"], millis{120'000});
    EXPECT_EQ(run(inbox_->claim_session("s1", k_claim)).size(), 2U);
    sql("update webhook_events set stored_at = stored_at + interval '1 h'"); // a clock that was set back
    for (const auto& e : run(inbox_->claim_session("s1", k_claim)))
        EXPECT_EQ(e.waited, millis{0});
}

TEST_F(event_inbox, a_postponement_counts_an_attempt_only_if_told_so) {
    append({event("e1", "x", "s1")});
    run(inbox_->postpone({"e1"}, millis{0}, "a newer form", false));
    EXPECT_EQ(run(inbox_->claim_session("s1", millis{0})).at(0).attempts, 0U);
    run(inbox_->postpone({"e1"}, millis{0}, "failed", true));
    EXPECT_EQ(run(inbox_->claim_session("s1", millis{0})).at(0).attempts, 1U);
}

TEST_F(event_inbox, i_20_what_an_older_program_puts_off_is_taken_at_once_and_once) {
    append(
        {event("old1", "x", "s1"), event("old2", "x", "s2"), event("busy", "x", "s3"), event("bad", "x", "s4")
        }
    );
    EXPECT_TRUE(run(inbox_->claim_pending(10, k_claim)).empty()) << "all are held";
    const std::string call = "call 0b0c8f52-1f6e-4a5b-9d39-2f0f5d0a7c00 is ";
    run(inbox_->postpone({"old1"}, k_claim, call + "stored in form 4, this program reads up to 1", false));
    run(inbox_->postpone({"old2"}, k_claim, "a request of a kind that this program does not know", false));
    run(inbox_->postpone({"bad"}, k_claim, call + "damaged in store: this program cannot read it"));
    const auto taken = run(inbox_->claim_pending(10, k_claim));
    ASSERT_EQ(taken.size(), 2U);
    EXPECT_EQ(taken[0].event_id, "old1");
    EXPECT_EQ(taken[1].event_id, "old2");
    EXPECT_TRUE(run(inbox_->claim_pending(10, k_claim)).empty()) << "held by who took them";
    // The older one, which had them in hand, says so again.
    run(inbox_->postpone({"old1"}, k_claim, call + "stored in form 4, this program reads up to 1", false));
    EXPECT_EQ(run(inbox_->claim_pending(10, k_claim)).size(), 1U);
    sql("update webhook_events set status = 'done', processed_at = now()");
    EXPECT_TRUE(run(inbox_->claim_pending(10, k_claim)).empty());
}

TEST_F(event_inbox, i_03_who_begins_a_call_takes_up_what_was_buried_for_want_of_it) {
    append(
        {event("e1", "x", "s1"), event("e2", "x", "s1"), event("e3", "x", "s1"), event("e4", "x", "s2"),
         event("e5", "x", "s1"), event("e6", "x", "s1")}
    );
    run(inbox_->postpone({"e1"}, millis{0}, "unknown session"));
    run(inbox_->mark_dead({"e1", "e4"}, std::string(port::k_unknown_session)));
    run(inbox_->mark_dead({"e2"}, "failed 5 times"));
    run(inbox_->mark_ignored({"e3"}));
    // what a program of the version before buried
    sql("update webhook_events set status = 'dead', processed_at = now(), error = 'unknown session' "
        "where event_id = 'e6'");
    const auto taken = run(inbox_->claim_session("s1", k_claim));
    EXPECT_EQ(ids(taken), (std::vector<std::string>{"e1", "e5", "e6"}));
    EXPECT_EQ(taken.at(0).attempts, 0U);
    EXPECT_EQ(
        value("select string_agg(event_id || status || coalesce(error, '') || orphaned || (processed_at is "
              "null), ' ' "
              "order by event_id) from webhook_events where event_id in ('e1', 'e5', 'e6')"),
        "e1newfalsetrue e5newfalsetrue e6newfalsetrue"
    );
    EXPECT_TRUE(run(inbox_->claim_pending(10, k_claim)).empty()); // they are ours now
}

TEST_F(event_inbox, i_03_an_event_that_is_just_being_buried_is_not_missed) {
    append({event("e1", "x", "s1")});
    pqxx::connection other(scratch_->url());
    pqxx::work burying(other);
    burying.exec(
        "update webhook_events set status = 'dead', processed_at = now(), error = 'unknown session', "
        "orphaned = true"
    );
    std::thread commit([&] { // as soon as the claim waits for it
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        while (value("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and "
                     "datname = current_database() and query like '%call_session_id = $1%'") == "0" &&
               std::chrono::steady_clock::now() < until)
            std::this_thread::yield();
        burying.commit();
    });
    const auto taken = run(inbox_->claim_session("s1", k_claim));
    commit.join();
    EXPECT_EQ(ids(taken), std::vector<std::string>{"e1"});
    EXPECT_EQ(value("select status from webhook_events"), "new");
}
