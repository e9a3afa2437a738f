// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the admin routes share.
#pragma once

#include "edge/api/service.hpp"

#include <z360/port/tenants.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace z360::edge::api {

/// A page of a list: ?after=&limit=. Refused: 422.
struct page {
    std::string after;
    std::size_t limit = 100;
    std::optional<problem> refused;
};
/// `numeric`: the cursor is an id.
[[nodiscard]] page read_page(const ask& in, bool numeric);
/// {"data":[…],"meta":{"next":…}}: the cursor of the last row while there may be more.
[[nodiscard]] http::response reply_page(json rows, std::size_t limit, std::string_view cursor_field);

/// The id in the path; none: it is no id, so there is nothing.
[[nodiscard]] std::int64_t path_id(const ask& in, std::string_view name);
/// The organisation in the path, when the caller may see it. none(): 404.
[[nodiscard]] org_id path_org(const ask& in);

[[nodiscard]] problem of_refusal(const port::refusal& r);

/// The reply to an upsert: 201, 200, or why not.
template <class T, class View>
[[nodiscard]] http::response reply_put(const port::outcome_of<T>& out, View view) {
    if (out.refused) return respond(of_refusal(*out.refused));
    return success(out.created ? 201 : 200, view(*out.value));
}

} // namespace z360::edge::api
