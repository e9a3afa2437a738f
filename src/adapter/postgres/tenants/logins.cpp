// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/tenants/logins.hpp"

#include "adapter/postgres/params.hpp"

namespace z360::adapter::postgres {
namespace {

// No unique index: a database may hold doubles already, and both people must be able to go on.
constexpr const char* k_turn = "select pg_advisory_xact_lock(hashtextextended(lower($1), 20))";
constexpr const char* k_other = R"sql(
select user_id, login from users
 where lower(login) = lower($1) and login <> $1 and user_id <> $2
   and not exists (select from users where login = $1 and $2::bigint in (0, user_id))
 order by user_id limit 1)sql";

} // namespace

std::optional<known_login> other_case(pqxx::transaction_base& tx, const std::string& login, user_id user) {
    exec_in(tx, "login_turn", k_turn, login);
    const auto r = exec_in(tx, "login_other", k_other, login, user.value);
    if (r.empty()) return std::nullopt;
    return known_login{{r[0][0].as<std::int64_t>()}, r[0][1].c_str()};
}

} // namespace z360::adapter::postgres
