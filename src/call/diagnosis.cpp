// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The carrier tells of no ringing: a leg that is there until we take it back, or until its time is up, rang
// as far as anybody knows, unless it leads to a phone that no push has reached and that has said nothing. A
// SIP status says more than the cause beside it, which may be "normal_clearing" with any.
#include <z360/call/diagnosis.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace z360::call {
namespace {

int number_in(std::string_view text) {
    int n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    return error == std::errc{} && end == text.data() + text.size() ? n : 0;
}

std::optional<ring_result> by_status(int status) {
    switch (status) {
    case 404: // no registration
    case 410:
    case 604: return ring_result::not_registered;
    case 408:
    case 480: return ring_result::unreachable;
    case 486:
    case 600: return ring_result::busy;
    case 603:
    case 607: return ring_result::declined;
    case 487: return ring_result::rang; // taken back
    default: return status >= 300 ? std::optional(ring_result::invite_failed) : std::nullopt;
    }
}

std::optional<ring_result> by_cause(std::string_view cause) {
    if (cause == "timeout" || cause == "no_answer" || cause == "originator_cancel") return ring_result::rang;
    if (cause == "not_found") return ring_result::not_registered;
    if (cause == "user_busy") return ring_result::busy;
    if (cause == "call_rejected") return ring_result::declined;
    if (cause == "destination_unavailable") return ring_result::unreachable;
    return std::nullopt;
}

// Nobody of ours ended it.
ring_result by_its_end(const leg_facts& l) {
    const auto& cause = l.is.hangup_cause;
    if (cause == "timeout" || cause == "no_answer") return ring_result::rang; // whatever status goes with it
    if (const auto r = by_status(number_in(l.sip_cause))) return *r;
    return by_cause(cause).value_or(ring_result::invite_failed);
}

ring_result of_leg(const leg_facts& f, const device_facts& d, const ring_facts& r) {
    const auto& l = f.is;
    if (r.talked == d.id && (l.bridged || l.answered)) return ring_result::talked;
    if (l.answered) return ring_result::answered;
    if (l.declined) return ring_result::declined;
    if (l.withdrawn) return ring_result::withdrawn;
    if (l.awaits_turn()) return ring_result::not_its_turn;
    if (l.dial == dial_status::failed && l.release == release_reason::none)
        return f.dial_result == outcome::refused || f.dial_result == outcome::peer_gone
                   ? ring_result::dial_refused
                   : ring_result::dial_unsent;
    if (l.ended && l.release == release_reason::none) return by_its_end(f);
    if (l.dial != dial_status::accepted) return ring_result::dial_unsent;
    return r.over || l.release != release_reason::none ? ring_result::rang : ring_result::rings;
}

obstacle why_not(const device_facts& d, const ring_facts& r) {
    switch (d.left_out) {
    case kept_out::busy: return obstacle::busy;
    case kept_out::do_not_disturb: return obstacle::do_not_disturb;
    case kept_out::none: break;
    }
    if (d.registered_at > r.began) return obstacle::registered_later;
    const bool removed_later = d.removed_at && *d.removed_at > r.began;
    for (const auto o : d.today) {
        // What it was removed by afterwards says nothing of the time before.
        if (removed_later && o == obstacle::removed) continue;
        return o;
    }
    return obstacle::changed_since;
}

bool is_call(const push_facts& p) {
    return p.what == push::kind::incoming_call;
}

// The newest request to be rung; null: it did not ask.
const request_facts* asked_to_ring(const device_facts& d) {
    const auto asked = std::find_if(d.asks.rbegin(), d.asks.rend(), [](const request_facts& a) {
        return a.what == request_kind::ring;
    });
    return asked == d.asks.rend() ? nullptr : &*asked;
}

sleep_cause why_asleep(const device_facts& d, const ring_facts& r) {
    if (d.platform == "web") return sleep_cause::browser;
    if (const auto* asked = asked_to_ring(d))
        return asked->why == refusal::none ? sleep_cause::none : sleep_cause::not_let_in;
    if (!r.wakes_by_push) return sleep_cause::pushes_off;
    if (d.acknowledged || !d.receipts.empty()) return sleep_cause::stayed_out;
    const auto is = [&d](auto what) {
        return std::any_of(d.pushes.begin(), d.pushes.end(), [&what](const push_facts& p) {
            return is_call(p) && what(p);
        });
    };
    if (is([](const push_facts& p) { return p.over_at && p.result == outcome::done; }))
        return sleep_cause::not_received;
    if (is([](const push_facts& p) { return !p.over_at; })) return sleep_cause::push_pending;
    // A token that its provider calls dead is none from then on: its word says more.
    if (is([](const push_facts& p) { return p.by.has_value(); })) return sleep_cause::push_failed;
    if (!d.has_push_token) return sleep_cause::no_token;
    return is([](const push_facts&) { return true; }) ? sleep_cause::push_failed : sleep_cause::not_pushed;
}

// That the phone was awake, or was woken. A browser is not woken, and says nothing beside its answer: its
// page is open while it is registered.
bool shows_life(const device_facts& d) {
    if (d.platform == "web" || d.acknowledged || !d.receipts.empty() || !d.asks.empty()) return true;
    const auto& legs = d.legs;
    if (std::any_of(legs.begin(), legs.end(), [](const leg_facts& l) { return l.is.late != 0; })) return true;
    return std::any_of(d.pushes.begin(), d.pushes.end(), [](const push_facts& p) {
        return is_call(p) && p.over_at && p.result == outcome::done;
    });
}

// The newest push that came to nothing.
std::string push_word(const device_facts& d) {
    for (auto p = d.pushes.rbegin(); p != d.pushes.rend(); ++p)
        if (is_call(*p) && p->over_at && p->result != outcome::done)
            return p->code.empty() ? std::string(name(p->result)) : p->code;
    return {};
}

std::string word_of(const leg_facts& l, ring_result r) {
    switch (r) {
    case ring_result::dial_refused:
    case ring_result::dial_unsent:
        if (l.is.dial == dial_status::requested) return "pending";
        return l.dial_error.empty() ? std::string(name(l.dial_result)) : l.dial_error;
    case ring_result::busy:
    case ring_result::unreachable:
    case ring_result::not_registered:
    case ring_result::invite_failed: return number_in(l.sip_cause) >= 300 ? l.sip_cause : l.is.hangup_cause;
    case ring_result::talked:
    case ring_result::answered:
    case ring_result::declined:
    case ring_result::rings:
    case ring_result::rang:
    case ring_result::withdrawn:
    case ring_result::no_sign:
    case ring_result::not_its_turn:
    case ring_result::left_out: break;
    }
    return {};
}

} // namespace

bool has_rung(ring_result r) {
    switch (r) {
    case ring_result::talked:
    case ring_result::answered:
    case ring_result::declined:
    case ring_result::rings:
    case ring_result::rang: return true;
    case ring_result::withdrawn:
    case ring_result::busy:
    case ring_result::no_sign:
    case ring_result::unreachable:
    case ring_result::not_registered:
    case ring_result::invite_failed:
    case ring_result::dial_refused:
    case ring_result::dial_unsent:
    case ring_result::not_its_turn:
    case ring_result::left_out: break;
    }
    return false;
}

finding judge_device(const device_facts& d, const ring_facts& r) {
    finding f;
    for (std::size_t i = 0; i < d.legs.size(); ++i) {
        auto of = of_leg(d.legs[i], d, r);
        if ((of == ring_result::rings || of == ring_result::rang) && !shows_life(d))
            of = ring_result::no_sign;
        // They are in order of how much the device had of the call; of equals the newer one.
        if (f.leg && of > f.result) continue;
        f.result = of;
        f.leg = i;
    }
    if (!f.leg) {
        // Chosen, and no leg was made: the time was up when the call came to us.
        f.result = d.rung ? ring_result::dial_unsent : ring_result::left_out;
        if (!d.rung) f.why_left_out = why_not(d, r);
        return f;
    }
    f.detail = word_of(d.legs[*f.leg], f.result);
    if (f.result == ring_result::no_sign || f.result == ring_result::not_registered ||
        f.result == ring_result::unreachable) {
        f.asleep = why_asleep(d, r);
        if (f.asleep == sleep_cause::push_failed) f.detail = push_word(d);
        if (f.asleep == sleep_cause::not_let_in) f.detail = std::string(name(asked_to_ring(d)->why));
    }
    return f;
}

std::string_view name(obstacle o) {
    static constexpr std::array<std::string_view, k_obstacle_count> k_names{
        "none",
        "registered_later",
        "person_suspended",
        "no_member",
        "removed",
        "suspended",
        "other_organisation",
        "given_up",
        "pushes_only",
        "native_app",
        "silent",
        "no_identity",
        "identity_pending",
        "identity_expired",
        "identity_retired",
        "changed_since",
        "busy",
        "do_not_disturb"
    };
    return k_names.at(static_cast<std::size_t>(o));
}

std::string_view name(ring_result r) {
    static constexpr std::array<std::string_view, k_ring_result_count> k_names{
        "talked",        "answered",     "declined",    "rings",       "rang",
        "withdrawn",     "busy",         "no_sign",     "unreachable", "not_registered",
        "invite_failed", "dial_refused", "dial_unsent", "left_out",    "not_its_turn"
    };
    return k_names.at(static_cast<std::size_t>(r));
}

std::string_view name(sleep_cause c) {
    static constexpr std::array<std::string_view, k_sleep_cause_count> k_names{
        "none",         "pushes_off",  "browser",      "no_token",   "not_pushed",
        "push_pending", "push_failed", "not_received", "stayed_out", "not_let_in"
    };
    return k_names.at(static_cast<std::size_t>(c));
}

} // namespace z360::call
