// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One call in memory: its mailbox, and what drives it. Private to src/engine.
#pragma once

#include "engine/mailbox.hpp"

#include <z360/rt/sync.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

namespace z360::engine {

/// How long something takes lately: each time weighs an eighth.
class running_mean {
  public:
    void saw(rt::clock::duration took) { mean_ += (took - mean_) / 8; }
    [[nodiscard]] rt::clock::duration value() const { return mean_; }

  private:
    rt::clock::duration mean_{};
};

/// What a commit holds that is counted, once it is known to be stored.
struct countable {
    call::state next;
    std::vector<call::note> notes;
    std::vector<call::leg_report> reports;
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

/// Whether another leg was seen to answer first: asked while this leg's answer is being stored.
struct hint_under_way {
    hint_under_way(leg_id id, const boost::asio::any_io_executor& ex) : leg(id), done(ex) {}
    leg_id leg;
    rt::event done;
    bool another_first = false;
};

/// One question to the carrier for all who are about to let somebody of the call go.
struct question_under_way {
    std::vector<std::shared_ptr<rt::event>>
        others;                                ///< who wait for its answer, each by an event of their own
    std::optional<rt::clock::time_point> told; ///< when it was asked, once it has told
};

/// Lifecycle: made at the first item of a call, dropped when the call is over, saved and idle. While
/// `driving` exactly one coroutine works on it, so that a call has one writer per node.
struct actor {
    actor(call_id id_, const boost::asio::any_io_executor& ex) : id(id_), box(id_), timer(ex), wake(ex) {}

    call_id id;
    mailbox box;
    std::string begun_by; ///< the event with which the call began here; empty: it was found in the store
    bool driving = false;
    rt::timer timer;
    /// When the carrier was last asked what it has on record of the call, and told.
    std::optional<rt::clock::time_point> heard_from_carrier;
    std::shared_ptr<question_under_way> question; ///< by whoever is about to let somebody go
    std::uint64_t timer_round = 0;                ///< tells an outdated timer from the current one
    rt::event wake;                               ///< an item has arrived
    std::shared_ptr<hint_under_way> hint;         ///< of the answer that came last
    std::shared_ptr<commit_under_way> under_way;  ///< has outrun its budget: no other is sent while it runs

    std::vector<countable> in_doubt;         ///< commits whose reply was lost: perhaps they took effect
    std::unordered_set<std::string> counted; ///< facts of this call that have been counted here
    rt::clock::time_point touched = rt::clock::now();
};

} // namespace z360::engine
