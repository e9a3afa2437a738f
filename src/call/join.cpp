// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "call/join.hpp"

#include "call/leg.hpp"
#include "call/prompt.hpp"
#include "call/ring.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace z360::call::joins {
namespace {

constexpr millis k_accepted_grace{1'000};    // from the carrier's 2xx until the bridge is on its record
constexpr millis k_refused_grace{1'000};     // after "refused": how long a fact about another winner may take
constexpr millis k_ask_again{1'000};         // times the number of questions about one winner …
constexpr millis k_ask_again_longest{5'000}; // … up to this
// How long after a bridge's deadline its last request may still reach the carrier: the client's second
// sending and its longest attempt.
constexpr millis k_on_its_way{3'500};

constexpr std::size_t k_most_of_a_leg =
    4; // a claim and a report, as things are: more would be a fault of ours

join* bridged_by(state& s, const command_outcome& e) {
    if (e.what != verb::bridge) return nullptr;
    const auto is = [&e](const join& j) { return bridge_id(j) == e.command_id; };
    const auto found = std::find_if(s.joins.begin(), s.joins.end(), is);
    return found == s.joins.end() ? nullptr : &*found;
}

// The same whether it waits for the caller's answer or is sent at once: it is one bridge, with one id.
command bridge_command(const state& s, const join& j, const leg& device, time_point now, time_point until) {
    command c;
    c.id = bridge_id(j);
    c.call = s.id;
    c.org = s.routed.org;
    c.call_control_id = device.call_control_id;
    c.leg = device.id;
    c.issued_at = now;
    c.deadline = until;
    c.body = bridge_body{
        .caller_control_id = s.caller.call_control_id,
        .record = s.routed.rules.record_calls,
        .recording_name = s.id.text(),
    };
    return c;
}

// ---- facts

// The carrier has decided about the bridge: whatever it made of it is on record `wait` later.
void quiet_soon(join& j, time_point at) {
    j.quiet_from = j.quiet_from ? std::min(*j.quiet_from, at) : at;
}

// Another copy of this call has claimed the very leg that is to be joined here, and the carrier took its
// bridge: it is this join's. A second one would record the talk twice. When nothing of ours can be on its way
// any more (`quiet_from`) is what it was: this copy may have sent its own.
bool taken_by_its_twin(state& s, const command_outcome& e) {
    auto* j = current_join(s);
    if (e.what != verb::bridge || e.result != outcome::done || j == nullptr || !e.who.leg) return false;
    if (j->b != *e.who.leg || j->accepted || j->joined_at) return false;
    auto twin = *j;
    for (twin.epoch = 1; twin.epoch <= k_most_of_a_leg * s.legs.size(); ++twin.epoch) {
        if (bridge_id(twin) != e.command_id) continue;
        j->epoch = twin.epoch;
        j->accepted = true;
        j->untried = false;
        s.epoch = std::max(s.epoch, j->epoch);
        return true;
    }
    return false;
}

// Another copy of this call has claimed the leg, and the carrier took its bridge: it may be a talk (I21).
void taken_elsewhere(state& s, const command_outcome& e) {
    if (e.what != verb::bridge || e.result != outcome::done || !e.who.leg) return;
    if (auto* l = s.find(*e.who.leg); l != nullptr && !l->bridged) legs::doubt(*l);
}

void absorb(state& s, const event& what, time_point now) {
    if (const auto* t = std::get_if<carrier_told>(&what); t != nullptr && t->answered && t->round <= s.asked)
        s.told = std::max(s.told, t->round);
    const auto* e = std::get_if<command_outcome>(&what);
    auto* j = e != nullptr ? bridged_by(s, *e) : nullptr;
    if (e != nullptr && j == nullptr && !taken_by_its_twin(s, *e)) taken_elsewhere(s, *e);
    if (j == nullptr) return;
    if (e->result == outcome::done && !std::exchange(j->accepted, true))
        quiet_soon(*j, now + k_accepted_grace);
    if (e->result == outcome::refused && !std::exchange(j->refused, true))
        quiet_soon(*j, now + k_refused_grace);
    if (e->result == outcome::peer_gone) j->peer_gone = true;
    if (e->attempts > 0) j->untried = false;
}

void narrate(const state&, const event& what, const state& after, effects& out) {
    const auto* e = std::get_if<command_outcome>(&what);
    const auto* j = current_join(after);
    if (e == nullptr || e->what != verb::bridge || j == nullptr || e->command_id != bridge_id(*j)) return;
    if (e->result == outcome::refused) add_note(out, remark::bridge_refused, error_of(*e));
    if (e->result == outcome::expired) add_note(out, remark::bridge_expired, error_of(*e));
}

// ---- decisions

void finish(join& j, join_end why, time_point now) {
    j.over = why;
    j.over_at = now;
    j.limit.reset();
}

// From now on it is this one that counts.
join& open(state& s, const leg_id& leg, std::optional<time_point> limit) {
    join j;
    j.epoch = s.epoch;
    j.a = s.caller.id;
    j.b = leg;
    j.limit = limit;
    // Reported although it was dropped, or overtaken: it is that one still.
    std::erase_if(s.joins, [&j](const join& old) { return old.epoch == j.epoch && old.b == j.b; });
    return s.joins.emplace_back(std::move(j));
}

// Joined by the carrier's word, and no hang-up of ours has reached it: a talk, whatever we had in mind (I21).
bool talks(const leg& l) {
    return l.bridged && !l.ended && !l.hung_up && l.dial != dial_status::failed;
}

// The carrier reports another leg joined than the one claimed: fact beats claim (§5, step 4).
bool adopt_fact(state& s, effects& out, std::optional<time_point> limit, time_point now) {
    const auto* current = winner(s);
    if (current != nullptr && current->bridged) return false;
    for (auto& l : s.legs) {
        if (!talks(l) || is_winner(s, l.id)) continue;
        add_note(out, remark::winner_by_fact, "leg=" + l.id.text());
        legs::spare(l);
        if (auto* j = current_join(s)) finish(*j, join_end::overtaken, now);
        s.epoch = std::max(s.epoch, 1U);
        auto& fact = open(s, l.id, limit);
        fact.commanded = true;
        fact.accepted = true;
        return true;
    }
    return false;
}

// The winner and the caller talk.
void confirm(state& s, effects& out, time_point now) {
    const auto* w = winner(s);
    if (!w->bridged || !s.caller.bridged) add_note(out, remark::bridge_confirmed_by_one_side);
    auto& j = *current_join(s);
    j.commanded = true;
    j.limit.reset();
    j.accepted = true;
    j.joined_at = now;
    rings::end(s, ring_end::answered, now);
    add_note(out, remark::bridged, "leg=" + w->id.text());
}

// The recorded winner is proven not to be joined: it leaves the race and is hung up; the ring resumes.
void drop_winner(state& s, effects& out, const char* why, time_point now) {
    if (auto* w = winner(s)) {
        if (!w->ended && w->release == release_reason::none) w->release = release_reason::bridge_failed;
        add_note(out, remark::winner_dropped, "leg=" + w->id.text() + " why=" + why);
    }
    if (auto* j = current_join(s)) finish(*j, join_end::dropped, now);
    rings::resume(s, now);
}

// Nothing proves the bridge, nothing disproves it: the carrier is asked before anything is given up (I21).
void ask_carrier(state& s, effects& out, time_point now) {
    auto& j = *current_join(s);
    const auto round = ++s.asked;
    const bool quiet = !j.quiet_from || now >= *j.quiet_from;
    if (quiet && j.proof_round == 0) j.proof_round = round;
    j.limit = now + std::min(k_ask_again * ++j.asked, k_ask_again_longest);
    if (!quiet) j.limit = std::min(*j.limit, *j.quiet_from);
    add_note(out, remark::carrier_asked, "round=" + std::to_string(round));
    out.emplace_back(inquiry{round});
}

// Nobody could try the bridge while there was time: the nodes that might have were away. Whoever answered is
// still there, so the same claim is made once more rather than hanging up on them. Not where others wait.
bool worth_another_try(const state& s, const leg& w) {
    const auto& j = *current_join(s);
    if (!j.untried || j.accepted || j.refused || !w.alive()) return false;
    const auto claims =
        std::count_if(s.joins.begin(), s.joins.end(), [&w](const join& o) { return o.b == w.id; });
    return claims == 1 && std::none_of(s.legs.begin(), s.legs.end(), [&](const leg& l) {
               return l.id != w.id && l.alive() && l.takes_call() && !out_of_race(s, l.id);
           });
}

// The carrier was asked and has no more on record than the state knows, and nothing of ours can change that.
// One side alone is still a sign: the device's own report, or the caller's when no other winner can have left
// it. (Beside an old copy another node may have claimed one: the caller's report proves nothing there.) Doubt
// is for those who may be talking. True: it is decided.
bool heed_record(state& s, effects& out, const leg& w, const circumstances& c) {
    const auto& j = *current_join(s);
    const bool by_caller = s.caller.bridged && j.epoch == 1;
    if (!w.bridged && by_caller && c.may != authority::newest) return false;
    if (w.bridged || by_caller) {
        confirm(s, out, c.now);
    } else if (worth_another_try(s, w)) {
        finish(*current_join(s), join_end::dropped, c.now);
        claim(s, out, w, c.now);
    } else {
        drop_winner(s, out, j.accepted ? "accepted_but_never_bridged" : "not_bridged_in_time", c.now);
    }
    return true;
}

bool settle_answering(state& s, effects& out, time_point now) {
    if (adopt_fact(s, out, now + s.routed.rules.bridge_limit, now)) return true;
    const auto* w = winner(s);
    if (w == nullptr || !w->alive()) {
        drop_winner(s, out, "leg_ended", now);
        return true;
    }
    auto& j = *current_join(s);
    // When the answer's outcome stays away the bridge is tried all the same: the carrier may have acted on
    // it.
    if (!s.caller.answered && !w->bridged && now < *j.limit) return false;
    prompts::stop(s, out, now);
    // Whichever node comes here first: another may start the bridge that waits for the answer until then.
    const auto chained_until = *j.limit - s.routed.rules.answer_limit + s.routed.rules.bridge_limit;
    j.commanded = true;
    j.limit = now + s.routed.rules.bridge_limit;
    if (w->bridged) return true;
    request_answer(s, out, "answer-late", j.epoch, now);
    if (j.accepted || j.refused || j.peer_gone) return true; // that one has run: the carrier has decided
    j.quiet_from = std::max(*j.limit, chained_until) + k_on_its_way;
    // If that one has not run it need not wait any more; if it has, it is known by its id.
    out.emplace_back(bridge_command(s, j, *w, now, *j.limit));
    return true;
}

// One of the two legs is gone; true: so is the winner, as far as this join goes.
bool lost_winner(state& s, effects& out, const circumstances& c, bool late) {
    auto* w = winner(s);
    const auto& j = *current_join(s);
    if (j.peer_gone) {
        // The leg itself is still hung up: it may have been the caller's leg that the carrier meant.
        if (w != nullptr) w->hung_up = true;
        drop_winner(s, out, "peer_gone", c.now);
        return true;
    }
    if (w != nullptr && w->alive()) return false;
    // Accepted, then ended: a very short talk whose call.bridged is still on the way, or a bridge that never
    // was. The rest of the time limit tells which.
    const bool given_up = late && c.may == authority::newest;
    if (w != nullptr && w->ended && !given_up && (j.accepted || w->bridged || s.caller.bridged)) return false;
    drop_winner(s, out, "leg_ended", c.now);
    return true;
}

bool settle_bridging(state& s, effects& out, const circumstances& c) {
    if (adopt_fact(s, out, current_join(s)->limit, c.now)) return true;
    auto& j = *current_join(s);
    if (j.refused && j.limit && j.proof_round == 0 && j.quiet_from) // the answer is known soon
        j.limit = std::min(*j.limit, *j.quiet_from);
    const bool late = j.limit && c.now >= *j.limit;
    if (lost_winner(s, out, c, late)) return true;
    const auto* w = winner(s);
    if (!w->alive()) return false;
    // BE-37: both sides must report the bridge. At the time limit one report and the carrier's 2xx together
    // count: two independent sources, and hanging up on people who talk is worse than a lost event. (Of an
    // old copy's winner neither the 2xx nor the caller's report need speak.)
    const bool one_side = w->bridged || (s.caller.bridged && c.may == authority::newest);
    if ((w->bridged && s.caller.bridged) || (late && one_side && j.accepted)) {
        confirm(s, out, c.now);
        return true;
    }
    if (j.proof_round > 0 && s.told >= j.proof_round && heed_record(s, out, *w, c)) return true;
    if (late) ask_carrier(s, out, c.now);
    return false;
}

bool settle(state& s, effects& out, const circumstances& c) {
    switch (phase_of(s)) {
    case phase::ringing: return adopt_fact(s, out, c.now + s.routed.rules.bridge_limit, c.now);
    case phase::answering: return settle_answering(s, out, c.now);
    case phase::bridging: return settle_bridging(s, out, c);
    case phase::voicemail:
        // Both sides are reported joined although we had given up: whoever talks goes on talking (I21).
        if (!s.caller.bridged || !adopt_fact(s, out, std::nullopt, c.now)) return false;
        s.voicemail.step = voicemail_step::none;
        confirm(s, out, c.now);
        return true;
    case phase::active:
    case phase::on_hold:
    case phase::remote_hold:
    case phase::reconnecting:
    case phase::ended: return false;
    }
    return false;
}

bool is_open(const state& s) {
    const auto p = phase_of(s);
    return p == phase::answering || p == phase::bridging;
}

std::optional<time_point> deadline(const state& s) {
    return is_open(s) ? current_join(s)->limit : std::nullopt;
}

bool keeps(const state& s, const leg& l, authority) {
    return !over(s) && s.voicemail.step == voicemail_step::none && is_winner(s, l.id);
}

bool wants(const state& s, const effect& e) {
    const auto* cmd = carried(e);
    return cmd != nullptr && cmd->what() == verb::bridge && phase_of(s) == phase::bridging &&
           e.id == bridge_id(*current_join(s));
}

const char* broken(const state& s) {
    const auto* counting = current_join(s);
    for (const auto& j : s.joins) {
        if (s.find(j.b) == nullptr || j.a != s.caller.id) return "winner_is_a_leg";
        if (j.epoch == 0 || j.epoch > s.epoch) return "winner_has_an_epoch";
        if (j.counts() && &j != counting) return "one_join_counts";
        if (j.proof_round > s.asked || j.asked > s.asked) return "questions_are_counted";
        if (j.counts() && (j.over == join_end::none) == over(s)) return "a_join_ends_with_its_call";
    }
    if (s.joins.size() > k_most_of_a_leg * s.legs.size()) return "joins_are_bounded";
    if (is_open(s) && !counting->limit) return "claim_has_a_limit";
    if (bridged_at(s) && counting == nullptr && !over(s)) return "talk_has_a_winner";
    return s.told > s.asked ? "questions_are_counted" : nullptr;
}

} // namespace

const component k_component{absorb, narrate, settle, deadline, keeps, wants, broken};

std::string bridge_id(const join& j) {
    return j.b.text() + "-bridge-" + std::to_string(j.epoch);
}

void claim(state& s, effects& out, const leg& l, time_point now) {
    ++s.epoch;
    auto& j = open(s, l.id, now + s.routed.rules.answer_limit);
    j.untried = true;
    if (!s.answered_at) s.answered_at = now;
    add_note(out, remark::winner_claimed, "leg=" + l.id.text() + " epoch=" + std::to_string(s.epoch));
    request_answer(s, out, "answer", s.epoch, now);
    if (s.caller.answered) return; // the bridge is commanded in this very step
    // Who has the caller is settled with this step. Its deadline is before that of every bridge that may yet
    // be commanded for this claim, on whichever node, so that time proves what it proved before (quiet_from).
    const auto limit = s.routed.rules.bridge_limit;
    effect bridge = bridge_command(s, j, l, now, now + limit);
    bridge.after = predecessor{caller_id(s, "answer", s.epoch), limit};
    out.emplace_back(std::move(bridge));
}

void end(state& s, time_point now) {
    if (auto* j = current_join(s)) finish(*j, j->joined_at ? join_end::talk_over : join_end::call_over, now);
}

} // namespace z360::call::joins
