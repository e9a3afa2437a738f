// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/port/metrics.hpp>
#include <z360/rt/time.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace z360::adapter::telnyx {

/// Tells people that Telnyx rejects our API key (HTTP 401), and that it takes it again. Every request fails
/// alike then: each is counted, one line in ten seconds is enough. One loop, no locks.
class key_alarm {
  public:
    /// `client` names who asks ("commands", "credentials", "records"), `fix` what stands still meanwhile.
    key_alarm(port::metrics& metrics, std::string_view client, std::string_view fix);
    void rejected(std::string_view verb, std::string_view code, std::string_view title);
    /// An answer that only a valid key gets.
    void accepted();
    [[nodiscard]] bool on() const { return on_; }

  private:
    port::metrics& metrics_;
    std::string client_;
    std::string fix_;
    std::optional<rt::clock::time_point> last_line_;
    bool on_ = false;
};

} // namespace z360::adapter::telnyx
