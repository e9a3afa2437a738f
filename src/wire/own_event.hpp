// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Events that our own database puts into the inbox, in the transaction that caused them.
#pragma once

#include <z360/call/event.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace z360::wire {

/// `{"call_session_id": "…", "devices": [1, 2]}`, written by z360_withdraw_rings (migration 0002).
struct withdrawal {
    std::string call_session_id;
    call::ring_withdrawn what;
};
/// nullopt: not of this form. Never throws but for lack of memory.
[[nodiscard]] std::optional<withdrawal> read_withdrawal(std::string_view body);

} // namespace z360::wire
