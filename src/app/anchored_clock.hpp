// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The time that calls, claims and signatures are judged by: the database's, as well as this process knows it.
#pragma once

#include "adapter/postgres/postgres.hpp"
#include "edge/health_routes.hpp"

#include <z360/port/clock.hpp>
#include <z360/port/metrics.hpp>
#include <z360/rt/clock_anchor.hpp>

namespace z360::app {

/// On the loop's thread only.
class anchored_clock final : public port::clock {
  public:
    anchored_clock();
    [[nodiscard]] time_point now() const override;

    /// Comes every second or so from database::ping().
    void take(const adapter::postgres::clock_reading& r);
    /// Never keeps a node from its traffic: calls do not depend on the system's clock. Says when it is off,
    /// because much else on a machine does.
    [[nodiscard]] edge::readiness readiness() const;
    /// Figures; also looks whether the system's clock was set meanwhile. Call it about once a second.
    void report(port::metrics& m);

  private:
    rt::clock_anchor anchor_;
    rt::step_watch steps_;
};

} // namespace z360::app
