// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "call/notice.hpp"

#include "call/leg.hpp"
#include "call/ring.hpp"
#include "call/waves.hpp"

#include <z360/push/ladder.hpp>
#include <z360/push/message.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace z360::call::notices {
namespace {

// Nobody acknowledged it: said again that long after it was taken, and once more that long after that
// (MOB-07). Only by a provider that allows it.
constexpr std::array k_again_after{millis{1'000}, millis{2'000}};
// What is not about a ringing call is tried no longer than this, however long it may be shown.
constexpr millis k_tried_for{300'000};
constexpr std::uint32_t k_most_rounds = 1 + k_again_after.size();
// A browser has no push token, and rings as long as its page is open.
constexpr std::string_view k_no_push = "web";

bool may_be_told(const target& to) {
    return to.platform != k_no_push;
}

notice* find(state& s, device_id device) {
    const auto is = [device](const notice& n) { return n.device == device; };
    const auto found = std::find_if(s.notices.begin(), s.notices.end(), is);
    return found == s.notices.end() ? nullptr : &*found;
}

notice& of(state& s, device_id device) {
    if (auto* n = find(s, device)) return *n;
    s.notices.push_back({});
    s.notices.back().device = device;
    return s.notices.back();
}

bool rings_on(const state& s, const notice& n) {
    const auto* r = current_ring(s);
    return r != nullptr && n.ring == s.rings.size() && r->over == ring_end::none &&
           phase_of(s) == phase::ringing;
}

// ---- what the device's legs say

bool any_leg(const state& s, device_id device, bool (*is)(const state&, const leg&)) {
    return std::any_of(s.legs.begin(), s.legs.end(), [&](const leg& l) {
        return l.device() == device && is(s, l);
    });
}

bool dismissed(const state&, const leg& l) {
    return legs::dismissed(l);
}
bool withdrawn(const state&, const leg& l) {
    return l.withdrawn;
}
bool stopped(const state&, const leg& l) {
    return l.stopped;
}
bool awaits_turn(const state&, const leg& l) {
    return l.awaits_turn();
}
bool answered(const state&, const leg& l) {
    return l.answered;
}
bool dropped(const state& s, const leg& l) {
    return out_of_race(s, l.id);
}
bool was_let_in(const state& s, const leg& l) {
    return is_rung_now(s, l) && l.late == s.epoch + 1;
}
bool rings_there(const state&, const leg& l) {
    return l.alive() && !l.awaits_turn();
}
bool has_the_caller(const state& s, const leg& l) {
    return is_winner(s, l.id);
}

// Nothing is to be said there but that it is over.
bool is_done_with(const state& s, device_id device) {
    return any_leg(s, device, dismissed) || any_leg(s, device, withdrawn) || any_leg(s, device, stopped);
}

// From when until when the device rings.
struct span {
    time_point began, until;
};
span span_of(const state& s, const notice& n) {
    const auto& r = s.rings[n.ring - 1];
    span out{r.began, r.deadline};
    for (const auto& l : s.legs) {
        if (l.device() != n.device || l.ring != n.ring || l.wave == 0 || l.awaits_turn()) continue;
        out.began = l.due.value_or(out.began);
        out.until = std::min(out.until, l.until.value_or(out.until));
    }
    return out;
}

user_id person_at(const state& s, device_id device) {
    for (const auto& l : s.legs)
        if (l.device() == device) return person_of(s.routed, *l.goes_to());
    for (const auto& to : s.routed.targets)
        if (to.device == device) return person_of(s.routed, to);
    return s.routed.user;
}

// ---- facts

void absorb(state& s, const event& what, time_point) {
    if (const auto* e = std::get_if<push_received>(&what))
        if (auto* n = find(s, e->device)) {
            n->acknowledged = true;
            n->ready = n->ready || e->ready;
        }
    const auto* o = std::get_if<push_outcome>(&what);
    if (o == nullptr || o->what != push::kind::incoming_call) return;
    auto* n = find(s, o->device);
    if (n == nullptr || n->ring != o->ring) return;
    n->known = true;
    n->sent = n->sent || o->sent;
    n->repeatable = n->repeatable || (o->result == outcome::done && o->by && push::may_repeat(*o->by));
}

void narrate(const state&, const event& what, const state&, effects& out) {
    const auto* o = std::get_if<push_outcome>(&what);
    if (o == nullptr) return;
    std::string detail = "device=" + std::to_string(o->device.value) + " what=" + std::string(name(o->what));
    if (o->by) detail += " by=" + std::string(name(*o->by));
    if (o->result == outcome::done) {
        add_note(out, remark::push_accepted, detail);
    } else {
        detail += " outcome=" + std::string(name(o->result));
        if (!o->code.empty()) detail += " code=" + o->code;
        add_note(out, remark::push_failed, detail);
    }
}

// ---- decisions

effect said(const state& s, const notice& n, push::kind what, time_point now) {
    push_notice p;
    p.call = s.id;
    p.org = s.routed.org;
    p.user = person_at(s, n.device);
    p.device = n.device;
    p.what = what;
    p.ring = n.ring;
    p.began = now;
    p.session = s.origin.call_session_id;
    p.caller_control_id = s.caller.call_control_id;
    p.caller_number = text_of(s.caller.to);
    p.caller_name = s.routed.caller_name;
    p.number = s.routed.number_e164;
    effect e;
    e.id = caller_id(s, "push") + "-" + std::to_string(n.device.value) + "-" + std::string(name(what)) + "-" +
           std::to_string(n.ring);
    e.issued_at = now;
    e.deadline = now + std::min(push::lifetime(what), k_tried_for);
    e.body = std::move(p);
    return e;
}

void say_call(const state& s, effects& out, notice& n, time_point now) {
    const auto when = span_of(s, n);
    ++n.rounds;
    n.known = false;
    auto e = said(s, n, push::kind::incoming_call, now);
    auto& p = std::get<push_notice>(e.body);
    p.round = n.rounds;
    p.began = when.began;
    p.ring_until = when.until;
    e.deadline = when.until;
    if (n.rounds > 1) e.id += "-" + std::to_string(n.rounds);
    out.emplace_back(std::move(e));
}

void repeat(const state& s, effects& out, notice& n, time_point now) {
    if (!n.repeatable || n.acknowledged || n.rounds >= k_most_rounds || !rings_on(s, n) ||
        any_leg(s, n.device, dismissed) || any_leg(s, n.device, stopped)) {
        n.again_at.reset();
        return;
    }
    if (!n.again_at) n.again_at = now + k_again_after.at(n.rounds - 1);
    // Who is woken that late does not come in time.
    const auto when = span_of(s, n);
    const auto last = push::limits_of(push::kind::incoming_call, when.began, when.until).last_try;
    if (std::max(now, *n.again_at) > last) {
        n.again_at.reset();
        return;
    }
    if (now < *n.again_at) return;
    say_call(s, out, n, now);
    n.again_at.reset();
    if (n.rounds == k_most_rounds) return;
    const auto next = now + k_again_after.at(n.rounds - 1);
    if (next <= last) n.again_at = next;
}

// It was awake before its leg was known to have failed: it asked in time, and need not ask again. Once, as
// whoever asks.
bool let_in_who_is_ready(state& s, effects& out, const notice& n, time_point now) {
    if (!n.ready || !rings_on(s, n) || any_leg(s, n.device, rings_there) || is_done_with(s, n.device) ||
        any_leg(s, n.device, dropped) || any_leg(s, n.device, was_let_in))
        return false;
    std::vector<target> at;
    for (const auto& l : s.legs)
        if (l.device() == n.device && is_rung_now(s, l)) at.push_back(*l.goes_to());
    rings::let_in(s, at, n.device, now);
    if (!at.empty()) add_note(out, remark::device_joins_ring, "leg=" + s.legs.back().id.text());
    return !at.empty();
}

push::ended_reason reason_of(release_reason r) {
    switch (r) {
    case release_reason::none: return push::ended_reason::none;
    case release_reason::answered_elsewhere: return push::ended_reason::answered_elsewhere;
    case release_reason::caller_gone: return push::ended_reason::caller_gone;
    case release_reason::ring_timeout: return push::ended_reason::ring_timeout;
    case release_reason::bridge_failed: return push::ended_reason::bridge_failed;
    case release_reason::call_over: return push::ended_reason::call_over;
    case release_reason::device_removed: return push::ended_reason::device_removed;
    }
    return push::ended_reason::none;
}

// None: it rings on, it has the caller, or its person knows.
push::ended_reason why_over(const state& s, const notice& n) {
    if (any_leg(s, n.device, has_the_caller) || any_leg(s, n.device, dismissed)) return {};
    if (any_leg(s, n.device, withdrawn)) return push::ended_reason::device_removed;
    if (any_leg(s, n.device, rings_there)) return {};
    const auto ring_over = s.rings[n.ring - 1].over != ring_end::none || over(s);
    for (const auto& l : s.legs) {
        if (l.device() != n.device || l.ring != n.ring) continue;
        if (l.release != release_reason::none) return reason_of(l.release);
        if (ring_over) return reason_of(legs::why_released(s, l));
    }
    return {};
}

void say_end(const state& s, effects& out, notice& n, time_point now) {
    if (n.ended || !n.sent || n.ring == 0) return;
    const auto why = why_over(s, n);
    if (why == push::ended_reason::none) return;
    n.ended = true;
    auto e = said(s, n, push::kind::call_ended, now);
    auto& p = std::get<push_notice>(e.body);
    p.why = why;
    if (const auto* w = winner(s); w != nullptr && why == push::ended_reason::answered_elsewhere)
        p.winner = w->device();
    out.emplace_back(std::move(e));
}

// Nobody of ours talked to them.
push::ended_reason why_missed(const state& s) {
    if (bridged_at(s) || s.rings.empty()) return push::ended_reason::none;
    switch (phase_of(s)) {
    case phase::voicemail: return push::ended_reason::ring_timeout;
    case phase::ended: break;
    case phase::ringing:
    case phase::answering:
    case phase::bridging:
    case phase::active:
    case phase::on_hold:
    case phase::remote_hold:
    case phase::reconnecting: return push::ended_reason::none;
    }
    switch (s.reason) {
    case end_reason::caller_cancelled: return push::ended_reason::caller_gone;
    case end_reason::voicemail: return push::ended_reason::ring_timeout;
    case end_reason::failed: return push::ended_reason::bridge_failed;
    case end_reason::none:
    case end_reason::completed:
    case end_reason::rejected:
    case end_reason::busy:
    case end_reason::no_answer:
    case end_reason::no_media: break;
    }
    return push::ended_reason::none;
}

// Also to those that could not be rung in time, or were busy: the person missed a call. Who did not want to
// be disturbed finds it in their list.
std::vector<target> who_missed(const state& s) {
    auto out = s.routed.targets;
    for (const auto& to : s.routed.left_out)
        if (to.left_out == kept_out::busy && waves::has_begun(s, person_of(s.routed, to))) out.push_back(to);
    return out;
}

void say_missed(state& s, effects& out, time_point now) {
    const auto why = why_missed(s);
    if (why == push::ended_reason::none) return;
    for (const auto& to : who_missed(s)) {
        if (!may_be_told(to) || any_leg(s, to.device, dismissed) || any_leg(s, to.device, withdrawn) ||
            any_leg(s, to.device, answered) || any_leg(s, to.device, awaits_turn))
            continue;
        auto& n = of(s, to.device);
        if (std::exchange(n.missed, true)) continue;
        auto e = said(s, n, push::kind::missed_call, now);
        std::get<push_notice>(e.body).why = why;
        out.emplace_back(std::move(e));
    }
}

// The last one: whom nobody keeps has been let go by then.
bool settle(state& s, effects& out, const circumstances& c) {
    if (!s.routed.rules.wake_by_push) return false;
    bool moved = false;
    for (auto& n : s.notices) {
        repeat(s, out, n, c.now);
        if (rings::may_dial(s, c.now)) moved = let_in_who_is_ready(s, out, n, c.now) || moved;
        say_end(s, out, n, c.now);
    }
    say_missed(s, out, c.now);
    return moved;
}

std::optional<time_point> deadline(const state& s) {
    std::optional<time_point> first;
    for (const auto& n : s.notices)
        if (n.again_at && (!first || *n.again_at < *first)) first = n.again_at;
    return first;
}

bool wants(const state& s, const effect& e) {
    const auto* p = std::get_if<push_notice>(&e.body);
    if (p == nullptr) return false;
    if (p->what != push::kind::incoming_call) return true; // what it tells does not change
    const auto is = [p](const notice& n) { return n.device == p->device && n.ring == p->ring; };
    const auto n = std::find_if(s.notices.begin(), s.notices.end(), is);
    return n != s.notices.end() && rings_on(s, *n) && !n->acknowledged && !is_done_with(s, p->device);
}

const char* broken(const state& s) {
    for (const auto& n : s.notices) {
        const auto same = [&n](const notice& o) { return o.device == n.device; };
        if (std::count_if(s.notices.begin(), s.notices.end(), same) != 1) return "one_notice_for_each_device";
        if (n.ring > s.rings.size() || n.rounds > k_most_rounds) return "a_notice_is_of_a_ring";
        if (n.ended && !n.sent) return "the_end_is_told_to_who_was_woken";
    }
    return nullptr;
}

} // namespace

const component k_component{absorb, narrate, settle, deadline, nullptr, wants, broken};

void wake(state& s, effects& out, time_point now) {
    if (!s.routed.rules.wake_by_push) return;
    const auto ring = static_cast<std::uint32_t>(s.rings.size());
    for (const auto& l : s.legs) {
        const auto* to = l.goes_to();
        if (to == nullptr || l.ring != ring || l.awaits_turn() || !may_be_told(*to)) continue;
        auto& n = of(s, to->device);
        if (n.ring == ring) continue;
        const bool missed = n.missed;
        n = {};
        n.device = to->device;
        n.ring = ring;
        n.missed = missed;
        say_call(s, out, n, now);
    }
}

bool is_woken(const state& s, device_id device) {
    return std::any_of(s.notices.begin(), s.notices.end(), [&](const notice& n) {
        return n.device == device && rings_on(s, n);
    });
}

bool awaited(const state& s) {
    return std::any_of(s.notices.begin(), s.notices.end(), [&s](const notice& n) {
        return rings_on(s, n) && (n.sent || !n.known) && !is_done_with(s, n.device) &&
               !any_leg(s, n.device, was_let_in) && !any_leg(s, n.device, dropped);
    });
}

} // namespace z360::call::notices
