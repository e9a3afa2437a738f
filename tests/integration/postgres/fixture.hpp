// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A database of its own for each test program, rows to start from, and a loop to run coroutines on.
#pragma once

#include "adapter/postgres/ops/admin.hpp"
#include "adapter/postgres/ops/migrate.hpp"
#include "adapter/postgres/postgres.hpp"
#include "support/template_database.hpp"

#include <z360/port/errors.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>
#include <pqxx/pqxx>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace z360::testing {

namespace pg = adapter::postgres;
namespace asio = boost::asio;
using asio::awaitable;

inline std::string server_url() {
    const char* url = std::getenv("Z360_TEST_DATABASE_URL");
    return url ? url : "";
}

/// Creates a database, empty unless it is to have the newest schema, and drops it at the end.
class scratch_database {
  public:
    explicit scratch_database(bool migrated = false) {
        static int count = 0;
        name_ = "z360_test_" + std::to_string(::getpid()) + "_" + std::to_string(++count);
        admin("drop database if exists " + name_);
        if (migrated)
            create_migrated(server_url(), name_);
        else
            admin("create database " + name_);
    }
    ~scratch_database() { admin("drop database if exists " + name_ + " with (force)"); }
    scratch_database(const scratch_database&) = delete;
    scratch_database& operator=(const scratch_database&) = delete;

    [[nodiscard]] std::string url() const { return url_of(server_url(), name_); }
    [[nodiscard]] const std::string& name() const { return name_; }

  private:
    static void admin(const std::string& sql) {
        pqxx::connection c(server_url());
        pqxx::nontransaction tx(c);
        tx.exec("set client_min_messages = error");
        tx.exec(sql);
    }
    std::string name_;
};

/// Runs all of them at once.
inline awaitable<void> together(std::vector<awaitable<void>> tasks) {
    auto ex = co_await asio::this_coro::executor;
    rt::task_group group(ex);
    for (auto& t : tasks)
        group.spawn(std::move(t));
    const bool done = co_await group.drain(std::chrono::seconds(20));
    EXPECT_TRUE(done) << "still running after 20 s";
    co_await group.join();
}

struct people {
    org_id org;
    user_id user;
    phone_number_id number;
    std::vector<call::target> devices;
};

class postgres_test : public ::testing::Test {
  protected:
    void SetUp() override {
        if (server_url().empty()) GTEST_SKIP() << "set Z360_TEST_DATABASE_URL to run this test";
        scratch_ = std::make_unique<scratch_database>(true);
        sql_ = std::make_unique<pqxx::connection>(scratch_->url());
        db_ = std::make_unique<pg::database>(settings());
    }
    void TearDown() override {
        db_.reset();
        sql_.reset();
        scratch_.reset();
    }

    [[nodiscard]] pg::database_settings settings() const {
        pg::database_settings s;
        s.url = secret(scratch_->url());
        s.connections = 4;
        return s;
    }

    /// Runs a coroutine on the loop until it ends.
    template <class T>
    T run(awaitable<T> task) {
        std::exception_ptr error;
        std::optional<T> out;
        asio::co_spawn(io_, rt::detail::into(std::move(task), &out), [&error](std::exception_ptr e) {
            error = e;
        });
        io_.restart();
        io_.run();
        if (error) std::rethrow_exception(error);
        return std::move(*out);
    }
    void run(awaitable<void> task) {
        std::exception_ptr error;
        asio::co_spawn(io_, std::move(task), [&error](std::exception_ptr e) { error = e; });
        io_.restart();
        io_.run();
        if (error) std::rethrow_exception(error);
    }

    pqxx::result sql(const std::string& text) {
        pqxx::nontransaction tx(*sql_);
        return tx.exec(text);
    }
    /// The first column of the first row.
    std::string value(const std::string& text) {
        const auto r = sql(text);
        return r.empty() ? "(no row)" : r[0][0].is_null() ? "(null)" : r[0][0].as<std::string>();
    }
    /// Name of the violated constraint or SQLSTATE; "accepted" if there is none.
    std::string refusal(const std::string& text) {
        try {
            sql(text);
            return "accepted";
        } catch (const pqxx::sql_error& e) {
            const std::string what = e.what();
            const auto from = what.find("constraint \"");
            if (from == std::string::npos) return e.sqlstate();
            const auto begin = from + 12;
            return what.substr(begin, what.find('"', begin) - begin);
        }
    }

    people add_people(const std::string& slug, const std::string& e164, unsigned devices) {
        people p;
        pg::admin admin(secret(scratch_->url()));
        p.org = admin.upsert_organization(slug, "Org " + slug);
        p.user = admin.upsert_user(slug + "@example.com", "User " + slug);
        admin.upsert_membership(p.org, p.user, "member");
        p.number = admin.upsert_number({p.org, "connection-1", e164, "user", p.user, "Main line"});
        for (unsigned i = 0; i < devices; ++i) {
            const auto n = std::to_string(i);
            const auto d = admin.upsert_device(
                {p.user, slug + "-device-" + n, "Phone " + n, i % 2 == 0 ? "ios" : "web",
                 "cred-" + slug + "-" + n, "gencred-" + slug + "-" + n, std::nullopt}
            );
            call::target t;
            t.device = d.device;
            t.identity = d.identity;
            t.sip_username = "gencred-" + slug + "-" + n;
            t.device_name = "Phone " + n;
            t.platform = i % 2 == 0 ? "ios" : "web";
            p.devices.push_back(t);
        }
        return p;
    }

    std::unique_ptr<scratch_database> scratch_;
    asio::io_context io_{1};
    std::unique_ptr<pqxx::connection> sql_;
    std::unique_ptr<pg::database> db_; // after io_: it goes first
};

} // namespace z360::testing
