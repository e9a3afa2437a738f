// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/port/spool.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>

namespace z360::adapter::spool {

/// Opens, or creates, the queue in `directory` (created too, readable by the owner only). A file that SQLite
/// cannot read is moved aside with an alarm in the log and a new one begun. Throws port::unavailable if the
/// directory cannot be written or another process has the queue. `max_bytes` bounds the bodies kept.
[[nodiscard]] std::unique_ptr<port::spool>
make_spool(const std::filesystem::path& directory, std::size_t max_bytes);

} // namespace z360::adapter::spool
