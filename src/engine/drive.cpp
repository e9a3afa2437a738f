// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One call, one writer: take what has arrived, decide, commit, act.
#include "engine/engine_impl.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace z360::engine {
namespace {

constexpr int k_max_conflicts = 20;
constexpr millis k_save_retry{200};
constexpr std::size_t k_unsaved_limit = 2'000; // items of one call decided without Postgres

double seconds_since(std::chrono::steady_clock::time_point t) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - t).count();
}

} // namespace

void engine_impl::post(call_id id, item i) {
    std::vector<item> one;
    one.push_back(std::move(i));
    post(id, std::move(one));
}

void engine_impl::post(call_id id, std::vector<item> items) {
    auto& slot = actors_[id];
    if (!slot) slot = std::make_shared<actor>(id, ex_);
    for (auto& i : items)
        slot->queue.push_back(std::move(i));
    slot->touched = std::chrono::steady_clock::now();
    slot->wake.cancel();
    if (slot->driving) return;
    slot->driving = true;
    work_.spawn(drive(slot));
}

boost::asio::awaitable<void> engine_impl::drive(actor_ptr a) {
    try {
        while (!a->queue.empty() || a->unsaved) {
            if (!a->queue.empty())
                co_await step(*a);
            else
                co_await save_again(*a);
        }
    } catch (...) {
        a->driving = false;
        throw;
    }
    a->driving = false;
    arm(*a);
}

boost::asio::awaitable<void> engine_impl::step(actor& a) {
    // Everything that has arrived is one decision and one transaction.
    std::vector<item> batch(std::make_move_iterator(a.queue.begin()), std::make_move_iterator(a.queue.end()));
    a.queue.clear();
    std::string failure;
    try {
        const bool begins = std::any_of(batch.begin(), batch.end(), [](const item& i) {
            return std::holds_alternative<call::incoming>(i.what);
        });
        if (!a.loaded && !begins) {
            const bool reachable = co_await load(a);
            if (!reachable) { // nothing is known of this call here: wait for Postgres, keep the order
                a.queue.insert(
                    a.queue.begin(), std::make_move_iterator(batch.begin()),
                    std::make_move_iterator(batch.end())
                );
                a.wake.expires_after(k_save_retry);
                (void)co_await a.wake.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
                co_return;
            }
        }
        co_await heed_hint(a, batch);
        co_await commit(a, batch);
    } catch (const boost::system::system_error&) {
        throw; // cancelled: the process stops
    } catch (const std::exception& e) {
        failure = e.what();
    }
    if (failure.empty()) co_return;
    a.loaded.reset(); // whatever is in memory may be what failed
    co_await give_back(a, std::move(batch), std::move(failure));
}

boost::asio::awaitable<bool> engine_impl::load(actor& a) {
    try {
        a.loaded = co_await p_.store.load(a.id);
    } catch (const port::unavailable&) {
        co_return false;
    }
    if (a.loaded) sessions_.insert_or_assign(a.loaded->state.caller.call_session_id, a.id);
    co_return true;
}

// Redis may know of an answer that another node has handled: then the stored state is newer than ours.
boost::asio::awaitable<void> engine_impl::heed_hint(actor& a, const std::vector<item>& batch) {
    if (!a.loaded || a.unsaved || a.loaded->state.now_in != call::phase::ringing) co_return;
    for (const auto& i : batch) {
        const auto* answered = std::get_if<call::leg_answered>(&i.what);
        if (answered == nullptr || !answered->who.leg) continue;
        const auto leg = *answered->who.leg;
        const auto seen = co_await p_.hint.answered(a.id, leg);
        if (seen == port::hint::not_first) (void)co_await load(a);
        co_return;
    }
}

boost::asio::awaitable<void> engine_impl::commit(actor& a, std::vector<item> batch) {
    for (int round = 0; round < k_max_conflicts; ++round) {
        std::vector<item> orphans;
        const char* broken = nullptr;
        const auto now = p_.clock.now();
        for (auto& i : batch)
            if (!i.decided_at) i.decided_at = now;
        auto f = fold(a.loaded, batch, now, orphans, broken);
        if (broken != nullptr) {
            log::critical("invariant_broken", {{"call", a.id}, {"rule", broken}});
            p_.metrics.count("invariants_broken_total");
            throw std::logic_error(std::string("invariant broken: ") + broken);
        }
        if (!orphans.empty()) {
            // They precede the event that begins the call; what follows it has been folded.
            batch.erase(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(orphans.size()));
            co_await give_back(a, std::move(orphans), "no such call");
            if (batch.empty()) co_return;
        }
        if (!f.changed) {
            settled(batch);
            co_return;
        }
        auto whole = f.commit;
        if (a.unsaved) {
            whole = *a.unsaved;
            merge(whole, f.commit);
        }
        const auto result = co_await try_commit(whole);
        if (result == saved::conflict) {
            // Another node, a lost reply, or this call exists already: decide again on what is stored.
            p_.metrics.count("commit_conflicts_total");
            batch.insert(batch.begin(), a.unsaved_items.begin(), a.unsaved_items.end());
            a.unsaved_items.clear();
            if (a.unsaved) --unsaved_;
            a.unsaved.reset();
            if (!co_await load(a)) throw port::unavailable("conflict, then Postgres went away");
            continue;
        }
        const auto news = news_of(a.loaded ? &a.loaded->state : nullptr, whole.next);
        a.loaded = port::stored_call{whole.next, whole.expected_version};
        sessions_.insert_or_assign(whole.next.caller.call_session_id, a.id);
        if (result == saved::yes) {
            a.loaded->version += 1;
            settled(a.unsaved_items);
            settled(batch);
            a.unsaved_items.clear();
            if (a.unsaved) --unsaved_;
            a.unsaved.reset();
        } else {
            // Postgres is away. The events are durable; the carrier's fence keeps a second winner out (P6).
            if (!a.unsaved) {
                ++unsaved_;
                log::warn("deciding_in_memory", {{"call", a.id}, {"org", whole.next.routed.org}});
            }
            a.unsaved = whole;
            std::copy(batch.begin(), batch.end(), std::back_inserter(a.unsaved_items));
            if (a.unsaved_items.size() > k_unsaved_limit)
                throw std::runtime_error("too much undecided without Postgres");
        }
        tell(a, f.commit.notes);
        act(a, f.commit);
        for (const auto& q : f.inquiries)
            work_.spawn(inquire(a.id, whole.next.caller.call_session_id, q));
        arm(a);
        if (p_.witness)
            for (const auto& [device, what] : news)
                p_.witness(device, what);
        co_return;
    }
    throw std::runtime_error("too many version conflicts in a row");
}

// The commit with a time limit of its own. One that completes later is found as a conflict and folded again,
// which changes nothing: every step is idempotent.
boost::asio::awaitable<engine_impl::saved> engine_impl::try_commit(port::call_commit what) {
    struct shared {
        explicit shared(const boost::asio::any_io_executor& ex) : done(ex) {}
        rt::event done;
        std::optional<saved> result;
        std::exception_ptr error;
    };
    auto box = std::make_shared<shared>(ex_);
    struct runner {
        static boost::asio::awaitable<void>
        go(std::shared_ptr<shared> out, port::call_store& store, port::call_commit c, millis claim) {
            try {
                const auto r = co_await store.commit(std::move(c), claim);
                out->result = r == port::commit_result::committed ? saved::yes : saved::conflict;
            } catch (const port::unavailable&) {
                out->result = saved::unavailable;
            } catch (...) {
                out->error = std::current_exception();
            }
            out->done.set();
        }
    };
    auto claim = s_.command_claim;
    for (const auto& cmd : what.new_commands)
        claim = std::min(claim, claim_of(cmd));
    work_.spawn(runner::go(box, p_.store, std::move(what), claim));
    const bool in_time = co_await box->done.wait_for(s_.commit_budget);
    if (!in_time) co_return saved::unavailable;
    if (box->error) std::rethrow_exception(box->error);
    co_return *box->result;
}

boost::asio::awaitable<void> engine_impl::save_again(actor& a) {
    a.wake.expires_after(k_save_retry);
    (void)co_await a.wake.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    auto state = co_await boost::asio::this_coro::cancellation_state;
    if (state.cancelled() != boost::asio::cancellation_type::none)
        throw boost::system::system_error(boost::asio::error::operation_aborted);
    if (!a.queue.empty()) co_return; // new items take the unsaved ones along
    const auto result = co_await try_commit(*a.unsaved);
    if (result == saved::unavailable) co_return;
    --unsaved_;
    if (result == saved::yes) {
        a.loaded->version += 1;
        settled(a.unsaved_items);
        a.unsaved_items.clear();
        a.unsaved.reset();
        log::info("saved_after_outage", {{"call", a.id}});
        co_return;
    }
    auto items = std::move(a.unsaved_items);
    a.unsaved_items.clear();
    a.unsaved.reset();
    for (auto& i : items)
        a.queue.push_back(std::move(i));
    a.loaded.reset();
    (void)co_await load(a);
}

// Answer and bridge have few seconds in all: whoever helps a dead node must come in time (P6). Doing them
// twice is harmless, the carrier knows the repeated command by its id.
millis engine_impl::claim_of(const call::command& cmd) const {
    const bool urgent = cmd.what() == call::verb::answer || cmd.what() == call::verb::bridge;
    return urgent ? s_.urgent_claim : s_.command_claim;
}

void engine_impl::act(actor& a, const port::call_commit& done) {
    for (const auto& cmd : done.new_commands) {
        if (!a.launched.insert(cmd.id).second) continue;
        launch(a.id, cmd);
    }
}

void engine_impl::launch(call_id id, call::command cmd, bool taken_over) {
    if (stopping_ && cmd.what() == call::verb::dial) return; // I15: nothing new is originated while stopping
    if (!running_.insert(cmd.id).second) return;
    work_.spawn(run_command(id, std::move(cmd), taken_over));
}

boost::asio::awaitable<void> engine_impl::run_command(call_id id, call::command cmd, bool taken_over) {
    const std::string key = cmd.id;
    struct forget {
        std::unordered_set<std::string>& set;
        const std::string& key;
        ~forget() { set.erase(key); }
    } guard{running_, key};
    // What another node issued is judged by what is stored, not by a copy of the call that may be older.
    const unsigned base = taken_over ? 1 : 0;
    port::still_wanted ask = [this, id, cmd, base](unsigned attempt) {
        return still_wanted(id, cmd, attempt + base);
    };
    auto result = co_await p_.telnyx.execute(cmd, std::move(ask));
    p_.metrics.count(
        "commands_total", {{"verb", call::name(result.what)}, {"outcome", call::name(result.result)}}
    );
    item i{std::move(result), {}};
    post(id, std::move(i));
}

boost::asio::awaitable<bool> engine_impl::still_wanted(call_id id, call::command cmd, unsigned attempt) {
    std::optional<port::stored_call> stored;
    if (attempt > 1) {
        // Keeps other nodes off, and asks what is stored: another node may have moved the call on meanwhile,
        // or this one's copy may be older than the command it repeats.
        try {
            co_await p_.store.extend_claim(cmd.id, claim_of(cmd));
            stored = co_await p_.store.load(id);
        } catch (const port::unavailable&) {
            // what is in memory has to do
        }
    }
    // The newer of the two counts; memory may be ahead while Postgres was away, and then stands on its
    // version.
    const auto known = actors_.find(id);
    const bool here = known != actors_.end() && known->second->loaded;
    const bool memory = here && (!stored || known->second->loaded->version >= stored->version);
    if (!memory && !stored) co_return true;
    if (call::wanted(memory ? known->second->loaded->state : stored->state, cmd)) co_return true;
    // While the call is being decided again (after a conflict) the state lacks what led to this command.
    // Sending it once too often is harmless, the carrier knows its id; only a dial must not ring for nobody.
    const bool deciding = known != actors_.end() && known->second->driving;
    co_return deciding && (cmd.what() != call::verb::dial);
}

void engine_impl::arm(actor& a) {
    const auto round = ++a.timer_round;
    a.timer.cancel();
    if (!a.loaded || stopping_) return;
    const auto at = call::deadline(a.loaded->state);
    if (!at) return;
    // One millisecond late rather than early: the core counts whole milliseconds.
    a.timer.expires_after(std::max(*at - p_.clock.now(), millis{0}) + millis{1});
    a.timer.async_wait([this, id = a.id, round](const boost::system::error_code& ec) {
        if (ec || stopping_) return;
        const auto found = actors_.find(id);
        if (found == actors_.end() || found->second->timer_round != round) return;
        post(id, item{call::tick{}, {}});
    });
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
        if (n.what == "call_ended")
            p_.metrics.count("calls_ended_total", {{"reason", call::name(a.loaded->state.reason)}});
        if (n.what == "second_bridge_dropped") p_.metrics.count("double_bridges_total");
    }
}

} // namespace z360::engine
