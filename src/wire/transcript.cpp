// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/transcript.hpp"

#include "base/utf8.hpp"
#include "wire/lenient_json.hpp"
#include "wire/telnyx_webhook.hpp"

namespace z360::wire {
namespace {

using json = nlohmann::json;

constexpr std::string_view k_no_character = "\xEF\xBF\xBD";

const json* member(const json& parent, const char* key) {
    const auto it = parent.find(key);
    return it == parent.end() ? nullptr : &*it;
}

std::string text_of(const json& parent, const char* key) {
    const auto* v = member(parent, key);
    return v != nullptr && v->is_string() ? v->get<std::string>() : std::string{};
}

} // namespace

std::string kept_transcript(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const auto c = utf8::first_of(text);
        auto piece = text.substr(0, c.bytes);
        text.remove_prefix(c.bytes);
        const bool layout = piece == "\n" || piece == "\t";
        if (!c.valid)
            piece = k_no_character;
        else if (!layout && utf8::misleads(c))
            continue;
        if (out.size() + piece.size() > k_longest_transcript) break;
        out += piece;
    }
    const auto begin = out.find_first_not_of(" \n\t");
    if (begin == std::string::npos) return {};
    out.resize(out.find_last_not_of(" \n\t") + 1);
    return out.substr(begin);
}

std::optional<told_transcript> parse_transcript(std::string_view webhook_body) {
    const auto read = parse_envelope(webhook_body);
    if (!read.event || read.event->event_type != k_transcript_event) return std::nullopt;
    const auto root = read_json(webhook_body);
    if (!root.is_object()) return std::nullopt;
    const auto* data = member(root, "data");
    const auto& event = data != nullptr && data->is_object() ? *data : root;
    const auto* payload = member(event, "payload");
    told_transcript out;
    out.recording_id = read.event->recording_id;
    out.call_session_id = read.event->call_session_id;
    out.call_control_id = read.event->call_control_id;
    out.text = kept_transcript(
        text_of(payload != nullptr && payload->is_object() ? *payload : event, "transcription_text")
    );
    if (out.recording_id.empty() || out.text.empty()) return std::nullopt;
    if (out.call_session_id.empty() && out.call_control_id.empty()) return std::nullopt;
    return out;
}

} // namespace z360::wire
