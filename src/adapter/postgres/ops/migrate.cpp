// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/ops/migrate.hpp"

#include "adapter/postgres/faults.hpp"
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/session.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>

namespace z360::adapter::postgres {
namespace {

constexpr long long k_lock = 0x7A333630'6D696772; // "z360migr"

std::string readable(millis t) {
    return t < millis{10'000} ? std::to_string(t.count()) + " ms" : std::to_string(t.count() / 1'000) + " s";
}

struct applied_row {
    std::string name;
    std::string checksum;
};

std::string label(int version, std::string_view name) {
    char number[16];
    (void)std::snprintf(number, sizeof number, "%04d_", version);
    return number + std::string(name);
}

std::map<int, applied_row> history(pqxx::transaction_base& tx) {
    std::map<int, applied_row> out;
    const auto known = tx.exec("select to_regclass('schema_migrations') is not null");
    if (!known[0][0].as<bool>()) return out;
    for (const auto& r : tx.exec("select version, name, checksum from schema_migrations order by version"))
        out[r[0].as<int>()] = {r[1].as<std::string>(), r[2].as<std::string>()};
    return out;
}

void check(const std::map<int, applied_row>& done, std::span<const migration> files) {
    int newest = 0;
    for (const auto& [version, row] : done)
        newest = version;
    for (const auto& f : files) {
        const auto it = done.find(f.version);
        if (it == done.end()) {
            if (f.version < newest)
                throw migrate_error(
                    "migration " + label(f.version, f.name) +
                    " is missing in the database, which already has " +
                    label(newest, done.rbegin()->second.name) + "; number new files after the newest one"
                );
        } else if (it->second.checksum != f.checksum) {
            throw migrate_error(
                "migration " + label(f.version, f.name) +
                " was changed after it had been applied (database: " + it->second.checksum.substr(0, 12) +
                "…, this program: " + std::string(f.checksum.substr(0, 12)) +
                "…); restore the file and put the change into a new one"
            );
        }
    }
}

schema_state judge(const std::map<int, applied_row>& done, std::span<const migration> files) {
    using kind = schema_state::kind;
    if (done.empty()) return {kind::missing, "not there; run z360-voipd --migrate"};
    try {
        check(done, files);
    } catch (const migrate_error& e) {
        return {kind::diverged, std::string("diverged: ") + e.what()};
    }
    std::string lacks;
    for (const auto& f : files)
        if (!done.contains(f.version)) lacks += (lacks.empty() ? "" : ", ") + label(f.version, f.name);
    if (!lacks.empty())
        return {kind::older, "older than this program, lacks " + lacks + "; run z360-voipd --migrate"};
    const auto& [newest, row] = *done.rbegin();
    if (!files.empty() && newest > files.back().version)
        return {
            kind::newer, "newer than this program, has " + label(newest, row.name) +
                             "; finish the deployment: replace this node by the newer version"
        };
    return {kind::current, {}};
}

using steady = std::chrono::steady_clock;

constexpr const char* k_lock_not_available = "55P03";
constexpr const char* k_deadlock = "40P01";
constexpr millis k_turn_look{200};
constexpr millis k_longest_pause{4'000};
constexpr std::chrono::seconds k_told_after{5};

// Nothing else runs in a program that migrates.
void pause(millis t) {
    timespec left{t.count() / 1'000, t.count() % 1'000 * 1'000'000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

void set_lock_timeout(pqxx::transaction_base& tx, millis t, const char* local) {
    tx.exec(std::string("set ") + local + "lock_timeout = " + std::to_string(t.count()));
}

// Who may be in the way, for people: never what it asks, there may be anything in that.
std::string whoever_is_in_the_way(session& db) {
    try {
        pqxx::nontransaction tx(db);
        std::string out;
        const auto rows = tx.exec(
            "select pid, usename, coalesce(nullif(application_name, ''), 'no name'), state, "
            "extract(epoch from clock_timestamp() - xact_start)::bigint from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null "
            "order by xact_start limit 3"
        );
        for (const auto& r : rows)
            out += (out.empty() ? "" : ", ") + std::string("pid ") + r[0].c_str() + " (" + r[1].c_str() +
                   ", " + r[2].c_str() + ", " + r[3].c_str() + ", for " + r[4].c_str() + " s)";
        return out.empty() ? "nobody any more" : out;
    } catch (const pqxx::failure&) {
        return "unknown";
    }
}

void record(pqxx::transaction_base& tx, const migration& f) {
    tx.exec_params(
        "insert into schema_migrations (version, name, checksum) values ($1, $2, $3)", f.version,
        std::string(f.name), std::string(f.checksum)
    );
}

bool is_outside(const migration& f) {
    return f.sql.find(k_outside) != std::string_view::npos;
}

void apply_once(session& db, const migration& f, const migrate_patience& patience) {
    if (!is_outside(f)) {
        pqxx::work tx(db);
        set_lock_timeout(tx, patience.lock, "local ");
        tx.exec(std::string(f.sql));
        record(tx, f);
        tx.commit();
        return;
    }
    pqxx::nontransaction tx(db);
    for (const auto& statement : statements_of(f.sql)) {
        // Building an index waits for transactions under way, and nobody waits behind it.
        const bool beside = statement.find(" concurrently ") != std::string::npos;
        set_lock_timeout(tx, beside ? patience.beside : patience.lock, "");
        tx.exec(statement);
    }
    record(tx, f);
}

void apply(session& db, const migration& f, const migrate_patience& patience) {
    const auto until = steady::now() + patience.all_tries;
    auto wait = patience.pause;
    for (;;) {
        std::string state;
        std::string what;
        try {
            apply_once(db, f, patience);
            return;
        } catch (const pqxx::sql_error& e) {
            state = e.sqlstate();
            what = one_line(e.what());
        }
        const auto name = "migration " + label(f.version, f.name);
        if (state != k_lock_not_available && state != k_deadlock)
            throw migrate_error(
                name +
                (is_outside(f) ? " failed; put right what is wrong and run --migrate again, it begins anew: "
                               : " failed, nothing of it was applied: ") +
                what
            );
        const auto in_the_way = whoever_is_in_the_way(db);
        if (steady::now() + wait > until)
            throw migrate_error(
                name + " did not get its locks within " + readable(patience.all_tries) +
                " and is not applied; in the way: " + in_the_way +
                "; let that end, or end it with pg_terminate_backend(pid), then run --migrate again"
            );
        log::warn(
            "migration_waits_for_locks", {{"migration", label(f.version, f.name)}, {"in_the_way", in_the_way}}
        );
        pause(wait);
        wait = std::min(wait * 2, k_longest_pause);
    }
}

// Not by waiting in the database: building an index waits for everybody who waits there. The session's end
// gives the turn back, however it ends.
void wait_for_turn(session& db, const migrate_patience& patience) {
    const auto began = steady::now();
    bool told = false;
    for (;;) {
        {
            pqxx::nontransaction tx(db);
            if (tx.exec("select pg_try_advisory_lock(" + std::to_string(k_lock) + ")")[0][0].as<bool>())
                return;
        }
        const auto waited = steady::now() - began;
        if (waited >= patience.others)
            throw migrate_error(
                "another migration of this database has not ended within " + readable(patience.others) +
                "; in the way: " + whoever_is_in_the_way(db)
            );
        if (!told && waited >= k_told_after) {
            log::info("migration_waits", {{"for", "another node's migration"}});
            told = true;
        }
        pause(std::min(k_turn_look, patience.others));
    }
}

// A dump that was restored into another server brings positions which that server's transactions have not
// reached yet: nobody would see those calls among the changes. They are changed now, some at a time, because
// those of one transaction are one position.
constexpr const char* k_of_another_server = R"sql(
update calls c set changed = c.changed
  from (select call_id from calls where changed >= pg_snapshot_xmax(pg_current_snapshot())
         order by changed limit 500) o
 where c.call_id = o.call_id)sql";

std::size_t mend_positions(session& db, const migrate_patience& patience) {
    std::size_t mended = 0;
    for (;;) {
        pqxx::work tx(db);
        if (!tx.exec("select to_regclass('calls_all_changed') is not null")[0][0].as<bool>()) break;
        set_lock_timeout(tx, patience.beside, "local ");
        const auto n = tx.exec(k_of_another_server).affected_rows();
        tx.commit();
        if (n == 0) break;
        mended += static_cast<std::size_t>(n);
    }
    if (mended > 0) log::info("positions_of_another_server_mended", {{"calls", mended}});
    return mended;
}

migrate_report run(const secret& url, std::span<const migration> files, const migrate_patience& patience) {
    session db(url);
    wait_for_turn(db, patience);
    {
        pqxx::nontransaction tx(db);
        tx.exec("set client_min_messages = warning");
        tx.exec("create table if not exists schema_migrations (version int primary key, name text not null, "
                "checksum text not null, applied_at timestamptz not null default now())");
    }
    std::map<int, applied_row> done;
    {
        pqxx::nontransaction tx(db);
        done = history(tx);
    }
    check(done, files);
    migrate_report report;
    for (const auto& f : files) {
        report.version = std::max(report.version, f.version);
        if (done.contains(f.version)) continue;
        apply(db, f, patience);
        report.applied.push_back(label(f.version, f.name));
    }
    report.mended = mend_positions(db, patience);
    const int ours = files.empty() ? 0 : files.back().version;
    for (const auto& [version, row] : done) {
        if (version <= ours) continue;
        report.newer.push_back(label(version, row.name));
        report.version = version;
    }
    return report;
}

} // namespace

std::vector<std::string> statements_of(std::string_view sql) {
    std::vector<std::string> out;
    std::string now;
    bool quoted = false; // between $$ and $$
    while (!sql.empty()) {
        const auto end = std::min(sql.find('\n'), sql.size());
        const auto line = sql.substr(0, end);
        sql.remove_prefix(std::min(end + 1, sql.size()));
        if (!quoted && (line.empty() || line.starts_with("--"))) continue;
        for (auto at = line.find("$$"); at != std::string_view::npos; at = line.find("$$", at + 2))
            quoted = !quoted;
        now.append(line).append("\n");
        if (quoted || !line.ends_with(';')) continue;
        out.push_back(std::move(now));
        now.clear();
    }
    if (!now.empty()) out.push_back(std::move(now));
    return out;
}

migrate_report
migrate(const secret& url, std::span<const migration> files, const migrate_patience& patience) {
    try {
        return run(url, files, patience);
    } catch (const pqxx::broken_connection& e) {
        throw port::unavailable("postgres: migrate: " + one_line(e.what()));
    } catch (const pqxx::failure& e) {
        throw migrate_error("migrations could not be run: " + one_line(e.what()));
    }
}

std::string_view name(schema_state::kind k) {
    switch (k) {
    case schema_state::kind::current: return "current";
    case schema_state::kind::missing: return "missing";
    case schema_state::kind::older: return "older";
    case schema_state::kind::newer: return "newer";
    case schema_state::kind::diverged: return "diverged";
    }
    return "?";
}

boost::asio::awaitable<schema_state> look_at_schema(database& db, std::span<const migration> files) {
    auto ask = [files](pqxx::connection_base& c) {
        pqxx::nontransaction tx(c);
        return judge(history(tx), files);
    };
    return db.connections().run("schema", std::move(ask));
}

std::vector<std::string> pending_migrations(const secret& url, std::span<const migration> files) {
    try {
        session db(url);
        pqxx::nontransaction tx(db);
        const auto done = history(tx);
        check(done, files);
        std::vector<std::string> out;
        for (const auto& f : files)
            if (!done.contains(f.version)) out.push_back(label(f.version, f.name));
        return out;
    } catch (const pqxx::broken_connection& e) {
        throw port::unavailable("postgres: migrations: " + one_line(e.what()));
    } catch (const pqxx::failure& e) {
        throw migrate_error("migrations could not be read: " + one_line(e.what()));
    }
}

} // namespace z360::adapter::postgres
