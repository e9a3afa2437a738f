// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/telnyx_recordings.hpp"

#include "wire/lenient_json.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace z360::wire {
namespace {

using json = nlohmann::json;

constexpr std::size_t k_longest_url = 4096;

std::string text_in(const json& from, const char* key) {
    const auto it = from.find(key);
    if (it == from.end() || !it->is_string()) return {};
    auto text = it->get<std::string>();
    return text.find('\0') == std::string::npos ? text : std::string{};
}

telnyx_recording read(const json& data) {
    telnyx_recording out;
    out.id = text_in(data, "id");
    out.call_control_id = text_in(data, "call_control_id");
    out.began_at = parse_iso8601(text_in(data, "recording_started_at"));
    out.ended_at = parse_iso8601(text_in(data, "recording_ended_at"));
    const auto urls = data.find("download_urls");
    if (urls == data.end() || !urls->is_object()) return out;
    for (const char* format : {"mp3", "wav"}) {
        auto url = text_in(*urls, format);
        if (url.empty() || url.size() > k_longest_url) continue;
        out.url = std::move(url);
        out.format = format;
        break;
    }
    return out;
}

std::string path_of(std::string_view recording_id) {
    return "/recordings/" + percent_encode(recording_id);
}

} // namespace

telnyx_request recording_status(std::string_view recording_id) {
    return {"GET", path_of(recording_id), {}};
}
telnyx_request session_recordings(std::string_view call_session_id) {
    return {"GET", "/recordings?filter%5Bcall_session_id%5D=" + percent_encode(call_session_id), {}};
}
telnyx_request recording_removal(std::string_view recording_id) {
    return {"DELETE", path_of(recording_id), {}};
}

std::optional<telnyx_recording> parse_recording(std::string_view body) {
    const auto root = read_json(body);
    if (!root.is_object()) return std::nullopt;
    const auto data = root.find("data");
    if (data == root.end() || !data->is_object()) return std::nullopt;
    return read(*data);
}

std::optional<std::vector<telnyx_recording>> parse_recordings(std::string_view body) {
    const auto root = read_json(body);
    if (!root.is_object()) return std::nullopt;
    const auto data = root.find("data");
    if (data == root.end() || !data->is_array()) return std::nullopt;
    std::vector<telnyx_recording> out;
    for (const auto& entry : *data) {
        if (!entry.is_object()) continue;
        auto r = read(entry);
        if (!r.id.empty()) out.push_back(std::move(r));
    }
    return out;
}

} // namespace z360::wire
