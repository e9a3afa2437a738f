// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/call_view.hpp"

#include "wire/e164.hpp"

#include <algorithm>
#include <chrono>

namespace z360::wire {
namespace {

using json = nlohmann::json;

json time_or_null(const std::optional<time_point>& t) {
    return t ? json(iso8601(*t)) : json(nullptr);
}

json text_or_null(std::string_view text) {
    return text.empty() ? json(nullptr) : json(text);
}

json uid_of(const call_labels& names, const std::optional<device_id>& device) {
    if (!device) return nullptr;
    for (const auto& [id, uid] : names.device_uids)
        if (id == *device) return uid;
    return nullptr;
}

json reason_of(const call::view& v) {
    if (v.answered_elsewhere) return "answered_elsewhere";
    if (v.at == call::phase::ended) return call::name(v.reason);
    if (!v.mine || v.mine->release == call::release_reason::none) return nullptr;
    return v.mine->declined ? json("declined") : json(call::name(v.mine->release));
}

// Only such a number can be called back.
bool is_number(std::string_view text) {
    return text.size() >= 8 && text.size() <= 16 && text[0] == '+' && text[1] != '0' &&
           std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

std::string_view status_of(const call::view& v) {
    return v.answered_elsewhere ? std::string_view("answered_elsewhere") : call::name(v.at);
}

json call_json(const call::view& v, const call_labels& names) {
    const auto& channel = names.channel_number;
    json organization{{"id", names.org.value}, {"name", names.org_name}, {"slug", names.org_slug}};
    json callback = nullptr;
    if (is_number(v.caller_number))
        callback = {
            {"to", v.caller_number}, {"organization_id", names.org.value}, {"from", text_or_null(channel)}
        };
    return {
        {"call_id", v.id.text()},
        {"call_uuid", v.id.text()},
        {"call_session_id", v.session},
        {"direction", v.outbound ? "outbound" : "inbound"},
        {"status", status_of(v)},
        {"state", call::name(v.at)},
        {"reason", reason_of(v)},
        {"seq", names.version},
        {"position", names.position},
        {"missed", v.missed},
        {"recording", call::name(v.recording)},
        {"started_at", iso8601(v.began)},
        {"answered_at", time_or_null(v.bridged_at ? v.bridged_at : v.answered_at)},
        {"ended_at", time_or_null(v.ended_at)},
        {"talk_seconds",
         v.talk ? json(std::chrono::duration_cast<std::chrono::seconds>(*v.talk).count()) : json()},
        {"ring_expires_at", iso8601(v.ring_deadline)},
        {"ring_seconds", std::chrono::duration_cast<std::chrono::seconds>(v.ring_time).count()},
        {"winner_device_id", uid_of(names, v.winner)},
        {"device_state", v.mine ? json(call::name(v.mine->status)) : json(nullptr)},
        {"leg_state", call::name(v.mine ? v.mine->step : call::leg_step::none)},
        {"organization_id", names.org.value},
        {"organization", std::move(organization)},
        {"caller_number", text_or_null(v.caller_number)},
        {"caller_name", text_or_null(v.caller_name)},
        {"channel_number", text_or_null(channel)},
        {"callback", std::move(callback)},
    };
}

} // namespace z360::wire
