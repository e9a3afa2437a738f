// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/config.hpp>

#include <cstddef>

namespace z360::app {

/// Files and sockets that a process with these settings may have open, with some to spare.
[[nodiscard]] std::size_t files_needed(const config& c);

/// Raises this process's limit of open files to what it may be raised to. Returns the limit now; what is too
/// low for `needed` is logged with the fix.
std::size_t raise_open_files(std::size_t needed);

} // namespace z360::app
