// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One registration: what has to happen in one transaction.
#pragma once

#include "adapter/crypto/vault.hpp"

#include <z360/port/device_registry.hpp>

#include <pqxx/pqxx>

#include <optional>

namespace z360::adapter::postgres {

/// As port::device_registry::enrol, within `tx`, which begins with the owner's rights.
[[nodiscard]] std::optional<port::registered> enrol(
    pqxx::transaction_base& tx, const crypto::vault& keys, const port::registration& r, unsigned max_browsers
);

} // namespace z360::adapter::postgres
