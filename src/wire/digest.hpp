// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a value is, in 32 bits: enough to see that a decision made again came to something else, and where.
#pragma once

#include <z360/call/step.hpp>

#include <vector>

namespace z360::wire {

/// The fields of the state that differ from `before` (null: from a state of nothing), by their stored names,
/// as they are in `after`. A field that is empty, zero or false adds nothing, so that a program which knows
/// more fields digests what an older one has stored to the same. No secret, and no protection against
/// anybody.
[[nodiscard]] std::vector<call::digest> changed_parts(const call::state* before, const call::state& after);

/// Of the effect with all that it says, under its id.
[[nodiscard]] call::digest digest_of(const call::effect& e);

} // namespace z360::wire
