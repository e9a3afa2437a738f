// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Devices: reading them, and taking them and their identities out of use. Statements run with the rights that
// the transaction has at that moment.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/credential/lifecycle.hpp>
#include <z360/port/device_registry.hpp>

#include <pqxx/pqxx>

#include <string>
#include <vector>

namespace z360::adapter::postgres {

/// Those of `devices` that can be seen, most recently seen first.
[[nodiscard]] std::vector<port::device_view>
read_views(pqxx::transaction_base& tx, const std::vector<device_id>& devices);

/// Why a device is out of use. A silent one may come back by itself and keeps its push tokens.
enum class out_of_use { silent, suspended, removed };

/// The one way in which devices go out of use, whoever asks for it (BE-05): status, tokens revoked, push
/// tokens forgotten, identities retiring. While a device is on a call its usable identity stays as it is
/// until the call is over: the credential manager retires it then; a device out of use is not dialed in any
/// case. Returns those that changed: what is removed stays removed.
std::vector<device_id> take_out_of_use(
    pqxx::transaction_base& tx, const std::vector<device_id>& devices, out_of_use how,
    const std::string& reason, time_point now
);

/// Pending, active and rotating → retiring; usable ones of a device that is on a call as above.
void retire_identities(
    pqxx::transaction_base& tx, const std::vector<device_id>& devices, credential::retire_reason why,
    time_point now
);

/// A pending identity of the device, unless it has one. Returns it; none: no such device.
identity_id add_pending_identity(
    pqxx::transaction_base& tx, device_id device, const std::string& connection_id, time_point now
);

/// The device says that it uses the identity of this version; the one before it may go from now on.
void prove_identity(pqxx::transaction_base& tx, device_id device, int version, time_point now);

} // namespace z360::adapter::postgres
