// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/client.hpp"

#include "adapter/telnyx/classify.hpp"
#include "adapter/telnyx/exchange.hpp"
#include "adapter/telnyx/key_alarm.hpp"
#include "adapter/telnyx/retry.hpp"

#include <z360/log.hpp>
#include <z360/rt/breaker.hpp>
#include <z360/rt/gate.hpp>
#include <z360/rt/repeats.hpp>
#include <z360/rt/retry.hpp>
#include <z360/rt/sync.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace z360::adapter::telnyx {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using call::outcome;
using call::verb;
using steady = rt::clock;

// Telnyx remembers a dial's command_id for 60 s; a repeat after that is a second phone call.
constexpr millis k_dial_window{55'000};
// An attempt right before the deadline still gets this long: a hang-up sent late is better than none.
constexpr millis k_shortest_attempt{250};
// How old the answer to "still wanted?" may be when a request leaves.
constexpr millis k_fresh{20};
// While a command waits its call is asked so often; well within the time that a claim of it lasts.
constexpr millis k_ask_every{2'000};

enum class endpoint : std::uint8_t { dial, control, media };
constexpr std::size_t k_endpoint_count = 3;
constexpr std::array<std::string_view, k_endpoint_count> k_endpoint_names{"dial", "control", "media"};

endpoint endpoint_of(verb v) {
    switch (v) {
    case verb::dial: return endpoint::dial;
    case verb::answer:
    case verb::bridge:
    case verb::hangup:
    case verb::reject:
    case verb::transfer: return endpoint::control;
    case verb::speak:
    case verb::playback_start:
    case verb::playback_stop:
    case verb::record_start:
    case verb::record_pause:
    case verb::record_resume:
    case verb::gather_using_speak: return endpoint::media;
    }
    return endpoint::media;
}

rt::urgency urgency_of(verb v) {
    if (v == verb::hangup) return rt::urgency::freeing;
    if (v == verb::dial || v == verb::transfer) return rt::urgency::beginning;
    return endpoint_of(v) == endpoint::control ? rt::urgency::soon : rt::urgency::normal;
}

/// These are sent whatever the breaker thinks: they are what saves a call that is already there.
bool always_passes(verb v) {
    return v == verb::hangup || v == verb::answer || v == verb::bridge;
}

void log_refusal(const call::command& cmd, const classified& answer) {
    log::warn(
        "telnyx_command_refused_and_repeated",
        {{"verb", call::name(cmd.what())}, {"code", answer.code}, {"command_id", cmd.id}}
    );
}

/// An end that the carrier has no part in.
classified named(std::string code) {
    classified out;
    out.code = std::move(code);
    return out;
}

/// No further attempt can change it.
bool conclusive(answer_class c) {
    return c == answer_class::done || c == answer_class::peer_gone || c == answer_class::refused;
}

outcome final_outcome(answer_class c) {
    if (c == answer_class::done) return outcome::done;
    return c == answer_class::peer_gone ? outcome::peer_gone : outcome::refused;
}

class client final : public port::telnyx_api {
  public:
    client(
        asio::any_io_executor ex, client_settings settings, http::client& http,
        const crypto::client_state_codec& codec, crypto::agent_references references,
        port::dial_budget& budget, const port::clock& clock, port::metrics& metrics, rt::chance_source jitter
    )
        : settings_(std::move(settings)), http_(http), codec_(codec), references_(std::move(references)),
          budget_(budget), clock_(clock), metrics_(metrics), jitter_(std::move(jitter)),
          gate_(ex, settings_.max_in_flight), turns_(ex, 1, 0), repeats_(ex, settings_.repeats_per_second),
          breakers_{
              rt::breaker(settings_.probe_every), rt::breaker(settings_.probe_every),
              rt::breaker(settings_.probe_every)
          },
          alarm_(
              metrics, "commands",
              "check telnyx.api_key: no call can be answered or rung with it; hang-ups are repeated"
          ) {
        while (settings_.base_url.ends_with('/'))
            settings_.base_url.pop_back();
        if (!jitter_) jitter_ = rt::random_chance();
        for (std::size_t i = 0; i < k_endpoint_count; ++i)
            metrics_.gauge("telnyx_breaker_open", 0, {{"class", k_endpoint_names[i]}});
        metrics_.count("telnyx_key_rejected_total", {{"verb", call::name(verb::dial)}}, 0);
        metrics_.gauge("telnyx_insisting", 0);
    }

    awaitable<call::command_outcome> execute(call::command cmd, port::still_wanted wanted) override;

  private:
    /// What a wait or a check before sending came to; nullopt: go on.
    using stop = std::optional<outcome>;
    /// Counts a command from its first refusal on, as long as it is tried again.
    class persistence {
      public:
        explicit persistence(client& c) : client_(c) {}
        ~persistence() {
            if (counted_) client_.note_insisting(-1);
        }
        persistence(const persistence&) = delete;
        persistence& operator=(const persistence&) = delete;
        /// True the first time.
        bool begin() {
            if (counted_) return false;
            client_.note_insisting(1);
            return counted_ = true;
        }

      private:
        client& client_;
        bool counted_ = false;
    };
    void note_insisting(int change) {
        insisting_ += static_cast<std::size_t>(change);
        metrics_.gauge("telnyx_insisting", static_cast<double>(insisting_));
    }
    /// Held from the moment a request may leave until its answer is in.
    struct clearance {
        std::optional<rt::gate::slot> slot;
        std::optional<rt::probe_right> probe; ///< this request finds out whether an open breaker may close
    };

    [[nodiscard]] std::string mark_for(const call::command& cmd) const;
    [[nodiscard]] http::client_request request_for(const call::command& cmd) const;
    [[nodiscard]] stop too_late(const call::command& cmd, millis after = millis{0}) const;
    awaitable<stop>
    clear_to_send(const call::command& cmd, const port::still_wanted& wanted, unsigned n, clearance& out);
    awaitable<stop> wait_for_breaker(const call::command& cmd);
    awaitable<stop> wait_for_budget(const call::command& cmd);
    awaitable<stop>
    rest(const call::command& cmd, const port::still_wanted& wanted, unsigned n, millis pause);
    awaitable<stop> wait_for_repeat(
        const call::command& cmd, const port::still_wanted& wanted, unsigned n, rt::repeats::cause why
    );
    awaitable<stop> pause_before(
        const call::command& cmd, const port::still_wanted& wanted, unsigned n, const classified& failed,
        millis pause
    );
    awaitable<bool> may_repeat(verb v, port::still_wanted wanted, unsigned n);
    awaitable<exchange_result> attempt(
        const call::command& cmd, http::client_request request, const port::still_wanted& wanted, unsigned n,
        clearance& clear
    );
    void account(const call::command& cmd, const exchange_result& result, bool probe, steady::duration took);
    /// `last`: what was answered last; its code and title say why it failed.
    call::command_outcome finish(call::command_outcome out, outcome result, classified last);

    rt::breaker& breaker_of(verb v) { return breakers_[static_cast<std::size_t>(endpoint_of(v))]; }

    client_settings settings_;
    http::client& http_;
    const crypto::client_state_codec& codec_;
    crypto::agent_references references_;
    port::dial_budget& budget_;
    const port::clock& clock_;
    port::metrics& metrics_;
    rt::chance_source jitter_;
    rt::gate gate_;
    rt::gate turns_; ///< of dials at the budget
    rt::repeats repeats_;
    std::array<rt::breaker, k_endpoint_count> breakers_;
    key_alarm alarm_;
    std::size_t insisting_ = 0; ///< commands that were refused and are tried again and again
};

// On the caller's leg only what plays or records, and the answer, leave a mark: it says which of them ended.
std::string client::mark_for(const call::command& cmd) const {
    if (const auto* dial = std::get_if<call::dial_body>(&cmd.body))
        return codec_.sign(crypto::client_state{dial->call, dial->leg, dial->org});
    const auto v = cmd.what();
    const bool marks = v == verb::answer || v == verb::speak || v == verb::playback_start ||
                       v == verb::record_start || v == verb::transfer;
    const bool on_callers_leg = !cmd.leg || v == verb::transfer; // which names the new leg
    if (!marks || !on_callers_leg || cmd.call == call_id{} ||
        cmd.id.size() > crypto::k_longest_marked_command)
        return {};
    return codec_.sign(crypto::client_state{cmd.call, std::nullopt, cmd.org, cmd.id});
}

http::client_request client::request_for(const call::command& cmd) const {
    wire::command_marks marks{mark_for(cmd), {}};
    const auto* dial = std::get_if<call::dial_body>(&cmd.body);
    if (dial != nullptr && !dial->agent.empty()) marks.reference = references_.of(dial->leg).reveal();
    if (const auto* transfer = std::get_if<call::transfer_body>(&cmd.body))
        marks.target_state = codec_.sign(crypto::client_state{cmd.call, transfer->leg, cmd.org});
    auto built = wire::build_request(cmd, settings_.commands, marks);
    http::client_request out;
    out.method = std::move(built.method);
    out.url = settings_.base_url + built.path;
    out.headers.add("Content-Type", "application/json");
    out.headers.add("Accept", "application/json");
    out.bearer = settings_.api_key;
    out.body = std::move(built.body);
    out.connect_timeout = settings_.connect_timeout;
    out.timeout = settings_.attempt_timeout;
    return out;
}

client::stop client::too_late(const call::command& cmd, millis after) const {
    const time_point at = clock_.now() + after;
    if (at >= cmd.deadline) return outcome::expired;
    if (cmd.what() == verb::dial && at - cmd.issued_at >= k_dial_window) return outcome::expired;
    return std::nullopt;
}

awaitable<client::stop> client::wait_for_breaker(const call::command& cmd) {
    if (always_passes(cmd.what())) co_return std::nullopt;
    const auto& b = breaker_of(cmd.what());
    for (;;) {
        const auto pause = b.closed_for(steady::now());
        if (pause <= steady::duration::zero()) co_return std::nullopt;
        const auto late = too_late(cmd, std::chrono::ceil<millis>(pause));
        if (late) co_return late;
        co_await rt::sleep_for(pause);
    }
}

// One dial at a time asks for its share, in the order in which they came: who has waited longest goes first.
awaitable<client::stop> client::wait_for_budget(const call::command& cmd) {
    const auto turn = co_await turns_.enter(rt::urgency::beginning);
    if (const auto late = too_late(cmd)) co_return late;
    for (;;) {
        const auto pause = co_await budget_.take_ms();
        if (pause <= 0) co_return std::nullopt;
        const auto late = too_late(cmd, millis{pause});
        if (late) co_return late;
        co_await rt::sleep_for(millis{pause});
    }
}

// Whoever waits long goes on asking whether it is wanted: that also keeps other nodes off the command.
awaitable<client::stop>
client::rest(const call::command& cmd, const port::still_wanted& wanted, unsigned n, millis pause) {
    for (auto left = pause; left > millis{0};) {
        const auto slice = std::min(left, k_ask_every);
        co_await rt::sleep_for(slice);
        left -= slice;
        if (left <= millis{0}) break;
        const bool go = co_await wanted(n);
        if (!go) co_return outcome::superseded;
    }
    co_return std::nullopt;
}

// What must happen is repeated for minutes: all of it together slowly, while refusals or an outage last.
awaitable<client::stop> client::wait_for_repeat(
    const call::command& cmd, const port::still_wanted& wanted, unsigned n, rt::repeats::cause why
) {
    rt::repeats::place place(repeats_, why);
    for (;;) {
        const auto left = cmd.deadline - clock_.now();
        if (left <= millis{0}) co_return outcome::expired;
        const bool granted = co_await place.turn(std::min(left, k_ask_every));
        if (granted) co_return std::nullopt;
        const bool go = co_await wanted(n);
        if (!go) co_return outcome::superseded;
    }
}

// The pause before attempt `n`.
awaitable<client::stop> client::pause_before(
    const call::command& cmd, const port::still_wanted& wanted, unsigned n, const classified& failed,
    millis pause
) {
    const bool must = must_happen(cmd.what());
    const bool refused = failed.what == answer_class::insist;
    // In an outage the queue of repeats is pause enough, and it ends with the outage.
    const bool queues = must && !refused && breaker_of(cmd.what()).open();
    if (queues) pause = failed.after.value_or(millis{0});
    const stop stopped = co_await rest(cmd, wanted, n, pause);
    if (stopped || !must) co_return stopped;
    if (!refused && !breaker_of(cmd.what()).open()) co_return std::nullopt;
    const auto why = refused ? rt::repeats::cause::refused : rt::repeats::cause::outage;
    co_return co_await wait_for_repeat(cmd, wanted, n, why);
}

awaitable<client::stop> client::clear_to_send(
    const call::command& cmd, const port::still_wanted& wanted, unsigned n, clearance& out
) {
    bool paid = cmd.what() != verb::dial;
    for (;;) {
        if (const auto late = too_late(cmd)) co_return late;
        bool go = co_await wanted(n);
        if (!go) co_return outcome::superseded;
        const auto asked = steady::now();
        stop stopped = co_await wait_for_breaker(cmd);
        if (stopped) co_return stopped;
        if (!paid) {
            stopped = co_await wait_for_budget(cmd);
            if (stopped) co_return stopped;
            paid = true;
        }
        auto slot = co_await gate_.enter(urgency_of(cmd.what()));
        if (const auto late = too_late(cmd)) co_return late;
        if (steady::now() - asked > k_fresh) { // calls end while their commands wait
            go = co_await wanted(n);
            if (!go) co_return outcome::superseded;
        }
        // From here to the sending nothing suspends.
        const auto pass =
            always_passes(cmd.what()) ? rt::breaker::pass::yes : breaker_of(cmd.what()).ask(steady::now());
        if (pass == rt::breaker::pass::no) continue; // somebody else is the probe
        if (pass == rt::breaker::pass::probe) out.probe.emplace(breaker_of(cmd.what()));
        out.slot.emplace(std::move(slot));
        co_return std::nullopt;
    }
}

// The carrier may never have got the first request of a dial: repeated for a call that has ended meanwhile it
// would ring phones for nobody (MOB-18). Everything else is harmless twice.
awaitable<bool> client::may_repeat(verb v, port::still_wanted wanted, unsigned n) {
    if (v != verb::dial) co_return true;
    const bool go = co_await wanted(n);
    if (!go) co_return false;
    const auto pause = co_await budget_.take_ms();
    co_return pause <= 0;
}

awaitable<exchange_result> client::attempt(
    const call::command& cmd, http::client_request request, const port::still_wanted& wanted, unsigned n,
    clearance& clear
) {
    const auto left = std::max(cmd.deadline - clock_.now(), k_shortest_attempt);
    request.timeout = std::min(request.timeout, left);
    const verb v = cmd.what();
    const auto started = steady::now();
    may_resend resend = [this, v, wanted, n] { return may_repeat(v, wanted, n); };
    auto result =
        co_await exchange(http_, clock_, v, std::move(request), settings_.hedge_after, std::move(resend));
    const bool probe = clear.probe.has_value();
    if (probe) clear.probe->used();
    account(cmd, result, probe, steady::now() - started);
    co_return result;
}

void client::account(
    const call::command& cmd, const exchange_result& result, bool probe, steady::duration took
) {
    const auto what = call::name(cmd.what());
    const auto& answer = result.answer;
    metrics_.count("telnyx_requests_total", {{"verb", what}, {"outcome", name(answer.what)}});
    if (result.resent) metrics_.count("telnyx_resends_total", {{"verb", what}});
    metrics_.observe("telnyx_request_seconds", std::chrono::duration<double>(took).count(), {{"verb", what}});
    const auto which = static_cast<std::size_t>(endpoint_of(cmd.what()));
    auto& b = breakers_[which];
    const bool was_open = b.open();
    b.report(steady::now(), !answer.unhealthy, probe);
    if (b.open() != was_open) {
        metrics_.gauge("telnyx_breaker_open", b.open() ? 1 : 0, {{"class", k_endpoint_names[which]}});
        log::warn(
            b.open() ? "telnyx_breaker_opened" : "telnyx_breaker_closed", {{"class", k_endpoint_names[which]}}
        );
    }
    if (was_open && !b.open() && &b == &breaker_of(verb::hangup)) repeats_.outage_over();
    if (answer.key_rejected)
        alarm_.rejected(what, answer.code, answer.title);
    else if (answer.what == answer_class::done || answer.what == answer_class::peer_gone)
        alarm_.accepted();
}

call::command_outcome client::finish(call::command_outcome out, outcome result, classified last) {
    out.result = result;
    out.error_code = std::move(last.code);
    out.error_title = std::move(last.title);
    metrics_.count(
        "telnyx_commands_total", {{"verb", call::name(out.what)}, {"outcome", call::name(result)}}
    );
    if (result == outcome::refused || result == outcome::expired)
        log::warn(
            "telnyx_command_failed", {{"verb", call::name(out.what)},
                                      {"outcome", call::name(result)},
                                      {"code", out.error_code},
                                      {"title", out.error_title},
                                      {"command_id", out.command_id}}
        );
    return out;
}

awaitable<call::command_outcome> client::execute(call::command cmd, port::still_wanted wanted) {
    call::command_outcome out;
    out.command_id = cmd.id;
    out.what = cmd.what();
    out.who = call::leg_ref{cmd.call_control_id, cmd.leg};
    if (const auto* dial = std::get_if<call::dial_body>(&cmd.body))
        out.who.leg = dial->leg;
    else if (cmd.call_control_id.empty())
        co_return finish(std::move(out), outcome::refused, named("no_call_control_id"));

    const http::client_request request = request_for(cmd); // built once: every attempt sends the same bytes
    retry_plan plan(cmd.what(), settings_.insist_every);
    persistence insisting(*this);
    auto last = named("deadline");
    for (unsigned n = 1;; ++n) {
        clearance clear;
        stop stopped = co_await clear_to_send(cmd, wanted, n, clear);
        if (stopped) co_return finish(std::move(out), *stopped, std::move(last));
        auto result = co_await attempt(cmd, request, wanted, n, clear);
        out.attempts += result.resent ? 2 : 1;
        clear.slot.reset(); // others go while this one waits
        auto& answer = result.answer;
        if (answer.what == answer_class::done && cmd.what() == verb::dial)
            out.who.call_control_id = std::move(answer.call_control_id);
        out.recording_id = answer.recording_id;
        if (conclusive(answer.what))
            co_return finish(std::move(out), final_outcome(answer.what), std::move(answer));
        if (answer.what == answer_class::insist && insisting.begin()) log_refusal(cmd, answer);
        const auto pause = plan.next(answer, jitter_());
        if (!pause) co_return finish(std::move(out), outcome::refused, std::move(answer));
        if (too_late(cmd, *pause)) co_return finish(std::move(out), outcome::expired, std::move(answer));
        last = answer;
        stopped = co_await pause_before(cmd, wanted, n + 1, answer, *pause);
        if (stopped) co_return finish(std::move(out), *stopped, std::move(last));
    }
}

} // namespace

client_settings settings_from(const config::telnyx_t& c) {
    client_settings out;
    out.base_url = c.base_url;
    out.api_key = c.api_key;
    out.commands.connection_id = c.connection_id;
    out.commands.sip_domain = c.sip_domain;
    out.commands.webhook_url = c.webhook_url;
    out.connect_timeout = c.connect_timeout;
    out.attempt_timeout = c.attempt_timeout;
    out.hedge_after = c.hedge_after;
    return out;
}

std::unique_ptr<port::telnyx_api> make_telnyx_api(
    asio::any_io_executor ex, client_settings settings, http::client& http,
    const crypto::client_state_codec& codec, crypto::agent_references references, port::dial_budget& budget,
    const port::clock& clock, port::metrics& metrics, rt::chance_source jitter
) {
    return std::make_unique<client>(
        std::move(ex), std::move(settings), http, codec, std::move(references), budget, clock, metrics,
        std::move(jitter)
    );
}

} // namespace z360::adapter::telnyx
