// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Events that are ours: what the database puts into the inbox in the transaction that caused it, and what
// devices ask for.
#pragma once

#include <z360/call/event.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace z360::wire {

/// An event of a call that is ours, as it stands in the inbox.
struct own_event {
    std::optional<call_id> call; ///< nullopt: told by the session
    std::string call_session_id;
    std::optional<call::event> what; ///< nullopt: a request of a kind that only a newer program knows
    time_point until{};              ///< of a request: later it means nothing to anybody
};

/// `{"call_session_id": "…", "devices": [1, 2]}`, written by z360_withdraw_rings (migration 0024; 0 stands
/// for the person's mobile number), or a request as write_request() writes it. nullopt: neither. Never throws
/// but for lack of memory.
[[nodiscard]] std::optional<own_event> read_own_event(std::string_view body);

/// The stored form of a request: `{"data": {"kind": "decline", …}, "meta": {"until": ms}}`. The same request
/// asked again differs in `meta` alone (deadline, and where the device can be rung): to the inbox it is the
/// same event.
[[nodiscard]] std::string
write_request(call_id call, std::string_view call_session_id, const call::device_asks& what);
/// What the inbox calls it, e.g. "own.decline".
[[nodiscard]] std::string request_type(call::request_kind what);

} // namespace z360::wire
