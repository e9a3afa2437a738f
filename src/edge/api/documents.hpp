// SPDX-License-Identifier: LicenseRef-z360-proprietary
// docs/api, built into the program.
#pragma once

#include <string_view>

namespace z360::edge::api {

[[nodiscard]] std::string_view openapi_document();
[[nodiscard]] std::string_view document_page();

} // namespace z360::edge::api
