// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Any order and any repetition of a call's events ends in the same call with the same effective commands;
// terminal states never revert (I7, I10, I18; BE-12, BE-33, BE-35).
//
// A command is effective when the carrier would carry it out, given that the whole story has happened there
// already and only the news of it is late:
//  - hang-up: the addressed leg is alive at the end of the story;
//  - answer: the caller is there and has not been answered, and it is done for somebody: a device that is
//    still there or, with none left, voicemail. (On behalf of a device that has come and gone meanwhile it
//    depends on whether its end was heard of first, and rightly so.)
//  - bridge: the caller is there and joined to nobody (else the carrier's fence refuses it), the device's leg
//    is alive;
//  - greeting and recording of voicemail: the caller is there;
//  - dial: always. `incoming` alone decides about dials, so they are the same list in any order.
// Prompts that keep a waiting caller company are not counted: they change neither who is joined nor who is
// alive, and whether one is needed depends on what was known while it was silent.
#include "story.hpp"
#include "support/scenario.hpp"

#include <z360/base/overloaded.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <numeric>
#include <ostream>
#include <set>
#include <string>
#include <tuple>
#include <vector>

using namespace z360;
using namespace z360::call;
using namespace z360::testing;

namespace {

const time_point k_begin = time_point{millis{1'800'000'000'000}};

std::string line(const effect& f) {
    if (const auto* n = std::get_if<note>(&f)) return n->what + " " + n->detail;
    if (const auto* q = std::get_if<inquiry>(&f)) return "ask " + std::to_string(q->round);
    const auto& c = std::get<command>(f);
    std::string text = c.id + " " + std::string(name(c.what())) + " " + c.call_control_id + " " +
                       (c.leg ? c.leg->text() : "caller") + " " +
                       std::to_string(c.issued_at.time_since_epoch().count()) + " " +
                       std::to_string(c.deadline.time_since_epoch().count());
    if (const auto* h = std::get_if<hangup_body>(&c.body)) text += " " + std::string(name(h->why));
    if (const auto* b = std::get_if<bridge_body>(&c.body)) text += " " + b->caller_control_id;
    return text;
}

/// A call under test: feeds events, checks what must hold at every step, remembers every command.
struct run {
    state now;
    std::vector<command> sent;
    time_point at = k_begin;

    explicit run(int devices) { take(begin(sample_incoming(devices), at)); }

    void feed(const event& e, millis later, authority may = authority::newest) {
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
    static void takes_nothing(const state& before, const decision& d) {
        for (const auto& f : d.effects)
            if (const auto* c = std::get_if<command>(&f))
                RC_ASSERT(c->what() != verb::hangup && c->what() != verb::reject);
        for (const auto& l : before.legs) {
            const auto* next = d.next.find(l.id);
            RC_ASSERT(next->release == l.release);
            RC_ASSERT(out_of_race(d.next, l.id) == out_of_race(before, l.id));
        }
        const bool over = phase_of(d.next) == phase::ended || phase_of(d.next) == phase::voicemail;
        RC_ASSERT(!over || phase_of(d.next) == phase_of(before));
    }
    void take(const decision& d) {
        now = d.next;
        const char* broken = broken_invariant(now);
        if (broken != nullptr) RC_FAIL(std::string("invariant broken: ") + broken);
        for (const auto& f : d.effects)
            if (const auto* c = std::get_if<command>(&f)) sent.push_back(*c);
    }
    /// Nothing more is heard: only time passes, until the call needs none.
    void let_time_pass() {
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
};

using line_set = std::set<std::string>;

/// What two deliveries of one story must agree on. `anyone` blurs the winner's name.
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

bool keeps_company(const command& c) {
    return c.id.find("-prompt-") != std::string::npos || c.id.find("-ringback-") != std::string::npos ||
           c.what() == verb::playback_stop;
}

line_set effective(const run& r, const story& s, bool anyone) {
    line_set out;
    const auto alive = [&](const std::optional<leg_id>& leg) {
        if (!leg) return !s.caller_ended();
        const auto* l = r.now.find(*leg);
        return l != nullptr && !s.leg_ended(static_cast<std::size_t>(l->device().value - 1));
    };
    for (const auto& c : r.sent) {
        if (keeps_company(c) || (c.what() != verb::dial && !alive(c.leg))) continue;
        std::string who = c.leg ? c.leg->text() : "caller";
        if (c.what() == verb::answer && (s.caller_answered || !s.wants_answer())) continue;
        if (c.what() == verb::bridge) {
            if (s.caller_ended() || s.joined >= 0) continue;
            if (anyone) who = "somebody";
        }
        out.insert(std::string(name(c.what())) + " " + who);
    }
    return out;
}

void check_ids(const run& r) {
    std::map<std::string, std::string> meaning; // one id, one meaning, sent once (I7)
    for (const auto& c : r.sent) {
        const auto text = std::string(name(c.what())) + " " + c.call_control_id;
        RC_ASSERT(meaning.emplace(c.id, text).second);
    }
}

void check_end(const run& r) {
    const bool talking = !r.now.caller.ended && phase_of(r.now) != phase::ended;
    if (talking) return;
    for (const auto& l : r.now.legs)
        RC_ASSERT(!l.alive());
}

// ---- generators

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

/// A dial that was given up counts as refused until a webhook tells better; with no other leg left the call
/// would rightly move on meanwhile. So at least one leg is known to live whatever comes first.
void keep_one_known(story& s) {
    for (std::size_t i = 0; i < s.devices.size(); ++i)
        if (!s.leg_ended(i) && !s.devices[i].reply_expires) return;
    for (auto& d : s.devices)
        d.reply_expires = false;
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

/// A random order of the events, each one to three times, a few milliseconds apart.
struct delivery {
    event what;
    millis later;
};
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

/// Whether a caller who left had begun to hear the greeting is no fact of such a story: where every device
/// was gone and the caller was answered, "cancelled" and "voicemail" are the same ending.
void blur_reason(line_set& view, const story& s) {
    bool all_ended = true;
    for (std::size_t i = 0; i < s.devices.size(); ++i)
        all_ended = all_ended && s.leg_ended(i);
    if (!all_ended || !s.caller_answered || s.joined >= 0) return;
    if (view.erase("phase ended voicemail") > 0) view.insert("phase ended caller_cancelled");
}

void same_in_any_order(const story& s, bool anyone) {
    RC_LOG() << s << '\n';
    const int n = static_cast<int>(s.devices.size());
    run straight(n);
    run mixed(n);
    const auto events = tell(s, straight.now);
    for (const auto& e : events)
        straight.feed(e, millis{1});
    deliver(mixed, shuffled(events));
    auto want = view(straight.now, anyone);
    auto got = view(mixed.now, anyone);
    blur_reason(want, s);
    blur_reason(got, s);
    RC_ASSERT(got == want);
    RC_ASSERT(effective(mixed, s, anyone) == effective(straight, s, anyone));
    if (!anyone || s.joined >= 0) {
        // Nothing more is heard of the call: it ends the same way in both.
        straight.let_time_pass();
        mixed.let_time_pass();
        want = view(straight.now, anyone);
        got = view(mixed.now, anyone);
        blur_reason(want, s);
        blur_reason(got, s);
        RC_ASSERT(got == want);
    }
    for (const auto* r : {&straight, &mixed}) {
        check_ids(*r);
        check_end(*r);
    }
}

bool holds(const char* what, const std::function<void()>& property) {
    ::setenv("RC_PARAMS", "max_success=1000", 0); // RapidCheck reads it once; the caller's own value wins
    return rc::check(what, property);
}

} // namespace

TEST(call_properties, i_10_be_12_be_33_be_35_one_answerer_ends_the_same_in_any_order) {
    EXPECT_TRUE(holds("one device at most answers", [] { same_in_any_order(any_story(true), false); }));
}

TEST(call_properties, i_10_several_answerers_end_the_same_but_for_who_wins) {
    EXPECT_TRUE(holds("several devices answer", [] {
        const auto s = any_story(false);
        // Once the carrier has joined somebody there is nothing left to choose.
        same_in_any_order(s, s.joined < 0);
    }));
}

TEST(call_properties, i_10_voicemail_ends_the_same_in_any_order) {
    EXPECT_TRUE(holds("nobody answers, the caller speaks to voicemail", [] {
        story s;
        s.devices = *rc::gen::resize(20, rc::gen::container<std::vector<device_story>>(any_device(false)));
        if (s.devices.size() > 20) s.devices.resize(20);
        const bool saved = *rc::gen::arbitrary<bool>();
        const bool leaves = *rc::gen::arbitrary<bool>();
        RC_LOG() << s << (saved ? " saved" : "") << (leaves ? " leaves" : "") << '\n';
        const int n = static_cast<int>(s.devices.size());
        run straight(n);
        run mixed(n);
        const auto ring = tell(s, straight.now);
        for (const auto& e : ring)
            straight.feed(e, millis{1});
        deliver(mixed, shuffled(ring));
        // The carrier could only come to voicemail after we had: by the last device's end or by time.
        for (auto* r : {&straight, &mixed}) {
            if (phase_of(r->now) == phase::ringing) r->feed(tick{}, r->now.ring_deadline - r->at);
            RC_ASSERT(phase_of(r->now) == phase::voicemail);
        }
        const leg_ref caller{"v3:caller", std::nullopt};
        std::vector<event> rest{leg_answered{caller}, prompt_ended{caller, false, false}};
        if (saved) rest.emplace_back(recording_saved{caller, "rec-1", "https://example.test/rec-1.mp3"});
        if (leaves) rest.emplace_back(leg_hangup{caller, "normal_clearing", "caller"});
        for (const auto& e : rest)
            straight.feed(e, millis{1});
        rest.insert(rest.end(), ring.begin(), ring.end()); // and everything from before once more
        deliver(mixed, shuffled(rest));
        for (auto* r : {&straight, &mixed})
            r->let_time_pass();
        RC_ASSERT(view(mixed.now, false) == view(straight.now, false));
        RC_ASSERT(mixed.now.reason == end_reason::voicemail);
        for (const auto* r : {&straight, &mixed}) {
            check_ids(*r);
            check_end(*r);
        }
    }));
}

// A node that cannot ask for the newest copy hears everything minutes late, while every deadline of its copy
// passes: nothing is taken away by time, and once it is sure again the call is the one that it would have
// been.
TEST(call_properties, i_21_time_without_proof_only_adds_and_leaves_the_same_call) {
    EXPECT_TRUE(holds("late events on a copy that may be old", [] {
        const auto s = any_story(true);
        RC_LOG() << s << '\n';
        const int n = static_cast<int>(s.devices.size());
        run sure(n);
        run unsure(n);
        for (const auto& e : tell(s, sure.now))
            sure.feed(e, millis{1});
        for (const auto& e : tell(s, unsure.now)) {
            unsure.feed(tick{}, millis{*rc::gen::inRange(0, 20'000)}, authority::unproven);
            unsure.feed(e, millis{0}, authority::unproven);
        }
        sure.let_time_pass();
        unsure.let_time_pass();
        auto want = view(sure.now, false);
        auto got = view(unsure.now, false);
        blur_reason(want, s);
        blur_reason(got, s);
        RC_ASSERT(got == want);
        RC_ASSERT(effective(unsure, s, false) == effective(sure, s, false));
        check_ids(unsure);
        check_end(unsure);
    }));
}

namespace {

/// What the carrier has told, and nothing that we made of it.
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

/// Anything that a carrier can tell of these legs, sensible or not: only each leg has one id and one cause.
event anything(const state& begun) {
    const leg_ref caller{begun.caller.call_control_id, std::nullopt};
    const auto n = *rc::gen::inRange(0, static_cast<int>(begun.legs.size()) + 1);
    leg_ref who = caller;
    if (n > 0) {
        const auto& l = begun.legs[static_cast<std::size_t>(n - 1)];
        who = {control_id(static_cast<int>(l.device().value)), l.id};
    }
    const auto at = k_begin + std::chrono::seconds{*rc::gen::inRange(1, 9)};
    const auto number = std::to_string(*rc::gen::inRange(1, 4));
    switch (*rc::gen::inRange(0, 7)) {
    case 0: return leg_initiated{who};
    case 1: return leg_answered{who};
    case 2: return leg_bridged{who};
    case 3: return leg_hangup{who, "cause of " + who.call_control_id, ""};
    case 4: // two holds of one leg at one moment would contradict each other
        return leg_hold{who, at.time_since_epoch().count() % 2'000 == 0, at};
    case 5: {
        const bool spoken = *rc::gen::arbitrary<bool>();
        const auto serial = std::to_string((at - k_begin).count() / 3'000);
        return prompt_ended{caller, false, false, spoken, at, begun.id.text() + "-prompt-" + serial};
    }
    default: {
        const auto id = "rec-" + number + "-" + who.call_control_id; // of one leg each
        return recording_saved{who, id, "https://example.test/" + id};
    }
    }
}

} // namespace

// Whatever the carrier tells is written down alike in every order and however often, wherever the call
// stands: several answers, holds of several legs, prompts, recordings.
TEST(call_properties, i_10_facts_are_facts_in_any_order) {
    EXPECT_TRUE(holds("any events of several legs", [] {
        const int n = *rc::gen::inRange(1, 5);
        run straight(n);
        run mixed(n);
        std::vector<event> events;
        const auto many = *rc::gen::inRange(1, 40);
        for (int i = 0; i < many; ++i)
            events.push_back(anything(straight.now));
        for (const auto& e : events)
            straight.feed(e, millis{1});
        deliver(mixed, shuffled(events));
        RC_ASSERT(facts(mixed.now) == facts(straight.now));
        for (const auto* r : {&straight, &mixed}) {
            check_ids(*r);
            check_end(*r);
        }
    }));
}

TEST(call_properties, i_18_an_event_fed_again_at_once_changes_nothing) {
    EXPECT_TRUE(holds("every event twice in a row", [] {
        const auto s = any_story(*rc::gen::arbitrary<bool>());
        RC_LOG() << s << '\n';
        run r(static_cast<int>(s.devices.size()));
        for (const auto& [e, later] : shuffled(tell(s, r.now))) {
            r.feed(e, later);
            const auto before = r.now;
            const auto commands = r.sent.size();
            r.feed(e, millis{0});
            RC_ASSERT(r.now == before);
            RC_ASSERT(r.sent.size() == commands);
        }
    }));
}
