// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One section per phase, in the order of a call's life. Each returns true when it changed the phase.
#include "call/settle.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace z360::call::settle {
namespace {

constexpr millis k_step_grace{3'000};    // lost speak.ended: estimated length plus this (B24)
constexpr millis k_record_grace{60'000}; // lost end of recording: longest message plus this
constexpr std::uint32_t k_max_prompts = 20;
// How long after a bridge's deadline its last request may still reach the carrier: the client's second
// sending and its longest attempt.
constexpr millis k_on_its_way{3'500};

// About 13 characters a second is slow speech; too long an estimate only delays the watchdog.
millis spoken_length(const std::string& text) {
    return millis{1'000 + static_cast<std::int64_t>(text.size()) * 75};
}

bool was_joined(const state& s) {
    if (s.bridge.accepted) return true;
    return s.caller.bridged &&
           std::any_of(s.legs.begin(), s.legs.end(), [](const auto& l) { return l.bridged; });
}

// Both sides were joined and the device's side has ended: the events only arrived in another order.
bool talk_is_over(const state& s) {
    if (!s.caller.bridged) return false;
    bool any = false;
    for (const auto& l : s.legs) {
        if (!l.bridged) continue;
        if (!l.ended) return false;
        any = true;
    }
    return any;
}

// What the caller's departure means, by the facts alone: it must not matter which of them came first.
end_reason reason_of_departure(const state& s) {
    if (was_joined(s)) return end_reason::completed;
    // Voicemail that could not even answer has not been heard by anybody.
    return s.vm != voicemail_step::none && s.caller.answered ? end_reason::voicemail
                                                             : end_reason::caller_cancelled;
}

// The endings that every phase but the talk shares. true: the call has ended.
bool ended_without_talk(state& s, effects& out, time_point now) {
    if (talk_is_over(s)) {
        end(s, out, end_reason::completed, now);
        return true;
    }
    if (!s.caller.ended) return false;
    end(s, out, reason_of_departure(s), now);
    return true;
}

// Asked again by every winner and by voicemail while the caller is not answered: an answer that was lost once
// must not cost the call. Each asking has an id of its own; answering twice does no harm.
void request_answer(state& s, effects& out, const char* what, std::uint32_t n, time_point now) {
    if (s.caller.answered) return;
    out.emplace_back(caller_command(s, caller_id(s, what, n), now, s.routed.rules.answer_limit, answer_body{})
    );
}

void stop_prompt(state& s, effects& out, time_point now) {
    if (!s.prompt_playing || s.routed.rules.ringback_url.empty()) return; // a spoken prompt ends by itself
    out.emplace_back(
        caller_command(s, caller_id(s, "playback-stop", s.prompts), now, millis{5'000}, playback_stop_body{})
    );
    s.prompt_playing = false;
}

// An answered caller who waits hears something (design §12).
void keep_company(state& s, effects& out, time_point now) {
    if (!s.caller.answered || s.prompt_playing || s.prompts >= k_max_prompts) return;
    ++s.prompts;
    s.prompt_playing = true;
    const auto& rules = s.routed.rules;
    if (!rules.ringback_url.empty()) {
        out.emplace_back(caller_command(
            s, prompt_command_id(s), now, millis{5'000}, playback_start_body{rules.ringback_url, true}
        ));
        return;
    }
    ++s.spoken;
    s.step_limit = now + spoken_length(rules.hold_prompt) + k_step_grace;
    out.emplace_back(caller_command(
        s, prompt_command_id(s), now, millis{5'000}, speak_body{rules.hold_prompt, rules.voice}
    ));
}

bool any_alive(const state& s) {
    return std::any_of(s.legs.begin(), s.legs.end(), [](const auto& l) {
        return l.alive() && !l.out_of_race;
    });
}

void claim(state& s, effects& out, device_leg& leg, time_point now) {
    const auto epoch = s.bridge.epoch + 1;
    s.bridge = {};
    s.bridge.epoch = epoch;
    s.bridge.winner = leg.id;
    if (!s.answered_at) s.answered_at = now;
    s.now_in = phase::answering;
    s.bridge.limit = now + s.routed.rules.answer_limit;
    add_note(out, "winner_claimed", "leg=" + leg.id.text() + " epoch=" + std::to_string(epoch));
    request_answer(s, out, "answer", epoch, now);
}

void to_voicemail(state& s, effects& out, const char* why, time_point now) {
    add_note(out, "voicemail", std::string("why=") + why);
    s.now_in = phase::voicemail;
    s.bridge.winner.reset();
    s.bridge.limit.reset();
    stop_prompt(s, out, now);
    s.vm = voicemail_step::answering;
    s.step_limit = now + s.routed.rules.answer_limit;
    request_answer(s, out, "answer-voicemail", 0, now);
}

bool settle_ringing(state& s, effects& out, time_point now, authority may) {
    if (ended_without_talk(s, out, now)) return true;
    if (adopt_fact(s, out)) {
        join_by_fact(s, now);
        return true;
    }
    if (auto* next = next_answerer(s)) {
        claim(s, out, *next, now);
        return true;
    }
    if (!any_alive(s)) {
        const char* none = s.routed.targets.empty() ? "no_devices" : "waited_too_long";
        to_voicemail(s, out, s.legs.empty() ? none : "no_device_left", now);
        return true;
    }
    if (may == authority::newest && now >= s.ring_deadline) {
        to_voicemail(s, out, "nobody_answered", now);
        return true;
    }
    if (s.step_limit && now >= *s.step_limit) { // speak.ended was lost
        s.step_limit.reset();
        s.prompt_playing = false;
    }
    keep_company(s, out, now);
    return false;
}

bool settle_answering(state& s, effects& out, time_point now) {
    if (ended_without_talk(s, out, now)) return true;
    if (adopt_fact(s, out)) {
        join_by_fact(s, now);
        return true;
    }
    auto* w = winner(s);
    if (w == nullptr || !w->alive()) {
        drop_winner(s, out, "leg_ended", now);
        return true;
    }
    // When the answer's outcome stays away the bridge is tried all the same: the carrier may have acted on
    // it.
    if (!s.caller.answered && !w->bridged && now < *s.bridge.limit) return false;
    stop_prompt(s, out, now);
    s.now_in = phase::bridging;
    s.bridge.limit = now + s.routed.rules.bridge_limit;
    if (w->bridged) return true;
    request_answer(s, out, "answer-late", s.bridge.epoch, now);
    s.bridge.quiet_from = *s.bridge.limit + k_on_its_way;
    command c;
    c.id = bridge_command_id(s);
    c.call_control_id = w->call_control_id;
    c.leg = w->id;
    c.issued_at = now;
    c.deadline = *s.bridge.limit;
    c.body = bridge_body{
        .caller_control_id = s.caller.call_control_id,
        .record = s.routed.rules.record_calls,
        .recording_name = s.id.text(),
    };
    out.emplace_back(std::move(c));
    return true;
}

bool settle_bridging(state& s, effects& out, time_point now, authority may) {
    if (ended_without_talk(s, out, now)) return true;
    if (adopt_fact(s, out)) return true;
    auto* w = winner(s);
    const bool late = s.bridge.limit && now >= *s.bridge.limit;
    if (w == nullptr || !w->alive()) {
        // Accepted, then ended: a very short talk whose call.bridged is still on the way, or a bridge that
        // never was. The rest of the time limit tells which.
        const bool over = late && may == authority::newest;
        if (w != nullptr && w->ended && !over && (s.bridge.accepted || w->bridged || s.caller.bridged))
            return false;
        drop_winner(s, out, "leg_ended", now);
        return true;
    }
    // BE-37: both sides must report the bridge. At the time limit one report and the carrier's 2xx together
    // count: two independent sources, and hanging up on people who talk is worse than a lost event. (Of an
    // old copy's winner neither the 2xx nor the caller's report need speak.)
    const bool one_side = w->bridged || (s.caller.bridged && may == authority::newest);
    if ((w->bridged && s.caller.bridged) || (late && one_side && s.bridge.accepted)) {
        confirm(s, out, now);
        return true;
    }
    if (late) ask_carrier(s, out, now);
    return false;
}

bool settle_talking(state& s, effects& out, time_point now) {
    const auto* w = winner(s);
    if (s.caller.ended || w == nullptr || w->ended) {
        end(s, out, end_reason::completed, now);
        return true;
    }
    phase next = phase::active;
    if (s.device_hold.held) next = phase::on_hold;
    if (s.caller_hold.held) next = phase::remote_hold;
    if (next != s.now_in) {
        s.now_in = next;
        add_note(out, std::string(name(next)));
    }
    return false;
}

void speak_greeting(state& s, effects& out, time_point now) {
    const auto& rules = s.routed.rules;
    s.vm = voicemail_step::greeting;
    ++s.spoken;
    s.step_limit = now + spoken_length(rules.voicemail_greeting) + k_step_grace;
    out.emplace_back(caller_command(
        s, prompt_command_id(s), now, millis{5'000}, speak_body{rules.voicemail_greeting, rules.voice}
    ));
}

// Both sides are reported joined although we had given up: whoever talks goes on talking (I21).
bool leave_voicemail(state& s, effects& out, time_point now) {
    if (!s.caller.bridged || !adopt_fact(s, out)) return false;
    s.vm = voicemail_step::none;
    confirm(s, out, now);
    return true;
}

bool settle_voicemail(state& s, effects& out, time_point now, authority may) {
    if (ended_without_talk(s, out, now)) return true;
    if (leave_voicemail(s, out, now)) return true;
    const bool late = s.step_limit && now >= *s.step_limit;
    const bool over = late && may == authority::newest;
    switch (s.vm) {
    case voicemail_step::answering:
        if (s.caller.answered) {
            speak_greeting(s, out, now);
        } else if (over) {
            end(s, out, end_reason::failed, now); // the carrier does not let us answer: nothing can be played
            return true;
        }
        return false;
    case voicemail_step::greeting:
        if (late) start_recording(s, out, now);
        return false;
    case voicemail_step::recording:
        if (!over) return false;
        s.vm = voicemail_step::done;
        [[fallthrough]];
    case voicemail_step::done: // by time, or because the carrier said so
        // The caller is hung up on: only on the newest copy, for another node may have joined somebody (I21).
        if (may != authority::newest) {
            s.step_limit = now;
            return false;
        }
        end(s, out, end_reason::voicemail, now);
        return true;
    case voicemail_step::none: return false;
    }
    return false;
}

// Facts may arrive after the end; the reason follows them, the phase does not move (I10).
void settle_ended(state& s, effects& out) {
    if (s.reason == end_reason::completed || s.reason == end_reason::rejected) return;
    const auto better = reason_of_departure(s);
    const bool joined = better == end_reason::completed;
    const bool heard = better == end_reason::voicemail && s.reason == end_reason::caller_cancelled;
    if (!joined && !heard) return;
    s.reason = better;
    add_note(out, "end_reason", "reason=" + std::string(name(better)));
}

bool step(state& s, effects& out, time_point now, authority may) {
    switch (s.now_in) {
    case phase::ringing: return settle_ringing(s, out, now, may);
    case phase::answering: return settle_answering(s, out, now);
    case phase::bridging: return settle_bridging(s, out, now, may);
    case phase::active:
    case phase::on_hold:
    case phase::remote_hold:
    case phase::reconnecting: return settle_talking(s, out, now);
    case phase::voicemail: return settle_voicemail(s, out, now, may);
    case phase::ended: settle_ended(s, out); return false;
    }
    return false;
}

} // namespace

void run(state& s, effects& out, time_point now, authority may) {
    // Each pass leaves a phase for good or drops a leg from the race, so this ends; the bound is for
    // certainty.
    for (std::size_t i = 0; i < 8 + 4 * s.legs.size(); ++i) {
        if (!step(s, out, now, may)) break;
    }
    sweep(s, out, now, may);
}

void end(state& s, effects& out, end_reason why, time_point now) {
    s.now_in = phase::ended;
    s.reason = why;
    s.ended_at = now;
    s.bridge.limit.reset();
    s.step_limit.reset();
    s.prompt_playing = false;
    add_note(out, "call_ended", "reason=" + std::string(name(why)));
}

void start_recording(state& s, effects& out, time_point now) {
    const auto secs = std::chrono::duration_cast<std::chrono::seconds>(s.routed.rules.voicemail_max).count();
    s.vm = voicemail_step::recording;
    const bool over = std::exchange(s.vm_recorded, true) && !s.saved.id.empty();
    s.step_limit = over ? now : now + s.routed.rules.voicemail_max + k_record_grace;
    out.emplace_back(caller_command(
        s, prompt_command_id(s), now, millis{10'000}, record_start_body{static_cast<int>(secs), s.id.text()}
    ));
}

} // namespace z360::call::settle
