// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/credential/standing.hpp>

#include <algorithm>

namespace z360::credential {
namespace {

// Of an identity that existed then.
standing of(const identity_life& i, time_point at) {
    if (i.retired_at ? *i.retired_at <= at
                     : i.now_in == identity_state::retiring || i.now_in == identity_state::dead)
        return standing::retired;
    if (i.activated_at ? *i.activated_at > at : i.now_in == identity_state::pending) return standing::pending;
    // Retired without having been in use: it was never active.
    if (!i.activated_at && (i.now_in == identity_state::retiring || i.now_in == identity_state::dead))
        return standing::pending;
    return i.expires_at && *i.expires_at <= at ? standing::expired : standing::usable;
}

int weight(standing s) {
    switch (s) {
    case standing::usable: return 4;
    case standing::expired: return 3;
    case standing::pending: return 2;
    case standing::retired: return 1;
    case standing::none: break;
    }
    return 0;
}

} // namespace

std::string_view name(standing s) {
    switch (s) {
    case standing::usable: return "usable";
    case standing::none: return "none";
    case standing::pending: return "pending";
    case standing::expired: return "expired";
    case standing::retired: return "retired";
    }
    return "?";
}

standing standing_at(std::span<const identity_life> all, time_point at) {
    auto best = standing::none;
    for (const auto& i : all) {
        if (i.created_at > at) continue;
        const auto s = of(i, at);
        if (weight(s) > weight(best)) best = s;
    }
    return best;
}

} // namespace z360::credential
