// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "calls.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

constexpr millis k_month{30LL * 24 * 3'600 * 1'000};

class admin : public postgres_test {
  protected:
    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        admin_ = std::make_unique<pg::admin>(secret(scratch_->url()));
    }
    void TearDown() override {
        admin_.reset();
        postgres_test::TearDown();
    }
    std::unique_ptr<pg::admin> admin_;
};

} // namespace

TEST_F(admin, every_upsert_may_be_repeated) {
    const auto first = add_people("acme", "+15550100001", 2);
    const auto again = add_people("acme", "+1 555 010 0001", 2);
    EXPECT_EQ(first.org, again.org);
    EXPECT_EQ(first.user, again.user);
    EXPECT_EQ(first.number, again.number);
    EXPECT_EQ(first.devices, again.devices);
    EXPECT_EQ(value("select count(*) from sip_identities"), "2");
}

TEST_F(admin, web_04_a_number_of_another_organisation_is_refused_naming_both) {
    add_people("acme", "+15550100001", 0);
    try {
        add_people("rival", "+15550100001", 0);
        FAIL() << "one number, two owners";
    } catch (const pg::admin_error& e) {
        const std::string what = e.what();
        EXPECT_NE(what.find("acme"), std::string::npos) << what;
        EXPECT_NE(what.find("rival"), std::string::npos) << what;
    }
    EXPECT_THROW(add_people("third", "no number", 0), pg::admin_error);
}

TEST_F(admin, a_new_credential_of_a_device_retires_the_former_one) {
    const auto p = add_people("acme", "+15550100001", 1);
    pg::device_row d{p.user, "acme-device-0", "Phone 0", "ios", "cred-2", "gencred-2", k_noon};
    const auto keys = admin_->upsert_device(d);
    EXPECT_EQ(keys.device, p.devices[0].device);
    EXPECT_NE(keys.identity, p.devices[0].identity);
    EXPECT_EQ(
        value("select string_agg(state, ',' order by identity_id) from sip_identities"), "retiring,active"
    );
    d.device_uid = "another-device";
    EXPECT_THROW(admin_->upsert_device(d), pg::admin_error); // one credential, two devices
    EXPECT_EQ(value("select count(*) from devices"), "1");
}

TEST_F(admin, i_05_an_address_in_another_case_is_the_one_that_is_there) {
    add_people("acme", "+15550100001", 0);
    pg::user_wish w;
    w.login = "ada@example.com";
    w.org = "acme";
    const auto ada = admin_->create_user(w).user;
    EXPECT_EQ(admin_->find_user("Ada@Example.COM"), ada);
    const auto refused = [&](const std::string& login, user_id id) -> std::string {
        w.login = login;
        w.id = id;
        try {
            admin_->create_user(w);
        } catch (const pg::admin_error& e) {
            return e.what();
        }
        return {};
    };
    for (const user_id id : {user_id{}, user_id{4'711}}) {
        const auto said = refused("ADA@example.com", id);
        EXPECT_NE(said.find("is user " + std::to_string(ada.value) + " already"), std::string::npos) << said;
        EXPECT_NE(said.find("\"ada@example.com\""), std::string::npos) << said;
        EXPECT_NE(said.find("--id " + std::to_string(ada.value)), std::string::npos) << said;
    }
    EXPECT_EQ(refused("ADA@example.com", ada), "") << "the fix that it names";
    EXPECT_EQ(refused("ADA@example.com", {}), "") << "and again";
    EXPECT_EQ(value("select count(*) from users where lower(login) = 'ada@example.com'"), "1");
    // Doubles of before: each goes on under its own spelling.
    sql("insert into users (user_id, login, name) values (5000, 'ada@example.com', 'Other')");
    EXPECT_EQ(admin_->find_user("ada@example.com"), user_id{5'000});
    EXPECT_EQ(admin_->find_user("ADA@example.com"), ada);
    EXPECT_THROW((void)admin_->find_user("Ada@example.com"), pg::admin_error) << "which of the two?";
    EXPECT_EQ(refused("ada@example.com", {}), "");
    EXPECT_NE(refused("Ada@example.com", {}), "");
}

TEST_F(admin, sec_04_a_token_and_its_line_in_the_audit_are_made_together_or_not_at_all) {
    port::new_token t;
    t.kind = port::token_kind::service;
    t.hash = std::string(32, 't');
    t.hash_key_id = "k1";
    t.label = "nightly";
    t.scopes = {"act"};
    t.now = std::chrono::floor<millis>(std::chrono::system_clock::now());
    t.expires_at = t.ends_at = t.now + millis{3'600'000};
    port::audit_line line;
    line.actor = "cli";
    line.action = "token_created";
    line.at = t.now;
    const auto id = admin_->add_token(t, line);
    EXPECT_EQ(value("select token_id from audit_events"), std::to_string(id.value));
    EXPECT_EQ(value("select token_id from api_tokens"), std::to_string(id.value));
    EXPECT_THROW(admin_->add_token(t, line), pg::admin_error) << "the same token twice";
    EXPECT_EQ(value("select count(*) from audit_events"), "1");
    t.hash = std::string(32, 'u');
    sql("alter table audit_events add constraint full_up check (action = 'token_created') not valid");
    line.action = "other";
    EXPECT_THROW(admin_->add_token(t, line), pg::admin_error);
    EXPECT_EQ(value("select count(*) from api_tokens"), "1");
}

TEST_F(admin, dead_letters_are_listed_and_can_be_offered_again) {
    auto inbox = pg::make_event_inbox(*db_);
    run(inbox->append({event("e1", "x", "s1"), event("e2", "x", "s1")}, millis{0}));
    run(inbox->mark_dead({"e1"}, "session unknown for 60 s"));
    const auto letters = admin_->dead_letters(10);
    ASSERT_EQ(letters.size(), 1U);
    EXPECT_EQ(letters[0].event_id, "e1");
    EXPECT_EQ(letters[0].call_session_id, "s1");
    EXPECT_EQ(letters[0].received_at, k_noon);
    EXPECT_EQ(letters[0].error, "session unknown for 60 s");
    EXPECT_TRUE(admin_->revive("e1"));
    EXPECT_FALSE(admin_->revive("e1"));
    EXPECT_TRUE(admin_->dead_letters(10).empty());
    EXPECT_EQ(run(inbox->claim_pending(10, millis{0})).size(), 2U);
}

TEST_F(admin, be_19_one_event_is_shown_as_it_came_whatever_became_of_it) {
    auto inbox = pg::make_event_inbox(*db_);
    const auto sent = event("e1", "{\"x\": 1}", "s1");
    run(inbox->append({sent}, millis{60'000}));
    const auto fresh = admin_->event("e1");
    ASSERT_TRUE(fresh);
    EXPECT_EQ(fresh->status, "new");
    EXPECT_EQ(fresh->body, sent.body);
    EXPECT_EQ(fresh->line.error, "");
    EXPECT_FALSE(fresh->processed_at);
    run(inbox->mark_dead({"e1"}, "no such call"));
    EXPECT_EQ(admin_->event("e1")->status, "dead");
    EXPECT_TRUE(admin_->event("e1")->processed_at);
    EXPECT_EQ(admin_->event("e1")->line.error, "no such call");
    EXPECT_FALSE(admin_->event("e2"));
    EXPECT_FALSE(admin_->event(std::string("e\0", 2)));
}

TEST_F(admin, be_19_what_is_replayed_has_all_its_tries_and_what_was_processed_is_never_replayed) {
    auto inbox = pg::make_event_inbox(*db_);
    std::vector<port::inbox_event> all;
    for (int n = 1; n <= 4; ++n) {
        all.push_back(event("e" + std::to_string(n), "x", "s1"));
        all.back().received_at = k_noon + millis{n * 1'000};
    }
    run(inbox->append(all, millis{0}));
    for (int tries = 0; tries < 5; ++tries)
        run(inbox->postpone({"e1"}, millis{0}, "fails", true));
    run(inbox->mark_dead({"e1", "e2", "e3"}, std::string(port::k_unknown_session)));
    run(inbox->mark_ignored({"e4"}));
    EXPECT_EQ(admin_->dead_letters(10, k_noon + millis{2'000}).size(), 2U);
    EXPECT_EQ(admin_->revive_since(k_noon + millis{3'001}, 10), 0U);
    EXPECT_EQ(admin_->revive_since(k_noon, 2), 2U) << "the oldest first";
    EXPECT_EQ(
        value("select string_agg(event_id, ' ' order by event_id) from webhook_events where status = 'new'"),
        "e1 e2"
    );
    EXPECT_EQ(value("select sum(attempts) from webhook_events where status = 'new'"), "0");
    EXPECT_EQ(value("select count(*) from webhook_events where status = 'new' and orphaned"), "0");
    EXPECT_EQ(admin_->revive_since({}, 10), 1U);
    EXPECT_EQ(admin_->revive_since({}, 10), 0U);
    EXPECT_FALSE(admin_->revive("e4")) << "it was processed";
    EXPECT_EQ(admin_->event("e4")->status, "ignored");
}

TEST_F(admin, explain_tells_a_call_in_the_order_of_time) {
    const auto p = add_people("acme", "+15550100001", 1);
    auto calls = pg::make_call_store(*db_);
    auto inbox = pg::make_event_inbox(*db_);
    const auto s = ringing(p, "s1");
    auto webhook = event("e1", "x", "s1");
    webhook.event_type = "call.initiated";
    webhook.received_at = k_noon - millis{5};
    run(inbox->append({webhook}, millis{60'000}));
    run(calls->commit(first_commit(s), millis{60'000}));
    port::call_commit step;
    step.expected_version = 1;
    step.next = s;
    step.at = k_noon + millis{80};
    step.finished.push_back(
        call::command_outcome{s.legs[0].id.text(), call::verb::dial, {}, call::outcome::refused, "90041"}
    );
    run(calls->commit(step, millis{60'000}));

    const auto by_session = admin_->explain("s1", k_month);
    const auto by_id = admin_->explain(s.id.text(), k_month);
    ASSERT_TRUE(by_session && by_id);
    EXPECT_EQ(by_session->id, s.id);
    EXPECT_EQ(by_session->phase, "ringing");
    EXPECT_EQ(by_session->version, 2U);
    ASSERT_TRUE(by_session->call);
    auto reader = pg::make_call_reader(*db_); // the same row as clients are shown
    const auto shown = run(reader->find(port::tenant_scope::of(p.user), s.id.text()));
    ASSERT_TRUE(shown);
    EXPECT_EQ(by_session->call->state, shown->state);
    EXPECT_EQ(by_session->call->version, shown->version);
    EXPECT_EQ(by_session->call->position, shown->position);
    EXPECT_EQ(by_session->call->channel_number, shown->channel_number);
    EXPECT_EQ(by_session->call->org.name, shown->org.name);
    EXPECT_EQ(by_session->call->device_uids, shown->device_uids);
    ASSERT_EQ(by_id->lines.size(), by_session->lines.size());
    std::string told;
    for (const auto& l : by_session->lines)
        told += l.source + ":" + l.what + " ";
    EXPECT_EQ(told, "webhook:call.initiated call:caller note:call_began command:dial outcome:dial ");
    EXPECT_NE(by_session->lines.back().detail.find("90041"), std::string::npos);
    EXPECT_FALSE(admin_->explain("unheard of", k_month));
    run(inbox->append({event("e9", "x", "lost")}, millis{60'000}));
    const auto waiting = admin_->explain("lost", k_month);
    ASSERT_TRUE(waiting);
    EXPECT_TRUE(waiting->id.nil());
    EXPECT_FALSE(waiting->call);
    EXPECT_EQ(waiting->lines.size(), 1U);
}
