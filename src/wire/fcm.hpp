// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Pushes as FCM's HTTP v1 takes them, its answers, and Google's access tokens.
#pragma once

#include "wire/push_request.hpp"

#include <z360/push/message.hpp>
#include <z360/push/verdict.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::wire {

/// Names and values together, as FCM counts.
inline constexpr std::size_t k_fcm_limit = 4096;
inline constexpr std::string_view k_fcm_host = "fcm.googleapis.com";
inline constexpr std::string_view k_fcm_scope = "https://www.googleapis.com/auth/firebase.messaging";

/// For whom we send.
struct fcm_apps {
    std::string project_id;
    /// Android packages that a push may be restricted to. A device's own is named in its pushes if it is one
    /// of these, so that no other app of the project takes them; else nothing is restricted.
    std::vector<std::string> packages;
    bool validate_only = false; ///< FCM says what it would say, and delivers nothing
};

/// One push to one token. `smaller`: into half of the limit, after 413.
/// Pure.
[[nodiscard]] push_built build_fcm(
    const push::message& m, const push::target& to, const fcm_apps& apps, time_point now, bool smaller = false
);

/// The pieces of an answer that matter.
struct fcm_reply {
    int status = 0;
    std::string_view body;
    std::string_view retry_after; ///< header, or empty
};
/// FCM's own error code where there is one, else the word of `error.status`. Never throws but for lack of
/// memory; whatever is not understood is missing.
[[nodiscard]] push::answer read_fcm(const fcm_reply& r, time_point now);

/// Body of the POST (application/x-www-form-urlencoded) that gets an access token for a signed assertion.
[[nodiscard]] secret token_form(const secret& assertion);
/// Google's answer to it.
struct token_grant {
    secret token; ///< empty: none
    millis life{};
    std::string error; ///< why there is none: Google's word for it, or what is wrong with the answer
};
[[nodiscard]] token_grant read_token_grant(int status, std::string_view body);

} // namespace z360::wire
