// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/tenants/slug.hpp"

#include <z360/base/ids.hpp>

#include <algorithm>

namespace z360::adapter::postgres {
namespace {
constexpr std::size_t k_longest = 63;

bool plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
} // namespace

std::string slug_of(std::string_view name) {
    std::string out;
    for (const char c : name) {
        const bool capital = c >= 'A' && c <= 'Z';
        if (plain(c) || capital)
            out.push_back(capital ? static_cast<char>(c - 'A' + 'a') : c);
        else if (!out.empty() && out.back() != '-')
            out.push_back('-');
        if (out.size() == k_longest) break;
    }
    while (!out.empty() && out.back() == '-')
        out.pop_back();
    return out.empty() ? "org-" + derive_uuid(name).text().substr(0, 8) : out;
}

bool is_slug(std::string_view text) {
    return !text.empty() && text.size() <= k_longest && plain(text.front()) &&
           std::all_of(text.begin(), text.end(), [](char c) { return plain(c) || c == '-'; });
}

} // namespace z360::adapter::postgres
