// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whether a device can be told by push, step by step, for a person at a terminal.
#pragma once

#include "adapter/push/push.hpp"

#include <z360/http/client.hpp>
#include <z360/port/clock.hpp>
#include <z360/port/push_store.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace z360::adapter::push {

/// What was looked at, and what came of it. Holds no token and no key.
struct probe_step {
    enum class end : std::uint8_t {
        good,
        failed,
        skipped, ///< on purpose, or because something before it failed
    };
    std::string what; ///< for people: "APNs key", "alert token"
    end came = end::good;
    std::string said; ///< the provider's word, or ours
    std::string fix;  ///< what to do about it; empty: nothing
};
[[nodiscard]] std::string_view name(probe_step::end e);

/// What a probe needs; outlives it.
struct probe_ports {
    http::client& http; ///< for the access token
    const port::clock& clock;
};

/// Reads the keys, reaches the services that the device's living tokens are of, and sends a notification to
/// each of these tokens; by `dry` only what nobody sees: FCM is asked to validate, APNs, which knows no such
/// thing, is connected to. No PushKit push ever: each must ring. Everything is its own, apart from what
/// serves: keys, connections, provider tokens. Nothing is recorded. Ends within a minute, and throws for lack
/// of memory alone.
[[nodiscard]] boost::asio::awaitable<std::vector<probe_step>>
probe(settings s, probe_ports p, port::push_address device, bool dry);

} // namespace z360::adapter::push
