// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/push_jwt.hpp"

#include "sim/base64url.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>
#include <stdexcept>

namespace z360::sim {

namespace {

constexpr std::size_t k_longest_token = 16 * 1024;
constexpr std::size_t k_raw_half = 32;

using bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

const unsigned char* bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

EVP_PKEY* key_from(std::string_view pem) {
    const auto open = [pem] {
        return bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free_all);
    };
    if (auto* key = PEM_read_bio_PUBKEY(open().get(), nullptr, nullptr, nullptr)) return key;
    // An empty passphrase: never ask the terminal for one.
    char none[] = "";
    return PEM_read_bio_PrivateKey(open().get(), nullptr, nullptr, none);
}

bool is_p256(const EVP_PKEY* key) {
    std::array<char, 64> group{};
    std::size_t size = 0;
    return EVP_PKEY_is_a(key, "EC") == 1 &&
           EVP_PKEY_get_utf8_string_param(
               key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(), &size
           ) == 1 &&
           std::string_view(group.data(), size) == "prime256v1";
}

/// ASN.1 of r and s.
std::string der_of(std::string_view raw) {
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(ECDSA_SIG_new(), ECDSA_SIG_free);
    auto* r = BN_bin2bn(bytes(raw), k_raw_half, nullptr);
    auto* s = BN_bin2bn(bytes(raw) + k_raw_half, k_raw_half, nullptr);
    if (!pair || ECDSA_SIG_set0(pair.get(), r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return {};
    }
    unsigned char* der = nullptr;
    const int size = i2d_ECDSA_SIG(pair.get(), &der);
    std::string out;
    if (size > 0) out.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    return out;
}

bool verified(EVP_PKEY* key, std::string_view text, std::string_view signature) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> c(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    const bool good =
        c && EVP_DigestVerifyInit(c.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
        EVP_DigestVerify(c.get(), bytes(signature), signature.size(), bytes(text), text.size()) == 1;
    ERR_clear_error();
    return good;
}

} // namespace

checking_key::checking_key(std::string_view pem, kind what)
    : kind_(what), key_(key_from(pem), EVP_PKEY_free) {
    ERR_clear_error();
    if (!key_) throw std::invalid_argument("no key in PEM form");
    if (what == kind::p256 && !is_p256(key_.get())) throw std::invalid_argument("not a key on P-256");
    if (what == kind::rsa && EVP_PKEY_is_a(key_.get(), "RSA") != 1)
        throw std::invalid_argument("not an RSA key");
}

bool checking_key::signed_by(std::string_view text, std::string_view signature) const {
    if (kind_ == kind::rsa) return verified(key_.get(), text, signature);
    // 64 bytes may be ASN.1 by chance: what is right as either is right.
    if (signature.size() == 2 * k_raw_half && verified(key_.get(), text, der_of(signature))) return true;
    return verified(key_.get(), text, signature);
}

std::string read_jwt::text(const nlohmann::json& of, const char* name) {
    const auto it = of.find(name);
    return it != of.end() && it->is_string() ? it->get<std::string>() : std::string{};
}

std::optional<std::int64_t> read_jwt::seconds(const nlohmann::json& of, const char* name) {
    const auto it = of.find(name);
    if (it == of.end() || !it->is_number_integer()) return std::nullopt;
    return it->get<std::int64_t>();
}

std::optional<read_jwt> read(std::string_view token) {
    const auto first = token.find('.');
    const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
    if (token.size() > k_longest_token || second == std::string_view::npos) return std::nullopt;
    const auto header = unbase64url(token.substr(0, first));
    const auto claims = unbase64url(token.substr(first + 1, second - first - 1));
    auto signature = unbase64url(token.substr(second + 1));
    if (!header || !claims || !signature) return std::nullopt;
    read_jwt out;
    out.header = nlohmann::json::parse(*header, nullptr, false);
    out.claims = nlohmann::json::parse(*claims, nullptr, false);
    if (!out.header.is_object() || !out.claims.is_object()) return std::nullopt;
    out.signed_text = token.substr(0, second);
    out.signature = std::move(*signature);
    return out;
}

std::string short_hash(std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    std::size_t size = 0;
    if (EVP_Q_digest(nullptr, "SHA256", nullptr, text.data(), text.size(), digest.data(), &size) != 1)
        throw std::runtime_error("OpenSSL cannot hash");
    static constexpr char k_hex[] = "0123456789abcdef";
    std::string out;
    for (std::size_t i = 0; i < 8; ++i) {
        out.push_back(k_hex[digest[i] >> 4]);
        out.push_back(k_hex[digest[i] & 15]);
    }
    return out;
}

} // namespace z360::sim
