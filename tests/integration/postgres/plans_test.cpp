// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Plans are made once for each connection, perhaps while tables are empty, and kept. None of those that a
// call goes through may read what waits, or an organisation's calls: the tables grow.
#include "adapter/postgres/pool.hpp"
#include "calls.hpp"

#include <array>
#include <set>

using namespace z360;
using namespace z360::testing;

namespace {

// What they serve grows with a backlog, or with the calls of an organisation.
constexpr std::array<const char*, 6> k_for_others = {"webhook_events_pending", "webhook_events_dead",
                                                     "webhook_events_put_off", "commands_due",
                                                     "calls_of_organisation",  "Seq Scan"};

class plans : public postgres_test {
  protected:
    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        people_ = add_people("acme", "+15550100001", 3);
        auto s = settings();
        s.connections = 1; // whose plans are looked at
        one_ = std::make_unique<pg::database>(s);
        calls_ = pg::make_call_store(*one_);
        inbox_ = pg::make_event_inbox(*one_);
    }
    void TearDown() override {
        inbox_.reset();
        calls_.reset();
        one_.reset();
        postgres_test::TearDown();
    }
    std::string ask(const std::string& statement) {
        return run(one_->connections().run("test", [statement](pqxx::connection_base& c) {
            pqxx::nontransaction tx(c);
            std::string out;
            for (const auto& row : tx.exec(statement))
                out += std::string(row[0].c_str()) + "\n";
            return out;
        }));
    }
    /// One call through everything that a commit may hold.
    void a_call(const std::string& session) {
        std::vector<port::inbox_event> stored;
        for (const char* id : {"-first", "-second"}) {
            auto e = event(session + id, "x", session);
            e.begins = stored.empty();
            stored.push_back(std::move(e));
        }
        (void)run(inbox_->append(std::move(stored), millis{60'000}));
        const auto s = ringing(people_, session);
        auto begins = first_commit(s);
        begins.processed_events = {session + "-first"};
        ASSERT_EQ(run(calls_->commit(begins, millis{60'000})), port::commit_result::committed);
        port::call_commit next;
        next.expected_version = 1;
        next.next = s;
        join_leg(next.next, 0);
        next.at = k_noon;
        next.touched = {s.legs[0].id};
        next.notes.push_back({call::remark::winner_claimed, "leg"});
        next.processed_events = {session + "-second"};
        next.finished.emplace_back(call::ended_as(begins.new_effects[0], call::outcome::done));
        ASSERT_EQ(run(calls_->commit(next, millis{60'000})), port::commit_result::committed);
        next.expected_version = 2;
        next.processed_events.clear();
        next.fresh_events = {event(session + "-third", "y", session)};
        ASSERT_EQ(run(calls_->commit(next, millis{60'000})), port::commit_result::committed);
        (void)run(inbox_->claim_session(session, millis{60'000}));
    }

    people people_;
    std::unique_ptr<pg::database> one_;
    std::unique_ptr<port::call_store> calls_;
    std::unique_ptr<port::event_inbox> inbox_;
};

} // namespace

TEST_F(plans, sys_what_a_call_goes_through_never_reads_what_waits) {
    a_call("s1");
    std::istringstream names(
        ask("select name || ' ' || cardinality(parameter_types) from pg_prepared_statements "
            "where name ~ '^(call|inbox)_'")
    );
    std::set<std::string> looked_at;
    std::string name;
    for (int parameters = 0; names >> name >> parameters;) {
        std::string nulls;
        for (int n = 0; n < parameters; ++n)
            nulls += n == 0 ? "null" : ", null";
        const auto plan = ask("explain execute \"" + name + "\"(" + nulls + ")");
        for (const char* other : k_for_others)
            EXPECT_EQ(plan.find(other), std::string::npos) << name << " reads by " << other << "\n" << plan;
        looked_at.insert(name.substr(0, name.find_last_not_of("0123456789") + 1));
    }
    for (const char* expected : {"call_begin_", "call_step_", "inbox_append", "inbox_claim_session"})
        EXPECT_TRUE(looked_at.contains(expected)) << expected << " was not looked at";
}

// The checks of foreign keys have plans of their own, which nobody can look at: only what they used.
TEST_F(plans, sys_that_a_leg_is_of_its_calls_organisation_is_checked_by_the_calls_key) {
    for (int n = 0; n < 20; ++n)
        a_call("s" + std::to_string(n));
    (void)ask("select pg_stat_force_next_flush()::text");
    const auto used = [this](const std::string& index) {
        return std::atoi(
            ask("select coalesce(sum(idx_scan), 0) from pg_stat_user_indexes where indexrelname = '" + index +
                "'")
                .c_str()
        );
    };
    EXPECT_EQ(used("calls_of_organisation"), 0);
    EXPECT_GT(used("calls_call_id_org_id_key"), 20) << "the figures are not there";
}

// A commit says which legs it has changed; the others' rows are as they were.
TEST_F(plans, sys_only_what_a_commit_has_touched_is_written) {
    const auto s = ringing(people_, "s1");
    (void)run(calls_->commit(first_commit(s), millis{60'000}));
    port::call_commit c;
    c.expected_version = 1;
    c.next = s;
    c.at = k_noon;
    for (auto& l : c.next.legs)
        l.initiated = true;
    c.touched = {s.legs[1].id};
    c.joins_touched = false;
    ASSERT_EQ(run(calls_->commit(c, millis{60'000})), port::commit_result::committed);
    EXPECT_EQ(
        value("select string_agg(leg_id::text, ',') from call_legs where initiated"), s.legs[1].id.text()
    );
    c.expected_version = 2;
    c.touched.reset();
    ASSERT_EQ(run(calls_->commit(c, millis{60'000})), port::commit_result::committed);
    EXPECT_EQ(value("select count(*) from call_legs where initiated"), "3") << "all, when it is not said";
}
