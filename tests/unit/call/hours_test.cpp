// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/call/hours.hpp>

#include <gtest/gtest.h>

using namespace z360::call;
using namespace std::chrono_literals;

namespace {

// Weekdays from nine to half past five with a break at noon; Saturday mornings; Christmas closed, the day
// before open in the morning alone.
opening_hours office() {
    opening_hours h;
    for (std::size_t day = 0; day < 5; ++day)
        h.week.at(day) = {{9 * 60, 12 * 60}, {13 * 60, 17 * 60 + 30}};
    h.week.at(5) = {{10 * 60, 24 * 60}};
    h.special.push_back({2026y / 12 / 24, "", {{8 * 60, 12 * 60}}});
    h.special.push_back({2026y / 12 / 25, "Christmas", {}});
    return h;
}

route_cause at(const char* text) {
    const auto wall = read_wall_time(text);
    EXPECT_TRUE(wall) << text;
    return wall ? cause_at(office(), *wall) : route_cause::blocked;
}

} // namespace

TEST(opening_hours, a_span_is_open_from_its_first_minute_and_not_in_its_last) {
    EXPECT_EQ(at("2026-11-30 08:59"), route_cause::closed); // a Monday
    EXPECT_EQ(at("2026-11-30 09:00"), route_cause::as_set);
    EXPECT_EQ(at("2026-11-30 11:59"), route_cause::as_set);
    EXPECT_EQ(at("2026-11-30 12:00"), route_cause::closed);
    EXPECT_EQ(at("2026-11-30 13:00"), route_cause::as_set);
    EXPECT_EQ(at("2026-11-30 17:29"), route_cause::as_set);
    EXPECT_EQ(at("2026-11-30 17:30"), route_cause::closed);
}

TEST(opening_hours, each_day_of_the_week_has_its_own) {
    EXPECT_EQ(at("2026-12-04 10:00"), route_cause::as_set); // Friday
    EXPECT_EQ(at("2026-12-05 09:00"), route_cause::closed); // Saturday
    EXPECT_EQ(at("2026-12-05 23:59"), route_cause::as_set);
    EXPECT_EQ(at("2026-12-06 00:00"), route_cause::closed); // Sunday
    EXPECT_EQ(at("2026-12-06 12:00"), route_cause::closed);
}

TEST(opening_hours, a_special_day_stands_for_its_day_of_the_week) {
    EXPECT_EQ(at("2026-12-24 08:30"), route_cause::as_set); // a Thursday, which opens at nine
    EXPECT_EQ(at("2026-12-24 13:30"), route_cause::holiday);
    EXPECT_EQ(at("2026-12-25 10:00"), route_cause::holiday);
    EXPECT_EQ(at("2027-12-25 10:00"), route_cause::as_set) << "of another year: an ordinary Saturday";
}

TEST(opening_hours, without_any_it_is_closed) {
    EXPECT_EQ(cause_at({}, *read_wall_time("2026-11-30 12:00")), route_cause::closed);
}

TEST(opening_hours, what_is_no_time_is_not_read) {
    for (const char* odd :
         {"", "2026-11-30", "2026-11-30T09:00", "2026-11-30 9:00", "2026-11-30 09:00:00", "2026-02-30 09:00",
          "2026-13-01 09:00", "2026-11-30 24:00", "2026-11-30 09:60", "2026-11-3a 09:00", "-026-11-30 09:00"})
        EXPECT_FALSE(read_wall_time(odd)) << odd;
    const auto noon = read_wall_time("2026-11-30 12:05");
    ASSERT_TRUE(noon);
    EXPECT_EQ(noon->minute, 725);
    EXPECT_EQ(noon->date, 2026y / 11 / 30);
}

TEST(route, be_24_a_number_says_what_is_recorded_of_its_talks_unless_the_organisation_demands_it) {
    using enum recording_policy;
    struct row {
        recording_policy organisation, number, comes_to;
        bool by_number;
    };
    for (const auto& r :
         {row{off, off, off, true}, row{off, on, on, true}, row{off, mandatory, mandatory, true},
          row{on, off, off, true}, row{on, on, on, true}, row{on, mandatory, mandatory, true},
          row{mandatory, off, mandatory, false}, row{mandatory, on, mandatory, false},
          row{mandatory, mandatory, mandatory, false}}) {
        policy rules;
        rules.record_calls = r.organisation != off;
        rules.recording_mandatory = r.organisation == mandatory;
        record_as_number_says(rules, r.number);
        EXPECT_EQ(recording_of(rules), r.comes_to) << name(r.organisation) << " " << name(r.number);
        EXPECT_EQ(rules.recorded_by_number, r.by_number) << name(r.organisation) << " " << name(r.number);
    }
}

TEST(route, be_24_policies_of_recording_are_found_by_their_names) {
    for (const auto p : {recording_policy::off, recording_policy::on, recording_policy::mandatory})
        EXPECT_EQ(recording_named(name(p)), p);
    EXPECT_EQ(recording_named("organization"), std::nullopt);
    EXPECT_EQ(recording_named(""), std::nullopt);
}

TEST(route, what_a_caller_meets_with) {
    route r;
    EXPECT_EQ(outcome_of(r), route_outcome::rejected);
    r.verdict = route_verdict::ring;
    EXPECT_EQ(outcome_of(r), route_outcome::voicemail);
    r.rules.takes_messages = false;
    EXPECT_EQ(outcome_of(r), route_outcome::announcement);
    r.rules.takes_messages = true;
    r.mobile = "+13125550199";
    EXPECT_EQ(outcome_of(r), route_outcome::ring);
    r.mobile.clear();
    r.targets.emplace_back();
    EXPECT_EQ(outcome_of(r), route_outcome::ring);
    r.verdict = route_verdict::blocked_caller;
    EXPECT_EQ(outcome_of(r), route_outcome::announcement);
    r.rules.voicemail_greeting.clear();
    EXPECT_EQ(outcome_of(r), route_outcome::rejected);
}
