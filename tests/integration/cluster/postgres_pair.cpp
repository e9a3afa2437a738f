// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "integration/cluster/postgres_pair.hpp"

#include "support/rig.hpp"
#include "support/run_program.hpp"

#include <pqxx/pqxx>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace z360::testing {
namespace {

std::string root_folder() {
    const char* v = std::getenv("Z360_TEST_CLUSTER_DIR");
    return v == nullptr ? "" : v;
}

place other(place p) {
    return p == place::first ? place::second : place::first;
}

} // namespace

bool postgres_pair::available() {
    return !root_folder().empty();
}

postgres_pair::postgres_pair() : root_(root_folder()) {
    std::filesystem::create_directories(root_);
    for (const auto p : {place::first, place::second}) {
        (void)run("thaw", p); // a test that died may have left it so
        if (std::filesystem::exists(folder(p) + "/port"))
            urls_.at(static_cast<std::size_t>(p)) = run("url", p);
    }
    primary_ = is_primary(place::second) && !is_primary(place::first) ? place::second : place::first;
    if (!is_primary(primary_)) {
        (void)run("stop", place::second, "kill"); // nothing to keep: both are made anew
        (void)run("stop", place::first, "kill");
        std::filesystem::remove_all(folder(place::first) + "/data");
        urls_.at(0) = run("start", place::first);
    }
    commits_wait_no_more();
    if (!streams())
        urls_.at(static_cast<std::size_t>(standby())) = run("standby", standby(), folder(primary_));
    if (!eventually([this] { return streams(); }, 15s))
        throw std::runtime_error("the standby does not stream");
}

postgres_pair::~postgres_pair() {
    for (const auto p : {place::first, place::second}) {
        if (!frozen_.at(static_cast<std::size_t>(p))) continue;
        try {
            thaw(p);
        } catch (const std::exception& e) {
            std::fprintf(stderr, "%s\n", e.what()); // the next pair tries again
        }
    }
}

place postgres_pair::standby() const {
    return other(primary_);
}

std::string postgres_pair::folder(place p) const {
    return root_ + (p == place::first ? "/first" : "/second");
}

std::string postgres_pair::run(const std::string& verb, place p, const std::string& more) const {
    const std::string out = root_ + "/output";
    const std::string command = shell_quoted(std::string(Z360_SOURCE_DIR) + "/scripts/lib/private-postgres") +
                                " " + verb + " " + shell_quoted(folder(p)) +
                                (more.empty() ? "" : " " + shell_quoted(more)) + " >" + shell_quoted(out) +
                                " 2>&1";
    const int rc = std::system(command.c_str());
    auto text = read_file(out);
    if (rc != 0) throw std::runtime_error("private-postgres " + verb + ": " + text);
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    return text;
}

std::string postgres_pair::ask(place p, const std::string& statement) const {
    pqxx::connection c(url(p) + "?connect_timeout=5");
    pqxx::nontransaction tx(c);
    const auto rows = tx.exec(statement);
    return rows.empty() || rows[0][0].is_null() ? "" : rows[0][0].c_str();
}

bool postgres_pair::is_primary(place p) const {
    if (url(p).empty()) return false;
    try {
        return ask(p, "select pg_is_in_recovery()") == "f";
    } catch (const pqxx::failure&) {
        return false;
    }
}

bool postgres_pair::streams() const {
    if (url(standby()).empty()) return false;
    try { // both sides: another standby with this name would be none of ours
        return ask(primary_, "select count(*) from pg_stat_replication where state = 'streaming'") == "1" &&
               ask(standby(), "select status from pg_stat_wal_receiver") == "streaming";
    } catch (const pqxx::failure&) {
        return false;
    }
}

void postgres_pair::freeze(place p) {
    frozen_.at(static_cast<std::size_t>(p)) = true;
    (void)run("freeze", p);
}

void postgres_pair::thaw(place p) {
    (void)run("thaw", p);
    frozen_.at(static_cast<std::size_t>(p)) = false;
}

void postgres_pair::kill(place p) {
    (void)run("stop", p, "kill");
    frozen_.at(static_cast<std::size_t>(p)) = false;
}

void postgres_pair::cut_replication() {
    (void)ask(standby(), "alter system set primary_conninfo = ''");
    (void)ask(standby(), "select pg_reload_conf()");
    if (!eventually(
            [this] { return ask(standby(), "select count(*) from pg_stat_wal_receiver") == "0"; }, 10s
        ))
        throw std::runtime_error("the standby goes on receiving");
}

void postgres_pair::await_standby() {
    const auto there = ask(primary_, "select pg_current_wal_flush_lsn()");
    const auto caught_up = [&] {
        return ask(standby(), "select pg_last_wal_replay_lsn() >= '" + there + "'::pg_lsn") == "t";
    };
    if (!eventually(caught_up, 10s)) throw std::runtime_error("the standby lags");
}

void postgres_pair::promote() {
    (void)run("promote", standby());
    primary_ = standby();
}

void postgres_pair::commits_wait_for_standby() {
    (void)run("synchronous", primary_, standby() == place::first ? "first" : "second");
    const auto waiting = [this] {
        return ask(primary_, "select count(*) from pg_stat_replication where sync_state = 'sync'") == "1";
    };
    if (!eventually(waiting, 10s)) throw std::runtime_error("the standby does not become synchronous");
}

void postgres_pair::commits_wait_for_nobody_there() {
    (void)run("synchronous", primary_, "a_standby_that_died");
}

void postgres_pair::commits_wait_no_more() {
    (void)run("synchronous", primary_);
}

} // namespace z360::testing
