// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The route table, a part for each kind of thing. Docs and tests read it too.
#pragma once

#include "edge/api/api_context.hpp"

#include <vector>

namespace z360::edge::api {

[[nodiscard]] std::vector<entry> device_entries();
[[nodiscard]] std::vector<entry> credential_entries();
[[nodiscard]] std::vector<entry> disturbance_entries(); ///< do not disturb
[[nodiscard]] std::vector<entry> call_entries();
[[nodiscard]] std::vector<entry> recording_entries();     ///< messages, recordings of calls, their content
[[nodiscard]] std::vector<entry> conversation_entries();  ///< the inbox of calls
[[nodiscard]] std::vector<entry> voicemail_box_entries(); ///< voicemail of numbers and members
[[nodiscard]] std::vector<entry> request_entries();       ///< what a device asks of a call
[[nodiscard]] std::vector<entry> report_entries();        ///< what apps report of calls
[[nodiscard]] std::vector<entry> record_entries();        ///< records of calls, for operators
[[nodiscard]] std::vector<entry> tenant_entries();        ///< organisations, people, memberships, settings
[[nodiscard]] std::vector<entry> number_entries();        ///< numbers, contacts, blocked callers
[[nodiscard]] std::vector<entry> routing_entries();       ///< opening hours, and where a call would go
[[nodiscard]] std::vector<entry> outbound_entries();      ///< rules of calling out, and as which numbers
[[nodiscard]] std::vector<entry> agent_entries();         ///< what an organisation's agent asks
[[nodiscard]] std::vector<entry> ring_plan_entries();     ///< groups, and people one after the other
[[nodiscard]] std::vector<entry> operator_entries();      ///< devices of people, enrolment codes, tokens
[[nodiscard]] std::vector<entry> event_entries();         ///< webhooks that were given up
[[nodiscard]] std::vector<entry> push_entries();          ///< what became of pushes
[[nodiscard]] std::vector<entry> notification_entries();  ///< pushes that the product's backend sends
[[nodiscard]] std::vector<entry> sign_in_entries();       ///< Apple and the hand-off to the web product
[[nodiscard]] std::vector<entry> document_entries();
/// All of them.
[[nodiscard]] std::vector<entry> all_entries();

/// Of a device that talks and has no sound: ends the talk, or says why not (request_routes.cpp). Its reply is
/// the call, as of every request.
[[nodiscard]] awaitable<http::response> end_without_media(api_context& s, request_context in);

/// Alarms about requests that were not decided count from zero.
void count_requests_from_zero(port::metrics& metrics);
/// The same about media that failed.
void count_reports_from_zero(port::metrics& metrics);

} // namespace z360::edge::api
