// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/lenient_json.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>

namespace z360::wire {
namespace {

constexpr std::string_view k_replacement = "\xEF\xBF\xBD"; // U+FFFD

/// Length of the UTF-8 character at the front; 0: there is none.
std::size_t character(std::string_view t) {
    const auto byte = [t](std::size_t i) { return static_cast<unsigned char>(t[i]); };
    const auto lead = byte(0);
    if (lead < 0x80) return 1;
    const std::size_t n = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || t.size() < n) return 0;
    for (std::size_t i = 1; i < n; ++i)
        if ((byte(i) & 0xC0U) != 0x80U) return 0;
    // Overlong forms, surrogates, and what lies beyond Unicode.
    if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F)) return 0;
    if ((lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F)) return 0;
    return n;
}

/// The value of `\uXXXX` at the front.
std::optional<std::uint32_t> unit(std::string_view t) {
    if (t.size() < 6 || t[0] != '\\' || t[1] != 'u') return std::nullopt;
    std::uint32_t out = 0;
    for (std::size_t i = 2; i < 6; ++i) {
        const char c = t[i];
        std::uint32_t digit = 16;
        if (c >= '0' && c <= '9') digit = static_cast<std::uint32_t>(c - '0');
        if (c >= 'a' && c <= 'f') digit = static_cast<std::uint32_t>(c - 'a') + 10;
        if (c >= 'A' && c <= 'F') digit = static_cast<std::uint32_t>(c - 'A') + 10;
        if (digit == 16) return std::nullopt;
        out = out * 16 + digit;
    }
    return out;
}

/// One escape of a text; what stands for it goes to `out`. Returns how much was read.
std::size_t take_escape(std::string_view t, std::string& out) {
    const auto high = unit(t);
    if (high) {
        const bool surrogate = *high >= 0xD800 && *high <= 0xDFFF;
        const auto low = unit(t.substr(6));
        const bool pair = *high < 0xDC00 && low && *low >= 0xDC00 && *low <= 0xDFFF;
        const std::size_t n = surrogate && pair ? 12 : 6;
        out += surrogate && !pair ? k_replacement : t.substr(0, n);
        return n;
    }
    if (t.size() >= 2 && std::string_view("\"\\/bfnrt").find(t[1]) != std::string_view::npos) {
        out += t.substr(0, 2);
        return 2;
    }
    out += k_replacement;
    return 1; // what follows is text like any other
}

/// A word or a number outside of texts.
std::size_t take_token(std::string_view t, std::string& out) {
    std::size_t n = 0;
    const auto part = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' ||
               c == '-' || c == '.';
    };
    while (n < t.size() && part(t[n]))
        ++n;
    if (n == 0) {
        out.push_back(t[0]);
        return 1;
    }
    const std::string token(t.substr(0, n));
    const bool number = token.find_first_not_of("0123456789+-.eE") == std::string::npos;
    const bool odd = token == "NaN" || token == "Infinity" || token == "-Infinity" ||
                     (number && std::isinf(std::strtod(token.c_str(), nullptr)));
    out += odd ? "null" : token;
    return n;
}

} // namespace

std::string repaired(std::string_view t) {
    std::string out;
    out.reserve(t.size() + 16);
    bool in_text = false;
    while (!t.empty()) {
        const char c = t.front();
        std::size_t n = 1;
        if (!in_text) {
            n = take_token(t, out);
            in_text = c == '"';
        } else if (c == '"') {
            out.push_back(c);
            in_text = false;
        } else if (c == '\\') {
            n = take_escape(t, out);
        } else {
            const auto whole = static_cast<unsigned char>(c) < 0x20 ? 0 : character(t);
            out += whole == 0 ? k_replacement : t.substr(0, whole);
            n = whole == 0 ? 1 : whole;
        }
        t.remove_prefix(n);
    }
    return out;
}

nlohmann::json read_json(std::string_view text) {
    auto out = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
    if (!out.is_discarded()) return out;
    const auto mended = repaired(text);
    if (mended == text) return out;
    return nlohmann::json::parse(mended.begin(), mended.end(), nullptr, false);
}

bool nested_deeper_than(std::string_view text, int limit) {
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > limit) return true;
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return false;
}

} // namespace z360::wire
