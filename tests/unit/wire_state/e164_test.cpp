// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/countries.hpp"
#include "wire/e164.hpp"
#include "wire/party.hpp"

#include <gtest/gtest.h>

using namespace z360::wire;

TEST(e164, web_04_every_usual_spelling_of_a_number_is_the_same_number) {
    for (const char* spelling :
         {"+15550100001", "15550100001", "+1 (555) 010-0001", "+1-555-010-0001", "1.555.010.0001",
          "0015550100001", "sip:+15550100001@sip.example.com", "SIP:15550100001@10.0.0.1:5060;transport=tls",
          "tel:+1-555-010-0001;ext=5", " +15550100001"})
        EXPECT_EQ(to_e164(spelling), "+15550100001") << spelling;
}

TEST(e164, the_beginning_of_a_number_is_a_plus_and_up_to_fifteen_digits) {
    for (const char* good : {"+1", "+49", "+4930901820", "+123456789012345"})
        EXPECT_TRUE(is_beginning(good)) << good;
    for (const char* odd : {"", "+", "49", "0049", "+49 ", "+49x", "++49", "+1234567890123456", "+4-9"})
        EXPECT_FALSE(is_beginning(odd)) << odd;
}

TEST(e164, web_04_what_is_no_number_is_refused_and_never_guessed) {
    for (const char* spelling :
         {"",
          "+",
          "anonymous",
          "sip:alice@example.com",
          "+1555010000a",
          "++15550100001",
          "1+5550100001",
          "12345",
          "+1234567890123456",
          "+0555010000",
          "00",
          "sip:@example.com",
          "+15550100001,+15550100002",
          "3125550142",
          "5550100001",
          "0125550142",
          "2125550142",
          "11234567890",
          "19115550142",
          "03125550142",
          "21055501420",
          "011442071838750",
          "sip:3125550142@example.com",
          "tel:555-0142",
          "sip:example.com"})
        EXPECT_FALSE(to_e164(spelling)) << spelling;
}

TEST(e164, web_04_the_carriers_spellings_are_the_same_number) {
    for (const char* spelling :
         {"+1-312-555-0142",
          "13125550142",
          "sip:+13125550142@198.51.100.7;user=phone",
          "sip:%2B13125550142@example.com",
          "sip:%2b13125550142@example.com",
          "sips:13125550142@h",
          "+13125550142@203.0.113.9:5060",
          "13125550142@[2001:db8::1]:5060",
          "tel:+1-312-555-0142",
          "TEL:+1(312)555-0142",
          "tel:555-0142;phone-context=+1312",
          "<sip:+13125550142@h>;tag=7",
          "\"Ada L\" <sip:+13125550142@h;transport=tcp>",
          "sip:+13125550142;npdi;rn=+13125550100@h",
          "sip:+13125550142:secret@h",
          "\xC2\xA0+1 312 555 0142\r\n",
          "+1\xE2\x80\x91"
          "312\xE2\x80\x91"
          "5550142",
          "0013125550142",
          "sip:+13125550142",
          "+1 312 555.0142",
          "sip:+1(312)555-0142@h"})
        EXPECT_EQ(to_e164(spelling), "+13125550142") << spelling;
    EXPECT_EQ(to_e164("+44 (0)20 7183 8750"), "+442071838750");
    EXPECT_EQ(to_e164("442071838750"), "+442071838750") << "long enough to be international";
    EXPECT_EQ(to_e164("4930123456789"), "+4930123456789");
}

TEST(e164, web_04_a_number_without_a_calling_code_is_at_home_where_the_setting_says) {
    struct row {
        const char* country;
        const char* text;
        const char* right;
    };
    for (const auto& [country, text, right] : {
             row{"US", "3125550142", "+13125550142"},
             row{"us", "(312) 555-0142", "+13125550142"},
             row{"CA", "sip:3125550142@203.0.113.9", "+13125550142"},
             row{"US", "13125550142", "+13125550142"},
             row{"US", "011442071838750", "+442071838750"},
             row{"US", "442071838750", "+442071838750"},
             row{"GB", "020 7183 8750", "+442071838750"},
             row{"GB", "2071838750", "+442071838750"},
             row{"GB", "442071838750", "+442071838750"},
             row{"+44", "02071838750", "+442071838750"},
             row{"NL", "0255501420", "+31255501420"},
             row{"NL", "31255501420", "+31255501420"},
             row{"DE", "030 123456", "+4930123456"},
             row{"DE", "015112345678", "+4915112345678"},
             row{"IT", "0612345678", "+390612345678"},
             row{"BR", "31987654321", "+5531987654321"},
             row{"BR", "5531987654321", "+5531987654321"},
             row{"CN", "13812345678", "+8613812345678"},
             row{"DK", "32123456", "+4532123456"},
             row{"DK", "4532123456", "+4532123456"},
             row{"RU", "84951234567", "+74951234567"},
             row{"HU", "0612345678", "+3612345678"},
             row{"NL", "+13125550142", "+13125550142"},
             row{"NL", "0013125550142", "+13125550142"},
         })
        EXPECT_EQ(to_e164(text, z360::wire::calling_code(country)), right) << country << " " << text;
    for (const auto& [country, text, right] : {
             row{"NL", "3125550142", ""}, // ten digits are no number there
             row{"US", "5550142", ""},
             row{"US", "1125550142", ""},
             row{"GB", "12345", ""},
             row{"US", "anonymous", ""},
         })
        EXPECT_FALSE(to_e164(text, z360::wire::calling_code(country))) << country << " " << text;
}

TEST(default_countries, are_by_connection_and_a_wrong_one_is_named_with_the_fix) {
    const z360::wire::default_countries none;
    EXPECT_EQ(none.at("17"), "");
    const z360::wire::default_countries some({"GB", "17=us", "18=+31"});
    EXPECT_EQ(some.at("17"), "1");
    EXPECT_EQ(some.at("18"), "31");
    EXPECT_EQ(some.at("19"), "44");
    EXPECT_EQ(some.at(""), "44");
    for (const char* wrong : {"", "XX", "USA", "=US", "a=US", "17=", "17=ZZ", "+999", "999"}) {
        const auto fault = z360::wire::default_countries::fault_of(wrong);
        EXPECT_NE(fault.find("e.g. US"), std::string::npos) << wrong;
    }
    for (const char* right : {"US", "de", "+44", "44", "149=NL"})
        EXPECT_EQ(z360::wire::default_countries::fault_of(right), "") << right;
}

TEST(caller, one_caller_is_one_number_however_it_is_spelled) {
    for (const char* from :
         {"+1-312-555-0142", "13125550142", "sip:+13125550142@198.51.100.7;user=phone",
          "sip:%2B13125550142@example.com"}) {
        const auto p = read_caller(from);
        EXPECT_TRUE(p.is_number()) << from;
        EXPECT_EQ(p.text, "+13125550142") << from;
        EXPECT_EQ(read_called(from).text, "+13125550142") << from;
    }
}

TEST(caller, who_shows_no_number_is_withheld_in_one_form) {
    for (const char* from :
         {"",
          " ",
          "anonymous",
          "Anonymous",
          "ANONYMOUS",
          "Restricted",
          "unavailable",
          "Unavailable",
          "private",
          "Private Number",
          "unknown",
          "UNKNOWN",
          "withheld",
          "blocked",
          "No Caller ID",
          "no-caller-id",
          "Number Withheld",
          "Out of Area",
          "sip:anonymous@anonymous.invalid",
          "sip:restricted@203.0.113.9",
          "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=x",
          "sip:c8oqz84zk7z@privacy.invalid",
          "sip:unknown@unknown.invalid:5060",
          "sips:Unavailable@h",
          "tel:anonymous",
          "null",
          "sip:@h",
          "anonymous@anonymous.invalid",
          "\xC2\xA0"}) {
        const auto p = read_caller(from, "1");
        EXPECT_EQ(p.what, party_kind::withheld) << from;
        EXPECT_EQ(p.text, "withheld") << from;
        EXPECT_EQ(p.name, "") << from;
    }
    EXPECT_EQ(read_called("").what, party_kind::other) << "nobody withholds the number called";
}

TEST(caller, a_sip_address_keeps_who_it_is_and_drops_the_way_to_it) {
    struct row {
        const char* from;
        const char* text;
        const char* name;
    };
    for (const auto& [from, text, name] : {
             row{"sip:ada@example.com", "sip:ada@example.com", "ada"},
             row{"SIP:ada@Example.COM:5060;transport=tls", "sip:ada@example.com", "ada"},
             row{"sips:ada:pass@example.com", "sip:ada@example.com", "ada"},
             row{"\"Ada L\" <sip:ada@example.com>;tag=9", "sip:ada@example.com", "Ada L"},
             row{"Ada L <sip:ada@example.com>", "sip:ada@example.com", "Ada L"},
             row{"\"Anonymous\" <sip:ada@example.com>", "sip:ada@example.com", "ada"},
             row{"ada@example.com", "sip:ada@example.com", "ada"},
             row{"sip:1001@pbx.example.com", "sip:1001@pbx.example.com", "1001"},
             row{"sip:ada%20l@example.com", "sip:ada l@example.com", "ada l"},
             row{"sip:\x1b[31mada@example.com", "sip:[31mada@example.com", "[31mada"},
         }) {
        const auto p = read_caller(from);
        EXPECT_EQ(p.what, party_kind::sip_address) << from;
        EXPECT_EQ(p.text, text) << from;
        EXPECT_EQ(p.name, name) << from;
    }
}

TEST(caller, whatever_else_comes_is_bounded_and_no_number) {
    for (const char* from :
         {"911", "3125550142", "ACME", "+12", "\xff\xfe", "<", "sip:", "@", ">@<", "%", "sip:%@%"}) {
        EXPECT_FALSE(read_caller(from).is_number()) << from;
        EXPECT_FALSE(read_called(from).is_number()) << from;
    }
    const auto longer = read_caller("sip:" + std::string(9'000, 'a') + "@example.com");
    EXPECT_EQ(longer.what, party_kind::sip_address);
    EXPECT_LE(longer.text.size(), 256U);
    EXPECT_LE(longer.name.size(), 256U);
    EXPECT_LE(read_caller(std::string(9'000, 'x')).text.size(), 256U);
    EXPECT_LE(raw_party(std::string(9'000, 'x')).size(), 512U);
    EXPECT_EQ(raw_party(" sip:+13125550142@h "), " sip:+13125550142@h ");
}

TEST(e164, be_46_what_is_dialed_after_the_answer_is_told) {
    for (const char* longer :
         {"tel:+13125550142;ext=7", "sip:+13125550142;EXT=7@h;user=phone", "tel:+13125550142;isub=1",
          "<tel:+13125550142;phone-context=+1;postd=77>"})
        EXPECT_TRUE(has_extension(longer)) << longer;
    for (const char* plain :
         {"tel:+13125550142", "tel:555-0142;phone-context=+1312", "sip:ext=7@h", "+13125550142", ""})
        EXPECT_FALSE(has_extension(plain)) << plain;
}
