// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/rt/sync.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>

namespace z360::rt {

/// One queue for everybody who repeats what must happen: so many a second in all, first come first served, so
/// that a thousand calls which cannot be hung up are no storm. One loop, no locks.
class repeats {
  public:
    using duration = rt::clock::duration;
    /// Why somebody repeats: the carrier refused, or it is away.
    enum class cause : std::uint8_t { refused, outage };

    repeats(boost::asio::any_io_executor ex, unsigned per_second);
    repeats(const repeats&) = delete;
    repeats& operator=(const repeats&) = delete;

    /// One place in the queue, given up on destruction. The queue must outlive it.
    class place {
      public:
        place(repeats& in, cause why);
        ~place();
        place(const place&) = delete;
        place& operator=(const place&) = delete;
        /// true: it is this one's turn, and the place is used up. false: not within `at_most`; the place is
        /// kept. Throws operation_aborted when cancelled.
        [[nodiscard]] boost::asio::awaitable<bool> turn(duration at_most);

      private:
        friend class repeats;
        repeats& in_;
        rt::event wake_;
        cause why_;
        bool queued_ = true; ///< false: it had its turn, or was let go
    };

    /// The carrier is back: whoever waits because of an outage goes at once.
    void outage_over();
    [[nodiscard]] std::size_t waiting() const { return queue_.size(); }

  private:
    void leave(place& p);

    boost::asio::any_io_executor ex_;
    duration interval_;
    rt::clock::time_point next_{}; ///< when the first in the queue may go
    std::list<place*> queue_;
};

} // namespace z360::rt
