// SPDX-License-Identifier: LicenseRef-z360-proprietary
// From what the core wants told, and where, to a push. Pure.
#pragma once

#include "adapter/push/errand.hpp"

#include <z360/call/effect.hpp>
#include <z360/port/push_queue.hpp>
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
/// Of what belongs to no call. What is about the device itself names no organisation: it may serve several.
[[nodiscard]] z360::push::message message_of(const port::queued_push& q, const port::push_address& a);

/// What the effect, whose body is `n`, wants sent; compose() is without a ticket.
[[nodiscard]] errand
errand_of(const call::effect& e, const call::push_notice& n, const std::string& api_base);
[[nodiscard]] errand errand_of(const port::queued_push& q);
/// What became of such an effect.
[[nodiscard]] call::push_outcome
outcome_of(const call::effect& e, const call::push_notice& n, bool left_behind, report r);

/// Which of the device's tokens such a push goes to; nullopt: none is left.
[[nodiscard]] std::optional<std::size_t> token_of(z360::push::kind k, const port::push_address& a);

/// That token was refused for that: it, and those that would be refused with it, are dead for this push.
void rule_out(port::push_address& a, std::size_t place, z360::push::refusal why);

/// The end of a call that was missed is not told where it would be one more notification: the missed call
/// replaces what the device shows.
[[nodiscard]] bool
told_by_missed_call(z360::push::kind what, z360::push::ended_reason why, const port::push_address& a);

/// What a verdict comes to, for the ledger and figures.
[[nodiscard]] port::push_attempt_end end_of(z360::push::judgement j);

/// For people: what may be done about a request that was refused for our sake.
[[nodiscard]] std::string_view fix_for(z360::push::provider p, std::string_view reason);

} // namespace z360::adapter::push
