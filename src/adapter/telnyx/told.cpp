// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/told.hpp"

#include "wire/telnyx_reply.hpp"

namespace z360::adapter::telnyx {

std::string told(const http::client_response& reply) {
    if (reply.status == 0) return reply.error.empty() ? "no answer" : reply.error;
    const auto body = wire::parse_reply(reply.body);
    auto out = "HTTP " + std::to_string(reply.status);
    if (!body.error_code.empty()) out += " " + body.error_code;
    if (!body.error_title.empty()) out += ": " + body.error_title;
    return out;
}

} // namespace z360::adapter::telnyx
