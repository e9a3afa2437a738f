// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/http/range.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>

namespace z360::http {
namespace {

bool is_bytes(std::string_view unit) {
    constexpr std::string_view k_bytes = "bytes";
    return std::equal(unit.begin(), unit.end(), k_bytes.begin(), k_bytes.end(), [](char a, char b) {
        return a == b || (a >= 'A' && a <= 'Z' && a - 'A' + 'a' == b);
    });
}

std::string_view trim(std::string_view s) {
    const auto first = s.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return s.substr(first, s.find_last_not_of(" \t") - first + 1);
}

/// Digits alone; nullopt: something else. What is too large for 64 bits is the largest of them.
std::optional<std::uint64_t> number(std::string_view digits) {
    constexpr auto k_most = std::numeric_limits<std::uint64_t>::max();
    if (digits.empty()) return std::nullopt;
    std::uint64_t n = 0;
    bool large = false;
    for (const char c : digits) {
        if (c < '0' || c > '9') return std::nullopt;
        const auto digit = static_cast<std::uint64_t>(c - '0');
        large = large || n > (k_most - digit) / 10;
        if (!large) n = n * 10 + digit;
    }
    return large ? k_most : n;
}

constexpr content_part k_outside{content_part::kind::outside, 0, 0};

content_part suffix(std::uint64_t wanted, std::uint64_t size) {
    if (wanted == 0) return k_outside;
    if (size == 0) return {}; // it may be asked for, but Content-Range cannot say so
    const auto length = std::min(wanted, size);
    return {content_part::kind::part, size - length, length};
}

} // namespace

content_part read_range(std::string_view range, std::uint64_t size) {
    const content_part whole{content_part::kind::whole, 0, size};
    range = trim(range);
    const auto equals = range.find('=');
    if (equals == std::string_view::npos || !is_bytes(range.substr(0, equals))) return whole;
    const auto spec = trim(range.substr(equals + 1));
    const auto dash = spec.find('-');
    if (dash == std::string_view::npos) return whole;
    const auto left = spec.substr(0, dash);
    const auto right = spec.substr(dash + 1);
    const auto first = number(left);
    const auto last = number(right); // neither holds the comma of several ranges
    if (left.empty()) {
        if (!last) return whole;
        return suffix(*last, size);
    }
    if (!first || (!last && !right.empty()) || (last && *last < *first)) return whole;
    if (*first >= size) return k_outside;
    const std::uint64_t rest = size - *first;
    if (!last) return {content_part::kind::part, *first, rest};
    return {content_part::kind::part, *first, std::min(rest - 1, *last - *first) + 1};
}

content_part asked_part(const request& req, std::uint64_t size) {
    const bool asks =
        req.method == "GET" && req.headers.count("Range") == 1 && req.headers.count("If-Range") == 0;
    if (asks) return read_range(req.headers.get("Range"), size);
    return {content_part::kind::whole, 0, size};
}

void mark_part(response& r, const content_part& part, std::uint64_t size) {
    r.headers.set("Accept-Ranges", "bytes");
    if (part.what != content_part::kind::part) return;
    r.status = 206;
    const auto last = part.first + part.length - 1;
    r.headers.set(
        "Content-Range",
        "bytes " + std::to_string(part.first) + "-" + std::to_string(last) + "/" + std::to_string(size)
    );
}

void mark_outside(response& r, std::uint64_t size) {
    r.status = 416;
    r.headers.set("Accept-Ranges", "bytes");
    r.headers.set("Content-Range", "bytes */" + std::to_string(size));
}

response range_refused(std::uint64_t size) {
    auto r = response::problem(416, "range_not_satisfiable", "The content has no such part");
    mark_outside(r, size);
    return r;
}

} // namespace z360::http
