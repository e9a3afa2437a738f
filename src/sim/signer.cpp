// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/signer.hpp"

#include <sodium.h>

#include <cstddef>
#include <stdexcept>

namespace z360::sim {

namespace {
const unsigned char* bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}
std::string base64(const unsigned char* data, std::size_t size) {
    std::string out(sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL), '\0');
    sodium_bin2base64(out.data(), out.size(), data, size, sodium_base64_VARIANT_ORIGINAL);
    out.resize(out.size() - 1); // the terminating zero
    return out;
}
} // namespace

signer::signer(std::string_view seed) {
    if (sodium_init() < 0) throw std::runtime_error("libsodium cannot be initialised");
    static_assert(crypto_sign_SECRETKEYBYTES == 64);
    std::array<unsigned char, crypto_sign_SEEDBYTES> hash{};
    crypto_generichash(hash.data(), hash.size(), bytes(seed), seed.size(), nullptr, 0);
    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> open{};
    crypto_sign_seed_keypair(open.data(), secret_.data(), hash.data());
    public_key_ = base64(open.data(), open.size());
}

std::string signer::sign(std::string_view timestamp, std::string_view body) const {
    std::string message;
    message.reserve(timestamp.size() + 1 + body.size());
    message.append(timestamp).append("|").append(body);
    std::array<unsigned char, crypto_sign_BYTES> signature{};
    crypto_sign_detached(signature.data(), nullptr, bytes(message), message.size(), secret_.data());
    return base64(signature.data(), signature.size());
}

} // namespace z360::sim
