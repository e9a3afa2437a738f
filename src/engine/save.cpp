// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Between a call's mailbox and the store: reading the row, writing it, and what follows once it is decided.
#include "engine/engine_impl.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace z360::engine {
namespace {

using steady = rt::clock;

constexpr port::label k_carrier{"source", "carrier"};
constexpr std::size_t k_doubts_kept = 8; // beyond, a fact may stay uncounted
constexpr std::chrono::seconds k_slow_memory{10};
constexpr std::chrono::seconds k_kept_soon{2}; // then the carrier tells it again

double seconds_since(steady::time_point t) {
    return std::chrono::duration<double>(steady::now() - t).count();
}

} // namespace

boost::asio::awaitable<void> engine_impl::load(actor& a) {
    std::optional<port::stored_call> found;
    try {
        found = co_await p_.store.load(a.id);
    } catch (const port::unavailable&) {
        a.box.read_failed();
        co_return;
    }
    const auto mine = a.box.loaded() ? a.box.loaded()->version : 0;
    if (mine == 0 || (found && found->version >= mine)) count_doubted(a, found ? &found->state : nullptr);
    const auto seen = a.box.read(std::move(found));
    if (seen.commits_lost) {
        log::error("commits_lost", {{"call", a.id}, {"in_memory", seen.in_memory}, {"stored", seen.stored}});
        p_.metrics.count("commits_lost_total");
    }
    if (seen.stored < seen.in_memory) co_return; // memory is what counts
    if (seen.another_wrote) saw_another_node();
    know(a);
}

// Its events find it by these.
void engine_impl::know(const actor& a) {
    if (!a.box.loaded()) return;
    const auto& s = a.box.loaded()->state;
    sessions_.insert_or_assign(s.origin.call_session_id, a.id);
    remember_caller(s.caller.call_control_id, a.id);
}

void engine_impl::carry_out(actor& a, todo::act what) {
    know(a);
    for (const auto figure : what.figures)
        p_.metrics.count(figure);
    settled(a.id, what.settled);
    if (what.saved) log::info("saved_after_outage", {{"call", a.id}});
    if (!a.box.loaded()) return;
    tell_waiting(a);
    if (what.in_memory)
        log::warn("deciding_in_memory", {{"call", a.id}, {"org", a.box.loaded()->state.routed.org}});
    tell(a, what.notes);
    // First what waits: who is waited for may be done the moment it is started.
    for (const auto& e : what.effects)
        if (e.after) launch(a.id, e);
    for (auto& e : what.effects)
        if (!e.after) launch(a.id, std::move(e));
    for (const auto& q : what.inquiries)
        work_.spawn(inquire(a.id, a.box.loaded()->state, q.round));
    arm(a);
    if (p_.witness)
        for (const auto& [device, news] : what.news)
            p_.witness(device, news);
}

boost::asio::awaitable<void>
engine_impl::carry(std::shared_ptr<commit_under_way> out, port::call_commit what) {
    const port::change change{
        what.next.id, what.next.routed.org,
        what.next_version != 0 ? what.next_version : what.expected_version + 1
    };
    try {
        out->result = co_await p_.store.commit(std::move(what), claims());
    } catch (const port::unavailable&) {
        out->unavailable = true;
    } catch (...) {
        out->error = std::current_exception();
    }
    const auto of = actors_.find(out->facts.next.id);
    const bool stored = out->result == port::commit_result::committed;
    if (stored && p_.changes != nullptr) p_.changes->tell(change);
    if (stored)
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
boost::asio::awaitable<written_as> engine_impl::commit(actor& a, port::call_commit what, bool to_the_end) {
    const in_commit fresh(a.box.unsaved() ? fresh_events{} : a.box.take_fresh());
    if (a.under_way && !a.under_way->finished) co_return written_as::unavailable;
    a.under_way = std::make_shared<commit_under_way>(ex_);
    const auto box = a.under_way;
    box->facts = {what.next, what.notes, what.reports};
    for (const auto& e : what.new_effects)
        if (auto* by = runners_.at(static_cast<std::size_t>(call::channel_of(e))); by != nullptr && !e.after)
            by->expect(e);
    take_along(fresh.all(), what);
    work_.spawn(carry(box, std::move(what)));
    const bool in_time = co_await box->done.wait_for(s_.commit_budget);
    if (!in_time) {
        slow_commits_.push_back(steady::now());
        p_.metrics.count("commits_slow_total");
        fresh.give_back();
        if (!to_the_end) co_return written_as::unavailable;
        co_await box->done.wait(); // the store bounds its own time
    }
    a.under_way.reset();
    if (!box->error && box->unavailable) co_return written_as::unavailable;
    if (!box->error && box->result == port::commit_result::committed) {
        fresh.committed();
        co_return written_as::stored;
    }
    fresh.give_back();
    co_await until_kept(fresh.all());
    if (box->error) std::rethrow_exception(box->error);
    co_return written_as::conflict;
}

void engine_impl::take_along(const fresh_events& all, port::call_commit& into) {
    for (const auto& e : all) {
        e->at = fresh_event::place::writing;
        std::erase(into.processed_events, e->event.event_id);
        into.fresh_events.push_back(e->event);
    }
}

// The commit was refused, and perhaps for an event of it that is known already, with other contents. A disk
// that hangs keeps no call from what else happens to it.
boost::asio::awaitable<void> engine_impl::until_kept(fresh_events all) {
    const auto until = steady::now() + k_kept_soon;
    for (const auto& e : all)
        (void)co_await e->kept.wait_for(until - steady::now());
}

void engine_impl::settled(call_id call, const std::vector<item>& items) {
    for (const auto& i : items) {
        if (i.inbox_id.empty()) continue;
        if (const auto known = handling_.find(i.inbox_id); known != handling_.end()) {
            times_.settled(call, known->second, i);
            handling_.erase(known);
        }
        p_.metrics.observe("event_handling_seconds", seconds_since(i.since));
    }
}

void engine_impl::tell(const actor& a, const std::vector<call::note>& notes) {
    for (const auto& n : notes) {
        log::info(
            call::name(n.what),
            {{"call", a.id}, {"org", a.box.loaded()->state.routed.org}, {"detail", n.detail}}
        );
    }
}

namespace {

/// The figure that a line of a timeline counts in; empty: none.
std::string_view figure_of(call::remark r) {
    if (r == call::remark::call_ended) return "calls_ended_total";
    if (r == call::remark::number_refused) return "unknown_numbers_total";
    if (r == call::remark::second_bridge_dropped) return "double_bridges_total";
    if (r == call::remark::recording_retried) return "talk_recordings_retried_total";
    if (r == call::remark::recording_unavailable) return "talk_recordings_unavailable_total";
    if (r == call::remark::agent_rung) return "agent_calls_total";
    if (r == call::remark::agent_unreachable) return "agent_unreachable_total";
    if (r == call::remark::record_pause_failed || r == call::remark::record_resume_failed)
        return "talk_recording_pauses_failed_total";
    return {};
}

} // namespace

// Figures count facts, not tries: webhooks come twice, decisions are made again, and replies of the database
// get lost. So what is counted is what has been stored, by the node that stored it.
void engine_impl::count_facts(const countable& stored) {
    const auto& s = stored.next;
    const auto known = actors_.find(s.id);
    for (const auto& n : stored.notes) {
        const auto figure = figure_of(n.what);
        if (figure.empty()) continue;
        const auto fact = std::string(call::name(n.what)) + " " + n.detail;
        if (known != actors_.end() && !known->second->counted.insert(fact).second) continue;
        if (n.what == call::remark::number_refused)
            log::error("number_unknown", {{"call", s.id}, {"session", s.origin.call_session_id}});
        if (n.what != call::remark::call_ended) {
            p_.metrics.count(figure);
            continue;
        }
        p_.metrics.count(figure, {{"reason", call::name(s.reason)}});
        if (const auto talk = call::bridged_at(s))
            p_.metrics.observe("call_answer_seconds", std::chrono::duration<double>(*talk - s.began).count());
    }
    count_reports(stored);
}

void engine_impl::count_reports(const countable& stored) {
    const auto known = actors_.find(stored.next.id);
    for (const auto& r : stored.reports) {
        const auto* heard = std::get_if<call::media_figures>(&r.what);
        const auto fact = (heard != nullptr ? "heard " : "charged ") + r.carrier_leg;
        if (known != actors_.end() && !known->second->counted.insert(fact).second) continue;
        if (heard == nullptr) {
            p_.metrics.count("legs_charged_total");
            continue;
        }
        if (!r.talked) continue;
        if (!heard->mos.empty())
            p_.metrics.observe("leg_quality_mos", std::strtod(heard->mos.c_str(), nullptr), {k_carrier});
        if (heard->silent()) p_.metrics.count("legs_without_media_total", {k_carrier});
    }
}

// The row is what one of them would have made of it: it did take effect. null: there is no row.
void engine_impl::count_doubted(actor& a, const call::state* stored) {
    for (const auto& d : std::exchange(a.in_doubt, {}))
        if (stored != nullptr && d.next == *stored) count_facts(d);
}

std::size_t engine_impl::unsaved_calls() const {
    return static_cast<std::size_t>(std::count_if(actors_.begin(), actors_.end(), [](const auto& a) {
        return a.second->box.unsaved();
    }));
}

figures engine_impl::now() const {
    figures f;
    f.calls_in_memory = actors_.size();
    f.commands_running = running_.size();
    f.unsaved_calls = unsaved_calls();
    f.events_in_work = handling_.size();
    f.oldest_event = times_.oldest(handling_);
    f.callers_waiting = callers_.size();
    f.old_webhooks = old_webhooks_;
    const auto at = steady::now();
    if (f.unsaved_calls > 0)
        for (const auto& [id, a] : actors_)
            if (a->box.unsaved())
                f.oldest_unsaved = std::max(
                    f.oldest_unsaved, std::chrono::duration_cast<millis>(at - a->box.unsaved_since())
                );
    f.slow_commits =
        static_cast<std::size_t>(std::count_if(slow_commits_.begin(), slow_commits_.end(), [at](auto t) {
            return at - t < k_slow_memory;
        }));
    return f;
}

} // namespace z360::engine
