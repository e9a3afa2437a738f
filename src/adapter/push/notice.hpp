// SPDX-License-Identifier: LicenseRef-z360-proprietary
// From what the core wants told, and where, to a push. Pure.
#pragma once

#include <z360/call/effect.hpp>
#include <z360/port/push_store.hpp>
#include <z360/push/message.hpp>
#include <z360/push/recipients.hpp>
#include <z360/push/verdict.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace z360::adapter::push {

/// Without a ticket.
[[nodiscard]] z360::push::message
message_of(const call::push_notice& n, const port::push_address& a, const std::string& api_base);

/// Which of the device's tokens such a push goes to; nullopt: none is left.
[[nodiscard]] std::optional<std::size_t> token_of(z360::push::kind k, const port::push_address& a);

/// The end of a call that was missed is not told where it would be one more notification: the missed call
/// replaces what the device shows.
[[nodiscard]] bool told_by_missed_call(const call::push_notice& n, const port::push_address& a);

/// What a verdict comes to, for the ledger and figures.
[[nodiscard]] port::push_attempt_end end_of(z360::push::judgement j);

/// For people: what may be done about a request that was refused for our sake.
[[nodiscard]] std::string_view fix_for(z360::push::provider p, std::string_view reason);

} // namespace z360::adapter::push
