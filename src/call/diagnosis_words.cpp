// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What people read of a diagnosis. The words of other systems (SIP, Telnyx, APNs, FCM) stand in it as they
// are: they are what one searches their documents for.
#include <z360/call/diagnosis.hpp>

#include <algorithm>
#include <iterator>

namespace z360::call {
namespace {

std::string worded(std::string_view word) {
    std::string out(word);
    std::replace(out.begin(), out.end(), '_', ' ');
    return out;
}

std::string_view provider_in_words(push::provider p) {
    switch (p) {
    case push::provider::apns: return "APNs";
    case push::provider::fcm: return "FCM";
    }
    return "?";
}

std::string push_in_words(const push_facts& p) {
    std::string out = "push";
    if (p.what != push::kind::incoming_call) out += " \"" + worded(name(p.what)) + "\"";
    if (p.round > 1) out += " (said again, " + std::to_string(p.round) + ")";
    return out;
}

std::string receipt_in_words(const receipt_facts& r) {
    if (r.state == "received") return "the phone says that the push came";
    if (r.state == "ready") return "the phone says that it is ready to be rung";
    if (r.state == "ringing") return "the phone says that it shows the call";
    if (r.state == "answering") return "the phone says that it answers";
    if (r.state == "dismissed") return "the phone says that it shows the call no more";
    return "the phone says: " + worded(r.state);
}

std::string tries(unsigned n) {
    return n > 1 ? ", " + std::to_string(n) + " attempts" : "";
}

std::string end_in_words(const push_facts& p) {
    const auto by = p.by ? " by " + std::string(provider_in_words(*p.by)) : std::string();
    if (p.result == outcome::done) return push_in_words(p) + " accepted" + by + tries(p.attempts);
    if (p.result == outcome::superseded) return push_in_words(p) + " not wanted any more" + tries(p.attempts);
    const std::string how = p.result == outcome::expired ? " not taken in time" : " refused";
    return push_in_words(p) + how + by + (p.code.empty() ? "" : ": " + p.code) + tries(p.attempts);
}

std::string_view meaning_of(std::string_view sip, std::string_view cause) {
    if (sip == "404" || sip == "410" || sip == "604" || (sip.empty() && cause == "not_found"))
        return "the phone was not registered";
    if (sip == "480" || sip == "408" || (sip.empty() && cause == "destination_unavailable"))
        return "the phone did not answer the carrier";
    if (sip == "486" || sip == "600" || (sip.empty() && cause == "user_busy"))
        return "busy, or its person pressed \"decline\"";
    if (sip == "603" || sip == "607" || (sip.empty() && cause == "call_rejected"))
        return "its person pressed \"decline\"";
    if (sip == "403" || sip == "401") return "the credential was refused";
    if (sip.starts_with('5') && sip.size() == 3) return "a server on the way failed";
    if (sip == "487" || cause == "originator_cancel") return "taken back";
    if (cause == "timeout" || cause == "no_answer") return "nobody picked up";
    return {};
}

bool is_refused(const leg_facts& l) {
    return l.is.ended && !l.is.answered && l.is.release == release_reason::none;
}

// An end that comes of our own hang-up is told as what it was for.
std::string let_go(const leg_facts& l) {
    return l.is.answered ? "hung up: " + worded(name(l.is.release)) : worded(name(l.is.release));
}

void add_leg(std::vector<device_step>& out, const leg_facts& l) {
    const auto& is = l.is;
    if (is.late != 0) out.push_back({l.let_in_at, "woke and was let in", false});
    if (l.dialed_at) out.push_back({l.dialed_at, is.late != 0 ? "INVITE again" : "INVITE", false});
    if (is.dial == dial_status::failed && !is.ended && is.release == release_reason::none)
        out.push_back(
            {l.ended_at,
             (l.dial_result == outcome::refused ? "Telnyx refused the dial" : "dial not carried out") +
                 (": " + (l.dial_error.empty() ? std::string(name(l.dial_result)) : l.dial_error)),
             true}
        );
    if (is.answered) out.push_back({l.answered_at, "answered", false});
    if (is.declined || is.withdrawn) return; // told by its request, or by the end
    if (is_refused(l))
        out.push_back({l.ended_at, "INVITE failed: " + cause_in_words(l.sip_cause, is.hangup_cause), true});
    else if (is.release != release_reason::none)
        out.push_back({l.released_at ? l.released_at : l.ended_at, let_go(l), false});
    else if (is.ended)
        out.push_back({l.ended_at, "hung up: " + cause_in_words(l.sip_cause, is.hangup_cause), false});
}

std::string asked(const request_facts& a) {
    const auto no = a.why == refusal::none ? "" : ", refused: " + worded(name(a.why));
    switch (a.what) {
    case request_kind::decline: return "declined" + no;
    case request_kind::answered: return "says that it has answered" + no;
    case request_kind::pause_recording: return "pauses the recording" + no;
    case request_kind::resume_recording: return "goes on recording" + no;
    case request_kind::give_up_media: return "has no sound, and ends the talk" + no;
    case request_kind::ring: break;
    }
    return "asks to be rung" + no;
}

// What is known without its time stays where it was put, behind its cause.
void in_order(std::vector<device_step>& steps) {
    std::vector<std::pair<std::optional<time_point>, std::size_t>> keys;
    std::optional<time_point> last;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (steps[i].at) last = steps[i].at;
        keys.emplace_back(last, i);
    }
    std::sort(keys.begin(), keys.end());
    std::vector<device_step> sorted;
    std::transform(keys.begin(), keys.end(), std::back_inserter(sorted), [&steps](const auto& k) {
        return std::move(steps[k.second]);
    });
    steps = std::move(sorted);
}

std::string_view left_out_in_words(obstacle o) {
    switch (o) {
    case obstacle::none: return "not rung";
    case obstacle::registered_later: return "not rung: it registered after the call had begun";
    case obstacle::person_suspended: return "not rung: its person is suspended";
    case obstacle::no_member: return "not rung: its person is no member of the number's organisation";
    case obstacle::removed: return "not rung: it is signed out or was removed";
    case obstacle::suspended: return "not rung: it is suspended";
    case obstacle::other_organisation: return "not rung: it serves another organisation only";
    case obstacle::given_up: return "not rung: the number's organisation has removed it for itself";
    case obstacle::pushes_only: return "not rung: it is registered for notifications, not for calls";
    case obstacle::native_app: return "not rung: the app on the same phone takes the calls";
    case obstacle::silent: return "not rung: no sign of life for longer than calls.device_life_ms";
    case obstacle::no_identity: return "not rung: it had no SIP identity";
    case obstacle::identity_pending: return "not rung: its SIP credential was still being made";
    case obstacle::identity_expired: return "not rung: its SIP credential had expired";
    case obstacle::identity_retired: return "not rung: its SIP credential had been taken back";
    case obstacle::busy: return "not rung: its person talked in another call";
    case obstacle::do_not_disturb: return "not rung: it, or its person, did not want to be disturbed";
    case obstacle::changed_since: return "not rung, and today it would be: its rows have changed since";
    }
    return "?";
}

std::string_view asleep_in_words(sleep_cause c) {
    switch (c) {
    case sleep_cause::none: return {};
    case sleep_cause::pushes_off: return "phones are not woken by push";
    case sleep_cause::browser: return "its page was closed";
    case sleep_cause::no_token: return "it has no push token";
    case sleep_cause::not_pushed: return "no push was sent to it";
    case sleep_cause::push_pending: return "the push is still being tried";
    case sleep_cause::push_failed: return "the push was not delivered";
    case sleep_cause::not_received: return "the push was accepted, the phone did not say that it came";
    case sleep_cause::stayed_out: return "the push came, the phone did not ask to be rung";
    case sleep_cause::not_let_in: return "the phone woke, asked to be rung and was refused";
    }
    return {};
}

std::string asleep(const finding& f) {
    const auto why = asleep_in_words(f.asleep);
    if (why.empty()) return {};
    const bool with_word = f.asleep == sleep_cause::push_failed || f.asleep == sleep_cause::not_let_in;
    return "; " + std::string(why) + (with_word && !f.detail.empty() ? ": " + worded(f.detail) : "");
}

std::string rang(const leg_facts& l) {
    return l.is.release == release_reason::none ? "rang, nobody picked up"
                                                : "rang until: " + worded(name(l.is.release));
}

std::string no_sign(const finding& f, const leg_facts* l) {
    const bool stands = l != nullptr && !l->is.ended && l->is.release == release_reason::none;
    auto why = asleep(f);
    if (!why.empty()) why.replace(0, 1, ":");
    return std::string("dialed, nothing shows that it ") + (stands ? "rings" : "rang") + why;
}

// What a SIP status or a hang-up cause says of a number, not of a phone of ours; empty: see there.
std::string_view meaning_for_number(std::string_view sip, std::string_view cause) {
    if (sip == "404" || sip == "410" || sip == "604" || (sip.empty() && cause == "not_found"))
        return "there is no such number";
    if (sip == "480" || sip == "408" || (sip.empty() && cause == "destination_unavailable"))
        return "switched off or out of reach";
    if (sip == "486" || sip == "600" || sip == "603" || (sip.empty() && cause == "user_busy")) return "busy";
    if (cause == "timeout" || cause == "no_answer" || sip == "487") return "nobody picked up";
    return {};
}

std::string cause_by(
    std::string_view sip, std::string_view cause,
    std::string_view (*meaning)(std::string_view, std::string_view)
) {
    const bool told = !sip.empty() && sip != "unspecified";
    std::string out(told ? sip : cause.empty() ? std::string_view("no cause is known") : cause);
    const auto means = meaning(told ? sip : std::string_view(), cause);
    if (!means.empty()) out += ", " + std::string(means);
    if (told && !cause.empty()) out += " (" + std::string(cause) + ")";
    return out;
}

std::string_view advice_left_out(obstacle o) {
    switch (o) {
    case obstacle::none:
    case obstacle::registered_later: return {};
    case obstacle::person_suspended: return "--create-user with --id makes them active again";
    case obstacle::no_member: return "--add-member, if they should have its calls";
    case obstacle::removed:
    case obstacle::given_up: return "sign in on it again";
    case obstacle::suspended: return "sign in on it again";
    case obstacle::other_organisation:
        return "sign in on it as its person, not by a token of one organisation";
    case obstacle::pushes_only:
        return "register it with what makes it ring; the old /device-tokens route does not";
    case obstacle::native_app: return "look at that phone's own device in this list";
    case obstacle::silent: return "open the app with a connection";
    case obstacle::no_identity:
    case obstacle::identity_pending:
        return "its row says why: last_error in sip_identities; see \"Credentials\" in docs/operations.md";
    case obstacle::identity_expired:
    case obstacle::identity_retired: return "open the app with a connection: it is given a new one";
    case obstacle::busy: return "second_call of the member, or of the organisation, says what rings then";
    case obstacle::do_not_disturb: return "its person ends that in the app";
    case obstacle::changed_since: return "the audit table has what was done to it, and when";
    }
    return {};
}

std::string_view advice_asleep(sleep_cause c, const device_facts& d) {
    switch (c) {
    case sleep_cause::none: return {};
    case sleep_cause::pushes_off: return "the app must be open to ring, until pushes are configured";
    case sleep_cause::browser: return "a browser rings while its page is open";
    case sleep_cause::no_token:
        return "allow notifications on it and open the app: it registers a token then";
    case sleep_cause::not_pushed: return "the call began before it could be pushed, or by an older program";
    case sleep_cause::push_pending: return "see the push_… figures: a provider may be away";
    case sleep_cause::push_failed:
        return "a dead token heals when the app is opened; what is ours is in the log";
    case sleep_cause::not_received:
        return d.platform == "ios"
                   ? "phone off or without network; or the app is uninstalled"
                   : "phone off or without network; or force-stopped, or battery saving holds it";
    case sleep_cause::stayed_out: return "the app was woken: its own log says why it did not ask in time";
    case sleep_cause::not_let_in: return "it woke too late, or the call was over: compare the times";
    }
    return {};
}

} // namespace

std::string cause_in_words(std::string_view sip, std::string_view cause) {
    return cause_by(sip, cause, meaning_of);
}

std::string number_in_words(const leg_facts& l, bool has_call) {
    const auto& is = l.is;
    const auto ended = is.hangup_cause.empty() ? "" : ", ended: " + is.hangup_cause;
    const bool agent = is.role == leg_role::agent;
    const char* took = agent ? "took the call" : "took the call by a key";
    if (has_call) return (is.bridged ? took : "takes the call") + ended;
    if (is.confirmed || (agent && is.answered)) return "wanted the call, and did not get it" + ended;
    if (is.answered) return "was answered, and nobody pressed 1" + ended;
    if (is.dial == dial_status::failed)
        return "could not be dialed: " +
               (l.dial_error.empty() ? std::string(name(l.dial_result)) : l.dial_error);
    if (is.release != release_reason::none)
        return "dialed, nobody answered until: " + worded(name(is.release));
    if (is.ended)
        return "dialed, nobody answered: " + cause_by(l.sip_cause, is.hangup_cause, meaning_for_number);
    return "dialed, nobody has answered yet";
}

std::vector<device_step> steps_of(const device_facts& d, const ring_facts& r) {
    std::vector<device_step> out;
    bool received = !d.acknowledged || !d.receipts.empty(); // those have their times
    for (const auto& p : d.pushes) {
        if (p.over_at)
            out.push_back(
                {p.over_at, end_in_words(p), p.result == outcome::refused || p.result == outcome::expired}
            );
        else
            out.push_back({p.asked_at, push_in_words(p) + " is being tried" + tries(p.attempts), false});
        if (received || p.result != outcome::done) continue;
        out.push_back({std::nullopt, "the phone says that the push came", false});
        received = true;
    }
    if (!received) out.push_back({r.began, "the phone says that a push came", false});
    for (const auto& x : d.receipts)
        out.push_back({x.at, receipt_in_words(x), false});
    for (const auto& l : d.legs)
        add_leg(out, l);
    for (const auto& a : d.asks)
        if (a.what != request_kind::ring || a.why != refusal::none)
            out.push_back({a.at, asked(a), a.why != refusal::none});
    in_order(out);
    return out;
}

std::string in_words(const finding& f, const device_facts& d) {
    const auto* l = f.leg && *f.leg < d.legs.size() ? &d.legs[*f.leg] : nullptr;
    const auto cause = [l] { return l != nullptr ? cause_in_words(l->sip_cause, l->is.hangup_cause) : ""; };
    switch (f.result) {
    case ring_result::talked: return "had the caller";
    case ring_result::answered: return "answered, and did not get the caller";
    case ring_result::declined: return "declined";
    case ring_result::rings: return "rings";
    case ring_result::rang: return l != nullptr ? rang(*l) : "rang";
    case ring_result::withdrawn: return "taken out while it rang: removed or suspended";
    case ring_result::busy:
        return "did not ring: " + cause() + (d.was_talking ? "; it was in another call" : "");
    case ring_result::no_sign: return no_sign(f, l);
    case ring_result::unreachable:
    case ring_result::not_registered: return "did not ring: " + cause() + asleep(f);
    case ring_result::invite_failed: return "did not ring: " + cause();
    case ring_result::dial_refused: return "did not ring: Telnyx refused the dial: " + f.detail;
    case ring_result::dial_unsent:
        return l == nullptr ? "did not ring: the call came to us when its time was up"
                            : "did not ring: its dial was not carried out" +
                                  (f.detail.empty() ? "" : ": " + worded(f.detail));
    case ring_result::left_out: return std::string(left_out_in_words(f.why_left_out));
    case ring_result::not_its_turn: return "did not ring: the ring was over before its turn in the plan";
    }
    return {};
}

std::string advice(const finding& f, const device_facts& d) {
    switch (f.result) {
    case ring_result::talked:
    case ring_result::answered:
    case ring_result::declined:
    case ring_result::rings:
    case ring_result::rang:
    case ring_result::withdrawn: return {};
    case ring_result::not_its_turn:
        return "give its person an earlier turn, or those before them a shorter one";
    case ring_result::busy: return "end the other call, or look for \"do not disturb\" on it";
    case ring_result::unreachable:
        if (f.asleep == sleep_cause::none) return {};
        return "it was registered and asleep: " + std::string(advice_asleep(f.asleep, d));
    case ring_result::no_sign:
    case ring_result::not_registered: return std::string(advice_asleep(f.asleep, d));
    case ring_result::invite_failed:
        return "the status is the carrier's or the network's: ask Telnyx with the session's id";
    case ring_result::dial_refused:
        return "look the code up at Telnyx; dial_failed in the timeline has its title";
    case ring_result::dial_unsent: return "Telnyx or this server was slow: see the outcome in the timeline";
    case ring_result::left_out: return std::string(advice_left_out(f.why_left_out));
    }
    return {};
}

} // namespace z360::call
