// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/digest.hpp"

#include "wire/state_fields.hpp"

#include <string_view>
#include <type_traits>
#include <variant>

namespace z360::wire {
namespace {

using number = std::uint64_t;

// FNV-1a.
number of_text(std::string_view text) {
    number h = 0xCBF29CE484222325ULL;
    for (const char c : text)
        h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    return h;
}
// splitmix64: each bit of what goes in moves half of what comes out.
number mixed(number x) {
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31U);
}
std::uint32_t folded(number x) {
    return static_cast<std::uint32_t>(x ^ (x >> 32U));
}

// 0 of whatever is empty, zero or false.
number sum(std::string_view v) {
    return v.empty() ? 0 : of_text(v);
}
number sum(const std::string& v) {
    return sum(std::string_view(v));
}
template <class T>
    requires std::is_arithmetic_v<T>
number sum(T v) {
    return v == T{} ? 0 : mixed(static_cast<number>(v));
}
// Its word, not its place among the others; the first one is the usual one.
template <class T>
    requires std::is_enum_v<T>
number sum(T v) {
    if (v == T{}) return 0;
    if constexpr (std::is_same_v<T, call::route_verdict>)
        return mixed(static_cast<number>(v));
    else
        return of_text(name(v));
}
number sum(time_point v) {
    return sum(v.time_since_epoch().count());
}
number sum(millis v) {
    return sum(v.count());
}
template <class Tag>
number sum(const uuid_id<Tag>& v) {
    return v.nil() ? 0 : mixed(v.value.hi ^ mixed(v.value.lo));
}
template <class Tag>
number sum(const int_id<Tag>& v) {
    return sum(v.value);
}
template <class T>
number sum(const std::optional<T>& v);
template <class T>
number sum(const std::vector<T>& v);
template <described T>
number sum(const T& v);
number sum(const call::endpoint& v);

/// Adds up, so that the order in which fields are listed does not matter.
struct adder {
    number total = 0;
    template <class T>
    void operator()(const char* key, const T& v) {
        if (const auto n = sum(v); n != 0) total += mixed(of_text(key) ^ mixed(n));
    }
};
template <described T>
number sum(const T& v) {
    adder a;
    fields(a, v);
    return a.total;
}
number sum(const call::endpoint& v) {
    return std::visit([&v](const auto& x) { return mixed(of_text(kind_of(v)) ^ sum(x)); }, v);
}
template <class T>
number sum(const std::optional<T>& v) {
    return v ? mixed(sum(*v) + 1) : 0;
}
template <class T>
number sum(const std::vector<T>& v) {
    number out = 0;
    for (const auto& x : v)
        out = mixed(out ^ sum(x)) + 1;
    return out;
}

struct addresses {
    std::vector<const void*> of;
    template <class T>
    void operator()(const char*, const T& v) {
        of.push_back(&v);
    }
};
struct comparison {
    const std::vector<const void*>& before;
    std::size_t at = 0;
    std::vector<call::digest> out = {};
    template <class T>
    void operator()(const char* key, const T& v) {
        const auto* was = static_cast<const T*>(before[at++]);
        if (*was != v) out.push_back({key, folded(sum(v))});
    }
};

} // namespace

std::vector<call::digest> changed_parts(const call::state* before, const call::state& after) {
    static const call::state nothing;
    addresses a;
    fields(a, before != nullptr ? *before : nothing);
    comparison c{a.of};
    fields(c, after);
    return std::move(c.out);
}

call::digest digest_of(const call::effect& e) {
    adder a;
    fields(a, e);
    if (e.after) a("after", *e.after);
    std::visit([&a](const auto& body) { fields(a, body); }, e.body);
    if (const auto* c = std::get_if<call::carrier_command>(&e.body)) {
        a("verb", std::string(name(c->what())));
        std::visit([&a](const auto& body) { fields(a, body); }, c->body);
    }
    return {e.id, folded(a.total)};
}

} // namespace z360::wire
