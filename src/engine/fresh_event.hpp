// SPDX-License-Identifier: LicenseRef-z360-proprietary
// An event that is stored by the commit of the decision about it. Private to src/engine.
#pragma once

#include <z360/port/event_inbox.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace z360::engine {

/// A verified event of a call that is held here, in no inbox yet: one commit stores it, done, with what was
/// decided about it. Where that cannot be, or takes long, it is given back to who received it, who stores it
/// by itself; it is acknowledged after one of the two.
struct fresh_event {
    enum class place : std::uint8_t {
        waiting,  ///< in a mailbox, not yet part of a commit
        writing,  ///< part of the commit under way
        stored,   ///< with its decision
        returned, ///< to be stored by itself
    };

    fresh_event(port::inbox_event e, const boost::asio::any_io_executor& ex)
        : event(std::move(e)), moved(ex), kept(ex) {}

    void give_back() {
        if (at != place::waiting && at != place::writing) return;
        at = place::returned;
        moved.set();
    }
    void committed() {
        at = place::stored;
        moved.set();
    }

    port::inbox_event event;
    place at = place::waiting;
    rt::event moved; ///< set once it is stored or returned
    // Of one that was returned:
    rt::event kept;       ///< set once it was stored by itself, or could not be
    bool refused = false; ///< the inbox does not take it as news of any call: it is not decided about (again)
};
using fresh_events = std::vector<std::shared_ptr<fresh_event>>;

/// Those of one commit: whatever becomes of the commit, nobody waits for them for ever.
class in_commit {
  public:
    explicit in_commit(fresh_events all) : all_(std::move(all)) {}
    in_commit(in_commit&&) noexcept = default;
    in_commit& operator=(in_commit&&) = delete;
    in_commit(const in_commit&) = delete;
    in_commit& operator=(const in_commit&) = delete;
    ~in_commit() { give_back(); }

    [[nodiscard]] const fresh_events& all() const { return all_; }
    void committed() const {
        for (const auto& e : all_)
            if (e->at == fresh_event::place::writing) e->committed();
    }
    void give_back() const {
        for (const auto& e : all_)
            e->give_back();
    }

  private:
    fresh_events all_;
};

} // namespace z360::engine
