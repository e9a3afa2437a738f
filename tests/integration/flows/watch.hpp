// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Questions to the carrier's ground truth that several flows ask, and short ways to set faults.
#pragma once

#include "support/rig.hpp"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace z360::testing {

[[nodiscard]] inline sim::command_fault fault_of(std::string verb, std::string leg = {}, unsigned times = 0) {
    sim::command_fault f;
    f.verb = std::move(verb);
    f.match.leg = std::move(leg);
    f.match.times = times;
    return f;
}

[[nodiscard]] inline sim::webhook_fault lost(std::string event_type, std::string leg = {}) {
    sim::webhook_fault f;
    f.event_type = std::move(event_type);
    f.match.leg = std::move(leg);
    f.drop = true;
    return f;
}

[[nodiscard]] inline sim::webhook_fault late(std::string event_type, std::string leg, millis by) {
    auto f = lost(std::move(event_type), std::move(leg));
    f.drop = false;
    f.delay = by;
    return f;
}

[[nodiscard]] inline std::vector<sim::command_record>
commands(rig& r, const std::string& verb, const std::string& session) {
    return r.carrier().with([&](sim::carrier& c, time_point) {
        std::vector<sim::command_record> out;
        for (const auto* x : c.seen().commands_of(verb, session))
            out.push_back(*x);
        return out;
    });
}

[[nodiscard]] inline std::vector<sim::leg_view> legs(rig& r, const std::string& session) {
    return r.carrier().with([&](sim::carrier& c, time_point) { return c.legs(session); });
}

[[nodiscard]] inline sim::leg_view leg(rig& r, const std::string& control_id) {
    return r.carrier().with([&](sim::carrier& c, time_point) { return c.leg(control_id).value(); });
}

/// The leg of device `n`; an empty one when it was never dialed.
[[nodiscard]] inline sim::leg_view device_leg(rig& r, const std::string& session, int n) {
    for (auto& l : legs(r, session))
        if (l.username == r.device(n)) return l;
    return {};
}

[[nodiscard]] inline std::vector<sim::bridge_record> bridges(rig& r, const std::string& session) {
    return r.carrier().with([&](sim::carrier& c, time_point) {
        auto out = c.seen().bridges;
        std::erase_if(out, [&](const auto& b) { return b.session != session; });
        return out;
    });
}

/// SIP user of the device that the caller is joined to; empty: nobody.
[[nodiscard]] inline std::string joined_to(rig& r, const std::string& caller) {
    return r.carrier().with([&](sim::carrier& c, time_point) {
        const auto peer = c.leg(c.leg(caller).value().bridged_with);
        return peer ? peer->username : std::string{};
    });
}

/// Waits for `n` requests of this verb, whatever the carrier made of them.
[[nodiscard]] inline bool
asked(rig& r, const std::string& verb, const std::string& session, std::size_t n = 1, millis limit = 5s) {
    return r.carrier().wait_until(
        [&](const sim::carrier& c) { return c.seen().commands_of(verb, session).size() >= n; }, limit
    );
}

/// False as soon as the condition fails within the stretch.
template <class F>
[[nodiscard]] bool stays(rig& r, millis stretch, F condition) {
    return !r.carrier().wait_until([&](const sim::carrier& c) { return !condition(c); }, stretch);
}

/// When the server had taken the caller's hang-up: its first successful delivery.
[[nodiscard]] inline time_point told_of_hangup(const sim::carrier& c, const std::string& caller) {
    time_point best = time_point::max();
    for (const auto& [id, w] : c.seen().webhooks) {
        if (w.event_type != "call.hangup" || w.call_control_id != caller) continue;
        for (const auto& a : w.attempts)
            if (a.ok()) best = std::min(best, a.finished);
    }
    return best;
}

/// Requests to dial that left although the server knew that the caller is gone. A request may be on its way
/// at that moment; the grace is for it and for a busy machine.
[[nodiscard]] inline std::size_t dials_after_the_end(const sim::carrier& c, const std::string& caller) {
    constexpr millis k_grace{400};
    const auto told = told_of_hangup(c, caller);
    if (told == time_point::max()) return 0;
    const auto dials = c.seen().commands_of("dial", c.session_of(caller));
    return static_cast<std::size_t>(std::count_if(dials.begin(), dials.end(), [&](const auto* d) {
        return d->at > told + k_grace;
    }));
}

/// The call is over and stays so: no leg alive, nothing dialed any more, for the given stretch.
[[nodiscard]] inline bool over_for_good(rig& r, const std::string& caller, millis stretch = 700ms) {
    return stays(r, stretch, [&](const sim::carrier& c) {
        return c.alive_legs(c.session_of(caller)) == 0 && dials_after_the_end(c, caller) == 0;
    });
}

/// Longest time from the caller's end to the end of one of these devices' legs.
[[nodiscard]] inline millis
slowest_release(rig& r, const std::string& caller, const std::vector<int>& devices) {
    const auto gone = leg(r, caller).ended_at.value();
    millis worst{0};
    for (const int n : devices) {
        const auto l = device_leg(r, r.session(caller), n);
        if (!l.ended_at) return millis::max();
        worst = std::max(worst, *l.ended_at - gone);
    }
    return worst;
}

[[nodiscard]] inline std::string column(rig& r, const std::string& session, const std::string& expression) {
    return r.sql("select " + expression + " from calls where call_session_id = '" + session + "'");
}

/// Waits for the row to say so, too.
[[nodiscard]] inline bool
ended_as(rig& r, const std::string& session, const std::string& reason, millis limit = 5s) {
    return eventually(
        [&] { return column(r, session, "phase || ' ' || coalesce(end_reason, '')") == "ended " + reason; },
        limit
    );
}

/// Seed of a random test: given through Z360_TEST_SEED, else new each time; print it with every failure.
[[nodiscard]] inline unsigned test_seed() {
    const char* given = std::getenv("Z360_TEST_SEED");
    if (given != nullptr && *given != '\0') return static_cast<unsigned>(std::strtoul(given, nullptr, 10));
    return std::random_device{}();
}

} // namespace z360::testing
