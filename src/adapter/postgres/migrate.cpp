// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/migrate.hpp"

#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/session.hpp"

#include <z360/port/errors.hpp>

#include <cstdio>
#include <map>

namespace z360::adapter::postgres {
namespace {

constexpr long long k_lock = 0x7A333630'6D696772; // "z360migr"

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

void apply(session& db, const migration& f) {
    try {
        pqxx::work tx(db);
        tx.exec(std::string(f.sql));
        tx.exec_params(
            "insert into schema_migrations (version, name, checksum) values ($1, $2, $3)", f.version,
            std::string(f.name), std::string(f.checksum)
        );
        tx.commit();
    } catch (const pqxx::sql_error& e) {
        throw migrate_error(
            "migration " + label(f.version, f.name) + " failed, nothing of it was applied: " + e.what()
        );
    }
}

migrate_report run(const secret& url, std::span<const migration> files) {
    session db(url);
    {
        pqxx::nontransaction tx(db); // the session's end releases the lock, however it ends
        tx.exec("select pg_advisory_lock(" + std::to_string(k_lock) + ")");
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
        apply(db, f);
        report.applied.push_back(label(f.version, f.name));
    }
    const int ours = files.empty() ? 0 : files.back().version;
    for (const auto& [version, row] : done) {
        if (version <= ours) continue;
        report.newer.push_back(label(version, row.name));
        report.version = version;
    }
    return report;
}

} // namespace

migrate_report migrate(const secret& url, std::span<const migration> files) {
    try {
        return run(url, files);
    } catch (const pqxx::broken_connection& e) {
        throw port::unavailable(std::string("postgres: migrate: ") + e.what());
    } catch (const pqxx::failure& e) {
        throw migrate_error(std::string("migrations could not be run: ") + e.what());
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
        throw port::unavailable(std::string("postgres: migrations: ") + e.what());
    } catch (const pqxx::failure& e) {
        throw migrate_error(std::string("migrations could not be read: ") + e.what());
    }
}

} // namespace z360::adapter::postgres
