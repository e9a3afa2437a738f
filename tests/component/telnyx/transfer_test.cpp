// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The order to dial for a device of ours: its marks, its ends, and its identical resends.
#include "fakes.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace z360;
using namespace z360::test;
using call::outcome;
using nlohmann::json;

namespace {

const leg_id k_new_leg{uuid{5, 6}};

struct transfers : ::testing::Test {
    stage s;

    [[nodiscard]] call::command order(millis life = millis{20'000}) const {
        call::transfer_body b;
        b.leg = k_new_leg;
        b.number = "+14155550123";
        b.from = "+14155550100";
        b.recording_name = "call-7";
        auto c = s.command(std::move(b), life);
        c.call = call_id{uuid{3, 4}};
        c.org = org_id{7};
        return c;
    }
    [[nodiscard]] json sent(std::size_t n = 0) const { return json::parse(s.http.seen.at(n).body); }
};

} // namespace

TEST_F(transfers, mark_the_devices_leg_with_the_order_and_the_new_one_as_a_leg_of_the_call) {
    for (const bool names_leg : {false, true}) {
        stage one;
        auto c = order();
        if (names_leg) c.leg = k_new_leg;
        one.http.script = {answer(200)};
        EXPECT_EQ(one.run(c).result, outcome::done);
        EXPECT_EQ(one.http.seen.at(0).url, "https://telnyx.example.test/v2/calls/v3%3Aleg/actions/transfer");
        const auto body = json::parse(one.http.seen.at(0).body);
        const auto own = one.codec.open(body["client_state"].get<std::string>());
        const auto target = one.codec.open(body["target_leg_client_state"].get<std::string>());
        ASSERT_TRUE(own && target);
        EXPECT_EQ(*own, (adapter::crypto::client_state{c.call, std::nullopt, c.org, c.id}));
        EXPECT_EQ(*target, (adapter::crypto::client_state{c.call, k_new_leg, c.org}));
        EXPECT_EQ(body["command_id"], "cmd-1");
        EXPECT_EQ(body["to"], "+14155550123");
        EXPECT_EQ(body["from"], "+14155550100");
    }
}

TEST_F(transfers, done_says_nothing_of_the_new_leg) {
    s.http.script = {answer(200, R"({"data":{"result":"ok"}})")};
    const auto out = s.run(order());
    EXPECT_EQ(out.result, outcome::done);
    EXPECT_EQ(out.what, call::verb::transfer);
    EXPECT_EQ(out.command_id, "cmd-1");
    EXPECT_EQ(out.who.call_control_id, "v3:leg");
    EXPECT_EQ(s.counted("telnyx_commands_total verb=transfer outcome=done"), 1);
}

TEST_F(transfers, final_answers_are_reported_without_another_try) {
    const std::vector<std::tuple<play, outcome, std::string>> cases{
        {error_code(422, "90018"), outcome::peer_gone, "90018"},
        {error_code(422, "90015"), outcome::peer_gone, "90015"},
        {error_code(404, "10005"), outcome::peer_gone, "10005"},
        {error_code(422, "10015"), outcome::refused, "10015"},
        {error_code(422, "10016"), outcome::refused, "10016"},
        {error_code(422, "90043"), outcome::refused, "90043"},
        {error_code(403, "10010"), outcome::refused, "10010"},
    };
    for (const auto& [script, result, code] : cases) {
        stage one;
        one.http.script = {script};
        const auto out = one.run(order());
        EXPECT_EQ(out.result, result) << code;
        EXPECT_EQ(out.error_code, code);
        EXPECT_EQ(one.http.seen.size(), 1U);
    }
}

TEST_F(transfers, i7_without_an_answer_the_same_bytes_are_sent_again) {
    s.settings.hedge_after = millis{40};
    s.http.script = {silence(), answer(200)};
    const auto out = s.run(order());
    EXPECT_EQ(out.result, outcome::done);
    EXPECT_EQ(out.attempts, 2U);
    ASSERT_EQ(s.http.seen.size(), 2U);
    EXPECT_EQ(s.http.seen[1].body, s.http.seen[0].body);
    EXPECT_EQ(s.http.seen[1].url, s.http.seen[0].url);
    EXPECT_EQ(s.http.aborted, 1);
    EXPECT_EQ(s.counted("telnyx_resends_total verb=transfer"), 1);
}

TEST_F(transfers, i7_after_a_fault_of_the_server_the_same_bytes_are_sent_again) {
    s.http.script = {answer(503), no_answer(), answer(200)};
    EXPECT_EQ(s.run(order()).result, outcome::done);
    ASSERT_EQ(s.http.seen.size(), 3U);
    EXPECT_EQ(sent(1), sent(0));
    EXPECT_EQ(s.http.seen[2].body, s.http.seen[0].body);
}

TEST_F(transfers, end_with_their_deadline_and_with_their_call) {
    s.http.otherwise = answer(503);
    EXPECT_EQ(s.run(order(millis{800})).result, outcome::expired);
    const auto before = s.http.seen.size();
    s.wanted_ = [](unsigned) { return false; };
    EXPECT_EQ(s.run(order()).result, outcome::superseded);
    EXPECT_EQ(s.http.seen.size(), before);
}
