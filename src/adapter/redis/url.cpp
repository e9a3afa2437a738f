// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/redis/url.hpp"

#include <z360/base/percent.hpp>

#include <charconv>
#include <optional>

namespace z360::adapter::redis {
namespace {

template <class N>
std::optional<N> number(std::string_view text, unsigned lowest, unsigned highest) {
    unsigned value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size() || value < lowest || value > highest)
        return std::nullopt;
    return static_cast<N>(value);
}

} // namespace

std::variant<url, std::string> parse_url(std::string_view text) {
    constexpr std::string_view k_scheme = "redis://";
    if (text.starts_with("rediss://"))
        return std::string("TLS to Redis is not supported; use redis:// on a private network or a TLS tunnel"
        );
    if (!text.starts_with(k_scheme))
        return std::string("not a Redis URL; write redis://[:password@]host[:port][/db]");
    text.remove_prefix(k_scheme.size());
    url out;
    if (const auto at = text.rfind('@'); at != std::string_view::npos) {
        const auto login = text.substr(0, at);
        text.remove_prefix(at + 1);
        const auto colon = login.find(':');
        auto user = unescaped(login.substr(0, colon));
        auto password =
            unescaped(colon == std::string_view::npos ? std::string_view{} : login.substr(colon + 1));
        if (!user || !password)
            return std::string("broken percent-encoding before the @; write % in a password as %25");
        out.user = std::move(*user);
        out.password = secret(std::move(*password));
        if (!out.user.empty() && out.password.empty())
            return std::string("a user without a password; write redis://user:password@host");
    }
    if (const auto slash = text.find('/'); slash != std::string_view::npos) {
        const auto db = text.substr(slash + 1);
        text = text.substr(0, slash);
        if (!db.empty()) {
            const auto n = number<unsigned>(db, 0, 65535);
            if (!n) return std::string("what follows the last / is no database number; write 0, 1, …");
            out.database = *n;
        }
    }
    std::string_view port;
    bool with_port = false;
    if (text.starts_with('[')) { // IPv6
        const auto close = text.find(']');
        if (close == std::string_view::npos)
            return std::string("the [ of the IPv6 address is not closed; add ]");
        out.host = text.substr(1, close - 1);
        text.remove_prefix(close + 1);
        with_port = text.starts_with(':');
        if (with_port) port = text.substr(1);
        if (!with_port && !text.empty()) return std::string("unexpected text after ]; write [address]:port");
    } else {
        const auto colon = text.find(':');
        out.host = text.substr(0, colon);
        with_port = colon != std::string_view::npos;
        if (with_port) port = text.substr(colon + 1);
    }
    if (out.host.empty()) return std::string("no host; write redis://host:6379");
    if (with_port) {
        const auto n = number<std::uint16_t>(port, 1, 65535);
        if (!n) return std::string("the port is not a number from 1 to 65535; 6379 is usual");
        out.port = *n;
    }
    return out;
}

} // namespace z360::adapter::redis
