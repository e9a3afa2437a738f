// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The statements behind port::tenants, by family. Blocking; each is one transaction under its scope.
#pragma once

#include "wire/e164.hpp"

#include <z360/port/device_registry.hpp>
#include <z360/port/tenants.hpp>

#include <pqxx/pqxx>

#include <optional>
#include <string>
#include <vector>

// Calls go on naming a number that was given back, so its row stays under a connection that no carrier has.
// The number itself is free for another organisation.
#define Z360_GIVEN_BACK "'removed:'"

namespace z360::adapter::postgres::tenant_rows {

using connection = pqxx::connection_base;
using port::outcome_of;
using port::tenant_scope;

/// Whether the scope may change what belongs to the organisation. Row-level security says the same again.
[[nodiscard]] inline bool may_write(const tenant_scope& who, org_id org) {
    return who.everything || (!org.none() && who.org == org);
}

/// A number outside that calls may be sent to, in its one form; nullopt: none that can be dialed.
[[nodiscard]] inline std::optional<std::string> number_to_dial(const std::string& text) {
    return wire::has_extension(text) ? std::nullopt : wire::to_e164(text);
}
inline constexpr const char* k_not_dialed =
    "is no phone number that can be dialed; write it like +13125550100";

// What is removed is told to the audit in the same transaction, with `told`.

// tenants_organisations.cpp
outcome_of<port::organisation> put(connection& db, const tenant_scope& who, port::organisation o);
outcome_of<port::org_settings> put(connection& db, const tenant_scope& who, org_id org, port::org_settings s);
std::optional<port::organisation> organisation_of(connection& db, const tenant_scope& who, org_id o);
std::optional<port::org_settings> settings_of(connection& db, const tenant_scope& who, org_id o);
std::vector<port::organisation>
organisations(connection& db, const tenant_scope& who, org_id after, std::size_t limit);
std::optional<std::vector<device_id>> remove_organisation(
    connection& db, const tenant_scope& who, org_id o, time_point now, const port::audit_line* told = nullptr
);

// tenants_people.cpp
outcome_of<port::person> put(connection& db, const tenant_scope& who, port::person p);
outcome_of<port::membership> put(connection& db, const tenant_scope& who, port::membership m);
std::optional<port::person> person_of(connection& db, const tenant_scope& who, user_id u);
std::vector<port::person> people(connection& db, const tenant_scope& who, user_id after, std::size_t limit);
std::vector<port::membership>
members(connection& db, const tenant_scope& who, org_id o, user_id after, std::size_t limit);
std::optional<std::vector<device_id>> remove_person(
    connection& db, const tenant_scope& who, user_id u, time_point now, const port::audit_line* told = nullptr
);
std::optional<std::vector<device_id>> remove_membership(
    connection& db, const tenant_scope& who, org_id o, user_id u, time_point now,
    const port::audit_line* told = nullptr
);

// tenants_plans.cpp
outcome_of<port::ring_plan> put(connection& db, const tenant_scope& who, port::ring_plan p);
std::optional<port::ring_plan>
plan_of(connection& db, const tenant_scope& who, org_id o, const std::string& key);
std::vector<port::ring_plan>
plans(connection& db, const tenant_scope& who, org_id o, const std::string& after, std::size_t limit);
outcome_of<bool> remove_plan(connection& db, const tenant_scope& who, org_id o, const std::string& key);

// tenants_numbers.cpp
outcome_of<port::number> put(connection& db, const tenant_scope& who, port::number n);
outcome_of<port::contact> put(connection& db, const tenant_scope& who, port::contact c);
std::vector<port::number>
numbers(connection& db, const tenant_scope& who, org_id o, const std::string& after, std::size_t limit);
std::vector<port::contact>
contacts(connection& db, const tenant_scope& who, org_id o, const std::string& after, std::size_t limit);
bool remove_number(connection& db, const tenant_scope& who, org_id o, const std::string& e164);
bool remove_contact(connection& db, const tenant_scope& who, org_id o, const std::string& e164);

// tenants_routing.cpp
outcome_of<port::opening> put(connection& db, const tenant_scope& who, port::opening o);
outcome_of<port::blocked_caller> put(connection& db, const tenant_scope& who, port::blocked_caller b);
std::optional<port::opening> opening_of(connection& db, const tenant_scope& who, org_id o);
std::vector<port::blocked_caller> blocked_callers(
    connection& db, const tenant_scope& who, org_id o, const std::string& after, std::size_t limit
);
bool remove_opening(connection& db, const tenant_scope& who, org_id o);
bool remove_blocked_caller(connection& db, const tenant_scope& who, org_id o, const std::string& e164);

// tenants_outbound.cpp
outcome_of<port::outbound_rules> put(connection& db, const tenant_scope& who, port::outbound_rules r);
std::optional<port::outbound_rules> outbound_of(connection& db, const tenant_scope& who, org_id o);
bool remove_outbound(connection& db, const tenant_scope& who, org_id o);
std::vector<port::caller_id>
caller_ids(connection& db, const tenant_scope& who, user_id person, device_id device, org_id only);

// tenants_voicemail.cpp
outcome_of<port::voicemail_box>
put(connection& db, const tenant_scope& who, const port::box_owner& of, port::voicemail_box b);
std::optional<port::voicemail_box> box_of(connection& db, const tenant_scope& who, const port::box_owner& of);
bool remove_box(connection& db, const tenant_scope& who, const port::box_owner& of);

// tenants_apple.cpp
std::optional<user_id> apple_user(connection& db, const std::string& subject);
bool link_apple(
    connection& db, user_id u, const std::string& subject, const std::string& email, time_point now
);
std::vector<device_id>
unlink_apple(connection& db, const std::string& subject, time_point issued_at, time_point now);

} // namespace z360::adapter::postgres::tenant_rows
