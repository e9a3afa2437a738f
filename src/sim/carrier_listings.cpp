// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The questions that reconciliation asks: is this call alive, which calls are, what happened, what was not
// delivered.
#include "sim/carrier.hpp"
#include "sim/query.hpp"

#include <utility>

namespace z360::sim {

namespace {

bool since(const query_fields& q, std::string_view key, time_point t) {
    const auto it = q.find(key);
    if (it == q.end()) return true;
    const auto from = parse_iso8601(it->second);
    return !from || t >= *from;
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

json delivery_json(const webhook_record& w) {
    json attempts = json::array();
    for (const auto& a : w.attempts)
        attempts.push_back(attempt_json(a));
    return json{
        {"record_type", "webhook_delivery"},
        {"id", "delivery-" + std::to_string(w.id)},
        {"status", w.state == delivery_state::delivered ? "delivered" : "failed"},
        {"started_at", iso8601(w.due)},
        {"finished_at", w.attempts.empty() ? json{} : json(iso8601(w.attempts.back().finished))},
        {"webhook", w.data},
        {"attempts", std::move(attempts)},
    };
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
    return json{
        {"record_type", "call_event"},
        {"type", "webhook"},
        {"name", w.event_type},
        {"call_leg_id", payload["call_leg_id"]},
        {"call_session_id", payload["call_session_id"]},
        {"event_timestamp", w.data["occurred_at"]},
        {"metadata", {{"event", std::move(event)}}},
    };
}

reply carrier::read(std::string_view verb, const std::string& id, std::string_view query, time_point now) {
    const auto q = parse_query(query);
    reply r;
    r.status = 200;
    const auto duration = [now](const leg_view& v) {
        const auto end = v.ended_at.value_or(now);
        return std::chrono::duration_cast<std::chrono::seconds>(end - v.began).count();
    };
    if (verb == "get_call") {
        const auto* l = find(id);
        if (!l || (l->view.ended_at && *l->view.ended_at + settings_.lookup_after_end <= now))
            return refuse(404, "10005", "No such call.");
        json data{
            {"record_type", "call"},
            {"call_control_id", id},
            {"call_leg_id", l->view.call_leg_id},
            {"call_session_id", l->view.call_session_id},
            {"client_state", l->view.client_state},
            {"is_alive", l->view.alive() && l->initiated},
            {"start_time", iso8601(l->view.began)},
            {"call_duration", duration(l->view)},
        };
        if (l->view.ended_at) data["end_time"] = iso8601(*l->view.ended_at);
        r.body = json{{"data", std::move(data)}};
        return r;
    }
    if (verb == "active_calls") {
        std::vector<leg_view> alive;
        for (auto& v : legs())
            if (v.alive() && v.connection_id == id) alive.push_back(std::move(v));
        const auto limit = number_in(q, "page[limit]", 20, 250);
        const auto cursor = q.find("page[after]");
        std::size_t start = 0;
        if (cursor != q.end())
            while (start < alive.size() && alive[start++].call_control_id != cursor->second) {
            }
        json data = json::array();
        auto i = start;
        for (; i < alive.size() && data.size() < limit; ++i)
            data.push_back(json{
                {"record_type", "call"},
                {"call_control_id", alive[i].call_control_id},
                {"call_leg_id", alive[i].call_leg_id},
                {"call_session_id", alive[i].call_session_id},
                {"client_state", alive[i].client_state},
                {"call_duration", duration(alive[i])},
            });
        json cursors = json::object();
        json meta{{"total_items", alive.size()}};
        if (i < alive.size()) {
            cursors["after"] = alive[i - 1].call_control_id;
            meta["next"] =
                "/v2/connections/" + id + "/active_calls?page[after]=" + alive[i - 1].call_control_id;
        }
        meta["cursors"] = std::move(cursors);
        r.body = json{{"data", std::move(data)}, {"meta", std::move(meta)}};
        return r;
    }
    json all = json::array();
    for (const auto& [serial, w] : truth_.webhooks) {
        const auto& payload = w.data["payload"];
        if (w.copy) continue;
        if (verb == "call_events") {
            // Dropped webhooks are here all the same: the event happened.
            if (passes(q, "filter[leg_id]", payload["call_leg_id"].get<std::string>()) &&
                passes(q, "filter[application_session_id]", w.session) &&
                passes(q, "filter[type]", "webhook") && passes(q, "filter[name]", w.event_type) &&
                since(q, "filter[occurred_at][gte]", w.emitted_at))
                all.push_back(call_event(w));
        } else if (verb == "webhook_deliveries") {
            if (w.state == delivery_state::queued || w.state == delivery_state::sending) continue;
            auto d = delivery_json(w);
            if (passes(q, "filter[status][eq]", d["status"].get<std::string>()) &&
                passes(q, "filter[event_type]", w.event_type) && since(q, "filter[started_at][gte]", w.due))
                all.push_back(std::move(d));
        } else if (w.event_type == "call.recording.saved") {
            if (w.due <= now && passes(q, "filter[call_leg_id]", payload["call_leg_id"].get<std::string>()) &&
                passes(q, "filter[call_session_id]", w.session))
                all.push_back(json{
                    {"record_type", "recording"},
                    {"id", payload["recording_id"]},
                    {"call_leg_id", payload["call_leg_id"]},
                    {"call_session_id", w.session},
                    {"channels", payload["channels"]},
                    {"status", "completed"},
                    {"download_urls", payload["recording_urls"]},
                });
        }
    }
    r.body = page_of(std::move(all), q, 20);
    return r;
}

} // namespace z360::sim
