// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "call/request.hpp"

#include <z360/call/view.hpp>

#include <algorithm>
#include <string>

namespace z360::call::requests {
namespace {

constexpr std::size_t k_verdicts_kept = 64; // the oldest goes; a device asks a few times in a call
constexpr std::uint32_t k_most_questions = 5;
constexpr millis k_ask_again{1'000}; // times the number of questions asked

struct reading {
    request_kind what;
    const asked* by;
};
std::optional<reading> read(const event& e) {
    if (const auto* d = std::get_if<device_declines>(&e)) return reading{request_kind::decline, &d->by};
    if (const auto* a = std::get_if<device_says_answered>(&e)) return reading{request_kind::answered, &a->by};
    return std::nullopt;
}

void grant(state& s, const reading& r, time_point now) {
    for (auto& l : s.legs) {
        if (l.to.device != r.by->device || !l.alive()) continue;
        switch (r.what) {
        case request_kind::decline: l.declined = true; break;
        case request_kind::answered:
            if (!l.answered && !l.word_due && l.words_asked < k_most_questions) l.word_due = now;
            break;
        }
    }
}

void absorb(state& s, const event& what, time_point now) {
    const auto r = read(what);
    if (!r || verdict_of(s, r->by->id) != nullptr) return;
    const auto why = now >= r->by->until ? refusal::late : judge(s, r->what, r->by->device);
    if (why == refusal::none) grant(s, *r, now);
    if (s.verdicts.size() >= k_verdicts_kept) s.verdicts.erase(s.verdicts.begin());
    s.verdicts.push_back({r->by->id, r->what, why, now});
}

void narrate(const state& before, const event& what, const state& after, effects& out) {
    const auto r = read(what);
    if (!r || verdict_of(before, r->by->id) != nullptr) return;
    const auto* v = verdict_of(after, r->by->id);
    if (v == nullptr) return;
    const auto* l = leg_of(after, r->by->device);
    const auto who = l != nullptr ? "leg=" + l->id.text() : std::string("leg=none");
    if (v->why != refusal::none)
        add_note(
            out, "request_refused",
            who + " what=" + std::string(name(v->what)) + " why=" + std::string(name(v->why))
        );
    else
        add_note(out, v->what == request_kind::decline ? "device_declined" : "device_says_answered", who);
}

bool awaits_word(const state& s, const device_leg& l) {
    return phase_of(s) == phase::ringing && l.word_due && l.alive() && !l.answered;
}

// The device's word alone joins nobody: what the carrier has on record decides. Asked a few times, because a
// record may lag behind what has happened.
bool settle(state& s, effects& out, const circumstances& c) {
    bool due = false;
    for (auto& l : s.legs) {
        if (!awaits_word(s, l) || c.now < *l.word_due) continue;
        due = true;
        if (++l.words_asked < k_most_questions)
            l.word_due = c.now + k_ask_again * l.words_asked;
        else
            l.word_due.reset();
    }
    if (!due) return false;
    const auto round = ++s.asked;
    add_note(out, "carrier_asked", "round=" + std::to_string(round));
    out.emplace_back(inquiry{round});
    return false;
}

std::optional<time_point> deadline(const state& s) {
    std::optional<time_point> first;
    for (const auto& l : s.legs)
        if (awaits_word(s, l) && (!first || *l.word_due < *first)) first = l.word_due;
    return first;
}

const char* broken(const state& s) {
    for (const auto& l : s.legs)
        if (l.words_asked > k_most_questions) return "words_are_asked_for_a_few_times";
    return s.verdicts.size() > k_verdicts_kept ? "verdicts_are_bounded" : nullptr;
}

} // namespace

const component k_component{absorb, narrate, settle, deadline, nullptr, nullptr, broken};

} // namespace z360::call::requests

namespace z360::call {

const asked* request_of(const event& e) {
    const auto r = requests::read(e);
    return r ? r->by : nullptr;
}

bool forgets_verdicts(const state& s) {
    return s.verdicts.size() >= requests::k_verdicts_kept;
}

const verdict* verdict_of(const state& s, std::string_view request) {
    const auto is = [request](const verdict& v) { return v.id == request; };
    const auto found = std::find_if(s.verdicts.begin(), s.verdicts.end(), is);
    return found == s.verdicts.end() ? nullptr : &*found;
}

refusal judge(const state& s, request_kind what, device_id device) {
    const auto* l = leg_of(s, device);
    if (l == nullptr) return refusal::not_rung;
    switch (what) {
    case request_kind::decline:
        if (l->declined) return refusal::none; // it was granted, and still holds
        if (over(s)) return refusal::call_over;
        if (!l->alive()) return refusal::leg_over;
        if (l->answered || l->bridged || s.bridge.winner == l->id) return refusal::in_the_talk;
        return refusal::none;
    case request_kind::answered:
        if (over(s)) return refusal::call_over;
        return l->alive() ? refusal::none : refusal::leg_over;
    }
    return refusal::not_rung;
}

} // namespace z360::call
