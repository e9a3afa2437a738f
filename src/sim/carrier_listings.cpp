// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The questions that reconciliation asks: is this call alive, which calls are, what happened, what was not
// delivered.
#include "sim/carrier.hpp"
#include "sim/query.hpp"

#include <z360/base/ids.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace z360::sim {

namespace {

// Without a leg or a session only what is younger is told.
constexpr std::chrono::hours k_log_length{24};

/// `filter[key][gte]` and its like, as far as they are asked for.
bool within(const query_fields& q, const std::string& key, time_point t) {
    const auto bound = [&](const char* op) -> std::optional<time_point> {
        const auto it = q.find("filter[" + key + "][" + op + "]");
        return it == q.end() ? std::nullopt : parse_iso8601(it->second);
    };
    if (const auto at = bound("gte"); at && t < *at) return false;
    if (const auto at = bound("gt"); at && t <= *at) return false;
    if (const auto at = bound("lte"); at && t > *at) return false;
    if (const auto at = bound("lt"); at && t >= *at) return false;
    const auto at = bound("eq");
    return !at || t == *at;
}

/// The filter names several, separated by commas.
bool one_of(const query_fields& q, std::string_view key, std::string_view value) {
    const auto it = q.find(key);
    if (it == q.end()) return true;
    std::string_view rest = it->second;
    for (;;) {
        const auto comma = rest.find(',');
        if (rest.substr(0, comma) == value) return true;
        if (comma == std::string_view::npos) return false;
        rest.remove_prefix(comma + 1);
    }
}

std::int64_t seconds_of(const leg_view& v, time_point now) {
    const auto end = v.ended_at.value_or(now);
    return std::chrono::duration_cast<std::chrono::seconds>(end - v.began).count();
}

json attempt_json(const delivery_attempt& a) {
    return json{
        {"status", a.ok() ? "delivered" : "failed"},
        {"started_at", iso8601(a.started)},
        {"finished_at", iso8601(a.finished)},
        {"http", {{"request", {{"url", a.url}}}, {"response", {{"status", a.status}}}}},
        {"errors", json::array()},
    };
}

time_point started(const webhook_record& w) {
    return w.attempts.empty() ? w.due : w.attempts.front().started;
}
time_point finished(const webhook_record& w) {
    return w.attempts.empty() ? w.due : w.attempts.back().finished;
}

json delivery_json(const webhook_record& w) {
    json attempts = json::array();
    for (auto a = w.attempts.rbegin(); a != w.attempts.rend(); ++a) // most recent first
        attempts.push_back(attempt_json(*a));
    return json{
        {"record_type", "webhook_delivery"},
        {"id", derive_uuid("delivery/" + w.event_id + "/" + std::to_string(w.id)).text()},
        {"status", name(w.state)},
        {"started_at", iso8601(started(w))},
        {"finished_at", w.attempts.empty() ? json{} : json(iso8601(finished(w)))},
        {"webhook", w.data},
        {"attempts", std::move(attempts)},
    };
}

json in_order(json all, bool newest_first) {
    if (newest_first) std::reverse(all.begin(), all.end());
    return all;
}

/// Nothing younger than this is in a list yet.
time_point horizon(const std::optional<command_fault>& f, time_point now) {
    return f && f->lag > millis{0} ? now - f->lag : time_point::max();
}

} // namespace

json carrier::call_event(const webhook_record& w) const {
    const auto& payload = w.data["payload"];
    json event{
        {"created_at", w.data["occurred_at"]},
        {"event_type", w.event_type},
        {"payload", payload},
        {"record_type", "event"},
        {"webhook_id", w.event_id},
    };
    json metadata;
    switch (settings_.unknown.record) {
    case unknowns::event_record::event: metadata["event"] = std::move(event); break;
    case unknowns::event_record::raw_text: metadata["raw"] = event.dump(); break;
    case unknowns::event_record::raw_event: metadata["raw_event"] = json{{"data", w.data}}; break;
    }
    return json{
        {"record_type", "call_event"},
        {"type", "webhook"},
        {"name", w.event_type},
        {"call_leg_id", payload["call_leg_id"]},
        {"call_session_id", payload["call_session_id"]},
        {"event_timestamp", w.data["occurred_at"]},
        {"metadata", std::move(metadata)},
    };
}

json carrier::command_event(const command_record& c) const {
    const auto leg = legs_.find(c.call_control_id);
    return json{
        {"record_type", "call_event"},
        {"type", "command"},
        {"name", c.verb},
        {"call_leg_id", leg == legs_.end() ? std::string{} : leg->second.view.call_leg_id},
        {"call_session_id", c.session},
        {"event_timestamp", iso8601(c.at)},
        {"metadata", {{"raw", {{"command_id", c.command_id}, {"status", c.status}}}}},
    };
}

std::optional<reply> carrier::rejects_query(const order& o, time_point now) {
    const auto complaints = check_question(o.verb, parse_query(o.query));
    for (const auto& what : complaints)
        truth_.violations.push_back({now, o.verb, o.path_id, what});
    const auto fatal =
        std::find_if(complaints.begin(), complaints.end(), [](const complaint& x) { return x.fatal; });
    if (fatal == complaints.end()) return std::nullopt;
    reply r;
    r.status = 422;
    r.body = error_body(fatal->code, fatal->detail, fatal->pointer);
    return r;
}

reply carrier::call_status(const std::string& id, time_point now) {
    const auto* l = find(id);
    if (!l || (l->view.ended_at && *l->view.ended_at + settings_.lookup_after_end <= now)) {
        return settings_.unknown.lookup_of_gone_is_422 ? refuse(422, "90015", "No such call.")
                                                       : refuse(404, "10005", "No such call.");
    }
    json data{
        {"record_type", "call"},
        {"call_control_id", id},
        {"call_leg_id", l->view.call_leg_id},
        {"call_session_id", l->view.call_session_id},
        {"client_state", l->view.client_state},
        {"is_alive", l->view.alive() && l->initiated},
        {"start_time", iso8601(l->view.began)},
        {"call_duration", seconds_of(l->view, now)},
    };
    if (l->view.ended_at) data["end_time"] = iso8601(*l->view.ended_at);
    reply r;
    r.status = 200;
    r.body = json{{"data", std::move(data)}};
    return r;
}

json carrier::active_calls(const order& o, time_point now) const {
    const auto q = parse_query(o.query);
    const auto cursor = q.find("page[after]");
    std::vector<leg_view> alive;
    std::size_t start = 0;
    for (auto& v : legs()) {
        const auto id = v.call_control_id;
        if (v.alive() && v.connection_id == o.path_id && v.began <= horizon(o.fault, now))
            alive.push_back(std::move(v));
        // Its leg may have ended since: the next page goes on behind its place all the same.
        if (cursor != q.end() && id == cursor->second) start = alive.size();
    }
    if (o.fault && o.fault->empty_list) alive.clear();
    const auto limit = number_in(q, "page[limit]", 20, 250);
    json data = json::array();
    auto i = start;
    for (; i < alive.size() && data.size() < limit; ++i)
        data.push_back(json{
            {"record_type", "call"},
            {"call_control_id", alive[i].call_control_id},
            {"call_leg_id", alive[i].call_leg_id},
            {"call_session_id", alive[i].call_session_id},
            {"client_state", alive[i].client_state},
            {"call_duration", seconds_of(alive[i], now)},
        });
    json cursors = json::object();
    json meta{{"total_items", alive.size()}};
    if (i < alive.size()) {
        const auto& last = alive[i - 1].call_control_id;
        cursors["after"] = last;
        meta["next"] = "/v2/connections/" + o.path_id + "/active_calls?page[after]=" + last;
    }
    meta["cursors"] = std::move(cursors);
    return json{{"data", std::move(data)}, {"meta", std::move(meta)}};
}

json carrier::call_events(const order& o, time_point now) const {
    const auto q = parse_query(o.query);
    const bool narrow = q.contains("filter[leg_id]") || q.contains("filter[application_session_id]");
    const auto newest = horizon(o.fault, now);
    std::multimap<time_point, json> found; // equal times keep their order
    const auto consider = [&](json entry, time_point at) {
        if (at > newest || (!narrow && at + k_log_length < now) || !within(q, "occurred_at", at)) return;
        const auto is = [&](const char* filter, const char* member) {
            return passes(q, filter, entry[member].get<std::string>());
        };
        if (is("filter[leg_id]", "call_leg_id") && is("filter[type]", "type") && is("filter[name]", "name") &&
            is("filter[application_session_id]", "call_session_id"))
            found.emplace(at, std::move(entry));
    };
    // Dropped webhooks are here all the same: the event happened.
    const auto asked_for = [&q](const std::string& session) {
        return passes(q, "filter[application_session_id]", session);
    };
    for (const auto& [serial, w] : truth_.webhooks)
        if (!w.copy && asked_for(w.session)) consider(call_event(w), w.emitted_at);
    for (const auto& [serial, c] : truth_.commands)
        if (known_verb(c.verb) && c.acted_at && asked_for(c.session)) consider(command_event(c), c.at);
    json all = json::array();
    if (!o.fault || !o.fault->empty_list)
        for (auto& [at, entry] : found)
            all.push_back(std::move(entry));
    return page_of(in_order(std::move(all), settings_.unknown.lists_newest_first), q, 20);
}

json carrier::webhook_deliveries(const order& o, time_point now) const {
    const auto q = parse_query(o.query);
    const auto newest = horizon(o.fault, now);
    json all = json::array();
    for (const auto& [serial, w] : truth_.webhooks) {
        // What was never sent was never delivered to nobody: no list of deliveries knows of it.
        const bool over = w.state == delivery_state::delivered || w.state == delivery_state::failed;
        if (!over || w.copy || finished(w) > newest || (o.fault && o.fault->empty_list)) continue;
        if (passes(q, "filter[status][eq]", name(w.state)) && one_of(q, "filter[event_type]", w.event_type) &&
            within(q, "started_at", started(w)) && within(q, "finished_at", finished(w)))
            all.push_back(delivery_json(w));
    }
    return page_of(in_order(std::move(all), settings_.unknown.lists_newest_first), q, 20);
}

reply carrier::read(const order& o, time_point now) {
    if (o.verb == "get_call") return call_status(o.path_id, now);
    if (o.verb == "get_recording" || o.verb == "delete_recording") return one_recording(o, now);
    reply r;
    r.status = 200;
    if (o.verb == "active_calls")
        r.body = active_calls(o, now);
    else if (o.verb == "call_events")
        r.body = call_events(o, now);
    else if (o.verb == "webhook_deliveries")
        r.body = webhook_deliveries(o, now);
    else
        r.body = recordings(o, now);
    return r;
}

} // namespace z360::sim
