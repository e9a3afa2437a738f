// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/keyed_mac.hpp"

#include "adapter/crypto/base64.hpp"

#include <sodium.h>

#include <stdexcept>

namespace z360::adapter::crypto {
namespace {

const unsigned char* raw(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

} // namespace

keyed_mac::keyed_mac(std::string_view use, const secret& source) {
    ensure_sodium();
    if (source.empty()) throw std::invalid_argument("no key to make a MAC with");
    crypto_generichash_state hash;
    crypto_generichash_init(&hash, nullptr, 0, key_.size());
    crypto_generichash_update(&hash, raw(use), use.size());
    crypto_generichash_update(&hash, raw(source.reveal()), source.reveal().size());
    crypto_generichash_final(&hash, key_.data(), key_.size());
    sodium_memzero(&hash, sizeof hash);
}

keyed_mac::~keyed_mac() {
    sodium_memzero(key_.data(), key_.size());
}

keyed_mac::bytes keyed_mac::of(std::string_view text) const {
    bytes out{};
    crypto_generichash(out.data(), out.size(), raw(text), text.size(), key_.data(), key_.size());
    return out;
}

bool keyed_mac::is_of(std::string_view claimed, std::string_view text) const {
    const auto right = of(text);
    return claimed.size() == right.size() && sodium_memcmp(right.data(), claimed.data(), right.size()) == 0;
}

} // namespace z360::adapter::crypto
