// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/telnyx/classify.hpp"

#include <z360/base/time.hpp>

#include <optional>

namespace z360::adapter::telnyx {

inline constexpr millis k_insist_every{5'000};

/// When a failed attempt of one command is repeated. Pure: the jitter is handed in.
class retry_plan {
  public:
    /// `insist_every`: the pause after a refusal of what must happen.
    explicit retry_plan(call::verb v, millis insist_every = k_insist_every)
        : verb_(v), insist_every_(insist_every) {}
    /// Pause before the next attempt after an answer of class retry, ambiguous or insist; nullopt: give up,
    /// the answer is final. `jitter` is in [0, 1).
    [[nodiscard]] std::optional<millis> next(const classified& failed, double jitter);

  private:
    call::verb verb_;
    millis insist_every_;
    unsigned steps_ = 0;
    unsigned bridge_hiccups_ = 0;
    bool resent_at_once_ = false;
};

} // namespace z360::adapter::telnyx
