// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calls as records for people: one row each, whatever is known of it.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/port/scope.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace z360::port {

/// What a call has cost in one currency: exact, as the carrier told it. Empty currency: it told none, or the
/// parts of a leg differ.
struct cost_sum {
    std::string currency;
    std::string total;
};

/// One call, whatever is known of it.
struct call_record {
    call_id id;
    std::string session;
    org_id org;
    std::string org_name;
    user_id user; ///< none: it was nobody's
    std::string person, login;
    std::string phase, end_reason; ///< the reason is empty while it lives
    std::string outcome; ///< answered, missed, voicemail, rejected, failed, completed or in_progress
    std::string caller_number, caller_name, dialed;
    time_point began{};
    std::optional<time_point> answered_at, bridged_at, ended_at;
    millis talk{};           ///< of all joins together
    std::string answered_by; ///< device, mobile; empty: nobody talked
    device_id device;        ///< that talked; none: none of ours
    std::string device_uid, device_name;
    std::string caller_cause, answerer_cause; ///< the carrier's words for how their legs ended
    std::string carrier_mos;                  ///< worst leg of the talk; decimal, empty: not told
    std::string client_mos;                   ///< mean of what devices measured
    std::size_t samples = 0;                  ///< that devices measured
    bool no_media = false;                    ///< one direction was silent, or an app said that it is (B7)
    std::vector<cost_sum> costs;
    std::optional<time_point> push_sent_at, push_received_at, push_shown_at; ///< the first of each
    /// JSON arrays, of one call alone; empty in lists.
    std::string legs, joins, pushes;
};

/// Before the first page both are nil.
struct record_cursor {
    time_point began{};
    call_id id{};
};
/// Of which calls.
struct record_span {
    org_id org;
    time_point from{}, until{}; ///< of its begin: `from` is in it, `until` is not
};

/// Under row-level security of the scope. May throw unavailable.
class call_records {
  public:
    virtual ~call_records() = default;
    /// By our id or the carrier's session, with its legs, joins and pushes.
    virtual boost::asio::awaitable<std::optional<call_record>> find(tenant_scope who, std::string id) = 0;
    /// Oldest first, after the cursor, at most `limit`.
    virtual boost::asio::awaitable<std::vector<call_record>>
    page(tenant_scope who, record_span span, record_cursor after, std::size_t limit) = 0;
};

} // namespace z360::port
