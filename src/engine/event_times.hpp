// SPDX-License-Identifier: LicenseRef-z360-proprietary
// How long events take on this node (BE-40): figures by type, a line for each that was slow, and the age of
// the oldest. Private to src/engine.
#pragma once

#include "engine/arrival.hpp"
#include "engine/fold.hpp"

#include <z360/log.hpp>
#include <z360/port/metrics.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace z360::engine {

/// The type as a label: the carrier's, "own" for our own events, or "other".
[[nodiscard]] std::string_view label_of(const port::inbox_event& e);

/// A webhook that is durable now.
struct acknowledgement {
    std::string_view type; ///< its label
    rt::clock::time_point arrived{};
    const std::string& event_id;
    std::optional<call_id> call; ///< as far as that is known by now
};

/// Not thread-safe.
class event_times {
  public:
    /// `slow_after`: what takes so long is told of; zero: nothing is.
    event_times(port::metrics& metrics, millis slow_after) : metrics_(metrics), slow_after_(slow_after) {}

    /// Telnyx waits for it until now, and for at most 20 s.
    void acknowledged(const acknowledgement& a);
    /// Its call has been decided about and stored, or need not be.
    void settled(call_id call, const offer& how, const item& done);
    /// Of those that are in hand, or were within the last two seconds: so that what lasts less than the time
    /// between two looks shows all the same. 0: there is none.
    [[nodiscard]] millis oldest(const offers& in_hand) const;

  private:
    port::metrics& metrics_;
    millis slow_after_;
    log::sparse slow_acks_{std::chrono::seconds{1}}, slow_events_{std::chrono::seconds{1}};
    millis oldest_settled_{0};
    rt::clock::time_point settled_at_ = rt::clock::time_point::min();
};

} // namespace z360::engine
