// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/openssl_key.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <cstddef>
#include <utility>

namespace z360::adapter::crypto {
namespace {

constexpr std::size_t k_number = 32; // bytes of r, and of s, on P-256

using memory_bio = std::unique_ptr<BIO, freed_by<BIO_free_all>>;
using signature = std::unique_ptr<ECDSA_SIG, freed_by<ECDSA_SIG_free>>;

// Instead of the terminal.
int no_passphrase(char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

} // namespace

read_key read_private_key(const secret& pem) {
    const error_queue_guard guard;
    const auto text = pem.reveal();
    if (text.find("-----BEGIN ") == std::string_view::npos ||
        text.find("PRIVATE KEY-----") == std::string_view::npos)
        return {nullptr, key_fault::not_pem};
    const memory_bio in(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    bool asked = false;
    private_key key(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, &asked) : nullptr);
    if (key) return {std::move(key), key_fault::none};
    const bool marked = text.find("ENCRYPTED") != std::string_view::npos;
    return {nullptr, asked || marked ? key_fault::encrypted : key_fault::broken};
}

std::string sign_sha256(EVP_PKEY* key, std::string_view text) {
    const error_queue_guard guard;
    const digest_context context(EVP_MD_CTX_new());
    std::size_t size = 0;
    if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, bytes(text), text.size()) != 1)
        return {};
    std::string out(size, '\0');
    auto* place = reinterpret_cast<unsigned char*>(out.data());
    if (EVP_DigestSign(context.get(), place, &size, bytes(text), text.size()) != 1) return {};
    out.resize(size);
    return out;
}

std::string raw_ecdsa(std::string_view der) {
    const error_queue_guard guard;
    const unsigned char* at = bytes(der);
    const signature read(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
    if (!read) return {};
    std::string out(2 * k_number, '\0');
    auto* place = reinterpret_cast<unsigned char*>(out.data());
    if (BN_bn2binpad(ECDSA_SIG_get0_r(read.get()), place, k_number) < 0 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(read.get()), place + k_number, k_number) < 0)
        return {};
    return out;
}

} // namespace z360::adapter::crypto
