// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Events that were given up, for operators: looked at, and offered to the nodes again (BE-19).
#pragma once

#include <z360/base/time.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace z360::port {

struct dead_event {
    std::int64_t position = 0; ///< rises in the order in which they came; the cursor of lists
    std::string event_id;
    std::string event_type;
    std::string call_session_id; ///< empty: none
    std::string call_control_id; ///< empty: none
    std::string route;           ///< that it came by
    time_point received_at{};
    std::uint32_t attempts = 0;
    std::string error;  ///< why it was given up; empty of one that is none any more
    std::string status; ///< dead; of a single one also new, done, ignored
    std::optional<time_point> processed_at;
    std::string body; ///< as it came; in lists empty
};

/// Which of them; what is empty does not matter.
struct dead_filter {
    std::string event_type;
    std::string call_session_id;
    std::string error;               ///< part of the reason
    std::optional<time_point> since; ///< came then or later
    std::optional<time_point> until; ///< came before
};

/// Every organisation's, and nobody's: whoever asks must be allowed to see all. Every function may throw
/// unavailable.
class dead_letters {
  public:
    virtual ~dead_letters() = default;

    /// Newest first, at most `limit`, below `before` (0: from the newest on).
    virtual boost::asio::awaitable<std::vector<dead_event>>
    list(dead_filter which, std::int64_t before, std::size_t limit) = 0;
    /// Whatever became of it. nullopt: it never came, or its time is over.
    virtual boost::asio::awaitable<std::optional<dead_event>> find(std::string event_id) = 0;
    /// Those of these that are dead are offered again as if they had just come; which. What was processed is
    /// never offered again, so that asking twice does nothing more than once.
    virtual boost::asio::awaitable<std::vector<std::string>> revive(std::vector<std::string> event_ids) = 0;
    /// The same of those that the filter means, oldest first, at most `limit`.
    virtual boost::asio::awaitable<std::vector<std::string>> revive(dead_filter which, std::size_t limit) = 0;
};

} // namespace z360::port
