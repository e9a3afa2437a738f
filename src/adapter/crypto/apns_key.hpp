// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The key by which Apple's push service knows us, and the tokens that it signs.
#pragma once

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>

#include <memory>
#include <string>

namespace z360::adapter::crypto {

/// Immutable, shareable between threads.
class apns_key {
  public:
    struct names {
        std::string key_id;  ///< of the key, ten letters and digits
        std::string team_id; ///< the same of the team
    };

    /// Reads the .p8 file. Throws std::runtime_error of one line with setting, file and fix: what
    /// read_key_file() refuses, no PEM, encrypted, broken, not on P-256, ids of another form. The text holds
    /// nothing of the key. `setting` is the one that names the file.
    [[nodiscard]] static std::shared_ptr<const apns_key>
    open(const std::string& setting, const std::string& file, names who);
    /// The same from text.
    [[nodiscard]] static std::shared_ptr<const apns_key>
    parse(const std::string& setting, const std::string& where, const secret& pem, names who);

    virtual ~apns_key() = default;
    /// A provider token: ES256 with `kid`, `iss`, and `iat` half a minute before `now`, because Apple takes
    /// none from the future. Good for an hour. Throws std::runtime_error if OpenSSL will not sign.
    [[nodiscard]] virtual secret mint(time_point now) const = 0;
    [[nodiscard]] virtual const names& who() const = 0;
};

} // namespace z360::adapter::crypto
