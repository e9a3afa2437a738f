// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What becomes of a call that a device places, by our own rows. Private to src/adapter/postgres.
#pragma once

#include "adapter/postgres/postgres.hpp"

#include <z360/port/directory.hpp>

#include <pqxx/pqxx>

namespace z360::adapter::postgres {

/// As directory::place.
[[nodiscard]] call::route
place_call(pqxx::connection_base& db, const port::placing& what, const directory_settings& s, time_point now);

} // namespace z360::adapter::postgres
