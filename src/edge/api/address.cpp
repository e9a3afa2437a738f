// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/address.hpp"

#include "edge/api/body.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace z360::edge::api {
namespace {

namespace ip = boost::asio::ip;

std::string_view trimmed(std::string_view s) {
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t'))
        s.remove_prefix(1);
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t'))
        s.remove_suffix(1);
    return s;
}

/// Also "1.2.3.4:567", "[::1]:80" and "[::1]".
std::optional<ip::address> parsed(std::string_view s) {
    s = trimmed(s);
    if (!s.empty() && s.front() == '[') {
        const auto end = s.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        s = s.substr(1, end - 1);
    } else if (s.find(':') != std::string_view::npos && s.find(':') == s.rfind(':')) {
        s = s.substr(0, s.find(':'));
    }
    boost::system::error_code ec;
    auto a = ip::make_address(std::string(s), ec);
    if (ec) return std::nullopt;
    if (a.is_v6() && a.to_v6().is_v4_mapped()) a = ip::make_address_v4(ip::v4_mapped, a.to_v6());
    return a;
}

/// Without the interface that a link-local address comes from: networks have none.
ip::address_v6 anywhere(const ip::address_v6& a) {
    return ip::address_v6(a.to_bytes());
}

/// Every value of the header, joined: a client may send it before the proxy adds its own.
std::vector<std::string_view> listed(const http::request& req, std::string_view name) {
    std::vector<std::string_view> out;
    for (const auto& [n, v] : req.headers.items()) {
        http::headers one;
        one.add(n, "1");
        if (one.get(name).empty()) continue;
        std::string_view rest = v;
        while (true) {
            const auto comma = rest.find(',');
            out.push_back(trimmed(rest.substr(0, comma)));
            if (comma == std::string_view::npos) break;
            rest.remove_prefix(comma + 1);
        }
    }
    return out;
}

} // namespace

address_list::address_list(const std::vector<std::string>& entries) {
    for (const auto& entry : entries) {
        const auto slash = entry.find('/');
        const auto a = parsed(std::string_view(entry).substr(0, slash));
        if (!a) throw std::runtime_error("\"" + entry + "\" is neither an address nor a CIDR block");
        const unsigned most = a->is_v4() ? 32 : 128;
        auto bits = static_cast<unsigned short>(most);
        if (slash != std::string::npos) {
            // Not Asio's make_network: it takes /4294967304 for /8.
            const auto n = whole_number(std::string_view(entry).substr(slash + 1), 0, most);
            if (!n) throw std::runtime_error("\"" + entry + "\": the prefix length is out of range");
            bits = static_cast<unsigned short>(*n);
        }
        if (a->is_v4())
            v4_.push_back(ip::network_v4(a->to_v4(), bits).canonical());
        else
            v6_.push_back(ip::network_v6(anywhere(a->to_v6()), bits).canonical());
    }
}

bool address_list::holds(const ip::address& a) const {
    if (a.is_v4())
        return std::any_of(v4_.begin(), v4_.end(), [v4 = a.to_v4()](const auto& n) {
            return ip::network_v4(v4, n.prefix_length()).canonical() == n;
        });
    return std::any_of(v6_.begin(), v6_.end(), [v6 = anywhere(a.to_v6())](const auto& n) {
        return ip::network_v6(v6, n.prefix_length()).canonical() == n;
    });
}

bool address_list::trusts(std::string_view address) const {
    const auto a = parsed(address);
    return a && holds(*a);
}

origin_of look_behind(const http::request& req, const address_list& proxies) {
    origin_of out;
    out.host = std::string(req.headers.get("Host"));
    const auto peer = parsed(req.remote_address);
    out.address = peer ? peer->to_string() : req.remote_address;
    if (out.address.empty()) out.address = "unknown";
    out.scheme_told = !req.headers.get("X-Forwarded-Proto").empty();
    out.forwarded = out.scheme_told || !req.headers.get("X-Forwarded-For").empty() ||
                    !req.headers.get("Forwarded").empty() || !req.headers.get("X-Real-IP").empty() ||
                    !req.headers.get("Via").empty();
    out.trusted = peer && proxies.holds(*peer);
    if (!out.trusted) return out;
    // From the right: what our own proxies wrote. The first that is not ours is the client; anything left of
    // it is the client's own invention.
    const auto hops = listed(req, "X-Forwarded-For");
    for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
        const auto a = parsed(*hop);
        if (!a) break;
        out.address = a->to_string();
        if (!proxies.holds(*a)) break;
    }
    const auto schemes = listed(req, "X-Forwarded-Proto");
    out.https = !schemes.empty() && schemes.back() == "https";
    if (const auto hosts = listed(req, "X-Forwarded-Host"); !hosts.empty()) out.host = hosts.back();
    return out;
}

std::string limit_subject(const std::string& address) {
    if (address.find(':') == std::string::npos) return address;
    boost::system::error_code ec;
    const auto a = ip::make_address(address, ec);
    if (ec || !a.is_v6()) return address;
    return ip::network_v6(anywhere(a.to_v6()), 64).network().to_string();
}

} // namespace z360::edge::api
