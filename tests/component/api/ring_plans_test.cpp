// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "bed.hpp"

using namespace z360;
using namespace z360::test;

namespace {

constexpr const char* k_sales = "/api/admin/organizations/7/ring-plans/sales";

class api_ring_plans : public bed {};

} // namespace

TEST_F(api_ring_plans, a_plan_is_set_listed_routed_by_and_taken_back) {
    const auto boss = admin();
    EXPECT_EQ(send("GET", k_sales, boss).code(), "ring_plan_unknown");
    const json body{
        {"name", "Sales"},
        {"strategy", "sequence"},
        {"step_seconds", 20},
        {"mailbox_user_id", 3},
        {"members",
         json::array(
             {json{{"user_id", 3}}, json{{"number", "+13125550177"}, {"asked", false}, {"ring_seconds", 10}}}
         )}
    };
    const auto made = send("PUT", k_sales, boss, body);
    ASSERT_EQ(made.status, 201) << made.text;
    EXPECT_EQ(made.data()["longest_ring_seconds"], 30);
    EXPECT_EQ(made.data()["members"][1]["asked"], false);
    EXPECT_EQ(send("PUT", k_sales, boss, body).status, 200);
    EXPECT_EQ(send("GET", k_sales, boss).data(), made.data());
    const auto all = send("GET", "/api/admin/organizations/7/ring-plans", boss);
    ASSERT_EQ(all.data().size(), 1U) << all.text;
    const auto number = "/api/admin/organizations/7/numbers/+13125550100";
    const auto routed = send("PUT", number, boss, json{{"ring_plan", "sales"}});
    EXPECT_EQ(routed.data()["route_type"], "plan") << routed.text;
    EXPECT_EQ(routed.data()["ring_plan"], "sales");
    EXPECT_EQ(send("PUT", number, boss, json{{"route_type", "plan"}}).status, 422);
    EXPECT_EQ(
        send(
            "PUT", number, boss,
            json{{"route_type", "user"}, {"receiving_user_id", 3}, {"ring_plan", "sales"}}
        )
            .status,
        422
    );
    EXPECT_EQ(send("DELETE", k_sales, boss).status, 200);
    EXPECT_EQ(send("DELETE", k_sales, boss).code(), "ring_plan_unknown");
}

TEST_F(api_ring_plans, a_plan_that_cannot_be_is_refused_by_the_field_and_not_kept) {
    const auto boss = admin();
    const json ada{{"user_id", 3}};
    for (const auto& [field, members] : std::vector<std::pair<std::string, json>>{
             {"members", json::array()},
             {"members", "everybody"},
             {"members[0]", json::array({"somebody"})},
             {"members[0].user_id", json::array({json::object()})},
             {"members[0].user_id", json::array({json{{"user_id", "x"}}})},
             {"members[0].user_id", json::array({json{{"user_id", 3}, {"number", "+13125550177"}}})},
             {"members[1].user_id", json::array({ada, ada})},
             {"members[0].wave", json::array({json{{"user_id", 3}, {"wave", 21}}})},
             {"members[0].ring_seconds", json::array({json{{"user_id", 3}, {"ring_seconds", 4}}})},
             {"members[0].delay_seconds", json::array({json{{"user_id", 3}, {"delay_seconds", 28}}})},
             {"members[0].ring_plan", json::array({json{{"ring_plan", "sales"}}})},
         }) {
        const auto r = send("PUT", k_sales, boss, json{{"members", members}});
        EXPECT_EQ(r.status, 422) << field << r.text;
        EXPECT_TRUE(r.body["errors"].contains(field)) << field << r.text;
    }
    EXPECT_EQ(
        send("PUT", k_sales, boss, json{{"strategy", "random"}, {"members", json::array({ada})}}).status, 422
    );
    EXPECT_EQ(send("GET", k_sales, boss).status, 404);
}

TEST_F(api_ring_plans, i_05_a_plan_of_another_organisation_is_none) {
    ASSERT_EQ(
        send("PUT", k_sales, admin(), json{{"members", json::array({json{{"user_id", 3}}})}}).status, 201
    );
    const auto theirs = token(port::token_kind::admin, {}, k_initech, {"tenants:read", "tenants:write"});
    for (const char* method : {"GET", "PUT", "DELETE"})
        EXPECT_EQ(
            send(method, k_sales, theirs, json{{"members", json::array({json{{"user_id", 5}}})}}).status, 404
        ) << method;
    EXPECT_EQ(send("GET", "/api/admin/organizations/7/ring-plans", theirs).status, 404);
}
