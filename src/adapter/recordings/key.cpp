// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/recordings/key.hpp"

#include <algorithm>
#include <stdexcept>

namespace z360::adapter::recordings {
namespace {

constexpr std::size_t k_longest = 500;

bool allowed(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

bool is_part(std::string_view part) {
    return !part.empty() && part != "." && part != ".." && std::ranges::all_of(part, allowed);
}

} // namespace

bool is_key(std::string_view text) {
    if (text.size() > k_longest) return false;
    if (text.substr(0, text.find('/')) == k_incoming) return false;
    while (true) {
        const auto end = text.find('/');
        if (!is_part(text.substr(0, end))) return false;
        if (end == std::string_view::npos) return true;
        text.remove_prefix(end + 1);
    }
}

void check_key(std::string_view text) {
    if (!is_key(text))
        throw std::invalid_argument(
            "the key of a recording has 1 to 500 characters of [A-Za-z0-9._/-], no empty part, none that is "
            "\".\" or \"..\", and does not begin with .incoming"
        );
}

} // namespace z360::adapter::recordings
