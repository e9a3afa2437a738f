// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "store.hpp"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace z360::testing {
namespace {

// Rows that a commit does not write are as they should be already.
bool rest_is_stored(const port::call_commit& what, const call::state& stored) {
    if (!what.touched) return true;
    if (!what.joins_touched && what.next.joins != stored.joins) return false;
    return std::all_of(what.next.legs.begin(), what.next.legs.end(), [&](const call::leg& l) {
        const bool written =
            std::find(what.touched->begin(), what.touched->end(), l.id) != what.touched->end();
        const auto* row = stored.find(l.id);
        return written || (row != nullptr && *row == l);
    });
}

} // namespace

std::optional<port::stored_call> store::load(call_id id) const {
    const auto it = calls_.find(id);
    if (it == calls_.end()) return std::nullopt;
    return it->second.call;
}

std::optional<call_id> store::find(const std::string& session, const std::string& control_id) const {
    for (const auto& [id, row] : calls_) {
        const auto& s = row.call.state;
        if (!session.empty() && s.origin.call_session_id == session) return id;
        if (!control_id.empty() &&
            (s.caller.call_control_id == control_id || s.find_by_control_id(control_id) != nullptr))
            return id;
    }
    return std::nullopt;
}

port::commit_result
store::commit(const port::call_commit& what, port::effect_claims claims, time_point now, std::size_t who) {
    const auto id = what.next.id;
    const auto it = calls_.find(id);
    const std::uint64_t stored = it == calls_.end() ? 0 : it->second.call.version;
    if (tells) tell(what, stored == what.expected_version, now, who);
    if (stored != what.expected_version) return port::commit_result::conflict;
    for (const auto& e : what.fresh_events)
        if (events_.contains(e.event_id)) return port::commit_result::conflict;
    for (const auto& e : what.fresh_events)
        events_.try_emplace(e.event_id, event_row{e, now, now, true, false});
    auto& row = calls_[id];
    const bool was_over = stored > 0 && phase_of(row.call.state) == call::phase::ended;
    if (was_over && phase_of(what.next) != call::phase::ended) fault_ = "a terminal state was left";
    if (stored == 0 ? what.touched.has_value() : !rest_is_stored(what, row.call.state))
        fault_ = "a changed leg or join was not written";
    row.call.state = what.next;
    row.call.version = what.next_version == 0 ? stored + 1 : what.next_version;
    row.deadline = what.deadline;
    row.updated_at = now;
    const auto seen = call::recording_seen(what.next);
    if (row.recording.empty() || row.recording.back().second != seen) row.recording.emplace_back(now, seen);
    row.notes.insert(row.notes.end(), what.notes.begin(), what.notes.end());
    row.commits.push_back({row.call.version, what.steps});
    // A ring may be resumed after a winner that could not be joined.
    if (phase_of(what.next) == call::phase::ringing)
        row.left_ringing.reset();
    else if (!row.left_ringing)
        row.left_ringing = now;
    keep_commands(what, claims, now);
    mark_done(what.processed_events);
    return port::commit_result::committed;
}

// As in call_store.cpp.
void store::keep_commands(const port::call_commit& what, port::effect_claims claims, time_point now) {
    for (const auto& c : what.new_effects) {
        const auto [it, is_new] = commands_.emplace(c.id, command_row{what.next.id, c, now + claims.of(c)});
        auto& row = it->second;
        if (is_new) continue;
        const bool given_up = row.outcome.starts_with("superseded");
        if (given_up || (!row.finished && row.what.after && !c.after))
            row = command_row{what.next.id, c, now + claims.of(c)};
    }
    const auto says = [&](const call::effect_end& end) {
        return std::string(call::name(end.result)) + " " + std::string(end.error) + " at " +
               std::to_string((what.at - what.next.began).count());
    };
    for (const auto& o : what.finished) {
        const auto end = call::end_of(o);
        const auto it = commands_.find(std::string(end.id));
        if (it == commands_.end()) continue;
        const bool first = !std::exchange(it->second.finished, true);
        it->second.outcome = says(end);
        it->second.done = it->second.done || end.result == call::outcome::done;
        if (!first) continue;
        for (auto& [id, row] : commands_) {
            if (row.finished || !row.what.after || row.what.after->id != end.id) continue;
            if (end.result == call::outcome::done)
                row.claimed_until = now + claims.usual;
            else
                row.finished = true, row.outcome = "superseded with what it waited for";
        }
    }
}

call::history store::history(call_id id) const {
    const auto& row = calls_.at(id);
    call::history out;
    out.last = row.call.state;
    out.version = row.call.version;
    out.commits = row.commits;
    for (const auto& n : row.notes)
        out.timeline.push_back(line_of(n));
    for (const auto& [name, c] : commands_)
        if (c.call == id) out.effects.push_back({c.what, c.outcome});
    return out;
}

std::vector<call_id> store::claim_overdue(time_point due_before, time_point now) {
    std::vector<call_id> out;
    for (const auto& [id, row] : calls_) {
        if (!row.deadline || *row.deadline > due_before || overdue_claims_[id] > now) continue;
        overdue_claims_[id] = now + millis{1'000};
        out.push_back(id);
    }
    return out;
}

std::vector<port::orphan_effect> store::claim_effects(millis claim, time_point now) {
    std::vector<port::orphan_effect> out;
    std::set<std::string> taken;
    for (auto& [id, row] : commands_) {
        if (row.finished || row.claimed_until > now || !its_turn(row, now)) continue;
        row.claimed_until = now + claim;
        out.push_back({row.call, row.what, row.attempts, false});
        taken.insert(id);
    }
    for (const auto& [id, row] : commands_)
        if (!row.finished && row.what.after && taken.contains(row.what.after->id) && !taken.contains(id))
            out.push_back({row.call, row.what, row.attempts, true});
    return out;
}

bool store::its_turn(const command_row& row, time_point now) const {
    if (!row.what.after || row.what.deadline <= now - millis{5'000}) return true;
    const auto first = commands_.find(row.what.after->id);
    return first != commands_.end() && first->second.done;
}

void store::extend_claim(const std::string& command_id, millis claim, unsigned attempts, time_point now) {
    const auto it = commands_.find(command_id);
    if (it == commands_.end()) return;
    it->second.claimed_until = now + claim;
    it->second.attempts = std::max(it->second.attempts, attempts);
}

void store::tell(const port::call_commit& what, bool taken, time_point now, std::size_t who) {
    std::string line = std::to_string((now - what.next.began).count()) + " node " + std::to_string(who) +
                       (taken ? " commits on v" : " is refused on v") +
                       std::to_string(what.expected_version) + ": " +
                       std::string(call::name(phase_of(what.next)));
    for (const auto& e : what.processed_events)
        line += " e" + e.substr(0, 6);
    for (const auto& e : what.fresh_events)
        line += " n" + e.event_id.substr(0, 6);
    for (const auto& c : what.new_effects)
        line += " +" + std::string(call::kind_of(c)) + " " + c.id;
    for (const auto& c : what.finished)
        line +=
            " -" + std::string(call::end_of(c).id) + ":" + std::string(call::name(call::end_of(c).result));
    commits_.push_back(std::move(line));
}

port::append_result store::append(const port::inbox_event& e, millis claim, time_point now) {
    const bool alone =
        e.begins && !e.call_session_id.empty() &&
        std::none_of(events_.begin(), events_.end(), [&e](const auto& other) {
            const auto& row = other.second;
            return row.event.call_session_id == e.call_session_id && (!row.done || row.orphaned);
        });
    const auto [it, fresh] = events_.try_emplace(e.event_id, event_row{e, now, now + claim, false, false});
    if (!fresh) return port::append_result::duplicate;
    return alone ? port::append_result::stored_alone : port::append_result::stored;
}

std::vector<port::inbox_event>
store::claim_pending(millis claim, time_point now, const std::string& session) {
    std::vector<port::inbox_event> out;
    for (auto& [id, row] : events_) {
        const bool due = session.empty() ? row.offered_at <= now : row.event.call_session_id == session;
        // Buried because nobody knew their call: whoever begins it takes them up.
        if (!session.empty() && due && row.dead && row.orphaned) row.dead = row.done = false;
        if (row.done || !due) continue;
        row.offered_at = now + claim;
        out.push_back(row.event);
        out.back().waited = now - row.stored_at;
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
        return std::tie(a.received_at, a.event_id) < std::tie(b.received_at, b.event_id);
    });
    return out;
}

void store::postpone(const std::vector<std::string>& ids, millis delay, bool counted, time_point now) {
    for (const auto& id : ids) {
        const auto it = events_.find(id);
        if (it == events_.end()) continue;
        it->second.offered_at = now + delay;
        if (counted) ++it->second.event.attempts;
    }
}

void store::mark_done(const std::vector<std::string>& ids) {
    for (const auto& id : ids)
        if (const auto it = events_.find(id); it != events_.end()) it->second.done = true;
}

void store::bury(const std::vector<std::string>& ids, bool orphaned) {
    for (const auto& id : ids) {
        const auto it = events_.find(id);
        if (it == events_.end() || it->second.done) continue;
        it->second.done = it->second.dead = true;
        it->second.orphaned = orphaned;
    }
}

std::string store::commands_text() const {
    std::string out;
    for (const auto& [id, row] : commands_)
        out += "  command: " + std::string(call::kind_of(row.what)) + " " + id + " issued at " +
               std::to_string((row.what.issued_at - calls_.at(row.call).call.state.began).count()) + ", " +
               row.outcome + "\n";
    return out;
}

bool store::all_events_done() const {
    return std::all_of(events_.begin(), events_.end(), [](const auto& e) { return e.second.done; });
}

bool store::all_commands_done() const {
    return std::all_of(commands_.begin(), commands_.end(), [](const auto& c) { return c.second.finished; });
}

std::size_t store::dead_events() const {
    return static_cast<std::size_t>(std::count_if(events_.begin(), events_.end(), [](const auto& e) {
        return e.second.dead;
    }));
}

} // namespace z360::testing
