// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The same fold as the mailbox's, over the same events, as of the same times, with the same authority.
#include "engine/fold.hpp"
#include "wire/digest.hpp"
#include "wire/journal.hpp"

#include <z360/engine/replay.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace z360::engine {
namespace {

using digests = std::vector<call::digest>;

std::string commits(std::uint64_t from, std::uint64_t to) {
    return from == to ? "commit " + std::to_string(from)
                      : "commits " + std::to_string(from) + " to " + std::to_string(to);
}

item item_of(const call::decided_event& e) {
    item out;
    out.what = e.what;
    out.inbox_id = e.source;
    out.decided_at = e.at;
    out.judged = e.judged;
    return out;
}

class player {
  public:
    explicit player(const call::history& of) : of_(of) {}

    replay_report play() {
        for (const auto& c : of_.commits)
            play(c);
        conclude();
        return std::move(out_);
    }

  private:
    void play(const call::recorded_commit& c);
    void play(std::uint64_t version, const call::step& s);
    void compare(std::uint64_t version, const char* what, const digests& stored, const digests& now);
    void differs(std::uint64_t version, std::string where, std::string stored, std::string replayed);
    void gap(std::string why);
    void conclude();
    void compare_effects();
    void compare_timeline();

    const call::history& of_;
    replay_report out_;
    std::optional<call::state> state_;
    std::uint64_t version_ = 0;
    bool lost_ = false; ///< what the next step was decided on is not known
    std::map<std::string, std::vector<call::effect>> issued_;
};

void player::differs(std::uint64_t version, std::string where, std::string stored, std::string replayed) {
    out_.differences.push_back({version, std::move(where), std::move(stored), std::move(replayed)});
}

void player::gap(std::string why) {
    out_.gaps.push_back(std::move(why));
    lost_ = true;
}

void player::play(const call::recorded_commit& c) {
    const bool anew = c.steps && !c.steps->empty() && c.steps->front().whole;
    if (anew)
        gap("commits before " + std::to_string(c.version) +
            " were lost by the database: it was written forward from memory");
    else if (c.version != version_ + 1)
        gap(commits(version_ + 1, c.version - 1) + ": no record; made by a program from before there was one"
        );
    version_ = c.version;
    if (!c.steps)
        return gap(
            commits(c.version, c.version) +
            ": recorded by a newer program, in words that this one does not know"
        );
    for (const auto& s : *c.steps)
        play(c.version, s);
}

void player::play(std::uint64_t version, const call::step& s) {
    if (s.whole) {
        state_ = s.whole;
        lost_ = false;
        out_.steps.push_back({version, s, phase_of(*state_), {}, {}});
        return;
    }
    if (lost_) return;
    std::vector<item> items, orphans;
    for (const auto& e : s.events)
        items.push_back(item_of(e));
    std::optional<port::stored_call> from;
    if (state_) from = port::stored_call{*state_, version};
    const char* broken = nullptr;
    auto made = fold(std::move(from), items, s.at, orphans, broken, s.may);
    const bool first = out_.differences.empty();
    if (broken != nullptr && first) differs(version, "invariant", {}, broken);
    if (!orphans.empty() && first) differs(version, "events", {}, "some precede the call");
    if (first && of_.digested) {
        compare(
            version, "state", s.parts, wire::changed_parts(state_ ? &*state_ : nullptr, made.commit.next)
        );
        digests issued;
        for (const auto& e : made.commit.new_effects)
            issued.push_back(wire::digest_of(e));
        compare(version, "effect", s.effects, issued);
    }
    state_ = std::move(made.commit.next);
    for (const auto& e : made.commit.new_effects)
        issued_[e.id].push_back(e);
    out_.steps.push_back(
        {version, s, phase_of(*state_), std::move(made.commit.new_effects), std::move(made.commit.notes)}
    );
}

// Both are in the order in which they were made.
void player::compare(std::uint64_t version, const char* what, const digests& stored, const digests& now) {
    const auto shown = [](const digests& of, const std::string& id) {
        const auto is = [&id](const auto& d) { return d.of == id; };
        const auto found = std::find_if(of.begin(), of.end(), is);
        return found == of.end() ? std::string() : "digest " + std::to_string(found->value);
    };
    if (stored == now) return;
    const auto before = out_.differences.size();
    for (const auto* list : {&stored, &now})
        for (const auto& d : *list) {
            const auto a = shown(stored, d.of), b = shown(now, d.of);
            if (a != b && (list == &stored || a.empty()))
                differs(version, std::string(what) + "/" + d.of, a, b);
        }
    if (out_.differences.size() == before) differs(version, what, "another order", {});
}

void player::conclude() {
    if (of_.commits.empty())
        gap("nothing is recorded of its decisions: they were made by a program from before there was a record"
        );
    else if (version_ < of_.version)
        gap(commits(version_ + 1, of_.version) + ": no record; made by a program from before there was one");
    if (!of_.all_effects_read) out_.gaps.emplace_back("some of its effects were stored by a newer program");
    if (!state_) return;
    out_.last = *state_;
    if (lost_) return;
    for (auto& d : wire::differences(of_.last, *state_))
        differs(0, "state" + d.path, std::move(d.stored), std::move(d.replayed));
    if (!out_.gaps.empty()) return; // what was issued and told in them is not known
    compare_effects();
    compare_timeline();
}

void player::compare_effects() {
    std::map<std::string, std::vector<call::effect>> left = issued_;
    for (const auto& row : of_.effects) {
        const auto& id = row.what.id;
        const auto made = left.find(id);
        if (made == left.end()) {
            differs(0, "effect/" + id, std::string(kind_of(row.what)), {});
            continue;
        }
        // One that was issued again stands in the outbox as it was before, or after.
        auto best = wire::differences(row.what, made->second.back());
        for (const auto& e : made->second)
            if (auto d = wire::differences(row.what, e); d.size() < best.size()) best = std::move(d);
        for (auto& d : best)
            differs(0, "effect/" + id + d.path, std::move(d.stored), std::move(d.replayed));
        left.erase(made);
    }
    for (const auto& [id, made] : left)
        differs(0, "effect/" + id, {}, std::string(kind_of(made.back())));
}

void player::compare_timeline() {
    std::vector<std::string> now;
    for (const auto& s : out_.steps)
        for (const auto& n : s.notes)
            now.push_back(line_of(n));
    for (std::size_t n = 0; n < std::max(now.size(), of_.timeline.size()); ++n) {
        const auto stored = n < of_.timeline.size() ? of_.timeline[n] : std::string();
        const auto replayed = n < now.size() ? now[n] : std::string();
        if (stored == replayed) continue;
        differs(0, "timeline/" + std::to_string(n + 1), stored, replayed);
        return; // those after it are only shifted
    }
}

} // namespace

std::string_view name(replay_report::result r) {
    switch (r) {
    case replay_report::result::same: return "same";
    case replay_report::result::different: return "different";
    case replay_report::result::incomplete: return "incomplete";
    }
    return "?";
}

replay_report replay(const call::history& of) {
    return player(of).play();
}

} // namespace z360::engine
