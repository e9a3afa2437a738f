// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Logins with fewer rights than a superuser, before and after --migrate.
#include "adapter/postgres/login_check.hpp"
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
        auto url = scratch_->url();
        const auto from = url.find("://") + 3;
        const auto at = url.find('@', from);
        return secret(url.substr(0, from) + name_ + url.substr(at));
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

TEST_F(login_check, a_database_that_is_away_is_unavailable) {
    EXPECT_THROW((void)pg::check_login(secret("postgresql://postgres@127.0.0.1:1/none")), port::unavailable);
}

TEST(tenant_role, is_granted_with_the_right_to_act_where_that_is_a_right_of_its_own) {
    EXPECT_EQ(pg::grant_of_tenant_role("voip", 130'000), "grant z360_tenant to voip");
    EXPECT_EQ(pg::grant_of_tenant_role("voip", 150'014), "grant z360_tenant to voip");
    EXPECT_EQ(pg::grant_of_tenant_role("voip", 160'000), "grant z360_tenant to voip with set true");
    EXPECT_EQ(pg::grant_of_tenant_role("voip", 170'002), "grant z360_tenant to voip with set true");
}
