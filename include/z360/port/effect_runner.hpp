// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whoever carries effects out, one for each channel.
#pragma once

#include <z360/call/effect.hpp>
#include <z360/call/event.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <utility>

namespace z360::port {

/// Asked before every attempt to carry an effect out; false ends it with outcome `superseded`. `attempt`
/// counts from 1.
using still_wanted = std::function<boost::asio::awaitable<bool>(unsigned attempt)>;

/// Carries the effects of one channel out. On the loop's thread.
class effect_runner {
  public:
    virtual ~effect_runner() = default;
    [[nodiscard]] virtual call::channel runs() const = 0;
    /// Carries one effect out, with whatever retries its deadline allows, and asks `wanted` before each
    /// attempt. The same effect may come again, from a node that takes over: whoever is told recognises it by
    /// its id. Never throws for what the other side or the network does; the outcome says it. An effect of
    /// another channel is `refused`.
    virtual boost::asio::awaitable<call::effect_outcome> run(call::effect what, still_wanted wanted) = 0;
    /// It will be told to run this one as soon as it is stored, which is under way and may come to nothing.
    /// It may look up what it will need, and do nothing that anybody outside could notice. Returns at once,
    /// never throws.
    virtual void expect(const call::effect& what) { (void)what; }
    /// The same of an effect that another node left behind, or an earlier life of this one: nobody knows
    /// whether its last attempt took effect.
    virtual boost::asio::awaitable<call::effect_outcome> take_over(call::effect what, still_wanted wanted) {
        return run(std::move(what), std::move(wanted));
    }
};

} // namespace z360::port
