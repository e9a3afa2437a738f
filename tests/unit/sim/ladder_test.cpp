// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/ladder.hpp"
#include "world.hpp"

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

TEST(ladder, shows_every_lane_in_time_order_from_the_calls_arrival) {
    world w;
    const auto r = w.two_answered();
    for (const auto& hook : w.sent)
        w.tel.record_attempt(hook.record, {"http://x.invalid", w.now, w.now + 7ms, 200, ""});
    w.join(r.first, r.caller);
    w.join(r.second, r.caller, false);
    w.tel.caller_hangs_up(r.caller, w.now + 1s);
    const auto rungs = ladder_of(w.tel, w.tel.session_of(r.caller));
    for (std::size_t i = 1; i < rungs.size(); ++i)
        EXPECT_LE(rungs[i - 1].at, rungs[i].at);
    const auto text = render(rungs, {});
    for (const char* part :
         {"+0 ms  caller      calls +15550100002", "call.answered one", "200 after 7 ms", "dial two",
          "bridge one with caller", "caller and one talk", "SECOND BRIDGE", "caller and two end", "hangs up"})
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}
TEST(ladder, shows_what_a_device_of_ours_calls) {
    world w;
    w.tel.set_default_phone(phone::answers(10ms));
    const auto id = w.tel.device_calls("one", "+15550100009", json(), w.now);
    w.command(id, "transfer", json{{"to", "+15550100009"}});
    w.pass(1s);
    w.tel.device_hangs_up(id, w.now);
    const auto text = render(ladder_of(w.tel, w.tel.session_of(id), {{"one", "Ada's iPhone"}}), {});
    for (const char* part :
         {"Ada's iPhone calls +15550100009", "transfer Ada's iPhone to +15550100009", "+15550100009 ringing",
          "Ada's iPhone and +15550100009 talk", "Ada's iPhone hangs up"})
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}
TEST(ladder, decision_lines_are_read_leniently) {
    const auto d = read_decisions(
        "noise\n{\"at\":\"2026-01-01T00:00:00.005Z\",\"what\":\"claimed\",\"detail\":\"leg=1\"}\n"
        "{\"at\":7,\"what\":\"later\",\"detail\":null}\n{\"at\":\"nonsense\",\"what\":\"x\"}\n{\"what\":"
        "\"x\"}"
    );
    ASSERT_EQ(d.size(), 2U);
    EXPECT_EQ(d[0].at, *parse_iso8601("2026-01-01T00:00:00.005Z"));
    EXPECT_EQ(d[0].detail, "leg=1");
    EXPECT_EQ(d[1].at, time_point{7ms});
}
TEST(ladder, columns_line_up_and_colour_is_optional) {
    const rung r{time_point{5ms}, lane::webhook, "call.initiated caller", "200", false};
    const rung s{time_point{5ms}, lane::phone, "one ringing and ringing", "x", false};
    const auto column = [](const std::string& line) {
        return line.find("call.initiated") == std::string::npos ? line.find("one ringing")
                                                                : line.find("call.initiated");
    };
    EXPECT_EQ(column(render(r, {})), column(render(s, {})) + 2) << "the arrow takes three bytes, one column";
    EXPECT_EQ(render(r, {}).find('\033'), std::string::npos);
    EXPECT_NE(render(r, {true, std::nullopt}).find('\033'), std::string::npos);
}
TEST(ladder, phones_have_the_names_that_people_gave_them_in_every_lane) {
    world w;
    const auto r = w.two_answered();
    for (const auto& hook : w.sent)
        w.tel.record_attempt(hook.record, {"http://x.invalid", w.now, w.now + 7ms, 200, ""});
    w.join(r.first, r.caller);
    const phone_names names{{"one", "Ada's iPhone"}};
    const auto text = render(ladder_of(w.tel, w.tel.session_of(r.caller), names), {});
    for (const char* part :
         {"call.answered Ada's iPhone", "dial Ada's iPhone", "bridge Ada's iPhone with caller",
          "caller and Ada's iPhone talk", "dial two"})
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    EXPECT_EQ(text.find("dial one"), std::string::npos) << text;
}
TEST(ladder, push_02_pushes_have_a_lane_and_decisions_name_the_phone_instead_of_its_ids) {
    const auto d = read_decisions(
        R"({"at":1,"source":"command","channel":"push","what":"incoming_call","detail":"command_id=x-1","who":"Ada's iPhone"})"
        "\n"
        R"({"at":2,"source":"note","what":"push_accepted","detail":"device=7 what=incoming_call by=apns","who":"Ada's iPhone"})"
        "\n"
        R"({"at":3,"source":"note","what":"push_failed","detail":"device=8 what=incoming_call code=no_token","who":"Tab"})"
        "\n"
        R"({"at":4,"source":"outcome","channel":"push","what":"incoming_call","detail":"status=done"})"
        "\n"
        R"({"at":5,"source":"note","what":"winner_claimed","detail":"leg=0ccc7b54 epoch=1","who":"Ada's iPhone"})"
        "\n"
        R"({"device":{"name":"Ada's iPhone"}})"
    );
    ASSERT_EQ(d.size(), 4U) << "outcomes of pushes are told by their notes";
    EXPECT_EQ(d[0].where, lane::push);
    EXPECT_EQ(d[0].what, "incoming_call Ada's iPhone");
    EXPECT_EQ(d[0].detail, "");
    EXPECT_EQ(d[1].where, lane::push);
    EXPECT_EQ(d[1].what, "incoming_call Ada's iPhone accepted");
    EXPECT_EQ(d[1].detail, "by=apns");
    EXPECT_FALSE(d[1].trouble);
    EXPECT_EQ(d[2].what, "incoming_call Tab failed");
    EXPECT_EQ(d[2].detail, "code=no_token");
    EXPECT_TRUE(d[2].trouble);
    EXPECT_EQ(d[3].where, lane::decision);
    EXPECT_EQ(d[3].what, "winner_claimed Ada's iPhone");
    EXPECT_EQ(d[3].detail, "epoch=1");
}
