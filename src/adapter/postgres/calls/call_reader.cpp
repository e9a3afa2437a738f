// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What clients ask about calls. The state is the stored snapshot, never put together from columns.
#include "adapter/postgres/calls/call_view_row.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/tenant_transaction.hpp"

#include <z360/port/call_reader.hpp>

#include <string>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
using port::call_view;
using port::tenant_scope;
namespace {

// A change counts once every transaction that began before it is over: what is still under way may get a
// lower position than what is already there, and a reader that has passed it would never see it.
// A position that no transaction has reached yet is another server's, of before a restore: from the
// beginning.
#define Z360_SETTLED(ROW)                                                                                    \
    ROW ".changed > case when $3::xid8 < pg_snapshot_xmax(pg_current_snapshot()) then $3::xid8 else '0' "    \
        "end and " ROW ".changed < pg_snapshot_xmin(pg_current_snapshot()) "

// A person's calls are their own and those that a plan brought to them, of which what lists are sorted by is
// stored beside them: each is read in its order, and no further than what is asked for.

// A plan may have ended before it was their turn. Such calls do not take the places of those that came to
// them; how many are passed over is bounded. "offset 0" keeps the planner from collecting every leg of the
// person's devices.
#define Z360_LOOKED_THROUGH "20"
#define Z360_CAME_TO_THEM                                                                                    \
    "(exists (select from call_legs l join devices d on d.device_id = l.device_id where l.call_id = "        \
    "p.call_id and d.user_id = $1 and (l.dial <> 'planned' or l.ended) offset 0) or not exists (select "     \
    "from call_legs l where l.call_id = p.call_id offset 0))"

/// Row-level security decides what may be seen; these conditions are there so that an index finds it. One
/// statement for each combination, because a plan that fits all of them would read every call.
struct scoped {
    std::string name;
    std::string sql;
};
scoped
statement(const char* name, const tenant_scope& who, const char* theirs, const std::string& condition) {
    const char* user = who.user.none() ? "$1::bigint is not null" : theirs;
    const char* org = who.org.none() ? "$2::bigint is not null" : "c.org_id = $2";
    return {
        std::string(name) + (who.user.none() ? "" : "_user") + (who.org.none() ? "" : "_org"),
        std::string(k_call_view) + user + " and " + org + " and " + condition,
    };
}

template <class... Args>
std::vector<call_view>
views(pqxx::connection_base& db, const tenant_scope& who, const scoped& s, Args&&... args) {
    tenant_transaction tx(db, who);
    std::vector<call_view> out;
    for (const auto& r : exec_in(
             *tx, s.name.c_str(), s.sql.c_str(), who.user.value, who.org.value, std::forward<Args>(args)...
         ))
        if (auto v = read_call_view(r)) out.push_back(std::move(*v));
    return out;
}

// A position belongs to a transaction, which may have changed several calls: a page ends after all of them,
// or before the first. Only a position that is larger than a page makes the page larger.
void cut(std::vector<call_view>& page, std::size_t limit) {
    if (page.size() <= limit || page.front().position == page.back().position) return;
    const auto last = page.back().position;
    while (page.back().position == last)
        page.pop_back();
}

class rows final : public port::call_reader {
  public:
    explicit rows(database& db) : db_(db.connections()) {}

    asio::awaitable<std::optional<call_view>> find(tenant_scope who, std::string id) override {
        return db_.run(
            "call_view",
            [who, id = storable(id)](pqxx::connection_base& db) -> std::optional<call_view> {
                const auto ours = call_id::parse(id);
                const auto uuid = ours ? std::optional(ours->text()) : std::nullopt;
                static constexpr const char* k_condition = "(c.call_session_id = $3 or c.call_id = $4::uuid) "
                                                           "order by c.call_id = $4::uuid desc nulls "
                                                           "last limit 1";
                auto found = views(
                    db, who, statement("call_view", who, "$1::bigint is not null", k_condition), id,
                    or_null(uuid)
                );
                if (found.empty()) return std::nullopt;
                return std::move(found.front());
            }
        );
    }
    asio::awaitable<std::vector<call_view>> live(tenant_scope who) override {
        return db_.run("call_live", [who](pqxx::connection_base& db) {
            static constexpr const char* k_theirs =
                "c.call_id = any(array(select c.call_id from calls c where c.user_id = $1 and c.phase <> "
                "'ended' "
                "union select p.call_id from call_people p where p.user_id = $1 and p.live))";
            return views(
                db, who,
                statement(
                    "call_live", who, k_theirs, "c.phase <> 'ended' order by c.began_at desc, c.call_id"
                )
            );
        });
    }
    asio::awaitable<std::vector<call_view>>
    changed(tenant_scope who, std::uint64_t since, std::size_t limit) override {
        return db_.run("call_changed", [who, since, limit](pqxx::connection_base& db) {
            static constexpr const char* k_theirs =
                "c.call_id = any(array((select c.call_id from calls c where c.user_id = $1 and " Z360_SETTLED(
                    "c"
                ) "order by c.changed fetch first ($4::bigint) rows with ties) union "
                  "(select p.call_id from call_people p where p.user_id = $1 and " Z360_SETTLED("p"
                  ) "order by p.changed fetch first ($4::bigint) rows with ties)))";
            const auto s = statement(
                "call_changed", who, k_theirs,
                Z360_SETTLED("c") "order by c.changed fetch first ($4::bigint) rows with ties"
            );
            auto page = views(db, who, s, std::to_string(since), limit);
            cut(page, limit);
            return page;
        });
    }
    asio::awaitable<std::vector<call_view>> newest(tenant_scope who, std::size_t limit) override {
        return db_.run("call_newest", [who, limit](pqxx::connection_base& db) {
            static constexpr const char* k_theirs =
                "c.call_id = any(array((select c.call_id from calls c where c.user_id = $1 "
                "order by c.began_at desc, c.call_id limit $3) union (select p.call_id from (select "
                "x.call_id, "
                "x.began_at from call_people x where x.user_id = $1 order by x.began_at desc, x.call_id "
                "limit "
                "$3 * " Z360_LOOKED_THROUGH ") p where " Z360_CAME_TO_THEM
                " order by p.began_at desc, p.call_id limit $3)))";
            return views(
                db, who,
                statement("call_newest", who, k_theirs, "true order by c.began_at desc, c.call_id limit $3"),
                limit
            );
        });
    }

  private:
    pool& db_;
};

} // namespace

std::unique_ptr<port::call_reader> make_call_reader(database& db) {
    return std::make_unique<rows>(db);
}

} // namespace z360::adapter::postgres
