// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Three steps: every good line goes into a temporary table, secrets already encrypted; then one device after
// the other is made from its rows, newest proof of life first, so that the order of the file does not matter.
// What nobody has taken over ends last.
#include "adapter/postgres/import.hpp"

#include "adapter/postgres/faults.hpp"
#include "adapter/postgres/identity_life.hpp"
#include "adapter/postgres/import_lines.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/push_tokens.hpp"
#include "adapter/postgres/session.hpp"
#include "adapter/postgres/transaction.hpp"

#include <algorithm>
#include <istream>
#include <tuple>

namespace z360::adapter::postgres {
namespace {

constexpr millis k_statement_limit{120'000};
constexpr std::size_t k_batch = 500;
constexpr std::size_t k_longest_line = 65'536;
constexpr std::size_t k_most_problems = 10'000;

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

// The devices, in an order that does not depend on the file's.
constexpr const char* k_groups = R"sql(
create temporary table import_devices as
select row_number() over (order by max(last_active) desc nulls last, max(updated) desc nulls last, max(old_id) desc) as n,
       user_id, device_uid
  from import_rows where source = 'user_device_tokens' group by user_id, device_uid)sql";
constexpr const char* k_index_rows = "create index on import_rows (user_id, device_uid)";
constexpr const char* k_index_groups = "create unique index on import_devices (n)";
constexpr const char* k_next_groups =
    "select n, user_id, device_uid from import_devices where n > $1 order by n limit $2";
constexpr const char* k_rows_of = R"sql(
select line, old_id, coalesce(org_id, 0), platform, app_version, name, push, push_key, push_voip,
       coalesce(credential_id, ''), coalesce(sip_username, ''), connection_id, password, password_key,
       z360_ms(coalesce(last_active, updated, created)), z360_ms(created), z360_ms(expires)
  from import_rows where source = 'user_device_tokens' and user_id = $1 and device_uid = $2
 order by last_active desc nulls last, updated desc nulls last, old_id desc)sql";
constexpr const char* k_mark = R"sql(
insert into imported_rows (source, old_id)
select source, old_id from import_rows where line = any($1::bigint[]) on conflict do nothing)sql";

constexpr const char* k_add_device = R"sql(
insert into devices (user_id, device_uid, name, platform, app_version, last_seen_at, registered_at, created_at)
values ($1, $2, $3, $4, $5, z360_at($6), z360_at($7), z360_at($7))
on conflict (user_id, device_uid) do nothing returning device_id)sql";
constexpr const char* k_device =
    "select device_id from devices where user_id = $1 and device_uid = $2 for update";
constexpr const char* k_register = R"sql(
insert into device_registrations (device_id, org_id) select $1, m.org_id from memberships m
 where m.user_id = $2 and m.org_id = $3 on conflict do nothing)sql";
constexpr const char* k_member = "select from memberships where user_id = $1 and org_id = $2";
constexpr const char* k_superfluous = "insert into import_superfluous (line, device_id) values ($1, $2)";
constexpr const char* k_next_superfluous = R"sql(
select s.line, s.device_id, r.credential_id, coalesce(r.sip_username, ''), r.connection_id,
       exists (select from import_left_out l where l.name in (r.credential_id, r.sip_username))
  from import_superfluous s join import_rows r using (line) where s.line > $1 order by s.line limit $2)sql";
constexpr const char* k_token_taken = R"sql(
select from devices where push_token_hash = any($1::bytea[]) or voip_token_hash = any($1::bytea[]) limit 1)sql";
// A device logs in with the username: whatever id a line gives for it, the credential behind it stays.
constexpr const char* k_username_in_use = R"sql(
select coalesce(telnyx_credential_id, '') from sip_identities
 where sip_username = $1 and state in ('pending', 'active', 'rotating'))sql";
constexpr const char* k_name_taken =
    "select from sip_identities where telnyx_credential_id = $1 or sip_username = $2 limit 1";

// The device has this credential and has used it: nothing has to be delivered or proved any more.
constexpr const char* k_adopt = R"sql(
with d as (update devices set credential_version = 1 where device_id = $1)
insert into sip_identities (device_id, telnyx_credential_id, sip_username, connection_id, state, expires_at, created_at,
                            activated_at, delivered_at, proved_at, disclosed_at)
values ($1, $2, $3, $4, 'active', z360_at($5), z360_at($6), z360_at($6), z360_at($6), z360_at($6), z360_at($6))
returning identity_id)sql";
constexpr const char* k_password =
    "update sip_identities set sip_password = $2::bytea, password_key_id = $3 where identity_id = $1";
constexpr const char* k_pend = R"sql(
with d as (update devices set credential_version = 1 where device_id = $1)
insert into sip_identities (device_id, created_at) values ($1, z360_at($2)))sql";
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

std::string push_place(std::int64_t line) {
    return crypto::place("import_rows.push", line);
}
std::string password_place(std::int64_t line) {
    return crypto::place("import_rows.password", line);
}

/// One row of a device, as staged.
struct staged {
    std::int64_t line = 0, org = 0;
    std::string platform, app_version, name;
    crypto::sealed push, password;
    bool voip = false;
    std::string credential_id, sip_username, connection_id;
    std::optional<time_point> seen, created, expires;

    [[nodiscard]] bool usable() const {
        return !credential_id.empty() && !sip_username.empty() && !password.bytes.empty();
    }
};

class importing {
  public:
    importing(
        session& db, const crypto::vault& keys, const import_options& o, const import_progress& progress
    )
        : db_(db), keys_(keys), options_(o), progress_(progress) {}

    import_report run(std::istream& in);

  private:
    void stage(std::istream& in);
    void take_all(std::istream& in);
    bool next_line(std::istream& in, std::string& line);
    void stage_row(pqxx::work& tx, const old_row& row, std::size_t line);
    void leave_out(pqxx::work& tx, const std::vector<std::string>& names);
    void drop_unknown();
    void take_devices();
    void take_device(pqxx::work& tx, std::int64_t user, const std::string& uid, import_report& r);
    std::vector<staged> rows_of(pqxx::work& tx, std::int64_t user, const std::string& uid);
    void
    register_at(pqxx::work& tx, device_id device, std::int64_t user, const staged& row, import_report& r);
    void take_push(pqxx::work& tx, device_id device, const std::vector<staged>& rows);
    const staged* survivor(pqxx::work& tx, const std::vector<staged>& rows);
    void take_identity(pqxx::work& tx, device_id device, const staged* best, import_report& r);
    void retire_superfluous();
    void take_organization_credentials();
    void note(std::int64_t line, std::string what);
    void keep_notes();
    template <class F>
    void counted(F step);
    /// What is in the way of deleting it, in words for a person; empty: it is recorded to be deleted.
    std::string retire(
        pqxx::work& tx, std::int64_t device, std::int64_t org, const std::string& id,
        const std::string& username, const std::string& connection, std::size_t nth
    );
    void mark(pqxx::work& tx, const std::vector<std::int64_t>& lines);

    session& db_;
    const crypto::vault& keys_;
    const import_options& options_;
    const import_progress& progress_;
    import_report out_; ///< counters only; copied for each transaction
    std::vector<import_problem> problems_;
    std::vector<import_problem> found_; ///< of one batch
    std::vector<import_note> noted_;    ///< of one transaction
    std::vector<import_note> notes_;
};

// ---- reading

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

// ---- devices

void importing::note(std::int64_t line, std::string what) {
    noted_.push_back({static_cast<std::size_t>(line), std::move(what)});
}

void importing::keep_notes() {
    out_.drops += noted_.size();
    for (auto& n : noted_)
        if (notes_.size() < k_most_problems) notes_.push_back(std::move(n));
    noted_.clear();
}

// Counted and noted only when committed: the transaction may have to begin again.
template <class F>
void importing::counted(F step) {
    out_ = in_transaction(db_, [&](pqxx::work& tx) {
        noted_.clear();
        auto r = out_;
        step(tx, r);
        return r;
    });
    keep_notes();
}

void importing::take_devices() {
    {
        pqxx::work tx(db_);
        tx.exec(k_groups);
        tx.exec(k_index_rows);
        tx.exec(k_index_groups);
        tx.commit();
    }
    for (std::int64_t after = 0;;) {
        pqxx::result groups;
        {
            pqxx::nontransaction tx(db_);
            groups = exec_in(tx, "import_next_devices", k_next_groups, after, k_batch);
        }
        if (groups.empty()) return;
        for (const auto& g : groups) {
            after = g[0].as<std::int64_t>();
            counted([&](pqxx::work& tx, import_report& r) {
                take_device(tx, g[1].as<std::int64_t>(), g[2].c_str(), r);
            });
        }
        if (progress_) progress_(out_.lines);
    }
}

std::vector<staged> importing::rows_of(pqxx::work& tx, std::int64_t user, const std::string& uid) {
    std::vector<staged> rows;
    for (const auto& x : exec_in(tx, "import_rows_of", k_rows_of, user, uid)) {
        staged s;
        s.line = x[0].as<std::int64_t>();
        s.org = x[2].as<std::int64_t>();
        s.platform = x[3].c_str();
        s.app_version = x[4].c_str();
        s.name = x[5].c_str();
        s.push = {x[7].is_null() ? "" : x[7].c_str(), bytes_of(x[6])};
        s.voip = x[8].as<bool>();
        s.credential_id = x[9].c_str();
        s.sip_username = x[10].c_str();
        s.connection_id = x[11].c_str();
        s.password = {x[13].is_null() ? "" : x[13].c_str(), bytes_of(x[12])};
        s.seen = time_or_null(x[14]);
        s.created = time_or_null(x[15]);
        s.expires = time_or_null(x[16]);
        rows.push_back(std::move(s));
    }
    return rows;
}

void importing::take_device(pqxx::work& tx, std::int64_t user, const std::string& uid, import_report& r) {
    const auto rows = rows_of(tx, user, uid);
    const auto& newest = rows.front();
    const auto added = exec_in(
        tx, "import_add_device", k_add_device, user, uid, newest.name, newest.platform, newest.app_version,
        in_ms(std::min(newest.seen.value_or(options_.now), options_.now)),
        in_ms(rows.back().created.value_or(options_.now))
    );
    const bool fresh = !added.empty();
    const auto found = fresh ? added : exec_in(tx, "import_device", k_device, user, uid);
    const device_id device{found[0][0].as<std::int64_t>()};
    r.devices += fresh ? 1 : 0;
    r.duplicates += rows.size() - (fresh ? 1 : 0);
    // A device that is known here has registered since, or was imported before: what it has is newer.
    const staged* best = nullptr;
    if (fresh) {
        take_push(tx, device, rows);
        best = survivor(tx, rows);
        take_identity(tx, device, best, r);
        if (!best)
            note(newest.line, "device " + uid + " gets a new identity: no line of it has one to take over");
    }
    std::vector<std::int64_t> done;
    for (const auto& s : rows) {
        if (!fresh)
            note(s.line, "device " + uid + " is known here already: it keeps what it has");
        else if (&s != &newest)
            note(
                s.line,
                "device " + uid + " is made of line " + std::to_string(newest.line) + ", which is newer"
            );
        if (s.org != 0) register_at(tx, device, user, s, r);
        // Another device may have the better claim to it: what ends is known when all are taken.
        if (&s != best && !s.credential_id.empty())
            exec_in(tx, "import_superfluous", k_superfluous, s.line, device.value);
        else
            done.push_back(s.line);
    }
    mark(tx, done);
}

void importing::register_at(
    pqxx::work& tx, device_id device, std::int64_t user, const staged& row, import_report& r
) {
    const auto n = exec_in(tx, "import_register", k_register, device.value, user, row.org).affected_rows();
    r.registrations += static_cast<std::size_t>(n);
    if (n == 0 && exec_in(tx, "import_member", k_member, user, row.org).empty())
        note(
            row.line,
            "not registered with organisation " + std::to_string(row.org) + ": the user is no member of it"
        );
}

void importing::take_push(pqxx::work& tx, device_id device, const std::vector<staged>& rows) {
    std::vector<port::push_token> tokens;
    for (auto row = rows.rbegin(); row != rows.rend(); ++row) { // the newest of a kind comes last and stays
        if (row->push.bytes.empty()) continue;
        auto plain = keys_.open_sealed(row->push, push_place(row->line));
        if (!plain) continue;
        tokens.push_back(
            {row->voip ? port::push_kind::apns_voip : port::push_kind::fcm, std::move(*plain), {}}
        );
    }
    auto push = hashed(keys_, std::move(tokens), options_.now);
    // Devices come in the order of their last proof of life: who holds it already has the better claim.
    std::erase_if(push, [&](const hashed_token& t) {
        const std::vector<std::string_view> raw(t.hashes.begin(), t.hashes.end());
        if (exec_in(tx, "import_token_taken", k_token_taken, bytea_array(raw)).empty()) return false;
        note(rows.front().line, "its push token is another device's, which was seen later");
        return true;
    });
    store_push(tx, keys_, device, push, options_.now);
}

const staged* importing::survivor(pqxx::work& tx, const std::vector<staged>& rows) {
    for (const auto& s : rows)
        if (s.usable() &&
            exec_in(tx, "import_name_taken", k_name_taken, s.credential_id, s.sip_username).empty())
            return &s;
    return nullptr;
}

void importing::take_identity(pqxx::work& tx, device_id device, const staged* best, import_report& r) {
    auto plain = best ? keys_.open_sealed(best->password, password_place(best->line)) : std::nullopt;
    if (!best || !plain) {
        exec_in(tx, "import_pend", k_pend, device.value, in_ms(options_.now));
        ++r.pending;
        return;
    }
    const auto expires = std::max(best->expires.value_or(time_point{}), options_.now + options_.grace);
    const auto made = exec_in(
        tx, "import_adopt", k_adopt, device.value, best->credential_id, best->sip_username,
        best->connection_id, in_ms(expires),
        in_ms(std::min(best->created.value_or(options_.now), options_.now))
    );
    const auto id = made[0][0].as<std::int64_t>();
    const auto box = keys_.seal(*plain, crypto::place(k_password_column, id));
    exec_in(tx, "import_password", k_password, id, pqxx::binarystring(box.bytes), box.key_id);
    ++r.identities;
}

// ---- what is only deleted

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

} // namespace

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
