// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a simulated phone does when its SIP identity is rung.
#pragma once

#include <z360/base/time.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace z360::sim {

using json = nlohmann::json;

/// One phone's script. All times count from the moment the phone starts to ring.
struct phone {
    enum class mode : std::uint8_t {
        ignore,              ///< rings until the dial times out or somebody hangs up
        answer,              ///< answers after `act_after` and stays
        decline,             ///< user presses reject: user_busy / 486
        unreachable,         ///< not registered and not wakeable: 480 after `act_after`
        offline,             ///< asleep: the leg waits, nothing rings, unless `wakes_after` is set
        answer_then_hang_up, ///< answers, hangs up `then_after` later
        answer_then_drop,    ///< answers, loses the network `then_after` later unless bridged by then
    };
    mode does = mode::ignore;
    millis ring_after{0}; ///< from the INVITE to the first ring
    millis act_after{0};
    millis then_after{0};
    std::optional<millis> wakes_after; ///< offline only: rings this long after the dial, then answers
    /// offline only: it is a push of a call to this token that wakes it, so long before; its case does not
    /// count if it is one of APNs.
    std::string push_token;
    std::string presses;      ///< keys, one after the other, when it is asked to press some
    millis press_after{0};    ///< from the beginning of what asks for them
    bool mute = false;        ///< nothing of what it says reaches the carrier
    std::string hangup_cause; ///< overrides the cause reported when the phone ends the leg
    std::string sip_code;

    [[nodiscard]] static phone ignores() { return {}; }
    [[nodiscard]] static phone answers(millis after);
    /// It answers, and somebody presses this key so long after they are asked to.
    [[nodiscard]] static phone answers_and_presses(millis after, std::string keys, millis pressed);
    [[nodiscard]] static phone declines(millis after);
    [[nodiscard]] static phone unreachable(millis after = millis{50});
    /// A number whose line is taken: it does not ring.
    [[nodiscard]] static phone busy(millis after = millis{50});
    /// A number that nobody has.
    [[nodiscard]] static phone unallocated();
    [[nodiscard]] static phone offline();
    [[nodiscard]] static phone answers_then_hangs_up(millis after, millis talk);
    [[nodiscard]] static phone answers_then_drops(millis after, millis lives);

    /// Reads `{"does":"answer","after_ms":1500,…}`; throws std::invalid_argument naming the bad key.
    [[nodiscard]] static phone from_json(const json& j);
    [[nodiscard]] json to_json() const;
    bool operator==(const phone&) const = default;
};

} // namespace z360::sim
