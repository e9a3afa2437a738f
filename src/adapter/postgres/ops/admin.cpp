// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Organisations, people, numbers: rows to begin with, and their end.
#include "adapter/postgres/ops/admin.hpp"

#include "adapter/postgres/ops/admin_connection.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/tenants/logins.hpp"
#include "adapter/postgres/tenants/slug.hpp"
#include "adapter/postgres/tenants/tenant_rows.hpp"
#include "wire/e164.hpp"

#include <z360/port/errors.hpp>

namespace z360::adapter::postgres {

std::string id_or_empty(const std::string& text) {
    const bool number = !text.empty() && text.size() < 17 && text[0] != '0' &&
                        text.find_first_not_of("0123456789") == std::string::npos;
    return number ? text : "";
}

std::optional<user_id> person_of(pqxx::work& tx, const std::string& text) {
    if (const auto id = id_or_empty(text); !id.empty()) {
        const auto r = tx.exec_params("select user_id from users where user_id = $1", id);
        if (r.empty()) return std::nullopt;
        return user_id{r[0][0].as<std::int64_t>()};
    }
    const auto r = tx.exec_params(
        "select user_id from users where lower(login) = lower($1) order by login = $1 desc limit 2",
        storable(text)
    );
    if (r.empty()) return std::nullopt;
    const auto exact = tx.exec_params("select from users where login = $1", storable(text));
    if (r.size() == 2 && exact.empty())
        throw admin_error("\"" + text + "\" may be several users: name them by id, or spelled as they are");
    return user_id{r[0][0].as<std::int64_t>()};
}

namespace {

std::string e164_or_error(const std::string& number) {
    auto e164 = wire::to_e164(number);
    if (!e164)
        throw admin_error(
            "\"" + number + "\" is no phone number: write it internationally, e.g. +15550100001"
        );
    return *e164;
}

std::optional<org_id> org_of(pqxx::work& tx, const std::string& text) {
    if (const auto id = id_or_empty(text); !id.empty()) {
        const auto r = tx.exec_params("select org_id from organizations where org_id = $1", id);
        if (r.empty()) return std::nullopt;
        return org_id{r[0][0].as<std::int64_t>()};
    }
    for (const auto& spelling : {storable(text), slug_of(text)}) {
        const auto r = tx.exec_params(
            "select org_id from organizations where slug = $1 or name = $1 order by slug = $1 desc limit 2",
            spelling
        );
        if (r.size() == 2)
            throw admin_error("\"" + text + "\" may be several organisations: name it by its id");
        if (!r.empty()) return org_id{r[0][0].as<std::int64_t>()};
    }
    return std::nullopt;
}

// What is only named is never made: a slip of the pen would be a tenant.
org_id required_org(pqxx::work& tx, const std::string& text) {
    if (const auto found = org_of(tx, text)) return *found;
    throw admin_error(
        "there is no organisation \"" + text + "\": see --list-orgs, or make it with --create-org"
    );
}
user_id required_user(pqxx::work& tx, const std::string& text) {
    if (const auto found = person_of(tx, text)) return *found;
    throw admin_error(
        "there is no user \"" + text + "\": see --list-members --org ORG, or make them with --create-user"
    );
}

// Two rows for one address are two people, of whom half of what is sent reaches the wrong one.
void refuse_other_case(pqxx::work& tx, const std::string& login, user_id user) {
    const auto other = other_case(tx, login, user);
    if (!other) return;
    const auto id = std::to_string(other->user.value);
    throw admin_error(
        "\"" + login + "\" is user " + id + " already, spelled \"" + other->login +
        "\": write it so, or change the spelling with --id " + id
    );
}

user_id user_of_login(pqxx::work& tx, const user_wish& w) {
    refuse_other_case(tx, w.login, {});
    const auto r = tx.exec_params1(
        "insert into users as u (login, name) values ($1, coalesce(nullif($2, ''), $1)) on conflict (login) "
        "do update set name = coalesce(nullif($2, ''), u.name) returning user_id",
        w.login, w.name
    );
    return {r[0].as<std::int64_t>()};
}

user_id user_of_id(pqxx::work& tx, const user_wish& w) {
    const auto other =
        tx.exec_params("select user_id from users where login = $1 and user_id <> $2", w.login, w.id.value);
    if (!other.empty())
        throw admin_error(
            "--id: \"" + w.login + "\" is user " + other[0][0].c_str() +
            " already; leave --id out, or name that one"
        );
    refuse_other_case(tx, w.login, w.id);
    tx.exec_params(
        "select setval('users_user_id_seq', $1::bigint) from users_user_id_seq where last_value < $1::bigint",
        w.id.value
    );
    tx.exec_params0(
        "insert into users as u (user_id, login, name) values ($1, $2, coalesce(nullif($3, ''), $2)) "
        "on conflict (user_id) do update set login = excluded.login, name = coalesce(nullif($3, ''), "
        "u.name), "
        "status = 'active', updated_at = now()",
        w.id.value, w.login, w.name
    );
    return w.id;
}

phone_number_id put_number(pqxx::work& tx, const number_row& n) {
    const auto e164 = e164_or_error(n.number);
    const std::string receiver = std::to_string(n.receiver.value);
    std::optional<std::string> external;
    if (!n.external.empty()) external = e164_or_error(n.external);
    if (external &&
        (*external == e164 || !tx.exec_params("select where z360_is_ours($1)", *external).empty()))
        throw admin_error(
            "\"" + *external + "\" is a number of ours: its calls would come back; give one outside"
        );
    const auto r = tx.exec_params(
        "insert into phone_numbers as p (org_id, connection_id, e164, route_type, receiving_user_id, alias, "
        "external_e164, external_asked) values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (connection_id, "
        "e164) do update set route_type = "
        "excluded.route_type, receiving_user_id = excluded.receiving_user_id, external_e164 = "
        "excluded.external_e164, external_asked = excluded.external_asked, alias = "
        "coalesce(nullif(excluded.alias, ''), p.alias), status = 'active' where p.org_id = excluded.org_id "
        "returning phone_number_id",
        n.org.value, n.connection_id, e164, n.route_type, n.receiver.none() ? nullptr : receiver.c_str(),
        n.alias, external ? external->c_str() : nullptr, n.external_asked
    );
    if (!r.empty()) return phone_number_id{r[0][0].as<std::int64_t>()};
    const auto holder = tx.exec_params1(
        "select o.slug, (select slug from organizations where org_id = $3) from phone_numbers join "
        "organizations o using (org_id) where connection_id = $1 and e164 = $2",
        n.connection_id, e164, n.org.value
    );
    throw admin_error(
        "number " + e164 + " on connection " + n.connection_id + " belongs to organisation \"" +
        holder[0].c_str() + "\" and cannot be given to \"" + holder[1].c_str() +
        "\" too: remove it there first"
    );
}

} // namespace

admin::admin(const secret& url) {
    try {
        db_ = std::make_unique<connection>(url);
    } catch (const pqxx::broken_connection& e) {
        raise_refused(e);
    }
}
admin::~admin() = default;

org_id admin::upsert_organization(const std::string& slug, const std::string& name) {
    return with(db_->db, [&](pqxx::work& tx) {
        const auto r = tx.exec_params1(
            "insert into organizations as o (slug, name) values ($1, $2) on conflict (slug) do update set "
            "name = "
            "o.name returning org_id",
            slug, name
        );
        return org_id{r[0].as<std::int64_t>()};
    });
}

user_id admin::upsert_user(const std::string& login, const std::string& name) {
    return with(db_->db, [&](pqxx::work& tx) {
        const auto r = tx.exec_params1(
            "insert into users (login, name) values ($1, $2) on conflict (login) do update set name = "
            "excluded.name returning user_id",
            login, name
        );
        return user_id{r[0].as<std::int64_t>()};
    });
}

void admin::upsert_membership(org_id org, user_id user, const std::string& role) {
    with(db_->db, [&](pqxx::work& tx) {
        tx.exec_params0(
            "insert into memberships (org_id, user_id, role) values ($1, $2, $3) on conflict (org_id, "
            "user_id) do "
            "update set role = excluded.role",
            org.value, user.value, role
        );
        return true;
    });
}

phone_number_id admin::upsert_number(const number_row& n) {
    return with(db_->db, [&](pqxx::work& tx) { return put_number(tx, n); });
}

user_keys admin::create_user(const user_wish& w) {
    return with(db_->db, [&](pqxx::work& tx) {
        user_keys keys;
        keys.org = required_org(tx, w.org);
        keys.user = w.id.none() ? user_of_login(tx, w) : user_of_id(tx, w);
        tx.exec_params0(
            "insert into memberships as m (org_id, user_id, role) values ($1, $2, coalesce(nullif($3, ''), "
            "'member')) on conflict (org_id, user_id) do update set role = coalesce(nullif($3, ''), m.role)",
            keys.org.value, keys.user.value, w.role
        );
        return keys;
    });
}

phone_number_id admin::add_number(const number_wish& w) {
    return with(db_->db, [&](pqxx::work& tx) {
        number_row n;
        n.org = required_org(tx, w.org);
        n.connection_id = w.connection_id;
        n.number = w.number;
        n.route_type = w.route_type;
        n.external = w.external;
        n.external_asked = w.external_asked;
        n.alias = w.alias;
        if (!w.receiver.empty()) {
            n.receiver = required_user(tx, w.receiver);
            const auto member = tx.exec_params(
                "select from memberships where org_id = $1 and user_id = $2", n.org.value, n.receiver.value
            );
            if (member.empty())
                throw admin_error(
                    "\"" + w.receiver + "\" is no member of organisation \"" + w.org +
                    "\", whose calls would ring there; --add-member makes them one"
                );
        }
        const auto id = put_number(tx, n);
        if (!w.recording.empty()) // of each connection that it is on
            tx.exec_params0(
                "update phone_numbers set recording = nullif($3, 'organization') where org_id = $1 and e164 "
                "= "
                "(select e164 from phone_numbers where phone_number_id = $2)",
                n.org.value, id.value, w.recording
            );
        return id;
    });
}

void admin::upsert_contact(org_id org, const std::string& number, const std::string& name) {
    const auto e164 = e164_or_error(number);
    with(db_->db, [&](pqxx::work& tx) {
        tx.exec_params0(
            "insert into contacts (org_id, e164, name) values ($1, $2, $3) on conflict (org_id, e164) do "
            "update set "
            "name = excluded.name",
            org.value, e164, name
        );
        return true;
    });
}

std::optional<org_id> admin::find_organization(const std::string& text) {
    return with(db_->db, [&](pqxx::work& tx) { return org_of(tx, text); });
}

std::optional<user_id> admin::find_user(const std::string& text) {
    return with(db_->db, [&](pqxx::work& tx) { return person_of(tx, text); });
}

using gone_devices = std::optional<std::vector<device_id>>;
gone_devices admin::remove_organization(org_id org, const port::audit_line& line) {
    return in_words([&] {
        return tenant_rows::remove_organisation(db_->db, port::tenant_scope::all(), org, line.at, &line);
    });
}

gone_devices admin::remove_user(user_id user, const port::audit_line& line) {
    return in_words([&] {
        return tenant_rows::remove_person(db_->db, port::tenant_scope::all(), user, line.at, &line);
    });
}

gone_devices admin::remove_member(org_id org, user_id user, const port::audit_line& line) {
    return in_words([&] {
        return tenant_rows::remove_membership(db_->db, port::tenant_scope::all(), org, user, line.at, &line);
    });
}

} // namespace z360::adapter::postgres
