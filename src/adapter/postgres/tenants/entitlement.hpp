// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Devices follow their people: who is no active member of any active organisation has none (B28).
#pragma once

#include "adapter/postgres/identities/device_rows.hpp"

#include <pqxx/pqxx>

#include <string>
#include <vector>

namespace z360::adapter::postgres {

/// When this transaction began, by the database's clock: a node's own may be wrong.
[[nodiscard]] time_point time_of(pqxx::work& tx);
/// Their devices go out of use, their tokens are revoked. Of people who still have an organisation only what
/// is bound to one that they have no longer. Runs as owner from here on: other organisations are looked at.
/// Locks the people, so that two departures at once see each other. Returns the devices.
std::vector<device_id> part_with(
    pqxx::work& tx, const std::vector<user_id>& people, out_of_use how, const std::string& reason,
    time_point now
);
/// The same for whoever belongs to `org`, together with the tokens of the organisation itself.
std::vector<device_id>
part_with_members(pqxx::work& tx, org_id org, out_of_use how, const std::string& reason, time_point now);
/// Whatever organisations they have: all devices, tokens and codes of one person.
std::vector<device_id>
part_with_everything_of(pqxx::work& tx, user_id who, const std::string& reason, time_point now);

} // namespace z360::adapter::postgres
