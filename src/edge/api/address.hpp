// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who is at the other end when a proxy stands between.
#pragma once

#include <z360/http/message.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace z360::edge::api {

/// Addresses and CIDR blocks, IPv4 and IPv6.
class address_list {
  public:
    address_list() = default;
    /// Throws std::runtime_error naming the entry that is neither.
    explicit address_list(const std::vector<std::string>& entries);
    [[nodiscard]] bool holds(const boost::asio::ip::address& a) const;
    /// The same of an address as text; false when it is none.
    [[nodiscard]] bool trusts(std::string_view address) const;

  private:
    std::vector<boost::asio::ip::network_v4> v4_;
    std::vector<boost::asio::ip::network_v6> v6_;
};

/// How a request reached us. Forwarding headers count only when the peer is a trusted proxy.
struct origin_of {
    std::string address;      ///< of the client; never empty
    bool https = false;       ///< the trusted proxy says so
    bool trusted = false;     ///< the peer is one of our proxies
    bool forwarded = false;   ///< some proxy has passed the request on, by headers that proxies add
    bool scheme_told = false; ///< X-Forwarded-Proto is there, whoever wrote it
    std::string host;         ///< X-Forwarded-Host of the proxy, else Host; may be empty
};
[[nodiscard]] origin_of look_behind(const http::request& req, const address_list& proxies);

/// Whom the limits of an address hold for: an IPv6 customer has a whole /64.
[[nodiscard]] std::string limit_subject(const std::string& address);

} // namespace z360::edge::api
