// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What runs on the simulator's thread.
#pragma once

#include "sim/apple.hpp"
#include "sim/push_services.hpp"
#include "sim/signer.hpp"
#include "sim/simulator.hpp"
#include "sim/web_sessions.hpp"

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
    [[nodiscard]] std::string root() const { return "http://" + address() + ":" + std::to_string(port_); }
    /// Only from within run().
    [[nodiscard]] web_sessions& sessions() { return sessions_; }
    [[nodiscard]] apple_id& apple() { return apple_; }
    /// Throws std::logic_error: there are none.
    [[nodiscard]] push_services& push();
    [[nodiscard]] push_desk* desk() { return push_ ? &push_->desk() : nullptr; }

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
    rt::awaitable<http::response> recording_file(http::request req);
    rt::awaitable<void> shut_down();
    [[nodiscard]] std::vector<http::route> routes();
    [[nodiscard]] http::client_request signed_request(
        const webhook& w, const std::string& url, unsigned attempt, const std::string& stamp
    ) const;
    using control_part = http::response (core::*)(const http::request&);
    rt::awaitable<http::response> guarded(http::request req, control_part part);
    void add_people_routes(std::vector<http::route>& table);
    http::response run_control(const http::request& req);
    http::response control_credentials(const http::request& req);
    http::response control_sessions(const http::request& req);
    http::response control_apple(const http::request& req);
    void make_push_services();
    void add_push_routes(std::vector<http::route>& table);
    http::response control_pushes(const http::request& req);
    [[nodiscard]] json run_leg_action(const http::request& req, time_point t);

    simulator_settings settings_;
    signer signer_;
    carrier carrier_;
    web_sessions sessions_;
    apple_id apple_;
    std::chrono::steady_clock::time_point steady_start_ = std::chrono::steady_clock::now();
    time_point wall_start_;

    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    rt::task_group tasks_;
    rt::event wake_;
    std::unique_ptr<port::metrics> metrics_;
    std::unique_ptr<http::client> client_;
    std::unique_ptr<http::server> server_;
    std::unique_ptr<push_services> push_;
    std::map<std::uint64_t, std::shared_ptr<waiting_request>> requests_;
    std::list<waiter> waiters_;
    bool stopping_ = false;
    std::uint64_t deliveries_ = 0;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

} // namespace z360::sim
