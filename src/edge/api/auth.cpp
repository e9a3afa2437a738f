// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/auth.hpp"

#include "adapter/crypto/bearer.hpp"
#include "adapter/crypto/digest.hpp"
#include "edge/api/operators.hpp"

#include <algorithm>
#include <utility>

namespace z360::edge::api {
namespace {

namespace crypto = adapter::crypto;
using port::token_kind;

constexpr millis k_touch_every{3'600'000};
constexpr millis k_seen_every{60'000};
constexpr millis k_good_for{3'600'000};
constexpr std::size_t k_most_remembered = 200'000;

via via_of(token_kind k) {
    switch (k) {
    case token_kind::device: return via::device;
    case token_kind::service: return via::service;
    case token_kind::admin: return via::admin;
    case token_kind::enrolment: return via::enrolment;
    case token_kind::handoff: return via::nobody;
    }
    return via::nobody;
}

identified refuse(problem p, bool guess) {
    identified out;
    out.refused = std::move(p);
    out.guess = guess;
    return out;
}

/// "Bearer x" without the word; nullopt: another scheme. `scheme` in lower case.
std::optional<std::string_view> after_scheme(std::string_view header, std::string_view scheme) {
    if (header.size() <= scheme.size() || header[scheme.size()] != ' ') return std::nullopt;
    for (std::size_t i = 0; i < scheme.size(); ++i) {
        const char c = header[i];
        if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != scheme[i]) return std::nullopt;
    }
    header.remove_prefix(scheme.size());
    while (!header.empty() && header.front() == ' ')
        header.remove_prefix(1);
    return header;
}

bool expired(const port::token_row& t, time_point now) {
    return now >= t.expires_at || now >= t.ends_at;
}

/// Why a stored token does not do; nullopt: it does.
std::optional<problem> fault_of(const port::token_row& t, time_point now, bool in_call) {
    const auto by = via_of(t.kind);
    if (t.kind == token_kind::device) {
        if (t.device_status == "suspended")
            return unauthorized(
                "device_session_expired", by, "The device was silent for too long; sign in again"
            );
        if (t.device_status == "removed")
            return unauthorized("token_revoked", by, "The device was removed; register it again");
    }
    if (t.revoked_at) return unauthorized("token_revoked", by, "The token was revoked");
    if (t.user_status == "suspended") return unauthorized("token_revoked", by, "The person is suspended");
    if (t.used_at) return unauthorized("token_used", by, "The code was used; ask for a new one");
    if (expired(t, now) && !(in_call && t.on_call)) {
        if (t.kind == token_kind::device)
            return unauthorized("device_session_expired", by, "The token has expired; sign in again");
        return unauthorized("token_expired", by, "The token has expired");
    }
    return std::nullopt;
}

awaitable<void> keep_alive(api_context& s, port::token_row t, secret token, time_point now) {
    const bool old_key = t.hash_key_id != s.ports.vault.current_key();
    if (!old_key && t.last_used_at && now - *t.last_used_at < k_touch_every) co_return;
    auto expires_at = t.expires_at;
    if (t.kind == token_kind::device)
        expires_at = std::min(now + s.ports.settings.auth.device_sliding, t.ends_at);
    std::optional<port::new_token> rehash;
    if (old_key) {
        auto fresh = s.ports.vault.hash(token);
        rehash.emplace();
        rehash->kind = t.kind;
        rehash->hash = std::move(fresh.bytes);
        rehash->hash_key_id = std::move(fresh.key_id);
    }
    co_await s.ports.tokens.touch(t.id, now, expires_at, std::move(rehash));
}

awaitable<void> tell_life(api_context& s, device_id device, std::optional<int> version, time_point now) {
    if (s.lives.size() > k_most_remembered) s.lives.clear();
    auto& known = s.lives[device.value];
    const bool news = version && *version != known.version;
    if (!news && now - known.told < k_seen_every) co_return;
    known.told = now;
    if (version) known.version = *version;
    co_await s.ports.devices.seen(device, now, version);
}

/// Fills in whom a backend acts for. nullopt: done.
awaitable<std::optional<problem>> name_person(api_context& s, principal& who, http::request req) {
    const auto org_text = req.headers.get("X-Z360-Organization");
    const auto user_text = req.headers.get("X-Z360-User");
    if (!org_text.empty()) {
        const auto org = whole_number(org_text);
        if (!org || (!who.bound_to.none() && who.bound_to.value != *org)) co_return no_org();
        who.org = org_id{*org};
    } else {
        who.org = who.bound_to;
    }
    if (user_text.empty()) co_return std::nullopt;
    const auto user = whole_number(user_text);
    if (!user) co_return no_user();
    who.user = user_id{*user};
    if (who.bound_to.none()) co_return std::nullopt;
    const auto orgs = co_await s.ports.devices.organisations(who.user);
    const bool member =
        std::any_of(orgs.begin(), orgs.end(), [&who](const auto& o) { return o.id == who.bound_to; });
    if (!member) co_return no_user();
    co_return std::nullopt;
}

awaitable<std::optional<port::token_row>>
look_up(api_context& s, std::string digest, secret token, std::string address, time_point now) {
    std::vector<std::string> hashes;
    for (auto& h : s.ports.vault.hashes(token))
        hashes.push_back(std::move(h.bytes));
    const auto good = s.good_bearers.find(digest);
    if (good != s.good_bearers.end() && now < good->second) {
        auto row = co_await s.ports.tokens.find(std::move(hashes));
        co_return row;
    }
    const auto place = co_await s.bearer_questions.enter(std::move(address));
    if (!place.has_one())
        throw port::unavailable("too many unknown bearers of one address are being looked up");
    auto row = co_await s.ports.tokens.find(std::move(hashes));
    co_return row;
}

awaitable<identified> by_bearer(
    api_context& s, std::string text, http::request req, std::string address, time_point now, bool in_call
) {
    const auto read = crypto::read_bearer(text);
    if (!read || read->kind == token_kind::handoff)
        co_return refuse(
            unauthorized("token_unknown", via::nobody, "This is not one of our bearer tokens"), true
        );
    const auto by = via_of(read->kind);
    if (read->environment != s.ports.settings.server.environment)
        co_return refuse(
            unauthorized("wrong_environment", by, "The token belongs to environment " + read->environment),
            true
        );
    const auto digest = s.digests.of(read->whole.reveal());
    const auto row = co_await look_up(s, digest, read->whole, std::move(address), now);
    if (!row || row->kind != read->kind)
        co_return refuse(unauthorized("token_unknown", by, "The token is not known"), true);
    if (auto fault = fault_of(*row, now, in_call)) {
        s.good_bearers.erase(digest);
        co_return refuse(std::move(*fault), true);
    }
    if (s.good_bearers.size() > k_most_remembered) s.good_bearers.clear();
    s.good_bearers[digest] = now + k_good_for;

    identified out;
    auto& who = out.who;
    who.by = by;
    who.user = row->user;
    who.device = row->device;
    who.device_uid = row->device_uid;
    who.token = row->id;
    who.scopes = row->scopes;
    who.token_expires_at = row->expires_at;
    who.bound_to = by == via::service || by == via::admin ? row->org : row->bound_to;
    if (by == via::enrolment) who.org = row->bound_to.none() ? row->org : row->bound_to;
    if (by == via::device)
        who.token_expires_at =
            std::max(row->expires_at, std::min(now + s.ports.settings.auth.device_sliding, row->ends_at));
    if (by == via::service) {
        auto fault = co_await name_person(s, who, req);
        if (fault) co_return refuse(std::move(*fault), false);
    }
    // The call does not bring an expired one back to life.
    if (!expired(*row, now)) co_await keep_alive(s, *row, read->whole, now);
    if (by == via::device) {
        const auto version = whole_number(req.headers.get("X-Credential-Version"), 1, 1'000'000'000);
        std::optional<int> held;
        if (version) held = static_cast<int>(*version);
        co_await tell_life(s, who.device, held, now);
    }
    co_return out;
}

identified limited(port::rate_verdict v) {
    identified out;
    out.limited = v;
    return out;
}

/// Whose cookie it is; nullopt and `why`: nobody was asked. A failure is counted here, before the next in the
/// line is asked about; one that is remembered is counted by whoever asks here.
awaitable<std::optional<cookie_answer>> ask_product(
    api_context& s, std::string cookie, std::string user_agent, std::string address, identified& why
) {
    auto& cookies = *s.ports.cookies;
    if (auto known = cookies.remembered(cookie)) {
        why.guess = known->result == cookie_answer::what::refused;
        co_return known;
    }
    auto left = co_await s.ports.limits.look(failed_key(address), failed_rate(s));
    if (left.allowed) {
        const auto place = co_await s.cookie_questions.enter(address);
        // Those in front in the line may have used up what was left.
        left = co_await s.ports.limits.look(failed_key(address), failed_rate(s));
        if (left.allowed && place.has_one()) {
            auto said = co_await cookies.who(std::move(cookie), std::move(user_agent));
            if (said.result == cookie_answer::what::refused)
                (void)co_await s.ports.limits.take(failed_key(address), failed_rate(s));
            co_return said;
        }
    }
    left.allowed = false;
    why = limited(left);
    co_return std::nullopt;
}

awaitable<identified>
by_cookie(api_context& s, std::string cookie, std::string user_agent, std::string address) {
    if (s.ports.cookies == nullptr)
        co_return refuse(
            unauthorized("token_missing", via::cookie, "This server takes no cookies; send a bearer token"),
            false
        );
    identified out;
    const auto said =
        co_await ask_product(s, std::move(cookie), std::move(user_agent), std::move(address), out);
    if (!said) co_return out;
    switch (said->result) {
    case cookie_answer::what::refused:
        co_return refuse(
            unauthorized("session_invalid", via::cookie, "The session is not valid; sign in"), out.guess
        );
    case cookie_answer::what::unavailable:
        co_return refuse(unavailable_now("session_check_unavailable"), false);
    case cookie_answer::what::known: break;
    }
    out.who.by = via::cookie;
    out.who.user = said->user;
    out.who.org = said->org;
    if (!said->session.empty()) out.who.session = crypto::sha256_hex("session " + said->session);
    co_return out;
}

/// Of a phone that a push has woken: it is known by the MAC alone, nothing is looked up.
identified by_ticket(const api_context& s, std::string_view text, time_point now) {
    const auto t = s.ports.tickets != nullptr ? s.ports.tickets->open(text) : std::nullopt;
    if (!t)
        return refuse(
            unauthorized("ring_ticket_unknown", via::ticket, "This is not one of our tickets"), true
        );
    if (now >= t->until)
        return refuse(
            unauthorized("ring_ticket_expired", via::ticket, "The ring is over; use the device's bearer"),
            false
        );
    identified out;
    out.who.by = via::ticket;
    out.who.user = t->user;
    out.who.device = t->device;
    out.who.bound_to = t->org;
    out.who.ticket = *t;
    return out;
}

std::string_view host_of(std::string_view origin) {
    const auto at = origin.find("://");
    if (at == std::string_view::npos) return {};
    return origin.substr(at + 3);
}

} // namespace

problem unauthorized(std::string code, via credential, std::string detail) {
    problem p;
    p.status = 401;
    p.code = std::move(code);
    p.title = "Unauthenticated.";
    p.detail = std::move(detail);
    p.more["credential"] = name(credential);
    return p;
}

std::string failed_key(const std::string& address) {
    return "failed-auth:" + address;
}

port::rate failed_rate(const api_context& s) {
    return {s.ports.settings.limits.failed_auth_per_minute, millis{60'000}};
}

awaitable<identified>
identify(api_context& s, http::request req, std::string address, time_point now, bool in_call) {
    const auto header = req.headers.get("Authorization");
    if (const auto ticket = after_scheme(header, "ticket")) co_return by_ticket(s, *ticket, now);
    if (!header.empty()) {
        std::string text(after_scheme(header, "bearer").value_or(std::string_view{}));
        auto out = co_await by_bearer(s, std::move(text), std::move(req), std::move(address), now, in_call);
        co_return out;
    }
    std::string cookie(req.headers.get("Cookie"));
    if (!cookie.empty()) {
        std::string user_agent(req.headers.get("User-Agent"));
        auto out = co_await by_cookie(s, std::move(cookie), std::move(user_agent), std::move(address));
        co_return out;
    }
    co_return identified{};
}

std::optional<problem> admit(const entry& e, const principal& who) {
    if (who.by == via::nobody && (e.takes & any_of(via::nobody)) == 0)
        return unauthorized("token_missing", via::nobody, "Send a bearer token in the Authorization header");
    const auto forbidden = [&who](std::string code, std::string detail) {
        problem p;
        p.status = 403;
        p.code = std::move(code);
        p.title = "Forbidden";
        p.detail = std::move(detail);
        p.more["credential"] = name(who.by);
        return p;
    };
    if ((e.takes & any_of(who.by)) == 0)
        return forbidden("wrong_credential", "This route does not take a " + std::string(name(who.by)));
    if (who.by != via::service && who.by != via::admin) return std::nullopt;
    const auto scope = e.scope.empty() && who.by == via::service ? std::string_view("act") : e.scope;
    if (!who.may(scope)) return forbidden("scope_missing", "The token lacks the scope " + std::string(scope));
    if (who.by == via::service && e.for_person && who.user.none())
        return forbidden("user_missing", "Name the person in X-Z360-User");
    return std::nullopt;
}

bool allowed_origin(const api_context& s, std::string_view origin, std::string_view host) {
    if (origin.empty()) return false;
    const auto& list = s.ports.settings.auth.allowed_origins;
    if (std::find(list.begin(), list.end(), origin) != list.end()) return true;
    // What the web views of native apps send; no page of the web can have one of these.
    if (s.ports.settings.auth.native_webviews &&
        (origin == "capacitor://localhost" || origin == "https://localhost"))
        return true;
    if (!s.ports.settings.server.public_url.empty()) {
        std::string_view own = s.ports.settings.server.public_url;
        const auto path = own.find('/', own.find("://") + 3);
        if (origin == own.substr(0, path)) return true;
    }
    if (!origin.starts_with("https://") && !s.ports.settings.http.allow_plain_api) return false;
    return !host.empty() && host_of(origin) == host;
}

std::optional<problem> foreign_page(const api_context& s, const http::request& req, const std::string& host) {
    if (allowed_origin(s, req.headers.get("Origin"), host)) return std::nullopt;
    problem p;
    p.status = 403;
    p.code = "origin_forbidden";
    p.title = "Forbidden";
    p.detail = "A cookie may change something only from a page whose Origin is allowed; send a bearer token";
    p.more["credential"] = name(via::cookie);
    return p;
}

} // namespace z360::edge::api
