// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/base/overloaded.hpp>
#include <z360/call/endpoint.hpp>

#include <algorithm>
#include <utility>

namespace z360::call {
namespace {

bool is_e164(const std::string& text) {
    return text.size() >= 8 && text.size() <= 16 && text[0] == '+' &&
           std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

std::string_view kind_of(const endpoint& e) {
    return std::visit(
        overloaded{
            [](const target&) { return "identity"; },
            [](const e164&) { return "e164"; },
            [](const sip_uri&) { return "sip_uri"; },
            [](const unnamed&) { return "unnamed"; },
        },
        e
    );
}

endpoint endpoint_of(std::string party) {
    if (is_e164(party)) return e164{std::move(party)};
    if (party.starts_with("sip:")) return sip_uri{std::move(party)};
    return unnamed{std::move(party)};
}

const std::string& text_of(const endpoint& e) {
    return std::visit(
        overloaded{
            [](const target& t) -> const std::string& { return t.sip_username; },
            [](const e164& n) -> const std::string& { return n.number; },
            [](const sip_uri& u) -> const std::string& { return u.uri; },
            [](const unnamed& u) -> const std::string& { return u.shown; },
        },
        e
    );
}

} // namespace z360::call
