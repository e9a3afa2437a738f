// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/http/client.hpp>

#include <string>

namespace z360::adapter::telnyx {

/// What an answer of Telnyx says, or why there is none, in one line for people. Private to
/// src/adapter/telnyx.
[[nodiscard]] std::string told(const http::client_response& reply);

} // namespace z360::adapter::telnyx
