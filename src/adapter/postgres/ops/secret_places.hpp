// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Where ciphertext lies.
#pragma once

#include <array>

namespace z360::adapter::postgres {

struct place_of_secrets {
    const char* table;
    const char* key;
    const char* column;
    const char* key_id;
    const char* hash; ///< the column with the keyed hash of the same secret, if there is one
};
inline constexpr std::array<place_of_secrets, 4> k_secret_places = {{
    {"sip_identities", "identity_id", "sip_password", "password_key_id", nullptr},
    {"sip_identities", "identity_id", "jwt", "jwt_key_id", nullptr},
    {"devices", "device_id", "push_token", "push_key_id", "push_token_hash"},
    {"devices", "device_id", "voip_token", "voip_key_id", "voip_token_hash"},
}};

} // namespace z360::adapter::postgres
