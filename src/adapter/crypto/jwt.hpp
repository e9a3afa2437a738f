// SPDX-License-Identifier: LicenseRef-z360-proprietary
// JSON Web Tokens of others: whether Apple signed one.
#pragma once

#include <z360/base/secret.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::adapter::crypto {

/// One RSA key of a JWKS document.
struct rsa_key {
    std::string kid;
    std::string n; ///< raw bytes, big endian
    std::string e;
};
/// The RSA signing keys of a JWKS document; other entries are passed over. nullopt: not a JWKS.
[[nodiscard]] std::optional<std::vector<rsa_key>> read_jwks(std::string_view json);

/// The header's key id, before anything is verified. nullopt: not a JWT with alg RS256.
[[nodiscard]] std::optional<std::string> jwt_key_id(std::string_view token);

/// Claims of a token whose RS256 signature is good under `key`. nullopt: it is not. Strings as they are,
/// arrays and numbers as JSON text. Times are not checked here.
[[nodiscard]] std::optional<std::map<std::string, std::string>>
verify_rs256(std::string_view token, const rsa_key& key);

} // namespace z360::adapter::crypto
