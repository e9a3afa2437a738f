// SPDX-License-Identifier: LicenseRef-z360-proprietary
// JSON as others write it.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace z360::wire {

/// `text` with what no JSON parser takes replaced: bytes that are no UTF-8, halves of surrogate pairs,
/// control characters and unknown escapes inside of texts become U+FFFD; NaN, Infinity and numbers beyond all
/// range become null. What is no JSON for other reasons stays so.
[[nodiscard]] std::string repaired(std::string_view text);

/// Discarded when it is no JSON even after repair. Never throws but for lack of memory.
[[nodiscard]] nlohmann::json read_json(std::string_view text);

/// Whether arrays and objects stand in one another more than `limit` times. Looked at before parsing:
/// copying, writing and comparing values goes down as deep as they are, on the stack.
[[nodiscard]] bool nested_deeper_than(std::string_view text, int limit);

} // namespace z360::wire
