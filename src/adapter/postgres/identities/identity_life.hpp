// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The steps in an identity's life that take more than one statement.
#pragma once

#include "adapter/crypto/vault.hpp"

#include <z360/base/ids.hpp>
#include <z360/port/telnyx_credentials.hpp>

#include <pqxx/pqxx>

namespace z360::adapter::postgres {

inline constexpr const char* k_password_column = "sip_identities.sip_password";

/// As port::credential_store::activate. Whatever happened to the row meanwhile, afterwards some row names the
/// credential: nothing exists at Telnyx that is not written down here (I4).
[[nodiscard]] bool activate_identity(
    pqxx::transaction_base& tx, const crypto::vault& keys, identity_id i,
    const port::carrier_credential& made, time_point expires_at, time_point now
);

/// As port::credential_store::bury.
void bury_identity(pqxx::transaction_base& tx, identity_id i);

/// As port::credential_store::adopt_for_removal.
void record_stranger(pqxx::transaction_base& tx, const port::carrier_credential& c, time_point now);

} // namespace z360::adapter::postgres
