// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/telnyx_command.hpp"

#include "wire/display_name.hpp"
#include "wire/reference_mask.hpp"

#include <z360/base/overloaded.hpp>
#include <z360/call/state.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace z360::wire {
namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t k_max_speech = 3000;
constexpr std::size_t k_max_recording_name = 40;
constexpr std::size_t k_max_caller = 256;
constexpr int k_min_ring_secs = 5;
constexpr int k_max_ring_secs = 600;
constexpr int k_max_recording_secs = 14'400;

// Events that move a call. Without a policy Telnyx gives a webhook up after a few quick tries; with this one
// it tries for a minute, longer than a restart of ours takes. The first two pauses are short because the
// failover address is asked only after two failures at the primary one: with seconds there, every event of a
// call would come too late for the bridge's time limit (BE-17).
constexpr const char* k_vital_events[] = {"call.initiated",       "call.answered",       "call.bridged",
                                          "call.hangup",          "call.hold",           "call.unhold",
                                          "call.speak.ended",     "call.playback.ended", "call.gather.ended",
                                          "call.recording.saved", "call.recording.error"};

const json& retry_policies() {
    static const json all = [] {
        json out = json::object();
        for (const char* type : k_vital_events)
            out[type] = json{{"retries_ms", {100, 400, 2'500, 12'000, 45'000}}};
        return out;
    }();
    return all;
}

json header(const char* name, std::string value) {
    return json{{"name", name}, {"value", std::move(value)}};
}

std::string text_of(std::string_view value, std::size_t limit) {
    return std::string(clip(value, limit));
}

std::string address_of(const call::dial_body& b, const command_settings& s) {
    if (!b.agent.empty()) return b.agent;
    return b.number.empty() ? "sip:" + b.sip_username + "@" + s.sip_domain : b.number;
}

// An agent's pass networks of strangers: the reference, which says nothing, and nothing else (BE-27).
json headers_of(const call::dial_body& b, const std::string& reference) {
    json out = json::array();
    if (!b.agent.empty()) {
        if (!reference.empty()) out.push_back(header(k_reference_header, reference));
    } else if (b.number.empty()) {
        out.push_back(header("X-Z360-Call-Id", b.call.text()));
        out.push_back(header("X-Z360-Org-Id", std::to_string(b.org.value)));
    }
    return out;
}

json dial(const call::dial_body& b, const command_settings& s, const std::string& reference) {
    json out = json::object();
    out["connection_id"] = s.connection_id;
    out["to"] = address_of(b, s);
    // Required by the API; bridge_intent replaces it with the linked caller's number, which is not an agent's
    // to see.
    out["from"] = b.from.empty() ? std::string("anonymous") : text_of(b.from, k_max_caller);
    if (auto shown = display_name(b.display_name); !shown.empty())
        out["from_display_name"] = std::move(shown);
    if (!b.link_to.empty()) {
        out["link_to"] = b.link_to;
        if (b.agent.empty()) out["bridge_intent"] = true; // needs link_to
    }
    // No bridge_on_answer: who answers first is decided by us. No prevent_double_bridge either: on a dial it
    // is about that automatic bridge and would let Telnyx hang legs up on its own account; the fence is on
    // the bridge command.
    out["retry_on_timeout"] = false;
    out["timeout_secs"] = std::clamp(b.timeout_secs, k_min_ring_secs, k_max_ring_secs);
    if (auto headers = headers_of(b, reference); !headers.empty()) out["custom_headers"] = std::move(headers);
    if (!s.webhook_url.empty()) {
        out["webhook_url"] = s.webhook_url;
        out["webhook_url_method"] = "POST";
    }
    out["webhook_retries_policies"] = retry_policies();
    return out;
}

json bridge(const call::bridge_body& b) {
    json out = json::object();
    // The carrier's fence looks at the leg named here, so it is the caller's.
    out["call_control_id"] = b.caller_control_id;
    out["prevent_double_bridge"] = true;
    if (b.record) {
        out["record"] = "record-from-answer";
        out["record_channels"] = "dual";
        out["record_format"] = "mp3";
        if (!b.recording_name.empty())
            out["record_custom_file_name"] = text_of(b.recording_name, k_max_recording_name);
    }
    return out;
}

json hangup(const call::hangup_body& b) {
    json out = json::object();
    if (b.why != call::release_reason::none)
        out["custom_headers"] = json::array({header("X-Z360-Reason", std::string(call::name(b.why)))});
    return out;
}

json speak(const call::speak_body& b) {
    json out = json::object();
    out["payload"] = text_of(b.text, k_max_speech);
    out["payload_type"] = "text";
    out["voice"] = b.voice.empty() ? call::policy{}.voice : b.voice;
    return out;
}

json playback_start(const call::playback_start_body& b) {
    json out = json::object();
    out["audio_url"] = b.url;
    if (b.loop)
        out["loop"] = "infinity";
    else
        out["loop"] = 1;
    if (b.instead) out["stop"] = "all";
    return out;
}

json record_start(const call::record_start_body& b) {
    json out = json::object();
    out["format"] = "mp3";
    out["channels"] = b.dual ? "dual" : "single";
    out["play_beep"] = b.beep;
    out["max_length"] = std::clamp(b.max_length_secs, 0, k_max_recording_secs);
    if (b.transcribe) { // never with `timeout_secs`: error 90053
        out["transcription"] = true;
        out["transcription_engine"] = "B"; // Telnyx's own
        out["transcription_language"] = "auto_detect";
    }
    if (!b.name.empty()) out["custom_file_name"] = text_of(b.name, k_max_recording_name);
    return out;
}

json gather_using_speak(const call::gather_using_speak_body& b) {
    json out = json::object();
    out["payload"] = text_of(b.text, k_max_speech);
    out["payload_type"] = "text";
    out["voice"] = b.voice.empty() ? call::policy{}.voice : b.voice;
    out["minimum_digits"] = 1;
    out["maximum_digits"] = 1;
    out["valid_digits"] = b.keys;
    out["maximum_tries"] = b.tries;
    out["timeout_millis"] = b.timeout_ms;
    return out;
}

// Without an id: whatever is recorded on the leg.
json of_recording(const std::string& id) {
    json out = json::object();
    if (!id.empty()) out["recording_id"] = id;
    return out;
}

json body_of(const call::command_body& body, const command_settings& s, const std::string& reference) {
    return std::visit(
        overloaded{
            [&](const call::dial_body& b) { return dial(b, s, reference); },
            [](const call::answer_body&) { return json{{"webhook_retries_policies", retry_policies()}}; },
            [](const call::bridge_body& b) { return bridge(b); },
            [](const call::hangup_body& b) { return hangup(b); },
            [](const call::reject_body&) { return json{{"cause", "CALL_REJECTED"}}; },
            [](const call::speak_body& b) { return speak(b); },
            [](const call::playback_start_body& b) { return playback_start(b); },
            [](const call::playback_stop_body&) { return json{{"stop", "all"}}; },
            [](const call::record_start_body& b) { return record_start(b); },
            [](const call::gather_using_speak_body& b) { return gather_using_speak(b); },
            [](const call::record_pause_body& b) { return of_recording(b.recording_id); },
            [](const call::record_resume_body& b) { return of_recording(b.recording_id); },
        },
        body
    );
}

} // namespace

std::string percent_encode(std::string_view text) {
    static constexpr char k_hex[] = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size() + 8);
    for (const char c : text) {
        const auto u = static_cast<unsigned char>(c);
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            out.push_back(c);
        } else {
            out.push_back('%');
            out.push_back(k_hex[u >> 4]);
            out.push_back(k_hex[u & 0xFU]);
        }
    }
    return out;
}

telnyx_request
build_request(const call::command& cmd, const command_settings& settings, const command_marks& marks) {
    telnyx_request out;
    out.method = "POST";
    const auto verb = cmd.what();
    if (verb == call::verb::dial) {
        out.path = "/calls";
    } else {
        out.path = "/calls/" + percent_encode(cmd.call_control_id) + "/actions/";
        out.path += call::name(verb); // our words are the API's
    }
    json body = body_of(cmd.body, settings, marks.reference);
    const bool takes_mark = verb == call::verb::dial || verb == call::verb::answer ||
                            verb == call::verb::speak || verb == call::verb::playback_start ||
                            verb == call::verb::record_start;
    if (takes_mark && !marks.client_state.empty()) body["client_state"] = marks.client_state;
    body["command_id"] = cmd.id;
    // Texts may hold anything; a broken UTF-8 sequence becomes U+FFFD instead of an exception.
    out.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
    return out;
}

} // namespace z360::wire
