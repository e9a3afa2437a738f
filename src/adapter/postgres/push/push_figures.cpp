// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Figures of pushes: what was taken, what arrived, and which phones are silent.
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/tenant_transaction.hpp"

#include <z360/port/push_store.hpp>

#include <memory>
#include <optional>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
namespace {

// In all of them $1 is since when, in ms.
constexpr const char* k_groups = R"sql(
select d.platform, d.app_version, p.provider, count(*), count(p.accepted_at), count(p.received_at), count(p.shown_at),
       count(*) filter (where p.answered),
       percentile_disc(0.5) within group (order by z360_ms(p.received_at) - z360_ms(p.sent_at)),
       percentile_disc(0.95) within group (order by z360_ms(p.received_at) - z360_ms(p.sent_at))
  from push_rings p join devices d on d.device_id = p.device_id
 where p.sent_at >= z360_at($1)
 group by 1, 2, 3 order by 4 desc, 1, 2, 3 limit 200)sql";

constexpr const char* k_refusals = R"sql(
select provider, outcome, reason, count(*) from push_attempts
 where queued_at >= z360_at($1) and outcome <> 'accepted'
 group by 1, 2, 3 order by 4 desc, 1, 2, 3 limit 50)sql";

// Once may be chance. An app that never says a word says nothing about its phones.
constexpr const char* k_dark = R"sql(
with recent as (
    select p.*, d.device_uid, d.name, d.platform, d.app_version, d.user_id
      from push_rings p join devices d on d.device_id = p.device_id
     where p.sent_at >= z360_at($1) and p.accepted_at is not null),
talking as (select distinct platform, app_version from recent where received_at is not null)
select r.device_id, r.device_uid, r.name, r.platform, r.app_version, r.user_id, count(*), z360_ms(max(r.accepted_at))
  from recent r join talking t on t.platform = r.platform and t.app_version = r.app_version
 group by 1, 2, 3, 4, 5, 6
having count(*) >= 3 and count(r.received_at) = 0 and not bool_or(r.answered)
 order by max(r.accepted_at) desc, 1 limit 100)sql";

std::optional<millis> span(const pqxx::field& f) {
    if (f.is_null()) return std::nullopt;
    return millis{f.as<std::int64_t>()};
}

port::push_group group_of(const pqxx::row& r) {
    port::push_group g;
    g.platform = r[0].c_str();
    g.app_version = r[1].c_str();
    g.provider = r[2].c_str();
    g.rings = r[3].as<std::uint64_t>();
    g.accepted = r[4].as<std::uint64_t>();
    g.received = r[5].as<std::uint64_t>();
    g.shown = r[6].as<std::uint64_t>();
    g.answered = r[7].as<std::uint64_t>();
    g.arrival_p50 = span(r[8]);
    g.arrival_p95 = span(r[9]);
    return g;
}

port::dark_device dark_of(const pqxx::row& r) {
    port::dark_device d;
    d.id = device_id{r[0].as<std::int64_t>()};
    d.uid = r[1].c_str();
    d.name = r[2].c_str();
    d.platform = r[3].c_str();
    d.app_version = r[4].c_str();
    d.user = user_id{r[5].as<std::int64_t>()};
    d.accepted = r[6].as<std::uint64_t>();
    d.last = time_at(r[7]);
    return d;
}

class figures final : public port::push_figures {
  public:
    explicit figures(database& db) : db_(db.connections()) {}

    asio::awaitable<port::push_report> since(port::tenant_scope who, time_point from) override {
        return db_.run("push_figures", [who, from = in_ms(from)](pqxx::connection_base& db) {
            tenant_transaction tx(db, who);
            port::push_report out;
            for (const auto& r : exec_in(*tx, "push_groups", k_groups, from))
                out.groups.push_back(group_of(r));
            for (const auto& r : exec_in(*tx, "push_refusals", k_refusals, from))
                out.refusals.push_back({r[0].c_str(), r[1].c_str(), r[2].c_str(), r[3].as<std::uint64_t>()});
            for (const auto& r : exec_in(*tx, "push_dark", k_dark, from))
                out.dark.push_back(dark_of(r));
            return out;
        });
    }

  private:
    pool& db_;
};

} // namespace

std::unique_ptr<port::push_figures> make_push_figures(database& db) {
    return std::make_unique<figures>(db);
}

} // namespace z360::adapter::postgres
