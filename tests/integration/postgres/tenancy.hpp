// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Two organisations that have everything, for tests of what one may see of the other: nothing.
#pragma once

#include "calls.hpp"

#include <z360/port/scope.hpp>

#include <map>

namespace z360::testing {

using port::tenant_scope;

class two_tenants : public postgres_test {
  protected:
    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        acme_ = furnish("acme", "+15550100001");
        rival_ = furnish("rival", "+15550100002");
    }

    people furnish(const std::string& slug, const std::string& number) {
        auto p = add_people(slug, number, 1);
        auto calls = pg::make_call_store(*db_);
        run(calls->commit(first_commit(ringing(p, "session-" + slug)), millis{60'000}));
        const auto org = text(p.org);
        const auto user = text(p.user);
        const auto device = text(p.devices[0].device);
        sql("insert into org_settings (org_id, ring_seconds) values (" + org + ", 20)");
        sql("insert into contacts (org_id, e164, name) values (" + org + ", '+15550109999', 'Bob')");
        sql("insert into opening_hours (org_id, time_zone, rules) values (" + org +
            ", 'UTC', '{\"week\": {}}')");
        sql("insert into blocked_callers (org_id, e164) values (" + org + ", '+15550109999')");
        sql("insert into outbound_rules (org_id) values (" + org + ")");
        sql("insert into voicemail_settings (org_id, user_id, greeting) values (" + org + ", " + user +
            ", 'Hello')");
        sql("insert into ring_plans (org_id, plan, strategy, step_secs, ring_secs) values (" + org +
            ", 'sales', 'all', 15, 30)");
        sql("insert into ring_plan_members (org_id, plan, place, user_id) values (" + org + ", 'sales', 0, " +
            user + ")");
        sql("insert into call_people (call_id, org_id, user_id, began_at) select call_id, org_id, user_id, "
            "began_at from calls where org_id = " +
            org);
        sql("insert into recordings (call_id, org_id, user_id, carrier_id, purpose) select call_id, org_id, "
            "user_id, 'rec-" +
            slug + "', 'message' from calls where org_id = " + org);
        sql("insert into leg_media (call_id, carrier_leg, org_id, mos, told_at) select call_id, 'v3:leg', "
            "org_id, 4, now() "
            "from calls where org_id = " +
            org);
        sql("insert into leg_charges (call_id, carrier_leg, org_id, total, failed, parts, at) select "
            "call_id, 'v3:leg', "
            "org_id, 1, false, '[]', now() from calls where org_id = " +
            org);
        sql("insert into call_samples (call_id, device_id, client_at, at, org_id, user_id, received_at, "
            "sdk_version) "
            "select call_id, " +
            device + ", now(), now(), org_id, user_id, now(), '' from calls where org_id = " + org);
        sql("insert into client_events (call_id, device_id, event_key, at, client_at, org_id, user_id, "
            "received_at, name, "
            "app_version, sdk_version) select call_id, " +
            device +
            ", 'key', now(), now(), org_id, user_id, now(), 'ring_shown', '', '' from calls where org_id = " +
            org);
        sql("insert into call_joins (call_id, leg_id, epoch, org_id, commanded, accepted, refused) select "
            "call_id, leg_id, "
            "1, org_id, true, true, false from call_legs where org_id = " +
            org);
        sql("insert into conversations (org_id, phone_number_id, identifier, last_message_at) values (" +
            org + ", " + text(p.number) + ", '+15550109999', now())");
        sql("insert into conversation_summaries (conversation_id, org_id, summary) select conversation_id, "
            "org_id, 'Said before' from conversations where org_id = " +
            org);
        sql("insert into agent_references (hash, call_id, org_id, leg_id, issued_at, expires_at) select "
            "sha256(convert_to(call_id::text, 'UTF8')), call_id, org_id, call_id, now(), now() + interval '1 "
            "hour' from calls where org_id = " +
            org);
        sql("insert into messages (conversation_id, org_id, user_id, call_id, direction, status, metadata, "
            "talk_ms, "
            "missed, voicemail, created_at) select conversation_id, org_id, user_id, call_id, 'inbound', "
            "'failed', '{}', "
            "0, true, true, began_at from calls join conversations using (org_id) where org_id = " +
            org);
        sql("insert into ledger (org_id, unit, quantity, call_id, meta) select org_id, 'SIMPLE_CALL_MINUTE', "
            "1, call_id, "
            "'{}' from calls where org_id = " +
            org);
        sql("insert into device_registrations (device_id, org_id) values (" + device + ", " + org + ")");
        sql("insert into apple_links (subject, user_id) values ('apple-" + slug + "', " + user + ")");
        sql("insert into audit_events (actor, user_id, org_id, action) values ('cli', " + user + ", " + org +
            ", 'made')");
        sql("update devices set push_token = 'x', push_key_id = 'k1', push_state = 'active', push_token_hash "
            "= "
            "sha256('" +
            slug + "') where device_id = " + device);
        sql("insert into push_attempts (attempt_id, call_id, org_id, device_id, kind, ring, round, attempt, "
            "provider, token_kind, lane, queued_at, sent_at, outcome) select gen_random_uuid(), call_id, "
            "org_id, " +
            device +
            ", 'incoming_call', 1, 1, 1, 'fcm', 'fcm_token', 'call', now(), now(), 'accepted' from calls "
            "where org_id = " +
            org);
        sql("insert into push_receipts (call_id, device_id, ring, state, org_id, at) select call_id, " +
            device + ", 1, 'received', org_id, now() from calls where org_id = " + org);
        sql("insert into push_requests (org_id, key, fingerprint) values (" + org + ", 'key-of-" + slug +
            "', repeat('f', 64))");
        sql("insert into push_messages (org_id, device_id, kind, lane, key, content, until) values (" + org +
            ", " + device + ", 'business', 'message', 'key-of-" + slug +
            "', '{}', now() + interval '1 day')");
        sql("insert into push_attempts (attempt_id, message_id, org_id, device_id, kind, ring, round, "
            "attempt, "
            "provider, token_kind, lane, queued_at, sent_at, outcome) select gen_random_uuid(), message_id, "
            "org_id, device_id, kind, 0, 1, 1, 'fcm', 'fcm_token', lane, now(), now(), 'accepted' from "
            "push_messages where org_id = " +
            org);
        add_token("device", slug + "-device", "null", user, device);
        add_token("service", slug + "-service", org, "null", "null");
        return p;
    }
    std::string add_token(
        const std::string& kind, const std::string& seed, const std::string& org, const std::string& user,
        const std::string& device
    ) {
        return value(
            "insert into api_tokens (kind, hash, hash_key_id, org_id, user_id, device_id, expires_at, "
            "ends_at) "
            "values ('" +
            kind + "', sha256('" + seed + "'), 'k1', " + org + ", " + user + ", " + device +
            ", now() + interval '1 day', now() + interval '2 days') returning token_id"
        );
    }

    template <class Id>
    static std::string text(Id id) {
        return std::to_string(id.value);
    }

    /// Which version of which row stands where: any write changes it, one that writes the same too.
    std::string fingerprint(const std::string& table, const std::string& condition = "true") {
        return value(
            "select coalesce(md5(string_agg(t.ctid::text || t.xmin::text, ',' order by t.ctid)), 'no rows') "
            "from " +
            table + " t where " + condition
        );
    }
    std::map<std::string, std::string> fingerprints() {
        std::map<std::string, std::string> out;
        for (const auto& r : sql("select tablename from pg_tables where schemaname = 'public'"))
            out[r[0].c_str()] = fingerprint(r[0].c_str());
        return out;
    }

    people acme_;
    people rival_;
};

/// The same two, asked through port::tenants.
class asked_tenants : public two_tenants {
  protected:
    void SetUp() override {
        two_tenants::SetUp();
        if (IsSkipped()) return;
        tenants_ = pg::make_tenants(*db_, "connection-1");
    }
    void TearDown() override {
        tenants_.reset();
        two_tenants::TearDown();
    }
    template <class T>
    port::outcome_of<T> put(T what, tenant_scope who = tenant_scope::all()) {
        return run(tenants_->put(who, std::move(what)));
    }

    std::unique_ptr<port::tenants> tenants_;
};

} // namespace z360::testing
