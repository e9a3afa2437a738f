// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "engine/fold.hpp"

#include <z360/call/view.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace z360::engine {
namespace {

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
        c.next = std::move(from->state);
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
        c.next = std::move(d.next);
        broken = call::broken_invariant(c.next);
        if (broken != nullptr) return out;
        for (auto& f : d.effects) {
            if (auto* cmd = std::get_if<call::command>(&f))
                c.new_commands.push_back(std::move(*cmd));
            else if (auto* line = std::get_if<call::note>(&f))
                c.notes.push_back(std::move(*line));
            else
                out.inquiries.push_back(std::get<call::inquiry>(f));
        }
        if (const auto* done = std::get_if<call::command_outcome>(&i.what)) {
            c.finished_commands.push_back(*done);
            out.changed = true;
        }
        if (!i.inbox_id.empty()) {
            c.processed_events.push_back(i.inbox_id);
            out.changed = true;
        }
    }
    // A run that was given up because an older copy did not want it is no end of a command that is issued
    // now.
    std::erase_if(c.finished_commands, [&c](const call::command_outcome& o) {
        return o.result == call::outcome::superseded &&
               std::any_of(c.new_commands.begin(), c.new_commands.end(), [&o](const auto& cmd) {
                   return cmd.id == o.command_id;
               });
    });
    // Commands that a later event of the same pass made pointless never leave: a dial for a caller who has
    // hung up, for instance.
    std::erase_if(c.new_commands, [&](const call::command& cmd) { return !call::wanted(c.next, cmd); });
    c.deadline = call::deadline(c.next);
    return out;
}

void merge(port::call_commit& earlier, port::call_commit later) {
    const auto append = [](auto& to, auto& from) {
        to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
    };
    append(earlier.new_commands, later.new_commands);
    append(earlier.finished_commands, later.finished_commands);
    append(earlier.notes, later.notes);
    append(earlier.processed_events, later.processed_events);
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

bool can_wait(const call::event& what, const call::state* known) {
    const bool over = known != nullptr && call::over(*known);
    // Somebody waits for these: a caller who arrives or leaves, a device that answers, our own answer and
    // bridge. Their reports by webhook say the same a little later; the node that sent the command does not
    // wait for them.
    if (std::holds_alternative<call::tick>(what)) return known != nullptr;
    if (std::holds_alternative<call::leg_initiated>(what)) return !over; // over: it must be hung up
    if (std::holds_alternative<call::recording_saved>(what)) return true;
    if (std::holds_alternative<call::leg_bridged>(what)) return true;
    if (const auto* answered = std::get_if<call::leg_answered>(&what)) {
        const auto& who = answered->who;
        return !who.leg && known != nullptr && who.call_control_id == known->caller.call_control_id;
    }
    if (const auto* left = std::get_if<call::leg_hangup>(&what)) return left->who.leg.has_value();
    if (const auto* done = std::get_if<call::command_outcome>(&what)) {
        if (done->what == call::verb::answer || done->what == call::verb::bridge) return false;
        if (done->what == call::verb::hangup || done->what == call::verb::reject) return true;
        return !over && (done->result == call::outcome::done || done->result == call::outcome::superseded);
    }
    return false;
}

} // namespace z360::engine
