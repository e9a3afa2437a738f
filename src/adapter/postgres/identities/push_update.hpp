// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One new push token: what has to happen in one transaction.
#pragma once

#include "adapter/crypto/vault.hpp"

#include <z360/port/device_registry.hpp>

#include <pqxx/pqxx>

#include <optional>

namespace z360::adapter::postgres {

/// As port::device_registry::update_push, within `tx`, which begins with the owner's rights.
[[nodiscard]] std::optional<port::push_update> update_push(
    pqxx::transaction_base& tx, const crypto::vault& keys, const port::tenant_scope& who,
    const std::string& uid, const std::vector<port::push_token>& tokens, time_point now
);

} // namespace z360::adapter::postgres
