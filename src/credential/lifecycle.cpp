// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What to do for a device, from its rows and the time alone. Every rule is a threshold of the form "from this
// instant on", which is what makes deadline() exact: between two thresholds nothing changes.
#include "credential/times.hpp"

#include <z360/credential/lifecycle.hpp>

#include <algorithm>

namespace z360::credential {
namespace {

/// A device's identities by state, with the answers that the rules share.
struct view {
    const device& d;
    const policy& p;
    time_point now;
    const identity* pending = nullptr;
    const identity* active = nullptr;
    const identity* rotating = nullptr;

    view(const device& of, const policy& by, time_point at) : d(of), p(by), now(at) {
        for (const auto& i : of.identities) {
            switch (i.now_in) {
            case identity_state::pending: pending = pending ? pending : &i; break;
            case identity_state::active: active = active ? active : &i; break;
            case identity_state::rotating: rotating = rotating ? rotating : &i; break;
            case identity_state::retiring:
            case identity_state::dead: break;
            }
        }
    }

    [[nodiscard]] bool ready(const identity& i) const { return !i.retry_at || *i.retry_at <= now; }
    [[nodiscard]] bool silent() const { return plus(d.last_seen, p.silent_after) <= now; }
    [[nodiscard]] bool wanted() const { return d.entitled && !silent(); }
    [[nodiscard]] bool has_valid_active() const { return active != nullptr && !expired(*active, now); }
    /// Nothing that a call could be using or that a new one would replace.
    [[nodiscard]] bool first() const { return active == nullptr && rotating == nullptr; }
};

bool extension_due(const view& v, const identity& i) {
    const bool in_use = i.now_in == identity_state::active || i.now_in == identity_state::rotating;
    return v.d.busy && in_use && i.expires_at && !expired(i, v.now) && v.ready(i) &&
           minus(*i.expires_at, v.p.call_reserve) <= v.now;
}

bool rotation_wanted(const view& v) {
    if (v.d.busy || v.rotating != nullptr || !v.has_valid_active()) return false;
    const auto due = rotation_due(v.d, *v.active, v.p);
    return due && *due <= v.now;
}

bool new_identity_wanted(const view& v) {
    if (!v.wanted() || v.pending != nullptr) return false;
    if (v.has_valid_active()) return rotation_wanted(v);
    return !v.d.busy || v.first();
}

bool provision_wanted(const view& v) {
    if (!v.wanted() || v.pending == nullptr || !v.ready(*v.pending)) return false;
    if (v.d.busy) return v.first();
    // Activating makes the active one rotating: there is room for one. What blocks has its own way out: the
    // old one is retired when the overlap is over, an expired active one at once.
    return v.active == nullptr || v.rotating == nullptr;
}

/// Why this identity should be retired now; `none`: it stays.
retire_reason why_retire(const view& v, const identity& i) {
    const bool lives = i.now_in == identity_state::pending || i.now_in == identity_state::active ||
                       i.now_in == identity_state::rotating;
    if (!lives || v.d.busy || !v.ready(i)) return retire_reason::none;
    if (!v.d.entitled) return retire_reason::device_gone;
    if (v.silent()) return retire_reason::none; // suspending retires them, with the device
    if (i.now_in == identity_state::pending) return retire_reason::none;
    if (expired(i, v.now)) return retire_reason::expired;
    // The old one goes only while the new one can be dialed: the last valid identity is never given away.
    if (i.now_in != identity_state::rotating || !v.has_valid_active()) return retire_reason::none;
    if (v.active->proved_at || overlap_end(i, v.p) <= v.now) return retire_reason::rotated;
    return retire_reason::none;
}

bool erase_wanted(const view& v, const identity& i) {
    // One that was never active was never dialed, and nobody could log in with it: no leg is using it.
    return i.now_in == identity_state::retiring && v.ready(i) && (!v.d.busy || !i.activated_at);
}

} // namespace

std::vector<step> decide(const device& d, const policy& p, time_point now) {
    const view v(d, p, now);
    std::vector<step> out;
    for (const auto& i : d.identities)
        if (extension_due(v, i))
            out.emplace_back(extend{i.id, plus(plus(now, p.call_reserve), p.call_reserve)});
    if (d.entitled && v.silent() && !d.busy) out.emplace_back(suspend{});
    for (const auto& i : d.identities)
        if (const auto why = why_retire(v, i); why != retire_reason::none)
            out.emplace_back(retire{i.id, why});
    if (new_identity_wanted(v)) out.emplace_back(add_identity{});
    if (provision_wanted(v))
        out.emplace_back(provision{v.pending->id, v.pending->asked_at || v.pending->at_carrier});
    for (const auto& i : d.identities)
        if (erase_wanted(v, i)) out.emplace_back(erase{i.id, !i.at_carrier && i.asked_at.has_value()});
    return out;
}

std::optional<time_point> deadline(const device& d, const policy& p, time_point now) {
    std::vector<time_point> thresholds{plus(d.last_seen, p.silent_after)};
    for (const auto& i : d.identities) {
        if (i.retry_at) thresholds.push_back(*i.retry_at);
        if (i.expires_at) {
            thresholds.push_back(*i.expires_at);
            thresholds.push_back(minus(*i.expires_at, p.call_reserve));
        }
        if (i.now_in == identity_state::rotating) thresholds.push_back(overlap_end(i, p));
        if (const auto due = rotation_due(d, i, p)) thresholds.push_back(*due);
    }
    std::sort(thresholds.begin(), thresholds.end());
    for (const auto t : thresholds)
        if (t > now && !decide(d, p, t).empty()) return t;
    return std::nullopt;
}

std::vector<identity_id> dialable(const device& d, time_point now) {
    if (!d.entitled) return {};
    const policy any;
    const view v(d, any, now);
    const bool fresh = v.has_valid_active();
    const bool old = v.rotating != nullptr && !expired(*v.rotating, now);
    std::vector<identity_id> out;
    // A device that has proved the new one has been given it, whatever the delivery mark says.
    if (fresh && (!old || v.active->delivered_at || v.active->proved_at)) out.push_back(v.active->id);
    if (old && !(fresh && v.active->proved_at)) out.push_back(v.rotating->id);
    return out;
}

} // namespace z360::credential
