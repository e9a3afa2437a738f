// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/reference_mask.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace z360::wire {
namespace {

constexpr std::string_view k_field = "\"custom_headers\"";
constexpr std::size_t k_digits = 32;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'f');
}

// Names of SIP headers have no case.
bool names_reference(std::string_view list) {
    const std::string_view header = k_reference_header;
    const auto same = [](char a, char b) { return lower(a) == lower(b); };
    return std::search(list.begin(), list.end(), header.begin(), header.end(), same) != list.end();
}

void mask(std::string& body, std::size_t from, std::size_t to) {
    while (from < to) {
        auto end = from;
        while (end < to && is_hex(body[end]))
            ++end;
        if (end - from >= k_digits)
            std::fill(
                body.begin() + static_cast<std::ptrdiff_t>(from),
                body.begin() + static_cast<std::ptrdiff_t>(end), 'x'
            );
        from = end + 1;
    }
}

} // namespace

void mask_references(std::string& body) {
    for (auto at = body.find(k_field); at != std::string::npos; at = body.find(k_field, at + 1)) {
        const auto end = std::min(body.find(']', at), body.size()); // no value of ours has one
        if (names_reference(std::string_view(body).substr(at, end - at))) mask(body, at, end);
    }
}

} // namespace z360::wire
