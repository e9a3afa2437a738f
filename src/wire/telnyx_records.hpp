// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What Telnyx has on record about calls: our questions and their answers, read leniently.
#pragma once

#include "wire/telnyx_command.hpp"

#include <z360/base/time.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::wire {

/// Most that Telnyx puts on one page.
inline constexpr unsigned k_records_per_page = 250;

/// A cursor is empty for the first page, else what the page before gave as `next`.
[[nodiscard]] telnyx_request failed_deliveries(time_point since, std::string_view cursor);
[[nodiscard]] telnyx_request session_events(std::string_view call_session_id, std::string_view cursor);
[[nodiscard]] telnyx_request call_status(std::string_view call_control_id);
[[nodiscard]] telnyx_request active_calls(std::string_view connection_id, std::string_view cursor);

/// An event of a call as Telnyx keeps it; a text is empty where there is none.
struct telnyx_record {
    std::string event_id;
    std::string event_type;    ///< never empty
    std::string connection_id; ///< of the payload
    std::string body;          ///< a webhook: `{"data":{…}}`
    std::optional<time_point> at;
};
struct record_page {
    std::vector<telnyx_record> events; ///< oldest first
    std::string next;                  ///< cursor of the next page; empty: that was all
};
/// nullopt: that is no list. Entries that hold no event of a call are passed over. Bad UTF-8 and lone
/// surrogates become U+FFFD: one odd name must not hide a page. Never throw but for lack of memory.
[[nodiscard]] std::optional<record_page> parse_deliveries(std::string_view body, std::string_view cursor);
/// Knows the event in `metadata` under `event`, `raw` or `raw_event`, as an object or as text, in the form of
/// a webhook or of the event log. Commands are passed over.
[[nodiscard]] std::optional<record_page> parse_call_events(std::string_view body, std::string_view cursor);

/// `is_alive` of `{"data":{…}}`; nullopt: not told.
[[nodiscard]] std::optional<bool> parse_call_status(std::string_view body);

struct active_call {
    std::string call_control_id; ///< never empty
    std::string call_session_id;
    std::string client_state;
    std::int64_t seconds = 0;
};
struct active_page {
    std::vector<active_call> calls;
    std::string next; ///< cursor of the next page; empty: that was all
};
[[nodiscard]] std::optional<active_page> parse_active_calls(std::string_view body, std::string_view cursor);

} // namespace z360::wire
