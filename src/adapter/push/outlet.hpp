// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One service of a provider, with one credential: its connections, who may use them, and how it does.
#pragma once

#include "adapter/push/health.hpp"
#include "adapter/push/provider_tokens.hpp"

#include <z360/http/h2.hpp>
#include <z360/log.hpp>
#include <z360/port/metrics.hpp>
#include <z360/push/kind.hpp>
#include <z360/push/ladder.hpp>
#include <z360/rt/gate.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace z360::adapter::push {

/// Metrics and log lines name it: apns, apns_sandbox or fcm.
class outlet {
  public:
    using lane = z360::push::lane;
    using time = rt::clock::time_point;
    using slot = std::unique_ptr<rt::gate::slot>;

    outlet(
        boost::asio::any_io_executor ex, std::string name, http::h2::pool_settings pool,
        unsigned retry_percent, std::unique_ptr<provider_tokens> tokens, port::metrics& metrics
    );

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] http::h2::pool& pool() { return *pool_; }
    [[nodiscard]] provider_tokens& tokens() { return *tokens_; }

    /// A place among the requests of that lane; each lane has its own, so that none takes another's. Null:
    /// none became free until then, or too many wait.
    [[nodiscard]] boost::asio::awaitable<slot> enter(lane of, time until);
    /// Whether a push may be begun, and counts it.
    [[nodiscard]] bool may_begin(lane of, time now);
    /// Whether it may be sent again. Not while the service is down: other ways to ring are better then.
    [[nodiscard]] bool may_repeat(lane of, time now);
    [[nodiscard]] bool down() const { return health_.open(); }
    /// What came of a request: `fault`, the service's, not a device's.
    void report(bool fault, time now);
    /// The provider asks everybody to slow down: what is not about a ring waits until then.
    void spare(time until) { spared_until_ = std::max(spared_until_, until); }
    /// How long a push of that lane is to wait for that; 0: not.
    [[nodiscard]] rt::clock::duration spared(lane of, time now) const;
    /// Something is wrong by us: told to people, without a word of the push.
    void misconfigured(int status, std::string_view reason, std::string_view fix);
    /// The credential is another one.
    void renewed();

  private:
    static constexpr std::size_t k_lanes = z360::push::k_lane_count;
    [[nodiscard]] static std::size_t at(lane l) { return static_cast<std::size_t>(l); }
    void shed(lane of, std::string_view why);
    void show_health();

    std::string name_;
    port::metrics& metrics_;
    std::unique_ptr<provider_tokens> tokens_;
    std::unique_ptr<http::h2::pool> pool_;
    health health_;
    std::array<z360::push::retry_budget, k_lanes> budgets_;
    std::array<rt::gate, k_lanes> gates_;
    time spared_until_{};
    log::sparse faults_;
};

/// Requests under way at once, by lane.
inline constexpr std::array<std::size_t, z360::push::k_lane_count> k_in_flight{3'000, 1'000, 300, 100};
/// Those that may wait for that.
inline constexpr std::array<std::size_t, z360::push::k_lane_count> k_waiting{20'000, 10'000, 5'000, 2'000};

} // namespace z360::adapter::push
