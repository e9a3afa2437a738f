// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The rules of src/engine/{ingress,sweep}.cpp.
#include "node.hpp"
#include "world.hpp"

#include <algorithm>
#include <utility>

namespace z360::testing {
namespace {

constexpr millis k_event_claim{2'000};
constexpr millis k_command_claim{5'000};
constexpr millis k_query_budget{500};
constexpr millis k_sweep_period{500};
constexpr millis k_unknown_wait{60'000};
constexpr millis k_route_retry{250};
constexpr millis k_idle_ended{5'000};

} // namespace

void node::accept(port::inbox_event event, std::function<void(bool)> answer) {
    event.received_at = clock();
    handling_.insert(event.event_id);
    auto result = std::make_shared<port::append_result>(port::append_result::stored);
    auto apply = [this, result, event] { *result = w_.db.append(event, k_event_claim, w_.time.now()); };
    w_.ask_store(
        *this, k_query_budget, std::move(apply),
        [this, result, event, answer = std::move(answer)](bool ok) {
            if (!ok) spool_.emplace(event.event_id, event);
            answer(true);
            if (ok && *result != port::append_result::stored)
                handling_.erase(event.event_id);
            else
                dispatch(event);
        }
    );
}

void node::dispatch(port::inbox_event event) {
    const auto parsed = wire::parse_envelope(event.body);
    if (!parsed.event) return w_.fail("a webhook of the carrier was not understood");
    const auto& hook = *parsed.event;
    std::optional<adapter::crypto::client_state> mark;
    if (!hook.client_state.empty()) mark = w_.codec.open(hook.client_state);
    std::optional<leg_id> leg;
    if (mark) leg = mark->leg;
    if (wire::is_new_caller(hook, wire::webhook_source::call_control, leg)) {
        new_caller(hook, std::move(event));
        return;
    }
    auto what = wire::to_call_event(hook, leg, event.received_at);
    if (!what) {
        ignored_.push_back(event.event_id);
        return;
    }
    if (mark) return to_call(mark->call, std::move(*what), std::move(event));
    if (const auto known = sessions_.find(hook.call_session_id); known != sessions_.end())
        return to_call(known->second, std::move(*what), std::move(event));
    auto found = std::make_shared<std::optional<call_id>>();
    w_.ask_store(
        *this, k_query_budget,
        [this, found, hook] { *found = w_.db.find(hook.call_session_id, hook.call_control_id); },
        [this, found, what = std::move(*what), event = std::move(event)](bool ok) {
            if (ok)
                to_call(*found, what, event);
            else
                handling_.erase(event.event_id); // stays unprocessed; a sweep offers it again
        }
    );
}

void node::to_call(std::optional<call_id> id, call::event what, port::inbox_event event) {
    if (!id) return park(event);
    post(*id, item{std::move(what), event.event_id});
}

void node::new_caller(wire::telnyx_webhook hook, port::inbox_event event) {
    w_.ask_store(
        *this, k_query_budget, [] {},
        [this, hook = std::move(hook), event = std::move(event)](bool ok) mutable {
            if (ok || (knows_route_ && w_.what.remembers_routes)) {
                knows_route_ = true;
                return begin_call(hook, event);
            }
            w_.time.after(k_route_retry, mine([this, hook = std::move(hook), event = std::move(event)] {
                              new_caller(hook, event);
                          }));
        }
    );
}

void node::begin_call(const wire::telnyx_webhook& hook, const port::inbox_event& event) {
    call::incoming first;
    const auto session = call_id::parse(hook.call_session_id);
    first.id = session ? *session : call_id{derive_uuid(hook.call_session_id)};
    first.call_control_id = hook.call_control_id;
    first.call_session_id = hook.call_session_id;
    first.from = hook.from;
    first.routed = w_.what.routed;
    const auto id = first.id;
    sessions_.insert_or_assign(hook.call_session_id, id);
    post(id, item{std::move(first), event.event_id});
    auto others = std::make_shared<std::vector<port::inbox_event>>();
    w_.ask_store(
        *this, k_query_budget,
        [this, others, key = hook.call_session_id] {
            *others = w_.db.claim_pending(k_event_claim, w_.time.now(), key);
        },
        [this, others](bool ok) {
            if (ok) take_up(std::move(*others));
        }
    );
}

void node::park(const port::inbox_event& event) {
    handling_.erase(event.event_id);
    const auto age = clock() - event.received_at;
    const auto pause = std::clamp(age, millis{500}, millis{5'000});
    w_.ask_store(
        *this, k_query_budget,
        [this, id = event.event_id, age, pause] {
            if (age >= k_unknown_wait)
                w_.db.mark_done({id}, true);
            else
                w_.db.postpone({id}, pause, w_.time.now());
        },
        [](bool) {}
    );
}

void node::sweep() {
    struct catch_t {
        std::vector<port::inbox_event> events;
        std::vector<call_id> overdue;
        std::vector<port::orphan_command> commands;
        std::vector<std::string> ignored;
        std::vector<std::string> spooled;
    };
    auto got = std::make_shared<catch_t>();
    got->ignored = std::exchange(ignored_, {});
    auto apply = [this, got, spooled = spool_] {
        const auto now = w_.time.now();
        w_.db.mark_done(got->ignored, false);
        for (const auto& [id, e] : spooled) {
            (void)w_.db.append(e, millis{0}, now);
            got->spooled.push_back(id);
        }
        got->events = w_.db.claim_pending(k_event_claim, now);
        got->overdue = w_.db.claim_overdue(now - millis{300}, now);
        got->commands = w_.db.claim_commands(k_command_claim, now);
    };
    w_.ask_store(*this, k_query_budget, std::move(apply), [this, got](bool ok) {
        if (!ok) {
            ignored_.insert(ignored_.end(), got->ignored.begin(), got->ignored.end());
            return;
        }
        for (const auto& id : got->ignored)
            handling_.erase(id);
        for (const auto& id : got->spooled)
            spool_.erase(id);
        take_up(std::move(got->events));
        for (const auto& id : got->overdue) {
            const auto known = boxes_.find(id);
            if (known != boxes_.end() && known->second->driving) continue;
            if (known != boxes_.end() && !known->second->unsaved) known->second->loaded.reset();
            post(id, item{call::tick{}, {}});
        }
        for (const auto& c : got->commands)
            launch(c.call, c.command, true);
    });
    evict();
    w_.time.after(k_sweep_period, mine([this] { sweep(); }));
}

void node::take_up(std::vector<port::inbox_event> events) {
    for (auto& e : events)
        if (handling_.insert(e.event_id).second) dispatch(std::move(e));
}

void node::evict() {
    std::erase_if(boxes_, [&](const auto& entry) {
        const auto& b = *entry.second;
        const bool resting = !b.driving && b.queue.empty() && !b.unsaved;
        const bool over = !b.loaded || b.loaded->state.now_in == call::phase::ended;
        if (!resting || !over || w_.time.now() - b.touched < k_idle_ended) return false;
        if (b.loaded) sessions_.erase(b.loaded->state.caller.call_session_id);
        return true;
    });
}

} // namespace z360::testing
