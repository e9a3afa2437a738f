// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/spool/dead_letter_file.hpp"

#include <z360/port/spool.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <vector>

namespace z360::adapter::spool {

/// The queue of this process in `directory` (created, readable by the owner only): a file of its own, which
/// the kernel lets go when the process ends however it ends, and the files of processes that are gone. Files
/// that SQLite cannot read are moved aside with an alarm in the log. Never throws for what the disk says:
/// health() tells it, append() and tend() try again. `max_bytes` bounds the bodies kept.
[[nodiscard]] std::unique_ptr<port::spool>
make_spool(const std::filesystem::path& directory, std::size_t max_bytes);

/// What the processes of this directory set aside, oldest first; they may run meanwhile. Throws
/// port::unavailable.
[[nodiscard]] std::vector<dead_letter>
read_dead_letters(const std::filesystem::path& directory, std::size_t limit);

} // namespace z360::adapter::spool
