// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "call/request.hpp"

#include "call/media.hpp"
#include "call/recorder.hpp"
#include "call/ring.hpp"
#include "call/waves.hpp"

#include <z360/call/view.hpp>

#include <algorithm>
#include <string>

namespace z360::call::requests {
namespace {

constexpr std::size_t k_verdicts_kept = 64; // the oldest goes; a device asks a few times in a call
constexpr std::uint32_t k_most_questions = 5;
constexpr millis k_ask_again{1'000}; // times the number of questions asked

void grant(state& s, const device_asks& r, time_point now) {
    if (r.what == request_kind::ring) return rings::let_in(s, r.at, r.device, now);
    if (r.what == request_kind::pause_recording || r.what == request_kind::resume_recording)
        return recorder::grant(s, r.what);
    if (r.what == request_kind::give_up_media) return; // the verdict is all that media.cpp looks at
    for (auto& l : s.legs) {
        if (l.device() != r.device || !l.may_live()) continue;
        if (r.what == request_kind::decline)
            l.declined = true;
        else if (!l.answered && !l.word_due && l.words_asked < k_most_questions)
            l.word_due = now;
    }
}

// By a plan a device is rung in its person's turn, and at no other time, whenever it came.
refusal judge_in_plan(const state& s, const device_asks& r, time_point now) {
    for (const auto& l : s.legs) {
        if (l.device() != r.device || !is_rung_now(s, l)) continue;
        return l.until && now >= *l.until ? refusal::not_ringing : refusal::none;
    }
    return waves::judge_new(s, person_of(s.routed, r.at.front()), now);
}

refusal judged(const state& s, const device_asks& r, time_point now) {
    if (now >= r.until) return refusal::late;
    const auto why = judge(s, r.what, r.device);
    if (why == refusal::none && r.what == request_kind::give_up_media && media::may_still_come(s, now))
        return refusal::media_may_come;
    if (why != refusal::none || r.what != request_kind::ring) return why;
    if (!rings::may_dial(s, now)) return refusal::not_ringing;
    const bool reachable =
        std::any_of(r.at.begin(), r.at.end(), [&r](const target& t) { return t.device == r.device; });
    if (!reachable) return refusal::may_not_ring;
    return s.routed.plan.empty() ? refusal::none : judge_in_plan(s, r, now);
}

void absorb(state& s, const event& what, time_point now) {
    const auto* r = request_of(what);
    if (r == nullptr || verdict_of(s, r->id) != nullptr) return;
    const auto why = judged(s, *r, now);
    if (why == refusal::none) grant(s, *r, now);
    if (s.verdicts.size() >= k_verdicts_kept) s.verdicts.erase(s.verdicts.begin());
    s.verdicts.push_back({r->id, r->what, why, now, r->device});
}

// Asked again, by another id, and answered alike: the timeline has it already.
bool is_news(const state& before, const verdict& v, const state& after) {
    if (before.legs != after.legs || before.recorder != after.recorder) return true;
    return std::none_of(before.verdicts.begin(), before.verdicts.end(), [&v](const verdict& o) {
        return o.device == v.device && o.what == v.what && o.why == v.why;
    });
}

remark granted_as(request_kind what) {
    switch (what) {
    case request_kind::decline: return remark::device_declined;
    case request_kind::answered: return remark::device_says_answered;
    case request_kind::pause_recording: return remark::recording_pausing;
    case request_kind::resume_recording: return remark::recording_resuming;
    case request_kind::give_up_media: return remark::media_given_up;
    case request_kind::ring: break;
    }
    return remark::device_joins_ring;
}

void narrate(const state& before, const event& what, const state& after, effects& out) {
    const auto* r = request_of(what);
    if (r == nullptr || verdict_of(before, r->id) != nullptr) return;
    const auto* v = verdict_of(after, r->id);
    if (v == nullptr || !is_news(before, *v, after)) return;
    const auto* l = leg_of(r->what == request_kind::ring ? after : before, r->device);
    const auto who = l != nullptr ? "leg=" + l->id.text() : std::string("leg=none");
    if (v->why == refusal::none)
        add_note(out, granted_as(v->what), who);
    else
        add_note(
            out, remark::request_refused,
            who + " what=" + std::string(name(v->what)) + " why=" + std::string(name(v->why))
        );
}

bool awaits_word(const state& s, const leg& l) {
    return phase_of(s) == phase::ringing && l.word_due && l.may_live() && !l.answered;
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
    add_note(out, remark::carrier_asked, "round=" + std::to_string(round));
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

bool forgets_verdicts(const state& s) {
    return s.verdicts.size() >= requests::k_verdicts_kept;
}

const verdict* verdict_of(const state& s, std::string_view request) {
    const auto is = [request](const verdict& v) { return v.id == request; };
    const auto found = std::find_if(s.verdicts.begin(), s.verdicts.end(), is);
    return found == s.verdicts.end() ? nullptr : &*found;
}

namespace {

// Once in a ring, and not while a leg of the device lives (I12). Where it may be rung is looked up when it
// asks; who was withdrawn from this call stays so.
refusal judge_late_join(const state& s, device_id device) {
    if (over(s)) return refusal::call_over;
    if (is_placed(s)) return refusal::not_ringing;
    bool rings = false;
    bool let_in = false;
    for (const auto& l : s.legs) {
        if (l.device() != device) continue;
        if (l.withdrawn) return refusal::may_not_ring;
        if (l.stopped) return refusal::not_ringing; // its turn is over
        rings = rings || l.may_live();
        let_in = let_in || (is_rung_now(s, l) && l.late == s.epoch + 1);
    }
    if (phase_of(s) != phase::ringing) return refusal::not_ringing;
    if (rings) return refusal::rings_already;
    return let_in ? refusal::let_in_before : refusal::none;
}

refusal judge_decline(const state& s, const leg& l) {
    if (l.declined) return refusal::none; // it was granted, and still holds
    if (over(s)) return refusal::call_over;
    if (!l.may_live()) return refusal::leg_over;
    if (l.answered || l.bridged || is_winner(s, l.id)) return refusal::in_the_talk;
    return refusal::none;
}

} // namespace

refusal judge(const state& s, request_kind what, device_id device) {
    const auto* l = leg_of(s, device);
    if (is_placed(s) && l == &s.caller) l = nullptr; // it is not rung, it calls
    switch (what) {
    case request_kind::decline: return l == nullptr ? refusal::not_rung : judge_decline(s, *l);
    case request_kind::answered:
        if (l == nullptr) return refusal::not_rung;
        if (over(s)) return refusal::call_over;
        return l->may_live() ? refusal::none : refusal::leg_over;
    case request_kind::ring: return judge_late_join(s, device);
    case request_kind::pause_recording:
    case request_kind::resume_recording: return recorder::judge(s, what, device);
    case request_kind::give_up_media: return media::judge(s, device);
    }
    return refusal::not_rung;
}

} // namespace z360::call
