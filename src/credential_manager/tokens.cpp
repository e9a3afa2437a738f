// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Login tokens: one request to Telnyx per device and most of a token's life, however many ask (CRED-02).
#include "credential_manager/manager_impl.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <algorithm>
#include <utility>

namespace z360::credential_manager {
namespace {

constexpr millis k_assumed_life{8LL * 3'600'000}; // of a token whose expiry cannot be read
constexpr millis k_stale_again{60'000};           // when to ask again for a better one
constexpr double k_spread = 0.05;                 // of a token's life before its refresh is due

std::string_view name(token_status::state s) {
    switch (s) {
    case token_status::state::fresh: return "fresh";
    case token_status::state::stale: return "stale";
    case token_status::state::pending: return "pending";
    case token_status::state::unavailable: return "unavailable";
    case token_status::state::none: return "none";
    }
    return "?";
}

/// In [0, 1), the same for a device always.
double share_of(device_id d) {
    const auto bits = derive_uuid(uuid{}, static_cast<std::uint64_t>(d.value)).hi; // its upper 48 are free
    return static_cast<double>(bits >> 16) * 0x1.0p-48;
}

token_status just(token_status::state what) {
    token_status out;
    out.what = what;
    return out;
}

} // namespace

std::optional<time_point> manager_impl::refresh_after(device_id d, const port::cached_token& t) const {
    if (!t.token || !t.minted_at) return std::nullopt;
    const auto life = t.token->expires_at.value_or(*t.minted_at + k_assumed_life) - *t.minted_at;
    const auto fraction = std::clamp(s_.refresh_fraction, 0.0, 1.0) - k_spread * share_of(d);
    const auto after = static_cast<double>(life.count()) * std::max(0.0, fraction);
    return *t.minted_at + millis{static_cast<std::int64_t>(after)};
}

std::optional<token_status> manager_impl::fresh(device_id d, const port::cached_token& t) const {
    const auto due = refresh_after(d, t);
    if (!due || clock_.now() >= *due) return std::nullopt;
    auto out = just(token_status::state::fresh);
    out.jwt = t.token->jwt;
    out.expires_at = t.token->expires_at.value_or(*t.minted_at + k_assumed_life);
    out.refresh_after = due;
    return out;
}

token_status manager_impl::stale(const port::cached_token& t) const {
    const auto now = clock_.now();
    if (!t.token || !t.minted_at) return just(token_status::state::unavailable);
    const auto expires = t.token->expires_at.value_or(*t.minted_at + k_assumed_life);
    if (expires <= now) return just(token_status::state::unavailable);
    auto out = just(token_status::state::stale);
    out.jwt = t.token->jwt;
    out.expires_at = expires;
    out.refresh_after = std::min(expires, now + k_stale_again);
    return out;
}

boost::asio::awaitable<token_status> manager_impl::token(device_id d, millis budget) {
    auto out = co_await find_token(d, steady::now() + budget);
    metrics_.count("credential_tokens_total", {{"result", name(out.what)}});
    co_return out;
}

boost::asio::awaitable<token_status> manager_impl::cached_token(device_id d) {
    const auto cached = co_await store_.token(d, millis{0});
    if (!cached) co_return just(token_status::state::unavailable);
    if (auto good = fresh(d, *cached)) co_return std::move(*good);
    co_return stale(*cached);
}

boost::asio::awaitable<token_status> manager_impl::find_token(device_id d, steady::time_point until) {
    auto cached = co_await store_.token(d, millis{0});
    if (!cached || cached->telnyx_id.empty()) {
        const auto left = std::chrono::ceil<millis>(until - steady::now());
        const auto identity = co_await ensure(d, std::max(millis{0}, left));
        if (!identity.ready) co_return co_await without_identity(d);
        cached = co_await store_.token(d, millis{0});
        if (!cached) co_return just(token_status::state::pending);
    }
    if (auto good = fresh(d, *cached)) co_return std::move(*good);
    if (stopping_) co_return stale(*cached);

    bool created = false;
    auto f = token_flights_.join(d.value, until, created);
    if (created) {
        auto end = std::make_unique<token_flights::landing>(token_flights_, d.value, f);
        work_.spawn(fly_token(std::move(end), d, f));
    }
    const bool landed = co_await token_flights::wait(f, until);
    if (landed && f->error) std::rethrow_exception(f->error);
    if (landed && f->result) co_return *f->result;
    co_return stale(*cached);
}

boost::asio::awaitable<token_status> manager_impl::without_identity(device_id d) {
    const auto seen = co_await store_.read(d);
    if (seen && seen->device.entitled) co_return just(token_status::state::pending);
    co_return just(token_status::state::none);
}

boost::asio::awaitable<void>
manager_impl::fly_token(token_flights::end end, device_id d, token_flights::pointer f) {
    const auto at_the_end = std::move(end);
    try {
        f->result = co_await fetch_token(d, f);
    } catch (...) {
        if (stopping_) throw;
        trouble("token", std::current_exception());
        f->error = as_unavailable(std::current_exception());
    }
}

boost::asio::awaitable<token_status> manager_impl::fetch_token(device_id d, token_flights::pointer f) {
    for (;;) {
        auto t = co_await store_.token(d, s_.claim / 2);
        if (!t) co_return co_await without_identity(d);
        auto good = fresh(d, *t); // another was faster
        if (t->claimed && !good) co_return co_await mint_claimed(d, std::move(*t));
        if (t->claimed) co_await store_.store_token(t->identity, std::nullopt, clock_.now());
        if (good) co_return std::move(*good);
        if (steady::now() >= f->until) co_return stale(*t);
        co_await poll_pause();
    }
}

/// As mint(); a failure gives the right to mint back, since whoever waits will ask again.
boost::asio::awaitable<token_status> manager_impl::mint_claimed(device_id d, port::cached_token t) {
    const auto i = t.identity;
    std::exception_ptr thrown;
    try {
        co_return co_await mint(d, std::move(t));
    } catch (...) {
        thrown = std::current_exception();
    }
    if (stopping_) std::rethrow_exception(thrown);
    try {
        co_await store_.store_token(i, std::nullopt, clock_.now());
    } catch (...) {
        if (stopping_) throw;
        trouble("release", std::current_exception());
    }
    std::rethrow_exception(thrown);
}

boost::asio::awaitable<token_status> manager_impl::mint(device_id d, port::cached_token t) {
    auto r = co_await carrier_.mint(t.telnyx_id);
    const auto now = clock_.now();
    count("mint", port::name(r.outcome));
    if (r.outcome == outcome::done && r.value) {
        if (!r.value->expires_at) r.value->expires_at = now + k_assumed_life;
        t.token = r.value;
        t.minted_at = now;
        co_await store_.store_token(t.identity, std::move(r.value), now);
        if (auto good = fresh(d, t)) co_return std::move(*good);
        co_return stale(t); // Telnyx gave one that is nearly over: with its credential
    }
    co_await store_.store_token(t.identity, std::nullopt, now);
    if (r.outcome == outcome::gone || r.outcome == outcome::expired) {
        auto copy = t;
        const bool replaced = co_await credential_gone(d, std::move(copy), r.outcome);
        if (replaced) co_return just(token_status::state::pending);
        if (r.outcome == outcome::expired) co_return just(token_status::state::unavailable);
        co_return stale(t);
    }
    log::warn(
        "token_not_minted",
        {{"device", d}, {"identity", t.identity}, {"outcome", port::name(r.outcome)}, {"error", r.error}}
    );
    co_return stale(t);
}

/// true: retired, the next one is on its way. That the token's address is not found is no proof: the
/// credential itself is asked for.
boost::asio::awaitable<bool> manager_impl::credential_gone(device_id d, port::cached_token t, outcome how) {
    const auto i = t.identity;
    if (how == outcome::gone) {
        const auto itself = co_await carrier_.get(t.telnyx_id);
        count("check", port::name(itself.outcome));
        if (itself.outcome == outcome::gone) co_return co_await lost(i, d, "mint");
        log::warn(
            "token_not_found_at_carrier",
            {{"device", d}, {"identity", i}, {"credential", port::name(itself.outcome)}}
        );
        co_return false;
    }
    // Expired there, whatever our row says. On a call it is kept: the call's end makes us look again.
    const auto seen = co_await store_.read(d);
    if (seen && seen->device.busy) co_return false;
    co_await store_.retire(i, credential::retire_reason::expired, clock_.now());
    count("retire", credential::name(credential::retire_reason::expired));
    log::warn("identity_expired_at_carrier", {{"device", d}, {"identity", i}});
    look_at(d);
    co_return true;
}

} // namespace z360::credential_manager
