// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What an agent's address may be, and what its reference leaves behind (BE-27).
#include "wire/agent_uri.hpp"
#include "wire/reference_mask.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace z360;
using wire::read_agent_uri;

namespace {

const std::string k_reference = "0f8d3a51c2b94e7d8a6f5b1c2d3e4f50";

std::string masked(std::string body) {
    wire::mask_references(body);
    return body;
}

} // namespace

TEST(agent_uri, be_27_is_dialed_in_one_form) {
    EXPECT_EQ(read_agent_uri("sip:agent@agents.example"), "sip:agent@agents.example");
    EXPECT_EQ(read_agent_uri("SIPS:Agent.7@Agents.EXAMPLE:5061"), "sips:Agent.7@agents.example:5061");
    EXPECT_EQ(
        read_agent_uri("sip:a@pbx.example;Transport=TLS;secure=srtp"),
        "sip:a@pbx.example;transport=tls;secure=srtp"
    );
}

TEST(agent_uri, be_27_what_is_none_is_refused) {
    for (const char* bad :
         {"",
          "sip:",
          "sip:@",
          "sip:a@",
          "sip:agents.example",
          "tel:+13125550100",
          "http://a@agents.example",
          "sip:a:secret@agents.example",
          "sip:a@b@agents.example",
          "sip:a@localhost",
          "sip:gencredX@sip.telnyx.com.au",
          "sip:gencredX@telnyx.eu",
          "sip:gencredX@192.0.2.10",
          "sip:a@.example",
          "sip:a@agents..example",
          "sip:a@agents.example.",
          "sip:a@-agents.example",
          "sip:a@agents.example:",
          "sip:a@agents.example:0",
          "sip:a@agents.example:65536",
          "sip:a@agents.example:5060:1",
          "sip:a@agents.example;",
          "sip:a@agents.example;lr",
          "sip:a@agents.example;transport=tls;",
          "sip:a@agents.example?X-A=b",
          "sip:a%40b@agents.example",
          "sip:a\r\n@agents.example",
          "sip:a@agents.example\n",
          "sip:\xc3\xa4@agents.example"})
        EXPECT_FALSE(read_agent_uri(bad)) << bad;
    EXPECT_FALSE(read_agent_uri("sip:" + std::string(65, 'a') + "@agents.example"));
    EXPECT_FALSE(read_agent_uri("sip:a@" + std::string(250, 'a') + ".example"));
}

TEST(agent_uri, be_36_no_device_is_rung_by_it) {
    for (const char* bad :
         {"sip:gencredOfSomebody@sip.telnyx.com", "sip:a@telnyx.com", "sip:a@SIP.Telnyx.COM",
          "sip:a@sip-eu.telnyx.com"})
        EXPECT_FALSE(read_agent_uri(bad)) << bad;
    EXPECT_TRUE(read_agent_uri("sip:a@nottelnyx.com"));
}

TEST(reference_mask, be_27_a_repeated_reference_is_struck_out_and_nothing_else_changes) {
    const auto with = [](const std::string& value) {
        return R"({"data":{"payload":{"call_leg_id":"11111111-2222-8333-8444-555555555555","custom_headers":[{"name":"X-Z360-Reference","value":")" +
               value + R"("}],"other":"ffffffffffffffffffffffffffffffff"}}})";
    };
    EXPECT_EQ(masked(with(k_reference)), with(std::string(32, 'x')));
    EXPECT_EQ(
        masked(R"({"custom_headers" : [ {"value":")" + k_reference + R"(", "name":"x-z360-reference"} ] })"),
        R"({"custom_headers" : [ {"value":")" + std::string(32, 'x') + R"(", "name":"x-z360-reference"} ] })"
    );
}

TEST(reference_mask, bodies_without_one_stay_as_they_came) {
    for (const auto& body :
         {std::string(), std::string("not json"),
          R"({"custom_headers":[{"name":"X-Other","value":")" + k_reference + "\"}]}",
          R"({"custom_headers":null,"x":")" + k_reference + "\"}",
          R"("X-Z360-Reference":")" + k_reference + "\"", std::string("{\"custom_headers\":[")})
        EXPECT_EQ(masked(body), body);
}

TEST(reference_mask, be_27_a_body_that_is_cut_off_is_masked_to_its_end) {
    const auto cut = R"({"custom_headers":[{"name":"X-Z360-Reference","value":")" + k_reference;
    EXPECT_EQ(masked(cut).find(k_reference), std::string::npos);
}
