// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "base/utf8.hpp"

namespace z360::utf8 {

character first_of(std::string_view s) {
    const auto at = [s](std::size_t i) { return static_cast<unsigned char>(s[i]); };
    const std::uint32_t lead = at(0);
    character out{lead, 1, lead < 0x80};
    const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (out.valid || lead < 0xC2 || lead > 0xF4 || s.size() < size) return out;
    std::uint32_t code = lead & (0xFFU >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
        if ((at(i) & 0xC0U) != 0x80U) return out;
        code = code << 6U | (at(i) & 0x3FU);
    }
    const bool too_long = code < (size == 2 ? 0x80U : size == 3 ? 0x800U : 0x10000U);
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (too_long || surrogate || code > 0x10FFFF) return out;
    return {code, size, true};
}

bool is_control(std::uint32_t code) {
    return code < 0x20 || (code >= 0x7F && code <= 0x9F);
}

bool misleads(const character& c) {
    const auto n = c.code;
    return !c.valid || is_control(n) || (n >= 0x2028 && n <= 0x202E) || (n >= 0x2066 && n <= 0x2069);
}

} // namespace z360::utf8
