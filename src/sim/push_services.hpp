// SPDX-License-Identifier: LicenseRef-z360-proprietary
// APNs (production and sandbox) and FCM with Google's token service, on real ports. One loop.
#pragma once

#include "sim/push_settings.hpp"

#include <z360/rt/sync.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace z360::sim {

class push_listener;
class push_visitor;

class push_services {
  public:
    /// `now` is asked at each request; `changed` is called after each. Throws std::runtime_error: the
    /// certificate.
    push_services(
        boost::asio::any_io_executor ex, push_services_settings settings, std::function<time_point()> now,
        std::function<void()> changed
    );

    ~push_services();
    push_services(const push_services&) = delete;
    push_services& operator=(const push_services&) = delete;

    /// Throws std::runtime_error that names address, port and reason.
    void start();
    /// Ends every connection; before destruction.
    [[nodiscard]] rt::awaitable<void> stop();

    [[nodiscard]] push_desk& desk() { return desk_; }
    [[nodiscard]] std::uint16_t apns_port(apns_environment where) const;
    [[nodiscard]] std::uint16_t fcm_port() const;
    /// PEM of the authority that was made; empty: none was.
    [[nodiscard]] const std::string& ca() const { return ca_; }

  private:
    class apns_visitor;
    class google_visitor;
    using door = std::function<std::unique_ptr<push_visitor>()>;
    [[nodiscard]] door apns_door(apns_environment where);
    [[nodiscard]] door google_door();

    push_services_settings settings_;
    std::function<time_point()> now_;
    std::function<void()> changed_;
    push_desk desk_;
    std::string ca_;
    std::unique_ptr<push_listener> apns_;
    std::unique_ptr<push_listener> sandbox_;
    std::unique_ptr<push_listener> fcm_;
};

} // namespace z360::sim
