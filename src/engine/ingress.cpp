// SPDX-License-Identifier: LicenseRef-z360-proprietary
// From a verified webhook to the call it belongs to. Durable first, everything else later.
#include "engine/engine_impl.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <utility>

namespace z360::engine {
namespace {

constexpr millis k_route_retry{250};
constexpr std::chrono::minutes k_route_memory{10};
constexpr std::size_t k_route_limit = 10'000;
constexpr std::size_t k_parked_limit = 10'000;
constexpr std::uint32_t k_max_attempts = 5;
constexpr std::size_t k_longest_id = 256; // what the inbox takes as a key; real ids are UUIDs
constexpr millis k_fresh{30'000};         // a call.initiated older than this may be a late repeat

wire::webhook_source source_of(port::webhook_route r) {
    switch (r) {
    case port::webhook_route::call_control:
    case port::webhook_route::call_control_failover: return wire::webhook_source::call_control;
    case port::webhook_route::credential:
    case port::webhook_route::credential_failover:
    case port::webhook_route::own: return wire::webhook_source::credential; // never a new caller
    }
    return wire::webhook_source::credential;
}

} // namespace

engine_impl::reading engine_impl::read_own(std::string_view body) {
    reading r;
    auto withdrawal = wire::read_withdrawal(body);
    if (!withdrawal) {
        r.fault = wire::envelope_fault::not_an_event;
        return r;
    }
    r.hook.emplace().call_session_id = std::move(withdrawal->call_session_id);
    r.what = std::move(withdrawal->what);
    return r;
}

engine_impl::reading
engine_impl::read(std::string_view body, port::webhook_route route, time_point received_at) const {
    reading r;
    if (route == port::webhook_route::own) return read_own(body);
    auto parsed = wire::parse_envelope(body);
    r.fault = parsed.fault;
    r.hook = std::move(parsed.event);
    if (!r.hook) return r;
    if (!r.hook->client_state.empty()) r.mark = p_.open_mark(r.hook->client_state);
    std::optional<leg_id> leg;
    if (r.mark) leg = r.mark->leg;
    r.new_caller = wire::is_new_caller(*r.hook, source_of(route), leg);
    if (!r.new_caller) r.what = wire::to_call_event(*r.hook, leg, received_at);
    return r;
}

boost::asio::awaitable<accepted> engine_impl::accept(genuine_webhook hook) {
    auto known = read(hook.body, hook.route, hook.received_at);
    port::inbox_event event;
    event.route = hook.route;
    event.received_at = hook.received_at;
    if (known.hook && !known.hook->event_id.empty() && known.hook->event_id.size() <= k_longest_id) {
        event.event_id = known.hook->event_id;
        event.event_type = known.hook->event_type;
        event.call_session_id = known.hook->call_session_id;
        event.call_control_id = known.hook->call_control_id;
        event.settled = !known.new_caller && !known.what;
    } else {
        // Genuine bytes that are no event we can read are kept all the same, under an id made of the bytes.
        event.event_id = "unreadable-" + derive_uuid(hook.body).text();
    }
    event.body = std::move(hook.body);
    // Overload sheds new rings first; whatever ends or changes a call is taken as long as anything is (I16).
    const bool full = actors_.size() >= s_.max_calls || accepting_ * 5 >= s_.max_accepting * 4;
    if (stopping_ || accepting_ >= s_.max_accepting || (known.new_caller && full)) {
        p_.metrics.count("engine_shed_total");
        throw port::unavailable("overloaded or stopping");
    }
    const auto id = event.event_id;
    const bool settled = event.settled;
    ++accepting_;
    // A repeat of an event that is in work must not take its mark away.
    const bool marked = !settled && handling_.insert(id).second;
    auto result = accepted::stored;
    try {
        auto copy = event;
        result = co_await store(std::move(copy));
    } catch (...) {
        --accepting_;
        if (marked) handling_.erase(id);
        throw;
    }
    --accepting_;
    const bool fresh = result == accepted::stored || result == accepted::spooled;
    if (fresh && !settled)
        work_.spawn(dispatch(std::move(event), std::move(known)));
    else if (marked)
        handling_.erase(id);
    co_return result;
}

boost::asio::awaitable<accepted> engine_impl::store(port::inbox_event event) {
    try {
        std::vector<port::inbox_event> one;
        one.push_back(event);
        const auto results = co_await p_.inbox.append(std::move(one), s_.event_claim);
        switch (results.at(0)) {
        case port::append_result::stored: co_return accepted::stored;
        case port::append_result::duplicate: co_return accepted::duplicate;
        case port::append_result::conflict:
            log::error("webhook_conflict", {{"event_id", event.event_id}, {"type", event.event_type}});
            p_.metrics.count("webhook_conflicts_total");
            co_return accepted::conflict;
        case port::append_result::set_aside: co_return accepted::duplicate;
        case port::append_result::refused: break; // kept in the spool instead
        }
    } catch (const port::unavailable&) {
        if (p_.spool == nullptr) throw;
    }
    std::vector<port::inbox_event> one;
    one.push_back(std::move(event));
    co_await p_.spool->append(std::move(one));
    p_.metrics.count("webhooks_spooled_total");
    co_return accepted::spooled;
}

void engine_impl::hand_over(port::inbox_event event) {
    auto known = read(event.body, event.route, event.received_at);
    work_.spawn(dispatch(std::move(event), std::move(known)));
}

boost::asio::awaitable<void> engine_impl::dispatch(port::inbox_event event, reading known) {
    if (!known.hook) {
        co_await bury(event.event_id, std::string(wire::name(known.fault)));
        co_return;
    }
    if (known.new_caller) {
        co_await new_caller(std::move(*known.hook), std::move(event));
        co_return;
    }
    auto& what = known.what;
    if (!what) {
        ignore(event.event_id);
        co_return;
    }
    const auto& hook = *known.hook;
    const auto& mark = known.mark;
    std::optional<call_id> id;
    if (mark) {
        id = mark->call;
    } else {
        bool away = false;
        try {
            id = co_await whose(hook);
        } catch (const port::unavailable&) {
            away = true;
        }
        if (away) { // stays unprocessed; a sweep offers it again
            handling_.erase(event.event_id);
            co_return;
        }
    }
    if (id) {
        item i{std::move(*what), event.event_id};
        post(*id, std::move(i));
    } else if (source_of(event.route) == wire::webhook_source::credential) {
        ignore(event.event_id); // a leg that a device started by itself: not one of our calls
    } else {
        co_await park(std::move(event));
    }
}

boost::asio::awaitable<void> engine_impl::new_caller(wire::telnyx_webhook hook, port::inbox_event event) {
    call::incoming first;
    const auto session = call_id::parse(hook.call_session_id);
    const std::string& name = hook.call_session_id.empty() ? hook.call_control_id : hook.call_session_id;
    first.id = session ? *session : call_id{derive_uuid(name)};
    first.call_control_id = hook.call_control_id;
    first.call_session_id = name;
    first.from = hook.from;
    const bool known = co_await exists_already(first.id, hook);
    if (known) { // a late repeat: the call has begun, wherever that was
        ignore(event.event_id);
        co_return;
    }
    auto routed = co_await route(hook.to, hook.from);
    if (!routed) { // shutting down; the event is durable
        handling_.erase(event.event_id);
        co_return;
    }
    first.routed = std::move(*routed);
    if (first.routed.verdict == call::route_verdict::unknown_number) {
        log::error("number_unknown", {{"call", first.id}, {"session", first.call_session_id}});
        p_.metrics.count("unknown_numbers_total");
    }
    const auto id = first.id;
    const std::string key = first.call_session_id;
    sessions_.insert_or_assign(key, id);
    // A hang-up that overtook this event waits here; it joins the same decision, before anything is dialed.
    std::vector<item> items = parked_items(key);
    items.insert(items.begin(), item{std::move(first), event.event_id});
    post(id, std::move(items));
    std::vector<port::inbox_event> elsewhere;
    try {
        elsewhere = co_await p_.inbox.claim_session(key, s_.event_claim);
    } catch (const port::unavailable&) {
        co_return; // they come back by the sweep
    }
    for (auto& e : elsewhere)
        if (handling_.insert(e.event_id).second) hand_over(std::move(e));
}

// Only asked about events that are late: without Postgres such a call could be rung a second time, after the
// carrier has forgotten our command ids.
boost::asio::awaitable<bool> engine_impl::exists_already(call_id id, const wire::telnyx_webhook& hook) {
    const bool late = hook.occurred_at && p_.clock.now() - *hook.occurred_at > k_fresh;
    while (late && !stopping_) {
        try {
            co_return (co_await p_.store.load(id)).has_value();
        } catch (const port::unavailable&) {
            // asked again below
        }
        co_await rt::sleep_for(k_route_retry);
    }
    co_return false;
}

boost::asio::awaitable<std::optional<call::route>>
engine_impl::route(std::string dialed, std::string caller) {
    const std::string key = dialed + "|" + caller;
    for (;;) {
        try {
            auto fresh = co_await p_.directory.resolve(dialed, caller, p_.clock.now());
            if (routes_.size() >= k_route_limit) routes_.clear();
            routes_.insert_or_assign(key, known_route{fresh, std::chrono::steady_clock::now()});
            co_return fresh;
        } catch (const port::unavailable&) {
            // what was known last has to do
        }
        const auto known = routes_.find(key);
        if (known != routes_.end() && std::chrono::steady_clock::now() - known->second.at < k_route_memory) {
            p_.metrics.count("routes_from_memory_total");
            co_return known->second.route;
        }
        if (stopping_) co_return std::nullopt;
        co_await rt::sleep_for(k_route_retry); // the caller hears ringback meanwhile
    }
}

boost::asio::awaitable<std::optional<call_id>> engine_impl::whose(const wire::telnyx_webhook& hook) {
    if (const auto known = sessions_.find(hook.call_session_id); known != sessions_.end())
        co_return known->second;
    co_return co_await p_.store.find(hook.call_session_id, hook.call_control_id);
}

boost::asio::awaitable<void> engine_impl::park(port::inbox_event event) {
    const auto id = event.event_id;
    const auto age = p_.clock.now() - event.received_at;
    if (age >= s_.unknown_session_wait) {
        p_.metrics.count("unknown_session_events_total");
        co_await bury(id, "unknown session");
        co_return;
    }
    if (!event.call_session_id.empty() && parked_.size() < k_parked_limit)
        parked_[event.call_session_id].push_back(event);
    handling_.erase(id);
    // Durable side of parking: other nodes see the event again after a growing wait.
    const auto wait = std::clamp(age, millis{500}, millis{5'000});
    try {
        std::vector<std::string> ids{id};
        co_await p_.inbox.postpone(std::move(ids), wait, "unknown session");
    } catch (const port::unavailable&) {
        // its claim runs out by itself
    }
}

std::vector<item> engine_impl::parked_items(const std::string& session) {
    std::vector<item> out;
    const auto found = parked_.find(session);
    if (found == parked_.end()) return out;
    const auto events = std::move(found->second);
    parked_.erase(found);
    for (const auto& e : events) {
        const auto parsed = wire::parse_envelope(e.body);
        if (!parsed.event || !handling_.insert(e.event_id).second) continue;
        if (auto what = wire::to_call_event(*parsed.event, std::nullopt, e.received_at))
            out.push_back(item{std::move(*what), e.event_id});
        else
            ignore(e.event_id);
    }
    return out;
}

void engine_impl::ignore(std::string event_id) {
    ignored_.push_back(std::move(event_id));
    sweep_now_.set();
}

boost::asio::awaitable<void> engine_impl::bury(std::string event_id, std::string why) {
    log::error("dead_letter", {{"event_id", event_id}, {"why", why}});
    p_.metrics.count("dead_letters_total");
    handling_.erase(event_id);
    try {
        std::vector<std::string> ids{event_id};
        co_await p_.inbox.mark_dead(std::move(ids), std::move(why));
    } catch (const port::unavailable&) {
        // offered again by the sweep, buried then
    }
}

boost::asio::awaitable<void>
engine_impl::give_back(std::vector<item> items, millis pause, std::string why, bool counted) {
    std::vector<std::string> ids;
    for (const auto& i : items) {
        if (i.inbox_id.empty()) continue;
        handling_.erase(i.inbox_id);
        ids.push_back(i.inbox_id);
    }
    if (ids.empty()) co_return;
    try {
        co_await p_.inbox.postpone(std::move(ids), pause, std::move(why), counted);
    } catch (const std::exception&) {
        // their claim runs out by itself
    }
}

boost::asio::awaitable<bool> engine_impl::sweep_events() {
    auto events = co_await p_.inbox.claim_pending(200, s_.event_claim);
    bool found = false;
    for (auto& e : events) {
        if (handling_.contains(e.event_id)) continue;
        const bool too_often =
            e.attempts >= k_max_attempts && p_.clock.now() - e.received_at >= s_.unknown_session_wait;
        if (too_often) {
            co_await bury(e.event_id, "failed " + std::to_string(e.attempts) + " times");
            continue;
        }
        handling_.insert(e.event_id);
        if (!e.call_session_id.empty()) parked_.erase(e.call_session_id);
        hand_over(std::move(e));
        found = true;
    }
    co_return found;
}

} // namespace z360::engine
