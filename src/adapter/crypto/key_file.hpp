// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Files that hold a key of somebody else's service.
#pragma once

#include <z360/base/secret.hpp>

#include <cstddef>
#include <string>

namespace z360::adapter::crypto {

/// The text of a file that its owner alone may read. Throws std::runtime_error of one line, naming setting,
/// file and fix: missing, no regular file, rights for others than its owner, empty, larger than `longest`,
/// unreadable. The text holds nothing of the file.
[[nodiscard]] secret read_key_file(
    const std::string& setting, const std::string& file, std::size_t longest = std::size_t{64} * 1024
);

} // namespace z360::adapter::crypto
