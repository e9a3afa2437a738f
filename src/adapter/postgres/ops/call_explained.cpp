// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Everything on record of one call: its timeline, and of each of the person's devices the facts by which
// call:: judges why it did not ring.
#include "adapter/postgres/calls/call_view_row.hpp"
#include "adapter/postgres/ops/admin_connection.hpp"
#include "adapter/postgres/ops/explained.hpp"
#include "adapter/postgres/params.hpp"

namespace z360::adapter::postgres {
namespace {

constexpr const char* k_call = R"sql(
select c.call_id, c.call_session_id, c.phase, coalesce(c.end_reason, ''), c.version, coalesce(u.name, ''),
       coalesce(u.login, ''), coalesce(n.alias, '')
  from calls c left join users u on u.user_id = c.user_id
  left join phone_numbers n on n.org_id = c.org_id and n.phone_number_id = c.phone_number_id
 where c.call_session_id = $1 or c.call_id::text = lower($1) order by c.call_id::text = lower($1) desc limit 1)sql";

void read_call(pqxx::work& tx, const pqxx::row& r, explained_call& out) {
    out.id = call_id::parse(r[0].c_str()).value_or(call_id{});
    out.call_session_id = r[1].c_str();
    out.phase = r[2].c_str();
    out.end_reason = r[3].c_str();
    out.version = r[4].as<std::uint64_t>();
    out.person = r[5].c_str();
    out.login = r[6].c_str();
    out.number_alias = r[7].c_str();
    const auto row = tx.exec_params(std::string(k_call_view) + "c.call_id = $1::uuid", out.id.text());
    if (!row.empty()) out.call = read_call_view(row[0]);
}

} // namespace

std::optional<explained_call> admin::explain(const std::string& call_or_session, millis device_life) {
    return with(db_->db, [&](pqxx::work& tx) -> std::optional<explained_call> {
        const auto given = storable(call_or_session);
        explained_call out;
        out.call_session_id = given; // webhooks may wait or lie dead without a call
        const auto r = tx.exec_params(k_call, given);
        if (!r.empty()) read_call(tx, r[0], out);
        read_lines(tx, out);
        if (r.empty() && out.lines.empty()) return std::nullopt;
        if (!out.call) return out;
        const auto& s = out.call->state;
        auto pushes = read_pushes(tx, s.id);
        mark_lines(out.lines, s, pushes);
        add_providers(pushes, out.lines);
        add_attempts(tx, s.id, pushes);
        add_devices(tx, out, s, pushes, device_life);
        add_receipts(tx, s.id, out.devices);
        return out;
    });
}

} // namespace z360::adapter::postgres
