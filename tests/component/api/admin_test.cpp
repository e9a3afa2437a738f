// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Tenants, as the product synchronises them, and tokens.
#include "bed.hpp"

using namespace z360;
using namespace z360::test;

class api_admin : public bed {};

TEST_F(api_admin, an_upsert_is_201_then_200_under_the_products_own_ids) {
    const auto boss = admin();
    const json org{{"name", "Hooli"}, {"slug", "hooli"}};
    EXPECT_EQ(send("PUT", "/api/admin/organizations/77", boss, org).status, 201);
    EXPECT_EQ(send("PUT", "/api/admin/organizations/77", boss, org).status, 200);
    EXPECT_EQ(send("GET", "/api/admin/organizations/77", boss).data()["name"], "Hooli");
    const json user{{"login", "gavin@example.com"}, {"name", "Gavin"}};
    EXPECT_EQ(send("PUT", "/api/admin/users/33", boss, user).status, 201);
    EXPECT_EQ(send("PUT", "/api/admin/users/33", boss, user).status, 200);
    EXPECT_EQ(
        send("PUT", "/api/admin/organizations/77/members/33", boss, json{{"role", "owner"}}).status, 201
    );
    EXPECT_EQ(send("GET", "/api/admin/users/33", boss).data()["memberships"][0]["organization_id"], 77);
    const json number{{"receiving_user_id", "33"}, {"default_caller_id", true}};
    const auto made = send("PUT", "/api/admin/organizations/77/numbers/%2B13125550777", boss, number);
    EXPECT_EQ(made.status, 201) << made.text;
    EXPECT_EQ(made.data()["route_type"], "user");
    EXPECT_EQ(made.data()["number"], "+13125550777");
    const json contact{{"name", "Grace"}, {"avatar_url", "https://media.example.com/g.png"}};
    EXPECT_EQ(send("PUT", "/api/admin/organizations/77/contacts/+13125550142", boss, contact).status, 201);
    const json rules{{"ring_seconds", "25"}, {"record_calls", false}};
    const auto set = send("PUT", "/api/admin/organizations/77/settings", boss, rules);
    EXPECT_EQ(set.data()["ring_seconds"], 25);
    EXPECT_TRUE(set.data()["voice"].is_null());
    EXPECT_EQ(send("GET", "/api/admin/organizations/77/settings", boss).data(), set.data());
    for (const char* path :
         {"/api/admin/organizations/77/contacts/+13125550142",
          "/api/admin/organizations/77/numbers/+13125550777", "/api/admin/organizations/77/members/33",
          "/api/admin/users/33", "/api/admin/organizations/77"})
        EXPECT_EQ(send("DELETE", path, boss).status, 200) << path;
    EXPECT_EQ(send("DELETE", "/api/admin/users/33", boss).status, 404);
}

TEST_F(api_admin, be_24_a_number_says_what_is_recorded_of_its_talks) {
    const auto boss = admin();
    const std::string path = "/api/admin/organizations/7/numbers/+13125550103";
    const auto put = [&](const json& body) { return send("PUT", path, boss, body); };
    EXPECT_EQ(put({{"route_type", "voicemail"}}).data()["recording"], "organization");
    EXPECT_EQ(
        put({{"route_type", "voicemail"}, {"recording", "mandatory"}}).data()["recording"], "mandatory"
    );
    EXPECT_EQ(put({{"route_type", "voicemail"}}).data()["recording"], "mandatory") << "as it was";
    EXPECT_EQ(
        put({{"route_type", "voicemail"}, {"recording", "organization"}}).data()["recording"], "organization"
    );
    const auto odd = put({{"route_type", "voicemail"}, {"recording", "sometimes"}});
    EXPECT_EQ(odd.status, 422);
    EXPECT_NE(odd.text.find("\"recording\""), std::string::npos) << odd.text;
    const auto all = send("GET", "/api/admin/organizations/7/numbers", boss);
    ASSERT_FALSE(all.body["data"].empty());
    for (const auto& n : all.body["data"])
        EXPECT_TRUE(n.contains("recording")) << n;
}

TEST_F(api_admin, b23_the_old_sentinels_of_a_number_become_route_types) {
    const auto boss = admin();
    const auto put = [&](json body) {
        return send("PUT", "/api/admin/organizations/7/numbers/+13125550101", boss, body)
            .body["data"]["route_type"];
    };
    EXPECT_EQ(put({{"receiving_user_id", 0}}), "agent");
    EXPECT_EQ(put(json::object()), "voicemail");
    EXPECT_EQ(put({{"receiving_user_id", 3}}), "user");
    EXPECT_EQ(put({{"route_type", "reject"}}), "reject");
}

TEST_F(api_admin, web_04_a_number_of_another_organisation_is_a_conflict) {
    const auto boss = admin();
    ASSERT_EQ(
        send("PUT", "/api/admin/organizations/7/numbers/+13125550100", boss, json::object()).status, 201
    );
    const auto r = send("PUT", "/api/admin/organizations/8/numbers/+13125550100", boss, json::object());
    EXPECT_EQ(r.status, 409);
    EXPECT_EQ(r.code(), "conflict");
    EXPECT_TRUE(r.body["errors"].contains("number"));
}

TEST_F(api_admin, lists_come_in_pages) {
    const auto boss = admin();
    auto r = send("GET", "/api/admin/organizations?limit=2", boss);
    EXPECT_EQ(r.data().size(), 2U);
    EXPECT_EQ(r.body["meta"]["next"], 8);
    r = send("GET", "/api/admin/organizations?limit=2&after=8", boss);
    EXPECT_EQ(r.data().size(), 1U);
    EXPECT_TRUE(r.body["meta"]["next"].is_null());
    (void)send("PUT", "/api/admin/organizations/7/numbers/+13125550101", boss, json::object());
    (void)send("PUT", "/api/admin/organizations/7/numbers/+13125550102", boss, json::object());
    r = send("GET", "/api/admin/organizations/7/numbers?limit=1", boss);
    EXPECT_EQ(r.body["meta"]["next"], "+13125550101");
    r = send("GET", "/api/admin/organizations/7/numbers?limit=1&after=+13125550101", boss);
    EXPECT_EQ(r.data()[0]["number"], "+13125550102");
    EXPECT_EQ(send("GET", "/api/admin/organizations/7/members", boss).data().size(), 2U);
    r = send("GET", "/api/admin/users?limit=2", boss);
    ASSERT_EQ(r.data().size(), 2U) << r.text;
    EXPECT_EQ(r.data()[0]["memberships"].size(), 2U);
    EXPECT_EQ(r.body["meta"]["next"], 4);
    r = send("GET", "/api/admin/users?after=4", boss);
    ASSERT_EQ(r.data().size(), 1U);
    EXPECT_EQ(r.data()[0]["id"], 5);
    EXPECT_TRUE(r.body["meta"]["next"].is_null());
    EXPECT_EQ(send("GET", "/api/admin/users?after=x&limit=0", boss).status, 422);
    EXPECT_EQ(send("GET", "/api/admin/organizations/7/contacts", boss).status, 200);
}

TEST_F(api_admin, i_05_an_organisations_token_lists_its_own_people) {
    const auto r = send("GET", "/api/admin/users", admin(k_initech));
    ASSERT_EQ(r.data().size(), 1U) << r.text;
    EXPECT_EQ(r.data()[0]["id"], 5);
}

TEST_F(api_admin, and_11_an_operator_revokes_a_persons_device) {
    (void)device(k_ada, "phone-1");
    const auto boss = admin();
    const auto list = send("GET", "/api/admin/users/3/devices", boss);
    ASSERT_EQ(list.data().size(), 1U);
    const auto id = std::to_string(list.data()[0]["id"].get<int>());
    EXPECT_EQ(send("DELETE", "/api/admin/users/4/devices/" + id, boss).status, 404);
    EXPECT_EQ(send("DELETE", "/api/admin/users/3/devices/" + id, boss).status, 200);
    ASSERT_EQ(devices.removed.size(), 1U);
    EXPECT_EQ(devices.removed[0].reason, "revoked");
    EXPECT_EQ(audit.lines.back().actor, "admin");
    EXPECT_FALSE(credentials.looked_at.empty());
}

TEST_F(api_admin, and_11_an_operator_names_a_device_by_its_number_or_by_its_own_id) {
    (void)device(k_ada, "phone-1");
    (void)device(k_ada, "phone-2");
    (void)device(k_mallory, "phone-3");
    const auto of_acme = admin(k_acme);
    EXPECT_EQ(send("DELETE", "/api/admin/users/3/devices/phone-3", of_acme).status, 404);
    EXPECT_EQ(
        send("DELETE", "/api/admin/users/" + std::to_string(k_mallory.value) + "/devices/phone-3", of_acme)
            .status,
        404
    ) << "the operator does not see that person";
    EXPECT_TRUE(devices.removed.empty());
    const auto r = send("DELETE", "/api/admin/users/3/devices/phone-2", of_acme);
    EXPECT_EQ(r.status, 200) << r.text;
    EXPECT_EQ(r.data()["device_id"], "phone-2");
    EXPECT_EQ(
        send(
            "DELETE", "/api/admin/users/3/devices/" + std::to_string(row(k_ada, "phone-1").id.value), of_acme
        )
            .status,
        200
    );
}

TEST_F(api_admin, and_11_whatever_stops_devices_is_acted_on_at_once) {
    const auto boss = admin();
    const json org{{"name", "Acme"}, {"status", "suspended"}};
    const json user{{"login", "ada@example.com"}, {"name", "Ada"}, {"status", "suspended"}};
    const std::vector<std::tuple<std::string, std::string, json>> ways{
        {"PUT", "/api/admin/users/3", user},
        {"DELETE", "/api/admin/organizations/8/members/3", nullptr},
        {"DELETE", "/api/admin/users/4", nullptr},
        {"PUT", "/api/admin/organizations/7", org},
        {"DELETE", "/api/admin/organizations/7", nullptr},
    };
    std::int64_t n = 500;
    for (const auto& [method, path, body] : ways) {
        const device_id stopped{++n};
        tenants.stops = {stopped};
        const auto r = body.is_null() ? send(method, path, boss) : send(method, path, boss, body);
        EXPECT_EQ(r.status, 200) << method << path << r.text;
        ASSERT_FALSE(credentials.looked_at.empty()) << method << path;
        EXPECT_EQ(credentials.looked_at.back(), stopped) << method << path;
    }
}

TEST_F(api_admin, an_enrolment_code_from_here_registers_a_device) {
    const auto made = send("POST", "/api/admin/users/3/enrolment-codes", admin(), json{{"ttl_seconds", 120}});
    ASSERT_EQ(made.status, 201) << made.text;
    EXPECT_EQ(made.data()["expires_at"], "2026-01-31T12:02:00.000Z");
    const with code{{"Authorization", "Bearer " + made.data()["enrolment_code"].get<std::string>()}};
    const json body{{"device_id", "phone-1"}, {"platform", "ios"}};
    EXPECT_EQ(send("POST", "/api/device-tokens", code, body).status, 201);
    clock.at += millis{121'000};
    EXPECT_EQ(send("POST", "/api/admin/users/99/enrolment-codes", admin()).status, 404);
    const json elsewhere{{"organization_id", 9}};
    EXPECT_EQ(send("POST", "/api/admin/users/3/enrolment-codes", admin(), elsewhere).status, 404);
}

TEST_F(api_admin, a_token_is_shown_once_and_never_may_more_than_the_one_that_made_it) {
    const auto boss = admin();
    const json wanted{{"kind", "service"}, {"name", "laravel"}, {"scopes", {"act", "tenants:write"}}};
    const auto made = send("POST", "/api/admin/tokens", boss, wanted);
    ASSERT_EQ(made.status, 201) << made.text;
    const auto text = made.data()["token"].get<std::string>();
    const auto list = send("GET", "/api/admin/tokens", boss);
    EXPECT_EQ(list.text.find(text), std::string::npos);
    const with fresh{{"Authorization", "Bearer " + text}};
    EXPECT_EQ(send("GET", "/api/device-tokens", plus(fresh, {{"X-Z360-User", "3"}})).status, 200);
    EXPECT_EQ(send("POST", "/api/admin/tokens", fresh, wanted).code(), "scope_missing");

    const auto maker = token(port::token_kind::service, {}, {}, {"tokens", "act"});
    EXPECT_EQ(send("POST", "/api/admin/tokens", maker, wanted).status, 422);
    const json admin_wanted{{"kind", "admin"}, {"name", "me"}};
    EXPECT_EQ(send("POST", "/api/admin/tokens", maker, admin_wanted).status, 422);
    const auto limited = token(port::token_kind::admin, {}, {}, {"tokens"});
    EXPECT_EQ(send("POST", "/api/admin/tokens", limited, admin_wanted).status, 422)
        << "no scopes would be all of them";
    EXPECT_EQ(
        send("POST", "/api/admin/tokens", limited, json{{"kind", "service"}, {"name", "x"}}).status, 422
    );

    const auto id = std::to_string(made.data()["id"].get<int>());
    EXPECT_EQ(send("DELETE", "/api/admin/tokens/" + id, boss).status, 200);
    EXPECT_EQ(send("GET", "/api/device-tokens", plus(fresh, {{"X-Z360-User", "3"}})).code(), "token_revoked");
}

TEST_F(api_admin, i_05_a_token_of_an_organisation_makes_tokens_for_it_only) {
    const auto acme = admin(k_acme);
    const json wanted{{"kind", "service"}, {"name", "x"}, {"organization_id", 8}};
    EXPECT_EQ(send("POST", "/api/admin/tokens", acme, wanted).status, 404);
    const auto made = send("POST", "/api/admin/tokens", acme, json{{"kind", "service"}, {"name", "x"}});
    EXPECT_EQ(made.data()["organization_id"], 7);
    const auto all = send("POST", "/api/admin/tokens", admin(), json{{"kind", "service"}, {"name", "y"}});
    const auto foreign = std::to_string(all.data()["id"].get<int>());
    EXPECT_EQ(send("DELETE", "/api/admin/tokens/" + foreign, acme).status, 404);
    const auto own = send("GET", "/api/admin/tokens", acme);
    for (const auto& t : own.data())
        EXPECT_EQ(t["organization_id"], 7);
}

TEST_F(api_admin, i_05_an_organisations_token_takes_away_what_is_the_organisations) {
    (void)device(k_ada, "phone-1"); // for both of her organisations
    const auto id = row(k_ada, "phone-1").id;
    const auto path = "/api/admin/users/3/devices/phone-1";
    const auto first = send("DELETE", path, admin(k_acme));
    EXPECT_EQ(first.status, 200) << first.text;
    EXPECT_NE(first.body["message"].get<std::string>().find("this organisation no more"), std::string::npos);
    EXPECT_EQ(row(k_ada, "phone-1").status, "active") << "the other organisation's calls go on";
    EXPECT_EQ(devices.excluded, (std::set<std::pair<std::int64_t, std::int64_t>>{{id.value, k_acme.value}}));
    EXPECT_EQ(send("DELETE", path, admin(k_acme)).status, 404) << "it is not theirs any more";
    EXPECT_EQ(send("GET", "/api/admin/users/3/devices", admin(k_acme)).data().size(), 0U);
    const auto last = send("DELETE", path, admin(k_globex));
    EXPECT_EQ(last.status, 200) << last.text;
    EXPECT_EQ(last.body["message"], "Device revoked") << "nobody else is left";
    EXPECT_EQ(row(k_ada, "phone-1").status, "removed");
}

// ---- routing

namespace {

constexpr const char* k_hours = "/api/admin/organizations/7/opening-hours";
constexpr const char* k_blocked = "/api/admin/organizations/7/blocked-callers";

json office_hours() {
    return {
        {"time_zone", "America/Chicago"},
        {"week", {{"monday", {{{"from", "09:00"}, {"to", "17:30"}}}}}},
        {"special_days", {{{"date", "2026-12-25"}, {"name", "Christmas"}}}},
        {"closed_greeting", "We are closed."}
    };
}

} // namespace

TEST_F(api_admin, opening_hours_are_none_until_they_are_set_and_read_as_they_were_set) {
    const auto boss = admin();
    const auto none = send("GET", k_hours, boss);
    EXPECT_EQ(none.status, 404);
    EXPECT_EQ(none.body["code"], "opening_hours_unknown");
    const auto made = send("PUT", k_hours, boss, office_hours());
    EXPECT_EQ(made.status, 201) << made.text;
    EXPECT_EQ(send("PUT", k_hours, boss, office_hours()).status, 200);
    const auto read = send("GET", k_hours, boss).data();
    EXPECT_EQ(read, made.data());
    EXPECT_EQ(read["week"]["monday"][0]["to"], "17:30");
    EXPECT_EQ(read["week"]["sunday"], json::array());
    EXPECT_EQ(read["special_days"][0]["open"], json::array());
    EXPECT_EQ(send("DELETE", k_hours, boss).status, 200);
    EXPECT_EQ(send("DELETE", k_hours, boss).status, 404);
}

TEST_F(api_admin, opening_hours_that_cannot_be_are_refused_by_their_places_and_change_nothing) {
    const auto boss = admin();
    ASSERT_EQ(send("PUT", k_hours, boss, office_hours()).status, 201);
    auto odd = office_hours();
    odd["week"]["monday"][0]["to"] = "08:00";
    odd["special_days"].push_back({{"date", "2026-12-25"}});
    odd.erase("time_zone");
    const auto r = send("PUT", k_hours, boss, odd);
    EXPECT_EQ(r.status, 422);
    for (const char* field : {"time_zone", "week.monday", "special_days.1.date"})
        EXPECT_TRUE(r.body["errors"].contains(field)) << field << r.text;
    odd = office_hours();
    odd["time_zone"] = "Mars/Olympus";
    const auto zone = send("PUT", k_hours, boss, odd);
    EXPECT_EQ(zone.status, 422);
    EXPECT_TRUE(zone.body["errors"].contains("time_zone")) << zone.text;
    EXPECT_EQ(send("GET", k_hours, boss).data()["time_zone"], "America/Chicago");
    EXPECT_EQ(send("PUT", "/api/admin/organizations/99/opening-hours", boss, office_hours()).status, 404);
}

TEST_F(api_admin, b_43_callers_are_blocked_listed_and_let_through_again) {
    const auto boss = admin();
    const auto one = std::string(k_blocked) + "/%2B13125550142";
    EXPECT_EQ(send("PUT", one, boss, json{{"note", "Robocalls"}}).status, 201);
    EXPECT_EQ(send("PUT", one, boss, json::object()).status, 200);
    EXPECT_EQ(send("PUT", std::string(k_blocked) + "/+13125550143", boss, json{{"note", "x"}}).status, 201);
    const auto page = send("GET", std::string(k_blocked) + "?limit=1", boss);
    EXPECT_EQ(page.data().size(), 1U);
    EXPECT_EQ(page.body["meta"]["next"], "+13125550142");
    EXPECT_EQ(send("PUT", std::string(k_blocked) + "/555", boss, json::object()).status, 422);
    EXPECT_EQ(send("DELETE", one, boss).status, 200);
    const auto gone = send("DELETE", one, boss);
    EXPECT_EQ(gone.status, 404);
    EXPECT_EQ(gone.body["code"], "blocked_caller_unknown");
}

TEST_F(api_admin, where_a_call_would_go_is_the_directorys_own_answer) {
    const auto boss = admin();
    const std::string path = "/api/admin/organizations/7/numbers/%2B13125550100/route";
    EXPECT_EQ(send("GET", path, boss).status, 404);
    call::route r;
    r.verdict = call::route_verdict::ring;
    r.org = k_acme;
    r.user = k_ada;
    r.number_e164 = "+13125550100";
    r.caller_name = "Grace Hopper";
    call::target t;
    t.device = device_id{101};
    t.device_name = "Ada's iPhone";
    t.platform = "ios";
    r.targets = {t, t}; // two identities of one device
    directory.routes["+13125550100"] = r;
    const auto open = send("GET", path + "?from=%2B13125550142&at=2026-12-25T18:00:00Z", boss);
    ASSERT_EQ(open.status, 200) << open.text;
    EXPECT_EQ(open.data()["outcome"], "ring");
    EXPECT_EQ(open.data()["cause"], "as_set");
    EXPECT_EQ(open.data()["devices"].size(), 1U);
    EXPECT_EQ(open.data()["at"], "2026-12-25T18:00:00.000Z");
    EXPECT_EQ(directory.asked.caller, "+13125550142");
    EXPECT_EQ(directory.asked.at, *parse_iso8601("2026-12-25T18:00:00Z"));
    EXPECT_EQ(open.text.find("sip_username"), std::string::npos);
    for (const char* odd : {"?at=tomorrow", "?from=555"})
        EXPECT_EQ(send("GET", path + odd, boss).status, 422) << odd;
    r.verdict = call::route_verdict::blocked_caller;
    r.cause = call::route_cause::blocked;
    r.targets.clear();
    r.rules.voicemail_greeting.clear();
    directory.routes["+13125550100"] = r;
    EXPECT_EQ(send("GET", path, boss).data()["outcome"], "rejected");
    EXPECT_EQ(directory.asked.at, clock.at) << "now, unless told";
    // A number of somebody else's organisation is no number of this one.
    EXPECT_EQ(send("GET", "/api/admin/organizations/8/numbers/%2B13125550100/route", boss).status, 404);
}
