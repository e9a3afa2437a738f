// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/telnyx/classify.hpp"

#include <z360/base/time.hpp>

#include <optional>

namespace z360::adapter::telnyx {

/// When a failed attempt of one command is repeated. Pure: the jitter is handed in.
class retry_plan {
  public:
    explicit retry_plan(call::verb v) : verb_(v) {}
    /// Pause before the next attempt after an answer of class retry or ambiguous; nullopt: give up, the
    /// answer is final. `jitter` is in [0, 1).
    [[nodiscard]] std::optional<millis> next(const classified& failed, double jitter);

  private:
    call::verb verb_;
    unsigned steps_ = 0;
    unsigned bridge_hiccups_ = 0;
    bool resent_at_once_ = false;
};

} // namespace z360::adapter::telnyx
