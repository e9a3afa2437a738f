// SPDX-License-Identifier: LicenseRef-z360-proprietary
// From a verified webhook to the call it belongs to. Durable first, everything else later.
#include "engine/engine_impl.hpp"
#include "wire/own_event.hpp"
#include "wire/reference_mask.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>
#include <z360/rt/retry.hpp>

#include <algorithm>
#include <utility>

namespace z360::engine {
namespace {

constexpr std::size_t k_parked_limit = 10'000;     // sessions
constexpr std::size_t k_parked_of_one = 64;        // events of one session
constexpr std::uint32_t k_max_attempts = 5;        // of an event whose handling fails
constexpr millis k_first_pause{300};               // between two offers of one event
constexpr std::chrono::seconds k_longest_pause{5}; // of those
constexpr millis k_newer_form_pause{1'000};
constexpr millis k_decided_soon{100};     // an event of a held call; then it is stored by itself
constexpr std::size_t k_longest_id = 256; // what the inbox takes as a key; real ids are UUIDs
// Between a session and its second caller: the name is one that no carrier makes.
constexpr char k_second = '~';

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

reading read_own(std::string_view body) {
    reading r;
    auto own = wire::read_own_event(body);
    if (!own) {
        r.fault = wire::envelope_fault::not_an_event;
        r.why = wire::name(r.fault);
        return r;
    }
    r.hook.emplace().call_session_id = std::move(own->call_session_id);
    if (own->call) r.mark.emplace().call = *own->call;
    if (!own->what) r.newer_until = own->until;
    r.what = std::move(own->what);
    return r;
}

port::placing placing_in(const wire::telnyx_webhook& hook) {
    auto who = wire::read_caller(hook.from_sip_uri).user;
    if (who.empty())
        who = wire::read_caller(hook.from).user; // without a number of its own it is shown as its user
    return {std::move(who), wire::raw_party(hook.to), wire::raw_party(hook.from), hook.org_header};
}

millis pause_after(std::uint32_t attempts) {
    return rt::growing<millis::rep, millis::period>(k_first_pause, k_longest_pause, attempts + 1);
}

} // namespace

call_id call_of(std::string_view name) {
    const auto session = call_id::parse(name);
    return session ? *session : call_id{derive_uuid(name)};
}

std::string second_name(std::string_view session, std::string_view call_control_id) {
    return std::string(session) + k_second + derive_uuid(call_control_id).text();
}

std::string carrier_session(std::string_view name) {
    constexpr std::size_t k_uuid = 36;
    const auto at = name.size() > k_uuid ? name.size() - k_uuid - 1 : 0;
    const bool second = at > 0 && name[at] == k_second && uuid::parse(name.substr(at + 1)).has_value();
    return std::string(second ? name.substr(0, at) : name);
}

const std::string& session_of(const wire::telnyx_webhook& hook) {
    return hook.call_session_id.empty() ? hook.call_control_id : hook.call_session_id;
}

reading engine_impl::read(std::string_view body, port::webhook_route route, time_point received_at) const {
    if (route == port::webhook_route::own) return read_own(body);
    reading r;
    auto parsed = wire::parse_envelope(body);
    r.fault = parsed.fault;
    r.why = std::move(parsed.why);
    r.hook = std::move(parsed.event);
    if (!r.hook) return r;
    const auto& hook = *r.hook;
    if (!hook.client_state.empty()) r.mark = p_.open_mark(hook.client_state);
    std::optional<leg_id> leg;
    if (r.mark) leg = r.mark->leg;
    r.own_leg = wire::is_own_leg(hook, source_of(route), leg);
    r.new_caller = wire::is_new_caller(hook, source_of(route), leg);
    if (wire::is_placed_call(hook, source_of(route), leg)) {
        r.new_caller = true;
        r.placing = placing_in(hook);
    }
    if (r.new_caller) {
        const auto home = countries_.at(hook.connection_id);
        r.caller = wire::read_caller(hook.from, home);
        r.called = wire::read_called(hook.to, home);
    } else if (!r.own_leg) {
        r.what = wire::to_call_event(hook, leg, received_at);
        if (auto* e = r.what ? std::get_if<call::prompt_ended>(&*r.what) : nullptr; e != nullptr && r.mark)
            e->command_id = r.mark->command;
    }
    return r;
}

// For what it leads to. Only its call can tell; of one that is not held here nothing is known.
bool engine_impl::nobody_waits(const reading& known) const {
    if (!known.what) return !known.new_caller;
    const auto& mark = known.mark;
    const auto found = mark ? actors_.find(mark->call) : actors_.end();
    if (found == actors_.end() || !found->second->box.loaded()) return false;
    const auto& s = found->second->box.loaded()->state;
    return can_wait(*known.what, &s) && !ends_talk(*known.what, &s);
}

boost::asio::awaitable<accepted> engine_impl::accept(genuine_webhook hook) {
    auto a = std::make_shared<arrival>();
    a->known = read(hook.body, hook.route, hook.received_at);
    const auto& known = a->known;
    auto& event = a->event;
    event.route = hook.route;
    event.received_at = hook.received_at;
    if (known.hook && !known.hook->event_id.empty() && known.hook->event_id.size() <= k_longest_id) {
        event.event_id = known.hook->event_id;
        event.event_type = known.hook->event_type;
        event.call_session_id = known.hook->call_session_id;
        event.call_control_id = known.hook->call_control_id;
        event.settled = !known.new_caller && !known.what;
        event.begins = known.new_caller;
        event.patient = nobody_waits(known);
    } else {
        // Genuine bytes that are no event we can read are kept all the same, under an id made of the bytes.
        event.event_id = "unreadable-" + derive_uuid(hook.body).text();
    }
    event.body = std::move(hook.body);
    wire::mask_references(event.body);
    const auto attempt = known.hook ? known.hook->attempt : 0;
    // Overload sheds new rings first; whatever ends or changes a call is taken as long as anything is (I16).
    const bool full = actors_.size() >= s_.max_calls || accepting_ * 5 >= s_.max_accepting * 4 ||
                      std::max(callers_.size(), calling_.size()) >= s_.max_waiting;
    if (stopping_ || accepting_ >= s_.max_accepting || (known.new_caller && full)) {
        p_.metrics.count("engine_shed_total");
        throw port::unavailable("overloaded or stopping");
    }
    if (known.new_caller) look_up_early(a);
    hint_early(known);
    auto result = accepted::stored;
    {
        const one_more counting(accepting_);
        // A repeat of an event that is in work must not take its mark away.
        if (!event.settled)
            a->mark = in_work(
                handling_, event.event_id,
                offer{.session = event.call_session_id, .type = label_of(event), .since = hook.arrived}
            );
        if (const auto of = holder_of(*a)) {
            a->posted = true;
            result = co_await store_decided(a, *of);
        } else {
            result = co_await store(a);
        }
    }
    const bool fresh = result == accepted::stored || result == accepted::spooled;
    // Every delivery but the first, in whatever order they come; where none is numbered, each of a known
    // event.
    const bool again = attempt > 1 || (attempt == 0 && result == accepted::duplicate);
    if (again && result != accepted::conflict) p_.metrics.count("webhook_retries_total");
    std::optional<call_id> of;
    if (known.mark)
        of = known.mark->call;
    else if (known.hook)
        of = expected_call(*known.hook);
    times_.acknowledged({label_of(event), hook.arrived, event.event_id, of});
    if (fresh && known.own_leg) own_leg(*known.hook);
    if (fresh && !event.settled && !a->posted) work_.spawn(dispatch(std::move(a)));
    co_return result;
}

// The call that is held here and waits for this event, if one commit can store both the event and what is
// decided about it. Of what nobody waits for, many are stored by one insert and decided together instead.
std::optional<call_id> engine_impl::holder_of(const arrival& a) {
    const auto& r = a.known;
    if (!r.hook || !r.what || !a.mark || a.event.patient || stopping_ || shared()) return std::nullopt;
    const auto& hook = *r.hook;
    const auto id = r.mark ? r.mark->call : expected_call(hook);
    const auto found = actors_.find(id);
    if (found == actors_.end() || !found->second->box.loaded() || calling_.contains(id)) return std::nullopt;
    const auto& box = found->second->box;
    if (box.unsaved() || box.failures() > 0) return std::nullopt;
    if (!r.mark && (hook.call_control_id.empty() || may_be_of_another(id, hook))) return std::nullopt;
    return id;
}

// Decided first: the commit makes it durable, and only then it is acknowledged. Where that does not come
// about soon it is stored by itself, and is in the mailbox all the same.
boost::asio::awaitable<accepted> engine_impl::store_decided(arrival_ptr a, call_id of) {
    const auto e = std::make_shared<fresh_event>(a->event, ex_);
    struct last_word {
        fresh_event& e;
        ~last_word() {
            e.give_back();
            e.kept.set();
        }
    } const guard{*e};
    item i{*a->known.what, a->event.event_id};
    i.fresh = e;
    a->mark.keep();
    post(of, std::move(i));
    (void)co_await e->moved.wait_for(k_decided_soon);
    if (e->at == fresh_event::place::writing) co_await e->moved.wait(); // a commit has its own limit
    if (e->at == fresh_event::place::stored) {
        p_.metrics.count("events_stored_with_decision_total");
        co_return accepted::stored;
    }
    e->give_back();
    const auto result = co_await store(std::move(a));
    e->refused = result == accepted::conflict || result == accepted::set_aside;
    if (e->refused) handling_.erase(e->event.event_id);
    co_return result;
}

boost::asio::awaitable<accepted> engine_impl::store(arrival_ptr a) {
    const auto& event = a->event;
    std::string refused;
    try {
        std::vector<port::inbox_event> one;
        one.push_back(event);
        const auto results = co_await p_.inbox.append(std::move(one), s_.event_claim);
        switch (results.at(0)) {
        case port::append_result::stored_alone: a->alone = true; [[fallthrough]];
        case port::append_result::stored: co_return accepted::stored;
        case port::append_result::duplicate: co_return accepted::duplicate;
        case port::append_result::conflict:
            log::error("webhook_conflict", {{"event_id", event.event_id}, {"type", event.event_type}});
            p_.metrics.count("webhook_conflicts_total");
            co_return accepted::conflict;
        case port::append_result::set_aside:
            log::error("webhook_set_aside", {{"event_id", event.event_id}, {"type", event.event_type}});
            p_.metrics.count("webhooks_set_aside_total");
            co_return accepted::set_aside;
        case port::append_result::refused: refused = "Postgres does not take it in any form"; break;
        }
    } catch (const boost::system::system_error& e) {
        if (e.code() == boost::asio::error::operation_aborted) throw;
        log::warn("inbox_append_failed", {{"why", e.what()}});
    } catch (const port::unavailable&) {
        // the pool has told
    } catch (const std::exception& e) {
        log::error("inbox_append_failed", {{"why", e.what()}});
    } catch (...) {
        log::error("inbox_append_failed", {{"why", "unknown exception"}});
    }
    // Whatever keeps it from being durable in Postgres: the spool.
    auto copy = event;
    co_return co_await store_in_spool(std::move(copy), std::move(refused));
}

boost::asio::awaitable<accepted> engine_impl::store_in_spool(port::inbox_event event, std::string refused) {
    if (p_.spool == nullptr) throw port::unavailable("not stored, and there is no spool");
    const std::string id = event.event_id;
    std::string why;
    try {
        std::vector<port::inbox_event> one;
        one.push_back(std::move(event));
        co_await p_.spool->append(std::move(one));
        if (!refused.empty()) {
            std::vector<std::string> ids{id};
            co_await p_.spool->set_aside(std::move(ids), refused);
        }
    } catch (const boost::system::system_error& e) {
        if (e.code() == boost::asio::error::operation_aborted) throw;
        why = e.what();
    } catch (const std::exception& e) {
        why = e.what();
    } catch (...) {
        why = "unknown exception";
    }
    if (!why.empty()) throw port::unavailable("neither the inbox nor the spool took it: " + why);
    if (refused.empty()) {
        p_.metrics.count("webhooks_spooled_total");
        co_return accepted::spooled;
    }
    log::error("webhook_set_aside", {{"event_id", id}, {"why", refused}});
    p_.metrics.count("webhooks_set_aside_total");
    co_return accepted::set_aside;
}

void engine_impl::hand_over(port::inbox_event event) {
    in_work mark(
        handling_, event.event_id, offer{event.call_session_id, label_of(event), event.attempts, event.waited}
    );
    if (!mark) return; // in hand already
    auto a = std::make_shared<arrival>();
    a->known = read(event.body, event.route, event.received_at);
    a->event = std::move(event);
    a->mark = std::move(mark);
    a->swept = true;
    work_.spawn(dispatch(std::move(a)));
}

boost::asio::awaitable<void> engine_impl::dispatch(arrival_ptr a) {
    std::exception_ptr error;
    try {
        if (a->known.new_caller)
            co_await new_caller(a);
        else
            co_await find_its_call(a);
    } catch (...) {
        error = std::current_exception();
    }
    if (error) co_await failed(std::move(a), error);
}

boost::asio::awaitable<void> engine_impl::find_its_call(arrival_ptr a) {
    if (!a->known.hook) {
        if (a->known.fault == wire::envelope_fault::version_1) old_webhook();
        co_await bury(a->event.event_id, a->known.why);
        co_return;
    }
    if (a->known.newer_until && p_.clock.now() < *a->known.newer_until)
        throw port::newer_form("a request of a kind that this program does not know");
    if (!a->known.what) {
        ignore(*a);
        co_return;
    }
    const auto& hook = *a->known.hook;
    const auto& mark = a->known.mark;
    const auto expected = mark ? mark->call : expected_call(hook);
    std::optional<call_id> id;
    bool away = false;
    if (mark || (in_memory(expected) && !may_be_of_another(expected, hook))) {
        id = expected;
    } else if (!calling_.contains(expected)) {
        try {
            id = co_await whose(hook);
        } catch (const port::unavailable&) {
            away = true;
        }
        // The call may have begun while the store was asked.
        const auto begun = sessions_.find(hook.call_session_id);
        if (!id && begun != sessions_.end()) id = begun->second;
        if (!id && in_memory(expected)) id = expected;
    }
    if (calling_.contains(expected) && !in_memory(expected)) {
        keep_for_caller(a->event); // decided together with what begins the call
        co_return;
    }
    // What bears somebody's mark is no caller's: only who has none may be still to come.
    if (id && hook.client_state.empty() && source_of(a->event.route) == wire::webhook_source::call_control) {
        const bool known = co_await knows_leg(*id, hook);
        if (!known && !had_its_chance(*a)) { // of a caller whose call.initiated is on its way, perhaps
            co_await park(std::move(a));
            co_return;
        }
    }
    if (id) {
        item i{std::move(*a->known.what), a->event.event_id};
        a->mark.keep();
        post(*id, std::move(i));
    } else if (away) {
        co_return; // stays unprocessed; a sweep offers it again
    } else if (source_of(a->event.route) == wire::webhook_source::credential) {
        ignore(*a); // a leg that a device started by itself: not one of our calls
    } else {
        co_await park(std::move(a));
    }
}

// Nothing is given up for what went wrong here: the event is offered again. Only one that fails again and
// again for a minute is kept for people instead.
boost::asio::awaitable<void> engine_impl::failed(arrival_ptr a, std::exception_ptr why) {
    std::string text;
    bool newer = false;
    try {
        std::rethrow_exception(why);
    } catch (const boost::system::system_error& e) {
        if (e.code() == boost::asio::error::operation_aborted) throw; // the process stops
        text = e.what();
    } catch (const port::unavailable&) {
        co_return; // its claim runs out by itself
    } catch (const port::newer_form& e) {
        text = e.what();
        newer = true;
    } catch (const std::exception& e) {
        text = e.what();
    } catch (...) {
        text = "unknown exception";
    }
    const auto& event = a->event;
    if (newer) {
        co_await put_off(event.event_id, k_newer_form_pause, std::move(text), false);
        co_return;
    }
    p_.metrics.count("event_failures_total");
    log::error("event_failed", {{"event_id", event.event_id}, {"type", event.event_type}, {"why", text}});
    const auto known = handling_.find(event.event_id);
    const auto how = known == handling_.end() ? offer{} : known->second;
    if (how.attempts >= k_max_attempts && had_its_chance(how))
        co_await bury(event.event_id, "failed " + std::to_string(how.attempts) + " times: " + text);
    else
        co_await put_off(event.event_id, pause_after(how.attempts), std::move(text), true);
}

boost::asio::awaitable<std::optional<call_id>> engine_impl::whose(const wire::telnyx_webhook& hook) {
    const auto known = sessions_.find(hook.call_session_id);
    if (known != sessions_.end() && !may_be_of_another(known->second, hook)) co_return known->second;
    co_return co_await p_.store.find(hook.call_session_id, hook.call_control_id);
}

// Two callers may share a session; then each has a call of its own, known by the caller's leg.
call_id engine_impl::expected_call(const wire::telnyx_webhook& hook) {
    const auto* own = caller_calls_.find(hook.call_control_id, steady::time_point::min());
    return own != nullptr ? *own : call_of(session_of(hook));
}

bool engine_impl::of_another(call_id call, const wire::telnyx_webhook& hook) {
    const auto* own = caller_calls_.find(hook.call_control_id, steady::time_point::min());
    return own != nullptr && *own != call;
}

// The event names a leg that this call does not know: that may be another caller of its session.
bool engine_impl::may_be_of_another(call_id call, const wire::telnyx_webhook& hook) {
    if (hook.call_control_id.empty()) return false;
    const auto found = actors_.find(call);
    if (found == actors_.end() || !found->second->box.loaded()) return false;
    const auto& s = found->second->box.loaded()->state;
    return s.caller.call_control_id != hook.call_control_id &&
           s.find_by_control_id(hook.call_control_id) == nullptr;
}

// Whether the leg that an event without our mark names is one of this call.
boost::asio::awaitable<bool> engine_impl::knows_leg(call_id call, const wire::telnyx_webhook& hook) {
    const auto& leg = hook.call_control_id;
    const auto* own = caller_calls_.find(leg, steady::time_point::min());
    if (leg.empty() || (own != nullptr && *own == call)) co_return true;
    if (in_memory(call)) co_return !may_be_of_another(call, hook);
    const auto stored = co_await p_.store.load(call);
    if (!stored) co_return true; // nothing to tell it by
    const auto& s = stored->state;
    co_return s.caller.call_control_id == leg || s.find_by_control_id(leg) != nullptr;
}

void engine_impl::old_webhook() {
    ++old_webhooks_;
    p_.metrics.count("webhooks_version_1_total");
    if (const auto more = old_webhook_lines_.due())
        log::error(
            "webhook_of_api_version_1",
            {{"effect", "nobody is rung"},
             {"fix", "set the webhook API version of the Telnyx connections to 2"},
             {"more", *more}}
        );
}

void engine_impl::own_leg(const wire::telnyx_webhook& hook) {
    p_.metrics.count("own_legs_ignored_total");
    log::info("own_leg_ignored", {{"type", hook.event_type}, {"session", hook.call_session_id}});
}

// Time in the inbox alone is no chance: while Postgres was away nobody could offer it.
bool engine_impl::had_its_chance(const offer& o) const {
    const auto offers_due = std::max<std::int64_t>(s_.unknown_session_wait / (2 * k_longest_pause), 1);
    return o.age() >= s_.unknown_session_wait && o.attempts >= static_cast<std::uint32_t>(offers_due);
}

bool engine_impl::had_its_chance(const arrival& a) const {
    const auto known = handling_.find(a.event.event_id);
    return known != handling_.end() && had_its_chance(known->second);
}

boost::asio::awaitable<void> engine_impl::park(arrival_ptr a) {
    const auto known = handling_.find(a->event.event_id);
    const auto how = known == handling_.end() ? offer{} : known->second;
    if (had_its_chance(how)) {
        if (a->known.what && std::holds_alternative<call::leg_charged>(*a->known.what)) {
            ignore(*a); // what somebody else's leg has cost is nothing that was lost
            co_return;
        }
        co_await bury(a->event.event_id, std::string(port::k_unknown_session));
        co_return;
    }
    keep_for_caller(a->event);
    // Durable side of parking: other nodes see the event again after a growing wait.
    const auto wait = std::clamp<millis>(how.age(), millis{500}, k_longest_pause);
    co_await put_off(a->event.event_id, wait, std::string(port::k_unknown_session), true);
}

void engine_impl::keep_for_caller(const port::inbox_event& event) {
    if (event.call_session_id.empty()) return;
    if (parked_.size() >= k_parked_limit && !parked_.contains(event.call_session_id)) return;
    auto& here = parked_[event.call_session_id];
    if (here.size() < k_parked_of_one) here.push_back(event);
}

void engine_impl::ignore(std::string event_id) {
    ignored_.push_back(std::move(event_id));
    sweep_now_.set();
}

void engine_impl::ignore(arrival& a) {
    a.mark.keep(); // until it is written off
    ignore(a.event.event_id);
}

boost::asio::awaitable<void> engine_impl::bury(std::string event_id, std::string why) {
    try {
        std::vector<std::string> ids{event_id};
        co_await p_.inbox.mark_dead(std::move(ids), why);
        log::error("dead_letter", {{"event_id", event_id}, {"why", why}});
        p_.metrics.count("dead_letters_total");
        if (why == port::k_unknown_session) p_.metrics.count("unknown_session_events_total");
    } catch (const boost::system::system_error& e) {
        if (e.code() == boost::asio::error::operation_aborted) throw;
    } catch (...) {
        // offered again by the sweep, buried then
    }
}

boost::asio::awaitable<void>
engine_impl::put_off(std::string event_id, millis delay, std::string why, bool counted) {
    try {
        std::vector<std::string> ids{std::move(event_id)};
        co_await p_.inbox.postpone(std::move(ids), delay, std::move(why), counted);
    } catch (const boost::system::system_error& e) {
        if (e.code() == boost::asio::error::operation_aborted) throw;
    } catch (...) {
        // its claim runs out by itself
    }
}

boost::asio::awaitable<void>
engine_impl::give_back(std::vector<item> items, millis pause, std::string why, bool counted) {
    std::vector<std::pair<std::string, offer>> events;
    for (const auto& i : items) {
        if (i.inbox_id.empty()) continue;
        const auto known = handling_.find(i.inbox_id);
        if (known == handling_.end()) continue; // given back already
        events.emplace_back(i.inbox_id, known->second);
        handling_.erase(known);
    }
    for (const auto& [id, how] : events) {
        if (counted && how.attempts >= k_max_attempts && had_its_chance(how))
            co_await bury(id, "failed " + std::to_string(how.attempts) + " times: " + why);
        else
            co_await put_off(id, counted ? std::max(pause, pause_after(how.attempts)) : pause, why, counted);
    }
}

boost::asio::awaitable<bool> engine_impl::sweep_events() {
    auto events = co_await p_.inbox.claim_pending(200, s_.event_claim);
    bool found = false;
    for (auto& e : events) {
        if (handling_.contains(e.event_id)) continue;
        if (!e.call_session_id.empty()) parked_.erase(e.call_session_id);
        hand_over(std::move(e));
        found = true;
    }
    co_return found;
}

} // namespace z360::engine
