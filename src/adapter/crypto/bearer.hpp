// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The text of bearer tokens: z360<d|s|a|e|h>_<environment>_<43 characters of base64url>, 256 random bits.
#pragma once

#include <z360/base/secret.hpp>
#include <z360/port/token_store.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace z360::adapter::crypto {

/// What can be told from the text alone. The token's bits stay in `whole`.
struct bearer {
    port::token_kind kind = port::token_kind::device;
    std::string environment; ///< a token is bound to one environment (AND-01)
    secret whole;
};

/// nullopt: not one of ours.
[[nodiscard]] std::optional<bearer> read_bearer(std::string_view text);
/// A new random token. `environment`: 1 … 20 of a-z, 0-9, '-'.
[[nodiscard]] secret make_bearer(port::token_kind kind, std::string_view environment);

} // namespace z360::adapter::crypto
