// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/party.hpp"

#include "wire/address.hpp"
#include "wire/display_name.hpp"
#include "wire/e164.hpp"

#include <z360/base/trim.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace z360::wire {
namespace {

constexpr std::size_t k_longest_text = 256; // characters; a real SIP address has a few dozen
constexpr std::size_t k_longest_raw = 512;

// What networks and switches say instead of a number, without blanks and signs.
constexpr std::array<std::string_view, 28> k_no_number{
    "anonymous",     "anon",          "restricted",    "unavailable",   "private",        "withheld",
    "unknown",       "blocked",       "hidden",        "secret",        "suppressed",     "nonumber",
    "nocallerid",    "callerid",      "noid",          "idunavailable", "numberwithheld", "privatenumber",
    "unknowncaller", "unknownnumber", "privatecaller", "notavailable",  "outofarea",      "unlisted",
    "callerunknown", "null",          "none",          "undefined"
};

std::string letters_of(std::string_view t) {
    std::string out;
    for (const char c : t) {
        if (c >= 'A' && c <= 'Z')
            out.push_back(static_cast<char>(c - 'A' + 'a'));
        else if (std::string_view(" \t-_.'\"()").find(c) == std::string_view::npos)
            out.push_back(c);
    }
    return out;
}

bool says_no_number(std::string_view t) {
    const auto word = letters_of(t);
    return std::find(k_no_number.begin(), k_no_number.end(), word) != k_no_number.end();
}

bool withheld(const address& a) {
    // RFC 3323: nobody is at home at a host of that kind.
    if (a.sip && (a.host.ends_with(".invalid") || a.host == "invalid")) return true;
    return letters_of(a.user).empty() || says_no_number(a.user);
}

// Bounded, and without control characters: people and terminals see it.
std::string readable(std::string_view t) {
    std::string out;
    for (std::size_t i = 0; i < t.size(); ++i) {
        const auto c = static_cast<unsigned char>(t[i]);
        const bool c1 = c == 0xC2 && i + 1 < t.size() && static_cast<unsigned char>(t[i + 1]) < 0xA0;
        if (c1)
            ++i;
        else if (c >= 0x20 && c != 0x7F)
            out.push_back(t[i]);
    }
    return std::string(clip(out, k_longest_text));
}

party plain(const address& a, std::string_view raw) {
    party out;
    if (a.sip && !a.user.empty() && !a.host.empty()) {
        out.what = party_kind::sip_address;
        out.text = readable("sip:" + a.user + "@" + a.host);
        out.name = readable(a.name.empty() || says_no_number(a.name) ? a.user : a.name);
    } else {
        out.text = readable(trimmed(raw));
    }
    out.user = readable(a.user);
    return out;
}

party number(std::string e164) {
    party out;
    out.what = party_kind::number;
    out.text = std::move(e164);
    return out;
}

} // namespace

party read_caller(std::string_view raw, std::string_view home_code) {
    const auto a = read_address(raw);
    if (withheld(a)) {
        party out;
        out.what = party_kind::withheld;
        out.text = k_withheld;
        return out;
    }
    if (auto e164 = to_e164(raw, home_code)) return number(std::move(*e164));
    return plain(a, raw);
}

party read_called(std::string_view raw, std::string_view home_code) {
    if (auto e164 = to_e164(raw, home_code)) return number(std::move(*e164));
    return plain(read_address(raw), raw);
}

std::string raw_party(std::string_view raw) {
    return std::string(clip(raw, k_longest_raw));
}

} // namespace z360::wire
