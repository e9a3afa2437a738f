// SPDX-License-Identifier: LicenseRef-z360-proprietary
// POST /api/device-tokens, step by step.
#pragma once

#include "edge/api/api_context.hpp"

namespace z360::edge::api {

/// A registration as the body says it.
struct registration_request {
    port::registration wanted;
    std::optional<std::int64_t> org;    ///< organization_id
    std::string store_url;              ///< with too_old
    std::optional<std::string> too_old; ///< the lowest version allowed
    secret previous_token; ///< previous_device_token: a bearer of the device on this phone before
};
/// Reads and checks every field; what is wrong is in `f`.
[[nodiscard]] registration_request read_registration(fields& f, const api_context& s);

/// 409: the person has the device outside the organisation that the principal is bound to.
[[nodiscard]] problem held_elsewhere();

/// Registers the device of in.who.user and replies. Uses an enrolment code up.
[[nodiscard]] awaitable<http::response> register_device(api_context& s, request_context in, json body);

/// What registering comes to, for callers that put it into a reply of their own.
struct registration_result {
    http::response refused; ///< when `status` is 0
    int status = 0;
    json data = nullptr;
};
[[nodiscard]] awaitable<registration_result> try_register(api_context& s, request_context in, json body);

} // namespace z360::edge::api
