// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Conversations, messages, minutes and transcripts of calls that are over: rows of the list, who writes them
// down, who reads them.
#include "calls.hpp"

#include <z360/port/books.hpp>
#include <z360/port/recordings.hpp>
#include <z360/port/retention_store.hpp>

#include <nlohmann/json.hpp>

#include <thread>

using namespace z360;
using namespace z360::testing;
using json = nlohmann::json;

namespace {

class books : public stored_calls {
  protected:
    void SetUp() override {
        stored_calls::SetUp();
        if (IsSkipped()) return;
        store_ = pg::make_book_store(*db_, millis{0});
        reader_ = pg::make_book_reader(*db_);
    }
    void TearDown() override {
        reader_.reset();
        store_.reset();
        stored_calls::TearDown();
    }
    static call::recording message(const std::string& id, millis length = millis{5'000}) {
        call::recording r;
        r.id = id;
        r.purpose = call::recording_purpose::message;
        r.format = "mp3";
        r.began_at = k_noon;
        r.ended_at = k_noon + length;
        return r;
    }
    call::state begun(const std::string& session) {
        auto s = ringing(people_, session);
        s.origin.number_sent = "+1 (555) 010-9999";
        EXPECT_EQ(commit(first_commit(s)), port::commit_result::committed);
        return s;
    }
    void step(const call::state& s, std::uint64_t version) {
        port::call_commit c;
        c.expected_version = version;
        c.next = s;
        c.at = k_noon;
        EXPECT_EQ(commit(std::move(c)), port::commit_result::committed);
    }
    call::state missed(const std::string& session, std::vector<call::recording> with = {}) {
        auto s = begun(session);
        s.reason = with.empty() ? call::end_reason::caller_cancelled : call::end_reason::voicemail;
        s.ended_at = k_noon + millis{60'000};
        s.recordings = std::move(with);
        step(s, 1);
        return s;
    }
    call::state talked(const std::string& session, millis length) {
        auto s = begun(session);
        s.legs[0].call_control_id = "leg-" + session;
        s.legs[0].answered = s.caller.answered = true;
        s.legs[0].answer_order = s.answers = 1;
        auto& j = join_leg(s, 0);
        j.commanded = j.accepted = true;
        j.joined_at = k_noon + millis{1'000};
        j.over_at = *j.joined_at + length;
        j.over = call::join_end::talk_over;
        s.answered_at = k_noon;
        s.reason = call::end_reason::completed;
        s.ended_at = j.over_at;
        step(s, 1);
        return s;
    }
    port::booked enter(std::size_t most = 100) { return run(store_->enter(most)); }
    port::booked transcribe() { return run(store_->transcribe(100)); }
    json metadata(const std::string& session) {
        return json::parse(value(
            "select metadata::text from messages where metadata->>'call_session_id' = '" + session + "'"
        ));
    }
    /// As the carrier tells it.
    void tell_transcript(const std::string& id, const std::string& recording, const std::string& text) {
        auto e = event(
            id,
            json{{"data",
                  {{"id", id},
                   {"event_type", "call.recording.transcription.saved"},
                   {"payload",
                    {{"call_session_id", "s1"}, {"recording_id", recording}, {"transcription_text", text}}}}}
            }.dump(),
            "s1"
        );
        e.event_type = "call.recording.transcription.saved";
        e.settled = true;
        std::vector<port::inbox_event> all;
        all.push_back(std::move(e));
        run(inbox_->append(std::move(all), millis{1'000}));
    }
    std::string transcript() { return value("select coalesce(transcript, 'none') from recordings"); }

    [[nodiscard]] port::tenant_scope me() const { return port::tenant_scope::of(people_.user); }
    std::unique_ptr<port::book_store> store_;
    std::unique_ptr<port::book_reader> reader_;
};

} // namespace

TEST_F(books, be_29_a_call_that_is_over_is_a_message_with_the_keys_that_the_old_product_reads) {
    talked("s1", millis{61'000});
    EXPECT_EQ(enter().messages, 1U);
    const auto m = metadata("s1");
    std::vector<std::string> keys;
    for (const auto& [key, v] : m.items())
        keys.push_back(key);
    EXPECT_EQ(
        keys, (std::vector<std::string>{
                  "call_control_id", "call_quality", "call_session_id", "is_agent", "is_voicemail", "keys",
                  "original_from", "parent_call_control_id", "received_by", "recording_ended_at",
                  "recording_id", "recording_started_at", "recording_urls", "thread_id"
              })
    );
    EXPECT_EQ(m["call_control_id"], "leg-s1");
    EXPECT_EQ(m["parent_call_control_id"], "caller-s1");
    EXPECT_EQ(m["original_from"], "+1 (555) 010-9999");
    EXPECT_EQ(m["received_by"], people_.user.value);
    EXPECT_EQ(m["keys"], (json{"handleCall:inbound", "call.answered", "call.hangup"}));
    EXPECT_EQ(
        value("select type || ' ' || direction || ' ' || status || ' ' || talk_ms || ' ' || missed from "
              "messages"),
        "PHONE_CALL inbound delivered 61000 false"
    );
    EXPECT_EQ(
        value("select unit || ' ' || quantity || ' ' || (meta->>'call_session_id') || ' ' || "
              "((meta->>'message_id')::bigint = (select message_id from messages)) from ledger"),
        "SIMPLE_CALL_MINUTE 2 s1 true"
    );
    EXPECT_EQ(
        value("select identifier || ' ' || phone_number_id from conversations"),
        "+15550109999 " + std::to_string(people_.number.value)
    );
    EXPECT_EQ(value("select count(*) from call_accounts"), "0");
}

TEST_F(books, i_20_nothing_counts_twice_however_often_it_is_told_and_whoever_writes) {
    auto s = talked("s1", millis{30'000});
    auto second = pg::make_book_store(*db_, millis{0});
    EXPECT_EQ(enter().minutes, 1U);
    for (std::uint64_t version = 2; version < 5; ++version) {
        step(s, version);
        sql("insert into call_accounts (call_id) values ('" + s.id.text() + "') on conflict do nothing");
        const auto b = run(second->enter(100));
        EXPECT_EQ(b.looked_at, 1U);
        EXPECT_EQ(b.messages + b.minutes, 0U);
    }
    EXPECT_EQ(value("select (select count(*) from messages) || ' ' || sum(quantity) from ledger"), "1 1");
}

TEST_F(books, i_20_what_another_node_has_in_hand_is_left_to_it_and_comes_back_if_it_dies) {
    talked("s1", millis{30'000});
    {
        pqxx::connection other(scratch_->url());
        pqxx::work tx(other);
        tx.exec("select from call_accounts for update");
        EXPECT_EQ(enter().looked_at, 0U);
    } // it dies
    EXPECT_EQ(enter().messages, 1U);
}

TEST_F(books, be_29_calls_with_one_other_party_are_one_conversation_and_others_are_others) {
    talked("s1", millis{30'000});
    missed("s2");
    auto s = ringing(people_, "s3");
    s.caller = caller_leg(s.id, "caller-s3", "withheld");
    EXPECT_EQ(commit(first_commit(s)), port::commit_result::committed);
    s.reason = call::end_reason::caller_cancelled;
    s.ended_at = k_noon;
    step(s, 1);
    EXPECT_EQ(enter().messages, 3U);
    EXPECT_EQ(
        value("select string_agg(identifier || ' ' || n, ',' order by identifier) from (select identifier, "
              "count(*) as n "
              "from conversations join messages using (conversation_id) group by identifier) x"),
        "+15550109999 2,withheld 1"
    );
}

TEST_F(books, be_15_a_call_that_is_nobodys_is_in_no_inbox) {
    auto s = ringing(people_, "s1");
    s.routed = {};
    s.rings.clear();
    s.legs.clear();
    s.reason = call::end_reason::rejected;
    s.ended_at = k_noon;
    port::call_commit c;
    c.next = s;
    c.at = k_noon;
    EXPECT_EQ(commit(std::move(c)), port::commit_result::committed);
    EXPECT_EQ(enter().looked_at, 0U);
    EXPECT_EQ(value("select count(*) from messages"), "0");
}

TEST_F(books, i_05_a_call_of_several_people_is_the_message_of_who_took_it_and_else_of_nobody) {
    const auto bob = add_people("acme-bob", "+15550100002", 1);
    sql("insert into memberships (org_id, user_id, role) values (" + std::to_string(people_.org.value) +
        ", " + std::to_string(bob.user.value) + ", 'member')");
    const auto shared = [&](const std::string& session, bool taken) {
        auto s = ringing(people_, session);
        s.routed.user = {};
        s.routed.targets = {people_.devices[0], bob.devices[0]};
        s.routed.targets[0].user = people_.user;
        s.routed.targets[1].user = bob.user;
        s.routed.plan = {{millis{30'000}, {{.user = people_.user}, {.user = bob.user}}}};
        s.legs.resize(2);
        for (std::size_t i = 0; i < 2; ++i)
            s.legs[i].to = s.routed.targets[i], s.legs[i].wave = 1;
        EXPECT_EQ(commit(first_commit(s)), port::commit_result::committed);
        if (taken) {
            s.legs[1].answered = s.caller.answered = true;
            s.legs[1].answer_order = s.answers = 1;
            auto& j = join_leg(s, 1);
            j.commanded = j.accepted = true;
            j.joined_at = k_noon + millis{1'000};
            s.answered_at = k_noon;
        }
        s.reason = taken ? call::end_reason::completed : call::end_reason::caller_cancelled;
        s.ended_at = k_noon + millis{31'000};
        step(s, 1);
    };
    shared("s1", true);
    shared("s2", false);
    EXPECT_EQ(enter().messages, 2U);
    EXPECT_EQ(metadata("s1")["received_by"], bob.user.value);
    EXPECT_TRUE(metadata("s2")["received_by"].is_null());
    EXPECT_EQ(value("select sum(quantity) from ledger"), "1");
    const auto seen_by = [&](user_id who) {
        const auto scope = port::tenant_scope::of(who);
        return run(reader_->summary(scope, people_.org)).messages;
    };
    EXPECT_EQ(seen_by(bob.user), 1U);
    EXPECT_EQ(seen_by(people_.user), 0U);
    const auto stranger = add_people("umbrella", "+15550100003", 1);
    EXPECT_EQ(seen_by(stranger.user), 0U);
    sql("update memberships set role = 'admin' where user_id = " + std::to_string(people_.user.value));
    EXPECT_EQ(seen_by(people_.user), 2U);
    sql("delete from memberships where user_id = " + std::to_string(bob.user.value) +
        " and org_id = " + std::to_string(people_.org.value));
    EXPECT_EQ(seen_by(bob.user), 0U);
}

TEST_F(books, be_29_a_late_recording_changes_the_message_and_bills_it_once) {
    auto s = missed("s1");
    EXPECT_EQ(enter().minutes, 0U);
    EXPECT_EQ(value("select status || missed || voicemail from messages"), "failedtruefalse");
    s.recordings = {message("rec-1", millis{61'000})};
    step(s, 2);
    EXPECT_EQ(enter().minutes, 2U);
    EXPECT_EQ(value("select status || missed || voicemail from messages"), "deliveredtruetrue");
    const auto m = metadata("s1");
    EXPECT_EQ(m["recording_id"], "rec-1");
    EXPECT_EQ(m["is_voicemail"], true);
    const auto row = value("select recording_id from recordings");
    EXPECT_EQ(m["recording_urls"]["mp3"], "/api/recordings/" + row);
    EXPECT_TRUE(m["recording_urls"]["wav"].is_null());
    // Removed: nobody is sent to it any more; that there was a message, and its minutes, stay.
    auto recordings = pg::make_recording_reader(*db_);
    EXPECT_TRUE(run(recordings->remove(me(), *uuid::parse(row))));
    EXPECT_EQ(enter().minutes, 0U);
    EXPECT_TRUE(metadata("s1")["recording_urls"]["mp3"].is_null());
    EXPECT_EQ(value("select voicemail || ' ' || (select sum(quantity) from ledger) from messages"), "true 2");
}

TEST_F(books, be_29_news_of_a_recording_before_the_call_is_over_waits_for_its_end) {
    auto s = begun("s1");
    s.recordings = {message("rec-1")};
    step(s, 1);
    EXPECT_EQ(enter().messages, 0U);
    s.reason = call::end_reason::voicemail;
    s.ended_at = k_noon;
    step(s, 2);
    EXPECT_EQ(enter().messages, 1U);
    EXPECT_EQ(metadata("s1")["recording_id"], "rec-1");
}

TEST_F(books, i_06_a_removed_call_takes_its_message_and_the_others_number_along_and_leaves_its_minutes) {
    talked("s1", millis{30'000});
    missed("s2");
    enter();
    auto old = pg::make_retention_store(*db_);
    sql("update calls set ended_at = case call_session_id when 's1' then now() - interval '2 days' else "
        "now() end");
    EXPECT_EQ(run(old->remove(port::kept::calls, millis{86'400'000}, 100)), 1U);
    EXPECT_EQ(value("select count(*) || ' ' || (select count(*) from conversations) from messages"), "1 1");
    sql("update calls set ended_at = now() - interval '2 days'");
    EXPECT_EQ(run(old->remove(port::kept::calls, millis{86'400'000}, 100)), 1U);
    EXPECT_EQ(value("select count(*) || ' ' || (select count(*) from conversations) from messages"), "0 0");
    EXPECT_EQ(value("select sum(quantity) from ledger"), "1");
    EXPECT_EQ(value("select count(*) from ledger where ledger::text like '%5550109999%'"), "0");
    enter(); // what was on the list of it
    EXPECT_EQ(value("select count(*) from call_accounts"), "0");
}

TEST_F(books, i_20_a_call_that_cannot_be_read_is_put_off_and_keeps_no_other_waiting) {
    const auto bad = missed("s1");
    missed("s2");
    sql("update calls set snapshot = '{\"id\": 7}' where call_session_id = 's1'");
    const auto b = enter();
    EXPECT_EQ(b.messages, 1U);
    EXPECT_EQ(b.failed, 1U);
    EXPECT_EQ(enter().looked_at, 0U);
    EXPECT_EQ(run(store_->figures()).failing, 1U);
    EXPECT_EQ(run(store_->figures()).waiting, 1U);
}

TEST_F(books, i_20_a_call_that_the_store_refuses_is_put_off_and_keeps_no_other_waiting) {
    missed("s1");
    missed("s2");
    talked("s3", millis{30'000});
    sql("create function refuse() returns trigger language plpgsql as $$ begin "
        "raise exception 'not this one' using errcode = '23514'; end $$");
    sql("create trigger refuses before insert on messages for each row "
        "when (new.metadata->>'call_session_id' = 's2') execute function refuse()");
    const auto b = enter();
    EXPECT_EQ(b.messages, 2U);
    EXPECT_EQ(b.minutes, 1U);
    EXPECT_EQ(b.failed, 1U);
    EXPECT_EQ(enter().looked_at, 0U) << "not again at once";
    sql("drop trigger refuses on messages");
    sql("update call_accounts set due_at = now()");
    EXPECT_EQ(enter().messages, 1U);
    EXPECT_EQ(value("select count(*) from call_accounts"), "0");
}

TEST_F(books, i_20_a_call_of_a_newer_program_is_left_to_it) {
    missed("s1");
    sql("update calls set form = 1000");
    const auto b = enter();
    EXPECT_EQ(b.messages + b.failed, 0U);
    EXPECT_EQ(value("select attempts || ' ' || (due_at > clock_timestamp()) from call_accounts"), "0 true");
}

// ---- what messages say

TEST_F(books, be_26_what_the_carrier_writes_down_is_kept_with_the_message_alone) {
    missed("s1", {message("rec-1")});
    tell_transcript("e1", "rec-1", "Call me \xE2\x80\xAE back");
    EXPECT_EQ(transcribe().transcripts, 1U);
    EXPECT_EQ(transcript(), "Call me  back");
    EXPECT_EQ(
        value("select count(*) || ' ' || (select count(*) from webhook_events) from transcript_events"), "0 0"
    );
    tell_transcript("e1", "rec-1", "Call me \xE2\x80\xAE back"); // told again
    EXPECT_EQ(transcribe().transcripts, 0U);
    EXPECT_EQ(
        value("select count(*) || ' ' || (select count(*) from webhook_events) from transcript_events"), "0 0"
    );
}

TEST_F(books, be_26_a_transcript_that_comes_before_its_recording_waits_for_it) {
    auto s = begun("s1");
    tell_transcript("e1", "rec-1", "Hello");
    EXPECT_EQ(transcribe().transcripts, 0U);
    s.reason = call::end_reason::voicemail;
    s.ended_at = k_noon;
    s.recordings = {message("rec-1")};
    step(s, 1);
    sql("update transcript_events set due_at = now()");
    EXPECT_EQ(transcribe().transcripts, 1U);
    EXPECT_EQ(transcript(), "Hello");
}

TEST_F(books, be_26_a_transcript_that_the_store_refuses_keeps_no_other_waiting) {
    missed("s1", {message("rec-1"), message("rec-2")});
    sql("create function refuse() returns trigger language plpgsql as $$ begin "
        "raise exception 'not this one' using errcode = '22021'; end $$");
    sql("create trigger refuses before update on recordings for each row when (new.carrier_id = 'rec-1') "
        "execute function refuse()");
    tell_transcript("e1", "rec-1", "Hello");
    tell_transcript("e2", "rec-2", "Hello, too");
    const auto b = transcribe();
    EXPECT_EQ(b.transcripts, 1U);
    EXPECT_EQ(b.failed, 1U);
    EXPECT_EQ(transcribe().looked_at, 0U) << "not again at once";
    sql("drop trigger refuses on recordings");
    sql("update transcript_events set due_at = now()");
    EXPECT_EQ(transcribe().transcripts, 1U);
    EXPECT_EQ(value("select count(*) from transcript_events"), "0");
    EXPECT_EQ(
        value("select string_agg(transcript, ',' order by carrier_id) from recordings"), "Hello,Hello, too"
    );
}

TEST_F(books, be_26_a_transcript_of_what_nobody_knows_is_given_up_after_a_day) {
    missed("s1", {message("rec-1")});
    tell_transcript("e1", "another", "Hello");
    EXPECT_EQ(transcribe().given_up, 0U);
    sql("update transcript_events set due_at = now(), created_at = now() - interval '25 hours'");
    EXPECT_EQ(transcribe().given_up, 1U);
    EXPECT_EQ(value("select count(*) from transcript_events"), "0");
    EXPECT_EQ(transcript(), "none");
}

TEST_F(books, be_26_a_removed_message_says_nothing_any_more_and_nothing_is_told_of_it_again) {
    missed("s1", {message("rec-1")});
    auto recordings = pg::make_recording_reader(*db_);
    const auto id = *uuid::parse(value("select recording_id from recordings"));
    tell_transcript("e1", "rec-1", "Hello");
    transcribe();
    EXPECT_EQ(run(recordings->find(me(), id))->transcript, "Hello");
    EXPECT_TRUE(run(recordings->remove(me(), id)));
    EXPECT_EQ(transcript(), "none");
    tell_transcript("e2", "rec-1", "Hello");
    EXPECT_EQ(transcribe().transcripts, 0U);
    EXPECT_EQ(transcript(), "none");
    EXPECT_EQ(
        value("select count(*) || ' ' || (select count(*) from webhook_events) from transcript_events"), "0 0"
    );
}

TEST_F(books, be_26_what_a_service_says_of_a_message_goes_before_the_carriers) {
    missed("s1", {message("rec-1")});
    auto recordings = pg::make_recording_reader(*db_);
    const auto id = *uuid::parse(value("select recording_id from recordings"));
    const auto org = port::tenant_scope::of(people_.org);
    const auto first = run(recordings->transcribe(org, id, "By a person"));
    ASSERT_TRUE(first);
    EXPECT_EQ(first->transcript, "By a person");
    EXPECT_EQ(run(recordings->transcribe(org, id, "By a person"))->transcribed_at, first->transcribed_at);
    tell_transcript("e1", "rec-1", "By a program");
    EXPECT_EQ(transcribe().transcripts, 0U);
    EXPECT_EQ(transcript(), "By a person");
    EXPECT_EQ(run(recordings->transcribe(org, id, "Better"))->transcript, "Better");
    sql("update recordings set purpose = 'talk'");
    EXPECT_FALSE(run(recordings->transcribe(org, id, "A talk is none")));
}

// ---- who reads them

TEST_F(books, be_29_conversations_come_page_by_page_with_their_figures) {
    for (int n = 0; n < 5; ++n) {
        auto s = ringing(people_, "s" + std::to_string(n));
        s.began = k_noon + millis{n * 1'000};
        s.caller = caller_leg(s.id, "caller-" + std::to_string(n), "+1555010888" + std::to_string(n / 2));
        EXPECT_EQ(commit(first_commit(s)), port::commit_result::committed);
        s.reason = call::end_reason::caller_cancelled;
        s.ended_at = s.began;
        step(s, 1);
    }
    sql("insert into contacts (org_id, e164, name) values (" + std::to_string(people_.org.value) +
        ", '+15550108880', 'Bob')");
    EXPECT_EQ(enter().messages, 5U);
    for (const char* role : {"member", "owner"}) {
        SCOPED_TRACE(role);
        sql(std::string("update memberships set role = '") + role + "'");
        const auto first = run(reader_->conversations(me(), {}, {}, 2));
        ASSERT_EQ(first.size(), 2U);
        EXPECT_EQ(first[0].identifier, "+15550108882");
        EXPECT_EQ(first[1].summary.messages, 2U);
        EXPECT_EQ(first[1].summary.missed, 2U);
        EXPECT_EQ(first[1].number, "+15550100001");
        const port::book_cursor edge{first[1].last_at, first[1].id};
        const auto rest = run(reader_->conversations(me(), people_.org, edge, 2));
        ASSERT_EQ(rest.size(), 1U);
        EXPECT_EQ(rest[0].name, "Bob");
        EXPECT_EQ(run(reader_->summary(me(), {})).messages, 5U);
        const auto page = run(reader_->messages(me(), rest[0].id, {}, 1));
        ASSERT_TRUE(page);
        ASSERT_EQ(page->size(), 1U);
        EXPECT_EQ(page->front().at, k_noon + millis{1'000});
        const auto next =
            run(reader_->messages(me(), rest[0].id, port::book_cursor{page->front().at, page->front().id}, 5)
            );
        ASSERT_TRUE(next);
        ASSERT_EQ(next->size(), 1U);
        EXPECT_EQ(next->front().at, k_noon);
    }
}

TEST_F(books, i_05_a_member_sees_what_was_for_them_and_a_manager_all_of_the_organisation) {
    talked("s1", millis{30'000});
    enter();
    const auto other = value("insert into users (login, name) values ('eve@acme', 'Eve') returning user_id");
    sql("insert into memberships (org_id, user_id, role) values (" + std::to_string(people_.org.value) +
        ", " + other + ", 'member')");
    const auto eve = port::tenant_scope::of(user_id{std::stol(other)});
    const auto id = std::stol(value("select conversation_id from conversations"));
    EXPECT_TRUE(run(reader_->conversations(eve, {}, {}, 10)).empty());
    EXPECT_FALSE(run(reader_->messages(eve, id, {}, 10)));
    EXPECT_EQ(run(reader_->summary(eve, {})).messages, 0U);
    sql("update memberships set role = 'admin' where user_id = " + other);
    EXPECT_EQ(run(reader_->conversations(eve, {}, {}, 10)).size(), 1U);
    EXPECT_TRUE(run(reader_->messages(eve, id, {}, 10)));
    EXPECT_EQ(run(reader_->summary(eve, {})).talk, millis{30'000});
    sql("delete from memberships where user_id = " + other);
    EXPECT_TRUE(run(reader_->conversations(eve, {}, {}, 10)).empty());
    EXPECT_FALSE(run(reader_->messages(eve, id, {}, 10)));
}
