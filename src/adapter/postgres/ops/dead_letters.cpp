// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Events that were given up, for people to look at and to offer again.
#include "adapter/postgres/ops/admin_connection.hpp"
#include "adapter/postgres/params.hpp"

namespace z360::adapter::postgres {

std::vector<dead_letter> admin::dead_letters(std::size_t limit) {
    return with(db_->db, [&](pqxx::work& tx) {
        std::vector<dead_letter> out;
        for (const auto& r : tx.exec_params(
                 "select event_id, event_type, coalesce(call_session_id, ''), z360_ms(received_at), "
                 "attempts, error "
                 "from webhook_events where status = 'dead' order by seq desc limit $1",
                 limit
             ))
            out.push_back(
                {r[0].c_str(), r[1].c_str(), r[2].c_str(), time_at(r[3]), r[4].as<std::uint32_t>(),
                 r[5].c_str()}
            );
        return out;
    });
}

bool admin::revive(const std::string& event_id) {
    return with(db_->db, [&](pqxx::work& tx) {
        return tx.exec_params(
                     "update webhook_events set status = 'new', processed_at = null, claimed_until = "
                     "clock_timestamp() where event_id = $1 and status = 'dead'",
                     event_id
               )
                   .affected_rows() == 1;
    });
}

} // namespace z360::adapter::postgres
