// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What apps ask of a call that rings them, over the real process.
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"
#include "integration/flows/watch.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

class request_flow : public flow {
  protected:
    rig& apps() {
        rig_options o;
        o.devices = 0;
        return set_up(std::move(o));
    }
};

api_reply ask(const app& a, const std::string& session, const std::string& what) {
    return a.client.post("/api/voip/calls/" + session + "/" + what, json::object());
}

} // namespace

TEST_F(request_flow, b_44_one_device_declines_and_the_other_gets_the_caller) {
    auto& r = apps();
    const auto phone = install(r, "phone", "ios");
    const auto tablet = install(r, "tablet", "android");
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 2));
    const auto declined = ask(phone, session, "decline");
    ASSERT_EQ(declined.status, 200) << declined.body;
    EXPECT_EQ(declined.data().at("reason"), "declined");
    EXPECT_TRUE(eventually([&] { return !leg_of(r, session, phone).alive(); }));
    EXPECT_TRUE(leg_of(r, session, tablet).ringing());
    ASSERT_TRUE(answers(r, session, tablet));
    ASSERT_TRUE(r.joined(caller));
    const auto late = ask(tablet, session, "decline");
    EXPECT_EQ(late.status, 409) << late.body;
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}

TEST_F(request_flow, b_44_when_the_last_device_declines_the_caller_gets_voicemail) {
    auto& r = apps();
    const auto phone = install(r, "phone", "ios");
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 1));
    ASSERT_EQ(ask(phone, session, "decline").status, 200);
    EXPECT_TRUE(r.phase(session, "voicemail"));
    EXPECT_TRUE(eventually([&] { return !leg_of(r, session, phone).alive(); }));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}

TEST_F(request_flow, be_09_a_device_that_says_it_answered_is_joined_though_the_report_is_lost) {
    auto& r = apps();
    const auto phone = install(r, "phone", "ios");
    sim::webhook_fault f;
    f.event_type = "call.answered";
    f.match.leg = "device";
    f.drop = true;
    r.carrier().add_fault(f);
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 1));
    ASSERT_EQ(ask(phone, session, "answered").status, 200); // too early: nobody is joined by a word
    EXPECT_FALSE(r.joined(caller, 0ms));
    ASSERT_TRUE(answers(r, session, phone));
    ASSERT_EQ(ask(phone, session, "answered").status, 200);
    EXPECT_TRUE(r.joined(caller, 5s));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}
