// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Recordings: rows by the commit that tells of them, claims of whoever copies them, what people read.
#include "calls.hpp"

#include <z360/port/recordings.hpp>
#include <z360/port/scope.hpp>

#include <algorithm>

using namespace z360;
using namespace z360::testing;
using port::recording_status;

namespace {

class recordings : public stored_calls {
  protected:
    void SetUp() override {
        stored_calls::SetUp();
        if (IsSkipped()) return;
        store_ = pg::make_recording_store(*db_);
        reader_ = pg::make_recording_reader(*db_);
    }
    void TearDown() override {
        reader_.reset();
        store_.reset();
        stored_calls::TearDown();
    }
    static call::recording message(const std::string& id, millis length = millis{5'000}) {
        call::recording r;
        r.id = id;
        r.url = "https://example.test/" + id + ".mp3";
        r.purpose = call::recording_purpose::message;
        r.format = "mp3";
        r.began_at = k_noon;
        r.ended_at = k_noon + length;
        return r;
    }
    /// A call that has ended, with these recordings.
    call::state ended(const std::string& session, std::vector<call::recording> with) {
        auto s = ringing(people_, session);
        EXPECT_EQ(commit(first_commit(s)), port::commit_result::committed);
        s.reason = call::end_reason::voicemail;
        s.ended_at = k_noon + millis{60'000};
        s.recordings = std::move(with);
        port::call_commit c;
        c.expected_version = 1;
        c.next = s;
        c.touched.emplace();
        c.joins_touched = false;
        c.at = k_noon;
        EXPECT_EQ(commit(std::move(c)), port::commit_result::committed);
        return s;
    }
    port::due_recording claimed() {
        auto due = run(store_->claim(10, millis{60'000}));
        EXPECT_EQ(due.size(), 1U);
        return due.empty() ? port::due_recording{} : due.front();
    }
    static port::looked after(const port::due_recording& r, recording_status status) {
        port::looked l;
        l.id = r.id;
        l.claim = r.claim;
        l.status = status;
        if (status == recording_status::kept) {
            l.copy = {"folder", "1/key.mp3"};
            l.content = {123, std::string(64, 'a')};
        }
        return l;
    }
    [[nodiscard]] port::tenant_scope me() const { return port::tenant_scope::of(people_.user); }

    std::unique_ptr<port::recording_store> store_;
    std::unique_ptr<port::recording_reader> reader_;
};

} // namespace

TEST_F(recordings, be_32_the_row_comes_with_the_commit_that_tells_of_it_and_once) {
    auto s = ended("s1", {message("rec-1")});
    s.recordings.push_back(message("rec-2"));
    port::call_commit again;
    again.expected_version = 2;
    again.next = s;
    again.touched.emplace();
    again.at = k_noon;
    EXPECT_EQ(commit(std::move(again)), port::commit_result::committed);
    EXPECT_EQ(
        value(
            "select string_agg(carrier_id || ' ' || purpose || ' ' || status || ' ' || format, ',' order by "
            "carrier_id) from recordings where due_at is not null and user_id = " +
            std::to_string(people_.user.value)
        ),
        "rec-1 message waiting mp3,rec-2 message waiting mp3"
    );
}

TEST_F(recordings, be_24_one_node_at_a_time_has_a_recording_and_a_dead_nodes_is_taken_over) {
    ended("s1", {message("rec-1")});
    const auto first = claimed();
    EXPECT_EQ(first.carrier_id, "rec-1");
    EXPECT_EQ(first.length, millis{5'000});
    EXPECT_EQ(first.caller, "+15550109999");
    EXPECT_TRUE(run(store_->claim(10, millis{60'000})).empty());
    EXPECT_TRUE(run(store_->hold(first.id, first.claim, millis{0})));
    const auto second = claimed(); // the first one's time is up
    EXPECT_FALSE(run(store_->hold(first.id, first.claim, millis{60'000})));
    EXPECT_FALSE(run(store_->settle(after(first, recording_status::kept))));
    EXPECT_TRUE(run(store_->settle(after(second, recording_status::kept))));
    EXPECT_EQ(
        value("select status || ' ' || bytes || ' ' || coalesce(carrier_url, 'none') from recordings"),
        "kept 123 none"
    );
    EXPECT_TRUE(run(store_->claim(10, millis{60'000})).empty()) << "there is nothing more to do";
}

TEST_F(recordings, be_24_failures_are_counted_in_a_row_and_their_last_reason_stays) {
    ended("s1", {message("rec-1")});
    for (const std::uint32_t n : {0U, 1U, 2U}) {
        const auto r = claimed();
        EXPECT_EQ(r.attempts, n);
        auto l = after(r, recording_status::waiting);
        l.failed = true;
        l.again_after = millis{0};
        l.error = "vault: full";
        EXPECT_TRUE(run(store_->settle(l)));
    }
    const auto f = run(store_->figures());
    EXPECT_EQ(f.waiting, 1U);
    EXPECT_EQ(f.failing, 1U);
    EXPECT_TRUE(run(store_->settle(after(claimed(), recording_status::kept))));
    EXPECT_EQ(value("select attempts || ' ' || error from recordings"), "0 vault: full");
    EXPECT_EQ(run(store_->figures()).waiting, 0U);
}

TEST_F(recordings, be_24_what_is_removed_while_it_is_copied_is_not_kept) {
    ended("s1", {message("rec-1")});
    const auto copying = claimed();
    EXPECT_TRUE(run(reader_->remove(me(), copying.id)));
    EXPECT_FALSE(run(reader_->remove(me(), copying.id))) << "it does not exist any more";
    EXPECT_FALSE(run(store_->hold(copying.id, copying.claim, millis{60'000})));
    EXPECT_FALSE(run(store_->settle(after(copying, recording_status::kept))));
    const auto removing = claimed();
    EXPECT_EQ(removing.status, recording_status::removing);
    EXPECT_TRUE(run(store_->settle(after(removing, recording_status::removed))));
    EXPECT_EQ(
        value("select status || ' ' || coalesce(carrier_url, 'none') from recordings where removed_at is not "
              "null"),
        "removed none"
    );
}

TEST_F(recordings, be_26_messages_are_listed_newest_first_page_by_page_and_marked) {
    std::vector<call::recording> all;
    for (const char* id : {"a", "b", "c"})
        all.push_back(message(id));
    auto talk = message("talk");
    talk.purpose = call::recording_purpose::talk;
    all.push_back(talk);
    ended("s1", all);
    ended("s2", {message("short", millis{300})});
    ended("s3", {message("odd", millis{-5'000})}); // told of, so it is to be found
    EXPECT_EQ(run(reader_->unheard(me(), people_.user, 100)), 4U);
    sql("update recordings set status = 'removed' where carrier_id = 'odd'");
    const auto page = run(reader_->messages(me(), people_.user, false, std::nullopt, 2));
    ASSERT_EQ(page.size(), 2U);
    EXPECT_EQ(page[0].session, "s1");
    EXPECT_EQ(page[0].caller, "+15550109999");
    EXPECT_EQ(page[0].dialed, "+15550100001");
    const auto rest = run(
        reader_->messages(me(), people_.user, false, port::recording_cursor{page[1].told_at, page[1].id}, 10)
    );
    ASSERT_EQ(rest.size(), 1U) << "neither a talk's nor an empty one";
    std::vector<std::string> ids{page[0].carrier_id, page[1].carrier_id, rest[0].carrier_id};
    std::sort(ids.begin(), ids.end());
    EXPECT_EQ(ids, (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_EQ(run(reader_->unheard(me(), people_.user, 100)), 3U);
    EXPECT_EQ(run(reader_->unheard(me(), people_.user, 2)), 2U) << "counted no further than asked for";
    const auto marked = run(reader_->mark_heard(me(), page[0].id, true));
    ASSERT_TRUE(marked && marked->heard_at);
    const auto when = marked->heard_at;
    EXPECT_EQ(run(reader_->mark_heard(me(), page[0].id, true))->heard_at, when) << "again is no change";
    EXPECT_EQ(run(reader_->messages(me(), people_.user, true, std::nullopt, 10)).size(), 2U);
    EXPECT_FALSE(run(reader_->mark_heard(me(), page[0].id, false))->heard_at);
    EXPECT_EQ(run(reader_->unheard(me(), people_.user, 100)), 3U);
}

TEST_F(recordings, be_24_rows_of_a_program_before_are_made_good) {
    ended("s1", {message("rec-1")});
    sql("delete from recordings");
    sql("update calls set ended_at = now() - interval '1 hour'");
    EXPECT_EQ(run(store_->adopt(millis{1'000}, millis{1'000})), 0U) << "too long ago";
    EXPECT_EQ(run(store_->adopt(millis{1'000}, millis{7'200'000})), 1U)
        << "the first time it looks further back";
    EXPECT_EQ(run(store_->adopt(millis{7'200'000}, millis{7'200'000})), 0U);
    EXPECT_EQ(claimed().carrier_id, "rec-1");
}

TEST_F(recordings, be_24_a_month_of_a_program_before_is_made_good_whatever_its_calls_know) {
    ended("s1", {message("rec-1")});
    sql("delete from recordings");
    sql("update calls set ended_at = now() - interval '1 hour'");
    // Many that ended at one moment, some with odd memories.
    sql(R"(insert into calls (call_id, call_session_id, org_id, user_id, phase, end_reason, version, snapshot, began_at,
                              ended_at, updated_at)
           select gen_random_uuid(), 'x' || i, org_id, user_id, phase, end_reason, version,
                  case i % 4 when 0 then '{}' when 1 then '{"recordings": {}}' when 2 then '{"recordings": [7, null]}'
                       else snapshot end::jsonb,
                  began_at, case when i < 3000 then ended_at else ended_at - i * interval '1 s' end, updated_at
             from calls, generate_series(1, 8000) i where call_session_id = 's1')");
    EXPECT_EQ(run(store_->adopt(millis{1'000}, std::chrono::hours{24})), 2'001U);
    EXPECT_EQ(run(store_->adopt(millis{1'000}, std::chrono::hours{24})), 0U);
    EXPECT_EQ(run(store_->adopt(std::chrono::hours{24}, std::chrono::hours{24})), 0U);
}

// What is read besides what is found: rows of what was removed, and of what is not due yet, may be millions.
TEST_F(recordings, be_24_who_looks_for_some_reads_no_others) {
    ended("s1", {message("rec-1")});
    sql("insert into recordings (call_id, org_id, user_id, carrier_id, purpose, status, due_at, created_at) "
        "select call_id, org_id, user_id, x.word || i, 'message', x.word, x.due, now() - x.age from "
        "recordings, "
        "generate_series(1, 10000) i, (values ('removed', null, interval '60 days'), ('waiting', now() + "
        "interval '1 hour', interval '1 day')) as x(word, due, age)");
    sql("insert into org_settings (org_id, recording_days) values (" + std::to_string(people_.org.value) +
        ", 5)");
    sql("analyze recordings");
    const std::vector<std::string> looks{
        "select from recordings where due_at <= statement_timestamp() order by due_at limit 8",
        "select from recordings where org_id = " + std::to_string(people_.org.value) +
            " and created_at < statement_timestamp() - 5 * interval '1 day' and status in ('waiting', "
            "'kept', "
            "'lost') order by created_at limit 200",
        "select from recordings where status = 'waiting' and due_at is null limit 200",
    };
    for (const auto& look : looks) {
        std::string plan;
        for (const auto& line : sql("explain (analyze, costs off, timing off) " + look))
            plan += std::string(line[0].c_str()) + "\n";
        EXPECT_EQ(plan.find("Rows Removed"), std::string::npos) << plan;
        EXPECT_EQ(plan.find("Seq Scan"), std::string::npos) << plan;
    }
}

TEST_F(recordings, be_24_what_waits_for_a_vault_is_woken_when_there_is_one) {
    ended("s1", {message("rec-1")});
    EXPECT_TRUE(run(store_->settle(after(claimed(), recording_status::waiting))));
    EXPECT_TRUE(run(store_->claim(10, millis{1'000})).empty());
    EXPECT_EQ(run(store_->wake(10)), 1U);
    EXPECT_EQ(claimed().carrier_id, "rec-1");
}

TEST_F(recordings, be_24_recordings_go_when_the_organisations_time_for_them_is_over) {
    ended("s1", {message("old")});
    ended("s2", {message("new")});
    sql("update recordings set created_at = now() - interval '10 days' where carrier_id = 'old'");
    EXPECT_EQ(run(store_->expire(millis{0}, millis{0}, 100)), 0U) << "for ever";
    EXPECT_EQ(run(store_->expire(std::chrono::hours{24 * 30}, millis{0}, 100)), 0U);
    sql("insert into org_settings (org_id, recording_days) values (" + std::to_string(people_.org.value) +
        ", 5)");
    EXPECT_EQ(run(store_->expire(millis{0}, millis{0}, 100)), 1U);
    EXPECT_EQ(run(store_->expire(millis{0}, millis{0}, 100)), 0U);
    EXPECT_EQ(value("select string_agg(carrier_id, ',') from recordings where status = 'removing'"), "old");
    EXPECT_EQ(run(reader_->unheard(me(), people_.user, 100)), 1U);
}

TEST_F(recordings, be_24_a_call_is_kept_as_long_as_its_recordings) {
    ended("s1", {message("rec-1")});
    sql("update calls set ended_at = now() - interval '500 days'");
    auto old = pg::make_retention_store(*db_);
    EXPECT_EQ(run(old->remove(port::kept::calls, millis{1'000}, 100)), 0U);
    EXPECT_TRUE(run(reader_->remove(me(), claimed().id)));
    EXPECT_TRUE(run(store_->settle(after(claimed(), recording_status::removed))));
    EXPECT_EQ(run(old->remove(port::kept::calls, millis{1'000}, 100)), 1U);
    EXPECT_EQ(value("select count(*) from recordings"), "0");
}

TEST_F(recordings, be_24_an_organisation_finds_them_by_the_call) {
    const auto s = ended("s1", {message("rec-1")});
    const auto org = port::tenant_scope::of(people_.org);
    EXPECT_EQ(run(reader_->of_call(org, people_.org, "s1")).size(), 1U);
    EXPECT_EQ(run(reader_->of_call(org, people_.org, s.id.text())).size(), 1U);
    EXPECT_TRUE(run(reader_->of_call(org, people_.org, "s2")).empty());
}

TEST_F(recordings, be_24_calls_that_ought_to_have_a_recording_and_have_none_are_asked_about) {
    const auto minutes = [](int n) { return millis{n * 60'000}; };
    const auto over = [&](const std::string& session, auto change) {
        auto s = ringing(people_, session);
        EXPECT_EQ(commit(first_commit(s)), port::commit_result::committed);
        s.reason = call::end_reason::completed;
        s.ended_at = k_noon;
        change(s);
        port::call_commit c;
        c.expected_version = 1;
        c.next = s;
        c.at = k_noon;
        EXPECT_EQ(commit(std::move(c)), port::commit_result::committed);
    };
    const auto talked = [](call::state& s) {
        call::join j;
        j.epoch = 1;
        j.a = s.caller.id;
        j.b = s.legs[0].id;
        j.joined_at = k_noon;
        j.over = call::join_end::talk_over;
        s.joins = {j};
    };
    over("talk", talked);
    over("not-to-be-recorded", [&](call::state& s) {
        talked(s);
        s.routed.rules.record_calls = false;
    });
    over("nobody-talked", [](call::state& s) { s.reason = call::end_reason::caller_cancelled; });
    over("message", [](call::state& s) {
        s.reason = call::end_reason::voicemail;
        s.voicemail.step = call::voicemail_step::recording;
    });
    over("left-in-the-greeting", [](call::state& s) {
        s.reason = call::end_reason::voicemail;
        s.voicemail.step = call::voicemail_step::greeting;
    });
    over("told-of", [&](call::state& s) {
        talked(s);
        s.recordings = {message("rec-1")};
    });
    sql("update calls set ended_at = now() - interval '30 minutes'");
    EXPECT_EQ(run(store_->note_silent(minutes(20), minutes(10))), 0U) << "not of that time";
    EXPECT_EQ(run(store_->note_silent(minutes(60), minutes(10))), 2U);
    EXPECT_EQ(run(store_->note_silent(minutes(60), minutes(10))), 0U);
    auto due = run(store_->claim_silent(10, minutes(2)));
    ASSERT_EQ(due.size(), 2U);
    EXPECT_TRUE(run(store_->claim_silent(10, minutes(2))).empty());
    std::sort(due.begin(), due.end(), [](const auto& a, const auto& b) { return a.session < b.session; });
    EXPECT_EQ(due[0].session, "message");
    EXPECT_TRUE(due[0].of_message);
    EXPECT_EQ(due[1].session, "talk");
    port::carrier_recording r;
    r.id = "late";
    r.format = "mp3";
    r.call_control_id = "caller-message";
    EXPECT_EQ(run(store_->found(due[0], {r})), 1U);
    EXPECT_EQ(run(store_->found(due[0], {r})), 0U);
    EXPECT_EQ(value("select purpose from recordings where carrier_id = 'late'"), "message");
    run(store_->search_again(due[1].call, millis{0}));
    EXPECT_EQ(run(store_->claim_silent(10, minutes(2))).at(0).tries, 1U);
    run(store_->search_again(due[1].call, std::nullopt));
    EXPECT_TRUE(run(store_->claim_silent(10, minutes(2))).empty());
    EXPECT_EQ(value("select count(*) from recording_searches where outcome = 'missing'"), "1");
}

TEST_F(recordings, be_24_recordings_go_no_later_than_their_calls) {
    ended("s1", {message("old")});
    ended("s2", {message("new")});
    sql("update recordings set created_at = now() - interval '10 days' where carrier_id = 'old'");
    sql("insert into org_settings (org_id, recording_days) values (" + std::to_string(people_.org.value) +
        ", 3650)");
    EXPECT_EQ(run(store_->expire(millis{0}, std::chrono::hours{24 * 30}, 100)), 0U);
    EXPECT_EQ(run(store_->expire(millis{0}, std::chrono::hours{24 * 5}, 100)), 1U);
    EXPECT_EQ(value("select carrier_id from recordings where status = 'removing'"), "old");
}
