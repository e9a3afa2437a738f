// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the product's inbox and its billing read of calls that are over: conversations, messages, minutes.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/port/scope.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace z360::port {

// ---- for whoever writes them

/// What one step of the writer has done.
struct booked {
    std::size_t looked_at = 0; ///< calls, or events
    std::size_t messages = 0;  ///< that are new
    std::uint64_t minutes = 0; ///< that were billed
    std::uint64_t ai_minutes = 0;
    std::size_t transcripts = 0; ///< that are new, or say something else now
    std::size_t failed = 0;      ///< put off, with a pause that grows
    std::size_t given_up = 0;    ///< transcripts of what nobody knows
};

struct book_figures {
    std::uint64_t waiting = 0; ///< calls and transcripts that are not written down
    millis oldest{};           ///< since the oldest of them became due
    std::uint64_t failing = 0; ///< calls whose last attempt failed
};

/// Each step is one transaction: written down and off the list, or neither; what another node has in hand is
/// left to it. So nothing is counted twice, whoever repeats or dies. Every function throws unavailable.
class book_store {
  public:
    virtual ~book_store() = default;
    /// Writes down at most `most` calls of which something is new, those that have waited longest.
    virtual boost::asio::awaitable<booked> enter(std::size_t most) = 0;
    /// Puts at most `most` transcripts that the carrier has told of beside their recordings. One whose
    /// recording is not known yet waits, for a day at most.
    virtual boost::asio::awaitable<booked> transcribe(std::size_t most) = 0;
    virtual boost::asio::awaitable<book_figures> figures() = 0;
};

// ---- for people

/// Made by the database of messages that the scope sees; a message's document is not read for it.
struct book_summary {
    std::uint64_t messages = 0, missed = 0, voicemails = 0;
    millis talk{};
    std::optional<time_point> last_at; ///< of the newest one; none: there is none
};

/// Of one number of ours and one other party.
struct conversation_view {
    std::int64_t id = 0;
    org_id org;
    std::string number;     ///< ours, +E.164
    std::string identifier; ///< of the other party: +E.164, "withheld", an address
    std::string name;       ///< what the organisation calls them, or empty
    time_point last_at{};   ///< of the newest message that the scope sees: pages are in this order
    book_summary summary;
};

/// A call that is over.
struct message_view {
    std::int64_t id = 0;
    std::int64_t conversation = 0;
    call_id call;
    std::string direction, status;
    std::string metadata;          ///< a JSON object
    std::optional<uuid> recording; ///< that the scope may hear
    std::string recording_format;  ///< of it
    millis talk{};
    bool missed = false, voicemail = false;
    time_point at{};
};

/// A page ends before this one.
struct book_cursor {
    time_point at{};
    std::int64_t id = 0;
};

/// Under row-level security of the scope: a person sees the messages of calls that were for them, and all of
/// an organisation that they own or administer. Every function throws unavailable.
class book_reader {
  public:
    virtual ~book_reader() = default;
    /// Of a person's organisations, or of `org` alone; newest first.
    virtual boost::asio::awaitable<std::vector<conversation_view>>
    conversations(tenant_scope who, org_id org, std::optional<book_cursor> before, std::size_t limit) = 0;
    /// Of the same, over all conversations.
    virtual boost::asio::awaitable<book_summary> summary(tenant_scope who, org_id org) = 0;
    /// Newest first; nullopt: there is no such conversation.
    virtual boost::asio::awaitable<std::optional<std::vector<message_view>>> messages(
        tenant_scope who, std::int64_t conversation, std::optional<book_cursor> before, std::size_t limit
    ) = 0;
};

} // namespace z360::port
