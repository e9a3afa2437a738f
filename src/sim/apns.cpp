// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/apns.hpp"

#include "sim/apns_rules.hpp"

#include <z360/base/ids.hpp>

#include <algorithm>
#include <stdexcept>

namespace z360::sim {

namespace {

constexpr std::string_view k_place = "/3/device/";
constexpr std::string_view k_voip = ".voip";

bool is_team_id(std::string_view id) {
    return id.size() == 10 && std::all_of(id.begin(), id.end(), [](char c) {
               return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
           });
}

bool is_topic(std::string_view text) {
    return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '-' || c == '_';
    });
}

std::string upper_case(std::string text) {
    for (char& c : text)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return text;
}

} // namespace

std::string_view name(apns_environment e) {
    return e == apns_environment::sandbox ? "sandbox" : "production";
}

std::string lower_case(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::optional<std::string> apns_token_in(std::string_view path) {
    // "/3/device" names no token; both spellings of that are the same to Apple.
    if (path == k_place.substr(0, k_place.size() - 1)) return std::string{};
    if (!path.starts_with(k_place)) return std::nullopt;
    return lower_case(path.substr(k_place.size()));
}

void apns_service::add_key(apns_team_key k) {
    if (!is_team_id(k.key_id) || !is_team_id(k.team_id))
        throw std::invalid_argument("key id and team id have ten capital letters and digits each");
    checking_key check(k.pem, checking_key::kind::p256);
    std::erase_if(keys_, [&](const known_key& old) { return old.about.key_id == k.key_id; });
    keys_.push_back({std::move(k), std::move(check)});
}

void apns_service::put_device(apns_environment where, const std::string& token, apns_device d) {
    if (!is_hex(token)) throw std::invalid_argument("an APNs token consists of hexadecimal digits");
    if (!is_topic(d.topic))
        throw std::invalid_argument("topic must be that of the app, e.g. com.example.app.voip");
    devices_[{where, lower_case(token)}] = std::move(d);
}

std::optional<apns_device> apns_service::device(apns_environment where, const std::string& token) const {
    const auto it = devices_.find({where, lower_case(token)});
    if (it == devices_.end()) return std::nullopt;
    return it->second;
}

void apns_service::forget_device(apns_environment where, const std::string& token) {
    devices_.erase({where, lower_case(token)});
}

push_answer apns_service::refusal(
    int status, std::string reason, const push_request& r, std::optional<time_point> dead_since
) {
    push_answer out;
    const auto* id = r.find("apns-id");
    if (id != nullptr && is_uuid_text(*id)) out.id = *id;
    json body{{"reason", reason}};
    if (dead_since) body["timestamp"] = dead_since->time_since_epoch().count();
    out.reply.status = status;
    out.reply.body = body.dump();
    out.reason = std::move(reason);
    return out;
}

push_answer apns_service::take(const push_request& r, apns_connection& on, time_point now) {
    ++serial_;
    std::vector<std::string> notes;
    const auto v = judge(r, on, notes, now);
    push_answer out;
    if (v.reason.empty()) {
        const auto* id = r.find("apns-id");
        if (id != nullptr) out.id = *id;
        out.delivered = true;
        on.trusted = true;
        on.refusals = 0;
    } else {
        out = refusal(v.status, v.reason, r, v.dead_since);
        if (v.status < 500 && v.status != 410) ++on.refusals;
    }
    // Apple makes one for a request without, and writes it in capitals.
    if (out.id.empty()) out.id = upper_case(derive_uuid("apns " + std::to_string(serial_)).text());
    out.notes = std::move(notes);
    out.reply.fields.emplace_back("apns-id", out.id);
    if (out.taken() && on.where == apns_environment::sandbox)
        out.reply.fields.emplace_back("apns-unique-id", derive_uuid("unique " + out.id).text());
    return out;
}

apns_service::verdict apns_service::judge(
    const push_request& r, apns_connection& on, std::vector<std::string>& notes, time_point now
) {
    if (r.method != "POST") return {405, "MethodNotAllowed", {}};
    const auto token = apns_token_in(r.path);
    if (!token) return {404, "BadPath", {}};
    if (token->empty()) return {400, "MissingDeviceToken", {}};
    if (apns_headers_repeat(r)) return {400, "DuplicateHeaders", {}};
    if (auto v = judge_provider(r, on, now); !v.reason.empty()) return v;
    if (auto reason = apns_header_fault(r, notes); !reason.empty()) return {400, std::move(reason), {}};
    if (auto v = judge_topic(r, notes); !v.reason.empty()) return v;
    if (auto reason = apns_payload_fault(r, notes); !reason.empty()) {
        const int status = reason == "PayloadTooLarge" ? 413 : 400;
        return {status, std::move(reason), {}};
    }
    return judge_device(r, *token, on.where);
}

// Signature and ids before the times: of a token that nobody signed nothing is believed.
apns_service::verdict
apns_service::judge_provider(const push_request& r, apns_connection& on, time_point now) {
    const auto* authorization = r.find("authorization");
    if (authorization == nullptr) return {403, "MissingProviderToken", {}};
    const auto blank = authorization->find(' ');
    if (lower_case(authorization->substr(0, blank)) != "bearer" || blank == std::string::npos)
        return {403, "InvalidProviderToken", {}};
    const auto token = authorization->substr(blank + 1);
    const auto jwt = read(token);
    if (!jwt || read_jwt::text(jwt->header, "alg") != "ES256") return {403, "InvalidProviderToken", {}};
    const auto kid = read_jwt::text(jwt->header, "kid");
    const auto team = read_jwt::text(jwt->claims, "iss");
    const auto issued = read_jwt::seconds(jwt->claims, "iat");
    const auto key = std::find_if(keys_.begin(), keys_.end(), [&](const known_key& k) {
        return k.about.key_id == kid && k.about.team_id == team;
    });
    if (key == keys_.end() || !issued || *issued < 0 || *issued > 100'000'000'000 ||
        !key->check.signed_by(jwt->signed_text, jwt->signature))
        return {403, "InvalidProviderToken", {}};
    if (key->about.only && *key->about.only != on.where) return {403, "BadEnvironmentKeyIdInToken", {}};
    const time_point at{std::chrono::seconds{*issued}};
    if (at > now + settings_.clock_tolerance) return {403, "InvalidProviderToken", {}};
    if (now - at > settings_.token_life) return {403, "ExpiredProviderToken", {}};
    if (!on.team.empty() && on.team != team) return {403, "InvalidProviderToken", {}};
    if (!on.key.empty() && on.key != kid) return {403, "UnrelatedKeyIdInToken", {}};
    if (auto v = judge_update(token, on, now); !v.reason.empty()) return v;
    on.team = team;
    on.key = kid;
    return {};
}

apns_service::verdict
apns_service::judge_update(const std::string& token, apns_connection& on, time_point now) const {
    const bool soon = !on.token.empty() && now - on.token_since < settings_.token_update_pause;
    if (on.spent && soon) return {429, "TooManyProviderTokenUpdates", {}};
    on.spent = false;
    if (token == on.token) return {};
    if (soon) {
        on.spent = true; // Apple: the connection is of no use until enough time has passed
        return {429, "TooManyProviderTokenUpdates", {}};
    }
    on.token = token;
    on.token_since = now;
    return {};
}

apns_service::verdict
apns_service::judge_topic(const push_request& r, std::vector<std::string>& notes) const {
    const auto* topic = r.find("apns-topic");
    if (topic == nullptr || topic->empty()) return {400, "MissingTopic", {}};
    if (!is_topic(*topic)) return {400, "BadTopic", {}};
    const auto* type = r.find("apns-push-type");
    const bool voip = type != nullptr && *type == "voip";
    const auto* at = r.find("apns-expiration");
    if (voip && at != nullptr && *at != "0")
        notes.emplace_back("a VoIP push is worth one attempt: apns-expiration 0");
    if (settings_.bundle_ids.empty())
        return voip && !topic->ends_with(k_voip) ? verdict{400, "BadTopic", {}} : verdict{};
    // A bundle id may end in .voip itself: only the team's list tells whose topic that is.
    const bool whole = settings_.bundle_ids.contains(*topic);
    const bool of_pushkit = topic->ends_with(k_voip) &&
                            settings_.bundle_ids.contains(topic->substr(0, topic->size() - k_voip.size()));
    if (!whole && !of_pushkit) return {400, "TopicDisallowed", {}};
    if (type != nullptr && (voip ? !of_pushkit : !whole)) return {400, "BadTopic", {}};
    return {};
}

apns_service::verdict
apns_service::judge_device(const push_request& r, const std::string& token, apns_environment where) const {
    if (!is_hex(token) || token.size() % 2 != 0) return {400, "BadDeviceToken", {}};
    const auto it = devices_.find({where, token});
    if (it == devices_.end()) {
        // One of the other environment is as unknown here as one that nobody ever had.
        if (!settings_.any_token) return {400, "BadDeviceToken", {}};
        return {};
    }
    const auto& d = it->second;
    if (d.topic != *r.find("apns-topic")) return {400, "DeviceTokenNotForTopic", {}};
    switch (d.is) {
    case apns_device::state::live: return {};
    case apns_device::state::unregistered: return {410, "Unregistered", d.dead_since};
    case apns_device::state::expired: return {410, "ExpiredToken", d.dead_since};
    }
    return {};
}

} // namespace z360::sim
