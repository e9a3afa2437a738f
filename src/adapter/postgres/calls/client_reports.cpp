// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What apps report of calls. One statement for a batch; row-level security says which calls there are.
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/tenant_transaction.hpp"

#include <z360/port/client_reports.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <utility>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
using nlohmann::json;
using port::client_event;
using port::client_sample;
using port::reporter;
using port::reports_taken;
namespace {

// $1: the batch, $2 device, $3 what the report says of the SDK's version, $4 when it came, $5 how many are
// kept. Each call that is named is found once: by our id before the carrier's session.
#define Z360_NAMED                                                                                           \
    "named as materialized (select k.call, c.call_id, c.org_id, c.user_id from "                             \
    "(select distinct call, ours from told) k cross join lateral (select * from calls x "                    \
    "where (x.call_session_id = k.call or x.call_id = k.ours) and x.org_id is not null "                     \
    "order by x.call_id = k.ours desc nulls last limit 1) c), "                                              \
    "by as materialized (select device_id, user_id, app_version, sdk_version from devices where device_id "  \
    "= $2) "
#define Z360_UNKNOWN                                                                                         \
    " select (select count(*) from put), coalesce((select json_agg(u.call) from "                            \
    "(select call from told except select call from named) u), '[]')::text"

constexpr const char* k_events =
    "with told as materialized (select * from jsonb_to_recordset($1::jsonb) as x(call text, ours uuid, key "
    "text, "
    "client bigint, at bigint, name text, detail jsonb)), " Z360_NAMED R"sql(, put as (
    insert into client_events (call_id, device_id, event_key, at, client_at, org_id, user_id, received_at, name, detail,
                               app_version, sdk_version, said_version)
    select n.call_id, b.device_id, t.key, z360_at(t.at), z360_at(t.client), n.org_id, b.user_id, z360_at($4), t.name,
           t.detail, b.app_version, b.sdk_version, nullif(nullif($3, ''), b.sdk_version)
      from told t join named n using (call) cross join by b
     where (select count(*) from (select from client_events k where k.call_id = n.call_id and k.device_id = b.device_id
                                   limit $5) x) < $5
    on conflict do nothing returning 1))sql" Z360_UNKNOWN;

constexpr const char* k_samples =
    "with told as materialized (select * from jsonb_to_recordset($1::jsonb) as x(call text, ours uuid, "
    "client bigint, at bigint, mos numeric, jitter numeric, rtt numeric, loss numeric, network text, "
    "candidate text, "
    "codec text)), " Z360_NAMED R"sql(, put as (
    insert into call_samples (call_id, device_id, client_at, at, org_id, user_id, received_at, mos, jitter_ms, rtt_ms,
                              loss_percent, network, candidate, codec, sdk_version, said_version)
    select n.call_id, b.device_id, z360_at(t.client), z360_at(t.at), n.org_id, b.user_id, z360_at($4), t.mos, t.jitter,
           t.rtt, t.loss, t.network, t.candidate, t.codec, b.sdk_version, nullif(nullif($3, ''), b.sdk_version)
      from told t join named n using (call) cross join by b
     where (select count(*) from (select from call_samples k where k.call_id = n.call_id and k.device_id = b.device_id
                                   limit $5) x) < $5
    on conflict do nothing returning 1))sql" Z360_UNKNOWN;

constexpr const char* k_relay = "update devices set relay_until = z360_at($2) where device_id = $1 "
                                "and coalesce(relay_until, '-infinity') < z360_at($2)";

json named(const std::string& call) {
    const auto ours = call_id::parse(call);
    return {{"call", storable(call)}, {"ours", ours ? json(ours->text()) : json()}};
}

json row_of(const client_event& e) {
    auto row = named(e.call);
    row["key"] = storable(e.key);
    row["client"] = in_ms(e.client_at);
    row["at"] = in_ms(e.at);
    row["name"] = storable(e.name);
    row["detail"] = json::parse(storable(e.detail));
    return row;
}

json row_of(const std::string& call, const client_sample& s) {
    const auto or_nothing = [](const std::optional<double>& v) { return v ? json(*v) : json(); };
    auto row = named(call);
    row["client"] = in_ms(s.client_at);
    row["at"] = in_ms(s.at);
    row["mos"] = or_nothing(s.mos);
    row["jitter"] = or_nothing(s.jitter_ms);
    row["rtt"] = or_nothing(s.rtt_ms);
    row["loss"] = or_nothing(s.loss_percent);
    row["network"] = storable(s.network);
    row["candidate"] = storable(s.candidate);
    row["codec"] = storable(s.codec);
    return row;
}

std::string text_of(const json& rows) {
    return rows.dump(-1, ' ', false, json::error_handler_t::replace);
}

reports_taken read(const pqxx::result& r) {
    reports_taken out;
    out.stored = r[0][0].as<std::size_t>();
    out.unknown_calls = json::parse(r[0][1].c_str()).get<std::vector<std::string>>();
    return out;
}

reports_taken
put(pqxx::work& tx, const char* name, const char* sql, const reporter& by, const std::string& rows,
    std::size_t most) {
    return read(
        exec_in(tx, name, sql, rows, by.device.value, storable(by.said_version), in_ms(by.received_at), most)
    );
}

class rows final : public port::client_reports {
  public:
    explicit rows(database& db) : db_(db.connections()) {}

    asio::awaitable<reports_taken>
    add_samples(reporter by, std::string call, std::vector<client_sample> all) override {
        auto batch = json::array();
        for (const auto& s : all)
            batch.push_back(row_of(call, s));
        return db_.run(
            "client_samples",
            [by = std::move(by), batch = text_of(batch)](pqxx::connection_base& db) {
                return in_scope(db, by.who, [&](pqxx::work& tx) {
                    return put(tx, "client_samples", k_samples, by, batch, port::k_most_samples);
                });
            }
        );
    }
    asio::awaitable<reports_taken> add_events(reporter by, std::vector<client_event> all) override {
        auto batch = json::array();
        for (const auto& e : all)
            batch.push_back(row_of(e));
        return db_.run(
            "client_events",
            [by = std::move(by), batch = text_of(batch)](pqxx::connection_base& db) {
                return in_scope(db, by.who, [&](pqxx::work& tx) {
                    return put(tx, "client_events", k_events, by, batch, port::k_most_client_events);
                });
            }
        );
    }
    asio::awaitable<reports_taken>
    media_failed(reporter by, client_event what, time_point relay_until) override {
        const json batch = json::array({row_of(what)});
        return db_.run(
            "client_media",
            [by = std::move(by), batch = text_of(batch), relay_until](pqxx::connection_base& db) {
                return in_scope(db, by.who, [&](pqxx::work& tx) {
                    auto out = put(tx, "client_events", k_events, by, batch, port::k_most_client_events);
                    if (out.unknown_calls.empty())
                        exec_in(tx, "client_relay", k_relay, by.device.value, in_ms(relay_until));
                    return out;
                });
            }
        );
    }

  private:
    pool& db_;
};

} // namespace

std::unique_ptr<port::client_reports> make_client_reports(database& db) {
    return std::make_unique<rows>(db);
}

} // namespace z360::adapter::postgres
