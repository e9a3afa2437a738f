// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/credential/lifecycle.hpp>

namespace z360::credential {

std::string_view name(identity_state p) {
    switch (p) {
    case identity_state::pending: return "pending";
    case identity_state::active: return "active";
    case identity_state::rotating: return "rotating";
    case identity_state::retiring: return "retiring";
    case identity_state::dead: return "dead";
    }
    return "?";
}

std::optional<identity_state> identity_state_of(std::string_view text) {
    for (const auto p :
         {identity_state::pending, identity_state::active, identity_state::rotating, identity_state::retiring,
          identity_state::dead})
        if (name(p) == text) return p;
    return std::nullopt;
}

std::string_view name(retire_reason r) {
    switch (r) {
    case retire_reason::none: return "none";
    case retire_reason::rotated: return "rotated";
    case retire_reason::expired: return "expired";
    case retire_reason::silent: return "silent";
    case retire_reason::device_gone: return "device_gone";
    case retire_reason::not_wanted: return "not_wanted";
    case retire_reason::imported: return "imported";
    case retire_reason::lost: return "lost";
    }
    return "?";
}

} // namespace z360::credential
