// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What is stored of a call and of its decisions, as of one moment.
#include "adapter/postgres/ops/admin_connection.hpp"
#include "adapter/postgres/params.hpp"
#include "wire/journal.hpp"
#include "wire/state_codec.hpp"

namespace z360::adapter::postgres {
namespace {

constexpr const char* k_call = R"sql(
select call_id, version, snapshot::text from calls
 where call_session_id = $1 or call_id::text = lower($1) order by call_id::text = lower($1) desc limit 1)sql";

void read_timeline(pqxx::work& tx, const std::string& call, call::history& out) {
    for (const auto& r : tx.exec_params(
             "select what || case detail when '' then '' else ' ' || detail end from call_events where "
             "call_id = $1 order by seq",
             call
         ))
        out.timeline.emplace_back(r[0].c_str());
}

} // namespace

std::optional<call::history> admin::history(const std::string& call_or_session) {
    return with(db_->db, [&](pqxx::work& tx) -> std::optional<call::history> {
        tx.exec("set transaction isolation level repeatable read, read only");
        const auto found = tx.exec_params(k_call, storable(call_or_session));
        if (found.empty()) return std::nullopt;
        const std::string id = found[0][0].c_str();
        call::history out;
        out.version = found[0][1].as<std::uint64_t>();
        auto last = wire::decode_state(found[0][2].c_str());
        if (!last)
            throw admin_error(
                "call " + id + " is stored by a newer program than this one: replay it with that one"
            );
        out.last = std::move(*last);
        for (const auto& r : tx.exec_params(
                 "select version, steps::text from call_steps where call_id = $1 order by version", id
             ))
            out.commits.push_back({r[0].as<std::uint64_t>(), wire::decode_steps(r[1].c_str())});
        for (const auto& r : tx.exec_params(
                 "select payload::text, status from commands where call_id = $1 order by created_at, "
                 "command_id",
                 id
             )) {
            auto what = wire::decode_effect(r[0].c_str());
            if (what)
                out.effects.push_back({std::move(*what), r[1].c_str()});
            else
                out.all_effects_read = false;
        }
        read_timeline(tx, id, out);
        return out;
    });
}

} // namespace z360::adapter::postgres
