// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/audit.hpp"

#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"

namespace z360::adapter::postgres {
namespace {

constexpr const char* k_audit = R"sql(
insert into audit_events (at, actor, token_id, user_id, org_id, device_id, action, detail, remote_address)
values (z360_at($1), $2, nullif($3::bigint, 0), nullif($4::bigint, 0), nullif($5::bigint, 0), nullif($6::bigint, 0),
        $7, $8, $9))sql";

class trail final : public port::audit_log {
  public:
    explicit trail(database& db) : db_(db.connections()) {}
    boost::asio::awaitable<void> append(port::audit_line line) override {
        auto ask = [l = std::move(line)](pqxx::connection_base& db) {
            pqxx::nontransaction tx(db);
            append_audit(tx, l);
        };
        co_await db_.run("audit_append", std::move(ask));
    }

  private:
    pool& db_;
};

} // namespace

void append_audit(pqxx::transaction_base& tx, const port::audit_line& l) {
    exec_in(
        tx, "audit_append", k_audit, in_ms(l.at), storable(l.actor), l.token, l.user.value, l.org.value,
        l.device.value, storable(l.action), storable(l.detail), storable(l.remote_address)
    );
}

std::unique_ptr<port::audit_log> make_audit_log(database& db) {
    return std::make_unique<trail>(db);
}

} // namespace z360::adapter::postgres
