// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/display_name.hpp"

#include <cstdint>
#include <iterator>

namespace z360::wire {
namespace {

// Base letters of Latin-1 Supplement and Latin Extended-A, U+00C0 … U+017F.
// clang-format off
constexpr const char* k_latin[] = {
    "A", "A", "A", "A", "A", "A", "AE", "C", "E", "E", "E", "E", "I", "I", "I", "I", // U+00C0
    "D", "N", "O", "O", "O", "O", "O", "", "O", "U", "U", "U", "U", "Y", "Th", "ss", // U+00D0
    "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i", // U+00E0
    "d", "n", "o", "o", "o", "o", "o", "", "o", "u", "u", "u", "u", "y", "th", "y", // U+00F0
    "A", "a", "A", "a", "A", "a", "C", "c", "C", "c", "C", "c", "C", "c", "D", "d", // U+0100
    "D", "d", "E", "e", "E", "e", "E", "e", "E", "e", "E", "e", "G", "g", "G", "g", // U+0110
    "G", "g", "G", "g", "H", "h", "H", "h", "I", "i", "I", "i", "I", "i", "I", "i", // U+0120
    "I", "i", "IJ", "ij", "J", "j", "K", "k", "k", "L", "l", "L", "l", "L", "l", "L", // U+0130
    "l", "L", "l", "N", "n", "N", "n", "N", "n", "n", "N", "n", "O", "o", "O", "o", // U+0140
    "O", "o", "OE", "oe", "R", "r", "R", "r", "R", "r", "S", "s", "S", "s", "S", "s", // U+0150
    "S", "s", "T", "t", "T", "t", "T", "t", "U", "u", "U", "u", "U", "u", "U", "u", // U+0160
    "U", "u", "U", "u", "W", "w", "Y", "y", "Y", "Z", "z", "Z", "z", "Z", "z", "s", // U+0170
};
// clang-format on
constexpr std::uint32_t k_latin_first = 0xC0;
constexpr std::uint32_t k_bad = 0xFFFFFFFF;

bool continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

// Takes one code point off the front; a broken sequence is one bad byte.
std::uint32_t next(std::string_view& text) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
    if (length == 0 || length > text.size()) {
        text.remove_prefix(1);
        return k_bad;
    }
    std::uint32_t cp = length == 1 ? lead : lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if (!continuation(text[i])) {
            text.remove_prefix(1);
            return k_bad;
        }
        cp = (cp << 6) | (static_cast<unsigned char>(text[i]) & 0x3FU);
    }
    text.remove_prefix(length);
    return cp;
}

bool alphanumeric(std::uint32_t c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

const char* ascii_for(std::uint32_t cp) {
    if (cp >= k_latin_first && cp < k_latin_first + std::size(k_latin)) return k_latin[cp - k_latin_first];
    switch (cp) {
    case '&': return "+";
    case '\t':
    case '\n':
    case '\r':
    case ',':
    case ';':
    case ':':
    case '/':
    case '|':
    case 0xA0:   // no-break space
    case 0x2009: // thin space
    case 0x202F: // narrow no-break space
        return " ";
    case 0x2010: // hyphens and dashes
    case 0x2011:
    case 0x2012:
    case 0x2013:
    case 0x2014: return "-";
    case 0x218: return "S"; // Romanian letters with a comma below
    case 0x219: return "s";
    case 0x21A: return "T";
    case 0x21B: return "t";
    case 0x1E9E: return "SS";
    default: return "";
    }
}

void append(std::string& out, std::string_view text) {
    for (const char c : text) {
        if (c == ' ' && (out.empty() || out.back() == ' ')) continue;
        out.push_back(c);
    }
}

} // namespace

std::string display_name(std::string_view utf8) {
    std::string out;
    bool readable = false;
    while (!utf8.empty() && out.size() < k_max_display_name) {
        const std::uint32_t cp = next(utf8);
        if (cp == k_bad) continue;
        const bool plain = alphanumeric(cp) || (cp < 0x80 && cp != 0 &&
                                                std::string_view(" -_~!.+").find(static_cast<char>(cp)) !=
                                                    std::string_view::npos);
        if (plain) {
            const char c = static_cast<char>(cp);
            append(out, {&c, 1});
        } else {
            append(out, ascii_for(cp));
        }
        readable = readable || (!out.empty() && alphanumeric(static_cast<unsigned char>(out.back())));
    }
    if (!readable) return {};
    if (out.size() > k_max_display_name) out.resize(k_max_display_name);
    while (!out.empty() && out.back() == ' ')
        out.pop_back();
    return out;
}

std::string_view clip(std::string_view utf8, std::size_t limit) {
    std::size_t characters = 0;
    for (std::size_t i = 0; i < utf8.size(); ++i) {
        if (continuation(utf8[i])) continue;
        if (characters++ == limit) return utf8.substr(0, i);
    }
    return utf8;
}

} // namespace z360::wire
