// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/base/time.hpp>

namespace z360::port {

/// Wall clock in UTC. Tests run on a clock of their own.
class clock {
  public:
    virtual ~clock() = default;
    [[nodiscard]] virtual time_point now() const = 0;
};

} // namespace z360::port
