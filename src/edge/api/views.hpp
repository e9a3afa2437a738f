// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Rows as JSON. Pure.
#pragma once

#include "edge/api/problem.hpp"
#include "wire/call_view.hpp"

#include <z360/call/route.hpp>
#include <z360/port/call_reader.hpp>
#include <z360/port/device_registry.hpp>

#include <optional>
#include <string>
#include <vector>

namespace z360::edge::api {

[[nodiscard]] json time_or_null(const std::optional<time_point>& t);
[[nodiscard]] json text_or_null(std::string_view text);
template <class T>
[[nodiscard]] json or_null(const std::optional<T>& v) {
    return v ? json(*v) : json(nullptr);
}
[[nodiscard]] json device_json(const port::device_view& d);
[[nodiscard]] json organization_json(const port::org_label& o);
[[nodiscard]] json prompts_json(const port::device_view& d);
/// A push token would be welcome: it has none, or the one it had is dead (MOB-02, B39).
[[nodiscard]] bool push_token_required(const port::device_view& d);

/// Where a call would go: what --explain-route prints, too.
[[nodiscard]] json route_json(const call::route& r, time_point at);

/// The names that a reply adds to a call.
[[nodiscard]] wire::call_labels labels_of(const port::call_view& c);

} // namespace z360::edge::api
