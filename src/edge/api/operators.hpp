// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the admin routes share.
#pragma once

#include "edge/api/api_context.hpp"

#include <z360/port/tenants.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace z360::edge::api {

/// What an operator sees: whatever their token does, not the person that a header names.
[[nodiscard]] port::tenant_scope scope_of(const request_context& in);
[[nodiscard]] problem no_org();
[[nodiscard]] problem no_user();

/// A line of the route table for operators.
[[nodiscard]] entry
operator_entry(std::string_view method, std::string_view pattern, action run, std::string_view scope);
/// The same for what the product synchronises: tenants:read or tenants:write, by the method.
[[nodiscard]] entry tenant_entry(std::string_view method, std::string_view pattern, action run);

/// A page of a list: ?after=&limit=. Refused: 422.
struct page {
    std::string after;
    std::size_t limit = 100;
    std::optional<problem> refused;
};
/// `numeric`: the cursor is an id.
[[nodiscard]] page read_page(const request_context& in, bool numeric);
/// The id that the cursor is; 0 before the first page.
[[nodiscard]] std::int64_t cursor_id(const page& p);
/// {"data":[…],"meta":{"next":…}}: the cursor of the last row while there may be more.
[[nodiscard]] http::response reply_page(json rows, std::size_t limit, std::string_view cursor_field);

/// The id in the path; none: it is no id, so there is nothing.
[[nodiscard]] std::int64_t path_id(const request_context& in, std::string_view name);
/// The organisation in the path, when the principal may see it. none(): 404.
[[nodiscard]] org_id path_org(const request_context& in);
/// The same, if it is there: none() where nobody, or not this principal, knows of it.
[[nodiscard]] awaitable<org_id> seen_org(api_context& s, request_context in);

/// The phone number in the path, +E.164; empty: it is none.
[[nodiscard]] std::string path_number(const request_context& in);

[[nodiscard]] problem of_refusal(const port::refusal& r);

/// reply_page() of rows that `view` shows.
template <class Rows, class View>
[[nodiscard]] http::response
reply_rows(const Rows& all, View view, std::size_t limit, std::string_view cursor_field) {
    json rows = json::array();
    for (const auto& r : all)
        rows.push_back(view(r));
    return reply_page(std::move(rows), limit, cursor_field);
}

/// The reply to an upsert: 201, 200, or why not.
template <class T, class View>
[[nodiscard]] http::response reply_put(const port::outcome_of<T>& out, View view) {
    if (out.refused) return respond(of_refusal(*out.refused));
    return success(out.created ? 201 : 200, view(*out.value));
}

} // namespace z360::edge::api
