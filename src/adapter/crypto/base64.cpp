// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/base64.hpp"

#include <sodium.h>

#include <stdexcept>

namespace z360::adapter::crypto {
namespace {

std::string encode(std::string_view bytes, int variant) {
    std::string out(sodium_base64_encoded_len(bytes.size(), variant), '\0');
    sodium_bin2base64(
        out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), variant
    );
    out.pop_back(); // the terminating zero
    return out;
}

std::optional<std::vector<unsigned char>> decode(std::string_view text, std::size_t max_bytes, int variant) {
    std::vector<unsigned char> out(max_bytes);
    std::size_t length = 0;
    const char* end = nullptr;
    const int failed =
        sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &length, &end, variant);
    if (failed != 0 || end != text.data() + text.size()) return std::nullopt;
    out.resize(length);
    return out;
}

} // namespace

void ensure_sodium() {
    if (sodium_init() < 0) throw std::runtime_error("libsodium cannot start: no usable source of randomness");
}

std::string base64(std::string_view bytes) {
    return encode(bytes, sodium_base64_VARIANT_ORIGINAL);
}

std::optional<std::vector<unsigned char>> unbase64(std::string_view text, std::size_t max_bytes) {
    return decode(text, max_bytes, sodium_base64_VARIANT_ORIGINAL);
}

std::string base64url(std::string_view bytes) {
    return encode(bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

std::optional<std::vector<unsigned char>> unbase64url(std::string_view text, std::size_t max_bytes) {
    return decode(text, max_bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

} // namespace z360::adapter::crypto
