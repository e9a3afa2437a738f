// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "call/prompt.hpp"

#include "call/leg.hpp"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

namespace z360::call::prompts {
namespace {

constexpr millis k_step_grace{3'000}; // lost speak.ended: estimated length plus this (B24)
constexpr millis k_may_be_tried{5'000};
constexpr millis k_longest_audio{60'000}; // of a greeting; how long it is nobody says
constexpr std::size_t k_most = 20;
constexpr std::size_t k_most_ends = 64; // more would be an attack

std::string id_of(const state& s, const prompt& p) {
    if (p.number == 0) return caller_id(s, p.spoken ? "greeting" : "greeting-audio");
    return caller_id(s, p.spoken ? "prompt" : "ringback", p.number);
}

// ---- facts

// Another copy of the call had it played, and that decision came to nothing: the caller hears it all the
// same, before whatever this copy has played after it, and its end will be told.
void heard_of(state& s, const command_outcome& o, time_point now) {
    if (o.result != outcome::done && o.result != outcome::expired) return;
    for (std::uint32_t n = 1; n <= k_most && s.prompts.size() < k_most; ++n) {
        prompt p;
        p.number = n;
        p.spoken = o.what == verb::speak;
        if (id_of(s, p) != o.command_id) continue;
        p.expired = o.result == outcome::expired;
        p.elsewhere = true;
        p.over = phase_of(s) != phase::ringing;
        p.limit = now + spoken_length(s.routed.rules.hold_prompt) + k_step_grace;
        const bool greeted = !s.prompts.empty() && s.prompts.back().number == 0;
        s.prompts.insert(greeted ? s.prompts.end() - 1 : s.prompts.end(), p);
        return;
    }
}

// Two sounds that are stopped together end in one millisecond, in two reports.
bool same_report(const prompt_end& known, const prompt_ended& e) {
    if (!known.report.empty() && !e.report.empty()) return known.report == e.report;
    return known.spoken == e.spoken && known.at == e.at;
}

void note_end(state& s, const prompt_ended& e) {
    auto& all = s.prompt_ends;
    const bool known = std::any_of(all.begin(), all.end(), [&e](const auto& p) { return same_report(p, e); });
    if (known || all.size() >= k_most_ends) return;
    const auto& rules = s.routed.rules;
    const bool greeting =
        !e.audio.empty() && e.audio == rules.voicemail_greeting_url && e.audio != rules.ringback_url;
    all.push_back({e.spoken, e.at, e.listener_left, e.command_id, e.failed, e.report, greeting});
    // Told in any order, they are the same set.
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return std::tie(a.at, a.spoken, a.report) < std::tie(b.at, b.spoken, b.report);
    });
}

void absorb(state& s, const event& what, time_point now) {
    if (const auto* e = std::get_if<prompt_ended>(&what); e != nullptr && legs::is_caller(s, e->who))
        note_end(s, *e);
    const auto* o = std::get_if<command_outcome>(&what);
    if (o == nullptr || (o->what != verb::speak && o->what != verb::playback_start)) return;
    const auto known = std::find_if(s.prompts.begin(), s.prompts.end(), [&s, o](const prompt& p) {
        return id_of(s, p) == o->command_id;
    });
    if (known == s.prompts.end()) return heard_of(s, *o, now);
    known->refused = known->refused || o->result == outcome::refused;
    known->expired = known->expired || o->result == outcome::expired;
}

std::optional<remark> failure_of(verb v) {
    switch (v) {
    case verb::speak: return remark::speak_failed;
    case verb::playback_start: return remark::playback_start_failed;
    case verb::playback_stop: return remark::playback_stop_failed;
    case verb::record_start: return remark::record_start_failed;
    case verb::record_pause: return remark::record_pause_failed;
    case verb::record_resume: return remark::record_resume_failed;
    case verb::dial:
    case verb::answer:
    case verb::bridge:
    case verb::hangup:
    case verb::reject:
    case verb::gather_using_speak: return std::nullopt; // others tell of these
    }
    return std::nullopt;
}

bool is_failure(const command_outcome& o) {
    return o.result == outcome::refused || o.result == outcome::expired;
}

void narrate(const state&, const event& what, const state&, effects& out) {
    const auto* o = std::get_if<command_outcome>(&what);
    if (o == nullptr || !is_failure(*o)) return;
    if (const auto what_failed = failure_of(o->what))
        add_note(out, *what_failed, "outcome=" + std::string(name(o->result)) + " " + error_of(*o));
}

// Sounds of one kind are heard one after the other and each reports its end once, late as that may come: it
// is the newest one's only when those before it are over. A lost one leaves it to the watchdog. The mark that
// an end bears is its own prompt's or a later one's [U]: with the mark of an earlier prompt of its kind it is
// not the newest's. One of the other kind, or of another copy, that we take for earlier reached the carrier
// later. Where the address of what was played is told nothing of all this is needed.
bool reported_over(const state& s, const prompt& newest) {
    const auto of_kind = [&newest](const auto& x) { return x.spoken == newest.spoken; };
    const bool named =
        std::any_of(s.prompt_ends.begin(), s.prompt_ends.end(), [](const auto& e) { return e.greeting; });
    if (named && newest.number == 0 && !newest.spoken) return true;
    const auto mine = id_of(s, newest);
    const bool may_be_mine = std::any_of(s.prompt_ends.begin(), s.prompt_ends.end(), [&](const auto& e) {
        return of_kind(e) && std::none_of(s.prompts.begin(), s.prompts.end(), [&](const prompt& p) {
                   const auto id = id_of(s, p);
                   return of_kind(p) && !p.elsewhere && e.command_id == id && id != mine;
               });
    });
    if (!may_be_mine) return false;
    const auto begun = std::count_if(s.prompts.begin(), s.prompts.end(), [&](const prompt& p) {
        return of_kind(p) && !p.refused; // a refused one is never heard
    });
    return std::count_if(s.prompt_ends.begin(), s.prompt_ends.end(), of_kind) >= begun;
}

// By its own mark: that a ringback's end was lost on the way keeps nobody waiting. Were it the ringback's own
// end, words are said after the audio.
bool reported_failed(const state& s, const prompt& newest) {
    const auto mine = id_of(s, newest);
    return std::any_of(s.prompt_ends.begin(), s.prompt_ends.end(), [&](const auto& e) {
        return e.failed && e.spoken == newest.spoken && e.command_id == mine;
    });
}

bool is_over(const state& s, const prompt& newest) {
    return newest.over || newest.refused || newest.expired || reported_over(s, newest);
}

prompt* newest(state& s) {
    return s.prompts.empty() ? nullptr : &s.prompts.back();
}
const prompt* newest(const state& s) {
    return s.prompts.empty() ? nullptr : &s.prompts.back();
}

// No ringback to be had, or none that can be played: from then on it is spoken.
bool speaks(const state& s) {
    return s.routed.rules.ringback_url.empty() ||
           std::any_of(
               s.prompt_ends.begin(), s.prompt_ends.end(), [](const auto& e) { return !e.spoken && e.failed; }
           ) ||
           std::any_of(s.prompts.begin(), s.prompts.end(), [](const prompt& p) {
               return !p.spoken && (p.refused || p.expired);
           });
}

// ---- decisions

void begin(state& s, effects& out, const prompt& p, command_body body, time_point now) {
    out.emplace_back(caller_command(s, id_of(s, p), now, k_may_be_tried, std::move(body)));
    s.prompts.push_back(p);
}

std::uint32_t next_number(const state& s) {
    return static_cast<std::uint32_t>(s.prompts.size()) + 1;
}

void speak(state& s, effects& out, std::uint32_t number, const std::string& text, time_point now) {
    prompt p;
    p.number = number;
    p.limit = now + spoken_length(text) + k_step_grace;
    begin(s, out, p, speak_body{text, s.routed.rules.voice}, now);
}

// An answered caller who waits hears something (design §12).
bool settle(state& s, effects& out, const circumstances& c) {
    if (phase_of(s) != phase::ringing) return false;
    if (auto* p = newest(s); p != nullptr) {
        if (p->limit && c.now >= *p->limit) p->over = true; // speak.ended was lost
        if (!is_over(s, *p)) return false;
        p->over = true;
    }
    if (!s.caller.answered || s.prompts.size() >= k_most) return false;
    if (speaks(s))
        speak(s, out, next_number(s), s.routed.rules.hold_prompt, c.now);
    else
        play(s, out, s.routed.rules.ringback_url, c.now);
    return false;
}

std::optional<time_point> deadline(const state& s) {
    const auto* p = newest(s);
    return phase_of(s) == phase::ringing && p != nullptr && !p->over ? p->limit : std::nullopt;
}

// It stops all that plays: the ring has been taken up again, and a newer ringback is to be heard. Who hears
// the older one meanwhile hears a ringback, too.
bool would_silence(const state& s, const std::string& stop_id) {
    const auto* p = newest(s);
    return p != nullptr && !p->spoken && !p->over && stop_id != caller_id(s, "playback-stop", p->number);
}

bool wants(const state& s, const effect& e) {
    const auto* cmd = carried(e);
    if (cmd == nullptr) return false;
    switch (cmd->what()) {
    case verb::speak:
    case verb::playback_start: {
        const auto p = phase_of(s);
        return p == phase::ringing || (p == phase::voicemail && s.voicemail.step == voicemail_step::greeting);
    }
    case verb::playback_stop: return !over(s) && !would_silence(s, e.id);
    case verb::dial:
    case verb::answer:
    case verb::bridge:
    case verb::hangup:
    case verb::reject:
    case verb::record_start:
    case verb::record_pause:
    case verb::record_resume:
    case verb::gather_using_speak: return false;
    }
    return false;
}

} // namespace

const component k_component{absorb, narrate, settle, deadline, nullptr, wants, nullptr};

// About 13 characters a second is slow speech; too long an estimate only delays the watchdog.
millis spoken_length(const std::string& text) {
    return millis{1'000 + static_cast<std::int64_t>(text.size()) * 75};
}

void play(state& s, effects& out, const std::string& url, time_point now) {
    if (s.prompts.size() >= k_most) return;
    prompt p;
    p.number = next_number(s);
    p.spoken = false;
    begin(s, out, p, playback_start_body{url, true}, now);
}

bool plays(const state& s) {
    const auto* p = newest(s);
    return p != nullptr && !p->spoken && !is_over(s, *p);
}

void stop(state& s, effects& out, time_point now) {
    if (!plays(s)) return;
    auto* p = newest(s);
    out.emplace_back(
        caller_command(s, caller_id(s, "playback-stop", p->number), now, k_may_be_tried, playback_stop_body{})
    );
    p->over = true;
}

void greet(state& s, effects& out, time_point now) {
    const auto& rules = s.routed.rules;
    const auto* p = newest(s);
    const bool played = p != nullptr && p->number == 0 && !p->spoken; // in vain
    if (rules.takes_messages && !turned_away(s) && !rules.voicemail_greeting_url.empty() && !played) {
        prompt audio;
        audio.spoken = false;
        audio.limit = now + k_longest_audio;
        // It would wait for the end of a ringback, which has none; and a stop of its own might overtake it.
        const bool rings = std::any_of(s.prompts.begin(), s.prompts.end(), [](const prompt& x) {
            return !x.spoken && !x.refused;
        });
        begin(s, out, audio, playback_start_body{rules.voicemail_greeting_url, false, rings}, now);
        return;
    }
    const bool usual = rules.takes_messages || turned_away(s);
    speak(s, out, 0, usual ? rules.voicemail_greeting : rules.unavailable_message, now);
}

greeting greeting_of(const state& s) {
    const auto* p = newest(s);
    if (p == nullptr || p->number != 0) return greeting::none;
    if (p->refused || p->expired || reported_failed(s, *p)) return greeting::failed;
    if (!reported_over(s, *p)) return greeting::plays;
    if (!p->spoken) {
        const auto last = std::find_if(s.prompt_ends.rbegin(), s.prompt_ends.rend(), [](const auto& e) {
            return !e.spoken;
        });
        if (last->failed) return greeting::failed;
    }
    const bool left = std::any_of(s.prompt_ends.begin(), s.prompt_ends.end(), [](const auto& e) {
        return e.listener_left;
    });
    return left ? greeting::left : greeting::over;
}

bool has_words_left(const state& s) {
    const auto* p = newest(s);
    return p != nullptr && p->number == 0 && !p->spoken;
}

std::optional<time_point> greeting_limit(const state& s) {
    const auto* p = newest(s);
    return p == nullptr || p->number != 0 ? std::nullopt : p->limit;
}

} // namespace z360::call::prompts
