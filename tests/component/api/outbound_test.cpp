// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Rules of calling out, and as which number a person is shown.
#include "bed.hpp"

using namespace z360;
using namespace z360::test;

namespace {

constexpr const char* k_rules = "/api/admin/organizations/7/outbound-rules";
constexpr const char* k_ids = "/api/voip/caller-ids";

json strict() {
    return {
        {"enabled", true},     {"allowed", {"+49", "+1312"}}, {"forbidden", {"+4917"}}, {"premium", true},
        {"ring_seconds", 600}, {"at_once", 10'000},           {"per_minute", 1},
    };
}

class api_outbound : public bed {
  protected:
    void number(const std::string& e164, org_id org, json more) {
        const auto path = "/api/admin/organizations/" + std::to_string(org.value) + "/numbers/" + e164;
        more["route_type"] = more.contains("receiving_user_id") ? "user" : "voicemail";
        ASSERT_EQ(send("PUT", path, admin(), more).status, 201);
    }
    /// Ada's: her own in Germany, the default in the United States; of her other organisation one.
    void numbers() {
        number("+13125550100", k_acme, {{"default_caller_id", true}, {"alias", "Office"}});
        number("+13125550101", k_acme, json::object());
        number("+4930901820", k_acme, {{"receiving_user_id", k_ada.value}});
        number("+4930901821", k_acme, json::object());
        number("+4420794601", k_globex, json::object());
        number("+13125550900", k_initech, json::object());
    }
    std::vector<std::string> shown(const answer& r) {
        EXPECT_EQ(r.status, 200) << r.text;
        std::vector<std::string> out;
        for (const auto& n : r.data())
            out.push_back(n["e164"]);
        return out;
    }
    using order = std::vector<std::string>;
};

} // namespace

TEST_F(api_outbound, rules_are_none_until_they_are_set_and_read_as_they_were_set) {
    const auto boss = admin();
    const auto none = send("GET", k_rules, boss);
    EXPECT_EQ(none.status, 404);
    EXPECT_EQ(none.code(), "outbound_rules_unknown");
    const auto made = send("PUT", k_rules, boss, strict());
    ASSERT_EQ(made.status, 201) << made.text;
    auto expected = strict();
    expected["organization_id"] = 7;
    EXPECT_EQ(made.data(), expected);
    EXPECT_EQ(send("GET", k_rules, boss).data(), expected);
    EXPECT_EQ(audit.lines.back().action, "outbound_rules_set");
    EXPECT_EQ(audit.lines.back().detail, "org=7");

    const auto replaced = send("PUT", k_rules, boss, json::object());
    EXPECT_EQ(replaced.status, 200);
    EXPECT_EQ(replaced.data()["enabled"], true);
    EXPECT_EQ(replaced.data()["premium"], false);
    EXPECT_EQ(replaced.data()["forbidden"], json::array());
    for (const char* unset : {"allowed", "ring_seconds", "at_once", "per_minute"})
        EXPECT_TRUE(replaced.data()[unset].is_null()) << unset;

    EXPECT_EQ(send("DELETE", k_rules, boss).status, 200);
    EXPECT_EQ(audit.lines.back().action, "outbound_rules_removed");
    EXPECT_EQ(send("DELETE", k_rules, boss).code(), "outbound_rules_unknown");
}

TEST_F(api_outbound, each_rule_that_cannot_be_is_refused_by_its_place_and_changes_nothing) {
    const auto boss = admin();
    ASSERT_EQ(send("PUT", k_rules, boss, strict()).status, 201);
    const auto told = audit.lines.size();
    const std::vector<std::tuple<const char*, json, const char*>> odd{
        {"enabled", "perhaps", "enabled"},
        {"premium", 2, "premium"},
        {"allowed", json::array(), "allowed"},
        {"allowed", "+49", "allowed"},
        {"allowed", json::array({"+49", "49"}), "allowed.1"},
        {"allowed", json::array({"+"}), "allowed.0"},
        {"allowed", json::array({"+1234567890123456"}), "allowed.0"},
        {"allowed", json(std::vector<std::string>(301, "+49")), "allowed"},
        {"forbidden", json::array({"+49 30"}), "forbidden.0"},
        {"forbidden", json::array({7}), "forbidden"},
        {"forbidden", json(std::vector<std::string>(301, "+49")), "forbidden"},
        {"ring_seconds", 4, "ring_seconds"},
        {"ring_seconds", 601, "ring_seconds"},
        {"at_once", 0, "at_once"},
        {"at_once", 10'001, "at_once"},
        {"per_minute", 0, "per_minute"},
        {"per_minute", 601, "per_minute"},
        {"per_minute", 1.5, "per_minute"},
    };
    for (const auto& [field, value, place] : odd) {
        auto body = strict();
        body[field] = value;
        const auto r = send("PUT", k_rules, boss, body);
        EXPECT_EQ(r.status, 422) << field << value;
        EXPECT_EQ(r.code(), "validation_failed");
        EXPECT_EQ(r.body["errors"].size(), 1U) << r.text;
        EXPECT_TRUE(r.body["errors"].contains(place)) << place << r.text;
    }
    const json several{{"allowed", json::array()}, {"at_once", 0}, {"per_minute", "x"}};
    EXPECT_EQ(send("PUT", k_rules, boss, several).body["errors"].size(), 3U);
    EXPECT_EQ(send("PUT", k_rules, boss, "{").code(), "invalid_json");
    EXPECT_EQ(send("GET", k_rules, boss).data()["at_once"], 10'000);
    EXPECT_EQ(audit.lines.size(), told);
    for (const json& most : {json(std::vector<std::string>(300, "+123456789012345")), json(nullptr)})
        EXPECT_EQ(send("PUT", k_rules, boss, json{{"allowed", most}}).status, 200);
}

TEST_F(api_outbound, i_05_rules_of_another_organisation_are_nobodys) {
    ASSERT_EQ(send("PUT", k_rules, admin(), strict()).status, 201);
    for (const char* method : {"GET", "PUT", "DELETE"}) {
        const auto r = send(method, k_rules, admin(k_initech), json{{"enabled", false}});
        EXPECT_EQ(r.status, 404) << method;
        EXPECT_EQ(r.code(), "organization_unknown") << method;
        EXPECT_EQ(send(method, "/api/admin/organizations/99/outbound-rules", admin(), strict()).status, 404);
    }
    EXPECT_EQ(send("GET", k_rules, admin(k_acme)).data()["enabled"], true);
    EXPECT_EQ(send("GET", k_rules, device(k_ada, "phone-1")).status, 403);
    const auto reader = token(port::token_kind::admin, {}, {}, {"tenants:read"});
    EXPECT_EQ(send("GET", k_rules, reader).status, 200);
    EXPECT_EQ(send("PUT", k_rules, reader, strict()).code(), "scope_missing");
}

TEST_F(api_outbound, caller_ids_are_those_of_the_persons_organisations_the_default_first) {
    numbers();
    const auto phone = device(k_ada, "phone-1");
    const auto all = send("GET", k_ids, phone);
    EXPECT_EQ(
        shown(all), (order{"+4930901820", "+13125550100", "+13125550101", "+4930901821", "+4420794601"})
    ) << "her own, the default, the others; then her other organisation's";
    const auto& own = all.data()[0];
    EXPECT_EQ(own["mine"], true);
    EXPECT_EQ(own["is_default"], false);
    EXPECT_EQ(own["organization_id"], 7);
    EXPECT_TRUE(own["alias"].is_null());
    EXPECT_TRUE(own["phone_number_id"].is_number_integer());
    EXPECT_EQ(all.data()[1]["is_default"], true);
    EXPECT_EQ(all.data()[1]["alias"], "Office");
    EXPECT_EQ(shown(send("GET", k_ids, acting(k_bob))).front(), "+13125550100") << "none is his own";
    EXPECT_EQ(shown(send("GET", k_ids, cookie(k_ada))).size(), 5U);
}

TEST_F(api_outbound, caller_ids_come_in_the_order_in_which_a_call_would_choose) {
    numbers();
    const auto phone = device(k_ada, "phone-1");
    const std::string here = std::string(k_ids) + "?organization_id=7&to=";
    const order german{"+4930901820", "+4930901821", "+13125550100", "+13125550101"};
    for (const char* to : {"%2B493012345678", "%2B49", "+49"})
        EXPECT_EQ(shown(send("GET", here + to, phone)), german) << to;
    EXPECT_EQ(
        shown(send("GET", here + "%2B13125550142", phone)),
        (order{"+13125550100", "+13125550101", "+4930901820", "+4930901821"})
    );
    EXPECT_EQ(shown(send("GET", here + "%2B33", phone)).front(), "+4930901820")
        << "in no country of ours: her own";
    for (const char* odd : {"110", "", "%2B", "%2B49x", "%2B1234567890123456", "sip:ada@example.com"}) {
        const auto r = send("GET", here + odd, phone);
        EXPECT_EQ(r.status, 422) << odd;
        EXPECT_TRUE(r.body["errors"].contains("to")) << r.text;
    }
}

TEST_F(api_outbound, i_05_caller_ids_of_other_organisations_are_nobodys) {
    numbers();
    const auto phone = device(k_ada, "phone-1");
    const std::string of = std::string(k_ids) + "?organization_id=";
    EXPECT_EQ(shown(send("GET", of + "9", phone)), order{});
    EXPECT_EQ(shown(send("GET", of + "8", phone)), order{"+4420794601"});
    EXPECT_TRUE(send("GET", of + "x", phone).body["errors"].contains("organization_id"));
    EXPECT_EQ(shown(send("GET", k_ids, device(k_mallory, "phone-9"))), order{"+13125550900"});
    const auto bound = bound_device(k_ada, k_globex, "phone-8");
    EXPECT_EQ(shown(send("GET", k_ids, bound)), order{"+4420794601"});
    EXPECT_EQ(shown(send("GET", of + "7", bound)), order{});
    tenants.taken_away.emplace(row(k_ada, "phone-1").id.value, k_acme.value);
    EXPECT_EQ(shown(send("GET", k_ids, phone)), order{"+4420794601"}) << "it calls for them no more";
    EXPECT_EQ(send("GET", k_ids).status, 401);
}
