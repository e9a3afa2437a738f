// SPDX-License-Identifier: LicenseRef-z360-proprietary
// References of agents, and summaries of conversations. Rows of references come with the commit that dials.
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/tenant_transaction.hpp"

#include <z360/port/agent_desk.hpp>

#include <string>
#include <utility>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
using port::conversation_summary;
using port::redemption;
using port::tenant_scope;
namespace {

// $1 hash, $2 now in ms. Two that come at once wait for the row: the second sees that it has served.
constexpr const char* k_take = R"sql(
update agent_references r set used_at = z360_at($2)
 where r.hash = decode($1, 'hex') and r.used_at is null and r.expires_at > z360_at($2)
   and exists (select from calls c where c.call_id = r.call_id and c.phase <> 'ended')
returning r.call_id)sql";

constexpr const char* k_briefing = R"sql(
select c.call_id, c.org_id, o.name, c.caller_number, coalesce(n.e164::text, ''), coalesce(k.name, ''),
       v.conversation_id, s.summary, z360_ms(s.made_at)
  from calls c
  join organizations o on o.org_id = c.org_id
  left join phone_numbers n on n.org_id = c.org_id and n.phone_number_id = c.phone_number_id
  left join contacts k on k.org_id = c.org_id and k.e164 = c.caller_number
  left join conversations v on v.org_id = c.org_id and v.phone_number_id = c.phone_number_id
                           and v.identifier = c.caller_number
  left join conversation_summaries s on s.conversation_id = v.conversation_id
 where c.call_id = $1)sql";

constexpr const char* k_put = R"sql(
insert into conversation_summaries (conversation_id, org_id, summary, made_at)
select c.conversation_id, c.org_id, $3, z360_at($4) from conversations c
 where c.conversation_id = $1 and c.org_id = $2
on conflict (conversation_id) do update set summary = excluded.summary, made_at = excluded.made_at)sql";

port::briefing read(const pqxx::row& r) {
    port::briefing out;
    out.call = call_id::parse(r[0].c_str()).value();
    out.org = {r[1].as<std::int64_t>()};
    out.organisation = r[2].c_str();
    out.caller = r[3].c_str();
    out.called = r[4].c_str();
    out.name = r[5].c_str();
    if (!r[6].is_null()) out.conversation = r[6].as<std::int64_t>();
    if (!r[7].is_null()) out.summary = conversation_summary{r[7].c_str(), time_at(r[8])};
    return out;
}

redemption take(pqxx::connection_base& db, const tenant_scope& who, const std::string& hash, time_point now) {
    tenant_transaction tx(db, who);
    redemption out;
    const auto taken = exec_in(*tx, "agent_reference_take", k_take, hash, in_ms(now));
    if (taken.empty()) {
        const auto there = exec_in(
            *tx, "agent_reference_there", "select from agent_references where hash = decode($1, 'hex')", hash
        );
        out.became = there.empty() ? redemption::how::unknown : redemption::how::gone;
        return out;
    }
    const auto r = exec_in(*tx, "agent_briefing", k_briefing, std::string(taken[0][0].c_str()));
    out.became = redemption::how::given;
    out.what = read(r[0]);
    tx.commit();
    return out;
}

class rows final : public port::agent_desk {
  public:
    explicit rows(database& db) : db_(db.connections()) {}

    asio::awaitable<redemption> redeem(tenant_scope who, std::string hash, time_point now) override {
        return db_.run("agent_redeem", [who, hash = std::move(hash), now](pqxx::connection_base& db) {
            return take(db, who, hash, now);
        });
    }
    asio::awaitable<bool>
    put_summary(tenant_scope who, org_id org, std::int64_t conversation, conversation_summary s) override {
        return db_.run("summary_put", [who, org, conversation, s = std::move(s)](pqxx::connection_base& db) {
            tenant_transaction tx(db, who);
            const auto put = exec_in(
                *tx, "summary_put", k_put, conversation, org.value, storable(s.text), in_ms(s.made_at)
            );
            tx.commit();
            return put.affected_rows() > 0;
        });
    }
    asio::awaitable<bool> remove_summary(tenant_scope who, org_id org, std::int64_t conversation) override {
        return db_.run("summary_remove", [who, org, conversation](pqxx::connection_base& db) {
            tenant_transaction tx(db, who);
            const auto gone = exec_in(
                *tx, "summary_remove",
                "delete from conversation_summaries where conversation_id = $1 and org_id = $2", conversation,
                org.value
            );
            tx.commit();
            return gone.affected_rows() > 0;
        });
    }

  private:
    pool& db_;
};

} // namespace

std::unique_ptr<port::agent_desk> make_agent_desk(database& db) {
    return std::make_unique<rows>(db);
}

} // namespace z360::adapter::postgres
