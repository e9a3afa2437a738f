// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The clients of commands and of records against the simulated carrier, over loopback HTTP.
#pragma once

#include "adapter/telnyx/records_client.hpp"
#include "fakes.hpp"
#include "sim/simulator.hpp"

#include <boost/asio/executor_work_guard.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace z360::test {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

struct sim_line : testing::Test {
    sim::simulator carrier{settings()};
    boost::asio::io_context io{1};
    /// Time passes also while nothing is going on.
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> open{io.get_executor()};
    std::unique_ptr<http::client> http = http::make_client(io.get_executor());
    moving_clock clock;
    counting_metrics metrics;
    scripted_budget budget;
    adapter::crypto::client_state_codec codec{secret{}, secret{std::string("KEY-for-tests")}};
    adapter::crypto::agent_references references{{}, secret{std::string("KEY-for-tests")}};
    adapter::telnyx::client_settings commands;
    adapter::telnyx::records_client_settings questions;
    std::unique_ptr<port::telnyx_api> api_;
    std::unique_ptr<port::carrier_records> records_;
    std::size_t running = 0; ///< commands without an outcome

    static sim::simulator_settings settings() {
        sim::simulator_settings s;
        s.api_key = secret(std::string("KEY-for-tests"));
        s.lost_reply_hold = millis{2'000};
        s.carrier.dials_per_window = 100'000;
        return s;
    }
    sim_line() {
        carrier.start();
        commands = stage::defaults();
        commands.base_url = carrier.base_url();
        commands.commands.connection_id = sim::carrier_settings{}.app_connection_id;
        commands.probe_every = millis{500};
        commands.hedge_after = millis{500};
        questions.base_url = carrier.base_url();
        questions.api_key = secret(std::string("KEY-for-tests"));
        questions.connection_id = commands.commands.connection_id;
        questions.attempt_timeout = millis{1'000};
    }
    port::telnyx_api& api() {
        if (!api_)
            api_ = adapter::telnyx::make_telnyx_api(
                io.get_executor(), commands, *http, codec, references, budget, clock, metrics
            );
        return *api_;
    }
    port::carrier_records& records() {
        if (!records_)
            records_ =
                adapter::telnyx::make_carrier_records(io.get_executor(), questions, *http, clock, metrics);
        return *records_;
    }

    /// Runs one operation to its end.
    template <class T>
    T run(rt::awaitable<T> op) {
        std::optional<T> out;
        boost::asio::co_spawn(io, keep(std::move(op), &out), stage::rethrow);
        io.restart();
        while (!out && io.run_one() > 0) {
        }
        return std::move(out).value();
    }
    template <class T>
    static rt::awaitable<void> keep(rt::awaitable<T> op, std::optional<T>* out) {
        *out = co_await std::move(op);
    }
    /// Starts a command; its outcome goes to `out`, which must live until then.
    void start(call::command c, std::optional<call::command_outcome>* out) {
        ++running;
        boost::asio::co_spawn(io, watch(std::move(c), out), stage::rethrow);
    }
    rt::awaitable<void> watch(call::command c, std::optional<call::command_outcome>* out) {
        *out = co_await api().execute(std::move(c), [](unsigned) { return yes(); });
        --running;
    }
    static rt::awaitable<bool> yes() { co_return true; }
    /// Lets everything go on until the condition holds; false: not within the limit.
    template <class F>
    bool eventually(F condition, steady::duration limit = 20s) {
        const auto until = steady::now() + limit;
        while (!condition()) {
            if (steady::now() > until) return false;
            io.restart();
            io.run_for(5ms);
        }
        return true;
    }

    std::string ring_in() { return carrier.place_call("+14155550123", "+14155550100"); }
    call::command hangup(const std::string& leg, millis life = millis{60'000}) const {
        call::command c;
        c.id = "hangup-" + leg;
        c.call_control_id = leg;
        c.issued_at = clock.now();
        c.deadline = c.issued_at + life;
        c.body = call::hangup_body{};
        return c;
    }
    call::command dial(std::uint64_t n, const std::string& caller, millis life) const {
        call::dial_body b;
        b.leg = leg_id{uuid{7, n}};
        b.call = call_id{uuid{3, 4}};
        b.org = org_id{7};
        b.sip_username = "gencred" + std::to_string(n);
        b.from = "+14155550123";
        b.link_to = caller;
        call::command c;
        c.id = b.leg.text();
        c.leg = b.leg;
        c.issued_at = clock.now();
        c.deadline = c.issued_at + life;
        c.body = std::move(b);
        return c;
    }
    /// Every later request of this verb ("": of any command) is answered with this status.
    void break_api(const std::string& verb, int status) {
        sim::command_fault f;
        f.verb = verb;
        f.fail_status = status;
        carrier.add_fault(std::move(f));
    }
    void mend_api() {
        carrier.with([](sim::carrier& c, time_point) { c.clear_faults(); });
    }
    std::size_t requests(const std::string& verb) {
        return carrier.with([&](sim::carrier& c, time_point) { return c.seen().commands_of(verb).size(); });
    }
    /// How often the carrier acted upon commands of this verb that address the leg.
    std::size_t acted(const std::string& verb, const std::string& leg) {
        return carrier.with([&](sim::carrier& c, time_point) {
            std::size_t n = 0;
            for (const auto* x : c.seen().commands_of(verb))
                if (x->call_control_id == leg && x->acted_at) ++n;
            return n;
        });
    }
    std::size_t alive() {
        return carrier.with([](sim::carrier& c, time_point) { return c.alive_legs(); });
    }
    [[nodiscard]] double counted(const std::string& key) const {
        const auto it = metrics.values.find(key);
        return it == metrics.values.end() ? 0 : it->second;
    }
};

} // namespace z360::test
