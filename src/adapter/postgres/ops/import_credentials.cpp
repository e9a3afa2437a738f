// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The last step: credentials that nobody has taken over are recorded to be deleted.
#include "adapter/postgres/ops/importing.hpp"
#include "adapter/postgres/params.hpp"

namespace z360::adapter::postgres {
namespace {

constexpr const char* k_next_superfluous = R"sql(
select s.line, s.device_id, r.credential_id, coalesce(r.sip_username, ''), r.connection_id,
       exists (select from import_left_out l where l.name in (r.credential_id, r.sip_username))
  from import_superfluous s join import_rows r using (line) where s.line > $1 order by s.line limit $2)sql";
// A device logs in with the username: whatever id a line gives for it, the credential behind it stays.
constexpr const char* k_username_in_use = R"sql(
select coalesce(telnyx_credential_id, '') from sip_identities
 where sip_username = $1 and state in ('pending', 'active', 'rotating'))sql";
// $1 device or 0, $2 organisation or 0, $3 id, $4 username, $5 connection, $6 now, $7 not before
constexpr const char* k_retired = R"sql(
insert into sip_identities (kind, device_id, org_id, version, telnyx_credential_id, sip_username, connection_id, state,
                            created_at, retired_at, retire_reason, retry_at)
select case when $1::bigint = 0 then 'organization' else 'device' end, nullif($1::bigint, 0), nullif($2::bigint, 0), 1, $3,
       case when exists (select from sip_identities where sip_username = $4) then null else nullif($4, '') end, $5,
       'retiring', z360_at($6), z360_at($6), 'imported', z360_at($7)
on conflict (telnyx_credential_id) do nothing returning identity_id)sql";

constexpr const char* k_next_credentials = R"sql(
select line, coalesce(org_id, 0), coalesce(credential_id, ''), coalesce(sip_username, ''), connection_id,
       exists (select from import_left_out l where l.name in (credential_id, sip_username))
  from import_rows where source = 'user_telnyx_telephony_credentials' and line > $1 order by line limit $2)sql";

} // namespace

std::string importing::retire(
    pqxx::work& tx, std::int64_t device, std::int64_t org, const std::string& id, const std::string& username,
    const std::string& connection, std::size_t nth
) {
    if (!username.empty()) {
        const auto user = exec_in(tx, "import_username_in_use", k_username_in_use, username);
        const std::string other = user.empty() ? id : user[0][0].c_str();
        if (other != id)
            return "a device uses its SIP username " + username +
                   (other.empty() ? "" : ", there of credential " + other);
    }
    const auto not_before = options_.now + options_.deletion_pause * static_cast<std::int64_t>(nth);
    const auto recorded = exec_in(
        tx, "import_retired", k_retired, device, org, id, username, connection, in_ms(options_.now),
        in_ms(not_before)
    );
    if (!recorded.empty()) return {};
    return std::string(device == 0 ? "a" : "another") + " device has it, or it ends already";
}

void importing::retire_superfluous() {
    for (std::int64_t after = 0;;) {
        std::size_t read = 0;
        auto last = after; // the transaction may begin again
        counted([&](pqxx::work& tx, import_report& r) {
            std::vector<std::int64_t> done;
            const auto rows = exec_in(tx, "import_next_superfluous", k_next_superfluous, after, k_batch);
            read = rows.size();
            for (const auto& x : rows) {
                const auto line = x[0].as<std::int64_t>();
                const std::string id = x[2].c_str();
                if (x[5].as<bool>()) { // is looked at again once that line is mended and imported
                    note(line, "credential " + id + " stays as it is: a line that was left out names it too");
                    continue;
                }
                done.push_back(line);
                const auto device = x[1].as<std::int64_t>();
                const auto use = retire(tx, device, 0, id, x[3].c_str(), x[4].c_str(), r.retired);
                r.retired += use.empty() ? 1 : 0;
                note(
                    line, use.empty() ? "credential " + id + " is deleted at Telnyx: no device has it now"
                                      : "credential " + id + " stays: " + use
                );
            }
            mark(tx, done);
            if (!rows.empty()) last = rows.back()[0].as<std::int64_t>();
        });
        if (read == 0) return;
        after = last;
    }
}

void importing::take_organization_credentials() {
    for (std::int64_t after = 0;;) {
        std::size_t read = 0;
        auto last = after; // the transaction may begin again
        counted([&](pqxx::work& tx, import_report& r) {
            std::vector<std::int64_t> done;
            const auto rows = exec_in(tx, "import_next_credentials", k_next_credentials, after, k_batch);
            read = rows.size();
            for (const auto& x : rows) {
                const auto line = x[0].as<std::int64_t>();
                const std::string id = x[2].c_str(); // empty: Telnyx never made one
                if (!id.empty() && x[5].as<bool>()) {
                    note(line, "credential " + id + " stays as it is: a line that was left out names it too");
                    continue;
                }
                done.push_back(line);
                if (id.empty()) continue;
                const auto org = x[1].as<std::int64_t>();
                const auto nth = r.retired + r.organization_credentials;
                const auto use = retire(tx, 0, org, id, x[3].c_str(), x[4].c_str(), nth);
                r.organization_credentials += use.empty() ? 1 : 0;
                note(
                    line, use.empty()
                              ? "credential " + id + " is deleted at Telnyx: devices have their own now"
                              : "credential " + id + " stays: " + use
                );
            }
            mark(tx, done);
            if (!rows.empty()) last = rows.back()[0].as<std::int64_t>();
        });
        if (read == 0) return;
        after = last;
    }
}

} // namespace z360::adapter::postgres
