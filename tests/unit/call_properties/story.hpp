// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the carrier's side of one call can look like, told completely, and the events it makes of it. The
// tests then deliver those events in any order.
#pragma once

#include <z360/call/decide.hpp>

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace z360::testing {

/// What became of one device's leg until the story ends.
enum class fate : std::uint8_t {
    rings_on,   ///< still ringing
    declines,   ///< call.hangup user_busy
    times_out,  ///< call.hangup timeout
    not_dialed, ///< the carrier refused the dial: there is no leg
    answers,    ///< answered, and the leg is still there
    drops,      ///< answered, then the leg was lost before it was joined
};

/// How the joined pair went on.
enum class talk : std::uint8_t { none, goes_on, device_ends, caller_ends };

struct device_story {
    fate what = fate::rings_on;
    bool reply_names_leg = true; ///< the dial's 2xx carries the control id; else only webhooks tell it
    bool reply_expires = false;  ///< the dial's answers were all lost; the leg exists all the same
    bool hangup_reported =
        false; ///< a leg we had to hang up at the end: its call.hangup is part of the story
    auto operator<=>(const device_story&) const = default;
};

struct story {
    std::vector<device_story> devices;
    int joined = -1; ///< index of the device that was joined to the caller; -1: nobody
    talk went = talk::none;
    bool caller_answered = false;
    bool caller_leaves = false; ///< without having been joined
    std::vector<bool> holds;    ///< hold (true) and unhold by the joined device, one a second
    std::vector<bool> caller_holds;

    [[nodiscard]] bool caller_ended() const;
    [[nodiscard]] bool leg_ended(std::size_t device) const;
    /// Devices that ever answered.
    [[nodiscard]] int answering() const;
    /// A device waits for the caller, or no leg is left and voicemail has to.
    [[nodiscard]] bool wants_answer() const;
};
std::ostream& operator<<(std::ostream& out, const device_story& d);
std::ostream& operator<<(std::ostream& out, const story& s);

/// The story's webhooks and the outcomes of its dials, in the order in which they came about. `begun` is the
/// call right after `incoming`.
[[nodiscard]] std::vector<call::event> tell(const story& s, const call::state& begun);

} // namespace z360::testing
