// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Many sessions over in-memory ports, every one of which may be told to fail. For tests of how events come to
// their calls.
#pragma once

#include "support/faulty_ports.hpp"
#include "support/memory_ports.hpp"

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace z360::testing {

using namespace std::chrono_literals;

/// One number for everybody; remembers who was looked up, in order, and how many at once.
class watched_directory final : public port::directory {
  public:
    awaitable<call::route> resolve(std::string dialed, std::string caller, time_point) override {
        if (away) throw port::unavailable("switched off");
        asked.push_back(caller);
        most = std::max(most, ++now_);
        co_await rt::sleep_for(takes);
        --now_;
        auto out = answer;
        if (dialed != known) out = call::route{};
        if (const auto n = names.find(caller); n != names.end()) out.caller_name = n->second;
        co_return out;
    }
    awaitable<call::route> place(port::placing what, time_point) override {
        if (away) throw port::unavailable("switched off");
        auto out = answer;
        out.targets.clear();
        auto& p = out.placed.emplace();
        p.by = answer.targets.at(0);
        p.by.sip_username = what.sip_username;
        p.to = what.to;
        if (what.sip_username.empty()) p.refused = call::placing_rule::unknown_device;
        placed.push_back(std::move(what));
        co_return out;
    }
    awaitable<bool> is_device(std::string sip_username) override {
        if (away) throw port::unavailable("switched off");
        co_return devices.contains(sip_username);
    }
    awaitable<std::vector<call::target>> reach(device_id, std::vector<user_id>, org_id, time_point) override {
        co_return std::vector<call::target>{};
    }
    std::vector<port::placing> placed; ///< asked for
    std::set<std::string> devices;     ///< SIP usernames
    std::string known = "+15550109999";
    call::route answer = sample_incoming(2).routed;
    std::map<std::string, std::string> names;
    std::vector<std::string> asked;
    std::size_t most = 0;
    millis takes{0};
    bool away = false;

  private:
    std::size_t now_ = 0;
};

struct callers_world {
    explicit callers_world(boost::asio::io_context& io_) : io(io_) { settings.sweep_period = 20ms; }
    unsigned connections_lost = 0; ///< to the store, as its pool counts them

    engine::engine& add_node() {
        const engine::mark_opener open = [](std::string_view text) -> std::optional<engine::leg_mark> {
            // mark:<call>:<leg>
            if (!text.starts_with("mark:") || text.size() != 5 + 36 + 1 + 36) return std::nullopt;
            return engine::leg_mark{*call_id::parse(text.substr(5, 36)), *leg_id::parse(text.substr(42))};
        };
        engine::ports p{fstore,  finbox, with_spool ? &fspool : nullptr, fdirectory, telnyx, hint, clock,
                        metrics, open};
        p.records = &frecords;
        p.ask = ask;
        p.connections_lost = [this] { return connections_lost; };
        nodes.push_back(engine::make_engine(io.get_executor(), p, settings));
        nodes.back()->start();
        return *nodes.back();
    }
    void postgres(bool up) {
        store.away = !up;
        directory.away = !up;
    }

    // ---- what the carrier sends about call `n`

    [[nodiscard]] static std::string session(int n) {
        const auto digits = std::to_string(n);
        return "0b0c8f52-1f6e-4a5b-9d39-" + std::string(12 - digits.size(), '0') + digits;
    }
    [[nodiscard]] static call_id call(int n) { return *call_id::parse(session(n)); }
    [[nodiscard]] static std::string caller(int n) { return "v3:caller-" + std::to_string(n); }
    [[nodiscard]] static std::string number(int n) { return "+1555" + std::to_string(1'000'000 + n); }
    /// Leg of device `d` (1, 2, …) of call `n`, by the order in which they are dialed.
    [[nodiscard]] leg_id leg(int n, int d) const {
        call::incoming first;
        first.id = call(n);
        first.routed = directory.answer;
        return z360::call::begin(first, time_point{}).next.legs.at(static_cast<std::size_t>(d - 1)).id;
    }
    [[nodiscard]] std::string device(int n, int d) const { return "v3:" + leg(n, d).text(); }

    port::inbox_event
    event(const std::string& type, int n, const std::string& control_id, const std::string& extra = "") {
        port::inbox_event e;
        e.event_id = "event-" + std::to_string(++serial);
        e.event_type = type;
        e.call_session_id = session(n);
        e.call_control_id = control_id;
        e.received_at = clock.now() - late;
        e.body = R"({"data":{"record_type":"event","event_type":")" + type + R"(","id":")" + e.event_id +
                 R"(","occurred_at":")" + iso8601(e.received_at) + R"(","payload":{"call_control_id":")" +
                 control_id + R"(","call_session_id":")" + e.call_session_id + R"(")" + extra + "}}}";
        return e;
    }
    port::inbox_event initiated(int n) {
        return event(
            "call.initiated", n, caller(n),
            R"(,"direction":"incoming","state":"parked","from":")" + number(n) + R"(","to":")" +
                directory.known + R"(")"
        );
    }
    port::inbox_event hangup(int n) {
        return event("call.hangup", n, caller(n), R"(,"hangup_cause":"originator_cancel")");
    }
    port::inbox_event of_device(const std::string& type, int n, int d, const std::string& extra = "") {
        return event(
            type, n, device(n, d),
            R"(,"client_state":"mark:)" + session(n) + ":" + leg(n, d).text() + R"(")" + extra
        );
    }
    static engine::genuine_webhook raw(port::inbox_event e) {
        return {e.route, e.received_at, std::move(e.body)};
    }

    // ---- what came of it

    [[nodiscard]] const call::state* state(int n) const {
        const auto found = store.calls.find(call(n));
        return found == store.calls.end() ? nullptr : &found->second.state;
    }
    [[nodiscard]] bool in(int n, call::phase p) const {
        return state(n) != nullptr && phase_of(*state(n)) == p;
    }
    [[nodiscard]] std::size_t dials_for(int n) const {
        return static_cast<std::size_t>(std::count_if(
            telnyx.sent.begin(), telnyx.sent.end(),
            [n](const auto& c) {
                const auto* dial = std::get_if<call::dial_body>(&c.body);
                return dial != nullptr && dial->call == call(n);
            }
        ));
    }
    [[nodiscard]] std::size_t hangups_of(const std::string& control_id) const {
        return static_cast<std::size_t>(std::count_if(
            telnyx.sent.begin(), telnyx.sent.end(),
            [&control_id](const auto& c) {
                return c.what() == call::verb::hangup && c.call_control_id == control_id;
            }
        ));
    }
    /// Nothing that was accepted is in anybody's hand or unfinished.
    [[nodiscard]] bool idle() const {
        const bool quiet = std::all_of(nodes.begin(), nodes.end(), [](const auto& n) {
            const auto f = n->now();
            return f.events_in_work == 0 && f.unsaved_calls == 0 && f.commands_running == 0 &&
                   f.callers_waiting == 0;
        });
        return quiet && inbox.left() == 0 && spool.rows.empty();
    }
    [[nodiscard]] std::size_t dead() const {
        return static_cast<std::size_t>(std::count_if(
            inbox.rows.begin(), inbox.rows.end(), [](const auto& r) { return r.second.status == "dead"; }
        ));
    }

    boost::asio::io_context& io;
    steady_wall clock;
    counting_metrics metrics;
    memory_store store{clock};
    memory_inbox inbox{store, clock};
    memory_spool spool;
    watched_directory directory;
    memory_records records;
    no_hint hint;
    scripted_telnyx telnyx;
    fault_plan plan;
    faulty_store fstore{store, plan};
    faulty_inbox finbox{inbox, plan};
    faulty_spool fspool{spool, plan};
    faulty_directory fdirectory{directory, plan};
    faulty_records frecords{records, plan};
    engine::settings settings;
    engine::carrier_question ask; ///< of nodes made from now on
    bool with_spool = true;
    millis late{0}; ///< how long ago the next events were received
    int serial = 0;
    std::vector<std::unique_ptr<engine::engine>> nodes;
};

/// Waits for a condition; the deadline only bounds a failing test.
inline awaitable<bool> until(std::function<bool()> condition, millis limit = 10s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end) {
        if (condition()) co_return true;
        co_await rt::sleep_for(1ms);
    }
    co_return condition();
}

using callers_script = std::function<awaitable<void>(callers_world&)>;

inline awaitable<void> play(callers_script s, callers_world* w) {
    co_await s(*w);
    for (auto& n : w->nodes)
        co_await n->stop(1s);
}

/// One world, one script, then an orderly stop.
inline void run(callers_script s) {
    boost::asio::io_context io{1};
    callers_world w(io);
    std::exception_ptr error;
    boost::asio::co_spawn(io, play(std::move(s), &w), [&error](std::exception_ptr e) { error = e; });
    io.run();
    if (error) std::rethrow_exception(error);
}

#define WAIT_FOR(condition)                                                                                  \
    {                                                                                                        \
        const bool came = co_await z360::testing::until([&] { return (condition); });                        \
        EXPECT_TRUE(came) << #condition;                                                                     \
        if (!came) co_return;                                                                                \
    }

} // namespace z360::testing
