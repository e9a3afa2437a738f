// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Records of calls, for operators, and how they are written as CSV.
#include "bed.hpp"
#include "edge/api/record_json.hpp"

using namespace z360;
using namespace z360::test;
using edge::api::csv_field;

namespace {

class api_records : public bed {
  protected:
    port::call_record& add(int n, org_id org = k_acme) {
        port::call_record r;
        r.id = {derive_uuid("call " + std::to_string(n))};
        r.session = "session-" + std::to_string(n);
        r.org = org;
        r.org_name = "Acme Plumbing";
        r.user = k_ada;
        r.person = "Ada Lovelace";
        r.login = "ada@example.com";
        r.phase = "ended";
        r.end_reason = "completed";
        r.outcome = "answered";
        r.caller_number = "+13125550142";
        r.dialed = "+13125550100";
        r.began = clock.at - std::chrono::hours{2} + std::chrono::minutes{n};
        r.bridged_at = r.began + millis{4'500};
        r.ended_at = r.began + millis{64'500};
        r.talk = millis{60'000};
        r.answered_by = "device";
        r.device_uid = "ada-phone";
        r.carrier_mos = "4.20";
        r.costs = {{"USD", "0.0136"}};
        r.push_sent_at = r.began + millis{40};
        records.rows.push_back(r);
        return records.rows.back();
    }
    static constexpr const char* k_list = "/api/admin/organizations/7/calls";
};

} // namespace

TEST_F(api_records, an_operator_reads_a_call_in_one_record) {
    auto& r = add(1);
    r.legs = R"([{"leg_id": "x", "cost": "0.0136"}])";
    r.joins = R"([{"joined_at": 1769860804500, "over_at": null}])";
    r.pushes = "[]";
    const auto a = send("GET", std::string(k_list) + "/session-1", admin());
    ASSERT_EQ(a.status, 200) << a.text;
    EXPECT_EQ(a.data()["talk_ms"], 60'000);
    EXPECT_EQ(a.data()["answer_ms"], 4'500);
    EXPECT_EQ(a.data()["quality"]["mos_carrier"], "4.20");
    EXPECT_EQ(a.data()["costs"], (json{{{"currency", "USD"}, {"total", "0.0136"}}}));
    EXPECT_EQ(a.data()["push"]["sent_ms"], 40);
    EXPECT_EQ(a.data()["joins"][0]["joined_at"], "2026-01-31T12:00:04.500Z");
    EXPECT_TRUE(a.data()["joins"][0]["over_at"].is_null());
    EXPECT_EQ(send("GET", std::string(k_list) + "/session-2", admin()).code(), "call_unknown");
}

TEST_F(api_records, i_05_what_is_bound_to_an_organisation_reads_its_calls_alone) {
    add(1);
    add(2, k_initech);
    for (const auto& who :
         {admin(k_initech), token(port::token_kind::service, {}, k_initech, {"calls:read"})}) {
        EXPECT_EQ(send("GET", std::string(k_list) + "/session-1", who).status, 404);
        EXPECT_EQ(send("GET", k_list, who).status, 404);
        EXPECT_EQ(send("GET", "/api/admin/organizations/9/calls/session-1", who).status, 404);
    }
    EXPECT_EQ(send("GET", std::string(k_list) + "/session-2", admin()).status, 404)
        << "of another organisation";
    EXPECT_EQ(send("GET", k_list, service()).status, 403) << "a backend for people";
    EXPECT_EQ(send("GET", k_list, device(k_ada, "phone")).status, 403);
    EXPECT_EQ(send("GET", k_list, token(port::token_kind::admin, {}, {}, {"tenants:read"})).status, 403);
}

TEST_F(api_records, records_are_listed_page_by_page_within_a_span) {
    for (int n = 1; n <= 3; ++n)
        add(n);
    const auto first = send("GET", std::string(k_list) + "?limit=2", admin());
    ASSERT_EQ(first.data().size(), 2U) << first.text;
    EXPECT_FALSE(first.data()[0].contains("legs"));
    const auto next = first.body["meta"]["next"].get<std::string>();
    const auto rest = send("GET", std::string(k_list) + "?limit=2&after=" + next, admin());
    ASSERT_EQ(rest.data().size(), 1U);
    EXPECT_EQ(rest.data()[0]["call_session_id"], "session-3");
    EXPECT_TRUE(rest.body["meta"]["next"].is_null());
    (void)send("GET", std::string(k_list) + "?from=2026-01-01T00:00:00Z&until=1769860800000", admin());
    EXPECT_EQ(iso8601(records.asked.from), "2026-01-01T00:00:00.000Z");
    EXPECT_EQ(iso8601(records.asked.until), "2026-01-31T12:00:00.000Z");
    for (const char* bad :
         {"?from=soon", "?until=-1", "?after=1", "?after=1.2", "?limit=0", "?limit=201",
          "?from=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z"})
        EXPECT_EQ(send("GET", std::string(k_list) + bad, admin()).status, 422) << bad;
}

TEST(records_csv, fields_are_quoted_where_they_must_be_and_none_is_a_formula) {
    EXPECT_EQ(csv_field("plain"), "plain");
    EXPECT_EQ(csv_field(""), "");
    EXPECT_EQ(csv_field("a,b"), "\"a,b\"");
    EXPECT_EQ(csv_field("say \"hi\""), "\"say \"\"hi\"\"\"");
    EXPECT_EQ(csv_field("two\nlines"), "\"two\nlines\"");
    EXPECT_EQ(csv_field("+13125550142"), "+13125550142") << "a number, and no formula";
    EXPECT_EQ(csv_field("=1+1"), "\"'=1+1\"");
    EXPECT_EQ(csv_field("+1+cmd|' /C calc'!A0"), "\"'+1+cmd|' /C calc'!A0\"");
    EXPECT_EQ(csv_field("-0.0125"), "-0.0125") << "an amount that can be added up";
    EXPECT_EQ(csv_field("-2+3"), "\"'-2+3\"");
    EXPECT_EQ(csv_field("-"), "\"'-\"");
    EXPECT_EQ(csv_field("@SUM(1)"), "\"'@SUM(1)\"");
    EXPECT_EQ(csv_field("\tx"), "\"'\tx\"");
}

TEST(records_csv, a_record_has_a_field_for_each_column) {
    port::call_record r;
    r.caller_name = "Hopper, \"Grace\"";
    r.costs = {{"EUR", "0.01"}, {"USD", "0.02"}};
    const auto columns = [](const std::string& line) {
        bool quoted = false;
        std::size_t n = 1;
        for (const char c : line) {
            if (c == '"') quoted = !quoted;
            if (c == ',' && !quoted) ++n;
        }
        return n;
    };
    const auto head = edge::api::record_csv_header();
    const auto line = edge::api::record_csv(r);
    EXPECT_EQ(columns(head), columns(line));
    EXPECT_TRUE(head.ends_with("cost,currency\r\n")) << head;
    EXPECT_TRUE(line.ends_with(",0.01 EUR; 0.02 USD,\r\n")) << line;
}
