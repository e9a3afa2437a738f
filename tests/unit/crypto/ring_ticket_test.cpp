// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/ring_ticket.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

using namespace z360;
using adapter::crypto::ring_ticket;
using adapter::crypto::ring_ticket_codec;

namespace {

const ring_ticket_codec k_codec(secret("a key of tests"), secret());

ring_ticket sample() {
    ring_ticket t;
    t.call = call_id{uuid{0x0b0c8f521f6e4a5b, 0x9d392f0f5d0a7c00}};
    t.ring = 2;
    t.device = device_id{17};
    t.user = user_id{42};
    t.org = org_id{7};
    t.until = time_point{millis{1'800'000'030'000}};
    return t;
}

} // namespace

TEST(ring_ticket, mob_05_what_was_signed_is_read_back) {
    const auto text = k_codec.sign(sample());
    EXPECT_LE(text.reveal().size(), 110U) << "a push has little room";
    const auto back = k_codec.open(text.reveal());
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, sample());
    auto odd = sample();
    odd.until += millis{1};
    EXPECT_EQ(k_codec.open(k_codec.sign(odd).reveal())->until, sample().until + millis{1'000});
}

TEST(ring_ticket, mob_05_each_field_and_the_key_count) {
    const auto text = std::string(k_codec.sign(sample()).reveal());
    auto other = sample();
    other.device = device_id{18};
    EXPECT_NE(k_codec.sign(other).reveal(), text);
    const ring_ticket_codec stranger(secret("another key"), secret());
    EXPECT_FALSE(stranger.open(text));
    EXPECT_TRUE(ring_ticket_codec(secret(), secret("a key of tests")).open(text)) << "the same source";
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto bad = text;
        bad[i] = bad[i] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(k_codec.open(bad)) << "character " << i;
        EXPECT_FALSE(k_codec.open(text.substr(0, i))) << "cut at " << i;
    }
    EXPECT_FALSE(k_codec.open(text + "A"));
    EXPECT_THROW(ring_ticket_codec(secret(), secret()), std::invalid_argument);
}
