// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/e164.hpp"

#include "wire/address.hpp"
#include "wire/countries.hpp"

#include <z360/base/trim.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace z360::wire {
namespace {

constexpr std::size_t k_min_digits = 7;
constexpr std::size_t k_max_digits = 15;

// Signs that people and typesetters put between digits, beside the plain ones.
constexpr std::array<std::string_view, 10> k_separators{
    "\xC2\xA0",     // no-break space
    "\xE2\x80\x89", // thin space
    "\xE2\x80\x90", // hyphens and dashes
    "\xE2\x80\x91", "\xE2\x80\x92", "\xE2\x80\x93", "\xE2\x80\x94", "\xE2\x80\x95",
    "\xE2\x80\xAF", // narrow no-break space
    "\xE2\x88\x92"  // minus
};

// RFC 3966 and RFC 2806.
constexpr std::array<std::string_view, 3> k_extensions{";ext=", ";isub=", ";postd="};

struct digits_of {
    std::string text;
    bool plus = false;
    bool good = true;
};

std::size_t separator_at(std::string_view t) {
    if (std::string_view(" ()-./").find(t.front()) != std::string_view::npos) return 1;
    for (const auto s : k_separators)
        if (t.starts_with(s)) return s.size();
    return 0;
}

digits_of read_digits(std::string_view t) {
    digits_of out;
    while (out.good && !t.empty()) {
        const char c = t.front();
        // "+44 (0)20 …": the zero is for those who dial within the country.
        const bool trunk = out.plus && !out.text.empty() && t.starts_with("(0)");
        const auto skipped = separator_at(t);
        if (trunk) {
            t.remove_prefix(3);
        } else if (c >= '0' && c <= '9') {
            out.text.push_back(c);
            t.remove_prefix(1);
        } else if (c == '+' && !out.plus && out.text.empty()) {
            out.plus = true;
            t.remove_prefix(1);
        } else if (skipped > 0) {
            t.remove_prefix(skipped);
        } else {
            out.good = false;
        }
        out.good = out.good && out.text.size() <= k_max_digits + 3;
    }
    return out;
}

bool international_prefix(digits_of& d, std::string_view home_code) {
    const std::size_t n = d.text.starts_with("00")                        ? 2
                          : home_code == "1" && d.text.starts_with("011") ? 3
                                                                          : 0;
    if (n == 0) return false;
    d.text.erase(0, n);
    return true;
}

} // namespace

bool has_extension(std::string_view text) {
    std::string lower(text);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return std::any_of(k_extensions.begin(), k_extensions.end(), [&lower](std::string_view key) {
        return lower.find(key) != std::string::npos;
    });
}

bool is_beginning(std::string_view text) {
    return text.size() >= 2 && text.size() <= k_max_digits + 1 && text.front() == '+' &&
           text.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

std::optional<std::string> to_e164(std::string_view text, std::string_view home_code) {
    const auto a = read_address(text);
    auto d = read_digits(trimmed(a.user));
    if (!d.good || d.text.empty()) return std::nullopt;
    if (!d.plus && !a.context.empty()) {
        auto whole = read_digits(a.context);
        whole.text += d.text;
        d = std::move(whole);
    }
    if (!d.plus && !international_prefix(d, home_code)) {
        auto found = from_home(d.text, home_code);
        if (!found) return std::nullopt;
        d.text = std::move(*found);
    }
    if (d.text.size() < k_min_digits || d.text.size() > k_max_digits || d.text.front() == '0')
        return std::nullopt;
    return "+" + d.text;
}

} // namespace z360::wire
