// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "run.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

namespace z360::testing {

using namespace call;

namespace {

std::string line(const output& f) {
    if (const auto* n = std::get_if<note>(&f)) return std::string(name(n->what)) + " " + n->detail;
    if (const auto* q = std::get_if<inquiry>(&f)) return "ask " + std::to_string(q->round);
    const auto& e = std::get<effect>(f);
    if (const auto* p = std::get_if<push_notice>(&e.body)) return e.id + " " + std::string(name(p->why));
    const auto c = command_of(f).value();
    std::string text = c.id + " " + std::string(name(c.what())) + " " + c.call_control_id + " " +
                       (c.leg ? c.leg->text() : "caller") + " " +
                       std::to_string(c.issued_at.time_since_epoch().count()) + " " +
                       std::to_string(c.deadline.time_since_epoch().count());
    if (const auto* h = std::get_if<hangup_body>(&c.body)) text += " " + std::string(name(h->why));
    if (const auto* b = std::get_if<bridge_body>(&c.body)) text += " " + b->caller_control_id;
    return text;
}

void takes_nothing(const state& before, const decision& d) {
    for (const auto& f : d.effects)
        if (const auto c = command_of(f)) RC_ASSERT(c->what() != verb::hangup && c->what() != verb::reject);
    for (const auto& l : before.legs) {
        const auto* next = d.next.find(l.id);
        RC_ASSERT(next->release == l.release);
        RC_ASSERT(out_of_race(d.next, l.id) == out_of_race(before, l.id));
    }
    const bool over = phase_of(d.next) == phase::ended || phase_of(d.next) == phase::voicemail;
    RC_ASSERT(!over || phase_of(d.next) == phase_of(before));
}

bool keeps_company(const command& c) {
    return c.id.find("-prompt-") != std::string::npos || c.id.find("-ringback-") != std::string::npos ||
           c.what() == verb::playback_stop;
}

/// A dial that was given up counts as refused until a webhook tells better; with no other leg left the call
/// would rightly move on meanwhile. So at least one leg is known to live whatever comes first.
void keep_one_known(story& s) {
    for (std::size_t i = 0; i < s.devices.size(); ++i)
        if (!s.leg_ended(i) && !s.devices[i].reply_expires) return;
    for (auto& d : s.devices)
        d.reply_expires = false;
}

} // namespace

run::run(int devices, bool push, std::string mobile) {
    auto caller = sample_incoming(devices);
    caller.routed.rules.wake_by_push = push;
    caller.routed.mobile = std::move(mobile);
    take(begin(caller, at));
}

run::run(const incoming& caller) {
    take(begin(caller, at));
}

void run::feed(const event& e, millis later, authority may) {
    at += later;
    RC_LOG() << name(e) << ' ';
    const state before = now;
    const auto d = decide(now, e, at, may);
    const auto again = decide(before, e, at, may);
    RC_ASSERT(d.next == again.next); // the same log gives the same state and commands (I18)
    RC_ASSERT(d.effects.size() == again.effects.size());
    for (std::size_t i = 0; i < d.effects.size(); ++i)
        RC_ASSERT(line(d.effects[i]) == line(again.effects[i]));
    if (phase_of(before) == phase::ended) RC_ASSERT(phase_of(d.next) == phase::ended);
    // Voicemail is left only for a talk that the carrier reports from both sides (I21).
    const auto* w = winner(d.next);
    const bool talk = w != nullptr && w->bridged && d.next.caller.bridged;
    if (phase_of(before) == phase::voicemail && !talk)
        RC_ASSERT(phase_of(d.next) == phase::voicemail || phase_of(d.next) == phase::ended);
    if (may == authority::unproven && std::holds_alternative<tick>(e)) takes_nothing(before, d);
    take(d);
}

void run::take(const decision& d) {
    now = d.next;
    const char* broken = broken_invariant(now);
    if (broken != nullptr) RC_FAIL(std::string("invariant broken: ") + broken);
    for (const auto& f : d.effects) {
        if (const auto c = command_of(f)) (std::get<effect>(f).after ? waiting : sent).push_back(*c);
        const auto* e = std::get_if<effect>(&f);
        if (e != nullptr && std::holds_alternative<push_notice>(e->body)) pushes.push_back({*e, at, now});
    }
}

void run::let_time_pass() {
    for (int i = 0; i < 500; ++i) {
        const auto next = deadline(now);
        if (!next) return;
        const auto asked = now.asked;
        feed(tick{}, std::max(*next - at, millis{0}));
        // The carrier has nothing more on record than what was told.
        if (now.asked > asked) feed(carrier_told{now.asked, true}, millis{50});
    }
    RC_FAIL("the call never comes to rest");
}

line_set view(const state& s, bool anyone) {
    line_set out;
    const auto put = [&out](std::string text) { out.insert(std::move(text)); };
    put("phase " + std::string(name(phase_of(s))) + " " + std::string(name(s.reason)));
    put(std::string("caller") + (s.caller.answered ? " answered" : "") +
        (s.caller.bridged ? " bridged" : "") + (s.caller.ended ? " ended" : ""));
    const bool over = phase_of(s) == phase::ended || phase_of(s) == phase::voicemail;
    if (const auto* w = winner(s); !over && w != nullptr)
        put("winner " + (anyone ? std::string("somebody") : w->id.text()));
    for (const auto& l : s.legs) {
        const bool gone = l.ended || l.dial == dial_status::failed;
        put("leg " + l.id.text() + " " + l.call_control_id + (l.initiated ? " initiated" : "") +
            (l.answered ? " answered" : "") + (l.bridged ? " bridged" : "") + (l.ended ? " ended" : "") +
            " " + l.hangup_cause + (gone ? " gone" : (l.hangup_sent || !l.alive() ? " doomed" : " lives")));
    }
    if (!over)
        for (const auto& l : s.legs)
            put("hold " + l.id.text() + (l.hold.held ? " held" : ""));
    put(std::string("caller's hold ") + (s.caller.hold.held ? "held" : ""));
    for (const auto& r : s.recordings)
        put("recording " + r.id + " " + std::string(name(r.purpose)));
    return out;
}

ending ending_of(const story& s) {
    return {s.caller_ended(), s.caller_answered, s.joined >= 0, s.wants_answer()};
}

line_set effective(const run& r, const ending& s, bool anyone) {
    line_set out;
    const auto alive = [&](const std::optional<leg_id>& leg) {
        if (!leg) return !s.caller_ended;
        const auto* l = r.now.find(*leg);
        return l != nullptr && !l->ended;
    };
    for (const auto& c : r.sent) {
        if (keeps_company(c) || (c.what() != verb::dial && !alive(c.leg))) continue;
        std::string who = c.leg ? c.leg->text() : "caller";
        if (c.what() == verb::answer && (s.caller_answered || !s.wants_answer)) continue;
        if (c.what() == verb::bridge) {
            if (s.caller_ended || s.joined) continue;
            if (anyone) who = "somebody";
        }
        out.insert(std::string(name(c.what())) + " " + who);
    }
    return out;
}

line_set facts(const state& s) {
    line_set out;
    const auto put = [&out](std::string text) { out.insert(std::move(text)); };
    const auto hold = [](const hold_mark& h) {
        return std::string(h.held ? " held " : " free ") + std::to_string(h.at.time_since_epoch().count());
    };
    put(std::string("caller") + (s.caller.answered ? " answered" : "") +
        (s.caller.bridged ? " bridged" : "") + (s.caller.ended ? " ended " : " ") + s.caller.hangup_cause +
        hold(s.caller.hold));
    for (const auto& l : s.legs)
        put(l.id.text() + " " + l.call_control_id + (l.initiated ? " initiated" : "") +
            (l.answered ? " answered" : "") + (l.bridged ? " bridged" : "") + (l.ended ? " ended " : " ") +
            l.hangup_cause + hold(l.hold));
    for (const auto& r : s.recordings)
        put("recording " + r.id + " " + r.url + " " + std::string(name(r.purpose)));
    for (const auto& e : s.prompt_ends)
        put("end " + std::to_string(e.at.time_since_epoch().count()) + (e.spoken ? " spoken " : " played ") +
            (e.listener_left ? "left " : "") + e.command_id);
    put("answers " + std::to_string(s.answers));
    return out;
}

void blur_reason(line_set& view) {
    if (view.erase("phase ended voicemail") > 0) view.insert("phase ended caller_cancelled");
}

void blur_reason(line_set& view, const story& s) {
    bool all_ended = true;
    for (std::size_t i = 0; i < s.devices.size(); ++i)
        all_ended = all_ended && s.leg_ended(i);
    if (all_ended && s.caller_answered && s.joined < 0) blur_reason(view);
}

void check_ids(const run& r) {
    std::map<std::string, std::string> meaning; // one id, one meaning, sent once (I7)
    const auto text = [](const command& c) { return std::string(name(c.what())) + " " + c.call_control_id; };
    for (const auto& c : r.sent)
        RC_ASSERT(meaning.emplace(c.id, text(c)).second);
    std::set<std::string> told; // what waits is told once, and is released as what it was
    for (const auto& c : r.waiting) {
        RC_ASSERT(told.insert(c.id).second);
        const auto released = meaning.find(c.id);
        // RC_ASSERT evaluates both sides of `||` to print them: what guards an access is decided before.
        const bool as_told = released == meaning.end() || released->second == text(c);
        RC_ASSERT(as_told);
    }
}

void check_end(const run& r) {
    const bool talking = !r.now.caller.ended && phase_of(r.now) != phase::ended;
    if (talking) return;
    for (const auto& l : r.now.legs)
        RC_ASSERT(!l.alive());
}

rc::Gen<device_story> any_device(bool may_answer) {
    const auto quiet = rc::gen::element(fate::rings_on, fate::declines, fate::times_out, fate::not_dialed);
    const auto loud = rc::gen::element(
        fate::rings_on, fate::declines, fate::times_out, fate::not_dialed, fate::answers, fate::drops
    );
    return rc::gen::map(
        rc::gen::tuple(
            may_answer ? loud : quiet, rc::gen::arbitrary<bool>(), rc::gen::inRange(0, 8),
            rc::gen::arbitrary<bool>()
        ),
        [](const auto& t) {
            device_story d;
            d.what = std::get<0>(t);
            d.reply_names_leg = std::get<1>(t);
            d.reply_expires = std::get<2>(t) == 0;
            d.hangup_reported = std::get<3>(t);
            return d;
        }
    );
}

story any_story(bool one_answering) {
    story s;
    s.devices = *rc::gen::resize(
        20, rc::gen::nonEmpty(rc::gen::container<std::vector<device_story>>(any_device(!one_answering)))
    );
    if (s.devices.size() > 20) s.devices.resize(20);
    const auto n = static_cast<int>(s.devices.size());
    const int chosen = *rc::gen::inRange(0, n);
    auto& d = s.devices[static_cast<std::size_t>(chosen)];
    if (one_answering) {
        const int what = *rc::gen::inRange(0, 4);
        if (what < 2) d.what = fate::answers;
        if (what == 2) d.what = fate::drops;
    }
    if (d.what == fate::answers && *rc::gen::arbitrary<bool>()) {
        s.joined = chosen;
        s.caller_answered = true;
        s.went = *rc::gen::element(talk::goes_on, talk::device_ends, talk::caller_ends);
        s.holds = *rc::gen::resize(4, rc::gen::container<std::vector<bool>>(rc::gen::arbitrary<bool>()));
        s.caller_holds =
            *rc::gen::resize(2, rc::gen::container<std::vector<bool>>(rc::gen::arbitrary<bool>()));
    } else {
        s.caller_answered = s.answering() > 0 && *rc::gen::arbitrary<bool>();
        s.caller_leaves = *rc::gen::arbitrary<bool>();
    }
    keep_one_known(s);
    return s;
}

std::vector<delivery> shuffled(const std::vector<event>& events) {
    const auto keys = *rc::gen::container<std::vector<std::uint32_t>>(
        3 * events.size(), rc::gen::arbitrary<std::uint32_t>()
    );
    std::vector<std::pair<std::uint32_t, std::size_t>> order;
    for (std::size_t i = 0; i < events.size(); ++i) {
        const std::size_t copies = keys[3 * i] % 8 == 7 ? 3 : keys[3 * i] % 8 > 4 ? 2 : 1;
        for (std::size_t c = 0; c < copies; ++c)
            order.emplace_back(keys[3 * i + c], i);
    }
    std::sort(order.begin(), order.end());
    std::vector<delivery> out;
    for (const auto& [key, i] : order)
        out.push_back({events[i], millis{key % 4}});
    return out;
}

void deliver(run& r, const std::vector<delivery>& events) {
    for (const auto& e : events)
        r.feed(e.what, e.later);
}

bool holds(const char* what, const std::function<void()>& property) {
    ::setenv("RC_PARAMS", "max_success=1000", 0); // RapidCheck reads it once; the caller's own value wins
    return rc::check(what, property);
}

} // namespace z360::testing
