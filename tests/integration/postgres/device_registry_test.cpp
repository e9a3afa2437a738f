// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "registry.hpp"

#include <set>

using namespace z360;
using namespace z360::testing;
using port::push_kind;
using port::tenant_scope;

namespace {

using device_registry = registry_test;

awaitable<void> push_into(
    port::device_registry& registry, tenant_scope who, std::string uid, port::push_token token, unsigned& done
) {
    std::vector<port::push_token> tokens;
    tokens.push_back(std::move(token));
    if (co_await registry.update_push(who, std::move(uid), std::move(tokens), k_then)) ++done;
}

} // namespace

TEST_F(device_registry, be_13_parallel_registrations_of_one_device_make_one_row_and_one_identity) {
    std::vector<port::registered> got;
    std::vector<awaitable<void>> tasks;
    for (int n = 0; n < 50; ++n) {
        auto r = registration(ann_, "phone");
        r.push.push_back(push("token of the phone"));
        tasks.push_back(enrol_into(*registry_, std::move(r), got));
    }
    run(together(std::move(tasks)));
    ASSERT_EQ(got.size(), 50U);
    std::set<std::int64_t> devices, registrations, identities;
    int created = 0;
    for (const auto& g : got) {
        devices.insert(g.device.id.value);
        registrations.insert(g.registration_id);
        identities.insert(g.device.identity.value().id.value);
        created += g.created ? 1 : 0;
    }
    EXPECT_EQ(devices.size(), 1U);
    EXPECT_EQ(registrations.size(), 1U);
    EXPECT_EQ(identities.size(), 1U);
    EXPECT_EQ(created, 1);
    EXPECT_EQ(value("select count(*) from devices"), "1");
    EXPECT_EQ(value("select count(*) from sip_identities"), "1");
}

TEST_F(device_registry, be_14_an_apns_token_is_the_same_in_either_case_and_moves_to_its_newest_owner) {
    std::string upper;
    for (int i = 0; i < 64; ++i)
        upper.push_back("0123456789ABCDEF"[i % 16]);
    std::string lower = upper;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    std::vector<port::registered> got;
    const auto enrol = [&](const std::string& uid, const std::string& token) {
        auto r = registration(ann_, uid);
        auto t = push(token);
        t.kind = port::push_kind::apns_voip;
        r.push.push_back(std::move(t));
        run(enrol_into(*registry_, std::move(r), got));
    };
    enrol("old-phone", upper);
    enrol("new-phone", lower);
    ASSERT_EQ(got.size(), 2U);
    EXPECT_EQ(value("select count(*) from devices where voip_token_hash is not null"), "1");
    EXPECT_EQ(
        value("select device_uid from devices where voip_token_hash is not null and status = 'active'"),
        "new-phone"
    );
    enrol("new-phone", upper);
    EXPECT_EQ(value("select count(*) from devices where voip_token_hash is not null"), "1");
}

TEST_F(device_registry, be_13_ten_devices_in_parallel_make_ten) {
    std::vector<port::registered> got;
    std::vector<awaitable<void>> tasks;
    for (int n = 0; n < 10; ++n) {
        auto r = registration(ann_, "phone-" + std::to_string(n), "android");
        r.push.push_back(push("token " + std::to_string(n)));
        tasks.push_back(enrol_into(*registry_, std::move(r), got));
    }
    run(together(std::move(tasks)));
    EXPECT_EQ(got.size(), 10U);
    EXPECT_EQ(value("select count(*) from sip_identities where state = 'pending'"), "10");
}

TEST_F(device_registry, cred_05_duplicates_are_refused_by_the_tables) {
    const auto d = enrolled(ann_, "phone");
    EXPECT_EQ(
        refusal(
            "insert into devices (user_id, device_uid, platform) values (" + text(ann_.user) +
            ", 'phone', 'ios')"
        ),
        "devices_one_per_person_and_device"
    );
    EXPECT_EQ(
        refusal(
            "insert into device_registrations (device_id, org_id) values (" + text(d.id) + ", " +
            text(ann_.org) + ")"
        ),
        "device_registrations_one_per_org"
    );
    EXPECT_EQ(
        refusal("insert into sip_identities (device_id) values (" + text(d.id) + ")"),
        "sip_identities_one_pending_per_device"
    );
}

TEST_F(device_registry, cred_05_one_device_has_a_row_for_each_organisation_and_the_same_identity) {
    const auto first = must_enrol(registration(ann_, "phone"));
    auto other = registration(ann_, "phone");
    pg::admin admin(secret(scratch_->url()));
    admin.upsert_membership(bob_.org, ann_.user, "member");
    other.org = bob_.org;
    const auto second = must_enrol(other);
    EXPECT_FALSE(second.created);
    EXPECT_NE(first.registration_id, second.registration_id);
    EXPECT_EQ(first.device.identity->id, second.device.identity->id);
    EXPECT_EQ(must_enrol(other).registration_id, second.registration_id);
}

TEST_F(device_registry, who_is_no_member_or_is_suspended_registers_nothing) {
    auto r = registration(ann_, "phone");
    r.org = bob_.org;
    EXPECT_FALSE(run(registry_->enrol(r, 5)));
    r.org = ann_.org;
    sql("update users set status = 'suspended' where user_id = " + text(ann_.user));
    EXPECT_FALSE(run(registry_->enrol(r, 5)));
    sql("update users set status = 'active'");
    sql("update organizations set status = 'suspended' where org_id = " + text(ann_.org));
    EXPECT_FALSE(run(registry_->enrol(r, 5)));
    EXPECT_EQ(value("select count(*) from devices"), "0");
}

TEST_F(device_registry, and_02_a_device_without_a_push_token_is_registered) {
    auto r = registration(ann_, "phone", "android");
    r.push.push_back(push(""));
    const auto d = must_enrol(r).device;
    EXPECT_EQ(d.push_state, "none");
    EXPECT_TRUE(d.identity);
}

TEST_F(device_registry, a_registration_for_pushes_only_makes_no_identity_and_takes_none_away) {
    auto r = registration(ann_, "pushes", "android");
    r.wants_identity = false;
    EXPECT_FALSE(must_enrol(r).device.identity);
    r.wants_identity = true;
    EXPECT_TRUE(must_enrol(r).device.identity);
    r.wants_identity = false;
    EXPECT_TRUE(must_enrol(r).device.identity);
}

TEST_F(device_registry, a_removed_device_comes_back_with_a_new_identity) {
    const auto d = enrolled(ann_, "phone");
    const auto old = activate(d, "old");
    EXPECT_TRUE(run(registry_->remove(tenant_scope::of(ann_.user), {d.id, "logout", k_then})));
    EXPECT_FALSE(run(registry_->remove(tenant_scope::of(ann_.user), {d.id, "logout", k_then})));
    EXPECT_EQ(states(d.id), "retiring");
    const auto again = must_enrol(registration(ann_, "phone"));
    EXPECT_TRUE(again.created);
    EXPECT_EQ(again.device.id, d.id);
    ASSERT_TRUE(again.device.identity);
    EXPECT_NE(again.device.identity->id, old);
    EXPECT_GT(again.device.identity->version, d.identity->version);
}

TEST_F(device_registry, and_15_a_suspended_device_is_restored_by_one_registration) {
    const auto d = enrolled(ann_, "phone");
    activate(d, "a");
    add_token(ann_, d.id);
    run(store_->suspend(d.id, "silent", k_then));
    EXPECT_EQ(status(d.id), "suspended");
    EXPECT_EQ(states(d.id), "retiring");
    EXPECT_EQ(live_tokens(d.id), "0");
    run(registry_->seen(d.id, k_then + k_one_day, std::nullopt));
    EXPECT_EQ(status(d.id), "suspended"); // only a sign-in restores it
    const auto again = must_enrol(registration(ann_, "phone"));
    EXPECT_EQ(again.device.status, "active");
    EXPECT_EQ(states(d.id), "retiring pending");
}

TEST_F(device_registry, and_15_life_is_written_at_most_once_a_minute) {
    const auto d = enrolled(ann_, "phone");
    const auto seen = [this, &d] {
        return run(registry_->by_id(tenant_scope::of(ann_.user), d.id))->last_seen_at;
    };
    run(registry_->seen(d.id, k_then + millis{59'000}, std::nullopt));
    EXPECT_EQ(seen(), k_then);
    run(registry_->seen(d.id, k_then + millis{61'000}, std::nullopt));
    EXPECT_EQ(seen(), k_then + millis{61'000});
    run(registry_->seen(d.id, k_then, std::nullopt)); // a late report
    EXPECT_EQ(seen(), k_then + millis{61'000});
}

TEST_F(device_registry, mob_02_the_newest_of_parallel_tokens_wins) {
    const auto d = enrolled(ann_, "phone", "android");
    unsigned done = 0;
    std::vector<awaitable<void>> tasks;
    for (int n = 0; n < 20; ++n) {
        const int order = n * 7 % 20;
        tasks.push_back(push_into(
            *registry_, tenant_scope::of(ann_.user), "phone",
            push("token " + std::to_string(order), push_kind::fcm, k_then + millis{order}), done
        ));
    }
    run(together(std::move(tasks)));
    EXPECT_EQ(done, 20U);
    const auto r = sql("select push_token, push_key_id from devices where device_id = " + text(d.id));
    const auto plain = keys_->open_sealed(
        {r[0][1].c_str(), pqxx::binarystring(r[0][0]).str()},
        adapter::crypto::place("devices.push_token", d.id.value)
    );
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->reveal(), "token 19");
}

TEST_F(device_registry, mob_02_an_older_token_changes_nothing_and_evicts_nobody) {
    auto r = registration(ann_, "phone");
    r.push.push_back(push("new", push_kind::fcm, k_then));
    must_enrol(r);
    auto bobs = registration(bob_, "bob's");
    bobs.push.push_back(push("old"));
    const auto other = must_enrol(bobs).device;
    const auto kept = value("select push_token from devices where device_uid = 'phone'");
    std::vector<port::push_token> old;
    old.push_back(push("old", push_kind::fcm, k_then - millis{1}));
    EXPECT_TRUE(run(registry_->update_push(tenant_scope::of(ann_.user), "phone", old, k_then)));
    EXPECT_EQ(value("select push_token from devices where device_uid = 'phone'"), kept);
    EXPECT_EQ(status(other.id), "active");
    old[0].issued_at = k_then + millis{1};
    EXPECT_TRUE(run(registry_->update_push(tenant_scope::of(ann_.user), "phone", old, k_then)));
    EXPECT_EQ(status(other.id), "removed");
}

TEST_F(device_registry, mob_02_tokens_swapped_between_two_people_end_without_an_error) {
    for (int n = 0; n < 10; ++n) {
        enrolled(ann_, "a");
        enrolled(bob_, "b");
        unsigned done = 0;
        std::vector<awaitable<void>> tasks;
        for (const auto* token : {"x", "y"}) {
            tasks.push_back(push_into(*registry_, tenant_scope::of(ann_.user), "a", push(token), done));
            tasks.push_back(push_into(*registry_, tenant_scope::of(bob_.user), "b", push(token), done));
        }
        run(together(std::move(tasks)));
        EXPECT_GE(done, 1U);
    }
}

TEST_F(device_registry, i_05_another_persons_device_does_not_exist) {
    const auto bobs = enrolled(bob_, "bob's");
    const auto ann = tenant_scope::of(ann_.user);
    EXPECT_FALSE(run(registry_->by_id(ann, bobs.id)));
    EXPECT_FALSE(run(registry_->by_uid(tenant_scope::of(ann_.user), ann_.user, "bob's")));
    EXPECT_TRUE(run(registry_->list(ann, bob_.user, 10)).empty());
    EXPECT_FALSE(run(registry_->remove(ann, {bobs.id, "logout", k_then})));
    std::vector<port::push_token> stolen;
    stolen.push_back(push("t"));
    EXPECT_FALSE(run(registry_->update_push(ann, "bob's", stolen, k_then)));
    EXPECT_TRUE(run(registry_->list(tenant_scope::of(ann_.org), {}, 10)).empty());
    EXPECT_FALSE(run(registry_->by_id(tenant_scope::of(ann_.org), bobs.id)));
    EXPECT_TRUE(run(registry_->by_id(tenant_scope::of(bob_.org), bobs.id)));
    EXPECT_TRUE(run(registry_->by_id(tenant_scope::all(), bobs.id)));
    EXPECT_EQ(status(bobs.id), "active");
}

TEST_F(device_registry, i_05_a_statement_without_a_condition_shows_own_rows_only) {
    const auto anns = enrolled(ann_, "ann's");
    const auto bobs = enrolled(bob_, "bob's");
    add_token(ann_, anns.id);
    add_token(bob_, bobs.id);
    pqxx::work tx(*sql_);
    tx.exec(
        "select set_config('z360.user_id', '" + text(ann_.user) +
        "', true), set_config('role', 'z360_tenant', true)"
    );
    for (const char* table :
         {"devices", "sip_identities", "device_registrations", "api_tokens", "organizations", "users",
          "memberships"})
        EXPECT_EQ(tx.exec(std::string("select count(*) from ") + table)[0][0].as<int>(), 1) << table;
    EXPECT_EQ(tx.exec("update devices set name = 'x'").affected_rows(), 1U);
    EXPECT_EQ(tx.exec("select device_uid from devices")[0][0].as<std::string>(), "ann's");
}

TEST_F(device_registry, a_view_shows_the_identity_the_call_and_the_organisations) {
    const auto d = enrolled(ann_, "phone");
    const auto identity = activate(d, "x");
    put_on_call(ann_, d.id, identity);
    const auto v = run(registry_->by_uid(tenant_scope::of(ann_.user), ann_.user, "phone"));
    ASSERT_TRUE(v && v->identity);
    EXPECT_EQ(v->identity->sip_username, "gencredx");
    EXPECT_FALSE(v->identity->disclosed);
    EXPECT_TRUE(v->on_call);
    EXPECT_EQ(v->call_session_id, "session-" + text(d.id));
    EXPECT_EQ(v->user_name, "User ann");
    const auto password = run(registry_->password(identity));
    ASSERT_TRUE(password);
    EXPECT_EQ(password->reveal(), "password-of-x");
    run(registry_->mark_delivered(identity, true, k_then + millis{5}));
    run(registry_->mark_delivered(identity, true, k_then + millis{9}));
    const auto after = run(registry_->by_uid(tenant_scope::of(ann_.user), ann_.user, "phone"));
    EXPECT_EQ(after->identity->disclosed_at, k_then + millis{5});
    sql("insert into phone_numbers (org_id, connection_id, e164, route_type, is_default_caller_id) values (" +
        text(ann_.org) + ", 'c', '+15550100001', 'voicemail', true)");
    const auto orgs = run(registry_->organisations(ann_.user));
    ASSERT_EQ(orgs.size(), 1U);
    EXPECT_EQ(orgs[0].default_caller_id, "+15550100001");
    EXPECT_EQ(orgs[0].role, "member");
}

TEST_F(device_registry, the_audit_trail_takes_a_line) {
    auto log = pg::make_audit_log(*db_);
    port::audit_line line;
    line.actor = "device";
    line.user = ann_.user;
    line.action = "credentials.reveal";
    line.at = k_then;
    run(log->append(line));
    EXPECT_EQ(
        value("select action || ' ' || user_id from audit_events"), "credentials.reveal " + text(ann_.user)
    );
}
