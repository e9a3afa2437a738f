// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Changes of calls in the order of their transactions. `calls.changed` is the transaction of a row's newest
// version; everything below the oldest transaction that is still under way is there to stay.
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"

#include <z360/log.hpp>

#include <utility>

namespace z360::adapter::postgres {
namespace {

namespace asio = boost::asio;
using result = port::changes_read::result;

// A server that was restarted or that took another's place has begun at another time. The transactions of one
// that was promoted may count again what ours had counted.
#define Z360_EDGE                                                                                            \
    "with edge as materialized (select pg_snapshot_xmin(pg_current_snapshot()) as xmin, "                    \
    "extract(epoch from pg_postmaster_start_time())::text as server) "

constexpr const char* k_where = Z360_EDGE "select xmin::text, server from edge";

constexpr const char* k_changed = Z360_EDGE
    R"sql(select e.xmin::text, e.server, c.call_id, c.org_id, c.version
  from edge e left join lateral (
       select call_id, coalesce(org_id, 0) as org_id, version from calls
        where changed >= $1::text::xid8 and changed < e.xmin
        order by changed limit $2::bigint) c on true)sql";

#undef Z360_EDGE

class rows final : public port::change_log {
  public:
    explicit rows(database& db) : db_(db.connections()) {}

    asio::awaitable<port::changes_read>
    since(std::optional<port::change_position> from, std::size_t limit) override {
        if (!from) return db_.run("change_edge", [](pqxx::connection_base& db) { return stand(db); });
        auto ask = [from = std::move(*from), limit](pqxx::connection_base& db) {
            return read(db, from, limit);
        };
        return db_.run("changes", std::move(ask));
    }

  private:
    static port::change_position position(const pqxx::row& r) {
        return {r[0].as<std::uint64_t>(), r[1].c_str()};
    }
    static port::changes_read stand(pqxx::connection_base& db) {
        port::changes_read out;
        out.next = position(exec_once(db, "change_edge", k_where)[0]);
        return out;
    }
    static port::changes_read
    read(pqxx::connection_base& db, const port::change_position& from, std::size_t limit) {
        port::changes_read out;
        const auto found = exec_once(db, "changes", k_changed, std::to_string(from.below), limit + 1);
        out.next = position(found[0]);
        if (out.next.server != from.server || out.next.below < from.below) {
            out.what = result::another_server;
            return out;
        }
        if (found.size() > limit) {
            out.what = result::too_many;
            return out;
        }
        for (const auto& r : found) {
            if (r[2].is_null()) continue; // nothing has changed
            if (const auto id = call_id::parse(r[2].c_str()))
                out.changes.push_back({*id, {r[3].as<std::int64_t>()}, r[4].as<std::uint64_t>()});
        }
        return out;
    }

    pool& db_;
};

} // namespace

std::unique_ptr<port::change_log> make_change_log(database& db) {
    return std::make_unique<rows>(db);
}

} // namespace z360::adapter::postgres
