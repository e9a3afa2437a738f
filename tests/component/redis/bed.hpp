// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "resp_server.hpp"

#include <memory>

namespace z360::adapter::redis::test {

/// A session with its scripted server.
struct bed {
    explicit bed(asio::any_io_executor e) : ex(e), server(e) {
        settings.where.host = "127.0.0.1";
        settings.where.port = server.port;
        settings.skip_first = 100ms;
        settings.skip_longest = 200ms;
    }
    void start() {
        client = std::make_unique<session>(ex, settings, metrics);
        client->start();
    }
    awaitable<void> ready() {
        const bool up = co_await until([this] { return client->healthy(); });
        EXPECT_TRUE(up);
    }
    awaitable<void> stop() {
        co_await client->stop();
        co_await server.stop();
    }

    asio::any_io_executor ex;
    resp_server server;
    counting_metrics metrics;
    session_settings settings;
    std::unique_ptr<session> client;
};

using body = awaitable<void> (*)(bed&);

inline awaitable<void> with_bed(body b) {
    auto ex = co_await asio::this_coro::executor;
    bed it(ex);
    co_await b(it);
    co_await it.stop();
}

inline void play(body b) {
    asio::io_context io{1};
    run(with_bed(b), io);
}

} // namespace z360::adapter::redis::test
