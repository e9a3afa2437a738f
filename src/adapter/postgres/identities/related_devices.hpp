// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Which devices a registration or a new push token may concern. Locked in the order of enrolment.cpp.
#pragma once

#include "adapter/postgres/identities/push_tokens.hpp"

#include <z360/base/ids.hpp>

#include <pqxx/pqxx>

#include <algorithm>
#include <string>
#include <vector>

namespace z360::adapter::postgres {

/// Why a device is out of use that has given way to another registration of the same phone.
inline constexpr const char* k_replaced = "replaced";

struct related_device {
    device_id id;
    user_id user;
    std::string uid, platform, status;
    stored_push push;
    std::string push_hash, voip_hash;
    org_id bound_to;
    bool busy = false;

    [[nodiscard]] bool holds_one_of(const std::vector<std::string>& hashes) const {
        return std::any_of(hashes.begin(), hashes.end(), [this](const std::string& h) {
            return h == push_hash || h == voip_hash;
        });
    }
};

/// Those of `person` that `uids` name, those whose bearer is there (`proved`), and whoever holds a push token
/// with one of `hashes`. Runs as owner; their rows stay locked until the transaction ends.
[[nodiscard]] std::vector<related_device> lock_related(
    pqxx::transaction_base& tx, user_id person, const std::vector<std::string>& uids,
    const std::vector<device_id>& proved, const std::vector<std::string>& hashes
);

} // namespace z360::adapter::postgres
