// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "support/template_database.hpp"

#include "adapter/postgres/ops/migrate.hpp"

#include <pqxx/pqxx>

#include <cstdint>
#include <functional>

namespace z360::testing {
namespace {

constexpr std::int64_t k_turn = 0x7a3336307465; // of whoever makes the template

// One for each history of the schema, should two programs use one server.
std::string template_name() {
    std::string all;
    for (const auto& m : adapter::postgres::embedded_migrations())
        all += m.checksum;
    return "z360_template_" + std::to_string(std::hash<std::string>{}(all));
}

bool is_there(pqxx::nontransaction& tx, const std::string& name) {
    return !tx.exec_params("select from pg_database where datname = $1", name).empty();
}

// Under another name until it is whole.
void make(pqxx::nontransaction& tx, const std::string& url, const std::string& name) {
    const auto unfinished = name + "_unfinished";
    tx.exec("drop database if exists " + unfinished);
    tx.exec("create database " + unfinished);
    adapter::postgres::migrate(secret(url_of(url, unfinished)));
    tx.exec("alter database " + unfinished + " rename to " + name);
    tx.exec("alter database " + name + " allow_connections false");
}

} // namespace

std::string url_of(const std::string& url, const std::string& database) {
    const auto options = url.find('?');
    const auto place = url.substr(0, options);
    const auto scheme = place.find("://");
    const auto slash = place.find('/', scheme == std::string::npos ? 0 : scheme + 3);
    return place.substr(0, slash) + "/" + database +
           (options == std::string::npos ? "" : url.substr(options));
}

void create_migrated(const std::string& url, const std::string& database) {
    const auto from = template_name();
    {
        pqxx::connection c(url);
        pqxx::nontransaction tx(c);
        tx.exec("set client_min_messages = error");
        if (!is_there(tx, from)) {
            tx.exec_params("select pg_advisory_lock($1)", k_turn);
            if (!is_there(tx, from)) make(tx, url, from);
            tx.exec_params("select pg_advisory_unlock($1)", k_turn);
        }
        tx.exec("create database " + database + " template " + from);
    }
    pqxx::connection c(url_of(url, database));
    pqxx::nontransaction tx(c);
    tx.exec("update installation set id = gen_random_uuid()");
}

} // namespace z360::testing
