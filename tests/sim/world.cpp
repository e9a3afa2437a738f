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

std::string decoded(const std::string& path) {
    std::string out;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (path[i] == '%' && i + 2 < path.size()) {
            out.push_back(static_cast<char>(std::stoi(path.substr(i + 1, 2), nullptr, 16)));
            i += 2;
        } else {
            out.push_back(path[i]);
        }
    }
    return out;
}

} // namespace

world::world(plan p)
    : what(std::move(p)), dice(what.seed ^ 0x5EEDULL), time(time_point{millis{1'800'000'000'000}}),
      start(time.now()), tel(what.carrier), codec(secret("simulated client_state key"), secret()) {
    wire_settings.connection_id = what.carrier.app_connection_id;
    for (std::size_t i = 0; i < what.phones.size(); ++i)
        tel.set_phone(sip_username(i), what.phones[i]);
    for (std::size_t i = 0; i < what.nodes; ++i)
        nodes.push_back(std::make_unique<node>(*this, i));
}

bool world::away(const std::vector<interval>& when, std::size_t n) const {
    const auto t = time.now() - start;
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
    time.after(millis{1}, [this] {
        caller = tel.place_call("+15550100001", "+15550109999", time.now());
        time.after(what.caller_leaves, [this] { tel.caller_hangs_up(caller, time.now()); });
    });
    time.after(k_watch, [this] { watch(); });
    while (failure.empty() && !over_) {
        const auto due = tel.next_due();
        if (due && *due < time.next()) {
            time.jump(*due);
        } else {
            time.run_one();
        }
        pump();
        if (time.now() - start > k_longest_run) fail("never comes to rest: " + state_of_affairs());
    }
    return failure;
}

void world::pump() {
    for (auto& hook : tel.take_webhooks(time.now()))
        deliver(std::move(hook));
}

void world::ask_store(
    const node& n, millis budget, std::function<void()> apply, std::function<void(bool)> done
) {
    struct question {
        std::function<void(bool)> done;
        bool answered = false;
    };
    auto q = std::make_shared<question>();
    q->done = std::move(done);
    const auto answer = [this, &n, q, life = n.life()](bool ok) {
        if (std::exchange(q->answered, true) || life != n.life()) return;
        if (!ok) disturbed();
        q->done(ok);
    };
    const auto who = n.index();
    const bool slow = troubled() && dice.percent(what.slow_store);
    const auto there = latency() / 4 + (slow ? dice.span(50, 700) : millis{0});
    const auto back = latency() / 4 + (slow ? dice.span(50, 700) : millis{0});
    if (slow) disturbed(there + back);
    time.after(budget, [answer] { answer(false); });
    if (away(what.store_away, who)) {
        if (dice.percent(50)) time.after(millis{3}, [answer] { answer(false); }); // refused at once
        return;
    }
    time.after(there, [this, who, back, apply = std::move(apply), answer] {
        if (away(what.store_away, who)) return;
        apply();
        time.after(back, [this, who, answer] {
            if (!away(what.store_away, who)) answer(true);
        });
    });
}

void world::execute(
    const call::command& cmd, const std::string& path, const std::string& body, http::client_response& out
) {
    (void)cmd;
    const auto r = tel.handle("POST", decoded(path), json::parse(body), time.now());
    out.status = r.status;
    out.body = r.body.dump();
}

void world::transmit(
    const node& n, const call::command& cmd, const std::string& path, const std::string& body, millis limit,
    bool resend, reply_handler heard
) {
    first_sent.try_emplace(cmd.id, time.now());
    if (cmd.what() == call::verb::dial && !resend) last_dial_sent = std::max(last_dial_sent, time.now());
    struct request {
        reply_handler heard;
        bool over = false;
    };
    auto q = std::make_shared<request>();
    q->heard = std::move(heard);
    const auto answer = [q](const http::client_response& r) {
        if (!std::exchange(q->over, true)) q->heard(r);
    };
    const auto nothing = [](bool sent) {
        http::client_response r;
        r.error = sent ? "timeout" : "connection refused";
        r.sent = sent;
        return r;
    };
    time.after(limit, [answer, nothing] { answer(nothing(true)); });
    if (away(what.telnyx_away, n.index())) {
        disturbed(limit);
        time.after(std::min(limit, millis{1'000}), [answer, nothing] { answer(nothing(false)); });
        return;
    }
    auto there = latency();
    auto back = latency();
    enum class fault : std::uint8_t {
        none,
        lost,
        reply_lost,
        slow,
        slow_reply,
        error,
        error_after,
        busy,
        refused,
        hiccup
    };
    auto f = fault::none;
    if (troubled() && dice.percent(what.bad_commands)) f = static_cast<fault>(dice.between(1, 9));
    if (f == fault::hiccup && cmd.what() != call::verb::bridge) f = fault::lost;
    if (f == fault::slow) there += dice.span(300, 2'800);
    if (f == fault::slow_reply) back += dice.span(300, 2'800);
    if (f != fault::none) disturbed(std::max(limit, there + back));
    if (f == fault::lost) return;
    if (f == fault::refused) return time.after(millis{4}, [answer, nothing] { answer(nothing(false)); });
    const auto refusal = [](int status, const char* code) {
        http::client_response r;
        r.status = status;
        r.body = sim::error_body(code, "Scripted fault.").dump();
        return r;
    };
    time.after(there, [this, f, back, cmd, path, body, answer, refusal] {
        http::client_response r;
        switch (f) {
        case fault::error: r = refusal(503, "10007"); break;
        case fault::busy: r = refusal(429, "10011"); break;
        case fault::hiccup: r = refusal(422, "90099"); break;
        case fault::error_after:
            execute(cmd, path, body, r);
            r = refusal(500, "10007");
            break;
        case fault::none:
        case fault::lost:
        case fault::reply_lost:
        case fault::slow:
        case fault::slow_reply:
        case fault::refused: execute(cmd, path, body, r); break;
        }
        if (f == fault::reply_lost) return;
        time.after(back, [answer, r] { answer(r); });
    });
}

port::inbox_event world::event_of(const json& data) {
    port::inbox_event e;
    e.event_id = data["id"].get<std::string>();
    e.event_type = data["event_type"].get<std::string>();
    const auto& payload = data["payload"];
    e.call_session_id = payload["call_session_id"].get<std::string>();
    e.call_control_id = payload["call_control_id"].get<std::string>();
    json envelope;
    envelope["data"] = data;
    envelope["meta"] = json{{"attempt", 1}};
    e.body = envelope.dump();
    return e;
}

std::vector<port::inbox_event> world::records_of(const std::string& session) const {
    std::vector<port::inbox_event> out;
    for (const auto& [serial, hook] : tel.seen().webhooks) {
        if (hook.copy || hook.session != session || hook.emitted_at > time.now()) continue;
        out.push_back(event_of(hook.data));
        out.back().received_at = time.now();
    }
    return out;
}

void world::ask_records(const node& n, std::function<void()> look, std::function<void(bool)> done) {
    struct question {
        std::function<void(bool)> done;
        bool answered = false;
    };
    constexpr millis k_limit{3'000};
    auto q = std::make_shared<question>();
    q->done = std::move(done);
    const auto answer = [q, &n, life = n.life()](bool ok) {
        if (!std::exchange(q->answered, true) && life == n.life()) q->done(ok);
    };
    const bool cut_off = away(what.telnyx_away, n.index());
    auto there = latency();
    auto back = latency();
    enum class fault : std::uint8_t { none, lost, reply_lost, slow, slow_reply, error };
    auto f = fault::none;
    if (troubled() && dice.percent(what.bad_commands)) f = static_cast<fault>(dice.between(1, 5));
    if (f == fault::slow) there += dice.span(300, 2'800);
    if (f == fault::slow_reply) back += dice.span(300, 2'800);
    if (cut_off || f != fault::none) disturbed(k_limit);
    time.after(k_limit, [answer] { answer(false); });
    if (cut_off || f == fault::lost) return;
    time.after(there, [this, f, back, look = std::move(look), answer] {
        if (f != fault::error) look();
        if (f == fault::reply_lost) return;
        time.after(back, [answer, f] { answer(f != fault::error); });
    });
}

void world::deliver(sim::webhook hook) {
    auto d = std::make_shared<delivery>();
    d->event = event_of(hook.data);
    d->hook = std::move(hook);
    ++deliveries_;
    if (troubled() && dice.percent(what.repeated_webhooks)) {
        auto twin = std::make_shared<delivery>(*d);
        ++deliveries_;
        time.after(dice.span(0, 2'000), [this, twin] { attempt(twin); });
    }
    attempt(d);
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
    n.accept(d->event, [this, d, told, ack_lost](bool ok) {
        if (!ok) return;
        if (d->event.event_type == "call.hangup" && d->event.call_control_id == caller &&
            !caller_end_accepted)
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
    const auto c = tel.leg(caller);
    const bool alone =
        c && c->alive() && c->answered_at && c->bridged_with.empty() && !c->playing && !c->recording;
    if (!alone) {
        silent_since.reset();
    } else {
        if (!silent_since) silent_since = time.now();
        auto since = *silent_since; // what a fault still disturbs is not held against us
        if (disturbed_until) since = std::max(since, *disturbed_until);
        longest_silence = std::max(longest_silence, time.now() - since);
    }
    rested_ = at_rest() ? rested_ + 1 : 0;
    over_ = rested_ >= 12;
    time.after(k_watch, [this] { watch(); });
}

bool world::at_rest() const {
    const auto c = tel.leg(caller);
    if (!c || c->alive() || tel.alive_legs() > 0 || deliveries_ > 0 || troubled()) return false;
    if (!db.all_events_done() || !db.all_commands_done()) return false;
    for (const auto& n : nodes)
        if (!n->alive() || !n->idle()) return false;
    return std::all_of(db.calls().begin(), db.calls().end(), [](const auto& row) {
        return row.second.call.state.now_in == call::phase::ended;
    });
}

std::string world::state_of_affairs() const {
    std::string out = "legs alive " + std::to_string(tel.alive_legs()) + ", webhooks under way " +
                      std::to_string(deliveries_);
    out += db.all_events_done() ? "" : ", events undone";
    out += db.all_commands_done() ? "" : ", commands undone";
    for (const auto& [id, row] : db.calls())
        out += ", call " + std::string(name(row.call.state.now_in));
    for (const auto& n : nodes)
        out += n->idle() ? ", node idle" : ", node busy";
    return out;
}

} // namespace z360::testing
