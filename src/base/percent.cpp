// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/base/percent.hpp>

namespace z360 {
namespace {

std::optional<std::string> decoded(std::string_view text, bool lenient) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
        if (high >= 0 && low >= 0) {
            out.push_back(static_cast<char>(high * 16 + low));
            i += 2;
        } else if (lenient) {
            out.push_back('%');
        } else {
            return std::nullopt;
        }
    }
    return out;
}

} // namespace

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::optional<std::string> unescaped(std::string_view text) {
    return decoded(text, false);
}

std::string unescaped_leniently(std::string_view text) {
    return *decoded(text, true);
}

} // namespace z360
