// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Unique signed webhooks over 32 keep-alive connections until they are durable, against a bare Beast server
// that only verifies the signature. Both are processes of their own; load generator, Postgres and servers
// share the machine. Needs Z360_TEST_DATABASE_URL (scripts/bench sets it).
#include "adapter/crypto/webhook_verifier.hpp"
#include "bench/load.hpp"
#include "bench/webhooks.hpp"
#include "support/rig.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

using namespace z360;
using namespace z360::bench;
namespace beast = boost::beast;
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

asio::awaitable<void> bare_session(tcp::socket socket, const adapter::crypto::webhook_verifier* verifier) {
    socket.set_option(tcp::no_delay(true));
    beast::flat_buffer buffer;
    for (;;) {
        beast::http::request<beast::http::string_body> req;
        co_await beast::http::async_read(socket, buffer, req, asio::use_awaitable);
        const auto text = [&](std::string_view name) {
            const auto v = req[beast::string_view(name.data(), name.size())];
            return std::string_view(v.data(), v.size());
        };
        const auto v = verifier->verify(
            text(adapter::crypto::k_signature_header), text(adapter::crypto::k_timestamp_header), req.body(),
            std::chrono::floor<millis>(std::chrono::system_clock::now())
        );
        beast::http::response<beast::http::string_body> res;
        res.result(
            v == adapter::crypto::verdict::genuine ? beast::http::status::ok : beast::http::status::forbidden
        );
        res.body() = "{}";
        res.prepare_payload();
        co_await beast::http::async_write(socket, res, asio::use_awaitable);
    }
}

asio::awaitable<void>
bare_accept(tcp::acceptor* acceptor, const adapter::crypto::webhook_verifier* verifier) {
    for (;;) {
        auto socket = co_await acceptor->async_accept(asio::use_awaitable);
        asio::co_spawn(
            acceptor->get_executor(), bare_session(std::move(socket), verifier),
            [](const std::exception_ptr&) {}
        );
    }
}

// The baseline in a child process. Returns its pid; the port through `port`.
pid_t start_bare(const std::string& key, std::uint16_t& port) {
    int pipe_ends[2];
    if (::pipe(pipe_ends) != 0) std::abort();
    const pid_t pid = ::fork();
    if (pid == 0) {
        asio::io_context io{1};
        tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
        const std::uint16_t mine = acceptor.local_endpoint().port();
        (void)!::write(pipe_ends[1], &mine, sizeof mine);
        const adapter::crypto::webhook_verifier verifier({key});
        asio::co_spawn(io, bare_accept(&acceptor, &verifier), [](const std::exception_ptr&) {});
        io.run();
        std::_Exit(0);
    }
    (void)!::read(pipe_ends[0], &port, sizeof port);
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
    return pid;
}

} // namespace

int main() {
    if (!z360::testing::rig::available()) {
        std::puts("bench_ingest needs Z360_TEST_DATABASE_URL and Z360_TEST_REDIS_URL; use scripts/bench");
        return 2;
    }
    constexpr std::size_t k_unlimited = 20'000;
    constexpr std::size_t k_paced = 10'000;
    constexpr unsigned k_connections = 32;
    const sim::signer signer("ingest-bench");
    std::uint16_t bare_port = 0;
    const pid_t bare = start_bare(signer.public_key(), bare_port); // before any thread exists here
    z360::testing::rig_options o;
    o.direct = true;
    o.environment["Z360_TELNYX_PUBLIC_KEYS"] = signer.public_key();
    o.environment["Z360_LOG_LEVEL"] = "warn";
    z360::testing::rig r(std::move(o));
    double best_ratio = 0;
    std::printf("%-28s %12s %12s %8s\n", "webhooks/s, 32 connections", "verify only", "z360-voipd", "ratio");
    for (unsigned round = 1; round <= 3; ++round) {
        auto base = run_load(bare_port, make_webhooks(signer, k_unlimited, round), k_connections, 0);
        auto ours =
            run_load(r.server().port(), make_webhooks(signer, k_unlimited, 100 + round), k_connections, 0);
        const double ratio = ours.per_second() / base.per_second();
        best_ratio = std::max(best_ratio, ratio);
        std::printf(
            "round %-22u %12.0f %12.0f %7.0f%%   (failed %lu / %lu; ack p50 %.1f ms, p99 %.1f ms)\n", round,
            base.per_second(), ours.per_second(), ratio * 100, base.failed, ours.failed,
            ours.latency_ms.percentile(50), ours.latency_ms.percentile(99)
        );
    }
    auto paced = run_load(r.server().port(), make_webhooks(signer, k_paced, 200), k_connections, 1'000);
    std::printf(
        "ack at 1,000/s               p50 %.2f ms  p99 %.2f ms  p99.9 %.2f ms  (%lu of %zu stored)\n",
        paced.latency_ms.percentile(50), paced.latency_ms.percentile(99), paced.latency_ms.percentile(99.9),
        paced.ok, k_paced
    );
    std::printf(
        "rows in the inbox: %s of %zu sent\n", r.sql("select count(*) from webhook_events").c_str(),
        3 * k_unlimited + k_paced
    );
    ::kill(bare, SIGKILL);
    ::waitpid(bare, nullptr, 0);
    std::printf("goal ratio 60%%: best %.0f%%\n", best_ratio * 100);
    return 0;
}
