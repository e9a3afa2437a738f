// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Pushes that belong to no call, for whoever sends them.
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/push/push_content.hpp"

#include <z360/port/push_queue.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
namespace {

// What was claimed or put off before the database's clock was set back waits for a time that may be hours
// away: it is due again within one claim from now on, by which time whoever holds it has renewed that. $1:
// that long (ms).
constexpr const char* k_after_a_step = R"sql(
update push_messages m set due_at = clock_timestamp() + $1::bigint * interval '1 ms', stamped_at = clock_timestamp()
 where m.ctid = any(array(
    select x.ctid from push_messages x
     where x.settled_at is null and x.stamped_at > clock_timestamp() + interval '1 s'
     limit 1000 for update of x skip locked)))sql";

// $1 lane, $2 how many, $3 for how long (ms). Organisations take turns, however many wait of one (BE-28). One
// column orders those of each and ends a claim. `in_doubt` is told as
// it was: from now on whatever this claim sends is.
constexpr const char* k_claim = R"sql(
with recursive waiting as ( -- each organisation that has some
    (select org_id from push_messages where settled_at is null and lane = $1 order by org_id limit 1)
    union all
    select (select m.org_id from push_messages m
             where m.settled_at is null and m.lane = $1 and m.org_id > w.org_id order by m.org_id limit 1)
      from waiting w where w.org_id is not null
), due as materialized (
    select d.message_id, d.in_doubt
      from waiting w cross join lateral (
           select x.message_id, x.in_doubt, x.due_at, row_number() over (order by x.due_at) as turn
             from (select message_id, in_doubt, due_at from push_messages
                    where settled_at is null and lane = $1 and org_id = w.org_id and due_at <= clock_timestamp()
                    order by due_at limit $2 for update skip locked) x) d
     order by d.turn, d.due_at limit $2
), claimed as (
    update push_messages m
       set due_at = clock_timestamp() + $3::bigint * interval '1 ms', stamped_at = clock_timestamp(), claim = m.claim + 1, in_doubt = true
      from due where m.message_id = due.message_id
    returning m.message_id, m.org_id, m.device_id, m.kind, m.content::text as content, m.created_at, m.until, m.claim,
              due.in_doubt)
select message_id, org_id, device_id, kind, content, z360_ms(created_at), z360_ms(until), claim, in_doubt
  from claimed order by created_at, message_id)sql";

// Both lock their rows in one order: they name the same ones at the same time.
// $1: array of {id, claim}, $2: for how long (ms).
constexpr const char* k_keep = R"sql(
with held as materialized (
    select m.message_id
      from push_messages m join jsonb_to_recordset($1::jsonb) as x(id uuid, claim int)
           on m.message_id = x.id and m.claim = x.claim
     where m.settled_at is null
     order by m.message_id for update of m)
update push_messages m set due_at = clock_timestamp() + $2::bigint * interval '1 ms', stamped_at = clock_timestamp()
  from held where m.message_id = held.message_id
returning m.message_id, m.claim)sql";

// $1: array of {id, claim, again, doubt, outcome, code}.
constexpr const char* k_settle = R"sql(
with held as materialized (
    select m.message_id, x.again, x.doubt, x.outcome, x.code
      from push_messages m
      join jsonb_to_recordset($1::jsonb)
           as x(id uuid, claim int, again bigint, doubt boolean, outcome text, code text)
           on m.message_id = x.id and m.claim = x.claim
     where m.settled_at is null
     order by m.message_id for update of m)
update push_messages m
   set due_at = case when x.again is null then m.due_at else clock_timestamp() + x.again * interval '1 ms' end,
       stamped_at = clock_timestamp(), in_doubt = x.doubt,
       settled_at = case when x.again is null then clock_timestamp() end,
       outcome = case when x.again is null then x.outcome else '' end,
       code = x.code,
       content = case when x.again is null then null else m.content end
  from held x where m.message_id = x.message_id)sql";

// $1 silent for so long (ms): worth a warning, $2: suspended, $3 how many. One of the organisations that the
// device serves stands for it. The day of its last life names the silence.
constexpr const char* k_warn = R"sql(
insert into push_messages (org_id, device_id, kind, lane, key, until)
select o.org_id, d.device_id, 'session_warning', 'sync', k.key, d.last_seen_at + $2::bigint * interval '1 ms'
  from devices d
  cross join lateral (
      select 'session_warning ' || to_char(d.last_seen_at at time zone 'UTC', 'YYYY-MM-DD') as key) k
  join lateral (select z360_push_org(d.device_id) as org_id) o on o.org_id is not null
 where d.status = 'active' and d.push_token is not null and d.push_invalid_at is null
   and d.last_seen_at <= clock_timestamp() - $1::bigint * interval '1 ms'
   and d.last_seen_at > clock_timestamp() - $2::bigint * interval '1 ms'
   and not exists (select from push_messages m where m.device_id = d.device_id and m.key = k.key)
 order by d.last_seen_at limit $3
on conflict do nothing)sql";

// $1: message. A claim of nobody any more is not asked about; what has become of it is said when it is
// settled.
constexpr const char* k_silent = R"sql(
select exists (select from push_messages m join devices d on d.device_id = m.device_id
                where m.message_id = $1::uuid and d.last_seen_at <= m.created_at))sql";

constexpr const char* k_backlog = R"sql(
select lane, count(*), z360_ms(min(created_at)), z360_ms(clock_timestamp()) from push_messages
 where settled_at is null group by lane)sql";

push::kind kind_of(const char* word) {
    return push::kind_named(word).value_or(push::kind::business);
}

port::queued_push read(const pqxx::row& r) {
    port::queued_push out;
    out.id = uuid_of(r[0]);
    out.org = {r[1].as<std::int64_t>()};
    out.device = {r[2].as<std::int64_t>()};
    out.what = kind_of(r[3].c_str());
    if (!r[4].is_null()) out.shown = text_of(r[4].c_str());
    out.at = time_at(r[5]);
    out.until = time_at(r[6]);
    out.claim = r[7].as<std::uint32_t>();
    out.in_doubt = r[8].as<bool>();
    return out;
}

std::string document(const std::vector<port::push_claim>& all) {
    auto rows = nlohmann::json::array();
    for (const auto& c : all)
        rows.push_back({{"id", c.id.text()}, {"claim", c.claim}});
    return rows.dump();
}

std::string document(const std::vector<port::push_settled>& all) {
    auto rows = nlohmann::json::array();
    for (const auto& s : all) {
        nlohmann::json row{
            {"id", s.of.id.text()},
            {"claim", s.of.claim},
            {"doubt", s.in_doubt},
            {"outcome", s.outcome},
            {"code", storable(s.code)}
        };
        if (s.again_after) row["again"] = s.again_after->count();
        rows.push_back(std::move(row));
    }
    return rows.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

class queue final : public port::push_queue {
  public:
    explicit queue(database& db) : db_(db.connections()) {}

    asio::awaitable<std::vector<port::queued_push>>
    claim(push::lane of, std::size_t most, millis length) override {
        auto ask = [lane = std::string(push::name(of)), most, length](pqxx::connection_base& db) {
            std::vector<port::queued_push> out;
            exec_once(db, "push_after_a_step", k_after_a_step, length.count());
            for (const auto& r : exec_once(db, "push_claim", k_claim, lane, most, length.count()))
                out.push_back(read(r));
            return out;
        };
        co_return co_await db_.run("push_claim", std::move(ask));
    }

    asio::awaitable<std::vector<port::push_claim>>
    keep(std::vector<port::push_claim> held, millis length) override {
        auto ask = [rows = document(held), length](pqxx::connection_base& db) {
            std::vector<port::push_claim> out;
            for (const auto& r : exec_once(db, "push_keep", k_keep, rows, length.count()))
                out.push_back({uuid_of(r[0]), r[1].as<std::uint32_t>()});
            return out;
        };
        co_return co_await db_.run("push_keep", std::move(ask));
    }

    asio::awaitable<void> settle(std::vector<port::push_settled> all) override {
        auto ask = [rows = document(all)](pqxx::connection_base& db) {
            exec_once(db, "push_settle", k_settle, rows);
        };
        co_await db_.run("push_settle", std::move(ask));
    }

    asio::awaitable<std::size_t> warn_silent(millis warn, millis silent, std::size_t most) override {
        auto ask = [warn, silent, most](pqxx::connection_base& db) -> std::size_t {
            return exec_once(db, "push_warn", k_warn, warn.count(), silent.count(), most).affected_rows();
        };
        co_return co_await db_.run("push_warn", std::move(ask));
    }

    asio::awaitable<bool> still_silent(uuid warning) override {
        auto ask = [id = warning.text()](pqxx::connection_base& db) {
            return exec_once(db, "push_silent", k_silent, id)[0][0].as<bool>();
        };
        co_return co_await db_.run("push_silent", std::move(ask));
    }

    asio::awaitable<std::vector<port::push_backlog>> backlog() override {
        auto ask = [](pqxx::connection_base& db) {
            std::vector<port::push_backlog> out{{push::lane::message, 0, {}}, {push::lane::sync, 0, {}}};
            for (const auto& r : exec_once(db, "push_backlog", k_backlog)) {
                auto& to = out.at(std::string_view(r[0].c_str()) == "sync" ? 1 : 0);
                to.waiting = r[1].as<std::uint64_t>();
                to.oldest = std::max(time_at(r[3]) - time_at(r[2]), millis{0});
            }
            return out;
        };
        co_return co_await db_.run("push_backlog", std::move(ask));
    }

  private:
    pool& db_;
};

} // namespace

std::unique_ptr<port::push_queue> make_push_queue(database& db) {
    return std::make_unique<queue>(db);
}

} // namespace z360::adapter::postgres
