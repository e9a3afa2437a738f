// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace z360::sim {

/// The bytes of a delivery; see webhook_fault::form. `meta` is the delivery's own.
[[nodiscard]] std::string
body_in_form(std::string_view form, const nlohmann::json& data, const nlohmann::json& meta);

} // namespace z360::sim
