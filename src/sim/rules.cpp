// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/rules.hpp"

#include "sim/rules_tables.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>

namespace z360::sim {

namespace {

/// A token of SIP (RFC 3261).
bool in_header_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-.!%*_+`'~").find(c) != std::string_view::npos;
}

constexpr std::size_t k_longest_digits = 64;

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
                add(std::string_view(r.name).ends_with("client_state") ? "90017" : "10015", r.name,
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
        case kind::target: check_transfer_target(r, v); break;
        case kind::digits: check_digits(r, v); break;
        case kind::urls:
        case kind::integers: check_members(r, v); break;
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
    /// As of a dial; digits may follow a number, and an emergency number has no other form.
    void check_transfer_target(const rule& r, const json& v) {
        if (!v.is_string()) return add("10015", r.name, "must be a string");
        const auto text = v.get<std::string>();
        if (text.empty()) return add("10004", r.name, "must not be empty");
        const auto number = without_digits(text);
        if (!is_emergency_number(number)) check_target(r, json(number));
        if (number.size() < text.size()) check_digits(r, json(text.substr(number.size() + 1)));
    }
    void check_digits(const rule& r, const json& v) {
        if (!v.is_string()) return add("10015", r.name, "must be a string");
        const auto text = v.get<std::string>();
        if (text.find_first_not_of("0123456789ABCDwW*#") != std::string::npos)
            return add("10015", r.name, "may hold 0-9 A-D w W * # only");
        if (text.size() > k_longest_digits)
            add("10033", r.name, "is longer than " + std::to_string(k_longest_digits));
    }
    void check_members(const rule& r, const json& v) {
        if (!v.is_object()) return add("10015", r.name, "must be an object");
        for (const auto& item : v.items()) {
            if (r.what == kind::urls)
                check_url(r, item.value());
            else if (!item.value().is_number_integer())
                add("10015", r.name, "must hold integers");
        }
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
    if (verb == "transfer" && body.contains("audio_url") && body.contains("media_name"))
        c.add("90053", "media_name", "cannot be combined with audio_url");
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
    return request_tables().contains(verb);
}

std::vector<complaint> check_request(std::string_view verb, const json& body) {
    const auto found = request_tables().find(verb);
    checker c;
    if (found == request_tables().end()) {
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
