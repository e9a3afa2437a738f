// SPDX-License-Identifier: LicenseRef-z360-proprietary
// I5: one tenant never sees or changes another's rows, whoever forgets a condition.
#include "adapter/postgres/tenant_transaction.hpp"
#include "tenancy.hpp"

#include <gmock/gmock.h>

using namespace z360;
using namespace z360::testing;
using ::testing::IsEmpty;

namespace {

class isolation : public two_tenants {
  protected:
    /// What belongs to acme, by table. A table with a policy that is missing here fails the test.
    std::map<std::string, std::string> own() {
        const auto org = "org_id = " + text(acme_.org);
        const auto user = "user_id = " + text(acme_.user);
        const auto devices = "device_id in (select device_id from devices where " + user + ")";
        const auto calls = "call_id in (select call_id from calls where " + org + ")";
        return {
            {"organizations", org},
            {"users", user},
            {"memberships", org},
            {"org_settings", org},
            {"phone_numbers", org},
            {"contacts", org},
            {"opening_hours", org},
            {"blocked_callers", org},
            {"outbound_rules", org},
            {"voicemail_settings", org},
            {"recordings", org},
            {"ring_plans", org},
            {"ring_plan_members", org},
            {"call_people", org},
            {"leg_media", org},
            {"leg_charges", org},
            {"call_samples", org},
            {"client_events", org},
            {"call_joins", org},
            {"conversations", org},
            {"messages", org},
            {"ledger", org},
            {"devices", user},
            {"device_registrations", devices},
            {"sip_identities", devices},
            {"api_tokens", "(" + user + " or " + org + ")"},
            {"apple_links", user},
            {"audit_events", user},
            {"calls", org},
            {"call_legs", calls},
            {"call_events", calls},
            {"push_attempts", org},
            {"push_receipts", calls},
            {"agent_references", org},
            {"conversation_summaries", org},
        };
    }
    std::vector<std::string> guarded_tables() {
        std::vector<std::string> out;
        for (const auto& r :
             sql("select distinct tablename from pg_policies where schemaname = 'public' order by 1"))
            out.emplace_back(r[0].c_str());
        return out;
    }
    bool may(const std::string& table, const std::string& verb) {
        return value("select has_table_privilege('z360_tenant', '" + table + "', '" + verb + "')") == "t";
    }
    /// Rows that a statement without any condition touches for this scope. Foreign keys and triggers are off,
    /// so that only row-level security stands between it and everybody's rows.
    std::size_t touched(const tenant_scope& who, const std::string& statement) {
        sql("set session_replication_role = replica");
        std::size_t n = 0;
        {
            pg::tenant_transaction tx(*sql_, who);
            const auto r = tx->exec(statement);
            n = r.columns() > 0 ? r.size() : r.affected_rows();
            tx.commit();
        }
        sql("set session_replication_role = origin");
        return n;
    }
    std::string a_column(const std::string& table) {
        return value(
            "select column_name from information_schema.columns where table_schema = 'public' and table_name "
            "= '" +
            table + "' and is_identity = 'NO' and is_generated = 'NEVER' order by ordinal_position limit 1"
        );
    }
    std::size_t count(const std::string& table, const std::string& condition) {
        return std::stoul(value("select count(*) from " + table + " where " + condition));
    }
};

} // namespace

TEST_F(isolation, i_05_what_a_tenant_may_touch_at_all_is_under_row_level_security) {
    const auto naked =
        sql("select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
            "where n.nspname = 'public' and c.relkind in ('r', 'p', 'v', 'm', 'f') and "
            "has_table_privilege('z360_tenant', c.oid, 'select, insert, update, delete, truncate') "
            "and not (c.relrowsecurity and exists (select from pg_policy p where p.polrelid = c.oid)) "
            // a view that asks with the rights of who looks is as safe as the tables below it
            "and not (c.relkind = 'v' and 'security_invoker=true' = any(coalesce(c.reloptions, '{}')))");
    EXPECT_TRUE(naked.empty()) << naked[0][0].c_str() << " is granted without a policy";
    std::vector<std::string> known;
    for (const auto& [table, condition] : own())
        known.push_back(table);
    EXPECT_THAT(guarded_tables(), ::testing::ElementsAreArray(known)) << "tell own() whose rows these are";
}

TEST_F(isolation, i_05_statements_without_a_condition_touch_own_rows_only) {
    for (const auto& who : {tenant_scope::of(acme_.user), tenant_scope::of(acme_.org)}) {
        for (const auto& [table, mine] : own()) {
            SCOPED_TRACE(table + (who.org.none() ? " for the person" : " for the organisation"));
            const auto theirs = fingerprint(table, "not coalesce(" + mine + ", false)");
            ASSERT_NE(theirs, "no rows") << "nothing to protect: the test proves nothing";
            const auto all = count(table, mine);
            ASSERT_GT(all, 0U);
            if (may(table, "select")) {
                const auto seen = touched(who, "select * from " + table);
                EXPECT_LE(seen, all);
                const bool no_persons = table == "leg_charges" || table == "ledger" || // what a call costs
                                        table == "agent_references" || table == "conversation_summaries";
                if (no_persons && who.org.none()) {
                    EXPECT_EQ(seen, 0U);
                } else {
                    EXPECT_GT(seen, 0U) << "its own rows are hidden from it";
                }
            }
            const auto column = a_column(table);
            if (may(table, "update")) {
                EXPECT_LE(touched(who, "update " + table + " set " + column + " = " + column), all);
            }
            EXPECT_EQ(fingerprint(table, "not coalesce(" + mine + ", false)"), theirs);
        }
    }
}

TEST_F(isolation, i_05_deleting_without_a_condition_deletes_own_rows_only) {
    for (const auto& [table, mine] : own()) {
        if (!may(table, "delete") || table == "memberships" || table == "devices") continue;
        SCOPED_TRACE(table);
        const auto theirs = fingerprint(table, "not coalesce(" + mine + ", false)");
        ASSERT_NE(theirs, "no rows");
        EXPECT_EQ(touched(tenant_scope::of(acme_.org), "delete from " + table), 1U);
        EXPECT_EQ(fingerprint(table, "not coalesce(" + mine + ", false)"), theirs);
    }
    for (const auto* table : {"devices", "memberships"}) { // last: the others' policies look at them
        const auto mine = own().at(table);
        const auto theirs = fingerprint(table, "not " + mine);
        EXPECT_EQ(touched(tenant_scope::of(acme_.org), std::string("delete from ") + table), 1U) << table;
        EXPECT_EQ(fingerprint(table, "not " + mine), theirs);
    }
}

TEST_F(isolation, i_05_nothing_is_seen_without_a_scope_and_nothing_moves_into_another_tenant) {
    for (const auto& table : guarded_tables())
        if (may(table, "select")) {
            EXPECT_EQ(touched(tenant_scope{}, "select * from " + table), 0U) << table;
        }
    const auto attempt = [this](const std::string& statement) -> std::string {
        try {
            touched(tenant_scope::of(acme_.org), statement);
            return "accepted";
        } catch (const pqxx::insufficient_privilege&) {
            sql("set session_replication_role = origin");
            return "denied";
        }
    };
    for (const auto* table :
         {"memberships", "org_settings", "phone_numbers", "contacts", "opening_hours", "blocked_callers",
          "outbound_rules", "voicemail_settings", "ring_plans", "ring_plan_members",
          "conversation_summaries"})
        EXPECT_EQ(attempt("update " + std::string(table) + " set org_id = " + text(rival_.org)), "denied")
            << table;
    EXPECT_EQ(attempt("update devices set user_id = " + text(rival_.user)), "denied");
    EXPECT_EQ(attempt("update api_tokens set org_id = " + text(rival_.org) + ", user_id = null"), "denied");
    EXPECT_EQ(
        attempt(
            "insert into contacts (org_id, e164, name) values (" + text(rival_.org) + ", '+15550108888', 'x')"
        ),
        "denied"
    );
    EXPECT_EQ(
        attempt(
            "insert into audit_events (actor, org_id, action) values ('x', " + text(rival_.org) + ", 'x')"
        ),
        "denied"
    );
    EXPECT_EQ(attempt("select * from webhook_events"), "denied");
    EXPECT_EQ(attempt("select * from commands"), "denied");
    EXPECT_EQ(attempt("select * from push_messages"), "denied");
    EXPECT_EQ(attempt("select * from push_requests"), "denied");
}

TEST_F(isolation, i_05_tenants_every_write_with_foreign_ids_is_refused_and_changes_nothing) {
    auto t = pg::make_tenants(*db_, "connection-1");
    const auto before = fingerprints();
    for (const auto& who : {tenant_scope::of(rival_.org), tenant_scope::of(rival_.user), tenant_scope{}}) {
        const auto refused = [](const auto& outcome) {
            EXPECT_FALSE(outcome.value);
            ASSERT_TRUE(outcome.refused);
            EXPECT_EQ(outcome.refused->reason, port::refusal::why::not_found) << outcome.refused->text;
        };
        refused(run(t->put(who, port::organisation{acme_.org, "Taken", "taken", "suspended"})));
        refused(run(t->put(who, port::organisation{{}, "New", "", "active"})));
        refused(run(t->put(who, port::person{acme_.user, "x@example.com", "X", "suspended", {}})));
        refused(run(t->put(who, port::person{rival_.user, "x@example.com", "X", "active", {}})));
        refused(run(t->put(who, port::membership{acme_.org, rival_.user, "owner", "", ""})));
        refused(run(t->put(who, port::membership{rival_.org, acme_.user, "member", "", ""})));
        port::number n;
        n.org = acme_.org;
        n.e164 = "+15550100077";
        n.route_type = "voicemail";
        refused(run(t->put(who, n)));
        n.org = rival_.org;
        n.route_type = "user";
        n.receiver = acme_.user;
        refused(run(t->put(who, n)));
        refused(run(t->put(who, port::contact{"+15550109999", acme_.org, "Mallory", ""})));
        port::org_settings s;
        s.ring_seconds = 5;
        refused(run(t->put(who, acme_.org, s)));
        refused(run(t->put(who, port::opening{acme_.org, "UTC", {}, {}})));
        refused(run(t->put(who, port::blocked_caller{"+15550109999", acme_.org, ""})));
        port::outbound_rules rules;
        rules.org = acme_.org;
        rules.premium = true;
        refused(run(t->put(who, rules)));
        port::ring_plan plan;
        plan.key = "sales";
        plan.org = acme_.org;
        plan.rules.members.resize(1);
        plan.rules.members[0].who.user = acme_.user;
        refused(run(t->put(who, plan)));
        plan.org = rival_.org; // and a member who is none of theirs
        refused(run(t->put(who, plan)));
    }
    EXPECT_EQ(fingerprints(), before);
}

TEST_F(isolation, i_05_tenants_every_read_and_removal_with_foreign_ids_finds_nothing) {
    auto t = pg::make_tenants(*db_, "connection-1");
    const auto before = fingerprints();
    for (const auto& who : {tenant_scope::of(rival_.org), tenant_scope::of(rival_.user), tenant_scope{}}) {
        EXPECT_FALSE(run(t->organisation_of(who, acme_.org)));
        EXPECT_FALSE(run(t->person_of(who, acme_.user)));
        EXPECT_FALSE(run(t->settings_of(who, acme_.org)));
        for (const auto& o : run(t->organisations(who, {}, 100)))
            EXPECT_NE(o.id, acme_.org);
        EXPECT_THAT(run(t->members(who, acme_.org, {}, 100)), IsEmpty());
        EXPECT_THAT(run(t->numbers(who, acme_.org, "", 100)), IsEmpty());
        EXPECT_THAT(run(t->contacts(who, acme_.org, "", 100)), IsEmpty());
        EXPECT_FALSE(run(t->opening_of(who, acme_.org)));
        EXPECT_FALSE(run(t->plan_of(who, acme_.org, "sales")));
        EXPECT_THAT(run(t->plans(who, acme_.org, "", 100)), IsEmpty());
        EXPECT_FALSE(run(t->remove_plan(who, acme_.org, "sales")).value);
        EXPECT_THAT(run(t->blocked_callers(who, acme_.org, "", 100)), IsEmpty());
        EXPECT_FALSE(run(t->box_of(who, {acme_.org, "", acme_.user})));
        EXPECT_FALSE(run(t->remove_box(who, {acme_.org, "", acme_.user})));
        EXPECT_TRUE(run(t->put_box(who, {acme_.org, "", acme_.user}, {})).refused);
        EXPECT_TRUE(run(t->put_box(who, {acme_.org, "+15550100001", {}}, {})).refused);
        EXPECT_FALSE(run(t->remove_opening(who, acme_.org)));
        EXPECT_FALSE(run(t->outbound_of(who, acme_.org)));
        EXPECT_FALSE(run(t->remove_outbound(who, acme_.org)));
        for (const auto person : {acme_.user, rival_.user})
            EXPECT_THAT(run(t->caller_ids(who, person, {}, acme_.org)), IsEmpty());
        EXPECT_FALSE(run(t->remove_blocked_caller(who, acme_.org, "+15550109999")));
        EXPECT_FALSE(run(t->remove_organisation(who, acme_.org, k_noon)));
        EXPECT_FALSE(run(t->remove_person(who, acme_.user, k_noon)));
        EXPECT_FALSE(run(t->remove_membership(who, acme_.org, acme_.user, k_noon)));
        EXPECT_FALSE(run(t->remove_membership(who, rival_.org, acme_.user, k_noon)));
        EXPECT_FALSE(run(t->remove_number(who, acme_.org, "+15550100001")));
        EXPECT_FALSE(run(t->remove_number(who, rival_.org, "+15550100001")));
        EXPECT_FALSE(run(t->remove_contact(who, acme_.org, "+15550109999")));
    }
    EXPECT_EQ(fingerprints(), before);
    // The same questions of the owner are answered: the ids were right.
    EXPECT_TRUE(run(t->organisation_of(tenant_scope::of(acme_.org), acme_.org)));
    EXPECT_TRUE(run(t->person_of(tenant_scope::of(acme_.org), acme_.user)));
    EXPECT_EQ(run(t->numbers(tenant_scope::of(acme_.user), acme_.org, "", 100)).size(), 1U);
    EXPECT_TRUE(run(t->opening_of(tenant_scope::of(acme_.user), acme_.org)));
    EXPECT_TRUE(run(t->outbound_of(tenant_scope::of(acme_.user), acme_.org)));
    EXPECT_EQ(run(t->caller_ids(tenant_scope::of(acme_.user), acme_.user, {}, acme_.org)).size(), 1U);
    EXPECT_TRUE(run(t->box_of(tenant_scope::of(acme_.org), {acme_.org, "", acme_.user})));
    EXPECT_EQ(run(t->blocked_callers(tenant_scope::of(acme_.user), acme_.org, "", 100)).size(), 1U);
}

TEST_F(isolation, i_05_recordings_of_somebody_else_do_not_exist) {
    auto reader = pg::make_recording_reader(*db_);
    const auto id =
        *uuid::parse(value("select recording_id from recordings where org_id = " + text(acme_.org)));
    const auto before = fingerprints();
    for (const auto& who : {tenant_scope::of(rival_.org), tenant_scope::of(rival_.user), tenant_scope{}}) {
        EXPECT_FALSE(run(reader->find(who, id)));
        EXPECT_THAT(run(reader->messages(who, acme_.user, false, {}, 10)), IsEmpty());
        EXPECT_EQ(run(reader->unheard(who, acme_.user, 10)), 0U);
        EXPECT_THAT(run(reader->of_call(who, acme_.org, "session-acme")), IsEmpty());
        EXPECT_FALSE(run(reader->mark_heard(who, id, true)));
        EXPECT_FALSE(run(reader->remove(who, id)));
    }
    EXPECT_EQ(fingerprints(), before);
    for (const auto& who : {tenant_scope::of(acme_.org), tenant_scope::of(acme_.user)}) {
        EXPECT_TRUE(run(reader->find(who, id)));
        EXPECT_EQ(run(reader->messages(who, acme_.user, false, {}, 10)).size(), 1U);
    }
    const auto own = tenant_scope::of(acme_.org);
    EXPECT_FALSE(run(reader->transcribe(tenant_scope::of(rival_.org), id, "Stolen")));
    EXPECT_FALSE(run(reader->transcribe(tenant_scope{}, id, "Stolen")));
    EXPECT_EQ(run(reader->find(own, id))->transcript, "");
    EXPECT_EQ(run(reader->transcribe(own, id, "Hello"))->transcript, "Hello");
    // Of a talk: the organisation's alone.
    sql("update recordings set purpose = 'talk'");
    EXPECT_FALSE(run(reader->find(tenant_scope::of(acme_.user), id)));
    EXPECT_EQ(run(reader->of_call(tenant_scope::of(acme_.org), acme_.org, "session-acme")).size(), 1U);
}

TEST_F(isolation, i_05_conversations_of_somebody_else_do_not_exist) {
    auto reader = pg::make_book_reader(*db_);
    const auto id =
        std::stol(value("select conversation_id from conversations where org_id = " + text(acme_.org)));
    const auto before = fingerprints();
    for (const auto& who : {tenant_scope::of(rival_.org), tenant_scope::of(rival_.user), tenant_scope{}}) {
        EXPECT_THAT(run(reader->conversations(who, acme_.org, {}, 10)), IsEmpty());
        for (const auto& c : run(reader->conversations(who, {}, {}, 10)))
            EXPECT_EQ(c.org, rival_.org);
        EXPECT_EQ(run(reader->summary(who, acme_.org)).messages, 0U);
        EXPECT_FALSE(run(reader->messages(who, id, {}, 10)));
    }
    EXPECT_EQ(fingerprints(), before);
    const auto me = tenant_scope::of(acme_.user);
    EXPECT_EQ(run(reader->conversations(me, acme_.org, {}, 10)).size(), 1U);
    EXPECT_EQ(run(reader->summary(me, {})).messages, 1U);
    EXPECT_EQ(run(reader->messages(me, id, {}, 10))->size(), 1U);
    // Who is bound to another organisation of theirs sees nothing of this one.
    sql("insert into memberships (org_id, user_id, role) values (" + text(rival_.org) + ", " +
        text(acme_.user) + ", 'owner')");
    const auto bound = tenant_scope::of(acme_.user, rival_.org);
    for (const auto& c : run(reader->conversations(bound, {}, {}, 10)))
        EXPECT_EQ(c.org, rival_.org);
    EXPECT_FALSE(run(reader->messages(bound, id, {}, 10)));
}

TEST_F(isolation, i_05_calls_of_somebody_else_do_not_exist) {
    auto reader = pg::make_call_reader(*db_);
    const auto id = id_of("session-acme").text();
    for (const auto& who : {tenant_scope::of(rival_.org), tenant_scope::of(rival_.user), tenant_scope{}}) {
        EXPECT_FALSE(run(reader->find(who, "session-acme")));
        EXPECT_FALSE(run(reader->find(who, id)));
        std::vector<port::call_view> all = run(reader->live(who));
        for (const auto& more : {run(reader->newest(who, 100)), run(reader->changed(who, 0, 100))})
            all.insert(all.end(), more.begin(), more.end());
        for (const auto& v : all)
            EXPECT_NE(v.state.id.text(), id);
    }
    for (const auto& who : {tenant_scope::of(acme_.org), tenant_scope::of(acme_.user), tenant_scope::all()}) {
        EXPECT_TRUE(run(reader->find(who, "session-acme")));
        EXPECT_TRUE(run(reader->find(who, id)));
        EXPECT_EQ(run(reader->live(who)).size(), who.everything ? 2U : 1U);
    }
    // Who has left the organisation does not see its calls any more.
    auto t = pg::make_tenants(*db_, "");
    EXPECT_TRUE(run(t->remove_membership(tenant_scope::all(), acme_.org, acme_.user, k_noon)));
    EXPECT_FALSE(run(reader->find(tenant_scope::of(acme_.user), id)));
    EXPECT_THAT(run(reader->newest(tenant_scope::of(acme_.user), 100)), IsEmpty());
}

TEST_F(isolation, i_05_tokens_of_another_organisation_are_neither_listed_nor_revoked) {
    auto tokens = pg::make_token_store(*db_);
    const auto service =
        token_id{std::stol(value("select token_id from api_tokens where org_id = " + text(acme_.org)))};
    EXPECT_FALSE(run(tokens->revoke(service, rival_.org, "stolen", k_noon)));
    EXPECT_EQ(value("select count(*) from api_tokens where revoked_at is not null"), "0");
    const auto listed = run(tokens->list(rival_.org, 100));
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].org, rival_.org);
    EXPECT_EQ(run(tokens->list({}, 100)).size(), 2U);
    EXPECT_TRUE(run(tokens->revoke(service, acme_.org, "rotated", k_noon)));
}
