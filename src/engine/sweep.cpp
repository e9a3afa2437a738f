// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a dead or slow node left behind, what an earlier life of this one did, and what Postgres missed while
// it was away. Every node sweeps; SKIP LOCKED and claims keep them out of each other's way.
#include "engine/engine_impl.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <utility>

namespace z360::engine {
namespace {

constexpr std::size_t k_batch = 200;
constexpr unsigned k_put_off_limit = 2;
constexpr millis k_first_try{300};               // a live node's own timer is faster
constexpr std::chrono::seconds k_idle_ended{5};  // an ended call stays in memory for late events
constexpr std::chrono::seconds k_idle_talk{120}; // a long talk is dropped from memory and reloaded at its end

} // namespace

boost::asio::awaitable<void> engine_impl::sweep_round() {
    // Gather what arrives in one burst instead of writing row by row.
    if (!ignored_.empty()) co_await rt::sleep_for(millis{50});
    co_await flush_ignored();
    co_await sweep_spool();
    const bool found = co_await sweep_events();
    // Events left behind may tell that what looks overdue has long happened: they are decided first.
    if (found && deadlines_put_off_ < k_put_off_limit) {
        ++deadlines_put_off_;
    } else {
        deadlines_put_off_ = 0;
        co_await sweep_deadlines();
    }
    co_await sweep_commands();
    evict();
    report();
}

boost::asio::awaitable<void> engine_impl::flush_ignored() {
    if (ignored_.empty()) co_return;
    auto ids = std::move(ignored_);
    ignored_.clear();
    auto copy = ids;
    try {
        co_await p_.inbox.mark_ignored(std::move(copy));
    } catch (const port::unavailable&) {
        ignored_.insert(ignored_.end(), ids.begin(), ids.end());
        throw;
    }
    for (const auto& id : ids)
        handling_.erase(id);
}

boost::asio::awaitable<void> engine_impl::sweep_spool() {
    while (p_.spool != nullptr && p_.spool->size() > 0) {
        auto events = co_await p_.spool->peek(k_batch);
        if (events.empty()) co_return;
        std::vector<std::string> ids;
        for (const auto& e : events)
            ids.push_back(e.event_id);
        // No claim: an event this process has decided about already is simply decided again, to no effect.
        (void)co_await p_.inbox.append(std::move(events), millis{0});
        const auto count = ids.size();
        co_await p_.spool->remove(std::move(ids));
        log::info("spool_drained", {{"events", count}, {"left", p_.spool->size()}});
    }
}

boost::asio::awaitable<void> engine_impl::sweep_deadlines() {
    const auto due = co_await p_.store.claim_overdue(k_first_try, k_batch);
    for (const auto& id : due) {
        const auto known = actors_.find(id);
        if (known != actors_.end() && known->second->driving) continue;
        if (known != actors_.end() && known->second->loaded && !known->second->unsaved)
            known->second->loaded.reset(); // overdue in the database: our copy may be the outdated one
        item i{call::tick{}, {}};
        post(id, std::move(i));
    }
}

boost::asio::awaitable<void> engine_impl::sweep_commands() {
    auto left = co_await p_.store.claim_commands(k_batch, s_.command_claim);
    for (auto& c : left) {
        if (running_.contains(c.command.id)) continue;
        p_.metrics.count("commands_taken_over_total");
        launch(c.call, std::move(c.command), true);
    }
}

void engine_impl::evict() {
    const auto now = std::chrono::steady_clock::now();
    for (auto it = actors_.begin(); it != actors_.end();) {
        const auto& a = *it->second;
        const auto idle = now - a.touched;
        const bool resting = !a.driving && a.queue.empty() && !a.unsaved;
        const bool timed = a.loaded && call::deadline(a.loaded->state).has_value();
        const bool done = !a.loaded || (a.over() ? idle > k_idle_ended : (!timed && idle > k_idle_talk));
        if (!resting || !done) {
            ++it;
            continue;
        }
        if (a.loaded) sessions_.erase(a.loaded->state.caller.call_session_id);
        it = actors_.erase(it);
    }
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
    p_.metrics.gauge("calls_unsaved", static_cast<double>(unsaved_));
    p_.metrics.gauge("events_in_work", static_cast<double>(handling_.size()));
    if (p_.spool != nullptr) p_.metrics.gauge("spool_events", static_cast<double>(p_.spool->size()));
}

} // namespace z360::engine
