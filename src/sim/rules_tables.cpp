// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/rules_tables.hpp"

namespace z360::sim {

namespace {

void add_recording(table& t) {
    t.push_back({"record", kind::text, false, 0, 0, {"record-from-answer"}});
    t.push_back({"record_channels", kind::text, false, 0, 0, {"single", "dual"}});
    t.push_back({"record_format", kind::text, false, 0, 0, {"wav", "mp3"}});
    t.push_back({"record_max_length", kind::integer, false, 0, 43'200});
    t.push_back({"record_timeout_secs", kind::integer, false, 0, 14'400});
    t.push_back({"record_track", kind::text, false, 0, 0, {"both", "inbound", "outbound"}});
    t.push_back({"record_trim", kind::text, false, 0, 0, {"trim-silence"}});
    t.push_back({"record_custom_file_name", kind::text, false, 0, 40});
}

void add_network(table& t) {
    t.push_back({"privacy", kind::text, false, 0, 0, {"id", "none"}});
    t.push_back({"media_encryption", kind::text, false, 0, 0, {"disabled", "SRTP", "DTLS"}});
    t.push_back({"sip_transport_protocol", kind::text, false, 0, 0, {"UDP", "TCP", "TLS"}});
    t.push_back(
        {"sip_region", kind::text, false, 0, 0, {"US", "Europe", "Canada", "Australia", "Middle East"}}
    );
}

void add_webhooks(table& t) {
    t.push_back({"webhook_url", kind::url});
    t.push_back({"webhook_url_method", kind::text, false, 0, 0, {"POST", "GET"}});
    t.push_back({"webhook_retries_policies", kind::policies});
}

table dial_table() {
    table t{
        {"connection_id", kind::text, true},
        {"to", kind::to, true},
        {"from", kind::number, true},
        {"from_display_name", kind::display, false, 0, 128},
        {"timeout_secs", kind::integer, false, 5, 600},
        {"time_limit_secs", kind::integer, false, 30, 14'400},
        {"link_to"},
        {"bridge_intent", kind::boolean},
        {"bridge_on_answer", kind::boolean},
        {"prevent_double_bridge", kind::boolean},
        {"park_after_unbridge", kind::text, false, 0, 0, {"self"}},
        {"retry_on_timeout", kind::boolean},
        {"custom_headers", kind::headers},
        {"sip_headers", kind::headers},
    };
    add_network(t);
    add_recording(t);
    add_webhooks(t);
    return t;
}

table transfer_table() {
    table t{
        {"to", kind::target, true},
        {"from", kind::number},
        {"from_display_name", kind::display, false, 0, 128},
        {"target_leg_client_state", kind::state},
        {"timeout_secs", kind::integer, false, 5, 600},
        {"time_limit_secs", kind::integer, false, 30, 14'400},
        {"early_media", kind::boolean},
        {"park_after_unbridge", kind::text, false, 0, 0, {"self"}},
        {"mute_dtmf", kind::text, false, 0, 0, {"none", "both", "self", "opposite"}},
        {"send_digits_on_answer", kind::digits},
        {"audio_url", kind::url},
        {"media_name"},
        {"answering_machine_detection",
         kind::text,
         false,
         0,
         0,
         {"premium", "detect", "detect_beep", "detect_words", "greeting_end", "disabled"}},
        {"answering_machine_detection_config", kind::integers},
        {"sound_modifications", kind::object},
        {"preferred_codecs"},
        {"custom_headers", kind::headers},
        {"sip_headers", kind::headers},
        {"sip_auth_username"},
        {"sip_auth_password"},
        {"webhook_urls", kind::urls},
        {"webhook_urls_method", kind::text, false, 0, 0, {"POST", "GET"}},
    };
    add_network(t);
    add_recording(t);
    add_webhooks(t);
    return t;
}

table bridge_table() {
    table t{
        {"call_control_id", kind::text, true},
        {"prevent_double_bridge", kind::boolean},
        {"park_after_unbridge", kind::text, false, 0, 0, {"self"}},
        {"hold_after_unbridge", kind::boolean},
        {"play_ringtone", kind::boolean},
        {"mute_dtmf", kind::text, false, 0, 0, {"none", "both", "self", "opposite"}},
    };
    add_recording(t);
    return t;
}

table answer_table() {
    table t{
        {"custom_headers", kind::headers},
        {"sip_headers", kind::headers},
        {"send_silence_when_idle", kind::boolean}
    };
    add_recording(t);
    add_webhooks(t);
    return t;
}

request_rules make_tables() {
    request_rules t;
    t["dial"] = dial_table();
    t["answer"] = answer_table();
    t["bridge"] = bridge_table();
    t["transfer"] = transfer_table();
    t["hangup"] = {{"custom_headers", kind::headers}};
    t["reject"] = {{"cause", kind::text, true, 0, 0, {"CALL_REJECTED", "USER_BUSY"}}};
    t["speak"] = {
        {"payload", kind::text, true, 0, 3000},
        {"voice", kind::text, true},
        {"payload_type", kind::text, false, 0, 0, {"text", "ssml"}},
        {"service_level", kind::text, false, 0, 0, {"basic", "premium"}},
        {"language"},
        {"stop", kind::text, false, 0, 0, {"current", "all"}},
        {"target_legs", kind::text, false, 0, 0, {"self", "opposite", "both"}},
        {"loop", kind::loop},
        {"voice_settings", kind::object},
    };
    t["playback_start"] = {
        {"audio_url", kind::url},
        {"media_name"},
        {"playback_content", kind::state},
        {"audio_type", kind::text, false, 0, 0, {"mp3", "wav"}},
        {"loop", kind::loop},
        {"overlay", kind::boolean},
        {"cache_audio", kind::boolean},
        {"stop", kind::text, false, 0, 0, {"current", "all"}},
        {"target_legs", kind::text, false, 0, 0, {"self", "opposite", "both"}},
    };
    t["playback_stop"] = {{"stop"}, {"overlay", kind::boolean}};
    t["record_start"] = {
        {"format", kind::text, true, 0, 0, {"wav", "mp3"}},
        {"channels", kind::text, true, 0, 0, {"single", "dual"}},
        {"play_beep", kind::boolean},
        {"max_length", kind::integer, false, 0, 14'400},
        {"timeout_secs", kind::integer, false, 0, 14'400},
        {"trim", kind::text, false, 0, 0, {"trim-silence"}},
        {"recording_track", kind::text, false, 0, 0, {"both", "inbound", "outbound"}},
        {"custom_file_name", kind::text, false, 0, 40},
        {"transcription", kind::boolean},
        {"transcription_engine", kind::text, false, 0, 0, {"A", "B", "deepgram/nova-3"}},
        {"transcription_language", kind::text, false, 1, 20},
    };
    t["gather_using_speak"] = {
        {"payload", kind::text, true, 0, 3000},
        {"voice", kind::text, true},
        {"payload_type", kind::text, false, 0, 0, {"text", "ssml"}},
        {"service_level", kind::text, false, 0, 0, {"basic", "premium"}},
        {"language"},
        {"invalid_payload", kind::text, false, 0, 3000},
        {"minimum_digits", kind::integer, false, 1, 128},
        {"maximum_digits", kind::integer, false, 1, 128},
        {"maximum_tries", kind::integer, false, 1, 100},
        {"timeout_millis", kind::integer, false, 1, 600'000},
        {"inter_digit_timeout_millis", kind::integer, false, 1, 600'000},
        {"valid_digits", kind::text, false, 0, 16},
        {"terminating_digit", kind::text, false, 0, 1},
        {"voice_settings", kind::object},
    };
    for (const char* verb : {"record_stop", "record_pause", "record_resume"})
        t[verb] = {{"recording_id"}};
    t["client_state_update"] = {};
    for (auto& [verb, rules] : t) {
        rules.push_back({"client_state", kind::state, verb == "client_state_update"});
        if (verb != "client_state_update") rules.push_back({"command_id"});
    }
    return t;
}

} // namespace

const request_rules& request_tables() {
    static const auto all = make_tables();
    return all;
}

} // namespace z360::sim
