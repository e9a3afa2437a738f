// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who asks.
#pragma once

#include "edge/api/service.hpp"

namespace z360::edge::api {

/// Somebody, or why not. `guess`: counts as a failed authentication.
struct identified {
    caller who;
    std::optional<problem> refused;
    bool guess = false;
};

/// Bearer before cookie: a cookie counts only without an Authorization header. Device tokens slide with use.
/// Never looks a token of another environment up (AND-01). `in_call`: an expired device token does while its
/// device is on a call (B47); a revoked one never. Throws unavailable.
[[nodiscard]] awaitable<identified> identify(service& s, http::request req, time_point now, bool in_call);

/// Whether the route takes this caller; nullopt: yes.
[[nodiscard]] std::optional<problem> admit(const entry& e, const caller& who);

/// 401 naming the credential that failed.
[[nodiscard]] problem unauthorized(std::string code, via credential, std::string detail);

/// A state-changing request by cookie comes from a page of ours (B34); nullopt: it does.
[[nodiscard]] std::optional<problem>
foreign_page(const service& s, const http::request& req, const std::string& host);
/// This origin may send cookies and read replies.
[[nodiscard]] bool allowed_origin(const service& s, std::string_view origin, std::string_view host);

} // namespace z360::edge::api
