// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/agent_reference.hpp"

#include "adapter/crypto/digest.hpp"

namespace z360::adapter::crypto {
namespace {

constexpr std::string_view k_use = "z360-voip agent_reference key 1|";

} // namespace

agent_references::agent_references(const secret& key, const secret& api_key)
    : mac_(k_use, key.empty() ? api_key : key) {}

secret agent_references::of(const leg_id& leg) const {
    const auto m = mac_.of(leg.text());
    return secret(hex({reinterpret_cast<const char*>(m.data()), m.size()}));
}

// It is as good as random: nothing is gained by guessing, and no salt is needed.
std::string hash_of_reference(std::string_view reference) {
    return sha256_hex(reference);
}

} // namespace z360::adapter::crypto
