// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/fcm_rules.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>

namespace z360::sim {

namespace {

enum class shape : std::uint8_t { text, flag, whole, text_map, free_map, texts, duration, time, word, inner };

struct member {
    std::string_view name;
    shape is = shape::text;
    std::span<const member> inside{};
    std::span<const std::string_view> words{};
};

constexpr std::array<std::string_view, 2> k_priorities{"NORMAL", "HIGH"};
constexpr std::array<std::string_view, 6> k_shown_priorities{"PRIORITY_UNSPECIFIED", "PRIORITY_MIN",
                                                             "PRIORITY_LOW",         "PRIORITY_DEFAULT",
                                                             "PRIORITY_HIGH",        "PRIORITY_MAX"};
constexpr std::array<std::string_view, 4> k_visibilities{
    "VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"
};
constexpr std::array<std::string_view, 4> k_proxies{
    "PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED"
};

constexpr std::array<member, 1> k_label{{{"analytics_label"}}};
constexpr std::array<member, 2> k_apple_options{{{"analytics_label"}, {"image"}}};
constexpr std::array<member, 2> k_web_options{{{"analytics_label"}, {"link"}}};
constexpr std::array<member, 3> k_light{
    {{"color", shape::free_map},
     {"light_on_duration", shape::duration},
     {"light_off_duration", shape::duration}}
};
constexpr std::array<member, 3> k_notification{{{"title"}, {"body"}, {"image"}}};
constexpr std::array<member, 27> k_android_notification{{
    {"title"},
    {"body"},
    {"icon"},
    {"color"},
    {"sound"},
    {"tag"},
    {"click_action"},
    {"body_loc_key"},
    {"body_loc_args", shape::texts},
    {"title_loc_key"},
    {"title_loc_args", shape::texts},
    {"channel_id"},
    {"ticker"},
    {"sticky", shape::flag},
    {"event_time", shape::time},
    {"local_only", shape::flag},
    {"notification_priority", shape::word, {}, k_shown_priorities},
    {"default_sound", shape::flag},
    {"default_vibrate_timings", shape::flag},
    {"default_light_settings", shape::flag},
    {"vibrate_timings", shape::texts},
    {"visibility", shape::word, {}, k_visibilities},
    {"notification_count", shape::whole},
    {"light_settings", shape::inner, k_light},
    {"image"},
    {"bypass_proxy_notification", shape::flag},
    {"proxy", shape::word, {}, k_proxies},
}};
constexpr std::array<member, 10> k_android{{
    {"collapse_key"},
    {"priority", shape::word, {}, k_priorities},
    {"ttl", shape::duration},
    {"restricted_package_name"},
    {"data", shape::text_map},
    {"notification", shape::inner, k_android_notification},
    {"fcm_options", shape::inner, k_label},
    {"direct_boot_ok", shape::flag},
    {"bandwidth_constrained_ok", shape::flag},
    {"restricted_satellite_ok", shape::flag},
}};
constexpr std::array<member, 4> k_apns{{
    {"headers", shape::text_map},
    {"payload", shape::free_map},
    {"fcm_options", shape::inner, k_apple_options},
    {"live_activity_token"},
}};
constexpr std::array<member, 4> k_webpush{{
    {"headers", shape::text_map},
    {"data", shape::text_map},
    {"notification", shape::free_map},
    {"fcm_options", shape::inner, k_web_options},
}};
constexpr std::array<member, 11> k_message{{
    {"name"},
    {"data", shape::text_map},
    {"notification", shape::inner, k_notification},
    {"android", shape::inner, k_android},
    {"webpush", shape::inner, k_webpush},
    {"apns", shape::inner, k_apns},
    {"fcm_options", shape::inner, k_label},
    {"token"},
    {"fid"},
    {"topic"},
    {"condition"},
}};
constexpr std::array<member, 2> k_root{{{"message", shape::inner, k_message}, {"validate_only", shape::flag}}
};
constexpr std::array<std::string_view, 4> k_targets{"token", "fid", "topic", "condition"};

/// Proto JSON takes both spellings of a name.
std::string snake(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c >= 'A' && c <= 'Z') {
            out.push_back('_');
            out.push_back(static_cast<char>(c - 'A' + 'a'));
        } else {
            out.push_back(c);
        }
    }
    return out;
}

bool same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        const auto up = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
        return up(x) == up(y);
    });
}

/// Digits, perhaps a fraction of up to nine, `s`.
bool is_duration(std::string_view text) {
    if (text.size() < 2 || text.back() != 's') return false;
    text.remove_suffix(1);
    const auto dot = text.find('.');
    const auto all_digits = [](std::string_view part) {
        return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
    };
    if (!all_digits(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    const auto fraction = text.substr(dot + 1);
    return fraction.size() <= 9 && all_digits(fraction);
}

bool is_label(std::string_view text, std::size_t longest) {
    return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_' || c == '.' || c == '~' || c == '%';
    });
}

fcm_complaint not_parsed(std::string message, std::string field) {
    return {std::move(message), std::move(field), false};
}

std::string where(const std::string& path) {
    return path.empty() ? std::string{} : " at '" + path + "'";
}

fcm_complaint wrong_type(const std::string& path, const char* type, const json& value) {
    return not_parsed(
        "Invalid value at '" + path + "' (" + type + "), " +
            value.dump(-1, ' ', false, json::error_handler_t::replace),
        path
    );
}

/// Fits `in` to the table; `out` gets it with the names of the schema.
class fitter {
  public:
    bool fit_object(const json& in, std::span<const member> table, const std::string& path, json& out) {
        out = json::object();
        for (const auto& item : in.items()) {
            const auto name = snake(item.key());
            const auto* m = find(table, name);
            if (m == nullptr)
                return fail(not_parsed(
                    "Invalid JSON payload received. Unknown name \"" + item.key() + "\"" + where(path) +
                        ": Cannot find field.",
                    path
                ));
            if (item.value().is_null()) continue; // as if it were not there
            const auto inner = path.empty() ? name : path + "." + name;
            if (!fit(item.value(), *m, inner, out[name])) return false;
        }
        return true;
    }
    std::optional<fcm_complaint> wrong;

  private:
    static const member* find(std::span<const member> table, std::string_view name) {
        const auto it =
            std::find_if(table.begin(), table.end(), [name](const member& m) { return m.name == name; });
        return it == table.end() ? nullptr : &*it;
    }
    bool fail(fcm_complaint c) {
        wrong = std::move(c);
        return false;
    }
    bool fit_texts(const json& in, const std::string& path, bool map) {
        std::size_t i = 0;
        for (const auto& item : in.items()) {
            const auto at = path + "[" + std::to_string(i++) + "]" + (map ? ".value" : "");
            if (!item.value().is_string()) return fail(wrong_type(at, "TYPE_STRING", item.value()));
        }
        return true;
    }
    bool fit(const json& in, const member& m, const std::string& path, json& out) {
        out = in;
        switch (m.is) {
        case shape::text:
        case shape::time: return in.is_string() || fail(wrong_type(path, "TYPE_STRING", in));
        case shape::flag: return in.is_boolean() || fail(wrong_type(path, "TYPE_BOOL", in));
        case shape::whole: return in.is_number_integer() || fail(wrong_type(path, "TYPE_INT32", in));
        case shape::free_map: return in.is_object() || fail(wrong_type(path, "TYPE_MESSAGE", in));
        case shape::texts:
            return in.is_array() ? fit_texts(in, path, false) : fail(wrong_type(path, "TYPE_STRING", in));
        case shape::text_map:
            return in.is_object() ? fit_texts(in, path, true) : fail(wrong_type(path, "Map", in));
        case shape::duration:
            if (in.is_string() && is_duration(in.get_ref<const std::string&>())) return true;
            return fail(wrong_type(path, "type.googleapis.com/google.protobuf.Duration", in));
        case shape::word: return fit_word(in, m, path, out);
        case shape::inner:
            if (!in.is_object()) return fail(wrong_type(path, "TYPE_MESSAGE", in));
            return fit_object(in, m.inside, path, out);
        }
        return false;
    }
    bool fit_word(const json& in, const member& m, const std::string& path, json& out) {
        if (in.is_string())
            for (const auto word : m.words)
                if (same_word(word, in.get_ref<const std::string&>())) {
                    out = word;
                    return true;
                }
        return fail(wrong_type(path, "TYPE_ENUM", in));
    }
};

std::size_t counted(const json& texts) {
    std::size_t out = 0;
    for (const auto& item : texts.items())
        out += item.key().size() +
               (item.value().is_string() ? item.value().get_ref<const std::string&>().size() : 0);
    return out;
}

bool reserved(std::string_view key) {
    return key == "from" || key == "message_type" || key.starts_with("google.") ||
           key.starts_with("gcm.notification.");
}

std::optional<fcm_complaint> check_data(const json& data, const std::string& path) {
    for (const auto& item : data.items())
        if (reserved(item.key()))
            return fcm_complaint{"Invalid data payload key: " + item.key(), path + "." + item.key(), true};
    return std::nullopt;
}

std::optional<fcm_complaint> check_android(const json& android) {
    if (const auto data = android.find("data"); data != android.end())
        if (auto c = check_data(*data, "message.android.data")) return c;
    if (const auto ttl = android.find("ttl"); ttl != android.end()) {
        constexpr double k_longest = 2'419'200;
        if (std::strtod(ttl->get_ref<const std::string&>().c_str(), nullptr) > k_longest)
            return fcm_complaint{
                "Invalid value for the TTL: it must be between 0 and 2419200 seconds.", "message.android.ttl",
                true
            };
    }
    return std::nullopt;
}

std::optional<fcm_complaint> check_targets(const json& message) {
    std::vector<std::string> named;
    for (const auto target : k_targets)
        if (message.contains(target)) named.emplace_back(target);
    if (named.size() > 1)
        return not_parsed(
            "Invalid value at 'message' (oneof), oneof field 'target' is already set. Cannot set '" +
                named.back() + "'",
            "message"
        );
    if (named.empty() || message.at(named.front()).get_ref<const std::string&>().empty())
        return fcm_complaint{"Recipient of the message is not set.", {}, true};
    if (named.front() == "topic" && !is_label(message.at("topic").get_ref<const std::string&>(), 900))
        return fcm_complaint{"Invalid topic name.", "message.topic", true};
    if (named.front() == "condition" &&
        message.at("condition").get_ref<const std::string&>().find("in topics") == std::string::npos)
        return fcm_complaint{"Invalid condition expression provided.", "message.condition", true};
    return std::nullopt;
}

std::optional<fcm_complaint> check_labels(const json& message) {
    for (const char* part : {"", "android", "apns", "webpush"}) {
        const auto* of = &message;
        if (*part != '\0') {
            const auto it = message.find(part);
            if (it == message.end()) continue;
            of = &*it;
        }
        const auto options = of->find("fcm_options");
        if (options == of->end() || !options->contains("analytics_label")) continue;
        if (!is_label(options->at("analytics_label").get_ref<const std::string&>(), 50))
            return fcm_complaint{
                "Invalid analytics label.",
                std::string("message.") + (*part != '\0' ? std::string(part) + "." : "") +
                    "fcm_options.analytics_label",
                true
            };
    }
    return std::nullopt;
}

void note(const json& message, std::vector<std::string>& notes) {
    const auto data = message.find("data");
    const auto type =
        data != message.end() && data->contains("type") ? data->at("type").get<std::string>() : "";
    if (type != "incoming_call" && type != "call_ended") return;
    const auto android = message.find("android");
    const auto has = [&](const char* name) { return android != message.end() && android->contains(name); };
    if (message.contains("notification") || has("notification"))
        notes.emplace_back("a notification block: the system shows it and the app does not run");
    if (!has("priority") || android->at("priority") != "HIGH")
        notes.emplace_back("a call push without priority HIGH waits until the phone is used");
    if (has("collapse_key"))
        notes.emplace_back("a collapsible push: after a burst of 20 a phone gets one in three minutes");
    if (!has("ttl")) notes.emplace_back("without ttl it is kept for four weeks");
}

} // namespace

fcm_message read_fcm_message(std::string_view body) {
    fcm_message out;
    const auto in = json::parse(body, nullptr, false);
    if (!in.is_object()) {
        out.wrong = not_parsed("Invalid JSON payload received. Unexpected token.", {});
        return out;
    }
    fitter f;
    if (!f.fit_object(in, k_root, {}, out.root))
        out.wrong = std::move(f.wrong);
    else if (!out.root.contains("message"))
        out.wrong = fcm_complaint{"Message is not set.", "message", true};
    return out;
}

std::optional<fcm_complaint> check_fcm_message(const json& message, std::vector<std::string>& notes) {
    if (auto c = check_targets(message)) return c;
    std::size_t size = 0;
    if (const auto data = message.find("data"); data != message.end()) {
        if (auto c = check_data(*data, "message.data")) return c;
        size += counted(*data);
    }
    if (const auto shown = message.find("notification"); shown != message.end()) size += counted(*shown);
    if (const auto android = message.find("android"); android != message.end()) {
        if (auto c = check_android(*android)) return c;
        if (const auto data = android->find("data"); data != android->end()) size += counted(*data);
    }
    if (auto c = check_labels(message)) return c;
    constexpr std::size_t k_most_bytes = 4096;
    if (size > k_most_bytes) return fcm_complaint{"Android message is too big", "message.data", true};
    note(message, notes);
    return std::nullopt;
}

} // namespace z360::sim
