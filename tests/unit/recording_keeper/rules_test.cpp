// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "due.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <set>

using namespace z360;
using namespace z360::recording_keeper;
using port::recording_status;
using purpose = call::recording_purpose;

namespace {

constexpr circumstances k_nothing{};
constexpr circumstances k_vault{true, false};
constexpr circumstances k_vault_alone_keeps{true, true};
constexpr millis k_minute{60'000};
constexpr millis k_hour{3'600'000};

/// As the vault demands it: parts of [A-Za-z0-9._-] between single '/', none of them "." or "..".
bool is_vault_key(const std::string& key) {
    static const std::regex shape("[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*");
    static const std::regex dots("(^|.*/)\\.\\.?($|/.*)");
    return key.size() <= 500 && std::regex_match(key, shape) && !std::regex_match(key, dots) &&
           key.find("..") == std::string::npos;
}

} // namespace

TEST(recording_rules, be_24_what_waits_is_fetched_as_soon_as_there_is_a_vault) {
    for (const auto of : {purpose::talk, purpose::message}) {
        const auto r = due(recording_status::waiting, of);
        EXPECT_EQ(next_action(r, k_vault), action::fetch);
        EXPECT_EQ(next_action(r, k_vault_alone_keeps), action::fetch);
        EXPECT_EQ(next_action(r, k_nothing), action::rest);
    }
}

TEST(recording_rules, be_24_the_carriers_goes_only_once_ours_is_kept_and_only_if_that_is_wanted) {
    auto r = due(recording_status::kept);
    EXPECT_EQ(next_action(r, k_vault), action::rest);
    EXPECT_EQ(next_action(r, k_vault_alone_keeps), action::remove_original);
    r.at_carrier = false;
    EXPECT_EQ(next_action(r, k_vault_alone_keeps), action::rest);
}

TEST(recording_rules, be_32_what_is_to_be_removed_is_removed_with_and_without_a_vault) {
    for (const auto& c : {k_nothing, k_vault, k_vault_alone_keeps})
        EXPECT_EQ(next_action(due(recording_status::removing), c), action::remove);
}

TEST(recording_rules, what_is_lost_or_removed_rests) {
    for (const auto& c : {k_nothing, k_vault, k_vault_alone_keeps}) {
        EXPECT_EQ(next_action(due(recording_status::lost), c), action::rest);
        EXPECT_EQ(next_action(due(recording_status::removed), c), action::rest);
    }
}

TEST(recording_rules, be_26_a_message_below_a_second_is_none) {
    struct row {
        purpose of;
        int length;
        action expected;
    };
    for (const auto& [of, length, expected] :
         {row{purpose::message, 0, action::discard}, row{purpose::message, 999, action::discard},
          row{purpose::message, 1'000, action::fetch}, row{purpose::message, -1, action::fetch},
          row{purpose::talk, 0, action::fetch}, row{purpose::talk, 999, action::fetch}}) {
        auto r = due(recording_status::waiting, of);
        r.length = millis{length};
        EXPECT_EQ(next_action(r, k_vault), expected) << length;
        if (expected == action::discard) {
            EXPECT_EQ(next_action(r, k_nothing), expected) << "it is removed without a vault too";
        }
    }
    auto kept = due(recording_status::kept);
    kept.length = millis{0};
    EXPECT_EQ(next_action(kept, k_vault), action::rest) << "what was kept is not taken away for that";
}

TEST(recording_rules, be_26_a_message_is_worth_telling_until_somebody_was_told) {
    auto r = due();
    for (const auto a : {action::fetch, action::rest, action::remove_original})
        EXPECT_TRUE(worth_telling(r, a));
    for (const auto a : {action::remove, action::discard})
        EXPECT_FALSE(worth_telling(r, a));
    r.notified = true;
    EXPECT_FALSE(worth_telling(r, action::fetch));
}

TEST(recording_rules, be_26_a_message_that_is_kept_but_untold_is_still_worth_telling) {
    EXPECT_TRUE(worth_telling(due(recording_status::kept), action::rest));
    EXPECT_TRUE(worth_telling(due(recording_status::kept), action::remove_original));
    for (const auto s : {recording_status::lost, recording_status::removed})
        EXPECT_FALSE(worth_telling(due(s), action::rest)) << "there is nothing to listen to";
    EXPECT_FALSE(worth_telling(due(recording_status::removing), action::remove));
}

TEST(recording_rules, be_26_talks_and_nobodys_messages_are_told_to_nobody) {
    EXPECT_FALSE(worth_telling(due(recording_status::waiting, purpose::talk), action::fetch));
    auto r = due();
    r.user = {};
    EXPECT_FALSE(worth_telling(r, action::fetch));
}

TEST(recording_rules, be_24_the_told_address_is_used_once_and_for_less_than_ten_minutes) {
    auto r = due();
    EXPECT_TRUE(address_is_fresh(r));
    r.told_ago = 8 * k_minute - millis{1};
    EXPECT_TRUE(address_is_fresh(r));
    r.told_ago = 8 * k_minute;
    EXPECT_FALSE(address_is_fresh(r));
    r.told_ago = {};
    r.attempts = 1;
    EXPECT_FALSE(address_is_fresh(r)) << "it has failed once";
    r.attempts = 0;
    r.carrier_url.clear();
    EXPECT_FALSE(address_is_fresh(r));
}

TEST(recording_rules, be_24_pauses_grow_up_to_an_hour) {
    EXPECT_EQ(pause_after(1), millis{5'000});
    EXPECT_EQ(pause_after(2), millis{10'000});
    EXPECT_EQ(pause_after(3), millis{20'000});
    auto before = millis{0};
    for (std::uint32_t n = 0; n <= 40; ++n) {
        EXPECT_GE(pause_after(n), before) << n;
        before = pause_after(n);
    }
    EXPECT_EQ(pause_after(20), k_hour);
    EXPECT_EQ(pause_after(4'000'000'000U), k_hour);
}

TEST(recording_rules, be_24_a_recording_is_lost_only_after_several_questions_over_hours) {
    EXPECT_FALSE(is_lost(1, 100 * k_hour));
    EXPECT_FALSE(is_lost(2, 100 * k_hour));
    EXPECT_FALSE(is_lost(100, 2 * k_hour - millis{1}));
    EXPECT_TRUE(is_lost(3, 2 * k_hour));
}

TEST(recording_rules, be_24_a_copy_lies_under_organisation_month_call_recording_and_claim) {
    EXPECT_EQ(
        key_of(due(), "mp3"), "7/2026-11/00000000-0000-3333-0000-000000004444/"
                              "00000000-0000-1111-0000-000000002222-3.mp3"
    );
    EXPECT_TRUE(key_of(due(), "wav").ends_with("-3.wav"));
    EXPECT_TRUE(key_of(due(), "").ends_with("-3.mp3")) << "what is not told is mp3: that is what we ask for";
}

TEST(recording_rules, be_24_every_claim_has_a_key_of_its_own_that_every_vault_takes) {
    std::set<std::string> keys;
    auto r = due();
    for (const std::uint32_t claim : {0U, 1U, 11U, 4'294'967'295U}) {
        r.claim = claim;
        for (const auto* began : {"1970-01-01T00:00:00Z", "2026-02-28T12:00:00Z", "9999-12-31T23:59:59Z"}) {
            r.began_at = *parse_iso8601(began);
            for (const auto* format : {"", "mp3", "wav"}) {
                const auto key = key_of(r, format);
                EXPECT_TRUE(is_vault_key(key)) << key;
                keys.insert(key);
            }
        }
    }
    EXPECT_EQ(keys.size(), 4U * 3 * 2);
    r.org = org_id{9'223'372'036'854'775'807};
    EXPECT_TRUE(is_vault_key(key_of(r, "mp3")));
}
