// SPDX-License-Identifier: LicenseRef-z360-proprietary
// How long what ought to be done at once has been waiting, whichever node ought to have done it.
#pragma once

#include <z360/base/time.hpp>

#include <boost/asio/awaitable.hpp>

namespace z360::port {

/// By the database's clock; 0: nothing waits.
struct backlog_ages {
    millis event{0}; ///< the oldest event whose turn has come and that is not processed
    millis call{0
    }; ///< the call whose deadline is overdue for longest: every kind of leg, join and step has one
    millis effect{0}; ///< the effect whose owner was not heard of for longest
};

/// Asked by every node every few seconds, so that it must stay cheap however much waits.
class backlog {
  public:
    virtual ~backlog() = default;
    /// Three looks at the ends of indexes. Throws unavailable.
    virtual boost::asio::awaitable<backlog_ages> ages() = 0;
};

} // namespace z360::port
