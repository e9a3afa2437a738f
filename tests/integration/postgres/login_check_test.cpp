// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Logins with fewer rights than a superuser, before and after --migrate.
#include "adapter/postgres/ops/login_check.hpp"
#include "fixture.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

class login_check : public ::testing::Test {
  protected:
    void SetUp() override {
        if (server_url().empty()) GTEST_SKIP() << "set Z360_TEST_DATABASE_URL to run this test";
        pg::migrate(secret(scratch_database().url())); // so that the role, which all databases share, exists
        scratch_ = std::make_unique<scratch_database>();
        name_ = "z360_login_" + std::to_string(::getpid());
        super("drop role if exists " + name_);
    }
    void TearDown() override {
        scratch_.reset();
        if (!name_.empty()) super("drop role if exists " + name_);
    }
    static void super(const std::string& sql) {
        pqxx::connection c(server_url());
        pqxx::nontransaction tx(c);
        tx.exec("set client_min_messages = error");
        tx.exec(sql);
    }
    /// A login that owns the database.
    secret login(const std::string& rights) {
        super("create role " + name_ + " login " + rights);
        super("alter database " + scratch_->name() + " owner to " + name_);
        return as(name_);
    }
    secret as(const std::string& role) const {
        const auto url = scratch_->url();
        const auto from = url.find("://") + 3;
        return secret(url.substr(0, from) + role + url.substr(url.find('@', from)));
    }
    void here(const std::string& sql) const {
        pqxx::connection c(scratch_->url());
        pqxx::nontransaction tx(c);
        tx.exec(sql);
    }
    static std::string all(const std::vector<std::string>& lines) {
        std::string out;
        for (const auto& l : lines)
            out += l + "\n";
        return out;
    }
    std::unique_ptr<scratch_database> scratch_;
    std::string name_;
};

} // namespace

TEST_F(login_check, a_login_that_may_grant_the_role_gets_it_by_migrating) {
    const auto url = login("createrole");
    const auto before = pg::check_login(url);
    EXPECT_EQ(all(before.problems), "");
    EXPECT_NE(all(before.notes).find("the schema lacks 0001_init and "), std::string::npos)
        << all(before.notes);
    EXPECT_NE(all(before.notes).find("may not act as z360_tenant yet"), std::string::npos)
        << all(before.notes);
    pg::migrate(url);
    const auto after = pg::check_login(url);
    EXPECT_EQ(all(after.problems) + all(after.notes), "");
    EXPECT_FALSE(after.server.empty());
}

TEST_F(login_check, a_login_that_may_not_is_told_what_a_superuser_runs_and_then_works) {
    const auto url = login("nocreaterole");
    const auto before = pg::check_login(url);
    ASSERT_EQ(before.problems.size(), 1U) << all(before.problems);
    const auto fix = before.problems[0].substr(before.problems[0].find("run: ") + 5);
    EXPECT_TRUE(fix.starts_with("grant z360_tenant to " + name_)) << fix;
    EXPECT_THROW(pg::migrate(url), pg::migrate_error);
    super(fix);
    EXPECT_EQ(all(pg::check_login(url).problems), "");
    pg::migrate(url);
    const auto after = pg::check_login(url);
    EXPECT_EQ(all(after.problems) + all(after.notes), "");
}

TEST_F(login_check, a_right_that_was_lost_after_migrating_is_a_problem) {
    const auto url = login("createrole");
    pg::migrate(url);
    super("revoke z360_tenant from " + name_);
    const auto lost = pg::check_login(url);
    ASSERT_EQ(lost.problems.size(), 1U) << all(lost.notes);
    EXPECT_NE(
        lost.problems[0].find("may not act as z360_tenant; as a superuser run: grant"), std::string::npos
    );
}

TEST_F(login_check, a_login_without_rights_on_the_tables_is_told_whose_they_are_and_the_grant) {
    const auto owner = name_ + "_owner";
    super("drop role if exists " + owner);
    super("create role " + owner + " login createrole");
    super("alter database " + scratch_->name() + " owner to " + owner);
    pg::migrate(as(owner));
    super("create role " + name_ + " login");
    super("grant z360_tenant to " + name_);
    const auto first = pg::check_login(as(name_));
    ASSERT_EQ(first.problems.size(), 1U) << all(first.problems);
    const auto& said = first.problems[0];
    EXPECT_NE(said.find(name_ + " may not read and write the table "), std::string::npos) << said;
    EXPECT_NE(said.find("give database.url the login " + owner), std::string::npos) << said;
    here("grant select on all tables in schema public to " + name_);
    EXPECT_EQ(pg::check_login(as(name_)).problems.size(), 1U) << "some of the rights are not enough";
    const auto fix = said.substr(said.find("run: ") + 5);
    EXPECT_EQ(fix, "grant " + owner + " to " + name_);
    super(fix);
    const auto after = pg::check_login(as(name_));
    EXPECT_EQ(all(after.problems) + all(after.notes), "");
    scratch_.reset();
    super("drop role " + owner);
}

TEST_F(login_check, tables_of_a_superuser_are_handed_over_and_migrated_by_the_login_then) {
    pg::migrate(secret(scratch_->url()));
    super("create role " + name_ + " login");
    super("grant z360_tenant to " + name_);
    const auto first = pg::check_login(as(name_));
    ASSERT_EQ(first.problems.size(), 1U) << all(first.problems);
    const auto& said = first.problems[0];
    EXPECT_EQ(said.find('\n'), std::string::npos);
    here(said.substr(said.find("run in this database: ") + 22));
    const auto after = pg::check_login(as(name_));
    EXPECT_EQ(all(after.problems) + all(after.notes), "");
    EXPECT_TRUE(pg::migrate(as(name_)).applied.empty());
}

TEST_F(login_check, a_database_that_is_away_is_unavailable) {
    EXPECT_THROW((void)pg::check_login(secret("postgresql://postgres@127.0.0.1:1/none")), port::unavailable);
}

TEST(tenant_role, is_granted_with_the_right_to_act_where_that_is_a_right_of_its_own) {
    EXPECT_EQ(pg::grant_of_tenant_role("voip", 130'000), "grant z360_tenant to voip");
    EXPECT_EQ(pg::grant_of_tenant_role("voip", 150'014), "grant z360_tenant to voip");
    EXPECT_EQ(pg::grant_of_tenant_role("voip", 160'000), "grant z360_tenant to voip with set true");
    EXPECT_EQ(pg::grant_of_tenant_role("voip", 170'002), "grant z360_tenant to voip with set true");
}
