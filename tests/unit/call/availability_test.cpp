// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/call/availability.hpp>
#include <z360/call/route.hpp>

#include <gtest/gtest.h>

using namespace z360;
using namespace z360::call;

namespace {

occupation talks(second_call policy) {
    return {.do_not_disturb = false, .talks = true, .policy = policy};
}

target at(std::int64_t device, kept_out why, std::int64_t identity = 0) {
    target t;
    t.device = {device};
    t.identity = {identity != 0 ? identity : device + 100};
    t.left_out = why;
    return t;
}

} // namespace

TEST(availability, state_02_call_waiting_rings_the_device_of_the_talk_as_well) {
    EXPECT_EQ(keeps_out(talks(second_call::ring), false, true), kept_out::none);
    EXPECT_EQ(keeps_out_mobile(talks(second_call::ring)), kept_out::none);
}

TEST(availability, state_02_others_leaves_out_the_device_of_the_talk_alone) {
    EXPECT_EQ(keeps_out(talks(second_call::others), false, true), kept_out::busy);
    EXPECT_EQ(keeps_out(talks(second_call::others), false, false), kept_out::none);
}

TEST(availability, state_02_none_leaves_out_every_device_of_who_talks_anywhere) {
    EXPECT_EQ(keeps_out(talks(second_call::none), false, false), kept_out::busy);
    EXPECT_EQ(keeps_out({.policy = second_call::none}, false, false), kept_out::none);
}

TEST(availability, state_02_the_mobile_number_is_for_whom_nothing_reaches_and_whoever_talks_was_reached) {
    EXPECT_EQ(keeps_out_mobile(talks(second_call::others)), kept_out::busy);
    EXPECT_EQ(keeps_out_mobile(talks(second_call::none)), kept_out::busy);
    EXPECT_EQ(keeps_out_mobile({}), kept_out::none);
}

TEST(availability, do_not_disturb_of_a_person_holds_everywhere_and_of_a_device_there) {
    const occupation person{.do_not_disturb = true, .talks = false, .policy = second_call::ring};
    EXPECT_EQ(keeps_out(person, false, false), kept_out::do_not_disturb);
    EXPECT_EQ(keeps_out_mobile(person), kept_out::do_not_disturb);
    EXPECT_EQ(keeps_out({}, true, false), kept_out::do_not_disturb);
    EXPECT_EQ(keeps_out({}, false, false), kept_out::none);
}

TEST(availability, policies_are_read_by_the_names_that_they_are_written_with) {
    for (const auto p : {second_call::ring, second_call::others, second_call::none})
        EXPECT_EQ(second_call_named(name(p)), p);
    EXPECT_EQ(second_call_named("busy"), std::nullopt);
}

TEST(availability, state_02_a_heeded_route_rings_nobody_who_is_left_out_and_says_whom) {
    route r;
    r.verdict = route_verdict::ring;
    r.mobile = "+15550107777";
    r.mobile_left_out = kept_out::busy;
    r.targets = {
        at(1, kept_out::busy), at(1, kept_out::busy, 7), at(2, kept_out::none),
        at(3, kept_out::do_not_disturb)
    };
    heed_cause(r);
    ASSERT_EQ(r.targets.size(), 1U);
    EXPECT_EQ(r.targets.front().device, device_id{2});
    EXPECT_EQ(count_left_out(r, kept_out::busy), 1U) << "a device in rotation counts once";
    EXPECT_EQ(count_left_out(r, kept_out::do_not_disturb), 1U);
    EXPECT_EQ(r.mobile, "");
}

TEST(availability, i_21_a_call_that_rings_already_leaves_out_nobody) {
    route r;
    r.verdict = route_verdict::ring;
    r.cause = route_cause::closed;
    r.mobile = "+15550107777";
    r.mobile_left_out = kept_out::busy;
    r.targets = {at(1, kept_out::busy)};
    heed_nothing(r);
    heed_cause(r);
    EXPECT_EQ(r.targets.size(), 1U);
    EXPECT_EQ(r.mobile, "+15550107777");
}
