// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "support/gzip.hpp"

#include <z360/http/gzip.hpp>

#include <gtest/gtest.h>

#include <random>
#include <string>

using namespace z360::http;
using z360::testing::gzipped;

namespace {

constexpr std::size_t k_most = 256 * 1024;

std::string noise(std::size_t n) {
    std::mt19937 dice(7);
    std::string out(n, '\0');
    for (char& c : out)
        c = static_cast<char>(dice());
    return out;
}

} // namespace

TEST(gzip, what_was_compressed_comes_back) {
    for (const auto& plain : {std::string(), std::string("{}"), std::string(60'000, 'x'), noise(100'000)}) {
        const auto back = gunzip(gzipped(plain), k_most);
        EXPECT_EQ(back.how, inflation::whole) << plain.size();
        EXPECT_EQ(back.bytes, plain);
    }
}

TEST(gzip, ios_03_what_is_cut_damaged_or_followed_by_more_is_refused) {
    const std::string plain = R"({"events":[{"name":"ring_shown","ts":1}]})";
    const auto sent = gzipped(plain);
    for (std::size_t n = 0; n < sent.size(); ++n)
        EXPECT_EQ(gunzip(std::string_view(sent).substr(0, n), k_most).how, inflation::broken) << n;
    EXPECT_EQ(gunzip(sent + "x", k_most).how, inflation::broken);
    EXPECT_EQ(gunzip(sent + sent, k_most).how, inflation::broken) << "two members";
    EXPECT_EQ(gunzip("{}", k_most).how, inflation::broken);
    // Behind the ten bytes of its head, of which some say nothing, each byte counts, but for the bits that
    // fill the last one of what is packed.
    for (std::size_t n = 10; n < sent.size(); ++n) {
        auto damaged = sent;
        damaged[n] = static_cast<char>(damaged[n] ^ 0x10);
        const auto back = gunzip(damaged, k_most);
        if (back.how == inflation::whole)
            EXPECT_EQ(back.bytes, plain) << n;
        else
            EXPECT_TRUE(back.bytes.empty()) << n;
    }
}

TEST(gzip, ios_03_more_than_is_allowed_is_not_made) {
    const auto plain = noise(k_most);
    EXPECT_EQ(gunzip(gzipped(plain), k_most).how, inflation::whole);
    const auto more = gunzip(gzipped(plain + "x"), k_most);
    EXPECT_EQ(more.how, inflation::too_large);
    EXPECT_TRUE(more.bytes.empty());
}

TEST(gzip, ios_03_who_sends_little_cannot_have_much_made_of_it) {
    EXPECT_EQ(gunzip(gzipped(std::string(64 * 1024, 'x')), k_most).how, inflation::whole);
    EXPECT_EQ(gunzip(gzipped(std::string(200 * 1024, 'x')), k_most).how, inflation::too_large);
    // A bomb of 100 MB in 100 KB ends at the limit.
    EXPECT_EQ(gunzip(gzipped(std::string(100'000'000, '\0')), k_most).how, inflation::too_large);
}
