// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/ops/login_check.hpp"

#include "adapter/postgres/faults.hpp"
#include "adapter/postgres/ops/migrate.hpp"
#include "adapter/postgres/session.hpp"

#include <z360/base/time.hpp>
#include <z360/port/errors.hpp>

#include <cstdint>
#include <utility>

namespace z360::adapter::postgres {
namespace {

constexpr int k_oldest = 130'000;
constexpr int k_set_option = 160'000; ///< memberships have rights of their own from here on
constexpr millis k_limit{5'000};

struct login {
    std::string name; ///< as it is written in a statement
    int version = 0;
    bool role_exists = false;
    bool may_create = false; ///< roles
    bool may_grant = false;  ///< z360_tenant
};

login look(session& db, login_report& out) {
    pqxx::nontransaction tx(db);
    const auto r = tx.exec(
        "select quote_ident(current_user), current_setting('server_version_num')::int, "
        "current_setting('server_version'), exists (select from pg_roles where rolname = 'z360_tenant'), "
        "rolsuper, rolcreaterole from pg_roles where rolname = current_user"
    );
    login l;
    l.name = r[0][0].as<std::string>();
    l.version = r[0][1].as<int>();
    out.server = r[0][2].as<std::string>();
    l.role_exists = r[0][3].as<bool>();
    const bool super = r[0][4].as<bool>();
    l.may_create = super || r[0][5].as<bool>();
    l.may_grant = super || (l.version < k_set_option && l.may_create);
    if (!l.may_grant && l.role_exists)
        l.may_grant =
            tx.exec("select pg_has_role(current_user, 'z360_tenant', 'member with admin option')")[0][0]
                .as<bool>();
    return l;
}

// Tables of the schema that the login may not use in full, with whom they belong to: of another login, by
// whom the database was made. Wherever the schema is, for one that may not be looked into is as good as none.
constexpr const char* k_rights = R"sql(
select t.relname, quote_ident(o.rolname), count(*) over (), o.rolsuper, quote_ident(current_database()), n.nspname
  from pg_class m join pg_class t on t.relnamespace = m.relnamespace and t.relowner = m.relowner and t.relkind = 'r'
  join pg_namespace n on n.oid = m.relnamespace
  join pg_roles o on o.oid = m.relowner
 where m.relname = 'schema_migrations' and m.relkind = 'r' and n.nspname !~ '^pg_'
   and not (has_schema_privilege(n.oid, 'usage') and has_table_privilege(t.oid, 'select')
            and has_table_privilege(t.oid, 'insert') and has_table_privilege(t.oid, 'update')
            and has_table_privilege(t.oid, 'delete'))
 order by t.relname limit 1)sql";

// Of a superuser, whose rights are nobody's to have: the whole schema goes to the login.
std::string hand_over(const std::string& login, const std::string& database, const std::string& schema) {
    const auto there = "'" + schema + "'::regnamespace";
    return "alter database " + database + " owner to " + login +
           "; do $$ declare s text; begin for s in select format('alter table %s owner to " + login +
           "', oid::regclass) from pg_class where relkind = 'r' and relnamespace = " + there +
           " union all select format('alter routine %s owner to " + login +
           "', oid::regprocedure) from pg_proc where pronamespace = " + there +
           " loop execute s; end loop; end $$";
}

/// What is wrong with the login's rights on the tables, with the fix; empty: nothing.
std::string lacking_rights(session& db, const std::string& login) {
    pqxx::nontransaction tx(db);
    const auto r = tx.exec(k_rights);
    if (r.empty()) return {};
    const auto owner = r[0][1].as<std::string>();
    const auto more = r[0][2].as<std::int64_t>() - 1;
    return login + " may not read and write the table " + r[0][0].as<std::string>() +
           (more > 0 ? " and " + std::to_string(more) + " more" : "") + ", which belong to " + owner +
           (r[0][3].as<bool>() ? "; as a superuser run in this database: " +
                                     hand_over(login, r[0][4].as<std::string>(), r[0][5].as<std::string>())
                               : "; give database.url the login " + owner +
                                     ", or as a superuser run: grant " + owner + " to " + login);
}

// By doing it: what a server of a later version asks for besides is asked for here too.
bool may_act_as_tenant(session& db) {
    try {
        pqxx::work tx(db);
        tx.exec("select set_config('role', 'z360_tenant', true)");
        tx.abort();
        return true;
    } catch (const pqxx::insufficient_privilege&) {
        return false;
    }
}

// Whether --migrate has something to do.
bool look_at_migrations(const secret& url, login_report& out) {
    try {
        const auto pending = pending_migrations(url);
        if (pending.empty()) return false;
        out.notes.push_back(
            "the schema lacks " + pending.front() +
            (pending.size() > 1 ? " and " + std::to_string(pending.size() - 1) + " more" : "") +
            "; run --migrate"
        );
        return true;
    } catch (const migrate_error& e) {
        out.problems.emplace_back(e.what());
        return false;
    }
}

} // namespace

std::string grant_of_tenant_role(const std::string& login, int version) {
    return "grant z360_tenant to " + login + (version >= k_set_option ? " with set true" : "");
}

login_report check_login(const secret& url) {
    try {
        session db(url, k_limit);
        login_report out;
        const auto l = look(db, out);
        if (l.version < k_oldest)
            out.problems.push_back("Postgres " + out.server + " is too old; use 13 to 17");
        if (auto lacking = lacking_rights(db, l.name); !lacking.empty()) {
            out.problems.push_back(std::move(lacking));
            return out; // nothing more can be seen
        }
        const bool migrates = look_at_migrations(url, out);
        const auto grant = grant_of_tenant_role(l.name, l.version);
        if (!l.role_exists) {
            if (!migrates || !l.may_create)
                out.problems.push_back(
                    "there is no role z360_tenant and " + l.name +
                    (l.may_create ? " has lost it" : " may not create roles") +
                    "; as a superuser run: create role z360_tenant nologin noinherit; " + grant
                );
        } else if (!may_act_as_tenant(db)) {
            if (migrates && l.may_grant)
                out.notes.push_back(l.name + " may not act as z360_tenant yet; --migrate grants it");
            else
                out.problems.push_back(l.name + " may not act as z360_tenant; as a superuser run: " + grant);
        }
        return out;
    } catch (const pqxx::broken_connection& e) {
        throw port::unavailable("postgres: " + one_line(e.what()));
    } catch (const pqxx::failure& e) {
        throw port::unavailable("postgres: the login could not be checked: " + one_line(e.what()));
    }
}

} // namespace z360::adapter::postgres
