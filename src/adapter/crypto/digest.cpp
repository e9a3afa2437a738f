// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/digest.hpp"

#include "adapter/crypto/base64.hpp"

#include <sodium.h>

namespace z360::adapter::crypto {
namespace {

const unsigned char* bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

} // namespace

std::string sha256_hex(std::string_view text) {
    ensure_sodium();
    std::string raw(crypto_hash_sha256_BYTES, '\0');
    crypto_hash_sha256(reinterpret_cast<unsigned char*>(raw.data()), bytes(text), text.size());
    return hex(raw);
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
    ensure_sodium();
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, bytes(key), key.size());
    crypto_auth_hmacsha256_update(&state, bytes(text), text.size());
    std::string out(crypto_auth_hmacsha256_BYTES, '\0');
    crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(out.data()));
    sodium_memzero(&state, sizeof state);
    return out;
}

std::string hex(std::string_view raw) {
    std::string out(2 * raw.size() + 1, '\0');
    sodium_bin2hex(out.data(), out.size(), bytes(raw), raw.size());
    out.pop_back(); // the terminating zero
    return out;
}

std::string random_hex(std::size_t size) {
    ensure_sodium();
    std::string raw(size, '\0');
    randombytes_buf(raw.data(), raw.size());
    return hex(raw);
}

bool same_secret(std::string_view a, std::string_view b) {
    return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

private_digest::private_digest() {
    ensure_sodium();
    randombytes_buf(key_.data(), key_.size());
}

private_digest::~private_digest() {
    sodium_memzero(key_.data(), key_.size());
}

std::string private_digest::of(std::string_view text) const {
    std::string out(32, '\0');
    crypto_generichash(
        reinterpret_cast<unsigned char*>(out.data()), out.size(), bytes(text), text.size(), key_.data(),
        key_.size()
    );
    return out;
}

} // namespace z360::adapter::crypto
