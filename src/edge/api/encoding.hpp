// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "edge/api/problem.hpp"

#include <cstddef>
#include <optional>

namespace z360::edge::api {

/// Takes the compression of a body back (Content-Encoding), of routes that take one: those whose bodies may
/// be `most` bytes then; 0: of no other kind than as it is. nullopt: `req` has its body as it was meant.
[[nodiscard]] std::optional<problem> decode_body(http::request& req, std::size_t most);
/// What goes with the refusal of an encoding (RFC 9110, 15.5.16).
void name_encodings(http::response& to, std::size_t most);

} // namespace z360::edge::api
