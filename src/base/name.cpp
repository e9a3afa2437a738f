// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "base/utf8.hpp"

#include <z360/base/name.hpp>

#include <algorithm>
#include <array>

namespace z360 {
namespace {

struct range {
    std::uint32_t from, to;
};

bool within(std::uint32_t code, const auto& ranges) {
    return std::any_of(ranges.begin(), ranges.end(), [code](range r) {
        return code >= r.from && code <= r.to;
    });
}

bool is_space(std::uint32_t code) {
    static constexpr std::array<range, 10> k_spaces{
        {{0x09, 0x0D},
         {0x20, 0x20},
         {0x85, 0x85},
         {0xA0, 0xA0},
         {0x1680, 0x1680},
         {0x2000, 0x200A},
         {0x2028, 0x2029},
         {0x202F, 0x202F},
         {0x205F, 0x205F},
         {0x3000, 0x3000}}
    };
    return within(code, k_spaces);
}

// Joiners and marks of direction belong into names of many languages; alone they are nothing.
bool is_unseen(std::uint32_t code) {
    static constexpr std::array<range, 14> k_unseen{
        {{0x00AD, 0x00AD},
         {0x034F, 0x034F},
         {0x061C, 0x061C},
         {0x115F, 0x1160},
         {0x17B4, 0x17B5},
         {0x180B, 0x180F},
         {0x200B, 0x200F},
         {0x2060, 0x206F},
         {0x2800, 0x2800},
         {0x3164, 0x3164},
         {0xFE00, 0xFE0F},
         {0xFEFF, 0xFEFF},
         {0xFFA0, 0xFFA0},
         {0xE0000, 0xE0FFF}}
    };
    return within(code, k_unseen);
}

} // namespace

name_fault fault_of_name(std::string_view name, std::size_t longest, line_ends ends) {
    const bool given = !name.empty();
    bool blank = true, unprintable = false;
    std::size_t length = 0;
    for (; !name.empty(); ++length) {
        const auto c = utf8::first_of(name);
        const bool line = c.code == '\n' || c.code == '\r' || c.code == '\t';
        if (utf8::misleads(c) && !(line && ends == line_ends::kept)) unprintable = true;
        if (!c.valid || !(is_space(c.code) || is_unseen(c.code))) blank = false;
        name.remove_prefix(c.bytes);
    }
    if (given && blank) return name_fault::blank;
    if (unprintable) return name_fault::unprintable;
    return length > longest ? name_fault::too_long : name_fault::none;
}

bool is_login(std::string_view text) {
    const auto at = text.find('@');
    if (at == 0 || at == std::string_view::npos || at + 1 == text.size()) return false;
    if (fault_of_name(text) != name_fault::none) return false;
    for (; !text.empty();) {
        const auto c = utf8::first_of(text);
        if (is_space(c.code) || is_unseen(c.code)) return false;
        text.remove_prefix(c.bytes);
    }
    return true;
}

std::size_t characters(std::string_view text) {
    std::size_t n = 0;
    for (; !text.empty(); ++n)
        text.remove_prefix(utf8::first_of(text).bytes);
    return n;
}

} // namespace z360
