// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What reconciliation can ask.
#include "world.hpp"

#include <set>

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

namespace {
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
    EXPECT_EQ(get(w, "/v2/call_events?filter[leg_id]=other").body["data"].size(), 0U);
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
