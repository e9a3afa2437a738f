// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a dead or slow node left behind, what an earlier life of this one did, and what Postgres missed while
// it was away. Every node sweeps; SKIP LOCKED and claims keep them out of each other's way.
#include "engine/engine_impl.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace z360::engine {
namespace {

using steady = rt::clock;

constexpr std::size_t k_batch = 200;
constexpr unsigned k_put_off_limit = 2;
constexpr unsigned k_put_off_for_spool = 10;
constexpr millis k_first_try{300};               // a live node's own timer is faster
constexpr std::chrono::seconds k_idle_ended{5};  // an ended call stays in memory for late events
constexpr std::chrono::seconds k_idle_talk{120}; // a long talk is dropped from memory and reloaded at its end
constexpr std::chrono::seconds k_longest_pause{1}; // of a loop that fails: what it is for cannot wait
constexpr std::chrono::seconds k_late{15}; // a loop without a good round for so long is told of in /readyz
// After an outage every node first writes forward what the database may have lost; only then does anybody
// judge what looks overdue in it.
constexpr std::chrono::seconds k_time_to_write_forward{3};
constexpr std::chrono::seconds k_between_waits{30}; // for that, where connections are lost one by one
constexpr std::size_t k_compare_at_once = 50;

} // namespace

// Each has its own loop, so that what fails in one of them does not keep the others from their work.
void engine_impl::start_loops() {
    const auto loop =
        [this](const char* name, rt::event* wake, boost::asio::awaitable<void> (engine_impl::*round)()) {
            rt::loop_settings l;
            l.name = name;
            l.period = s_.sweep_period;
            l.late_after = k_late;
            l.longest_pause = k_longest_pause;
            l.wake = wake;
            loops_.run(std::move(l), [this, round] { return (this->*round)(); });
        };
    loop("events", &sweep_now_, &engine_impl::events_round);
    loop("deadlines", nullptr, &engine_impl::deadlines_round);
    loop("commands", nullptr, &engine_impl::commands_round);
    loop("memory", nullptr, &engine_impl::memory_round);
    if (p_.spool != nullptr) loop("spool", nullptr, &engine_impl::spool_round);
}

boost::asio::awaitable<void> engine_impl::events_round() {
    // Gather what arrives in one burst instead of writing row by row.
    if (!ignored_.empty()) co_await rt::sleep_for(millis{50});
    bool well = false;
    struct told {
        engine_impl& e;
        const bool& well;
        ~told() { e.store_answered(well); }
    } guard{*this, well};
    co_await flush_ignored();
    events_found_ = co_await sweep_events();
    well = true;
}

// Whether the sweeps reach the database. Commits may have been lost while it was away.
void engine_impl::store_answered(bool well) {
    if (well && store_lost_) {
        store_back_at_ = steady::now();
        compare_memory_ = true;
        log::info("sweep_resumed");
    } else if (!well && !store_lost_) {
        log::warn("sweep_paused");
    }
    store_lost_ = !well;
}

// A failover between two questions fails none of them, when the connections are made anew in time.
void engine_impl::look_at_connections() {
    const auto lost = p_.connections_lost ? p_.connections_lost() : 0;
    if (std::exchange(losses_seen_, lost) == lost) return;
    log::info("store_connections_anew", {{"lost", lost}});
    // Not again and again: connections that keep breaking must not keep anybody from judging what is overdue.
    if (steady::now() - store_back_at_ > k_between_waits) store_back_at_ = steady::now();
    compare_memory_ = true;
}

// Events left behind may tell that what looks overdue has long happened: they are decided first.
boost::asio::awaitable<void> engine_impl::deadlines_round() {
    look_at_connections();
    const bool spooled = p_.spool != nullptr && p_.spool->size() > 0;
    const auto limit = spooled ? k_put_off_for_spool : k_put_off_limit;
    if (store_lost_ || steady::now() - store_back_at_ < k_time_to_write_forward) co_return;
    if ((events_found_ || spooled) && deadlines_put_off_ < limit) {
        ++deadlines_put_off_;
        co_return;
    }
    deadlines_put_off_ = 0;
    co_await sweep_deadlines();
}

boost::asio::awaitable<void> engine_impl::commands_round() {
    co_await sweep_commands();
}

boost::asio::awaitable<void> engine_impl::memory_round() {
    evict();
    report();
    look_at_connections();
    if (!compare_memory_ || store_lost_) co_return;
    compare_memory_ = false;
    std::vector<call_id> held;
    for (const auto& [id, a] : actors_)
        if (a->box.loaded()) held.push_back(id);
    std::size_t n = 0;
    for (const auto& id : held) {
        if (const auto found = actors_.find(id); found != actors_.end()) {
            found->second->box.doubt();
            kick(found->second);
        }
        if (++n % k_compare_at_once == 0) co_await rt::sleep_for(millis{20});
    }
}

boost::asio::awaitable<void> engine_impl::spool_round() {
    std::exception_ptr error;
    try {
        co_await p_.spool->tend();
    } catch (const port::unavailable&) {
        error = std::current_exception(); // what can be read is drained all the same
    }
    if (!store_lost_) co_await drain_spool();
    if (error) std::rethrow_exception(error);
}

boost::asio::awaitable<void> engine_impl::flush_ignored() {
    if (ignored_.empty()) co_return;
    auto ids = std::move(ignored_);
    ignored_.clear();
    auto copy = ids;
    try {
        co_await p_.inbox.mark_ignored(std::move(copy));
    } catch (...) {
        ignored_.insert(ignored_.end(), ids.begin(), ids.end());
        throw;
    }
    for (const auto& id : ids)
        handling_.erase(id);
}

boost::asio::awaitable<void> engine_impl::drain_spool() {
    while (p_.spool->size() > 0) {
        auto events = co_await p_.spool->peek(k_batch);
        if (events.empty()) co_return;
        // What began a call here is claimed: another node would write it off as a repeat of that call's
        // beginning. Else no claim: what this process has decided about is decided again, to no effect.
        std::vector<port::inbox_event> others, begun;
        std::vector<std::pair<call_id, std::string>> done;
        for (auto& e : events) {
            const auto* call = caller_calls_.find(e.call_control_id, steady::time_point::min());
            const bool here = call != nullptr && begun_by(*call, e.event_id);
            if (here) done.emplace_back(*call, e.event_id);
            (here ? begun : others).push_back(std::move(e));
        }
        co_await drain_some(std::move(others), millis{0});
        co_await drain_some(std::move(begun), s_.event_claim);
        for (auto& [call, event_id] : done)
            done_with(call, std::move(event_id));
        sweep_now_.set();
    }
}

boost::asio::awaitable<void> engine_impl::drain_some(std::vector<port::inbox_event> events, millis claim) {
    if (events.empty()) co_return;
    std::vector<std::string> ids;
    for (const auto& e : events)
        ids.push_back(e.event_id);
    const auto results = co_await p_.inbox.append(std::move(events), claim);
    std::vector<std::string> kept;
    std::vector<std::string> refused;
    for (std::size_t i = 0; i < ids.size(); ++i)
        (results.at(i) == port::append_result::refused ? refused : kept).push_back(std::move(ids[i]));
    const auto count = kept.size();
    if (!refused.empty()) {
        p_.metrics.count("spool_set_aside_total", {}, static_cast<double>(refused.size()));
        co_await p_.spool->set_aside(std::move(refused), "Postgres cannot keep it in any form");
    }
    co_await p_.spool->remove(std::move(kept));
    log::info("spool_drained", {{"events", count}, {"left", p_.spool->size()}});
}

boost::asio::awaitable<void> engine_impl::sweep_deadlines() {
    const auto due = co_await p_.store.claim_overdue(k_first_try, k_batch);
    for (const auto& id : due) {
        const auto known = actors_.find(id);
        if (known != actors_.end() && known->second->driving) continue;
        if (known != actors_.end() && known->second->box.loaded() && !known->second->box.unsaved())
            known->second->box.doubt(); // overdue in the database: our copy may be the outdated one
        item i{call::tick{}, {}};
        post(id, std::move(i));
    }
}

boost::asio::awaitable<void> engine_impl::sweep_commands() {
    std::vector<call::channel> ours; // what nobody here can carry out is left to nodes that can
    for (std::size_t i = 0; i < runners_.size(); ++i)
        if (runners_[i] != nullptr) ours.push_back(static_cast<call::channel>(i));
    auto left = co_await p_.store.claim_effects(k_batch, s_.command_claim, std::move(ours));
    for (const auto& e : left)
        if (e.waits && !running_.contains(e.what.id)) followers_.keep({e.call, e.what, e.attempts});
    for (auto& e : left)
        if (!e.waits && !running_.contains(e.what.id)) take_over(std::move(e));
}

void engine_impl::take_over(port::orphan_effect e) {
    // While commits fail, what ended here long ago still looks open: judged again it would be "given up", and
    // the leg of an accepted dial in doubt.
    if (const auto known = actors_.find(e.call); known != actors_.end())
        if (known->second->box.holds_end_of(e.what.id)) return;
    const auto now = p_.clock.now();
    if (e.what.after && e.what.deadline <= now) { // what it waited for came to nothing, or too late
        followers_.forget(e.what.id);
        post(e.call, item{call::event_of(call::ended_as(e.what, call::outcome::superseded)), {}});
        return;
    }
    p_.metrics.count("commands_taken_over_total");
    launch(e.call, call::started(std::move(e.what), now), e.attempts);
}

void engine_impl::evict() {
    const auto now = steady::now();
    for (auto it = actors_.begin(); it != actors_.end();) {
        const auto& a = *it->second;
        const auto idle = now - a.touched;
        const bool resting = !a.driving && a.box.queue().empty() && !a.box.unsaved();
        const bool timed = a.box.loaded() && call::deadline(a.box.loaded()->state).has_value();
        const bool done =
            !a.box.loaded() || (a.box.over() ? idle > k_idle_ended : (!timed && idle > k_idle_talk));
        if (!resting || !done) {
            ++it;
            continue;
        }
        if (a.box.loaded()) sessions_.erase(a.box.loaded()->state.origin.call_session_id);
        it = actors_.erase(it);
    }
    followers_.forget_late(p_.clock.now());
    // Parked copies are only a short cut to the durable ones.
    if (!parked_.empty()) {
        const auto wall = p_.clock.now();
        std::erase_if(parked_, [&](const auto& entry) {
            return wall - entry.second.front().received_at > s_.unknown_session_wait;
        });
    }
}

void engine_impl::report() {
    p_.metrics.gauge("calls_in_memory", static_cast<double>(actors_.size()));
    p_.metrics.gauge("commands_running", static_cast<double>(running_.size()));
    p_.metrics.gauge("calls_unsaved", static_cast<double>(unsaved_calls()));
    while (!slow_commits_.empty() && steady::now() - slow_commits_.front() > std::chrono::seconds{10})
        slow_commits_.pop_front();
    p_.metrics.gauge(
        "calls_overdue_held",
        static_cast<double>(std::count_if(
            actors_.begin(), actors_.end(), [](const auto& a) { return a.second->box.time_held(); }
        ))
    );
    p_.metrics.gauge("events_in_work", static_cast<double>(handling_.size()));
    if (p_.spool != nullptr) p_.metrics.gauge("spool_events", static_cast<double>(p_.spool->size()));
}

} // namespace z360::engine
