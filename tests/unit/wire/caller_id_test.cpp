// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/caller_id.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace z360::wire;

namespace {

constexpr const char* k_german = "+4930901820";
constexpr const char* k_american = "+13125550100";

int weight(const char* number, bool mine, bool usual, std::string_view to) {
    return caller_id_weight({number, mine, usual}, to);
}

} // namespace

TEST(
    caller_id, the_country_that_is_called_counts_more_than_whose_number_it_is_and_that_more_than_the_default
) {
    const std::string to = "+493012345678";
    EXPECT_GT(weight(k_german, false, false, to), weight(k_american, true, true, to));
    EXPECT_GT(weight(k_german, true, false, to), weight(k_german, false, true, to));
    EXPECT_GT(weight(k_german, false, true, to), weight(k_german, false, false, to));
    EXPECT_GT(weight(k_american, true, false, to), weight(k_american, false, true, to));
    EXPECT_EQ(weight(k_german, true, true, "+49"), weight(k_german, true, true, to))
        << "the beginning will do";
}

TEST(caller_id, what_is_no_international_number_is_called_in_no_country) {
    for (const char* to : {"", "+", "110", "112", "13125550142", "+999"})
        for (const char* number : {k_german, k_american})
            EXPECT_EQ(weight(number, false, false, to), 0) << to;
}
