// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The rules of src/engine/callers.cpp: what begins a call takes up everything that is stored of its session,
// and is decided together with it, before anything is dialed; of a caller who may be gone the carrier is
// asked first.
#include "node.hpp"
#include "world.hpp"

#include <algorithm>
#include <utility>

namespace z360::testing {
namespace {

constexpr millis k_event_claim{2'000};
constexpr millis k_query_budget{500};
constexpr millis k_retry{250};
constexpr millis k_fresh{30'000};
constexpr millis k_swept_fresh{5'000};
constexpr millis k_long_wait{1'000};
constexpr millis k_ask_limit{30'000};
constexpr millis k_ask_first{500};
constexpr millis k_ask_longest{5'000};

call_id call_of(const std::string& session) {
    const auto id = call_id::parse(session);
    return id ? *id : call_id{derive_uuid(session)};
}

bool is_of_a_device(const call::event& e) {
    return std::visit(
        [](const auto& x) {
            if constexpr (requires { x.who.leg; })
                return x.who.leg.has_value();
            else
                return false;
        },
        e
    );
}

} // namespace

millis node::waited(const arrival& a) const {
    const auto here = w_.time.now() - a.since;
    return a.swept ? std::max(a.event.waited + here, clock() - a.event.received_at) : here;
}

millis node::age(const arrival& a) const {
    const auto here = waited(a);
    return a.hook.occurred_at ? std::max(here, clock() - *a.hook.occurred_at) : here;
}

// Others may have begun the call, and the carrier may have forgotten our command ids: only the store can
// tell.
bool node::is_late(const arrival& a) const {
    return a.swept || age(a) > k_fresh;
}

void node::new_caller(const arrival_ptr& a) {
    const auto known = boxes_.find(call_of(a->hook.call_session_id));
    if (known != boxes_.end() && known->second->loaded) { // a repeat
        ignored_.push_back(a->event.event_id);
        return;
    }
    decide_caller(a);
}

void node::again(const arrival_ptr& a, millis pause) {
    a->waited = true;
    w_.time.after(pause, mine([this, a] { new_caller(a); }));
}

void node::decide_caller(const arrival_ptr& a) {
    auto stored = std::make_shared<bool>(false);
    const bool late = is_late(*a);
    auto look = [this, a, late, stored] {
        if (late) *stored = w_.db.load(call_of(a->hook.call_session_id)).has_value();
    };
    w_.ask_store(*this, k_query_budget, std::move(look), [this, a, stored](bool ok) {
        if (!ok) return store_away(a);
        knows_route_ = true;
        if (*stored) { // a late repeat: the call has begun, wherever that was
            ignored_.push_back(a->event.event_id);
            return;
        }
        const bool late = waited(*a) >= w_.what.routed.rules.ring_time;
        if (!a->life && (late || age(*a) > (a->swept ? k_swept_fresh : k_fresh))) return ask_about(a);
        claim_others(a);
    });
}

void node::store_away(const arrival_ptr& a) {
    if (is_late(*a) || !knows_route_ || !w_.what.remembers_routes) return again(a, k_retry);
    begin_call(*a, {});
}

void node::ask_about(const arrival_ptr& a) {
    const auto heard = [this, a](port::leg_life life) {
        if (!a->first_asked) a->first_asked = w_.time.now();
        const bool enough = w_.time.now() - *a->first_asked >= k_ask_limit;
        if (life != port::leg_life::unknown || enough) {
            a->life = life;
            return new_caller(a);
        }
        again(a, std::min<millis>(k_ask_first * (1LL << std::min(a->asked++, 8U)), k_ask_longest));
    };
    // Whoever has waited a whole ring may have been joined by another node in its memory.
    if (waited(*a) >= w_.what.routed.rules.ring_time)
        look_up_record(a, heard);
    else
        ask_life(a->hook.call_control_id, heard);
}

void node::look_up_record(const arrival_ptr& a, std::function<void(port::leg_life)> then) {
    auto found = std::make_shared<std::vector<port::inbox_event>>();
    const auto keep = [this, a, found, then] {
        auto apply = [this, found] {
            for (const auto& e : *found)
                (void)w_.db.append(e, k_event_claim, w_.time.now());
        };
        w_.ask_store(*this, k_query_budget, std::move(apply), [a, found, then](bool ok) {
            if (ok) a->on_record = std::move(*found);
            then(ok ? port::leg_life::alive : port::leg_life::unknown);
        });
    };
    w_.ask_records(
        *this, [this, a, found] { *found = w_.records_of(a->hook.call_session_id); },
        [keep, then](bool ok) {
            if (!ok) return then(port::leg_life::unknown);
            keep();
        }
    );
}

void node::claim_others(const arrival_ptr& a) {
    auto others = std::make_shared<std::vector<port::inbox_event>>();
    w_.ask_store(
        *this, k_query_budget,
        [this, others, key = a->hook.call_session_id] {
            *others = w_.db.claim_pending(k_event_claim, w_.time.now(), key);
        },
        [this, a, others](bool ok) {
            if (!ok && (is_late(*a) || a->waited)) return again(a, k_retry);
            for (auto& e : a->on_record)
                if (std::none_of(others->begin(), others->end(), [&e](const auto& o) {
                        return o.event_id == e.event_id;
                    }))
                    others->push_back(std::move(e));
            begin_call(*a, std::move(*others));
        }
    );
}

void node::begin_call(const arrival& a, std::vector<port::inbox_event> others) {
    const auto now = clock();
    const auto id = call_of(a.hook.call_session_id);
    call::incoming first;
    first.id = id;
    first.call_control_id = a.hook.call_control_id;
    first.call_session_id = a.hook.call_session_id;
    first.from = a.hook.from;
    first.routed = w_.what.routed;
    items later;
    for (auto& e : others) {
        if (e.event_id == a.event.event_id) continue;
        auto known = read(e);
        if (!known.what) {
            if (handling_.insert(e.event_id).second) dispatch(std::move(e), true);
            continue;
        }
        handling_.insert(e.event_id);
        item i{std::move(*known.what), e.event_id};
        i.decided_at = e.received_at;
        later.push_back(std::move(i));
    }
    // Its devices have been rung already, by a node that could not write it down: then it is decided as of
    // the times at which things happened, and no dial leaves that the carrier may have forgotten.
    const bool rung =
        (is_late(a) || !a.on_record.empty()) &&
        std::any_of(later.begin(), later.end(), [](const item& i) { return is_of_a_device(i.what); });
    auto as_of = std::min(a.event.received_at, now);
    for (auto& i : later) {
        if (rung) as_of = std::clamp(*i.decided_at, as_of, now);
        i.decided_at = rung ? std::optional(as_of) : std::nullopt;
    }
    const auto rang = waited(a);
    if (!rung && rang >= k_long_wait) first.waiting_since = now - rang;
    // Nobody could say whether the caller is still there: nobody's phone is rung for it.
    if (a.life == port::leg_life::unknown && !rung)
        first.waiting_since = now - std::max(rang, first.routed.rules.ring_time);
    sessions_.insert_or_assign(a.hook.call_session_id, id);
    item beginning{std::move(first), a.event.event_id};
    if (rung) beginning.decided_at = std::min(a.event.received_at, now);
    post(id, std::move(beginning));
    for (auto& i : later)
        post(id, std::move(i));
    if (a.life == port::leg_life::gone)
        post(id, item{call::leg_hangup{{a.hook.call_control_id, std::nullopt}, "not_found", ""}, {}});
    if (rung) post(id, item{call::tick{}, {}});
}

} // namespace z360::testing
