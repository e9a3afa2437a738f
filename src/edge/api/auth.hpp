// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who asks.
#pragma once

#include "edge/api/api_context.hpp"

namespace z360::edge::api {

/// Somebody, or why not.
struct identified {
    principal who;
    std::optional<problem> refused;
    bool guess = false;                        ///< counts as a failed authentication
    std::optional<port::rate_verdict> limited; ///< not even looked at: the address has failed too often
};

/// Bearer before cookie: a cookie counts only without an Authorization header. Device tokens slide with use.
/// Never looks a token of another environment up (AND-01). `in_call`: an expired device token does while its
/// device is on a call (B47); a revoked one never. Throws unavailable.
///
/// `address`: the limit subject. A cookie that nobody remembers costs the web product a question: it is asked
/// only while the address has failed sign-ins left, and for a few of an address at a time. A bearer is always
/// looked up, whatever else came from its address.
[[nodiscard]] awaitable<identified>
identify(api_context& s, http::request req, std::string address, time_point now, bool in_call);

/// Failed authentications of an address.
[[nodiscard]] std::string failed_key(const std::string& address);
[[nodiscard]] port::rate failed_rate(const api_context& s);

/// Whether the route takes them; nullopt: yes.
[[nodiscard]] std::optional<problem> admit(const entry& e, const principal& who);

/// 401 naming the credential that failed.
[[nodiscard]] problem unauthorized(std::string code, via credential, std::string detail);

/// A state-changing request by cookie comes from a page of ours (B34); nullopt: it does.
[[nodiscard]] std::optional<problem>
foreign_page(const api_context& s, const http::request& req, const std::string& host);
/// This origin may send cookies and read replies.
[[nodiscard]] bool allowed_origin(const api_context& s, std::string_view origin, std::string_view host);

} // namespace z360::edge::api
