// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Managers over one database and one carrier, on one loop; the wall clock can be set forward.
#pragma once

#include "memory_credentials.hpp"
#include "model_carrier.hpp"
#include "support/recording_metrics.hpp"

#include <z360/credential_manager.hpp>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace z360::testing {

using namespace std::chrono_literals;

class shifted_clock final : public port::clock {
  public:
    [[nodiscard]] time_point now() const override {
        return std::chrono::floor<millis>(std::chrono::system_clock::now()) + shift;
    }
    millis shift{0};
};

struct world {
    boost::asio::io_context io{1};
    shifted_clock clock;
    gate points;
    memory_credentials store{clock, points};
    model_carrier carrier{clock, points};
    test::recording_metrics metrics;
    credential_manager::settings settings = fast();
    std::vector<std::unique_ptr<credential_manager::manager>> nodes;

    static credential_manager::settings fast() {
        credential_manager::settings s;
        s.environment = "test";
        s.connection_id = "conn";
        s.work_every = 5ms;
        s.compare_every = 0ms; // the tests call compare() themselves
        s.purge_every = 0ms;
        s.requests_per_second = 2'000;
        s.rules.retry_first = 4ms;
        s.rules.retry_longest = 40ms;
        return s;
    }
    credential_manager::manager& add_node(bool start = true) {
        auto s = settings;
        s.node = "node-" + std::to_string(nodes.size() + 1);
        nodes.push_back(
            credential_manager::make_manager(io.get_executor(), store, carrier, clock, metrics, std::move(s))
        );
        if (start) nodes.back()->start();
        return *nodes.back();
    }
    awaitable<void> stop_all(millis limit = 2s) {
        for (auto& n : nodes)
            co_await n->stop(limit);
        nodes.clear();
    }

    /// Both sides agree and nothing is left to do.
    [[nodiscard]] std::string disagreement() const {
        std::map<std::string, const memory_credentials::row*> referenced;
        for (const auto& [n, r] : store.rows) {
            const auto p = r.what.now_in;
            if (p == credential::identity_state::pending || p == credential::identity_state::retiring)
                return "identity " + std::to_string(n) + " is " + std::string(credential::name(p));
            if (p == credential::identity_state::dead) continue;
            if (!carrier.there.contains(r.telnyx_id))
                return "identity " + std::to_string(n) + " has no credential";
            if (!referenced.emplace(r.telnyx_id, &r).second) return "two rows of " + r.telnyx_id;
        }
        for (const auto& [id, c] : carrier.there)
            if (c.name.starts_with("z360-test-") && !referenced.contains(id)) return "nobody knows " + c.name;
        return {};
    }
    [[nodiscard]] std::size_t dead() const { return store.count_in(credential::identity_state::dead); }
};

/// Waits for a condition; the limit only bounds a failing test.
inline awaitable<bool> until(std::function<bool()> condition, millis limit = 20s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end) {
        if (condition()) co_return true;
        co_await rt::sleep_for(std::chrono::milliseconds(1));
    }
    co_return condition();
}

using script = awaitable<void> (*)(world&);

inline awaitable<void> play(script s, world* w) {
    co_await s(*w);
    co_await w->stop_all();
}

inline void run(script s) {
    world w;
    std::exception_ptr error;
    boost::asio::co_spawn(w.io, play(s, &w), [&error](std::exception_ptr e) { error = e; });
    w.io.run();
    if (error) std::rethrow_exception(error);
}

/// Runs `n` coroutines at once and waits for all of them.
inline awaitable<void> together(int n, std::function<awaitable<void>(int)> one) {
    auto ex = co_await boost::asio::this_coro::executor;
    rt::task_group group(ex, [](const std::exception_ptr& e) { ADD_FAILURE() << rt::what(e); });
    for (int k = 0; k < n; ++k)
        group.spawn(one(k));
    EXPECT_TRUE(co_await group.drain(std::chrono::seconds(20)));
    co_await group.join();
}

} // namespace z360::testing
