// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The fields of each request about calls, as Telnyx's documents have them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace z360::sim {

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
    object,
    target,   ///< one of whom a transfer leads to
    digits,   ///< keys that are pressed
    urls,     ///< by event type
    integers, ///< an object of nothing else
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

using request_rules = std::map<std::string, table, std::less<>>; ///< by verb

[[nodiscard]] const request_rules& request_tables();

} // namespace z360::sim
