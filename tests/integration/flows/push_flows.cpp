// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Phones that sleep, over the real process, and services that check what Apple's and Google's check.
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

using namespace z360;
using namespace z360::testing;

namespace {

const std::string k_voip = apns_token('a');
const std::string k_alert = apns_token('b');
const std::string k_fcm = fcm_token("cAndroid");

class push_flow : public flow {
  protected:
    rig& phones(int nodes = 1) {
        rig_options o;
        o.devices = 0;
        o.nodes = nodes;
        o.push = true;
        auto& r = set_up(std::move(o));
        r.know_iphone(k_voip, k_alert);
        r.know_android(k_fcm);
        return r;
    }
    /// With a PushKit token; and with one for alerts.
    static app iphone(rig& r, bool alerts = true) {
        json body{{"bundle_id", rig::k_bundle}, {"apns_env", "production"}, {"voip_token", k_voip}};
        if (alerts) body["push_token"] = k_alert;
        return install(r, "iphone", "ios", body);
    }
    static app android(rig& r) { return install(r, "pixel", "android", {{"fcm_token", k_fcm}}); }
};

std::vector<sim::push_record> to(rig& r, const std::string& token, const std::string& kind = {}) {
    auto all = r.pushes(kind);
    std::erase_if(all, [&](const auto& p) { return p.token != token; });
    return all;
}

/// What the phone reads: FCM's data, or what stands beside `aps`.
json data_of(const sim::push_record& p) {
    return p.provider == "fcm" ? p.body.at("message").at("data") : p.body;
}

api with_ticket(rig& r, const sim::push_record& p) {
    return r.client().with("Authorization", "Ticket " + data_of(p).at("ring_ticket").get<std::string>());
}

json said(const sim::push_record& p, const char* state) {
    return {{"call_uuid", data_of(p).at("call_uuid")}, {"state", state}};
}

void mishap(rig& r, sim::push_fault f) {
    r.carrier().with_push([&](sim::push_desk& d, time_point now) { d.add_fault(std::move(f), now); });
}

} // namespace

TEST_F(push_flow, mob_03_be_18_sleeping_phones_are_woken_and_only_losers_learn_the_end) {
    auto& r = phones();
    const auto apple = iphone(r);
    const auto google = android(r);
    const auto web = install(r, "browser", "web");
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 3));
    ASSERT_TRUE(r.pushed("incoming_call", 2));
    const auto voip = to(r, k_voip, "incoming_call");
    ASSERT_EQ(voip.size(), 1U);
    EXPECT_EQ(voip[0].topic, std::string(rig::k_bundle) + ".voip");
    EXPECT_EQ(voip[0].push_type, "voip");
    EXPECT_EQ(data_of(voip[0]).at("caller_number"), "+13125550142");
    EXPECT_EQ(data_of(voip[0]).at("caller_name"), "Grace Caller");
    EXPECT_EQ(data_of(voip[0]).at("organization_id"), std::to_string(r.org()));
    EXPECT_EQ(data_of(voip[0]).at("device_id"), "iphone");
    const auto fcm = to(r, k_fcm, "incoming_call");
    ASSERT_GE(fcm.size(), 1U);
    EXPECT_TRUE(fcm[0].collapse.empty()) << "collapsible pushes are throttled";
    const auto acked = with_ticket(r, fcm[0]).post("/api/voip/push-ack", said(fcm[0], "received"));
    EXPECT_EQ(acked.status, 200) << acked.body;
    EXPECT_EQ(acked.data().at("status"), "ringing");
    ASSERT_TRUE(answers(r, session, apple));
    ASSERT_TRUE(r.joined(caller));
    ASSERT_TRUE(r.pushed("call_ended", 1));
    const auto ended = r.pushes("call_ended");
    ASSERT_EQ(ended.size(), 1U) << "neither the winner nor a browser";
    EXPECT_EQ(ended[0].token, k_fcm);
    EXPECT_EQ(data_of(ended[0]).at("reason"), "answered_elsewhere");
    EXPECT_EQ(data_of(ended[0]).at("winner_device_id"), "iphone");
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_TRUE(r.phase(session, "ended"));
    EXPECT_TRUE(r.pushes("missed_call").empty());
    EXPECT_EQ(r.pushes("call_ended").size(), 1U);
    EXPECT_EQ(to(r, k_voip).size(), 1U) << "PushKit is for ringing calls alone";
}

TEST_F(push_flow, mob_05_a_phone_whose_leg_failed_while_it_slept_joins_the_ring_by_its_ticket) {
    auto& r = phones();
    const auto apple = iphone(r);
    r.carrier().set_phone(apple.sip(), sim::phone::unreachable(20ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.pushed("incoming_call", 1));
    ASSERT_TRUE(r.quiet(session, 1)) << "its leg is gone, the caller's is there";
    const auto push = to(r, k_voip, "incoming_call").at(0);
    const auto phone = with_ticket(r, push);
    const auto status =
        phone.get("/api/voip/call-status/" + data_of(push).at("call_uuid").get<std::string>());
    ASSERT_EQ(status.status, 200) << status.body;
    EXPECT_EQ(status.data().at("status"), "ringing") << "one dead leg does not end the ring";
    r.carrier().set_phone(apple.sip(), sim::phone::ignores());
    const auto ready = phone.post("/api/voip/push-ack", said(push, "ready"));
    ASSERT_EQ(ready.status, 200) << ready.body;
    ASSERT_TRUE(r.ringing(session, 1)) << ready.body;
    EXPECT_EQ(phone.post("/api/voip/calls/" + session + "/reinvite").status, 200) << "it rings there already";
    EXPECT_EQ(r.accepted("dial", session), 2U) << "once more, and not again";
    const auto legs = r.carrier().with([&](sim::carrier& c, time_point) { return c.legs(session); });
    const auto ringing = std::find_if(legs.begin(), legs.end(), [&](const auto& l) {
        return l.username == apple.sip() && l.alive();
    });
    ASSERT_NE(ringing, legs.end());
    ASSERT_TRUE(r.carrier().with([&](sim::carrier& c, time_point now) {
        return c.device_answers(ringing->call_control_id, now);
    }));
    EXPECT_TRUE(r.joined(caller));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}

TEST_F(push_flow, and_14_a_caller_who_leaves_is_a_missed_call_told_once_on_each_phone) {
    auto& r = phones();
    const auto apple = iphone(r);
    const auto google = android(r);
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 2));
    ASSERT_TRUE(r.pushed("incoming_call", 2));
    r.carrier().caller_hangs_up(caller);
    ASSERT_TRUE(r.pushed("missed_call", 2));
    ASSERT_TRUE(r.pushed("call_ended", 1));
    EXPECT_TRUE(r.quiet(session));
    EXPECT_EQ(to(r, k_fcm, "call_ended").size(), 1U);
    EXPECT_EQ(to(r, k_fcm, "missed_call").size(), 1U);
    EXPECT_EQ(to(r, k_alert, "missed_call").size(), 1U);
    EXPECT_TRUE(to(r, k_alert, "call_ended").empty()) << "one notification of both";
    const auto ended = to(r, k_fcm, "call_ended").at(0);
    EXPECT_EQ(data_of(ended).at("reason"), "caller_gone");
    const auto late =
        with_ticket(r, to(r, k_fcm, "incoming_call").at(0)).post("/api/voip/calls/" + session + "/reinvite");
    EXPECT_EQ(late.status, 409) << late.body;
    EXPECT_EQ(late.code(), "call_ended");
}

TEST_F(push_flow, be_14_trouble_is_tried_again_and_a_dead_token_costs_nothing_but_itself) {
    auto& r = phones();
    const auto apple = iphone(r);
    const auto google = android(r);
    sim::push_fault away;
    away.match.provider = "apns";
    away.match.times = 1;
    away.status = 503;
    mishap(r, away);
    r.carrier().with_push([](sim::push_desk& d, time_point now) {
        d.put_token("fcm", k_fcm, {{"state", "unregistered"}}, now);
    });
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 2)) << "no phone waits for its push";
    ASSERT_TRUE(r.pushed("incoming_call", 1));
    EXPECT_EQ(to(r, k_voip, "incoming_call").size(), 2U) << "refused for a moment, then taken";
    EXPECT_TRUE(eventually([&] {
        return r.sql("select count(*) from devices where push_invalid_at is not null") == "1";
    }));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    const auto tried = to(r, k_fcm).size();
    const auto second = r.call();
    ASSERT_TRUE(r.ringing(r.session(second), 2)) << "it rings by SIP all the same";
    ASSERT_TRUE(r.pushed("incoming_call", 2));
    EXPECT_EQ(to(r, k_fcm).size(), tried) << "nothing is sent to a dead token";
    r.carrier().caller_hangs_up(second);
    EXPECT_TRUE(r.quiet(r.session(second)));
}

TEST_F(push_flow, mob_07_be_18_a_node_that_dies_after_waking_phones_leaves_the_end_to_the_next) {
    auto& r = phones();
    const auto google = android(r);
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 1));
    ASSERT_TRUE(r.pushed("incoming_call", 1));
    ASSERT_TRUE(eventually([&] {
        return r.sql("select count(*) from commands where channel = 'push' and status = 'done'") != "0";
    }));
    r.server().kill();
    r.carrier().caller_hangs_up(caller);
    r.server().start();
    ASSERT_TRUE(r.server().ready());
    ASSERT_TRUE(r.pushed("call_ended", 1, 20s));
    EXPECT_TRUE(r.pushed("missed_call", 1));
    EXPECT_TRUE(r.quiet(session, 0, 20s));
}

TEST_F(push_flow, every_push_figure_that_the_operations_guide_names_exists) {
    auto& r = phones();
    const auto google = android(r);
    const auto caller = r.call();
    ASSERT_TRUE(r.pushed("incoming_call", 1));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(r.session(caller)));
    std::ifstream in(std::string(Z360_SOURCE_DIR) + "/docs/operations.md");
    std::stringstream text;
    text << in.rdbuf();
    const auto guide = text.str();
    const auto figures = r.server().get("/metrics");
    const std::regex name(R"(`(push_[a-z0-9_]+_(?:total|seconds|open)|push_key_broken)\b)");
    std::set<std::string> named;
    for (auto it = std::sregex_iterator(guide.begin(), guide.end(), name); it != std::sregex_iterator(); ++it)
        named.insert((*it)[1]);
    EXPECT_GE(named.size(), 5U);
    for (const auto& n : named)
        EXPECT_TRUE(std::regex_search(figures, std::regex("(^|\n)" + n + "(_count)?[ {]"))) << n;
}

TEST_F(push_flow, sec_02_no_token_ticket_or_key_is_in_a_log_a_metric_or_a_row) {
    auto& r = phones();
    const auto apple = iphone(r);
    const auto google = android(r);
    sim::push_fault refused;
    refused.match.provider = "apns";
    refused.status = 403;
    refused.reason = "InvalidProviderToken";
    refused.match.times = 2;
    mishap(r, refused);
    const auto caller = r.call();
    ASSERT_TRUE(r.ringing(r.session(caller), 2));
    ASSERT_TRUE(r.pushed("incoming_call", 1));
    const auto push = to(r, k_fcm, "incoming_call").at(0);
    const auto ticket = data_of(push).at("ring_ticket").get<std::string>();
    (void)with_ticket(r, push).post("/api/voip/push-ack", said(push, "received"));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(r.session(caller)));
    ASSERT_TRUE(r.pushed("missed_call", 1));
    std::ifstream log(r.server().log_file());
    std::stringstream text;
    text << log.rdbuf() << r.server().get("/metrics");
    text << r.sql("select string_agg(c::text, ' ') from commands c");
    text << r.sql("select string_agg(a::text, ' ') from push_attempts a");
    text << r.sql("select string_agg(e::text, ' ') from call_events e");
    const auto all = text.str();
    for (const auto& secret : {k_voip, k_alert, k_fcm, ticket, std::string("eyJ")})
        EXPECT_EQ(all.find(secret), std::string::npos) << secret.substr(0, 6);
    EXPECT_NE(all.find("InvalidProviderToken"), std::string::npos) << "but what is wrong is said";
}
