// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Sends what waits in the queue of pushes that belong to no call.
#pragma once

#include "adapter/push/push.hpp"

#include <z360/port/push_queue.hpp>

#include <cstddef>
#include <memory>
#include <vector>

namespace z360::adapter::push {

struct sender_settings {
    /// At once, of the lane `message`; those whose end is not written yet count. Each costs the loop some
    /// tenths of a millisecond, which a call's push may have to wait for: together less than fifty (BE-28).
    std::size_t messages = 64;
    std::size_t syncs = 16;   ///< the same of `sync`
    millis claim{60'000};     ///< others take over what this node has left for so long
    millis look_every{3'000}; ///< for what others have put in, and for what is due again
    millis keep_every{15'000};
    millis first_pause{5'000}; ///< before a second run, unless the provider says more; then twice as much
    millis longest_pause{300'000};
    millis warn_after{25LL * 86'400'000};   ///< a phone without life for so long is warned
    millis silent_after{30LL * 86'400'000}; ///< when it is suspended
    millis warn_every{600'000};             ///< between looks for such phones
    millis count_every{15'000};
};

/// How a push is left after a run. An `expired` one that is worth it comes again, unless a request of that
/// run may have reached the phone and the ladder of its provider is at its end. `chance` in [0, 1).
[[nodiscard]] port::push_settled settled_of(
    const port::queued_push& q, const report& r, const sender_settings& s, time_point now, double chance
);

/// Lifecycle: make → start() → stop() → destroy. On the loop's thread only. Never throws; while the queue is
/// away it holds what it has and begins nothing new.
class message_sender {
  public:
    virtual ~message_sender() = default;
    virtual void start() = 0;
    /// Something was put in: look at once.
    virtual void wake() = 0;
    /// Claims nothing more, ends what is under way within `limit`, and hands the rest back to others.
    [[nodiscard]] virtual boost::asio::awaitable<void> stop(millis limit) = 0;
    [[nodiscard]] virtual std::vector<loop_state> loops() const = 0;
    /// Held by this node now.
    [[nodiscard]] virtual std::size_t in_work() const = 0;
};

/// Everything that it needs; outlives it.
struct sender_ports {
    port::push_queue& queue;
    message_carrier& carrier;
    const port::clock& clock;
    port::metrics& metrics;
    rt::chance_source chance = {}; ///< random by default
};
[[nodiscard]] std::unique_ptr<message_sender>
make_message_sender(boost::asio::any_io_executor ex, sender_settings s, sender_ports p);

} // namespace z360::adapter::push
