// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What decisions were made of, and what they came to: enough to make each of them again (I18). Data only.
#pragma once

#include <z360/base/time.hpp>
#include <z360/call/decide.hpp>
#include <z360/call/effect.hpp>
#include <z360/call/event.hpp>
#include <z360/call/state.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace z360::call {

/// One event as it was decided about.
struct decided_event {
    event what;
    std::string source; ///< its id in the inbox; empty: it came by none (time, the end of an effect)
    time_point at{};    ///< as of when
    std::optional<refusal> judged; ///< of a request that was judged before: the verdict that stands
};

/// A value by its name, told from another one by a few bits: see wire::digest_of.
struct digest {
    std::string of;
    std::uint32_t value = 0;
    bool operator==(const digest&) const = default;
};

/// One pass over what had arrived: all that its result depends on, beside the state before it.
struct step {
    time_point at{};
    authority may = authority::newest; ///< of the last event; time took nothing away by the others
    std::vector<decided_event> events; ///< in their order
    std::vector<digest> parts;         ///< the state's fields that it changed, as they were afterwards
    std::vector<digest> effects;       ///< that it issued, by id, in their order
    /// The state afterwards, where what came before is in no record: memory was written forward over a
    /// database that had lost commits. Such a step begins anew, and is not made again.
    std::optional<state> whole;
};

/// One commit of a call.
struct recorded_commit {
    std::uint64_t version = 0;              ///< the call's, by this commit
    std::optional<std::vector<step>> steps; ///< in their order; nullopt: this program cannot read them
};

/// An effect as it stands in the outbox.
struct recorded_effect {
    effect what;
    std::string status; ///< pending, or the outcome
};

/// A line of the timeline as it is compared: its name, then its detail.
[[nodiscard]] inline std::string line_of(const note& n) {
    return std::string(name(n.what)) + (n.detail.empty() ? "" : " ") + n.detail;
}

/// All that is stored of a call and can be compared with decisions that are made again.
struct history {
    state last;
    std::uint64_t version = 0;
    std::vector<recorded_commit> commits; ///< by version, rising; may have gaps, and may be empty
    std::vector<recorded_effect> effects;
    bool all_effects_read = true;      ///< false: there are more, of a newer program
    std::vector<std::string> timeline; ///< each as line_of() says it, in their order
    bool digested = true;              ///< false: its steps have no digests, as what they told of is masked
};

} // namespace z360::call
