// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calls as records. The view puts them together; row-level security decides which there are.
#include "adapter/postgres/calls/call_records.hpp"

#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/tenant_transaction.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <utility>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
using port::call_record;
using port::record_cursor;
using port::record_span;
using port::tenant_scope;
namespace {

#define Z360_RECORD                                                                                          \
    "select r.call_id, r.call_session_id, coalesce(r.org_id, 0), coalesce(o.name, ''), "                     \
    "coalesce(r.user_id, 0), coalesce(u.name, ''), coalesce(u.login, ''), r.phase, "                         \
    "coalesce(r.end_reason, ''), r.outcome, coalesce(r.caller_number, ''), coalesce(r.caller_name, ''), "    \
    "coalesce(r.dialed, ''), z360_ms(r.began_at), z360_ms(r.answered_at), z360_ms(r.bridged_at), "           \
    "z360_ms(r.ended_at), r.talk_ms::bigint, coalesce(r.answered_role, ''), "                                \
    "coalesce(r.answered_device, 0), coalesce(d.device_uid, ''), coalesce(d.name, ''), "                     \
    "coalesce(r.caller_cause, ''), coalesce(r.answerer_cause, ''), coalesce(r.carrier_mos::text, ''), "      \
    "coalesce(r.client_mos::text, ''), r.samples, r.no_media, coalesce(r.costs, '[]')::text, "               \
    "z360_ms(r.push_sent_at), z360_ms(r.push_received_at), z360_ms(r.push_shown_at)"
#define Z360_OF_RECORDS                                                                                      \
    " from call_records r left join organizations o on o.org_id = r.org_id "                                 \
    "left join users u on u.user_id = r.user_id left join devices d on d.device_id = r.answered_device "

// Legs, joins and pushes as people read them. The caller's leg has no row: what was measured and charged of
// it has.
constexpr const char* k_details = R"sql(,
       coalesce((select jsonb_agg(jsonb_build_object('leg_id', x.leg_id, 'role', x.role, 'device_id', x.device_uid,
               'device_name', x.device_name, 'dial', x.dial, 'answered', x.answered, 'bridged', x.bridged,
               'ended', x.ended, 'release_reason', x.release_reason, 'hangup_cause', x.hangup_cause,
               'mos', x.mos, 'jitter_ms', x.jitter_ms, 'packets_in', x.packets_in, 'packets_out', x.packets_out,
               'skipped_in', x.skipped_in, 'skipped_out', x.skipped_out, 'silent', x.silent,
               'cost', x.total::text, 'currency', x.currency, 'cost_failed', x.failed, 'cost_parts', x.parts,
               'billed_seconds', x.billed_secs) order by x.place, x.leg_id)
           from (select 0 as place, leg_media.leg_id, 'caller' as role, null as device_uid, null as device_name,
                        null as dial, null::boolean as answered, null::boolean as bridged, null::boolean as ended,
                        null as release_reason, r.caller_cause as hangup_cause, mos, jitter_ms, packets_in, packets_out,
                        skipped_in, skipped_out, silent, g.total, g.currency, g.failed, g.parts, g.billed_secs
                   from leg_media full join (select * from leg_charges where call_id = $1) g using (call_id, carrier_leg)
                  where call_id = $1 and not exists (select from call_legs l where l.leg_id = coalesce(leg_media.leg_id, g.leg_id))
                 union all
                 select 1, l.leg_id, l.role, e.device_uid, e.name, l.dial, l.answered, l.bridged, l.ended,
                        l.release_reason, l.hangup_cause, m.mos, m.jitter_ms, m.packets_in, m.packets_out, m.skipped_in,
                        m.skipped_out, m.silent, g.total, g.currency, g.failed, g.parts, g.billed_secs
                   from call_legs l left join devices e on e.device_id = l.device_id
                   left join lateral (select * from leg_media y where y.call_id = l.call_id and y.leg_id = l.leg_id
                                       order by y.carrier_leg = l.call_control_id desc nulls last limit 1) m on true
                   left join lateral (select * from leg_charges y where y.call_id = l.call_id and y.leg_id = l.leg_id
                                       order by y.carrier_leg = l.call_control_id desc nulls last limit 1) g on true
                  where l.call_id = $1) x), '[]')::text,
       coalesce((select jsonb_agg(jsonb_build_object('leg_id', j.leg_id, 'epoch', j.epoch, 'joined_at', z360_ms(j.joined_at),
               'over', j.over, 'over_at', z360_ms(j.over_at)) order by j.epoch, j.leg_id)
           from call_joins j where j.call_id = $1), '[]')::text,
       coalesce((select jsonb_agg(jsonb_build_object('device_id', e.device_uid, 'ring', p.ring, 'provider', p.provider,
               'sent_at', z360_ms(p.sent_at), 'accepted_at', z360_ms(p.accepted_at), 'refusal', p.refusal,
               'received_at', z360_ms(p.received_at), 'shown_at', z360_ms(p.shown_at), 'answered', p.answered)
               order by p.ring, p.device_id)
           from push_rings p left join devices e on e.device_id = p.device_id where p.call_id = $1), '[]')::text)sql";

constexpr const char* k_which = "select call_id from calls where call_session_id = $1 or call_id = $2::uuid "
                                "order by call_id = $2::uuid desc nulls last limit 1";

} // namespace

const char* const k_record_page = Z360_RECORD Z360_OF_RECORDS
    "where r.org_id = $1 and r.began_at >= z360_at($2) and r.began_at < z360_at($3) "
    "and (r.began_at, r.call_id) > (z360_at($4), $5::uuid) "
    "order by r.began_at, r.call_id limit $6";

call_record read_record(const pqxx::row& r) {
    call_record out;
    int c = 0;
    const auto next = [&r, &c] { return r[c++]; };
    const auto text = [&next] { return std::string(next().c_str()); };
    out.id = call_id{uuid_of(next())};
    out.session = text();
    out.org = {next().as<std::int64_t>()};
    out.org_name = text();
    out.user = {next().as<std::int64_t>()};
    for (auto* field :
         {&out.person, &out.login, &out.phase, &out.end_reason, &out.outcome, &out.caller_number,
          &out.caller_name, &out.dialed})
        *field = text();
    out.began = time_at(next());
    out.answered_at = time_or_null(next());
    out.bridged_at = time_or_null(next());
    out.ended_at = time_or_null(next());
    out.talk = millis{next().as<std::int64_t>()};
    const auto role = text();
    out.answered_by = role == "peer" ? "mobile" : role;
    out.device = {next().as<std::int64_t>()};
    for (auto* field :
         {&out.device_uid, &out.device_name, &out.caller_cause, &out.answerer_cause, &out.carrier_mos,
          &out.client_mos})
        *field = text();
    out.samples = next().as<std::size_t>();
    out.no_media = next().as<bool>();
    for (const auto& sum : nlohmann::json::parse(next().c_str())) {
        const auto& currency = sum.at("currency");
        out.costs.push_back(
            {currency.is_null() ? std::string{} : currency.get<std::string>(),
             sum.at("total").get<std::string>()}
        );
    }
    out.push_sent_at = time_or_null(next());
    out.push_received_at = time_or_null(next());
    out.push_shown_at = time_or_null(next());
    if (static_cast<int>(r.size()) <= c) return out;
    out.legs = text();
    out.joins = text();
    out.pushes = text();
    return out;
}

std::vector<call_record> read_record_page(
    pqxx::transaction_base& tx, const record_span& span, const record_cursor& after, std::size_t limit
) {
    std::vector<call_record> out;
    for (const auto& r : exec_in(
             tx, "record_page", k_record_page, span.org.value, in_ms(span.from), in_ms(span.until),
             in_ms(after.began), after.id.text(), limit
         ))
        out.push_back(read_record(r));
    return out;
}

namespace {

class rows final : public port::call_records {
  public:
    explicit rows(database& db) : db_(db.connections()) {}

    asio::awaitable<std::optional<call_record>> find(tenant_scope who, std::string id) override {
        return db_.run(
            "record_find",
            [who, id = storable(id)](pqxx::connection_base& db) -> std::optional<call_record> {
                static const std::string k_one =
                    std::string(Z360_RECORD) + k_details + Z360_OF_RECORDS "where r.call_id = $1";
                tenant_transaction tx(db, who);
                const auto ours = call_id::parse(id);
                const auto uuid = ours ? std::optional(ours->text()) : std::nullopt;
                const auto which = exec_in(*tx, "record_which", k_which, id, or_null(uuid));
                if (which.empty()) return std::nullopt;
                const auto found = exec_in(*tx, "record_find", k_one.c_str(), which[0][0].c_str());
                if (found.empty()) return std::nullopt;
                return read_record(found[0]);
            }
        );
    }
    asio::awaitable<std::vector<call_record>>
    page(tenant_scope who, record_span span, record_cursor after, std::size_t limit) override {
        return db_.run("record_page", [=](pqxx::connection_base& db) {
            tenant_transaction tx(db, who);
            return read_record_page(*tx, span, after, limit);
        });
    }

  private:
    pool& db_;
};

} // namespace

std::unique_ptr<port::call_records> make_call_records(database& db) {
    return std::make_unique<rows>(db);
}

} // namespace z360::adapter::postgres
