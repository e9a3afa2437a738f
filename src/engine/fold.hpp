// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a call decides about, and what one pass over it comes to. Pure. Private to src/engine.
#pragma once

#include "engine/fresh_event.hpp"

#include <z360/call/decide.hpp>
#include <z360/engine/engine.hpp>
#include <z360/port/call_store.hpp>
#include <z360/rt/time.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace z360::engine {

/// One thing to decide about. `inbox_id` names the durable event it came from, if it came from one.
struct item {
    call::event what;
    std::string inbox_id;
    rt::clock::time_point since = rt::clock::now();
    std::optional<rt::clock::time_point> taken{}; ///< when its first turn began
    rt::clock::duration gathered{};               ///< that it was made to wait before, as nobody waits for it
    /// When it was first decided about. A repetition (after a conflict, perhaps seconds later) is decided as
    /// of then: what was in time does not become late by being written down late.
    std::optional<time_point> decided_at;
    /// Of a request: what came of it when it was decided and acted upon. If it is decided again, on another
    /// copy, that stays its verdict: who asked has been told.
    std::optional<call::refusal> judged{};
    unsigned failures = 0;                   ///< turns that failed while it was in hand
    bool heeded = false;                     ///< of an effect that was given up: it may run again since
    bool followed = false;                   ///< of an outcome: what it leads to has been started already
    std::shared_ptr<fresh_event> fresh{};    ///< it is in no inbox yet; null: it is, or needs none
    std::vector<std::string_view> figures{}; ///< counted if it begins the call: how that came about
};

/// What one pass over the queue made of a call.
struct folded {
    port::call_commit commit;
    bool changed = false;                 ///< something to store or to do
    std::vector<call::inquiry> inquiries; ///< what the carrier is to be asked; not stored
};

/// Versions of a row that was written forward over lost commits lie above every version of the line before:
/// who still has a copy of that line sees that it was cut off, and tells its recent facts again.
[[nodiscard]] std::uint64_t forward_version(std::uint64_t mine);
/// The row's version once this is committed.
[[nodiscard]] std::uint64_t version_after(const port::call_commit& c);
[[nodiscard]] bool later_line(std::uint64_t stored, std::uint64_t mine);

/// Folds the items, each as of its `decided_at` or else `now`, over `from` (nullopt: the call does not exist
/// and the first `incoming` begins it). Pure. Deadlines act once, after all facts: `may` is for the last
/// item, the others are decided as if time could take nothing away. Items before that first `incoming` are
/// returned through `orphans`. Sets `broken` to the name of a violated invariant and stops there.
[[nodiscard]] folded fold(
    std::optional<port::stored_call> from, const std::vector<item>& items, time_point now,
    std::vector<item>& orphans, const char*& broken, call::authority may = call::authority::newest
);

/// Nobody waits for what this event leads to: it may be decided together with what comes in the next tenths
/// of a second. `known`: this node's copy of the call, which may be old; null: it has none. Pure.
[[nodiscard]] bool can_wait(const call::event& what, const call::state* known);

/// The other end of a talk has hung up, or may have: `known` as above. Where several nodes write it can wait
/// all the same: the caller's hang-up, which often comes with it, is decided elsewhere at this moment. Pure.
[[nodiscard]] bool ends_talk(const call::event& what, const call::state* known);

/// What the step from `before` (null: the call began) to `after` tells about devices. Pure.
[[nodiscard]] std::vector<std::pair<call::target, leg_news>>
news_of(const call::state* before, const call::state& after);

/// Adds `later` to `earlier`: one commit instead of two.
void merge(port::call_commit& earlier, port::call_commit later);

} // namespace z360::engine
