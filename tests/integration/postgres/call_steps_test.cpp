// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What decisions were made of, beside the call; and events that were given up, as operators meet them.
#include "adapter/postgres/ops/admin.hpp"
#include "calls.hpp"

using namespace z360;
using namespace z360::testing;
using port::commit_result;

namespace {

class call_steps : public stored_calls {
  protected:
    void SetUp() override {
        stored_calls::SetUp();
        if (IsSkipped()) return;
        letters_ = pg::make_dead_letters(*db_);
        backlog_ = pg::make_backlog(*db_);
    }
    static call::step step_of(call::event what) {
        call::step s;
        s.at = k_noon;
        s.events.push_back({std::move(what), "event-1", k_noon, {}});
        return s;
    }
    void event(const std::string& id, const std::string& status, const std::string& type = "call.hangup") {
        sql("insert into webhook_events (event_id, event_type, route, call_session_id, received_at, body, "
            "claimed_until, "
            "status, error, processed_at) values ('" +
            id + "', '" + type + "', 'call_control', 'session-" + id + "', now(), '{}', now(), '" + status +
            "', 'unknown session', now())");
    }
    std::string ids(const port::dead_filter& f, std::int64_t before = 0, std::size_t limit = 100) {
        std::string out;
        for (const auto& e : run(letters_->list(f, before, limit)))
            out += e.event_id + " ";
        return out;
    }
    std::unique_ptr<port::dead_letters> letters_;
    std::unique_ptr<port::backlog> backlog_;
};

} // namespace

TEST_F(call_steps, i_18_each_commit_records_what_it_was_decided_on_or_nothing_at_all) {
    const auto s = ringing(people_, "s1");
    auto first = first_commit(s);
    first.steps = {step_of(call::tick{})};
    ASSERT_EQ(commit(first), commit_result::committed);
    port::call_commit next;
    next.expected_version = 1;
    next.next = s;
    next.at = k_noon;
    next.steps = {step_of(call::leg_answered{{"v3:x", {}}}), step_of(call::tick{})};
    ASSERT_EQ(commit(next), commit_result::committed);
    EXPECT_EQ(commit(next), commit_result::conflict) << "of an old version";
    EXPECT_EQ(
        value("select string_agg(version || ':' || jsonb_array_length(steps), ' ' order by version) from "
              "call_steps"),
        "1:1 2:2"
    );

    pg::admin admin(secret(scratch_->url()));
    const auto h = admin.history(s.id.text());
    ASSERT_TRUE(h);
    EXPECT_EQ(h->version, 2U);
    EXPECT_TRUE(h->last == s);
    ASSERT_EQ(h->commits.size(), 2U);
    ASSERT_TRUE(h->commits[1].steps);
    EXPECT_EQ(name(h->commits[1].steps->front().events.front().what), "leg_answered");
    EXPECT_EQ(h->commits[1].steps->front().events.front().source, "event-1");
    EXPECT_FALSE(admin.history("nobody"));
    sql("update call_steps set steps = '[{\"at\":1,\"events\":[{\"kind\":\"beamed\",\"of\":{}}]}]' where "
        "version = 2");
    EXPECT_FALSE(admin.history(s.id.text())->commits[1].steps) << "a newer program's";
    EXPECT_EQ(
        value("select has_table_privilege('z360_tenant', 'call_steps', 'select, insert, update, delete')"),
        "f"
    );
}

TEST_F(call_steps, i_18_they_go_with_their_call_whichever_program_removes_it) {
    auto first = first_commit(ringing(people_, "s1"));
    first.steps = {step_of(call::tick{})};
    ASSERT_EQ(commit(first), commit_result::committed);
    sql("delete from commands; delete from call_events; delete from call_joins; delete from call_legs; "
        "delete from calls");
    EXPECT_EQ(value("select count(*) from call_steps"), "0");
}

TEST_F(call_steps, be_19_dead_letters_are_listed_by_what_they_have_in_common_and_offered_again_once) {
    event("e1", "dead");
    event("e2", "dead", "call.answered");
    event("e3", "done");
    event("e4", "dead");
    EXPECT_EQ(ids({}), "e4 e2 e1 ");
    EXPECT_EQ(ids({}, 0, 2), "e4 e2 ");
    EXPECT_EQ(ids({}, run(letters_->list({}, 0, 2)).back().position), "e1 ");
    EXPECT_EQ(ids({.event_type = "call.answered"}), "e2 ");
    EXPECT_EQ(ids({.call_session_id = "session-e4"}), "e4 ");
    EXPECT_EQ(ids({.error = "known sess"}), "e4 e2 e1 ");
    EXPECT_EQ(ids({.error = "%"}), "") << "text, no pattern";
    EXPECT_EQ(ids({.since = time_point{millis{9'000'000'000'000}}}), "");
    EXPECT_EQ(ids({.until = time_point{millis{1}}}), "");
    ASSERT_TRUE(run(letters_->find("e3")));
    EXPECT_EQ(run(letters_->find("e3"))->status, "done");
    EXPECT_EQ(run(letters_->find("e1"))->body, "{}");
    EXPECT_FALSE(run(letters_->find("e9")));

    const std::vector<std::string> some{"e1", "e3", "e9"};
    EXPECT_EQ(run(letters_->revive(some)), std::vector<std::string>{"e1"});
    EXPECT_TRUE(run(letters_->revive(some)).empty());
    EXPECT_EQ(run(letters_->revive(port::dead_filter{.error = "unknown"}, 1)), std::vector<std::string>{"e2"})
        << "the oldest";
    EXPECT_EQ(ids({}), "e4 ");
    EXPECT_EQ(
        value("select string_agg(event_id || attempts, ' ' order by event_id) from webhook_events where "
              "status = 'new'"),
        "e10 e20"
    );
}

TEST_F(call_steps, be_40_what_no_node_does_is_seen_by_how_long_it_waits) {
    const auto none = run(backlog_->ages());
    EXPECT_EQ(none.event, millis{0});
    EXPECT_EQ(none.call, millis{0});
    EXPECT_EQ(none.effect, millis{0});
    ASSERT_EQ(commit(first_commit(ringing(people_, "s1"))), commit_result::committed);
    event("e1", "dead");
    event("e2", "dead");
    sql("update webhook_events set status = 'new', processed_at = null, claimed_until = now() + interval '1 "
        "minute'");
    sql("update calls set next_deadline = now() + interval '1 minute'");
    EXPECT_EQ(run(backlog_->ages()).event, millis{0}) << "somebody has it in hand";
    EXPECT_EQ(run(backlog_->ages()).call, millis{0});
    EXPECT_EQ(run(backlog_->ages()).effect, millis{0});
    sql("update webhook_events set claimed_until = now() - interval '7 s' where event_id = 'e2'");
    sql("update calls set next_deadline = now() - interval '20 s'");
    sql("update commands set claimed_until = now() - interval '30 s' where command_id = (select "
        "min(command_id) from commands)");
    const auto waits = run(backlog_->ages());
    EXPECT_GE(waits.event, millis{7'000});
    EXPECT_LT(waits.event, millis{15'000});
    EXPECT_GE(waits.call, millis{20'000});
    EXPECT_GE(waits.effect, millis{30'000});
}
