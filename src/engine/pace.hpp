// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Spaces requests evenly. Private to src/engine.
#pragma once

#include <z360/base/time.hpp>
#include <z360/rt/time.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>

namespace z360::engine {

class pace {
  public:
    explicit pace(double per_second);
    /// Waits for the next free place, first come, first served, or until `hurry` says that somebody waits for
    /// it. false: closed, make no request.
    boost::asio::awaitable<bool> turn(std::function<bool()> hurry = {});
    /// The server asked for a pause: places not yet given away come after it.
    void hold(millis pause);
    /// From now on nobody gets a place; those who wait learn it within a moment.
    void close() { closed_ = true; }

  private:
    rt::clock::duration gap_;
    rt::clock::time_point next_{};
    bool closed_ = false;
};

} // namespace z360::engine
