// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Events that were given up, for people to look at and to offer again.
#include "adapter/postgres/calls/dead_letter_sql.hpp"
#include "adapter/postgres/ops/admin_connection.hpp"
#include "adapter/postgres/params.hpp"

namespace z360::adapter::postgres {

std::vector<dead_letter> admin::dead_letters(std::size_t limit, time_point since) {
    return with(db_->db, [&](pqxx::work& tx) {
        std::vector<dead_letter> out;
        for (const auto& r : tx.exec_params(
                 "select event_id, event_type, coalesce(call_session_id, ''), z360_ms(received_at), "
                 "attempts, error "
                 "from webhook_events where status = 'dead' and received_at >= z360_at($2) "
                 "order by seq desc limit $1",
                 limit, in_ms(since)
             ))
            out.push_back(
                {r[0].c_str(), r[1].c_str(), r[2].c_str(), time_at(r[3]), r[4].as<std::uint32_t>(),
                 r[5].c_str()}
            );
        return out;
    });
}

std::optional<stored_event> admin::event(const std::string& event_id) {
    return with(db_->db, [&](pqxx::work& tx) -> std::optional<stored_event> {
        const auto all = tx.exec_params(
            "select event_id, event_type, coalesce(call_session_id, ''), z360_ms(received_at), attempts, "
            "coalesce(error, ''), route, status, coalesce(call_control_id, ''), z360_ms(processed_at), body "
            "from webhook_events where event_id = $1",
            storable(event_id)
        );
        if (all.empty()) return std::nullopt;
        const auto r = all[0];
        stored_event out;
        out.line = {r[0].c_str(), r[1].c_str(), r[2].c_str(), time_at(r[3]), r[4].as<std::uint32_t>(),
                    r[5].c_str()};
        out.route = r[6].c_str();
        out.status = r[7].c_str();
        out.call_control_id = r[8].c_str();
        out.processed_at = time_or_null(r[9]);
        out.body = pqxx::binarystring(r[10]).str();
        return out;
    });
}

bool admin::revive(const std::string& event_id) {
    return with(db_->db, [&](pqxx::work& tx) {
        return tx.exec_params(
                     "update webhook_events " Z360_AS_NEW "where event_id = $1 and status = 'dead'",
                     storable(event_id)
               )
                   .affected_rows() == 1;
    });
}

std::size_t admin::revive_since(time_point since, std::size_t limit) {
    return with(db_->db, [&](pqxx::work& tx) {
        return static_cast<std::size_t>(
            tx.exec_params(
                  "with due as materialized (select event_id from webhook_events where status = 'dead' and "
                  "received_at >= z360_at($1) order by seq limit $2 for update) "
                  "update webhook_events w " Z360_AS_NEW "from due where w.event_id = due.event_id",
                  in_ms(since), limit
            )
                .affected_rows()
        );
    });
}

} // namespace z360::adapter::postgres
