// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "call/voicemail.hpp"

#include "call/leg.hpp"
#include "call/prompt.hpp"
#include "call/ring.hpp"
#include "call/talk.hpp"

#include <algorithm>
#include <string>

namespace z360::call::voicemail {
namespace {

constexpr millis k_record_grace{60'000}; // lost end of recording: longest message plus this

// ---- facts

void absorb(state& s, const event& what, time_point) {
    if (const auto* e = std::get_if<recording_failed>(&what); e != nullptr && legs::is_caller(s, e->who))
        s.voicemail.failed = true;
    const auto* o = std::get_if<command_outcome>(&what);
    if (o != nullptr && o->what == verb::record_start && o->command_id == caller_id(s, "record") &&
        (o->result == outcome::refused || o->result == outcome::expired))
        s.voicemail.failed = true;
}

// The longest message is reached, or nothing is recorded: whoever still holds the line hears nothing more.
bool message_over(const state& s) {
    return s.voicemail.failed || std::any_of(s.recordings.begin(), s.recordings.end(), [](const auto& r) {
               return r.purpose == recording_purpose::message;
           });
}

// ---- decisions

void start_recording(state& s, effects& out, time_point now) {
    const auto& rules = s.routed.rules;
    const auto secs = std::chrono::duration_cast<std::chrono::seconds>(rules.voicemail_max).count();
    s.voicemail.step = voicemail_step::recording;
    s.voicemail.limit = now + rules.voicemail_max + k_record_grace;
    out.emplace_back(caller_command(
        s, caller_id(s, "record"), now, millis{10'000},
        record_start_body{
            static_cast<int>(secs), s.id.text(), rules.voicemail_beep, rules.transcribe_messages
        }
    ));
}

// The caller is hung up on: only on the newest copy, for another node may have joined somebody (I21).
bool finish(state& s, effects& out, const circumstances& c) {
    s.voicemail.step = voicemail_step::done;
    if (c.may != authority::newest) {
        s.voicemail.limit = c.now;
        return false;
    }
    end(s, out, turned_away(s) ? end_reason::rejected : end_reason::voicemail, c.now);
    return true;
}

bool settle_greeting(state& s, effects& out, const circumstances& c) {
    using prompts::greeting;
    const auto how = prompts::greeting_of(s);
    const bool late = s.voicemail.limit && c.now >= *s.voicemail.limit;
    if (how != greeting::over && how != greeting::failed && !late) return false;
    if (how == greeting::failed && prompts::has_words_left(s)) {
        prompts::greet(s, out, c.now);
        s.voicemail.limit = prompts::greeting_limit(s);
        return true;
    }
    if (turned_away(s) || !s.routed.rules.takes_messages) return finish(s, out, c);
    start_recording(s, out, c.now);
    return true;
}

void answer(state& s, effects& out, time_point now) {
    s.voicemail.step = voicemail_step::answering;
    s.voicemail.limit = now + s.routed.rules.answer_limit;
    request_answer(s, out, "answer-voicemail", 0, now);
}

std::string why_not(const leg& l) {
    if (l.dial == dial_status::failed) return "why=dial_failed";
    if (l.answered) return "why=not_joined";
    return l.hangup_cause.empty() ? "why=no_answer" : "why=" + l.hangup_cause;
}

// Nobody will answer: every leg goes, the caller is answered and greeted.
void begin(state& s, effects& out, ring_end why, time_point now) {
    for (const auto& l : s.legs)
        if (l.role == leg_role::agent)
            add_note(out, remark::agent_unreachable, "leg=" + l.id.text() + " " + why_not(l));
    add_note(out, remark::voicemail, "why=" + std::string(name(why)));
    prompts::stop(s, out, now);
    answer(s, out, now);
}

// Asked after all who might ring somebody else instead.
bool is_left_to_us(const state& s) {
    const auto* r = current_ring(s);
    return phase_of(s) == phase::ringing && r != nullptr && rings::in_vain(*r);
}

bool settle(state& s, effects& out, const circumstances& c) {
    if (is_left_to_us(s)) {
        begin(s, out, current_ring(s)->over, c.now);
        return true;
    }
    if (phase_of(s) != phase::voicemail) return false;
    const bool too_long = s.voicemail.limit && c.now >= *s.voicemail.limit && c.may == authority::newest;
    switch (s.voicemail.step) {
    case voicemail_step::answering:
        if (s.caller.answered) {
            s.voicemail.step = voicemail_step::greeting;
            prompts::greet(s, out, c.now);
            s.voicemail.limit = prompts::greeting_limit(s);
            return true;
        }
        if (too_long) // the carrier does not let us answer: nothing can be played
            end(s, out, turned_away(s) ? end_reason::rejected : end_reason::failed, c.now);
        return too_long;
    case voicemail_step::greeting: return settle_greeting(s, out, c);
    case voicemail_step::recording: return message_over(s) || too_long ? finish(s, out, c) : false;
    case voicemail_step::done: return finish(s, out, c);
    case voicemail_step::none: return false;
    }
    return false;
}

std::optional<time_point> deadline(const state& s) {
    return phase_of(s) == phase::voicemail ? s.voicemail.limit : std::nullopt;
}

bool wants(const state& s, const effect& e) {
    const auto* cmd = carried(e);
    return cmd != nullptr && cmd->what() == verb::record_start && phase_of(s) == phase::voicemail &&
           s.voicemail.step == voicemail_step::recording;
}

const char* broken(const state& s) {
    return phase_of(s) == phase::voicemail && !s.voicemail.limit ? "voicemail_has_a_watchdog" : nullptr;
}

} // namespace

const component k_component{absorb, nullptr, settle, deadline, nullptr, wants, broken};

void say(state& s, effects& out, const std::string& text, time_point now) {
    s.routed.rules.voicemail_greeting = text;
    s.voicemail.step = voicemail_step::greeting;
    prompts::greet(s, out, now);
    s.voicemail.limit = prompts::greeting_limit(s);
}

void announce(state& s, effects& out, time_point now) {
    answer(s, out, now);
}

} // namespace z360::call::voicemail
