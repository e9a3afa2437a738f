// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/base64.hpp"
#include "adapter/crypto/client_state.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

using namespace z360;
using namespace z360::adapter::crypto;
using nlohmann::json;

namespace {

const secret k_key{std::string("a key for tests")};
const client_state k_state{
    call_id{uuid{0x0123456789ABCDEF, 0x1122334455667788}},
    leg_id{uuid{0xFEDCBA9876543210, 0x8877665544332211}}, org_id{7}
};

client_state_codec codec() {
    return {k_key, secret{}};
}

json content(const std::string& text) {
    const auto raw = unbase64(text, k_max_client_state);
    EXPECT_TRUE(raw);
    return raw ? json::parse(raw->begin(), raw->end()) : json{};
}

} // namespace

TEST(client_state, what_is_signed_can_be_opened) {
    const auto text = codec().sign(k_state);
    EXPECT_LE(text.size(), k_max_client_state);
    EXPECT_TRUE(unbase64(text, k_max_client_state)) << "Telnyx insists on valid base64";
    EXPECT_EQ(codec().open(text), k_state);
    EXPECT_EQ(codec().sign(k_state), text) << "a resent dial must be identical";
}

TEST(client_state, a_mark_names_the_command_that_set_it_and_the_callers_leg_by_naming_none) {
    const client_state speech{k_state.call, std::nullopt, k_state.org, k_state.call.text() + "-prompt-2"};
    const client_state bridged{k_state.call, k_state.leg, k_state.org, "x-bridge-1"};
    for (const auto& s : {speech, bridged}) {
        const auto text = codec().sign(s);
        EXPECT_LE(text.size(), 1024U);
        EXPECT_EQ(codec().open(text), s);
        for (const char* key : {"v", "c", "o", "k", "m"}) {
            auto altered = content(text);
            altered.erase(key);
            EXPECT_FALSE(codec().open(base64(altered.dump()))) << key;
        }
        for (const auto& [key, value] :
             {std::pair<const char*, json>{"k", "another"},
              {"k", ""},
              {"k", 5},
              {"v", 1},
              {"v", 3},
              {"l", uuid{1, 1}.text()},
              {"l", nullptr}}) {
            auto altered = content(text);
            altered[key] = value;
            EXPECT_FALSE(codec().open(base64(altered.dump()))) << key << " " << value;
        }
    }
}

TEST(client_state, no_mark_is_made_of_a_command_that_none_could_read) {
    EXPECT_THROW((void)codec().sign({k_state.call, std::nullopt, k_state.org, ""}), std::invalid_argument);
    const std::string long_id(k_longest_marked_command + 1, 'x');
    EXPECT_THROW(
        (void)codec().sign({k_state.call, k_state.leg, k_state.org, long_id}), std::invalid_argument
    );
    const std::string longest(k_longest_marked_command, 'x');
    EXPECT_TRUE(codec().open(codec().sign({k_state.call, k_state.leg, k_state.org, longest})));
}

TEST(client_state, whitespace_anywhere_is_ignored) {
    std::string wrapped;
    for (const char c : codec().sign(k_state)) {
        wrapped.push_back(c);
        if (wrapped.size() % 58 == 57) wrapped += "\r\n";
    }
    EXPECT_EQ(codec().open(" " + wrapped + "\n"), k_state);
}

TEST(client_state, every_altered_byte_is_refused) {
    const auto text = codec().sign(k_state);
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto altered = text;
        altered[i] = altered[i] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(codec().open(altered)) << i;
    }
}

TEST(client_state, i_05_another_call_leg_or_organisation_under_the_same_mac_is_refused) {
    for (const auto& [key, value] :
         {std::pair<const char*, json>{"o", 8},
          {"o", "7"},
          {"o", 7.0},
          {"o", nullptr},
          {"c", uuid{1, 1}.text()},
          {"l", uuid{1, 1}.text()},
          {"l", 5},
          {"v", 2},
          {"v", "1"},
          {"m", ""},
          {"m", "AAAAAAAAAAAAAAAAAAAAAA=="}}) {
        auto altered = content(codec().sign(k_state));
        altered[key] = value;
        EXPECT_FALSE(codec().open(base64(altered.dump()))) << key << " " << value;
    }
    for (const char* key : {"v", "c", "l", "o", "m"}) {
        auto altered = content(codec().sign(k_state));
        altered.erase(key);
        EXPECT_FALSE(codec().open(base64(altered.dump()))) << key;
    }
}

TEST(client_state, another_key_opens_nothing) {
    const client_state_codec other(secret{std::string("another key")}, secret{});
    EXPECT_FALSE(other.open(codec().sign(k_state)));
}

TEST(client_state, the_key_falls_back_to_the_api_key) {
    const secret api{std::string("KEY0123")};
    const client_state_codec derived(secret{}, api);
    EXPECT_EQ(client_state_codec(secret{}, api).open(derived.sign(k_state)), k_state);
    EXPECT_FALSE(codec().open(derived.sign(k_state)));
    EXPECT_EQ(codec().open(client_state_codec(k_key, api).sign(k_state)), k_state) << "a configured key wins";
    EXPECT_EQ(derived.sign(k_state).find("KEY0123"), std::string::npos);
    EXPECT_THROW(client_state_codec(secret{}, secret{}), std::invalid_argument);
}

TEST(client_state, garbage_is_refused) {
    for (const std::string& text :
         {std::string{}, std::string("="), std::string("bm90IGpzb24="), base64("null"), base64("[]"),
          base64("{}"), base64(std::string(900, '[')), std::string(5000, 'A'), std::string(2000, ' ')})
        EXPECT_FALSE(codec().open(text)) << text.substr(0, 20);
}
