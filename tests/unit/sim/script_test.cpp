// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Reading of phones, faults and the unknowns from scripts.
#include "sim/carrier.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

using namespace z360;
using namespace z360::sim;

TEST(script, every_kind_of_phone_survives_the_round_trip) {
    auto asleep = phone::offline();
    asleep.wakes_after = millis{700};
    auto pushed = asleep;
    pushed.push_token = "a1b2c3";
    auto custom = phone::declines(millis{5});
    custom.hangup_cause = "call_rejected";
    custom.sip_code = "603";
    for (const auto& p :
         {phone::ignores(), phone::answers(millis{1}), phone::unreachable(), phone::busy(),
          phone::unallocated(), asleep, pushed, custom, phone::answers_then_hangs_up(millis{2}, millis{3}),
          phone::answers_then_drops(millis{4}, millis{5})})
        EXPECT_EQ(phone::from_json(p.to_json()), p) << p.to_json();
}

TEST(script, mistakes_are_refused_with_the_key) {
    const auto message = [](auto read, const char* text) {
        try {
            read(json::parse(text));
        } catch (const std::invalid_argument& e) {
            return std::string(e.what());
        }
        return std::string("accepted");
    };
    const auto read_phone = [](const json& j) { (void)phone::from_json(j); };
    const auto read_webhook = [](const json& j) { (void)webhook_fault::from_json(j); };
    const auto read_command = [](const json& j) { (void)command_fault::from_json(j); };
    const auto read_unknowns = [](const json& j) { (void)unknowns::from_json(j); };
    EXPECT_NE(message(read_phone, R"({"does":"sing"})").find("phone.does"), std::string::npos);
    EXPECT_NE(message(read_phone, R"({"after":5})").find("\"after\""), std::string::npos);
    EXPECT_NE(message(read_phone, R"({"does":"answer","after_ms":-1})").find("after_ms"), std::string::npos);
    EXPECT_NE(
        message(read_phone, R"({"does":"answer","push_token":"a1"})").find("push_token"), std::string::npos
    );
    EXPECT_NE(message(read_phone, R"([])").find("object"), std::string::npos);
    EXPECT_NE(message(read_webhook, R"({"drop":"yes"})").find("drop"), std::string::npos);
    EXPECT_NE(message(read_webhook, R"({"duplicates":5000})").find("duplicates"), std::string::npos);
    EXPECT_NE(message(read_command, R"({"status":200})").find("status"), std::string::npos);
    EXPECT_NE(message(read_command, R"({"one_sided":"both"})").find("one_sided"), std::string::npos);
    EXPECT_NE(
        message(read_unknowns, R"({"double_bridge":"maybe"})").find("double_bridge"), std::string::npos
    );
    EXPECT_EQ(
        message(read_unknowns, R"({"double_bridge":"ok_without_effect","fence_lag_ms":30})"), "accepted"
    );
}

TEST(script, every_switch_of_placed_calls_can_be_turned) {
    const auto u = unknowns::from_json(json::parse(
        R"({"from_sip_uri":"bare","speaks_to_parked_device":false,"transfer_answers_device":false,
            "transfer_records_target":true,"failed_transfer_ends_device":true,"transfer_outlives_device":true})"
    ));
    EXPECT_EQ(u.address, unknowns::device_address::bare);
    EXPECT_FALSE(u.speaks_to_parked_device);
    EXPECT_FALSE(u.transfer_answers_device);
    EXPECT_TRUE(u.transfer_records_target);
    EXPECT_TRUE(u.failed_transfer_ends_device);
    EXPECT_TRUE(u.transfer_outlives_device);
    EXPECT_EQ(unknowns::from_json(json{{"from_sip_uri", "none"}}).address, unknowns::device_address::none);
    EXPECT_THROW((void)unknowns::from_json(json{{"from_sip_uri", "tel"}}), std::invalid_argument);
}
