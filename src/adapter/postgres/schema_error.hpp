// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/port/errors.hpp>

#include <string>

namespace z360::adapter::postgres {

/// Tables or rights that this program expects are missing: the database was not migrated, or it is another
/// program's. A server waits for that like for any trouble of the database's; a command ends with these
/// words, which name the fix. `said`: what Postgres says, on one line; `asking`: where, ends in ": ".
class schema_error : public port::unavailable {
  public:
    explicit schema_error(const std::string& said, const std::string& asking = {})
        : unavailable(
              asking + "the schema lacks tables or rights that this program expects (" + said +
              "); run z360-voipd --migrate, or correct database.url"
          ) {}
};

} // namespace z360::adapter::postgres
