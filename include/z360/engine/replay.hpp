// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A call's decisions made again from what is stored of them, and compared with what they came to then (I18).
#pragma once

#include <z360/call/step.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace z360::engine {

/// A step as it comes out now.
struct replayed_step {
    std::uint64_t version = 0;                ///< of the commit that it was part of
    call::step recorded;                      ///< with the events that were decided
    call::phase phase = call::phase::ringing; ///< afterwards
    std::vector<call::effect> effects;
    std::vector<call::note> notes;
};

/// Something that is not as it was stored.
struct replay_difference {
    std::uint64_t version = 0; ///< of the commit where it shows; 0: at the end, in what the call has become
    std::string where;         ///< "state/legs", "effect/ID/deadline", "timeline/3", "invariant"
    std::string stored;        ///< JSON or a digest; empty: nothing
    std::string replayed;
};

/// All that came of it. Values; nothing in it refers to the history.
struct replay_report {
    enum class result : std::uint8_t {
        same,
        different,  ///< at least one difference; there may be gaps as well
        incomplete, ///< no difference, but some of its decisions have no record that can be read
    };
    std::vector<replayed_step> steps;
    std::vector<replay_difference> differences; ///< of the first step that has any, then those at the end
    std::vector<std::string> gaps;              ///< in words: which commits have no record, and why
    call::state last;                           ///< as replayed; of nothing if no step could be
    [[nodiscard]] result how() const {
        if (!differences.empty()) return result::different;
        return gaps.empty() ? result::same : result::incomplete;
    }
};
[[nodiscard]] std::string_view name(replay_report::result r);

/// Pure. No I/O, no clock: the same history gives the same report, on whatever machine.
[[nodiscard]] replay_report replay(const call::history& of);

} // namespace z360::engine
