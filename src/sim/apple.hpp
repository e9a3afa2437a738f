// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Sign in with Apple as a client of it sees Apple: published keys, identity tokens, notifications. The keys
// are random, made at first use, and worth nothing outside of this process.
#pragma once

#include <z360/base/time.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace z360::sim {

using json = nlohmann::json;

class apple_id {
  public:
    apple_id();
    ~apple_id();
    apple_id(const apple_id&) = delete;
    apple_id& operator=(const apple_id&) = delete;

    /// The published keys (JWKS): the newest and the one before it.
    [[nodiscard]] json keys();
    /// A new key signs from now on; returns its id.
    std::string rotate();
    /// A signed identity token. `about`: sub and aud; nonce, email, exp_in_s (default 600, may be negative),
    /// iss, and kid: the id of the key that signs, or for an unknown one what the header claims. Throws
    /// std::invalid_argument for what it does not understand.
    [[nodiscard]] std::string identity_token(const json& about, time_point now);
    /// The body of a server-to-server notification, `{"payload": <signed>}`. `about`: type
    /// (consent-revoked, account-delete, email-enabled, email-disabled), sub and aud; iss, kid as above.
    [[nodiscard]] json notification(const json& about, time_point now);

  private:
    struct key;
    key& newest();
    [[nodiscard]] std::string sign(const json& claims, const std::string& kid);

    std::vector<std::unique_ptr<key>> keys_;
    std::uint64_t signed_in_ = 0;
};

} // namespace z360::sim
