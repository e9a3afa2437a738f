// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "world.hpp"

#include <string>
#include <vector>

namespace z360::testing {

/// Every invariant that the finished call broke, judged by what the carrier saw and did. Empty: none.
[[nodiscard]] std::vector<std::string> judge(const world& w);

/// Of those, what is about all but the ring: whom hours and blocks keep away, voicemail, recordings. Part of
/// judge().
[[nodiscard]] std::vector<std::string> judge_life(const world& w);
/// The rules let us end this talk, for it was not recorded and had to be.
[[nodiscard]] bool may_end_unrecorded(const world& w, const sim::bridge_record& talk);

/// Where decisions made again, from what was stored of them, differ from what they came to (I18). Empty:
/// nowhere.
[[nodiscard]] std::vector<std::string> replayed(const world& w);

/// The call as the carrier saw it, one fact a line; for reading a failure.
[[nodiscard]] std::string history(const world& w);

} // namespace z360::testing
