// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/own_event.hpp"

#include <z360/call/state.hpp>

#include <nlohmann/json.hpp>

#include <utility>

namespace z360::wire {
namespace {

using json = nlohmann::json;

std::optional<own_event> read_withdrawal(const json& j) {
    const auto session = j.find("call_session_id");
    const auto devices = j.find("devices");
    if (session == j.end() || !session->is_string() || devices == j.end() || !devices->is_array())
        return std::nullopt;
    call::ring_withdrawn what;
    for (const auto& d : *devices) {
        if (!d.is_number_integer()) return std::nullopt;
        what.devices.push_back({d.get<std::int64_t>()});
    }
    what.busy = j.value("busy", nlohmann::json()) == true;
    return own_event{std::nullopt, session->get<std::string>(), std::move(what), {}};
}

std::optional<std::string> text(const json& j, const char* key) {
    const auto found = j.find(key);
    if (found == j.end() || !found->is_string()) return std::nullopt;
    return found->get<std::string>();
}
std::optional<std::int64_t> number(const json& j, const char* key) {
    const auto found = j.find(key);
    if (found == j.end() || !found->is_number_integer()) return std::nullopt;
    return found->get<std::int64_t>();
}

std::optional<call::request_kind> kind_of(std::string_view word) {
    for (int i = 0; i < call::k_request_count; ++i)
        if (const auto kind = static_cast<call::request_kind>(i); call::name(kind) == word) return kind;
    return std::nullopt;
}

// Where the device can be rung; the device itself is named once, by the request.
json write_place(const call::target& t) {
    return {
        {"identity", t.identity.value}, {"sip_username", t.sip_username}, {"device_name", t.device_name},
        {"platform", t.platform},       {"user", t.user.value},
    };
}
std::optional<call::target> read_place(const json& j, device_id device) {
    if (!j.is_object()) return std::nullopt;
    const auto identity = number(j, "identity");
    auto user = text(j, "sip_username");
    if (!identity || *identity <= 0 || !user || user->empty()) return std::nullopt;
    return call::target{
        device,
        identity_id{*identity},
        std::move(*user),
        text(j, "device_name").value_or(""),
        text(j, "platform").value_or(""),
        user_id{number(j, "user").value_or(0)}
    };
}
bool read_places(const json& meta, call::device_asks& into) {
    const auto at = meta.find("at");
    if (at == meta.end() || !at->is_array()) return false;
    for (const auto& j : *at) {
        auto place = read_place(j, into.device);
        if (!place) return false;
        into.at.push_back(std::move(*place));
    }
    return true;
}

std::optional<own_event> read_request(const json& data, const json& meta) {
    const auto word = text(data, "kind");
    const auto id = text(data, "request");
    const auto call = call_id::parse(text(data, "call_id").value_or(""));
    const auto device = number(data, "device");
    const auto until = number(meta, "until");
    if (!word || word->empty() || !id || id->empty() || !call || !device || !until) return std::nullopt;
    own_event out;
    out.call = *call;
    out.call_session_id = text(data, "call_session_id").value_or("");
    out.until = time_point{millis{*until}};
    const auto kind = kind_of(*word);
    if (!kind) return out;
    call::device_asks what{*kind, *id, device_id{*device}, out.until, {}};
    if (*kind == call::request_kind::ring && !read_places(meta, what)) return std::nullopt;
    out.what = std::move(what);
    return out;
}

} // namespace

std::optional<own_event> read_own_event(std::string_view body) {
    const auto j = json::parse(body, nullptr, false);
    if (!j.is_object()) return std::nullopt;
    const auto data = j.find("data");
    const auto meta = j.find("meta");
    if (data == j.end()) return read_withdrawal(j);
    if (!data->is_object() || meta == j.end() || !meta->is_object()) return std::nullopt;
    return read_request(*data, *meta);
}

std::string write_request(call_id call, std::string_view call_session_id, const call::device_asks& what) {
    json data{
        {"kind", call::name(what.what)},      {"request", what.id},          {"call_id", call.text()},
        {"call_session_id", call_session_id}, {"device", what.device.value},
    };
    json meta{{"until", what.until.time_since_epoch().count()}};
    if (what.what == call::request_kind::ring) {
        meta["at"] = json::array();
        for (const auto& t : what.at)
            meta["at"].push_back(write_place(t));
    }
    json out{{"data", std::move(data)}, {"meta", std::move(meta)}};
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string request_type(call::request_kind what) {
    return "own." + std::string(call::name(what));
}

} // namespace z360::wire
