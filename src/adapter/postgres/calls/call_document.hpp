// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/postgres/postgres.hpp"

#include <z360/port/call_store.hpp>

#include <string>

namespace z360::adapter::postgres {

/// A commit as the one JSON parameter of the commit statement. Without `hash_of` agents get no references.
[[nodiscard]] std::string
call_document(const port::call_commit& what, port::effect_claims claims, const reference_hash& hash_of);

} // namespace z360::adapter::postgres
