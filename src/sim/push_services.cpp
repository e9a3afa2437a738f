// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/push_services.hpp"

#include "sim/push_listener.hpp"
#include "sim/push_tls.hpp"

#include <utility>

namespace z360::sim {

class push_services::apns_visitor final : public push_visitor {
  public:
    apns_visitor(push_services& of, apns_environment where) : of_(of) { state_.where = where; }
    [[nodiscard]] push_exchange take(const push_request& r) override {
        auto e = of_.desk_.take_apns(r, state_, of_.now_());
        of_.changed_();
        return e;
    }
    [[nodiscard]] unsigned streams() const override { return of_.desk_.apns().streams(state_); }

  private:
    push_services& of_;
    apns_connection state_;
};

class push_services::google_visitor final : public push_visitor {
  public:
    explicit google_visitor(push_services& of) : of_(of) {}
    [[nodiscard]] push_exchange take(const push_request& r) override {
        auto e = of_.desk_.take_google(r, of_.now_());
        of_.changed_();
        return e;
    }
    [[nodiscard]] unsigned streams() const override { return 100; } // as Google's front ends have it

  private:
    push_services& of_;
};

push_services::push_services(
    boost::asio::any_io_executor ex, push_services_settings settings, std::function<time_point()> now,
    std::function<void()> changed
)
    : settings_(std::move(settings)), now_(std::move(now)), changed_(std::move(changed)),
      desk_(settings_.desk) {
    tls_material tls;
    if (!settings_.clear_text) {
        tls = settings_.certificate_file.empty() ? make_tls(settings_.address)
                                                 : read_tls(settings_.certificate_file, settings_.key_file);
        ca_ = tls.ca;
    }
    // A context each: what they offer by ALPN differs.
    const auto make = [&](std::uint16_t port, bool google, push_listener::door open) {
        push_listener_settings s;
        s.address = settings_.address;
        s.port = port;
        s.http1 = google;
        // Google's own client sends a `:scheme` of "https:", and its servers take it.
        s.strict_http2 = !google;
        if (!settings_.clear_text) s.tls = server_context(tls);
        return std::make_unique<push_listener>(ex, std::move(s), std::move(open));
    };
    apns_ = make(settings_.apns_port, false, apns_door(apns_environment::production));
    sandbox_ = make(settings_.apns_sandbox_port, false, apns_door(apns_environment::sandbox));
    fcm_ = make(settings_.fcm_port, true, google_door());
}

push_services::door push_services::apns_door(apns_environment where) {
    return [this, where] { return std::make_unique<apns_visitor>(*this, where); };
}

push_services::door push_services::google_door() {
    return [this] { return std::make_unique<google_visitor>(*this); };
}

push_services::~push_services() = default;

std::uint16_t push_services::apns_port(apns_environment where) const {
    return where == apns_environment::sandbox ? sandbox_->port() : apns_->port();
}

std::uint16_t push_services::fcm_port() const {
    return fcm_->port();
}

void push_services::start() {
    apns_->start();
    sandbox_->start();
    fcm_->start();
    const auto scheme = std::string(settings_.clear_text ? "http" : "https") + "://";
    const auto end = ":" + std::to_string(fcm_->port()) + "/token";
    desk_.google().allow_audience(scheme + settings_.address + end);
    desk_.google().allow_audience(scheme + "localhost" + end);
}

rt::awaitable<void> push_services::stop() {
    co_await apns_->stop();
    co_await sandbox_->stop();
    co_await fcm_->stop();
}

} // namespace z360::sim
