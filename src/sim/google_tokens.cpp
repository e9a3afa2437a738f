// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/google_tokens.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

namespace z360::sim {

namespace {

constexpr std::string_view k_grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
constexpr std::array<std::string_view, 2> k_messaging_scopes{
    "https://www.googleapis.com/auth/firebase.messaging", "https://www.googleapis.com/auth/cloud-platform"
};

std::string decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        const auto* at = text.data() + i + 1;
        if (text[i] == '%' && i + 2 < text.size() && std::from_chars(at, at + 2, value, 16).ptr == at + 2) {
            out.push_back(static_cast<char>(value));
            i += 2;
        } else {
            out.push_back(text[i] == '+' ? ' ' : text[i]);
        }
    }
    return out;
}

std::vector<std::string> words(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        if (end > 0) out.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

} // namespace

std::map<std::string, std::string, std::less<>> form_fields(std::string_view body) {
    std::map<std::string, std::string, std::less<>> out;
    while (!body.empty()) {
        const auto part = body.substr(0, body.find('&'));
        const auto sign = std::min(part.find('='), part.size());
        if (sign > 0)
            out.emplace(decoded(part.substr(0, sign)), decoded(part.substr(std::min(sign + 1, part.size()))));
        body.remove_prefix(std::min(part.size() + 1, body.size()));
    }
    return out;
}

google_account google_tokens::account_from(const json& file) {
    const auto text = [&file](const char* key) {
        const auto it = file.is_object() ? file.find(key) : file.end();
        if (!file.is_object() || it == file.end() || !it->is_string())
            throw std::invalid_argument(std::string("the file of a service account has ") + key);
        return it->get<std::string>();
    };
    return {text("client_email"), text("project_id"), text("private_key")};
}

void google_tokens::add_account(google_account a) {
    if (a.client_email.empty() || a.project_id.empty())
        throw std::invalid_argument("a service account has client_email and project_id");
    checking_key check(a.pem, checking_key::kind::rsa);
    std::erase_if(accounts_, [&](const known_account& old) {
        return old.about.client_email == a.client_email;
    });
    accounts_.push_back({std::move(a), std::move(check)});
}

push_answer google_tokens::refusal(int status, std::string error, std::string_view why) {
    push_answer out;
    out.reply.status = status;
    json body{{"error", error}};
    if (!why.empty()) body["error_description"] = why;
    out.reply.body = body.dump();
    out.reply.fields.emplace_back("content-type", "application/json; charset=utf-8");
    out.reason = std::move(error);
    return out;
}

std::string google_tokens::fault_of(const read_jwt& jwt, time_point now) const {
    if (!settings_.audiences.contains(read_jwt::text(jwt.claims, "aud")))
        return "Invalid JWT: Failed audience check. The right audience is " + *settings_.audiences.begin();
    const auto issued = read_jwt::seconds(jwt.claims, "iat");
    const auto ends = read_jwt::seconds(jwt.claims, "exp");
    constexpr std::int64_t k_latest = 100'000'000'000; // what a time point of milliseconds holds easily
    const bool sane = issued && ends && *issued >= 0 && *ends >= 0 && *issued < k_latest && *ends < k_latest;
    const time_point from{std::chrono::seconds{sane ? *issued : 0}};
    const time_point until{std::chrono::seconds{sane ? *ends : 0}};
    if (!sane || until - from > settings_.longest_assertion || until <= from ||
        from > now + settings_.clock_tolerance || until + settings_.clock_tolerance < now)
        return "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
               "Check your iat and exp values in the JWT claim.";
    return {};
}

push_answer google_tokens::take(const push_request& r, time_point now) {
    if (r.method != "POST") return refusal(405, "method_not_allowed", {});
    const auto* type = r.find("content-type");
    if (type == nullptr || !type->starts_with("application/x-www-form-urlencoded"))
        return refusal(400, "invalid_request", "The body must be a form.");
    const auto form = form_fields(r.body);
    const auto grant_type = form.find("grant_type");
    if (grant_type == form.end() || grant_type->second != k_grant)
        return refusal(400, "unsupported_grant_type", "Invalid grant_type.");
    const auto assertion = form.find("assertion");
    if (assertion == form.end()) return refusal(400, "invalid_request", "Missing parameter: assertion");
    const auto jwt = read(assertion->second);
    if (!jwt) return refusal(400, "invalid_grant", "Bad Request");
    if (read_jwt::text(jwt->header, "alg") != "RS256")
        return refusal(400, "invalid_grant", "Invalid JWT: alg must be RS256.");
    const auto issuer = read_jwt::text(jwt->claims, "iss");
    const auto who = std::find_if(accounts_.begin(), accounts_.end(), [&](const known_account& a) {
        return a.about.client_email == issuer;
    });
    if (who == accounts_.end()) return refusal(400, "invalid_grant", "Invalid grant: account not found");
    if (!who->check.signed_by(jwt->signed_text, jwt->signature))
        return refusal(400, "invalid_grant", "Invalid JWT Signature.");
    if (const auto why = fault_of(*jwt, now); !why.empty()) return refusal(400, "invalid_grant", why);
    const auto scopes = words(read_jwt::text(jwt->claims, "scope"));
    if (scopes.empty())
        return refusal(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.");
    grant g;
    g.project_id = who->about.project_id;
    g.ends = now + settings_.access_life;
    for (const auto scope : k_messaging_scopes)
        g.messaging = g.messaging || std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
    const auto number = std::to_string(++serial_);
    const auto token = "ya29.sim-" + number + "-" + short_hash(settings_.seed + "/access/" + number) +
                       short_hash(assertion->second);
    std::erase_if(granted_, [now](const auto& g_) { return g_.second.ends + std::chrono::hours{1} < now; });
    granted_.emplace(token, std::move(g));
    push_answer out;
    out.reply.fields.emplace_back("content-type", "application/json; charset=utf-8");
    out.reply.body =
        json{
            {"access_token", token},
            {"expires_in", std::chrono::floor<std::chrono::seconds>(settings_.access_life).count()},
            {"token_type", "Bearer"},
        }
            .dump();
    return out;
}

google_tokens::bearer google_tokens::whose(std::string_view access_token, time_point now) const {
    bearer out;
    const auto it = granted_.find(access_token);
    if (it == granted_.end()) return out;
    out.project_id = it->second.project_id;
    if (now >= it->second.ends)
        out.is = bearer::state::expired;
    else
        out.is = it->second.messaging ? bearer::state::good : bearer::state::out_of_scope;
    return out;
}

} // namespace z360::sim
