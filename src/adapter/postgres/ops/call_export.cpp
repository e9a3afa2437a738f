// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Records of calls in pages, for a command that writes out any number of them.
#include "adapter/postgres/calls/call_records.hpp"
#include "adapter/postgres/ops/admin_connection.hpp"

namespace z360::adapter::postgres {

std::vector<org_id> admin::organizations() {
    return with(db_->db, [](pqxx::work& tx) {
        std::vector<org_id> out;
        for (const auto& r : tx.exec("select org_id from organizations order by org_id"))
            out.push_back({r[0].as<std::int64_t>()});
        return out;
    });
}

std::vector<port::call_record>
admin::records(const port::record_span& span, const port::record_cursor& after, std::size_t limit) {
    return with(db_->db, [&](pqxx::work& tx) { return read_record_page(tx, span, after, limit); });
}

} // namespace z360::adapter::postgres
