// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Addresses by which people are known: two that differ by case only are one person's.
#pragma once

#include <z360/base/ids.hpp>

#include <pqxx/pqxx>

#include <optional>
#include <string>

namespace z360::adapter::postgres {

struct known_login {
    user_id user;
    std::string login; ///< as it is spelled there
};

/// Who has `login` in another case, when `user` (none: a new person, or who has it in this case) is about to
/// take it. nullopt: nobody, or the spelling stays as it is: doubles of before go on. Until the transaction's
/// end nobody else takes the address in any case.
[[nodiscard]] std::optional<known_login>
other_case(pqxx::transaction_base& tx, const std::string& login, user_id user);

} // namespace z360::adapter::postgres
