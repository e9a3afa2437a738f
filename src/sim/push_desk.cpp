// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/push_desk.hpp"

#include "sim/json_keys.hpp"

#include <stdexcept>
#include <utility>

namespace z360::sim {

namespace {

std::string value(const push_request& r, std::string_view name) {
    const auto* v = r.find(name);
    return v != nullptr ? *v : std::string{};
}

std::string text(const json& of, const char* name) {
    const auto it = of.is_object() ? of.find(name) : of.end();
    return of.is_object() && it != of.end() && it->is_string() ? it->get<std::string>() : std::string{};
}

const json& member(const json& of, const char* name) {
    static const json k_none;
    const auto it = of.is_object() ? of.find(name) : of.end();
    return of.is_object() && it != of.end() ? *it : k_none;
}

std::string shortened(const std::string& token) {
    constexpr std::size_t k_shown = 6;
    return token.size() <= k_shown ? token : token.substr(0, k_shown) + "…";
}

/// What is larger than any push that is taken is not kept.
json kept(const std::string& body) {
    constexpr std::size_t k_most_bytes = 16 * 1024;
    if (body.size() > k_most_bytes) return nullptr;
    auto out = json::parse(body, nullptr, false);
    return out.is_discarded() ? json() : out;
}

push_record of_apns(const push_request& r, const apns_connection& on) {
    push_record out;
    out.provider = "apns";
    out.environment = name(on.where);
    out.token = apns_token_in(r.path).value_or("");
    out.topic = value(r, "apns-topic");
    out.push_type = value(r, "apns-push-type");
    out.priority = value(r, "apns-priority");
    out.lives = value(r, "apns-expiration");
    out.collapse = value(r, "apns-collapse-id");
    out.id = value(r, "apns-id");
    out.connection = r.connection;
    out.body = kept(r.body);
    out.kind = text(out.body, "type");
    return out;
}

push_record of_fcm(const push_request& r) {
    push_record out;
    out.provider = "fcm";
    out.connection = r.connection;
    out.body = kept(r.body);
    const auto& message = member(out.body, "message");
    const auto& android = member(message, "android");
    out.token = text(message, "token");
    if (out.token.empty()) out.token = text(message, "fid");
    out.kind = text(member(message, "data"), "type");
    out.topic = text(message, "topic");
    out.priority = text(android, "priority");
    out.lives = text(android, "ttl");
    out.collapse = text(android, "collapse_key");
    if (out.collapse.empty()) out.collapse = text(android, "collapseKey");
    return out;
}

push_answer refuse_fcm(const push_fault& f) {
    auto e = usual_fcm_error(f.status, f.reason);
    e.quota = f.quota;
    e.retry_after_s = f.retry_after_s;
    // "not a valid FCM registration token": the one 400 that is about the device
    if (f.reason == "INVALID_TOKEN") {
        e = usual_fcm_error(400, "INVALID_ARGUMENT");
        e.message = "The registration token is not a valid FCM registration token";
        e.field = "message.token";
    }
    return fcm_service::refusal(e);
}

std::string usual_apns_reason(int status) {
    switch (status) {
    case 400: return "BadDeviceToken";
    case 403: return "InvalidProviderToken";
    case 404: return "BadPath";
    case 405: return "MethodNotAllowed";
    case 410: return "Unregistered";
    case 413: return "PayloadTooLarge";
    case 429: return "TooManyRequests";
    case 503: return "ServiceUnavailable";
    default: return "InternalServerError";
    }
}

std::string usual_oauth_error(int status) {
    if (status == 400) return "invalid_grant";
    return status == 401 ? "invalid_client" : "internal_failure";
}

push_answer refuse_google_token(const push_fault& f) {
    auto out = google_tokens::refusal(
        f.status, f.reason.empty() ? usual_oauth_error(f.status) : f.reason,
        "The simulator was told to say so."
    );
    if (f.retry_after_s) out.reply.fields.emplace_back("retry-after", std::to_string(*f.retry_after_s));
    return out;
}

const char* name(push_course::ending e) {
    switch (e) {
    case push_course::ending::answer: return "delay";
    case push_course::ending::stall: return "stall";
    case push_course::ending::drop: return "drop";
    case push_course::ending::reset: return "reset";
    case push_course::ending::goaway: return "goaway";
    }
    return "delay";
}

json without_tokens(const json& body) {
    json out = body;
    if (!out.is_object() || !member(out, "message").is_object()) return out;
    for (const char* target : {"token", "fid"})
        if (auto it = out["message"].find(target); it != out["message"].end() && it->is_string())
            *it = shortened(it->get<std::string>());
    return out;
}

} // namespace

json to_json(const push_record& r) {
    json out{
        {"serial", r.serial},         {"at", iso8601(r.at)},      {"provider", r.provider},
        {"connection", r.connection}, {"delivered", r.delivered}, {"notes", r.notes},
    };
    if (r.status != 0) out["status"] = r.status;
    const auto add = [&out](const char* key, const std::string& text) {
        if (!text.empty()) out[key] = text;
    };
    add("environment", r.environment);
    if (!r.token.empty()) {
        out["token"] = shortened(r.token);
        out["token_hash"] = short_hash(r.token);
    }
    add("kind", r.kind);
    add("id", r.id);
    add("topic", r.topic);
    add("push_type", r.push_type);
    add("priority", r.priority);
    add(r.provider == "fcm" ? "ttl" : "expiration", r.lives);
    add(r.provider == "fcm" ? "collapse_key" : "collapse_id", r.collapse);
    add("reason", r.reason);
    add("fault", r.fault);
    if (!r.body.is_null()) out["body"] = without_tokens(r.body);
    return out;
}

push_desk::push_desk(push_desk_settings settings)
    : apns_(std::move(settings.apns)), fcm_(settings.fcm), google_(std::move(settings.google)),
      most_records_(settings.most_records) {}

const push_fault* push_desk::fault_for(const push_record& r, time_point now) {
    for (auto& f : faults_) {
        const auto& m = f.fault.match;
        if (!m.provider.empty() && m.provider != r.provider) continue;
        if (!m.kind.empty() && m.kind != r.kind) continue;
        const auto wanted = r.provider == "apns" ? lower_case(m.token) : m.token;
        if (!m.token.empty() && wanted != r.token && m.token != short_hash(r.token)) continue;
        if (f.fires(now)) return &f.fault;
    }
    return nullptr;
}

push_exchange push_desk::run(
    push_record r, const std::function<push_answer()>& judge,
    const std::function<push_answer(const push_fault&)>& refuse, time_point now
) {
    push_exchange out;
    const auto* f = fault_for(r, now);
    bool processed = true;
    if (f != nullptr) {
        processed = f->status == 0 && (f->instead == push_course::ending::answer || f->processed);
        out.course = {f->instead, f->delay, f->code, {}, processed};
        if (f->instead == push_course::ending::goaway && !f->reason.empty())
            out.course.debug = json{{"reason", f->reason}}.dump();
        r.fault = f->status != 0 ? "status" : name(f->instead);
    }
    if (processed)
        out.answer = judge();
    else if (f->status != 0)
        out.answer = refuse(*f);
    const bool answered = out.course.how == push_course::ending::answer ||
                          (out.course.how == push_course::ending::goaway && processed);
    if (answered) r.status = out.answer.reply.status;
    r.reason = out.answer.reason;
    if (!out.answer.id.empty()) r.id = out.answer.id;
    r.notes = out.answer.notes;
    r.delivered = processed && out.answer.delivered;
    write_down(std::move(r), now);
    return out;
}

void push_desk::write_down(push_record r, time_point now) {
    r.serial = ++serial_;
    r.at = now;
    records_.push_back(std::move(r));
    if (records_.size() > most_records_) records_.pop_front();
    if (records_.back().delivered && deliver_) deliver_(push_record(records_.back()), now);
}

push_exchange push_desk::take_apns(const push_request& r, apns_connection& on, time_point now) {
    auto out = run(
        of_apns(r, on), [&] { return apns_.take(r, on, now); },
        [&](const push_fault& f) {
            std::optional<time_point> dead;
            if (f.dead_for || f.status == 410) dead = now - f.dead_for.value_or(millis{0});
            auto a = apns_service::refusal(
                f.status, f.reason.empty() ? usual_apns_reason(f.status) : f.reason, r, dead
            );
            if (!a.id.empty()) a.reply.fields.emplace_back("apns-id", a.id);
            if (f.retry_after_s) a.reply.fields.emplace_back("retry-after", std::to_string(*f.retry_after_s));
            return a;
        },
        now
    );
    if (apns_.fed_up(on) && out.course.how == push_course::ending::answer)
        out.course = {
            push_course::ending::goaway, out.course.delay, 0, json{{"reason", out.answer.reason}}.dump(), true
        };
    return out;
}

push_exchange push_desk::take_google(const push_request& r, time_point now) {
    if (r.path == "/token") {
        push_record record;
        record.provider = "google_token";
        record.connection = r.connection;
        return run(std::move(record), [&] { return google_.take(r, now); }, &refuse_google_token, now);
    }
    return run(of_fcm(r), [&] { return fcm_.take(r, google_, now); }, &refuse_fcm, now);
}

void push_desk::put_token(
    const std::string& provider, const std::string& token, const json& about, time_point now
) {
    key_reader r(about, "push token");
    if (provider == "fcm") return put_fcm_token(r, token);
    if (provider != "apns") throw std::invalid_argument("the provider of a push token is apns or fcm");
    put_apns_token(r, token, now);
}

void push_desk::put_fcm_token(key_reader& r, const std::string& token) {
    auto d = fcm_.device(token).value_or(fcm_device{});
    std::string state = "live";
    r.text("state", state);
    r.text("project_id", d.project_id);
    r.flag("fid", d.by_fid);
    r.text("package", d.package);
    r.done();
    if (state != "live" && state != "unregistered") r.fail("state", "live or unregistered");
    d.unregistered = state == "unregistered";
    fcm_.put_device(token, std::move(d));
}

void push_desk::put_apns_token(key_reader& r, const std::string& token, time_point now) {
    std::string environment = "production";
    r.text("environment", environment);
    if (environment != "production" && environment != "sandbox")
        r.fail("environment", "production or sandbox");
    const auto where = environment == "sandbox" ? apns_environment::sandbox : apns_environment::production;
    auto d = apns_.device(where, token).value_or(apns_device{});
    std::string state = "live";
    r.text("state", state);
    r.text("topic", d.topic);
    d.dead_since = now;
    if (const auto* at = r.take("dead_since_ms")) {
        if (!at->is_number_integer()) r.fail("dead_since_ms", "milliseconds since 1970");
        d.dead_since = time_point{millis{at->get<std::int64_t>()}};
    }
    r.done();
    if (state == "unregistered")
        d.is = apns_device::state::unregistered;
    else if (state == "expired")
        d.is = apns_device::state::expired;
    else if (state == "live")
        d.is = apns_device::state::live;
    else
        r.fail("state", "live, unregistered or expired");
    apns_.put_device(where, token, std::move(d));
}

} // namespace z360::sim
