// SPDX-License-Identifier: LicenseRef-z360-proprietary
// By which rules people call out, and as which numbers they may be shown.
#include "tenancy.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

class calling_out : public asked_tenants {};

} // namespace

TEST_F(calling_out, outbound_rules_are_replaced_as_a_whole_and_taken_away) {
    sql("delete from outbound_rules");
    port::outbound_rules r;
    r.org = acme_.org;
    r.enabled = false;
    r.allowed = {"+1", "+49"};
    r.forbidden = {"+1900"};
    r.premium = true;
    r.ring_seconds = 600;
    r.at_once = 10'000;
    r.per_minute = 1;
    EXPECT_TRUE(put(r, tenant_scope::of(acme_.org)).created);
    auto stored = run(tenants_->outbound_of(tenant_scope::of(acme_.user), acme_.org));
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->org, acme_.org);
    EXPECT_FALSE(stored->enabled);
    EXPECT_EQ(stored->allowed, r.allowed);
    EXPECT_EQ(stored->forbidden, r.forbidden);
    EXPECT_TRUE(stored->premium);
    EXPECT_EQ(stored->ring_seconds, 600);
    EXPECT_EQ(stored->at_once, 10'000);
    EXPECT_EQ(stored->per_minute, 1);
    port::outbound_rules plain;
    plain.org = acme_.org;
    EXPECT_FALSE(put(plain).created);
    stored = run(tenants_->outbound_of(tenant_scope::all(), acme_.org));
    ASSERT_TRUE(stored);
    EXPECT_TRUE(stored->enabled);
    EXPECT_FALSE(stored->allowed || stored->ring_seconds || stored->at_once || stored->per_minute);
    EXPECT_TRUE(stored->forbidden.empty());
    EXPECT_FALSE(stored->premium);
    EXPECT_FALSE(run(tenants_->remove_outbound(tenant_scope::of(acme_.user), acme_.org)))
        << "a person's scope";
    EXPECT_TRUE(run(tenants_->remove_outbound(tenant_scope::of(acme_.org), acme_.org)));
    EXPECT_FALSE(run(tenants_->remove_outbound(tenant_scope::of(acme_.org), acme_.org)));
    EXPECT_FALSE(run(tenants_->outbound_of(tenant_scope::all(), acme_.org)));
}

TEST_F(calling_out, outbound_rules_that_cannot_be_are_refused_by_name_and_change_nothing) {
    port::outbound_rules good;
    good.org = acme_.org;
    good.at_once = 7;
    ASSERT_TRUE(put(good).value);
    const auto before = fingerprint("outbound_rules");
    const auto fault = [&](auto change) {
        auto r = good;
        change(r);
        const auto out = put(r);
        EXPECT_FALSE(out.value);
        return out.refused ? out.refused->field : std::string("accepted");
    };
    using rules = port::outbound_rules;
    EXPECT_EQ(fault([](rules& r) { r.allowed.emplace(); }), "allowed");
    EXPECT_EQ(fault([](rules& r) { r.allowed = {"+1", "1"}; }), "allowed");
    EXPECT_EQ(fault([](rules& r) { r.allowed.emplace(301, "+1"); }), "allowed");
    EXPECT_EQ(fault([](rules& r) { r.forbidden = {"+1234567890123456"}; }), "forbidden");
    EXPECT_EQ(fault([](rules& r) { r.forbidden = {std::string("+1\0", 3)}; }), "forbidden");
    EXPECT_EQ(fault([](rules& r) { r.forbidden.assign(301, "+1"); }), "forbidden");
    for (const int odd : {4, 601})
        EXPECT_EQ(fault([odd](rules& r) { r.ring_seconds = odd; }), "ring_seconds");
    for (const int odd : {0, 10'001})
        EXPECT_EQ(fault([odd](rules& r) { r.at_once = odd; }), "at_once");
    for (const int odd : {0, 601})
        EXPECT_EQ(fault([odd](rules& r) { r.per_minute = odd; }), "per_minute");
    EXPECT_EQ(fault([](rules& r) { r.org = {987'654}; }), "org");
    EXPECT_EQ(fingerprint("outbound_rules"), before);
    good.allowed.emplace(rules::k_most, "+123456789012345");
    good.forbidden.assign(rules::k_most, "+1");
    EXPECT_TRUE(put(good).value) << "as many as there may be";
}

TEST_F(calling_out, caller_ids_are_active_numbers_each_once_the_default_first) {
    const auto org = text(acme_.org);
    const auto add = [&](const std::string& e164, const std::string& connection, const std::string& more) {
        return value(
            "insert into phone_numbers (org_id, connection_id, e164, route_type, status, "
            "is_default_caller_id, "
            "alias) values (" +
            org + ", '" + connection + "', '" + e164 + "', 'voicemail', " + more +
            ") returning phone_number_id"
        );
    };
    sql("update phone_numbers set is_default_caller_id = false");
    const auto usual = add("+15550100009", "connection-8", "'active', true, 'Office'");
    add("+15550100009", "connection-9", "'active', false, 'Office'");
    add("+15550100010", "connection-8", "'suspended', false, ''");
    add("+15550100011", "removed:1", "'active', false, ''");
    const auto me = tenant_scope::of(acme_.user);
    const auto ids = run(tenants_->caller_ids(me, acme_.user, acme_.devices[0].device, {}));
    ASSERT_EQ(ids.size(), 2U);
    EXPECT_EQ(ids[0].id, phone_number_id{std::stol(usual)});
    EXPECT_EQ(ids[0].e164, "+15550100009");
    EXPECT_EQ(ids[0].alias, "Office");
    EXPECT_EQ(ids[0].org, acme_.org);
    EXPECT_TRUE(ids[0].usual);
    EXPECT_FALSE(ids[0].mine);
    EXPECT_EQ(ids[1].id, acme_.number);
    EXPECT_FALSE(ids[1].usual);
    EXPECT_TRUE(ids[1].mine);

    ASSERT_TRUE(put(port::membership{rival_.org, acme_.user, "member", "", ""}).value);
    EXPECT_EQ(run(tenants_->caller_ids(me, acme_.user, {}, {})).size(), 3U);
    EXPECT_EQ(run(tenants_->caller_ids(me, acme_.user, {}, rival_.org)).size(), 1U);
    EXPECT_EQ(
        run(tenants_->caller_ids(tenant_scope::of(acme_.user, rival_.org), acme_.user, {}, {})).size(), 1U
    ) << "bound to that organisation";
    sql("insert into device_exclusions (device_id, org_id) values (" + text(acme_.devices[0].device) + ", " +
        org + ")");
    EXPECT_EQ(run(tenants_->caller_ids(me, acme_.user, acme_.devices[0].device, {})).size(), 1U)
        << "the organisation took that device away";
    sql("update organizations set status = 'suspended' where org_id = " + text(rival_.org));
    EXPECT_TRUE(run(tenants_->caller_ids(me, acme_.user, acme_.devices[0].device, {})).empty());
}
