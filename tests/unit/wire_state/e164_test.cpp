// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/e164.hpp"

#include <gtest/gtest.h>

using z360::wire::to_e164;

TEST(e164, web_04_every_usual_spelling_of_a_number_is_the_same_number) {
    for (const char* spelling :
         {"+15550100001", "15550100001", "+1 (555) 010-0001", "+1-555-010-0001", "1.555.010.0001",
          "0015550100001", "sip:+15550100001@sip.example.com", "SIP:15550100001@10.0.0.1:5060;transport=tls",
          "tel:+1-555-010-0001;ext=5", " +15550100001"})
        EXPECT_EQ(to_e164(spelling), "+15550100001") << spelling;
}

TEST(e164, web_04_what_is_no_number_is_refused_and_never_guessed) {
    for (const char* spelling :
         {"", "+", "anonymous", "sip:alice@example.com", "+1555010000a", "++15550100001", "1+5550100001",
          "12345", "+1234567890123456", "+0555010000", "00", "sip:@example.com", "+15550100001,+15550100002"})
        EXPECT_FALSE(to_e164(spelling)) << spelling;
}
