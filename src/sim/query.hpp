// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Query strings and numbered pages, as the carrier's lists have them. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace z360::sim {

using json = nlohmann::json;
using query_fields = std::map<std::string, std::string, std::less<>>;

/// Names and values, percent-decoded.
[[nodiscard]] query_fields parse_query(std::string_view query);
/// True when the filter is absent or equal.
[[nodiscard]] bool passes(const query_fields& q, std::string_view key, std::string_view value);
/// A whole number between 1 and `most`; `fallback` where there is none.
[[nodiscard]] std::size_t
number_in(const query_fields& q, std::string_view key, std::size_t fallback, std::size_t most);
/// `{"data": …, "meta": …}` of the page that is asked for; at most 250 on one.
[[nodiscard]] json page_of(json all, const query_fields& q, std::size_t usual_size);

} // namespace z360::sim
