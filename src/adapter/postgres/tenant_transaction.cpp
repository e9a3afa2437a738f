// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/tenant_transaction.hpp"

#include "adapter/postgres/params.hpp"

namespace z360::adapter::postgres {

void enter_scope(pqxx::transaction_base& tx, const port::tenant_scope& who) {
    if (who.everything) return;
    exec_in(
        tx, "tenant_scope",
        "select set_config('z360.user_id', $1, true), set_config('z360.org_id', $2, true), "
        "set_config('z360.bound_org_id', $3, true), set_config('role', 'z360_tenant', true)",
        std::to_string(who.user.value), std::to_string(who.user.none() ? who.org.value : 0),
        std::to_string(who.user.none() ? 0 : who.org.value)
    );
}

void leave_scope(pqxx::transaction_base& tx) {
    exec_in(tx, "tenant_scope_end", "select set_config('role', 'none', true)");
}

tenant_transaction::tenant_transaction(pqxx::connection_base& db, const port::tenant_scope& who) : tx_(db) {
    enter_scope(tx_, who);
}

} // namespace z360::adapter::postgres
