// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/idempotency.hpp"

#include "edge/api/body.hpp"

#include <algorithm>
#include <cstddef>

namespace z360::edge::api {

given_key idempotency_key(const http::request& req) {
    constexpr std::size_t k_longest = 128;
    given_key out;
    const auto given = req.headers.count(k_idempotency_key);
    if (given == 0) return out;
    out.text = std::string(req.headers.get(k_idempotency_key));
    const bool printable =
        std::all_of(out.text.begin(), out.text.end(), [](char c) { return c > ' ' && c < 127; });
    // An empty one is a client's mistake: it believes that a repetition is safe.
    const bool fits = !out.text.empty() && out.text.size() <= k_longest;
    if (given == 1 && printable && fits) return out;
    fields f(json::object());
    f.refuse(
        std::string(k_idempotency_key),
        "must be given once, of 1 to 128 printable ASCII characters without blanks"
    );
    out.refused = f.refusal();
    return out;
}

} // namespace z360::edge::api
