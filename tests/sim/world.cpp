// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "world.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace z360::testing {
namespace {

using sim::json;

constexpr millis k_calm_latency{20};
constexpr millis k_telnyx_patience{2'000}; // a webhook not answered by then is sent again
constexpr millis k_longest_run{600'000};
constexpr millis k_watch{250};
constexpr std::array k_retries{millis{1'000}, millis{2'000}, millis{5'000}, millis{16'000}, millis{32'000}};

} // namespace

world::~world() {
    for (auto& n : nodes)
        if (n->alive()) n->kill();
    settle();
}

// Everything that can go on without time passing.
void world::settle() {
    while (const auto n = io.poll())
        figures.steps += n;
    for (auto& n : nodes)
        if (!n->buried()) fail("a killed process does not end");
}

world::world(plan p)
    : what(std::move(p)), dice(what.seed ^ 0x5EEDULL), time(time_point{millis{1'800'000'000'000}}),
      start(time.now()), tel(what.carrier), codec(secret("simulated client_state key"), secret()),
      open_(io.get_executor()) {
    for (std::size_t i = 0; i < what.phones.size(); ++i)
        tel.set_phone(sip_username(i), what.phones[i]);
    if (const auto number = number_of(what.routed); !number.empty()) tel.set_phone(number, what.mobile);
    for (const auto& f : what.carrier_faults)
        tel.add_fault(f, start);
    for (const auto& f : what.webhook_faults)
        tel.add_fault(f, start);
    for (std::size_t i = 0; i < what.nodes; ++i)
        nodes.push_back(std::make_unique<node>(*this, i));
}

bool world::away(const std::vector<interval>& when, std::size_t n, millis later) const {
    const auto t = time.now() - start + later;
    return std::any_of(when.begin(), when.end(), [&](const interval& i) {
        return i.node == n && t >= i.from && t < i.until;
    });
}

millis world::latency() {
    return what.level == trouble::none ? k_calm_latency : dice.span(1, 60);
}

std::string world::run() {
    for (auto& n : nodes)
        time.after(millis{0}, [&n] { n->start(); });
    for (const auto& d : what.dead) {
        auto& n = *nodes[d.node];
        time.after(d.from, [this, &n] {
            if (!n.alive()) return;
            ++figures.kills;
            disturbed();
            n.kill();
        });
        time.after(d.until, [this, &n] {
            if (n.alive()) return;
            disturbed();
            n.start();
        });
    }
    for (const auto& s : what.clock_steps)
        time.after(s.at, [this, s] { what.clock_skew[s.node] = s.skew; });
    time.after(millis{1}, [this] {
        caller = tel.place_call("+15550100001", "+15550109999", time.now());
        time.after(what.caller_leaves, [this] { tel.caller_hangs_up(caller, time.now()); });
    });
    time.after(k_watch, [this] { watch(); });
    while (failure.empty() && !over_) {
        settle();
        pump();
        const auto due = tel.next_due();
        if (due && *due < time.next()) {
            time.jump(*due);
        } else {
            time.run_one();
        }
        if (time.now() - start > k_longest_run) fail("never comes to rest: " + state_of_affairs());
    }
    return failure;
}

void world::pump() {
    for (auto& hook : tel.take_webhooks(time.now()))
        deliver(std::move(hook));
}

world::trip world::to_store(node& n, millis limit) {
    const auto who = n.index();
    const bool slow = troubled() && dice.percent(what.slow_store);
    trip t;
    t.there = latency() / 4 + (slow ? dice.span(50, 700) : millis{0});
    t.answer = t.there + latency() / 4 + (slow ? dice.span(50, 700) : millis{0});
    if (slow) disturbed(t.answer);
    if (away(what.store_away, who)) {
        t.arrives = t.answered = false;
        t.answer = dice.percent(50) ? millis{3} : limit; // refused at once, or silence
        return t;
    }
    t.arrives = !away(what.store_away, who, t.there);
    t.answered = t.arrives && t.answer <= limit && !away(what.store_away, who, t.answer);
    if (!t.answered) t.answer = limit;
    ++figures.questions;
    if (figures.questions == what.mishap_at) return failed(n, t, limit);
    if (t.answered && troubled() && dice.percent(what.statement_errors)) {
        t.refused = true;
        t.arrives = false;
        disturbed(t.answer);
    }
    return t;
}

// What the plan has for this very question.
world::trip world::failed(node& n, trip t, millis limit) {
    disturbed(limit);
    switch (what.what_happens) {
    case mishap::none: break;
    case mishap::statement_error:
        t.refused = true;
        t.arrives = false;
        break;
    case mishap::not_reached:
        t.arrives = t.answered = false;
        t.answer = limit;
        break;
    case mishap::answer_lost:
        t.answered = false;
        t.answer = limit;
        break;
    case mishap::death: reboot(n); break;
    }
    return t;
}

// Dies on the spot, and is back soon.
void world::reboot(node& n) {
    ++figures.kills;
    time.at(time.now(), [&n] {
        if (n.alive()) n.kill();
    });
    time.after(k_reboot, [&n] {
        if (!n.alive()) n.start();
    });
}

void world::deliver(sim::webhook hook) {
    auto d = std::make_shared<delivery>();
    const auto& payload = hook.data["payload"];
    d->event_type = hook.event_type;
    d->call_control_id = payload["call_control_id"].get<std::string>();
    json envelope;
    envelope["data"] = std::move(hook.data);
    envelope["meta"] = json{{"attempt", 1}};
    d->body = envelope.dump();
    d->hook = std::move(hook);
    const auto untold = what.untold.find(d->event_type);
    const auto lost = untold == what.untold.end() ? what.silenced_webhooks : untold->second;
    if (troubled() && dice.percent(lost)) return silence(d);
    ++deliveries_;
    if (troubled() && dice.percent(what.repeated_webhooks)) {
        auto twin = std::make_shared<delivery>(*d);
        ++deliveries_;
        time.after(dice.span(0, 2'000), [this, twin] { attempt(twin); });
    }
    attempt(d);
}

// Nobody will ever be told, but by the carrier's own records.
void world::silence(const delivery_ptr& d) {
    ++figures.webhooks_given_up;
    disturbed();
    sim::delivery_attempt in_vain;
    in_vain.started = in_vain.finished = time.now();
    in_vain.status = 503;
    tel.record_attempt(d->hook.record, in_vain);
    tel.record_outcome(d->hook.record, sim::delivery_state::failed);
}

void world::attempt(const delivery_ptr& d) {
    auto wait = latency();
    if (troubled() && dice.percent(what.late_webhooks)) {
        wait += dice.span(50, dice.percent(20) ? 1'900 : 400);
        disturbed(wait);
    }
    // The last attempt is never lost on the way: for what nobody was ever told nobody can be blamed.
    if (troubled() && d->attempt < k_retries.size() && dice.percent(what.lost_webhooks)) {
        disturbed(k_telnyx_patience);
        return again(d, k_telnyx_patience);
    }
    time.after(wait, [this, d] { arrive(d); });
}

void world::arrive(const delivery_ptr& d) {
    std::vector<node*> up;
    for (auto& n : nodes)
        if (n->alive()) up.push_back(n.get());
    if (up.empty()) return again(d, millis{5});
    auto& n = *up[static_cast<std::size_t>(dice.between(0, static_cast<std::int64_t>(up.size()) - 1))];
    const bool ack_lost = troubled() && dice.percent(what.lost_webhooks / 3);
    auto told = std::make_shared<bool>(false);
    n.accept(d->body, [this, d, told, ack_lost](bool ok) {
        if (!ok) return;
        if (d->event_type == "call.hangup" && d->call_control_id == caller && !caller_end_accepted)
            caller_end_accepted = time.now();
        if (ack_lost || std::exchange(*told, true)) return;
        --deliveries_;
    });
    time.after(k_telnyx_patience, [this, d, told] {
        if (!std::exchange(*told, true)) again(d, millis{0});
    });
}

void world::again(const delivery_ptr& d, millis timeout) {
    if (d->attempt >= k_retries.size()) {
        ++figures.webhooks_given_up;
        --deliveries_;
        return;
    }
    const auto pause = timeout + k_retries[d->attempt++];
    disturbed(pause);
    time.after(pause, [this, d] { attempt(d); });
}

// Looks at the caller as the caller would: is there anything to hear?
void world::watch() {
    if (!tel.in_silence(caller)) {
        silent_since.reset();
    } else {
        if (!silent_since) silent_since = time.now();
        auto since = *silent_since; // what a fault still disturbs is not held against us
        if (disturbed_until) since = std::max(since, *disturbed_until);
        longest_silence = std::max(longest_silence, time.now() - since);
    }
    rested_ = at_rest() ? rested_ + 1 : 0;
    over_ = rested_ >= (what.reconciles ? 100 : 12); // what was told to nobody is looked up every 15 s
    time.after(k_watch, [this] { watch(); });
}

bool world::at_rest() const {
    if (caller.empty() || tel.alive_legs() > 0 || deliveries_ > 0) return false; // or not called yet
    if (!db.all_events_done() || !db.all_commands_done()) return false;
    for (const auto& n : nodes)
        // While trouble lasts whoever remembers a call might still do something about it.
        if (!n->alive() || !n->idle() || (troubled() && n->remembers())) return false;
    return std::all_of(db.calls().begin(), db.calls().end(), [](const auto& row) {
        return phase_of(row.second.call.state) == call::phase::ended;
    });
}

std::string world::state_of_affairs() const {
    std::string out = "legs alive " + std::to_string(tel.alive_legs()) + ", webhooks under way " +
                      std::to_string(deliveries_);
    out += db.all_events_done() ? "" : ", events undone";
    out += db.all_commands_done() ? "" : ", commands undone";
    for (const auto& [id, row] : db.calls())
        out += ", call " + std::string(name(phase_of(row.call.state)));
    for (const auto& n : nodes)
        out += n->idle() ? ", node idle" : ", node busy";
    return out;
}

} // namespace z360::testing
