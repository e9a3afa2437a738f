// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calls stored before rings were a list. Private to src/wire; goes when nobody can still have one.
#pragma once

#include <nlohmann/json.hpp>

namespace z360::wire {

/// Turns a stored call of form 3 into one of form 4. Throws nlohmann's exceptions where it is damaged.
void from_form_3(nlohmann::json& call);

} // namespace z360::wire
