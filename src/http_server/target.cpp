// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "http_server/target.hpp"

#include "http/percent.hpp"

#include <algorithm>

namespace z360::http {
namespace {

bool starts_with_no_case(std::string_view text, std::string_view lower_prefix) {
    return text.size() >= lower_prefix.size() &&
           std::equal(lower_prefix.begin(), lower_prefix.end(), text.begin(), [](char p, char c) {
               return p == c || (c >= 'A' && c <= 'Z' && p == c - 'A' + 'a');
           });
}

} // namespace

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
