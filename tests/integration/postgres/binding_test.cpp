// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Devices that are bound to one of their person's organisations (I5).
#include "adapter/postgres/tenant_transaction.hpp"
#include "registry.hpp"

using namespace z360;
using namespace z360::testing;
using port::tenant_scope;

namespace {

class binding : public registry_test {
  protected:
    void SetUp() override {
        registry_test::SetUp();
        if (IsSkipped()) return;
        acme_ = ann_.org;
        pg::admin admin(secret(scratch_->url()));
        globex_ = admin.upsert_organization("globex", "Globex");
        admin.upsert_membership(globex_, ann_.user, "member");
        for (const auto& [org, number] :
             {std::pair{acme_, "+15550100001"}, std::pair{globex_, "+15550100002"}}) {
            pg::number_row n;
            n.org = org;
            n.connection_id = "connection-1";
            n.number = number;
            n.receiver = ann_.user;
            admin.upsert_number(n);
        }
    }
    port::registration bound(org_id org, const std::string& uid, const std::string& platform = "ios") {
        auto r = registration(ann_, uid, platform);
        r.org = r.bound_to = org;
        return r;
    }
    /// Devices that a call to the number rings.
    std::vector<device_id> rung(const std::string& number) {
        auto directory = pg::make_directory(*db_, {});
        std::vector<device_id> out;
        for (const auto& t : run(directory->resolve(number, "+15550109999", k_then)).targets)
            out.push_back(t.device);
        return out;
    }
    bool exists(const tenant_scope& who, device_id d) { return run(registry_->by_id(who, d)).has_value(); }
    org_id acme_, globex_;
};

} // namespace

TEST_F(binding, i_05_a_bound_device_rings_for_its_organisation_only) {
    const auto here = must_enrol(bound(acme_, "acme-phone")).device;
    activate(here, "here");
    const auto everywhere = enrolled(ann_, "own-phone");
    activate(everywhere, "everywhere");
    EXPECT_EQ(here.bound_to, acme_);
    EXPECT_TRUE(everywhere.bound_to.none());
    EXPECT_EQ(rung("+15550100001"), (std::vector{here.id, everywhere.id}));
    EXPECT_EQ(rung("+15550100002"), std::vector{everywhere.id});
    // Registering again, by the same means, changes nothing about it.
    EXPECT_EQ(must_enrol(bound(acme_, "acme-phone")).device.bound_to, acme_);
    EXPECT_EQ(rung("+15550100002"), std::vector{everywhere.id});
}

TEST_F(binding, i_05_within_one_organisation_other_devices_of_the_person_do_not_exist) {
    const auto acme = must_enrol(bound(acme_, "acme-phone")).device;
    const auto globex = must_enrol(bound(globex_, "globex-phone")).device;
    const auto own = enrolled(ann_, "own-phone");
    const auto within = tenant_scope::of(ann_.user, acme_);
    EXPECT_TRUE(exists(within, acme.id));
    EXPECT_FALSE(exists(within, globex.id));
    EXPECT_FALSE(exists(within, own.id)) << "it rings for the other too";
    const auto operators = tenant_scope::of(acme_);
    EXPECT_TRUE(exists(operators, acme.id));
    EXPECT_TRUE(exists(operators, own.id));
    EXPECT_FALSE(exists(operators, globex.id));
    for (const auto d : {acme.id, globex.id, own.id})
        EXPECT_TRUE(exists(tenant_scope::of(ann_.user), d));
    for (const auto d : {globex.id, own.id}) {
        EXPECT_FALSE(run(registry_->remove(within, {d, "logout", k_then})));
        EXPECT_EQ(status(d), "active");
    }
    EXPECT_FALSE(run(registry_->remove(operators, {globex.id, "revoked", k_then})));
    EXPECT_FALSE(run(registry_->update_push(within, "own-phone", {push("token")}, k_then)));
    EXPECT_TRUE(run(registry_->update_push(within, "acme-phone", {push("token")}, k_then)));
    EXPECT_EQ(run(registry_->list(within, {}, 10)).size(), 1U);
    EXPECT_FALSE(run(registry_->by_uid(within, ann_.user, "own-phone")));
}

TEST_F(binding, i_05_the_database_itself_keeps_a_bound_scope_within_its_organisation) {
    const auto acme = must_enrol(bound(acme_, "acme-phone")).device;
    const auto own = enrolled(ann_, "own-phone");
    activate(own, "own");
    add_token(ann_, own.id);
    sql("insert into org_settings (org_id) values (" + text(acme_) + "), (" + text(globex_) + ")");
    sql("insert into contacts (org_id, e164, name) values (" + text(acme_) + ", '+15550109999', 'A'), (" +
        text(globex_) + ", '+15550109999', 'G')");
    for (const auto org : {acme_, globex_}) {
        sql("insert into opening_hours (org_id, time_zone, rules) values (" + text(org) + ", 'UTC', '{}')");
        sql("insert into blocked_callers (org_id, e164) values (" + text(org) + ", '+15550109999')");
        sql("insert into outbound_rules (org_id) values (" + text(org) + ")");
    }
    sql("insert into apple_links (subject, user_id) values ('apple-ann', " + text(ann_.user) + ")");
    for (const auto org : {acme_, globex_})
        sql("insert into calls (call_id, call_session_id, org_id, user_id, phase, version, snapshot, "
            "began_at, "
            "updated_at) values (gen_random_uuid(), 'of-" +
            text(org) + "', " + text(org) + ", " + text(ann_.user) + ", 'ringing', 1, '{}', now(), now())");
    sql("insert into recordings (call_id, org_id, user_id, carrier_id, purpose) select call_id, org_id, "
        "user_id, "
        "'rec-' || org_id, 'message' from calls");
    sql("insert into leg_media (call_id, carrier_leg, org_id, told_at) select call_id, 'v3:leg', org_id, "
        "now() from calls");
    for (const char* table : {"call_samples", "client_events"}) {
        const bool events = std::string(table) == "client_events";
        sql("insert into " + std::string(table) +
            " (call_id, device_id, client_at, at, org_id, user_id, received_at, " +
            (events ? "sdk_version, app_version, event_key, name" : "sdk_version") + ") select call_id, " +
            text(acme.id) + ", now(), now(), org_id, user_id, now(), ''" +
            (events ? ", '', 'key', 'shown'" : "") + " from calls");
    }
    for (const auto org : {acme_, globex_})
        sql("insert into voicemail_settings (org_id, user_id) values (" + text(org) + ", " + text(ann_.user) +
            ")");
    for (const auto org : {acme_, globex_})
        sql("insert into ring_plans (org_id, plan, strategy, step_secs, ring_secs) values (" + text(org) +
            ", 'sales', 'all', 15, 30)");
    sql("insert into ring_plan_members (org_id, plan, place, user_id) select org_id, plan, 0, " +
        text(ann_.user) + " from ring_plans");
    sql("insert into call_people (call_id, org_id, user_id, began_at) select call_id, org_id, user_id, "
        "began_at "
        "from calls");
    sql("insert into conversations (org_id, phone_number_id, identifier, last_message_at) select org_id, "
        "phone_number_id, "
        "'+15550109999', now() from phone_numbers");
    sql("insert into conversation_summaries (conversation_id, org_id, summary) select conversation_id, "
        "org_id, 'Said before' from conversations");
    sql("insert into messages (conversation_id, org_id, user_id, call_id, direction, status, metadata, "
        "talk_ms, missed, "
        "voicemail, created_at) select conversation_id, org_id, user_id, call_id, 'inbound', 'failed', '{}', "
        "0, true, "
        "true, began_at from calls join conversations using (org_id)");
    pg::tenant_transaction tx(*sql_, tenant_scope::of(ann_.user, acme_));
    for (const char* table :
         {"organizations", "memberships",          "org_settings",  "phone_numbers",     "contacts",
          "calls",         "device_registrations", "opening_hours", "blocked_callers",   "outbound_rules",
          "recordings",    "voicemail_settings",   "ring_plans",    "ring_plan_members", "call_people",
          "leg_media",     "call_samples",         "client_events", "conversations",     "messages"}) {
        const auto r = tx->exec(std::string("select org_id from ") + table);
        ASSERT_EQ(r.size(), 1U) << table;
        EXPECT_EQ(r[0][0].as<std::int64_t>(), acme_.value) << table;
    }
    EXPECT_EQ(tx->exec("select device_id from devices").size(), 1U);
    EXPECT_EQ(tx->exec("select from sip_identities").size(), 1U) << "the pending one of the bound device";
    EXPECT_TRUE(tx->exec("select from api_tokens").empty());
    EXPECT_TRUE(tx->exec("select from apple_links").empty());
    EXPECT_EQ(tx->exec("update devices set bound_org_id = bound_org_id").affected_rows(), 1U);
    EXPECT_THROW(
        tx->exec("update devices set bound_org_id = null where device_id = " + text(acme.id)),
        pqxx::insufficient_privilege
    );
}

TEST_F(binding, i_05_a_device_id_outside_the_organisation_is_not_taken_over) {
    const auto own = enrolled(ann_, "phone");
    activate(own, "own");
    const auto before = value("select d::text from devices d");
    EXPECT_TRUE(must_enrol(bound(acme_, "phone")).held_elsewhere);
    EXPECT_EQ(value("select d::text from devices d"), before);
    const auto globex = must_enrol(bound(globex_, "other")).device;
    EXPECT_TRUE(must_enrol(bound(acme_, "other")).held_elsewhere);
    EXPECT_EQ(status(globex.id), "active");
    // What is removed is nobody's.
    EXPECT_TRUE(run(registry_->remove(tenant_scope::of(ann_.user), {own.id, "logout", k_then})));
    const auto again = must_enrol(bound(acme_, "phone"));
    EXPECT_FALSE(again.held_elsewhere);
    EXPECT_EQ(again.device.bound_to, acme_);
    EXPECT_EQ(states(own.id), "retiring pending");
}

TEST_F(binding, i_05_from_within_an_organisation_nothing_is_replaced_that_serves_another) {
    auto phone = registration(ann_, "own-phone");
    phone.push.push_back(push("token of the phone"));
    const auto own = must_enrol(phone).device;
    std::vector<device_id> browsers;
    for (int n = 0; n < 3; ++n)
        browsers.push_back(enrolled(ann_, "web_" + std::to_string(n), "web").id);
    auto view = registration(ann_, "web_view", "web");
    view.native_device_uid = "acme-native";
    const auto viewed = must_enrol(view).device;

    auto named = bound(acme_, "acme-1");
    named.previous_device_uid = "own-phone";
    EXPECT_TRUE(must_enrol(named).replaced.empty());
    auto pushed = bound(acme_, "acme-2");
    pushed.push.push_back(push("token of the phone"));
    EXPECT_TRUE(must_enrol(pushed).held_elsewhere);
    for (int n = 0; n < 3; ++n)
        EXPECT_TRUE(must_enrol(bound(acme_, "web_acme_" + std::to_string(n), "web"), 3).replaced.empty());
    EXPECT_EQ(must_enrol(bound(acme_, "web_acme_3", "web"), 3).replaced.size(), 1U) << "its own";
    EXPECT_TRUE(must_enrol(bound(acme_, "acme-native")).linked.empty());
    EXPECT_EQ(states(viewed.id), "pending");
    EXPECT_EQ(status(own.id), "active");
    for (const auto d : browsers)
        EXPECT_EQ(status(d), "active");
    // The person may: all of it is theirs.
    auto theirs = registration(ann_, "new-install");
    theirs.previous_device_uid = "acme-1";
    EXPECT_EQ(must_enrol(theirs).replaced.size(), 1U);
}

TEST_F(binding, i_05_the_person_lifts_a_binding_and_what_was_given_out_under_it_is_void) {
    const auto d = must_enrol(bound(acme_, "phone")).device;
    activate(d, "given-to-acme");
    add_token(ann_, d.id);
    const auto again = must_enrol(registration(ann_, "phone"));
    EXPECT_EQ(again.device.id, d.id);
    EXPECT_FALSE(again.created);
    EXPECT_TRUE(again.device.bound_to.none());
    EXPECT_EQ(live_tokens(d.id), "0") << "the organisation's backend holds it";
    EXPECT_EQ(states(d.id), "retiring pending") << "and its password";
    activate(again.device, "new");
    EXPECT_EQ(rung("+15550100002"), std::vector{d.id});
}

TEST_F(binding, i_05_during_a_call_a_binding_stays) {
    const auto d = must_enrol(bound(acme_, "phone")).device;
    const auto identity = activate(d, "acme");
    const auto call = put_on_call(ann_, d.id, identity);
    EXPECT_EQ(must_enrol(registration(ann_, "phone")).device.bound_to, acme_);
    EXPECT_EQ(states(d.id), "active");
    EXPECT_TRUE(rung("+15550100002").empty());
    end_call(call);
    EXPECT_TRUE(must_enrol(registration(ann_, "phone")).device.bound_to.none());
}

TEST_F(binding, b_28_who_leaves_the_organisation_leaves_its_devices_and_codes_and_keeps_the_others) {
    const auto here = must_enrol(bound(acme_, "acme-phone")).device;
    const auto there = must_enrol(bound(globex_, "globex-phone")).device;
    const auto own = enrolled(ann_, "own-phone");
    for (const auto& d : {here, there, own})
        add_token(ann_, d.id);
    sql("insert into api_tokens (kind, hash, hash_key_id, user_id, org_id, bound_org_id, expires_at, "
        "ends_at) "
        "values ('enrolment', sha256('code'), 'first', " +
        text(ann_.user) + ", " + text(acme_) + ", " + text(acme_) +
        ", now() + interval '1 day', now() + interval '1 day')");
    auto tenants = pg::make_tenants(*db_, "connection-1");
    const auto gone = run(tenants->remove_membership(tenant_scope::of(acme_), acme_, ann_.user, k_then));
    ASSERT_TRUE(gone);
    EXPECT_EQ(*gone, std::vector{here.id});
    EXPECT_EQ(status(here.id), "removed");
    EXPECT_EQ(states(here.id), "retiring");
    EXPECT_EQ(live_tokens(here.id), "0");
    EXPECT_EQ(value("select count(*) from api_tokens where kind = 'enrolment' and revoked_at is null"), "0");
    for (const auto& d : {there, own}) {
        EXPECT_EQ(status(d.id), "active");
        EXPECT_EQ(live_tokens(d.id), "1");
    }
    // A suspended organisation alike.
    const auto stopped = run(tenants->remove_organisation(tenant_scope::all(), globex_, k_then));
    ASSERT_TRUE(stopped);
    EXPECT_NE(status(there.id), "active");
}

TEST_F(binding, b_16_a_session_has_one_device_of_a_kind) {
    auto first = registration(ann_, "phone-1");
    first.session_hash = "digest-1";
    const auto a = must_enrol(first).device;
    EXPECT_EQ(a.session_hash, "digest-1");
    auto page = registration(ann_, "web_1", "web");
    page.session_hash = "digest-1";
    const auto web = must_enrol(page).device;
    auto second = registration(ann_, "phone-2");
    second.session_hash = "digest-1";
    const auto b = must_enrol(second).device;
    const auto session = [this](device_id d) {
        return run(registry_->by_id(tenant_scope::of(ann_.user), d))->session_hash;
    };
    EXPECT_EQ(session(a.id), "");
    EXPECT_EQ(session(b.id), "digest-1");
    EXPECT_EQ(session(web.id), "digest-1");
    // Without a cookie it stays what it was.
    EXPECT_EQ(must_enrol(registration(ann_, "phone-2")).device.session_hash, "digest-1");
}

TEST_F(binding, i_05_an_organisation_takes_a_device_away_from_itself_only) {
    const auto phone = enrolled(ann_, "own-phone");
    activate(phone, "everywhere");
    EXPECT_TRUE(run(registry_->remove(tenant_scope::of(acme_), {phone.id, "revoked", k_then})));
    EXPECT_EQ(status(phone.id), "active");
    EXPECT_TRUE(rung("+15550100001").empty());
    EXPECT_EQ(rung("+15550100002"), std::vector{phone.id});
    EXPECT_FALSE(exists(tenant_scope::of(acme_), phone.id));
    EXPECT_TRUE(exists(tenant_scope::of(globex_), phone.id));
    EXPECT_TRUE(exists(tenant_scope::of(ann_.user), phone.id)) << "its owner still has it";
    EXPECT_FALSE(run(registry_->remove(tenant_scope::of(acme_), {phone.id, "revoked", k_then})));

    // By its own bearer, or for the other organisation, it does not come back.
    auto again = registration(ann_, "own-phone");
    again.org = acme_;
    again.proved = {phone.id};
    must_enrol(again);
    EXPECT_TRUE(rung("+15550100001").empty());
    again.proved.clear();
    again.org = globex_;
    must_enrol(again);
    EXPECT_TRUE(rung("+15550100001").empty());
    again.org = acme_; // somebody signs in there
    must_enrol(again);
    EXPECT_EQ(rung("+15550100001"), std::vector{phone.id});
    EXPECT_TRUE(exists(tenant_scope::of(acme_), phone.id));

    // The last one that it serves deletes it.
    EXPECT_TRUE(run(registry_->remove(tenant_scope::of(acme_), {phone.id, "revoked", k_then})));
    EXPECT_TRUE(run(registry_->remove(tenant_scope::of(globex_), {phone.id, "revoked", k_then})));
    EXPECT_EQ(status(phone.id), "removed");
}

TEST_F(binding, i_05_what_was_taken_away_stays_so_in_a_new_install_and_ends_with_the_membership) {
    const auto phone = enrolled(ann_, "own-phone");
    activate(phone, "everywhere");
    EXPECT_TRUE(run(registry_->remove(tenant_scope::of(acme_), {phone.id, "revoked", k_then})));
    auto anew = registration(ann_, "new-install");
    anew.org = globex_;
    anew.previous_device_uid = "own-phone";
    const auto next = must_enrol(anew).device;
    activate(next, "anew");
    EXPECT_EQ(status(phone.id), "removed");
    EXPECT_TRUE(rung("+15550100001").empty());
    EXPECT_EQ(rung("+15550100002"), std::vector{next.id});
    // An owner, or who may everything, deletes it as a whole.
    EXPECT_TRUE(run(registry_->remove(tenant_scope::of(ann_.user), {next.id, "logout", k_then})));
    EXPECT_EQ(status(next.id), "removed");
    const auto tenants = pg::make_tenants(*db_, "connection-1");
    EXPECT_TRUE(run(tenants->remove_membership(tenant_scope::all(), acme_, ann_.user, k_then)));
    EXPECT_EQ(
        value("select count(*) from device_exclusions where org_id = " + std::to_string(acme_.value)), "0"
    );
}
