// SPDX-License-Identifier: LicenseRef-z360-proprietary
// New callers: from call.initiated to a call that begins. Who cannot be decided about yet waits in one line,
// the oldest in front, and is let in a few at a time. What begins a call takes up everything that is stored
// of its session, and is decided together with it, before anything is dialed.
#include "engine/engine_impl.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>
#include <z360/rt/retry.hpp>

#include <algorithm>
#include <utility>

namespace z360::engine {
namespace {

constexpr std::size_t k_at_once = 16;       // callers being looked up; more would only queue in Postgres
constexpr std::size_t k_asked_at_once = 16; // callers the carrier is asked about
constexpr millis k_retry{250};              // between two tries of a directory that is away
constexpr millis k_drain_wait{3'000};       // for the spool, after Postgres is back
constexpr millis k_fresh{30'000};           // a call.initiated older than this may be a late repeat
constexpr millis k_swept_fresh{5'000};      // one that was left behind: its node died a moment ago
constexpr millis k_long_wait{1'000};        // below, nobody has waited
constexpr millis k_ask_first{500};
constexpr millis k_ask_longest{5'000};

millis since(rt::clock::time_point t) {
    return std::chrono::duration_cast<millis>(rt::clock::now() - t);
}

// The directory knows numbers only, and callers who withhold theirs.
const std::string& dialed(const arrival& a) {
    static const std::string k_none;
    return a.known.called.is_number() ? a.known.called.text : k_none;
}

const std::string& contact(const arrival& a) {
    static const std::string k_none;
    const auto& who = a.known.caller;
    return who.is_number() || who.what == wire::party_kind::withheld ? who.text : k_none;
}

route_question question_of(const arrival& a) {
    return {a.known.placing, dialed(a), contact(a)};
}

/// Those that are not there yet, by their ids.
void add_missing(std::vector<port::inbox_event>& to, std::vector<port::inbox_event> from) {
    for (auto& e : from) {
        const bool known =
            std::any_of(to.begin(), to.end(), [&e](const auto& o) { return o.event_id == e.event_id; });
        if (!known) to.push_back(std::move(e));
    }
}

bool is_of_a_device(const item& i) {
    return std::visit(
        [](const auto& e) {
            if constexpr (requires { e.who.leg; })
                return e.who.leg.has_value();
            else
                return false;
        },
        i.what
    );
}

} // namespace

void engine_impl::start_callers() {
    for (const char* figure :
         {"routes_from_memory_total", "event_failures_total", "orphan_legs_hung_up_total",
          "unknown_session_events_total", "webhooks_set_aside_total", "callers_gone_unheard_total",
          "callers_unasked_total", "unknown_numbers_total"})
        p_.metrics.count(figure, {}, 0);
    rt::loop_settings admit{
        .name = "callers",
        .period = k_retry,
        .late_after = std::chrono::seconds{15},
        .wake = &admit_now_,
        .longest_pause = std::chrono::seconds{1}
    };
    loops_.run(std::move(admit), [this] { return admit_round(); });
}

bool engine_impl::in_memory(call_id id) const {
    const auto found = actors_.find(id);
    return found != actors_.end() && found->second->box.loaded().has_value();
}

// How long this caller has rung, as far as we can know. A stored event has waited by the database's clock,
// and by ours if it has come out of a spool.
millis engine_impl::waited(const arrival& a) const {
    if (!a.swept) return since(a.since);
    const auto stored = a.event.waited + since(a.since);
    return std::max(stored, p_.clock.now() - a.event.received_at);
}

millis engine_impl::age(const arrival& a) const {
    const auto here = waited(a);
    if (!a.known.hook->occurred_at) return here;
    return std::max(here, p_.clock.now() - *a.known.hook->occurred_at);
}

// Others may have begun the call, and the carrier may have forgotten our command ids: only the store can
// tell.
bool engine_impl::is_late(const arrival& a) const {
    return a.swept || age(a) > k_fresh;
}

void engine_impl::postgres_away() {
    const auto now = steady::now();
    if (!away_) {
        away_since_ = now;
        log::warn("directory_away", {{"waiting", callers_.size()}});
    }
    away_ = true;
    retry_at_ = now + k_retry;
}

void engine_impl::postgres_back() {
    if (!away_) return;
    away_ = false;
    back_at_ = steady::now();
    log::info("directory_back", {{"waiting", callers_.size()}});
    sweep_now_.set(); // the spool first: it knows who has hung up meanwhile
    admit_now_.set();
}

bool engine_impl::drained() const {
    return p_.spool == nullptr || p_.spool->size() == 0 || since(back_at_) >= k_drain_wait;
}

boost::asio::awaitable<void> engine_impl::new_caller(arrival_ptr a) {
    const auto& hook = *a->known.hook;
    a->name = session_of(hook);
    const bool another = shares_session(*a, call_of(a->name));
    if (another && a->known.placing) { // the other side of what a device of ours has placed already
        ignore(*a);
        co_return;
    }
    if (another) a->name = second_name(a->name, hook.call_control_id);
    const auto id = call_of(a->name);
    if (in_memory(id)) {
        if (begun_by(id, a->event.event_id)) {
            a->mark.keep();
            done_with(id, a->event.event_id);
        } else {
            ignore(*a); // a repeat
        }
        co_return;
    }
    remember_caller(hook.call_control_id, id);
    a->event.body.clear(); // has been read; a line of thousands need not hold it
    a->pending = counted(calling_, id);
    const bool sure_to_fail = away_ && steady::now() < retry_at_;
    if (sure_to_fail || !callers_.empty() || deciding_[0] >= k_at_once || !drained()) {
        if (!away_ || !ring_from_memory(*a)) wait_in_line(a);
        co_return;
    }
    counted<int> place(deciding_, 0);
    co_await decide_or_wait(std::move(a), std::move(place));
}

bool engine_impl::begun_by(call_id call, const std::string& event_id) const {
    const auto found = actors_.find(call);
    return found != actors_.end() && found->second->begun_by == event_id;
}

// It was decided about before its row came: what is stored with the call next says so.
void engine_impl::done_with(call_id call, std::string event_id) {
    post(call, item{call::tick{}, std::move(event_id)});
}

void engine_impl::remember_caller(const std::string& call_control_id, call_id call) {
    if (!call_control_id.empty()) caller_calls_.put(call_control_id, call, steady::now());
}

// The carrier puts two callers into one session; the first has the call of its name.
bool engine_impl::shares_session(const arrival& a, call_id call) {
    const auto& own = a.known.hook->call_control_id;
    if (own.empty()) return false;
    if (const auto* known = caller_calls_.find(own, steady::time_point::min())) return *known != call;
    const auto found = actors_.find(call);
    if (found == actors_.end()) return calling_.contains(call);
    const auto& queue = found->second->box.queue();
    const bool begins = std::any_of(queue.begin(), queue.end(), [&own](const item& i) {
        const auto* first = std::get_if<call::incoming>(&i.what);
        return first != nullptr && first->call_control_id != own;
    });
    const auto& loaded = found->second->box.loaded();
    return begins || (loaded && loaded->state.caller.call_control_id != own);
}

item engine_impl::second_of(const item& caller) {
    auto mine = caller;
    auto& first = std::get<call::incoming>(mine.what);
    first.call_session_id = second_name(carrier_session(first.call_session_id), first.call_control_id);
    first.id = call_of(first.call_session_id);
    const auto id = first.id;
    remember_caller(first.call_control_id, id);
    log::info("second_caller_of_session", {{"call", id}, {"session", first.call_session_id}});
    return mine;
}

void engine_impl::wait_in_line(const arrival_ptr& a) {
    // It is durable: when the line is full a sweep offers it again.
    if (callers_.size() >= s_.max_waiting) return;
    if (a->place == 0) a->place = ++places_;
    callers_.emplace(std::pair(a->event.received_at, a->place), a);
    p_.metrics.gauge("callers_waiting", static_cast<double>(callers_.size()));
    if (!away_) admit_now_.set();
}

// One look-up tells whether the directory is back; then so many at a time as it can serve.
boost::asio::awaitable<void> engine_impl::admit_round() {
    p_.metrics.gauge("callers_waiting", static_cast<double>(callers_.size()));
    if (callers_.empty() || stopping_) co_return;
    if (away_) {
        const auto first = callers_.begin()->second;
        try {
            auto r = co_await resolve(question_of(*first));
            if (!first->known.placing)
                routes_.remember(dialed(*first), first->known.caller.text, std::move(r));
        } catch (const port::unavailable&) {
            postgres_away();
            co_return;
        } catch (const boost::system::system_error& e) {
            if (e.code() == boost::asio::error::operation_aborted) throw;
        } catch (...) {
            // It answers; what is wrong with this caller shows when it is decided about.
        }
        postgres_back();
    }
    if (!drained()) co_return;
    const auto now = steady::now();
    for (auto it = callers_.begin(); it != callers_.end() && deciding_[0] < k_at_once;) {
        if (it->second->not_before > now) {
            ++it;
            continue;
        }
        auto a = std::move(it->second);
        it = callers_.erase(it);
        work_.spawn(admitted(std::move(a), counted(deciding_, 0)));
    }
}

boost::asio::awaitable<void> engine_impl::admitted(arrival_ptr a, counted<int> place) {
    std::exception_ptr error;
    try {
        co_await decide_or_wait(a, std::move(place));
    } catch (...) {
        error = std::current_exception();
    }
    if (!callers_.empty() && !away_) admit_now_.set();
    if (error) co_await failed(std::move(a), error);
}

boost::asio::awaitable<void> engine_impl::decide_or_wait(arrival_ptr a, counted<int> place) {
    bool unreachable = false;
    try {
        co_await decide_caller(a);
    } catch (const port::unavailable&) {
        unreachable = true;
    }
    place.release();
    if (!unreachable) co_return;
    postgres_away();
    if (!ring_from_memory(*a)) wait_in_line(a);
}

// While the event is being stored: most callers are decided about the moment it is.
void engine_impl::look_up_early(const arrival_ptr& a) {
    const bool waits = away_ || stopping_ || !callers_.empty() || !drained();
    const bool nobody = !a->known.placing && dialed(*a).empty();
    if (waits || nobody || looking_up_[0] >= k_at_once) return;
    a->early = std::make_shared<route_look_up>(ex_);
    work_.spawn(look_up(a->early, question_of(*a), counted(looking_up_, 0)));
}

boost::asio::awaitable<void>
engine_impl::look_up(std::shared_ptr<route_look_up> out, route_question q, counted<int> place) {
    try {
        out->routed = co_await resolve(std::move(q));
    } catch (...) {
        out->error = std::current_exception();
    }
    place.release();
    out->done.set();
}

boost::asio::awaitable<call::route> engine_impl::resolve(route_question q) {
    if (q.placing) co_return co_await p_.directory.place(std::move(*q.placing), p_.clock.now());
    co_return co_await p_.directory.resolve(std::move(q.dialed), std::move(q.contact), p_.clock.now());
}

boost::asio::awaitable<call::route> engine_impl::route_of(arrival_ptr a) {
    const auto early = std::exchange(a->early, nullptr);
    if (!early || a->place != 0) // who has waited is looked up anew
        co_return co_await resolve(question_of(*a));
    co_await early->done.wait();
    if (early->error) std::rethrow_exception(early->error);
    co_return std::move(*early->routed);
}

boost::asio::awaitable<void> engine_impl::decide_caller(arrival_ptr a) {
    if (is_late(*a)) {
        const bool begun = co_await has_begun(a);
        if (begun) { // a late repeat: the call has begun, wherever that was
            ignore(*a);
            co_return;
        }
    }
    const auto& called = a->known.called;
    if (!a->known.placing && !called.is_number() && !called.user.empty()) {
        const bool ours = co_await p_.directory.is_device(called.user);
        if (ours) { // somebody dials a device itself: the other side of a leg, not a caller
            own_leg(*a->known.hook);
            ignore(*a);
            co_return;
        }
    }
    auto routed = co_await route_of(a);
    postgres_back();
    auto others = co_await stored_of(a);
    if (!a->known.placing && routed.verdict == call::route_verdict::unknown_number && is_late(*a) &&
        served_by_others(*a, others)) {
        log::warn("caller_of_another_installation", {{"session", a->event.call_session_id}});
        for (const auto& e : others)
            ignore(e.event_id);
        ignore(*a);
        co_return;
    }
    if (!a->known.placing) routes_.remember(dialed(*a), a->known.caller.text, routed);
    a->too_late_to_ring = waited(*a) >= routed.rules.ring_time;
    if (must_ask(*a)) {
        ask_carrier(std::move(a));
        co_return;
    }
    add_missing(others, std::move(a->on_record));
    begin(*a, std::move(routed), std::move(others));
}

// A device rings with our mark, or somebody has answered: to refuse this caller would end another's talk
// (I21).
bool engine_impl::served_by_others(const arrival& a, const std::vector<port::inbox_event>& others) const {
    return std::any_of(others.begin(), others.end(), [&](const port::inbox_event& e) {
        const auto known = read(e.body, e.route, e.received_at);
        if (known.mark) return known.mark->call == call_of(a.name);
        if (!known.what || known.hook->call_control_id != a.known.hook->call_control_id) return false;
        return std::holds_alternative<call::leg_answered>(*known.what) ||
               std::holds_alternative<call::leg_bridged>(*known.what);
    });
}

// The store knows the call of this caller. One of the session that is another caller's is not it.
boost::asio::awaitable<bool> engine_impl::has_begun(arrival_ptr a) {
    const auto& own = a->known.hook->call_control_id;
    auto stored = co_await p_.store.load(call_of(a->name));
    if (stored && !a->known.placing && !own.empty() && stored->state.caller.call_control_id != own) {
        a->name = second_name(carrier_session(a->name), own);
        const auto id = call_of(a->name);
        remember_caller(own, id);
        a->pending = counted(calling_, id);
        stored = co_await p_.store.load(id);
    }
    co_return stored.has_value();
}

// Before anything is dialed for a caller whose hang-up may have been told to nobody, and before one who has
// waited a whole ring is sent to voicemail: another node may have joined somebody in its memory (I21).
bool engine_impl::must_ask(const arrival& a) const {
    if (p_.records == nullptr || a.life) return false;
    return a.too_late_to_ring || age(a) > (a.swept ? k_swept_fresh : k_fresh);
}

// Outside of the line, so that a carrier that is slow to answer holds up nobody who need not be asked about.
void engine_impl::ask_carrier(arrival_ptr a) {
    if (asking_[0] < k_asked_at_once) {
        work_.spawn(ask(std::move(a), counted(asking_, 0)));
        return;
    }
    a->not_before = steady::now() + k_retry;
    wait_in_line(a);
}

boost::asio::awaitable<void> engine_impl::ask(arrival_ptr a, counted<int> place) {
    const auto life =
        a->too_late_to_ring ? co_await look_up_record(*a) : co_await life_of(a->known.hook->call_control_id);
    place.release();
    if (!a->first_asked) a->first_asked = steady::now();
    if (life != port::leg_life::unknown || since(*a->first_asked) >= s_.caller_ask_limit) {
        a->life = life;
    } else {
        const auto pause = rt::growing(k_ask_first, k_ask_longest, ++a->asked);
        a->not_before = steady::now() + pause;
        // Ours meanwhile: other nodes would only ask the carrier, too.
        co_await put_off(a->event.event_id, pause + s_.event_claim, "the carrier does not say", false);
    }
    wait_in_line(a);
}

// All that happened to the caller and to devices rung for it; a hang-up is among it.
boost::asio::awaitable<port::leg_life> engine_impl::look_up_record(arrival& a) {
    if (!p_.ask) co_return co_await life_of(a.known.hook->call_control_id);
    carrier_answer answer;
    try {
        answer = co_await p_.ask(a.known.hook->call_session_id);
    } catch (const boost::system::system_error& e) {
        if (e.code() == boost::asio::error::operation_aborted) throw;
    } catch (...) {
        // asked again
    }
    if (!answer.answered) co_return port::leg_life::unknown;
    a.on_record.clear();
    for (auto& [e, fresh] : answer.events)
        a.on_record.push_back(std::move(e));
    co_return port::leg_life::alive;
}

// Whatever goes wrong, it is no proof of anything.
boost::asio::awaitable<port::leg_life> engine_impl::life_of(std::string call_control_id) {
    try {
        co_return co_await p_.records->life_of(std::move(call_control_id));
    } catch (const boost::system::system_error& e) {
        if (e.code() == boost::asio::error::operation_aborted) throw;
    } catch (...) {
        // asked again
    }
    co_return port::leg_life::unknown;
}

// Who rings for the first time rings also when Postgres has just gone; who has waited, or is late, may have
// hung up, and only the stored events say so.
boost::asio::awaitable<std::vector<port::inbox_event>> engine_impl::stored_of(arrival_ptr a) {
    const bool none = std::exchange(a->alone, false) && a->place == 0 && !is_late(*a);
    if (none || a->event.call_session_id.empty()) co_return std::vector<port::inbox_event>{};
    try {
        co_return co_await p_.inbox.claim_session(a->event.call_session_id, s_.event_claim);
    } catch (const port::unavailable&) {
        if (is_late(*a) || a->place != 0) throw;
    }
    co_return std::vector<port::inbox_event>{};
}

bool engine_impl::ring_from_memory(arrival& a) {
    // Whether somebody may call whom they call is not judged by what was true a while ago.
    if (is_late(a) || stopping_ || a.known.placing) return false;
    auto routed = routes_.find(dialed(a), a.known.caller.text, away_since_);
    if (!routed) return false;
    a.from_memory = true;
    begin(a, std::move(*routed), {});
    return true;
}

// Every other event of the session, stored or parked here, in order of arrival, as items of the call. Also
// those that are in hand here at the moment: to decide about an event twice changes nothing, to miss one
// might.
std::vector<item> engine_impl::take_up(arrival& a, std::vector<port::inbox_event> others) {
    if (const auto found = parked_.find(a.event.call_session_id); found != parked_.end()) {
        add_missing(others, std::move(found->second));
        parked_.erase(found);
    }
    std::vector<std::pair<time_point, std::size_t>> order;
    for (std::size_t n = 0; n < others.size(); ++n)
        order.emplace_back(others[n].received_at, n);
    std::sort(order.begin(), order.end());
    std::vector<item> out;
    for (const auto& [at, n] : order) {
        auto& e = others[n];
        if (e.event_id == a.event.event_id) continue;
        auto known = read(e.body, e.route, e.received_at);
        const auto& own = a.known.hook->call_control_id;
        // Another caller is in somebody's hand, here or at another node, or a sweep offers it soon: begun
        // from here as well it would be served twice.
        if (known.new_caller) continue;
        // Without our mark, of a leg that no call knows yet: perhaps a second caller's.
        const bool nobodys = known.what && is_of_unmarked_leg(known) && e.route != port::webhook_route::own &&
                             known.hook->call_control_id != own;
        // Unreadable, of no consequence, or another caller's of this session.
        if (!known.what || nobodys || !is_for(call_of(a.name), a.name, own, known)) {
            hand_over(std::move(e));
            continue;
        }
        in_work mark(handling_, e.event_id, offer{e.call_session_id, label_of(e), e.attempts, e.waited});
        mark.keep();
        item i{std::move(*known.what), e.event_id};
        i.decided_at = e.received_at; // for the caller's judgement; see begin()
        out.push_back(std::move(i));
    }
    return out;
}

// Whether a readable event of the session that a call shares with others is this call's.
bool engine_impl::is_for(
    call_id call, const std::string& name, const std::string& caller_control_id, const reading& known
) {
    if (known.mark) return known.mark->call == call;
    if (!known.hook || known.hook->call_control_id.empty()) return true;
    if (known.hook->call_control_id == caller_control_id) return true;
    // The second caller of a session gets what names it; the first everything that is not known as another's.
    return carrier_session(name) == name && !of_another(call, *known.hook);
}

void engine_impl::begin(arrival& a, call::route routed, std::vector<port::inbox_event> others) {
    const auto& hook = *a.known.hook;
    const std::string& key = a.name;
    const auto now = p_.clock.now();
    call::incoming first;
    first.id = call_of(key);
    first.call_control_id = hook.call_control_id;
    first.call_session_id = key;
    first.from = a.known.caller.text;
    first.from_sent = wire::raw_party(hook.from);
    first.to_sent = wire::raw_party(hook.to);
    first.routed = std::move(routed);
    // No contact has a SIP address: what it calls itself is better than nothing.
    if (!a.known.placing && first.routed.caller_name.empty() &&
        first.routed.verdict == call::route_verdict::ring)
        first.routed.caller_name = a.known.caller.name;
    const auto id = first.id;
    std::vector<std::string_view> figures;
    if (a.from_memory) figures.emplace_back("routes_from_memory_total");
    auto later = take_up(a, std::move(others));
    // Its devices have been rung already, by a node that could not write it down: then it is decided as of
    // the times at which things happened, and no dial leaves that the carrier may have forgotten.
    const bool rung =
        (is_late(a) || a.too_late_to_ring) && std::any_of(later.begin(), later.end(), is_of_a_device);
    // A talk, or a ring, is not taken back because hours have passed since it began.
    if (rung) call::heed_nothing(first.routed);
    call::heed_cause(first.routed);
    auto as_of = std::min(a.event.received_at, now);
    for (auto& i : later) {
        if (rung) as_of = std::clamp(*i.decided_at, as_of, now);
        i.decided_at = rung ? std::optional(as_of) : std::nullopt;
    }
    const auto rang = waited(a);
    if (!rung && rang >= k_long_wait) first.waiting_since = now - rang;
    if (a.life == port::leg_life::unknown) {
        // Nobody could say whether the caller is still there: nobody's phone is rung for it.
        figures.emplace_back("callers_unasked_total");
        if (!rung) first.waiting_since = now - std::max(rang, first.routed.rules.ring_time);
    }
    std::vector<item> items;
    const call::leg_ref caller{hook.call_control_id, std::nullopt};
    items.push_back(item{std::move(first), a.event.event_id});
    if (rung) items.front().decided_at = std::min(a.event.received_at, now);
    std::move(later.begin(), later.end(), std::back_inserter(items));
    if (a.life == port::leg_life::gone) {
        log::info("caller_gone_unheard", {{"call", id}});
        figures.emplace_back("callers_gone_unheard_total");
        items.push_back(item{call::leg_hangup{caller, "not_found"}, {}});
    }
    items.front().figures = std::move(figures);
    sessions_.insert_or_assign(key, id);
    a.mark.keep();
    a.pending.release();
    post(id, std::move(items));
    actors_.at(id)->begun_by = a.event.event_id;
}

} // namespace z360::engine
