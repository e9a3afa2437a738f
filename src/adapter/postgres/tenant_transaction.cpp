// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/tenant_transaction.hpp"

namespace z360::adapter::postgres {

tenant_transaction::tenant_transaction(pqxx::connection_base& db, const port::tenant_scope& who) : tx_(db) {
    if (who.everything) return;
    db.prepare(
        "tenant_scope", "select set_config('z360.user_id', $1, true), set_config('z360.org_id', $2, true), "
                        "set_config('role', 'z360_tenant', true)"
    );
    tx_.exec_prepared("tenant_scope", std::to_string(who.user.value), std::to_string(who.org.value));
}

} // namespace z360::adapter::postgres
