// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/telnyx_webhook.hpp"

#include "wire/address.hpp"
#include "wire/display_name.hpp"
#include "wire/lenient_json.hpp"
#include "wire/telnyx_figures.hpp"

#include <array>
#include <utility>

namespace z360::wire {
namespace {

using json = nlohmann::json;

constexpr std::size_t k_longest_word = 256; // characters of what only people read
constexpr std::size_t k_longest_url = 4096;

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

// Of what is kept for people to read: cut, whatever a stranger sends.
std::string word_in(const json& parent, const char* key) {
    return std::string(clip(text_in(parent, key), k_longest_word));
}

std::string url_in(const json& parent, const char* key) {
    auto url = text_in(parent, key);
    return url.size() <= k_longest_url ? url : std::string{};
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
    return first_of(url_in(*urls, "mp3"), url_in(*urls, "wav"));
}

void read_payload(const json& payload, telnyx_webhook& out) {
    out.call_control_id = text_in(payload, "call_control_id");
    out.call_leg_id = text_in(payload, "call_leg_id");
    out.call_session_id = text_in(payload, "call_session_id");
    out.client_state = text_in(payload, "client_state");
    out.direction = word_in(payload, "direction");
    out.from = text_in(payload, "from");
    out.to = text_in(payload, "to");
    out.connection_id = word_in(payload, "connection_id");
    out.hangup_cause = word_in(payload, "hangup_cause");
    out.sip_hangup_cause = word_in(payload, "sip_hangup_cause");
    out.status = word_in(payload, "status");
    out.media_url = url_in(payload, "media_url");
    out.digits = word_in(payload, "digits");
    out.reason = word_in(payload, "reason");
    out.recording_id = word_in(payload, "recording_id");
    if (const json* urls = object_in(payload, "recording_urls")) {
        out.recording_url_mp3 = url_in(*urls, "mp3");
        out.recording_url_wav = url_in(*urls, "wav");
    }
    out.recording_url_public = any_url(payload, "public_recording_urls");
    out.recording_began_at =
        parse_iso8601(first_of(text_in(payload, "recording_started_at"), text_in(payload, "start_time")));
    out.recording_ended_at =
        parse_iso8601(first_of(text_in(payload, "recording_ended_at"), text_in(payload, "end_time")));
}

telnyx_webhook read_event(const json& data, const json* meta) {
    telnyx_webhook out;
    out.event_id = first_of(text_in(data, "id"), text_in(data, "webhook_id"));
    out.event_type = canonical_type(word_in(data, "event_type"));
    const json* payload = object_in(data, "payload");
    // Flat: the fields of the payload stand beside the type.
    if (payload == nullptr && !data.contains("payload")) payload = &data;
    if (payload != nullptr) read_payload(*payload, out);
    if (payload != nullptr && out.event_type == "call.hangup") out.heard = read_media_figures(*payload);
    if (payload != nullptr && out.event_type == "call.cost") out.charge = read_charge(*payload);
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

// The older API writes call_initiated where this one writes call.initiated.
bool of_version_1(const json& root) {
    const auto type = canonical_type(text_in(root, "event_type"));
    return type.starts_with("call_") && type.find('.') == std::string::npos;
}

envelope refused(envelope_fault why, std::string text = {}) {
    if (text.empty()) text = name(why);
    return {std::nullopt, why, std::move(text)};
}

envelope bounded(telnyx_webhook hook) {
    const std::array<std::pair<const char*, const std::string*>, 3> ids{{
        {"call_session_id", &hook.call_session_id},
        {"call_control_id", &hook.call_control_id},
        {"call_leg_id", &hook.call_leg_id},
    }};
    for (const auto& [key, id] : ids)
        if (id->size() > k_longest_carrier_id)
            return refused(
                envelope_fault::id_too_long, std::string(key) + " has " + std::to_string(id->size()) +
                                                 " bytes; at most " + std::to_string(k_longest_carrier_id) +
                                                 " are taken"
            );
    return {std::move(hook), envelope_fault::none};
}

call::event prompt_ended_of(call::leg_ref who, const telnyx_webhook& hook, time_point received_at) {
    call::prompt_ended e;
    e.who = std::move(who);
    e.listener_left = hook.status == "call_hangup";
    e.failed = hook.status == "file_not_found" || hook.status == "failed";
    e.spoken = hook.event_type == "call.speak.ended";
    e.at = hook.occurred_at.value_or(received_at);
    e.report = hook.event_id;
    e.audio = hook.media_url;
    return e;
}

call::event recording_saved_of(call::leg_ref who, const telnyx_webhook& hook) {
    call::recording_saved e;
    e.who = std::move(who);
    e.recording_id = hook.recording_id;
    e.url = hook.recording_url_mp3;
    if (e.url.empty()) e.url = hook.recording_url_wav;
    if (e.url.empty()) e.url = hook.recording_url_public;
    if (!hook.recording_url_mp3.empty())
        e.format = "mp3";
    else if (!hook.recording_url_wav.empty())
        e.format = "wav";
    e.began_at = hook.recording_began_at;
    e.ended_at = hook.recording_ended_at;
    return e;
}

bool starts_with_word(std::string_view text, std::string_view word) {
    if (text.size() < word.size()) return false;
    for (std::size_t i = 0; i < word.size(); ++i) {
        const char c = text[i];
        if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != word[i]) return false;
    }
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
    case envelope_fault::version_1: return "version_1";
    case envelope_fault::id_too_long: return "id_too_long";
    }
    return "?";
}

envelope parse_envelope(std::string_view body) {
    if (body.size() > k_max_webhook_bytes) return refused(envelope_fault::too_large);
    if (nested_deeper_than(body, k_max_webhook_depth)) return refused(envelope_fault::too_deep);
    const json root = read_json(body);
    if (root.is_discarded()) return refused(envelope_fault::not_json);
    if (!root.is_object()) return refused(envelope_fault::not_an_event);
    if (const json* data = object_in(root, "data"))
        return bounded(read_event(*data, object_in(root, "meta")));
    if (!root.contains("event_type")) return refused(envelope_fault::not_an_event);
    if (of_version_1(root))
        return refused(
            envelope_fault::version_1, "webhook API version 1; set the API version of the connection to 2"
        );
    return bounded(read_event(root, object_in(root, "meta")));
}

bool same_event(std::string_view a, std::string_view b) {
    if (a == b) return true;
    const auto event_in = [](std::string_view body) -> std::optional<json> {
        if (body.size() > k_max_webhook_bytes || nested_deeper_than(body, k_max_webhook_depth))
            return std::nullopt;
        json root = read_json(body);
        if (!root.is_object()) return std::nullopt;
        if (const auto data = root.find("data"); data != root.end()) return json(std::move(*data));
        root.erase("meta");
        return root;
    };
    const auto left = event_in(a);
    const auto right = event_in(b);
    return left && right && *left == *right;
}

std::optional<call::event>
to_call_event(const telnyx_webhook& hook, std::optional<leg_id> verified_leg, time_point received_at) {
    call::leg_ref who{hook.call_control_id, verified_leg};
    // Recordings belong to the call even where Telnyx leaves the leg out.
    if (hook.event_type == "call.recording.saved") return recording_saved_of(std::move(who), hook);
    if (hook.event_type == "call.recording.error")
        return call::recording_failed{
            std::move(who), hook.reason.empty() ? "unknown" : hook.reason,
            hook.occurred_at.value_or(received_at)
        };
    if (who.call_control_id.empty() && !who.leg) return std::nullopt;
    if (hook.event_type == "call.initiated") {
        if (!verified_leg && hook.direction == "incoming") return std::nullopt;
        return call::leg_initiated{std::move(who)};
    }
    if (hook.event_type == "call.answered") return call::leg_answered{std::move(who)};
    if (hook.event_type == "call.bridged") return call::leg_bridged{std::move(who)};
    if (hook.event_type == "call.hangup")
        return call::leg_hangup{std::move(who), hook.hangup_cause, hook.heard};
    if (hook.event_type == "call.cost" && hook.charge) {
        auto charge = *hook.charge;
        charge.at = hook.occurred_at.value_or(received_at);
        return call::leg_charged{std::move(who), std::move(charge)};
    }
    if (hook.event_type == "call.hold" || hook.event_type == "call.unhold")
        return call::leg_hold{
            std::move(who), hook.event_type == "call.hold", hook.occurred_at.value_or(received_at)
        };
    if (hook.event_type == "call.speak.ended" || hook.event_type == "call.playback.ended")
        return prompt_ended_of(std::move(who), hook, received_at);
    if (hook.event_type == "call.gather.ended") return call::digits_gathered{std::move(who), hook.digits};
    return std::nullopt;
}

bool is_generated_sip_user(std::string_view text) {
    const auto a = read_address(text);
    return starts_with_word(a.user, "gencred");
}

bool is_own_leg(const telnyx_webhook& hook, webhook_source source, std::optional<leg_id> verified_leg) {
    return hook.direction == "incoming" && source == webhook_source::call_control && !verified_leg &&
           is_generated_sip_user(hook.to);
}

bool is_new_caller(const telnyx_webhook& hook, webhook_source source, std::optional<leg_id> verified_leg) {
    return hook.event_type == "call.initiated" && hook.direction == "incoming" &&
           source == webhook_source::call_control && !verified_leg && !is_generated_sip_user(hook.to);
}

} // namespace z360::wire
