// SPDX-License-Identifier: LicenseRef-z360-proprietary
// JSON Web Tokens as those who check them see them: read first, then asked whether a key signed them.
#pragma once

#include <nlohmann/json.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace z360::sim {

/// A key that checks signatures. Immutable.
class checking_key {
  public:
    enum class kind : unsigned char { p256, rsa };
    /// From PEM text: a public key, or a private one of which the public half is taken. Throws
    /// std::invalid_argument when it is not one of that kind.
    checking_key(std::string_view pem, kind what);

    /// ES256: `signature` is r and s of 32 bytes each (JOSE), or ASN.1 (DER); both are in the field. RS256:
    /// PKCS #1 v1.5.
    [[nodiscard]] bool signed_by(std::string_view text, std::string_view signature) const;

  private:
    kind kind_;
    std::shared_ptr<evp_pkey_st> key_;
};

/// A token taken apart. Nothing in it is true yet.
struct read_jwt {
    nlohmann::json header;
    nlohmann::json claims;
    std::string signed_text;
    std::string signature;

    /// Member of the header or the claims that is a text; empty: none such.
    [[nodiscard]] static std::string text(const nlohmann::json& of, const char* name);
    /// The same of whole seconds.
    [[nodiscard]] static std::optional<std::int64_t> seconds(const nlohmann::json& of, const char* name);
};
/// nullopt: three parts of base64url, the first two JSON objects, is what it is not.
[[nodiscard]] std::optional<read_jwt> read(std::string_view token);

/// SHA-256, the first 16 hexadecimal digits: names a secret without giving it away.
[[nodiscard]] std::string short_hash(std::string_view text);

} // namespace z360::sim
