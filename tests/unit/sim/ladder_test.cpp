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
