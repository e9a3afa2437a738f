// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "fixture.hpp"

#include <array>
#include <thread>

using namespace z360;
using namespace z360::testing;

namespace {

class migrations : public ::testing::Test {
  protected:
    void SetUp() override {
        if (server_url().empty()) GTEST_SKIP() << "set Z360_TEST_DATABASE_URL to run this test";
        scratch_ = std::make_unique<scratch_database>();
        url_ = secret(scratch_->url());
    }
    std::int64_t count(const std::string& sql) {
        pqxx::connection c(scratch_->url());
        pqxx::nontransaction tx(c);
        return tx.exec(sql)[0][0].as<std::int64_t>();
    }
    std::unique_ptr<scratch_database> scratch_;
    secret url_;
};

constexpr std::array<pg::migration, 2> k_two = {{
    {1, "first", "aa", "create table one (x int)"},
    {2, "second", "bb", "create table two (x int); insert into two values (2)"},
}};

} // namespace

TEST_F(migrations, are_applied_once_however_often_they_are_asked_for) {
    EXPECT_EQ(pg::pending_migrations(url_).size(), pg::embedded_migrations().size());
    const auto first = pg::migrate(url_);
    EXPECT_EQ(first.applied.size(), pg::embedded_migrations().size());
    EXPECT_EQ(first.applied.front(), "0001_init");
    const auto again = pg::migrate(url_);
    EXPECT_TRUE(again.applied.empty());
    EXPECT_EQ(again.version, first.version);
    EXPECT_TRUE(pg::pending_migrations(url_).empty());
    EXPECT_GT(count("select count(*) from information_schema.tables where table_name = 'webhook_events'"), 0);
}

TEST_F(migrations, of_nodes_that_start_together_take_turns) {
    std::array<std::thread, 4> nodes;
    std::array<pg::migrate_report, 4> reports;
    std::array<std::string, 4> errors;
    for (std::size_t i = 0; i < nodes.size(); ++i)
        nodes.at(i) = std::thread([&, i] {
            try {
                reports.at(i) = pg::migrate(url_);
            } catch (const std::exception& e) {
                errors.at(i) = e.what();
            }
        });
    for (auto& n : nodes)
        n.join();
    std::size_t applied = 0;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        EXPECT_EQ(errors.at(i), "");
        applied += reports.at(i).applied.size();
    }
    EXPECT_EQ(applied, pg::embedded_migrations().size());
}

TEST_F(migrations, altered_after_they_were_applied_are_refused_by_name) {
    pg::migrate(url_, k_two);
    auto altered = k_two;
    altered[0].checksum = "cc";
    try {
        pg::migrate(url_, altered);
        FAIL() << "an altered migration was accepted";
    } catch (const pg::migrate_error& e) {
        EXPECT_NE(std::string(e.what()).find("0001_first"), std::string::npos) << e.what();
    }
    EXPECT_THROW((void)pg::pending_migrations(url_, altered), pg::migrate_error);
}

TEST_F(migrations, that_fail_leave_nothing_behind_and_do_not_stop_the_earlier_ones) {
    auto broken = k_two;
    broken[1].sql = "create table two (x int); select 1/0";
    try {
        pg::migrate(url_, broken);
        FAIL() << "a failing migration was reported as applied";
    } catch (const pg::migrate_error& e) {
        EXPECT_NE(std::string(e.what()).find("0002_second"), std::string::npos) << e.what();
    }
    EXPECT_EQ(count("select count(*) from information_schema.tables where table_name = 'one'"), 1);
    EXPECT_EQ(count("select count(*) from information_schema.tables where table_name = 'two'"), 0);
    const auto report = pg::migrate(url_, k_two); // corrected: goes on where it stopped
    ASSERT_EQ(report.applied.size(), 1U);
    EXPECT_EQ(report.applied[0], "0002_second");
}

TEST_F(migrations, of_a_newer_server_are_accepted_and_reported) {
    pg::migrate(url_, k_two);
    const auto report = pg::migrate(url_, std::span(k_two).first(1));
    EXPECT_TRUE(report.applied.empty());
    ASSERT_EQ(report.newer.size(), 1U);
    EXPECT_EQ(report.newer[0], "0002_second");
    EXPECT_EQ(report.version, 2);
}

TEST_F(migrations, that_were_slipped_in_before_an_applied_one_are_refused) {
    pg::migrate(url_, std::span(k_two).last(1));
    EXPECT_THROW(pg::migrate(url_, k_two), pg::migrate_error);
}

TEST_F(migrations, are_told_as_a_state_of_the_schema_with_the_fix) {
    using kind = pg::schema_state::kind;
    const std::array<pg::migration, 3> three = {{k_two[0], k_two[1], {3, "third", "cc", "select 1"}}};
    const auto look = [&](std::span<const pg::migration> files) {
        pg::database_settings s;
        s.url = url_;
        pg::database db(std::move(s));
        asio::io_context io{1};
        std::optional<pg::schema_state> out;
        asio::co_spawn(
            io, rt::detail::into(pg::look_at_schema(db, files), &out),
            [](const std::exception_ptr& e) { EXPECT_FALSE(e) << rt::what(e); }
        );
        io.run();
        return out.value_or(pg::schema_state{});
    };
    const auto expect = [](const pg::schema_state& s, kind what, bool usable, const std::string& said) {
        EXPECT_EQ(pg::name(s.what), pg::name(what)) << s.detail;
        EXPECT_EQ(s.usable(), usable) << s.detail;
        EXPECT_NE(s.detail.find(said), std::string::npos) << s.detail;
    };
    expect(look(k_two), kind::missing, false, "run z360-voipd --migrate");
    pg::migrate(url_, std::span(k_two).first(1));
    expect(look(k_two), kind::older, false, "lacks 0002_second; run z360-voipd --migrate");
    expect(look(three), kind::older, false, "0002_second, 0003_third");
    pg::migrate(url_, k_two);
    const auto current = look(k_two);
    expect(current, kind::current, true, "");
    EXPECT_EQ(current.detail, "");
    pg::migrate(url_, three);
    expect(look(k_two), kind::newer, true, "has 0003_third");
    auto altered = k_two;
    altered[0].checksum = "dd";
    expect(look(altered), kind::diverged, false, "0001_first was changed after it had been applied");
    const std::array<pg::migration, 2> gap = {{k_two[0], {2, "other", "ee", "select 1"}}};
    expect(look(gap), kind::diverged, false, "restore the file");
}

TEST_F(migrations, without_a_server_fail_soon_with_unavailable) {
    const auto began = std::chrono::steady_clock::now();
    EXPECT_THROW(pg::migrate(secret("postgresql://postgres@127.0.0.1:1/none")), port::unavailable);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2));
}

namespace {

/// A transaction that holds a table until it is let go.
class holder {
  public:
    holder(const std::string& url, const std::string& table) : db_(url), tx_(db_) {
        tx_.exec("select count(*) from " + table);
    }
    void let_go() { tx_.abort(); }

  private:
    pqxx::connection db_;
    pqxx::work tx_;
};

constexpr std::array<pg::migration, 2> k_altering = {{
    {1, "first", "aa", "create table one (x int)"},
    {2, "second", "bb", "alter table one add column y int"},
}};

pg::migrate_patience short_patience() {
    pg::migrate_patience p;
    p.lock = millis{50};
    p.pause = millis{20};
    p.all_tries = millis{600};
    p.others = millis{200};
    return p;
}

} // namespace

TEST_F(migrations, that_get_no_lock_end_with_who_is_in_the_way_and_nothing_applied) {
    pg::migrate(url_, std::span(k_altering).first(1));
    holder reader(scratch_->url(), "one");
    const auto began = std::chrono::steady_clock::now();
    try {
        pg::migrate(url_, k_altering, short_patience());
        FAIL() << "it was applied under a reader";
    } catch (const pg::migrate_error& e) {
        const std::string what = e.what();
        for (const char* said :
             {"0002_second", "in the way: pid ", "idle in transaction", "run --migrate again"})
            EXPECT_NE(what.find(said), std::string::npos) << what;
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20)) << "it waits for ever";
    reader.let_go();
    EXPECT_EQ(
        pg::migrate(url_, k_altering, short_patience()).applied, std::vector<std::string>{"0002_second"}
    );
}

TEST_F(migrations, let_everybody_else_work_while_somebody_is_in_their_way) {
    pg::migrate(url_, std::span(k_altering).first(1));
    auto reader = std::make_unique<holder>(scratch_->url(), "one");
    std::string failed;
    std::thread migrating([&] {
        auto p = short_patience();
        p.all_tries = millis{30'000};
        try {
            pg::migrate(url_, k_altering, p);
        } catch (const std::exception& e) {
            failed = e.what();
        }
    });
    // Written to again and again: the one behind the migration waits for its short patience, never for the
    // reader.
    pqxx::connection other(scratch_->url());
    {
        pqxx::nontransaction tx(other);
        tx.exec("set statement_timeout = '10s'");
        std::size_t waited = 0;
        while (waited < 3) {
            const auto asking =
                tx.exec("select count(*) from pg_locks where not granted and relation = 'one'::regclass");
            if (asking[0][0].as<int>() == 0) continue;
            tx.exec("insert into one values (1)");
            ++waited;
        }
    }
    reader->let_go();
    migrating.join();
    EXPECT_EQ(failed, "");
    EXPECT_EQ(count("select count(*) from information_schema.columns where table_name = 'one'"), 2);
}

TEST_F(migrations, do_not_wait_for_ever_for_another_nodes) {
    pqxx::connection other(scratch_->url());
    pqxx::nontransaction tx(other);
    tx.exec("select pg_advisory_lock(" + std::to_string(0x7A333630'6D696772) + ")");
    try {
        pg::migrate(url_, k_altering, short_patience());
        FAIL() << "two at a time";
    } catch (const pg::migrate_error& e) {
        EXPECT_NE(std::string(e.what()).find("another migration of this database"), std::string::npos)
            << e.what();
    }
}

TEST_F(migrations, outside_a_transaction_go_on_from_their_beginning_after_a_failure) {
    const std::string begin =
        "-- Why.\n" + std::string(pg::k_outside) +
        "drop index concurrently if exists one_x;\ncreate index concurrently one_x on one (x);\n";
    const std::string bad = begin + "select 1 /\n 0;\n";
    const std::string good = begin + "do $$\nbegin\n    perform 1;\nend $$;\n";
    std::array<pg::migration, 2> files = {{k_two[0], {2, "beside", "bb", bad}}};
    EXPECT_THROW(pg::migrate(url_, files), pg::migrate_error);
    EXPECT_EQ(pg::pending_migrations(url_, files), std::vector<std::string>{"0002_beside"});
    files[1].sql = good;
    EXPECT_EQ(pg::migrate(url_, files).applied, std::vector<std::string>{"0002_beside"});
    EXPECT_EQ(count("select count(*) from pg_index where indexrelid = 'one_x'::regclass and indisvalid"), 1);
}

TEST_F(migrations, leave_no_index_invalid) {
    pg::migrate(url_);
    EXPECT_EQ(count("select count(*) from pg_index where not indisvalid"), 0);
    EXPECT_EQ(
        count("select count(*) from pg_indexes where indexname in "
              "('webhook_events_pending', 'webhook_events_settled', 'calls_ended')"),
        3
    );
}

TEST(migration_files, are_taken_apart_at_the_semicolons_that_end_a_line) {
    const auto parts =
        pg::statements_of("-- about ; this;\n\nselect 1; -- one\n  ;\ndo $$ begin\n  perform 1;\nend $$;\n"
                          "select ';' ||\n'x';\nselect 2");
    ASSERT_EQ(parts.size(), 4U);
    EXPECT_EQ(parts[0], "select 1; -- one\n  ;\n");
    EXPECT_EQ(parts[1], "do $$ begin\n  perform 1;\nend $$;\n");
    EXPECT_EQ(parts[2], "select ';' ||\n'x';\n");
    EXPECT_EQ(parts[3], "select 2\n");
}

TEST_F(migrations, i_05_devices_that_only_bound_backends_have_registered_are_bound_from_then_on) {
    pg::migrate(url_, std::span(pg::embedded_migrations()).first(4));
    pqxx::connection c(std::string(url_.reveal()));
    {
        pqxx::work tx(c);
        tx.exec(R"sql(
insert into organizations (org_id, slug, name) values (1, 'acme', 'Acme'), (2, 'globex', 'Globex');
insert into users (user_id, login, name) values (1, 'ada@example.com', 'Ada');
insert into devices (device_id, user_id, device_uid, platform)
select n, 1, 'phone-' || n, 'ios' from generate_series(1, 6) n;
insert into api_tokens (token_id, kind, hash, hash_key_id, org_id, user_id, device_id, expires_at, ends_at)
select n, kind, sha256(n::text::bytea), 'k1', org, who, device, now() + interval '1 day', now() + interval '1 day'
  from (values (1, 'service', 1, null, null), (2, 'service', null, null, null), (3, 'service', 2, null, null),
               (4, 'enrolment', 1, 1, null), (11, 'device', null, 1, 1), (12, 'device', null, 1, 2))
       as t (n, kind, org, who, device);
-- 1 by Acme twice, 2 by Acme and then by somebody who is not bound, 3 by Acme and Globex, 4 by a code, 5 by cookie
insert into audit_events (actor, token_id, device_id, action)
values ('service', 1, 1, 'device_registered'), ('service', 1, 1, 'device_registered'),
       ('service', 1, 2, 'device_registered'), ('service', 2, 2, 'device_registered'),
       ('service', 1, 3, 'device_registered'), ('service', 3, 3, 'device_registered'),
       ('enrolment', 4, 4, 'device_registered'), ('cookie', null, 5, 'device_registered'))sql");
        tx.commit();
    }
    pg::migrate(url_);
    EXPECT_EQ(count("select count(*) from devices where bound_org_id is not null"), 1);
    EXPECT_EQ(count("select bound_org_id from devices where device_id = 1"), 1);
    EXPECT_EQ(count("select count(*) from api_tokens where bound_org_id is not null"), 1);
    EXPECT_EQ(count("select bound_org_id from api_tokens where token_id = 11"), 1);
    EXPECT_EQ(count("select count(*) from installation"), 1);
}
