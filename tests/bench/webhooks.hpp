// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "sim/signer.hpp"

#include <z360/base/ids.hpp>

#include <cstddef>
#include <ctime>
#include <string>
#include <vector>

namespace z360::bench {

/// Whole requests with unique events that are stored and of no consequence for a call. Signed when needed: a
/// signature is good for five minutes.
inline std::vector<std::string> make_webhooks(const sim::signer& signer, std::size_t n, unsigned run) {
    std::vector<std::string> out;
    out.reserve(n);
    const auto timestamp = std::to_string(std::time(nullptr));
    for (std::size_t i = 0; i < n; ++i) {
        const auto id =
            derive_uuid("ingest " + std::to_string(run) + " " + std::to_string(i) + " " + timestamp).text();
        // As long as a real call.dtmf.received; stored, and of no consequence for a call.
        const std::string body =
            R"({"data":{"record_type":"event","event_type":"call.dtmf.received","id":")" + id +
            R"(","occurred_at":"2026-01-01T00:00:00.000000Z","payload":{"call_control_id":"v3:)" + id + id +
            R"(","call_leg_id":")" + id + R"(","call_session_id":")" + id +
            R"(","client_state":null,"connection_id":"2650000000000000001","digit":"5","from":"+13125550142","to":"+13125550100"}},)" +
            R"("meta":{"attempt":1,"delivered_to":"https://voip.example.com/webhooks/cpaas/telnyx/call-control"}})";
        out.push_back(
            "POST /webhooks/cpaas/telnyx/call-control HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
            "application/json\r\n"
            "telnyx-timestamp: " +
            timestamp + "\r\ntelnyx-signature-ed25519: " + signer.sign(timestamp, body) +
            "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body
        );
    }
    return out;
}

} // namespace z360::bench
