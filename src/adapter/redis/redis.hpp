// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What Redis does for the engine, and what stands in for it where none is configured.
#pragma once

#include "adapter/redis/session.hpp"

#include <z360/base/time.hpp>
#include <z360/port/ring_hint.hpp>

#include <memory>
#include <string>

namespace z360::adapter::redis {

/// Ring hints under `<prefix>ring:{call}:hint`. The session must outlive it.
[[nodiscard]] std::unique_ptr<port::ring_hint> make_ring_hint(session& s, std::string prefix);
/// Without Redis: never knows anything.
[[nodiscard]] std::unique_ptr<port::ring_hint> make_null_ring_hint();

struct dial_settings {
    unsigned limit = 150; ///< dials in any `window`, all nodes together
    millis window{5'000};
    /// What one node may use while Redis does not answer, in percent of `limit`. Two nodes without Redis stay
    /// inside the limit with 50.
    unsigned share_percent = 50;
};

/// The account's dials under `<prefix>dials`, by the clock of Redis. This node's own dials are counted here
/// as well, so that a single node keeps the limit also across a flush, a restart or a loss of Redis. The
/// session must outlive it.
[[nodiscard]] std::unique_ptr<port::dial_budget>
make_dial_budget(session& s, std::string prefix, dial_settings settings = {});
/// Without Redis: the whole limit, in this process.
[[nodiscard]] std::unique_ptr<port::dial_budget> make_local_dial_budget(dial_settings settings = {});

} // namespace z360::adapter::redis
