// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The trail of what was done with devices and secrets.
#pragma once

#include <z360/port/device_registry.hpp>

#include <pqxx/pqxx>

namespace z360::adapter::postgres {

/// In the same transaction as what it tells about, or by itself.
void append_audit(pqxx::transaction_base& tx, const port::audit_line& line);

} // namespace z360::adapter::postgres
