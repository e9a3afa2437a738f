// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A part of the call that only this test has: once a call has begun it wants an effect of the test channel,
// and keeps what came of it; once a device has answered it wants another one, as soon as the caller is
// answered for it. The core has no field for it, so its facts stand among the recordings.
#pragma once

#include <z360/call/state.hpp>

#include <string>

namespace z360::testing {

[[nodiscard]] std::string test_effect_id(const call::state& s);
/// What the runner said; empty: nothing yet.
[[nodiscard]] std::string test_answer(const call::state& s);
/// Of the one that waits for the carrier's answer.
[[nodiscard]] std::string chained_effect_id(const call::state& s);
[[nodiscard]] std::string chained_answer(const call::state& s);

} // namespace z360::testing
