// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Transactions that begin again when they have collided with another.
#pragma once

#include <z360/port/errors.hpp>

#include <pqxx/pqxx>

#include <type_traits>

namespace z360::adapter::postgres {

/// Runs `body(tx)` and commits. After a deadlock, a serialization failure or a unique conflict (somebody was
/// faster) it runs again from the start, and then sees what the other has written. Throws port::unavailable
/// when even the last run was in somebody's way.
template <class F>
auto in_transaction(pqxx::connection_base& db, F body) -> std::invoke_result_t<F&, pqxx::work&> {
    constexpr int k_runs = 5;
    for (int run = 1;; ++run) {
        try {
            pqxx::work tx(db);
            if constexpr (std::is_void_v<std::invoke_result_t<F&, pqxx::work&>>) {
                body(tx);
                tx.commit();
                return;
            } else {
                auto out = body(tx);
                tx.commit();
                return out;
            }
        } catch (const pqxx::transaction_rollback&) {
            if (run == k_runs)
                throw port::unavailable("postgres: collided with other transactions again and again");
        } catch (const pqxx::unique_violation&) {
            if (run == k_runs) throw;
        }
    }
}

} // namespace z360::adapter::postgres
