// SPDX-License-Identifier: LicenseRef-z360-proprietary
// How the services are reached: keys, connections, and a push as HTTP/2 takes it. For whoever sends.
#pragma once

#include "adapter/crypto/apns_key.hpp"
#include "adapter/crypto/service_account.hpp"
#include "adapter/push/push.hpp"
#include "wire/push_request.hpp"

#include <z360/http/h2.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace z360::adapter::push {

/// Throws std::runtime_error, one line with setting, file and fix; so does the other one.
[[nodiscard]] std::shared_ptr<const crypto::apns_key> open_key(const apns_settings& s);
[[nodiscard]] std::shared_ptr<const crypto::service_account> open_account(const fcm_settings& s);

/// Of connections to `at`; to `host`, where it names none.
[[nodiscard]] http::h2::pool_settings
pool_of(const settings& s, std::string name, const place& at, std::string_view host);

/// `token`: the provider token.
[[nodiscard]] http::h2::request request_of(const wire::push_request& from, const secret& token);

} // namespace z360::adapter::push
