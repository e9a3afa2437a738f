// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Statements on behalf of somebody: one transaction under row-level security (I5).
#pragma once

#include "adapter/postgres/transaction.hpp"

#include <z360/port/scope.hpp>

#include <pqxx/pqxx>

namespace z360::adapter::postgres {

/// From here to the transaction's end, or to leave_scope(), statements see what `who` may see.
void enter_scope(pqxx::transaction_base& tx, const port::tenant_scope& who);
/// Back to the owner's rights, in the same transaction.
void leave_scope(pqxx::transaction_base& tx);

/// Begins a transaction and, unless the scope is everything, takes the role z360_tenant for it with the
/// scope's user and organisation. Not committed: rolled back on destruction. Role and settings end with it.
class tenant_transaction {
  public:
    tenant_transaction(pqxx::connection_base& db, const port::tenant_scope& who);
    [[nodiscard]] pqxx::work& operator*() { return tx_; }
    [[nodiscard]] pqxx::work* operator->() { return &tx_; }
    void commit() { tx_.commit(); }

  private:
    pqxx::work tx_;
};

/// in_transaction() in somebody's scope.
template <class F>
auto in_scope(pqxx::connection_base& db, const port::tenant_scope& who, F body) {
    return in_transaction(db, [&](pqxx::work& tx) {
        enter_scope(tx, who);
        return body(tx);
    });
}

} // namespace z360::adapter::postgres
