// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Rights that one node at a time has; the clock is the database's.
#pragma once

#include "adapter/postgres/params.hpp"

#include <z360/base/time.hpp>

#include <string>

namespace z360::adapter::postgres {

/// $1 name, $2 holder, $3 length in ms. A row: it is the holder's now. The fence rises when the holder
/// changes.
inline constexpr const char* k_hold_lease = R"sql(
insert into leases as l (name, holder, held_until)
values ($1, $2, clock_timestamp() + $3::bigint * interval '1 ms')
on conflict (name) do update
   set holder = excluded.holder, held_until = excluded.held_until,
       fence = l.fence + case when l.holder = excluded.holder then 0 else 1 end
 where l.holder = excluded.holder or l.held_until <= clock_timestamp()
returning name)sql";

/// Whether `holder` has the lease now, for `length` from now on.
inline bool
hold_lease(pqxx::connection_base& db, const std::string& name, const std::string& holder, millis length) {
    return !exec_once(db, "lease_hold", k_hold_lease, name, holder, length.count()).empty();
}

} // namespace z360::adapter::postgres
