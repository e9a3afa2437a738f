// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "fakes.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

using namespace z360;
using namespace z360::test;
using call::outcome;
using nlohmann::json;

namespace {

const call::hangup_body k_hangup{call::release_reason::answered_elsewhere};
const call::speak_body k_speak{"Hello", "AWS.Polly.Joanna-Neural"};

call::bridge_body bridge() {
    call::bridge_body b;
    b.caller_control_id = "v3:caller";
    return b;
}

} // namespace

TEST(client, a_dial_reports_the_new_leg_and_marks_it_with_our_state) {
    stage s;
    s.http.script = {dialed("v3:new")};
    const auto out = s.run(s.dial());
    EXPECT_EQ(out.result, outcome::done);
    EXPECT_EQ(out.what, call::verb::dial);
    EXPECT_EQ(out.command_id, "cmd-1");
    EXPECT_EQ(out.who.call_control_id, "v3:new");
    EXPECT_EQ(out.who.leg, leg_id(uuid{1, 2}));
    ASSERT_EQ(s.http.seen.size(), 1U);
    const auto& sent = s.http.seen[0];
    EXPECT_EQ(sent.method, "POST");
    EXPECT_EQ(sent.url, "https://telnyx.example.test/v2/calls");
    EXPECT_EQ(sent.bearer.reveal(), "KEY-for-tests");
    const auto body = json::parse(sent.body);
    EXPECT_EQ(body["command_id"], "cmd-1");
    const auto mark = s.codec.open(body["client_state"].get<std::string>());
    ASSERT_TRUE(mark);
    EXPECT_EQ(mark->leg, leg_id(uuid{1, 2}));
    EXPECT_EQ(mark->call, call_id(uuid{3, 4}));
    EXPECT_EQ(mark->org, org_id{7});
    EXPECT_EQ(s.counted("telnyx_requests_total verb=dial outcome=done"), 1);
    EXPECT_EQ(s.counted("telnyx_commands_total verb=dial outcome=done"), 1);
    EXPECT_EQ(s.counted("telnyx_request_seconds verb=dial"), 1);
}

// The end of a prompt says which one ended, and no webhook of the caller's leg is without our mark.
TEST(client, what_is_played_or_recorded_to_the_caller_bears_the_mark_of_its_command) {
    const std::pair<call::command_body, bool> bodies[] = {
        {call::answer_body{}, true},         {call::speak_body{"Hello", ""}, true},
        {call::playback_start_body{}, true}, {call::record_start_body{}, true},
        {call::playback_stop_body{}, false}, {call::hangup_body{}, false},
    };
    for (const auto& [body, marked] : bodies) {
        stage s;
        s.http.script = {answer(200)};
        call::command c;
        c.id = "call-prompt-3";
        c.call = call_id(uuid{3, 4});
        c.org = org_id{7};
        c.call_control_id = "v3:caller";
        c.issued_at = s.clock.now();
        c.deadline = s.clock.now() + millis{5'000};
        c.body = body;
        EXPECT_EQ(s.run(c).result, outcome::done);
        const auto sent = json::parse(s.http.seen.at(0).body);
        ASSERT_EQ(sent.contains("client_state"), marked) << name(c.what());
        if (!marked) continue;
        const auto mark = s.codec.open(sent["client_state"].get<std::string>());
        ASSERT_TRUE(mark);
        EXPECT_EQ(*mark, (adapter::crypto::client_state{c.call, std::nullopt, c.org, c.id}));
    }
}

TEST(client, i6_the_key_is_only_in_the_bearer) {
    stage s;
    s.http.script = {dialed("v3:new")};
    (void)s.run(s.dial());
    EXPECT_EQ(s.http.seen[0].body.find("KEY-for-tests"), std::string::npos);
    EXPECT_EQ(s.http.seen[0].url.find("KEY-for-tests"), std::string::npos);
    for (const auto& [header, value] : s.http.seen[0].headers.items())
        EXPECT_EQ(value.find("KEY-for-tests"), std::string::npos) << header;
}

TEST(client, final_answers_are_reported_without_another_try) {
    const std::vector<std::tuple<play, outcome, std::string>> cases{
        {answer(200), outcome::done, ""},
        {error_code(422, "90018"), outcome::peer_gone, "90018"},
        {error_code(404, "10005"), outcome::peer_gone, "10005"},
        {error_code(422, "10015"), outcome::refused, "10015"},
        {answer(400, ""), outcome::refused, "http_400"},
    };
    for (const auto& [script, result, code] : cases) {
        stage s;
        s.http.script = {script};
        const auto out = s.run(s.command(call::answer_body{}));
        EXPECT_EQ(out.result, result);
        EXPECT_EQ(out.error_code, code);
        EXPECT_EQ(out.who.call_control_id, "v3:leg");
        EXPECT_EQ(s.http.seen.size(), 1U);
    }
}

TEST(client, a_rejected_key_is_refused_once_and_raises_the_alarm_until_it_is_taken_again) {
    stage s;
    s.http.script = {
        error_code(401, "10009"), dialed("v3:new"), error_code(401, "10009"), error_code(422, "90018")
    };
    EXPECT_EQ(s.run(s.dial()).result, outcome::refused);
    EXPECT_EQ(s.http.seen.size(), 1U);
    EXPECT_EQ(s.counted("telnyx_key_rejected_total verb=dial"), 1);
    EXPECT_EQ(s.counted("telnyx_key_rejected client=commands"), 1);
    EXPECT_EQ(s.run(s.dial()).result, outcome::done);
    EXPECT_EQ(s.counted("telnyx_key_rejected client=commands"), 0);
    EXPECT_EQ(s.run(s.dial()).result, outcome::refused);
    EXPECT_EQ(s.counted("telnyx_key_rejected client=commands"), 1);
    EXPECT_EQ(s.run(s.command(k_speak)).result, outcome::peer_gone);
    EXPECT_EQ(s.counted("telnyx_key_rejected client=commands"), 0) << "that needs a valid key as well";
}

TEST(client, one_request_that_is_not_allowed_says_nothing_about_the_key) {
    stage s;
    s.http.script = {error_code(403, "10010")};
    const auto out = s.run(s.dial());
    EXPECT_EQ(out.result, outcome::refused);
    EXPECT_EQ(out.error_code, "10010");
    EXPECT_EQ(s.counted("telnyx_key_rejected_total verb=dial"), 0);
}

TEST(client, be_22_a_request_that_is_refused_fails_with_telnyxs_own_words_and_alone) {
    struct row {
        int status;
        const char* body;
        const char* code;
        const char* title;
    };
    for (const auto& t : {
             row{403, R"({"errors":[{"code":"10010","title":"User not authorized"}]})", "10010",
                 "User not authorized"},
             row{403, R"({"errors":[{"code":10036,"title":"Feature not permitted"},{"code":"1"}]})", "10036",
                 "Feature not permitted"},
             row{402, R"({"errors":[{"code":"20100","title":"Insufficient funds"}]})", "20100",
                 "Insufficient funds"},
             row{404, R"({"errors":[{"code":"10005","title":"Resource not found"}]})", "10005",
                 "Resource not found"},
             row{422, R"({"errors":[{"code":"10016","title":"Phone number must be in +E164 format"}]})",
                 "10016", "Phone number must be in +E164 format"},
             row{403, "<html>blocked</html>", "http_403", ""},
         }) {
        stage s;
        s.http.script = {answer(t.status, t.body), dialed("v3:next")};
        const auto out = s.run(s.dial());
        EXPECT_EQ(out.result, outcome::refused) << t.status;
        EXPECT_EQ(out.error_code, t.code);
        EXPECT_EQ(out.error_title, t.title);
        EXPECT_EQ(s.http.seen.size(), 1U);
        EXPECT_EQ(s.counted("telnyx_key_rejected_total verb=dial"), 0);
        EXPECT_EQ(s.counted("telnyx_key_rejected client=commands"), 0);
        EXPECT_EQ(s.counted("telnyx_breaker_open class=dial"), 0);
        EXPECT_EQ(s.run(s.dial()).result, outcome::done) << "the next dial goes as ever";
    }
}

TEST(client, i7_every_attempt_sends_the_same_bytes) {
    stage s;
    s.http.script = {answer(503), answer(500), dialed("v3:new")}; // at once, then 250 ms
    const auto out = s.run(s.dial());
    EXPECT_EQ(out.result, outcome::done);
    ASSERT_EQ(s.http.seen.size(), 3U);
    EXPECT_EQ(s.http.seen[1].body, s.http.seen[0].body);
    EXPECT_EQ(s.http.seen[2].body, s.http.seen[0].body);
    EXPECT_EQ(s.http.seen[2].url, s.http.seen[0].url);
    EXPECT_EQ(s.asked, 3U) << "the call was asked before each attempt";
}

TEST(client, what_never_left_is_tried_again) {
    stage s;
    s.http.script = {unreachable(), answer(200)};
    EXPECT_EQ(s.run(s.command(k_hangup)).result, outcome::done);
}

TEST(client, not_answered_yet_passes) {
    stage s;
    s.http.script = {error_code(422, "90034"), answer(200)};
    EXPECT_EQ(s.run(s.command(k_speak)).result, outcome::done);
}

TEST(client, a_bridge_refused_three_times_is_refused) {
    stage s;
    s.http.script = {error_code(422, "90099"), error_code(422, "90099"), error_code(422, "90099")};
    const auto out = s.run(s.command(bridge()));
    EXPECT_EQ(out.result, outcome::refused);
    EXPECT_EQ(out.error_code, "90099");
    EXPECT_EQ(s.http.seen.size(), 3U);
}

TEST(client, a_dead_winner_is_told_at_once) {
    stage s;
    s.http.script = {error_code(422, "90018")};
    EXPECT_EQ(s.run(s.command(bridge())).result, outcome::peer_gone);
}

TEST(client, the_rate_limits_pause_is_kept) {
    stage s;
    s.http.script = {with_header(error_code(429, "90103"), "retry-after-ms", "400"), dialed("v3:new")};
    const auto before = s.clock.now();
    EXPECT_EQ(s.run(s.dial()).result, outcome::done);
    EXPECT_GE(s.clock.now() - before, millis{400});
}

TEST(client, a_pause_beyond_the_deadline_is_not_waited_for) {
    stage s;
    s.http.script = {with_header(error_code(429, "90103"), "x-ratelimit-reset", "30")};
    const auto out = s.run(s.dial(millis{20'000}));
    EXPECT_EQ(out.result, outcome::expired);
    EXPECT_EQ(out.error_code, "90103");
}

TEST(client, retries_end_with_the_deadline) {
    stage s;
    s.http.otherwise = answer(503);
    const auto out = s.run(s.command(k_hangup, millis{800}));
    EXPECT_EQ(out.result, outcome::expired);
    EXPECT_EQ(out.error_code, "http_503");
    EXPECT_EQ(s.http.seen.size(), 3U) << "at 0, at 0 and at 225 ms; the next would be too late";
    EXPECT_EQ(s.counted("telnyx_commands_total verb=hangup outcome=expired"), 1);
}

TEST(client, nothing_is_sent_after_the_deadline) {
    stage s;
    auto late = s.command(k_hangup, millis{0});
    EXPECT_EQ(s.run(late).result, outcome::expired);
    EXPECT_TRUE(s.http.seen.empty());
}

TEST(client, an_attempt_is_cut_to_the_time_that_is_left) {
    stage s;
    s.http.script = {answer(200), answer(200)};
    (void)s.run(s.command(k_hangup, millis{1'000}));
    (void)s.run(s.command(k_hangup));
    EXPECT_LE(s.http.seen[0].timeout, millis{1'000});
    EXPECT_EQ(s.http.seen[1].timeout, s.settings.attempt_timeout);
}

TEST(client, i7_a_dial_older_than_55_s_is_never_sent_again) {
    stage s;
    auto old = s.dial(millis{120'000});
    s.clock.offset = millis{55'000};
    EXPECT_EQ(s.run(old).result, outcome::expired);
    EXPECT_TRUE(s.http.seen.empty());
    stage young;
    auto dial = young.dial(millis{120'000});
    young.clock.offset = millis{50'000};
    young.http.script = {dialed("v3:new")};
    EXPECT_EQ(young.run(dial).result, outcome::done);
}

TEST(client, mob_18_what_is_no_longer_wanted_is_not_sent) {
    stage s;
    s.wanted_ = [](unsigned) { return false; };
    EXPECT_EQ(s.run(s.dial()).result, outcome::superseded);
    EXPECT_TRUE(s.http.seen.empty());
}

TEST(client, mob_18_nor_sent_again) {
    stage s;
    s.wanted_ = [](unsigned attempt) { return attempt < 2; };
    s.http.script = {answer(503)};
    EXPECT_EQ(s.run(s.dial()).result, outcome::superseded);
    EXPECT_EQ(s.http.seen.size(), 1U);
}

TEST(client, mob_18_a_call_that_ends_while_its_dial_waits_for_budget_is_not_dialed) {
    stage s;
    s.budget.waits = {50};
    int questions = 0;
    s.wanted_ = [&questions](unsigned) { return ++questions == 1; };
    EXPECT_EQ(s.run(s.dial()).result, outcome::superseded);
    EXPECT_EQ(questions, 2);
    EXPECT_TRUE(s.http.seen.empty());
}

TEST(client, i15_dials_wait_for_the_budget_and_nothing_else_does) {
    stage s;
    s.budget.waits = {10, 10};
    s.http.script = {dialed("v3:new"), answer(200), answer(200)};
    EXPECT_EQ(s.run(s.dial()).result, outcome::done);
    EXPECT_EQ(s.budget.taken, 3);
    (void)s.run(s.command(k_hangup));
    (void)s.run(s.command(bridge()));
    EXPECT_EQ(s.budget.taken, 3);
}

TEST(client, i15_each_attempt_of_a_dial_takes_from_the_budget) {
    stage s;
    s.http.script = {answer(503), dialed("v3:new")};
    (void)s.run(s.dial());
    EXPECT_EQ(s.budget.taken, 2);
}

TEST(client, a_budget_that_comes_too_late_is_not_waited_for) {
    stage s;
    s.budget.waits = {60'000};
    EXPECT_EQ(s.run(s.dial()).result, outcome::expired);
    EXPECT_TRUE(s.http.seen.empty());
}

TEST(client, a_dial_accepted_without_an_id_is_sent_again_and_expires) {
    stage s;
    s.http.otherwise = answer(200, "{}");
    const auto out = s.run(s.dial(millis{800}));
    EXPECT_EQ(out.result, outcome::expired);
    EXPECT_EQ(out.error_code, "no_call_control_id");
    EXPECT_EQ(s.http.seen.size(), 2U);
    EXPECT_EQ(s.http.seen[1].body, s.http.seen[0].body);
    EXPECT_TRUE(out.who.call_control_id.empty());
}

TEST(client, a_leg_without_an_id_cannot_be_addressed) {
    stage s;
    auto c = s.command(k_hangup);
    c.call_control_id.clear();
    const auto out = s.run(c);
    EXPECT_EQ(out.result, outcome::refused);
    EXPECT_EQ(out.error_code, "no_call_control_id");
    EXPECT_TRUE(s.http.seen.empty());
}

TEST(client, the_breaker_holds_dials_back_until_a_probe_succeeds) {
    stage s;
    s.settings.probe_every = millis{1'000};
    s.http.otherwise = no_answer();
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(s.run(s.dial(millis{100})).result, outcome::expired);
    EXPECT_EQ(s.counted("telnyx_breaker_open class=dial"), 1);
    EXPECT_EQ(s.http.seen.size(), 10U);
    EXPECT_EQ(s.run(s.dial(millis{200})).result, outcome::expired);
    EXPECT_EQ(s.http.seen.size(), 10U) << "nothing was sent while open";
    s.http.otherwise = dialed("v3:new");
    const std::vector<call::command> waiting(5, s.dial());
    for (const auto& out : s.run_all(waiting))
        EXPECT_EQ(out.result, outcome::done);
    EXPECT_EQ(s.counted("telnyx_breaker_open class=dial"), 0);
}

TEST(client, i16_hangup_answer_and_bridge_pass_an_open_breaker) {
    stage s;
    s.settings.probe_every = millis{600'000};
    s.http.otherwise = no_answer();
    for (int i = 0; i < 10; ++i)
        (void)s.run(s.command(call::reject_body{}, millis{200}));
    EXPECT_EQ(s.counted("telnyx_breaker_open class=control"), 1);
    const auto sent = s.http.seen.size();
    EXPECT_EQ(s.run(s.command(call::reject_body{}, millis{200})).result, outcome::expired);
    EXPECT_EQ(s.http.seen.size(), sent);
    (void)s.run(s.command(k_hangup, millis{200}));
    (void)s.run(s.command(call::answer_body{}, millis{200}));
    EXPECT_EQ(s.http.seen.size(), sent + 2);
    s.http.otherwise = answer(200);
    EXPECT_EQ(s.run(s.command(bridge(), millis{200})).result, outcome::done);
    EXPECT_EQ(s.counted("telnyx_breaker_open class=control"), 0) << "and its success closes it";
}

TEST(client, a_broken_dial_endpoint_does_not_stop_speech) {
    stage s;
    s.settings.probe_every = millis{600'000};
    s.http.otherwise = no_answer();
    for (int i = 0; i < 10; ++i)
        (void)s.run(s.dial(millis{200}));
    s.http.otherwise = answer(200);
    EXPECT_EQ(s.run(s.command(k_speak, millis{200})).result, outcome::done);
}

TEST(client, i16_requests_in_flight_are_bounded) {
    stage s;
    s.settings.max_in_flight = 4;
    s.http.otherwise = dialed("v3:new", std::chrono::milliseconds{20});
    const std::vector<call::command> many(9, s.dial());
    for (const auto& out : s.run_all(many))
        EXPECT_EQ(out.result, outcome::done);
    EXPECT_EQ(s.http.seen.size(), 9U);
}

TEST(client, cancelling_ends_a_command_and_its_requests) {
    stage s;
    s.settings.hedge_after = millis{5};
    s.http.otherwise = silence();
    rt::task_group group(s.io.get_executor());
    call::command_outcome out;
    group.spawn(stage::keep(s.client().execute(s.dial(), s.wanted()), &out));
    while (s.http.seen.size() < 2)
        s.io.run_one();
    boost::asio::co_spawn(s.io, group.join(), stage::rethrow);
    s.io.run();
    EXPECT_EQ(s.http.aborted, 2);
    EXPECT_TRUE(out.command_id.empty()) << "no outcome was made up";
}

TEST(client, cancelling_between_attempts_ends_the_command_too) {
    stage s;
    s.http.script = {with_header(answer(429), "retry-after", "15")};
    rt::task_group group(s.io.get_executor());
    call::command_outcome out;
    group.spawn(stage::keep(s.client().execute(s.dial(), s.wanted()), &out));
    while (s.counted("telnyx_requests_total verb=dial outcome=retry") < 1)
        s.io.run_one();
    const auto before = s.clock.now();
    boost::asio::co_spawn(s.io, group.join(), stage::rethrow);
    s.io.run();
    EXPECT_LT(s.clock.now() - before, millis{10'000});
}

TEST(client, settings_come_from_the_configuration) {
    config::telnyx_t c;
    c.base_url = "http://127.0.0.1:4510";
    c.connection_id = "42";
    c.sip_domain = "sip.example.test";
    c.webhook_url = "https://voip.example.test/h";
    c.api_key = secret{std::string("k")};
    c.hedge_after = millis{123};
    const auto s = adapter::telnyx::settings_from(c);
    EXPECT_EQ(s.base_url, c.base_url);
    EXPECT_EQ(s.commands.connection_id, "42");
    EXPECT_EQ(s.commands.sip_domain, "sip.example.test");
    EXPECT_EQ(s.commands.webhook_url, "https://voip.example.test/h");
    EXPECT_EQ(s.api_key.reveal(), "k");
    EXPECT_EQ(s.hedge_after, millis{123});
}

namespace {

boost::asio::awaitable<void> carry(port::telnyx_api* api, call::effect e, call::effect_outcome* out) {
    port::still_wanted always = [](unsigned) -> boost::asio::awaitable<bool> { co_return true; };
    *out = co_await api->run(std::move(e), std::move(always));
}

} // namespace

TEST(client, it_runs_the_carriers_channel_and_refuses_what_is_of_another) {
    stage s;
    s.http.script = {answer(200)};
    EXPECT_EQ(s.client().runs(), call::channel::carrier);
    call::effect_outcome done, foreign;
    call::effect other;
    other.id = "x";
    other.body = call::test_effect{};
    boost::asio::co_spawn(s.io, carry(&s.client(), s.command(k_hangup), &done), stage::rethrow);
    boost::asio::co_spawn(s.io, carry(&s.client(), other, &foreign), stage::rethrow);
    s.io.run();
    EXPECT_EQ(call::end_of(done).id, "cmd-1");
    EXPECT_EQ(call::end_of(done).result, outcome::done);
    EXPECT_EQ(call::end_of(foreign).id, "x");
    EXPECT_EQ(call::end_of(foreign).result, outcome::refused);
    EXPECT_EQ(s.http.seen.size(), 1U);
}
