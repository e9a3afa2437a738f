// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Devices follow their people: who is no active member of any active organisation has none (B28).
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>

#include <pqxx/pqxx>

#include <string_view>
#include <vector>

namespace z360::adapter::postgres {

enum class leaving { suspended, removed };

/// Their devices get that status and lose their push tokens, their tokens are revoked; their identities are
/// retired by who looks after those. Nothing happens to people who still have an organisation. Runs as owner:
/// other organisations are looked at. Locks the people, so that two departures at once see each other.
/// Returns the devices.
std::vector<device_id> part_with(
    pqxx::work& tx, const std::vector<user_id>& people, leaving how, std::string_view reason, time_point now
);
/// The same for whoever belongs to `org`, together with the tokens of the organisation itself.
std::vector<device_id>
part_with_members(pqxx::work& tx, org_id org, leaving how, std::string_view reason, time_point now);
/// Whatever organisations they have: all devices, tokens and codes of one person.
std::vector<device_id>
part_with_everything_of(pqxx::work& tx, user_id who, leaving how, std::string_view reason, time_point now);

/// One device, with its tokens; its person keeps the others. false: it was removed before, or never there.
bool remove_device(pqxx::work& tx, device_id which, std::string_view reason, time_point now);

} // namespace z360::adapter::postgres
