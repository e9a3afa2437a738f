// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Phones: what happens at the far end of a dialed leg.
#include "sim/carrier.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace z360::sim {

namespace {
std::string or_default(const std::string& text, const char* fallback) {
    return text.empty() ? fallback : text;
}
/// How long what a push has woken stays so.
constexpr millis k_awake{30'000};

/// Of APNs tokens the case does not count; those of FCM hardly ever differ in nothing else.
bool same_token(std::string_view a, std::string_view b) {
    const auto small = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return !a.empty() && std::equal(a.begin(), a.end(), b.begin(), b.end(), [small](char x, char y) {
        return small(x) == small(y);
    });
}
} // namespace

void carrier::invite(const std::string& id, time_point now) {
    auto* l = find(id);
    if (!l || !l->view.alive()) return;
    l->initiated = true;
    emit(*l, "call.initiated", json{{"direction", "outgoing"}, {"state", "bridging"}}, now);
    if (!l->view.username.empty() && !dialable(l->view.username, now)) {
        note_phone(*l, "unknown", now);
        return end_leg(*l, "not_found", "callee", "404", now);
    }
    const auto& p = l->behaviour;
    switch (p.does) {
    case phone::mode::unreachable:
        after(now + p.act_after, [this, id](time_point t) {
            auto* leg = find(id);
            if (!leg || !leg->view.alive()) return;
            note_phone(*leg, "unreachable", t);
            end_leg(
                *leg, or_default(leg->behaviour.hangup_cause, "normal_clearing"), "callee",
                or_default(leg->behaviour.sip_code, "480"), t
            );
        });
        return;
    case phone::mode::offline:
        if (p.wakes_after) {
            if (p.push_token.empty()) return wake(id, now + *p.wakes_after);
            // The push may be faster than the dial.
            const auto pushed = pushed_.find(p.push_token);
            if (pushed != pushed_.end() && now < pushed->second + *p.wakes_after + k_awake)
                wake(id, std::max(now, pushed->second + *p.wakes_after));
        }
        return;
    case phone::mode::ignore:
    case phone::mode::answer:
    case phone::mode::decline:
    case phone::mode::answer_then_hang_up:
    case phone::mode::answer_then_drop: break;
    }
    if (p.ring_after == millis{0}) return ring(id, now);
    after(now + p.ring_after, [this, id](time_point t) { ring(id, t); });
}

void carrier::wake(const std::string& id, time_point due) {
    after(due, [this, id](time_point t) {
        const auto* leg = find(id);
        // What wakes up has to register first, and may have lost its credential meanwhile.
        if (!leg || !dialable(leg->view.username, t)) return;
        if (leg->view.alive() && !leg->view.ringing_since && !leg->behaviour.push_token.empty())
            note_phone(*find(id), "wakes by push", t);
        ring(id, t);
    });
}

void carrier::push_arrives(const std::string& token, time_point now) {
    // Only for phones that there are: whoever pushes cannot make this grow.
    const auto mine = [&token](const phone& p) { return same_token(p.push_token, token); };
    for (const auto& [username, p] : phones_)
        if (mine(p)) pushed_[p.push_token] = now;
    for (const auto& [id, l] : legs_)
        if (l.initiated && l.view.alive() && !l.view.ringing_since && mine(l.behaviour) &&
            l.behaviour.does == phone::mode::offline && l.behaviour.wakes_after)
            wake(id, now + *l.behaviour.wakes_after);
}

void carrier::ring(const std::string& id, time_point now) {
    auto* l = find(id);
    if (!l || !l->view.alive() || l->view.ringing_since) return;
    l->view.ringing_since = now;
    note_phone(*l, "ringing", now);
    if (l->behaviour.does == phone::mode::ignore) return;
    if (l->behaviour.act_after == millis{0}) return act(id, now);
    after(now + l->behaviour.act_after, [this, id](time_point t) { act(id, t); });
}

void carrier::act(const std::string& id, time_point now) {
    auto* l = find(id);
    if (!l || !l->view.ringing()) return;
    if (l->behaviour.does == phone::mode::decline) {
        note_phone(*l, "declines", now);
        end_leg(
            *l, or_default(l->behaviour.hangup_cause, "user_busy"), "callee",
            or_default(l->behaviour.sip_code, "486"), now
        );
        return;
    }
    note_phone(*l, "answers", now);
    leg_answered(*l, now);
    if (l->view.alive()) after_answer(*l, now);
}

void carrier::after_answer(leg_state& l, time_point now) {
    const auto id = l.view.call_control_id;
    const auto does = l.behaviour.does;
    if (does != phone::mode::answer_then_hang_up && does != phone::mode::answer_then_drop) return;
    after(now + l.behaviour.then_after, [this, id](time_point t) {
        auto* leg = find(id);
        if (!leg || !leg->view.alive()) return;
        const bool drops = leg->behaviour.does == phone::mode::answer_then_drop;
        if (drops && !leg->view.bridged_with.empty()) return;
        note_phone(*leg, drops ? "lost" : "hangs_up", t);
        end_leg(
            *leg, or_default(leg->behaviour.hangup_cause, drops ? "timeout" : "normal_clearing"),
            drops ? "unknown" : "callee", or_default(leg->behaviour.sip_code, drops ? "408" : "200"), t
        );
    });
}

} // namespace z360::sim
