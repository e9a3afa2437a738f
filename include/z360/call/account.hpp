// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What is told of a call that is over, to whoever lists or bills calls: the product's inbox and ledger.
#pragma once

#include <z360/call/state.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::call {

/// A recording of the call, as its row has it: the carrier may tell of one that the call itself never heard
/// of.
struct recorded {
    std::string id; ///< the carrier's
    recording_purpose purpose = recording_purpose::talk;
    std::string format; ///< "mp3" or "wav"; empty: not known
    std::optional<time_point> began_at, ended_at;
    std::string address; ///< where it can be had; empty: nowhere any more
    bool operator==(const recorded&) const = default;
};

/// The unit of the product's ledger.
enum class ledger_unit : std::uint8_t {
    simple_call_minute,
    ai_call_minute, ///< a program took part
};
/// As the ledger spells it.
[[nodiscard]] std::string_view name(ledger_unit u);

struct account {
    bool delivered = false; ///< somebody talked to the caller, or has a message of theirs
    bool missed = false;    ///< nobody talked to a caller whom the organisation takes
    bool voicemail = false; ///< a message was left
    bool agent = false;     ///< a program had the caller
    millis talk{};          ///< all talks of it, recorded or not
    ledger_unit unit = ledger_unit::simple_call_minute;
    /// To be billed, begun minutes; nullopt: nothing, or not known yet (the length of a message comes with
    /// its recording).
    std::optional<std::uint32_t> minutes;
    std::string leg;                     ///< call_control_id of whom the caller talked to; else the caller's
    std::vector<std::string_view> steps; ///< that were gone through, by the names the product knows
    std::optional<recorded> shown;       ///< the message, or else the first recording of a talk
    bool operator==(const account&) const = default;
};

/// Pure; of a call that is over. `all` in any order.
[[nodiscard]] account account_of(const state& s, std::vector<recorded> all);

} // namespace z360::call
