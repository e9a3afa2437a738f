// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What an agent is given in place of who calls: it says nothing by itself, and is of use once (BE-27).
#pragma once

#include "adapter/crypto/keyed_mac.hpp"

#include <z360/base/ids.hpp>
#include <z360/base/secret.hpp>

#include <string>
#include <string_view>

namespace z360::adapter::crypto {

/// References of 128 bits that nobody without the key can tell from chance, as 32 lower-case hexadecimal
/// digits. A leg's is the same on every node and in every repetition of its dial, so that nothing but its
/// hash needs to be stored. Thread-safe.
class agent_references {
  public:
    /// As client_state_codec: `key` if it is not empty, else one made from `api_key`. Throws
    /// std::invalid_argument if both are empty.
    agent_references(const secret& key, const secret& api_key);

    [[nodiscard]] secret of(const leg_id& leg) const;

  private:
    keyed_mac mac_;
};

/// What is stored of a reference: 64 lower-case hexadecimal digits. Of any text.
[[nodiscard]] std::string hash_of_reference(std::string_view reference);

} // namespace z360::adapter::crypto
