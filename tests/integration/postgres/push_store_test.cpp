// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Where pushes go, and what they have shown, in the database.
#include "adapter/postgres/ops/rekey.hpp"
#include "registry.hpp"
#include "support/recording_metrics.hpp"

#include <z360/port/push_store.hpp>

#include <functional>

using namespace z360;
using namespace z360::testing;
using port::push_kind;
using push::environment;
using push::token_kind;

namespace {

constexpr const char* k_old_key = "first MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n";
constexpr const char* k_voip = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
constexpr const char* k_alert = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

class push_rows : public registry_test {
  protected:
    void SetUp() override {
        registry_test::SetUp();
        if (IsSkipped()) return;
        keys_ = adapter::crypto::vault::parse(secret(k_old_key), "test");
        registry_ = pg::make_device_registry(*db_, keys_);
        addresses_ = pg::make_push_addresses(*db_, keys_);
        fresh_ledger();
    }
    void TearDown() override {
        ledger_.reset();
        addresses_.reset();
        registry_test::TearDown();
    }
    void fresh_ledger() {
        ledger_ = pg::make_push_ledger(io_.get_executor(), *db_, metrics_, {.most_rows = 3});
    }
    device_id iphone(const person& p, const std::string& uid = "iphone") {
        auto r = registration(p, uid);
        r.bundle_id = "com.example.phone";
        r.apns_env = "sandbox";
        r.push.push_back(push(k_alert, push_kind::apns));
        r.push.push_back(push(k_voip, push_kind::apns_voip));
        return must_enrol(std::move(r)).device.id;
    }
    port::push_address must_find(device_id d, org_id org, device_id winner = {}, std::string caller = {}) {
        auto out = run(addresses_->find({d, org, winner, std::move(caller)}));
        if (!out) throw std::runtime_error("no address");
        return std::move(*out);
    }
    static const port::push_address_token& token(const port::push_address& a, token_kind k) {
        for (const auto& t : a.tokens)
            if (t.to.token_is == k) return t;
        throw std::runtime_error("no such token");
    }
    /// Everything that was noted is written.
    void write() {
        run(ledger_->stop(millis{5'000}));
        fresh_ledger();
    }

    test::recording_metrics metrics_;
    std::unique_ptr<port::push_addresses> addresses_;
    std::unique_ptr<port::push_ledger> ledger_;
};

awaitable<void> find_into(
    port::push_addresses& from, port::push_addresses::question q, std::optional<port::push_address>* out
) {
    *out = co_await from.find(std::move(q));
}

port::push_attempt attempt_of(std::uint64_t n) {
    port::push_attempt a;
    a.id = derive_uuid(uuid{1, 1}, n);
    a.call = call_id{uuid{2, n}};
    a.org = {1};
    a.device = {7};
    a.token = token_kind::voip;
    a.env = environment::sandbox;
    a.ring = 1;
    a.queued_at = k_then;
    a.sent_at = k_then + millis{3};
    a.answered_at = k_then + millis{90};
    a.status = 200;
    a.end = port::push_attempt_end::accepted;
    return a;
}

} // namespace

TEST_F(push_rows, a_device_s_tokens_come_in_the_clear_with_all_that_a_push_needs) {
    const auto d = iphone(ann_);
    const auto other = enrolled(ann_, "tablet");
    sql("insert into contacts (org_id, e164, name, avatar_url) values (" + text(ann_.org) +
        ", '+15550100001', 'Carol', 'https://example.com/carol.png')");
    const auto a = must_find(d, ann_.org, other.id, "+15550100001");
    EXPECT_EQ(a.uid, "iphone");
    EXPECT_EQ(a.platform, "ios");
    EXPECT_TRUE(a.eligible);
    EXPECT_TRUE(a.full_screen);
    EXPECT_EQ(a.org.name, "Org ann");
    EXPECT_EQ(a.org.slug, "ann");
    EXPECT_EQ(a.winner_uid, "tablet");
    EXPECT_EQ(a.caller_avatar, "https://example.com/carol.png");
    ASSERT_EQ(a.tokens.size(), 2U);
    const auto& voip = token(a, token_kind::voip);
    EXPECT_EQ(voip.to.token.reveal(), k_voip);
    EXPECT_EQ(voip.to.device, d);
    EXPECT_EQ(voip.to.env, environment::sandbox);
    EXPECT_FALSE(voip.to.env_proven);
    EXPECT_EQ(voip.to.bundle_id, "com.example.phone");
    EXPECT_EQ(voip.to.registered_at, k_then);
    EXPECT_FALSE(voip.dead);
    EXPECT_EQ(token(a, token_kind::alert).to.token.reveal(), k_alert);
}

TEST_F(push_rows, a_device_without_a_token_is_there_and_an_unknown_one_is_not) {
    const auto d = enrolled(ann_, "browser", "web");
    EXPECT_TRUE(must_find(d.id, ann_.org).tokens.empty());
    EXPECT_FALSE(run(addresses_->find({{9'999}, ann_.org, {}, {}})));
    EXPECT_FALSE(run(addresses_->find({d.id, {9'999}, {}, {}})));
}

TEST_F(push_rows, installation_ids_of_firebase_are_told_from_tokens) {
    auto r = registration(ann_, "pixel", "android");
    r.push.push_back(push("fid-of-an-installation", push_kind::fcm_fid));
    const auto d = must_enrol(std::move(r)).device.id;
    EXPECT_EQ(must_find(d, ann_.org).tokens.at(0).to.token_is, token_kind::fcm_fid);
    auto again = registration(ann_, "pixel", "android");
    again.push.push_back(push("a token as of old", push_kind::fcm));
    (void)must_enrol(std::move(again));
    EXPECT_EQ(must_find(d, ann_.org).tokens.at(0).to.token_is, token_kind::fcm_token);
}

TEST_F(push_rows, i_05_a_device_is_eligible_only_for_organisations_it_may_ring_for) {
    const auto d = iphone(ann_);
    EXPECT_FALSE(must_find(d, bob_.org).eligible) << "not a member";
    const auto turn = [&](const std::string& off, const std::string& on) {
        sql(off);
        EXPECT_FALSE(must_find(d, ann_.org).eligible) << off;
        sql(on);
        EXPECT_TRUE(must_find(d, ann_.org).eligible) << on;
    };
    const auto id = text(d);
    turn(
        "update devices set status = 'suspended' where device_id = " + id,
        "update devices set status = 'active' where device_id = " + id
    );
    turn(
        "update users set status = 'suspended' where user_id = " + text(ann_.user),
        "update users set status = 'active' where user_id = " + text(ann_.user)
    );
    turn(
        "update organizations set status = 'suspended' where org_id = " + text(ann_.org),
        "update organizations set status = 'active' where org_id = " + text(ann_.org)
    );
    turn(
        "update devices set bound_org_id = " + text(bob_.org) + " where device_id = " + id,
        "update devices set bound_org_id = null where device_id = " + id
    );
    turn(
        "insert into device_exclusions (device_id, org_id) values (" + id + ", " + text(ann_.org) + ")",
        "delete from device_exclusions"
    );
}

TEST_F(push_rows, those_who_ask_in_one_turn_are_answered_by_one_query) {
    const auto one = iphone(ann_);
    const auto two = enrolled(ann_, "two").id;
    pg::database db(settings(), &metrics_);
    auto from = pg::make_push_addresses(db, keys_);
    std::optional<port::push_address> a, b, c;
    std::vector<awaitable<void>> all;
    all.push_back(find_into(*from, {one, ann_.org, {}, {}}, &a));
    all.push_back(find_into(*from, {two, ann_.org, {}, {}}, &b));
    all.push_back(find_into(*from, {{9'999}, ann_.org, {}, {}}, &c));
    run(together(std::move(all)));
    EXPECT_EQ(
        metrics_
            .observed("z360_postgres_statement_seconds", {{"pool", "calls"}, {"statement", "push_addresses"}})
            .size(),
        1U
    );
    ASSERT_TRUE(a && b);
    EXPECT_EQ(a->uid, "iphone");
    EXPECT_EQ(b->uid, "two");
    EXPECT_FALSE(c);
}

TEST_F(push_rows, be_46_a_dead_token_is_marked_and_lives_again_once_it_is_registered) {
    const auto d = iphone(ann_);
    const auto name = token(must_find(d, ann_.org), token_kind::voip).name;
    ledger_->token_dead(d, token_kind::voip, name, "Unregistered", k_then + millis{5'000});
    write();
    const auto marked = must_find(d, ann_.org);
    EXPECT_TRUE(token(marked, token_kind::voip).dead);
    EXPECT_FALSE(token(marked, token_kind::alert).dead);
    EXPECT_EQ(
        value("select voip_invalid_reason || ' ' || push_state from devices where device_id = " + text(d)),
        "Unregistered invalid"
    );

    auto r = registration(ann_, "iphone");
    r.now = k_then + millis{60'000};
    r.push.push_back(push(k_voip, push_kind::apns_voip));
    (void)must_enrol(std::move(r));
    const auto again = must_find(d, ann_.org);
    EXPECT_FALSE(token(again, token_kind::voip).dead) << "the same token, registered anew";
    EXPECT_EQ(token(again, token_kind::voip).to.registered_at, k_then + millis{60'000});
    EXPECT_EQ(token(again, token_kind::alert).to.registered_at, k_then);
    EXPECT_EQ(value("select push_state from devices where device_id = " + text(d)), "active");
}

TEST_F(push_rows, be_46_word_of_a_dead_token_is_passed_over_if_the_device_has_registered_since) {
    const auto d = iphone(ann_);
    const auto name = token(must_find(d, ann_.org), token_kind::alert).name;
    ledger_->token_dead(d, token_kind::alert, name, "Unregistered", k_then - millis{1});
    write();
    EXPECT_FALSE(token(must_find(d, ann_.org), token_kind::alert).dead) << "registered later";
    auto r = registration(ann_, "iphone");
    r.push.push_back(push(k_alert, push_kind::apns));
    (void)must_enrol(std::move(r));
    ledger_->token_dead(d, token_kind::alert, name, "Unregistered", k_then + millis{5'000});
    write();
    EXPECT_FALSE(token(must_find(d, ann_.org), token_kind::alert).dead) << "not that very one any more";
}

TEST_F(push_rows, what_is_learned_of_a_token_s_environment_stays_with_that_token) {
    const auto d = iphone(ann_);
    const auto learn = [&](environment e) {
        ledger_->environment_learned(
            d, token_kind::alert, token(must_find(d, ann_.org), token_kind::alert).name, e
        );
        write();
    };
    learn(environment::production);
    const auto a = must_find(d, ann_.org);
    EXPECT_EQ(token(a, token_kind::alert).to.env, environment::production);
    EXPECT_TRUE(token(a, token_kind::alert).to.env_proven);
    EXPECT_FALSE(token(a, token_kind::voip).to.env_proven);

    auto same = registration(ann_, "iphone");
    same.push.push_back(push(k_alert, push_kind::apns));
    (void)must_enrol(std::move(same));
    EXPECT_TRUE(token(must_find(d, ann_.org), token_kind::alert).to.env_proven) << "the same token";
    auto fresh = registration(ann_, "iphone");
    fresh.push.push_back(push(std::string(64, 'c'), push_kind::apns));
    (void)must_enrol(std::move(fresh));
    const auto other = must_find(d, ann_.org);
    EXPECT_FALSE(token(other, token_kind::alert).to.env_proven);
    EXPECT_EQ(token(other, token_kind::alert).to.env, environment::sandbox) << "what the app says";
}

TEST_F(push_rows, sec_02_new_keys_for_the_same_secrets_are_no_registration) {
    const auto d = iphone(ann_);
    const auto name = token(must_find(d, ann_.org), token_kind::voip).name;
    ledger_->token_dead(d, token_kind::voip, name, "Unregistered", k_then + millis{5'000});
    write();
    const auto both = adapter::crypto::vault::parse(
        secret("second YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODk=\n" + std::string(k_old_key)), "test"
    );
    const auto report = pg::rekey(secret(scratch_->url()), *both, {});
    EXPECT_GT(report.changed(), 0U);
    addresses_ = pg::make_push_addresses(*db_, both);
    const auto a = must_find(d, ann_.org);
    EXPECT_EQ(token(a, token_kind::voip).to.token.reveal(), k_voip);
    EXPECT_TRUE(token(a, token_kind::voip).dead);
    EXPECT_EQ(token(a, token_kind::voip).to.registered_at, k_then);
}

TEST_F(push_rows, a_program_of_the_version_before_registers_tokens_and_the_marks_are_right) {
    const auto d = iphone(ann_);
    sql("update devices set push_invalid_at = now(), push_invalid_reason = 'Unregistered' where device_id "
        "= " +
        text(d));
    // Its statement, as it was: no new column is in it.
    sql("update devices set push_token = 'x', push_key_id = 'first', push_token_hash = sha256('x'), "
        "push_token_kind = 'apns', push_updated_at = z360_at(1800000000000), push_state = 'active' where "
        "device_id = " +
        text(d));
    EXPECT_EQ(
        value(
            "select coalesce(push_invalid_at::text, 'alive') || ' ' || z360_ms(push_registered_at) from "
            "devices where device_id = " +
            text(d)
        ),
        "alive 1800000000000"
    );
}

TEST_F(push_rows, attempts_are_written_together_and_each_once) {
    ledger_->note(attempt_of(1));
    ledger_->note(attempt_of(2));
    ledger_->note(attempt_of(2));
    write();
    EXPECT_EQ(value("select count(*) from push_attempts"), "2");
    EXPECT_EQ(
        value("select concat_ws(' ', kind, ring, round, attempt, provider, token_kind, environment, lane, "
              "status, "
              "outcome, z360_ms(answered_at) - z360_ms(sent_at)) from push_attempts limit 1"),
        "incoming_call 1 1 1 apns voip sandbox call 200 accepted 87"
    );
    EXPECT_EQ(metrics_.total("push_ledger_lost_total"), 0);
}

TEST_F(push_rows, while_the_store_is_away_the_newest_attempts_are_kept_and_the_lost_ones_counted) {
    for (std::uint64_t n = 1; n <= 5; ++n)
        ledger_->note(attempt_of(n));
    write();
    EXPECT_EQ(value("select count(*) from push_attempts"), "3");
    EXPECT_EQ(
        value(
            "select count(*) from push_attempts where attempt_id in ('" + derive_uuid(uuid{1, 1}, 1).text() +
            "', '" + derive_uuid(uuid{1, 1}, 2).text() + "')"
        ),
        "0"
    );
    EXPECT_EQ(metrics_.counted("push_ledger_lost_total", {{"what", "attempt"}}), 2);
}

namespace {

awaitable<bool> comes(std::function<bool()> condition) {
    for (int i = 0; i < 5'000; ++i) {
        if (condition()) co_return true;
        co_await rt::sleep_for(millis{1});
    }
    co_return false;
}

awaitable<void> written_in_the_end(
    port::push_ledger& ledger, std::function<bool()> failed, std::function<void()> mend,
    std::function<bool()> written
) {
    ledger.start();
    ledger.note(attempt_of(1));
    const bool in_vain = co_await comes(std::move(failed));
    EXPECT_TRUE(in_vain);
    mend();
    const bool there = co_await comes(std::move(written));
    EXPECT_TRUE(there);
    co_await ledger.stop(millis{1'000});
}

} // namespace

TEST_F(push_rows, the_loop_writes_by_itself_and_again_after_a_failure) {
    sql("alter table push_attempts rename to push_attempts_away");
    run(written_in_the_end(
        *ledger_, [this] { return metrics_.total("loop_failures_total") > 0; },
        [this] { sql("alter table push_attempts_away rename to push_attempts"); },
        [this] { return value("select count(*) from push_attempts") == "1"; }
    ));
}

TEST_F(push_rows, push_02_of_each_word_of_a_phone_the_first_counts) {
    const auto d = iphone(ann_);
    port::push_receipt r;
    r.call = call_id{uuid{2, 1}};
    r.org = ann_.org;
    r.device = d;
    r.ring = 1;
    r.at = k_then;
    ledger_->receipt(r);
    write();
    r.at = k_then + millis{5'000};
    r.phone_at = k_then;
    ledger_->receipt(r);
    r.state = port::push_state::ringing;
    ledger_->receipt(r);
    write();
    EXPECT_EQ(
        sql("select string_agg(state || ' ' || z360_ms(at), ', ' order by state) from push_receipts")[0][0]
            .as<std::string>(),
        "received " + std::to_string(k_then.time_since_epoch().count()) + ", ringing " +
            std::to_string((k_then + millis{5'000}).time_since_epoch().count())
    );
}

TEST_F(push_rows, push_02_figures_count_rings_and_find_phones_that_never_say_a_word) {
    auto figures = pg::make_push_figures(*db_);
    const auto talking = iphone(ann_);
    auto second = registration(ann_, "silent");
    second.platform = "ios";
    const auto silent = must_enrol(std::move(second)).device.id;
    // Three calls; both phones are pushed to twice in each, and taken at the second attempt.
    for (std::uint64_t n = 1; n <= 3; ++n)
        for (const auto d : {talking, silent})
            for (std::uint64_t k = 1; k <= 2; ++k) {
                auto a = attempt_of(n);
                a.id = derive_uuid(uuid{n, k}, static_cast<std::uint64_t>(d.value));
                a.org = ann_.org;
                a.device = d;
                a.attempt = static_cast<std::uint32_t>(k);
                if (k == 1) {
                    a.end = port::push_attempt_end::failed;
                    a.reason = "ServiceUnavailable";
                    a.status = 503;
                }
                fresh_ledger();
                ledger_->note(a);
                write();
                if (d != talking || k == 1 || n == 3) continue;
                port::push_receipt r{
                    a.call, ann_.org, d, 1, port::push_state::received, a.sent_at + millis{400}, {}
                };
                ledger_->receipt(r);
                write();
            }
    const auto all = run(figures->since(port::tenant_scope::all(), k_then));
    ASSERT_EQ(all.groups.size(), 1U);
    EXPECT_EQ(all.groups[0].platform, "ios");
    EXPECT_EQ(all.groups[0].provider, "apns");
    EXPECT_EQ(all.groups[0].rings, 6U) << "each ring of a phone once";
    EXPECT_EQ(all.groups[0].accepted, 6U);
    EXPECT_EQ(all.groups[0].received, 2U);
    EXPECT_EQ(all.groups[0].shown, 0U);
    EXPECT_EQ(all.groups[0].arrival_p50, millis{400});
    ASSERT_EQ(all.refusals.size(), 1U);
    EXPECT_EQ(all.refusals[0].reason, "ServiceUnavailable");
    EXPECT_EQ(all.refusals[0].count, 6U);
    ASSERT_EQ(all.dark.size(), 1U);
    EXPECT_EQ(all.dark[0].uid, "silent");
    EXPECT_EQ(all.dark[0].accepted, 3U);
    EXPECT_TRUE(run(figures->since(port::tenant_scope::all(), k_then + millis{10'000})).groups.empty());
    // Nobody else's: these calls are in no row that an organisation sees.
    EXPECT_TRUE(run(figures->since(port::tenant_scope::of(ann_.org), k_then)).groups.empty());
}
