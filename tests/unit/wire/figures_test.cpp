// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What Telnyx measures and charges, as it may write it.
#include "wire/telnyx_figures.hpp"
#include "wire/telnyx_webhook.hpp"

#include <gtest/gtest.h>

using namespace z360;
using namespace z360::wire;
using nlohmann::json;

namespace {

call::media_figures heard(const char* stats) {
    return read_media_figures(json{{"call_quality_stats", json::parse(stats)}});
}

std::optional<call::event> event_of(json payload, const char* type) {
    payload["call_control_id"] = "v3:leg";
    const json sent{
        {"data",
         {{"event_type", type},
          {"id", "event-1"},
          {"occurred_at", "2026-11-30T09:00:00.250Z"},
          {"payload", std::move(payload)}}}
    };
    const auto read = parse_envelope(sent.dump());
    EXPECT_TRUE(read.event);
    return to_call_event(read.event.value_or(telnyx_webhook{}), std::nullopt);
}

} // namespace

TEST(figures, state_05_decimals_are_kept_as_they_were_told_and_nothing_else_is_one) {
    for (const char* good : {"0", "4.50", "-0.0038", "0.000000000001", "123456789012"})
        EXPECT_EQ(exact_decimal(good), good);
    for (const char* bad :
         {"", "-", ".5", "5.", "1e3", "NaN", "0x10", " 1", "1 ", "+1", "1,5", "1.2.3", "--1", "1234567890123",
          "0.0000000000001"})
        EXPECT_EQ(exact_decimal(bad), "") << bad;
}

TEST(figures, state_05_quality_is_read_of_texts_and_of_numbers) {
    const auto f = heard(R"({"inbound": {"mos": 4.5, "jitter_max_variance": "2.74", "packet_count": 591,
        "skip_packet_count": "9"}, "outbound": {"packet_count": "600.0", "skip_packet_count": 0}})");
    EXPECT_EQ(f.mos, "4.5");
    EXPECT_EQ(f.jitter, "2.74");
    EXPECT_EQ(f.packets_in, 591);
    EXPECT_EQ(f.skipped_in, 9);
    EXPECT_EQ(f.packets_out, 600);
    EXPECT_EQ(f.skipped_out, 0);
    EXPECT_FALSE(f.silent());
}

TEST(figures, state_05_what_makes_no_sense_is_left_out_and_the_rest_is_kept) {
    for (const char* nothing :
         {"null", "[]", "7", "\"x\"", "{}", R"({"inbound": null, "outbound": []})",
          R"({"inbound": {"mos": null, "packet_count": true}})"})
        EXPECT_TRUE(heard(nothing).empty()) << nothing;
    EXPECT_TRUE(read_media_figures(json::object()).empty());
    const auto f = heard(R"({"inbound": {"mos": "9.9", "jitter_max_variance": "-1", "packet_count": "-5",
        "skip_packet_count": "99999999999999999999999"}, "outbound": {"packet_count": "7"}})");
    EXPECT_EQ(f.mos, "");
    EXPECT_EQ(f.jitter, "");
    EXPECT_FALSE(f.packets_in || f.skipped_in);
    EXPECT_EQ(f.packets_out, 7);
}

TEST(figures, b7_a_direction_without_a_packet_is_silent_and_one_that_was_not_counted_is_not) {
    EXPECT_TRUE(heard(R"({"inbound": {"packet_count": "0"}})").silent());
    EXPECT_TRUE(heard(R"({"inbound": {"packet_count": "5"}, "outbound": {"packet_count": "0"}})").silent());
    EXPECT_FALSE(heard(R"({"inbound": {"mos": "4.1"}})").silent());
}

TEST(figures, a_hangup_brings_what_was_heard_of_its_leg) {
    const auto e = event_of({{"call_quality_stats", {{"inbound", {{"mos", "4.41"}}}}}}, "call.hangup");
    ASSERT_TRUE(e && std::holds_alternative<call::leg_hangup>(*e));
    EXPECT_EQ(std::get<call::leg_hangup>(*e).heard.mos, "4.41");
}

TEST(figures, a_cost_is_read_exactly_with_its_time_and_its_currency) {
    const auto e = event_of(
        {{"total_cost", "0.10"},
         {"status", "success"},
         {"billed_duration_secs", 120},
         {"cost_parts",
          {{{"call_part", "sip-trunking"}, {"cost", "0.0700"}, {"currency", "EUR"}, {"rate", "0.035"}},
           {{"call_part", "call-control"}, {"cost", "0.03"}, {"currency", "EUR"}},
           "no part"}}},
        "call.cost"
    );
    ASSERT_TRUE(e && std::holds_alternative<call::leg_charged>(*e));
    const auto& c = std::get<call::leg_charged>(*e).what;
    EXPECT_EQ(c.total, "0.10") << "the last zero is told, too";
    EXPECT_EQ(c.currency, "EUR");
    EXPECT_EQ(c.billed_secs, 120);
    EXPECT_FALSE(c.failed);
    EXPECT_EQ(iso8601(c.at), "2026-11-30T09:00:00.250Z");
    ASSERT_EQ(c.parts.size(), 2U);
    EXPECT_EQ(c.parts[0].cost, "0.0700");
    EXPECT_EQ(c.parts[1].rate, "");
}

TEST(figures, a_cost_that_could_not_be_worked_out_or_is_of_several_currencies_says_so) {
    const auto failed = read_charge({{"total_cost", nullptr}, {"status", "error"}, {"cost_parts", nullptr}});
    EXPECT_TRUE(failed.failed);
    EXPECT_EQ(failed.total, "");
    const auto mixed = read_charge(
        {{"total_cost", "1"},
         {"cost_parts", {{{"cost", "1"}, {"currency", "USD"}}, {{"cost", "1"}, {"currency", "EUR"}}}}}
    );
    EXPECT_EQ(mixed.currency, "");
    json many = json::array();
    for (int i = 0; i < 100; ++i)
        many.push_back({{"cost", "1"}, {"currency", "USD"}});
    EXPECT_EQ(read_charge({{"cost_parts", many}}).parts.size(), 32U);
}
