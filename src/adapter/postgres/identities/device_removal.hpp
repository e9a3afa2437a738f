// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Taking a device away, as far as it is the asking scope's to take.
#pragma once

#include <z360/port/device_registry.hpp>

#include <pqxx/pqxx>

namespace z360::adapter::postgres {

/// In the scope `who`, which the transaction has entered already and may have left afterwards. An
/// organisation takes away what is its own: a device that also serves others of its person's organisations
/// rings for this one no more, and nothing else about it changes. false: the scope sees no such device.
bool take_away(pqxx::work& tx, const port::tenant_scope& who, const port::removal& what);

/// Somebody has signed in on the device for `org`, or anew after it was removed: what took it away there is
/// over.
void take_back(pqxx::transaction_base& tx, device_id device, org_id org, bool anew);

} // namespace z360::adapter::postgres
