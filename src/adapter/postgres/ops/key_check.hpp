// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whether a key file belongs to a database: asked wherever keys are about to be used.
#pragma once

#include "adapter/crypto/vault.hpp"

#include <z360/base/secret.hpp>

#include <string>

namespace z360::adapter::postgres {

/// Compares the file's keys with the list that the database keeps of its own (`secret_keys`) and adds those
/// that are new. Empty: they belong together. Else what is wrong and what to do, without any key: the file is
/// another system's, a key has the id of another one, it is an old copy (it lacks a key that the database has
/// met since and that something is stored under), or the schema is too old to tell. A database that has no
/// list yet is judged by what it holds. Blocks; throws port::unavailable.
[[nodiscard]] std::string foreign_keys(const secret& url, const crypto::vault& keys);

/// The same question without adding anything: what a start with this file would say.
[[nodiscard]] std::string key_fault(const secret& url, const crypto::vault& keys);

} // namespace z360::adapter::postgres
