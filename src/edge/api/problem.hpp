// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The bodies of replies. Errors serve three readers at once: RFC 9457, the old clients' {success, message},
// and the newer {error: {code, message, retry_after}}.
#pragma once

#include <z360/http/message.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace z360::edge::api {

using json = nlohmann::json;

/// An expected failure. `code` is stable and for programs; `title` is the old `message`.
struct problem {
    int status = 500;
    std::string code;
    std::string title;
    std::string detail;
    std::optional<long> retry_after{}; ///< seconds; also the header
    json more = json::object();        ///< further members, e.g. errors, call_id, store_url
};
[[nodiscard]] http::response respond(const problem& p);

/// {"success":true,"message"?,"data":…,"meta"?}
[[nodiscard]] http::response
success(int status, json data, std::string_view message = {}, json meta = nullptr);

/// What clients meet often, in the same words everywhere.
[[nodiscard]] problem not_found(std::string code, std::string title);
[[nodiscard]] problem call_unknown();
[[nodiscard]] problem access_denied();
[[nodiscard]] problem unavailable_now(std::string code = "voip_unavailable", long retry_after = 2);

} // namespace z360::edge::api
