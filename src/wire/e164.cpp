// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/e164.hpp"

#include <cstddef>

namespace z360::wire {
namespace {

constexpr std::size_t k_min_digits = 7;
constexpr std::size_t k_max_digits = 15;

bool take_prefix(std::string_view& t, std::string_view lower) {
    if (t.size() < lower.size()) return false;
    for (std::size_t i = 0; i < lower.size(); ++i) {
        const char c = t[i] >= 'A' && t[i] <= 'Z' ? static_cast<char>(t[i] - 'A' + 'a') : t[i];
        if (c != lower[i]) return false;
    }
    t.remove_prefix(lower.size());
    return true;
}

} // namespace

std::optional<std::string> to_e164(std::string_view t) {
    while (!t.empty() && t.front() == ' ')
        t.remove_prefix(1);
    if (take_prefix(t, "sips:") || take_prefix(t, "sip:") || take_prefix(t, "tel:"))
        t = t.substr(0, t.find_first_of("@;?>"));
    std::string digits;
    bool plus = false;
    for (const char c : t) {
        if (c >= '0' && c <= '9') {
            digits.push_back(c);
        } else if (c == '+') {
            if (plus || !digits.empty()) return std::nullopt;
            plus = true;
        } else if (std::string_view(" ()-./").find(c) == std::string_view::npos) {
            return std::nullopt;
        }
        if (digits.size() > k_max_digits + 2) return std::nullopt;
    }
    if (!plus && digits.starts_with("00")) digits.erase(0, 2);
    if (digits.size() < k_min_digits || digits.size() > k_max_digits || digits.front() == '0')
        return std::nullopt;
    return "+" + digits;
}

} // namespace z360::wire
