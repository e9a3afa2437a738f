// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Private keys made at test time, as PEM texts, and what checks their signatures.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace z360::testing {

class made_key {
  public:
    [[nodiscard]] static made_key ec(const char* curve = "P-256") { return made_key(EVP_EC_gen(curve)); }
    [[nodiscard]] static made_key rsa(unsigned bits = 2048) { return made_key(EVP_RSA_gen(bits)); }
    [[nodiscard]] static made_key ed25519() {
        return made_key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    }

    /// PKCS #8, as Apple and Google write it; with a passphrase encrypted.
    [[nodiscard]] std::string pem(const char* passphrase = nullptr) const {
        return written([&](BIO* out) {
            return PEM_write_bio_PKCS8PrivateKey(
                out, key_.get(), passphrase == nullptr ? nullptr : EVP_aes_256_cbc(), passphrase,
                passphrase == nullptr ? 0 : static_cast<int>(std::string_view(passphrase).size()), nullptr,
                nullptr
            );
        });
    }
    /// The form from before PKCS #8: "BEGIN EC PRIVATE KEY".
    [[nodiscard]] std::string old_pem(const char* passphrase = nullptr) const {
        return written([&](BIO* out) {
            return PEM_write_bio_PrivateKey_traditional(
                out, key_.get(), passphrase == nullptr ? nullptr : EVP_aes_256_cbc(),
                reinterpret_cast<const unsigned char*>(passphrase),
                passphrase == nullptr ? 0 : static_cast<int>(std::string_view(passphrase).size()), nullptr,
                nullptr
            );
        });
    }
    [[nodiscard]] std::string public_pem() const {
        return written([&](BIO* out) { return PEM_write_bio_PUBKEY(out, key_.get()); });
    }

    /// ES256 as JOSE has it: r and s, 32 bytes each.
    [[nodiscard]] bool signed_raw(std::string_view text, std::string_view raw) const {
        if (raw.size() != 64) return false;
        const auto* at = bytes(raw);
        const std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> pair(ECDSA_SIG_new(), ECDSA_SIG_free);
        ECDSA_SIG_set0(pair.get(), BN_bin2bn(at, 32, nullptr), BN_bin2bn(at + 32, 32, nullptr));
        unsigned char* der = nullptr;
        const int size = i2d_ECDSA_SIG(pair.get(), &der);
        const bool good = size > 0 && verify(text, der, static_cast<std::size_t>(size));
        OPENSSL_free(der);
        return good;
    }
    [[nodiscard]] bool signed_by(std::string_view text, std::string_view signature) const {
        return verify(text, bytes(signature), signature.size());
    }

  private:
    explicit made_key(EVP_PKEY* key) : key_(key, EVP_PKEY_free) {
        if (!key_) std::abort();
    }
    static const unsigned char* bytes(std::string_view text) {
        return reinterpret_cast<const unsigned char*>(text.data());
    }
    template <class Write>
    static std::string written(Write write) {
        const std::unique_ptr<BIO, void (*)(BIO*)> out(BIO_new(BIO_s_mem()), BIO_free_all);
        if (write(out.get()) != 1) std::abort();
        char* text = nullptr;
        const auto size = BIO_get_mem_data(out.get(), &text);
        return {text, static_cast<std::size_t>(size)};
    }
    bool verify(std::string_view text, const unsigned char* signature, std::size_t size) const {
        const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> c(EVP_MD_CTX_new(), EVP_MD_CTX_free);
        return EVP_DigestVerifyInit(c.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
               EVP_DigestVerify(c.get(), signature, size, bytes(text), text.size()) == 1;
    }

    std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
};

} // namespace z360::testing
