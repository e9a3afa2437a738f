// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Three steps: every good line goes into a temporary table, secrets already encrypted; then one device after
// the other is made from its rows, newest proof of life first, so that the order of the file does not matter.
// What nobody has taken over ends last.
#include "adapter/postgres/ops/import.hpp"

#include "adapter/postgres/faults.hpp"
#include "adapter/postgres/ops/importing.hpp"
#include "adapter/postgres/params.hpp"

#include <algorithm>
#include <istream>
#include <tuple>
#include <utility>

namespace z360::adapter::postgres {
namespace {

constexpr millis k_statement_limit{120'000};

constexpr const char* k_table = R"sql(
create temporary table import_rows (
    line bigint primary key, source text not null, old_id bigint not null, user_id bigint not null,
    org_id bigint, device_uid text not null, platform text not null, app_version text not null, name text not null,
    push bytea, push_key text, push_voip boolean not null, credential_id text, sip_username text, connection_id text not null,
    password bytea, password_key text, last_active timestamptz, created timestamptz, updated timestamptz,
    expires timestamptz, unique (source, old_id))sql"
                                ")";

// What ends when every device has been taken; who else may want it of what could not be read.
constexpr const char* k_more_tables = R"sql(
create temporary table import_superfluous (line bigint primary key, device_id bigint not null);
create temporary table import_left_out (name text primary key))sql"; // ids of credentials and their SIP
                                                                     // usernames
constexpr const char* k_mark = R"sql(
insert into imported_rows (source, old_id)
select source, old_id from import_rows where line = any($1::bigint[]) on conflict do nothing)sql";

} // namespace

void importing::note(std::int64_t line, std::string what) {
    noted_.push_back({static_cast<std::size_t>(line), std::move(what)});
}

void importing::keep_notes() {
    out_.drops += noted_.size();
    for (auto& n : noted_)
        if (notes_.size() < k_most_problems) notes_.push_back(std::move(n));
    noted_.clear();
}

void importing::mark(pqxx::work& tx, const std::vector<std::int64_t>& lines) {
    std::string keys = "{";
    for (const auto l : lines)
        keys += (keys.size() > 1 ? "," : "") + std::to_string(l);
    exec_in(tx, "import_mark", k_mark, keys + '}');
}

import_report importing::run(std::istream& in) {
    take_all(in);
    out_.problems = std::move(problems_);
    out_.dropped = std::move(notes_);
    std::sort(out_.dropped.begin(), out_.dropped.end(), [](const auto& a, const auto& b) {
        return std::tie(a.line, a.what) < std::tie(b.line, b.what);
    });
    return std::move(out_);
}

void importing::take_all(std::istream& in) {
    {
        pqxx::nontransaction tx(db_);
        tx.exec(k_table);
        tx.exec(k_more_tables);
    }
    stage(in);
    drop_unknown();
    if (options_.strict && out_.bad_lines > 0) {
        out_.applied = false;
        return;
    }
    take_devices();
    retire_superfluous();
    take_organization_credentials();
}

import_report import_old_rows(
    std::istream& in, const secret& url, const crypto::vault& keys, const import_options& options,
    const import_progress& progress
) {
    try {
        session db(url, k_statement_limit);
        return importing(db, keys, options, progress).run(in);
    } catch (const pqxx::failure& e) {
        raise_refused(e);
    }
}

} // namespace z360::adapter::postgres
