// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "base/utf8.hpp"

#include <z360/base/columns.hpp>

#include <algorithm>
#include <array>

namespace z360 {
namespace {

struct range {
    std::uint32_t from, to;
};

// Of the Unicode properties East_Asian_Width (W, F) and Emoji_Presentation, in blocks: a block too many costs
// a blank, one too few a line that is too long.
constexpr std::array k_wide{
    range{0x1100, 0x115F},   range{0x231A, 0x231B}, range{0x23E9, 0x23F3},   range{0x2614, 0x2615},
    range{0x2648, 0x2653},   range{0x267F, 0x267F}, range{0x2693, 0x26FF},   range{0x2705, 0x27BF},
    range{0x2B1B, 0x2B1C},   range{0x2B50, 0x2B55}, range{0x2E80, 0x303E},   range{0x3041, 0xA4CF},
    range{0xA960, 0xA97F},   range{0xAC00, 0xD7A3}, range{0xF900, 0xFAFF},   range{0xFE30, 0xFE6F},
    range{0xFF01, 0xFF60},   range{0xFFE0, 0xFFE6}, range{0x16FE0, 0x1B2FF}, range{0x1F000, 0x1FAFF},
    range{0x20000, 0x3FFFD},
};
constexpr std::array k_unseen{
    range{0x0300, 0x036F}, range{0x0483, 0x0489}, range{0x0591, 0x05BD}, range{0x0610, 0x061A},
    range{0x064B, 0x065F}, range{0x0900, 0x0902}, range{0x0E34, 0x0E3A}, range{0x0E47, 0x0E4E},
    range{0x1AB0, 0x1AFF}, range{0x1DC0, 0x1DFF}, range{0x200B, 0x200F}, range{0x2060, 0x2064},
    range{0x20D0, 0x20FF}, range{0xFE00, 0xFE0F}, range{0xFE20, 0xFE2F}, range{0xE0100, 0xE01EF},
};

bool within(std::uint32_t code, const auto& ranges) {
    return std::any_of(ranges.begin(), ranges.end(), [code](range r) {
        return code >= r.from && code <= r.to;
    });
}

std::size_t width_of(const utf8::character& c) {
    if (!c.valid || c.code < 0x300) return 1;
    if (within(c.code, k_unseen)) return 0;
    return within(c.code, k_wide) ? 2 : 1;
}

// Bytes of the longest beginning that takes at most so many columns.
std::size_t fitting(std::string_view text, std::size_t columns) {
    std::size_t bytes = 0;
    std::size_t taken = 0;
    while (bytes < text.size()) {
        const auto c = utf8::first_of(text.substr(bytes));
        taken += width_of(c);
        if (taken > columns) break;
        bytes += c.bytes;
    }
    return bytes;
}

} // namespace

std::size_t columns_of(std::string_view text) {
    std::size_t n = 0;
    while (!text.empty()) {
        const auto c = utf8::first_of(text);
        n += width_of(c);
        text.remove_prefix(c.bytes);
    }
    return n;
}

std::string clipped(std::string_view text, std::size_t columns) {
    if (fitting(text, columns) == text.size()) return std::string(text);
    if (columns == 0) return {};
    return std::string(text.substr(0, fitting(text, columns - 1))) + "…";
}

std::string in_columns(std::string_view text, std::size_t columns) {
    auto out = clipped(text, columns);
    out.append(columns - columns_of(out), ' ');
    return out;
}

std::string in_columns_right(std::string_view text, std::size_t columns) {
    auto out = clipped(text, columns);
    out.insert(0, columns - columns_of(out), ' ');
    return out;
}

std::vector<std::string>
wrapped(std::string_view text, std::size_t columns, std::size_t first, std::size_t indent) {
    std::vector<std::string> out;
    for (;;) {
        const bool begins = out.empty();
        const auto taken = begins ? first : indent;
        const auto room = columns > taken ? columns - taken : 1;
        const std::string in_front(begins ? 0 : indent, ' ');
        const auto most = fitting(text, room);
        if (most == text.size()) {
            out.push_back(in_front + std::string(text));
            return out;
        }
        auto end = text[most] == ' ' ? most : text.rfind(' ', most);
        if (end == std::string_view::npos || end == 0)
            end = std::max(most, utf8::first_of(text).bytes); // one word; never nothing at all
        out.push_back(in_front + std::string(text.substr(0, end)));
        text.remove_prefix(std::min(text.find_first_not_of(' ', end), text.size()));
        if (text.empty()) return out;
    }
}

} // namespace z360
