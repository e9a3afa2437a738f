// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One call in memory: its stored state, what waits to be decided, and its timer. Private to src/engine.
#pragma once

#include <z360/call/decide.hpp>
#include <z360/engine/engine.hpp>
#include <z360/port/call_store.hpp>
#include <z360/rt/time.hpp>

#include <chrono>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace z360::engine {

/// One thing to decide about. `inbox_id` names the durable event it came from, if it came from one.
struct item {
    call::event what;
    std::string inbox_id;
    rt::clock::time_point since = rt::clock::now();
    /// When it was first decided about. A repetition (after a conflict, perhaps seconds later) is decided as
    /// of then: what was in time does not become late by being written down late.
    std::optional<time_point> decided_at;
    unsigned failures = 0;                   ///< turns that failed while it was in hand
    std::vector<std::string_view> figures{}; ///< counted if it begins the call: how that came about
};

/// What a commit holds that is counted, once it is known to be stored.
struct countable {
    call::state next;
    std::vector<call::note> notes;
};

/// What one pass over the queue made of a call.
struct folded {
    port::call_commit commit;
    bool changed = false;                 ///< something to store or to do
    std::vector<call::inquiry> inquiries; ///< what the carrier is to be asked; not stored
};

/// A commit on its way to the database.
struct commit_under_way {
    explicit commit_under_way(const boost::asio::any_io_executor& ex) : done(ex) {}
    rt::event done;
    bool finished = false;
    bool unavailable = false;
    port::commit_result result = port::commit_result::conflict;
    std::exception_ptr error;
    countable facts;
};

/// Lifecycle: made at the first item of a call, dropped when the call is over, saved and idle. While
/// `driving` exactly one coroutine works on it, so that a call has one writer per node.
///
/// Every event that was accepted and is not yet part of a stored state is, at every moment, in `queue`, in
/// `in_hand`, in `unsaved_items`, or still unprocessed in the inbox: whatever throws wherever, none is lost.
struct actor {
    using steady = rt::clock;

    actor(call_id id_, const boost::asio::any_io_executor& ex) : id(id_), timer(ex), wake(ex) {}

    call_id id;
    std::optional<port::stored_call> loaded; ///< state as decided; version as last known to be stored
    /// The database lost commits that this copy has (an asynchronous failover): the version of the row there
    /// now, 0 when it is gone. The next commit writes memory forward over it.
    std::optional<std::uint64_t> lost_to;
    std::deque<item> queue;
    std::vector<item> in_hand; ///< being decided about
    std::vector<item> orphans; ///< of the hand: they precede the event that begins their call
    bool driving = false;
    bool verify = false;   ///< the database was away: compare it with this copy
    bool careful = false;  ///< a turn has failed: one item at a time, so that a bad one stands alone
    unsigned failures = 0; ///< turns in a row
    rt::timer timer;
    std::uint64_t timer_round = 0;                   ///< tells an outdated timer from the current one
    bool time_held = false;                          ///< a deadline has passed that may not act yet
    rt::event wake;                                  ///< an item has arrived
    std::optional<steady::time_point> patient_until; ///< nothing in the queue is urgent before

    // Postgres did not take the last decisions: they stand in memory and at the carrier (fenced), and are
    // written back as one commit.
    std::optional<port::call_commit> unsaved;
    std::vector<item> unsaved_items;
    steady::time_point unsaved_since{};
    millis save_pause{0};
    std::shared_ptr<commit_under_way> under_way; ///< has outrun its budget: no other is sent while it runs

    std::vector<countable> in_doubt;         ///< commits whose reply was lost: perhaps they took effect
    std::unordered_set<std::string> counted; ///< facts of this call that have been counted here

    std::unordered_set<std::string> launched;            ///< command ids this node has started for the call
    std::unordered_map<std::string, call::command> open; ///< of these, those whose outcome is not decided yet
    std::deque<item> recent; ///< what was decided lately: told again to a database that has lost it
    steady::time_point touched = steady::now();

    [[nodiscard]] bool over() const { return loaded && loaded->state.now_in == call::phase::ended; }
    /// So much is decided without Postgres that it is saved before anything more is decided.
    [[nodiscard]] bool too_much_unsaved() const;
    [[nodiscard]] bool has_work() const { return !queue.empty() || unsaved || verify; }

    /// Moves what is queued (one item when careful) into the hand.
    void take();
    /// The hand goes back to the front of the queue, in order.
    void put_back();
    /// After a failure: everything that is not stored is in the queue again, in order; memory is forgotten.
    void start_over();
    void remember(const std::vector<item>& items);
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

/// What the step from `before` (null: the call began) to `after` tells about devices. Pure.
[[nodiscard]] std::vector<std::pair<call::target, leg_news>>
news_of(const call::state* before, const call::state& after);

/// Adds `later` to `earlier`: one commit instead of two.
void merge(port::call_commit& earlier, port::call_commit later);

} // namespace z360::engine
