// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "http_server/target.hpp"

#include <algorithm>

namespace z360::http {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool starts_with_no_case(std::string_view text, std::string_view lower_prefix) {
    return text.size() >= lower_prefix.size() &&
           std::equal(lower_prefix.begin(), lower_prefix.end(), text.begin(), [](char p, char c) {
               return p == c || (c >= 'A' && c <= 'Z' && p == c - 'A' + 'a');
           });
}

} // namespace

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c <= 0x20 || c == 0x7F) return std::nullopt;
        if (c != '%') {
            out.push_back(text[i]);
            continue;
        }
        if (i + 2 >= text.size()) return std::nullopt;
        const int high = hex_digit(text[i + 1]);
        const int low = hex_digit(text[i + 2]);
        if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
        out.push_back(static_cast<char>(high * 16 + low));
        i += 2;
    }
    return out;
}

std::optional<split_target> parse_target(std::string_view target) {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (!starts_with_no_case(target, scheme)) continue;
        target.remove_prefix(scheme.size());
        const auto end = std::min(target.find_first_of("/?"), target.size());
        if (end == 0) return std::nullopt; // no host
        target.remove_prefix(end);
        if (target.empty() || target.front() == '?') {
            auto query = target.empty() ? std::string_view{} : target.substr(1);
            return split_target{"/", std::string(query)};
        }
        break;
    }
    if (target.empty() || target.front() != '/') return std::nullopt;
    const auto question = target.find('?');
    auto path = percent_decode(target.substr(0, question));
    if (!path) return std::nullopt;
    split_target out{std::move(*path), {}};
    if (question != std::string_view::npos) out.query = target.substr(question + 1);
    return out;
}

} // namespace z360::http
