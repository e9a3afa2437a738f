// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A peer that answers as told, a clock that is set by hand, counters.
#pragma once

#include <z360/http/client.hpp>
#include <z360/port/clock.hpp>
#include <z360/port/metrics.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace z360::edge::api::test {

namespace asio = boost::asio;
using asio::awaitable;
using namespace std::chrono_literals;

inline http::client_response answer(int status, std::string body = "{}") {
    http::client_response r;
    r.status = status;
    r.body = std::move(body);
    return r;
}

class fake_peer final : public http::client {
  public:
    std::function<http::client_response(const http::client_request&)> says = [](const auto&) {
        return answer(200);
    };
    bool holds = false; ///< answers wait for release()
    std::vector<http::client_request> seen;
    int aborted = 0;

    awaitable<http::client_response> perform(http::client_request req) override {
        seen.push_back(std::move(req));
        const std::size_t mine = seen.size() - 1;
        try {
            while (holds)
                co_await rt::sleep_for(1ms);
        } catch (const boost::system::system_error&) {
            ++aborted;
            throw;
        }
        co_return says(seen[mine]);
    }
    void release() { holds = false; }
};

class hand_clock final : public port::clock {
  public:
    time_point at{std::chrono::seconds{1'800'000'000}};
    [[nodiscard]] time_point now() const override { return at; }
    [[nodiscard]] std::int64_t seconds() const {
        return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
    }
};

class counting_metrics final : public port::metrics {
  public:
    std::map<std::string, double> values;
    void count(std::string_view name, port::labels l, double n) override {
        std::string key(name);
        for (const auto& [k, v] : l)
            key += " " + std::string(k) + "=" + std::string(v);
        values[key] += n;
    }
    void gauge(std::string_view, double, port::labels) override {}
    void observe(std::string_view, double, port::labels) override {}
    [[nodiscard]] std::string text() const override { return {}; }
};

/// Runs a test's coroutine to its end.
inline void run(asio::io_context& io, awaitable<void> body) {
    std::exception_ptr error;
    bool finished = false;
    asio::co_spawn(io, std::move(body), [&](std::exception_ptr e) {
        error = e;
        finished = true;
    });
    io.run_for(30s);
    if (error) std::rethrow_exception(error);
    ASSERT_TRUE(finished) << "the loop did not come to an end";
}

inline awaitable<bool> until(std::function<bool()> condition) {
    const auto end = std::chrono::steady_clock::now() + 5s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) co_return false;
        co_await rt::sleep_for(1ms);
    }
    co_return true;
}

template <class Bed>
awaitable<void> on_bed(awaitable<void> (*script)(Bed&)) {
    auto ex = co_await asio::this_coro::executor;
    Bed bed(ex);
    co_await script(bed);
    co_await bed.stop();
}
/// Plays a script on a bed of its own, which is stopped at the end.
template <class Bed>
void play(awaitable<void> (*script)(Bed&)) {
    asio::io_context io{1};
    run(io, on_bed(script));
}

} // namespace z360::edge::api::test
