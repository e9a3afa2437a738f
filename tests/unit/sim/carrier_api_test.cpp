// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Where the simulator does what the carrier's published description says: several targets, ids, lists, forms
// of its webhooks, callers who share a session.
#include "sim/webhook_form.hpp"
#include "world.hpp"

#include <z360/base/ids.hpp>

#include <set>

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

TEST(carrier_api, a_dial_to_several_rings_all_and_the_first_answer_ends_the_others) {
    world w;
    for (const char* user : {"one", "two", "three"}) {
        phone p;
        p.does = phone::mode::ignore;
        w.tel.set_phone(user, p);
    }
    auto body = world::dial_body("one");
    body["to"] =
        json::array({"sip:one@sip.telnyx.com", "sip:two@sip.telnyx.com", "sip:three@sip.telnyx.com"});
    const auto r = w.dial(body);
    ASSERT_EQ(r.status, 200) << r.body.dump();
    EXPECT_EQ(r.body["data"]["client_state"], "ZGV2aWNl");
    w.pass(1s);
    ASSERT_EQ(w.tel.alive_legs(), 3U);
    std::string second;
    for (const auto& l : w.tel.legs())
        if (l.username == "two") second = l.call_control_id;
    ASSERT_TRUE(w.tel.device_answers(second, w.now));
    w.pass(1s);
    EXPECT_EQ(w.tel.alive_legs(), 1U);
    for (const auto& l : w.tel.legs())
        if (l.username != "two") EXPECT_EQ(l.hangup_cause, "originator_cancel") << l.username;
}

TEST(carrier_api, a_list_of_living_calls_goes_on_where_it_was_though_a_leg_has_ended_and_ends) {
    world w;
    std::vector<std::string> ids;
    for (int n = 0; n < 5; ++n)
        ids.push_back(w.ring_in());
    const auto page = [&](const std::string& after) {
        const auto path = "/v2/connections/" + carrier_settings{}.app_connection_id +
                          "/active_calls?page[limit]=2" + (after.empty() ? "" : "&page[after]=" + after);
        return w.tel.handle("GET", path, json::object(), w.now).body;
    };
    std::set<std::string> seen;
    std::string after;
    int pages = 0;
    do {
        const auto p = page(after);
        for (const auto& c : p["data"])
            EXPECT_TRUE(seen.insert(c["call_control_id"].get<std::string>()).second) << "twice";
        after = p["meta"]["cursors"].value("after", std::string{});
        if (pages == 0) w.tel.caller_hangs_up(after, w.now); // the very leg that the cursor names
        ASSERT_LT(++pages, 10);
    } while (!after.empty());
    EXPECT_EQ(seen, std::set<std::string>(ids.begin(), ids.end()));
}

TEST(carrier_api, ids_are_uuids) {
    world w;
    const auto id =
        w.tel.seed_credential("n", "t", carrier_settings{}.credential_connection_id, std::nullopt, w.now);
    EXPECT_TRUE(uuid::parse(id));
    const auto c = w.tel.handle("GET", "/v2/telephony_credentials/" + id, json::object(), w.now).body["data"];
    for (const char* key : {"id", "user_id"})
        EXPECT_TRUE(uuid::parse(c[key].get<std::string>())) << key;
    (void)w.ring_in();
    for (const auto& e : w.sent) {
        EXPECT_TRUE(uuid::parse(e.data["id"].get<std::string>()));
        for (const char* key : {"call_leg_id", "call_session_id"})
            EXPECT_TRUE(uuid::parse(e.data["payload"][key].get<std::string>())) << key;
    }
}

TEST(carrier_api, copies_of_a_webhook_count_on) {
    world w;
    webhook_fault f;
    f.event_type = "call.initiated";
    f.duplicates = 2;
    w.tel.add_fault(f, w.now);
    (void)w.ring_in();
    std::multiset<unsigned> earlier;
    for (const auto& e : w.sent)
        earlier.insert(e.earlier);
    EXPECT_EQ(earlier, (std::multiset<unsigned>{0, 1, 2}));
}

TEST(carrier_api, a_second_caller_may_come_into_a_session) {
    world w;
    const auto first = w.ring_in();
    const auto session = w.tel.session_of(first);
    const auto second = w.tel.place_call("+15550100003", k_number, w.now, session);
    w.pass(0ms);
    EXPECT_NE(first, second);
    EXPECT_EQ(w.tel.session_of(second), session);
    EXPECT_EQ(w.tel.alive_legs(session), 2U);
}

TEST(carrier_api, faults_of_credentials_may_ask_for_a_pause) {
    world w;
    command_fault f;
    f.verb = "list_credentials";
    f.fail_status = 429;
    f.headers["Retry-After"] = "7";
    w.tel.add_fault(f, w.now);
    const auto r = w.tel.handle("GET", "/v2/telephony_credentials", json::object(), w.now);
    EXPECT_EQ(r.status, 429);
    EXPECT_EQ(r.headers.at("Retry-After"), "7");
}

TEST(carrier_api, webhooks_come_in_the_forms_that_are_asked_for) {
    const json data{
        {"event_type", "call.initiated"},
        {"id", "e"},
        {"occurred_at", "2026-01-01T00:00:00Z"},
        {"payload", {{"call_control_id", "v3:c"}}}
    };
    const json meta{{"attempt", 2}, {"delivered_to", "https://a.example"}};
    EXPECT_EQ(json::parse(body_in_form("", data, meta)), (json{{"data", data}, {"meta", meta}}));
    const auto pretty = body_in_form("pretty", data, meta);
    EXPECT_EQ(json::parse(pretty), (json{{"data", data}, {"meta", meta}}));
    EXPECT_NE(pretty.find('\n'), std::string::npos);
    EXPECT_EQ(json::parse(body_in_form("flat", data, meta))["event_type"], "call.initiated");
    EXPECT_EQ(json::parse(body_in_form("version_1", data, meta))["event_type"], "call_initiated");
    for (const char* form : {"latin1", "lone_surrogate"})
        EXPECT_TRUE(json::parse(body_in_form(form, data, meta), nullptr, false).is_discarded()) << form;
    EXPECT_THROW((void)webhook_fault::from_json(json{{"form", "odd"}}), std::invalid_argument);
}

TEST(carrier_api, a_sip_address_elsewhere_is_rung_by_its_address_and_needs_no_credential) {
    carrier_settings s;
    s.only_known_credentials = true;
    world w(s);
    const std::string agent = "sip:agent@agents.example;transport=tls";
    w.tel.set_phone(agent, phone::answers(100ms));
    const auto caller = w.ring_in();
    auto body = world::dial_body("agent");
    body["to"] = agent;
    body["link_to"] = caller;
    body["custom_headers"] = json::array({json{{"name", "X-Z360-Reference"}, {"value", "0f8d"}}});
    const auto r = w.dial(body);
    ASSERT_EQ(r.status, 200) << r.body.dump();
    const auto id = r.body["data"]["call_control_id"].get<std::string>();
    w.pass(1s);
    EXPECT_EQ(w.tel.leg(id)->kind, leg_kind::address);
    EXPECT_TRUE(w.tel.leg(id)->username.empty());
    EXPECT_TRUE(w.tel.leg(id)->answered_at);
    EXPECT_EQ(w.tel.leg(id)->from, k_caller) << "as it was sent: nothing asked for the caller's number";
    EXPECT_EQ(w.last(id, "call.answered")["custom_headers"], body["custom_headers"]);
    const auto known = w.ring_device("stranger", caller);
    w.pass(1s);
    EXPECT_EQ(w.tel.leg(known)->hangup_cause, "not_found") << "at the carrier's own host it does";
}
