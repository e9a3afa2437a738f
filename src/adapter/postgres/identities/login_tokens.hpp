// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The cached login token (JWT) of a device's identity.
#pragma once

#include "adapter/crypto/vault.hpp"

#include <z360/port/credential_store.hpp>

#include <pqxx/pqxx>

#include <optional>

namespace z360::adapter::postgres {

/// As port::credential_store::token.
[[nodiscard]] std::optional<port::cached_token>
read_login_token(pqxx::connection_base& db, const crypto::vault& keys, device_id d, millis claim);

/// As port::credential_store::store_token.
void write_login_token(
    pqxx::connection_base& db, const crypto::vault& keys, identity_id i,
    const std::optional<port::carrier_token>& minted, time_point now
);

} // namespace z360::adapter::postgres
