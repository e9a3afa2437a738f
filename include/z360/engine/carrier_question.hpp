// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A question to the carrier about one session, and its answer.
#pragma once

#include <z360/port/event_inbox.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <string>
#include <vector>

namespace z360::engine {

/// An event that the carrier has on record.
struct told_event {
    port::inbox_event event;
    bool fresh =
        false; ///< was not in the inbox: now it is, claimed for this node, which must decide about it
};
struct carrier_answer {
    bool answered = false;          ///< false: the carrier could not be asked; no events then
    std::vector<told_event> events; ///< all of the session that can be read, oldest first
};
/// Asks what is on record about a session. Bounded in time, never throws for what the carrier or the database
/// does: while Postgres is away the answer stands, with nothing fresh in it.
using carrier_question = std::function<boost::asio::awaitable<carrier_answer>(std::string call_session_id)>;

} // namespace z360::engine
