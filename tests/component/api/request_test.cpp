// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a device asks of a call that is going on.
#include "bed.hpp"
#include "support/joined.hpp"

using namespace z360;
using namespace z360::test;

class api_requests : public bed {
  protected:
    void SetUp() override {
        one = device(k_ada, "phone-1");
        two = device(k_ada, "phone-2", "android");
        id = ring(k_ada, k_globex, {row(k_ada, "phone-1").id, row(k_ada, "phone-2").id}).state.id.text();
        state().routed.verdict = call::route_verdict::ring;
        state().caller.call_control_id = "v3:caller";
        for (auto& l : state().legs)
            l.call_control_id = "v3:" + l.id.text();
    }
    call::state& state() { return calls.rows.front().state; }
    answer ask(const char* what, const with& who, const std::string& key = {}, std::string of = {}) {
        if (of.empty()) of = id;
        auto headers = who;
        if (!key.empty()) headers.emplace_back("Idempotency-Key", key);
        return send("POST", "/api/voip/calls/" + of + "/" + what, headers);
    }
    with one, two;
    std::string id;

    void talk() {
        auto& s = state();
        auto& j = z360::testing::join_leg(s, 0);
        j.commanded = true;
        s.answers = s.legs[0].answer_order = 1;
        s.legs[0].answered = s.legs[0].bridged = s.caller.bridged = s.caller.answered = true;
        j.joined_at = s.answered_at = clock.at;
    }
};

TEST_F(api_requests, i_17_the_device_that_talks_pauses_the_recording_and_goes_on) {
    EXPECT_EQ(ask("recording/pause", one, "k1").code(), "not_in_the_talk");
    talk();
    EXPECT_EQ(send("GET", "/api/voip/call-status/" + id, one).data()["recording"], "on");
    const auto paused = ask("recording/pause", one, "k2");
    ASSERT_EQ(paused.status, 200) << paused.text;
    EXPECT_EQ(paused.data()["recording"], "on") << "until the carrier has taken it";
    ASSERT_EQ(asked.size(), 2U);
    EXPECT_EQ(asked[1].what, call::request_kind::pause_recording);
    EXPECT_EQ(ask("recording/pause", one, "k3").status, 200);
    state().recorder.turn_open = false;
    state().recorder.paused = true;
    EXPECT_EQ(send("GET", "/api/voip/call-status/" + id, one).data()["recording"], "paused");
    const auto resumed = ask("recording/resume", one, "k4");
    ASSERT_EQ(resumed.status, 200) << resumed.text;
    EXPECT_EQ(resumed.data()["recording"], "on");
    EXPECT_EQ(ask("recording/pause", two, "k5").code(), "answered_elsewhere");
}

TEST_F(api_requests, b4_the_device_that_talks_ends_a_talk_without_sound_once_it_is_15_s_old) {
    const auto gives_up = [this](const with& who) {
        clock.at += millis{1}; // without a key each moment's request is one of its own
        return send(
            "POST", "/api/voip/calls/" + id + "/media-failed", who,
            json{{"reason", "ice_failed"}, {"end_call", true}}
        );
    };
    EXPECT_EQ(gives_up(one).code(), "not_in_the_talk");
    talk();
    const auto early = gives_up(one);
    EXPECT_EQ(early.status, 409) << early.text;
    EXPECT_EQ(early.code(), "media_may_come");
    EXPECT_NE(early.body["allowed"].dump().find("media-failed"), std::string::npos);
    EXPECT_EQ(send("POST", "/api/voip/calls/" + id + "/media-failed", one, json::object()).status, 200)
        << "a report alone";
    EXPECT_EQ(state().reason, call::end_reason::none);
    clock.at += std::chrono::seconds{15};
    EXPECT_EQ(gives_up(two).code(), "answered_elsewhere");
    const auto done = gives_up(one);
    ASSERT_EQ(done.status, 200) << done.text;
    EXPECT_EQ(done.data()["ended"], true);
    EXPECT_EQ(done.data()["force_relay"], true);
    EXPECT_EQ(send("GET", "/api/voip/call-status/" + id, one).data()["reason"], "no_media");
    EXPECT_EQ(gives_up(one).code(), "call_ended");
    EXPECT_EQ(reports.events.size(), 2U) << "of each device one";
}

TEST_F(api_requests, i_17_what_the_rules_fix_is_not_paused) {
    talk();
    state().routed.rules.recording_mandatory = true;
    const auto fixed = ask("recording/pause", one, "k6");
    EXPECT_EQ(fixed.status, 409);
    EXPECT_EQ(fixed.code(), "recording_mandatory");
    EXPECT_EQ(fixed.body["call"]["recording"], "on");
    state().routed.rules.recording_mandatory = false;
    state().routed.rules.record_calls = false;
    for (const char* what : {"pause", "resume"})
        EXPECT_EQ(ask(("recording/" + std::string(what)).c_str(), one, what).code(), "not_recorded");
    EXPECT_EQ(ask("recording/pause", cookie(k_ada)).status, 403) << "which device would that be";
}

TEST_F(api_requests, b_44_a_device_declines_and_sees_its_own_leg_go) {
    const auto r = ask("decline", one);
    ASSERT_EQ(r.status, 200) << r.text;
    EXPECT_EQ(r.data()["device_state"], "dismissed");
    EXPECT_EQ(r.data()["reason"], "declined");
    EXPECT_EQ(r.data()["status"], "ringing");
    EXPECT_EQ(r.data()["seq"], 2);
    EXPECT_EQ(send("GET", "/api/voip/my-active-call", one).data()["active_call"], nullptr);
    EXPECT_EQ(send("GET", "/api/voip/my-active-call", two).data()["active_call"]["device_state"], "ringing");
    const auto again = ask("decline", one); // without a key, and still true
    EXPECT_EQ(again.status, 200) << again.text;
}

TEST_F(api_requests, be_09_a_device_says_that_it_has_answered) {
    const auto r = ask("answered", two);
    ASSERT_EQ(r.status, 200) << r.text;
    EXPECT_EQ(r.data()["status"], "ringing"); // its word alone joins nobody
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_EQ(asked[0].what, call::request_kind::answered);
    EXPECT_EQ(asked[0].device, row(k_ada, "phone-2").id);
    EXPECT_EQ(asked[0].call.text(), id);
}

TEST_F(api_requests, b_03_a_key_names_one_request_of_one_device_about_one_call) {
    (void)ask("decline", one, "k");
    (void)ask("decline", one, "k");
    (void)ask("answered", one, "k");
    (void)ask("decline", two, "k");
    ASSERT_EQ(asked.size(), 4U);
    EXPECT_EQ(asked[0].id, asked[1].id);
    EXPECT_NE(asked[0].id, asked[2].id);
    EXPECT_NE(asked[0].id, asked[3].id);
    for (const auto& bad : {std::string(129, 'k'), std::string("a b"), std::string("k\xC3\xA9")}) {
        const auto r = ask("decline", one, bad);
        EXPECT_EQ(r.status, 422) << r.text;
        EXPECT_TRUE(r.body["errors"].contains("Idempotency-Key")) << r.text;
    }
    for (const auto& two :
         {with{{"Idempotency-Key", ""}}, with{{"Idempotency-Key", "a"}, {"Idempotency-Key", "b"}}}) {
        auto headers = one;
        headers.insert(headers.end(), two.begin(), two.end());
        const auto r = send("POST", "/api/voip/calls/" + id + "/decline", headers);
        EXPECT_EQ(r.status, 422) << r.text; // which of them, or none: a repetition would be a second request
    }
    EXPECT_EQ(asked.size(), 4U);
}

TEST_F(api_requests, b_44_who_polls_too_much_can_still_decline) {
    settings.limits.poll_per_minute = 5;
    settings.limits.read_per_minute = 5;
    restart();
    int refused = 0;
    for (int i = 0; i < 10; ++i)
        refused += send("GET", "/api/voip/my-active-call", one).status == 429 ? 1 : 0;
    ASSERT_EQ(refused, 5);
    EXPECT_EQ(ask("decline", one).status, 200);
    for (int i = 0; i < 4; ++i)
        (void)ask("answered", one);
    EXPECT_EQ(ask("answered", one).status, 429) << "bounded, too";
    EXPECT_EQ(ask("decline", two).status, 200) << "each device for itself";
}

TEST_F(api_requests, b_44_in_the_wrong_state_the_answer_tells_state_and_what_is_allowed) {
    talk();
    auto& s = state();
    s.legs[1].release = call::release_reason::answered_elsewhere;
    s.legs[1].hangup_sent = true;
    const auto winner = ask("decline", one);
    EXPECT_EQ(winner.status, 409);
    EXPECT_EQ(winner.code(), "already_answered");
    EXPECT_EQ(winner.body["call"]["status"], "active");
    EXPECT_EQ(
        winner.body["allowed"], json({"answered", "recording/pause", "recording/resume", "media-failed"})
    );
    EXPECT_EQ(winner.header("Content-Type"), "application/problem+json");
    for (const char* what : {"decline", "answered"}) {
        const auto loser = ask(what, two);
        EXPECT_EQ(loser.status, 409);
        EXPECT_EQ(loser.code(), "answered_elsewhere");
        EXPECT_EQ(loser.body["call"]["winner_device_id"], "phone-1");
        EXPECT_EQ(loser.body["allowed"], json::array());
    }
}

TEST_F(api_requests, b_44_each_refusal_has_a_code_of_its_own) {
    const auto third = device(k_ada, "phone-3");
    EXPECT_EQ(ask("decline", third).code(), "device_not_rung");
    state().legs[1].ended = true;
    EXPECT_EQ(ask("answered", two).code(), "device_leg_over");
    state().reason = call::end_reason::caller_cancelled;
    state().caller.ended = true;
    state().ended_at = clock.at;
    EXPECT_EQ(ask("decline", one).code(), "call_ended");
    door = [this](engine::request r) -> boost::asio::awaitable<engine::submission> {
        engine::submission out;
        out.went = engine::submission::how::judged;
        out.verdict = {r.id, r.what, call::refusal::late, clock.at};
        out.call = port::stored_call{state(), 9};
        co_return out;
    };
    restart();
    const auto late = ask("decline", one);
    EXPECT_EQ(late.status, 409);
    EXPECT_EQ(late.code(), "request_late");
}

TEST_F(api_requests, i_05_a_call_of_others_and_one_that_nobody_knows_are_not_there) {
    const auto hers = device(k_mallory, "mallorys-phone");
    const auto bound = bound_device(k_ada, k_acme, "acme-phone"); // the call is Globex's
    for (const auto& who : {hers, bound})
        for (const char* what : {"decline", "answered"}) {
            const auto r = ask(what, who);
            EXPECT_EQ(r.status, 404) << r.text;
            EXPECT_EQ(r.code(), "call_unknown");
        }
    EXPECT_EQ(ask("decline", one, "", "no-such-call").status, 404);
    EXPECT_TRUE(asked.empty());
    EXPECT_EQ(ask("decline", cookie(k_ada)).status, 403); // which device would that be
    EXPECT_EQ(ask("decline", acting(k_ada)).status, 403);
    EXPECT_EQ(ask("decline", {}).status, 401);
}

TEST_F(api_requests, b_44_a_call_that_is_gone_by_then_is_404) {
    door = [](engine::request) -> boost::asio::awaitable<engine::submission> {
        engine::submission out;
        out.went = engine::submission::how::unknown;
        co_return out;
    };
    restart();
    const auto gone = ask("decline", one);
    EXPECT_EQ(gone.status, 404);
    EXPECT_EQ(gone.code(), "call_unknown");
}

TEST_F(api_requests, b_44_what_is_allowed_has_a_route) {
    const auto third = device(k_ada, "phone-3");
    const auto r = ask("decline", third);
    EXPECT_EQ(r.code(), "device_not_rung");
    EXPECT_EQ(r.body["allowed"], json({"reinvite"})) << "by the name that its route has";
}

TEST_F(api_requests, i_03_what_cannot_be_decided_is_503_with_a_time_to_try_again) {
    door = [](engine::request) -> boost::asio::awaitable<engine::submission> {
        co_return engine::submission{};
    };
    restart();
    const auto undecided = ask("decline", one);
    EXPECT_EQ(undecided.status, 503);
    EXPECT_EQ(undecided.code(), "request_undecided");
    EXPECT_NE(undecided.header("Retry-After"), "");
    door = [](engine::request) -> boost::asio::awaitable<engine::submission> {
        throw port::unavailable("away");
        co_return engine::submission{};
    };
    restart();
    const auto away = ask("decline", one);
    EXPECT_EQ(away.status, 503);
    EXPECT_EQ(away.code(), "voip_unavailable");
    EXPECT_NE(away.header("Retry-After"), "");
    EXPECT_TRUE(state().legs[0].alive());
}
