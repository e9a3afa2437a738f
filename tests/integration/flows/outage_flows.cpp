// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Telnyx's API refuses or is away while legs must be ended (BE-22).
#include "integration/flows/flow.hpp"
#include "integration/flows/watch.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

class outage_flow : public flow {
  protected:
    /// Two ringing phones whose caller leaves while every hang-up gets this status, until the API is mended.
    void leave_while(int status) {
        rig_options o;
        o.devices = 2;
        r_ = &set_up(std::move(o));
        caller_ = r_->call();
        session_ = r_->session(caller_);
        ASSERT_TRUE(r_->ringing(session_, 2));
        auto broken = fault_of("hangup", "device");
        broken.fail_status = status;
        r_->carrier().add_fault(broken);
        r_->carrier().caller_hangs_up(caller_);
        ASSERT_TRUE(eventually([this] { return commands(*r_, "hangup", session_).size() >= 2; }));
        EXPECT_FALSE(r_->quiet(session_, 0, 1s));
    }
    void mend_and_expect_quiet(millis limit) {
        r_->carrier().with([](sim::carrier& c, time_point) { c.clear_faults(); });
        EXPECT_TRUE(r_->quiet(session_, 0, limit));
        EXPECT_EQ(r_->accepted("hangup", session_), 2U) << "each took effect once";
        for (const auto& a : commands(*r_, "hangup", session_))
            for (const auto& b : commands(*r_, "hangup", session_))
                if (a.call_control_id == b.call_control_id) EXPECT_EQ(a.command_id, b.command_id);
    }
    rig* r_ = nullptr;
    std::string caller_;
    std::string session_;
};

} // namespace

TEST_F(outage_flow, be_22_hang_ups_with_a_rejected_key_go_through_by_themselves_when_it_works_again) {
    leave_while(401);
    EXPECT_EQ(r_->server().metric("telnyx_key_rejected{client=\"commands\"}"), 1);
    EXPECT_EQ(r_->server().metric("telnyx_insisting"), 2);
    EXPECT_EQ(commands(*r_, "hangup", session_).size(), 2U) << "nobody asks again at once";
    mend_and_expect_quiet(8s);
    EXPECT_TRUE(eventually([this] { return r_->server().metric("telnyx_insisting") == 0; }));
    EXPECT_EQ(r_->server().metric("telnyx_key_rejected{client=\"commands\"}"), 0);
}

TEST_F(outage_flow, be_22_hang_ups_that_are_not_allowed_are_repeated_and_say_nothing_about_the_key) {
    leave_while(403);
    EXPECT_EQ(r_->server().metric("telnyx_key_rejected{client=\"commands\"}"), 0);
    mend_and_expect_quiet(8s);
}

TEST_F(outage_flow, be_22_hang_ups_of_an_outage_arrive_after_it) {
    leave_while(503);
    mend_and_expect_quiet(6s);
}
