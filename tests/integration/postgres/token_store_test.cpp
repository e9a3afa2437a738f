// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/identities/purge.hpp"
#include "adapter/postgres/session.hpp"
#include "calls.hpp"

#include <algorithm>

using namespace z360;
using namespace z360::testing;
using port::new_token;
using port::token_kind;

namespace {

constexpr millis k_day{86'400'000};

class token_rows : public postgres_test {
  protected:
    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        acme_ = add_people("acme", "+15550100001", 1);
        tokens_ = pg::make_token_store(*db_);
        now_ = std::chrono::floor<millis>(std::chrono::system_clock::now());
    }
    void TearDown() override {
        tokens_.reset();
        postgres_test::TearDown();
    }
    /// 32 bytes with NUL among them.
    static std::string hash(char c) {
        std::string h(32, c);
        h[7] = '\0';
        return h;
    }
    [[nodiscard]] new_token device_token(char c) const {
        new_token t;
        t.kind = token_kind::device;
        t.hash = hash(c);
        t.hash_key_id = "k1";
        t.user = acme_.user;
        t.device = acme_.devices[0].device;
        t.now = now_;
        t.expires_at = now_ + 30 * k_day;
        t.ends_at = now_ + 180 * k_day;
        return t;
    }
    [[nodiscard]] new_token code(char c) const {
        auto t = device_token(c);
        t.kind = token_kind::enrolment;
        t.device = {};
        t.expires_at = t.ends_at = now_ + millis{3'600'000};
        return t;
    }
    [[nodiscard]] port::token_row get(char c) {
        const auto r = run(tokens_->find({hash('z'), hash(c)}));
        EXPECT_TRUE(r);
        return r.value_or(port::token_row{});
    }

    people acme_;
    std::unique_ptr<port::token_store> tokens_;
    time_point now_{};
};

awaitable<void> take(port::token_store& tokens, token_id t, time_point now, int& winners) {
    if (co_await tokens.consume(t, now)) ++winners;
}

} // namespace

TEST_F(token_rows, and_01_a_token_is_found_by_any_of_its_hashes_with_all_that_a_request_needs) {
    auto t = device_token('a');
    t.label = "Ada's \"phone\", {1}";
    t.scopes = {"voip", "calls:read, {x}"};
    const auto id = run(tokens_->add(t));
    const auto r = get('a');
    EXPECT_EQ(r.id, id);
    EXPECT_EQ(r.kind, token_kind::device);
    EXPECT_EQ(r.hash_key_id, "k1");
    EXPECT_EQ(r.label, t.label);
    EXPECT_EQ(r.scopes, t.scopes);
    EXPECT_TRUE(r.org.none());
    EXPECT_EQ(r.user, acme_.user);
    EXPECT_EQ(r.device, acme_.devices[0].device);
    EXPECT_EQ(r.device_uid, "acme-device-0");
    EXPECT_EQ(r.device_status, "active");
    EXPECT_EQ(r.user_status, "active");
    EXPECT_EQ(r.created_at, now_);
    EXPECT_EQ(r.expires_at, t.expires_at);
    EXPECT_EQ(r.ends_at, t.ends_at);
    EXPECT_FALSE(r.last_used_at || r.used_at || r.revoked_at);
    EXPECT_FALSE(run(tokens_->find({hash('b')})));
    EXPECT_FALSE(run(tokens_->find({})));
}

TEST_F(token_rows, b47_a_token_at_its_end_tells_whether_its_device_is_on_a_call) {
    auto t = device_token('a');
    t.expires_at = now_ - millis{1'000};
    run(tokens_->add(t));
    run(tokens_->add(device_token('b')));
    EXPECT_FALSE(get('a').on_call);
    auto calls = pg::make_call_store(*db_);
    run(calls->commit(first_commit(ringing(acme_, "session")), millis{60'000}));
    EXPECT_FALSE(get('a').on_call) << "no call lasts longer than the carrier lets it";
    sql("update calls set began_at = now()");
    EXPECT_TRUE(get('a').on_call);
    EXPECT_FALSE(get('b').on_call) << "not asked for while the token is good";
}

TEST_F(token_rows, mob_13_a_revoked_token_is_known_as_revoked_at_once_on_every_node) {
    const auto id = run(tokens_->add(device_token('a')));
    pg::database other(settings());
    auto elsewhere = pg::make_token_store(other);
    EXPECT_FALSE(run(elsewhere->find({hash('a')}))->revoked_at);
    EXPECT_TRUE(run(tokens_->revoke(id, {}, "lost phone", now_)));
    const auto r = run(elsewhere->find({hash('a')}));
    ASSERT_TRUE(r && r->revoked_at);
    EXPECT_EQ(*r->revoked_at, now_);
    EXPECT_EQ(r->revoke_reason, "lost phone");
    EXPECT_FALSE(run(tokens_->revoke(id, {}, "again", now_))) << "it is not live any more";
    EXPECT_EQ(get('a').revoke_reason, "lost phone");
    run(tokens_->touch(id, now_, now_ + 30 * k_day, std::nullopt));
    EXPECT_TRUE(get('a').revoked_at) << "use does not bring it back";
    EXPECT_FALSE(get('a').last_used_at);
}

TEST_F(token_rows, and_01_use_moves_the_sliding_end_but_never_beyond_the_absolute_one) {
    const auto id = run(tokens_->add(device_token('a')));
    const auto later = now_ + 20 * k_day;
    run(tokens_->touch(id, later, later + 30 * k_day, std::nullopt));
    EXPECT_EQ(get('a').expires_at, now_ + 50 * k_day);
    EXPECT_EQ(get('a').last_used_at, later);
    run(tokens_->touch(id, now_, now_ + 30 * k_day, std::nullopt)); // a slow node is behind
    EXPECT_EQ(get('a').expires_at, now_ + 50 * k_day);
    EXPECT_EQ(get('a').last_used_at, later);
    const auto near_end = now_ + 40 * k_day;
    run(tokens_->touch(id, near_end, near_end + 300 * k_day, std::nullopt));
    EXPECT_EQ(get('a').expires_at, now_ + 180 * k_day);
    const auto after = now_ + 181 * k_day;
    run(tokens_->touch(id, after, after + 30 * k_day, std::nullopt));
    EXPECT_EQ(get('a').expires_at, now_ + 180 * k_day) << "expired is over";
    EXPECT_EQ(get('a').last_used_at, near_end);
}

TEST_F(token_rows, use_is_proof_of_life_of_the_device_and_replaces_the_hash_of_an_old_key) {
    const auto id = run(tokens_->add(device_token('a')));
    sql("update devices set last_seen_at = z360_at(0)");
    auto renewed = device_token('b');
    renewed.hash_key_id = "k2";
    run(tokens_->touch(id, now_, now_ + 30 * k_day, renewed));
    EXPECT_EQ(
        value("select z360_ms(last_seen_at) from devices"), std::to_string(now_.time_since_epoch().count())
    );
    EXPECT_FALSE(run(tokens_->find({hash('a')})));
    EXPECT_EQ(get('b').id, id);
    EXPECT_EQ(get('b').hash_key_id, "k2");
}

TEST_F(token_rows, and_01_a_code_is_taken_once_however_many_try) {
    const auto id = run(tokens_->add(code('c')));
    int winners = 0;
    std::vector<awaitable<void>> tries;
    for (int i = 0; i < 50; ++i)
        tries.push_back(take(*tokens_, id, now_, winners));
    run(together(std::move(tries)));
    EXPECT_EQ(winners, 1);
    EXPECT_EQ(get('c').used_at, now_);
}

TEST_F(token_rows, and_01_a_code_that_is_late_revoked_or_no_code_is_not_taken) {
    const auto late = run(tokens_->add(code('l')));
    EXPECT_FALSE(run(tokens_->consume(late, now_ + millis{3'600'000})));
    const auto revoked = run(tokens_->add(code('r')));
    EXPECT_TRUE(run(tokens_->revoke(revoked, {}, "not needed", now_)));
    EXPECT_FALSE(run(tokens_->consume(revoked, now_)));
    const auto device = run(tokens_->add(device_token('d')));
    EXPECT_FALSE(run(tokens_->consume(device, now_)));
    EXPECT_EQ(value("select count(*) from api_tokens where used_at is not null"), "0");
}

TEST_F(token_rows, live_service_and_admin_tokens_are_listed_newest_first) {
    const auto add = [&](char c, token_kind kind, org_id org) {
        auto t = device_token(c);
        t.kind = kind;
        t.user = {};
        t.device = {};
        t.org = org;
        return run(tokens_->add(t));
    };
    const auto first = add('1', token_kind::service, acme_.org);
    const auto second = add('2', token_kind::admin, {});
    const auto gone = add('3', token_kind::admin, {});
    run(tokens_->add(device_token('4')));
    EXPECT_TRUE(run(tokens_->revoke(gone, {}, "x", now_)));
    const auto all = run(tokens_->list({}, 10));
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].id, second);
    EXPECT_EQ(all[1].id, first);
    EXPECT_EQ(run(tokens_->list({}, 1)).size(), 1U);
    const auto mine = run(tokens_->list(acme_.org, 10));
    ASSERT_EQ(mine.size(), 1U);
    EXPECT_EQ(mine[0].id, first);
}

TEST_F(token_rows, i_05_a_binding_is_kept_with_the_token_and_with_its_device) {
    auto bound = code('b');
    bound.bound_to = acme_.org;
    (void)run(tokens_->add(bound));
    EXPECT_EQ(get('b').bound_to, acme_.org);
    EXPECT_TRUE(get('b').org.none());
    (void)run(tokens_->add(device_token('d')));
    EXPECT_TRUE(get('d').bound_to.none());
    // A token that a program of before has issued is no way round the device's own binding.
    sql("update devices set bound_org_id = " + std::to_string(acme_.org.value));
    EXPECT_EQ(get('d').bound_to, acme_.org);
}

TEST_F(token_rows, and_01_what_a_token_made_is_found_however_far_back) {
    auto boss = device_token('a');
    boss.kind = token_kind::admin;
    boss.user = {};
    boss.device = {};
    const auto admin = run(tokens_->add(boss));
    auto of = [&](new_token t, token_id by) {
        t.issued_by = by;
        return run(tokens_->add(std::move(t)));
    };
    const auto used = of(code('b'), admin);
    const auto open = of(code('c'), admin);
    const auto phone = of(device_token('d'), used);
    EXPECT_TRUE(run(tokens_->consume(used, now_)));
    auto second = boss;
    second.hash = hash('e');
    const auto next = of(second, admin);
    const auto theirs = of(code('f'), next);
    (void)run(tokens_->add(code('g'))); // nobody's

    std::vector<std::int64_t> ids;
    for (const auto& t : run(tokens_->issued_by(admin, 100)))
        ids.push_back(t.id.value);
    EXPECT_EQ(ids, (std::vector<std::int64_t>{theirs.value, next.value, phone.value, open.value}));
    EXPECT_EQ(get('d').issued_by, used);

    pg::admin terminal(secret(scratch_->url()));
    port::audit_line line;
    line.actor = "cli";
    line.action = "token_revoked";
    line.at = now_;
    EXPECT_EQ(terminal.revoke_token(admin, false, line), 0U);
    EXPECT_FALSE(terminal.revoke_token(admin, false, line)) << "once";
    EXPECT_FALSE(get('d').revoked_at) << "not asked for";
    EXPECT_EQ(run(tokens_->issued_by(admin, 100)).size(), 4U) << "of a void one too";
    EXPECT_EQ(terminal.revoke_token(admin, true, line), 1U) << "one device";
    for (const char c : {'c', 'd', 'e', 'f'})
        EXPECT_TRUE(get(c).revoked_at) << c;
    EXPECT_FALSE(get('g').revoked_at);
    EXPECT_EQ(get('d').device_status, "removed");
    EXPECT_TRUE(run(tokens_->issued_by(admin, 100)).empty());
    EXPECT_EQ(value("select count(*) from audit_events where action = 'token_revoked'"), "5");
}

TEST_F(token_rows, and_01_open_enrolment_codes_are_listed) {
    auto of_acme = code('a');
    of_acme.org = acme_.org;
    const auto first = run(tokens_->add(of_acme));
    const auto used = run(tokens_->add(code('b')));
    const auto open = run(tokens_->add(code('c')));
    EXPECT_TRUE(run(tokens_->consume(used, now_)));
    (void)run(tokens_->add(device_token('d')));
    const auto all = run(tokens_->codes({}, 100));
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].id, open);
    EXPECT_EQ(all[1].id, first);
    const auto theirs = run(tokens_->codes(acme_.org, 100));
    ASSERT_EQ(theirs.size(), 1U);
    EXPECT_EQ(theirs[0].id, first);
}

TEST_F(token_rows, ios_04_a_fingerprint_counts_once_until_it_has_ended) {
    const std::string one(64, 'a');
    EXPECT_TRUE(run(tokens_->first_use(one, now_ + millis{600'000}, now_)));
    EXPECT_FALSE(run(tokens_->first_use(one, now_ + millis{600'000}, now_)));
    EXPECT_TRUE(run(tokens_->first_use(std::string(64, 'b'), now_ + millis{600'000}, now_)));
    EXPECT_EQ(value("select count(*) from used_identity_tokens"), "2");
    EXPECT_TRUE(run(tokens_->first_use(std::string(64, 'c'), now_ + 3 * k_day, now_ + 2 * k_day)));
    EXPECT_EQ(value("select count(*) from used_identity_tokens"), "1") << "the table does not grow for ever";
}

TEST_F(token_rows, and_01_whoever_made_a_living_token_is_not_purged) {
    const auto maker = run(tokens_->add(code('a')));
    auto made = device_token('b');
    made.issued_by = maker;
    (void)run(tokens_->add(made));
    EXPECT_TRUE(run(tokens_->consume(maker, now_)));
    sql("update api_tokens set used_at = now() - interval '40 days' where kind = 'enrolment'");
    auto connection = pg::session(secret(scratch_->url()));
    (void)pg::purge(connection, now_, 100);
    EXPECT_EQ(value("select count(*) from api_tokens"), "2");
    sql("update api_tokens set revoked_at = now() where kind = 'device'");
    (void)pg::purge(connection, now_, 100);
    EXPECT_EQ(value("select count(*) from api_tokens"), "1");
}
