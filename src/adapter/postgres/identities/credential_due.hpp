// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Finding devices whose identities need work. Candidates come from partial indexes, one for each way in which
// something can be due; whether it really is says credential::decide.
#pragma once

#include <z360/port/credential_store.hpp>

#include <pqxx/pqxx>

#include <cstddef>
#include <vector>

namespace z360::adapter::postgres {

/// The devices as decisions need them, by id.
[[nodiscard]] std::vector<port::claimed_device>
read_claimed(pqxx::transaction_base& tx, const std::vector<device_id>& devices);

/// Up to `limit` devices that nobody has claimed and for which there is something to do, oldest first.
[[nodiscard]] std::vector<device_id>
due_devices(pqxx::transaction_base& tx, const credential::policy& p, time_point now, std::size_t limit);

/// Claims identities without a device (an organisation's, a stranger's) that are to be deleted.
[[nodiscard]] std::vector<port::claimed_device>
claim_ownerless(pqxx::transaction_base& tx, time_point now, std::size_t limit, millis claim);

} // namespace z360::adapter::postgres
