// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/postgres/postgres.hpp"

#include <z360/port/call_store.hpp>

#include <string>

namespace z360::adapter::postgres {

/// A commit as the one JSON parameter of the commit statement. Without `hash_of` agents get no references.
[[nodiscard]] std::string
call_document(const port::call_commit& what, port::effect_claims claims, const reference_hash& hash_of);
/// The dial of an agent that it is: what it is sent has a row from the same commit on. Null: it is none.
[[nodiscard]] const call::dial_body* dial_of_agent(const call::effect& e);

} // namespace z360::adapter::postgres
