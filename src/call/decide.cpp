// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One step of a call, in two halves. absorb() writes down what the event proves; facts only accumulate, so
// any order and any repetition of events adds up to the same facts. settle() then looks at the facts alone
// and does what they call for. Nothing else may change a call.
#include "call/settle.hpp"

#include <z360/base/overloaded.hpp>
#include <z360/call/decide.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace z360::call {
namespace {

constexpr std::uint32_t k_unanswered = UINT32_MAX; // a question that failed

// Telnyx forgets a command_id after 60 s; a dial sent later would be a second phone call.
constexpr millis k_dial_window{55'000};
constexpr millis k_dial_margin{1'000};
constexpr millis k_accepted_grace{1'000}; // from the carrier's 2xx until the bridge is on its record

std::string error_of(const command_outcome& e) {
    return "code=" + e.error_code + (e.error_title.empty() ? "" : " title=\"" + e.error_title + "\"");
}

class absorber {
  public:
    absorber(state& s, std::vector<effect>& out, time_point now) : s_(s), out_(out), now_(now) {}

    void operator()(const incoming&) {} // the call exists already: a repeated call.initiated
    void operator()(const tick&) {
        for (auto& l : s_.legs) // the carrier could not be asked: again
            if (l.asked == k_unanswered) l.asked = 0;
    }

    void operator()(const leg_initiated& e) {
        if (auto* leg = meet(e.who)) leg->initiated = true;
    }

    void operator()(const leg_answered& e) {
        if (is_caller(e.who)) {
            s_.caller.answered = true;
            return;
        }
        auto* leg = meet(e.who);
        if (leg == nullptr || leg->answered) return; // a repeated answer of the winner means nothing (BE-25)
        leg->answered = true;
        leg->answer_order = ++s_.answers;
        add_note("device_answered", "leg=" + leg->id.text());
    }

    void operator()(const leg_bridged& e) {
        if (is_caller(e.who)) {
            s_.caller.bridged = true;
            s_.caller.answered = true; // a bridged leg is an answered one, even if that event was lost
            return;
        }
        auto* leg = meet(e.who);
        if (leg == nullptr) return;
        leg->bridged = true;
        if (!leg->answered) {
            leg->answered = true;
            leg->answer_order = ++s_.answers;
        }
    }

    void operator()(const leg_hangup& e) {
        if (is_caller(e.who)) {
            if (!s_.caller.ended) add_note("caller_hung_up", "cause=" + e.cause);
            s_.caller.ended = true;
            if (s_.caller.hangup_cause.empty()) s_.caller.hangup_cause = e.cause;
            return;
        }
        auto* leg = meet(e.who, true);
        // A command may have found the leg gone before this event; only the event knows why (BE-41).
        if (leg == nullptr || (leg->ended && (e.cause.empty() || !leg->hangup_cause.empty()))) return;
        leg->ended = true;
        leg->hangup_cause = e.cause;
        add_note("device_leg_ended", "leg=" + leg->id.text() + " cause=" + e.cause);
    }

    void operator()(const ring_withdrawn& e) {
        for (auto& leg : s_.legs) {
            if (!leg.alive() || leg.bridged || s_.bridge.winner == leg.id) continue;
            if (std::find(e.devices.begin(), e.devices.end(), leg.to.device) == e.devices.end()) continue;
            leg.release = release_reason::device_removed; // the sweep hangs it up
            add_note("device_withdrawn", "leg=" + leg.id.text());
        }
    }

    void operator()(const carrier_told& e) {
        for (auto& l : s_.legs) {
            if (l.asked == 0 || e.round < l.asked || e.round > s_.asked) continue;
            l.cleared = l.cleared || e.answered;
            if (!e.answered) l.asked = k_unanswered;
        }
        const auto proof = s_.bridge.proof_round;
        if (!e.answered || s_.now_in != phase::bridging || proof == 0) return;
        if (e.round >= proof && e.round <= s_.asked) settle::heed_record(s_, out_, now_);
    }

    void operator()(const leg_hold& e) {
        // Ordered by when it happened, not by when it arrived. Only a joined device holds, and only one is
        // ever joined: its hold may be heard of before its bridge, or even its answer.
        auto& mark = is_caller(e.who) ? s_.caller_hold : s_.device_hold;
        if (!is_caller(e.who)) {
            const auto* leg = meet(e.who);
            if (leg == nullptr || leg->out_of_race) return;
        }
        if (e.at > mark.at) mark = {e.held, e.at};
    }

    void operator()(const prompt_ended& e) {
        if (!is_caller(e.who)) return;
        // Speeches are heard one after the other and each reports its end once, late as that may come: it is
        // the newest one's only when those before it are over. A lost one leaves it to the watchdog.
        if (e.spoken && ++s_.spoken_over < s_.spoken) return;
        if (s_.now_in == phase::voicemail) {
            if (e.spoken && s_.vm == voicemail_step::greeting && !e.listener_left)
                settle::start_recording(s_, out_, now_);
            return;
        }
        if (!s_.prompt_playing || e.spoken != s_.routed.rules.ringback_url.empty()) return;
        s_.prompt_playing = false;
        s_.step_limit.reset();
    }

    void operator()(const recording_saved& e) {
        if (!s_.saved.id.empty() && s_.saved.id == e.recording_id) return;
        s_.saved = {e.recording_id, e.url};
        add_note("recording_saved", "recording=" + e.recording_id);
        message_over(e.who);
    }
    void operator()(const recording_failed& e) {
        add_note("recording_failed", "reason=" + e.reason);
        message_over(e.who);
    }

    void operator()(const command_outcome& e) {
        switch (e.what) {
        case verb::dial: dial_outcome(e); return;
        case verb::answer: answer_outcome(e); return;
        case verb::bridge: bridge_outcome(e); return;
        case verb::hangup:
        case verb::reject: gone_outcome(e); return;
        case verb::speak:
        case verb::playback_start:
        case verb::playback_stop:
        case verb::record_start: prompt_outcome(e); return;
        }
    }

  private:
    bool is_caller(const leg_ref& who) const {
        return !who.leg && !who.call_control_id.empty() && who.call_control_id == s_.caller.call_control_id;
    }

    // The longest message is reached, or nothing is recorded: whoever still holds the line hears nothing
    // more.
    // (A bridge is recorded on the device's leg.) Heard of early, it is remembered for the step.
    void message_over(const leg_ref& who) {
        if (!is_caller(who)) return;
        s_.vm_recorded = true;
        if (s_.now_in == phase::voicemail && s_.vm == voicemail_step::recording) s_.vm = voicemail_step::done;
    }

    // Finds the device leg and learns its control id on the way (D3: whichever tells it first).
    device_leg* meet(const leg_ref& who, bool dead = false) {
        device_leg* leg = nullptr;
        if (who.leg) leg = s_.find(*who.leg);
        if (leg == nullptr && !who.call_control_id.empty()) {
            for (auto& l : s_.legs)
                if (l.call_control_id == who.call_control_id) leg = &l;
        }
        if (leg == nullptr) return nullptr;
        if (who.call_control_id.empty()) return leg;
        if (leg->call_control_id.empty()) {
            leg->call_control_id = who.call_control_id;
            leg->dial = dial_status::accepted; // also after the dial was given up: the carrier knows better
        } else if (leg->call_control_id != who.call_control_id) {
            return twin(*leg, who.call_control_id, dead);
        }
        return leg;
    }

    // The carrier has two calls for one dial. The first one is the leg; the other must not ring.
    device_leg* twin(const device_leg& leg, const std::string& control_id, bool dead) {
        constexpr std::size_t k_most = 16; // more would be an attack or a fault of ours, not a retry
        if (s_.twins.size() >= k_most ||
            std::find(s_.twins.begin(), s_.twins.end(), control_id) != s_.twins.end())
            return nullptr;
        s_.twins.push_back(control_id);
        add_note("twin_leg", "leg=" + leg.id.text());
        if (dead) return nullptr;
        const std::string id = leg.id.text() + "-hangup-twin-" + std::to_string(s_.twins.size());
        out_.emplace_back(settle::hangup_command(id, control_id, leg.id, release_reason::call_over, now_));
        return nullptr;
    }

    void dial_outcome(const command_outcome& e) {
        if (!e.who.leg) return;
        auto* leg = meet(e.who);
        if (leg == nullptr) return;
        leg->expired = leg->expired || e.result == outcome::expired;
        if (leg->dial == dial_status::accepted) return;
        if (e.result == outcome::done) return; // 2xx without a control id: a webhook will tell
        leg->dial = dial_status::failed;
        add_note(
            "dial_failed",
            "leg=" + leg->id.text() + " outcome=" + std::string(name(e.result)) + " " + error_of(e)
        );
    }

    void answer_outcome(const command_outcome& e) {
        switch (e.result) {
        case outcome::done: s_.caller.answered = true; return;
        case outcome::peer_gone: s_.caller.ended = true; return;
        case outcome::refused:
        case outcome::expired:
            add_note("answer_failed", "outcome=" + std::string(name(e.result)) + " " + error_of(e));
            return;
        case outcome::superseded: return;
        }
    }

    void bridge_outcome(const command_outcome& e) {
        const bool current = s_.bridge.winner && e.command_id == settle::bridge_command_id(s_);
        switch (e.result) {
        case outcome::done:
            if (current && !std::exchange(s_.bridge.accepted, true)) quiet_soon(k_accepted_grace);
            return;
        case outcome::peer_gone:
            // Proof that this winner cannot be joined. The leg itself is still hung up: it may have been the
            // caller's leg that the carrier meant.
            if (current && s_.now_in == phase::bridging) {
                if (auto* leg = s_.find(*s_.bridge.winner)) leg->hung_up = true;
                settle::drop_winner(s_, out_, "peer_gone", now_);
            }
            return;
        case outcome::refused:
            if (current) {
                if (!std::exchange(s_.bridge.refused, true)) {
                    quiet_soon(settle::k_refused_grace);
                    if (s_.bridge.limit) s_.bridge.limit = std::min(*s_.bridge.limit, *s_.bridge.quiet_from);
                }
                add_note("bridge_refused", error_of(e));
            }
            return;
        case outcome::expired:
            if (current) add_note("bridge_expired", error_of(e));
            return;
        case outcome::superseded: return;
        }
    }

    // The carrier has decided about the bridge: whatever it made of it is on record `wait` later.
    void quiet_soon(millis wait) {
        auto& quiet = s_.bridge.quiet_from;
        quiet = quiet ? std::min(*quiet, now_ + wait) : now_ + wait;
    }

    void gone_outcome(const command_outcome& e) {
        if (e.result != outcome::peer_gone && e.result != outcome::done) return;
        const bool gone = e.result == outcome::peer_gone; // done: the call.hangup event follows
        if (!e.who.leg) {
            s_.caller.ended = s_.caller.ended || gone;
        } else if (auto* leg = s_.find(*e.who.leg);
                   leg != nullptr && leg->call_control_id == e.who.call_control_id) {
            leg->ended = leg->ended || gone;
            leg->hung_up = true;
        }
    }

    void prompt_outcome(const command_outcome& e) {
        if (e.result == outcome::done || e.result == outcome::superseded) return;
        if (e.result == outcome::peer_gone) {
            s_.caller.ended = true;
            return;
        }
        add_note(
            std::string(name(e.what)) + "_failed",
            "outcome=" + std::string(name(e.result)) + " " + error_of(e)
        );
        if (e.command_id.empty() || e.command_id != settle::prompt_command_id(s_)) return;
        if (e.what == verb::playback_start) { // no ringback to be had: speak instead
            s_.routed.rules.ringback_url.clear();
            s_.prompt_playing = false;
            return;
        }
        if (e.what == verb::speak && e.result == outcome::refused) ++s_.spoken_over; // never to be heard
        // Nothing is coming: the message is over, or the watchdog of the step moves on sooner.
        if (e.what == verb::record_start)
            s_.vm = voicemail_step::done;
        else if (s_.step_limit)
            s_.step_limit = now_;
    }

    void add_note(std::string what, std::string detail) {
        out_.emplace_back(note{std::move(what), std::move(detail)});
    }

    state& s_;
    std::vector<effect>& out_;
    time_point now_;
};

// The carrier takes +E.164 only. A caller who shows no such number is shown as the number called; with
// bridge_intent the carrier replaces it by what the caller's leg carries anyway.
std::string presentable(const state& s) {
    const auto& from = s.caller.number;
    const bool e164 = from.size() >= 8 && from.size() <= 16 && from[0] == '+' &&
                      std::all_of(from.begin() + 1, from.end(), [](char c) { return c >= '0' && c <= '9'; });
    return e164 ? from : s.routed.number_e164;
}

command dial_command(const state& s, const device_leg& leg, time_point now) {
    const auto secs = std::chrono::duration_cast<std::chrono::seconds>(s.routed.rules.ring_time).count();
    dial_body body{
        .leg = leg.id,
        .sip_username = leg.to.sip_username,
        .from = presentable(s),
        .display_name = s.routed.caller_name,
        .link_to = s.caller.call_control_id,
        .timeout_secs = static_cast<int>(std::clamp<std::int64_t>(secs, 5, 600)),
        .org = s.routed.org,
        .call = s.id,
    };
    command c;
    c.id = leg.id.text();
    c.leg = leg.id;
    c.issued_at = now;
    c.deadline = std::min(s.ring_deadline - k_dial_margin, now + k_dial_window);
    c.body = std::move(body);
    return c;
}

} // namespace

decision begin(const incoming& what, time_point now) {
    decision d;
    auto& s = d.next;
    s.id = what.id;
    s.routed = what.routed;
    s.caller.call_control_id = what.call_control_id;
    s.caller.call_session_id = what.call_session_id;
    s.caller.number = what.from;
    s.caller.number_sent = what.from_sent;
    s.caller.dialed_sent = what.to_sent;
    s.began = now;
    s.ring_deadline = now + s.routed.rules.ring_time;
    if (s.routed.verdict == route_verdict::unknown_number) {
        d.effects.emplace_back(note{"number_refused", "unknown, malformed or ambiguous"});
        settle::end(s, d.effects, end_reason::rejected, now);
        settle::run(s, d.effects, now, authority::newest);
        return d;
    }
    d.effects.emplace_back(note{"call_began", "devices=" + std::to_string(s.routed.targets.size())});
    const auto waited = now - what.waiting_since.value_or(now);
    if (waited >= s.routed.rules.ring_time) {
        d.effects.emplace_back(note{"waited_too_long", "ms=" + std::to_string(waited.count())});
        settle::run(s, d.effects, now, authority::newest);
        return d;
    }
    const auto n = s.routed.targets.size();
    for (std::size_t i = 0; i < n; ++i) {
        // Which device is dialed first differs from call to call; the call id stands in for chance.
        const auto& to = s.routed.targets[(i + s.id.value.lo) % n];
        device_leg leg;
        leg.id = leg_id{derive_uuid(s.id.value, static_cast<std::uint64_t>(to.device.value))};
        leg.to = to;
        // A device whose identity is being replaced rings on both names (CRED-01): it is registered under
        // one.
        if (s.find(leg.id) != nullptr)
            leg.id = leg_id{derive_uuid(leg.id.value, static_cast<std::uint64_t>(to.identity.value))};
        if (s.find(leg.id) != nullptr || s.rings(to.identity)) continue; // once, whatever the directory says
        d.effects.emplace_back(dial_command(s, leg, now));
        s.legs.push_back(std::move(leg));
    }
    settle::run(s, d.effects, now, authority::newest);
    return d;
}

decision decide(const state& call, const event& what, time_point now, authority may) {
    decision d;
    d.next = call;
    std::visit(absorber(d.next, d.effects, now), what);
    settle::run(d.next, d.effects, now, may);
    return d;
}

std::optional<time_point> deadline(const state& s) {
    switch (s.now_in) {
    case phase::ringing: return s.step_limit ? std::min(*s.step_limit, s.ring_deadline) : s.ring_deadline;
    case phase::answering:
    case phase::bridging: return s.bridge.limit;
    case phase::voicemail: return s.step_limit;
    case phase::active:
    case phase::on_hold:
    case phase::remote_hold:
    case phase::reconnecting:
    case phase::ended: return std::nullopt;
    }
    return std::nullopt;
}

bool wanted(const state& s, const command& cmd) {
    if (s.caller.ended && cmd.what() != verb::hangup) return false;
    const device_leg* leg = cmd.leg ? s.find(*cmd.leg) : nullptr;
    switch (cmd.what()) {
    case verb::dial:
        return s.now_in == phase::ringing && leg != nullptr && leg->alive() &&
               leg->dial != dial_status::accepted;
    case verb::answer: return s.now_in != phase::ended && !s.caller.answered;
    case verb::bridge: return s.now_in == phase::bridging && cmd.id == settle::bridge_command_id(s);
    case verb::hangup:
        if (!cmd.leg) return !s.caller.ended;
        // A twin has another control id than the leg: its own end is not in the state, so always try.
        if (leg == nullptr || leg->call_control_id != cmd.call_control_id) return true;
        return !leg->ended && leg->release != release_reason::none;
    case verb::reject: return true;
    case verb::speak:
    case verb::playback_start:
        return s.now_in == phase::ringing ||
               (s.now_in == phase::voicemail && s.vm == voicemail_step::greeting);
    case verb::playback_stop: return s.now_in != phase::ended;
    case verb::record_start: return s.now_in == phase::voicemail && s.vm == voicemail_step::recording;
    }
    return false;
}

} // namespace z360::call
