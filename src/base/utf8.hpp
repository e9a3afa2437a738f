// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace z360::utf8 {

struct character {
    std::uint32_t code = 0;
    std::size_t bytes = 1;
    bool valid = false;
};

/// The first character of a text that is not empty; what is no UTF-8 counts as one byte of that value.
[[nodiscard]] character first_of(std::string_view s);

/// C0, DEL or C1.
[[nodiscard]] bool is_control(std::uint32_t code);
/// Makes a terminal act, shows something else than what is there, or is no UTF-8.
[[nodiscard]] bool misleads(const character& c);

} // namespace z360::utf8
