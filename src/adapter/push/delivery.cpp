// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/push/delivery.hpp"

#include "adapter/push/access.hpp"
#include "adapter/push/heartbeat.hpp"

#include <z360/port/errors.hpp>

#include <algorithm>
#include <utility>

namespace z360::adapter::push {

namespace asio = boost::asio;
namespace h2 = http::h2;
using asio::awaitable;
using call::outcome;
using port::push_address_token;
using port::push_attempt_end;
using z360::push::judgement;
using z360::push::provider;
using z360::push::refusal;
using z360::push::transport;

namespace {

// While a push waits it is asked about so often: well within the time that a claim of it lasts.
constexpr millis k_ask_every{2'000};
// Between two questions for an address while the store is away.
constexpr millis k_address_again{250};
// What can wait elsewhere rests no longer than that.
constexpr millis k_longest_rest{2'000};
// Who is given less time than that may be late for no fault of the service.
constexpr millis k_fair{250};
// Others slow down that long when a provider says that all of us are too fast.
constexpr millis k_spare{60'000};

bool misfits(h2::cause c) {
    return c == h2::cause::bad_request || c == h2::cause::headers_too_large;
}

// Trouble of the service, or of the way to it; not what a server says in passing, and not our own.
bool is_fault(const h2::result& r) {
    switch (r.why) {
    case h2::cause::timeout:
    case h2::cause::connect_failed:
    case h2::cause::silent:
    case h2::cause::lost:
    case h2::cause::protocol: return true;
    case h2::cause::none:
    case h2::cause::bad_request:
    case h2::cause::headers_too_large:
    case h2::cause::line_full:
    case h2::cause::stopping:
    case h2::cause::refused:
    case h2::cause::goaway:
    case h2::cause::reset:
    case h2::cause::drained: return false;
    }
    return false;
}

std::string header_of(const wire::push_request& r, std::string_view name) {
    for (const auto& h : r.headers)
        if (h.name == name) return std::string(h.value.reveal());
    return {};
}

} // namespace

delivery::delivery(const delivery_parts& parts, errand what, port::still_wanted wanted)
    : parts_(parts), errand_(std::move(what)), wanted_(std::move(wanted)) {}

awaitable<report> delivery::run() {
    const auto what = errand_.like.what;
    stop end = co_await find_address();
    if (end) co_return finish(std::move(*end));
    if (told_by_missed_call(what, errand_.why, address_))
        co_return finish({outcome::superseded, "missed_call_instead"});
    if (!address_.eligible && what != kind::call_ended) co_return finish({outcome::refused, "not_eligible"});
    message_ = errand_.compose(address_);
    while (const auto place = token_of(what, address_)) {
        end = co_await to_token(address_.tokens[*place]);
        if (end) co_return finish(std::move(*end));
        rule_out(address_, *place, why_refused_); // the next one
    }
    co_return finish({outcome::refused, word_or("no_token")});
}

// The call rings by SIP meanwhile: an outage of the store is waited out as long as that makes sense.
awaitable<delivery::stop> delivery::find_address() {
    for (;;) {
        bool away = false;
        try {
            auto found = co_await parts_.p.addresses.find(errand_.where);
            if (!found) co_return verdict{outcome::refused, "no_device"};
            address_ = std::move(*found);
        } catch (const port::unavailable&) {
            away = true;
        }
        if (!away) co_return std::nullopt;
        if (errand_.can_wait || now() + k_address_again >= until().deadline)
            co_return verdict{outcome::expired, "no_address"};
        auto end = co_await rest(k_address_again);
        if (end) co_return end;
    }
}

// nullopt: to another token.
awaitable<delivery::stop> delivery::to_token(push_address_token& to) {
    progress_ = {};
    if (errand_.left_behind) progress_.unknown = 1; // whoever had it may have sent it
    why_refused_ = refusal::dead_token;
    bool first = sent_ == 0;
    for (;;) {
        auto* at = outlet_of(to);
        if (at == nullptr) {
            word_ = word_or(std::string(z360::push::name(provider_of(to))) + "_not_configured");
            co_return std::nullopt;
        }
        by_ = provider_of(to);
        if (std::exchange(first, false) && !at->may_begin(lane(), rt::clock::now()))
            co_return verdict{outcome::expired, "provider_down"};
        clearance with;
        stop end = co_await clear(*at, with);
        if (end) co_return end;
        const auto built = build(to);
        if (!built.request) co_return refused(*at, to, built);
        const bool no_token = with.token.token.empty();
        result r;
        if (no_token) {
            at->report(true, rt::clock::now());
            r.what.how = transport::not_processed;
            r.word = "no_provider_token";
        } else {
            r = co_await send(*at, to, *built.request, std::move(with));
        }
        z360::push::next_step step;
        end = next(*at, to, r, step);
        if (end) co_return end;
        if (step.why == z360::push::stop::dead_token) dead(*at, to, r.word);
        if (step.why != z360::push::stop::none) co_return std::nullopt;
        change(*at, to, r, step.first);
        if (too_long(step.pause)) co_return verdict{outcome::expired, word_, step.pause};
        end = co_await rest(no_token ? std::max(step.pause, k_address_again) : step.pause);
        if (end) co_return end;
    }
}

// How it ends by what came of a request; nullopt with `step`: go on, with this token or another.
delivery::stop
delivery::next(outlet& at, push_address_token& to, const result& r, z360::push::next_step& step) {
    word_ = r.word;
    if (r.misfit) {
        at.misconfigured(0, r.word, "a header of this push cannot be sent: report it with the version");
        return verdict{outcome::refused, r.word};
    }
    step = z360::push::after(
        progress_, errand_.like.what, provider_of(to), r.what, until(), now(), parts_.chance()
    );
    if (r.what.how == transport::answered && r.what.what.for_all)
        at.spare(rt::clock::now() + std::max(k_spare, r.what.what.retry_after.value_or(k_spare)));
    switch (step.why) {
    case z360::push::stop::none: break;
    case z360::push::stop::accepted: accepted(to); return verdict{outcome::done, r.word};
    case z360::push::stop::dead_token: return std::nullopt;
    case z360::push::stop::configuration:
        why_refused_ = r.what.what.provider_fault ? refusal::credential : refusal::request;
        return std::nullopt;
    case z360::push::stop::too_late:
    case z360::push::stop::exhausted: return verdict{outcome::expired, r.word};
    }
    // In an outage everybody ends at once, so that other ways to ring go on.
    if (r.what.how == transport::not_processed && at.down())
        return verdict{outcome::expired, "provider_down"};
    if (step.counted && !at.may_repeat(lane(), rt::clock::now()))
        return verdict{outcome::expired, at.down() ? "provider_down" : "no_retries_left"};
    return std::nullopt;
}

void delivery::change(outlet& at, push_address_token& to, const result& r, const z360::push::changes& first) {
    if (first.fresh_token) at.tokens().refused(r.generation, r.connection, at.pool());
    if (first.new_connection || first.other_connection) at.pool().retire(r.connection);
    if (first.other_environment) to.to.env = z360::push::other(to.to.env);
}

void delivery::accepted(const push_address_token& to) {
    if (provider_of(to) != provider::apns || to.to.env_proven) return;
    const auto env =
        to.to.env == z360::push::environment::unknown ? z360::push::environment::production : to.to.env;
    parts_.p.ledger.environment_learned(errand_.like.device, to.to.token_is, to.name, env);
}

void delivery::dead(outlet& at, push_address_token& to, const std::string& word) {
    parts_.p.ledger.token_dead(errand_.like.device, to.to.token_is, to.name, word, now());
    parts_.p.metrics.count(
        "push_tokens_dead_total", {{"provider", at.name()}, {"token", z360::push::name(to.to.token_is)}}
    );
    const bool about_call = !errand_.like.call.nil();
    log::info(
        "push_token_dead", {{about_call ? "call_uuid" : "message",
                             about_call ? errand_.like.call.text() : errand_.like.message.text()},
                            {"org", errand_.like.org},
                            {"device", errand_.like.device},
                            {"token_kind", z360::push::name(to.to.token_is)},
                            {"reason", word}}
    );
}

outlet* delivery::outlet_of(const push_address_token& t) const {
    if (provider_of(t) == provider::fcm) return parts_.google;
    return t.to.env == z360::push::environment::sandbox ? parts_.sandbox : parts_.production;
}

wire::push_built delivery::build(const push_address_token& t) const {
    const bool smaller = progress_.tried.smaller;
    return provider_of(t) == provider::apns ? wire::build_apns(message_, t.to, parts_.apns, now(), smaller)
                                            : wire::build_fcm(message_, t.to, parts_.fcm, now(), smaller);
}

delivery::stop delivery::refused(outlet& at, push_address_token& to, const wire::push_built& built) {
    word_ = std::string(wire::name(built.fault));
    switch (built.fault) {
    case wire::push_fault::too_late: return verdict{outcome::expired, word_};
    case wire::push_fault::bad_token: dead(at, to, word_); return std::nullopt;
    case wire::push_fault::none:
    case wire::push_fault::wrong_token:
    case wire::push_fault::not_allowed:
    case wire::push_fault::incomplete:
    case wire::push_fault::too_large: break;
    }
    at.misconfigured(0, word_, built.why);
    why_refused_ = refusal::request;
    return std::nullopt;
}

// Meanwhile it would hold a place that others could use.
bool delivery::too_long(rt::clock::duration pause) const {
    return errand_.can_wait && pause > k_longest_rest;
}

// Whoever waits long goes on asking whether it is wanted: that also keeps other nodes off.
awaitable<delivery::stop> delivery::rest(rt::clock::duration pause) {
    while (pause > rt::clock::duration::zero()) {
        const auto slice = std::min<rt::clock::duration>(pause, k_ask_every);
        co_await rt::sleep_for(slice);
        pause -= slice;
        if (pause <= rt::clock::duration::zero()) break;
        const bool go = co_await wanted_(asked_ + 1);
        if (!go) co_return verdict{outcome::superseded, word_or("not_wanted")};
    }
    co_return std::nullopt;
}

awaitable<delivery::stop> delivery::wait_while_spared(outlet& at) {
    for (;;) {
        const auto pause = at.spared(lane(), rt::clock::now());
        if (pause <= rt::clock::duration::zero()) co_return std::nullopt;
        const auto wait = std::chrono::ceil<millis>(pause);
        if (now() + wait >= until().deadline) co_return verdict{outcome::expired, "provider_slows_down"};
        if (too_long(pause)) co_return verdict{outcome::expired, "provider_slows_down", wait};
        auto end = co_await rest(pause);
        if (end) co_return end;
    }
}

awaitable<delivery::stop> delivery::clear(outlet& at, clearance& out) {
    out.queued = now();
    auto end = co_await wait_while_spared(at);
    if (end) co_return end;
    for (bool asked = false;; asked = true) {
        if (now() >= until().deadline) co_return verdict{outcome::expired, word_or("deadline")};
        if (asked) {
            const bool go = co_await wanted_(asked_ + 1);
            if (!go) co_return verdict{outcome::superseded, word_or("not_wanted")};
        }
        const auto limit = std::min(moment(until().deadline), rt::clock::now() + k_ask_every);
        out.slot = co_await at.enter(lane(), limit);
        if (!out.slot && rt::clock::now() < limit) co_return verdict{outcome::expired, "line_full"};
        if (out.slot) break;
    }
    out.token = co_await at.tokens().get(std::min(moment(until().deadline), rt::clock::now() + k_ask_every));
    const bool go = co_await wanted_(++asked_);
    if (!go) co_return verdict{outcome::superseded, word_or("not_wanted")};
    if (now() >= until().deadline) co_return verdict{outcome::expired, word_or("deadline")};
    co_return std::nullopt;
}

millis delivery::longest_answer() const {
    const bool ring = lane() == z360::push::lane::call || lane() == z360::push::lane::call_ended;
    const auto ours = ring ? parts_.s.call_timeout : parts_.s.message_timeout;
    // No longer than to the deadline: until then it may wait in the pool for its turn to be sent.
    return std::clamp(until().deadline - now(), millis{1}, std::max(ours, millis{1}));
}

// From the question whether it is wanted to the sending nothing suspends.
awaitable<delivery::result>
delivery::send(outlet& at, const push_address_token& to, const wire::push_request& what, clearance with) {
    auto request = request_of(what, with.token.token);
    request.priority = static_cast<unsigned>(lane());
    request.timeout = longest_answer();
    const bool fair = request.timeout >= k_fair;
    auto a = errand_.like;
    a.queued_at = with.queued;
    a.sent_at = now();
    a.attempt = ++sent_;
    a.push_id = header_of(what, "apns-id");
    auto raw = co_await with_heartbeat(at.pool().perform(std::move(request)), wanted_, asked_, k_ask_every);
    auto r = read(raw, to, at, fair);
    r.generation = with.token.generation;
    r.connection = raw.connection;
    if (raw.what == h2::outcome::replied) at.tokens().used(r.generation, r.connection);
    note(at, to, r, std::move(a), raw);
    co_return r;
}

delivery::result delivery::read(const h2::result& raw, const push_address_token& to, outlet& at, bool fair) {
    result r;
    if (raw.what != h2::outcome::replied) {
        const bool unknown = raw.what == h2::outcome::unknown;
        r.what.how = unknown ? transport::unknown : transport::not_processed;
        r.word = h2::name(raw.why);
        r.misfit = misfits(raw.why);
        may_have_reached_ = may_have_reached_ || unknown;
        at.report(is_fault(raw) && (fair || raw.why != h2::cause::timeout), rt::clock::now());
        return r;
    }
    const auto retry_after = raw.headers.get("retry-after");
    const bool apns = provider_of(to) == provider::apns;
    const auto answer =
        apns ? wire::read_apns({raw.status, raw.body, retry_after, raw.headers.get("apns-id")}, now())
             : wire::read_fcm({raw.status, raw.body, retry_after}, now());
    r.what.what = z360::push::judge(
        provider_of(to), answer, {to.to.registered_at, to.to.env_proven, progress_.tried, now()}
    );
    r.word = r.what.what.what == judgement::done ? answer.id : answer.reason;
    if (r.what.what.what == judgement::done) may_have_reached_ = true;
    if (r.word.empty()) r.word = "http_" + std::to_string(raw.status);
    at.report(r.what.what.provider_fault, rt::clock::now());
    if (r.what.what.what == judgement::configuration)
        at.misconfigured(raw.status, r.word, fix_for(provider_of(to), r.word));
    return r;
}

void delivery::note(
    outlet& at, const push_address_token& to, const result& r, port::push_attempt a, const h2::result& raw
) {
    const bool answered = r.what.how == transport::answered;
    a.token = to.to.token_is;
    a.env = to.to.env;
    a.status = raw.status;
    if (answered) a.answered_at = now();
    if (!answered)
        a.end =
            r.what.how == transport::unknown ? push_attempt_end::unknown : push_attempt_end::not_processed;
    else
        a.end = end_of(r.what.what.what);
    if (a.end != push_attempt_end::accepted)
        a.reason = r.word;
    else if (!r.word.starts_with("http_"))
        a.push_id = r.word;
    a.id = derive_uuid(
        errand_.id + "/" + std::to_string(a.queued_at.time_since_epoch().count()) + "/" +
        std::to_string(a.attempt) + (errand_.left_behind ? "/again" : "")
    );
    auto& m = parts_.p.metrics;
    m.count(
        "push_attempts_total", {{"provider", at.name()},
                                {"kind", z360::push::name(errand_.like.what)},
                                {"outcome", port::name(a.end)}}
    );
    if (answered)
        m.observe(
            "push_latency_seconds", std::chrono::duration<double>(*a.answered_at - a.sent_at).count(),
            {{"provider", at.name()}, {"kind", z360::push::name(errand_.like.what)}}
        );
    parts_.p.ledger.note(std::move(a));
}

report delivery::finish(verdict v) const {
    report out;
    out.result = v.result;
    out.code = std::move(v.code);
    out.again_after = v.again_after;
    out.may_have_reached = may_have_reached_;
    if (sent_ > 0) out.by = by_;
    out.attempts = sent_;
    return out;
}

} // namespace z360::adapter::push
