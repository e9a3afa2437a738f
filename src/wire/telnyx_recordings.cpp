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

std::string path_of(std::string_view recording_id) {
    return "/recordings/" + percent_encode(recording_id);
}

} // namespace

telnyx_request recording_status(std::string_view recording_id) {
    return {"GET", path_of(recording_id), {}};
}
telnyx_request recording_removal(std::string_view recording_id) {
    return {"DELETE", path_of(recording_id), {}};
}

std::optional<telnyx_recording> parse_recording(std::string_view body) {
    const auto root = read_json(body);
    if (!root.is_object()) return std::nullopt;
    const auto data = root.find("data");
    if (data == root.end() || !data->is_object()) return std::nullopt;
    telnyx_recording out;
    out.id = text_in(*data, "id");
    out.began_at = parse_iso8601(text_in(*data, "recording_started_at"));
    out.ended_at = parse_iso8601(text_in(*data, "recording_ended_at"));
    const auto urls = data->find("download_urls");
    if (urls == data->end() || !urls->is_object()) return out;
    for (const char* format : {"mp3", "wav"}) {
        auto url = text_in(*urls, format);
        if (url.empty() || url.size() > k_longest_url) continue;
        out.url = std::move(url);
        out.format = format;
        break;
    }
    return out;
}

} // namespace z360::wire
