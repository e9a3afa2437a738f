// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/push_text.hpp"

#include "base/utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace z360::wire {
namespace {

constexpr std::size_t k_longest_address = 1024;
constexpr std::uint32_t k_joiner = 0x200D; // joins emoji to one

bool is_space(std::uint32_t c) {
    return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
           c == 0x3000;
}

// Seen as nothing, but it changes what is seen; U+FEFF, tags and non-characters come from broken programs.
bool is_invisible_sign(std::uint32_t c) {
    return c == 0x00AD || c == 0x061C || c == 0x200B || c == 0x200E || c == 0x200F || c == 0xFEFF ||
           (c >= 0x2060 && c <= 0x2064) || (c >= 0x206A && c <= 0x206F) || (c >= 0xFFF9 && c <= 0xFFFB) ||
           (c & 0xFFFEU) == 0xFFFEU || (c >= 0xFDD0 && c <= 0xFDEF);
}

// Changes the character before it: skin, form, joined emoji, accents.
bool belongs_to_the_one_before(std::uint32_t c) {
    return c == k_joiner || (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0x1F3FB && c <= 0x1F3FF) ||
           (c >= 0x0300 && c <= 0x036F) || (c >= 0x20D0 && c <= 0x20FF) || (c >= 0xE0020 && c <= 0xE007F);
}

// Two of them are a flag.
bool half_a_flag(std::uint32_t c) {
    return c >= 0x1F1E6 && c <= 0x1F1FF;
}

struct mark {
    std::uint32_t code;
    std::size_t begin;
};

bool within_a_flag(const std::vector<mark>& all, std::size_t i) {
    std::size_t before = 0;
    while (before < i && half_a_flag(all[i - 1 - before].code))
        ++before;
    return half_a_flag(all[i].code) && before % 2 == 1;
}

// Where to cut so that the `longest` first characters stay: not before one that belongs to the one before.
std::size_t cut_before(const std::vector<mark>& all, std::size_t longest) {
    std::size_t i = longest;
    while (i > 0 &&
           (belongs_to_the_one_before(all[i].code) || all[i - 1].code == k_joiner || within_a_flag(all, i)))
        --i;
    return i == 0 ? all[longest].begin : all[i].begin; // nothing but such signs: anywhere
}

bool printable_word(std::string_view text, std::size_t longest) {
    return !text.empty() && text.size() <= longest &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

std::string cleaned(std::string_view text, std::size_t longest, bool lines) {
    std::string out;
    std::vector<mark> marks;
    bool blank = false;
    while (!text.empty() && marks.size() <= longest) {
        const auto c = utf8::first_of(text);
        const auto bytes = text.substr(0, c.bytes);
        text.remove_prefix(c.bytes);
        const bool kept = lines && (c.code == '\n' || c.code == '\t');
        if (c.valid && !kept && is_space(c.code)) {
            blank = !out.empty();
            continue;
        }
        if ((!kept && utf8::misleads(c)) || is_invisible_sign(c.code)) continue;
        if (blank && !kept) {
            marks.push_back({' ', out.size()});
            out.push_back(' ');
        }
        blank = false;
        marks.push_back({c.code, out.size()});
        out += bytes;
    }
    if (marks.size() > longest) out.resize(cut_before(marks, longest));
    out.resize(out.find_last_not_of(" \n\t") + 1);
    return out;
}

} // namespace

std::string one_line(std::string_view text, std::size_t longest) {
    return cleaned(text, longest, false);
}

std::string some_lines(std::string_view text, std::size_t longest) {
    return cleaned(text, longest, true);
}

std::string valid_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto c = utf8::first_of(text);
        out += c.valid ? text.substr(0, c.bytes) : std::string_view("\xEF\xBF\xBD");
        text.remove_prefix(c.bytes);
    }
    return out;
}

std::string web_address(std::string_view text) {
    constexpr std::string_view k_scheme = "https://";
    const bool whole = printable_word(text, k_longest_address) && text.starts_with(k_scheme) &&
                       text.size() > k_scheme.size() &&
                       text.find_first_of("\"<>\\^`{|}") == std::string_view::npos;
    const auto rest = whole ? text.substr(k_scheme.size()) : std::string_view{};
    return whole && rest.front() != '/' && rest.front() != '.' ? std::string(text) : std::string{};
}

std::string plain_word(std::string_view text, std::size_t longest) {
    return printable_word(text, longest) ? std::string(text) : std::string{};
}

} // namespace z360::wire
