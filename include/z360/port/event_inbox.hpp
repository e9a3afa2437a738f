// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The durable inbox: a webhook is answered 200 only after it is in here (I3).
#pragma once

#include <z360/base/time.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace z360::port {

/// Which of the four webhook routes an event came through, or that it is one of our own.
enum class webhook_route : std::uint8_t {
    call_control,
    call_control_failover,
    credential,
    credential_failover,
    own, ///< written by our database in the transaction that caused it; no socket leads here
};

struct inbox_event {
    std::string event_id;   ///< Telnyx `data.id`; the key of deduplication
    std::string event_type; ///< e.g. "call.hangup"; may be empty
    webhook_route route = webhook_route::call_control;
    std::string call_session_id; ///< may be empty
    std::string call_control_id; ///< may be empty
    time_point received_at{};
    std::string body;     ///< raw bytes as signed
    bool settled = false; ///< means nothing to any call: stored as ignored, never offered for processing
    bool patient = false; ///< nobody waits for what it leads to: it may be stored a few ms later, with others
    bool begins = false;  ///< whether it is the only one of its session is to be told (`stored_alone`)
    std::uint32_t attempts = 0; ///< processing attempts so far
    /// How long it has been in the inbox when it was claimed, by the database's clock alone. Time in a spool
    /// does not count: nobody could have processed it there.
    millis waited{0};
};

/// Why an event is given up whose call nobody knows; see mark_dead.
inline constexpr std::string_view k_unknown_session = "unknown session";

enum class append_result : std::uint8_t {
    stored,
    /// The same, of one that `begins`: claim_session() would have found no other event a moment before.
    stored_alone,
    duplicate, ///< same id and same `data`, whatever the delivery: already stored
    conflict,  ///< same id, other `data`: kept aside for people, not processed
    set_aside, ///< Postgres refused the row for itself: kept as a dead letter with the reason
    refused,   ///< Postgres cannot keep it in any form; the others were stored
};

/// The durable queue between the webhook routes and the engine. Every function may throw unavailable.
class event_inbox {
  public:
    virtual ~event_inbox() = default;

    /// Stores the events durably in one statement; results in order. A stored event is claimed for this node
    /// for `claim` and offered to others by claim_pending afterwards.
    /// A row that Postgres refuses for itself blocks none of the others. Throws unavailable, and nothing else
    /// for what Postgres says, if nothing could be stored; then none of them was acknowledged.
    virtual boost::asio::awaitable<std::vector<append_result>>
    append(std::vector<inbox_event> events, millis claim) = 0;

    /// Unprocessed events whose claim has run out (their node died or was slow) or whose retry is due, oldest
    /// first, at most `limit`, claimed for this node for `claim`. Before them, whoever holds them, those that
    /// a node put off as newer_form: an older program beside this one would be the first to look again each
    /// time.
    virtual boost::asio::awaitable<std::vector<inbox_event>>
    claim_pending(std::size_t limit, millis claim) = 0;

    /// Unprocessed events of one carrier session, oldest first; claimed like above, whoever had them. Also
    /// those that were buried only because nobody knew their call: they are unprocessed again.
    virtual boost::asio::awaitable<std::vector<inbox_event>>
    claim_session(std::string call_session_id, millis claim) = 0;

    /// Processed without touching a call (unknown types, events that mean nothing to us).
    virtual boost::asio::awaitable<void> mark_ignored(std::vector<std::string> event_ids) = 0;
    /// Not processable yet; offered again after `delay`. Counts an attempt unless told not to.
    virtual boost::asio::awaitable<void>
    postpone(std::vector<std::string> event_ids, millis delay, std::string why, bool counted = true) = 0;
    /// Given up; stays for people (`--dead-letters`). With k_unknown_session as the reason claim_session may
    /// still take it back.
    virtual boost::asio::awaitable<void> mark_dead(std::vector<std::string> event_ids, std::string why) = 0;
};

} // namespace z360::port
