// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/asked_pause.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace z360;
using adapter::telnyx::asked_pause;
using adapter::telnyx::parse_http_date;

namespace {

const time_point k_now{std::chrono::seconds{1'800'000'000}}; // Fri, 15 Jan 2027 08:00:00 GMT

std::optional<millis> pause(std::string name, std::string value, std::string date = {}) {
    http::headers h;
    h.add(std::move(name), std::move(value));
    if (!date.empty()) h.add("Date", std::move(date));
    return asked_pause(h, k_now);
}

} // namespace

TEST(asked_pause, http_dates_are_read_in_all_three_forms) {
    const time_point told{std::chrono::seconds{784'111'777}};
    for (const char* text :
         {"Sun, 06 Nov 1994 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "  Sun, 06 Nov 1994 08:49:37 gmt ",
          "Sun, 6 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 +0000",
          "Sun, 06 Nov 1994 08:49:37 -0000", "06 Nov 1994 08:49:37 GMT", "SUN, 06 NOV 1994 08:49:37 GMT"})
        EXPECT_EQ(parse_http_date(text), told) << text;
    EXPECT_EQ(parse_http_date("Friday, 15-Jan-27 08:00:00 GMT"), k_now)
        << "two digits of a year are of this century";
    for (const char* text :
         {"", "GMT", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
          "Sun, 06 Nov 1994 08:49:37 +0100", "06 Nov 1994 08:49:37", "6 1994",
          "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Now 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
          "Sun, 06 Nov 1994 08:60:37 GMT", "1994-11-06T08:49:37Z", "Sun, 99999999999 Nov 1994 08:49:37 GMT",
          "a b c d e f g", "a b c d e f g GMT"})
        EXPECT_FALSE(parse_http_date(text)) << text;
}

TEST(asked_pause, be_22_a_date_is_the_end_of_the_pause) {
    EXPECT_EQ(pause("Retry-After", "Fri, 15 Jan 2027 08:00:07 GMT"), millis{7'000});
    EXPECT_EQ(pause("Retry-After", "Fri, 15 Jan 2027 07:59:00 GMT"), millis{0}) << "over already";
    EXPECT_EQ(pause("Retry-After", "Fri, 15 Jan 2027 18:00:00 GMT"), millis{60'000}) << "at most a minute";
}

TEST(asked_pause, be_22_a_unix_time_is_the_end_of_the_pause_as_well) {
    EXPECT_EQ(pause("x-ratelimit-reset", "1800000012"), millis{12'000});
    EXPECT_EQ(pause("x-ratelimit-reset", "1800000012.5"), millis{12'500});
    EXPECT_EQ(pause("x-ratelimit-reset", "1800000012000"), millis{12'000}) << "in milliseconds";
    EXPECT_EQ(pause("x-ratelimit-reset", "1799999999"), millis{0});
    EXPECT_EQ(pause("x-ratelimit-reset", "12"), millis{12'000}) << "a small number is a number of seconds";
    EXPECT_EQ(pause("retry-after-ms", "1800000012000"), millis{60'000}) << "never a time of day";
}

TEST(asked_pause, be_22_whatever_form_a_server_chooses_the_pause_is_the_same) {
    for (const char* header : {"Retry-After", "retry-after", "X-RateLimit-Reset", "x-ratelimit-reset"})
        for (const char* value :
             {"7", "7.0", " 7 ", "7.000", "1800000007", "1800000007.0", "1800000007000", "1800000007000000",
              "1800000007000000000", "Fri, 15 Jan 2027 08:00:07 GMT", "Friday, 15-Jan-27 08:00:07 GMT",
              "Fri Jan 15 08:00:07 2027", "2027-01-15T08:00:07Z", "2027-01-15T09:00:07.000+01:00"})
            EXPECT_EQ(pause(header, value), millis{7'000}) << header << ": " << value;
    EXPECT_EQ(pause("Retry-After", "2027-01-15T08:00:07.250Z"), millis{7'250});
    EXPECT_EQ(pause("Retry-After", "2027-01-15T07:00:00Z"), millis{0}) << "over already";
    for (const char* nonsense : {"7s", "7,8", "0x7", "1e", "2027-01-15", "15 Jan", "tomorrow", "-7", "٧"})
        EXPECT_FALSE(pause("Retry-After", nonsense)) << nonsense;
}

TEST(asked_pause, i19_the_servers_own_date_is_what_its_times_are_measured_by) {
    const char* behind = "Fri, 15 Jan 2027 07:00:00 GMT"; // an hour behind our clock
    EXPECT_EQ(pause("Retry-After", "Fri, 15 Jan 2027 07:00:05 GMT", behind), millis{5'000});
    EXPECT_EQ(pause("x-ratelimit-reset", "1799996405", behind), millis{5'000});
    EXPECT_EQ(pause("Retry-After", "5", behind), millis{5'000});
    EXPECT_EQ(pause("Retry-After", "Fri, 15 Jan 2027 08:00:05 GMT", "yesterday"), millis{5'000});
}
