// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Where a page ended that is in the order of a moment and an id; and addresses of recordings. What lists
// share.
#pragma once

#include "edge/api/api_context.hpp"

#include <optional>
#include <string>
#include <utility>

namespace z360::edge::api {

/// "<ms>.<id>".
[[nodiscard]] std::string cursor_text(time_point at, const std::string& id);
/// nullopt: we have not given it.
[[nodiscard]] std::optional<std::pair<time_point, std::string>> split_cursor(const std::string& text);

/// Where a recording can be heard; good for `recordings.link_life`, to whoever has it.
[[nodiscard]] std::string
recording_url(const api_context& s, const request_context& in, const uuid& recording);

} // namespace z360::edge::api
