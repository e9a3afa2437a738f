// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/tenants/entitlement.hpp"
#include "adapter/postgres/tenants/tenant_rows.hpp"
#include "adapter/postgres/transaction.hpp"

namespace z360::adapter::postgres::tenant_rows {
namespace {

// A link that was revoked may go to another person: the old account may be gone.
constexpr const char* k_link = R"sql(
insert into apple_links as a (subject, user_id, email, created_at) values ($1, $2, $3, z360_at($4))
on conflict (subject) do update
   set user_id = excluded.user_id, email = excluded.email, revoked_at = null,
       created_at = case when a.revoked_at is null then a.created_at else excluded.created_at end
 where a.user_id = excluded.user_id or a.revoked_at is not null)sql";

// Apple's times have whole seconds.
constexpr const char* k_unlink = R"sql(
update apple_links set revoked_at = z360_at($2)
 where subject = $1 and revoked_at is null and date_trunc('second', created_at) <= z360_at($3)
returning user_id)sql";

} // namespace

std::optional<user_id> apple_user(connection& db, const std::string& subject) {
    const auto r = exec_once(
        db, "apple_user", "select user_id from apple_links where subject = $1 and revoked_at is null",
        storable(subject)
    );
    if (r.empty()) return std::nullopt;
    return user_id{r[0][0].as<std::int64_t>()};
}

bool link_apple(
    connection& db, user_id u, const std::string& subject, const std::string& email, time_point now
) {
    const auto r =
        exec_once(db, "apple_link", k_link, storable(subject), u.value, storable(email), in_ms(now));
    return r.affected_rows() == 1;
}

std::vector<device_id>
unlink_apple(connection& db, const std::string& subject, time_point issued_at, time_point now) {
    return in_transaction(db, [&](pqxx::work& tx) -> std::vector<device_id> {
        const auto r = exec_in(tx, "apple_unlink", k_unlink, storable(subject), in_ms(now), in_ms(issued_at));
        if (r.empty()) return {};
        // No row says by which sign-in a device came, so all of them go: too much is a new sign-in, too
        // little is a device that nobody consents to any more.
        const user_id who{r[0][0].as<std::int64_t>()};
        return part_with_everything_of(tx, who, "apple_revoked", now);
    });
}

} // namespace z360::adapter::postgres::tenant_rows
