// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Where our own copies of recordings are kept.
#pragma once

#include <z360/port/recording_vault.hpp>
#include <z360/rt/blocking_pool.hpp>

#include <filesystem>
#include <memory>

namespace z360::adapter::recordings {

/// A folder, made if it is missing. Copies come in at `<root>/.incoming`; what a process that died left there
/// is removed after an hour, at the next start. Readable for our user alone. `pool` outlives the vault and
/// all that came from it.
[[nodiscard]] std::unique_ptr<port::recording_vault>
make_folder_vault(rt::blocking_pool& pool, std::filesystem::path root);

} // namespace z360::adapter::recordings
