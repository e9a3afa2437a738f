// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Steps as they are stored, and digests that outlive a program.
#include "support/scenario.hpp"
#include "wire/digest.hpp"
#include "wire/journal.hpp"
#include "wire/state_fields.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

using namespace z360;
using namespace z360::wire;
using nlohmann::json;

namespace {

const time_point k_at{millis{1'800'000'000'000}};

template <std::size_t... I>
std::vector<call::event> one_of_each(std::index_sequence<I...>) {
    return {call::event(std::in_place_index<I>)...};
}

call::step step_with(std::vector<call::event> all) {
    call::step s;
    s.at = k_at;
    for (auto& e : all)
        s.events.push_back({std::move(e), "", k_at, {}});
    return s;
}

std::string once_more(const std::string& text) {
    const auto read = decode_steps(text);
    return read ? encode_steps(*read) : "unreadable";
}

} // namespace

TEST(journal, i_18_every_kind_of_event_is_read_as_it_was_written) {
    auto all = one_of_each(std::make_index_sequence<call::k_event_count>());
    all.emplace_back(z360::testing::sample_incoming(3));
    all.emplace_back(call::leg_hold{{"v3:x", leg_id{{1, 2}}}, false, k_at + millis{7}});
    all.emplace_back(
        call::prompt_ended{{"v3:x", {}}, true, false, k_at, "command", true, "report", "https://x.test/a.mp3"}
    );
    all.emplace_back(call::recording_saved{{"v3:x", {}}, "r1", "https://x/y", "mp3", k_at, k_at + millis{9}});
    call::push_outcome push;
    push.effect_id = "p";
    push.by = push::provider::apns;
    push.result = call::outcome::refused;
    all.emplace_back(push);
    all.emplace_back(call::ring_withdrawn{{device_id{1}, device_id{0}}});
    all.emplace_back(call::ring_withdrawn{{device_id{1}}, true});
    all.emplace_back(call::device_asks{call::request_kind::decline, "q", device_id{4}, k_at, {}});
    const auto text = encode_steps({step_with(all)});
    EXPECT_EQ(once_more(text), text);
    const auto read = decode_steps(text);
    ASSERT_TRUE(read);
    ASSERT_EQ(read->front().events.size(), all.size());
    for (std::size_t n = 0; n < all.size(); ++n)
        EXPECT_EQ(name(read->front().events[n].what), name(all[n]));
    const auto& hold = std::get<call::leg_hold>(read->front().events[call::k_event_count + 1].what);
    EXPECT_FALSE(hold.held) << "false where the usual is true";
    EXPECT_EQ(hold.at, k_at + millis{7});
}

TEST(journal, i_18_a_step_keeps_when_each_event_was_decided_by_what_right_and_with_which_verdict) {
    auto s = step_with({call::tick{}, call::leg_answered{{"v3:x", {}}}});
    s.may = call::authority::unproven;
    s.events[1].source = "event-1";
    s.events[1].at = k_at - millis{40};
    s.events[1].judged = call::refusal::late;
    s.parts = {{"legs", 4'000'000'000U}};
    s.effects = {{"e-1", 7}};
    const auto read = decode_steps(encode_steps({s, s}));
    ASSERT_TRUE(read);
    ASSERT_EQ(read->size(), 2U);
    const auto& r = read->back();
    EXPECT_EQ(r.at, k_at);
    EXPECT_EQ(r.may, call::authority::unproven);
    EXPECT_EQ(r.events[0].at, k_at);
    EXPECT_EQ(r.events[1].source, "event-1");
    EXPECT_EQ(r.events[1].at, k_at - millis{40});
    EXPECT_EQ(r.events[1].judged, call::refusal::late);
    EXPECT_EQ(r.parts, s.parts);
    EXPECT_EQ(r.effects, s.effects);
}

TEST(journal, i_18_words_of_a_newer_program_and_damage_are_not_guessed_at) {
    const auto text = encode_steps({step_with({call::leg_answered{{"v3:x", {}}}})});
    auto changed = json::parse(text);
    changed[0]["events"][0]["kind"] = "leg_beamed_up";
    EXPECT_FALSE(decode_steps(changed.dump()));
    changed = json::parse(text);
    changed[0].erase("at");
    EXPECT_FALSE(decode_steps(changed.dump()));
    for (const auto* odd : {"", "{}", "[1]", "[{\"at\":\"now\",\"events\":[]}]", "nonsense"})
        EXPECT_FALSE(decode_steps(odd)) << odd;
    for (const auto* odd : {"", "[]", "{\"z360_history\":2}", "{\"z360_history\":1}"})
        EXPECT_FALSE(read_history(odd)) << odd;
}

TEST(journal, i_18_a_digest_names_the_fields_that_changed_and_takes_no_notice_of_empty_ones) {
    call::state a;
    a.legs.resize(2);
    a.legs[0].id = leg_id{{1, 1}};
    auto b = a;
    EXPECT_TRUE(changed_parts(&a, b).empty());
    EXPECT_EQ(changed_parts(nullptr, b).size(), 1U);
    b.legs[1].hangup_cause = "user_busy";
    b.answers = 1;
    const auto changed = changed_parts(&a, b);
    ASSERT_EQ(changed.size(), 2U);
    EXPECT_EQ(changed[0].of, "legs");
    EXPECT_EQ(changed[1].of, "answers");
    auto swapped = b;
    std::swap(swapped.legs[0], swapped.legs[1]);
    EXPECT_NE(changed_parts(&a, swapped)[0].value, changed[0].value) << "their order counts";
}

namespace {

/// Each text that it comes by becomes `word`.
struct filler {
    std::string word;
    template <class T>
    void operator()(const char* name, T& field) const {
        if constexpr (std::is_same_v<T, std::string>)
            if (std::string_view(name) != "voice") field = word; // which of the carrier's voices it is
    }
};

} // namespace

TEST(journal, i_06_a_masked_history_has_none_of_the_texts_that_an_organisation_can_set) {
    call::history h;
    h.last.id = {derive_uuid("call")};
    filler fill{"Dr. Ada"};
    wire::fields(fill, h.last.routed.rules);
    h.commits.push_back({1, std::vector{step_with({z360::testing::sample_incoming(1)})}});
    std::get<call::incoming>(h.commits[0].steps->front().events[0].what).routed.rules = h.last.routed.rules;
    const auto open = write_history(h, false), masked = write_history(h, true);
    EXPECT_NE(open.find("Dr. Ada"), std::string::npos);
    const auto at = masked.find("Dr. Ada");
    EXPECT_EQ(at, std::string::npos) << masked.substr(at - std::min<std::size_t>(at, 60), 120);
}
