// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/call/account.hpp>

#include <algorithm>
#include <chrono>

namespace z360::call {
namespace {

constexpr millis k_shortest_message{1'000}; // who leaves at the tone leaves none
constexpr millis k_minute{60'000};
constexpr millis k_longest{86'400'000}; // no recording of a call goes on for so long

std::optional<millis> length_of(const recorded& r) {
    if (!r.began_at || !r.ended_at || *r.ended_at < *r.began_at) return std::nullopt;
    const auto length = *r.ended_at - *r.began_at;
    return length <= k_longest ? std::optional(length) : std::nullopt;
}

bool is_message(const recorded& r) {
    return r.purpose == recording_purpose::message &&
           length_of(r).value_or(k_shortest_message) >= k_shortest_message;
}

millis talk_of(const state& s) {
    millis out{};
    for (const auto& j : s.joins) {
        const auto end = j.over_at ? j.over_at : s.ended_at;
        if (j.counts() && j.joined_at && end && *end > *j.joined_at) out += *end - *j.joined_at;
    }
    return out;
}

std::uint32_t begun_minutes(millis length) {
    return static_cast<std::uint32_t>((std::max(length, millis{1}) + k_minute - millis{1}) / k_minute);
}

/// As the old product billed a message: by the length of its recording.
std::optional<std::uint32_t> minutes_of(const account& a, bool talked, const std::vector<recorded>& all) {
    if (talked) return begun_minutes(a.talk);
    millis length{};
    for (const auto& r : all)
        if (is_message(r)) length += length_of(r).value_or(millis{});
    if (length == millis{}) return std::nullopt;
    return begun_minutes(length);
}

std::vector<std::string_view> steps_of(const state& s, bool recorded) {
    std::vector<std::string_view> out{is_placed(s) ? "handleCall:outbound" : "handleCall:inbound"};
    if (s.caller.answered) out.emplace_back("call.answered");
    if (over(s)) out.emplace_back("call.hangup");
    if (recorded) out.emplace_back("call.recording.saved");
    return out;
}

} // namespace

std::string_view name(ledger_unit u) {
    switch (u) {
    case ledger_unit::simple_call_minute: return "SIMPLE_CALL_MINUTE";
    case ledger_unit::ai_call_minute: return "AI_CALL_MINUTE";
    }
    return "?";
}

account account_of(const state& s, std::vector<recorded> all) {
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    account out;
    // Joined, and over before both sides were told to be: they talked for less than the news took.
    const bool talked = bridged_at(s).has_value() || s.reason == end_reason::completed;
    const auto* with = talked ? winner(s) : nullptr;
    out.agent = with != nullptr && with->role == leg_role::agent;
    out.unit = out.agent ? ledger_unit::ai_call_minute : ledger_unit::simple_call_minute;
    out.talk = talk_of(s);
    out.voicemail = std::any_of(all.begin(), all.end(), is_message);
    out.delivered = talked || out.voicemail;
    out.missed = !talked && !is_placed(s) && s.routed.verdict == route_verdict::ring;
    out.minutes = minutes_of(out, talked, all);
    out.leg =
        with != nullptr && !with->call_control_id.empty() ? with->call_control_id : s.caller.call_control_id;
    out.steps = steps_of(s, !all.empty());
    auto best = std::find_if(all.begin(), all.end(), is_message);
    if (best == all.end())
        best = std::find_if(all.begin(), all.end(), [](const auto& r) {
            return r.purpose == recording_purpose::talk;
        });
    if (best != all.end()) out.shown = std::move(*best);
    return out;
}

} // namespace z360::call
