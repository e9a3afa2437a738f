// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The rows' side of the comparison with Telnyx: what we know of, and under which installation's name.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/port/credential_store.hpp>

#include <pqxx/pqxx>

#include <cstddef>
#include <string>
#include <vector>

namespace z360::adapter::postgres {

/// As port::credential_store::known.
[[nodiscard]] std::vector<port::known_identity>
read_known(pqxx::connection_base& db, identity_id after, std::size_t limit);

/// As port::credential_store::lookup.
[[nodiscard]] std::vector<port::known_identity> find_known(
    pqxx::connection_base& db, const std::vector<std::string>& telnyx_ids, const std::vector<uuid>& keys
);

/// As port::credential_store::checked.
void mark_checked(pqxx::connection_base& db, const std::vector<identity_id>& seen, time_point now);

/// As port::credential_store::installed.
[[nodiscard]] port::installation read_installation(pqxx::connection_base& db);

/// As port::credential_store::adopt.
void adopt_installations(pqxx::connection_base& db, const std::vector<uuid>& others, time_point now);

} // namespace z360::adapter::postgres
