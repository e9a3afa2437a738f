// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/base/ids.hpp>
#include <z360/base/percent.hpp>

namespace z360 {
namespace {

constexpr char k_hex[] = "0123456789abcdef";

// splitmix64's finaliser: a bijection on 64 bits, so two salts never give one child of the same parent.
std::uint64_t mix(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

uuid as_version_8(std::uint64_t hi, std::uint64_t lo) {
    return {(hi & ~0xF000ULL) | 0x8000ULL, (lo & 0x3FFFFFFFFFFFFFFFULL) | 0x8000000000000000ULL};
}

} // namespace

std::string uuid::text() const {
    std::string out;
    out.reserve(36);
    for (int i = 0; i < 16; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) out.push_back('-');
        const std::uint64_t half = i < 8 ? hi : lo;
        const auto byte = static_cast<unsigned>(half >> (8 * (7 - i % 8))) & 0xFFU;
        out.push_back(k_hex[byte >> 4]);
        out.push_back(k_hex[byte & 0xFU]);
    }
    return out;
}

std::optional<uuid> uuid::parse(std::string_view t) {
    if (t.size() != 36) return std::nullopt;
    uuid u;
    int digits = 0;
    for (std::size_t i = 0; i < t.size(); ++i) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (t[i] != '-') return std::nullopt;
            continue;
        }
        const int n = hex_digit(t[i]);
        if (n < 0) return std::nullopt;
        auto& half = digits < 16 ? u.hi : u.lo;
        half = (half << 4) | static_cast<std::uint64_t>(n);
        ++digits;
    }
    return u;
}

uuid derive_uuid(const uuid& parent, std::uint64_t salt) {
    return as_version_8(mix(parent.hi ^ mix(salt)), mix(parent.lo + mix(salt ^ 0x5A360ULL)));
}

uuid derive_uuid(std::string_view text) {
    std::uint64_t hi = 0xCBF29CE484222325ULL; // FNV-1a in two lanes, finished by mix()
    std::uint64_t lo = 0x84222325CBF29CE4ULL;
    for (const char c : text) {
        hi = (hi ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
        lo = (lo + static_cast<unsigned char>(c)) * 0x9E3779B97F4A7C15ULL;
    }
    return as_version_8(mix(hi), mix(lo ^ hi));
}

} // namespace z360
