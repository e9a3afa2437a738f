// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The account by which Google's push service knows us, and the assertions that it signs.
#pragma once

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace z360::adapter::crypto {

/// Immutable, shareable between threads.
class service_account {
  public:
    /// Whom an assertion may be sent to: whoever has one can act as us for an hour.
    enum class token_hosts : std::uint8_t {
        google, ///< https at googleapis.com, and accounts.google.com
        any,    ///< also plain HTTP: for tests
    };

    /// Reads the JSON file of the Google Cloud console. Throws std::runtime_error of one line with setting,
    /// file and fix: what read_key_file() refuses, no JSON, not of a service account, a field missing or of
    /// another form, token_uri not allowed, a key that is encrypted, broken or not RSA of 2048 bits and more.
    /// The text holds nothing of the key.
    [[nodiscard]] static std::shared_ptr<const service_account>
    open(const std::string& setting, const std::string& file, token_hosts hosts = token_hosts::google);
    /// The same from text.
    [[nodiscard]] static std::shared_ptr<const service_account> parse(
        const std::string& setting, const std::string& where, const secret& text,
        token_hosts hosts = token_hosts::google
    );

    virtual ~service_account() = default;
    /// RS256: `iss`, `scope`, `aud` = token_uri, `iat` half a minute before `now`, `exp` an hour after it.
    /// Throws std::runtime_error if OpenSSL will not sign.
    [[nodiscard]] virtual secret assertion(time_point now, std::string_view scope) const = 0;
    [[nodiscard]] virtual const std::string& project_id() const = 0;
    [[nodiscard]] virtual const std::string& client_email() const = 0;
    [[nodiscard]] virtual const std::string& token_uri() const = 0; ///< where the assertion is exchanged
};

} // namespace z360::adapter::crypto
