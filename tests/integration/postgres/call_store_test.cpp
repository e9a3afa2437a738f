// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "calls.hpp"
#include "wire/state_codec.hpp"

#include <z360/port/errors.hpp>

using namespace z360;
using namespace z360::testing;
using port::commit_result;

namespace {

class call_store : public stored_calls {
  protected:
    port::stored_call load(const call_id& id) {
        auto s = run(calls_->load(id));
        if (!s) throw std::runtime_error("no such call");
        return std::move(*s);
    }

    // One of many that want the ring's version 1.
    awaitable<void> claim_ring(port::call_store& store, call::state s, int n) {
        port::call_commit c;
        c.expected_version = 1;
        c.next = s;
        join_leg(c.next, static_cast<std::size_t>(n) % 3);
        c.at = k_noon;
        c.notes.push_back({call::remark::winner_claimed, std::to_string(n)});
        const auto r = co_await store.commit(std::move(c), k_claim);
        if (r == commit_result::committed) winner_ = std::to_string(n);
        ++(r == commit_result::committed ? committed_ : conflicts_);
    }

    int committed_ = 0;
    int conflicts_ = 0;
    std::string winner_;
};

} // namespace

TEST_F(call_store, gives_back_exactly_the_state_that_was_committed) {
    const auto s = ringing(people_, "s1");
    ASSERT_EQ(commit(first_commit(s)), commit_result::committed);
    const auto stored = load(s.id);
    EXPECT_EQ(stored.version, 1U);
    EXPECT_TRUE(stored.state == s);
    EXPECT_FALSE(run(calls_->load(id_of("another"))));
    EXPECT_EQ(
        value(
            "select next_deadline = z360_at(" +
            std::to_string(s.rings.back().deadline.time_since_epoch().count()) + ") from calls"
        ),
        "t"
    );
}

TEST_F(call_store, be_20_legs_and_dials_are_rows_from_the_first_commit_on) {
    const auto s = ringing(people_, "s1");
    commit(first_commit(s));
    EXPECT_EQ(
        value("select count(*) from call_legs where dial = 'requested' and call_control_id is null"), "3"
    );
    EXPECT_EQ(
        value("select count(*) from commands c join call_legs l on l.leg_id::text = c.command_id and "
              "c.leg_id = "
              "l.leg_id where verb = 'dial' and status = 'pending' and c.org_id = l.org_id"),
        "3"
    );
    EXPECT_EQ(value("select what || ' ' || detail from call_events"), "call_began devices=3");
}

TEST_F(call_store, a_commit_on_an_old_version_changes_nothing_at_all) {
    auto s = ringing(people_, "s1");
    commit(first_commit(s));
    port::call_commit step;
    step.expected_version = 1;
    step.next = s;
    step.next.legs[0].answered = true;
    step.at = k_noon + millis{1};
    ASSERT_EQ(commit(step), commit_result::committed);

    port::call_commit late = step;
    late.next.legs[1].answered = true;
    late.notes.push_back({call::remark::winner_dropped, ""});
    late.finished.push_back(
        call::command_outcome{s.legs[0].id.text(), call::verb::dial, {}, call::outcome::refused, "x"}
    );
    call::command extra;
    extra.id = "extra";
    extra.body = call::answer_body{};
    late.new_effects.push_back(extra);
    run(inbox_->append({event("e1", "{}", "s1")}, k_claim));
    late.processed_events.emplace_back("e1");
    EXPECT_EQ(commit(late), commit_result::conflict);

    const auto stored = load(s.id);
    EXPECT_EQ(stored.version, 2U);
    EXPECT_TRUE(stored.state == step.next);
    EXPECT_EQ(value("select count(*) from call_legs where answered"), "1");
    EXPECT_EQ(value("select count(*) from call_events where what = 'winner_dropped'"), "0");
    EXPECT_EQ(value("select count(*) from commands where command_id = 'extra' or status <> 'pending'"), "0");
    EXPECT_EQ(value("select status from webhook_events"), "new");
    EXPECT_EQ(commit(first_commit(s)), commit_result::conflict); // begun twice
    EXPECT_EQ(value("select count(*) from commands"), "3");
}

TEST_F(call_store, be_07_of_32_concurrent_commits_on_one_version_exactly_one_is_committed) {
    auto s = ringing(people_, "s1");
    commit(first_commit(s));
    auto second_node = std::make_unique<pg::database>(settings());
    auto other = pg::make_call_store(*second_node);
    std::vector<awaitable<void>> tasks;
    for (int n = 0; n < 32; ++n)
        tasks.push_back(claim_ring(n % 2 == 0 ? *calls_ : *other, s, n));
    run(together(std::move(tasks)));
    EXPECT_EQ(committed_, 1);
    EXPECT_EQ(conflicts_, 31);
    EXPECT_EQ(
        value("select string_agg(detail, ',') from call_events where what = 'winner_claimed'"), winner_
    );
    const auto stored = load(s.id);
    EXPECT_EQ(stored.version, 2U);
    EXPECT_EQ(value("select winner_leg_id from calls"), winner(stored.state)->id.text());
    other.reset();
    second_node.reset();
}

TEST_F(call_store, i_20_joins_are_rows_and_what_came_of_each_stays) {
    auto s = ringing(people_, "s1");
    ASSERT_EQ(commit(first_commit(s)), commit_result::committed);
    const auto rows = [this] {
        return value("select string_agg(j.epoch || ':' || l.device_id || ' ' || coalesce(j.over, 'open') || "
                     "case when j.joined_at is not null then ' talked' else '' end, ', ' order by j.epoch, "
                     "l.device_id) "
                     "from call_joins j join call_legs l using (leg_id)");
    };
    const auto device = [&s](std::size_t leg) { return std::to_string(s.legs[leg].device().value); };
    std::uint64_t version = 0;
    const auto store = [&] {
        port::call_commit c;
        c.expected_version = ++version;
        c.next = s;
        c.at = k_noon;
        return commit(c);
    };
    join_leg(s, 0).commanded = true;
    ASSERT_EQ(store(), commit_result::committed);
    EXPECT_EQ(rows(), "1:" + device(0) + " open");
    // In one commit the first comes to nothing and the next is claimed and joined.
    s.joins[0].over = call::join_end::dropped;
    s.joins[0].over_at = k_noon;
    auto next = s.joins[0];
    next = {.epoch = ++s.epoch, .a = next.a, .b = s.legs[1].id, .joined_at = k_noon};
    s.joins.push_back(next);
    ASSERT_EQ(store(), commit_result::committed);
    EXPECT_EQ(rows(), "1:" + device(0) + " dropped, 2:" + device(1) + " open talked");
    // The carrier reports the first one joined after all, and it counts again.
    std::swap(s.joins[0], s.joins[1]);
    s.joins[0].over = call::join_end::overtaken;
    s.joins[1].over = call::join_end::none;
    s.joins[1].over_at.reset();
    ASSERT_EQ(store(), commit_result::committed);
    EXPECT_EQ(rows(), "1:" + device(0) + " open, 2:" + device(1) + " overtaken talked");
    EXPECT_EQ(value("select winner_leg_id from calls"), s.legs[0].id.text());
    EXPECT_TRUE(load(s.id).state == s);
}

TEST_F(call_store, i_03_a_copy_that_is_written_forward_puts_its_own_claim_in_place_of_another) {
    auto s = ringing(people_, "s1");
    ASSERT_EQ(commit(first_commit(s)), commit_result::committed);
    port::call_commit theirs;
    theirs.expected_version = 1;
    theirs.next = s;
    join_leg(theirs.next, 0);
    theirs.at = k_noon;
    ASSERT_EQ(commit(theirs), commit_result::committed);
    port::call_commit ours;
    ours.expected_version = 2;
    ours.next_version = 1'000'000;
    ours.next = s;
    join_leg(ours.next, 1);
    ours.at = k_noon;
    ASSERT_EQ(commit(ours), commit_result::committed);
    EXPECT_EQ(value("select leg_id from call_joins where over is null"), s.legs[1].id.text());
    EXPECT_EQ(value("select over from call_joins where leg_id = '" + s.legs[0].id.text() + "'"), "overtaken");
}

TEST_F(call_store, be_36_legs_have_a_role_and_lead_to_an_identity_or_an_address) {
    auto s = ringing(people_, "s1");
    auto c = first_commit(s);
    call::leg peer;
    peer.id = {derive_uuid(s.id.value, 99)};
    peer.role = call::leg_role::peer;
    peer.to = call::endpoint_of("+15550100077");
    s.legs.push_back(peer);
    c.next = s;
    ASSERT_EQ(commit(c), commit_result::committed);
    EXPECT_EQ(
        value("select string_agg(distinct role || ' ' || endpoint || ' ' || coalesce(address, '-'), ', ') "
              "from call_legs"),
        "device identity -, peer e164 +15550100077"
    );
    EXPECT_TRUE(load(s.id).state == s);
}

TEST_F(call_store, updates_legs_finishes_commands_and_marks_events_in_the_same_commit) {
    auto s = ringing(people_, "s1");
    commit(first_commit(s));
    run(inbox_->append({event("e1", "{}", "s1"), event("e2", "{}", "s1")}, k_claim));
    port::call_commit step;
    step.expected_version = 1;
    step.next = s;
    step.next.reason = call::end_reason::caller_cancelled;
    step.next.ended_at = k_noon + millis{500};
    auto& l = step.next.legs[1];
    l.call_control_id = "v3:leg";
    l.dial = call::dial_status::accepted;
    l.release = call::release_reason::caller_gone;
    l.hangup_cause = "normal_clearing";
    l.ended = true;
    step.finished.push_back(
        call::command_outcome{s.legs[1].id.text(), call::verb::dial, {}, call::outcome::done, "", "", 3}
    );
    step.finished.push_back(
        call::command_outcome{"hangup-1", call::verb::hangup, {}, call::outcome::peer_gone, "90018"}
    );
    call::command hangup;
    hangup.id = "hangup-1";
    hangup.call_control_id = "v3:leg";
    hangup.leg = l.id;
    hangup.body = call::hangup_body{call::release_reason::caller_gone};
    step.new_effects.push_back(hangup);
    step.processed_events = {"e1"};
    step.at = k_noon + millis{500};
    ASSERT_EQ(commit(step), commit_result::committed);

    EXPECT_EQ(
        value(
            "select call_control_id || dial || release_reason || hangup_cause || ended::text from call_legs "
            "where call_control_id is not null"
        ),
        "v3:legacceptedcaller_gonenormal_clearingtrue"
    );
    EXPECT_EQ(
        value(
            "select status || ' ' || attempts from commands where command_id = '" + s.legs[1].id.text() + "'"
        ),
        "done 3"
    );
    // decided and finished by one folded commit
    EXPECT_EQ(
        value("select status || ' ' || error_code from commands where command_id = 'hangup-1'"),
        "peer_gone 90018"
    );
    EXPECT_EQ(
        value("select string_agg(event_id || status, ',' order by event_id) from webhook_events"),
        "e1done,e2new"
    );
    EXPECT_EQ(value("select call_id from webhook_events where event_id = 'e1'"), s.id.text());
    EXPECT_EQ(value("select next_deadline from calls"), "(null)");
    EXPECT_TRUE(load(s.id).state == step.next);
}

TEST_F(call_store, finds_a_call_by_session_or_any_leg) {
    auto s = ringing(people_, "s1");
    s.legs[2].call_control_id = "v3:leg-2";
    commit(first_commit(s));
    const auto find = [this](const char* session, const char* control) {
        return run(calls_->find(session, control));
    };
    EXPECT_EQ(find("s1", ""), s.id);
    EXPECT_EQ(find("", "caller-s1"), s.id);
    EXPECT_EQ(find("", "v3:leg-2"), s.id);
    EXPECT_EQ(find("foreign", "v3:leg-2"), s.id);
    EXPECT_FALSE(find("foreign", "foreign"));
    const auto second = ringing(people_, "s2");
    commit(first_commit(second));
    EXPECT_EQ(find("s1", "caller-s2"), second.id) << "a leg says more than a session";
    EXPECT_EQ(find("s1", "unknown"), s.id);
    EXPECT_FALSE(find("", "")); // the other legs have no control id yet: empty must not match them
}

TEST_F(call_store, be_15_who_called_is_a_column_beside_what_the_carrier_sent) {
    auto s = ringing(people_, "s1");
    s.caller.to = call::endpoint_of("+13125550142");
    s.origin.number_sent = "sip:%2B13125550142@example.com";
    s.origin.dialed_sent = "tel:+1-555-010-0001";
    commit(first_commit(s));
    EXPECT_EQ(
        value("select caller_number || ' ' || caller_sent || ' ' || dialed_sent from calls"),
        "+13125550142 sip:%2B13125550142@example.com tel:+1-555-010-0001"
    );
    auto bare = ringing(people_, "s2");
    commit(first_commit(bare));
    EXPECT_EQ(value("select count(*) from calls where caller_sent is null and dialed_sent is null"), "1");
}

TEST_F(call_store, be_21_overdue_calls_are_offered_once_and_again_when_nobody_acts) {
    auto early = ringing(people_, "early");
    auto late = ringing(people_, "late");
    commit(first_commit(early));
    auto c = first_commit(late);
    c.deadline = k_noon + millis{60'000};
    commit(std::move(c));
    // As of a moment of ours, or a little later: the margin reaches back from the database's clock.
    const auto sweep = [this](time_point as_of) {
        const auto now = time_point{millis{std::stoll(value("select z360_ms(clock_timestamp())"))}};
        // One millisecond later: `now` may have been rounded up.
        return run(calls_->claim_overdue(now - as_of - millis{1}, 10));
    };
    EXPECT_TRUE(sweep(k_noon).empty());
    auto due = sweep(k_noon + millis{30'000});
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0], early.id);
    EXPECT_TRUE(sweep(k_noon + millis{30'000}).empty()); // just offered
    EXPECT_EQ(load(early.id).version, 1U);               // the offer is no change of the call
    sql("update calls set deadline_claimed_until = now() - interval '1 ms'");
    EXPECT_EQ(sweep(k_noon + millis{60'000}).size(), 2U);
    port::call_commit step;
    step.expected_version = 1;
    step.next = early;
    step.deadline = k_noon + millis{90'000};
    step.at = k_noon;
    ASSERT_EQ(commit(step), commit_result::committed);
    EXPECT_EQ(
        sweep(k_noon + millis{90'000}), std::vector<call_id>{early.id}
    ); // a new deadline is nobody's yet
}

TEST_F(call_store, i_19_overdue_is_judged_by_the_databases_clock_alone) {
    const auto due_in = [this](const char* session, millis ms) {
        auto s = ringing(people_, session);
        auto c = first_commit(s);
        c.deadline = time_point{millis{std::stoll(value("select z360_ms(clock_timestamp())"))}} + ms;
        c.at = k_noon; // this node's clock is far behind
        commit(std::move(c));
        return s.id;
    };
    const auto past = due_in("past", millis{-5'000});
    due_in("just", millis{0});
    due_in("ahead", millis{60'000});
    EXPECT_EQ(run(calls_->claim_overdue(millis{3'000}, 10)), std::vector<call_id>{past});
    EXPECT_EQ(run(calls_->claim_overdue(millis{0}, 10)), std::vector<call_id>{id_of("just")});
    EXPECT_TRUE(run(calls_->claim_overdue(millis{0}, 10)).empty());
}

TEST_F(call_store, memory_is_written_forward_over_a_row_that_has_lost_commits) {
    auto s = ringing(people_, "s1");
    commit(first_commit(s));
    port::call_commit ahead;
    ahead.expected_version = 1; // what a failover has left of 9
    ahead.next_version = 10;
    ahead.next = s;
    ahead.next.legs[2].answered = true;
    ahead.at = k_noon;
    ASSERT_EQ(commit(ahead), commit_result::committed);
    EXPECT_EQ(load(s.id).version, 10U);
    EXPECT_TRUE(load(s.id).state == ahead.next);
    EXPECT_EQ(commit(ahead), commit_result::conflict);
    ahead.expected_version = 10;
    ahead.next_version = 0;
    ASSERT_EQ(commit(ahead), commit_result::committed);
    EXPECT_EQ(load(s.id).version, 11U);
}

TEST_F(call_store, memory_of_a_call_whose_row_is_gone_is_written_with_its_legs_and_commands) {
    auto s = ringing(people_, "s1");
    s.legs[1].call_control_id = "v3:leg-1";
    s.legs[1].answered = true;
    auto c = first_commit(s);
    c.next_version = 7;
    ASSERT_EQ(commit(c, millis{0}), commit_result::committed);
    EXPECT_EQ(load(s.id).version, 7U);
    EXPECT_TRUE(load(s.id).state == s);
    EXPECT_EQ(value("select count(*) from call_legs where answered and call_control_id = 'v3:leg-1'"), "1");
    EXPECT_EQ(value("select count(*) from call_legs"), "3");
    EXPECT_EQ(run(calls_->claim_effects(10, k_claim, {call::channel::carrier})).size(), 3U);
    EXPECT_EQ(commit(c), commit_result::conflict); // two nodes remember it: one of them writes
}

TEST_F(call_store, sys_a_row_of_a_newer_form_is_left_alone) {
    auto s = ringing(people_, "s1");
    auto ours = ringing(people_, "ours");
    commit(first_commit(s), millis{0});
    commit(first_commit(ours), millis{0});
    const auto mine = std::to_string(wire::k_plain_form);
    const auto newer = std::to_string(wire::k_state_version + 1);
    EXPECT_EQ(
        value("select min(c.form) || ' ' || max(c.form) || ' ' || min(o.form) || ' ' || max(o.form) "
              "from calls c join commands o using (call_id)"),
        mine + " " + mine + " " + mine + " " + mine
    );
    sql("update calls set form = " + newer + ", snapshot = '{\"v\": " + newer +
        "}' where call_session_id = 's1'");
    EXPECT_THROW(run(calls_->load(s.id)), port::newer_form);
    EXPECT_EQ(run(calls_->claim_overdue(millis{0}, 10)), std::vector<call_id>{ours.id});
    sql("update commands set form = " + newer + " where command_id = '" + ours.legs[0].id.text() + "'");
    const auto left = run(calls_->claim_effects(10, k_claim, {call::channel::carrier}));
    EXPECT_EQ(left.size(), 2U);
    for (const auto& o : left)
        EXPECT_EQ(o.call, ours.id);
    port::call_commit step;
    step.expected_version = 1;
    step.next = s;
    step.at = k_noon;
    EXPECT_EQ(commit(step), commit_result::conflict);
    EXPECT_EQ(commit(first_commit(s)), commit_result::conflict);
    EXPECT_EQ(
        value("select form || ' ' || version || snapshot::text from calls where call_session_id = 's1'"),
        newer + " 1{\"v\": " + newer + "}"
    );
    EXPECT_EQ(
        value("select count(*) from calls where deadline_claimed_until is not null and form = " + newer), "0"
    );
    EXPECT_EQ(run(calls_->find("s1", "")), s.id); // whose an event is can be told
}

TEST_F(call_store, a_damaged_row_of_our_own_form_is_not_taken_for_a_newer_one) {
    const auto s = ringing(people_, "s1");
    commit(first_commit(s));
    sql("update calls set snapshot = jsonb_set(snapshot, '{reason}', '\"telepathy\"')");
    try {
        run(calls_->load(s.id));
        FAIL() << "a snapshot with an unknown word was read";
    } catch (const port::newer_form& e) {
        FAIL() << e.what();
    } catch (const port::unavailable& e) {
        FAIL() << e.what();
    } catch (const std::runtime_error& e) {
        EXPECT_NE(std::string(e.what()).find(s.id.text()), std::string::npos) << e.what();
    }
}

TEST_F(
    call_store, i_05_a_row_that_holds_another_calls_snapshot_is_damaged_and_leads_to_no_write_to_that_one
) {
    const auto one = ringing(people_, "s1");
    const auto other = ringing(people_, "s2");
    commit(first_commit(one));
    commit(first_commit(other));
    sql("update calls set snapshot = (select snapshot from calls where call_session_id = 's2') "
        "where call_session_id = 's1'");
    EXPECT_THROW(run(calls_->load(one.id)), std::runtime_error);
    const auto unhurt = run(calls_->load(other.id));
    ASSERT_TRUE(unhurt);
    EXPECT_EQ(unhurt->state.id, other.id);
}

TEST_F(call_store, i_03_an_event_that_was_buried_while_its_call_began_is_done_with_the_commit_that_used_it) {
    auto s = ringing(people_, "s1");
    run(inbox_->append({event("late", "{}", "s1"), event("bad", "{}", "s1")}, k_claim));
    run(inbox_->mark_dead({"late"}, std::string(port::k_unknown_session)));
    run(inbox_->mark_dead({"bad"}, "failed 5 times"));
    auto c = first_commit(s);
    c.processed_events = {"late", "bad"};
    ASSERT_EQ(commit(c), commit_result::committed);
    EXPECT_EQ(
        value("select string_agg(event_id || status, ' ' order by event_id) from webhook_events"),
        "baddead latedone"
    );
}

TEST_F(call_store, sys_a_program_of_the_version_before_goes_on_beside_this_one) {
    const auto s = ringing(people_, "s1");
    commit(first_commit(s));
    // its statements, which know nothing of form, stored_at and orphaned
    sql("update calls set version = version + 1, updated_at = now() where call_session_id = 's1' and version "
        "= 1");
    sql("insert into commands (command_id, call_id, org_id, leg_id, verb, payload, deadline, status, "
        "claimed_until, "
        "created_at) select 'old', call_id, org_id, leg_id, verb, payload, deadline, 'pending', "
        "clock_timestamp(), "
        "created_at from commands limit 1");
    sql("insert into webhook_events (event_id, event_type, route, call_session_id, received_at, body, "
        "claimed_until, "
        "status) values ('e1', 'call.answered', 'call_control', 's1', now(), 'x', clock_timestamp(), 'new')");
    EXPECT_EQ(load(s.id).version, 2U);
    EXPECT_EQ(run(calls_->claim_effects(10, k_claim, {call::channel::carrier})).size(), 1U);
    const auto events = run(inbox_->claim_session("s1", k_claim));
    ASSERT_EQ(events.size(), 1U);
    EXPECT_LT(events[0].waited, millis{30'000});
}

TEST_F(call_store, be_21_commands_of_a_dead_node_are_taken_over_once_their_claim_is_over) {
    auto s = ringing(people_, "s1");
    commit(first_commit(s), millis{0});
    run(calls_->extend_claim(s.legs[0].id.text(), k_claim, 1)); // its node lives
    const auto orphans = run(calls_->claim_effects(10, k_claim, {call::channel::carrier}));
    ASSERT_EQ(orphans.size(), 2U);
    for (const auto& o : orphans) {
        EXPECT_EQ(o.call, s.id);
        EXPECT_EQ(call::kind_of(o.what), "dial");
        EXPECT_NE(o.what.id, s.legs[0].id.text());
        EXPECT_EQ(
            std::get<call::dial_body>(std::get<call::carrier_command>(o.what.body).body).org, people_.org
        );
    }
    EXPECT_TRUE(run(calls_->claim_effects(10, k_claim, {call::channel::carrier})).empty());
    const auto attempts = "select attempts from commands where command_id = '" + s.legs[0].id.text() + "'";
    EXPECT_EQ(value(attempts), "1");
    for (int i = 0; i < 3; ++i) // it is asked about while it waits: that is no attempt
        run(calls_->extend_claim(s.legs[0].id.text(), k_claim, 2));
    EXPECT_EQ(value(attempts), "2");
}

TEST_F(call_store, be_21_what_is_taken_over_of_a_command_issued_again_has_the_time_of_the_second_issue) {
    auto s = ringing(people_, "s1");
    commit(first_commit(s));
    port::call_commit given_up;
    given_up.expected_version = 1;
    given_up.next = s;
    given_up.at = k_noon;
    call::command_outcome o;
    o.command_id = s.legs[0].id.text();
    o.result = call::outcome::superseded;
    given_up.finished.emplace_back(o);
    ASSERT_EQ(commit(given_up), commit_result::committed);
    port::call_commit again;
    again.expected_version = 2;
    again.next = s;
    again.at = k_noon;
    auto later = dial(s, 0);
    later.deadline += millis{7'000};
    again.new_effects.emplace_back(later);
    ASSERT_EQ(commit(again, millis{0}), commit_result::committed);
    const auto left = run(calls_->claim_effects(10, k_claim, {call::channel::carrier}));
    ASSERT_EQ(left.size(), 1U);
    EXPECT_EQ(left[0].what.id, later.id);
    EXPECT_EQ(left[0].what.deadline, later.deadline);
}

TEST_F(call_store, be_21_effects_of_a_channel_are_claimed_by_nodes_that_can_carry_them_out) {
    auto s = ringing(people_, "s1");
    auto first = first_commit(s);
    call::effect e;
    e.id = "test-1";
    e.issued_at = s.began;
    e.deadline = s.began + millis{20'000};
    e.body = call::test_effect{s.id, "hello"};
    first.new_effects.push_back(e);
    ASSERT_EQ(commit(first, millis{0}), commit_result::committed);
    EXPECT_EQ(value("select channel || ' ' || verb from commands where command_id = 'test-1'"), "test test");
    sql("insert into commands (command_id, call_id, channel, verb, payload, deadline, claimed_until, "
        "created_at, "
        "form) select 'fax-1', call_id, 'fax', 'page', '{}', deadline, claimed_until, created_at, 1 from "
        "commands "
        "limit 1");

    const std::string left = "select string_agg(command_id || attempts::text || (claimed_until <= "
                             "clock_timestamp())::text, ' ' order by command_id) from commands where channel "
                             "<> 'carrier'";
    EXPECT_EQ(run(calls_->claim_effects(10, k_claim, {call::channel::carrier})).size(), 3U);
    EXPECT_EQ(value(left), "fax-10true test-10true") << "nothing of theirs was taken";
    EXPECT_TRUE(run(calls_->claim_effects(10, k_claim, {})).empty());

    const auto taken = run(calls_->claim_effects(10, k_claim, {call::channel::carrier, call::channel::test}));
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(taken[0].call, s.id);
    EXPECT_EQ(taken[0].what.id, "test-1");
    EXPECT_EQ(std::get<call::test_effect>(taken[0].what.body), std::get<call::test_effect>(e.body));
    EXPECT_EQ(value(left), "fax-10true test-10false");

    port::call_commit step;
    step.expected_version = 1;
    step.next = s;
    step.at = k_noon + millis{1};
    step.finished.push_back(call::test_outcome{"test-1", call::outcome::done, "hi", 2});
    ASSERT_EQ(commit(step), commit_result::committed);
    EXPECT_EQ(value("select status || attempts from commands where command_id = 'test-1'"), "done2");
}

TEST_F(call_store, a_program_from_before_channels_takes_the_carriers_effects_alone_and_writes_them) {
    auto s = ringing(people_, "s1");
    auto first = first_commit(s);
    call::effect e;
    e.id = "test-1";
    e.issued_at = s.began;
    e.deadline = s.began + millis{20'000};
    e.body = call::test_effect{s.id, "hello"};
    first.new_effects.push_back(e);
    ASSERT_EQ(commit(first, millis{0}), commit_result::committed);
    // its statements: the form that it knows, and not a word of channels
    EXPECT_EQ(
        value(
            "with due as (select command_id from commands o where status = 'pending' and claimed_until <= "
            "clock_timestamp() and form <= " +
            std::to_string(wire::k_plain_form) +
            " order by claimed_until limit 10 for update skip locked) update commands c set claimed_until = "
            "clock_timestamp() + interval '1 ms' from due where c.command_id = due.command_id returning "
            "(select count(*) from due)"
        ),
        "3"
    );
    sql("insert into commands (command_id, call_id, org_id, verb, payload, deadline, status, claimed_until, "
        "created_at, form) select 'old', call_id, org_id, 'answer', payload, deadline, 'pending', "
        "clock_timestamp(), created_at, form from commands where channel = 'carrier' limit 1");
    EXPECT_EQ(value("select channel from commands where command_id = 'old'"), "carrier");
    EXPECT_THROW(sql("update commands set verb = 'levitate' where command_id = 'old'"), std::exception);
}

TEST_F(call_store, a_call_of_an_unknown_number_is_stored_without_a_tenant) {
    call::state s;
    s.id = id_of("stray");
    s.origin.call_session_id = "stray";
    s.caller.call_control_id = "caller-stray";
    s.reason = call::end_reason::rejected;
    s.began = k_noon;
    s.ended_at = k_noon;
    port::call_commit c;
    c.next = s;
    c.at = k_noon;
    call::command reject;
    reject.id = "reject-1";
    reject.call_control_id = "caller-stray";
    reject.body = call::reject_body{};
    c.new_effects.push_back(reject);
    EXPECT_EQ(commit(c), commit_result::committed);
    EXPECT_TRUE(load(s.id).state == s);
    s.id = id_of("stray-2");
    s.origin.call_session_id = "stray-2";
    s.caller.call_control_id = "caller-stray-2";
    s.reason = call::end_reason::none; // a bug of the core must not become a row
    c.next = s;
    c.new_effects.clear();
    EXPECT_THROW(commit(c), pg::statement_error);
}

TEST_F(call_store, text_from_outside_that_postgres_cannot_hold_does_not_stop_a_call) {
    auto s = ringing(people_, "s1");
    s.caller.to = call::endpoint_of(std::string("\0\xFF+1", 4));
    s.legs[0].hangup_cause = std::string("a\0b", 3);
    auto c = first_commit(s);
    c.notes.push_back({call::remark::carrier_asked, std::string("\xC3\0x", 3)});
    EXPECT_EQ(commit(c), commit_result::committed);
    EXPECT_EQ(load(s.id).state.legs[0].hangup_cause, "a\uFFFDb");
}

TEST_F(call_store, cred_01_two_legs_to_one_device_are_told_apart) {
    auto s = ringing(people_, "s1");
    auto second = s.legs[0];
    second.id = {derive_uuid(s.id.value, 99)};
    auto before = *second.goes_to();
    before.sip_username = "gencred-before";
    before.identity = {std::stoll(value(
        "insert into sip_identities (device_id, telnyx_credential_id, sip_username, state) values (" +
        std::to_string(second.device().value) +
        ", 'cred-before', 'gencred-before', 'rotating') returning identity_id"
    ))};
    second.to = before;
    s.legs.push_back(second);
    EXPECT_EQ(commit(first_commit(s)), commit_result::committed);
    port::call_commit next;
    next.expected_version = 1;
    next.next = s;
    next.next.legs[3].answered = true;
    next.at = k_noon;
    EXPECT_EQ(commit(next), commit_result::committed);
    EXPECT_EQ(
        value(
            "select string_agg(attempt || case when answered then '!' else '' end, ' ' order by attempt) "
            "from "
            "call_legs where device_id = " +
            std::to_string(second.device().value)
        ),
        "1 2!"
    );
}
