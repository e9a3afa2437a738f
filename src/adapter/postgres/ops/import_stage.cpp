// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The first step: lines of the file become rows of a temporary table, secrets encrypted.
#include "adapter/postgres/ops/importing.hpp"
#include "adapter/postgres/params.hpp"

#include <algorithm>
#include <istream>
#include <tuple>
#include <utility>

namespace z360::adapter::postgres {
namespace {

constexpr std::size_t k_longest_line = 65'536;

constexpr const char* k_left_out = "insert into import_left_out (name) values ($1) on conflict do nothing";

constexpr const char* k_stage = R"sql(
insert into import_rows values ($1, $2, $3, $4, nullif($5::bigint, 0), $6, $7, $8, $9, nullif($10::bytea, ''::bytea),
    nullif($11, ''), $12, nullif($13, ''), nullif($14, ''), $15, nullif($16::bytea, ''::bytea), nullif($17, ''),
    z360_at(nullif($18, '')::bigint), z360_at(nullif($19, '')::bigint), z360_at(nullif($20, '')::bigint),
    z360_at(nullif($21, '')::bigint))
on conflict (source, old_id) do nothing returning line)sql";

// Rows whose owner we do not know: they can be imported when the product has synchronised its tenants.
constexpr const char* k_unknown = R"sql(
with unknown as (
    delete from import_rows r
     where not exists (select from users u where u.user_id = r.user_id)
        or (r.org_id is not null and not exists (select from organizations o where o.org_id = r.org_id))
    returning line, user_id, credential_id, sip_username
), kept as (
    insert into import_left_out
    select distinct name from unknown, unnest(array[credential_id, sip_username]) as name where name is not null
    on conflict do nothing
)
select line, not exists (select from users u where u.user_id = x.user_id) from unknown x order by line)sql";
constexpr const char* k_known_before = R"sql(
delete from import_rows r using imported_rows i where i.source = r.source and i.old_id = r.old_id)sql";

} // namespace

// false: the end. A line that is too long is consumed and reported, not kept.
bool importing::next_line(std::istream& in, std::string& line) {
    line.clear();
    bool any = false, too_long = false;
    for (int c = in.get(); c != std::istream::traits_type::eof(); c = in.get()) {
        any = true;
        if (c == '\n') break;
        if (line.size() < k_longest_line)
            line.push_back(static_cast<char>(c));
        else
            too_long = true;
    }
    if (!any) return false;
    ++out_.lines;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (too_long) {
        found_.push_back({out_.lines, "", "is longer than " + std::to_string(k_longest_line) + " bytes"});
        ++out_.bad_lines;
        line.clear();
    }
    return true;
}

void importing::stage(std::istream& in) {
    std::string line;
    for (bool more = true; more;) {
        pqxx::work tx(db_); // of this session only: nobody else can be in the way
        for (std::size_t n = 0; n < k_batch && (more = next_line(in, line)); ++n) {
            if (line.find_first_not_of(" \t") == std::string::npos) continue;
            if (const auto row = read_old_row(line, out_.lines, found_))
                stage_row(tx, *row, out_.lines);
            else
                leave_out(tx, names_of_bad_line(line));
        }
        tx.commit();
        for (auto& p : found_)
            if (problems_.size() < k_most_problems) problems_.push_back(std::move(p));
        found_.clear();
        if (progress_) progress_(out_.lines);
    }
}

void importing::stage_row(pqxx::work& tx, const old_row& row, std::size_t line) {
    const auto number = static_cast<std::int64_t>(line);
    crypto::sealed push, password;
    if (!row.push.empty()) push = keys_.seal(row.push, push_place(number));
    if (!row.sip_password.empty()) password = keys_.seal(row.sip_password, password_place(number));
    const auto staged = exec_in(
        tx, "import_stage", k_stage, number, std::string(row.of_device ? k_device_table : k_credential_table),
        row.id, row.user, row.org, storable(row.device_uid), row.platform, storable(row.app_version),
        storable(row.name), pqxx::binarystring(push.bytes), push.key_id, row.voip,
        storable(row.credential_id), storable(row.sip_username), storable(row.connection_id),
        pqxx::binarystring(password.bytes), password.key_id, ms_or_empty(row.last_active),
        ms_or_empty(row.created), ms_or_empty(row.updated), ms_or_empty(row.expires)
    );
    if (!staged.empty()) return;
    found_.push_back({line, "id", "appears twice in this table"});
    leave_out(tx, {row.credential_id, row.sip_username});
}

void importing::leave_out(pqxx::work& tx, const std::vector<std::string>& names) {
    ++out_.bad_lines;
    for (const auto& n : names)
        if (!n.empty()) exec_in(tx, "import_left_out", k_left_out, storable(n));
}

void importing::drop_unknown() {
    pqxx::work tx(db_);
    for (const auto& r : tx.exec(k_unknown)) {
        ++out_.bad_lines;
        if (problems_.size() >= k_most_problems) continue;
        const bool user = r[1].as<bool>();
        problems_.push_back(
            {r[0].as<std::size_t>(), user ? "user_id" : "organization_id",
             user ? "there is no such user: synchronise the users first"
                  : "there is no such organisation: synchronise the organisations first"}
        );
    }
    std::sort(problems_.begin(), problems_.end(), [](const auto& a, const auto& b) {
        return std::tie(a.line, a.field) < std::tie(b.line, b.field);
    });
    out_.unchanged = static_cast<std::size_t>(tx.exec(k_known_before).affected_rows());
    tx.commit();
}

} // namespace z360::adapter::postgres
