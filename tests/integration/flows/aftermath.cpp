// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "integration/flows/aftermath.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace z360::testing {
namespace {

std::string of_session(const std::string& session) {
    return " call_id = (select call_id from calls where call_session_id = '" + session + "')";
}

std::set<std::string> words(const std::string& list) {
    std::set<std::string> out;
    for (std::size_t at = 0; at < list.size();) {
        const auto end = std::min(list.find(',', at), list.size());
        if (end > at) out.insert(list.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

std::string wrong_events(rig& r, const std::string& session) {
    const auto handled = words(r.sql(
        "select string_agg(event_id, ',') from webhook_events where call_session_id = '" + session +
        "' and status in ('done', 'ignored')"
    ));
    return r.carrier().with([&](sim::carrier& c, time_point) -> std::string {
        for (const auto& [id, w] : c.seen().webhooks) {
            if (w.session != session || w.state == sim::delivery_state::dropped) continue;
            if (w.state != sim::delivery_state::delivered)
                return w.event_type + " is " + std::string(sim::name(w.state));
            if (!handled.contains(w.event_id)) return w.event_type + " " + w.event_id + " is not processed";
        }
        return {};
    });
}

std::string wrong_legs(rig& r, const std::string& session) {
    const auto alive = words(r.sql(
        "select string_agg(call_control_id, ',') from call_legs where call_control_id is not null and not "
        "ended and" +
        of_session(session)
    ));
    return r.carrier().with([&](sim::carrier& c, time_point) -> std::string {
        for (const auto& l : c.legs(session)) {
            if (l.kind == sim::leg_kind::caller) continue;
            if (l.alive() != alive.contains(l.call_control_id))
                return "leg of " + l.username + (l.alive() ? " lives" : " is dead") + " at the carrier only";
        }
        return {};
    });
}

std::string wrong_phase(rig& r, const std::string& session) {
    const auto phase = r.sql("select phase from calls where call_session_id = '" + session + "'");
    const bool alive =
        r.carrier().with([&](sim::carrier& c, time_point) { return c.alive_legs(session) > 0; });
    if (alive == (phase == "ended")) return "phase is '" + phase + "'";
    const bool joined = r.carrier().with([&](sim::carrier& c, time_point) {
        const auto legs = c.legs(session);
        return std::any_of(legs.begin(), legs.end(), [](const auto& l) {
            return l.alive() && !l.bridged_with.empty();
        });
    });
    if (joined && phase != "active") return "joined, yet the phase is '" + phase + "'";
    return {};
}

std::string wrong(rig& r, const std::string& session) {
    if (auto w = wrong_events(r, session); !w.empty()) return w;
    if (auto w = wrong_legs(r, session); !w.empty()) return w;
    if (auto w = wrong_phase(r, session); !w.empty()) return w;
    const auto left = r.sql(
        "select string_agg(command_id, ' ') from commands where status = 'pending' and" + of_session(session)
    );
    return left.empty() ? "" : "pending commands: " + left;
}

} // namespace

std::string aftermath(rig& r, const std::string& session, millis limit) {
    std::string last;
    const bool calm = eventually(
        [&] {
            last = wrong(r, session);
            return last.empty();
        },
        limit
    );
    return calm ? "" : last;
}

std::string leg_of(rig& r, const std::string& session, const std::string& user) {
    return r.carrier().with([&](sim::carrier& c, time_point) -> std::string {
        for (const auto& l : c.legs(session))
            if (l.username == user && l.alive()) return l.call_control_id;
        return {};
    });
}

bool answer(rig& r, const std::string& session, int device) {
    const auto leg = leg_of(r, session, r.device(device));
    return r.carrier().with([&](sim::carrier& c, time_point now) { return c.device_answers(leg, now); });
}

std::string answered_and_ended(rig& r) {
    const auto caller = r.call();
    auto session = r.session(caller);
    EXPECT_TRUE(r.joined(caller));
    EXPECT_TRUE(r.phase(session, "active"));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_EQ(aftermath(r, session), "");
    return session;
}

bool attempted(rig& r, const std::string& verb, const std::string& session, millis limit) {
    return r.carrier().wait_until(
        [&](const sim::carrier& c) { return !c.seen().commands_of(verb, session).empty(); }, limit
    );
}

millis answer_to_bridge(rig& r, const std::string& session) {
    return r.carrier().with([&](sim::carrier& c, time_point) {
        const auto bridge = c.seen().commands_of("bridge", session).at(0);
        const auto leg = c.leg(bridge->call_control_id);
        return leg && leg->answered_at ? bridge->at - *leg->answered_at : millis::max();
    });
}

} // namespace z360::testing
