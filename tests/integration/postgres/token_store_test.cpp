// SPDX-License-Identifier: LicenseRef-z360-proprietary
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
