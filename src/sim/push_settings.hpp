// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Where and how the push services are served.
#pragma once

#include "sim/push_desk.hpp"

#include <cstdint>
#include <string>

namespace z360::sim {

struct push_services_settings {
    std::string address = "127.0.0.1";
    std::uint16_t apns_port = 0; ///< 0: any free one
    std::uint16_t apns_sandbox_port = 0;
    std::uint16_t fcm_port = 0;   ///< of the token service (POST /token), too
    bool clear_text = false;      ///< no TLS: HTTP/2 with prior knowledge
    std::string certificate_file; ///< with key_file; empty: made at the start, with an authority
    std::string key_file;
    push_desk_settings desk;
};

} // namespace z360::sim
