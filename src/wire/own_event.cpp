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
    return own_event{std::nullopt, session->get<std::string>(), std::move(what)};
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

std::optional<own_event> read_request(const json& data, const json& meta) {
    const auto kind = kind_of(text(data, "kind").value_or(""));
    const auto id = text(data, "request");
    const auto call = call_id::parse(text(data, "call_id").value_or(""));
    const auto device = number(data, "device");
    const auto until = number(meta, "until");
    if (!kind || !id || id->empty() || !call || !device || !until) return std::nullopt;
    own_event out;
    out.call = *call;
    out.call_session_id = text(data, "call_session_id").value_or("");
    call::asked by{*id, device_id{*device}, time_point{millis{*until}}};
    switch (*kind) {
    case call::request_kind::decline: out.what = call::device_declines{std::move(by)}; break;
    case call::request_kind::answered: out.what = call::device_says_answered{std::move(by)}; break;
    }
    return out;
}

call::request_kind kind_of(const call::event& what) {
    return std::holds_alternative<call::device_declines>(what) ? call::request_kind::decline
                                                               : call::request_kind::answered;
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

std::string write_request(call_id call, std::string_view call_session_id, const call::event& what) {
    const auto& by = *call::request_of(what);
    json data{
        {"kind", call::name(kind_of(what))},  {"request", by.id},          {"call_id", call.text()},
        {"call_session_id", call_session_id}, {"device", by.device.value},
    };
    json out{{"data", std::move(data)}, {"meta", {{"until", by.until.time_since_epoch().count()}}}};
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string request_type(const call::event& what) {
    return "own." + std::string(call::name(kind_of(what)));
}

} // namespace z360::wire
