// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One call in memory: its stored state, what waits to be decided, and its timer. Private to src/engine.
#pragma once

#include <z360/call/decide.hpp>
#include <z360/engine/engine.hpp>
#include <z360/port/call_store.hpp>

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace z360::engine {

/// One thing to decide about. `inbox_id` names the durable event it came from, if it came from one.
struct item {
    call::event what;
    std::string inbox_id;
    std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
    /// When it was first decided about. A repetition (after a conflict, perhaps seconds later) is decided as
    /// of then: what was in time does not become late by being written down late.
    std::optional<time_point> decided_at;
};

/// What one pass over the queue made of a call.
struct folded {
    port::call_commit commit;
    bool changed = false;                 ///< something to store or to do
    std::vector<call::inquiry> inquiries; ///< what the carrier is to be asked; not stored
};

/// Lifecycle: made at the first item of a call, dropped when the call is over, saved and idle. While
/// `driving` exactly one coroutine works on it, so that a call has one writer per node.
struct actor {
    actor(call_id id_, const boost::asio::any_io_executor& ex) : id(id_), timer(ex), wake(ex) {}

    call_id id;
    std::optional<port::stored_call> loaded; ///< state as decided; version as stored
    std::deque<item> queue;
    bool driving = false;
    boost::asio::steady_timer timer;
    std::uint64_t timer_round = 0;  ///< tells an outdated timer from the current one
    boost::asio::steady_timer wake; ///< cut short when an item arrives while waiting for Postgres

    // Postgres did not take the last decisions: they stand in memory and at the carrier (fenced), and are
    // written back as one commit.
    std::optional<port::call_commit> unsaved;
    std::vector<item> unsaved_items;

    std::unordered_set<std::string> launched; ///< command ids this node has started for the call
    std::chrono::steady_clock::time_point touched = std::chrono::steady_clock::now();

    [[nodiscard]] bool over() const { return loaded && loaded->state.now_in == call::phase::ended; }
};

/// Folds the items, each as of its `decided_at` or else `now`, over `from` (nullopt: the call does not exist
/// and the first `incoming` begins it). Pure. Items before that first `incoming` are returned through
/// `orphans`. Sets `broken` to the name of a violated invariant and stops there.
[[nodiscard]] folded fold(
    std::optional<port::stored_call> from, const std::vector<item>& items, time_point now,
    std::vector<item>& orphans, const char*& broken
);

/// What the step from `before` (null: the call began) to `after` tells about devices. Pure.
[[nodiscard]] std::vector<std::pair<call::target, leg_news>>
news_of(const call::state* before, const call::state& after);

/// Adds `later` to `earlier`: one commit instead of two.
void merge(port::call_commit& earlier, port::call_commit later);

} // namespace z360::engine
