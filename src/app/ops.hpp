// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "app/options.hpp"

namespace z360::app {

/// Carries out every command but `serve` and prints its result: for people, or JSON with --json. Blocks.
/// Returns the exit code; errors are one line on standard error with the fix.
[[nodiscard]] int run_command(const options& o);

} // namespace z360::app
