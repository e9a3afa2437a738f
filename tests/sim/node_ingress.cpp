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
constexpr unsigned k_put_off_limit = 2;
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
                dispatch(event, false);
        }
    );
}

node::reading node::read(const port::inbox_event& event) const {
    reading r;
    auto parsed = wire::parse_envelope(event.body);
    if (!parsed.event) {
        w_.fail("a webhook of the carrier was not understood");
        return r;
    }
    r.hook = std::move(*parsed.event);
    if (!r.hook.client_state.empty()) r.mark = w_.codec.open(r.hook.client_state);
    std::optional<leg_id> leg;
    if (r.mark) leg = r.mark->leg;
    r.new_caller = wire::is_new_caller(r.hook, wire::webhook_source::call_control, leg);
    if (!r.new_caller) r.what = wire::to_call_event(r.hook, leg, event.received_at);
    return r;
}

void node::dispatch(port::inbox_event event, bool swept) {
    auto known = read(event);
    if (known.new_caller) {
        auto a = std::make_shared<arrival>();
        a->hook = std::move(known.hook);
        a->event = std::move(event);
        a->swept = swept;
        a->since = w_.time.now();
        return new_caller(a);
    }
    if (!known.what) {
        ignored_.push_back(event.event_id);
        return;
    }
    if (known.mark) return to_call(known.mark->call, std::move(*known.what), std::move(event));
    const auto& hook = known.hook;
    if (const auto mine = sessions_.find(hook.call_session_id); mine != sessions_.end())
        return to_call(mine->second, std::move(*known.what), std::move(event));
    auto found = std::make_shared<std::optional<call_id>>();
    w_.ask_store(
        *this, k_query_budget,
        [this, found, hook] { *found = w_.db.find(hook.call_session_id, hook.call_control_id); },
        [this, found, what = std::move(*known.what), event = std::move(event)](bool ok) {
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

void node::park(const port::inbox_event& event) {
    handling_.erase(event.event_id);
    const auto age = event.waited; // in the inbox; time in a spool does not count
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
        bool may_put_off = true;
        bool put_off = false;
    };
    auto got = std::make_shared<catch_t>();
    got->ignored = std::exchange(ignored_, {});
    got->may_put_off = put_off_ < k_put_off_limit;
    auto apply = [this, got, spooled = spool_] {
        const auto now = w_.time.now();
        w_.db.mark_done(got->ignored, false);
        for (const auto& [id, e] : spooled) {
            (void)w_.db.append(e, millis{0}, now);
            got->spooled.push_back(id);
        }
        got->events = w_.db.claim_pending(k_event_claim, now);
        // Events left behind may tell that what looks overdue has long happened: they are decided first.
        if (got->may_put_off && (!got->events.empty() || !got->spooled.empty()))
            got->put_off = true;
        else
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
        put_off_ = got->put_off ? put_off_ + 1 : 0;
        take_up(std::move(got->events));
        for (const auto& id : got->overdue) {
            const auto known = boxes_.find(id);
            if (known != boxes_.end() && known->second->driving) continue;
            if (known != boxes_.end() && known->second->loaded && !known->second->unsaved)
                known->second->verify = true;
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
        if (handling_.insert(e.event_id).second) dispatch(std::move(e), true);
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
