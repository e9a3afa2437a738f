// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Telephony credentials: making, finding, changing, deleting them, and login tokens. There is no command_id
// here: who asks twice gets two.
#include "sim/carrier.hpp"
#include "sim/query.hpp"

#include <algorithm>
#include <utility>

namespace z360::sim {

namespace {

std::string text_of(const json& body, const char* key) {
    if (!body.is_object()) return {};
    const auto it = body.find(key);
    return it != body.end() && it->is_string() ? it->get<std::string>() : std::string{};
}

reply with_data(int status, json data) {
    reply r;
    r.status = status;
    r.body = json{{"data", std::move(data)}};
    return r;
}

/// Unlike every other error of the API.
reply in_expired_status() {
    reply r;
    r.status = 422;
    r.body = json{{"errors", {{"status", "can't update credentials in expired status"}}}};
    return r;
}

/// A fault without a verb and without a credential is about calls.
bool concerns(const command_fault& f, const std::string& verb) {
    if (f.verb.empty()) return !f.credential.empty();
    return f.verb == verb && f.match.leg.empty();
}

} // namespace

std::string carrier::seed_credential(
    std::string name, std::string tag, std::string connection, std::optional<time_point> expires_at,
    time_point now
) {
    advance(now);
    credential_book::draft d{std::move(name), std::move(tag), std::move(connection), expires_at};
    return truth_.credentials.add(std::move(d), now, 0).id;
}

bool carrier::lose_credential(const std::string& id, time_point now) {
    advance(now);
    return truth_.credentials.remove(id, now, 0);
}

bool carrier::expire_credential(const std::string& id, time_point now) {
    advance(now);
    auto* c = truth_.credentials.change(id);
    if (c) c->expires_at = std::min(c->expires_at, now);
    return c != nullptr;
}

bool carrier::dialable(std::string_view username, time_point now) const {
    return truth_.credentials.dialable(username, settings_.only_known_credentials, now);
}

reply carrier::refuse_credential(int status, std::string_view code, std::string_view detail) const {
    if (!settings_.unknown.bare_credential_errors) return refuse(status, code, detail);
    reply r;
    r.status = status;
    r.text = std::string{};
    return r;
}

void carrier::take_credential_request(order o, time_point now) {
    auto& record = truth_.commands.at(o.request);
    record.target = text_of(o.body, "name");
    if (rejects_shape(o, now)) return;
    o.fault = credential_fault(o, now);
    if (o.fault && o.fault->stall_before > millis{0}) {
        after(now + o.fault->stall_before, [this, o = std::move(o)](time_point t) {
            perform_credential_request(o, t);
        });
        return;
    }
    perform_credential_request(o, now);
}

bool carrier::rejects_shape(const order& o, time_point now) {
    if (o.verb != "create_credential" && o.verb != "update_credential") return false;
    const auto complaints = check_credential_request(o.verb, o.body);
    for (const auto& what : complaints)
        truth_.violations.push_back({now, o.verb, o.path_id, what});
    const auto fatal =
        std::find_if(complaints.begin(), complaints.end(), [](const complaint& x) { return x.fatal; });
    if (fatal == complaints.end()) return false;
    auto r = refuse_credential(o.body.is_discarded() ? 400 : 422, fatal->code, fatal->detail);
    if (!r.text) r.body = error_body(fatal->code, fatal->detail, fatal->pointer);
    finish(o, std::move(r), now);
    return true;
}

std::optional<command_fault> carrier::credential_fault(const order& o, time_point now) {
    std::vector<std::string> names{o.path_id, text_of(o.body, "name"), text_of(o.body, "tag")};
    if (const auto* c = truth_.credentials.find(o.path_id))
        names.insert(names.end(), {c->name, c->tag, c->sip_username});
    for (const auto& [key, value] : parse_query(o.query))
        if (key.starts_with("filter[")) names.push_back(value);
    for (auto& f : command_faults_) {
        if (!concerns(f.fault, o.verb)) continue;
        const auto& wanted = f.fault.credential;
        const bool about_it =
            wanted.empty() || wanted == "*" || std::find(names.begin(), names.end(), wanted) != names.end();
        if (about_it && f.fires(now)) return f.fault;
    }
    return std::nullopt;
}

void carrier::perform_credential_request(const order& o, time_point now) {
    auto& record = truth_.commands.at(o.request);
    const auto& f = o.fault;
    reply r;
    if (f && f->fail_status != 0) {
        record.fault = "fail";
        const auto code = f->fail_code.empty() ? std::string(code_of_status(f->fail_status)) : f->fail_code;
        r = refuse_credential(f->fail_status, code, "Scripted fault.");
    } else {
        const bool keep = !f || !f->no_effect;
        r = run_credential_request(o, now, keep);
        if (keep && r.status < 300) record.acted_at = now;
        if (f && f->stall_before > millis{0}) record.fault = "stall_before";
        if (f && f->stall_reply > millis{0}) record.fault = "stall_reply";
        if (!keep) record.fault = "no_effect";
    }
    if (f) r.headers = f->headers;
    if (f && f->lose_reply) {
        record.fault = "lose_reply";
        r.lost = true;
    }
    finish(o, std::move(r), f ? now + f->stall_reply : now);
}

reply carrier::run_credential_request(const order& o, time_point now, bool keep) {
    if (o.verb == "create_credential") return create_credential(o, now, keep);
    if (o.verb == "list_credentials") return list_credentials(o, now);
    const auto* c = truth_.credentials.find(o.path_id);
    if (!c || !c->exists()) return refuse_credential(404, "10005", "No such credential.");
    if (o.verb == "get_credential") return with_data(200, api_object(*c, now));
    if (o.verb == "update_credential") return update_credential(o, now, keep);
    if (o.verb == "delete_credential") return delete_credential(o, now, keep);
    return mint_token(o, now, keep);
}

reply carrier::create_credential(const order& o, time_point now, bool keep) {
    credential_book::draft d;
    d.name = text_of(o.body, "name");
    d.tag = text_of(o.body, "tag");
    d.connection_id = text_of(o.body, "connection_id");
    if (const auto until = text_of(o.body, "expires_at"); !until.empty()) d.expires_at = read_time(until);
    if (d.connection_id != settings_.credential_connection_id)
        return refuse_credential(422, "10015", "connection_id names no credential connection.");
    if (d.expires_at && *d.expires_at <= now)
        return refuse_credential(422, "10015", "expires_at lies in the past.");
    if (!d.tag.empty() && truth_.credentials.with_tag(d.tag) >= settings_.credentials_per_tag)
        return refuse_credential(422, "10015", "The tag holds as many credentials as it can.");
    if (!keep) return with_data(201, api_object(truth_.credentials.imagine(std::move(d), now), now));
    const auto& made = truth_.credentials.add(std::move(d), now, o.request);
    truth_.commands.at(o.request).credential_id = made.id;
    return with_data(201, api_object(made, now));
}

reply carrier::update_credential(const order& o, time_point now, bool keep) {
    const auto* present = truth_.credentials.find(o.path_id);
    if (present->expired(now)) return in_expired_status();
    auto next = *present;
    if (o.body.contains("name")) next.name = text_of(o.body, "name");
    if (o.body.contains("tag")) next.tag = text_of(o.body, "tag");
    if (o.body.contains("connection_id")) next.connection_id = text_of(o.body, "connection_id");
    if (o.body.contains("expires_at"))
        next.expires_at = read_time(text_of(o.body, "expires_at")).value_or(next.expires_at);
    if (next.connection_id != present->connection_id &&
        next.connection_id != settings_.credential_connection_id)
        return refuse_credential(422, "10015", "connection_id names no credential connection.");
    if (next.expires_at <= now) return refuse_credential(422, "10015", "expires_at lies in the past.");
    if (next.tag != present->tag && !next.tag.empty() &&
        truth_.credentials.with_tag(next.tag) >= settings_.credentials_per_tag)
        return refuse_credential(422, "10015", "The tag holds as many credentials as it can.");
    next.updated_at = now;
    auto answer = with_data(200, api_object(next, now));
    if (keep) *truth_.credentials.change(o.path_id) = std::move(next);
    return answer;
}

reply carrier::delete_credential(const order& o, time_point now, bool keep) {
    auto answer = with_data(200, api_object(*truth_.credentials.find(o.path_id), now));
    if (keep) truth_.credentials.remove(o.path_id, now, o.request);
    return answer;
}

reply carrier::mint_token(const order& o, time_point now, bool keep) {
    const auto* c = truth_.credentials.find(o.path_id);
    if (c->expired(now)) return refuse_credential(422, "10015", "The credential is expired.");
    reply r;
    r.status = 201;
    r.text = keep ? truth_.credentials.mint(*c, settings_.token_life, now, o.request).jwt
                  : truth_.credentials.imagine_token(*c, settings_.token_life, now).jwt;
    return r;
}

reply carrier::list_credentials(const order& o, time_point now) const {
    const auto q = parse_query(o.query);
    json found = json::array();
    for (const auto* c : truth_.credentials.existing()) {
        if (passes(q, "filter[name]", c->name) && passes(q, "filter[tag]", c->tag) &&
            passes(q, "filter[status]", c->expired(now) ? "expired" : "active") &&
            passes(q, "filter[resource_id]", "connection:" + c->connection_id) &&
            passes(q, "filter[sip_username]", c->sip_username))
            found.push_back(api_object(*c, now));
    }
    reply r;
    r.status = 200;
    r.body = page_of(std::move(found), q, 50);
    return r;
}

} // namespace z360::sim
