// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/webhook_form.hpp"

#include <algorithm>

namespace z360::sim {

namespace {

using json = nlohmann::json;

/// The caller's name with bytes in it that no JSON writer would write.
std::string with_name(json data, const json& meta, std::string_view bytes) {
    constexpr std::string_view k_mark = "@bytes@";
    data["payload"]["caller_id_name"] = "Andr" + std::string(k_mark);
    auto text = json{{"data", std::move(data)}, {"meta", meta}}.dump();
    text.replace(text.find(k_mark), k_mark.size(), bytes);
    return text;
}

} // namespace

std::string body_in_form(std::string_view form, const json& data, const json& meta) {
    if (form == "latin1") return with_name(data, meta, "\xe9");
    if (form == "lone_surrogate") return with_name(data, meta, "\\ud83d");
    if (form == "flat") {
        json flat = data;
        flat["meta"] = meta;
        return flat.dump();
    }
    if (form == "version_1") {
        auto type = data.at("event_type").get<std::string>();
        std::replace(type.begin(), type.end(), '.', '_');
        return json{
            {"record_type", "event"},
            {"event_type", type},
            {"id", data.at("id")},
            {"created_at", data.at("occurred_at")},
            {"payload", data.at("payload")}
        }.dump();
    }
    return json{{"data", data}, {"meta", meta}}.dump(form == "pretty" ? 2 : -1);
}

} // namespace z360::sim
