// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/agent_uri.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace z360::wire {
namespace {

constexpr std::size_t k_longest = 250;
constexpr std::size_t k_longest_user = 64;
constexpr std::string_view k_carrier = "telnyx"; // telnyx.com, telnyx.com.au, telnyx.eu …

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (auto& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

bool is_user(std::string_view t) {
    return !t.empty() && t.size() <= k_longest_user && std::all_of(t.begin(), t.end(), [](char c) {
        return is_letter_or_digit(c) || std::string_view("-_.+~").find(c) != std::string_view::npos;
    });
}

// Of two labels at least: a bare word is a host of somebody's own network.
bool is_host(std::string_view t) {
    bool dotted = false;
    while (true) {
        const auto label = t.substr(0, t.find('.'));
        const bool plain =
            std::all_of(label.begin(), label.end(), [](char c) { return is_letter_or_digit(c) || c == '-'; });
        if (label.empty() || label.size() > 63 || !plain || label.front() == '-' || label.back() == '-')
            return false;
        if (label.size() == t.size()) return dotted;
        t.remove_prefix(label.size() + 1);
        dotted = true;
    }
}

bool is_port(std::string_view t) {
    const bool digits = std::all_of(t.begin(), t.end(), [](char c) { return c >= '0' && c <= '9'; });
    return digits && !t.empty() && t.size() <= 5 && t[0] != '0' && std::stoi(std::string(t)) <= 65'535;
}

bool is_parameter(std::string_view t) {
    constexpr std::array<std::string_view, 5> k_known{
        "transport=udp", "transport=tcp", "transport=tls", "secure=srtp", "secure=dtls"
    };
    return std::find(k_known.begin(), k_known.end(), t) != k_known.end();
}

// By name; by number anybody's proxy could be meant, the carrier's too.
bool is_carriers(std::string_view host) {
    std::string_view last;
    while (!host.empty()) {
        last = host.substr(0, host.find('.'));
        if (last == k_carrier) return true;
        host.remove_prefix(std::min(host.size(), last.size() + 1));
    }
    return std::all_of(last.begin(), last.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Cuts off what stands before the sign, or all of it.
std::string_view cut(std::string_view& text, char sign) {
    const auto at = text.find(sign);
    const auto head = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return head;
}

} // namespace

std::optional<std::string> read_agent_uri(std::string_view text) {
    if (text.size() > k_longest || text.empty() || text.back() == ';') return std::nullopt;
    auto rest = text;
    const auto scheme = lower(cut(rest, ':'));
    if ((scheme != "sip" && scheme != "sips") || rest.find('@') == std::string_view::npos)
        return std::nullopt;
    const auto user = cut(rest, '@');
    auto place = cut(rest, ';');
    const bool has_port = place.find(':') != std::string_view::npos;
    const auto host = lower(cut(place, ':'));
    if (!is_user(user) || !is_host(host) || is_carriers(host)) return std::nullopt;
    auto out = scheme + ":" + std::string(user) + "@" + host;
    if (has_port) {
        if (!is_port(place)) return std::nullopt;
        out += ":" + std::string(place);
    }
    while (!rest.empty()) {
        const auto parameter = lower(cut(rest, ';'));
        if (!is_parameter(parameter)) return std::nullopt;
        out += ";" + parameter;
    }
    return out;
}

} // namespace z360::wire
