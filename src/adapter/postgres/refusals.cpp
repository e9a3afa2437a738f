// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/refusals.hpp"

#include <array>
#include <string_view>

namespace z360::adapter::postgres {
namespace {

// "phone_numbers_receiver_is_member" of `… violates foreign key constraint "phone_numbers_…"`.
std::string constraint(std::string_view what) {
    const auto from = what.find("constraint \"");
    if (from == std::string_view::npos) return {};
    what.remove_prefix(from + 12);
    return std::string(what.substr(0, what.find('"')));
}

// users_login_key is about login.
std::string field_of(std::string_view name) {
    constexpr std::array<std::string_view, 10> k_tables{
        "organizations_", "users_",      "memberships_",   "org_settings_",    "phone_numbers_",
        "contacts_",      "api_tokens_", "opening_hours_", "blocked_callers_", "outbound_rules_",
    };
    constexpr std::array<std::string_view, 4> k_ends{"_check", "_fkey", "_key", "_pkey"};
    if (name == "phone_numbers_receiver_is_member" || name == "phone_numbers_user_route_has_receiver")
        return "receiver";
    if (name == "phone_numbers_plan_is_ours" || name == "memberships_plan_is_ours") return "ring_plan";
    if (name == "phone_numbers_one_owner_per_connection") return "e164";
    for (const auto t : k_tables)
        if (name.starts_with(t)) name.remove_prefix(t.size());
    for (const auto e : k_ends)
        if (name.ends_with(e)) name.remove_suffix(e.size());
    if (name == "org_id") return "org";
    if (name == "user_id") return "user";
    return std::string(name);
}

} // namespace

std::optional<port::refusal> refusal_of(const pqxx::sql_error& e) {
    using why = port::refusal::why;
    const std::string_view state = e.sqlstate();
    const auto field = field_of(constraint(e.what()));
    if (state == "23505") return port::refusal{why::conflict, field, "is in use already; give another"};
    if (state == "23503") return port::refusal{why::not_found, field, "does not exist; create it first"};
    if (state == "23514") return port::refusal{why::invalid, field, "has a value that is not allowed"};
    if (dynamic_cast<const pqxx::insufficient_privilege*>(&e) != nullptr) // libpqxx 6 gives it no SQLSTATE
        return port::refusal{why::not_found, "org", "does not exist"};
    return std::nullopt;
}

} // namespace z360::adapter::postgres
