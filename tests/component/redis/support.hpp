// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Shared by the component and the integration tests of Redis.
#pragma once

#include "adapter/redis/session.hpp"

#include <z360/port/metrics.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace z360::adapter::redis::test {

namespace asio = boost::asio;
using asio::awaitable;
using steady = std::chrono::steady_clock;
using namespace std::chrono_literals;

class counting_metrics final : public port::metrics {
  public:
    void count(std::string_view name, port::labels l, double n) override { sums[key(name, l)] += n; }
    void gauge(std::string_view name, double value, port::labels l) override {
        if (fault) fault(name, value);
        sums[key(name, l)] = value;
    }
    void observe(std::string_view name, double, port::labels l) override { sums[key(name, l)] += 1; }
    [[nodiscard]] std::string text() const override { return {}; }
    [[nodiscard]] double of(const std::string& k) const {
        const auto i = sums.find(k);
        return i == sums.end() ? 0 : i->second;
    }

    std::map<std::string, double> sums;
    std::function<void(std::string_view name, double value)> fault; ///< of gauges; may throw

  private:
    static std::string key(std::string_view name, port::labels l) {
        std::string out(name);
        for (const auto& [k, v] : l)
            out += "," + std::string(k) + "=" + std::string(v);
        return out;
    }
};

inline void run(awaitable<void> body, asio::io_context& io) {
    std::exception_ptr error;
    bool finished = false;
    asio::co_spawn(io, std::move(body), [&](std::exception_ptr e) {
        error = e;
        finished = true;
    });
    io.run_for(60s);
    if (error) std::rethrow_exception(error);
    ASSERT_TRUE(finished) << "the loop did not come to an end";
}

/// Waits for a condition, looking every few ms.
inline awaitable<bool> until(std::function<bool()> condition, steady::duration limit = 5s) {
    const auto end = steady::now() + limit;
    while (!condition()) {
        if (steady::now() > end) co_return false;
        co_await rt::sleep_for(2ms);
    }
    co_return true;
}

inline std::vector<std::string> words(std::initializer_list<const char*> list) {
    return {list.begin(), list.end()};
}

inline bool is(const reply& r, unavailable::reason why) {
    const auto* u = r.as<unavailable>();
    return u != nullptr && u->why == why;
}

} // namespace z360::adapter::redis::test
