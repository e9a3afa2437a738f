// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A pool and a server that does as the test says, on one loop.
#pragma once

#include "component/http/test_certificate.hpp"
#include "support/h2_server.hpp"
#include "support/recording_metrics.hpp"

#include <z360/http/h2.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace z360::test {

namespace asio = boost::asio;
namespace h2 = z360::http::h2;
using asio::awaitable;
using steady = std::chrono::steady_clock;
using namespace std::chrono_literals;
using h2::cause;
using h2::outcome;

/// Waits until `condition()` holds; false after ten seconds.
template <class F>
awaitable<bool> eventually(F condition) {
    const auto until = steady::now() + 10s;
    while (!condition()) {
        if (steady::now() > until) co_return false;
        co_await rt::sleep_for(1ms);
    }
    co_return true;
}

inline h2::request ask(std::string path, std::string body = "body", unsigned priority = 0) {
    h2::request r;
    r.path = std::move(path);
    r.body = std::move(body);
    r.priority = priority;
    r.timeout = 5s;
    return r;
}

/// A request that runs on its own.
struct pending {
    h2::result got;
    bool done = false;
    bool cancelled = false;
};
using pending_ptr = std::shared_ptr<pending>;

inline awaitable<void> perform_into(h2::pool& pool, h2::request r, pending_ptr out) {
    try {
        out->got = co_await pool.perform(std::move(r));
        out->done = true;
    } catch (const boost::system::system_error& e) {
        out->cancelled = e.code() == asio::error::operation_aborted;
    }
}

struct certificate {
    temp_folder folder;
    std::string pem = folder.file("cert.pem");
    std::string key = folder.file("key.pem");
    explicit certificate(const std::string& name = "127.0.0.1") { write_certificate(pem, key, name, 2); }
};

struct bed {
    asio::io_context io{1};
    recording_metrics metrics;
    std::unique_ptr<certificate> cert;
    h2_server server;
    h2::pool_settings settings;
    std::unique_ptr<h2::pool> pool;
    rt::task_group tasks{io.get_executor()};
    std::vector<h2::goaway> goaways;
    millis stop_limit{2'000};

    explicit bed(bool tls = false, const std::string& name = "127.0.0.1")
        : cert(tls ? std::make_unique<certificate>(name) : nullptr),
          server(io.get_executor(), tls ? cert->pem : "", tls ? cert->key : "") {
        settings.name = "test";
        settings.host = "127.0.0.1";
        settings.port = server.port();
        settings.tls = tls;
        if (tls) settings.ca_file = cert->pem;
        settings.patience = 150ms;
        settings.ping_timeout = 100ms;
        settings.connect_timeout = 500ms;
        settings.tls_timeout = 500ms;
        settings.settings_timeout = 300ms;
        settings.first_pause = 10ms;
        settings.longest_pause = 200ms;
        settings.connects_per_second = 10'000;
        settings.connect_burst = 10'000;
        settings.known_reasons = {"Shutdown", "BadDeviceToken"};
        settings.on_goaway = [this](const h2::goaway& g) { goaways.push_back(g); };
    }

    pending_ptr start(h2::request r) {
        auto p = std::make_shared<pending>();
        tasks.spawn(perform_into(*pool, std::move(r), p));
        return p;
    }
    std::vector<pending_ptr> start_many(int n, const std::string& prefix, unsigned priority = 0) {
        std::vector<pending_ptr> out;
        for (int i = 0; i < n; ++i)
            out.push_back(start(ask(prefix + std::to_string(i), "body", priority)));
        return out;
    }
    [[nodiscard]] double sent_frames(unsigned type) const {
        const auto it = server.frames.find(type);
        return it == server.frames.end() ? 0 : it->second;
    }

    void run(awaitable<void> scenario) {
        pool = h2::make_pool(io.get_executor(), settings, metrics);
        std::exception_ptr error;
        bool finished = false;
        asio::co_spawn(io, whole(std::move(scenario)), [&](std::exception_ptr e) {
            error = e;
            finished = true;
        });
        io.run_for(60s);
        ASSERT_TRUE(finished) << "the scenario hangs";
        if (error) std::rethrow_exception(error);
        ASSERT_TRUE(io.stopped()) << "work is left on the loop after stop()";
        const auto left = pool->now();
        EXPECT_EQ(left.connections + left.connecting + left.streams + left.waiting, 0U);
    }

  private:
    awaitable<void> whole(awaitable<void> scenario) {
        server.start();
        std::exception_ptr error;
        try {
            co_await std::move(scenario);
        } catch (...) {
            error = std::current_exception();
        }
        co_await pool->stop(stop_limit);
        co_await tasks.join();
        co_await server.stop();
        if (error) std::rethrow_exception(error);
    }
};

inline bool all_done(const std::vector<pending_ptr>& v) {
    for (const auto& p : v)
        if (!p->done) return false;
    return true;
}

inline bool is(const h2::result& r, outcome what, cause why) {
    if (r.what == what && r.why == why) return true;
    ADD_FAILURE() << "got " << h2::name(r.what) << ' ' << h2::name(r.why) << " status " << r.status;
    return false;
}

/// A coroutine does not leave by ASSERT: throws, with the place.
#define Z360_REQUIRE(condition)                                                                              \
    do {                                                                                                     \
        const bool holds = (condition);                                                                      \
        if (!holds)                                                                                          \
            throw std::runtime_error(                                                                        \
                std::string("not so: " #condition " at line ") + std::to_string(__LINE__)                    \
            );                                                                                               \
    } while (false)

} // namespace z360::test
