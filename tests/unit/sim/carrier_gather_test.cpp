// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Keys that whoever answered a number is asked to press.
#include "world.hpp"

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

namespace {

const std::string k_number = "+15550107777";

struct asked : world {
    std::string id;
    void begin(phone p, json extra = json::object()) {
        tel.set_phone(k_number, std::move(p));
        const auto caller = ring_in();
        const auto made = tel.handle(
            "POST", "/calls",
            json{
                {"connection_id", tel.settings().app_connection_id},
                {"to", k_number},
                {"from", "+15550109999"},
                {"link_to", caller}
            },
            now
        );
        id = made.body["data"]["call_control_id"];
        pass(1s);
        sent.clear();
        json b{{"payload", "0123456789"}, {"voice", "AWS.Polly.Joanna-Neural"},
               {"valid_digits", "1"},     {"maximum_digits", 1},
               {"maximum_tries", 2},      {"timeout_millis", 5'000}};
        b.update(extra);
        EXPECT_EQ(command(id, "gather_using_speak", b).status, 200);
    }
    json ended() { return last(id, "call.gather.ended"); }
};

} // namespace

TEST(gather, needs_an_answered_leg_and_a_text) {
    asked w;
    const auto caller = w.ring_in();
    const json b{{"payload", "x"}, {"voice", "v"}};
    EXPECT_EQ(code(w.command(caller, "gather_using_speak", b)), "90034");
    EXPECT_EQ(code(w.command(caller, "gather_using_speak", json{{"voice", "v"}})), "10004");
    EXPECT_EQ(
        code(w.command(
            caller, "gather_using_speak", json{{"payload", "x"}, {"voice", "v"}, {"maximum_digits", 200}}
        )),
        "10033"
    );
}

TEST(gather, a_key_that_counts_ends_it) {
    asked w;
    w.begin(phone::answers_and_presses(0ms, "1", 700ms));
    w.pass(699ms);
    EXPECT_TRUE(w.ended().is_null());
    w.pass(1ms);
    EXPECT_EQ(w.last(w.id, "call.dtmf.received")["digit"], "1");
    EXPECT_EQ(w.ended()["digits"], "1");
    EXPECT_EQ(w.ended()["status"], "valid");
}

TEST(gather, a_key_that_does_not_count_asks_again_and_at_last_ends_it) {
    asked w;
    w.begin(phone::answers_and_presses(0ms, "25", 300ms));
    w.pass(300ms);
    EXPECT_TRUE(w.ended().is_null()) << "asked again";
    w.pass(400ms);
    EXPECT_EQ(w.ended()["status"], "invalid");
    EXPECT_EQ(w.ended()["digits"], "");
}

TEST(gather, a_voicemail_presses_nothing_and_it_times_out_after_all_tries) {
    asked w;
    w.begin(phone::answers(0ms));
    w.pass(2 * (600ms + 5'000ms) - 1ms);
    EXPECT_TRUE(w.ended().is_null());
    w.pass(1ms);
    EXPECT_EQ(w.ended()["status"], "timeout");
}

TEST(gather, who_hangs_up_ends_it_before_the_leg) {
    asked w;
    w.begin(phone::answers_then_hangs_up(0ms, 2'000ms));
    w.pass(2s);
    EXPECT_EQ(w.ended()["status"], "call_hangup");
    EXPECT_EQ(w.events_of(w.id), (strings{"call.gather.ended", "call.hangup"}));
}

TEST(gather, several_keys_are_taken_up_to_the_most_or_the_last_one) {
    asked w;
    w.begin(
        phone::answers_and_presses(0ms, "12#", 100ms), json{{"valid_digits", "123"}, {"maximum_digits", 5}}
    );
    w.pass(2s);
    EXPECT_EQ(w.ended()["digits"], "12");
    EXPECT_EQ(w.ended()["status"], "valid");
}
