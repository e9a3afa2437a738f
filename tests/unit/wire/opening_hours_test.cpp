// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/opening_hours.hpp"

#include <gtest/gtest.h>

using namespace z360;
using nlohmann::json;
using wire::hours_fault;

namespace {

std::string faults_of(const json& from) {
    std::vector<hours_fault> faults;
    (void)wire::read_opening_hours(from, faults);
    std::string out;
    for (const auto& f : faults)
        out += (out.empty() ? "" : " ") + f.field;
    return out;
}

json with_monday(json spans) {
    return {{"week", {{"monday", std::move(spans)}}}};
}

json with_special(json day) {
    return {{"week", json::object()}, {"special_days", json::array({std::move(day)})}};
}

} // namespace

TEST(opening_hours_json, what_was_written_is_read_again) {
    const json from{
        {"week",
         {{"monday", {{{"from", "13:00"}, {"to", "24:00"}}, {{"from", "00:00"}, {"to", "12:30"}}}},
          {"sunday", json::array()}}},
        {"special_days",
         {{{"date", "2026-12-31"}, {"open", {{{"from", "09:00"}, {"to", "12:00"}}}}},
          {{"date", "2026-12-25"}, {"name", "Christmas"}}}},
        {"something_else", 1}
    };
    std::vector<hours_fault> faults;
    const auto hours = wire::read_opening_hours(from, faults);
    EXPECT_TRUE(faults.empty());
    EXPECT_EQ(hours.week[0], (std::vector<call::open_span>{{0, 750}, {780, 1440}})) << "in their order";
    EXPECT_TRUE(hours.week[6].empty());
    ASSERT_EQ(hours.special.size(), 2U);
    EXPECT_EQ(hours.special[0].name, "Christmas");
    EXPECT_TRUE(hours.special[0].spans.empty());
    const auto text = wire::to_json(hours);
    EXPECT_EQ(text["week"]["monday"][1]["to"], "24:00");
    EXPECT_EQ(text["special_days"][1]["date"], "2026-12-31");
    EXPECT_EQ(wire::read_opening_hours(text, faults), hours);
    EXPECT_TRUE(faults.empty());
}

TEST(opening_hours_json, what_cannot_be_is_told_by_its_place_and_nothing_of_it_is_taken) {
    const auto span = [](const char* from, const char* to) { return json{{"from", from}, {"to", to}}; };
    EXPECT_EQ(faults_of(json::array()), "week");
    EXPECT_EQ(faults_of(json::object()), "week");
    EXPECT_EQ(faults_of({{"week", 5}}), "week");
    EXPECT_EQ(faults_of({{"week", {{"Monday", json::array()}}}}), "week");
    for (const json& odd :
         {json("all day"), json{{"from", "09:00"}}, json::array({5}), json::array({span("9:00", "12:00")}),
          json::array({span("24:00", "24:00")}), json::array({span("12:00", "09:00")}),
          json::array({span("09:00", "09:00")}), json::array({span("09:00", "24:01")}),
          json::array({span("09:00", "12:00"), span("11:59", "13:00")}), json(13, span("09:00", "10:00"))}) {
        EXPECT_EQ(faults_of(with_monday(odd)), "week.monday") << odd;
        std::vector<hours_fault> faults;
        EXPECT_TRUE(wire::read_opening_hours(with_monday(odd), faults).week[0].empty()) << odd;
    }
    EXPECT_EQ(faults_of({{"week", json::object()}, {"special_days", "none"}}), "special_days");
    for (const json& odd :
         {json(5), json::object(), json{{"date", "25.12.2026"}}, json{{"date", "2026-02-30"}}})
        EXPECT_EQ(faults_of(with_special(odd)), "special_days.0.date") << odd;
    EXPECT_EQ(
        faults_of(with_special({{"date", "2026-12-25"}, {"name", std::string(101, 'x')}})),
        "special_days.0.name"
    );
    EXPECT_EQ(faults_of(with_special({{"date", "2026-12-25"}, {"open", true}})), "special_days.0.open");
    json twice{{"week", json::object()}};
    twice["special_days"] = json::array({{{"date", "2026-12-25"}}, {{"date", "2026-12-25"}}});
    EXPECT_EQ(faults_of(twice), "special_days.1.date");
}

TEST(opening_hours_json, hours_that_touch_do_not_overlap) {
    EXPECT_EQ(
        faults_of(with_monday({{{"from", "09:00"}, {"to", "12:00"}}, {{"from", "12:00"}, {"to", "13:00"}}})),
        ""
    );
}
