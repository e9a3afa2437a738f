// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/state_codec.hpp"

#include "wire/state_fields.hpp"
#include "wire/state_form1.hpp"
#include "wire/state_form2.hpp"
#include "wire/state_form3.hpp"

#include <z360/base/overloaded.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <variant>

namespace z360::wire {
namespace {

using json = nlohmann::json;

struct unreadable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// ---- writing

void put(json& to, const std::string& v) {
    std::string clean = v; // jsonb has no U+0000; broken UTF-8 is replaced by dump()
    for (auto at = clean.find('\0'); at != std::string::npos; at = clean.find('\0', at))
        clean.replace(at, 1, "\uFFFD");
    to = std::move(clean);
}
void put(json& to, time_point v) {
    to = v.time_since_epoch().count();
}
void put(json& to, millis v) {
    to = v.count();
}
template <class T>
    requires std::is_arithmetic_v<T>
void put(json& to, T v) {
    to = v;
}
template <class T>
    requires std::is_enum_v<T>
void put(json& to, T v) {
    to = std::string(name(v));
}
void put(json& to, call::route_verdict v) {
    switch (v) {
    case call::route_verdict::ring: to = "ring"; break;
    case call::route_verdict::unknown_number: to = "unknown_number"; break;
    case call::route_verdict::blocked_caller: to = "blocked_caller"; break;
    }
}
template <class Tag>
void put(json& to, const uuid_id<Tag>& v) {
    to = v.text();
}
template <class Tag>
void put(json& to, const int_id<Tag>& v) {
    to = v.value;
}
template <class T>
void put(json& to, const std::optional<T>& v);
template <class T>
void put(json& to, const std::vector<T>& v);
template <described T>
void put(json& to, const T& v);
void put(json& to, const call::endpoint& v);

struct writer {
    json& to;
    template <class T>
    void operator()(const char* key, const T& v) {
        put(to[key], v);
    }
};
template <described T>
void put(json& to, const T& v) {
    to = json::object();
    writer w{to};
    fields(w, v);
}
void put(json& to, const call::endpoint& v) {
    to = json::object();
    std::visit([&](const auto& x) { put(to[kind_of(v)], x); }, v);
}
template <class T>
void put(json& to, const std::optional<T>& v) {
    if (v)
        put(to, *v);
    else
        to = nullptr;
}
template <class T>
void put(json& to, const std::vector<T>& v) {
    to = json::array();
    for (const auto& x : v) {
        json item;
        put(item, x);
        to.push_back(std::move(item));
    }
}

// ---- reading

void get(const json& from, std::string& v) {
    v = from.get<std::string>();
}
void get(const json& from, bool& v) {
    v = from.get<bool>();
}
template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
void get(const json& from, T& v) {
    if (!from.is_number_integer()) throw unreadable("number expected");
    if (from.is_number_unsigned() && from.get<std::uint64_t>() > std::uint64_t{INT64_MAX})
        throw unreadable("number too large");
    const auto wide = from.get<std::int64_t>();
    if (!std::in_range<T>(wide)) throw unreadable("number out of range");
    v = static_cast<T>(wide);
}
void get(const json& from, time_point& v) {
    std::int64_t ms = 0;
    get(from, ms);
    v = time_point{millis{ms}};
}
void get(const json& from, millis& v) {
    std::int64_t ms = 0;
    get(from, ms);
    v = millis{ms};
}
template <class T>
    requires std::is_enum_v<T>
void get(const json& from, T& v) {
    const auto word = from.get<std::string>();
    for (int i = 0; i < 64; ++i) { // name() gives "?" past the last enumerator
        const auto candidate = static_cast<T>(i);
        if (name(candidate) == "?") break;
        if (name(candidate) != word) continue;
        v = candidate;
        return;
    }
    throw unreadable("unknown word " + word);
}
void get(const json& from, call::route_verdict& v) {
    const auto word = from.get<std::string>();
    if (word == "ring")
        v = call::route_verdict::ring;
    else if (word == "unknown_number")
        v = call::route_verdict::unknown_number;
    else if (word == "blocked_caller")
        v = call::route_verdict::blocked_caller;
    else
        throw unreadable("unknown word " + word);
}
template <class Tag>
void get(const json& from, uuid_id<Tag>& v) {
    const auto id = uuid_id<Tag>::parse(from.get<std::string>());
    if (!id) throw unreadable("UUID expected");
    v = *id;
}
template <class Tag>
void get(const json& from, int_id<Tag>& v) {
    get(from, v.value);
}
template <class T>
void get(const json& from, std::optional<T>& v);
template <class T>
void get(const json& from, std::vector<T>& v);
template <described T>
void get(const json& from, T& v);
void get(const json& from, call::endpoint& v);

struct reader {
    const json& from;
    template <class T>
    void operator()(const char* key, T& v) {
        const auto it = from.find(key);
        if (it != from.end()) get(*it, v);
    }
};
template <described T>
void get(const json& from, T& v) {
    if (!from.is_object()) throw unreadable("object expected");
    reader r{from};
    fields(r, v);
}
template <std::size_t I = 0>
void get_endpoint(const json& from, const std::string& kind, call::endpoint& v) {
    if constexpr (I < std::variant_size_v<call::endpoint>) {
        std::variant_alternative_t<I, call::endpoint> x;
        if (kind_of(x) != kind) return get_endpoint<I + 1>(from, kind, v);
        get(from, x);
        v = std::move(x);
    } else {
        throw unreadable("unknown endpoint " + kind);
    }
}
void get(const json& from, call::endpoint& v) {
    if (!from.is_object() || from.size() != 1) throw unreadable("endpoint expected");
    get_endpoint(from.begin().value(), from.begin().key(), v);
}
template <class T>
void get(const json& from, std::optional<T>& v) {
    if (from.is_null()) {
        v.reset();
        return;
    }
    T x{};
    get(from, x);
    v = std::move(x);
}
template <class T>
void get(const json& from, std::vector<T>& v) {
    if (!from.is_array()) throw unreadable("array expected");
    v.clear();
    for (const auto& item : from) {
        T x{};
        get(item, x);
        v.push_back(std::move(x));
    }
}

std::string text_of(const json& j) {
    return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

// nullopt unless `text` is an object of a version that we may read.
std::optional<json> open(std::string_view text) {
    auto j = json::parse(text, nullptr, false);
    if (!j.is_object()) return std::nullopt;
    const auto v = j.find("v");
    if (v == j.end() || !v->is_number_integer()) return std::nullopt;
    if (v->get<std::int64_t>() < 1 || v->get<std::int64_t>() > k_state_version) return std::nullopt;
    return j;
}

template <std::size_t I = 0>
call::command_body empty_body(const std::string& verb_name) {
    if constexpr (I < std::variant_size_v<call::command_body>) {
        call::carrier_command probe;
        probe.body.emplace<I>();
        if (name(probe.what()) == verb_name) return probe.body;
        return empty_body<I + 1>(verb_name);
    } else {
        throw unreadable("unknown verb " + verb_name);
    }
}

/// Beside what `to` holds already.
template <described T>
void put_fields(json& to, const T& v) {
    writer w{to};
    fields(w, v);
}

call::carrier_command carrier_command_in(const json& j) {
    call::carrier_command c;
    get(j, c);
    c.body = empty_body(j.at("verb").get<std::string>());
    if (const auto body = j.find("body"); body != j.end())
        std::visit([&body](auto& b) { get(*body, b); }, c.body);
    return c;
}

template <described T>
T body_in(const json& j) {
    T t;
    get(j, t);
    return t;
}

// An older program would forget that it is paused, or not keep what the organisation demands.
bool looks_after_recording(const call::state& s) {
    const auto& rules = s.routed.rules;
    const auto& r = s.recorder;
    return rules.recording_mandatory || !rules.recording_announcement.empty() || r.orders > 0 ||
           r.pause_wanted || r.turns > 0 ||
           std::any_of(s.verdicts.begin(), s.verdicts.end(), [](const call::verdict& v) {
               return v.what == call::request_kind::pause_recording ||
                      v.what == call::request_kind::resume_recording;
           });
}

} // namespace

int form_of(const call::state& s) {
    if (looks_after_recording(s)) return k_recording_form;
    if (!s.routed.rules.takes_messages) return k_no_message_form;
    if (call::turned_away(s)) return k_blocked_form;
    if (!s.routed.mobile.empty()) return k_mobile_form;
    return s.routed.rules.wake_by_push ? k_push_form : k_plain_form;
}

std::string encode(const call::state& s) {
    json j;
    put(j, s);
    j["v"] = form_of(s);
    return text_of(j);
}

std::optional<call::state> decode_state(std::string_view text) {
    try {
        auto j = open(text);
        if (!j) return std::nullopt;
        const auto form = j->at("v").get<int>();
        if (form < 2) from_form_1(*j);
        if (form < 3) from_form_2(*j);
        if (form < 4) from_form_3(*j);
        call::state s;
        get(*j, s);
        return s;
    } catch (const unreadable&) {
        return std::nullopt;
    } catch (const json::exception&) {
        return std::nullopt;
    }
}

namespace {

// What waits for nothing is stored as before anything could wait.
void put_after(json& to, const call::effect& e) {
    if (e.after) put(to["after"], *e.after);
}
void get_after(const json& from, call::effect& e) {
    if (const auto it = from.find("after"); it != from.end()) get(*it, e.after);
}

} // namespace

int form_of(const call::effect& e) {
    if (call::channel_of(e) != call::channel::carrier) return k_other_channels_form;
    const auto word = call::kind_of(e);
    const bool pauses = word == name(call::verb::record_pause) || word == name(call::verb::record_resume);
    return pauses ? k_recording_form : k_plain_form; // whoever does not know the word leaves it alone
}

std::string encode_effect(const call::effect& e) {
    return std::visit(
        overloaded{
            [&](const call::carrier_command& c) {
                json j;
                put(j, e);
                put_after(j, e);
                put_fields(j, c);
                j["v"] = k_plain_form;
                j["verb"] = std::string(name(c.what()));
                std::visit([&j](const auto& body) { put(j["body"], body); }, c.body);
                return text_of(j);
            },
            [&](const auto& other) {
                json j;
                put(j, e);
                put_after(j, e);
                put_fields(j, other);
                j["v"] = k_push_form;
                j["channel"] = std::string(name(call::channel_of(e)));
                return text_of(j);
            },
        },
        e.body
    );
}

std::optional<call::effect> decode_effect(std::string_view text) {
    try {
        const auto j = open(text);
        if (!j) return std::nullopt;
        call::effect e;
        get(*j, e);
        get_after(*j, e);
        const auto word = j->find("channel");
        std::optional via = call::channel::carrier; // rows from before channels do not say it
        if (word != j->end()) via = call::channel_named(word->get<std::string>());
        if (!via) return std::nullopt;
        switch (*via) {
        case call::channel::carrier: e.body = carrier_command_in(*j); break;
        case call::channel::push: e.body = body_in<call::push_notice>(*j); break;
        case call::channel::test: e.body = body_in<call::test_effect>(*j); break;
        }
        return e;
    } catch (const unreadable&) {
        return std::nullopt;
    } catch (const json::exception&) {
        return std::nullopt;
    }
}

std::string encode_command(const call::command& c) {
    return encode_effect(c);
}

std::optional<call::command> decode_command(std::string_view text) {
    auto e = decode_effect(text);
    if (!e) return std::nullopt;
    return call::command_of(std::move(*e));
}

} // namespace z360::wire
