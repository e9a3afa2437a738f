// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Rows that nobody needs any more.
#pragma once

#include <z360/base/time.hpp>

#include <pqxx/pqxx>

#include <cstddef>

namespace z360::adapter::postgres {

/// As port::credential_store::purge, each kind in a transaction of its own.
[[nodiscard]] std::size_t purge(pqxx::connection_base& db, time_point now, std::size_t limit);

} // namespace z360::adapter::postgres
