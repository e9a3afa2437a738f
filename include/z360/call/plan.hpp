// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whom a call rings when, where it is more than one person's devices at once: a group, people one after the
// other, a colleague who is asked later. Pure: a plan is settled when the call begins and never changes then.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::call {

/// Somebody whom a plan rings, once in a call.
struct branch {
    user_id user;       ///< all their devices ring; none: `number` is dialed
    std::string number; ///< "+…"
    bool asked = true;  ///< who answers the number has the caller only once they have pressed a key
    millis after{0};    ///< from the beginning of its wave
    millis lasts{0};    ///< rung no longer than that, though others are; 0: as long as the ring
    std::string agent;  ///< "sip:…" of a program that takes the call, in place of `number`
    bool operator==(const branch&) const = default;
};

/// Branches that begin together.
struct wave {
    /// Until the next one begins, or the ring is over. It begins sooner when nobody of those before can
    /// answer any more.
    millis lasts{0};
    std::vector<branch> branches;
    bool operator==(const wave&) const = default;
};

/// In the order in which they begin; none: the person's devices ring at once.
using ring_plan = std::vector<wave>;

/// One alone, who is rung for `lasts`.
[[nodiscard]] ring_plan only(branch who, millis lasts);
/// How long the ring is, if nobody answers.
[[nodiscard]] millis length_of(const ring_plan& p);

/// How the members of a group are rung.
enum class strategy : std::uint8_t {
    all,          ///< at once
    sequence,     ///< one after the other, in the order of the list
    waves,        ///< all of one wave at once, the later waves beside them
    hunt,         ///< in sequence, beginning behind who took the last call
    longest_idle, ///< in sequence, who has not talked for longest first
};
inline constexpr int k_strategy_count = 5;
[[nodiscard]] std::string_view name(strategy s);
[[nodiscard]] std::optional<strategy> strategy_named(std::string_view word);

/// A member as it was set.
struct plan_member {
    branch who;             ///< `after` and `lasts` as set; 0: nothing was said
    std::uint32_t wave = 1; ///< of `waves`, from 1
    bool operator==(const plan_member&) const = default;
};

/// A group as it was set.
struct plan_rules {
    strategy how = strategy::all;
    millis step{15'000}; ///< each one's turn, or from one wave to the next
    millis last{30'000}; ///< `all` and `waves`: how long the (last) wave rings
    std::vector<plan_member> members;
    bool operator==(const plan_rules&) const = default;
};

inline constexpr std::size_t k_most_members = 50;
inline constexpr std::uint32_t k_most_waves = 20;
inline constexpr millis k_shortest_turn{5'000};
inline constexpr millis k_longest_turn{60'000};
inline constexpr millis k_longest_plan{300'000};

/// What is wrong with a plan, for the person who set it.
struct plan_fault {
    std::string field; ///< "members[2].wave"
    std::string text;  ///< what to give instead
};
/// nullopt: it names somebody, nobody twice, and ends within k_longest_plan.
[[nodiscard]] std::optional<plan_fault> fault_of(const plan_rules& p);

/// What is known of a member when a call comes.
struct member_history {
    user_id user;
    std::optional<time_point> talked; ///< their last talk's end; nullopt: none is on record
};
/// The waves of one call. `took_last`: who took the group's last call, none: nobody yet. What fault_of()
/// refuses is ordered all the same.
[[nodiscard]] ring_plan
waves_of(const plan_rules& p, user_id took_last, const std::vector<member_history>& known);

} // namespace z360::call
