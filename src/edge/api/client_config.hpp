// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "edge/api/api_context.hpp"

namespace z360::edge::api {

/// What an app needs to know of its server (D12): addresses, times, versions, switches. `base`: https://host;
/// `now`: of the request.
[[nodiscard]] json
client_config(const api_context& s, const std::string& base, const port::device_view& device, time_point now);
/// "jwt" or "credentials" (CFG-03).
[[nodiscard]] std::string_view
auth_mode(const api_context& s, std::string_view platform, std::string_view sdk_version);

} // namespace z360::edge::api
