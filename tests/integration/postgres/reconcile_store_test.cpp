// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the reconciler asks of the rows: who is due, what is unseen, which legs should live.
#include "calls.hpp"

#include <z360/port/reconcile_store.hpp>

#include <algorithm>

using namespace z360;
using namespace z360::testing;

namespace {

class reconcile_store_test : public postgres_test {
  protected:
    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        acme_ = add_people("acme", "+15550100001", 2);
        calls_ = pg::make_call_store(*db_);
        inbox_ = pg::make_event_inbox(*db_);
        rows_ = pg::make_reconcile_store(*db_);
    }
    /// A call that began so long ago by the database's clock, in this phase.
    call::state
    add(const std::string& session, const std::string& ago, call::phase p = call::phase::ringing) {
        auto s = ringing(acme_, session);
        // One device may be in one call only as far as these tests go: legs of different calls differ by id.
        if (p == call::phase::voicemail) s.voicemail.step = call::voicemail_step::greeting;
        s.began =
            time_point{millis{std::stoll(value("select z360_ms(clock_timestamp() - interval '" + ago + "')"))}
            };
        s.rings.back() = {.began = s.began, .deadline = s.began + millis{30'000}};
        for (auto& l : s.legs) {
            l.initiated = true;
            l.dial = call::dial_status::accepted;
            l.call_control_id = "v3:" + l.id.text();
        }
        if (p == call::phase::active) {
            join_leg(s, 0).joined_at = s.began + millis{4'000};
        }
        EXPECT_EQ(phase_of(s), p);
        run(calls_->commit(first_commit(s), millis{60'000}));
        return s;
    }
    std::vector<std::string> due(std::size_t most = 10, port::question_times t = {}) {
        std::vector<std::string> out;
        for (auto& c : run(rows_->claim_due(std::move(t), most))) {
            out.push_back(c.call_session_id);
            last_ = c;
        }
        return out;
    }
    /// The last question about this call was so long ago.
    void asked(const call::state& s, const std::string& ago) {
        sql("update call_questions set asked_at = clock_timestamp() - interval '" + ago +
            "' where call_id = '" + s.id.text() + "'");
    }
    port::inbox_event recorded(const std::string& id) {
        auto e = event(id, "{\"data\":{\"id\":\"" + id + "\"}}", "s1");
        return e;
    }
    std::vector<bool> append(std::vector<port::inbox_event> events) {
        return run(rows_->append_recorded(std::move(events), millis{2'000}));
    }
    port::standing standing_of(port::listed_leg leg, millis settled = millis{15'000}) {
        std::vector<port::listed_leg> one;
        one.push_back(std::move(leg));
        return run(rows_->standings(std::move(one), settled)).at(0);
    }
    std::optional<port::turn> turn(const std::string& holder, millis every, millis length) {
        return run(rows_->begin_turn("job", holder, every, length));
    }

    people acme_;
    port::due_call last_;
    std::unique_ptr<port::call_store> calls_;
    std::unique_ptr<port::event_inbox> inbox_;
    std::unique_ptr<port::reconcile_store> rows_;
};

using strings = std::vector<std::string>;

} // namespace

TEST_F(reconcile_store_test, be_09_a_ring_is_due_at_its_moments_and_once_at_each) {
    const auto s = add("s1", "4.5 seconds");
    EXPECT_EQ(due(), strings{});
    sql("update calls set began_at = began_at - interval '1 second'");
    EXPECT_EQ(due(), strings{"s1"});
    EXPECT_EQ(due(), strings{}); // asked about at its fifth second
    for (const char* age : {"10.5", "20.5", "28.5"}) {
        sql("update calls set began_at = clock_timestamp() - interval '" + std::string(age) + " seconds'");
        asked(s, "2 seconds");
        EXPECT_EQ(due(), strings{"s1"}) << age;
        EXPECT_EQ(due(), strings{}) << age;
    }
    // Two moments have passed unasked: one question is enough.
    sql("update calls set began_at = clock_timestamp() - interval '21 seconds'");
    asked(s, "17 seconds");
    EXPECT_EQ(due(), strings{"s1"});
    EXPECT_EQ(due(), strings{});
}

TEST_F(reconcile_store_test, be_09_a_ring_past_its_end_is_due_two_seconds_later_also_in_voicemail) {
    const auto s = add("s1", "31.5 seconds", call::phase::voicemail);
    EXPECT_EQ(due(), strings{});
    const auto t = add("s2", "32.5 seconds", call::phase::voicemail);
    EXPECT_EQ(due(), strings{"s2"});
    EXPECT_EQ(due(), strings{});
}

TEST_F(reconcile_store_test, be_09_a_leg_without_any_event_is_asked_about_three_seconds_after_its_dial) {
    const auto s = add("s1", "2.5 seconds");
    const auto t = add("s2", "3.5 seconds");
    EXPECT_EQ(due(), strings{});
    sql("update call_legs set initiated = false, call_control_id = null where leg_id in ('" +
        s.legs[0].id.text() + "', '" + t.legs[0].id.text() + "')");
    EXPECT_EQ(due(), strings{"s2"});
    EXPECT_EQ(due(), strings{});
}

TEST_F(reconcile_store_test, be_09_a_silent_talk_is_due_again_and_again_and_rings_come_first) {
    const auto talk = add("talk", "200 seconds", call::phase::active);
    sql("update calls set updated_at = clock_timestamp() - interval '40 seconds'");
    EXPECT_EQ(due(), strings{});
    sql("update calls set updated_at = clock_timestamp() - interval '50 seconds'");
    add("ring", "6 seconds");
    EXPECT_EQ(due(), (strings{"ring", "talk"}));
    EXPECT_EQ(due(), strings{});
    asked(talk, "50 seconds");
    EXPECT_EQ(due(), strings{"talk"});
    add("over", "50 seconds", call::phase::voicemail);
    sql("update calls set phase = 'ended', end_reason = 'voicemail', ended_at = now() where call_session_id "
        "= 'over'");
    EXPECT_EQ(due(), strings{});
}

TEST_F(reconcile_store_test, be_09_a_damaged_call_does_not_keep_the_others_from_being_asked_about) {
    add("damaged", "6 seconds");
    for (const char* end :
         {"\"soon\"", "null", "1.5", "-1", "9223372036854775807", "1e300", "[]", "{}", "true"}) {
        SCOPED_TRACE(end);
        sql("update calls set snapshot = jsonb_set(snapshot, '{rings,0,deadline}', '" + std::string(end) +
            "') where call_session_id = 'damaged'");
        sql("delete from call_questions");
        const auto asked_about = due();
        EXPECT_EQ(asked_about, strings{"damaged"}); // its other moments are columns
    }
    add("whole", "33 seconds");
    const auto others = due();
    EXPECT_NE(std::find(others.begin(), others.end(), "whole"), others.end());
}
TEST_F(reconcile_store_test, i_16_questions_are_limited_for_all_nodes_together) {
    for (int i = 0; i < 5; ++i)
        add("s" + std::to_string(i), std::to_string(9 - i) + " seconds");
    EXPECT_EQ(due(3), (strings{"s0", "s1", "s2"})); // the longest due first
    EXPECT_EQ(due(3), strings{});
    sql("update call_questions set asked_at = asked_at - interval '1 second'");
    EXPECT_EQ(due(3), (strings{"s3", "s4"}));
}

TEST_F(reconcile_store_test, be_09_nodes_that_look_at_the_same_time_ask_once) {
    for (int i = 0; i < 8; ++i)
        add("s" + std::to_string(i), "6 seconds");
    std::vector<awaitable<void>> looks;
    std::vector<std::string> taken;
    struct looker {
        static awaitable<void> go(port::reconcile_store& rows, std::vector<std::string>& to) {
            const auto some = co_await rows.claim_due(port::question_times{}, 100);
            for (const auto& c : some)
                to.push_back(c.call_session_id);
        }
    };
    for (int i = 0; i < 4; ++i)
        looks.push_back(looker::go(*rows_, taken));
    run(together(std::move(looks)));
    EXPECT_EQ(taken.size(), 8U);
    std::sort(taken.begin(), taken.end());
    EXPECT_EQ(std::unique(taken.begin(), taken.end()), taken.end());
}

TEST_F(reconcile_store_test, be_09_a_question_that_was_not_answered_is_due_as_before) {
    const auto s = add("s1", "6 seconds");
    EXPECT_EQ(due(), strings{"s1"});
    run(rows_->put_back(last_));
    EXPECT_EQ(due(), strings{"s1"});
    asked(s, "1 seconds");
    sql("update calls set began_at = clock_timestamp() - interval '10.5 seconds'");
    EXPECT_EQ(due(), strings{"s1"});
    EXPECT_TRUE(last_.asked_before.has_value());
    run(rows_->put_back(last_));
    EXPECT_EQ(due(), strings{"s1"});
    sql("update calls set phase = 'ended', end_reason = 'completed', ended_at = now()");
    run(rows_->tidy());
    EXPECT_EQ(value("select count(*) from call_questions"), "0");
}

TEST_F(reconcile_store_test, be_09_recorded_events_are_stored_once_and_webhooks_that_come_later_are_repeats) {
    run(inbox_->append({event("known", "{\"data\":{}}", "s1")}, millis{2'000}));
    EXPECT_EQ(run(rows_->unseen({"known", "lost", "too"})), (strings{"lost", "too"}));
    EXPECT_EQ(
        append({recorded("known"), recorded("lost"), recorded("too")}), (std::vector<bool>{false, true, true})
    );
    EXPECT_EQ(append({recorded("lost")}), std::vector<bool>{false});
    EXPECT_EQ(run(rows_->unseen({"known", "lost", "too"})), strings{});
    // The webhook's own bytes differ from those on record.
    const auto late =
        run(inbox_->append({event("lost", "{\"data\": {\"id\":\"lost\"}}", "s1")}, millis{2'000}));
    EXPECT_EQ(late.at(0), port::append_result::duplicate);
    // Of a webhook's own row that is still a conflict (I13).
    const auto forged = run(inbox_->append({event("known", "{\"data\":{\"x\":1}}", "s1")}, millis{2'000}));
    EXPECT_EQ(forged.at(0), port::append_result::conflict);
    EXPECT_EQ(value("select count(*) from webhook_conflicts"), "1");
    EXPECT_EQ(value("select count(*) from webhook_events where claimed_until > clock_timestamp()"), "3");
}

TEST_F(reconcile_store_test, be_09_what_was_made_and_buried_is_tried_again_when_it_is_found_again) {
    EXPECT_EQ(append({recorded("reconcile-hangup-1"), recorded("lost")}), (std::vector<bool>{true, true}));
    run(inbox_->mark_dead({"reconcile-hangup-1", "lost"}, "why"));
    EXPECT_EQ(append({recorded("reconcile-hangup-1"), recorded("lost")}), (std::vector<bool>{true, false}));
    EXPECT_EQ(value("select status from webhook_events where event_id = 'reconcile-hangup-1'"), "new");
    EXPECT_EQ(value("select status from webhook_events where event_id = 'lost'"), "dead");
}

TEST_F(reconcile_store_test, be_09_the_ledger_holds_the_living_legs_of_calls_that_go_on) {
    const auto talk = add("talk", "1 hour", call::phase::active);
    const auto old = add("old", "5 hours", call::phase::active);
    add("new", "1 second", call::phase::active);
    add("over", "1 hour");
    sql("update calls set phase = 'ended', end_reason = 'completed', ended_at = now() where call_session_id "
        "= 'over'");
    sql("update call_legs set ended = true where leg_id = '" + talk.legs[1].id.text() + "'");
    std::vector<port::ledger_call> all;
    call_id after;
    for (;;) { // page by page
        auto page = run(rows_->ledger(after, 1, millis{10'000}, millis{4 * 3'600'000}));
        if (page.empty()) break;
        after = page.back().call;
        all.push_back(page.back());
    }
    ASSERT_EQ(all.size(), 2U);
    const auto& t = all[0].call == talk.id ? all[0] : all[1];
    const auto& o = all[0].call == talk.id ? all[1] : all[0];
    EXPECT_EQ(t.call_control_id, "caller-talk");
    ASSERT_EQ(t.legs.size(), 1U);
    EXPECT_EQ(t.legs[0].call_control_id, talk.legs[0].call_control_id);
    EXPECT_FALSE(t.overlong);
    EXPECT_EQ(o.call, old.id);
    EXPECT_TRUE(o.overlong);
    EXPECT_EQ(o.legs.size(), 2U);
}

TEST_F(reconcile_store_test, i_08_listed_legs_are_judged_by_their_rows) {
    const auto s = add("s1", "1 hour", call::phase::active);
    const auto& leg = s.legs[0];
    EXPECT_EQ(standing_of({leg.call_control_id, "s1", leg.id}), port::standing::live);
    EXPECT_EQ(standing_of({leg.call_control_id, "s1", std::nullopt}), port::standing::live);
    EXPECT_EQ(standing_of({"caller-s1", "s1", std::nullopt}), port::standing::live);
    EXPECT_EQ(standing_of({"v3:other", "s1", leg.id}), port::standing::duplicate);
    EXPECT_EQ(standing_of({"v3:x", "s1", leg_id{uuid{5, 5}}}), port::standing::none);
    EXPECT_EQ(standing_of({"v3:x", "s9", std::nullopt}), port::standing::none);
    EXPECT_EQ(standing_of({"v3:x", "s1", std::nullopt}), port::standing::live); // nobody we know: left alone
    sql("update call_legs set call_control_id = null where leg_id = '" + leg.id.text() + "'");
    EXPECT_EQ(standing_of({"v3:found", "s1", leg.id}), port::standing::unlearned);
    const auto& other = s.legs[1];
    sql("update call_legs set release_reason = 'ring_timeout' where leg_id = '" + other.id.text() + "'");
    sql("update calls set updated_at = clock_timestamp()");
    EXPECT_EQ(
        standing_of({other.call_control_id, "s1", other.id}), port::standing::live
    ); // its hang-up is on its way
    sql("update calls set updated_at = clock_timestamp() - interval '20 seconds'");
    EXPECT_EQ(standing_of({other.call_control_id, "s1", other.id}), port::standing::over);
    sql("update calls set phase = 'ended', end_reason = 'completed', ended_at = clock_timestamp()");
    EXPECT_EQ(standing_of({"caller-s1", "s1", std::nullopt}), port::standing::live);
    sql("update calls set ended_at = clock_timestamp() - interval '20 seconds'");
    EXPECT_EQ(standing_of({"caller-s1", "s1", std::nullopt}), port::standing::over);
    EXPECT_EQ(standing_of({"v3:found", "s1", leg.id}), port::standing::over);
}

TEST_F(reconcile_store_test, be_09_one_node_at_a_time_has_a_turn_and_positions_only_rise) {
    using std::chrono::hours;
    const auto first = turn("a", millis{0}, millis{60'000});
    ASSERT_TRUE(first.has_value());
    EXPECT_FALSE(first->position.has_value());
    EXPECT_FALSE(turn("b", millis{0}, millis{60'000}).has_value());
    EXPECT_TRUE(turn("a", hours(1), millis{60'000}).has_value()); // holds it longer
    run(rows_->end_turn("job", "b", first->now + hours(9)));      // not b's to end
    EXPECT_FALSE(turn("b", millis{0}, millis{60'000}).has_value());
    run(rows_->end_turn("job", "a", first->now));
    EXPECT_FALSE(turn("b", hours(1), millis{60'000}).has_value()); // not yet
    const auto second = turn("b", millis{0}, millis{1});
    ASSERT_TRUE(second.has_value());
    EXPECT_EQ(second->position, first->now);
    sql("select pg_sleep(0.01)");
    run(rows_->end_turn("job", "b", first->now + hours(9))); // ran out: somebody else may have begun
    const auto third = turn("a", millis{0}, millis{60'000});
    ASSERT_TRUE(third.has_value());
    EXPECT_EQ(third->position, first->now);
    run(rows_->end_turn("job", "a", first->now - hours(1)));
    EXPECT_EQ(turn("a", millis{0}, millis{60'000})->position, first->now);
}

TEST_F(reconcile_store_test, and_09_a_device_is_busy_only_as_long_as_its_call_can_last) {
    const auto s = add("s1", "4 hours", call::phase::active);
    const auto busy = "select z360_device_busy(" + std::to_string(acme_.devices[0].device.value) + ")";
    EXPECT_EQ(value(busy), "t");
    sql("update calls set began_at = began_at - interval '6 minutes'");
    EXPECT_EQ(value(busy), "f");
}
