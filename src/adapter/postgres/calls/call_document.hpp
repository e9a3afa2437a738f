// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/port/call_store.hpp>

#include <string>

namespace z360::adapter::postgres {

/// A commit as the one JSON parameter of the commit statement.
[[nodiscard]] std::string call_document(const port::call_commit& what, port::effect_claims claims);

} // namespace z360::adapter::postgres
