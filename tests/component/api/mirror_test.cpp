// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Every route with the other tenant's ids (I5): nothing of theirs is shown, nothing of theirs changes.
#include "bed.hpp"
#include "edge/api/route_tables.hpp"

#include <set>

using namespace z360;
using namespace z360::test;

class api_mirror : public bed {
  protected:
    /// The pattern with Mallory's ids in it.
    std::string foreign(std::string_view pattern) {
        std::string out(pattern);
        const auto put = [&out](std::string_view name, const std::string& value) {
            const auto at = out.find(name);
            if (at != std::string::npos) out.replace(at, name.size(), value);
        };
        put("{deviceId}", "mallorys-phone");
        put("{org}", "9");
        put("{conversation}", "12");
        put("{user}", "5");
        put("{device}", std::to_string(row(k_mallory, "mallorys-phone").id.value));
        put("{e164}", "+13125550900");
        put("{id}",
            pattern.find("tokens") != std::string_view::npos ? std::to_string(their_token) : their_call);
        return out;
    }
    /// Bodies and queries that name what is hers.
    json body(std::string_view pattern) const {
        if (pattern == "/api/voip/switch-org") return {{"target_organization_id", 9}};
        if (pattern == "/api/device-tokens")
            return {{"device_id", "mallorys-phone"}, {"platform", "ios"}, {"organization_id", 9}};
        if (pattern == "/api/device-tokens/update-fcm")
            return {{"device_id", "mallorys-phone"}, {"voip_token", k_hex}};
        if (pattern == "/api/voip/do-not-disturb")
            return {{"of", "device"}, {"on", true}, {"device_id", "mallorys-phone"}};
        if (pattern == "/api/voip/token") return {{"device_id", "mallorys-phone"}};
        if (pattern == "/api/admin/tokens")
            return {{"kind", "service"}, {"name", "x"}, {"organization_id", 9}};
        if (pattern.ends_with("/{e164}")) return {{"name", "x"}, {"receiving_user_id", 5}};
        if (pattern.ends_with("/outbound-rules")) return {{"enabled", false}, {"premium", true}};
        if (pattern == "/api/auth/handoff") return {{"handoff_token", their_handoff}};
        return {
            {"name", "taken over"}, {"login", "taken@example.com"}, {"ring_seconds", 5}, {"role", "owner"}
        };
    }
    /// What must be untouched in the end.
    std::string belongings() {
        json out;
        for (const auto& d : devices.rows)
            if (d.user == k_mallory) out["devices"].push_back({d.uid, d.status, d.push_state, d.name});
        for (const auto& [whose, how] : devices.quiet)
            if (whose.first == k_mallory.value) out["quiet"].push_back({whose.second, how.off});
        out["summary"] = agents.summaries.at(12).text;
        out["name"] = members.orgs.at(9).name;
        out["status"] = members.orgs.at(9).status;
        const auto& rules = tenants.outbound.at(9);
        out["rules"] = {rules.enabled, rules.premium, rules.at_once.value_or(0)};
        out["person"] = tenants.persons.at(5).name;
        out["member"] = members.orgs_of.at(5).contains(9);
        for (const auto& t : tokens.rows)
            if (t.row.user == k_mallory || t.row.org == k_initech)
                out["tokens"].push_back(
                    {t.row.id.value, t.row.revoked_at.has_value(), t.row.used_at.has_value()}
                );
        return out.dump();
    }
    void prepare() {
        mallory = device(k_mallory, "mallorys-phone");
        their_call = ring(k_mallory, k_initech, {row(k_mallory, "mallorys-phone").id}).state.id.text();
        (void)token(port::token_kind::service, {}, k_initech);
        their_token = tokens.rows.back().row.id.value;
        const auto h = token(port::token_kind::handoff, k_mallory);
        their_handoff = h[0].second.substr(7);
        agents.conversations[12] = k_initech;
        agents.summaries[12].text = "Secret Friend";
        const json name{{"name", "Secret Friend"}};
        const auto boss = admin();
        ASSERT_EQ(send("PUT", "/api/admin/organizations/9/contacts/+13125550900", boss, name).status, 201);
        const json rules{{"at_once", 3}};
        ASSERT_EQ(send("PUT", "/api/admin/organizations/9/outbound-rules", boss, rules).status, 201);
        ASSERT_EQ(
            send("PUT", "/api/admin/organizations/9/numbers/+13125550900", boss, json::object()).status, 201
        );
    }
    void judge(const answer& r, const std::string& what, const std::string& before) {
        for (const char* hers :
             {"mallorys-phone", "Mallory", "Initech", "initech", "Secret Friend", "gencred101"})
            EXPECT_EQ(r.text.find(hers), std::string::npos) << what << " shows " << hers << ": " << r.text;
        EXPECT_EQ(belongings(), before) << what;
    }
    with mallory;
    std::string their_call, their_handoff;
    std::int64_t their_token = 0;
};

TEST_F(api_mirror, i_05_every_route_with_the_other_tenants_ids_shows_and_changes_nothing) {
    prepare();
    const auto ada = device(k_ada, "adas-phone");
    const auto acme_admin = admin(k_acme);
    const auto acme_backend = token(
        port::token_kind::service, {}, k_acme,
        {"act", "handoff", "tenants:read", "tenants:write", "devices:read", "devices:write", "enrolment",
         "tokens", "push:send"}
    );
    struct asker {
        const char* who;
        with headers;
    };
    const std::vector<asker> askers{
        {"device", ada},
        {"cookie", plus(cookie(k_ada), from_page())},
        {"cookie that names her device",
         plus(plus(cookie(k_ada), from_page()), {{"X-Z360-Device", "mallorys-phone"}})},
        {"organisation's admin", acme_admin},
        {"organisation's backend for her", plus(acme_backend, {{"X-Z360-User", "5"}})},
        {"organisation's backend in hers",
         plus(acme_backend, {{"X-Z360-User", "3"}, {"X-Z360-Organization", "9"}})},
        {"organisation's backend", acme_backend},
        {"nobody", {}},
    };
    const auto before = belongings();
    int tried = 0;
    for (const auto& e : edge::api::all_entries()) {
        if (e.pattern == "/api/openapi.json" || e.pattern == "/api/docs") continue;
        const bool hers = e.pattern.find('{') != std::string_view::npos || e.method == "PUT";
        for (const auto& a : askers) {
            const std::string question =
                e.method == "GET" ? "?device_id=mallorys-phone&organization_id=9" : "";
            const auto r =
                send(std::string(e.method), foreign(e.pattern) + question, a.headers, body(e.pattern));
            const auto what = std::string(e.method) + " " + std::string(e.pattern) + " as " + a.who;
            judge(r, what, before);
            if (hers) {
                EXPECT_TRUE(r.status == 401 || r.status == 403 || r.status == 404) << what << ": " << r.text;
            }
            EXPECT_LT(r.status, 500) << what << ": " << r.text;
            ++tried;
        }
    }
    EXPECT_GT(tried, 300);
}

TEST_F(api_mirror, i_05_the_same_requests_are_answered_to_their_owner) {
    prepare();
    EXPECT_EQ(send("GET", "/api/voip/call-status/" + their_call, mallory).status, 200);
    const auto initech = admin(k_initech);
    for (const char* path :
         {"/api/admin/organizations/9", "/api/admin/users/5", "/api/admin/organizations/9/members",
          "/api/admin/organizations/9/settings", "/api/admin/organizations/9/numbers",
          "/api/admin/organizations/9/outbound-rules", "/api/admin/organizations/9/contacts",
          "/api/admin/users/5/devices", "/api/admin/tokens"})
        EXPECT_EQ(send("GET", path, initech).status, 200) << path;
    EXPECT_EQ(send("GET", "/api/admin/organizations", initech).data().size(), 1U);
}
