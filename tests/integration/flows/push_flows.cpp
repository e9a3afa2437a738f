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
    return {
        {"call_uuid", data_of(p).at("call_uuid")},
        {"device_id", data_of(p).at("device_id")},
        {"state", state},
        {"ts", 1'795'990'297'000}
    };
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

TEST_F(push_flow, mob_02_an_app_that_goes_over_to_its_installation_is_woken_by_that_alone) {
    auto& r = phones();
    const std::string fid = "dQwXwWgXcQ_0a1b2c3d4e5";
    r.carrier().with_push([&](sim::push_desk& d, time_point now) {
        d.put_token("fcm", fid, {{"project_id", "flow-tests"}, {"fid", true}}, now);
    });
    const auto google = android(r);
    const auto update =
        google.client.post("/api/device-tokens/update-fcm", {{"device_id", "pixel"}, {"fid", fid}});
    ASSERT_EQ(update.status, 200) << update.body;
    EXPECT_EQ(update.data().at("push_state"), "active");
    EXPECT_EQ(r.sql("select push_token_kind from devices where device_uid = 'pixel'"), "fcm_fid");
    EXPECT_EQ(
        r.sql("select position('" + fid + "' in d::text) from devices d where device_uid = 'pixel'"), "0"
    );
    EXPECT_EQ(
        r.sql(
            "select position(encode('" + fid +
            "', 'hex') in encode(push_token, 'hex')) from devices "
            "where device_uid = 'pixel'"
        ),
        "0"
    ) << "encrypted, as any token";
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 1));
    ASSERT_TRUE(r.pushed("incoming_call", 1));
    const auto push = to(r, fid, "incoming_call").at(0);
    EXPECT_EQ(push.body.at("message").at("fid"), fid);
    EXPECT_FALSE(push.body.at("message").contains("token"));
    EXPECT_EQ(with_ticket(r, push).post("/api/voip/push-ack", said(push, "received")).status, 200);
    EXPECT_TRUE(to(r, k_fcm).empty());
    r.carrier().caller_hangs_up(caller);
    ASSERT_TRUE(r.pushed("missed_call", 1));
    EXPECT_EQ(to(r, fid, "missed_call").size(), 1U);
    EXPECT_TRUE(r.quiet(session));
    // A fid that the project does not know any more is dead as a token is.
    r.carrier().with_push([&](sim::push_desk& d, time_point now) {
        d.put_token(
            "fcm", fid, {{"project_id", "flow-tests"}, {"fid", true}, {"state", "unregistered"}}, now
        );
    });
    const auto second = r.call();
    ASSERT_TRUE(eventually([&] {
        return r.sql("select push_invalid_reason from devices where device_uid = 'pixel'") == "UNREGISTERED";
    }));
    r.carrier().caller_hangs_up(second);
    EXPECT_TRUE(r.quiet(r.session(second)));
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

TEST_F(push_flow, be_46_an_iphone_whose_pushkit_push_is_refused_for_our_settings_is_told_by_an_alert) {
    auto& r = phones();
    const auto apple = iphone(r);
    sim::push_fault refused;
    refused.match.provider = "apns";
    refused.match.token = k_voip;
    refused.status = 400;
    refused.reason = "TopicDisallowed";
    mishap(r, refused);
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 1));
    ASSERT_TRUE(eventually([&] { return to(r, k_alert, "incoming_call").size() == 1; }));
    const auto alert = to(r, k_alert, "incoming_call").at(0);
    EXPECT_EQ(alert.topic, rig::k_bundle);
    EXPECT_EQ(alert.push_type, "alert");
    EXPECT_EQ(alert.body.at("aps").at("interruption-level"), "time-sensitive");
    EXPECT_EQ(to(r, k_voip).size(), 1U);
    const auto acked = with_ticket(r, alert).post("/api/voip/push-ack", said(alert, "ready"));
    EXPECT_EQ(acked.status, 200) << acked.body;
    EXPECT_TRUE(eventually([&] {
        return r.sql("select string_agg(token_kind || ' ' || outcome, ', ' order by sent_at, attempt) from "
                     "push_attempts") == "voip configuration, alert accepted";
    })) << r.sql("select string_agg(a::text, ' ') from push_attempts a");
    EXPECT_EQ(r.sql("select count(*) from devices where push_invalid_at is not null"), "0");
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    ASSERT_TRUE(eventually([&] { return to(r, k_alert, "missed_call").size() == 1; }));
    EXPECT_EQ(to(r, k_voip).size(), 1U) << "PushKit is for ringing calls alone";
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
    const std::regex name(R"(`(z360_push_[a-z0-9_]+_(?:total|seconds|open)|z360_push_key_broken)\b)");
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

// ---- pushes that belong to no call

namespace {

/// The product's backend, with a key of one organisation.
api backend(rig& r, const std::string& org) {
    const auto made = json::parse(r.run("--json --create-token service --scopes push:send --org " + org));
    return r.client().bearer(made.at("token").get<std::string>());
}
json notification(rig& r) {
    return {
        {"user_id", r.user()},
        {"type", "message_received"},
        {"title", "[Baker Street] Ada wrote"},
        {"body", "words-of-a-customer"},
        {"link", "/inbox/9?organization_id=" + std::to_string(r.org())},
        {"data", {{"conversation_id", "9"}}},
        {"collapse_key", "conversation-9"},
        {"android_channel_id", "messages"},
        {"ttl_seconds", 300},
        {"priority", "high"}
    };
}
std::string left(rig& r) {
    return r.sql("select count(*) from push_messages where settled_at is null");
}

} // namespace

TEST_F(push_flow, be_28_a_notification_of_the_product_arrives_once_on_each_phone) {
    auto& r = phones();
    const auto apple = iphone(r);
    const auto google = android(r);
    const auto product = backend(r, std::to_string(r.org()));
    const auto keyed = product.with("Idempotency-Key", "notification-1");
    const auto first = keyed.post("/api/push/notifications", notification(r));
    ASSERT_EQ(first.status, 202) << first.body;
    ASSERT_EQ(first.data().at("messages").size(), 2U) << first.body;
    const auto again = keyed.post("/api/push/notifications", notification(r));
    EXPECT_EQ(again.status, 202);
    EXPECT_EQ(again.data().at("messages"), first.data().at("messages"));
    EXPECT_EQ(again.data().at("repeated"), true);
    ASSERT_TRUE(eventually([&] { return left(r) == "0"; }));
    const auto on_apple = to(r, k_alert);
    ASSERT_EQ(on_apple.size(), 1U);
    EXPECT_EQ(on_apple[0].push_type, "alert");
    EXPECT_EQ(on_apple[0].topic, rig::k_bundle);
    EXPECT_EQ(on_apple[0].collapse, "conversation-9");
    EXPECT_EQ(on_apple[0].body.at("aps").at("alert").at("title"), "[Baker Street] Ada wrote");
    const auto on_google = to(r, k_fcm);
    ASSERT_EQ(on_google.size(), 1U);
    EXPECT_EQ(on_google[0].body.at("message").at("android").at("notification").at("channel_id"), "messages");
    for (const auto& p : {on_apple[0], on_google[0]}) {
        EXPECT_EQ(data_of(p).at("type"), "message_received");
        EXPECT_EQ(data_of(p).at("link"), "/inbox/9?organization_id=" + std::to_string(r.org()));
        EXPECT_EQ(data_of(p).at("organization_id"), std::to_string(r.org()));
        EXPECT_EQ(data_of(p).at("conversation_id"), "9");
    }
    EXPECT_TRUE(to(r, k_voip).empty());
    std::ifstream log(r.server().log_file());
    std::stringstream text;
    text << log.rdbuf() << r.server().get("/metrics");
    text << r.sql("select string_agg(m::text, ' ') from push_messages m");
    text << r.sql("select string_agg(q::text, ' ') from push_requests q");
    text << r.sql("select string_agg(a::text, ' ') from push_attempts a");
    for (const auto& secret :
         {k_voip, k_alert, k_fcm, std::string("words-of-a-customer"), std::string("eyJ")})
        EXPECT_EQ(text.str().find(secret), std::string::npos) << secret.substr(0, 6);
}

TEST_F(push_flow, i_05_a_product_s_key_reaches_nobody_of_another_organisation) {
    auto& r = phones();
    const auto google = android(r);
    (void)founded(r, 901, "rival", "+14155550901");
    const auto rival = backend(r, "rival").with("Idempotency-Key", "key-1");
    auto wanted = notification(r);
    const auto stranger = rival.post("/api/push/notifications", wanted);
    EXPECT_EQ(stranger.status, 202) << stranger.body;
    EXPECT_TRUE(stranger.data().at("messages").empty());
    EXPECT_EQ(stranger.data().at("skipped").at(0).at("reason"), "not_found");
    wanted["organization_id"] = r.org();
    const auto theirs = rival.with("Idempotency-Key", "key-2").post("/api/push/notifications", wanted);
    EXPECT_EQ(theirs.status, 404) << theirs.body;
    EXPECT_EQ(theirs.code(), "organization_unknown");
    const auto unscoped =
        r.service(r.user(), r.org()).with("Idempotency-Key", "key-3").post("/api/push/notifications", wanted);
    EXPECT_EQ(unscoped.status, 403) << unscoped.body;
    EXPECT_EQ(r.sql("select count(*) from push_messages"), "0");
    EXPECT_TRUE(r.pushes().empty());
}

TEST_F(push_flow, cred_01_a_phone_that_was_silent_for_long_is_warned_once_by_however_many_nodes) {
    rig_options o;
    o.devices = 0;
    o.push = true;
    o.start = false;
    o.nodes = 2;
    auto& r = set_up(std::move(o));
    r.know_android(k_fcm);
    r.server(0).start();
    ASSERT_TRUE(r.server(0).ready());
    const auto google = android(r);
    r.server(0).kill();
    (void)r.sql("update devices set last_seen_at = now() - interval '26 days' returning device_id");
    r.server(0).start();
    r.server(1).start();
    ASSERT_TRUE(r.pushed("session_warning", 1, 20s));
    ASSERT_TRUE(eventually([&] { return left(r) == "0"; }));
    const auto warned = to(r, k_fcm, "session_warning");
    EXPECT_EQ(warned.size(), 1U);
    EXPECT_TRUE(data_of(warned.at(0)).contains("deadline"));
    EXPECT_EQ(r.sql("select count(*) from push_messages"), "1");
}

TEST_F(push_flow, mob_02_an_iphone_whose_pushkit_token_died_is_asked_for_a_new_one_by_its_other_token) {
    auto& r = phones();
    const auto apple = iphone(r);
    r.carrier().with_push([](sim::push_desk& d, time_point now) {
        d.put_token(
            "apns", k_voip, {{"topic", std::string(rig::k_bundle) + ".voip"}, {"state", "unregistered"}}, now
        );
    });
    const auto caller = r.call();
    ASSERT_TRUE(r.ringing(r.session(caller), 1));
    ASSERT_TRUE(r.pushed("push_token_required", 1, 15s));
    const auto asked = to(r, k_alert, "push_token_required");
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_EQ(asked[0].push_type, "background");
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(r.session(caller)));
}
