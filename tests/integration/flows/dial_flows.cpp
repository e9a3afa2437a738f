// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Dials that fail: tried again while it makes sense, never after the end, never twice for one device.
#include "integration/flows/flow.hpp"
#include "integration/flows/watch.hpp"

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

class dial_flow : public flow {
  protected:
    rig& devices(int n, sim::carrier_settings carrier = {}) {
        rig_options o;
        o.devices = n;
        o.carrier = std::move(carrier);
        return set_up(std::move(o));
    }
};

sim::command_fault failing(int status, std::string code = {}, std::string leg = {}) {
    auto f = fault_of("dial", std::move(leg));
    f.fail_status = status;
    f.fail_code = std::move(code);
    return f;
}

millis since_call(rig& r, const std::string& caller) {
    const auto now = r.carrier().with([](sim::carrier&, time_point t) { return t; });
    return now - leg(r, caller).began;
}

} // namespace

TEST_F(dial_flow, be_22_a_dial_that_is_not_allowed_fails_alone_and_is_explained_in_telnyxs_words) {
    auto& r = devices(2);
    for (const auto& [status, code] :
         {std::pair{403, "10010"}, std::pair{402, "20100"}, std::pair{422, "10016"}}) {
        SCOPED_TRACE(status);
        auto f = failing(status, code, r.device(1));
        f.match.times = 1;
        r.carrier().add_fault(f);
        const auto caller = r.call();
        const auto session = r.session(caller);
        ASSERT_TRUE(r.ringing(session, 1));
        std::string told;
        EXPECT_TRUE(eventually([&] {
            told = r.sql(
                "select detail from call_events join calls using (call_id) where call_session_id = '" +
                session + "' and what = 'dial_failed'"
            );
            return !told.empty();
        }));
        EXPECT_NE(told.find(std::string("code=") + code + " title=\""), std::string::npos) << told;
        const auto explained = r.run("--explain " + session);
        EXPECT_NE(
            explained.find("did not ring: Telnyx refused the dial: " + std::string(code)), std::string::npos
        ) << explained;
        for (const auto& part :
             {std::string("code=") + code, std::string("title=\"")}) // perhaps on two lines
            EXPECT_NE(explained.find(part), std::string::npos) << explained;
        EXPECT_EQ(r.server().metric("telnyx_key_rejected{client=\"commands\"}"), 0);
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.quiet(session));
        const auto next = r.call();
        EXPECT_TRUE(r.ringing(r.session(next), 2)) << "the next call rings both";
        r.carrier().caller_hangs_up(next);
        EXPECT_TRUE(r.quiet(r.session(next)));
    }
}

TEST_F(dial_flow, mob_18_pending_retry_dies_with_the_call_and_the_next_call_rings) {
    auto& r = devices(2);
    r.carrier().add_fault(failing(503));
    const auto caller = r.call();
    const auto session = r.session(caller);
    // Sent, repeated at once, repeated after a quarter of a second: the next is due in 750 ms.
    ASSERT_TRUE(asked(r, "dial", session, 6));
    r.carrier().caller_hangs_up(caller);
    r.carrier().with([](sim::carrier& c, time_point) { c.clear_faults(); });
    ASSERT_TRUE(ended_as(r, session, "caller_cancelled"));
    const auto again = r.call(); // the same person
    ASSERT_NE(again, caller);
    EXPECT_TRUE(r.ringing(r.session(again), 2, 2s));
    RecordProperty("second_call_rings_ms", static_cast<int>(since_call(r, again).count()));
    EXPECT_TRUE(over_for_good(r, caller, 2500ms)); // longer than the longest pause of the retry ladder
    EXPECT_EQ(r.accepted("dial", session), 0U);
    EXPECT_EQ(r.sql("select count(*) from calls"), "2");
    r.carrier().caller_hangs_up(again);
    EXPECT_TRUE(r.quiet(r.session(again)));
}

TEST_F(dial_flow, be_10_short_outage_of_dialing_is_ridden_out) {
    auto& r = devices(5);
    auto outage = failing(503);
    outage.match.until = 1500ms;
    r.carrier().add_fault(outage);
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 5, 5s));
    const auto took = since_call(r, caller);
    RecordProperty("all_ring_ms", static_cast<int>(took.count()));
    EXPECT_LE(took, 5s);
    EXPECT_EQ(r.accepted("dial", session), 5U); // complaints() at the end: one leg per device
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}

TEST_F(dial_flow, be_10_devices_refused_for_good_do_not_stop_the_others) {
    auto& r = devices(4);
    r.carrier().add_fault(failing(422, "90043", r.device(1)));
    r.carrier().add_fault(failing(422, "90043", r.device(3)));
    r.phone(4, phone::answers(400ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 2, 2s));
    ASSERT_TRUE(r.joined(caller));
    EXPECT_EQ(joined_to(r, caller), r.device(4));
    EXPECT_EQ(commands(r, "dial", session).size(), 4U); // what is refused for good is not repeated
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}

TEST_F(dial_flow, be_10_every_device_refused_for_good_is_voicemail_within_4_s) {
    auto& r = devices(3);
    r.carrier().add_fault(failing(422, "90043"));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.commanded("speak", session, 1, 4s));
    RecordProperty("voicemail_after_ms", static_cast<int>(since_call(r, caller).count()));
    EXPECT_EQ(commands(r, "dial", session).size(), 3U);
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_TRUE(ended_as(r, session, "voicemail"));
}

// The carrier takes three dials in two seconds; the others are told to wait and get through afterwards.
TEST_F(dial_flow, be_10_dial_rate_limit_of_the_carrier_is_obeyed) {
    sim::carrier_settings narrow;
    narrow.dials_per_window = 3;
    narrow.dial_window = 2s;
    auto& r = devices(5, narrow);
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 3, 2s));
    ASSERT_TRUE(r.ringing(session, 5, 8s));
    const auto all = commands(r, "dial", session);
    const auto turned_away =
        std::count_if(all.begin(), all.end(), [](const auto& d) { return d.code == "90103"; });
    EXPECT_GE(turned_away, 2);
    EXPECT_LE(turned_away, 10) << "told to wait, the server keeps knocking";
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}

// 429 leaves the way to hang-ups free.
TEST_F(dial_flow, be_10_caller_who_leaves_during_the_rate_limit_is_not_called_back) {
    auto& r = devices(3);
    auto limit = failing(429, "90103", r.device(3));
    limit.match.until = 1200ms;
    r.carrier().add_fault(limit);
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 2));
    ASSERT_TRUE(asked(r, "dial", session, 4)); // refused at least twice
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session, 0, 2s));
    EXPECT_TRUE(over_for_good(r, caller, 2500ms));
    EXPECT_FALSE(device_leg(r, session, 3).ringing_since);
}
