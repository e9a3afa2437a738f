// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "engine/event_times.hpp"

#include "wire/event_type.hpp"

#include <algorithm>
#include <chrono>

namespace z360::engine {
namespace {

constexpr std::chrono::seconds k_remembered{2};

millis whole(rt::clock::duration d) {
    return std::chrono::duration_cast<millis>(std::max(d, rt::clock::duration::zero()));
}

double seconds(rt::clock::duration d) {
    return std::chrono::duration<double>(std::max(d, rt::clock::duration::zero())).count();
}

/// The parts of an event's time on this node; together they are all of it but what was gathered.
struct parts {
    rt::clock::duration intake; ///< made durable, its call found, of a caller its route looked up
    rt::clock::duration queue;  ///< waited for its call's turn
    rt::clock::duration work;   ///< decided about and stored
};

std::string_view slowest(const parts& p) {
    if (p.intake >= p.queue && p.intake >= p.work) return "intake";
    return p.queue >= p.work ? "queue" : "work";
}

} // namespace

std::string_view label_of(const port::inbox_event& e) {
    return e.route == port::webhook_route::own ? "own" : wire::event_type_label(e.event_type);
}

void event_times::acknowledged(const acknowledgement& a) {
    const auto took = rt::clock::now() - a.arrived;
    metrics_.observe("webhook_ack_seconds", seconds(took), {{"type", a.type}});
    if (slow_after_ <= millis{0} || took < slow_after_) return;
    metrics_.count("webhooks_slow_total", {{"type", a.type}});
    const auto silent = slow_acks_.due();
    if (!silent) return;
    log::warn(
        "webhook_slow", {{"call", a.call ? a.call->text() : std::string{}},
                         {"type", a.type},
                         {"event_id", a.event_id},
                         {"ack_ms", whole(took).count()},
                         {"more", *silent}}
    );
}

void event_times::settled(call_id call, const offer& how, const item& done) {
    const auto now = rt::clock::now();
    const auto taken = done.taken.value_or(now);
    const parts p{done.since - how.since, taken - done.since - done.gathered, now - taken};
    metrics_.observe("event_queue_seconds", seconds(p.queue), {{"type", how.type}});
    metrics_.observe("event_process_seconds", seconds(p.work), {{"type", how.type}});
    const auto age = whole(now - how.since - done.gathered);
    if (age >= oldest_settled_ || settled_at_ < now - k_remembered) {
        oldest_settled_ = age;
        settled_at_ = now;
    }
    if (slow_after_ <= millis{0} || age < slow_after_) return;
    metrics_.count("events_slow_total", {{"part", slowest(p)}});
    const auto silent = slow_events_.due();
    if (!silent) return;
    log::warn(
        "event_slow", {{"call", call},
                       {"type", how.type},
                       {"event_id", done.inbox_id},
                       {"part", slowest(p)},
                       {"intake_ms", whole(p.intake).count()},
                       {"queue_ms", whole(p.queue).count()},
                       {"work_ms", whole(p.work).count()},
                       {"inbox_ms", how.waited.count()},
                       {"more", *silent}}
    );
}

millis event_times::oldest(const offers& in_hand) const {
    const auto now = rt::clock::now();
    auto out = settled_at_ >= now - k_remembered ? oldest_settled_ : millis{0};
    for (const auto& [id, how] : in_hand)
        out = std::max(out, whole(now - how.since));
    return out;
}

} // namespace z360::engine
