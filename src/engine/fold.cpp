// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "engine/fold.hpp"

#include <z360/base/overloaded.hpp>
#include <z360/call/view.hpp>

#include <algorithm>
#include <iterator>
#include <string>
#include <unordered_set>
#include <utility>

namespace z360::engine {
namespace {

bool outcome_can_wait(const call::command_outcome& done, bool over) {
    if (done.what == call::verb::answer || done.what == call::verb::bridge) return false;
    // Whoever asked for it looks whether it is paused.
    if (done.what == call::verb::record_pause || done.what == call::verb::record_resume) return false;
    if (done.what == call::verb::hangup || done.what == call::verb::reject) return true;
    return !over && (done.result == call::outcome::done || done.result == call::outcome::superseded);
}

constexpr unsigned k_line_bits = 40; // a call never has this many commits

// A request that was judged before keeps its verdict; what would come of another one does not happen.
void keep_verdict(const item& i, const call::state& before, call::decision& d) {
    const auto* by = call::request_of(i.what);
    if (by == nullptr || !i.judged || call::verdict_of(before, by->id) != nullptr) return;
    const auto* now = call::verdict_of(d.next, by->id);
    if (now == nullptr || now->why == *i.judged) return;
    auto verdicts = std::move(d.next.verdicts); // the newest one is last
    verdicts.back().why = *i.judged;
    d.next = before;
    d.next.verdicts = std::move(verdicts);
    d.effects.clear();
}

bool gives_up(const call::effect_outcome& o, const std::vector<call::effect>& issued) {
    const auto end = call::end_of(o);
    return end.result == call::outcome::superseded &&
           std::any_of(issued.begin(), issued.end(), [&end](const auto& e) { return e.id == end.id; });
}

// Issued twice in what becomes one commit: the last one counts, for instance one that need not wait any more.
void keep_newest(std::vector<call::effect>& all) {
    std::unordered_set<std::string> seen;
    std::vector<call::effect> out;
    for (auto e = all.rbegin(); e != all.rend(); ++e)
        if (seen.insert(e->id).second) out.push_back(std::move(*e));
    std::reverse(out.begin(), out.end());
    all = std::move(out);
}

bool pointless(const port::call_commit& c, const call::effect& e, time_point now) {
    if (!e.after) return !call::wanted(c.next, e);
    const auto is_first = [&e](const auto& x) { return x.id == e.after->id; };
    const auto first = std::find_if(c.new_effects.begin(), c.new_effects.end(), is_first);
    if (first == c.new_effects.end()) return false; // issued before: asked when its turn comes
    const bool failed = std::any_of(c.finished.begin(), c.finished.end(), [&e](const auto& o) {
        const auto end = call::end_of(o);
        return end.id == e.after->id && end.result != call::outcome::done;
    });
    return failed || !call::wanted(c.next, *first) ||
           !call::wanted_after(c.next, e, call::ended_as(*first, call::outcome::done), now);
}

void drop_pointless(port::call_commit& c, time_point now) {
    std::vector<call::effect> out;
    for (const auto& e : c.new_effects)
        if (!pointless(c, e, now)) out.push_back(e);
    c.new_effects = std::move(out);
}

// `was` became `is`: which rows are to be written again.
void touch(port::call_commit& c, const call::state& was, const call::state& is) {
    for (std::size_t n = 0; n < is.legs.size(); ++n) {
        const auto& l = is.legs[n];
        const bool same = n < was.legs.size() && was.legs[n] == l;
        if (!same && std::find(c.touched->begin(), c.touched->end(), l.id) == c.touched->end())
            c.touched->push_back(l.id);
    }
    c.joins_touched = c.joins_touched || was.joins != is.joins;
    c.recordings_touched = c.recordings_touched || was.recordings != is.recordings;
}

} // namespace

folded fold(
    std::optional<port::stored_call> from, const std::vector<item>& items, time_point now,
    std::vector<item>& orphans, const char*& broken, call::authority may
) {
    folded out;
    auto& c = out.commit;
    c.at = now;
    bool exists = from.has_value();
    if (exists) {
        c.expected_version = from->version;
        c.touched.emplace();
        c.joins_touched = false;
        c.recordings_touched = false;
        c.next = std::move(from->state);
        // What was stored is not trusted further than what is decided here: steps rest on these rules.
        broken = call::broken_invariant(c.next);
        if (broken != nullptr) return out;
    }
    for (const auto& i : items) {
        call::decision d;
        const auto when = i.decided_at.value_or(now);
        if (const auto* first = std::get_if<call::incoming>(&i.what); first != nullptr && !exists) {
            d = call::begin(*first, when);
            exists = true;
            out.changed = true;
        } else if (!exists) {
            orphans.push_back(i);
            continue;
        } else {
            d = call::decide(c.next, i.what, when, &i == &items.back() ? may : call::authority::unproven);
            keep_verdict(i, c.next, d);
            out.changed = out.changed || d.next != c.next || !d.effects.empty();
        }
        if (c.touched) touch(c, c.next, d.next);
        c.next = std::move(d.next);
        broken = call::broken_invariant(c.next);
        if (broken != nullptr) return out;
        for (auto& f : d.effects)
            std::visit(
                overloaded{
                    [&](call::effect& e) { c.new_effects.push_back(std::move(e)); },
                    [&](call::note& line) { c.notes.push_back(std::move(line)); },
                    [&](const call::inquiry& q) { out.inquiries.push_back(q); },
                    [&](call::leg_report& r) { c.reports.push_back(std::move(r)); },
                },
                f
            );
        if (auto done = call::outcome_in(i.what)) {
            c.finished.push_back(std::move(*done));
            out.changed = true;
        }
        if (!i.inbox_id.empty()) {
            c.processed_events.push_back(i.inbox_id);
            out.changed = true;
        }
    }
    keep_newest(c.new_effects);
    // A run that was given up because an older copy did not want it is no end of an effect that is issued
    // now.
    std::erase_if(c.finished, [&c](const auto& o) { return gives_up(o, c.new_effects); });
    // Effects that a later event of the same pass made pointless never leave: a dial for a caller who has
    // hung up, for instance.
    drop_pointless(c, now);
    c.deadline = call::deadline(c.next);
    return out;
}

void merge(port::call_commit& earlier, port::call_commit later) {
    const auto append = [](auto& to, auto& from) {
        to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
    };
    std::erase_if(earlier.finished, [&later](const auto& o) { return gives_up(o, later.new_effects); });
    append(earlier.new_effects, later.new_effects);
    keep_newest(earlier.new_effects);
    append(earlier.finished, later.finished);
    append(earlier.notes, later.notes);
    append(earlier.reports, later.reports);
    append(earlier.processed_events, later.processed_events);
    append(earlier.steps, later.steps);
    if (earlier.touched && later.touched)
        append(*earlier.touched, *later.touched);
    else
        earlier.touched.reset();
    earlier.joins_touched = earlier.joins_touched || later.joins_touched;
    earlier.recordings_touched = earlier.recordings_touched || later.recordings_touched;
    earlier.next = std::move(later.next);
    earlier.deadline = later.deadline;
    earlier.at = later.at;
}

std::vector<std::pair<call::target, leg_news>> news_of(const call::state* before, const call::state& after) {
    // Telnyx's cause for a SIP user that is not there (404).
    constexpr std::string_view k_not_found = "not_found";
    std::vector<std::pair<call::target, leg_news>> out;
    for (const auto& leg : after.legs) {
        const auto* was = before != nullptr ? before->find(leg.id) : nullptr;
        const auto* to = leg.goes_to();
        if (to == nullptr) continue;
        if (leg.answered && (was == nullptr || !was->answered)) out.emplace_back(*to, leg_news::answered);
        // Not "when it ended": a hang-up that found the leg gone may have said so first, without a cause.
        if (leg.hangup_cause == k_not_found && (was == nullptr || was->hangup_cause != k_not_found))
            out.emplace_back(*to, leg_news::not_found);
    }
    return out;
}

std::uint64_t version_after(const port::call_commit& c) {
    return c.next_version == 0 ? c.expected_version + 1 : c.next_version;
}

std::uint64_t forward_version(std::uint64_t mine) {
    const auto line = mine >> k_line_bits;
    const auto number = mine & ((1ULL << k_line_bits) - 1);
    return ((line + 1) << k_line_bits) | (number + 1);
}

bool later_line(std::uint64_t stored, std::uint64_t mine) {
    return (stored >> k_line_bits) > (mine >> k_line_bits);
}

// Somebody waits for these: a caller who arrives or leaves, a device that answers, our own answer and bridge.
// Their reports by webhook say the same a little later; the node that sent the command does not wait for
// them.
bool can_wait(const call::event& what, const call::state* known) {
    const bool over = known != nullptr && call::over(*known);
    return std::visit(
        overloaded{
            [&](const call::tick&) { return known != nullptr; },
            [&](const call::leg_initiated&) { return !over; }, // over: it must be hung up
            [](const call::recording_saved&) { return true; },
            [](const call::leg_charged&) { return true; },
            [](const call::leg_bridged&) { return true; },
            [&](const call::leg_answered& e) {
                return !e.who.leg && known != nullptr &&
                       e.who.call_control_id == known->caller.call_control_id;
            },
            [](const call::leg_hangup& e) { return e.who.leg.has_value(); },
            [&](const call::command_outcome& e) { return outcome_can_wait(e, over); },
            [](const call::push_outcome&) { return true; },
            [](const call::test_outcome&) { return true; },
            [](const call::incoming&) { return false; },
            [](const call::leg_hold&) { return false; },
            [](const call::prompt_ended&) { return false; },
            [](const call::digits_gathered&) { return false; },
            [](const call::recording_failed&) { return false; },
            [](const call::ring_withdrawn&) { return false; },
            [](const call::push_received&) { return true; },
            [](const call::device_asks&) { return false; },
            [](const call::carrier_told&) { return false; },
        },
        what
    );
}

// The caller is joined to the leg, or about to be: somebody hears its end. Of a call that is not held here
// nobody knows; a long talk is not.
bool ends_talk(const call::event& what, const call::state* known) {
    const auto* e = std::get_if<call::leg_hangup>(&what);
    if (e == nullptr || !e->who.leg) return false;
    if (known == nullptr) return true;
    if (call::over(*known)) return false;
    const auto* l = known->find(*e->who.leg);
    return l != nullptr && (l->bridged || call::is_winner(*known, l->id));
}

} // namespace z360::engine
