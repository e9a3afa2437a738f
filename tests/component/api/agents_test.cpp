// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Numbers that lead to an agent or outside, and what an agent may ask.
#include "adapter/crypto/agent_reference.hpp"
#include "bed.hpp"

using namespace z360;
using namespace z360::test;

namespace {

constexpr const char* k_redeem = "/api/voip/agent/reference";
constexpr const char* k_reference = "0f8d3a51c2b94e7d8a6f5b1c2d3e4f50";
constexpr const char* k_settings = "/api/admin/organizations/7/settings";
constexpr const char* k_number = "/api/admin/organizations/7/numbers/+13125550100";
constexpr const char* k_hours = "/api/admin/organizations/7/opening-hours";
constexpr const char* k_summary = "/api/admin/organizations/7/conversations/12/summary";

class api_agents : public bed {
  protected:
    with backend(std::vector<std::string> scopes, org_id org = k_acme) {
        return token(port::token_kind::service, {}, org, std::move(scopes));
    }
    with agent(org_id org = k_acme) { return backend({"agent"}, org); }
    void issue(org_id org = k_acme) {
        port::briefing b;
        b.call = call_id{derive_uuid("a call")};
        b.org = org;
        b.organisation = "Acme Plumbing";
        b.caller = "+13125550142";
        b.called = "+13125550100";
        b.name = "Grace Hopper";
        b.conversation = 12;
        b.summary = port::conversation_summary{"Wants a new boiler.", clock.at - std::chrono::hours{24}};
        agents.references[adapter::crypto::hash_of_reference(k_reference)] = {b, clock.at, false};
    }
    answer redeem(const with& who, const std::string& reference = k_reference) {
        return send("POST", k_redeem, who, json{{"reference", reference}});
    }
};

} // namespace

TEST_F(api_agents, be_27_a_reference_tells_who_calls_once_and_is_gone_then) {
    issue();
    const auto first = redeem(agent());
    ASSERT_EQ(first.status, 200) << first.text;
    EXPECT_EQ(first.data()["caller_number"], "+13125550142");
    EXPECT_EQ(first.data()["caller_name"], "Grace Hopper");
    EXPECT_EQ(first.data()["called_number"], "+13125550100");
    EXPECT_EQ(first.data()["conversation_id"], 12);
    EXPECT_EQ(first.data()["summary"]["text"], "Wants a new boiler.");
    const auto second = redeem(agent());
    EXPECT_EQ(second.status, 410) << second.text;
    EXPECT_EQ(second.code(), "reference_gone");
}

TEST_F(api_agents, be_27_a_reference_is_gone_after_its_minute) {
    issue();
    clock.at += std::chrono::seconds{60};
    EXPECT_EQ(redeem(agent()).code(), "reference_gone");
}

TEST_F(api_agents, be_27_another_organisations_agent_finds_no_reference_and_does_not_use_it_up) {
    issue();
    const auto theirs = redeem(agent(k_initech));
    EXPECT_EQ(theirs.status, 404) << theirs.text;
    EXPECT_EQ(theirs.code(), "reference_unknown");
    EXPECT_EQ(redeem(agent()).status, 200);
}

TEST_F(api_agents, be_27_a_reference_is_no_credential_and_a_person_is_no_agent) {
    issue();
    EXPECT_EQ(send("POST", k_redeem, {}, json{{"reference", k_reference}}).status, 401);
    EXPECT_EQ(redeem(device(k_ada, "ada-phone")).status, 403);
    EXPECT_EQ(redeem(backend({"tenants:write"})).code(), "scope_missing");
    EXPECT_EQ(redeem(agent()).status, 200) << "none of them has used it up";
}

TEST_F(api_agents, be_27_what_cannot_be_a_reference_is_none) {
    issue();
    for (const auto& bad :
         {std::string("0F8D3A51C2B94E7D8A6F5B1C2D3E4F50"), std::string(64, '0'), std::string("' or 1=1 --"),
          std::string(k_reference) + "0"})
        EXPECT_EQ(redeem(agent(), bad).code(), "reference_unknown") << bad;
    EXPECT_EQ(send("POST", k_redeem, agent(), json::object()).status, 422);
    EXPECT_EQ(redeem(agent(), std::string(65, '0')).status, 422);
}

TEST_F(api_agents, be_29_a_summary_is_stored_told_to_the_agent_and_forgotten) {
    agents.conversations[12] = k_acme;
    const auto put = send("PUT", k_summary, admin(), json{{"text", "Wants a new boiler."}});
    ASSERT_EQ(put.status, 200) << put.text;
    EXPECT_EQ(put.data()["text"], "Wants a new boiler.");
    EXPECT_EQ(agents.summaries.at(12).text, "Wants a new boiler.");
    EXPECT_EQ(send("DELETE", k_summary, admin()).status, 200);
    EXPECT_EQ(send("DELETE", k_summary, admin()).code(), "summary_unknown");
    EXPECT_EQ(send("PUT", k_summary, admin(), json{{"text", std::string(8'001, 'a')}}).status, 422);
    EXPECT_EQ(send("PUT", k_summary, admin(), json{{"text", ""}}).status, 422);
}

TEST_F(api_agents, be_29_no_summary_goes_to_another_organisations_conversation) {
    agents.conversations[12] = k_initech;
    const auto put = send("PUT", k_summary, admin(), json{{"text", "Planted."}});
    EXPECT_EQ(put.code(), "conversation_unknown") << put.text;
    EXPECT_TRUE(agents.summaries.empty());
}

TEST_F(api_agents, be_27_the_agents_address_is_a_sip_uri_without_a_password_and_not_at_the_carrier) {
    for (const char* good : {"sip:agent@agents.example", "SIPS:a.b@Agents.Example:5061;transport=tls"})
        EXPECT_LT(send("PUT", k_settings, admin(), json{{"agent_uri", good}}).status, 300) << good;
    for (const char* bad :
         {"agent@agents.example", "sip:agent:secret@agents.example", "sip:agents.example",
          "sip:@agents.example", "sip:agent@localhost", "sip:gencredX@sip.telnyx.com",
          "sip:agent@agents.example?X-A=b", "sip:agent@agents.example;maddr=10.0.0.1",
          "https://agents.example", "sip:agent@agents.example:99999", "sip:a b@agents.example",
          "sip:agent@agents.example;"}) {
        const auto put = send("PUT", k_settings, admin(), json{{"agent_uri", bad}});
        EXPECT_EQ(put.status, 422) << bad;
        EXPECT_TRUE(put.body["errors"].contains("agent_uri")) << put.text;
        EXPECT_EQ(put.text.find("secret"), std::string::npos);
    }
}

TEST_F(api_agents, callers_without_a_number_are_turned_away_by_a_setting) {
    const auto put = send(
        "PUT", k_settings, admin(),
        json{{"block_anonymous", true}, {"anonymous_message", "Please show your number."}}
    );
    ASSERT_LT(put.status, 300) << put.text;
    EXPECT_EQ(put.data()["block_anonymous"], true);
    EXPECT_EQ(put.data()["anonymous_message"], "Please show your number.");
}

TEST_F(api_agents, a_number_leads_outside_and_is_taken_back) {
    const auto put = [&](const json& body) { return send("PUT", k_number, admin(), body); };
    const auto outside = put({{"route_type", "external"}, {"external_number", "+13125550177"}});
    ASSERT_LT(outside.status, 300) << outside.text;
    EXPECT_EQ(outside.data()["external_number"], "+13125550177");
    EXPECT_EQ(outside.data()["external_asked"], true);
    EXPECT_EQ(
        put({{"external_number", "+13125550177"}, {"external_asked", false}}).data()["route_type"], "external"
    );
    EXPECT_EQ(put({{"route_type", "external"}}).status, 422);
    EXPECT_EQ(put({{"route_type", "voicemail"}, {"external_number", "+13125550177"}}).status, 422);
    EXPECT_TRUE(put({{"route_type", "voicemail"}}).data()["external_asked"].is_null());
}

TEST_F(api_agents, calls_out_of_hours_go_to_the_agent_where_that_is_set) {
    const json week{{"monday", json::array({json{{"from", "09:00"}, {"to", "17:00"}}})}};
    const auto put =
        send("PUT", k_hours, admin(), json{{"time_zone", "UTC"}, {"week", week}, {"closed_to", "agent"}});
    ASSERT_LT(put.status, 300) << put.text;
    EXPECT_EQ(put.data()["closed_to"], "agent");
    EXPECT_EQ(send("GET", k_hours, admin()).data()["closed_to"], "agent");
    EXPECT_EQ(
        send("PUT", k_hours, admin(), json{{"time_zone", "UTC"}, {"week", week}, {"closed_to", "nobody"}})
            .status,
        422
    );
}

TEST_F(api_agents, the_route_names_the_agent_and_the_caller_who_shows_no_number) {
    auto& routed = directory.routes["+13125550100"];
    routed.verdict = call::route_verdict::ring;
    routed.org = k_acme;
    call::lead_to_agent(routed, "sip:agent@agents.example");
    const auto told = send("GET", std::string(k_number) + "/route?from=withheld", admin());
    ASSERT_EQ(told.status, 200) << told.text;
    EXPECT_EQ(directory.asked.caller, "withheld");
    EXPECT_EQ(told.data()["outcome"], "ring");
    EXPECT_EQ(told.data()["waves"][0]["members"][0]["agent"], "sip:agent@agents.example");
    routed.cause = call::route_cause::anonymous;
    const auto anonymous = send("GET", std::string(k_number) + "/route?from=withheld", admin());
    EXPECT_EQ(anonymous.data()["cause"], "anonymous");
    EXPECT_EQ(anonymous.data()["outcome"], "rejected") << anonymous.text;
}
