// SPDX-License-Identifier: LicenseRef-z360-proprietary
// By which a repeated request is known.
#pragma once

#include "edge/api/problem.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace z360::edge::api {

inline constexpr std::string_view k_idempotency_key = "Idempotency-Key";

/// The header, if it is fit to be one.
struct given_key {
    std::string text; ///< empty: none was given
    std::optional<problem> refused;
};
[[nodiscard]] given_key idempotency_key(const http::request& req);

} // namespace z360::edge::api
