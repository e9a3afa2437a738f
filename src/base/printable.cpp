// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "base/utf8.hpp"

#include <z360/base/printable.hpp>

#include <cstdio>

namespace z360 {
std::string printable(std::string_view text, line_ends ends) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto c = utf8::first_of(text);
        const bool kept = ends == line_ends::kept && (c.code == '\n' || c.code == '\t');
        if (kept || !utf8::misleads(c)) {
            out.append(text.substr(0, c.bytes));
        } else {
            char escaped[8];
            (void)std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c.code));
            out += escaped;
        }
        text.remove_prefix(c.bytes);
    }
    return out;
}

bool has_controls(std::string_view text, line_ends ends) {
    while (!text.empty()) {
        const auto c = utf8::first_of(text);
        const bool kept = ends == line_ends::kept && (c.code == '\n' || c.code == '\r' || c.code == '\t');
        if (c.valid && !kept && utf8::is_control(c.code)) return true;
        text.remove_prefix(c.bytes);
    }
    return false;
}

} // namespace z360
