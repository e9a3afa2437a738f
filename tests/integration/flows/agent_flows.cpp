// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Numbers that lead to an agent or outside, and callers without a number: through the whole system.
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

const std::string k_agent = "sip:agent@agents.example";
const std::string k_caller = "+13125550142";

class agent_flow : public flow {
  protected:
    /// Every webhook comes twice, the second time a little later.
    rig& acme(const json& number, const json& settings = {{"agent_uri", k_agent}}) {
        rig_options o;
        o.devices = 0;
        auto& r = set_up(std::move(o));
        sim::webhook_fault again;
        again.duplicates = 1;
        again.duplicate_after = 30ms;
        r.carrier().add_fault(again);
        acme_ = founded(r, 711, "acme", "+13125550711");
        const auto boss = r.admin();
        EXPECT_EQ(boss.put(acme_.org_path() + "/settings", settings).status, 201);
        const auto lead = boss.put(acme_.org_path() + "/numbers/" + acme_.number, number);
        EXPECT_EQ(lead.status, 200) << lead.body;
        const json body{
            {"kind", "service"}, {"name", "agent"}, {"scopes", {"agent"}}, {"organization_id", acme_.org}
        };
        const auto made = boss.post("/api/admin/tokens", body);
        EXPECT_EQ(made.status, 201) << made.body;
        token_ = made.data().at("token").get<std::string>();
        return r;
    }
    static json dial(rig& r, const std::string& session) {
        return r.carrier().with([&](sim::carrier& c, time_point) {
            return c.seen().commands_of("dial", session).at(0)->body;
        });
    }
    static std::string reference_in(const json& dial) {
        const auto& all = dial.at("custom_headers");
        EXPECT_EQ(all.size(), 1U) << all;
        EXPECT_EQ(all[0].at("name"), "X-Z360-Reference");
        return all[0].at("value").get<std::string>();
    }
    api_reply redeem(rig& r, const std::string& reference) {
        return r.client().bearer(token_).post("/api/voip/agent/reference", {{"reference", reference}});
    }
    tenant acme_;
    std::string token_;
};

} // namespace

TEST_F(agent_flow, be_27_the_agent_has_the_caller_and_learns_by_its_reference_who_calls_once) {
    auto& r = acme({{"route_type", "agent"}});
    EXPECT_EQ(
        r.admin().put(acme_.org_path() + "/contacts/" + k_caller, {{"name", "Grace Hopper"}}).status, 201
    );
    r.carrier().set_phone(k_agent, phone::answers(100ms));
    const auto caller = r.carrier().place_call(k_caller, acme_.number);
    const auto session = r.session(caller);
    ASSERT_TRUE(r.joined(caller));
    ASSERT_TRUE(r.phase(session, "active"));
    const auto asked = dial(r, session);
    EXPECT_EQ(asked["to"], k_agent);
    for (const auto& personal : {k_caller, std::string("Grace"), std::string("Hopper")})
        EXPECT_EQ(asked.dump().find(personal), std::string::npos) << asked.dump();
    const auto reference = reference_in(asked);
    EXPECT_EQ(reference.size(), 32U);
    const auto told = redeem(r, reference);
    ASSERT_EQ(told.status, 200) << told.body;
    EXPECT_EQ(told.data()["caller_number"], k_caller);
    EXPECT_EQ(told.data()["caller_name"], "Grace Hopper");
    EXPECT_EQ(told.data()["called_number"], acme_.number);
    EXPECT_EQ(redeem(r, reference).status, 410);
    EXPECT_EQ(r.accepted("dial", session), 1U);
    r.carrier().caller_hangs_up(caller);
    ASSERT_TRUE(r.quiet(session));
    ASSERT_TRUE(r.phase(session, "ended"));
    // The carrier repeats the header in each webhook of the leg: nowhere is it kept.
    EXPECT_EQ(
        r.sql("select count(*) > 0 from webhook_events where convert_from(body, 'UTF8') ilike "
              "'%x-z360-reference%'"),
        "t"
    );
    for (const char* table :
         {"webhook_events", "commands", "calls", "call_steps", "call_events", "agent_references"}) {
        const auto row = std::string(table) == "webhook_events" ? "convert_from(t.body, 'UTF8')" : "t::text";
        EXPECT_EQ(
            r.sql(
                "select count(*) from " + std::string(table) + " t where " + row + " like '%" + reference +
                "%'"
            ),
            "0"
        ) << table;
    }
}

TEST_F(agent_flow, be_27_an_agent_that_is_down_leaves_the_caller_to_voicemail) {
    auto& r = acme({{"route_type", "agent"}});
    r.carrier().set_phone(k_agent, phone::unreachable());
    const auto caller = r.carrier().place_call(k_caller, acme_.number);
    const auto session = r.session(caller);
    ASSERT_TRUE(r.phase(session, "voicemail"));
    ASSERT_TRUE(r.commanded("speak", session));
    EXPECT_EQ(r.accepted("dial", session), 1U);
    EXPECT_EQ(
        r.sql("select count(*) from call_events where what = 'agent_unreachable' and detail like "
              "'%why=normal_clearing'"),
        "1"
    );
    EXPECT_TRUE(eventually([&] { return r.server().metric("agent_unreachable_total") == 1; }));
    const auto told = r.run("--explain " + session);
    EXPECT_NE(told.find("agent: dialed, nobody answered"), std::string::npos) << told;
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}

TEST_F(agent_flow, be_27_a_dial_that_the_carrier_refuses_leaves_the_caller_to_voicemail) {
    auto& r = acme({{"route_type", "agent"}});
    sim::command_fault refused;
    refused.verb = "dial";
    refused.fail_status = 422;
    refused.fail_code = "90011";
    r.carrier().add_fault(refused);
    const auto caller = r.carrier().place_call(k_caller, acme_.number);
    const auto session = r.session(caller);
    ASSERT_TRUE(r.phase(session, "voicemail"));
    EXPECT_EQ(r.sql("select count(*) from call_events where what = 'agent_unreachable'"), "1");
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}

TEST_F(agent_flow, a_number_that_leads_outside_rings_there_and_asks_for_the_key) {
    const std::string outside = "+13125550188";
    auto& r = acme({{"route_type", "external"}, {"external_number", outside}});
    r.carrier().set_phone(outside, phone::answers_and_presses(100ms, "1", 100ms));
    const auto route = r.run("--explain-route " + acme_.number);
    EXPECT_NE(route.find("number " + outside), std::string::npos) << route;
    const auto caller = r.carrier().place_call(k_caller, acme_.number);
    ASSERT_TRUE(r.joined(caller));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(r.session(caller)));
}

TEST_F(agent_flow, a_caller_without_a_number_is_told_why_and_hung_up_on) {
    auto& r = acme(
        {{"route_type", "voicemail"}},
        {{"block_anonymous", true}, {"anonymous_message", "Please show your number."}}
    );
    const auto told = r.run("--explain-route " + acme_.number + " --from withheld");
    EXPECT_NE(told.find("takes no callers who show no number"), std::string::npos) << told;
    const auto caller = r.carrier().place_call("anonymous", acme_.number);
    const auto session = r.session(caller);
    ASSERT_TRUE(r.commanded("speak", session));
    ASSERT_TRUE(r.quiet(session, 0, 15s));
    EXPECT_EQ(r.accepted("record_start", session), 0U);
    ASSERT_TRUE(r.phase(session, "ended"));
    EXPECT_EQ(r.sql("select end_reason from calls"), "rejected");
}

TEST_F(agent_flow, explain_route_names_the_agent) {
    auto& r = acme({{"route_type", "agent"}});
    const auto told = r.run("--explain-route " + acme_.number);
    EXPECT_NE(told.find("the organisation's agent, " + k_agent), std::string::npos) << told;
}
