// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The order of a turn: take what has arrived, look whether the copy is the newest, decide, prove what time
// would take away, commit, act.
#include "engine/mailbox.hpp"

#include "wire/digest.hpp"

#include <z360/call/view.hpp>
#include <z360/rt/retry.hpp>

#include <algorithm>
#include <chrono>
#include <iterator>

namespace z360::engine {
namespace {

using todo::any;
using next_thing = std::optional<any>; ///< nullopt: go on at the new stage

constexpr int k_max_conflicts = 20;
constexpr unsigned k_tries_of_an_item = 4;
constexpr millis k_held_first{300};
constexpr millis k_held_longest{3'000};
constexpr millis k_first_retry{200};
constexpr millis k_longest_retry{2'000};
// Nodes that decide about the same call at the same moment refuse each other; chance keeps them apart.
constexpr millis k_least_patience{40};
constexpr millis k_most_patience{240};
// That is enough where a turn takes so long; where turns are slower they meet more often.
constexpr millis k_usual_turn{5};
constexpr rt::clock::rep k_most_stretch = 4;
// A failover loses seconds of commits; what is older is safe, or nobody can tell it any more.
constexpr std::chrono::seconds k_recent{60};
constexpr std::ptrdiff_t k_recent_items = 256;
constexpr std::size_t k_unsaved_limit = 2'000; // items of one call

bool begins_call(const item& i) {
    return std::holds_alternative<call::incoming>(i.what);
}

/// Of the caller's leg with this id; device legs have marks.
bool names_leg(const call::event& what, const std::string& control_id) {
    return std::visit(
        [&control_id](const auto& e) {
            if constexpr (requires { e.who.leg; })
                return !e.who.leg && e.who.call_control_id == control_id;
            else
                return false;
        },
        what
    );
}

bool same_doing(const port::call_commit& a, const port::call_commit& b) {
    const auto same_id = [](const call::effect& x, const call::effect& y) { return x.id == y.id; };
    return a.next == b.next &&
           std::equal(
               a.new_effects.begin(), a.new_effects.end(), b.new_effects.begin(), b.new_effects.end(), same_id
           );
}

bool issues(const port::call_commit& c, std::string_view id) {
    return std::any_of(c.new_effects.begin(), c.new_effects.end(), [id](const auto& e) {
        return e.id == id;
    });
}

/// Takes out those that are meant, in order.
template <class From, class Which>
std::vector<item> take_out(From& from, Which which) {
    std::vector<item> out;
    From rest;
    for (auto& i : from) {
        if (which(i))
            out.push_back(std::move(i));
        else
            rest.push_back(std::move(i));
    }
    from = std::move(rest);
    return out;
}

template <class To, class From>
void move_to(To& to, typename To::iterator where, From&& from) {
    to.insert(where, std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
    from.clear();
}

} // namespace

any mailbox::next(const surroundings& s) {
    for (;;)
        if (auto thing = step(s)) return std::move(*thing);
}

next_thing mailbox::step(const surroundings& s) {
    switch (stage_) {
    case stage::idle: return begin(s);
    case stage::first_read:
        fresh_ = read_ok_;
        if (fresh_) return heed_hint();
        put_back(); // nothing is known of this call here: wait for Postgres, keep the order
        return wait_for_store(s);
    case stage::refresh: fresh_ = read_ok_; return heed_hint();
    case stage::hint:
        if (hint_) return ask_store(stage::hint_read);
        return judge(s);
    case stage::hint_read: fresh_ = read_ok_; return judge(s);
    case stage::judge_read:
        fresh_ = read_ok_;
        may_ = fresh_ ? call::authority::newest : call::authority::unproven;
        return decide(s);
    case stage::decide: return decide(s);
    case stage::orphans_lost:
        if (!in_hand_.empty()) return conclude(s);
        stage_ = stage::idle;
        return std::nullopt;
    case stage::prove_read: fresh_ = read_ok_; return prove();
    case stage::prove_ask:
        untold_ = told_ ? 0 : untold_ + 1;
        if (!told_) {
            may_ = call::authority::unproven;
            return decide(s);
        }
        may_ = call::authority::newest;
        {
            // What the carrier told is in the queue: all of it is decided first, in the same pass.
            auto before = std::exchange(in_hand_, {});
            take(queue_.size());
            move_to(in_hand_, in_hand_.end(), before);
        }
        // The question took its time: nothing has been decided yet, and what is issued now has its whole
        // deadline.
        for (auto& i : in_hand_)
            i.decided_at.reset();
        return decide(s);
    case stage::write: return after_write(s);
    case stage::conflict_read: return after_conflict(s);
    case stage::compare_read:
        stage_ = stage::idle;
        if (!read_ok_) {
            verify_ = true;
            return wait_for_store(s);
        }
        if (!lost_to_ && in_hand_.empty()) return std::nullopt;
        may_ = call::authority::unproven;
        fresh_ = true;
        return decide(s);
    case stage::save_pause:
        stage_ = stage::idle;
        if (!unsaved_ || (!queue_.empty() && !too_much_unsaved())) return std::nullopt; // they take it along
        stage_ = stage::save_write;
        whole_ = std::make_unique<port::call_commit>(*unsaved_);
        return todo::write{*whole_, false};
    case stage::save_write: return after_save();
    }
    return std::nullopt;
}

any mailbox::ask_store(stage after) {
    stage_ = after;
    read_ok_ = false;
    return todo::read{};
}

any mailbox::wait_for_store(const surroundings& s) {
    stage_ = stage::idle;
    const auto pause = rt::growing(k_first_retry, k_longest_retry, ++store_failures_);
    return todo::pause{rt::spread(pause, 1, 1.25, s.chance)};
}

next_thing mailbox::begin(const surroundings& s) {
    may_ = call::authority::newest;
    fresh_ = proven_ = takes_ = false;
    round_ = 0;
    if (queue_.empty() && verify_) {
        verify_ = false;
        if (!loaded_ || unsaved_) return std::nullopt;
        return ask_store(stage::compare_read);
    }
    if (queue_.empty() && !unsaved_) {
        careful_ = false;
        tidy();
        return todo::rest{};
    }
    if (queue_.empty() || too_much_unsaved()) {
        const auto pause = wait_for_store(s);
        stage_ = stage::save_pause;
        return pause;
    }
    if (const auto pause = patience(s); pause > rt::clock::duration::zero()) return todo::pause{pause};
    return take_turn(s);
}

// What nobody waits for is gathered: one decision and one commit for what is told of five legs. Where several
// nodes write, each writing costs the others a conflict, too.
rt::clock::duration mailbox::patience(const surroundings& s) {
    const auto* known = loaded_ ? &loaded_->state : nullptr;
    const bool due = !s.shared && overdue(s.now);
    const bool urgent = careful_ || unsaved_ || s.stopping || due ||
                        !std::all_of(queue_.begin(), queue_.end(), [&s, known](const item& i) {
                            if (!s.shared && ends_talk(i.what, known)) return false;
                            return i.followed || can_wait(i.what, known);
                        });
    if (urgent) {
        end_patience(s);
        return rt::clock::duration::zero();
    }
    if (!patient_until_) {
        const auto whole = k_least_patience + rt::spread(k_most_patience - k_least_patience, 0, 1, s.chance);
        const auto stretch = std::clamp<rt::clock::rep>(s.turn / k_usual_turn, 1, k_most_stretch);
        patient_since_ = s.ticks;
        patient_until_ = s.ticks + (s.shared ? whole * stretch : s.gathering);
    }
    const auto left = *patient_until_ - s.ticks;
    if (left <= rt::clock::duration::zero()) end_patience(s);
    return left;
}

void mailbox::end_patience(const surroundings& s) {
    patient_until_.reset();
    const auto since = std::exchange(patient_since_, std::nullopt);
    if (!since) return;
    for (auto& i : queue_)
        i.gathered += std::max(s.ticks - std::max(i.since, *since), rt::clock::duration::zero());
}

// Everything that has arrived is one decision and one transaction.
next_thing mailbox::take_turn(const surroundings& s) {
    take(at_once());
    for (auto& i : in_hand_)
        if (!i.taken) i.taken = s.ticks;
    const bool begins = std::any_of(in_hand_.begin(), in_hand_.end(), begins_call);
    if (!loaded_ && (!begins || exists_)) return ask_store(stage::first_read);
    if (loaded_ && !unsaved_ && s.shared)
        return ask_store(stage::refresh); // an old copy reads before it decides
    const auto hint = heed_hint();
    return hint;
}

// Redis may know of an answer that another node has handled: then the stored state is newer than ours.
next_thing mailbox::heed_hint() {
    stage_ = stage::hint;
    hint_ = false;
    if (fresh_ || !loaded_ || unsaved_ || phase_of(loaded_->state) != call::phase::ringing)
        return std::nullopt;
    for (const auto& i : in_hand_) {
        const auto* answered = std::get_if<call::leg_answered>(&i.what);
        if (answered != nullptr && answered->who.leg) return todo::hint{*answered->who.leg};
    }
    return std::nullopt;
}

// I21: time takes something away only on a copy that is known to be the newest.
next_thing mailbox::judge(const surroundings& s) {
    if (unsaved_ || (careful_ && !queue_.empty())) // what has happened is decided before what has not
        may_ = call::authority::unproven;
    else if (overdue(s.now) && !fresh_)
        return ask_store(stage::judge_read);
    return decide(s);
}

// Each look may cost a commit. A carrier that comes back is asked within the longest pause.
millis mailbox::held_pause() const {
    return std::min(k_held_first * (1U << std::min(untold_, 4U)), k_held_longest);
}

bool mailbox::overdue(time_point now) const {
    if (!loaded_) return false;
    const auto at = call::deadline(loaded_->state);
    return at && now >= *at;
}

// A caller who came by the session of this call and is not its caller has a call of its own.
next_thing mailbox::part_callers() {
    std::string mine;
    if (loaded_) mine = loaded_->state.caller.call_control_id;
    for (auto i = in_hand_.begin(); i != in_hand_.end(); ++i) {
        const auto* caller = std::get_if<call::incoming>(&i->what);
        if (caller != nullptr && mine.empty()) mine = caller->call_control_id; // begins this call
        if (caller == nullptr || caller->call_control_id == mine) continue;
        const auto control_id = caller->call_control_id;
        todo::part out{std::move(*i), {}};
        in_hand_.erase(i);
        out.others =
            take_out(in_hand_, [&control_id](const item& x) { return names_leg(x.what, control_id); });
        return out;
    }
    return std::nullopt;
}

next_thing mailbox::decide(const surroundings& s) {
    stage_ = stage::decide;
    // What the inbox does not take as news of any call, as far as it has said so by now.
    std::erase_if(in_hand_, [](const item& i) { return i.fresh && i.fresh->refused; });
    if (auto other = part_callers()) return other;
    if (++round_ > k_max_conflicts) throw std::runtime_error("too many version conflicts in a row");
    for (auto& i : in_hand_)
        if (!i.decided_at) i.decided_at = s.now;
    items orphans;
    const char* broken = nullptr;
    folded_ = std::make_unique<folded>(fold(loaded_, in_hand_, s.now, orphans, broken, may_));
    if (broken != nullptr) throw invariant_broken(broken);
    if (orphans.empty()) return conclude(s);
    // They precede the event that begins the call; what follows it has been folded.
    in_hand_.erase(in_hand_.begin(), in_hand_.begin() + static_cast<std::ptrdiff_t>(orphans.size()));
    stage_ = stage::orphans_lost;
    return todo::lose{std::move(orphans)};
}

next_thing mailbox::conclude(const surroundings& s) {
    const auto& due = folded_->commit.deadline;
    time_held_ = may_ == call::authority::unproven && due && s.now >= *due;
    if (!folded_->changed && !lost_to_) {
        stage_ = stage::idle;
        return done_with_hand();
    }
    takes_ = takes_by_time(s.now);
    if (takes_ &&
        !loaded_) { // begun as of earlier: what time made of it meanwhile is proven once it is stored
        may_ = call::authority::unproven;
        return decide(s);
    }
    if (takes_ && !proven_) {
        proven_ = true;
        if (!fresh_) return ask_store(stage::prove_read);
        read_ok_ = true;
        stage_ = stage::prove_read;
        return std::nullopt;
    }
    folded_->commit.steps = {step_made()};
    whole_ = std::make_unique<port::call_commit>(whole());
    stage_ = stage::write;
    written_ = written_as::unavailable;
    // Waits for the database's word, however slow it is, before time takes anything away.
    return todo::write{*whole_, takes_};
}

// Whether the decision takes away what it would leave if no time had passed.
bool mailbox::takes_by_time(time_point now) const {
    if (may_ != call::authority::newest) return false;
    // Cheap, and right: only a change of phase takes something. Not that the bridge was commanded: with its
    // outcome in the same pass losers are let go for a 2xx, as they would be one pass later.
    if (loaded_ && !overdue(now)) {
        const auto is = phase_of(loaded_->state);
        const auto will = phase_of(folded_->commit.next);
        if (is == will || (is == call::phase::answering && will == call::phase::bridging)) return false;
    }
    if (!loaded_ && in_hand_.size() == 1) return false; // it begins, and nothing else
    const char* broken = nullptr;
    items orphans;
    const auto without =
        fold(loaded_, in_hand_, folded_->commit.at, orphans, broken, call::authority::unproven);
    return !same_doing(folded_->commit, without.commit);
}

// I21: the copy must be the newest one stored, and the carrier must have been asked: another node may have
// joined somebody in its memory while it could not store it, or what happened was told to nobody.
next_thing mailbox::prove() {
    if (!fresh_ || !loaded_ || lost_to_) {
        may_ = call::authority::unproven;
        stage_ = stage::decide;
        return std::nullopt;
    }
    stage_ = stage::prove_ask;
    told_ = false;
    return todo::ask{loaded_->state};
}

// All that the fold rested on beside the copy it began with (replay.cpp makes it again).
call::step mailbox::step_made() const {
    call::step out;
    out.at = folded_->commit.at;
    out.may = may_;
    for (const auto& i : in_hand_)
        out.events.push_back({i.what, i.inbox_id, i.decided_at.value_or(out.at), i.judged});
    out.parts = wire::changed_parts(loaded_ ? &loaded_->state : nullptr, folded_->commit.next);
    for (const auto& e : folded_->commit.new_effects)
        out.effects.push_back(wire::digest_of(e));
    return out;
}

port::call_commit mailbox::whole() const {
    auto out = folded_->commit;
    if (unsaved_) {
        out = *unsaved_;
        merge(out, folded_->commit);
    }
    if (lost_to_) {
        out.expected_version = *lost_to_;
        out.next_version = forward_version(loaded_->version);
        out.touched.reset();
        out.joins_touched = true;
        out.recordings_touched = true;
        out.steps = folded_->commit.steps; // what it rested on may be lost as well
        out.steps.front().whole = out.next;
        for (const auto& [id, e] : open_) // their rows may be lost, too
            if (!issues(out, id)) out.new_effects.push_back(e);
    }
    return out;
}

next_thing mailbox::after_write(const surroundings& s) {
    if (written_ == written_as::conflict) return ask_store(stage::conflict_read);
    if (written_ == written_as::unavailable && takes_) { // perhaps it took effect: the next look tells
        put_back();
        loaded_.reset();
        lost_to_.reset();
        return wait_for_store(s);
    }
    stage_ = stage::idle;
    return keep(written_, s);
}

// Another node, a lost reply, a call that exists already, or a database that has lost commits: decide again
// on what is stored.
next_thing mailbox::after_conflict(const surroundings& s) {
    stage_ = stage::decide;
    proven_ = false; // the carrier was asked about another copy
    if (!read_ok_) { // a commit was refused, so this copy is old for certain
        exists_ = true;
        start_over();
        return wait_for_store(s);
    }
    if (lost_to_) return std::nullopt; // memory stays, and what is unsaved in it
    move_to(in_hand_, in_hand_.begin(), unsaved_items_);
    forget_unsaved();
    return std::nullopt;
}

next_thing mailbox::after_save() {
    stage_ = stage::idle;
    if (written_ == written_as::unavailable) return std::nullopt;
    if (written_ == written_as::conflict) {
        may_ = call::authority::unproven;
        fresh_ = true;
        return ask_store(stage::conflict_read);
    }
    todo::act out;
    out.saved = true;
    loaded_->version = seen_ = version_after(*unsaved_);
    exists_ = true;
    lost_to_.reset();
    store_failures_ = 0;
    issue_held(unsaved_->new_effects, out);
    out.settled = std::move(unsaved_items_);
    forget_unsaved();
    return out;
}

todo::act mailbox::done_with_hand() {
    todo::act out;
    out.settled = std::exchange(in_hand_, {});
    out.inquiries = std::move(folded_->inquiries);
    failures_ = 0;
    store_failures_ = 0;
    return out;
}

todo::act mailbox::keep(written_as how, const surroundings& s) {
    const bool stored = how == written_as::stored;
    todo::act out;
    if (!loaded_) {
        const auto first = std::find_if(in_hand_.begin(), in_hand_.end(), begins_call);
        if (first != in_hand_.end()) out.figures = first->figures;
    }
    out.news = news_of(loaded_ ? &loaded_->state : nullptr, whole_->next);
    const auto before = loaded_ ? loaded_->version : 0;
    loaded_ = port::stored_call{whole_->next, stored ? version_after(*whole_) : before};
    for (auto& i : in_hand_) { // given up unsent or half-way: if it is issued again it runs again, once
        const auto o = call::outcome_in(i.what);
        const bool given_up = o && call::end_of(*o).result == call::outcome::superseded;
        if (given_up && !std::exchange(i.heeded, true)) launched_.erase(std::string(call::end_of(*o).id));
        if (const auto* by = call::request_of(i.what); by != nullptr && !i.judged)
            if (const auto* v = call::verdict_of(loaded_->state, by->id)) i.judged = v->why;
    }
    remember(in_hand_, s.ticks);
    for (const auto& o : folded_->commit.finished) {
        const auto end = call::end_of(o);
        open_.erase(std::string(end.id));
        if (end.result != call::outcome::done)
            std::erase_if(open_, [&end](const auto& x) {
                return x.second.after && x.second.after->id == end.id;
            });
    }
    if (stored) {
        exists_ = true;
        seen_ = loaded_->version;
        lost_to_.reset();
        out.settled = std::move(unsaved_items_);
        move_to(out.settled, out.settled.end(), in_hand_);
        forget_unsaved();
    } else {
        // Postgres is away. The events are durable; the carrier's fence keeps a second winner out (P6).
        out.in_memory = !unsaved_;
        if (!unsaved_) unsaved_since_ = s.ticks;
        move_to(unsaved_items_, unsaved_items_.end(), in_hand_);
        unsaved_ = std::move(whole_);
    }
    in_hand_.clear();
    failures_ = 0;
    store_failures_ = 0;
    out.notes = std::move(folded_->commit.notes);
    out.inquiries = std::move(folded_->inquiries);
    if (stored) issue_held(whole_->new_effects, out);
    for (auto& e : folded_->commit.new_effects)
        if (!call::waits_for_store(e)) issue(std::move(e), out);
    return out;
}

// What must not run ahead of the store, now that it has been stored.
void mailbox::issue_held(const std::vector<call::effect>& stored, todo::act& out) {
    for (const auto& e : stored)
        if (call::waits_for_store(e)) issue(e, out);
}

// The call once all that has arrived is decided about, as far as it is a matter of facts.
std::optional<call::state> mailbox::foreseen(std::optional<call::state> from, time_point now) const {
    if (loaded_) from = loaded_->state;
    if (!from) return from;
    for (const auto* all : {&in_hand_, &queue_})
        for (const auto& i : *all)
            if (!begins_call(i))
                from =
                    call::decide(*from, i.what, i.decided_at.value_or(now), call::authority::unproven).next;
    return from;
}

// What waits for another is launched when its turn comes, or when it is issued again and waits no more;
// whichever is first.
void mailbox::issue(call::effect e, todo::act& out) {
    const bool launched = e.after ? launched_.contains(e.id) : !launched_.insert(e.id).second;
    if (!launched) {
        open_.insert_or_assign(e.id, e);
        out.effects.push_back(std::move(e));
    } else if (const auto known = open_.find(e.id); known != open_.end() && !e.after) {
        known->second = std::move(e);
    }
}

// What is stored, beside what is in memory: never older, unless the database has lost commits (a failover to
// a standby that was behind). Then memory is what counts.
mailbox::look mailbox::read(std::optional<port::stored_call> found) {
    look out;
    read_ok_ = true;
    exists_ = found.has_value();
    out.in_memory = loaded_ ? loaded_->version : 0;
    out.stored = found ? found->version : 0;
    if (out.in_memory > 0 && out.stored < out.in_memory) {
        out.commits_lost = !lost_to_;
        lost_to_ = out.stored;
        return out;
    }
    lost_to_.reset();
    out.another_wrote = out.in_memory > 0 && out.stored > out.in_memory;
    // Somebody wrote forward, or commits of a copy that was forgotten here are lost: what only this node
    // knows is told again.
    if (later_line(out.stored, seen_) || (exists_ && out.stored < seen_)) {
        items again;
        for (const auto& t : recent_)
            again.push_back(t.again());
        move_to(in_hand_, in_hand_.begin(), again);
    }
    seen_ = out.stored;
    loaded_ = std::move(found);
    return out;
}

std::vector<item> mailbox::failed(bool newer_form) {
    for (auto& i : in_hand_)
        ++i.failures;
    start_over();
    stage_ = stage::idle;
    careful_ = true;
    ++failures_;
    auto back = take_out(queue_, [newer_form](const item& i) {
        return newer_form || i.failures >= k_tries_of_an_item;
    });
    return back;
}

bool mailbox::holds(std::string_view inbox_id) const {
    const auto is = [inbox_id](const item& i) { return i.inbox_id == inbox_id; };
    return std::any_of(queue_.begin(), queue_.end(), is) ||
           std::any_of(in_hand_.begin(), in_hand_.end(), is) ||
           std::any_of(unsaved_items_.begin(), unsaved_items_.end(), is);
}

fresh_events mailbox::take_fresh() {
    fresh_events out;
    for (const auto& i : in_hand_)
        if (i.fresh && i.fresh->at == fresh_event::place::waiting) out.push_back(i.fresh);
    return out;
}

// One item when careful. What begins a call stays together with what is stored of its session: nobody is
// dialed who has hung up.
std::size_t mailbox::at_once() const {
    const bool begins = !queue_.empty() && begins_call(queue_.front());
    return careful_ && !begins ? std::min<std::size_t>(queue_.size(), 1) : queue_.size();
}

// From the front of the queue into the hand, behind what is there.
void mailbox::take(std::size_t n) {
    const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(n);
    in_hand_.insert(in_hand_.end(), std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
    queue_.erase(queue_.begin(), end);
}

// The hand goes back to the front of the queue, in order. A request is judged as of when it is decided about
// next: after its deadline it is late, however often it was in hand before.
void mailbox::put_back() {
    for (auto& i : in_hand_)
        if (call::request_of(i.what) != nullptr) i.decided_at.reset();
    move_to(queue_, queue_.begin(), in_hand_);
}

// A pass leaves copies of the call and of its commit behind; most calls wait most of the time.
void mailbox::tidy() {
    folded_.reset();
    whole_.reset();
    items().swap(in_hand_);
    items().swap(queue_); // it is empty
}

// Everything that is not stored is in the queue again, in order; memory is forgotten.
void mailbox::start_over() {
    put_back();
    move_to(queue_, queue_.begin(), unsaved_items_);
    forget_unsaved();
    loaded_.reset();
    lost_to_.reset();
}

void mailbox::forget_unsaved() {
    unsaved_.reset();
    unsaved_items_.clear();
}

// So much is decided without Postgres that it is saved before anything more is decided.
bool mailbox::too_much_unsaved() const {
    return unsaved_items_.size() >= k_unsaved_limit;
}

void mailbox::remember(const items& decided, rt::clock::time_point ticks) {
    for (const auto& i : decided)
        if (!std::holds_alternative<call::tick>(i.what)) recent_.emplace_back(i);
    auto keep = recent_.begin();
    while (keep != recent_.end() &&
           (recent_.end() - keep > k_recent_items || keep->since() < ticks - k_recent))
        ++keep;
    recent_.erase(recent_.begin(), keep);
}

} // namespace z360::engine
