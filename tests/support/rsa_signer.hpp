// SPDX-License-Identifier: LicenseRef-z360-proprietary
// An RSA key made at test time that signs JSON Web Tokens, as Apple's do.
#pragma once

#include "adapter/crypto/base64.hpp"
#include "adapter/crypto/jwt.hpp"

#include <nlohmann/json.hpp>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

namespace z360::testing {

class rsa_signer {
  public:
    explicit rsa_signer(std::string kid, unsigned bits = 2048)
        : key_(EVP_RSA_gen(bits), EVP_PKEY_free), kid_(std::move(kid)) {
        if (!key_) std::abort();
    }

    [[nodiscard]] adapter::crypto::rsa_key open_key() const {
        return {kid_, number(OSSL_PKEY_PARAM_RSA_N), number(OSSL_PKEY_PARAM_RSA_E)};
    }
    [[nodiscard]] nlohmann::json jwk() const {
        using adapter::crypto::base64url;
        const auto key = open_key();
        return {{"kty", "RSA"},   {"kid", kid_},           {"use", "sig"},
                {"alg", "RS256"}, {"n", base64url(key.n)}, {"e", base64url(key.e)}};
    }
    [[nodiscard]] std::string token(const nlohmann::json& claims) const {
        return token({{"alg", "RS256"}, {"kid", kid_}}, claims.dump());
    }
    /// Any header, any payload; signed all the same.
    [[nodiscard]] std::string token(const nlohmann::json& header, const std::string& payload) const {
        using adapter::crypto::base64url;
        const std::string text = base64url(header.dump()) + "." + base64url(payload);
        return text + "." + base64url(sign(text));
    }
    [[nodiscard]] std::string sign(const std::string& text) const {
        const auto* raw = reinterpret_cast<const unsigned char*>(text.data());
        const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> c(EVP_MD_CTX_new(), EVP_MD_CTX_free);
        std::size_t size = 0;
        if (EVP_DigestSignInit(c.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
            EVP_DigestSign(c.get(), nullptr, &size, raw, text.size()) != 1)
            std::abort();
        std::string out(size, '\0');
        auto* place = reinterpret_cast<unsigned char*>(out.data());
        if (EVP_DigestSign(c.get(), place, &size, raw, text.size()) != 1) std::abort();
        out.resize(size);
        return out;
    }

  private:
    [[nodiscard]] std::string number(const char* name) const {
        BIGNUM* n = nullptr;
        if (EVP_PKEY_get_bn_param(key_.get(), name, &n) != 1) std::abort();
        std::string out(static_cast<std::size_t>(BN_num_bytes(n)), '\0');
        BN_bn2bin(n, reinterpret_cast<unsigned char*>(out.data()));
        BN_free(n);
        return out;
    }

    std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
    std::string kid_;
};

/// The confusion of RFC 8725 §2.1: HMAC with the public key's bytes as its secret.
inline std::string
hs256_token(const nlohmann::json& header, const std::string& payload, const std::string& key) {
    using adapter::crypto::base64url;
    const std::string text = base64url(header.dump()) + "." + base64url(payload);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    HMAC(
        EVP_sha256(), key.data(), static_cast<int>(key.size()),
        reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &size
    );
    return text + "." + base64url({reinterpret_cast<const char*>(mac), size});
}

} // namespace z360::testing
