// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "http_server/certificate.hpp"

#include <z360/port/metrics.hpp>

#include <boost/asio/ssl/context.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace z360::http {

/// The certificate and key that new connections get. Each successful load makes a new TLS context; a
/// connection keeps the one it began with, so a reload disturbs nobody.
class tls_identity {
  public:
    /// Loads the files; throws std::runtime_error that names the file and what is wrong.
    tls_identity(std::string certificate_file, std::string key_file, port::metrics& metrics);

    [[nodiscard]] std::shared_ptr<boost::asio::ssl::context> context() const { return context_; }
    /// Loads again if a file has changed. What cannot be loaded, or is not valid at `now` while the one in
    /// use is, is logged and counted once per state of the files, and the old identity stays in use; it is
    /// tried again on every call, because key and certificate are seldom replaced at the same instant and
    /// time makes valid. Also writes the gauges and the alarms.
    void refresh(time_point now);
    [[nodiscard]] double days_left(time_point now) const { return status_.days_left(now); }

  private:
    using fingerprint = std::array<std::int64_t, 8>;
    [[nodiscard]] fingerprint look() const;
    void load(std::optional<time_point> now = std::nullopt);
    void watch_expiry(time_point now);

    std::string certificate_file_;
    std::string key_file_;
    port::metrics& metrics_;
    std::shared_ptr<boost::asio::ssl::context> context_;
    certificate_status status_;
    fingerprint loaded_{};
    fingerprint failed_{};
    std::optional<int> alarm_;
};

} // namespace z360::http
