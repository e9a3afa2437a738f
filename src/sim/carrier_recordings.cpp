// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What was recorded, after the call: listed, looked up, fetched by addresses that run out, deleted.
#include "sim/carrier.hpp"
#include "sim/query.hpp"

#include <z360/base/ids.hpp>

#include <charconv>
#include <utility>

namespace z360::sim {
namespace {

std::string signature_of(const std::string& id, const std::string& expires) {
    return derive_uuid("recording/" + id + "/" + expires).text();
}

} // namespace

std::string carrier::recording_url(const saved_recording& r, time_point now) const {
    const auto expires = std::to_string((now + settings_.recording_url_life).time_since_epoch().count());
    return settings_.recordings_base + "/recording-files/" + r.id + "." + r.format + "?expires=" + expires +
           "&signature=" + signature_of(r.id, expires);
}

json carrier::recording_json(const saved_recording& r, time_point now) const {
    json urls;
    urls[r.format] = recording_url(r, now);
    return json{
        {"record_type", "recording"},
        {"id", r.id},
        {"call_control_id", r.call_control_id},
        {"call_leg_id", r.call_leg_id},
        {"call_session_id", r.session},
        {"channels", r.channels},
        {"source", "call"},
        {"status", "completed"},
        {"recording_started_at", iso8601(r.began)},
        {"recording_ended_at", iso8601(r.ended)},
        {"created_at", iso8601(r.ended)},
        {"updated_at", iso8601(r.ended)},
        {"duration_millis", r.length().count()},
        {"download_urls", std::move(urls)},
    };
}

json carrier::recordings(const order& o, time_point now) const {
    const auto q = parse_query(o.query);
    json all = json::array();
    for (const auto& r : truth_.recordings) {
        if (r.removed_at || r.listed_from > now) continue;
        const auto is = [&q](const char* key, const std::string& value) {
            const auto it = q.find(key);
            return it == q.end() || it->second == value;
        };
        if (is("filter[call_leg_id]", r.call_leg_id) && is("filter[call_session_id]", r.session))
            all.push_back(recording_json(r, now));
    }
    return page_of(std::move(all), q, 20);
}

reply carrier::one_recording(const order& o, time_point now) {
    for (auto& r : truth_.recordings) {
        if (r.id != o.path_id || r.removed_at || r.listed_from > now) continue;
        reply out;
        out.status = 200;
        out.body = json{{"data", recording_json(r, now)}};
        if (o.verb == "delete_recording") r.removed_at = now;
        return out;
    }
    return refuse(404, "10005", "The requested resource or URL could not be found.");
}

std::optional<std::int64_t> carrier::recording_bytes(
    const std::string& file, const std::string& expires, const std::string& signature, time_point now
) const {
    const auto dot = file.rfind('.');
    const auto id = file.substr(0, dot);
    std::int64_t until = 0;
    std::from_chars(expires.data(), expires.data() + expires.size(), until);
    if (signature != signature_of(id, expires) || now >= time_point{millis{until}}) return std::nullopt;
    for (const auto& r : truth_.recordings)
        if (r.id == id && !r.removed_at && dot != std::string::npos && file.substr(dot + 1) == r.format)
            return std::max<std::int64_t>(
                r.length().count() * settings_.recording_bytes_a_second / 1000, 100
            );
    return std::nullopt;
}

} // namespace z360::sim
