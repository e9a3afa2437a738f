// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/guard.hpp"

#include "edge/api/auth.hpp"
#include "edge/api/encoding.hpp"

#include <z360/log.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

namespace z360::edge::api {
namespace {

constexpr std::string_view k_allow_headers =
    "Authorization, Content-Type, Accept, X-Credential-Version, "
    "X-Z360-Device, X-Z360-User, X-Z360-Organization, "
    "X-Requested-With, X-XSRF-TOKEN, Idempotency-Key, Content-Encoding";
constexpr std::string_view k_expose_headers =
    "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, WWW-Authenticate";

/// The outside of a request.
struct outside {
    origin_of from;
    std::string origin;
    bool readable = false;  ///< the origin may read the reply
    bool encrypted = false; ///< on the last hop before the client
    bool head_or_get = false;
    std::string target;
    time_point now{};
};

outside look(const api_context& s, const http::request& req) {
    outside o;
    o.from = look_behind(req, s.proxies);
    o.origin = std::string(req.headers.get("Origin"));
    o.readable = allowed_origin(s, o.origin, o.from.host);
    o.encrypted = !s.ports.settings.http.tls_certificate_file.empty() || o.from.https;
    o.head_or_get = req.method == "GET" || req.method == "HEAD";
    o.target = req.target;
    o.now = s.now();
    return o;
}

bool plain_host(std::string_view host) {
    return !host.empty() && host.size() <= 255 &&
           host.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:[]") ==
               std::string_view::npos;
}

/// Every URL in a reply is https (CFG-05), whatever this hop was; only a sandbox says what it is itself.
std::string base_of(const api_context& s, const outside& o) {
    std::string url = s.ports.settings.server.public_url;
    while (url.ends_with('/'))
        url.pop_back();
    if (!url.empty()) return url;
    const bool plain = s.ports.settings.server.sandbox && !o.encrypted;
    return (plain ? "http://" : "https://") +
           (plain_host(o.from.host) ? o.from.host : std::string("localhost"));
}

/// Why a request that may have come over HTTPS counts as plain; empty: it is plain.
std::string why_plain(const api_context& s, const outside& o) {
    if (o.from.forwarded && !o.from.trusted)
        return "A proxy has passed this on that the server does not trust: its operator adds the proxy's "
               "address "
               "to http.trusted_proxies";
    if (o.from.forwarded && !o.from.scheme_told)
        return "The proxy in front of the server does not say how it was asked: its operator makes it send "
               "X-Forwarded-Proto";
    if (s.ports.settings.http.trusted_proxies.empty())
        return "The server has neither a certificate nor a trusted proxy: its operator sets "
               "http.tls_certificate_file or http.trusted_proxies";
    return {};
}

http::response refuse_plain(api_context& s, const outside& o) {
    const auto& url = s.ports.settings.server.public_url;
    problem p;
    p.status = 403;
    p.code = "https_required";
    p.title = "This API is served over HTTPS only";
    p.detail = why_plain(s, o);
    // Whoever came through a proxy over HTTPS would be sent back to where they are.
    if (p.detail.empty() && o.head_or_get && !url.empty() && o.target.starts_with('/')) {
        auto r = http::response::text(308, "");
        r.headers.set("Location", base_of(s, o) + o.target);
        return r;
    }
    if (!p.detail.empty())
        if (const auto silent = s.plain_refusals.due())
            log::warn(
                "https_not_recognised", {{"peer", o.from.address}, {"why", p.detail}, {"more", *silent}}
            );
    return respond(p);
}

void dress(const outside& o, http::response& r) {
    r.headers.set("X-Content-Type-Options", "nosniff");
    if (r.headers.get("Cache-Control").empty()) r.headers.set("Cache-Control", "no-store");
    if (o.encrypted) r.headers.set("Strict-Transport-Security", "max-age=31536000");
    if (r.status == 401) r.headers.set("WWW-Authenticate", "Bearer realm=\"z360\", charset=\"UTF-8\"");
    if (o.origin.empty()) return;
    r.headers.set("Vary", "Origin");
    if (!o.readable) return;
    r.headers.set("Access-Control-Allow-Origin", o.origin);
    r.headers.set("Access-Control-Allow-Credentials", "true");
    r.headers.set("Access-Control-Expose-Headers", std::string(k_expose_headers));
}

std::string subject_of(const principal& who, const std::string& address) {
    const auto number = [](auto id) { return std::to_string(id.value); };
    switch (who.by) {
    case via::ticket:
    case via::device: return "device:" + number(who.device);
    case via::cookie: return "user:" + number(who.user);
    case via::service:
        if (!who.user.none()) return "token:" + number(who.token) + ":user:" + number(who.user);
        return "token:" + number(who.token);
    case via::admin:
    case via::enrolment: return "token:" + number(who.token);
    case via::nobody: return "address:" + limit_subject(address);
    }
    return "address:" + limit_subject(address);
}

port::rate rate_of(const api_context& s, rate_class c) {
    const auto& l = s.ports.settings.limits;
    constexpr millis k_minute{60'000};
    switch (c) {
    case rate_class::registration: return {l.register_per_minute, k_minute};
    case rate_class::credentials: return {l.credentials_per_minute, k_minute};
    case rate_class::reveal: return {l.reveal_per_hour, millis{3'600'000}};
    case rate_class::poll: return {l.poll_per_minute, k_minute};
    case rate_class::admin: return {l.admin_per_minute, k_minute};
    case rate_class::none:
    case rate_class::read: return {l.read_per_minute, k_minute};
    }
    return {l.read_per_minute, k_minute};
}

long seconds(millis m) {
    return static_cast<long>((m.count() + 999) / 1000);
}

void show(const port::rate_verdict& v, http::response& r) {
    r.headers.set("RateLimit-Limit", std::to_string(v.limit));
    r.headers.set("RateLimit-Remaining", std::to_string(v.remaining));
    r.headers.set("RateLimit-Reset", std::to_string(seconds(v.reset_after)));
}

http::response too_many(api_context& s, std::string_view which, const port::rate_verdict& v) {
    s.ports.metrics.count("api_rate_limited_total", {{"class", which}});
    problem p;
    p.status = 429;
    p.code = "rate_limited";
    p.title = "Too many requests";
    p.retry_after = std::max(1L, seconds(v.retry_after));
    auto r = respond(p);
    show(v, r);
    return r;
}

/// 429 instead of the refusal once an address has failed too often. A good credential from the same address
/// still passes: one broken app behind a company's NAT does not lock everybody out.
awaitable<http::response> failed(api_context& s, problem why, std::string address) {
    const auto v = co_await s.ports.limits.take(failed_key(address), failed_rate(s));
    if (!v.allowed) co_return too_many(s, "failed_auth", v);
    co_return respond(why);
}

/// Who asks, or the reply to whoever may not. Of an address counts, each for itself, what brings nothing and
/// what brings a cookie; what brings a bearer has its subject's limits, so that it is never starved by those
/// that bring none (SEC-04).
struct passed {
    principal who;
    std::optional<http::response> refused;
};
awaitable<std::optional<port::rate_verdict>> full(api_context& s, std::string what, std::string address) {
    const port::rate most{s.ports.settings.limits.address_per_minute, millis{60'000}};
    auto key = std::move(what) + address;
    const auto v = co_await s.ports.limits.take(std::move(key), most);
    if (v.allowed) co_return std::nullopt;
    co_return v;
}

awaitable<passed>
identified_or_refused(api_context& s, entry e, http::request req, outside o, std::string address) {
    passed out;
    const bool bearer = !req.headers.get("Authorization").empty();
    auto who = co_await identify(s, std::move(req), address, o.now, e.in_call);
    const bool anybody = (e.takes & any_of(via::nobody)) != 0;
    if (who.limited) {
        if (!anybody) out.refused = too_many(s, "failed_auth", *who.limited);
        co_return out;
    }
    if (!who.refused) {
        out.who = std::move(who.who);
        co_return out;
    }
    s.ports.metrics.count("api_auth_failures_total", {{"code", who.refused->code}});
    if (!bearer && anybody) { // a dead session does not stand in the way, but counts
        if (who.guess) (void)co_await s.ports.limits.take(failed_key(address), failed_rate(s));
        co_return out;
    }
    if (who.guess)
        out.refused = co_await failed(s, std::move(*who.refused), address);
    else
        out.refused = respond(*who.refused);
    co_return out;
}

awaitable<passed> let_in(api_context& s, entry e, http::request req, outside o) {
    passed out;
    const auto address = limit_subject(o.from.address);
    const bool bearer = !req.headers.get("Authorization").empty();
    const bool for_nobody = e.takes == any_of(via::nobody);
    const bool cookie = !for_nobody && !bearer && !req.headers.get("Cookie").empty();
    std::optional<port::rate_verdict> no;
    if (cookie)
        no = co_await full(s, "address-cookie:", address);
    else if (!bearer || for_nobody)
        no = co_await full(s, "address:", address);
    if (no && !bearer) {
        out.refused = too_many(s, "address", *no);
        co_return out;
    }
    if (for_nobody && !no) co_return out;
    out = co_await identified_or_refused(s, e, std::move(req), o, address);
    if (!no || out.refused) co_return out;
    // Nobody need be known here, but who is passes on a limit of their own.
    no = co_await full(s, "beside-address:", subject_of(out.who, o.from.address));
    if (no) out.refused = too_many(s, "address", *no);
    out.who = principal{};
    co_return out;
}

awaitable<http::response> handle(api_context& s, entry e, http::request req, outside o) {
    request_context in;
    in.address = o.from.address;
    in.base = base_of(s, o);
    in.now = o.now;
    auto who = co_await let_in(s, e, req, o);
    if (who.refused) co_return std::move(*who.refused);
    in.who = std::move(who.who);
    if (auto no = admit(e, in.who)) {
        s.ports.metrics.count("api_auth_failures_total", {{"code", no->code}});
        co_return respond(*no);
    }
    if (in.who.by == via::cookie && e.changes)
        if (const auto no = foreign_page(s, req, o.from.host)) co_return respond(*no);

    std::optional<port::rate_verdict> shown;
    if (e.rate != rate_class::none) {
        auto key = std::string(name(e.rate)) + ":" + subject_of(in.who, o.from.address);
        shown = co_await s.ports.limits.take(std::move(key), rate_of(s, e.rate));
        if (!shown->allowed) co_return too_many(s, name(e.rate), *shown);
    }
    http::response r;
    if (const auto no = decode_body(req, e.gzip_to)) { // of who may ask, and within their rate
        r = respond(*no);
        name_encodings(r, e.gzip_to);
    } else {
        in.req = std::move(req);
        r = co_await e.run(s, std::move(in));
    }
    if (shown) show(*shown, r);
    co_return r;
}

awaitable<http::response> serve(std::shared_ptr<api_context> s, entry e, http::request req) {
    auto o = look(*s, req);
    if (e.raw) {
        request_context in;
        in.req = std::move(req);
        auto r = co_await e.run(*s, std::move(in));
        r.headers.set("X-Content-Type-Options", "nosniff");
        co_return r;
    }
    http::response r;
    if (!o.encrypted && !s->ports.settings.http.allow_plain_api) {
        r = refuse_plain(*s, o);
        dress(o, r);
        co_return r;
    }
    bool away = false;
    try {
        r = co_await handle(*s, e, std::move(req), o);
    } catch (const port::unavailable& why) {
        away = true;
        log::warn("api_dependency_away", {{"route", e.pattern}, {"why", why.what()}});
    }
    if (away) {
        s->ports.metrics.count("api_unavailable_total");
        r = respond(unavailable_now());
    }
    dress(o, r);
    co_return r;
}

awaitable<http::response> preflight(std::shared_ptr<api_context> s, std::string methods, http::request req) {
    const auto o = look(*s, req);
    http::response r;
    if (!o.encrypted && !s->ports.settings.http.allow_plain_api) {
        r = refuse_plain(*s, o);
    } else if (!o.origin.empty() && !o.readable) {
        problem p;
        p.status = 403;
        p.code = "origin_forbidden";
        p.title = "Forbidden";
        p.detail = "The origin is not among auth.allowed_origins";
        r = respond(p);
    } else {
        r.status = 204;
        r.headers.set("Allow", methods);
        if (o.readable) {
            r.headers.set("Access-Control-Allow-Methods", methods);
            r.headers.set("Access-Control-Allow-Headers", std::string(k_allow_headers));
            r.headers.set("Access-Control-Max-Age", "600");
        }
    }
    dress(o, r);
    co_return r;
}

} // namespace

std::vector<http::route> guarded(const std::shared_ptr<api_context>& s, std::span<const entry> entries) {
    std::vector<http::route> out;
    std::map<std::string, std::string> methods;
    for (const auto& e : entries) {
        out.push_back({std::string(e.method), std::string(e.pattern), [s, e](http::request req) {
                           return serve(s, e, std::move(req));
                       }});
        auto& listed = methods[std::string(e.pattern)];
        if (!listed.empty()) listed += ", ";
        listed += e.method;
    }
    for (const auto& [pattern, listed] : methods)
        out.push_back({"OPTIONS", pattern, [s, allow = listed + ", OPTIONS"](http::request req) {
                           return preflight(s, allow, std::move(req));
                       }});
    return out;
}

} // namespace z360::edge::api
