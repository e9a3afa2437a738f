// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/rules.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>

namespace z360::sim {

namespace {

enum class kind : std::uint8_t {
    text,
    boolean,
    integer,
    state,
    headers,
    number,
    to,
    url,
    loop,
    policies,
    display,
    object
};

struct rule {
    const char* name;
    kind what = kind::text;
    bool required = false;
    std::int64_t low = 0; ///< integers: range; texts: high is the greatest length
    std::int64_t high = 0;
    std::vector<std::string> choices = {};
};

using table = std::vector<rule>;

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
        {"privacy", kind::text, false, 0, 0, {"id", "none"}},
        {"media_encryption", kind::text, false, 0, 0, {"disabled", "SRTP", "DTLS"}},
        {"sip_transport_protocol", kind::text, false, 0, 0, {"UDP", "TCP", "TLS"}},
        {"sip_region", kind::text, false, 0, 0, {"US", "Europe", "Canada", "Australia", "Middle East"}},
    };
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

std::map<std::string, table, std::less<>> make_tables() {
    std::map<std::string, table, std::less<>> t;
    t["dial"] = dial_table();
    t["answer"] = answer_table();
    t["bridge"] = bridge_table();
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

const std::map<std::string, table, std::less<>>& tables() {
    static const auto all = make_tables();
    return all;
}

/// A token of SIP (RFC 3261).
bool in_header_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-.!%*_+`'~").find(c) != std::string_view::npos;
}

class checker {
  public:
    void add(std::string code, const std::string& name, std::string detail, bool fatal = true) {
        found.push_back({std::move(code), "/" + name, std::move(detail), fatal});
    }
    void check(const rule& r, const json& v) {
        switch (r.what) {
        case kind::text: check_text(r, v); break;
        case kind::boolean:
            if (!v.is_boolean()) add("10015", r.name, "must be a boolean");
            break;
        case kind::integer: check_integer(r, v); break;
        case kind::state:
            if (!v.is_string() || !is_base64(v.get<std::string>()))
                add(r.name == std::string_view("client_state") ? "90017" : "10015", r.name,
                    "must be valid base64");
            break;
        case kind::headers: check_headers(r, v); break;
        case kind::number: check_number(r, v); break;
        case kind::to: check_to(r, v); break;
        case kind::url: check_url(r, v); break;
        case kind::loop: check_loop(r, v); break;
        case kind::policies: check_policies(r, v); break;
        case kind::display: check_display(r, v); break;
        case kind::object:
            if (!v.is_object()) add("10015", r.name, "must be an object");
            break;
        }
    }
    std::vector<complaint> found;

  private:
    void check_text(const rule& r, const json& v) {
        if (!v.is_string()) return add("10015", r.name, "must be a string");
        const auto text = v.get<std::string>();
        if (r.required && text.empty()) return add("10004", r.name, "must not be empty");
        if (!r.choices.empty() && std::find(r.choices.begin(), r.choices.end(), text) == r.choices.end())
            return add(
                r.name == std::string_view("stop") ? "90016" : "10032", r.name,
                "is not one of the allowed values"
            );
        if (r.high != 0 && text.size() > static_cast<std::size_t>(r.high))
            add("10033", r.name, "is longer than " + std::to_string(r.high));
    }
    void check_integer(const rule& r, const json& v) {
        if (!v.is_number_integer()) return add("10015", r.name, "must be an integer");
        const auto n = v.get<std::int64_t>();
        if (n < r.low || n > r.high)
            add("10033", r.name,
                "must be between " + std::to_string(r.low) + " and " + std::to_string(r.high));
    }
    void check_number(const rule& r, const json& v) {
        if (!v.is_string()) return add("10015", r.name, "must be a string");
        if (!is_e164(v.get<std::string>())) add("10016", r.name, "must be a +E.164 number");
    }
    void check_to(const rule& r, const json& v) {
        if (!v.is_array()) return check_target(r, v);
        if (v.empty()) return add("10004", r.name, "must not be empty");
        for (const auto& one : v)
            check_target(r, one);
    }
    void check_target(const rule& r, const json& v) {
        if (!v.is_string()) return add("10015", r.name, "must be a string, or an array of strings");
        const auto text = v.get<std::string>();
        if (!is_e164(text) && !sip_user(text)) add("10016", r.name, "must be a +E.164 number or a SIP URI");
    }
    void check_url(const rule& r, const json& v) {
        if (!v.is_string()) return add("10015", r.name, "must be a string");
        const auto text = v.get<std::string>();
        if (!text.starts_with("http://") && !text.starts_with("https://"))
            add("10015", r.name, "must be an http or https URL");
    }
    void check_loop(const rule& r, const json& v) {
        if (v.is_string() && v.get<std::string>() == "infinity") return;
        if (!v.is_number_integer()) return add("10015", r.name, "must be \"infinity\" or an integer");
        const auto n = v.get<std::int64_t>();
        if (n < 1 || n > 100) add("10033", r.name, "must be between 1 and 100");
    }
    void check_headers(const rule& r, const json& v) {
        if (!v.is_array()) return add("10015", r.name, "must be an array of {name, value}");
        std::size_t total = 0;
        for (const auto& h : v) {
            if (!h.is_object() || !h.contains("name") || !h.contains("value") || !h["name"].is_string() ||
                !h["value"].is_string() || h.size() != 2)
                return add("10015", r.name, "each item must be {name, value} of two strings");
            const auto name = h["name"].get<std::string>();
            const auto value = h["value"].get<std::string>();
            if (r.name == std::string_view("sip_headers") && name != "User-to-User")
                add("10032", r.name, "only User-to-User may be set here, not " + name);
            if (name.empty() || !std::all_of(name.begin(), name.end(), in_header_name))
                add("10015", r.name, "is no name of a SIP header: " + name);
            else if (r.name == std::string_view("custom_headers") &&
                     (!name.starts_with("X-") || name.size() < 3))
                add("10015", r.name, "devices see only headers that start with X-, not " + name, false);
            const auto printable = [](unsigned char c) { return c >= 0x20 && c < 0x7F; };
            if (!std::all_of(value.begin(), value.end(), printable) ||
                !std::all_of(name.begin(), name.end(), printable))
                add("10015", r.name, "header " + name + " is not printable ASCII");
            if (value.size() >= 256) add("10033", r.name, "header " + name + " is 256 bytes or longer");
            total += name.size() + value.size();
        }
        // More than this may not fit into one SIP datagram.
        if (total > 1024) add("10033", r.name, "headers add up to more than 1 KiB");
    }
    void check_policies(const rule& r, const json& v) {
        if (!v.is_object()) return add("10015", r.name, "must be an object by event type");
        for (const auto& item : v.items()) {
            if (!item.key().starts_with("call.")) add("90057", r.name, "unknown event type " + item.key());
            if (!item.value().is_object() || !item.value().contains("retries_ms") ||
                !item.value()["retries_ms"].is_array())
                return add("10015", r.name, "needs retries_ms, an array");
            std::int64_t sum = 0;
            for (const auto& ms : item.value()["retries_ms"]) {
                if (!ms.is_number_integer() || ms.get<std::int64_t>() < 0)
                    return add("10015", r.name, "retries_ms must hold integers");
                sum += ms.get<std::int64_t>();
            }
            if (item.value()["retries_ms"].size() > 5 || sum > 60'000)
                add("10033", r.name, "at most 5 retries within 60 s");
        }
    }
    void check_display(const rule& r, const json& v) {
        if (!v.is_string()) return add("10015", r.name, "must be a string");
        const auto text = v.get<std::string>();
        if (text.size() > static_cast<std::size_t>(r.high))
            add("10033", r.name, "is longer than " + std::to_string(r.high));
        const auto allowed = [](unsigned char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   std::string_view(" -_~!.+").find(static_cast<char>(c)) != std::string_view::npos;
        };
        if (!std::all_of(text.begin(), text.end(), allowed))
            add("10015", r.name, "holds characters outside A-Z a-z 0-9 space - _ ~ ! . +");
    }
};

/// Rules about several fields at once.
void check_together(std::string_view verb, const json& body, checker& c) {
    const auto set = [&body](const char* key) {
        const auto it = body.find(key);
        return it != body.end() && it->is_boolean() && it->get<bool>();
    };
    if (verb == "dial") {
        for (const char* key : {"bridge_intent", "bridge_on_answer"})
            if (set(key) && !body.contains("link_to"))
                c.add("10004", "link_to", std::string("is required with ") + key);
    }
    if (verb == "playback_start") {
        const auto sources =
            body.contains("audio_url") + body.contains("media_name") + body.contains("playback_content");
        if (sources != 1)
            c.add("10004", "audio_url", "exactly one of audio_url, media_name, playback_content");
    }
    if (verb == "playback_stop" && body.contains("stop") && body["stop"].is_string()) {
        const auto stop = body["stop"].get<std::string>();
        if (stop != "current" && stop != "all" && !stop.starts_with("v3:"))
            c.add("90016", "stop", "must be current or all");
    }
    if (verb == "record_start" && set("transcription") && body.contains("timeout_secs"))
        c.add("90053", "timeout_secs", "cannot be combined with transcription");
}

} // namespace

bool known_verb(std::string_view verb) {
    return tables().contains(verb);
}

std::vector<complaint> check_request(std::string_view verb, const json& body) {
    const auto found = tables().find(verb);
    checker c;
    if (found == tables().end()) {
        c.add("10005", "", "no such action: " + std::string(verb));
        return c.found;
    }
    if (!body.is_object()) {
        c.add("10004", "", "a JSON object is required as request body");
        return c.found;
    }
    std::set<std::string_view> names;
    for (const auto& r : found->second) {
        names.insert(r.name);
        const auto it = body.find(r.name);
        if (it == body.end()) {
            if (r.required) c.add("10004", r.name, "is required");
        } else {
            c.check(r, *it);
        }
    }
    for (const auto& item : body.items())
        if (!names.contains(item.key())) c.add("10015", item.key(), "is not a field we know", false);
    check_together(verb, body, c);
    return c.found;
}

} // namespace z360::sim
