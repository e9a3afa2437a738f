// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Push tokens at rest: ciphertext, and a keyed hash by which the device that holds one is found (B13, B14).
#pragma once

#include "adapter/crypto/vault.hpp"

#include <z360/base/ids.hpp>
#include <z360/port/device_registry.hpp>

#include <pqxx/pqxx>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace z360::adapter::postgres {

inline constexpr const char* k_push_column = "devices.push_token";
inline constexpr const char* k_voip_column = "devices.voip_token";

/// A token together with what finds it: its hash under each key of the vault, the current one first.
struct hashed_token {
    port::push_token token;
    std::vector<std::string> hashes;
    [[nodiscard]] bool voip() const { return token.kind == port::push_kind::apns_voip; }
};

/// At most one per column, the last of each; empty ones are none (AND-02).
[[nodiscard]] std::vector<hashed_token>
hashed(const crypto::vault& keys, std::vector<port::push_token> tokens, time_point now);

/// What the device has now.
struct stored_push {
    std::optional<time_point> push_issued_at, voip_issued_at;
};
/// Without those that are older than what the device has (MOB-02).
[[nodiscard]] std::vector<hashed_token> newer(std::vector<hashed_token> tokens, const stored_push& have);

[[nodiscard]] std::vector<std::string> all_hashes(const std::vector<hashed_token>& tokens);

void store_push(
    pqxx::transaction_base& tx, const crypto::vault& keys, device_id device,
    const std::vector<hashed_token>& tokens, time_point now
);

/// Waits its turn behind other transactions about this person's devices or the same push tokens; held until
/// the transaction ends. Taken in one order everywhere.
void lock_person_and_tokens(
    pqxx::transaction_base& tx, user_id person, const std::vector<hashed_token>& tokens
);
/// The same for several people and no tokens.
void lock_people(pqxx::transaction_base& tx, const std::vector<user_id>& people);

} // namespace z360::adapter::postgres
