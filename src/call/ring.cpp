// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "call/ring.hpp"

#include "call/join.hpp"
#include "call/leg.hpp"
#include "call/notice.hpp"
#include "call/waves.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace z360::call::rings {
namespace {

// Telnyx forgets a command_id after 60 s; a dial sent later would be a second phone call.
constexpr millis k_dial_window{55'000};
constexpr millis k_dial_margin{1'000};
constexpr std::uint64_t k_number = 0x6e756d6265720000; // no device has such an id
constexpr std::size_t k_most = 16;                     // rings of one call: more would be a fault of ours
constexpr millis k_hangup_wait{3'000}; // for the hang-up of a dropped winner when another one waits

// The carrier takes +E.164 only. A caller who shows no such number is shown as the number called; with
// bridge_intent the carrier replaces it by what the caller's leg carries anyway.
std::string presentable(const state& s) {
    const auto* from = std::get_if<e164>(&s.caller.to);
    return from != nullptr ? from->number : s.routed.number_e164;
}

// Whom it is for. What an agent may know of the caller it asks for (BE-27): the dial shows it our number.
void address(dial_body& b, const state& s, const leg& to) {
    if (const auto* device = to.goes_to()) {
        b.sip_username = device->sip_username;
    } else if (to.role == leg_role::agent) {
        b.agent = text_of(to.to);
        b.from = s.routed.number_e164;
        b.display_name.clear();
    } else {
        b.number = text_of(to.to);
    }
}

leg_id new_leg_id(const state& s, const target& to) {
    leg_id id{derive_uuid(s.id.value, static_cast<std::uint64_t>(to.device.value))};
    // Further legs of a device: it rings on two names while its identity is being replaced (CRED-01), or once
    // more because it asked.
    while (s.find(id) != nullptr)
        id = leg_id{derive_uuid(id.value, static_cast<std::uint64_t>(to.identity.value))};
    return id;
}

leg* waiting_answerer(state& s) {
    leg* best = nullptr;
    for (auto& l : s.legs) {
        if (!is_rung_now(s, l) || !l.alive() || !l.takes_call() || out_of_race(s, l.id) ||
            l.call_control_id.empty())
            continue;
        if (best == nullptr || l.answer_order < best->answer_order) best = &l;
    }
    return best;
}

// Who is claimed next: answered first, still there. The epoch moves only on proof (ADR 4): as long as a
// dropped winner may live it may yet be joined, or a record of its bridge may still turn up.
leg* next_answerer(state& s) {
    const bool in_doubt = std::any_of(s.legs.begin(), s.legs.end(), [&s](const auto& l) {
        return out_of_race(s, l.id) && !l.ended && !l.hung_up && l.dial != dial_status::failed;
    });
    return in_doubt ? nullptr : waiting_answerer(s);
}

void dial_who_was_let_in(state& s, effects& out, time_point now) {
    for (auto& l : s.legs)
        if (std::exchange(l.to_dial, false)) out.emplace_back(dial_command(s, l, now));
}

// Null: nobody is waited for any more, or somebody has the caller.
const ring* ringing(const state& s) {
    const auto* r = current_ring(s);
    return r != nullptr && r->over == ring_end::none && phase_of(s) == phase::ringing ? r : nullptr;
}

// There was somebody to ring, and nobody was.
bool waited_too_long(const state& s) {
    const bool number =
        s.routed.mobile.empty() && rings_anybody(s.routed); // the person's is dialed at any time
    return number || !s.routed.targets.empty();
}

// Nobody can answer: nobody is left, or nobody was there.
ring_end why_empty(const state& s) {
    const bool dialed =
        std::any_of(s.legs.begin(), s.legs.end(), [&s](const auto& l) { return is_rung_now(s, l); });
    if (dialed) return ring_end::no_device_left;
    return s.rings.size() == 1 && waited_too_long(s) ? ring_end::waited_too_long : ring_end::no_devices;
}

// What follows, if nobody answered, is for others to say.
bool settle(state& s, effects& out, const circumstances& c) {
    dial_who_was_let_in(s, out, c.now);
    const auto* r = ringing(s);
    if (r == nullptr) return false;
    if (auto* next = next_answerer(s)) {
        joins::claim(s, out, *next, c.now);
        return true;
    }
    auto why = ring_end::none;
    const bool late = c.may == authority::newest && c.now >= r->deadline;
    if (!legs::any_may_answer(s)) {
        if (!late && legs::ask_about_unsent(s, out)) return false; // one of them may ring, or talk (I21)
        const bool awaited = notices::awaited(s);
        if (awaited && !late) return false;
        why = awaited ? ring_end::nobody_answered : why_empty(s);
    } else if (late) {
        why = ring_end::nobody_answered;
    }
    if (why == ring_end::none) return false;
    legs::forget_answers(s);
    end(s, why, c.now);
    return true;
}

std::optional<time_point> deadline(const state& s) {
    const auto* r = ringing(s);
    return r != nullptr ? std::optional(r->deadline) : std::nullopt;
}

// I11: losers only die once the winner's bridge is confirmed (2xx or call.bridged). A 2xx alone confirms only
// what the newest copy claimed: on an old one it may be the polite refusal of a caller who is joined to
// another (I21).
bool keeps(const state& s, const leg& l, authority may) {
    if (!is_rung_now(s, l)) return false;
    const auto p = phase_of(s);
    if (p == phase::ringing || p == phase::answering) return !l.stopped;
    if (p != phase::bridging) return false;
    const auto* w = winner(s);
    return !(current_join(s)->accepted && may == authority::newest) && (w == nullptr || !w->bridged);
}

bool wants(const state& s, const effect& e) {
    const auto* cmd = carried(e);
    const auto* l = cmd != nullptr && cmd->leg ? s.find(*cmd->leg) : nullptr;
    return cmd != nullptr && cmd->what() == verb::dial && phase_of(s) == phase::ringing && l != nullptr &&
           l->alive() && l->dial != dial_status::accepted;
}

const char* broken(const state& s) {
    const bool undialed = std::any_of(s.legs.begin(), s.legs.end(), [](const auto& l) { return l.to_dial; });
    if (undialed) return "every_leg_is_dialed";
    if (s.rings.size() > k_most) return "rings_are_bounded";
    for (const auto& r : s.rings) {
        const bool open = r.over == ring_end::none;
        if (open && (&r != &s.rings.back() || over(s) || s.voicemail.step != voicemail_step::none))
            return "a_ring_ends_before_what_follows";
    }
    return nullptr;
}

} // namespace

const component k_component{nullptr, nullptr, settle, deadline, keeps, wants, broken};

command dial_command(const state& s, const leg& to, time_point now) {
    const auto until = std::min(current_ring(s)->deadline, to.until.value_or(current_ring(s)->deadline));
    const auto secs = std::chrono::ceil<std::chrono::seconds>(until - now).count();
    command c;
    c.id = to.id.text();
    c.call = s.id;
    c.org = s.routed.org;
    c.leg = to.id;
    c.issued_at = now;
    c.deadline = std::min(until - k_dial_margin, now + k_dial_window);
    c.body = dial_body{
        .leg = to.id,
        .from = presentable(s),
        .display_name = s.routed.caller_name,
        .link_to = s.caller.call_control_id,
        .timeout_secs = static_cast<int>(std::clamp<std::int64_t>(secs, 5, 600)),
        .org = s.routed.org,
        .call = s.id,
    };
    address(std::get<dial_body>(c.body), s, to);
    return c;
}

leg device_leg(const state& s, const target& to) {
    leg l;
    l.id = new_leg_id(s, to);
    l.to = to;
    l.ring = static_cast<std::uint32_t>(s.rings.size());
    return l;
}

leg number_leg(const state& s, e164 number, std::size_t ring, std::size_t place) {
    leg l;
    l.id = leg_id{derive_uuid(s.id.value, k_number + ring + place * (k_most + 1))};
    l.role = leg_role::peer;
    l.to = std::move(number);
    l.ring = static_cast<std::uint32_t>(ring);
    return l;
}

leg agent_leg(const state& s, sip_uri agent, std::size_t ring, std::size_t place) {
    auto l = number_leg(s, {}, ring, place);
    l.role = leg_role::agent;
    l.to = std::move(agent);
    return l;
}

void open(state& s, time_point now) {
    ring r;
    r.began = now;
    r.deadline = now + s.routed.rules.ring_time;
    s.rings.push_back(r);
}

void dial(state& s, effects& out, const std::vector<target>& whom, time_point now) {
    const auto before = s.legs.size();
    for (std::size_t i = 0; i < whom.size(); ++i) {
        // Which device is dialed first differs from call to call; the call id stands in for chance.
        const auto& to = whom[(i + s.id.value.lo) % whom.size()];
        if (has_leg_to(s, to.identity)) continue; // once, whatever the directory says
        s.legs.push_back(device_leg(s, to));
    }
    notices::wake(s, out, now); // phones sleep: the push goes before the dial, which does not wait for it
    for (auto i = before; i < s.legs.size(); ++i)
        out.emplace_back(dial_command(s, s.legs[i], now));
}

bool has_leg_to(const state& s, identity_id who) {
    return std::any_of(s.legs.begin(), s.legs.end(), [&](const auto& l) {
        return is_rung_now(s, l) && l.identity() == who;
    });
}

leg* number_met(state& s, const leg_id& id) {
    if (s.routed.mobile.empty()) return nullptr;
    for (std::size_t ring = 1; ring <= s.rings.size(); ++ring) {
        auto l = number_leg(s, e164{s.routed.mobile}, ring);
        if (l.id != id) continue;
        legs::doubt(l); // another copy of the call has dialed it, and may have joined it since (I21)
        return &s.legs.emplace_back(std::move(l));
    }
    return nullptr;
}

void dial_number(state& s, effects& out, e164 number, millis at_least, time_point now) {
    auto& r = *current_ring(s);
    r.deadline = std::max(r.deadline, now + at_least);
    s.legs.push_back(number_leg(s, std::move(number), s.rings.size()));
    out.emplace_back(dial_command(s, s.legs.back(), now));
}

void spare_number(state& s) {
    if (s.routed.mobile.empty() || s.rings.empty()) return;
    auto& l = s.legs.emplace_back(number_leg(s, e164{s.routed.mobile}, s.rings.size()));
    l.dial = dial_status::failed;
    l.withdrawn = true;
    legs::doubt(l); // another copy may have dialed it, and joined it since (I21)
}

void end(state& s, ring_end why, time_point now) {
    auto* r = current_ring(s);
    if (r == nullptr) return;
    r->over = why;
    r->over_at = now;
}

bool in_vain(const ring& r) {
    switch (r.over) {
    case ring_end::nobody_answered:
    case ring_end::no_device_left:
    case ring_end::no_devices:
    case ring_end::waited_too_long: return true;
    case ring_end::none:
    case ring_end::answered:
    case ring_end::call_over: return false;
    }
    return false;
}

bool may_dial(const state& s, time_point now) {
    const auto* r = current_ring(s);
    if (r == nullptr || phase_of(s) != phase::ringing) return false;
    // Whoever looks for the key makes the ring last; of a plan, nobody's turn begins in that time.
    const auto until =
        s.routed.plan.empty() ? r->deadline : std::min(r->deadline, r->began + s.routed.rules.ring_time);
    return now + k_dial_margin < until;
}

void let_in(state& s, const std::vector<target>& at, device_id device, time_point now) {
    const auto rung = [&s](identity_id who) {
        return std::any_of(s.legs.begin(), s.legs.end(), [who](const auto& l) {
            return l.identity() == who && l.alive();
        });
    };
    for (const auto& to : at) {
        if (to.device != device || rung(to.identity)) continue;
        auto l = device_leg(s, to);
        for (const auto& before : s.legs) { // it has the turn that it was given
            if (before.device() != device || !is_rung_now(s, before)) continue;
            l.wave = before.wave;
            l.due = before.due;
            l.until = before.until;
        }
        if (l.wave == 0) waves::give_turn(s, l, now);
        l.late = s.epoch + 1;
        l.to_dial = true;
        s.legs.push_back(std::move(l));
    }
}

void resume(state& s, time_point now) {
    auto* r = current_ring(s);
    // Too little time for anybody to pick up a phone: only who has answered already is still asked.
    if (r == nullptr || r->deadline - now >= s.routed.rules.resume_minimum) return;
    if (waiting_answerer(s) != nullptr && next_answerer(s) == nullptr)
        r->deadline = now + k_hangup_wait;
    else
        r->deadline = std::min(r->deadline, now);
}

} // namespace z360::call::rings
