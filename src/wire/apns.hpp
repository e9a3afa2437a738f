// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Pushes as APNs takes them, and its answers.
#pragma once

#include "wire/push_request.hpp"

#include <z360/push/message.hpp>
#include <z360/push/verdict.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace z360::wire {

inline constexpr std::size_t k_apns_voip_limit = 5120;
inline constexpr std::size_t k_apns_limit = 4096;
inline constexpr std::size_t k_apns_longest_collapse_id = 64;

/// The service that is asked: production for an unknown environment.
[[nodiscard]] std::string_view apns_host(push::environment e);

/// For whom we send.
struct apns_apps {
    std::vector<std::string> bundle_ids; ///< whose topics our key may use
    std::string without_one;             ///< of devices that named none; empty: they are refused
};

/// One push to one token. `smaller`: into half of the limit, after 413. The topic is the device's own bundle
/// id, if it is allowed; `<bundle>.voip` for PushKit. Pure.
[[nodiscard]] push_built build_apns(
    const push::message& m, const push::target& to, const apns_apps& apps, time_point now,
    bool smaller = false
);

/// The pieces of an answer that matter.
struct apns_reply {
    int status = 0;
    std::string_view body;
    std::string_view retry_after; ///< header, or empty
    std::string_view apns_id;     ///< header, or empty
};
/// Never throws but for lack of memory; whatever is not understood is missing.
[[nodiscard]] push::answer read_apns(const apns_reply& r, time_point now);
/// The word in a GOAWAY's debug data; empty: none.
[[nodiscard]] std::string read_apns_goaway(std::string_view debug_data);

} // namespace z360::wire
