// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The composition root: every part is made here, in start order; destruction is the reverse.
#pragma once

#include <z360/config.hpp>

namespace z360::app {

/// Serves until SIGTERM or SIGINT, then stops gracefully within the configured limit. Returns the exit code.
/// A second signal ends the process at once.
[[nodiscard]] int serve(const config& c);

} // namespace z360::app
