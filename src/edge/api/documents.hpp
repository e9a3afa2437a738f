// SPDX-License-Identifier: LicenseRef-z360-proprietary
// contract/api/openapi.json and page.html, built into the program.
#pragma once

#include <string_view>

namespace z360::edge::api {

[[nodiscard]] std::string_view openapi_document();
[[nodiscard]] std::string_view document_page();

} // namespace z360::edge::api
