// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/http2/exchange.hpp"
#include "adapter/http2/proxy.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace z360::adapter::http2 {

/// Where a connection goes, and by whom.
struct route {
    std::string host;
    std::uint16_t port = 443;
    std::optional<proxy> via;
};

/// What came of an attempt; `what` is a label of metrics.
struct dialed {
    std::string_view what = "ok";
    std::string error; ///< for the log

    [[nodiscard]] bool ok() const { return what == "ok"; }
};

/// Connects the socket, by the proxy if there is one. The name is looked up anew each time; addresses are
/// tried one after the other, each with its share of what is left of the time. `socket` and `to` outlive it.
[[nodiscard]] boost::asio::awaitable<dialed>
dial(boost::asio::ip::tcp::socket& socket, const route& to, moment until);

} // namespace z360::adapter::http2
