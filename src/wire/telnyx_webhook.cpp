// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/telnyx_webhook.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <utility>

namespace z360::wire {
namespace {

using json = nlohmann::json;

// Looked at before parsing, so that hostile nesting costs neither memory nor stack.
bool nested_deeper_than(std::string_view text, int limit) {
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > limit) return true;
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return false;
}

const json* object_in(const json& parent, const char* key) {
    const auto it = parent.find(key);
    return it != parent.end() && it->is_object() ? &*it : nullptr;
}

std::string text_in(const json& parent, const char* key) {
    const auto it = parent.find(key);
    if (it == parent.end()) return {};
    if (it->is_number_integer()) return it->dump();
    if (!it->is_string()) return {};
    const auto& text = it->get_ref<const std::string&>();
    // PostgreSQL's text cannot hold U+0000; such a value is nonsense and must not block the inbox.
    return text.find('\0') == std::string::npos ? text : std::string{};
}

std::string first_of(std::string a, std::string b) {
    return a.empty() ? std::move(b) : std::move(a);
}

// The event log spells some types with underscores and without the prefix.
std::string canonical_type(std::string type) {
    if (type == "recording_saved" || type == "call_recording_saved") return "call.recording.saved";
    if (type == "recording_error" || type == "call_recording_error") return "call.recording.error";
    return type;
}

std::string any_url(const json& payload, const char* key) {
    const json* urls = object_in(payload, key);
    if (urls == nullptr) return {};
    return first_of(text_in(*urls, "mp3"), text_in(*urls, "wav"));
}

void read_payload(const json& payload, telnyx_webhook& out) {
    out.call_control_id = text_in(payload, "call_control_id");
    out.call_leg_id = text_in(payload, "call_leg_id");
    out.call_session_id = text_in(payload, "call_session_id");
    out.client_state = text_in(payload, "client_state");
    out.direction = text_in(payload, "direction");
    out.state = text_in(payload, "state");
    out.from = text_in(payload, "from");
    out.to = text_in(payload, "to");
    out.connection_id = text_in(payload, "connection_id");
    out.hangup_cause = text_in(payload, "hangup_cause");
    out.hangup_source = text_in(payload, "hangup_source");
    out.sip_hangup_cause = text_in(payload, "sip_hangup_cause");
    out.status = text_in(payload, "status");
    out.reason = text_in(payload, "reason");
    out.recording_id = text_in(payload, "recording_id");
    if (const json* urls = object_in(payload, "recording_urls")) {
        out.recording_url_mp3 = text_in(*urls, "mp3");
        out.recording_url_wav = text_in(*urls, "wav");
    }
    out.recording_url_public = any_url(payload, "public_recording_urls");
}

telnyx_webhook read_event(const json& data, const json* meta) {
    telnyx_webhook out;
    out.event_id = first_of(text_in(data, "id"), text_in(data, "webhook_id"));
    out.event_type = canonical_type(text_in(data, "event_type"));
    const json* payload = object_in(data, "payload");
    if (payload != nullptr) read_payload(*payload, out);
    out.occurred_at = parse_iso8601(text_in(data, "occurred_at"));
    if (!out.occurred_at && payload != nullptr)
        out.occurred_at = parse_iso8601(text_in(*payload, "occurred_at"));
    if (!out.occurred_at) out.occurred_at = parse_iso8601(text_in(data, "created_at"));
    if (meta != nullptr) {
        const auto it = meta->find("attempt");
        if (it != meta->end() && it->is_number_integer()) out.attempt = it->get<std::int64_t>();
    }
    return out;
}

call::event prompt_ended_of(call::leg_ref who, const telnyx_webhook& hook) {
    call::prompt_ended e;
    e.who = std::move(who);
    e.listener_left = hook.status == "call_hangup";
    e.failed = hook.status == "file_not_found" || hook.status == "failed";
    e.spoken = hook.event_type == "call.speak.ended";
    return e;
}

call::event recording_saved_of(call::leg_ref who, const telnyx_webhook& hook) {
    call::recording_saved e;
    e.who = std::move(who);
    e.recording_id = hook.recording_id;
    e.url = hook.recording_url_mp3;
    if (e.url.empty()) e.url = hook.recording_url_wav;
    if (e.url.empty()) e.url = hook.recording_url_public;
    return e;
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool takes_prefix(std::string_view& text, std::string_view prefix) {
    if (text.size() < prefix.size()) return false;
    for (std::size_t i = 0; i < prefix.size(); ++i)
        if (lower(text[i]) != prefix[i]) return false;
    text.remove_prefix(prefix.size());
    return true;
}

} // namespace

std::string_view name(envelope_fault f) {
    switch (f) {
    case envelope_fault::none: return "none";
    case envelope_fault::too_large: return "too_large";
    case envelope_fault::too_deep: return "too_deep";
    case envelope_fault::not_json: return "not_json";
    case envelope_fault::not_an_event: return "not_an_event";
    }
    return "?";
}

envelope parse_envelope(std::string_view body) {
    if (body.size() > k_max_webhook_bytes) return {std::nullopt, envelope_fault::too_large};
    if (nested_deeper_than(body, k_max_webhook_depth)) return {std::nullopt, envelope_fault::too_deep};
    const json root = json::parse(body.begin(), body.end(), nullptr, false);
    if (root.is_discarded()) return {std::nullopt, envelope_fault::not_json};
    if (!root.is_object()) return {std::nullopt, envelope_fault::not_an_event};
    if (const json* data = object_in(root, "data"))
        return {read_event(*data, object_in(root, "meta")), envelope_fault::none};
    if (root.contains("event_type")) return {read_event(root, nullptr), envelope_fault::none};
    return {std::nullopt, envelope_fault::not_an_event};
}

std::optional<call::event>
to_call_event(const telnyx_webhook& hook, std::optional<leg_id> verified_leg, time_point received_at) {
    call::leg_ref who{hook.call_control_id, verified_leg};
    // Recordings belong to the call even where Telnyx leaves the leg out.
    if (hook.event_type == "call.recording.saved") return recording_saved_of(std::move(who), hook);
    if (hook.event_type == "call.recording.error")
        return call::recording_failed{std::move(who), hook.reason.empty() ? "unknown" : hook.reason};
    if (who.call_control_id.empty() && !who.leg) return std::nullopt;
    if (hook.event_type == "call.initiated") {
        if (!verified_leg && hook.direction == "incoming") return std::nullopt;
        return call::leg_initiated{std::move(who)};
    }
    if (hook.event_type == "call.answered") return call::leg_answered{std::move(who)};
    if (hook.event_type == "call.bridged") return call::leg_bridged{std::move(who)};
    if (hook.event_type == "call.hangup")
        return call::leg_hangup{std::move(who), hook.hangup_cause, hook.hangup_source};
    if (hook.event_type == "call.hold" || hook.event_type == "call.unhold")
        return call::leg_hold{
            std::move(who), hook.event_type == "call.hold", hook.occurred_at.value_or(received_at)
        };
    if (hook.event_type == "call.speak.ended" || hook.event_type == "call.playback.ended")
        return prompt_ended_of(std::move(who), hook);
    return std::nullopt;
}

bool is_generated_sip_user(std::string_view address) {
    if (!takes_prefix(address, "sip:")) (void)takes_prefix(address, "sips:");
    return takes_prefix(address, "gencred");
}

bool is_new_caller(const telnyx_webhook& hook, webhook_source source, std::optional<leg_id> verified_leg) {
    return hook.event_type == "call.initiated" && hook.direction == "incoming" &&
           source == webhook_source::call_control && !verified_leg && !is_generated_sip_user(hook.to);
}

} // namespace z360::wire
