// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calls, their legs, the outbox of effects and the timeline. Every decision has exactly one commit point
// here.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/call/effect.hpp>
#include <z360/call/state.hpp>
#include <z360/call/step.hpp>
#include <z360/port/event_inbox.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace z360::port {

/// A call as stored. `version` rises with every commit.
struct stored_call {
    call::state state;
    std::uint64_t version = 0;
};

/// Everything that one decision (or several folded into one) changes; stored in one transaction or not at
/// all.
struct call_commit {
    std::uint64_t expected_version = 0; ///< 0: the call must not exist yet
    /// What the row's version becomes, above the expected one; 0: the next number. Jumps where memory is
    /// written forward over a database that has lost commits.
    std::uint64_t next_version = 0;
    call::state next;
    /// Device legs that may differ from their rows; nullopt: all of them. Others are not written.
    std::optional<std::vector<leg_id>> touched;
    bool joins_touched = true;          ///< the same of its joins
    bool recordings_touched = true;     ///< and of its recordings
    std::optional<time_point> deadline; ///< call::deadline(next)
    /// Nobody else takes one that waits for another (`after`) before its turn. The same id again, without
    /// `after`, releases it; what has ended otherwise than `superseded` stays ended.
    std::vector<call::effect> new_effects;
    /// What waits for one that ended otherwise than `done` is superseded with it.
    std::vector<call::effect_outcome> finished;
    std::vector<call::note> notes;
    /// Stored once for each leg: of what was measured the first counts, of charges see call::charge. Nothing
    /// of a call of no organisation.
    std::vector<call::leg_report> reports = {};
    std::vector<std::string> processed_events; ///< inbox ids done with this commit
    /// In no inbox yet: stored with this commit, as done. Where one of them is there already, all of it is a
    /// `conflict`.
    std::vector<inbox_event> fresh_events = {};
    /// The decisions in their order, so that they can be made again (I18). Kept as long as the call.
    std::vector<call::step> steps = {};
    time_point at{};
};

enum class commit_result : std::uint8_t {
    committed,
    conflict, ///< another version is stored, or a fresh event is known: load it and decide again
};

/// An effect whose owner stopped working on it.
struct orphan_effect {
    call_id call;
    call::effect what;
    std::uint32_t attempts = 0; ///< that its owners are known to have made
    /// It waits for one that was taken in the same breath. Otherwise it is its turn, although `after` may
    /// still say what it waited for: that has succeeded, or its deadline is long past.
    bool waits = false;
};

/// How long effects belong to the node that issued them, until it is heard of again. Each has its own time: a
/// push may take longer than an answer that is issued with it, and must not be sent by another node as well.
struct effect_claims {
    millis usual{};
    millis urgent{};                   ///< of call::is_urgent
    template <class Rep, class Period> // NOLINTNEXTLINE(google-explicit-constructor): one for all
    effect_claims(std::chrono::duration<Rep, Period> all) : usual(all), urgent(all) {}
    effect_claims(millis most, millis of_urgent) : usual(most), urgent(of_urgent) {}
    [[nodiscard]] millis of(const call::effect& e) const { return call::is_urgent(e) ? urgent : usual; }
};

/// Durable memory of all calls. Every function may throw unavailable.
class call_store {
  public:
    virtual ~call_store() = default;

    /// Loads a call. nullopt: there is none. Throws unavailable; newer_form for a row of a newer program.
    virtual boost::asio::awaitable<std::optional<stored_call>> load(call_id id) = 0;
    /// The call of a carrier session or of one of its legs; either text may be empty.
    virtual boost::asio::awaitable<std::optional<call_id>>
    find(std::string call_session_id, std::string call_control_id) = 0;
    /// Compare and set. Idempotent: after a lost reply the same commit gives `conflict`, and the reloaded
    /// state shows whether it took effect. New effects are claimed for this node, and
    /// those whose turn comes by it for `claims.usual`.
    virtual boost::asio::awaitable<commit_result> commit(call_commit what, effect_claims claims) = 0;

    /// Calls whose deadline passed at least `margin` ago by the database's clock, at most `limit`; each is
    /// offered to one node at a time (SKIP LOCKED). Rows of a newer form are left to nodes that can read
    /// them.
    virtual boost::asio::awaitable<std::vector<call_id>> claim_overdue(millis margin, std::size_t limit) = 0;
    /// Unfinished effects of these channels whose claim has run out, at most `limit`, claimed for this node
    /// for `claim`. Those of other channels and of calls of a newer form are left as they are. One that waits
    /// for another is taken once that one is `done`, or 5 s after its own deadline; what waits for one that
    /// is taken comes along (`waits`).
    virtual boost::asio::awaitable<std::vector<orphan_effect>>
    claim_effects(std::size_t limit, millis claim, std::vector<call::channel> channels) = 0;
    /// Keeps the claim of an effect that is still being retried, and notes how many attempts were made so
    /// far.
    virtual boost::asio::awaitable<void>
    extend_claim(std::string effect_id, millis claim, unsigned attempts) = 0;
};

} // namespace z360::port
