// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Telnyx's telephony credentials: our requests and their answers, which hold the SIP password every time.
#pragma once

#include "wire/telnyx_command.hpp"

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::wire {

/// Most that Telnyx puts on one page.
inline constexpr unsigned k_credentials_per_page = 250;

struct new_credential {
    std::string name;
    std::string tag;
    std::string connection_id;
    time_point expires_at{};
};

[[nodiscard]] telnyx_request create_credential(const new_credential& c);
[[nodiscard]] telnyx_request get_credential(std::string_view id);
[[nodiscard]] telnyx_request extend_credential(std::string_view id, time_point expires_at);
[[nodiscard]] telnyx_request remove_credential(std::string_view id);
[[nodiscard]] telnyx_request mint_credential_token(std::string_view id);
/// Pages count from 1.
[[nodiscard]] telnyx_request find_credentials(std::string_view name, unsigned page);
[[nodiscard]] telnyx_request list_credentials(std::string_view connection_id, unsigned page);

/// A credential as Telnyx tells it; a text is empty where there is none.
struct telnyx_credential {
    std::string id; ///< never empty
    std::string name;
    std::string tag;
    std::string sip_username;
    secret sip_password;
    std::string connection_id;
    bool expired = false;
    std::optional<time_point> expires_at;
    std::optional<time_point> created_at;
};

struct credential_list {
    std::vector<telnyx_credential> items;
    bool more = false; ///< a later page holds further ones
};

/// The credential in `{"data":{…}}`; nullopt: none with an id. Never throws but for lack of memory.
[[nodiscard]] std::optional<telnyx_credential> parse_credential(std::string_view body);
/// Entries without an id are passed over. nullopt: that is no list.
[[nodiscard]] std::optional<credential_list> parse_credentials(std::string_view body);

struct credential_error {
    std::string code;     ///< of the first error; empty: none
    std::string title;    ///< for the log
    bool expired = false; ///< the credential's life is over: it can only be deleted
};
/// Reads the usual error envelope and the odd `{"errors":{"status":"…"}}` of a changed expired credential.
[[nodiscard]] credential_error parse_credential_error(std::string_view body);

} // namespace z360::wire
