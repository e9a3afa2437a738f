// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What reconciliation can ask.
#include "world.hpp"

#include <set>

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

namespace {
const std::string k_nobody = "00000000-0000-4000-8000-000000000000";

reply get(world& w, const std::string& path) {
    return w.tel.handle("GET", path, json::object(), w.now);
}
} // namespace

TEST(listing, a_call_can_be_looked_up_until_ten_minutes_after_its_end) {
    world w;
    const auto caller = w.ring_in();
    const auto device = w.ring_device("one", caller);
    EXPECT_EQ(get(w, "/v2/calls/" + device).body["data"]["is_alive"], false) << "just dialed";
    w.pass(10ms);
    EXPECT_EQ(get(w, "/v2/calls/" + device).body["data"]["is_alive"], true);
    EXPECT_EQ(get(w, "/v2/calls/" + device).body["data"]["client_state"], "ZGV2aWNl");
    w.pass(1min);
    EXPECT_EQ(get(w, "/v2/calls/" + device).body["data"]["is_alive"], false) << "timed out";
    EXPECT_TRUE(get(w, "/v2/calls/" + device).body["data"].contains("end_time"));
    w.pass(10min);
    EXPECT_EQ(get(w, "/v2/calls/" + device).status, 404);
    EXPECT_EQ(get(w, "/v2/calls/v3:nobody").status, 404);
}

TEST(listing, be_02_active_calls_find_a_leg_whose_dial_reply_was_lost) {
    world w;
    const auto caller = w.ring_in();
    command_fault lose;
    lose.verb = "dial";
    lose.lose_reply = true;
    w.tel.add_fault(lose, w.now);
    w.dial(world::dial_body("one", caller));
    const auto r = get(w, "/v2/connections/" + w.tel.settings().app_connection_id + "/active_calls");
    ASSERT_EQ(r.body["data"].size(), 2U);
    EXPECT_EQ(r.body["data"][1]["client_state"], "ZGV2aWNl");
    EXPECT_TRUE(get(w, "/v2/connections/1/active_calls").body["data"].empty());
}

TEST(listing, active_calls_come_in_pages) {
    world w;
    for (int i = 0; i < 5; ++i)
        w.ring_in();
    const auto base = "/v2/connections/" + w.tel.settings().app_connection_id + "/active_calls?page[limit]=2";
    std::set<std::string> found;
    auto path = base;
    for (int pages = 1;; ++pages) {
        ASSERT_LE(pages, 3);
        const auto r = get(w, path);
        for (const auto& c : r.body["data"])
            found.insert(c["call_control_id"].get<std::string>());
        if (!r.body["meta"]["cursors"].contains("after")) break;
        path = base + "&page%5Bafter%5D=" + r.body["meta"]["cursors"]["after"].get<std::string>();
    }
    EXPECT_EQ(found.size(), 5U);
}

TEST(listing, be_09_call_events_hold_what_webhooks_lost) {
    world w;
    const auto caller = w.ring_in();
    webhook_fault lost;
    lost.event_type = "call.hangup";
    lost.drop = true;
    w.tel.add_fault(lost, w.now);
    w.tel.caller_hangs_up(caller, w.now);
    w.pass(1s);
    EXPECT_TRUE(w.last(caller, "call.hangup").is_null());
    const auto leg = w.tel.leg(caller)->call_leg_id;
    const auto r = get(w, "/v2/call_events?filter[leg_id]=" + leg + "&filter[name]=call.hangup");
    ASSERT_EQ(r.body["data"].size(), 1U);
    EXPECT_EQ(r.body["data"][0]["metadata"]["event"]["payload"]["hangup_cause"], "originator_cancel");
    EXPECT_EQ(get(w, "/v2/call_events?filter[leg_id]=" + k_nobody).body["data"].size(), 0U);
    EXPECT_EQ(get(w, "/v2/call_events").body["meta"]["total_results"], 2);
}

TEST(listing, failed_deliveries_can_be_replayed) {
    world w;
    w.ring_in();
    const auto record = w.sent.at(0).record;
    w.tel.record_attempt(record, {"http://x.invalid", w.now, w.now + 2s, 0, "timed out"});
    const std::string path =
        "/v2/webhook_deliveries?filter[status][eq]=failed&filter[event_type]=call.initiated";
    EXPECT_TRUE(get(w, path).body["data"].empty()) << "still being tried";
    w.tel.record_outcome(record, delivery_state::failed);
    const auto r = get(w, path);
    ASSERT_EQ(r.body["data"].size(), 1U);
    EXPECT_EQ(r.body["data"][0]["webhook"], w.sent[0].data);
    EXPECT_EQ(r.body["data"][0]["attempts"].size(), 1U);
    EXPECT_TRUE(get(w, path + "&filter[started_at][gte]=" + iso8601(w.now + 1s)).body["data"].empty());
    w.tel.record_outcome(record, delivery_state::delivered);
    EXPECT_TRUE(get(w, path).body["data"].empty());
}

TEST(listing, be_09_what_was_never_sent_is_in_no_list_of_deliveries) {
    world w;
    webhook_fault lost;
    lost.drop = true;
    w.tel.add_fault(lost, w.now);
    w.ring_in();
    EXPECT_TRUE(get(w, "/v2/webhook_deliveries").body["data"].empty());
    EXPECT_EQ(get(w, "/v2/call_events").body["data"].size(), 1U);
}

TEST(listing, call_events_hold_commands_as_well) {
    world w;
    const auto caller = w.ring_in();
    w.command(caller, "answer", json{{"command_id", "c1"}});
    w.pass(20ms);
    const auto base = "/v2/call_events?filter[application_session_id]=" + w.tel.session_of(caller);
    const auto kinds = [&w](const std::string& path) {
        strings out;
        const auto r = get(w, path);
        for (const auto& e : r.body["data"])
            out.push_back(e["type"].get<std::string>() + " " + e["name"].get<std::string>());
        return out;
    };
    EXPECT_EQ(kinds(base), (strings{"webhook call.initiated", "command answer", "webhook call.answered"}));
    EXPECT_EQ(kinds(base + "&filter[type]=command"), strings{"command answer"});
    EXPECT_EQ(
        kinds(base + "&filter[type]=webhook&filter[name]=call.answered"), strings{"webhook call.answered"}
    );
    EXPECT_TRUE(kinds("/v2/call_events?filter[application_session_id]=" + k_nobody).empty());
    w.pass(25h);
    EXPECT_EQ(kinds(base).size(), 3U);
    EXPECT_TRUE(kinds("/v2/call_events").empty()) << "of all sessions only the last day is told";
}

TEST(listing, an_event_is_kept_in_any_of_three_forms) {
    for (const auto& [name, key] :
         {std::pair{"event", "event"}, {"raw_text", "raw"}, {"raw_event", "raw_event"}}) {
        carrier_settings s;
        s.unknown = unknowns::from_json(json{{"event_record", name}});
        world w(s);
        w.ring_in();
        const auto metadata = get(w, "/v2/call_events").body["data"][0]["metadata"];
        ASSERT_TRUE(metadata.contains(key)) << metadata;
        EXPECT_EQ(metadata[key].is_string(), key == std::string("raw"));
        EXPECT_NE(metadata.dump().find(w.sent.at(0).data["id"].get<std::string>()), std::string::npos);
    }
}

TEST(listing, records_can_lag_fail_and_be_empty) {
    world w;
    const auto caller = w.ring_in();
    const auto path = "/v2/call_events?filter[application_session_id]=" + w.tel.session_of(caller);
    const auto active = "/v2/connections/" + w.tel.settings().app_connection_id + "/active_calls";
    const auto play = [&w](const char* text) {
        w.tel.clear_faults();
        w.tel.add_fault(command_fault::from_json(json::parse(text)), w.now);
    };
    play(R"({"verb":"call_events","lag_ms":2000})");
    w.pass(1'999ms);
    EXPECT_TRUE(get(w, path).body["data"].empty());
    w.pass(1ms);
    EXPECT_EQ(get(w, path).body["data"].size(), 1U);
    play(R"({"verb":"active_calls","empty_list":true})");
    EXPECT_TRUE(get(w, active).body["data"].empty());
    play(R"({"verb":"call_events","empty_list":true})");
    EXPECT_TRUE(get(w, path).body["data"].empty());
    EXPECT_EQ(get(w, active).body["data"].size(), 1U);
    play(R"({"verb":"get_call","status":429,"headers":{"Retry-After":"3"}})");
    const auto limited = get(w, "/v2/calls/" + caller);
    EXPECT_EQ(limited.status, 429);
    EXPECT_EQ(limited.headers.at("Retry-After"), "3");
    play(R"({"verb":"get_call","stall_reply_ms":500})");
    EXPECT_EQ(get(w, "/v2/calls/" + caller).status, 0) << "not yet";
}

TEST(listing, the_newest_can_come_first) {
    carrier_settings s;
    s.unknown.lists_newest_first = true;
    world w(s);
    const auto caller = w.ring_in();
    w.pass(1s);
    w.tel.caller_hangs_up(caller, w.now);
    w.pass(0s);
    EXPECT_EQ(get(w, "/v2/call_events").body["data"][0]["name"], "call.hangup");
}

TEST(listing, a_question_is_checked_by_the_carriers_document) {
    const std::string active = "/v2/connections/265/active_calls";
    for (const std::string& path : {
             std::string("/v2/call_events?filter[application_session_id]=s1"),
             std::string("/v2/call_events?filter[type]=event"),
             std::string("/v2/call_events?page[size]=251"),
             std::string("/v2/call_events?filter[occurred_at][gte]=yesterday"),
             std::string("/v2/webhook_deliveries?filter[status][eq]=lost"),
             std::string("/v2/webhook_deliveries?page[number]=0"),
             active + "?page[limit]=0",
             active + "?page[limit]=many",
         }) {
        world w;
        EXPECT_EQ(get(w, path).status, 422) << path;
        EXPECT_EQ(w.tel.seen().violations.size(), 1U) << path;
    }
    for (const std::string& path : {
             std::string("/v2/call_events?filter[session]=1"),
             std::string("/v2/webhook_deliveries?filter[status]=failed"),
             std::string("/v2/webhook_deliveries?page[after]=x"),
             active + "?filter[status]=active",
         }) {
        world w;
        EXPECT_EQ(get(w, path).status, 200) << path << ": passed over by the carrier";
        ASSERT_EQ(w.tel.seen().violations.size(), 1U) << path;
        EXPECT_FALSE(w.tel.seen().violations[0].what.fatal);
    }
    world w;
    (void)get(w, active + "?page[limit]=250&page%5Bafter%5D=v1%3Ax");
    (void
    )get(w, "/v2/call_events?filter[application_session_id]=" + k_nobody + "&page[number]=1&page[size]=250");
    EXPECT_TRUE(w.tel.seen().violations.empty());
}

TEST(listing, a_legs_end_can_be_told_in_either_way) {
    for (const bool odd : {false, true}) {
        carrier_settings s;
        s.unknown.lookup_of_gone_is_422 = odd;
        world w(s);
        EXPECT_EQ(get(w, "/v2/calls/v3:nobody").status, odd ? 422 : 404);
    }
}

TEST(listing, be_32_recordings_can_be_looked_up_by_leg) {
    world w;
    const auto caller = w.ring_in();
    w.command(caller, "answer");
    w.pass(10ms);
    w.command(caller, "record_start", json{{"format", "wav"}, {"channels", "single"}});
    w.tel.caller_hangs_up(caller, w.now);
    const auto path = "/v2/recordings?filter[call_leg_id]=" + w.tel.leg(caller)->call_leg_id;
    EXPECT_TRUE(get(w, path).body["data"].empty());
    w.pass(500ms);
    EXPECT_EQ(get(w, path).body["data"].size(), 1U);
}
