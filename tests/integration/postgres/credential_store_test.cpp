// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "registry.hpp"

#include <algorithm>
#include <set>

using namespace z360;
using namespace z360::testing;
using credential::identity_state;
using credential::retire_reason;
using port::tenant_scope;

namespace {

class credential_store : public registry_test {
  protected:
    std::vector<port::claimed_device>
    due(time_point now = k_then, std::size_t limit = 50, millis claim = k_claim) {
        return run(store_->claim_due({}, now, limit, claim));
    }
    std::vector<device_id>
    due_ids(time_point now = k_then, std::size_t limit = 50, millis claim = millis{0}) {
        std::vector<device_id> out;
        for (const auto& c : due(now, limit, claim))
            out.push_back(c.device.id);
        return out;
    }
    void remove(device_id d) {
        EXPECT_TRUE(run(registry_->remove(tenant_scope::all(), {d, "logout", k_then})));
    }
};

awaitable<void> claim_into(port::credential_store& store, std::vector<std::int64_t>& out) {
    const credential::policy rules;
    const auto got = co_await store.claim_due(rules, k_then, 5, k_claim);
    for (const auto& c : got)
        out.push_back(c.device.id.value);
}

awaitable<void> add_into(port::credential_store& store, device_id d, std::set<std::int64_t>& out) {
    const auto added = co_await store.add_identity(d, "c", k_then);
    out.insert(added.value);
}

} // namespace

TEST_F(credential_store, a_pending_identity_is_due_and_handed_out_to_one_node_only) {
    const auto d = enrolled(ann_, "phone");
    const auto got = due();
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].device.id, d.id);
    EXPECT_TRUE(got[0].device.entitled);
    EXPECT_FALSE(got[0].device.busy);
    ASSERT_EQ(got[0].device.identities.size(), 1U);
    EXPECT_EQ(got[0].device.identities[0].now_in, identity_state::pending);
    EXPECT_EQ(got[0].names.at(0).user, ann_.user);
    EXPECT_FALSE(got[0].names.at(0).key.nil());
    auto other_node = pg::make_credential_store(*db_, keys_);
    EXPECT_TRUE(run(other_node->claim_due({}, k_then, 50, k_claim)).empty());
    EXPECT_FALSE(run(other_node->claim(d.id, k_claim)));
    run(other_node->release(d.id)); // not its to give
    EXPECT_FALSE(run(other_node->claim(d.id, k_claim)));
    run(store_->release(d.id));
    EXPECT_TRUE(run(other_node->claim(d.id, k_claim)));
    EXPECT_TRUE(run(store_->read(d.id)));
}

TEST_F(credential_store, parallel_workers_share_the_due_devices_without_overlap) {
    for (int n = 0; n < 20; ++n)
        enrolled(ann_, "phone-" + std::to_string(n), "android");
    std::vector<std::int64_t> got;
    std::vector<awaitable<void>> tasks;
    for (int n = 0; n < 6; ++n)
        tasks.push_back(claim_into(*store_, got));
    run(together(std::move(tasks)));
    EXPECT_EQ(std::set(got.begin(), got.end()).size(), got.size());
    EXPECT_GE(got.size(), 5U);
}

TEST_F(credential_store, a_failed_one_waits_until_its_time) {
    const auto d = enrolled(ann_, "phone");
    run(store_->failed(d.identity->id, "10015 bad request", k_then + millis{5'000}));
    EXPECT_TRUE(due_ids(k_then + millis{4'999}).empty());
    EXPECT_EQ(due_ids(k_then + millis{5'000}), std::vector{d.id});
    EXPECT_EQ(run(store_->read(d.id))->device.identities[0].failures, 1U);
}

TEST_F(credential_store, be_13_parallel_workers_add_one_identity) {
    const auto d = enrolled(ann_, "phone");
    activate(d, "a");
    std::set<std::int64_t> ids;
    std::vector<awaitable<void>> tasks;
    for (int n = 0; n < 10; ++n)
        tasks.push_back(add_into(*store_, d.id, ids));
    run(together(std::move(tasks)));
    EXPECT_EQ(ids.size(), 1U);
    EXPECT_EQ(states(d.id), "active pending");
    EXPECT_EQ(value("select max(version) from sip_identities"), "2");
}

TEST_F(credential_store, cred_01_an_activation_makes_the_former_identity_the_old_one) {
    const auto d = enrolled(ann_, "phone");
    activate(d, "old");
    const auto next = run(store_->add_identity(d.id, "", k_then));
    run(store_->mark_asked(next, k_then));
    EXPECT_TRUE(run(store_->activate(next, made("new"), k_then + 30 * k_one_day, k_then + millis{7})));
    EXPECT_EQ(states(d.id), "rotating active");
    EXPECT_TRUE(run(store_->activate(next, made("new"), k_then + 30 * k_one_day, k_then + millis{9})));
    const auto row = run(store_->read(d.id));
    EXPECT_EQ(row->device.identities[0].superseded_at, k_then + millis{7});
    EXPECT_EQ(row->names[1].telnyx_id, "cred-new");
    EXPECT_EQ(run(registry_->password(next))->reveal(), "password-of-new");
}

TEST_F(credential_store, cred_01_the_old_identity_is_due_once_the_device_has_proved_the_new_one) {
    const auto d = enrolled(ann_, "phone");
    activate(d, "old");
    run(store_->add_identity(d.id, "", k_then));
    activate(d, "new");
    EXPECT_TRUE(due_ids().empty());
    run(registry_->seen(d.id, k_then + millis{1}, 1)); // it still uses the old one
    EXPECT_TRUE(due_ids(k_then + millis{1}).empty());
    run(registry_->seen(d.id, k_then + millis{2}, 2));
    EXPECT_EQ(due_ids(k_then + millis{2}), std::vector{d.id});
}

TEST_F(credential_store, cred_01_rotation_overlap_and_silence_make_a_device_due) {
    const auto d = enrolled(ann_, "phone");
    activate(d, "a");
    EXPECT_TRUE(due_ids(k_then + 23 * k_one_day).empty());
    run(registry_->seen(d.id, k_then + 24 * k_one_day, std::nullopt));
    EXPECT_EQ(due_ids(k_then + 25 * k_one_day), std::vector{d.id});
    run(store_->add_identity(d.id, "", k_then + 25 * k_one_day));
    activate(d, "b", k_then + 25 * k_one_day);
    EXPECT_TRUE(due_ids(k_then + 27 * k_one_day).empty());
    EXPECT_EQ(due_ids(k_then + 28 * k_one_day), std::vector{d.id}); // 72 h
    sql("update sip_identities set state = 'retiring', retry_at = '2099-01-01' where state = 'rotating'");
    EXPECT_EQ(due_ids(k_then + 54 * k_one_day), std::vector{d.id}); // silent for 30 days
}

TEST_F(credential_store, cred_01_ten_thousand_due_devices_are_handed_out_quickly) {
    sql("insert into devices (user_id, device_uid, platform, last_seen_at) select " + text(ann_.user) +
        ", 'bulk-' || n, 'ios', z360_at(" + std::to_string(k_then.time_since_epoch().count()) +
        ") from generate_series(1, 10000) n");
    sql("insert into sip_identities (device_id, telnyx_credential_id, sip_username, state, created_at, "
        "activated_at, "
        "expires_at) select device_id, 'c' || device_id, 'u' || device_id, 'active', z360_at(0), z360_at(0), "
        "z360_at(" +
        std::to_string((k_then + k_one_day).time_since_epoch().count()) +
        ") from devices where device_uid like 'bulk-%'");
    std::set<std::int64_t> seen;
    for (int round = 0; round < 10; ++round) {
        const auto begin = std::chrono::steady_clock::now();
        const auto got = due(k_then, 20);
        EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500));
        EXPECT_EQ(got.size(), 20U);
        for (const auto& c : got)
            EXPECT_TRUE(seen.insert(c.device.id.value).second);
    }
}

TEST_F(credential_store, and_09_nothing_of_a_device_in_a_call_is_due_but_an_extension) {
    const auto d = enrolled(ann_, "phone");
    const auto identity = activate(d, "a");
    const auto call = put_on_call(ann_, d.id, identity);
    const auto late = k_then + 25 * k_one_day;
    run(registry_->seen(d.id, late, std::nullopt));
    EXPECT_TRUE(due_ids(late).empty());
    const auto last_hours = k_then + 30 * k_one_day - millis{4LL * 3'600'000};
    EXPECT_EQ(due_ids(last_hours), std::vector{d.id});
    run(store_->extended(identity, k_then + 31 * k_one_day));
    EXPECT_TRUE(due_ids(last_hours).empty());
    end_call(call);
    EXPECT_EQ(due_ids(late + k_one_day), std::vector{d.id}); // the rotation that had to wait
}

TEST_F(credential_store, an_activation_that_comes_too_late_keeps_the_telnyx_id_for_the_deletion) {
    const auto d = enrolled(ann_, "phone");
    const auto identity = d.identity->id;
    remove(d.id);
    EXPECT_FALSE(run(store_->activate(identity, made("late"), k_then + k_one_day, k_then)));
    EXPECT_EQ(value("select state || ' ' || telnyx_credential_id from sip_identities"), "retiring cred-late");
    run(store_->bury(identity, k_then));
    EXPECT_EQ(value("select count(*) from devices"), "0");
    EXPECT_FALSE(run(store_->activate(identity, made("later"), k_then + k_one_day, k_then)));
    EXPECT_EQ(
        value("select kind || ' ' || state || ' ' || telnyx_credential_id from sip_identities"),
        "stranger retiring cred-later"
    );
}

TEST_F(credential_store, be_05_a_row_that_owns_a_credential_cannot_be_deleted_and_goes_after_its_burial) {
    const auto d = enrolled(ann_, "phone");
    const auto identity = activate(d, "a");
    add_token(ann_, d.id);
    const std::string erase = "delete from sip_identities where device_id = " + text(d.id);
    EXPECT_EQ(refusal(erase), "23001"); // restrict_violation
    remove(d.id);
    EXPECT_EQ(refusal(erase), "23001");
    EXPECT_EQ(
        refusal("delete from devices where device_id = " + text(d.id)), "sip_identities_device_id_fkey"
    );
    run(store_->bury(identity, k_then));
    EXPECT_EQ(value("select count(*) from devices"), "0");
    EXPECT_EQ(value("select count(*) from sip_identities"), "0");
    EXPECT_EQ(value("select count(*) from api_tokens"), "0");
}

TEST_F(credential_store, be_05_a_device_that_calls_name_stays_as_a_tombstone_without_secrets) {
    const auto d = enrolled(ann_, "phone");
    const auto identity = activate(d, "a");
    end_call(put_on_call(ann_, d.id, identity));
    remove(d.id);
    run(store_->bury(identity, k_then));
    EXPECT_EQ(status(d.id), "removed");
    EXPECT_EQ(states(d.id), "dead");
    EXPECT_EQ(
        value("select count(*) from sip_identities where sip_password is not null or jwt is not null"), "0"
    );
    run(store_->bury(identity, k_then)); // again: no harm
    EXPECT_EQ(states(d.id), "dead");
}

TEST_F(credential_store, be_05_an_active_device_keeps_its_row_when_an_identity_dies) {
    const auto d = enrolled(ann_, "phone");
    const auto identity = activate(d, "a");
    run(store_->bury(identity, k_then)); // not retiring: nothing is buried alive
    EXPECT_EQ(states(d.id), "active");
    run(store_->retire(identity, retire_reason::lost, k_then));
    run(store_->retire(identity, retire_reason::rotated, k_then));
    EXPECT_EQ(value("select retire_reason from sip_identities"), "lost");
    run(store_->bury(identity, k_then));
    EXPECT_EQ(states(d.id), "dead");
    EXPECT_EQ(status(d.id), "active");
}

TEST_F(credential_store, be_05_an_identity_that_never_reached_telnyx_can_be_retired) {
    const auto d = enrolled(ann_, "phone");
    run(store_->retire(d.identity->id, retire_reason::not_wanted, k_then));
    EXPECT_EQ(states(d.id), "retiring");
}

TEST_F(credential_store, who_is_a_member_nowhere_is_not_entitled) {
    const auto d = enrolled(ann_, "phone");
    const auto entitled = [this, &d] { return run(store_->read(d.id))->device.entitled; };
    EXPECT_TRUE(entitled());
    sql("update organizations set status = 'suspended' where org_id = " + text(ann_.org));
    EXPECT_FALSE(entitled());
    sql("update organizations set status = 'active'");
    sql("delete from memberships where user_id = " + text(ann_.user));
    EXPECT_FALSE(entitled());
    EXPECT_FALSE(run(store_->read({987'654})));
}

TEST_F(credential_store, cred_02_a_token_is_cached_encrypted_and_minted_by_one) {
    const auto d = enrolled(ann_, "phone");
    EXPECT_FALSE(run(store_->token(d.id, k_claim)));
    const auto identity = activate(d, "a");
    const auto first = run(store_->token(d.id, k_claim));
    ASSERT_TRUE(first);
    EXPECT_EQ(first->telnyx_id, "cred-a");
    EXPECT_TRUE(first->claimed);
    EXPECT_FALSE(first->token);
    EXPECT_FALSE(run(store_->token(d.id, k_claim))->claimed);
    run(store_->store_token(identity, std::nullopt, k_then));
    EXPECT_TRUE(run(store_->token(d.id, k_claim))->claimed);
    run(store_->store_token(identity, port::carrier_token{secret("a.jwt.x"), k_then + millis{7}}, k_then));
    const auto cached = run(store_->token(d.id, millis{0}));
    EXPECT_EQ(cached->token.value().jwt.reveal(), "a.jwt.x");
    EXPECT_EQ(cached->token->expires_at, k_then + millis{7});
    EXPECT_EQ(cached->minted_at, k_then);
    EXPECT_FALSE(cached->claimed);
}

TEST_F(credential_store, be_06_strangers_and_organisations_credentials_go_the_way_of_all_others) {
    run(store_->adopt_for_removal(made("stranger"), k_then));
    run(store_->adopt_for_removal(made("stranger"), k_then));
    sql("insert into sip_identities (kind, org_id, telnyx_credential_id, sip_username, state, created_at) "
        "values "
        "('organization', " +
        text(ann_.org) + ", 'legacy', 'gencred-legacy', 'retiring', z360_at(0))");
    EXPECT_EQ(value("select count(*) from sip_identities"), "2");
    std::vector<port::claimed_device> got;
    for (int round = 0; round < 3; ++round)
        for (auto& c : due(k_then, 4))
            got.push_back(std::move(c));
    ASSERT_EQ(got.size(), 2U);
    for (const auto& c : got) {
        EXPECT_TRUE(c.device.id.none());
        EXPECT_FALSE(c.device.entitled);
        ASSERT_EQ(c.device.identities.size(), 1U);
        EXPECT_FALSE(c.names.at(0).telnyx_id.empty());
        run(store_->bury(c.device.identities[0].id, k_then));
    }
    EXPECT_EQ(value("select count(*) from sip_identities where state <> 'dead'"), "0");
    EXPECT_EQ(value("select count(*) from sip_identities where kind = 'stranger'"), "0");
    run(store_->adopt_for_removal(made("stranger"), k_then)); // Telnyx still lists it
    EXPECT_EQ(value("select state from sip_identities where kind = 'stranger'"), "retiring");
}

TEST_F(credential_store, be_06_a_failed_deletion_of_what_no_device_has_is_due_again_after_its_pause) {
    run(store_->adopt_for_removal(made("stranger"), k_then));
    const auto got = due(k_then, 4);
    ASSERT_EQ(got.size(), 1U);
    EXPECT_TRUE(due(k_then, 4).empty()) << "claimed";
    const auto pause = millis{700};
    run(store_->failed(got[0].device.identities[0].id, "erase unknown: 10007", k_then + pause));
    EXPECT_TRUE(due(k_then + pause - millis{1}, 4).empty()) << "the pause";
    EXPECT_EQ(due(k_then + pause, 4).size(), 1U) << "the claim ended with the attempt";
}

TEST_F(credential_store, be_36_a_stranger_has_no_owner_and_a_leg_cannot_name_it) {
    EXPECT_EQ(
        refusal("insert into sip_identities (kind, org_id) values ('stranger', " + text(ann_.org) + ")"),
        "sip_identities_kind_has_its_owner"
    );
    run(store_->adopt_for_removal(made("stranger"), k_then));
    const auto d = enrolled(ann_, "phone");
    const auto identity = activate(d, "a");
    put_on_call(ann_, d.id, identity);
    EXPECT_EQ(
        refusal("update call_legs set identity_id = (select identity_id from sip_identities where kind = "
                "'stranger')"),
        "call_legs_device_identity_only"
    );
}

TEST_F(credential_store, the_comparison_finds_rows_by_telnyx_id_and_by_key) {
    const auto d = enrolled(ann_, "phone");
    const auto identity = activate(d, "a");
    const auto other = enrolled(bob_, "phone of bob");
    const auto key = run(store_->read(other.id))->names.at(0).key;
    const auto found = run(store_->lookup({"cred-a", "unknown"}, {key, uuid{1, 2}}));
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].id, identity);
    EXPECT_EQ(found[0].telnyx_id, "cred-a");
    EXPECT_EQ(found[1].key, key);
    EXPECT_EQ(run(store_->known({}, 1)).size(), 1U);
    EXPECT_EQ(run(store_->known(identity, 10)).size(), 1U);
    run(store_->checked({identity}, k_then));
    EXPECT_EQ(value("select count(*) from sip_identities where last_checked_at is not null"), "1");
    EXPECT_TRUE(run(store_->lookup({}, {})).empty());
}

TEST_F(credential_store, be_41_a_credential_entered_by_hand_is_not_missed_in_a_list_that_cannot_name_it) {
    const auto d = enrolled(ann_, "phone");
    const auto identity = activate(d, "a");
    EXPECT_EQ(run(store_->known({}, 10)).size(), 1U);
    sql("update sip_identities set telnyx_credential_id = 'manual-gencred' where identity_id = " +
        std::to_string(identity.value));
    EXPECT_TRUE(run(store_->known({}, 10)).empty());
}

TEST_F(credential_store, a_lease_has_one_holder_until_it_runs_out_or_is_dropped) {
    EXPECT_TRUE(run(store_->hold_lease("compare", "node-1", k_claim)));
    EXPECT_TRUE(run(store_->hold_lease("compare", "node-1", k_claim)));
    EXPECT_FALSE(run(store_->hold_lease("compare", "node-2", k_claim)));
    run(store_->drop_lease("compare", "node-2"));
    EXPECT_FALSE(run(store_->hold_lease("compare", "node-2", k_claim)));
    run(store_->drop_lease("compare", "node-1"));
    EXPECT_TRUE(run(store_->hold_lease("compare", "node-2", millis{0})));
    EXPECT_TRUE(run(store_->hold_lease("compare", "node-1", k_claim))); // it had run out
    EXPECT_EQ(value("select fence from leases"), "3");
}

TEST_F(credential_store, figures_count_states_backlog_and_devices_without_a_valid_identity) {
    const auto a = enrolled(ann_, "phone");
    activate(a, "a");
    enrolled(bob_, "phone of bob");
    const auto gone = enrolled(bob_, "other of bob");
    remove(gone.id);
    const auto now = run(store_->count(k_then + millis{61'000}));
    EXPECT_EQ(now.lapsed, 1U);
    EXPECT_EQ(now.backlog, 1U);
    EXPECT_EQ(now.by_state.size(), 3U);
    EXPECT_EQ(run(store_->count(k_then + 31 * k_one_day)).lapsed, 2U);
}

TEST_F(credential_store, be_06_each_database_is_an_installation_of_its_own_and_adopts_others_when_told) {
    const auto own = run(store_->installed());
    EXPECT_NE(own.id, uuid{});
    EXPECT_TRUE(own.adopted.empty());
    EXPECT_FALSE(own.unmarked_until);
    EXPECT_EQ(own.id.text(), value("select id::text from installation"));
    const uuid other{8, 8};
    for (int n = 0; n < 2; ++n)
        run(store_->adopt({other, own.id}, k_then));
    run(store_->adopt({uuid{9, 9}}, k_then - millis{1'000}));
    const auto now = run(store_->installed());
    EXPECT_EQ(now.id, own.id);
    EXPECT_EQ(now.adopted, (std::vector{other, uuid{9, 9}}));
    EXPECT_EQ(now.unmarked_until, k_then) << "never earlier again";
    EXPECT_THROW(sql("insert into installation default values"), pqxx::unique_violation);
}
