// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "support/s3_desk.hpp"

#include <z360/rt/sync.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace z360::testing {

/// A desk at a port of loopback, HTTP/1.1. One loop.
class s3_server {
  public:
    s3_server(boost::asio::any_io_executor ex, s3_desk& desk);
    [[nodiscard]] std::uint16_t port() const { return port_; }
    /// Ends everything; before destruction.
    [[nodiscard]] boost::asio::awaitable<void> stop();

  private:
    boost::asio::awaitable<void> accept();
    boost::asio::awaitable<void> serve(std::shared_ptr<boost::asio::ip::tcp::socket> socket);

    s3_desk& desk_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::uint16_t port_ = 0;
    rt::task_group tasks_;
};

} // namespace z360::testing
