// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/credential/lifecycle.hpp>

namespace z360::credential {

std::string_view name(phase p) {
    switch (p) {
    case phase::pending: return "pending";
    case phase::active: return "active";
    case phase::rotating: return "rotating";
    case phase::retiring: return "retiring";
    case phase::dead: return "dead";
    }
    return "?";
}

std::optional<phase> phase_of(std::string_view text) {
    for (const auto p : {phase::pending, phase::active, phase::rotating, phase::retiring, phase::dead})
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
