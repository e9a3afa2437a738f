// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "process.hpp"

#include "node.hpp"
#include "world.hpp"

#include <z360/port/errors.hpp>

#include <utility>

namespace z360::testing {
namespace {

// Every report of a leg bears the same mark: opened once.
engine::mark_opener opener(world& w) {
    return [&w](std::string_view text) -> std::optional<engine::leg_mark> {
        const auto [it, fresh] = w.marks.try_emplace(std::string(text));
        if (!fresh) return it->second;
        if (const auto mark = w.codec.open(text))
            it->second = engine::leg_mark{mark->call, mark->leg, mark->command};
        return it->second;
    };
}

adapter::telnyx::client_settings commands(const world& w) {
    adapter::telnyx::client_settings s;
    s.base_url = network::k_base;
    s.api_key = secret("KEY");
    s.commands.connection_id = w.what.carrier.app_connection_id;
    return s;
}

adapter::telnyx::records_client_settings records(const world& w) {
    adapter::telnyx::records_client_settings s;
    s.base_url = network::k_base;
    s.api_key = secret("KEY");
    s.connection_id = w.what.carrier.app_connection_id;
    s.credential_connection_id = w.what.carrier.credential_connection_id;
    return s;
}

engine::reconcile_settings questions(const world& w, const node& n) {
    engine::reconcile_settings s;
    s.node = "node" + std::to_string(n.index()) + "." + std::to_string(n.life());
    s.connection_id = w.what.carrier.app_connection_id;
    s.credential_connection_id = w.what.carrier.credential_connection_id;
    return s;
}

} // namespace

process::process(world& w, node& n)
    : link_{w, n, w.io.get_executor()}, clock_(link_), metrics_(link_), http_(link_), pushes_(link_),
      hint_(link_), directory_(link_), calls_(link_), inbox_(link_), silence_(link_), spool_(link_),
      telnyx_(adapter::telnyx::make_telnyx_api(
          link_.ex, commands(w), http_, w.codec,
          adapter::crypto::agent_references({}, secret(std::string("KEY-for-tests"))), budget_, clock_,
          metrics_, [&w] { return w.dice.unit(); }
      )),
      records_(adapter::telnyx::make_carrier_records(link_.ex, records(w), http_, clock_, metrics_)),
      sockets_(link_.ex) {
    engine::reconcile_ports r{*records_, silence_, *telnyx_, directory_, clock_, metrics_, opener(w), {}};
    r.take_up = [this](std::vector<port::inbox_event> events) { engine_->take_up(std::move(events)); };
    reconciler_ = engine::make_reconciler(link_.ex, std::move(r), questions(w, n));
    engine::settings s;
    s.seed = w.dice.next();
    s.sweep_period = w.what.sweep_period;
    engine::ports p{calls_, inbox_, &spool_, directory_, *telnyx_, hint_, clock_, metrics_, opener(w)};
    p.runners.push_back(&pushes_);
    p.records = records_.get();
    p.ask = [this](std::string session) {
        ++link_.w.figures.inquiries;
        return reconciler_->ask(std::move(session));
    };
    engine_ = engine::make_engine(link_.ex, std::move(p), std::move(s));
}

void process::start() {
    engine_->start();
    if (link_.w.what.reconciles) reconciler_->start();
}

bool process::idle() const {
    const auto f = engine_->now();
    return f.commands_running == 0 && f.unsaved_calls == 0 && f.events_in_work == 0 &&
           f.callers_waiting == 0 && sockets_.size() == 0;
}

void process::accept(std::string body, std::function<void(bool)> answer) {
    sockets_.spawn(take(std::move(body), std::move(answer)));
}

boost::asio::awaitable<void> process::take(std::string body, std::function<void(bool)> answer) {
    bool well = false;
    try {
        engine::genuine_webhook hook;
        hook.received_at = clock_.now();
        hook.body = std::move(body);
        (void)co_await engine_->accept(std::move(hook));
        well = true;
    } catch (const port::unavailable&) {
        // 503: the carrier delivers it again
    }
    if (!link_.dead) answer(well);
}

void process::submit(engine::request r, request_answer answer) {
    sockets_.spawn(ask(std::move(r), std::move(answer)));
}

boost::asio::awaitable<void> process::ask(engine::request r, request_answer answer) {
    std::optional<engine::submission> out;
    try {
        out = co_await engine_->submit(std::move(r));
    } catch (const std::exception&) {
        // 503, or 500: the device asks again
    }
    if (!link_.dead) answer(std::move(out));
}

void process::kill() {
    link_.dead = true;
    boost::asio::co_spawn(link_.ex, end(), [this](std::exception_ptr e) {
        if (e) link_.w.fail("a killed process threw: " + rt::what(e));
        gone_ = true;
    });
}

boost::asio::awaitable<void> process::end() {
    co_await sockets_.join();
    co_await reconciler_->stop(millis{0});
    co_await engine_->stop(millis{0});
}

} // namespace z360::testing
