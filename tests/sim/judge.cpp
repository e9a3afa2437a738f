// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "judge.hpp"

#include "judge_bench.hpp"
#include "wire/journal.hpp"

#include <z360/engine/replay.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace z360::testing {
namespace {

using sim::leg_kind;
using sim::leg_view;

class court : bench {
  public:
    explicit court(const world& w) : bench(w) {}
    std::vector<std::string> run() {
        one_device_per_caller();
        talks_are_left_alone();
        legs_die_with_the_call();
        answered_devices_are_served();
        if (calm()) the_way_is_short();
        if (w_.what.level <= trouble::webhooks) greeting_is_not_recorded_over();
        losers_outlive_the_bridge();
        commands_take_effect_once();
        nothing_is_dialed_after_the_ring();
        one_final_record();
        pushes_tell_the_truth();
        a_number_takes_the_call_by_a_key();
        requests_are_valid();
        return std::move(found_);
    }

  private:
    /// When whoever is at the leg wanted the call; nullopt: nobody did. A number's answer alone may be a
    /// voicemail's.
    [[nodiscard]] std::optional<time_point> taken_at(const leg_view& l) const {
        if (l.kind != leg_kind::number || !number_is_asked()) return l.answered_at;
        if (w_.what.mobile.presses != "1" && w_.what.mobile.presses != "31") return std::nullopt;
        std::size_t before = w_.what.mobile.presses.size();
        for (const auto& p : seen_.phones)
            if (p.call_control_id == l.call_control_id && p.what == "presses" && --before == 0) return p.at;
        return std::nullopt;
    }
    /// A number of the plan may be one whose answer counts.
    [[nodiscard]] bool number_is_asked() const {
        for (const auto& w : w_.what.routed.plan)
            for (const auto& b : w.branches)
                if (!b.number.empty()) return b.asked;
        return true;
    }

    void one_device_per_caller() {
        if (seen_.most_devices_per_caller() > 1) say("I1: two devices were joined to one caller");
        if (seen_.displaced_bridges() > 0) say("I1: a bridge displaced another");
    }

    // I21. Excused is only a command that was on its way before the bridge took effect: nobody could know
    // better.
    void talks_are_left_alone() {
        if (seen_.displaced_bridges() > 0) say("I21: a talk was displaced by another");
        for (const auto* verb : {"hangup", "reject", "transfer"})
            for (const auto* c : seen_.commands_of(verb))
                if (c->acted_at) ends_no_talk(*c);
    }
    void ends_no_talk(const sim::command_record& c) {
        const auto sent = w_.first_sent.find(c.command_id);
        for (const auto& b : seen_.bridges) {
            const bool of_it = c.call_control_id == b.caller || c.call_control_id == b.device;
            if (!of_it || *c.acted_at < b.began || !b.ended || *b.ended != *c.acted_at) continue;
            if (sent != w_.first_sent.end() && sent->second <= b.began) continue;
            if (somebody_left(b, *b.ended) || may_end_unrecorded(w_, b)) continue;
            say("I21: we ended the talk that began at " + ms(b.began) + " by " + c.command_id + " at " +
                ms(*c.acted_at));
        }
    }
    /// At the same moment: who came first cannot be told.
    [[nodiscard]] bool somebody_left(const sim::bridge_record& b, time_point at) const {
        if (caller_.ended_at == at && caller_.call_control_id == b.caller &&
            caller_.hangup_source == "caller")
            return true;
        return std::any_of(seen_.phones.begin(), seen_.phones.end(), [&](const auto& p) {
            return p.at == at && p.call_control_id == b.device && (p.what == "hangs_up" || p.what == "lost");
        });
    }

    void legs_die_with_the_call() {
        if (!caller_.ended_at) return say("I2: the caller's leg never ended");
        auto known = *caller_.ended_at;
        if (w_.caller_end_accepted) known = std::max(known, *w_.caller_end_accepted);
        const auto latest = excused(known) + bound();
        for (const auto& l : devices_) {
            if (!l.ended_at)
                say("I8: " + l.username + " never ended");
            else if (*l.ended_at > latest)
                say("I2: " + l.username + " outlived the caller until " + ms(*l.ended_at));
        }
        if (!silent() && w_.what.untold.empty() && w_.figures.webhooks_given_up > 0)
            say("the schedule lost a webhook for good");
    }

    void answered_devices_are_served() {
        const auto joined = first_bridge();
        const auto caller_end = caller_.ended_at.value_or(w_.time.now());
        // The longest way to a bridge without faults: a first winner that cannot be joined, twice three
        // seconds.
        const auto patience = millis{8'000} + bound();
        for (const auto& l : devices_) {
            const auto taken = taken_at(l);
            if (!taken || joined) continue;
            const auto latest = excused(*taken) + patience;
            const bool stayed = l.ended_at.value_or(w_.time.now()) > latest && caller_end > latest;
            if (stayed) say("I9: " + l.username + " answered and was never joined");
        }
        const auto limit = calm() ? millis{4'000} : bound() + lost_end();
        if (w_.longest_silence > limit)
            say("I9: the caller heard nothing for " + std::to_string(w_.longest_silence.count()) + " ms");
        const auto ring_over = excused(caller_.began) + longest_ring() + millis{5'000} + bound();
        if (!caller_.answered_at && caller_end > ring_over) say("I9: the caller was left ringing");
    }

    // Without faults nothing is waited for but the network: webhook 20, store 10 three times (append, hint,
    // commit), answer 20 + 20, bridge 20; and at the one decision perhaps a commit of another event that is
    // under way (10). Where several nodes hear of the call, it may meet a newer version once: commit refused
    // and loaded again (20). Where phones are told by push, what became of one, or its repeat, may be under
    // way as well (10); where a mobile number is dialed, so may its dial (10). Before somebody's turn in a
    // plan ends the store and the carrier are asked (10 + 30); an answer that is found that way is written
    // down (30), and decided again when it is told of meanwhile (20).
    void the_way_is_short() {
        const millis pushes{w_.what.routed.rules.wake_by_push ? 10 : 0};
        const millis number{rings_a_number() ? 10 : 0};
        const millis turns{w_.what.routed.plan.empty() ? 0 : 90};
        millis way = (w_.what.nodes == 1 ? millis{120} : millis{140}) + pushes + number + turns;
        const leg_view* first = nullptr;
        for (const auto& l : devices_)
            if (taken_at(l) && (first == nullptr || *taken_at(l) < *taken_at(*first))) first = &l;
        if (first == nullptr) return;
        // Another one's answer was heard of first, and they hung up again before they were joined: their
        // bridge is refused (20 + 20), and who is next is claimed (10) and joined.
        for (const auto& l : devices_)
            if (&l != first && taken_at(l) && l.ended_at && *l.ended_at < *taken_at(*first) + way) {
                way += millis{60};
                break;
            }
        const auto due = *taken_at(*first) + way;
        const bool stays =
            (!first->ended_at || *first->ended_at > due) && (!caller_.ended_at || *caller_.ended_at > due);
        const bool late_in_the_ring = due > caller_.began + w_.what.routed.rules.ring_time;
        if (!stays || late_in_the_ring) return;
        const auto joined = first_bridge();
        if (!joined || *joined > due)
            say("slow: " + first->username + " was not joined within " + std::to_string(way.count()) + " ms");
    }

    void greeting_is_not_recorded_over() {
        std::optional<time_point> greeted;
        for (const auto* e : seen_.webhooks_of("call.speak.ended"))
            if (!e->copy) greeted = greeted ? std::max(*greeted, e->emitted_at) : e->emitted_at;
        for (const auto* c : seen_.commands_of("record_start"))
            if (c->call_control_id == w_.caller && c->acted_at && greeted && *greeted > *c->acted_at)
                say("the greeting was recorded over");
    }

    void losers_outlive_the_bridge() {
        const auto joined = first_bridge();
        for (const auto* c : seen_.commands_of("hangup")) {
            if (!c->acted_at || c->call_control_id == w_.caller) continue;
            const auto headers = c->body.find("custom_headers");
            if (headers == c->body.end() || headers->empty()) continue;
            if ((*headers)[0]["value"] != "answered_elsewhere") continue;
            if (!joined || *joined > *c->acted_at) say("I11: a loser was hung up before anybody was joined");
        }
        for (const auto& b : seen_.bridges) {
            for (const auto& l : devices_) {
                if (l.call_control_id == b.device || !l.ended_at || l.began > b.began) continue;
                const auto latest = excused(b.began) + bound() + (calm() ? millis{400} : millis{0});
                if (*l.ended_at > latest) say("I11: " + l.username + " was left ringing beside a talk");
            }
        }
    }

    void commands_take_effect_once() {
        std::map<std::string, int> dials;
        std::map<std::string, int> acts;
        for (const auto& [id, c] : seen_.commands) {
            if (!c.acted_at) continue;
            if (c.verb == "dial" && ++dials[c.target] == 2) say("I7: " + c.target + " was dialed twice");
            if (!c.command_id.empty() && ++acts[c.command_id] == 2)
                say("I7: " + c.command_id + " acted twice");
        }
    }

    void nothing_is_dialed_after_the_ring() {
        for (const auto& [id, row] : w_.db.calls()) {
            const auto& c = row.call.state;
            // Clocks may differ by half a second, and a request may be three seconds on its way.
            const auto latest = c.began + c.routed.rules.ring_time + millis{3'500};
            // For a number the ring lasts longer, from when it is to be dialed.
            const auto of_number = latest + k_rings_number;
            for (const auto* d : seen_.commands_of("dial"))
                if (d->acted_at && *d->acted_at > (d->target == number_of(c.routed) ? of_number : latest))
                    say("MOB-18: " + d->target + " was dialed after the time to ring");
        }
        // Where every node can ask the store, no first sending of a dial follows the commit that ended the
        // ring.
        if (w_.what.level >= trouble::nodes) return;
        for (const auto& [id, row] : w_.db.calls())
            if (row.left_ringing && w_.last_dial_sent > *row.left_ringing + millis{150})
                say("MOB-18: a dial was sent after the ring was over");
    }

    void one_final_record() {
        if (!w_.db.fault().empty()) say("I10: " + w_.db.fault());
        if (w_.db.calls().size() != 1)
            return say("I20: the call is stored " + std::to_string(w_.db.calls().size()) + " times");
        const auto& row = w_.db.calls().begin()->second;
        const auto& s = row.call.state;
        const auto ends = std::count_if(row.notes.begin(), row.notes.end(), [](const auto& n) {
            return n.what == call::remark::call_ended;
        });
        if (ends != 1) say("I20: the end was recorded " + std::to_string(ends) + " times");
        if (phase_of(s) != call::phase::ended) say("I20: stored as " + std::string(call::name(phase_of(s))));
        if (w_.db.dead_events() > 0) say("I3: an accepted event became a dead letter");
        const bool joined = !seen_.bridges.empty();
        if (joined != (s.reason == call::end_reason::completed))
            say("the reason is " + std::string(call::name(s.reason)) +
                (joined ? " after a talk" : " without a talk"));
    }

    // Who was woken learns that it is over, once; who has the call is never told so; nobody is woken for
    // what is over.
    void pushes_tell_the_truth() {
        std::map<std::string, int> arrived;
        for (const auto& p : w_.pushed) {
            if (p.arrived) ++arrived[p.id];
            const auto device = "device " + std::to_string(p.what.device.value);
            if (p.what.what == push::kind::incoming_call && caller_.ended_at) {
                auto known = *caller_.ended_at;
                if (w_.caller_end_accepted) known = std::max(known, *w_.caller_end_accepted);
                if (p.at > excused(known) + bound())
                    say("MOB-18: " + device + " was woken for a call that is over");
            }
            if (p.what.what == push::kind::call_ended && talks(p.what.device, p.at))
                say("BE-18: " + device + " has the call and was told that it ended");
        }
        const auto most = 1 + static_cast<int>(w_.figures.kills);
        if (w_.what.level < trouble::nodes && w_.what.what_happens == mishap::none)
            for (const auto& [id, n] : arrived)
                if (n > most + (w_.what.bad_pushes > 0 ? 2 : 0))
                    say("I7: " + id + " arrived " + std::to_string(n) + " times");
        for (const auto& [id, row] : w_.db.calls())
            for (const auto& n : row.call.state.notices)
                if (n.sent && !n.ended && !knows(row.call.state, n.device))
                    say("BE-18: device " + std::to_string(n.device.value) + " was woken and never told");
    }
    // And whoever asks can know: a node that the store is away from joins in its memory, where others take
    // the ring for over until they hear of the talk.
    [[nodiscard]] bool talks(device_id d, time_point at) const {
        return std::any_of(seen_.bridges.begin(), seen_.bridges.end(), [&](const auto& b) {
            const auto l = w_.tel.leg(b.device);
            const auto known = w_.what.level < trouble::nodes ? b.began : excused(b.began) + bound();
            return l && l->username == sip_username(static_cast<std::size_t>(d.value - 1)) && known <= at &&
                   (!b.ended || *b.ended > at);
        });
    }
    [[nodiscard]] static bool knows(const call::state& s, device_id d) {
        return std::any_of(s.legs.begin(), s.legs.end(), [&](const auto& l) {
            return l.device() == d && (l.declined || is_winner(s, l.id) || l.hangup_cause == "user_busy" ||
                                       l.hangup_cause == "call_rejected");
        });
    }

    void a_number_takes_the_call_by_a_key() {
        for (const auto& b : seen_.bridges)
            for (const auto& l : devices_)
                if (l.call_control_id == b.device && (!taken_at(l) || *taken_at(l) > b.began))
                    say("BE-46: " + l.to + " was joined, and nobody there had taken the call");
    }

    void requests_are_valid() {
        for (const auto& v : seen_.violations)
            say("invalid " + v.verb + ": " + v.what.pointer + " " + v.what.detail);
    }
};

} // namespace

std::vector<std::string> judge(const world& w) {
    auto found = court(w).run();
    for (auto& f : judge_life(w))
        found.push_back(std::move(f));
    return found;
}

std::vector<std::string> replayed(const world& w) {
    std::vector<std::string> out;
    for (const auto& [id, row] : w.db.calls()) {
        // What is read back from a file, as on another machine.
        const auto kept = wire::read_history(wire::write_history(w.db.history(id), false));
        if (!kept) {
            out.emplace_back("I18 a history cannot be read");
            continue;
        }
        const auto report = engine::replay(*kept);
        for (const auto& d : report.differences)
            out.push_back(
                "I18 v" + std::to_string(d.version) + " " + d.where + ": stored " + d.stored + ", replayed " +
                d.replayed
            );
        for (const auto& g : report.gaps)
            out.push_back("I18 " + g);
    }
    return out;
}

std::string history(const world& w) {
    std::multimap<time_point, std::string> lines;
    const auto& seen = w.tel.seen();
    const auto who = [&w](const std::string& id) {
        if (id == w.caller) return std::string("caller");
        const auto l = w.tel.leg(id);
        if (!l) return id;
        return l->username.empty() ? l->to : l->username;
    };
    for (const auto& [id, c] : seen.commands)
        lines.emplace(
            c.at, c.verb + " " + who(c.call_control_id) + " -> " + std::to_string(c.status) + " " + c.code +
                      (c.duplicate ? " duplicate" : "") + " [" + c.command_id + "]"
        );
    for (const auto& [id, e] : seen.webhooks)
        lines.emplace(
            e.emitted_at, "  happens: " + e.event_type + " " + who(e.call_control_id) + " e" +
                              e.event_id.substr(0, 6) +
                              (e.state == sim::delivery_state::failed ? " told nobody" : "")
        );
    std::string out = "nodes " + std::to_string(w.what.nodes) + " ring " +
                      std::to_string(w.what.routed.rules.ring_time.count()) + "\n";
    for (const auto& [list, name] :
         {std::pair{&w.what.store_away, "store away"},
          {&w.what.telnyx_away, "telnyx away"},
          {&w.what.dead, "dead"}})
        for (const auto& i : *list)
            out += std::string(name) + " node " + std::to_string(i.node) + " " +
                   std::to_string(i.from.count()) + ".." + std::to_string(i.until.count()) + "\n";
    for (const auto& [t, text] : lines)
        out += std::to_string((t - w.start).count()) + " " + text + "\n";
    for (const auto& r : w.requests) {
        out += std::to_string((r.at - w.start).count()) + (r.pause ? " pause" : " resume") +
               " asked by device " + std::to_string(r.device.value) + " " + r.id;
        for (const auto v : r.verdicts)
            out += " " + std::string(call::name(v));
        out += "\n";
    }
    std::string notes;
    for (const auto& [id, row] : w.db.calls())
        for (const auto& n : row.notes)
            notes += "  noted: " + std::string(call::name(n.what)) + " " + n.detail + "\n";
    std::string commits;
    for (const auto& c : w.db.commits_text())
        commits += "  " + c + "\n";
    return out + commits + notes + w.db.commands_text();
}

} // namespace z360::testing
