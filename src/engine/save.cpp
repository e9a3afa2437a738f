// SPDX-License-Identifier: LicenseRef-z360-proprietary
// From a decision to its row: the commit, what it means when the database refuses it, is slow, is away, or
// comes back without its last commits.
#include "engine/engine_impl.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace z360::engine {
namespace {

using steady = rt::clock;

constexpr int k_max_conflicts = 20;
constexpr std::size_t k_doubts_kept = 8; // beyond, a fact may stay uncounted
constexpr std::chrono::seconds k_slow_memory{10};

double seconds_since(steady::time_point t) {
    return std::chrono::duration<double>(steady::now() - t).count();
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
    const auto ids = [](const port::call_commit& c) {
        std::vector<std::string> out;
        for (const auto& cmd : c.new_commands)
            out.push_back(cmd.id);
        return out;
    };
    return a.next == b.next && ids(a) == ids(b);
}

} // namespace

boost::asio::awaitable<bool> engine_impl::load(actor& a) {
    std::optional<port::stored_call> found;
    try {
        found = co_await p_.store.load(a.id);
    } catch (const port::unavailable&) {
        co_return false;
    }
    take_stored(a, std::move(found));
    co_return true;
}

// What is stored, beside what is in memory: never older, unless the database has lost commits (a failover to
// a standby that was behind). Then memory is what counts.
void engine_impl::take_stored(actor& a, std::optional<port::stored_call> found) {
    const auto mine = a.loaded ? a.loaded->version : 0;
    if (mine > 0 && (!found || found->version < mine)) {
        if (!a.lost_to) {
            log::error(
                "commits_lost", {{"call", a.id}, {"in_memory", mine}, {"stored", found ? found->version : 0}}
            );
            p_.metrics.count("commits_lost_total");
        }
        a.lost_to = found ? found->version : 0;
        return;
    }
    a.lost_to.reset();
    count_doubted(a, found ? &found->state : nullptr);
    if (found && mine > 0 && found->version > mine) {
        saw_another_node();
        if (later_line(
                found->version, mine
            )) // somebody wrote forward: what only this copy knows is told again
            a.in_hand.insert(a.in_hand.begin(), a.recent.begin(), a.recent.end());
    }
    a.loaded = std::move(found);
    if (!a.loaded) return;
    sessions_.insert_or_assign(a.loaded->state.caller.call_session_id, a.id);
    remember_caller(a.loaded->state.caller.call_control_id, a.id);
}

// The database was away: what it has is compared with what is here, and written forward where it is less.
boost::asio::awaitable<void> engine_impl::compare(actor& a) {
    a.verify = false;
    if (!a.loaded || a.unsaved) co_return;
    const bool reached = co_await load(a);
    if (!reached)
        a.verify = true;
    else if (a.lost_to || !a.in_hand.empty())
        co_await decide(a, call::authority::unproven, true);
    if (a.verify) co_await wait_for_store(a);
}

boost::asio::awaitable<void> engine_impl::decide(actor& a, call::authority may, bool fresh) {
    bool proven = false;
    for (int round = 0; round < k_max_conflicts; ++round) {
        auto f = fold_in_hand(a, may);
        if (!a.orphans.empty()) {
            auto orphans = std::exchange(a.orphans, {});
            no_such_call(a.id, std::move(orphans));
            if (a.in_hand.empty()) co_return;
        }
        a.time_held = may == call::authority::unproven;
        if (!f.changed && !a.lost_to) {
            settled(a.in_hand);
            a.in_hand.clear();
            ask_for(a, f);
            co_return;
        }
        const bool takes = takes_by_time(a, f, may);
        if (takes && !proven) {
            may = co_await prove(a, fresh);
            proven = true;
            continue;
        }
        auto whole = whole_of(a, f);
        // Waits for the database's word, however slow it is, before time takes anything away.
        const auto result = co_await try_commit(a, whole, takes);
        if (result == saved::conflict) {
            const bool again = co_await after_conflict(a);
            if (!again) co_return;
            continue;
        }
        if (result == saved::unavailable && takes) { // perhaps it took effect: the next look tells
            log::warn("deadline_in_doubt", {{"call", a.id}});
            a.put_back();
            a.loaded.reset();
            co_await wait_for_store(a);
            co_return;
        }
        keep(a, std::move(whole), std::move(f), result);
        co_return;
    }
    throw std::runtime_error("too many version conflicts in a row");
}

// A caller who came by the session of this call and is not its caller has a call of its own, with what names
// its leg.
void engine_impl::part_callers(actor& a) {
    std::string mine;
    if (a.loaded) mine = a.loaded->state.caller.call_control_id;
    for (std::size_t i = 0; i < a.in_hand.size();) {
        const auto* other = std::get_if<call::incoming>(&a.in_hand[i].what);
        if (other != nullptr && mine.empty()) mine = other->call_control_id; // begins this call
        if (other == nullptr || other->call_control_id == mine) {
            ++i;
            continue;
        }
        const auto control_id = other->call_control_id;
        std::vector<item> theirs; // decided together: nobody is dialed for who has left
        theirs.push_back(second_of(a.in_hand[i]));
        const auto id = std::get<call::incoming>(theirs.front().what).id;
        a.in_hand.erase(a.in_hand.begin() + static_cast<std::ptrdiff_t>(i));
        for (std::size_t k = i; k < a.in_hand.size();) {
            if (!names_leg(a.in_hand[k].what, control_id)) {
                ++k;
                continue;
            }
            theirs.push_back(std::move(a.in_hand[k]));
            a.in_hand.erase(a.in_hand.begin() + static_cast<std::ptrdiff_t>(k));
        }
        post(id, std::move(theirs));
    }
}

folded engine_impl::fold_in_hand(actor& a, call::authority may) {
    part_callers(a);
    const char* broken = nullptr;
    const auto now = p_.clock.now();
    for (auto& i : a.in_hand)
        if (!i.decided_at) i.decided_at = now;
    auto f = fold(a.loaded, a.in_hand, now, a.orphans, broken, may);
    if (broken != nullptr) {
        log::critical("invariant_broken", {{"call", a.id}, {"rule", broken}});
        p_.metrics.count("invariants_broken_total");
        throw std::logic_error(std::string("invariant broken: ") + broken);
    }
    // They precede the event that begins the call; what follows it has been folded.
    a.in_hand.erase(a.in_hand.begin(), a.in_hand.begin() + static_cast<std::ptrdiff_t>(a.orphans.size()));
    return f;
}

// Whether the decision takes away what it would leave if no time had passed.
bool engine_impl::takes_by_time(const actor& a, const folded& f, call::authority may) const {
    if (may != call::authority::newest || !a.loaded) return false;
    const auto was = a.loaded->state.now_in;
    const auto is = f.commit.next.now_in;
    if (was == is && !overdue(a)) return false; // cheap, and right: only a change of phase takes something
    const char* broken = nullptr;
    std::vector<item> orphans;
    const auto without = fold(a.loaded, a.in_hand, f.commit.at, orphans, broken, call::authority::unproven);
    return !same_doing(f.commit, without.commit);
}

// I21: the copy must be the newest one stored, and the carrier must have been asked: another node may have
// joined somebody in its memory while it could not store it, or what happened was told to nobody.
boost::asio::awaitable<call::authority> engine_impl::prove(actor& a, bool fresh) {
    if (!fresh) fresh = co_await load(a);
    if (!fresh || !a.loaded || a.lost_to) co_return call::authority::unproven;
    const bool told = co_await asked(a.loaded->state);
    if (!told) co_return call::authority::unproven;
    // What the carrier told is in the queue: decided first, in the same pass.
    auto before = std::exchange(a.in_hand, {});
    a.take();
    a.in_hand.insert(
        a.in_hand.end(), std::make_move_iterator(before.begin()), std::make_move_iterator(before.end())
    );
    // The question took its time: nothing has been decided yet, and what is issued now has its whole
    // deadline.
    for (auto& i : a.in_hand)
        i.decided_at.reset();
    co_return call::authority::newest;
}

port::call_commit engine_impl::whole_of(const actor& a, const folded& f) const {
    auto whole = f.commit;
    if (a.unsaved) {
        whole = *a.unsaved;
        merge(whole, f.commit);
    }
    if (a.lost_to) {
        whole.expected_version = *a.lost_to;
        whole.next_version = forward_version(a.loaded->version);
        for (const auto& [id, cmd] : a.open) // their rows may be lost, too
            whole.new_commands.push_back(cmd);
    }
    return whole;
}

// Another node, a lost reply, a call that exists already, or a database that has lost commits: decide again
// on what is stored. false: it cannot be read now, everything waits in the queue.
boost::asio::awaitable<bool> engine_impl::after_conflict(actor& a) {
    p_.metrics.count("commit_conflicts_total");
    const bool reached = co_await load(a);
    if (!reached) {
        // A commit was refused, so this copy is old for certain.
        if (a.unsaved) --unsaved_;
        a.start_over();
        co_await wait_for_store(a);
        co_return false;
    }
    if (a.lost_to) co_return true; // memory stays, and what is unsaved in it
    a.in_hand.insert(a.in_hand.begin(), a.unsaved_items.begin(), a.unsaved_items.end());
    forget_unsaved(a);
    co_return true;
}

void engine_impl::forget_unsaved(actor& a) {
    if (a.unsaved) --unsaved_;
    a.unsaved.reset();
    a.unsaved_items.clear();
}

void engine_impl::keep(actor& a, port::call_commit whole, folded f, saved result) {
    if (!a.loaded) count_beginning(a.in_hand);
    auto news = news_of(a.loaded ? &a.loaded->state : nullptr, whole.next);
    const auto before = a.loaded ? a.loaded->version : 0;
    a.loaded = port::stored_call{whole.next, result == saved::yes ? version_after(whole) : before};
    sessions_.insert_or_assign(whole.next.caller.call_session_id, a.id);
    remember_caller(whole.next.caller.call_control_id, a.id);
    a.remember(a.in_hand);
    for (const auto& i : a.in_hand) { // given up unsent or half-way: if it is issued again it runs again
        const auto* o = std::get_if<call::command_outcome>(&i.what);
        if (o != nullptr && o->result == call::outcome::superseded) a.launched.erase(o->command_id);
    }
    for (const auto& o : f.commit.finished_commands)
        a.open.erase(o.command_id);
    if (result == saved::yes) {
        a.lost_to.reset();
        settled(a.unsaved_items);
        settled(a.in_hand);
        forget_unsaved(a);
    } else {
        // Postgres is away. The events are durable; the carrier's fence keeps a second winner out (P6).
        if (!a.unsaved) {
            ++unsaved_;
            a.unsaved_since = steady::now();
            log::warn("deciding_in_memory", {{"call", a.id}, {"org", whole.next.routed.org}});
        }
        std::copy(a.in_hand.begin(), a.in_hand.end(), std::back_inserter(a.unsaved_items));
        a.unsaved = std::move(whole);
    }
    a.in_hand.clear();
    tell(a, f.commit.notes);
    act(a, f.commit);
    ask_for(a, f);
    arm(a);
    if (p_.witness)
        for (const auto& [device, what] : news)
            p_.witness(device, what);
}

void engine_impl::ask_for(const actor& a, const folded& f) {
    for (const auto& q : f.inquiries)
        work_.spawn(inquire(a.id, a.loaded->state, q.round));
}

boost::asio::awaitable<void>
engine_impl::carry(std::shared_ptr<commit_under_way> out, port::call_commit what, millis claim) {
    try {
        out->result = co_await p_.store.commit(std::move(what), claim);
    } catch (const port::unavailable&) {
        out->unavailable = true;
    } catch (...) {
        out->error = std::current_exception();
    }
    const auto of = actors_.find(out->facts.next.id);
    if (out->result == port::commit_result::committed)
        count_facts(out->facts);
    else if ((out->unavailable || out->error) && of != actors_.end() &&
             of->second->in_doubt.size() < k_doubts_kept)
        of->second->in_doubt.push_back(std::move(out->facts));
    out->finished = true;
    out->done.set();
}

// The commit with a time limit of its own, unless it must be known. One that completes later is found as a
// conflict and folded again, which changes nothing: every step is idempotent. While it runs no other one of
// this call is sent: it would wait for the same row and keep a connection from those who can be served.
boost::asio::awaitable<engine_impl::saved>
engine_impl::try_commit(actor& a, port::call_commit what, bool to_the_end) {
    if (a.under_way && !a.under_way->finished) co_return saved::unavailable;
    a.under_way = std::make_shared<commit_under_way>(ex_);
    const auto box = a.under_way;
    auto claim = s_.command_claim;
    for (const auto& cmd : what.new_commands)
        claim = std::min(claim, claim_of(cmd));
    box->facts = {what.next, what.notes};
    work_.spawn(carry(box, std::move(what), claim));
    const bool in_time = co_await box->done.wait_for(s_.commit_budget);
    if (!in_time) {
        slow_commits_.push_back(steady::now());
        p_.metrics.count("commits_slow_total");
        if (!to_the_end) co_return saved::unavailable;
        co_await box->done.wait(); // the store bounds its own time
    }
    a.under_way.reset();
    if (box->error) std::rethrow_exception(box->error);
    if (box->unavailable) co_return saved::unavailable;
    co_return box->result == port::commit_result::committed ? saved::yes : saved::conflict;
}

boost::asio::awaitable<void> engine_impl::save_again(actor& a) {
    co_await wait_for_store(a);
    if (!a.queue.empty() && !a.too_much_unsaved()) co_return; // new items take the unsaved along
    auto whole = *a.unsaved;
    const auto result = co_await try_commit(a, std::move(whole), false);
    if (result == saved::unavailable) co_return;
    if (result == saved::conflict) {
        const bool again = co_await after_conflict(a);
        if (again) co_await decide(a, call::authority::unproven, true);
        co_return;
    }
    a.loaded->version = version_after(*a.unsaved);
    a.lost_to.reset();
    settled(a.unsaved_items);
    forget_unsaved(a);
    a.save_pause = millis{0};
    log::info("saved_after_outage", {{"call", a.id}});
}

void engine_impl::settled(const std::vector<item>& items) {
    for (const auto& i : items) {
        if (i.inbox_id.empty()) continue;
        handling_.erase(i.inbox_id);
        p_.metrics.observe("event_handling_seconds", seconds_since(i.since));
    }
}

void engine_impl::tell(const actor& a, const std::vector<call::note>& notes) {
    for (const auto& n : notes) {
        log::info(n.what, {{"call", a.id}, {"org", a.loaded->state.routed.org}, {"detail", n.detail}});
    }
}

// Figures count facts, not tries: webhooks come twice, decisions are made again, and replies of the database
// get lost. So what is counted is what has been stored, by the node that stored it.
void engine_impl::count_facts(const countable& stored) {
    const auto& s = stored.next;
    const auto known = actors_.find(s.id);
    for (const auto& n : stored.notes) {
        const bool ended = n.what == "call_ended";
        const bool refused = n.what == "number_refused";
        if (!ended && !refused && n.what != "second_bridge_dropped") continue;
        if (known != actors_.end() && !known->second->counted.insert(n.what + " " + n.detail).second)
            continue;
        if (ended) {
            p_.metrics.count("calls_ended_total", {{"reason", call::name(s.reason)}});
        } else if (refused) {
            log::error("number_unknown", {{"call", s.id}, {"session", s.caller.call_session_id}});
            p_.metrics.count("unknown_numbers_total");
        } else {
            p_.metrics.count("double_bridges_total");
        }
    }
}

// The row is what one of them would have made of it: it did take effect. null: there is no row.
void engine_impl::count_doubted(actor& a, const call::state* stored) {
    for (const auto& d : std::exchange(a.in_doubt, {}))
        if (stored != nullptr && d.next == *stored) count_facts(d);
}

void engine_impl::count_beginning(const std::vector<item>& decided) {
    const auto first = std::find_if(decided.begin(), decided.end(), [](const item& i) {
        return std::holds_alternative<call::incoming>(i.what);
    });
    if (first == decided.end()) return;
    for (const auto figure : first->figures)
        p_.metrics.count(figure);
}

figures engine_impl::now() const {
    figures f;
    f.calls_in_memory = actors_.size();
    f.commands_running = running_.size();
    f.unsaved_calls = unsaved_;
    f.events_in_work = handling_.size();
    f.callers_waiting = callers_.size();
    f.old_webhooks = old_webhooks_;
    const auto at = steady::now();
    if (unsaved_ > 0)
        for (const auto& [id, a] : actors_)
            if (a->unsaved)
                f.oldest_unsaved =
                    std::max(f.oldest_unsaved, std::chrono::duration_cast<millis>(at - a->unsaved_since));
    f.slow_commits =
        static_cast<std::size_t>(std::count_if(slow_commits_.begin(), slow_commits_.end(), [at](auto t) {
            return at - t < k_slow_memory;
        }));
    return f;
}

} // namespace z360::engine
