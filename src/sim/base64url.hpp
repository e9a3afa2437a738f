// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Base64 as tokens have it: the URL alphabet, no padding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace z360::sim {

[[nodiscard]] inline std::string base64url(std::string_view bytes) {
    static constexpr char k_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    std::uint32_t held = 0;
    unsigned bits = 0;
    for (const char c : bytes) {
        held = (held << 8) | static_cast<unsigned char>(c);
        for (bits += 8; bits >= 6; bits -= 6)
            out.push_back(k_alphabet[(held >> (bits - 6)) & 63U]);
    }
    if (bits > 0) out.push_back(k_alphabet[(held << (6 - bits)) & 63U]);
    return out;
}

} // namespace z360::sim
