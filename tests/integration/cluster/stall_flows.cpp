// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Postgres answers late, or for a while not at all, and three nodes have copies of the same calls: time alone
// must never take a talk away.
#include "integration/cluster/cluster_flow.hpp"
#include "integration/flows/aftermath.hpp"

#include <pqxx/pqxx>

#include <atomic>
#include <thread>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

/// Commits of calls wait for up to a second, again and again, until this object ends.
class slow_commits {
  public:
    explicit slow_commits(const std::string& url) : db_(url), thread_([this] { hold(); }) {}
    ~slow_commits() {
        over_ = true;
        thread_.join();
    }
    slow_commits(const slow_commits&) = delete;
    slow_commits& operator=(const slow_commits&) = delete;
    /// Has the table, or has had it.
    [[nodiscard]] bool holds() const { return rounds_ > 0; }

  private:
    void hold() {
        while (!over_) {
            pqxx::work tx(db_);
            tx.exec("lock table calls in share row exclusive mode");
            ++rounds_;
            tx.exec("select pg_sleep(1)");
            tx.commit(); // whoever waits meanwhile comes before the next round
        }
    }
    pqxx::connection db_;
    std::atomic<bool> over_{false};
    std::atomic<unsigned> rounds_{0};
    std::thread thread_;
};

enum class absence { frozen, cut_off };

class stall_flow : public cluster_flow {};
class absence_flow : public cluster_flow, public ::testing::WithParamInterface<absence> {};

std::string name_of(const ::testing::TestParamInfo<absence>& what) {
    return what.param == absence::frozen ? "frozen" : "cut_off";
}

} // namespace

TEST_F(stall_flow, i_21_commits_that_wait_a_second_cut_no_talk) {
    auto& r = set_up();
    r.phone(1, phone::answers(200ms));
    std::vector<party> all;
    {
        slow_commits slow(r.database_url());
        ASSERT_TRUE(eventually([&] { return slow.holds(); }));
        for (int round = 0; round < 4; ++round)
            all = all + ring(r, 3);
        EXPECT_EQ(not_joined(r, all, 20s), "");
        EXPECT_EQ(parted(r, all, 5s), ""); // longer than any limit of a bridge
    }
    expect_active(r, all);
    EXPECT_EQ(parted(r, all, 2s), "");
    EXPECT_EQ(buried_or_tried_more_than(r, 20), "");
    EXPECT_EQ(farewell(r, all), "");
}

TEST_P(absence_flow, i_21_ten_seconds_without_postgres_cut_no_talk) {
    auto& r = set_up();
    teach_routes(r);
    r.phone(1, phone::answers(300ms));
    const auto before = ring(r, 4);
    ASSERT_EQ(not_joined(r, before, 10s), "");
    const auto meanwhile = ring(r, 4); // answered and joined at about the moment that Postgres goes
    if (GetParam() == absence::frozen)
        pair().freeze(pair().primary());
    else
        r.postgres(0).cut();
    const auto away_since = std::chrono::steady_clock::now();
    std::vector<party> during;
    for (int i = 0; i < 4; ++i)
        during.push_back(arrive(r));
    const auto rest = std::chrono::floor<millis>(away_since + 10s - std::chrono::steady_clock::now());
    EXPECT_EQ(parted(r, before, rest), "");
    if (GetParam() == absence::frozen)
        pair().thaw(pair().primary());
    else
        r.postgres(0).resume();
    ASSERT_TRUE(all_ready(r, 10s));
    const auto all = before + meanwhile + during;
    EXPECT_EQ(not_joined(r, all, 20s), "");
    EXPECT_EQ(parted(r, all, 4s), ""); // what was decided before is written down now: it changes nothing
    expect_active(r, all);
    EXPECT_EQ(buried_or_tried_more_than(r, 20), "");
    EXPECT_EQ(farewell(r, all), "");
}
INSTANTIATE_TEST_SUITE_P(
    postgres, absence_flow, ::testing::Values(absence::frozen, absence::cut_off), name_of
);
