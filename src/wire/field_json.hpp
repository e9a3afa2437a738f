// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Between the described structs of the core (state_fields.hpp, event_fields.hpp) and JSON. Private to
// src/wire: it is a lot to compile.
#pragma once

#include "wire/event_fields.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace z360::wire::field_json {

using json = nlohmann::json;

struct unreadable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// ---- writing

inline void put(json& to, const std::string& v) {
    std::string clean = v; // jsonb has no U+0000; broken UTF-8 is replaced by dump()
    for (auto at = clean.find('\0'); at != std::string::npos; at = clean.find('\0', at))
        clean.replace(at, 1, "\uFFFD");
    to = std::move(clean);
}
inline void put(json& to, time_point v) {
    to = v.time_since_epoch().count();
}
inline void put(json& to, millis v) {
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
inline void put(json& to, call::route_verdict v) {
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
inline void put(json& to, const call::endpoint& v);

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
inline void put(json& to, const call::endpoint& v) {
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

inline void get(const json& from, std::string& v) {
    v = from.get<std::string>();
}
inline void get(const json& from, bool& v) {
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
inline void get(const json& from, time_point& v) {
    std::int64_t ms = 0;
    get(from, ms);
    v = time_point{millis{ms}};
}
inline void get(const json& from, millis& v) {
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
inline void get(const json& from, call::route_verdict& v) {
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
inline void get(const json& from, call::endpoint& v);

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
inline void get(const json& from, call::endpoint& v) {
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

inline std::string text_of(const json& j) {
    return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Beside what `to` holds already.
template <described T>
void put_fields(json& to, const T& v) {
    writer w{to};
    fields(w, v);
}

template <described T>
T body_in(const json& j) {
    T t;
    get(j, t);
    return t;
}

} // namespace z360::wire::field_json
