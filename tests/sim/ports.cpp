// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "ports.hpp"

#include "node.hpp"
#include "world.hpp"

#include <z360/port/errors.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace z360::testing {
namespace {

constexpr millis k_query_limit{1'000}; // of the pool: then it says that Postgres is away

} // namespace

void link::alive() const {
    if (dead) throw boost::system::system_error(boost::asio::error::operation_aborted);
}

link::question link::send(std::function<void()> apply) {
    alive();
    const auto trip = w.to_store(n, k_query_limit);
    if (trip.arrives) w.time.after(trip.there, std::move(apply));
    return {trip.answer, trip.answered, trip.refused};
}

void link::heard(const question& q) const {
    if (q.refused) throw std::runtime_error("a statement failed");
    if (q.answered) return;
    w.disturbed();
    throw port::unavailable("the store does not answer");
}

awaitable<void> link::to_store(std::function<void()> apply) {
    const auto sent = send(std::move(apply));
    rt::timer answer(ex, sent.answer);
    co_await answer.async_wait(boost::asio::use_awaitable);
    heard(sent);
}

time_point skewed_clock::now() const {
    last_ = std::max(last_, l_.w.time.now() + l_.w.what.clock_skew[l_.n.index()]);
    return last_;
}

void watching_metrics::count(std::string_view name, port::labels, double n) {
    if (n == 0 || l_.dead) return;
    if (name == "commit_conflicts_total") ++l_.w.figures.conflicts;
    if (name == "invariants_broken_total") l_.w.fail("an invariant of the state is broken");
    if (name == "call_step_failures_total" && !l_.w.errors_expected()) l_.w.fail("a step of the call threw");
}

awaitable<http::client_response> network::perform(http::client_request req) {
    l_.alive();
    const auto x = l_.w.transmit(l_.n, req);
    co_await rt::sleep_for(x.answer);
    if (x.throws) throw std::runtime_error("the client failed");
    co_return std::move(*x.reply);
}

// Taken, refused for good, failed and tried again, or sent and never heard of.
awaitable<call::effect_outcome> push_way::run(call::effect what, port::still_wanted wanted) {
    constexpr unsigned k_tries = 3;
    auto out = std::get<call::push_outcome>(call::ended_as(what, call::outcome::expired));
    const auto notice = std::get<call::push_notice>(what.body);
    out.by = notice.device.value % 2 == 0 ? push::provider::fcm : push::provider::apns;
    for (out.attempts = 1; out.attempts <= k_tries; ++out.attempts) {
        const bool go = co_await wanted(out.attempts);
        l_.alive();
        if (!go) {
            out.result = call::outcome::superseded;
            co_return out;
        }
        auto& w = l_.w;
        const bool bad = w.troubled() && w.dice.percent(w.what.bad_pushes);
        const auto how = bad ? w.dice.between(1, 3) : 0;
        w.pushed.push_back({what.id, notice, w.time.now(), how == 0 || how == 1});
        co_await rt::sleep_for(bad ? w.dice.span(20, 2'500) : millis{30});
        l_.alive();
        out.sent = out.sent || how <= 1;
        if (how == 0) out.result = call::outcome::done;
        if (how == 2) out.result = call::outcome::refused;
        if (how == 0 || how == 2) co_return out;
        co_await rt::sleep_for(w.what.retry_pause);
    }
    out.attempts = k_tries;
    co_return out;
}

awaitable<port::hint> coin_hint::answered(call_id, leg_id) {
    l_.alive();
    co_return l_.w.dice.percent(30) ? port::hint::not_first : port::hint::unknown;
}

awaitable<call::route> fixed_route::resolve(std::string, std::string, time_point) {
    return l_.ask_store<call::route>([&w = l_.w] { return w.what.routed; });
}

awaitable<bool> fixed_route::is_device(std::string sip_username) {
    return l_.ask_store<bool>([&w = l_.w, sip_username = std::move(sip_username)] {
        const auto& all = w.what.routed.targets;
        return std::any_of(all.begin(), all.end(), [&](const auto& t) {
            return t.sip_username == sip_username;
        });
    });
}

awaitable<std::vector<call::target>>
fixed_route::reach(device_id device, std::vector<user_id>, org_id, time_point) {
    return l_.ask_store<std::vector<call::target>>([&w = l_.w, device] {
        std::vector<call::target> out;
        for (const auto& t : w.what.routed.targets)
            if (t.device == device) out.push_back(t);
        return out;
    });
}

awaitable<std::optional<port::stored_call>> calls_port::load(call_id id) {
    return l_.ask_store<std::optional<port::stored_call>>([&w = l_.w, id] { return w.db.load(id); });
}

awaitable<std::optional<call_id>> calls_port::find(std::string session, std::string control_id) {
    return l_.ask_store<std::optional<call_id>>([&w = l_.w, session = std::move(session),
                                                 control_id = std::move(control_id)] {
        return w.db.find(session, control_id);
    });
}

awaitable<port::commit_result> calls_port::commit(port::call_commit what, port::effect_claims claims) {
    return l_.ask_store<port::commit_result>([&w = l_.w, what = std::move(what), claims, who = l_.n.index()] {
        return w.db.commit(what, claims, w.time.now(), who);
    });
}

awaitable<std::vector<call_id>> calls_port::claim_overdue(millis margin, std::size_t) {
    return l_.ask_store<std::vector<call_id>>([&w = l_.w, margin] {
        return w.db.claim_overdue(w.time.now() - margin, w.time.now());
    });
}

awaitable<std::vector<port::orphan_effect>>
calls_port::claim_effects(std::size_t, millis claim, std::vector<call::channel>) {
    return l_.ask_store<std::vector<port::orphan_effect>>([&w = l_.w, claim] {
        return w.db.claim_effects(claim, w.time.now());
    });
}

awaitable<void> calls_port::extend_claim(std::string command_id, millis claim, unsigned attempts) {
    return l_.to_store([&w = l_.w, command_id = std::move(command_id), claim, attempts] {
        w.db.extend_claim(command_id, claim, attempts, w.time.now());
    });
}

awaitable<std::vector<port::append_result>>
inbox_port::append(std::vector<port::inbox_event> events, millis claim) {
    return l_.ask_store<std::vector<port::append_result>>([&w = l_.w, events = std::move(events), claim] {
        std::vector<port::append_result> out;
        for (const auto& e : events)
            out.push_back(w.db.append(e, claim, w.time.now()));
        return out;
    });
}

awaitable<std::vector<port::inbox_event>> inbox_port::claim_pending(std::size_t, millis claim) {
    return l_.ask_store<std::vector<port::inbox_event>>([&w = l_.w, claim] {
        return w.db.claim_pending(claim, w.time.now());
    });
}

awaitable<std::vector<port::inbox_event>> inbox_port::claim_session(std::string session, millis claim) {
    return l_.ask_store<std::vector<port::inbox_event>>([&w = l_.w, session = std::move(session), claim] {
        return w.db.claim_pending(claim, w.time.now(), session);
    });
}

awaitable<void> inbox_port::mark_ignored(std::vector<std::string> ids) {
    return l_.to_store([&w = l_.w, ids = std::move(ids)] { w.db.mark_done(ids); });
}

awaitable<void> inbox_port::postpone(std::vector<std::string> ids, millis delay, std::string, bool counted) {
    return l_.to_store([&w = l_.w, ids = std::move(ids), delay, counted] {
        w.db.postpone(ids, delay, counted, w.time.now());
    });
}

awaitable<void> inbox_port::mark_dead(std::vector<std::string> ids, std::string why) {
    const bool orphaned = why == port::k_unknown_session;
    return l_.to_store([&w = l_.w, ids = std::move(ids), orphaned] { w.db.bury(ids, orphaned); });
}

awaitable<std::optional<port::turn>>
silence_port::begin_turn(std::string name, std::string holder, millis every, millis length) {
    return l_.ask_store<std::optional<port::turn>>([&w = l_.w, name = std::move(name),
                                                    holder = std::move(holder), every, length] {
        return w.db.begin_turn(name, holder, every, length, w.time.now());
    });
}

awaitable<void>
silence_port::end_turn(std::string name, std::string holder, std::optional<time_point> position) {
    return l_.to_store([&w = l_.w, name = std::move(name), holder = std::move(holder), position] {
        w.db.end_turn(name, holder, position, w.time.now());
    });
}

awaitable<std::vector<port::due_call>> silence_port::claim_due(port::question_times times, std::size_t) {
    return l_.ask_store<std::vector<port::due_call>>([&w = l_.w, times = std::move(times)] {
        return w.db.claim_due(times, w.time.now());
    });
}

awaitable<void> silence_port::put_back(port::due_call c) {
    return l_.to_store([&w = l_.w, c = std::move(c)] { w.db.put_back(c); });
}

awaitable<std::vector<std::string>> silence_port::unseen(std::vector<std::string> ids) {
    return l_.ask_store<std::vector<std::string>>([&w = l_.w, ids = std::move(ids)]() mutable {
        std::erase_if(ids, [&w](const auto& id) { return w.db.has_event(id); });
        return ids;
    });
}

awaitable<std::vector<bool>>
silence_port::append_recorded(std::vector<port::inbox_event> events, millis claim) {
    return l_.ask_store<std::vector<bool>>([&w = l_.w, events = std::move(events), claim] {
        std::vector<bool> out;
        for (const auto& e : events)
            out.push_back(w.db.append(e, claim, w.time.now()) != port::append_result::duplicate);
        return out;
    });
}

awaitable<std::vector<port::ledger_call>>
silence_port::ledger(call_id after, std::size_t, millis age, millis longest) {
    return l_.ask_store<std::vector<port::ledger_call>>([&w = l_.w, after, age, longest] {
        return w.db.ledger(after, age, longest, w.time.now());
    });
}

awaitable<std::vector<port::standing>>
silence_port::standings(std::vector<port::listed_leg> legs, millis settled) {
    return l_.ask_store<std::vector<port::standing>>([&w = l_.w, legs = std::move(legs), settled] {
        std::vector<port::standing> out;
        for (const auto& leg : legs)
            out.push_back(w.db.standing_of(leg, settled, w.time.now()));
        return out;
    });
}

awaitable<void> silence_port::tidy() {
    co_return;
}

awaitable<void> spool_port::append(std::vector<port::inbox_event> events) {
    l_.alive();
    for (auto& e : events)
        l_.n.spool.push_back(std::move(e));
    co_return;
}

awaitable<std::vector<port::inbox_event>> spool_port::peek(std::size_t limit) {
    l_.alive();
    const auto n = std::min(limit, l_.n.spool.size());
    co_return std::vector<port::inbox_event>(
        l_.n.spool.begin(), l_.n.spool.begin() + static_cast<std::ptrdiff_t>(n)
    );
}

awaitable<void> spool_port::remove(std::vector<std::string> ids) {
    l_.alive();
    std::erase_if(l_.n.spool, [&ids](const auto& e) {
        return std::find(ids.begin(), ids.end(), e.event_id) != ids.end();
    });
    co_return;
}

awaitable<void> spool_port::set_aside(std::vector<std::string> ids, std::string why) {
    l_.w.fail("set aside: " + why);
    return remove(std::move(ids));
}

awaitable<void> spool_port::tend() {
    co_return;
}

std::size_t spool_port::size() const {
    return l_.n.spool.size();
}

} // namespace z360::testing
