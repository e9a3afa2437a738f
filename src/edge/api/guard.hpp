// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What every request passes on its way to a handler, and every reply on its way back.
#pragma once

#include "edge/api/api_context.hpp"

#include <memory>
#include <span>
#include <vector>

namespace z360::edge::api {

/// Makes routes of entries, and an OPTIONS route of each pattern. In this order: HTTPS or nothing, the
/// address's limit, who asks, whether this route takes them, the route's limit, the handler.
[[nodiscard]] std::vector<http::route>
guarded(const std::shared_ptr<api_context>& s, std::span<const entry> entries);

} // namespace z360::edge::api
