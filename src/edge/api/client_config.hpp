// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "edge/api/service.hpp"

namespace z360::edge::api {

/// What an app needs to know of its server (D12): addresses, times, versions, switches. `base`: https://host.
[[nodiscard]] json client_config(
    const service& s, const std::string& base, std::string_view platform, std::string_view sdk_version
);
/// "jwt" or "credentials" (CFG-03).
[[nodiscard]] std::string_view
auth_mode(const service& s, std::string_view platform, std::string_view sdk_version);

} // namespace z360::edge::api
