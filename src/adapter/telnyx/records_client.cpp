// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/records_client.hpp"

#include "adapter/telnyx/asked_pause.hpp"
#include "adapter/telnyx/key_alarm.hpp"
#include "adapter/telnyx/told.hpp"
#include "wire/telnyx_records.hpp"
#include "wire/telnyx_reply.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>
#include <z360/rt/breaker.hpp>
#include <z360/rt/gate.hpp>
#include <z360/rt/pacer.hpp>
#include <z360/rt/sync.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace z360::adapter::telnyx {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using steady = rt::clock;

// After a 429 without a figure, and after a rejected key: every further question would get the same.
constexpr millis k_pause_when_limited{1'000};
constexpr millis k_pause_without_key{5'000};
constexpr std::string_view k_breaker = "records";

// What Telnyx says of a leg that it does not know (any more), or whose call is over.
constexpr std::string_view k_unknown_leg = "90015";
constexpr std::string_view k_call_ended = "90018";

enum class question : std::uint8_t { deliveries, events, call, active_calls };
std::string_view name(question q) {
    switch (q) {
    case question::deliveries: return "deliveries";
    case question::events: return "events";
    case question::call: return "call";
    case question::active_calls: return "active_calls";
    }
    return "?";
}

/// The first event of a call makes a call: without a word about its connection it may be anybody's.
bool begins_call(std::string_view event_type) {
    return event_type == "call.initiated" || event_type == "call_initiated";
}

class records_client final : public port::carrier_records {
  public:
    records_client(
        asio::any_io_executor ex, records_client_settings settings, http::client& http,
        const port::clock& clock, port::metrics& metrics
    )
        : settings_(std::move(settings)), http_(http), clock_(clock), metrics_(metrics),
          breaker_(settings_.probe_every), pacer_(settings_.requests_per_second, settings_.burst),
          gate_(std::move(ex), settings_.max_in_flight, 0),
          alarm_(metrics, "records", "check telnyx.api_key: lost webhooks cannot be made good with it") {
        while (settings_.base_url.ends_with('/'))
            settings_.base_url.pop_back();
        metrics_.gauge("telnyx_breaker_open", 0, {{"class", k_breaker}});
        for (const auto q : {question::deliveries, question::events, question::call, question::active_calls})
            count(q, "done", 0);
    }

    awaitable<port::recorded_events> failed_deliveries(time_point since, std::string cursor) override;
    awaitable<port::recorded_events>
    events_of_session(std::string call_session_id, std::string cursor) override;
    awaitable<port::leg_life> life_of(std::string call_control_id) override;
    awaitable<port::live_legs> active_legs(std::string cursor) override;

  private:
    awaitable<http::client_response> ask(question q, wire::telnyx_request built);
    awaitable<void> await_turn(question q);
    awaitable<http::client_response> exchange(question q, wire::telnyx_request built);
    /// Counts the answer, tells breaker, pace and alarm about it; the outcome's name.
    std::string_view judge(question q, const http::client_response& reply, bool probe);
    void tell_breaker(bool healthy, bool probe);
    [[noreturn]] void give_up(question q, std::string_view outcome, const std::string& why);
    void count(question q, std::string_view outcome, double n = 1) {
        metrics_.count("telnyx_records_requests_total", {{"what", name(q)}, {"outcome", outcome}}, n);
    }
    [[nodiscard]] bool is_ours(const wire::telnyx_record& r) const;

    records_client_settings settings_;
    http::client& http_;
    const port::clock& clock_;
    port::metrics& metrics_;
    rt::breaker breaker_;
    rt::pacer pacer_;
    rt::gate gate_;
    key_alarm alarm_;
};

void records_client::give_up(question q, std::string_view outcome, const std::string& why) {
    count(q, outcome);
    throw port::unavailable("Telnyx's records (" + std::string(name(q)) + "): " + why);
}

awaitable<void> records_client::await_turn(question q) {
    const auto turn = pacer_.take(steady::now(), settings_.attempt_timeout);
    if (!turn) {
        const auto pause = std::chrono::ceil<millis>(pacer_.wait(steady::now()));
        give_up(q, "held", "not asked, its turn would come in " + std::to_string(pause.count()) + " ms");
    }
    if (*turn > steady::duration::zero()) co_await rt::sleep_for(*turn);
}

awaitable<http::client_response> records_client::ask(question q, wire::telnyx_request built) {
    if (breaker_.closed_for(steady::now()) > steady::duration::zero())
        give_up(q, "held", "not asked, the last questions failed");
    if (gate_.waiting() >= settings_.max_waiting) give_up(q, "held", "not asked, too many questions at once");
    // What a call waits for goes before what is asked from time to time.
    const bool routine = q == question::deliveries || q == question::active_calls;
    const auto slot = co_await gate_.enter(routine ? rt::urgency::normal : rt::urgency::soon);
    co_await await_turn(q);
    co_return co_await exchange(q, std::move(built));
}

awaitable<http::client_response> records_client::exchange(question q, wire::telnyx_request built) {
    const auto pass = breaker_.ask(steady::now());
    if (pass == rt::breaker::pass::no) give_up(q, "held", "not asked, the last questions failed");
    std::optional<rt::probe_right> probe;
    if (pass == rt::breaker::pass::probe) probe.emplace(breaker_);
    http::client_request request;
    request.method = std::move(built.method);
    request.url = settings_.base_url + built.path;
    request.headers.add("Accept", "application/json");
    request.bearer = settings_.api_key;
    request.connect_timeout = settings_.connect_timeout;
    request.timeout = settings_.attempt_timeout;
    const auto started = steady::now();
    auto reply = co_await http_.perform(std::move(request));
    if (probe) probe->used();
    const std::chrono::duration<double> took = steady::now() - started;
    metrics_.observe("telnyx_records_seconds", took.count(), {{"what", name(q)}});
    const auto outcome = judge(q, reply, probe.has_value());
    if (outcome != "done" && outcome != "refused") give_up(q, outcome, told(reply));
    co_return reply;
}

std::string_view records_client::judge(question q, const http::client_response& reply, bool probe) {
    const auto now = steady::now();
    const int status = reply.status;
    tell_breaker(status != 0 && status < 500, probe);
    if (status == 0) return reply.sent ? "no_answer" : "not_sent";
    if (status == 429 || status >= 500) {
        const auto pause = asked_pause(reply.headers, clock_.now());
        if (pause || status == 429) pacer_.pause(now + pause.value_or(k_pause_when_limited));
        return status == 429 ? "limited" : "failed";
    }
    if (status == 401) {
        const auto body = wire::parse_reply(reply.body);
        alarm_.rejected("records_" + std::string(name(q)), body.error_code, body.error_title);
        pacer_.pause(now + k_pause_without_key);
        return "key_rejected";
    }
    const bool good = status >= 200 && status < 300;
    if (good || status == 404 || status == 422) alarm_.accepted();
    return good ? "done" : "refused";
}

void records_client::tell_breaker(bool healthy, bool probe) {
    const bool was_open = breaker_.open();
    breaker_.report(steady::now(), healthy, probe);
    if (breaker_.open() == was_open) return;
    metrics_.gauge("telnyx_breaker_open", breaker_.open() ? 1 : 0, {{"class", k_breaker}});
    log::warn(breaker_.open() ? "telnyx_breaker_opened" : "telnyx_breaker_closed", {{"class", k_breaker}});
}

bool records_client::is_ours(const wire::telnyx_record& r) const {
    if (settings_.connection_id.empty() && settings_.credential_connection_id.empty()) return true;
    if (r.connection_id.empty()) return !begins_call(r.event_type);
    return r.connection_id == settings_.connection_id ||
           r.connection_id == settings_.credential_connection_id;
}

port::recorded_event to_port(wire::telnyx_record r) {
    return {std::move(r.event_id), std::move(r.body), r.at.value_or(time_point{})};
}

awaitable<port::recorded_events> records_client::failed_deliveries(time_point since, std::string cursor) {
    auto built = wire::failed_deliveries(since, cursor);
    const auto reply = co_await ask(question::deliveries, std::move(built));
    if (reply.status < 200 || reply.status >= 300) give_up(question::deliveries, "refused", told(reply));
    auto page = wire::parse_deliveries(reply.body, cursor);
    if (!page) give_up(question::deliveries, "unusable", "the answer is no list");
    count(question::deliveries, "done");
    port::recorded_events out;
    out.next = std::move(page->next);
    for (auto& r : page->events)
        if (is_ours(r)) out.events.push_back(to_port(std::move(r)));
    co_return out;
}

awaitable<port::recorded_events>
records_client::events_of_session(std::string call_session_id, std::string cursor) {
    if (call_session_id.empty()) co_return port::recorded_events{}; // the carrier would list everybody's
    auto built = wire::session_events(call_session_id, cursor);
    const auto reply = co_await ask(question::events, std::move(built));
    if (reply.status < 200 || reply.status >= 300) give_up(question::events, "refused", told(reply));
    auto page = wire::parse_call_events(reply.body, cursor);
    if (!page) give_up(question::events, "unusable", "the answer is no list");
    count(question::events, "done");
    port::recorded_events out;
    out.next = std::move(page->next);
    for (auto& r : page->events)
        out.events.push_back(to_port(std::move(r)));
    co_return out;
}

awaitable<port::leg_life> records_client::life_of(std::string call_control_id) {
    if (call_control_id.empty()) co_return port::leg_life::unknown;
    auto built = wire::call_status(call_control_id);
    const auto reply = co_await ask(question::call, std::move(built));
    if (reply.status >= 200 && reply.status < 300) {
        const auto alive = wire::parse_call_status(reply.body);
        count(question::call, alive ? "done" : "unusable");
        if (!alive) co_return port::leg_life::unknown;
        co_return *alive ? port::leg_life::alive : port::leg_life::gone;
    }
    if (reply.status != 404 && reply.status != 422) give_up(question::call, "refused", told(reply));
    // A 404 that Telnyx did not word may be a proxy's, or of a wrong address: no proof of anything.
    const auto code = wire::parse_reply(reply.body).error_code;
    const bool gone = reply.status == 404 ? !code.empty() : code == k_unknown_leg || code == k_call_ended;
    count(question::call, gone ? "gone" : "refused");
    co_return gone ? port::leg_life::gone : port::leg_life::unknown;
}

awaitable<port::live_legs> records_client::active_legs(std::string cursor) {
    auto built = wire::active_calls(settings_.connection_id, cursor);
    const auto reply = co_await ask(question::active_calls, std::move(built));
    if (reply.status < 200 || reply.status >= 300) give_up(question::active_calls, "refused", told(reply));
    auto page = wire::parse_active_calls(reply.body, cursor);
    if (!page) give_up(question::active_calls, "unusable", "the answer is no list");
    count(question::active_calls, "done");
    port::live_legs out;
    out.next = std::move(page->next);
    out.legs.reserve(page->calls.size());
    for (auto& c : page->calls) {
        port::live_leg leg;
        leg.call_control_id = std::move(c.call_control_id);
        leg.call_session_id = std::move(c.call_session_id);
        leg.client_state = std::move(c.client_state);
        leg.seconds = c.seconds;
        out.legs.push_back(std::move(leg));
    }
    co_return out;
}

} // namespace

records_client_settings records_settings_from(const config::telnyx_t& c) {
    records_client_settings out;
    out.base_url = c.base_url;
    out.api_key = c.api_key;
    out.connection_id = c.connection_id;
    out.credential_connection_id = c.credential_connection_id;
    out.connect_timeout = c.connect_timeout;
    out.attempt_timeout = c.attempt_timeout;
    return out;
}

std::unique_ptr<port::carrier_records> make_carrier_records(
    asio::any_io_executor ex, records_client_settings settings, http::client& http, const port::clock& clock,
    port::metrics& metrics
) {
    return std::make_unique<records_client>(std::move(ex), std::move(settings), http, clock, metrics);
}

} // namespace z360::adapter::telnyx
