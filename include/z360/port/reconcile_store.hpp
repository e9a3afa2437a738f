// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the reconciler asks and notes in our own database: which calls have been silent, whose legs should
// live, which events are not in the inbox (gap D11, BE-09). All times of claims and turns are the database's
// clock, so nodes whose clocks differ agree.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/port/event_inbox.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace z360::port {

/// When a call is asked about at the carrier. All times are positive.
struct question_times {
    millis first_leg{3'000}; ///< after the dial of a leg that no event has told of
    std::vector<millis> ring{millis{5'000}, millis{10'000}, millis{20'000}}; ///< into a ring, rising
    millis ring_then{8'000};      ///< and then so often, as long as it rings
    millis after_deadline{2'000}; ///< past the end of the ring
    millis silence{45'000};       ///< a talk or voicemail that nothing was heard of for so long
};

/// A live call that is due to be asked about.
struct due_call {
    call_id call;
    std::string call_session_id;
    std::optional<time_point> asked_before; ///< for put_back
};

struct ledger_leg {
    leg_id leg;
    std::string call_control_id; ///< never empty
};
/// A call that by our rows is going on, with those of its device legs that should live and whose id at the
/// carrier is known.
struct ledger_call {
    call_id call;
    std::string call_session_id;
    std::string call_control_id; ///< the caller's leg; may be empty
    bool overlong = false;       ///< longer than the carrier lets any call last
    std::vector<ledger_leg> legs;
};

/// A leg that the carrier lists as living.
struct listed_leg {
    std::string call_control_id;
    std::string call_session_id;
    std::optional<leg_id> leg; ///< from its client_state, with a valid MAC
};
/// What our rows say about a listed leg.
enum class standing : std::uint8_t {
    live,      ///< known and going on
    unlearned, ///< our leg, and its row does not know the id yet
    duplicate, ///< our leg, and its row knows another id: the carrier made two calls of one dial
    over,      ///< it or its call ended, or it was told to stop, some seconds ago and more
    none,      ///< no row
};
inline constexpr int k_standing_count = 5;
[[nodiscard]] constexpr const char* name(standing s) {
    switch (s) {
    case standing::live: return "live";
    case standing::unlearned: return "unlearned";
    case standing::duplicate: return "duplicate";
    case standing::over: return "over";
    case standing::none: return "none";
    }
    return "?";
}

/// Something that one node at a time does, every so often.
struct turn {
    std::optional<time_point> position; ///< where the last one came to; nullopt: never was one
    time_point now{};                   ///< the database's clock
};

/// Every function may throw unavailable.
class reconcile_store {
  public:
    virtual ~reconcile_store() = default;

    /// Begins a turn of the job `name`: nullopt while somebody else's lasts, or when the last one began less
    /// than `every` ago. It lasts `length` at most; then another node may begin.
    virtual boost::asio::awaitable<std::optional<turn>>
    begin_turn(std::string name, std::string holder, millis every, millis length) = 0;
    /// Ends it. A turn that has run out meanwhile moves nothing. nullopt: the position stays.
    virtual boost::asio::awaitable<void>
    end_turn(std::string name, std::string holder, std::optional<time_point> position) = 0;

    /// Live calls whose time to be asked about has come, those that ring first, and then by how long they are
    /// due. They count as asked from now on, so no other node is given them. At most `per_second` of all
    /// nodes together within any second.
    virtual boost::asio::awaitable<std::vector<due_call>>
    claim_due(question_times times, std::size_t per_second) = 0;
    /// The carrier could not be asked: due as before.
    virtual boost::asio::awaitable<void> put_back(due_call c) = 0;

    /// Which of these ids are not in the inbox.
    virtual boost::asio::awaitable<std::vector<std::string>> unseen(std::vector<std::string> event_ids) = 0;
    /// Puts events of the carrier's records, or of our own making, into the inbox, claimed for this node for
    /// `claim`. A known id is passed over whatever its bytes, and a webhook that comes later with the same id
    /// counts as a repeat. True in the place of those that were stored.
    virtual boost::asio::awaitable<std::vector<bool>>
    append_recorded(std::vector<inbox_event> events, millis claim) = 0;

    /// Calls that are going on, began at least `age` ago, and whose ids are above `after`; at most `limit`,
    /// in the order of their ids. `longest`: from which age on a call is overlong.
    virtual boost::asio::awaitable<std::vector<ledger_call>>
    ledger(call_id after, std::size_t limit, millis age, millis longest) = 0;
    /// In the order of `legs`. `settled`: how long ago an end must be to count as `over`; younger ones are
    /// `live`.
    virtual boost::asio::awaitable<std::vector<standing>>
    standings(std::vector<listed_leg> legs, millis settled) = 0;
    /// Forgets notes about calls that are over.
    virtual boost::asio::awaitable<void> tidy() = 0;
};

} // namespace z360::port
