// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What runs on the simulator's thread.
#pragma once

#include "sim/signer.hpp"
#include "sim/simulator.hpp"

#include <z360/http/client.hpp>
#include <z360/http/server.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <thread>

namespace z360::sim {

class simulator::core {
  public:
    explicit core(simulator_settings settings);
    ~core();

    void start();
    void stop();
    /// Posts to the loop and waits; rethrows what `f` threw.
    void run(const std::function<void(carrier&, time_point)>& f);
    bool wait_until(std::function<bool(const carrier&)> condition, millis limit);
    void set_webhook_urls(webhook_urls app, webhook_urls credential);

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] const std::string& address() const { return settings_.address; }
    [[nodiscard]] const std::string& public_key() const { return signer_.public_key(); }

  private:
    struct waiting_request {
        explicit waiting_request(rt::asio::any_io_executor ex) : ready(std::move(ex)) {}
        rt::event ready;
        std::optional<reply> answer;
    };
    struct waiter {
        std::function<bool(const carrier&)> condition;
        std::promise<bool> done;
    };
    class no_metrics;

    [[nodiscard]] time_point now() const;
    /// Lets everything happen that is due: answers, webhooks, waiters.
    void pump();
    rt::awaitable<void> keep_time();
    rt::awaitable<void> deliver(webhook w);
    rt::awaitable<http::response> rest(http::request req);
    rt::awaitable<http::response> control(http::request req);
    rt::awaitable<void> shut_down();
    [[nodiscard]] std::vector<http::route> routes();
    [[nodiscard]] http::client_request signed_request(
        const webhook& w, const std::string& url, unsigned attempt, const std::string& stamp
    ) const;
    http::response run_control(const http::request& req);
    [[nodiscard]] json run_leg_action(const http::request& req, time_point t);

    simulator_settings settings_;
    signer signer_;
    carrier carrier_;
    std::chrono::steady_clock::time_point steady_start_ = std::chrono::steady_clock::now();
    time_point wall_start_;

    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    rt::task_group tasks_;
    rt::event wake_;
    std::unique_ptr<port::metrics> metrics_;
    std::unique_ptr<http::client> client_;
    std::unique_ptr<http::server> server_;
    std::map<std::uint64_t, std::shared_ptr<waiting_request>> requests_;
    std::list<waiter> waiters_;
    bool stopping_ = false;
    std::uint64_t deliveries_ = 0;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

} // namespace z360::sim
