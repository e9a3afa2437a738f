// SPDX-License-Identifier: LicenseRef-z360-proprietary
// How a line of the table of keys is made, by the kind of its value.
#pragma once

#include "app/keys.hpp"
#include "app/values.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace z360::app {

/// Keys of the API for devices and administration, behind those of calls.
void add_api_keys(std::vector<key_spec>& k);
/// Keys of pushes.
void add_push_keys(std::vector<key_spec>& k);
/// Keys of copies of recordings.
void add_recording_keys(std::vector<key_spec>& k);

using check = std::string (*)(std::string_view);

// `at` names the member, of a configuration to change or to show.
template <class Member>
key_spec number(
    std::string name, std::string help, std::string unit, std::int64_t lowest, std::int64_t highest, Member at
) {
    key_spec k{.name = std::move(name), .help = std::move(help), .quoted = false};
    k.range = std::to_string(lowest) + " to " + std::to_string(highest) + (unit.empty() ? "" : " " + unit);
    k.set = [=](config& c, const std::string& v) {
        std::int64_t n = 0;
        auto problem = read_number(v, lowest, highest, unit, n);
        if (problem.empty()) at(c) = static_cast<std::remove_cvref_t<decltype(at(c))>>(n);
        return problem;
    };
    k.show = [=](const config& c) { return std::to_string(at(c)); };
    return k;
}

template <class Member>
key_spec duration(std::string name, std::string help, std::int64_t lowest, std::int64_t highest, Member at) {
    key_spec k{.name = std::move(name), .help = std::move(help), .quoted = false};
    k.range = readable_millis(lowest) + " to " + readable_millis(highest);
    k.set = [=](config& c, const std::string& v) {
        std::int64_t n = 0;
        auto problem = read_millis(v, lowest, highest, n);
        if (problem.empty()) at(c) = millis(n);
        return problem;
    };
    k.show = [=](const config& c) { return std::to_string(at(c).count()); };
    return k;
}

template <class Member>
key_spec boolean(std::string name, std::string help, Member at) {
    key_spec k{
        .name = std::move(name),
        .help = std::move(help),
        .range = "true or false",
        .boolean = true,
        .quoted = false
    };
    k.set = [=](config& c, const std::string& v) { return read_bool(v, at(c)); };
    k.show = [=](const config& c) { return std::string(at(c) ? "true" : "false"); };
    return k;
}

/// Each value is checked by itself; given again, it is one more.
template <class Member>
key_spec list(std::string name, std::string help, std::string range, check ok, Member at) {
    key_spec k{
        .name = std::move(name), .help = std::move(help), .range = std::move(range), .kind = key_kind::list
    };
    k.set = [=](config& c, const std::string& v) {
        auto problem = ok(v);
        if (problem.empty()) at(c).push_back(v);
        return problem;
    };
    k.show = [=](const config& c) {
        std::string out;
        for (const auto& v : at(c))
            out += (out.empty() ? "" : ",") + v;
        return out;
    };
    return k;
}

template <class Member>
key_spec text(std::string name, std::string help, std::string range, bool may_be_empty, check ok, Member at) {
    key_spec k{.name = std::move(name), .help = std::move(help), .range = std::move(range)};
    k.set = [=](config& c, const std::string& v) {
        std::string problem;
        if (v.empty() && !may_be_empty) problem = "empty; give a value or leave the key out";
        if (!v.empty()) problem = ok(v);
        if (problem.empty()) at(c) = v;
        return problem;
    };
    k.show = [=](const config& c) { return at(c); };
    return k;
}

template <class Member>
key_spec
secret_key(std::string name, std::string help, std::string range, key_kind kind, check ok, Member at) {
    key_spec k{.name = std::move(name), .help = std::move(help), .range = std::move(range), .kind = kind};
    k.set = [=](config& c, const std::string& v) {
        auto problem = v.empty() ? std::string{} : ok(v);
        if (problem.empty()) at(c) = secret(v);
        return problem;
    };
    k.is_set = [=](const config& c) { return !at(c).empty(); };
    return k;
}

} // namespace z360::app
