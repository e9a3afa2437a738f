// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "http/percent.hpp"

#include <z360/base/percent.hpp>

#include <algorithm>

namespace z360::http {

std::optional<std::string> percent_decode(std::string_view text) {
    const auto control = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; };
    if (std::any_of(text.begin(), text.end(), control)) return std::nullopt;
    auto out = unescaped(text);
    if (out && out->find('\0') != std::string::npos) out.reset();
    return out;
}

std::string form_decode(std::string_view text) {
    std::string spaced(text);
    std::replace(spaced.begin(), spaced.end(), '+', ' ');
    return unescaped_leniently(spaced);
}

} // namespace z360::http
