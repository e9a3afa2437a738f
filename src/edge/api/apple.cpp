// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/apple.hpp"

#include "adapter/crypto/digest.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace z360::edge::api {
namespace {

using boost::asio::awaitable;
using nlohmann::json;
using claims = std::map<std::string, std::string>;

constexpr millis k_leeway{60'000};
constexpr std::size_t k_max_sub = 255;
constexpr std::int64_t k_year_10000 = 253'402'300'800;

std::string_view text_of(const claims& c, const char* key) {
    const auto it = c.find(key);
    return it == c.end() ? std::string_view{} : std::string_view(it->second);
}

std::optional<time_point> moment_of(const claims& c, const char* key) {
    const auto text = text_of(c, key);
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
    if (seconds < 0 || seconds >= k_year_10000) return std::nullopt;
    return time_point{std::chrono::seconds{seconds}};
}

// A text, or a JSON list of texts of which one is enough.
bool is_for_us(std::string_view audience, const std::vector<std::string>& ours) {
    const auto is_ours = [&](std::string_view a) {
        return std::find(ours.begin(), ours.end(), a) != ours.end();
    };
    if (!audience.starts_with('[')) return is_ours(audience);
    const json list = json::parse(audience, nullptr, false);
    return list.is_array() && std::any_of(list.begin(), list.end(), [&](const json& a) {
               return a.is_string() && is_ours(a.get_ref<const std::string&>());
           });
}

std::optional<apple_refusal>
refused_for_origin(const claims& c, const config::apple_t& settings, time_point now) {
    if (text_of(c, "iss") != settings.issuer) return apple_refusal::wrong_issuer;
    if (!is_for_us(text_of(c, "aud"), settings.client_ids)) return apple_refusal::wrong_audience;
    const auto issued = moment_of(c, "iat");
    if (!issued) return apple_refusal::malformed;
    if (*issued > now + k_leeway) return apple_refusal::expired;
    return std::nullopt;
}

bool is_sub(std::string_view text) {
    return !text.empty() && text.size() <= k_max_sub;
}

bool nonce_fits(std::string_view claimed, std::string_view given) {
    using adapter::crypto::same_secret;
    if (claimed.empty() || given.empty()) return false;
    return same_secret(claimed, given) || same_secret(claimed, adapter::crypto::sha256_hex(given));
}

std::variant<apple_identity, apple_refusal>
judge_identity(const claims& c, std::string_view nonce, const config::apple_t& settings, time_point now) {
    if (const auto refused = refused_for_origin(c, settings, now)) return *refused;
    const auto ends = moment_of(c, "exp");
    if (!ends) return apple_refusal::malformed;
    if (now >= *ends + k_leeway) return apple_refusal::expired;
    if (!nonce_fits(text_of(c, "nonce"), nonce)) return apple_refusal::wrong_nonce;
    apple_identity out;
    out.ends_at = *ends + k_leeway;
    out.sub = text_of(c, "sub");
    if (!is_sub(out.sub)) return apple_refusal::malformed;
    out.email = text_of(c, "email");
    out.email_verified = !out.email.empty() && text_of(c, "email_verified") == "true"; // a text or a boolean
    return out;
}

std::optional<apple_event_kind> kind_of(std::string_view text) {
    using enum apple_event_kind;
    for (const auto k : {consent_revoked, account_delete, email_disabled, email_enabled})
        if (name(k) == text) return k;
    if (text == "account-deleted") return account_delete; // both spellings are in Apple's documents
    return std::nullopt;
}

std::variant<apple_event, apple_refusal>
judge_event(const claims& c, const config::apple_t& settings, time_point now) {
    if (const auto refused = refused_for_origin(c, settings, now)) return *refused;
    // Notifications need not end; one that does is held to it.
    const auto ends = moment_of(c, "exp");
    if (!ends && c.contains("exp")) return apple_refusal::malformed;
    if (ends && now >= *ends + k_leeway) return apple_refusal::expired;
    // An object, or (as Apple writes it) an object's JSON text: the same to us.
    const json event = json::parse(text_of(c, "events"), nullptr, false);
    if (!event.is_object()) return apple_refusal::malformed;
    const auto text_in = [&](const char* key) {
        const auto it = event.find(key);
        return it != event.end() && it->is_string() ? it->get<std::string>() : std::string{};
    };
    const auto type = kind_of(text_in("type"));
    auto sub = text_in("sub");
    if (!type || !is_sub(sub)) return apple_refusal::malformed;
    return apple_event{*type, std::move(sub), *moment_of(c, "iat")};
}

// The claims of a token that Apple signed.
awaitable<std::variant<claims, apple_refusal>> genuine_claims(jwks& keys, secret token) {
    auto kid = adapter::crypto::jwt_key_id(token.reveal());
    if (!kid || kid->empty()) co_return apple_refusal::malformed;
    const auto found = co_await keys.find(std::move(*kid));
    switch (found.what) {
    case key_lookup::kind::found: break;
    case key_lookup::kind::unknown: co_return apple_refusal::bad_signature;
    case key_lookup::kind::unavailable: co_return apple_refusal::keys_unavailable;
    }
    auto c = adapter::crypto::verify_rs256(token.reveal(), found.key);
    if (!c) co_return apple_refusal::bad_signature;
    co_return std::move(*c);
}

} // namespace

std::string_view name(apple_refusal r) {
    switch (r) {
    case apple_refusal::malformed: return "malformed";
    case apple_refusal::bad_signature: return "bad_signature";
    case apple_refusal::wrong_issuer: return "wrong_issuer";
    case apple_refusal::wrong_audience: return "wrong_audience";
    case apple_refusal::expired: return "expired";
    case apple_refusal::wrong_nonce: return "wrong_nonce";
    case apple_refusal::keys_unavailable: return "keys_unavailable";
    }
    return "?";
}

std::string_view name(apple_event_kind k) {
    switch (k) {
    case apple_event_kind::consent_revoked: return "consent-revoked";
    case apple_event_kind::account_delete: return "account-delete";
    case apple_event_kind::email_disabled: return "email-disabled";
    case apple_event_kind::email_enabled: return "email-enabled";
    }
    return "?";
}

apple_verifier::apple_verifier(jwks& keys, const port::clock& clock, config::apple_t settings)
    : keys_(keys), clock_(clock), settings_(std::move(settings)) {}

awaitable<std::variant<apple_identity, apple_refusal>>
apple_verifier::verify(secret identity_token, std::string nonce) {
    if (settings_.client_ids.empty()) co_return apple_refusal::wrong_audience; // switched off: ask nobody
    const auto text = identity_token.reveal();
    // Without the signature, which can be written in several ways.
    auto fingerprint = adapter::crypto::sha256_hex(text.substr(0, text.rfind('.')));
    const auto told = co_await genuine_claims(keys_, std::move(identity_token));
    if (const auto* refused = std::get_if<apple_refusal>(&told)) co_return *refused;
    auto out = judge_identity(std::get<claims>(told), nonce, settings_, clock_.now());
    if (auto* who = std::get_if<apple_identity>(&out)) who->fingerprint = std::move(fingerprint);
    co_return out;
}

awaitable<std::variant<apple_event, apple_refusal>> apple_verifier::verify_event(std::string payload) {
    if (settings_.client_ids.empty()) co_return apple_refusal::wrong_audience;
    secret token(std::move(payload));
    const auto told = co_await genuine_claims(keys_, std::move(token));
    if (const auto* refused = std::get_if<apple_refusal>(&told)) co_return *refused;
    co_return judge_event(std::get<claims>(told), settings_, clock_.now());
}

} // namespace z360::edge::api
