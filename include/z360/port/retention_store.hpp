// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/base/time.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace z360::port {

/// What is kept for a while only.
enum class kept : std::uint8_t {
    raw_events,    ///< webhooks that were processed or ignored; those with a conflict go after it
    dead_letters,  ///< webhooks that could not be processed
    conflicts,     ///< other bytes under a known event id
    calls,         ///< calls that are over, with their legs, commands and timeline
    push_attempts, ///< requests to push providers, what phones say of them, messages that are over
};
[[nodiscard]] constexpr std::string_view name(kept k) {
    switch (k) {
    case kept::raw_events: return "raw_events";
    case kept::dead_letters: return "dead_letters";
    case kept::conflicts: return "conflicts";
    case kept::calls: return "calls";
    case kept::push_attempts: return "push_attempts";
    }
    return "?";
}

/// Removes old rows. What waits to be processed and calls that are not over are never touched, however old.
/// Ages are by the database's clock. Throws port::unavailable.
class retention_store {
  public:
    virtual ~retention_store() = default;

    /// One node at a time: true while this `holder` has the right to remove; it ends by itself after
    /// `length`.
    virtual boost::asio::awaitable<bool> hold(std::string holder, millis length) = 0;
    /// Removes what has been settled, buried, received or over for longer than `age`, the oldest first, in
    /// one short transaction: at most `limit` events, or as many calls as that is rows, about. Returns how
    /// many events or calls went; 0: none is left (or others hold the last ones).
    virtual boost::asio::awaitable<std::size_t> remove(kept what, millis age, std::size_t limit) = 0;
    /// Ends, as expired, at most `limit` effects of channels other than the carrier's, and as many pushes
    /// that belong to no call, whose deadline and last claim are both longer than `age` ago: no node has a
    /// runner for them. The latter lose their texts. Returns how many.
    virtual boost::asio::awaitable<std::size_t> end_abandoned(millis age, std::size_t limit) = 0;
};

} // namespace z360::port
