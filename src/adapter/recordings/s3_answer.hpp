// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a store's answer means for us. Pure.
#pragma once

#include <z360/http/client.hpp>

#include <string>
#include <string_view>

namespace z360::adapter::recordings {

/// The Code element of S3's error document: at most 64 letters, digits and "._-"; empty: there is none.
[[nodiscard]] std::string error_code(std::string_view body);

/// Why something did not work, in one line without secrets.
[[nodiscard]] std::string
why_not(const http::client_response& answer, std::string_view doing, std::string_view bucket);

} // namespace z360::adapter::recordings
