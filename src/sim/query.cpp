// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/query.hpp"

#include "http/percent.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace z360::sim {

query_fields parse_query(std::string_view query) {
    query_fields out;
    while (!query.empty()) {
        const auto amp = query.find('&');
        const auto item = query.substr(0, amp);
        const auto equals = item.find('=');
        if (equals != std::string_view::npos)
            out[http::form_decode(item.substr(0, equals))] = http::form_decode(item.substr(equals + 1));
        if (amp == std::string_view::npos) break;
        query.remove_prefix(amp + 1);
    }
    return out;
}

bool passes(const query_fields& q, std::string_view key, std::string_view value) {
    const auto it = q.find(key);
    return it == q.end() || it->second == value;
}

std::size_t number_in(const query_fields& q, std::string_view key, std::size_t fallback, std::size_t most) {
    const auto it = q.find(key);
    std::size_t n = fallback;
    if (it != q.end()) std::from_chars(it->second.data(), it->second.data() + it->second.size(), n);
    return std::clamp<std::size_t>(n, 1, most);
}

json page_of(json all, const query_fields& q, std::size_t usual_size) {
    const auto size = number_in(q, q.contains("page[limit]") ? "page[limit]" : "page[size]", usual_size, 250);
    const auto page = number_in(q, "page[number]", 1, 1'000'000);
    const auto total = all.size();
    json data = json::array();
    for (auto i = (page - 1) * size; i < std::min(total, page * size); ++i)
        data.push_back(std::move(all[i]));
    return json{
        {"data", std::move(data)},
        {"meta",
         {{"page_number", page},
          {"page_size", size},
          {"total_pages", (total + size - 1) / size},
          {"total_results", total}}},
    };
}

} // namespace z360::sim
