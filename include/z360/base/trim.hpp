// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <array>
#include <string_view>

namespace z360 {

/// Without white space, control characters and invisible signs (no-break space, zero width space, byte order
/// mark) at both ends: they come along when people copy.
[[nodiscard]] inline std::string_view trimmed(std::string_view t) {
    constexpr std::array<std::string_view, 3> k_invisible{"\xC2\xA0", "\xE2\x80\x8B", "\xEF\xBB\xBF"};
    const auto blank = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; };
    for (bool again = true; again;) {
        again = false;
        while (!t.empty() && blank(t.front()))
            t.remove_prefix(1);
        while (!t.empty() && blank(t.back()))
            t.remove_suffix(1);
        for (const auto sign : k_invisible) {
            if (t.starts_with(sign)) {
                t.remove_prefix(sign.size());
                again = true;
            } else if (t.ends_with(sign)) {
                t.remove_suffix(sign.size());
                again = true;
            }
        }
    }
    return t;
}

} // namespace z360
