// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/http2/proxy.hpp"

#include <z360/base/percent.hpp>

#include <openssl/evp.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace z360::adapter::http2 {
namespace {

[[noreturn]] void refuse(const char* what) {
    throw std::runtime_error(
        std::string("the proxy ") + what + "; expected [http://][user[:password]@]host[:port]"
    );
}

std::uint16_t port_of(std::string_view text) {
    unsigned n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc() || end != text.data() + text.size() || n == 0 || n > 65535)
        refuse("has a port that is no number from 1 to 65535");
    return static_cast<std::uint16_t>(n);
}

bool host_ok(std::string_view host) {
    return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '_' ||
               c == ':';
    });
}

std::string base64(std::string_view bytes) {
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0'); // EVP_EncodeBlock ends with a NUL
    const int n = EVP_EncodeBlock(
        reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
        static_cast<int>(bytes.size())
    );
    out.resize(static_cast<std::size_t>(n));
    return out;
}

} // namespace

proxy parse_proxy(const secret& text) {
    std::string_view rest = text.reveal();
    if (const auto scheme = rest.find("://"); scheme != std::string_view::npos) {
        if (rest.substr(0, scheme) != "http") refuse("is of a kind that is not supported: http only");
        rest.remove_prefix(scheme + 3);
    }
    if (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
    proxy out;
    if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
        out.credentials = secret(unescaped_leniently(rest.substr(0, at)));
        if (out.credentials.reveal().find(':') == std::string_view::npos)
            out.credentials = secret(std::string(out.credentials.reveal()) + ":");
        rest.remove_prefix(at + 1);
    }
    std::string_view host = rest;
    std::string_view after;
    if (rest.starts_with('[')) {
        const auto end = rest.find(']');
        if (end == std::string_view::npos) refuse("has an address without its closing bracket");
        host = rest.substr(1, end - 1);
        after = rest.substr(end + 1);
    } else if (const auto colon = rest.find(':'); colon != std::string_view::npos) {
        host = rest.substr(0, colon);
        after = rest.substr(colon);
    }
    if (!host_ok(host)) refuse("has no host, or one with characters that no name has");
    if (!after.empty() && after[0] != ':') refuse("has something else than a port behind its address");
    if (!after.empty()) out.port = port_of(after.substr(1));
    out.host = host;
    return out;
}

std::string host_and_port(const std::string& host, std::uint16_t port) {
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

secret connect_request(const proxy& by, const std::string& host, std::uint16_t port) {
    const auto to = host_and_port(host, port);
    std::string text = "CONNECT " + to + " HTTP/1.1\r\nHost: " + to + "\r\n";
    if (!by.credentials.empty()) {
        std::string encoded = base64(by.credentials.reveal());
        text.reserve(text.size() + encoded.size() + 64); // one copy to wipe
        text.append("Proxy-Authorization: Basic ").append(encoded).append("\r\n");
        explicit_bzero(encoded.data(), encoded.size());
    }
    text += "\r\n";
    return secret(std::move(text));
}

std::optional<int> status_of(std::string_view head) {
    if (!head.starts_with("HTTP/1.") || head.size() < 12 || head[8] != ' ') return std::nullopt;
    int status = 0;
    const auto [end, ec] = std::from_chars(head.data() + 9, head.data() + 12, status);
    if (ec != std::errc() || end != head.data() + 12 || status < 100) return std::nullopt;
    return status;
}

} // namespace z360::adapter::http2
