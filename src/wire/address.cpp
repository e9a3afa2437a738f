// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/address.hpp"

#include <z360/base/percent.hpp>
#include <z360/base/trim.hpp>

#include <algorithm>
#include <cstddef>

namespace z360::wire {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool take_scheme(std::string_view& t, std::string_view scheme) {
    if (t.size() < scheme.size()) return false;
    for (std::size_t i = 0; i < scheme.size(); ++i)
        if (lower(t[i]) != scheme[i]) return false;
    t.remove_prefix(scheme.size());
    return true;
}

// `;phone-context=+1312` of a number that is local to it.
std::string context_in(std::string_view parameters) {
    constexpr std::string_view k_key = ";phone-context=";
    for (std::size_t i = 0; i + k_key.size() < parameters.size(); ++i) {
        auto rest = parameters.substr(i);
        if (!take_scheme(rest, k_key)) continue;
        const auto value = unescaped_leniently(rest.substr(0, rest.find_first_of(";@?>")));
        if (value.starts_with("+") && value.find_first_not_of("0123456789-.()", 1) == std::string::npos)
            return value;
    }
    return {};
}

std::string host_of(std::string_view t) {
    t = t.substr(0, t.find_first_of(";?>, "));
    if (t.starts_with("[")) {
        t = t.substr(0, t.find(']') == std::string_view::npos ? t.size() : t.find(']') + 1);
    } else {
        t = t.substr(0, t.find(':'));
    }
    std::string out(t);
    std::transform(out.begin(), out.end(), out.begin(), lower);
    return out;
}

std::string name_of(std::string_view t) {
    t = trimmed(t);
    if (t.size() >= 2 && t.front() == '"' && t.back() == '"') t = t.substr(1, t.size() - 2);
    return std::string(trimmed(t));
}

} // namespace

address read_address(std::string_view text) {
    address out;
    auto t = trimmed(text);
    if (const auto open = t.find('<'); open != std::string_view::npos) {
        out.name = name_of(t.substr(0, open));
        t.remove_prefix(open + 1);
        t = trimmed(t.substr(0, t.find('>')));
    }
    const bool tel = take_scheme(t, "tel:");
    out.sip = !tel && (take_scheme(t, "sips:") || take_scheme(t, "sip:"));
    const auto at = tel ? std::string_view::npos : t.rfind('@');
    auto user = t;
    if (at != std::string_view::npos) {
        out.sip = true;
        user = t.substr(0, at);
        out.host = host_of(t.substr(at + 1));
    } else if (out.sip) { // sip:host: nobody in particular there
        out.host = host_of(t);
        const auto digits = out.host.find_first_not_of("+0123456789");
        if (out.host.empty() || digits != std::string::npos) user = {};
        if (digits == std::string::npos) out.host.clear();
    }
    out.context = context_in(t);
    const bool uri = tel || out.sip;
    if (uri) user = user.substr(0, user.find_first_of(";?>"));
    if (out.sip) user = user.substr(0, user.find(':')); // a password is nobody's business
    out.user = uri ? unescaped_leniently(user) : std::string(user);
    return out;
}

} // namespace z360::wire
