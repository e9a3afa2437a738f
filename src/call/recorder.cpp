// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "call/recorder.hpp"

#include "call/join.hpp"
#include "call/leg.hpp"
#include "call/prompt.hpp"
#include "call/talk.hpp"

#include <z360/call/view.hpp>

#include <algorithm>
#include <string>
#include <tuple>

namespace z360::call::recorder {
namespace {

constexpr std::size_t k_most_facts = 16;   // more would be an attack or a fault of ours
constexpr std::uint32_t k_most_orders = 1; // to record it again (BE-24)
constexpr millis k_order_limit{1'500};     // so that a talk is recorded, or known not to be, in 7 s
constexpr millis k_look_after{5'000};      // from the join until a fault is asked for
constexpr millis k_look_again{2'000};      // from an order, whose fault may be the same one
constexpr std::uint32_t k_most_looks = 3;  // while the carrier cannot be asked
constexpr millis k_spoken_within{5'000};   // what is said to the caller is of no use later
constexpr millis k_pause_limit{5'000};     // whoever asked for it waits
constexpr millis k_resume_limit{30'000};   // what is not recorded is lost; within the carrier's memory of ids
constexpr millis k_on_its_way{3'500};      // a lost command's last request may reach the carrier for so long
constexpr millis k_unrecorded_until{8'000}; // from the join: a talk that must be recorded, and is not (BE-24)
constexpr millis k_shortest_word{2'000};
constexpr std::uint32_t k_foreign_turns = 4; // that another copy may have been ahead
constexpr std::uint32_t k_most_turns = 64;   // after so many none is repeated by itself

bool records(const state& s) {
    return recording_of(s.routed.rules) != recording_policy::off;
}

std::string order_id(const leg& l, std::uint32_t n) {
    return l.id.text() + "-record-" + std::to_string(n);
}
std::string turn_id(const leg& l, std::uint32_t n) {
    return l.id.text() + "-recording-turn-" + std::to_string(n);
}

/// By which it is recorded now, if it is: the bridge, or the newest order.
std::string recorded_by(const state& s, const leg& l) {
    return s.recorder.orders > 0 ? order_id(l, s.recorder.orders) : joins::bridge_id(*current_join(s));
}
const recording_order* told_of(const state& s, const std::string& command) {
    const auto& all = s.recorder.told;
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& o) { return o.command_id == command; });
    return found == all.end() ? nullptr : &*found;
}
/// The carrier's id of what is recorded; empty: not told.
std::string recording_id(const state& s, const leg& l) {
    const auto* o = told_of(s, recorded_by(s, l));
    return o != nullptr ? o->recording_id : std::string{};
}

/// Two copies of the call have joined the same two, each by a bridge of its own: both are recorded, and what
/// is to pause is all of it (I17).
bool joined_twice(const state& s, const leg& l) {
    const auto bridge = l.id.text() + "-bridge-";
    return std::count_if(s.recorder.told.begin(), s.recorder.told.end(), [&bridge](const auto& o) {
               return o.command_id.starts_with(bridge) && !o.recording_id.empty();
           }) > 1;
}

/// How many of the bridge and the orders after it have failed. Which of them a report is about it does not
/// say: each fails once.
std::size_t failures(const state& s, const leg& l) {
    const auto& r = s.recorder;
    auto n = static_cast<std::size_t>(std::count_if(r.faults.begin(), r.faults.end(), [&l](const auto& f) {
        return f.leg == l.id;
    }));
    for (std::uint32_t i = 1; i <= r.orders; ++i)
        if (const auto* o = told_of(s, order_id(l, i)); o != nullptr && o->failed) ++n;
    return n;
}
bool has_failed(const state& s, const leg& l) {
    return failures(s, l) > s.recorder.orders;
}
// A bridge that took effect has begun its recording; the outcome of an order must be known.
bool runs(const state& s, const leg& l) {
    if (has_failed(s, l)) return false;
    return s.recorder.orders == 0 || told_of(s, recorded_by(s, l)) != nullptr;
}

// ---- facts

void note_fault(state& s, const recording_failed& e) {
    const auto* l = e.who.leg ? s.find(*e.who.leg) : s.find_by_control_id(e.who.call_control_id);
    auto& all = s.recorder.faults;
    if (l == nullptr || all.size() >= k_most_facts) return;
    const recording_fault f{l->id, e.at};
    if (std::find(all.begin(), all.end(), f) != all.end()) return;
    all.push_back(f);
    // Told in any order, it is the same set.
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return std::tie(a.at, a.leg.value) < std::tie(b.at, b.leg.value);
    });
}

void note_order(state& s, const command_outcome& o) {
    const bool failed = o.result != outcome::done && o.result != outcome::superseded;
    const bool tells =
        o.what == verb::record_start ? failed || o.result == outcome::done : !o.recording_id.empty();
    auto& all = s.recorder.told;
    if (!o.who.leg || s.find(*o.who.leg) == nullptr || !tells) return;
    auto at = std::lower_bound(all.begin(), all.end(), o.command_id, [](const auto& x, const auto& id) {
        return x.command_id < id;
    });
    if (at == all.end() || at->command_id != o.command_id) {
        if (all.size() >= k_most_facts) return;
        at = all.insert(at, {o.command_id, {}, false});
    }
    at->recording_id = std::max(at->recording_id, o.recording_id);
    at->failed = at->failed || (o.what == verb::record_start && failed);
}

// Another copy of the call has sent it, by a decision that came to nothing: the recording is brought to where
// it is wanted by a turn of its own, with an id that nobody has used.
void note_foreign_turn(state& s, const leg& l, const command_outcome& o) {
    auto& r = s.recorder;
    const bool acted = o.result == outcome::done || o.result == outcome::expired;
    if (r.turn_open || !acted || recording_of(s.routed.rules) != recording_policy::on) return;
    for (auto n = r.turns + 1; n <= r.turns + k_foreign_turns && n < k_most_turns; ++n) {
        if (o.command_id != turn_id(l, n)) continue;
        r.turns = n;
        r.paused = false;
        r.doubtful = true;
        return;
    }
}

// The last turn alone is open. What a lost one did to the recording nobody knows: it counts as going on,
// because "paused" promises something (I17).
void note_turn(state& s, const command_outcome& o, time_point now) {
    auto& r = s.recorder;
    const auto* l = o.who.leg ? s.find(*o.who.leg) : nullptr;
    if (l == nullptr) return;
    if (!r.turn_open || o.command_id != turn_id(*l, r.turns)) return note_foreign_turn(s, *l, o);
    r.turn_open = false;
    if (o.result == outcome::expired) {
        r.quiet_from = now + k_on_its_way;
        r.doubtful = r.turns < k_most_turns; // it may have been heard: what goes on has to be stored (BE-24)
    } else if (o.result == outcome::done || o.what == verb::record_resume) {
        r.doubtful = false;
    }
    if (o.what == verb::record_pause) {
        r.paused = o.result == outcome::done;
        r.pause_wanted = r.pause_wanted && r.paused; // whoever asked sees that it goes on
    }
}

void absorb(state& s, const event& what, time_point now) {
    if (const auto* e = std::get_if<recording_failed>(&what)) note_fault(s, *e);
    const auto* o = std::get_if<command_outcome>(&what);
    if (o == nullptr) return;
    switch (o->what) {
    case verb::bridge:
    case verb::record_start: return note_order(s, *o);
    case verb::record_pause:
    case verb::record_resume: return note_turn(s, *o, now);
    case verb::dial:
    case verb::answer:
    case verb::hangup:
    case verb::reject:
    case verb::speak:
    case verb::playback_start:
    case verb::playback_stop:
    case verb::gather_using_speak: return;
    }
}

void narrate(const state& before, const event& what, const state& after, effects& out) {
    const auto* o = std::get_if<command_outcome>(&what);
    if (o == nullptr || o->result != outcome::done) return;
    if (!before.recorder.turn_open || after.recorder.turn_open) return;
    add_note(out, o->what == verb::record_pause ? remark::recording_paused : remark::recording_resumed);
}

// ---- decisions

command on_leg(const state& s, const leg& l, std::string id, time_point now, millis allowed, command_body b) {
    auto c = caller_command(s, std::move(id), now, allowed, std::move(b));
    c.call_control_id = l.call_control_id;
    c.leg = l.id;
    return c;
}

void say(const state& s, effects& out, const char* id, const std::string& text, time_point now) {
    out.emplace_back(
        caller_command(s, caller_id(s, id), now, k_spoken_within, speak_body{text, s.routed.rules.voice})
    );
}

// To the caller, once the two are joined: nobody waits for it, so its loss costs nothing else.
void announce(state& s, effects& out, time_point now) {
    const auto& text = s.routed.rules.recording_announcement;
    if (s.recorder.announced || text.empty()) return;
    s.recorder.announced = true;
    add_note(out, remark::recording_announced);
    say(s, out, "announcement", text, now);
}

// Nothing is to be asked (any more): the carrier's answer has named the recording, or the question about it
// was answered. That an order was named says little: there is a fault. Talks that an earlier program has
// joined were never to be asked about.
bool is_known(const state& s, const leg& l, time_point first_look, time_point now) {
    const auto& r = s.recorder;
    if ((r.orders == 0 && !recording_id(s, l).empty()) || r.unavailable) return true;
    if (r.look_round != 0 && s.told >= r.look_round) return true;
    return r.look_at ? r.looks >= k_most_looks && now >= *r.look_at : now >= first_look;
}

// Where the bridge's answer does not name what it records, the report of a fault may have been lost, too:
// what is on record of the call is asked for.
void look(state& s, effects& out, const leg& l, time_point now) {
    auto& r = s.recorder;
    if (r.looked) return;
    const auto first_look = *current_join(s)->joined_at + k_look_after;
    r.looked = is_known(s, l, first_look, now);
    if (r.looked) return r.look_at.reset();
    if (!r.look_at) r.look_at = first_look;
    if (now < *r.look_at) return;
    ++r.looks;
    r.look_round = ++s.asked;
    r.look_at = now + k_look_after;
    add_note(out, remark::carrier_asked, "round=" + std::to_string(r.look_round));
    out.emplace_back(inquiry{r.look_round});
}

// Announced, and ended in time, where a talk must not go on unrecorded.
void give_up(state& s, effects& out, const leg& l, time_point now) {
    const auto& rules = s.routed.rules;
    s.recorder.unavailable = true;
    add_note(out, remark::recording_unavailable, "leg=" + l.id.text());
    if (recording_of(rules) != recording_policy::mandatory || !rules.ends_unrecorded) return;
    s.recorder.ends_at = now;
    if (rules.unrecorded_message.empty()) return;
    say(s, out, "unrecorded", rules.unrecorded_message, now);
    auto until = now + prompts::spoken_length(rules.unrecorded_message);
    const auto latest = *current_join(s)->joined_at + k_unrecorded_until;
    if (now < latest) until = std::min(until, std::max(latest, now + k_shortest_word));
    s.recorder.ends_at = until;
}

// Not while it is paused: a new recording would store what is said.
bool may_order(const state& s) {
    const auto& r = s.recorder;
    return !r.pause_wanted && !r.paused && !r.turn_open && !r.doubtful;
}

void repair(state& s, effects& out, const leg& l, time_point now) {
    auto& r = s.recorder;
    if (!has_failed(s, l) || r.unavailable || !may_order(s)) return;
    if (r.orders >= k_most_orders) return give_up(s, out, l, now);
    const auto n = ++r.orders;
    record_start_body body;
    body.max_length_secs = 0; // as long as the talk
    body.name = s.id.text();
    body.beep = false;
    body.dual = true;
    r.looked = false;
    r.looks = r.look_round = 0;
    r.look_at = std::max(*current_join(s)->joined_at + k_look_after, now + k_look_again);
    add_note(out, remark::recording_retried, "leg=" + l.id.text());
    out.emplace_back(on_leg(s, l, order_id(l, n), now, k_order_limit, std::move(body)));
}

bool turn_waits(const state& s) {
    const auto& r = s.recorder;
    return !r.turn_open && (r.pause_wanted != r.paused || r.doubtful);
}

// One after the other, each when the one before has had its effect, or can have none any more: the carrier
// never sees them in another order.
void turn(state& s, effects& out, const leg& l, time_point now) {
    auto& r = s.recorder;
    if (!turn_waits(s) || (r.quiet_from && now < *r.quiet_from)) return;
    r.quiet_from.reset();
    if (!r.pause_wanted && has_failed(s, l)) { // nothing is there to go on with: it is recorded again
        r.paused = r.doubtful = false;
        return;
    }
    const bool pauses = r.pause_wanted;
    const auto id = turn_id(l, ++r.turns);
    r.turn_open = true;
    r.paused = false; // a resumption may have its effect at once
    const auto which = joined_twice(s, l) ? std::string{} : recording_id(s, l);
    out.emplace_back(
        pauses ? on_leg(s, l, id, now, k_pause_limit, record_pause_body{which})
               : on_leg(s, l, id, now, k_resume_limit, record_resume_body{which})
    );
}

bool settle(state& s, effects& out, const circumstances& c) {
    const auto* l = talking(s);
    if (l == nullptr || !records(s)) return false;
    announce(s, out, c.now);
    turn(s, out, *l, c.now);
    repair(s, out, *l, c.now);
    look(s, out, *l, c.now);
    const auto& ends = s.recorder.ends_at;
    if (!ends || c.now < *ends || c.may != authority::newest) return false;
    end(s, out, end_reason::completed, c.now);
    return true;
}

std::optional<time_point> deadline(const state& s) {
    if (talking(s) == nullptr || !records(s)) return std::nullopt;
    const auto& r = s.recorder;
    auto first = r.look_at;
    if (r.ends_at && (!first || *r.ends_at < *first)) first = r.ends_at;
    if (turn_waits(s) && r.quiet_from && (!first || *r.quiet_from < *first)) first = r.quiet_from;
    return first;
}

bool wants(const state& s, const effect& e) {
    const auto* cmd = carried(e);
    const auto* l = talking(s);
    if (cmd == nullptr || l == nullptr || !records(s)) return false;
    switch (cmd->what()) {
    case verb::record_start: return may_order(s) && e.id == order_id(*l, s.recorder.orders);
    case verb::record_pause:
    case verb::record_resume: return s.recorder.turn_open && e.id == turn_id(*l, s.recorder.turns);
    case verb::speak: return e.id == caller_id(s, "announcement") || e.id == caller_id(s, "unrecorded");
    case verb::dial:
    case verb::answer:
    case verb::bridge:
    case verb::hangup:
    case verb::reject:
    case verb::playback_start:
    case verb::playback_stop:
    case verb::gather_using_speak: return false;
    }
    return false;
}

const char* broken(const state& s) {
    const auto& r = s.recorder;
    const bool touched = r.pause_wanted || r.paused || r.turns > 0;
    if (!records(s) && (touched || r.orders > 0 || r.announced))
        return "nothing_is_recorded_against_the_rules";
    if (recording_of(s.routed.rules) == recording_policy::mandatory && touched)
        return "a_fixed_recording_goes_on";
    if (r.paused && (r.turn_open || r.doubtful)) return "paused_means_that_nothing_was_sent_since";
    if (r.orders > k_most_orders || r.looks > k_most_looks) return "recording_is_tried_a_few_times";
    if (r.look_round > s.asked) return "questions_are_counted";
    return r.faults.size() > k_most_facts || r.told.size() > k_most_facts ? "facts_are_bounded" : nullptr;
}

} // namespace

const component k_component{absorb, narrate, settle, deadline, nullptr, wants, broken};

refusal judge(const state& s, request_kind what, device_id device) {
    if (over(s)) return refusal::call_over;
    const auto* l = talking(s);
    if (l == nullptr || device.none() || l->device() != device) return refusal::not_talking;
    const auto rule = recording_of(s.routed.rules);
    if (rule == recording_policy::mandatory) return refusal::recording_fixed;
    if (rule == recording_policy::off || s.recorder.unavailable) return refusal::not_recorded;
    if (what == request_kind::resume_recording || s.recorder.pause_wanted) return refusal::none;
    return runs(s, *l) ? refusal::none : refusal::not_recorded;
}

void grant(state& s, request_kind what) {
    s.recorder.pause_wanted = what == request_kind::pause_recording;
}

} // namespace z360::call::recorder

namespace z360::call {

std::string_view name(recording_view r) {
    switch (r) {
    case recording_view::off: return "off";
    case recording_view::on: return "on";
    case recording_view::paused: return "paused";
    case recording_view::unavailable: return "unavailable";
    }
    return "?";
}

recording_view recording_seen(const state& s) {
    const auto* l = talking(s);
    if (l == nullptr || !recorder::records(s)) return recording_view::off;
    if (s.recorder.paused) return recording_view::paused;
    return recorder::runs(s, *l) ? recording_view::on : recording_view::unavailable;
}

} // namespace z360::call
