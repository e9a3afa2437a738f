// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The other side of the simulator: an HTTP server that keeps what it gets, and a client for the REST API.
#pragma once

#include "sim/simulator.hpp"

#include <z360/http/client.hpp>
#include <z360/http/server.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

namespace z360::sim::testing {

class endpoint {
  public:
    /// Called on the endpoint's thread for every webhook, after it was kept and before it is answered.
    using reaction = std::function<rt::awaitable<int>(endpoint&, http::request)>;

    explicit endpoint(reaction r = {})
        : react_(std::move(r)), work_(io_.get_executor()), tasks_(io_.get_executor()) {
        client_ = http::make_client(io_.get_executor());
        const http::handler handle = [this](http::request req) { return take(std::move(req)); };
        std::vector<http::route> table;
        table.push_back({"POST", "/hook", handle});
        table.push_back({"POST", "/failover", handle});
        table.push_back({"POST", "/credential", handle});
        http::server_settings s;
        s.reuse_port = false;
        server_ = http::make_server(io_.get_executor(), s, std::move(table), metrics_);
        server_->start();
        port_ = server_->port();
        thread_ = std::thread([this] { io_.run(); });
    }
    ~endpoint() {
        boost::asio::post(io_, [this] {
            boost::asio::co_spawn(io_, shut_down(), [this](const std::exception_ptr&) { work_.reset(); });
        });
        thread_.join();
    }
    [[nodiscard]] std::string url(const char* path = "/hook") const {
        return "http://127.0.0.1:" + std::to_string(port_) + path;
    }
    [[nodiscard]] std::vector<http::request> kept() {
        const std::lock_guard lock(mutex_);
        return kept_;
    }
    bool wait_for(std::size_t count) {
        std::unique_lock lock(mutex_);
        return arrived_.wait_for(lock, std::chrono::seconds{10}, [&] { return kept_.size() >= count; });
    }
    /// One request from the endpoint's loop, waited for.
    http::client_response ask(http::client_request req) {
        std::promise<http::client_response> done;
        boost::asio::post(io_, [this, &req, &done] { tasks_.spawn(exchange(std::move(req), &done)); });
        return done.get_future().get();
    }
    [[nodiscard]] http::client& client() { return *client_; }
    /// For reactions: work that goes on after the webhook was answered.
    void spawn(rt::awaitable<void> work) { tasks_.spawn(std::move(work)); }

  private:
    class null_metrics final : public port::metrics {
        void count(std::string_view, port::labels, double) override {}
        void gauge(std::string_view, double, port::labels) override {}
        void observe(std::string_view, double, port::labels) override {}
        [[nodiscard]] std::string text() const override { return {}; }
    };
    rt::awaitable<http::response> take(http::request req) {
        {
            const std::lock_guard lock(mutex_);
            kept_.push_back(req);
        }
        arrived_.notify_all();
        int status = 200;
        if (react_) status = co_await react_(*this, std::move(req));
        co_return http::response::json(status, "{}");
    }
    rt::awaitable<void> exchange(http::client_request req, std::promise<http::client_response>* done) {
        auto res = co_await client_->perform(std::move(req));
        done->set_value(std::move(res));
    }
    rt::awaitable<void> shut_down() {
        co_await server_->stop(millis{200});
        co_await tasks_.join();
        server_.reset();
        client_.reset();
    }

    reaction react_;
    null_metrics metrics_;
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    rt::task_group tasks_;
    std::unique_ptr<http::client> client_;
    std::unique_ptr<http::server> server_;
    std::uint16_t port_ = 0;
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::vector<http::request> kept_;
    std::thread thread_;
};

inline http::client_request
request_to(std::string method, std::string url, const json& body = json(), std::string bearer = "key") {
    http::client_request r;
    r.timeout = millis{30'000}; // bounds a failing test; keys are made meanwhile
    r.method = std::move(method);
    r.url = std::move(url);
    r.bearer = secret(std::move(bearer));
    if (!body.is_null()) {
        r.headers.add("Content-Type", "application/json");
        r.body = body.dump();
    }
    return r;
}

} // namespace z360::sim::testing
