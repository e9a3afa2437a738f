// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Replacing the key under which secrets are stored, while the servers go on.
#pragma once

#include "adapter/crypto/vault.hpp"

#include <z360/base/secret.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace z360::adapter::postgres {

struct rekey_report {
    struct column {
        std::string name; ///< table.column
        std::size_t changed = 0;
        std::vector<std::string> left; ///< rows that no key of the file opens, as table.column/id
    };
    std::vector<column> columns;
    /// Live bearer tokens whose hash is under an old key: each is replaced at its next use; when none is left
    /// the old key may go from the file.
    std::size_t tokens_under_old_keys = 0;

    [[nodiscard]] std::size_t changed() const;
    [[nodiscard]] bool complete() const; ///< nothing is left under an old key, bearer tokens apart
};

/// Called after each batch: column, rows changed in it so far.
using rekey_progress = std::function<void(const std::string&, std::size_t)>;

/// Encrypts everything that is under another than the vault's current key again, 200 rows a transaction; rows
/// that somebody is working on are passed over and come last. Repeating it is harmless. Blocks. Throws
/// port::unavailable; what was done until then stays.
rekey_report rekey(const secret& url, const crypto::vault& keys, const rekey_progress& progress = {});

} // namespace z360::adapter::postgres
