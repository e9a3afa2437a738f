// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/fcm.hpp"

#include "sim/fcm_rules.hpp"

#include <array>
#include <stdexcept>

namespace z360::sim {

namespace {

constexpr const char* k_type = "@type";
constexpr std::size_t k_longest_token = 4096;
constexpr std::size_t k_most_collapse_keys = 4;

struct usual {
    int status;
    std::string_view code;
    std::string_view word;
    std::string_view message;
};
// The first of a status is what it has without a reason.
constexpr std::array<usual, 11> k_usual{{
    {400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "Request contains an invalid argument."},
    {401, "", "UNAUTHENTICATED",
     "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
     "valid "
     "authentication credential."},
    {401, "THIRD_PARTY_AUTH_ERROR", "UNAUTHENTICATED", "Auth error from APNS or Web Push Service"},
    {403, "", "PERMISSION_DENIED",
     "Permission 'cloudmessaging.messages.create' denied on resource (or it may not exist)."},
    {403, "SENDER_ID_MISMATCH", "PERMISSION_DENIED", "SenderId mismatch"},
    {404, "UNREGISTERED", "NOT_FOUND", "Requested entity was not found."},
    {429, "QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED", "Quota exceeded."},
    {500, "INTERNAL", "INTERNAL", "Internal error encountered."},
    {502, "", "", ""},
    {503, "UNAVAILABLE", "UNAVAILABLE", "The service is currently unavailable."},
    {504, "", "DEADLINE_EXCEEDED", "Deadline exceeded."},
}};

fcm_error from(const usual& u) {
    fcm_error e;
    e.status = u.status;
    e.code = u.code;
    e.word = u.word;
    e.message = u.message;
    return e;
}

json details_of(const fcm_error& e) {
    json out = json::array();
    if (!e.info.empty())
        out.push_back(json{
            {k_type, "type.googleapis.com/google.rpc.ErrorInfo"},
            {"reason", e.info},
            {"domain", "googleapis.com"},
            {"metadata", {{"service", "fcm.googleapis.com"}}},
        });
    if (!e.code.empty())
        out.push_back(
            json{{k_type, "type.googleapis.com/google.firebase.fcm.v1.FcmError"}, {"errorCode", e.code}}
        );
    if (!e.field.empty())
        out.push_back(json{
            {k_type, "type.googleapis.com/google.rpc.BadRequest"},
            {"fieldViolations", json::array({json{{"field", e.field}, {"description", e.message}}})},
        });
    if (!e.quota.empty())
        out.push_back(json{
            {k_type, "type.googleapis.com/google.rpc.QuotaFailure"},
            {"violations", json::array({json{{"subject", e.quota + ":sim"}, {"description", e.message}}})},
        });
    return out;
}

fcm_error invalid(std::string message, std::string field, bool of_fcm = true) {
    auto e = from(k_usual[0]);
    e.message = std::move(message);
    e.field = std::move(field);
    if (!of_fcm) e.code.clear();
    return e;
}

std::string text(const json& of, const char* name) {
    const auto it = of.find(name);
    return it != of.end() && it->is_string() ? it->get<std::string>() : std::string{};
}

} // namespace

std::optional<std::string> fcm_project_in(std::string_view path) {
    constexpr std::string_view k_before = "/v1/projects/";
    constexpr std::string_view k_after = "/messages:send";
    path = path.substr(0, path.find('?'));
    if (!path.starts_with(k_before) || !path.ends_with(k_after)) return std::nullopt;
    if (path.size() <= k_before.size() + k_after.size()) return std::nullopt;
    const auto project = path.substr(k_before.size(), path.size() - k_before.size() - k_after.size());
    if (project.find('/') != std::string_view::npos) return std::nullopt;
    return std::string(project);
}

fcm_error usual_fcm_error(int status, std::string_view reason) {
    for (const auto& u : k_usual)
        if (u.status == status && (reason.empty() || reason == u.code || reason == u.word)) return from(u);
    fcm_error e;
    e.status = status;
    e.code = reason;
    e.word = reason.empty() ? "UNKNOWN" : reason;
    e.message = "The simulator was told to say so.";
    return e;
}

push_answer fcm_service::refusal(const fcm_error& e) {
    push_answer out;
    out.reply.status = e.status;
    out.reason = e.code.empty() ? e.word : e.code;
    if (out.reason.empty()) out.reason = std::to_string(e.status);
    if (e.word.empty()) { // what stands in front of Google's services answers in HTML
        out.reply.fields.emplace_back("content-type", "text/html; charset=UTF-8");
        out.reply.body = "<!DOCTYPE html><title>Error " + std::to_string(e.status) + "</title>";
    } else {
        json error{{"code", e.status}, {"message", e.message}, {"status", e.word}};
        if (auto details = details_of(e); !details.empty()) error["details"] = std::move(details);
        out.reply.fields.emplace_back("content-type", "application/json; charset=UTF-8");
        out.reply.body =
            json{{"error", std::move(error)}}.dump(2, ' ', false, json::error_handler_t::replace);
    }
    if (e.retry_after_s) out.reply.fields.emplace_back("retry-after", std::to_string(*e.retry_after_s));
    return out;
}

void fcm_service::put_device(const std::string& token, fcm_device d) {
    if (token.empty() || token.size() > k_longest_token)
        throw std::invalid_argument("an FCM token has 1 to 4096 characters");
    if (d.project_id.empty()) throw std::invalid_argument("an FCM token belongs to a project");
    devices_[token] = std::move(d);
}

std::optional<fcm_device> fcm_service::device(const std::string& token) const {
    const auto it = devices_.find(token);
    if (it == devices_.end()) return std::nullopt;
    return it->second;
}

std::optional<fcm_error>
fcm_service::judge_bearer(const push_request& r, const google_tokens& tokens, time_point now) const {
    const auto* authorization = r.find("authorization");
    auto e = from(k_usual[1]);
    if (authorization == nullptr || authorization->size() < 8 ||
        (!authorization->starts_with("Bearer ") && !authorization->starts_with("bearer "))) {
        e.message =
            "Request is missing required authentication credential. Expected OAuth 2 access token, login "
            "cookie or other valid authentication credential.";
        e.info = "CREDENTIALS_MISSING";
        return e;
    }
    const auto who = tokens.whose(std::string_view(*authorization).substr(7), now);
    switch (who.is) {
    case google_tokens::bearer::state::unknown: e.info = "ACCESS_TOKEN_TYPE_UNSUPPORTED"; return e;
    case google_tokens::bearer::state::expired: e.info = "ACCESS_TOKEN_EXPIRED"; return e;
    case google_tokens::bearer::state::out_of_scope:
        e = from(k_usual[3]);
        e.message = "Request had insufficient authentication scopes.";
        e.info = "ACCESS_TOKEN_SCOPE_INSUFFICIENT";
        return e;
    case google_tokens::bearer::state::good: break;
    }
    if (who.project_id != *fcm_project_in(r.path)) return from(k_usual[3]);
    return std::nullopt;
}

std::optional<fcm_error> fcm_service::judge_device(const json& message, const std::string& project) const {
    const bool by_fid = message.contains("fid");
    const auto token = text(message, by_fid ? "fid" : "token");
    if (token.empty()) return std::nullopt; // a topic, a condition
    const auto it = devices_.find(token);
    if (it == devices_.end() || it->second.by_fid != by_fid) {
        if (settings_.any_token && it == devices_.end()) return std::nullopt;
        return invalid(
            "The registration token is not a valid FCM registration token",
            by_fid ? "message.fid" : "message.token"
        );
    }
    const auto& d = it->second;
    if (d.unregistered) return usual_fcm_error(404, "UNREGISTERED");
    if (d.project_id != project) return usual_fcm_error(403, "SENDER_ID_MISMATCH");
    const auto android = message.find("android");
    const auto package = android != message.end() ? text(*android, "restricted_package_name") : std::string{};
    if (!package.empty() && !d.package.empty() && package != d.package)
        return invalid(
            "The registration token is not of an app with the restricted package name.",
            "message.android.restricted_package_name"
        );
    return std::nullopt;
}

void fcm_service::note_collapse_keys(const json& message, std::vector<std::string>& notes) {
    const auto android = message.find("android");
    const auto key = android != message.end() ? text(*android, "collapse_key") : std::string{};
    const auto token = text(message, message.contains("fid") ? "fid" : "token");
    if (key.empty() || token.empty()) return;
    auto& keys = collapse_keys_[token];
    if (keys.size() <= k_most_collapse_keys) keys.insert(key);
    if (keys.size() > k_most_collapse_keys)
        notes.emplace_back("more than four collapse keys for one device: which of them stay, nobody knows");
}

push_answer fcm_service::take(const push_request& r, const google_tokens& tokens, time_point now) {
    const auto project = fcm_project_in(r.path);
    if (!project || r.method != "POST") {
        fcm_error e;
        e.status = 404;
        return refusal(e);
    }
    if (const auto e = judge_bearer(r, tokens, now)) return refusal(*e);
    const auto read = read_fcm_message(r.body);
    if (read.wrong) return refusal(invalid(read.wrong->message, read.wrong->field, read.wrong->parsed));
    const auto& message = read.root.at("message");
    std::vector<std::string> notes;
    if (const auto c = check_fcm_message(message, notes)) {
        auto out = refusal(invalid(c->message, c->field, c->parsed));
        out.notes = std::move(notes);
        return out;
    }
    if (const auto e = judge_device(message, *project)) return refusal(*e);
    const bool only_validated = read.root.value("validate_only", false);
    push_answer out;
    out.id = "projects/" + *project + "/messages/" +
             (only_validated ? "fake_message_id"
                             : "0:" + std::to_string(now.time_since_epoch().count()) + "%" +
                                   short_hash(*project + std::to_string(++serial_)));
    out.reply.fields.emplace_back("content-type", "application/json; charset=UTF-8");
    out.reply.body = json{{"name", out.id}}.dump(2);
    out.delivered = !only_validated && (message.contains("token") || message.contains("fid"));
    if (out.delivered) note_collapse_keys(message, notes);
    out.notes = std::move(notes);
    return out;
}

} // namespace z360::sim
