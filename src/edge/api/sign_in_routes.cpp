// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Sign in with Apple (IOS-04), and handing a sign-in over to the web product.
#include "adapter/crypto/bearer.hpp"
#include "edge/api/auth.hpp"
#include "edge/api/registration.hpp"
#include "edge/api/route_tables.hpp"
#include "edge/api/views.hpp"

#include <utility>

namespace z360::edge::api {
namespace {

constexpr millis k_handoff_life{60'000};
constexpr millis k_enrolment_life{600'000};

problem apple_refused(const std::string& reason) {
    problem p;
    p.status = 401;
    p.code = "apple_token_invalid";
    p.title = "Unauthenticated.";
    p.detail = "Apple's token does not do: " + reason;
    p.more["credential"] = "apple";
    return p;
}

problem apple_token_used() {
    auto p = apple_refused("it has served already; start the sign-in anew");
    p.code = "apple_token_used";
    return p;
}

problem no_apple() {
    return not_found("apple_not_configured", "Sign in with Apple is not offered here");
}

struct short_lived {
    secret token;
    time_point until{};
};
awaitable<short_lived>
issue(api_context& s, port::token_kind kind, user_id user, millis life, request_context in) {
    const auto now = in.now;
    short_lived out;
    out.token = adapter::crypto::make_bearer(kind, s.ports.settings.server.environment);
    out.until = now + life;
    auto hash = s.ports.vault.hash(out.token);
    port::new_token t;
    t.kind = kind;
    t.hash = std::move(hash.bytes);
    t.hash_key_id = std::move(hash.key_id);
    t.label = "apple";
    t.user = user;
    t.issued_by = in.who.token;
    t.now = now;
    t.expires_at = out.until;
    t.ends_at = out.until;
    (void)co_await s.ports.tokens.add(std::move(t));
    co_return out;
}

/// Before anything is given out: only to who may sign in, once for a token, and written down.
awaitable<std::optional<problem>>
may_hand_out(api_context& s, request_context in, apple_answer apple, user_id user, std::string what) {
    const auto person = co_await s.ports.tenants.person_of(port::tenant_scope::all(), user);
    if (!person || person->status != "active") {
        auto no = access_denied();
        no.detail = "This person is suspended; ask whoever administers the organisation";
        co_return no;
    }
    const bool first = co_await s.ports.tokens.first_use(std::move(apple.fingerprint), apple.ends_at, in.now);
    if (!first) co_return apple_token_used();
    auto who = in.who;
    who.user = user;
    co_await audit(s, std::move(who), in.address, "apple_sign_in", {}, std::move(what));
    co_return std::nullopt;
}

/// Whose account it is: linked already, or now, when the request proves a person besides.
struct account {
    user_id user;
    std::optional<problem> refused;
};
awaitable<account> find_account(api_context& s, request_context in, apple_answer apple) {
    account out;
    const auto linked = co_await s.ports.tenants.apple_user(apple.subject);
    problem taken;
    taken.status = 409;
    taken.code = "apple_account_taken";
    taken.title = "This Apple account belongs to another person";
    if (linked && !in.who.user.none() && *linked != in.who.user) {
        out.refused = std::move(taken);
        co_return out;
    }
    if (linked) {
        out.user = *linked;
        co_return out;
    }
    if (in.who.user.none()) {
        out.refused = not_found("apple_account_unknown", "Nobody is linked to this Apple account");
        out.refused->detail = "Send it once together with a session, a device token or an enrolment code";
        co_return out;
    }
    // The link signs the person in everywhere: whoever speaks for one organisation cannot make it.
    if (!in.who.bound_to.none()) {
        problem p;
        p.status = 403;
        p.code = "wrong_credential";
        p.title = "Forbidden";
        p.detail =
            "This token is bound to one organisation; link the account with a session or an unbound token";
        p.more["credential"] = name(in.who.by);
        out.refused = std::move(p);
        co_return out;
    }
    if (in.who.by == via::enrolment) {
        const bool first = co_await s.ports.tokens.consume(in.who.token, in.now);
        if (!first) {
            out.refused = unauthorized("token_used", via::enrolment, "The code was used; ask for a new one");
            co_return out;
        }
    }
    co_await audit(s, in.who, in.address, "apple_linked", in.who.device, {});
    const bool ours = co_await s.ports.tenants.link_apple(in.who.user, apple.subject, apple.email, in.now);
    if (ours)
        out.user = in.who.user;
    else
        out.refused = std::move(taken);
    co_return out;
}

awaitable<http::response> post_apple(api_context& s, request_context in) {
    if (s.ports.apple == nullptr) co_return respond(no_apple());
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    auto token = f.text("identity_token", {.required = true, .max = 8'192});
    auto nonce = f.text("nonce", {.required = true, .max = 256});
    const auto* device = f.object("device");
    if (!f.ok()) co_return respond(f.refusal());
    auto apple = co_await s.ports.apple->verify(std::move(token), std::move(nonce));
    if (apple.result == apple_answer::what::unavailable)
        co_return respond(unavailable_now("apple_unavailable", 5));
    if (apple.result == apple_answer::what::refused) co_return respond(apple_refused(apple.reason));
    // A foreign page must not link its own Apple account to whoever's cookie this is (B34).
    const auto found = co_await find_account(s, in, apple);
    if (found.refused) co_return respond(*found.refused);
    std::string what = device != nullptr ? "registers a device" : "enrolment code";
    auto no = co_await may_hand_out(s, in, std::move(apple), found.user, what + ", handoff token");
    if (no) co_return respond(*no);

    json registration = nullptr;
    int status = 200;
    if (device != nullptr) {
        request_context as = in;
        as.who = principal{};
        as.who.by = via::enrolment; // proved by Apple; there is no code to use up
        as.who.user = found.user;
        if (in.who.user == found.user) as.who.session = in.who.session;
        auto done = co_await try_register(s, std::move(as), *device);
        if (done.status == 0) co_return std::move(done.refused);
        status = done.status;
        registration = std::move(done.data);
    }
    const auto handoff = co_await issue(s, port::token_kind::handoff, found.user, k_handoff_life, in);
    json data{
        {"user_id", found.user.value},
        {"handoff_token", handoff.token.reveal()},
        {"handoff_expires_at", iso8601(handoff.until)},
        {"enrolment_code", nullptr},
        {"enrolment_expires_at", nullptr},
        {"registration", std::move(registration)},
    };
    if (device == nullptr) {
        const auto code = co_await issue(s, port::token_kind::enrolment, found.user, k_enrolment_life, in);
        data["enrolment_code"] = code.token.reveal();
        data["enrolment_expires_at"] = iso8601(code.until);
    }
    co_return success(status, std::move(data));
}

awaitable<http::response> post_notice(api_context& s, request_context in) {
    if (s.ports.apple == nullptr) co_return respond(no_apple());
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    auto payload = f.text("payload", {.required = true, .max = 16'384});
    if (!f.ok()) co_return respond(f.refusal());
    const auto apple = co_await s.ports.apple->verify_event(std::move(payload));
    if (apple.result == apple_answer::what::unavailable)
        co_return respond(unavailable_now("apple_unavailable", 5));
    if (apple.result == apple_answer::what::refused) co_return respond(apple_refused(apple.reason));
    std::size_t removed = 0;
    if (apple.event == "consent-revoked" || apple.event == "account-delete") {
        co_await audit(s, in.who, in.address, "apple_unlinked", {}, "event=" + apple.event);
        const auto gone = co_await s.ports.tenants.unlink_apple(apple.subject, apple.issued_at, in.now);
        look_at(s, gone);
        removed = gone.size();
    }
    json data{{"event", text_or_null(apple.event)}, {"devices_removed", removed}};
    co_return success(200, std::move(data));
}

awaitable<http::response> post_handoff(api_context& s, request_context in) {
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    const auto text = f.text("handoff_token", {.required = true});
    if (!f.ok()) co_return respond(f.refusal());
    const auto unknown = not_found("handoff_unknown", "The hand-off code is not valid, or was used");
    const auto read = adapter::crypto::read_bearer(text);
    if (!read || read->kind != port::token_kind::handoff ||
        read->environment != s.ports.settings.server.environment)
        co_return respond(unknown);
    std::vector<std::string> hashes;
    for (auto& h : s.ports.vault.hashes(read->whole))
        hashes.push_back(std::move(h.bytes));
    const auto row = co_await s.ports.tokens.find(std::move(hashes));
    if (!row || row->kind != port::token_kind::handoff || row->user_status == "suspended")
        co_return respond(unknown);
    if (!in.who.bound_to.none()) {
        const auto seen =
            co_await s.ports.tenants.person_of(port::tenant_scope::of(in.who.bound_to), row->user);
        if (!seen) co_return respond(unknown);
    }
    const bool first = co_await s.ports.tokens.consume(row->id, in.now);
    if (!first) co_return respond(unknown);
    json data{{"user_id", row->user.value}};
    co_return success(200, std::move(data));
}

} // namespace

std::vector<entry> sign_in_entries() {
    constexpr auto k_anyone = any_of(via::nobody, via::device, via::cookie, via::enrolment);
    entry handoff{"POST", "/api/auth/handoff", post_handoff, any_of(via::service), rate_class::read};
    handoff.scope = "handoff";
    handoff.for_person = false;
    return {
        {"POST", "/api/auth/apple", post_apple, k_anyone, rate_class::registration, true},
        {"POST", "/api/auth/apple/notifications", post_notice, any_of(via::nobody), rate_class::read},
        handoff,
    };
}

} // namespace z360::edge::api
