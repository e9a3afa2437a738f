// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The REST API as such: validation, command_id, limits, error codes.
#include "world.hpp"

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

TEST(command, i7_a_repeated_command_id_is_one_dial_for_a_minute) {
    for (const auto kind : {unknowns::duplicate_answer::same_body, unknowns::duplicate_answer::no_data}) {
        carrier_settings s;
        s.unknown.duplicate = kind;
        world w(s);
        const auto caller = w.ring_in();
        const auto body = world::dial_body("one", caller);
        const auto first = w.dial(body);
        w.pass(59'999ms);
        const auto again = w.dial(body);
        EXPECT_EQ(again.status, 200);
        if (kind == unknowns::duplicate_answer::same_body) {
            EXPECT_EQ(again.body, first.body);
        } else {
            EXPECT_FALSE(again.body.contains("data"));
        }
        EXPECT_EQ(w.tel.legs().size(), 2U);
        EXPECT_TRUE(w.tel.seen().commands_of("dial").at(1)->duplicate);
        w.pass(1ms);
        EXPECT_EQ(w.dial(body).status, 200);
        EXPECT_EQ(w.tel.legs().size(), 3U) << "after the memory ran out it is a second phone call";
    }
}

TEST(command, i7_command_ids_count_per_leg_and_only_when_accepted) {
    world w;
    const auto r = w.two_answered();
    const json id{{"command_id", "same"}};
    EXPECT_EQ(
        code(w.command(
            r.caller, "record_start", json{{"format", "wav"}, {"channels", "single"}, {"command_id", "same"}}
        )),
        "90034"
    );
    EXPECT_EQ(w.command(r.caller, "answer", id).status, 200) << "a refused command is not remembered";
    EXPECT_EQ(w.command(r.first, "hangup", id).status, 200);
    EXPECT_FALSE(w.tel.leg(r.first)->alive());
    EXPECT_EQ(w.command(r.caller, "hangup", id).status, 200);
    EXPECT_TRUE(w.tel.leg(r.caller)->alive()) << "same id on the same leg: ignored";
}

TEST(command, at_most_150_dials_in_any_5_seconds) {
    world w;
    const auto caller = w.ring_in();
    for (int i = 0; i < 150; ++i)
        EXPECT_EQ(w.dial(world::dial_body("u" + std::to_string(i), caller)).status, 200);
    const auto refused = w.dial(world::dial_body("late", caller));
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(code(refused), "90103");
    EXPECT_EQ(w.dial(world::dial_body("u0", caller)).status, 200) << "a repeat is no new dial";
    w.pass(4999ms);
    EXPECT_EQ(w.dial(world::dial_body("late", caller)).status, 429);
    w.pass(1ms);
    EXPECT_EQ(w.dial(world::dial_body("late", caller)).status, 200);
}

TEST(command, channels_can_run_out) {
    carrier_settings s;
    s.unknown.outbound_channels = 2;
    world w(s);
    const auto caller = w.ring_in();
    const auto a = w.ring_device("one", caller);
    w.ring_device("two", caller);
    EXPECT_EQ(code(w.dial(world::dial_body("three", caller))), "90043");
    w.command(a, "hangup");
    EXPECT_EQ(w.dial(world::dial_body("three", caller)).status, 200);
}

TEST(command, bad_requests_are_422_and_remembered_as_violations) {
    world w;
    const auto caller = w.ring_in();
    auto body = world::dial_body("one", caller);
    body["timeout_secs"] = 700;
    const auto r = w.dial(body);
    EXPECT_EQ(r.status, 422);
    EXPECT_EQ(code(r), "10033");
    EXPECT_EQ(r.body["errors"][0]["source"]["pointer"], "/timeout_secs");
    EXPECT_TRUE(r.body["errors"][0]["title"].is_string());
    ASSERT_EQ(w.tel.seen().violations.size(), 1U);
    EXPECT_EQ(w.tel.seen().violations[0].verb, "dial");
    EXPECT_EQ(w.tel.legs().size(), 1U);
}

TEST(command, an_unknown_field_passes_but_is_remembered) {
    world w;
    auto body = world::dial_body("one", w.ring_in());
    body["timeout"] = 20;
    EXPECT_EQ(w.dial(body).status, 200);
    ASSERT_EQ(w.tel.seen().violations.size(), 1U);
    EXPECT_FALSE(w.tel.seen().violations[0].what.fatal);
}

TEST(command, broken_json_is_400_and_an_unknown_endpoint_404) {
    world w;
    const auto caller = w.ring_in();
    EXPECT_EQ(w.tel.handle("POST", "/v2/calls", json::parse("{", nullptr, false), w.now).status, 400);
    EXPECT_EQ(w.command(caller, "sing").status, 404);
    EXPECT_EQ(w.tel.handle("DELETE", "/v2/calls", json::object(), w.now).status, 404);
    EXPECT_EQ(
        w.tel.handle("POST", "/v2/calls/" + caller + "/actions/dial", json::object(), w.now).status, 404
    );
    EXPECT_EQ(w.tel.seen().violations.size(), 4U);
}

TEST(command, an_unknown_leg_is_90015_or_404) {
    world w;
    EXPECT_EQ(code(w.command("v3:nobody", "hangup")), "90015");
    carrier_settings s;
    s.unknown.unknown_leg_is_404 = true;
    world other(s);
    EXPECT_EQ(other.command("v3:nobody", "hangup").status, 404);
}

TEST(command, dial_checks_what_it_refers_to) {
    world w;
    const auto caller = w.ring_in();
    auto body = world::dial_body("one", "v3:nobody");
    EXPECT_EQ(code(w.dial(body)), "90015");
    body = world::dial_body("one", caller);
    body["connection_id"] = "123";
    EXPECT_EQ(code(w.dial(body)), "10015");
    w.tel.caller_hangs_up(caller, w.now);
    EXPECT_EQ(code(w.dial(world::dial_body("one", caller))), "90018");
}

TEST(command, answer_is_for_inbound_calls_and_takes_a_moment) {
    world w;
    const auto caller = w.ring_in();
    const auto device = w.ring_device("one", caller);
    EXPECT_EQ(code(w.command(device, "answer")), "90102");
    EXPECT_EQ(w.command(caller, "answer", json{{"client_state", "Y2FsbGVy"}}).status, 200);
    EXPECT_FALSE(w.tel.leg(caller)->answered_at);
    w.pass(10ms);
    EXPECT_TRUE(w.tel.leg(caller)->answered_at);
    EXPECT_EQ(w.last(caller, "call.answered")["client_state"], "Y2FsbGVy");
    EXPECT_EQ(w.command(caller, "answer").status, 200);
    w.pass(100ms);
    EXPECT_EQ(w.events_of(caller), (strings{"call.initiated", "call.answered"}));
}

TEST(command, answering_twice_may_be_an_error) {
    carrier_settings s;
    s.unknown.answer_twice_fails = true;
    world w(s);
    const auto caller = w.ring_in();
    EXPECT_EQ(w.command(caller, "answer").status, 200);
    EXPECT_EQ(w.command(caller, "answer").status, 422);
}

TEST(command, reject_ends_an_unanswered_inbound_call_with_its_cause) {
    for (const auto& [cause, reported, sip] :
         {std::tuple{"USER_BUSY", "user_busy", "486"}, std::tuple{"CALL_REJECTED", "call_rejected", "603"}}) {
        world w;
        const auto caller = w.ring_in();
        EXPECT_EQ(w.command(caller, "reject", json{{"cause", cause}}).status, 200);
        w.pass(0ms);
        EXPECT_EQ(w.last(caller, "call.hangup")["hangup_cause"], reported);
        EXPECT_EQ(w.last(caller, "call.hangup")["sip_hangup_cause"], sip);
    }
    world w;
    const auto caller = w.ring_in();
    w.command(caller, "answer");
    w.pass(10ms);
    EXPECT_EQ(w.command(caller, "reject", json{{"cause", "USER_BUSY"}}).status, 422);
    EXPECT_EQ(w.command(w.ring_device("one", caller), "reject", json{{"cause", "USER_BUSY"}}).status, 422);
}

TEST(command, client_state_stays_with_its_leg_and_can_be_replaced) {
    world w;
    const auto caller = w.ring_in();
    const auto device = w.ring_device("one", caller);
    w.pass(10ms);
    EXPECT_EQ(
        w.tel
            .handle(
                "PUT", "/v2/calls/" + device + "/actions/client_state_update", json{{"client_state", "bmV3"}},
                w.now
            )
            .status,
        200
    );
    w.command(device, "hangup");
    w.pass(0ms);
    EXPECT_EQ(w.last(device, "call.hangup")["client_state"], "bmV3");
    w.tel.caller_hangs_up(caller, w.now);
    w.pass(0ms);
    EXPECT_TRUE(w.last(caller, "call.hangup")["client_state"].is_null());
}

TEST(command, custom_headers_come_back_in_the_webhooks) {
    world w;
    auto body = world::dial_body("one", w.ring_in());
    body["custom_headers"] = json::array({{{"name", "X-Z360-Call-Id"}, {"value", "7"}}});
    const auto id = w.dial(body).body["data"]["call_control_id"].get<std::string>();
    w.pass(10ms);
    EXPECT_EQ(w.last(id, "call.initiated")["custom_headers"], body["custom_headers"]);
}

TEST(command, dial_settings_steer_where_its_webhooks_go) {
    world w;
    auto body = world::dial_body("one", w.ring_in());
    body["webhook_url"] = "https://elsewhere.invalid/hook";
    body["webhook_retries_policies"] = {{"call.initiated", {{"retries_ms", {100, 200}}}}};
    w.dial(body);
    w.pass(10ms);
    EXPECT_EQ(w.sent.back().url, "https://elsewhere.invalid/hook");
    EXPECT_EQ(w.sent.back().retries, (std::vector<millis>{100ms, 200ms}));
    EXPECT_EQ(w.sent.front().url, "");
    EXPECT_FALSE(w.sent.front().retries);
}

TEST(command, the_journal_knows_what_came_when_and_what_became_of_it) {
    world w;
    const auto r = w.two_answered();
    w.join(r.first, r.caller);
    w.join(r.second, r.caller);
    const auto session = w.tel.session_of(r.caller);
    const auto dials = w.tel.seen().commands_of("dial", session);
    ASSERT_EQ(dials.size(), 2U);
    EXPECT_EQ(dials[0]->target, "one");
    EXPECT_EQ(dials[0]->call_control_id, r.first);
    EXPECT_EQ(dials[0]->command_id, "dial-one");
    EXPECT_TRUE(dials[0]->accepted());
    const auto bridges = w.tel.seen().commands_of("bridge", session);
    ASSERT_EQ(bridges.size(), 2U);
    EXPECT_EQ(bridges[0]->target, r.caller);
    EXPECT_EQ(bridges[0]->at, w.now);
    EXPECT_TRUE(bridges[0]->acted_at);
    EXPECT_FALSE(bridges[1]->acted_at);
    EXPECT_EQ(bridges[1]->status, 422);
    std::vector<std::string> whats;
    for (const auto& p : w.tel.seen().phones)
        if (p.username == "one") whats.push_back(p.what);
    EXPECT_EQ(whats, (strings{"ringing", "answers"}));
}
