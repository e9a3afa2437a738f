// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Login tokens of others, read without being verified.
#pragma once

#include <z360/base/time.hpp>

#include <optional>
#include <string_view>

namespace z360::wire {

/// The token in a text/plain body: without surrounding quotes and white space. Empty: that is no JWT, whose
/// shape is three parts of base64url with dots between.
[[nodiscard]] std::string_view jwt_in(std::string_view body);

/// `exp` of a token that nobody here verifies; quotes around it are tolerated. nullopt: it has none that can
/// be read.
[[nodiscard]] std::optional<time_point> jwt_expiry(std::string_view token);

} // namespace z360::wire
