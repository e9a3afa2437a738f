// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a ring ticket is good for: one call, one ring of it, one device.
#pragma once

#include "edge/api/api_context.hpp"

#include <z360/call/state.hpp>

#include <string>

namespace z360::edge::api {

/// Whether a ticket of an earlier ring of the same call will do: to ask, not to be rung.
enum class whole_call : bool { no, yes };

/// 403, counted: the ticket is of another call or ring. nullopt: it is the right one, or none was sent.
/// `asked`: the call as the request names it; `found`: what was found of it, or null.
[[nodiscard]] std::optional<problem> misused(
    api_context& s, const principal& who, const std::string& asked, const call::state* found,
    whole_call any_ring
);
/// The same of the device that a body names. `uid`: empty when it names none.
[[nodiscard]] std::optional<problem>
of_another_device(api_context& s, const principal& who, const std::string& uid, const port::call_view& in);

} // namespace z360::edge::api
