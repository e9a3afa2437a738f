// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What Apple's push service checks of headers and payload alone. Pure.
#pragma once

#include "sim/push_types.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace z360::sim {

/// Apple's reason for what is wrong with the headers but authorization and topic; empty: nothing.
[[nodiscard]] std::string apns_header_fault(const push_request& r, std::vector<std::string>& notes);
/// The same of the payload. Its size is judged by push type.
[[nodiscard]] std::string apns_payload_fault(const push_request& r, std::vector<std::string>& notes);
/// Is a header there twice that may come once?
[[nodiscard]] bool apns_headers_repeat(const push_request& r);
/// 8-4-4-4-12 hexadecimal digits.
[[nodiscard]] bool is_uuid_text(std::string_view text);
[[nodiscard]] bool is_hex(std::string_view text);
[[nodiscard]] bool is_digits(std::string_view text);

} // namespace z360::sim
