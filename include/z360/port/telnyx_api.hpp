// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/port/effect_runner.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>
#include <utility>

namespace z360::port {

/// Call Control commands of Telnyx: the carrier's channel.
class telnyx_api : public effect_runner {
  public:
    /// Carries one command out: identical resend when no answer came in time, retries with backoff while the
    /// error is a passing one and the deadline allows, dial budget and circuit breaker. Never throws for what
    /// Telnyx or the network does; the outcome says it. Hang-up and reject are repeated whatever the error
    /// is, slowly, until they are done, their leg is gone, or the deadline; `wanted` is asked while they wait
    /// too. For a dial, `who.call_control_id` is the new leg.
    virtual boost::asio::awaitable<call::command_outcome> execute(call::command cmd, still_wanted wanted) = 0;

    [[nodiscard]] call::channel runs() const final { return call::channel::carrier; }
    boost::asio::awaitable<call::effect_outcome> run(call::effect what, still_wanted wanted) final {
        if (call::channel_of(what) != runs()) co_return not_ours(std::move(what.id));
        auto cmd = call::command_of(std::move(what));
        co_return co_await execute(std::move(*cmd), std::move(wanted));
    }

  private:
    static call::effect_outcome not_ours(std::string id) {
        call::command_outcome out;
        out.command_id = std::move(id);
        out.result = call::outcome::refused;
        out.error_code = "not_of_this_channel";
        return out;
    }
};

} // namespace z360::port
