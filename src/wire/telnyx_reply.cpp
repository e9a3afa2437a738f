// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/telnyx_reply.hpp"

#include "wire/display_name.hpp"
#include "wire/telnyx_webhook.hpp"

#include <nlohmann/json.hpp>

namespace z360::wire {
namespace {

using json = nlohmann::json;

constexpr std::size_t k_max_reply_bytes = 1024 * 1024;
constexpr std::size_t k_max_title = 200;

std::string text_in(const json& parent, const char* key) {
    if (!parent.is_object()) return {};
    const auto it = parent.find(key);
    if (it == parent.end()) return {};
    if (it->is_string()) return it->get<std::string>();
    return it->is_number_integer() ? it->dump() : std::string{};
}

} // namespace

telnyx_reply parse_reply(std::string_view body) {
    telnyx_reply out;
    if (body.empty() || body.size() > k_max_reply_bytes) return out;
    const json root = json::parse(body.begin(), body.end(), nullptr, false);
    if (!root.is_object()) return out;
    if (const auto data = root.find("data"); data != root.end()) {
        out.call_control_id = text_in(*data, "call_control_id");
        out.recording_id = text_in(*data, "recording_id");
    }
    for (auto* id : {&out.call_control_id, &out.recording_id})
        if (id->size() > k_longest_carrier_id) id->clear(); // no id of a carrier
    const auto errors = root.find("errors");
    if (errors == root.end() || !errors->is_array() || errors->empty()) return out;
    out.error_code = text_in(errors->front(), "code");
    out.error_title = std::string(clip(text_in(errors->front(), "title"), k_max_title));
    return out;
}

} // namespace z360::wire
