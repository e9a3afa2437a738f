// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The simulator's push services, and those who push: pools of HTTP/2 connections and a client of HTTP/1.1,
// with keys made for the test.
#pragma once

#include "sim/simulator.hpp"
#include "unit/sim/push_signer.hpp"

#include <z360/http/client.hpp>
#include <z360/http/h2.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace z360::sim::testing {

namespace h2 = z360::http::h2;
using namespace std::chrono_literals;

constexpr const char* k_voip_token = "a1b2c3d4e5f60718a1b2c3d4e5f60718";
constexpr const char* k_fcm_token = "cZ9:APA91bExampleOfAToken";
constexpr const char* k_email = "push@z360-example.iam.gserviceaccount.com";

inline time_point wall_clock() {
    return std::chrono::floor<millis>(std::chrono::system_clock::now());
}

class silent_metrics final : public port::metrics {
  public:
    void count(std::string_view, port::labels, double) override {}
    void gauge(std::string_view, double, port::labels) override {}
    void observe(std::string_view, double, port::labels) override {}
    [[nodiscard]] std::string text() const override { return {}; }
};

class push_bed {
  public:
    explicit push_bed(bool clear_text = false) : clear_(clear_text), sim_(settings(clear_text)) {
        sim_.start();
        sim_.with_push([this](push_desk& d, time_point now) {
            d.apns().add_key({"KEY1234567", "TEAM123456", apns_key_.public_pem(), {}});
            d.google().add_account({k_email, "z360-example", google_key_.public_pem()});
            d.put_token("apns", k_voip_token, {{"topic", "com.example.voip.voip"}}, now);
            d.put_token("fcm", k_fcm_token, {{"project_id", "z360-example"}}, now);
        });
        if (clear_) return;
        ca_file_ = ::testing::TempDir() + "z360-push-ca-" + std::to_string(::getpid()) + ".pem";
        std::ofstream(ca_file_) << sim_.push_ca();
    }
    ~push_bed() {
        if (!ca_file_.empty()) std::remove(ca_file_.c_str());
    }
    [[nodiscard]] simulator& sim() { return sim_; }
    [[nodiscard]] boost::asio::io_context& io() { return io_; }
    [[nodiscard]] const std::string& ca_file() const { return ca_file_; }

    /// Runs the test's coroutine to its end and stops the pools.
    void play(rt::awaitable<void> script) {
        std::exception_ptr failed;
        boost::asio::co_spawn(io_, whole(std::move(script)), [&](const std::exception_ptr& e) {
            failed = e;
        });
        io_.run();
        if (failed) std::rethrow_exception(failed);
    }
    /// Careless: it has as many streams as the server allows, from the start.
    h2::pool& apns(apns_environment where = apns_environment::production, bool careless = false) {
        h2::pool_settings s;
        s.name = "apns";
        if (!careless) s.accepts = [](const h2::result& r) { return r.status == 200; };
        s.known_reasons = {"Shutdown"};
        s.on_goaway = [this](const h2::goaway& g) { goaways.push_back(g); };
        return add(std::move(s), sim_.apns_port(where));
    }
    h2::pool& fcm() {
        h2::pool_settings s;
        s.name = "fcm";
        return add(std::move(s), sim_.fcm_port());
    }
    [[nodiscard]] http::client& http1() {
        if (!client_) client_ = http::make_client(io_.get_executor(), 4, ca_file_);
        return *client_;
    }

    [[nodiscard]] std::string provider_token() const {
        return apns_key_.token(
            {{"alg", "ES256"}, {"kid", "KEY1234567"}},
            {{"iss", "TEAM123456"}, {"iat", seconds(wall_clock()) - 30}}
        );
    }
    [[nodiscard]] h2::request voip(std::string id = "4d3b7f44-8608-4373-a988-b1767b6d8a37") const {
        h2::request r;
        r.path = std::string("/3/device/") + k_voip_token;
        r.bearer = secret(token_);
        r.fields = {
            {"apns-topic", "com.example.voip.voip", true},
            {"apns-push-type", "voip", true},
            {"apns-priority", "10", true},
            {"apns-expiration", "0", true},
            {"apns-id", std::move(id), false},
        };
        r.body = R"({"aps":{"content-available":1},"type":"incoming_call"})";
        r.timeout = 10s;
        return r;
    }
    [[nodiscard]] std::string fcm_root() const {
        return std::string(clear_ ? "http" : "https") + "://127.0.0.1:" + std::to_string(sim_.fcm_port());
    }
    [[nodiscard]] std::string assertion() const {
        const auto now = seconds(wall_clock());
        return google_key_.token(
            {{"alg", "RS256"}}, {{"iss", k_email},
                                 {"scope", "https://www.googleapis.com/auth/firebase.messaging"},
                                 {"aud", fcm_root() + "/token"},
                                 {"iat", now},
                                 {"exp", now + 3600}}
        );
    }
    [[nodiscard]] std::string grant_form() const {
        return "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" + assertion();
    }
    /// An access token, by HTTP/2.
    rt::awaitable<std::string> access_token(h2::pool& pool) {
        h2::request r;
        r.path = "/token";
        r.fields = {{"content-type", "application/x-www-form-urlencoded", true}};
        r.body = grant_form();
        auto got = co_await pool.perform(std::move(r));
        EXPECT_EQ(got.status, 200) << got.body;
        co_return json::parse(got.body).at("access_token").get<std::string>();
    }
    [[nodiscard]] static h2::request
    message(const std::string& access_token, const json& more = json::object()) {
        json m{
            {"token", k_fcm_token},
            {"data", {{"type", "incoming_call"}}},
            {"android", {{"priority", "HIGH"}, {"ttl", "30s"}}},
        };
        m.update(more);
        h2::request r;
        r.path = "/v1/projects/z360-example/messages:send";
        r.bearer = secret(access_token);
        r.fields = {{"content-type", "application/json", true}};
        r.body = json{{"message", m}}.dump();
        r.timeout = 10s;
        return r;
    }
    void fault(const json& j) {
        sim_.with_push([&](push_desk& d, time_point now) {
            d.add_fault(push_fault::from_json(json::parse(j.dump())), now);
        });
    }
    void no_faults() {
        sim_.with_push([](push_desk& d, time_point) { d.clear_faults(); });
    }
    std::vector<push_record> records() {
        return sim_.with_push([](push_desk& d, time_point) {
            return std::vector<push_record>(d.records().begin(), d.records().end());
        });
    }

    std::vector<h2::goaway> goaways;

  private:
    static simulator_settings settings(bool clear_text) {
        simulator_settings s;
        s.push.emplace();
        s.push->clear_text = clear_text;
        s.push->desk.apns.bundle_ids = {"com.example.voip"};
        return s;
    }
    h2::pool& add(h2::pool_settings s, std::uint16_t port) {
        s.host = "127.0.0.1";
        s.port = port;
        s.tls = !clear_;
        s.ca_file = ca_file_;
        s.max_connections = 1;
        s.connects_per_second = 50;
        s.first_pause = 10ms;
        pools_.push_back(h2::make_pool(io_.get_executor(), std::move(s), metrics_));
        return *pools_.back();
    }
    rt::awaitable<void> whole(rt::awaitable<void> script) {
        std::exception_ptr failed;
        try {
            co_await std::move(script);
        } catch (...) {
            failed = std::current_exception();
        }
        for (auto& p : pools_)
            co_await p->stop(0ms);
        pools_.clear();
        client_.reset();
        if (failed) std::rethrow_exception(failed);
    }

    bool clear_;
    push_signer apns_key_{push_signer::kind::p256};
    push_signer google_key_{push_signer::kind::rsa};
    simulator sim_;
    boost::asio::io_context io_{1};
    silent_metrics metrics_;
    std::string ca_file_;
    std::vector<std::unique_ptr<h2::pool>> pools_;
    std::unique_ptr<http::client> client_;
    std::string token_ = provider_token();
};

} // namespace z360::sim::testing
