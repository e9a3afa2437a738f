// SPDX-License-Identifier: LicenseRef-z360-proprietary
// How waiting events are claimed.
#pragma once

#include <z360/port/event_inbox.hpp>

namespace z360::adapter::postgres {

#define Z360_INBOX_ROW                                                                                       \
    "w.event_id, w.event_type, w.route, coalesce(w.call_session_id, ''), coalesce(w.call_control_id, ''), "  \
    "z360_ms(w.received_at), w.body, w.attempts, w.seq, "                                                    \
    "(extract(epoch from clock_timestamp() - w.stored_at) * 1000)::bigint"

/// Unprocessed; by its words also what a program of the version before buried because nobody knew its call.
/// Beside a key: a CASE, because the planner would find rows with a plain `status = 'new'` by the index of
/// all that waits, and read a whole backlog for each.
#define Z360_INBOX_OPEN                                                                                      \
    "case status when 'new' then true when 'dead' then orphaned or error = 'unknown session' else false end"
static_assert(port::k_unknown_session == "unknown session");

/// Before a statement that takes the first rows in the order of an index, in the same transaction. An outage
/// fills tables faster than the planner's figures follow: by those of an empty table it reads all that waits
/// and sorts it.
inline constexpr const char* k_in_order = "set local enable_bitmapscan = off";

/// After k_in_order. $1: how many, $2: for how many ms. Oldest first, in the order of the index
/// webhook_events_pending: a backlog of any length costs the rows that are taken. A time that stands still
/// within the statement, so that rows which somebody holds are passed over in the index.
inline constexpr const char* k_claim_pending = R"sql(
update webhook_events w set claimed_until = clock_timestamp() + $2::bigint * interval '1 ms'
 where w.ctid = any(array(
           select ctid from webhook_events where status = 'new' and claimed_until <= statement_timestamp()
            order by received_at, seq limit $1 for update skip locked))
returning )sql" Z360_INBOX_ROW;

/// What an older program beside this one has put off because it could not read it, whoever holds it: that one
/// looks again the moment its pause is over, before anybody else. Its words are those of port::newer_form. By
/// the index webhook_events_put_off. $1, $2: as above.
inline constexpr const char* k_claim_put_off = R"sql(
update webhook_events w set claimed_until = clock_timestamp() + $2::bigint * interval '1 ms', error = null
 where w.ctid = any(array(
           select ctid from webhook_events
            where status = 'new' and (error like '%, this program reads up to %'
                                      or error like '% that this program does not know')
            order by received_at, seq limit $1 for update skip locked))
returning )sql" Z360_INBOX_ROW;

} // namespace z360::adapter::postgres
