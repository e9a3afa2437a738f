// SPDX-License-Identifier: LicenseRef-z360-proprietary
// JSON Web Tokens signed as those who push sign them, right or wrong.
#pragma once

#include "sim/base64url.hpp"

#include <z360/base/time.hpp>

#include <nlohmann/json.hpp>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace z360::sim::testing {

class push_signer {
  public:
    enum class kind { p256, rsa };
    explicit push_signer(kind k)
        : kind_(k), key_(k == kind::rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"), EVP_PKEY_free) {
        if (!key_) std::abort();
    }

    [[nodiscard]] std::string public_pem() const {
        return written([&](BIO* out) { return PEM_write_bio_PUBKEY(out, key_.get()); });
    }
    [[nodiscard]] std::string private_pem() const {
        return written([&](BIO* out) {
            return PEM_write_bio_PKCS8PrivateKey(out, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
        });
    }
    /// With `der`, an ES256 signature in ASN.1 instead of r and s.
    [[nodiscard]] std::string
    token(const nlohmann::json& header, const nlohmann::json& claims, bool der = false) const {
        const auto text = base64url(header.dump()) + "." + base64url(claims.dump());
        const auto made = sign(text);
        return text + "." + base64url(kind_ == kind::rsa || der ? made : raw_of(made));
    }

  private:
    template <class Write>
    static std::string written(Write write) {
        const std::unique_ptr<BIO, void (*)(BIO*)> out(BIO_new(BIO_s_mem()), BIO_free_all);
        if (write(out.get()) != 1) std::abort();
        char* text = nullptr;
        const auto size = BIO_get_mem_data(out.get(), &text);
        return {text, static_cast<std::size_t>(size)};
    }
    [[nodiscard]] std::string sign(const std::string& text) const {
        const auto* in = reinterpret_cast<const unsigned char*>(text.data());
        const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> c(EVP_MD_CTX_new(), EVP_MD_CTX_free);
        std::size_t size = 0;
        if (EVP_DigestSignInit(c.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
            EVP_DigestSign(c.get(), nullptr, &size, in, text.size()) != 1)
            std::abort();
        std::string out(size, '\0');
        if (EVP_DigestSign(c.get(), reinterpret_cast<unsigned char*>(out.data()), &size, in, text.size()) !=
            1)
            std::abort();
        out.resize(size);
        return out;
    }
    static std::string raw_of(const std::string& der) {
        const auto* at = reinterpret_cast<const unsigned char*>(der.data());
        const std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> pair(
            d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), ECDSA_SIG_free
        );
        if (!pair) std::abort();
        std::string out(64, '\0');
        auto* to = reinterpret_cast<unsigned char*>(out.data());
        if (BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), to, 32) != 32 ||
            BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), to + 32, 32) != 32)
            std::abort();
        return out;
    }

    kind kind_;
    std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
};

inline std::int64_t seconds(time_point t) {
    return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
}

} // namespace z360::sim::testing
