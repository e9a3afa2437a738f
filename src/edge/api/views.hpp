// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Rows as JSON. Pure.
#pragma once

#include "edge/api/problem.hpp"

#include <z360/port/call_reader.hpp>
#include <z360/port/device_registry.hpp>

#include <optional>
#include <string>
#include <vector>

namespace z360::edge::api {

[[nodiscard]] json time_or_null(const std::optional<time_point>& t);
[[nodiscard]] json text_or_null(std::string_view text);
[[nodiscard]] json device_json(const port::device_view& d);
[[nodiscard]] json organization_json(const port::org_label& o);
[[nodiscard]] json prompts_json(const port::device_view& d);
/// A push token would be welcome: it has none, or the one it had is dead (MOB-02, B39).
[[nodiscard]] bool push_token_required(const port::device_view& d);

/// A call as one device sees it; without a device, as its person does.
[[nodiscard]] json call_json(const port::call_view& c, device_id asking);
/// The device has a leg in it that rings or talks.
[[nodiscard]] bool concerns(const port::call_view& c, device_id asking);
/// The device's leg of a call; of several the one that matters most. nullptr: none.
[[nodiscard]] const call::device_leg* leg_of(const call::state& s, device_id d);
/// The state, or `answered_elsewhere` for a device that lost the call to another (AND-08).
[[nodiscard]] std::string_view status_for(const call::state& s, device_id asking);

} // namespace z360::edge::api
