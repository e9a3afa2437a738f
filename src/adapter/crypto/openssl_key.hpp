// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Private keys in OpenSSL's hands. Private to this folder.
#pragma once

#include "adapter/crypto/openssl.hpp"

#include <z360/base/secret.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace z360::adapter::crypto {

using private_key = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;

enum class key_fault : std::uint8_t {
    none,
    not_pem,   ///< no PEM block of a private key
    encrypted, ///< wants a passphrase
    broken,    ///< a block that OpenSSL does not take
};
struct read_key {
    private_key key; ///< null: see `fault`
    key_fault fault = key_fault::none;
};
/// The first private key of a PEM text. Never asks anybody for a passphrase.
[[nodiscard]] read_key read_private_key(const secret& pem);

/// Signature over SHA-256; empty: OpenSSL would not. RSA: PKCS #1 v1.5, EC: DER.
[[nodiscard]] std::string sign_sha256(EVP_PKEY* key, std::string_view text);

/// 64 bytes, r and s, of a DER signature on P-256 (RFC 7518 §3.4); empty: it is none.
[[nodiscard]] std::string raw_ecdsa(std::string_view der);

} // namespace z360::adapter::crypto
