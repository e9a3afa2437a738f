// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Dead letters for the API's operators. They are found by the index of all that are dead, in its order.
#include "adapter/postgres/calls/dead_letter_sql.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/postgres.hpp"

#include <z360/port/dead_letters.hpp>

#include <string>
#include <utility>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
using port::dead_event;
using port::dead_filter;
namespace {

#define Z360_DEAD_COLUMNS                                                                                    \
    "seq, event_id, event_type, coalesce(call_session_id, ''), coalesce(call_control_id, ''), route, "       \
    "z360_ms(received_at), attempts, coalesce(error, ''), status, z360_ms(processed_at)"
// $1 to $5: the filter.
#define Z360_DEAD                                                                                            \
    "status = 'dead' and ($1 = '' or event_type = $1) and ($2 = '' or call_session_id = $2) and "            \
    "($3 = '' or position($3 in error) > 0) and ($4 = '' or received_at >= z360_at(nullif($4, "              \
    "'')::bigint)) "                                                                                         \
    "and ($5 = '' or received_at < z360_at(nullif($5, '')::bigint)) "

constexpr const char* k_list = "select " Z360_DEAD_COLUMNS ", ''::bytea from webhook_events where " Z360_DEAD
                               "and ($6::bigint = 0 or seq < $6) order by seq desc limit $7";
constexpr const char* k_find = "select " Z360_DEAD_COLUMNS ", body from webhook_events where event_id = $1";
constexpr const char* k_revive = "update webhook_events " Z360_AS_NEW
                                 "where event_id = any($1::text[]) and status = 'dead' returning event_id";
constexpr const char* k_revive_some =
    "with due as materialized (select event_id from webhook_events where " Z360_DEAD
    "order by seq limit $6 for update skip locked) "
    "update webhook_events w " Z360_AS_NEW "from due where w.event_id = due.event_id returning w.event_id";

dead_event event_of(const pqxx::row& r) {
    dead_event out;
    out.position = r[0].as<std::int64_t>();
    out.event_id = r[1].c_str();
    out.event_type = r[2].c_str();
    out.call_session_id = r[3].c_str();
    out.call_control_id = r[4].c_str();
    out.route = r[5].c_str();
    out.received_at = time_at(r[6]);
    out.attempts = r[7].as<std::uint32_t>();
    out.error = r[8].c_str();
    out.status = r[9].c_str();
    out.processed_at = time_or_null(r[10]);
    out.body = pqxx::binarystring(r[11]).str();
    return out;
}

std::vector<std::string> ids_of(const pqxx::result& all) {
    std::vector<std::string> out;
    for (const auto& r : all)
        out.emplace_back(r[0].c_str());
    return out;
}

struct bound {
    explicit bound(const dead_filter& f)
        : type(storable(f.event_type)), session(storable(f.call_session_id)), error(storable(f.error)),
          since(ms_or_empty(f.since)), until(ms_or_empty(f.until)) {}
    std::string type, session, error, since, until;
};

class rows final : public port::dead_letters {
  public:
    explicit rows(database& db) : db_(db.connections()) {}

    asio::awaitable<std::vector<dead_event>>
    list(dead_filter which, std::int64_t before, std::size_t limit) override {
        auto ask = [b = bound(which), before, limit](pqxx::connection_base& db) {
            std::vector<dead_event> out;
            for (const auto& r : exec_once(
                     db, "dead_list", k_list, b.type, b.session, b.error, b.since, b.until, before, limit
                 ))
                out.push_back(event_of(r));
            return out;
        };
        co_return co_await db_.run("dead_list", std::move(ask));
    }
    asio::awaitable<std::optional<dead_event>> find(std::string event_id) override {
        auto ask = [id = storable(event_id)](pqxx::connection_base& db) -> std::optional<dead_event> {
            const auto r = exec_once(db, "dead_find", k_find, id);
            if (r.empty()) return std::nullopt;
            return event_of(r[0]);
        };
        co_return co_await db_.run("dead_find", std::move(ask));
    }
    asio::awaitable<std::vector<std::string>> revive(std::vector<std::string> event_ids) override {
        for (auto& id : event_ids)
            id = storable(id);
        auto ask = [all = text_array(event_ids)](pqxx::connection_base& db) {
            return ids_of(exec_once(db, "dead_revive", k_revive, all));
        };
        co_return co_await db_.run("dead_revive", std::move(ask));
    }
    asio::awaitable<std::vector<std::string>> revive(dead_filter which, std::size_t limit) override {
        auto ask = [b = bound(which), limit](pqxx::connection_base& db) {
            return ids_of(exec_once(
                db, "dead_revive_some", k_revive_some, b.type, b.session, b.error, b.since, b.until, limit
            ));
        };
        co_return co_await db_.run("dead_revive_some", std::move(ask));
    }

  private:
    pool& db_;
};

} // namespace

std::unique_ptr<port::dead_letters> make_dead_letters(database& db) {
    return std::make_unique<rows>(db);
}

} // namespace z360::adapter::postgres
