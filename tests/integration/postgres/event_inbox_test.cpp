// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "calls.hpp"

#include <z360/port/metrics.hpp>

#include <map>
#include <mutex>
#include <set>

using namespace z360;
using namespace z360::testing;
using port::append_result;

namespace {

constexpr millis k_claim{60'000};

class statement_counter final : public port::metrics {
  public:
    void count(std::string_view, port::labels, double) override {}
    void gauge(std::string_view, double, port::labels) override {}
    void observe(std::string_view, double, port::labels l) override {
        const std::scoped_lock lock(mutex_);
        for (const auto& [key, value] : l)
            if (key == "statement") ++statements_[std::string(value)];
    }
    [[nodiscard]] std::string text() const override { return {}; }
    int statements(const std::string& name) {
        const std::scoped_lock lock(mutex_);
        return statements_[name];
    }

  private:
    std::mutex mutex_;
    std::map<std::string, int> statements_;
};

class event_inbox : public postgres_test {
  protected:
    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        db_ = std::make_unique<pg::database>(settings(), &counter_);
        inbox_ = pg::make_event_inbox(*db_);
    }
    void TearDown() override {
        inbox_.reset();
        postgres_test::TearDown();
    }
    std::vector<append_result> append(std::vector<port::inbox_event> events, millis claim = k_claim) {
        return run(inbox_->append(std::move(events), claim));
    }
    awaitable<void> append_and_count(port::event_inbox& box, std::vector<port::inbox_event> events) {
        try {
            const auto results = co_await box.append(std::move(events), k_claim);
            for (const auto r : results)
                ++counts_[r];
        } catch (const pg::statement_error&) {
            ++refused_;
        }
    }
    std::map<append_result, int> counts_;
    int refused_ = 0;
    statement_counter counter_;
    std::unique_ptr<port::event_inbox> inbox_;
};

std::vector<std::string> ids(const std::vector<port::inbox_event>& events) {
    std::vector<std::string> out;
    for (const auto& e : events)
        out.push_back(e.event_id);
    return out;
}

} // namespace

TEST_F(event_inbox, be_34_the_same_event_again_is_a_duplicate_and_other_bytes_are_kept_aside) {
    EXPECT_EQ(append({event("e1", "body")}), std::vector{append_result::stored});
    EXPECT_EQ(append({event("e1", "body")}), std::vector{append_result::duplicate});
    EXPECT_EQ(append({event("e1", "altered")}), std::vector{append_result::conflict});
    EXPECT_EQ(append({event("e1", "altered")}), std::vector{append_result::conflict});
    EXPECT_EQ(value("select convert_from(body, 'UTF8') from webhook_events"), "body");
    EXPECT_EQ(value("select string_agg(convert_from(body, 'UTF8'), ',') from webhook_conflicts"), "altered");
}

TEST_F(event_inbox, be_34_an_event_stays_known_after_it_was_processed) {
    append({event("e1", "body"), event("e2", "body")});
    run(inbox_->mark_ignored({"e1"}));
    run(inbox_->mark_dead({"e2"}, "no such session"));
    EXPECT_EQ(
        append({event("e1", "body"), event("e2", "body")}),
        (std::vector{append_result::duplicate, append_result::duplicate})
    );
    EXPECT_TRUE(run(inbox_->claim_pending(10, k_claim)).empty());
}

TEST_F(event_inbox, be_12_repeats_inside_one_request_are_judged_one_by_one) {
    const auto r =
        append({event("a", "1"), event("a", "1"), event("b", "2"), event("a", "x"), event("c", "3")});
    EXPECT_EQ(
        r, (std::vector{
               append_result::stored, append_result::duplicate, append_result::stored,
               append_result::conflict, append_result::stored
           })
    );
    EXPECT_EQ(value("select count(*) from webhook_events"), "3");
}

TEST_F(event_inbox, keeps_every_byte_of_a_body) {
    std::string body;
    for (int i = 0; i < 256; ++i)
        body.push_back(static_cast<char>(i));
    auto e = event("e1", body, "session");
    e.event_type = std::string("call\0\xFF", 6);
    e.route = port::webhook_route::credential_failover;
    e.call_control_id = "v3:x";
    append({e}, millis{0});
    const auto back = run(inbox_->claim_pending(10, k_claim));
    ASSERT_EQ(back.size(), 1U);
    EXPECT_EQ(back[0].body, body);
    EXPECT_EQ(back[0].route, port::webhook_route::credential_failover);
    EXPECT_EQ(back[0].call_session_id, "session");
    EXPECT_EQ(back[0].call_control_id, "v3:x");
    EXPECT_EQ(back[0].received_at, k_noon);
    EXPECT_EQ(back[0].attempts, 0U);
}

TEST_F(event_inbox, a_thousand_events_in_one_request_are_stored_in_order) {
    std::vector<port::inbox_event> events;
    for (int i = 0; i < 1000; ++i)
        events.push_back(event("e" + std::to_string(i), std::string(500, static_cast<char>('a' + i % 26))));
    const auto results = append(events, millis{0});
    EXPECT_EQ(results, std::vector(1000, append_result::stored));
    EXPECT_EQ(value("select count(*) from webhook_events where digest = sha256(body)"), "1000");
    std::set<std::string> seen;
    for (int round = 0; round < 4; ++round)
        for (const auto& e : run(inbox_->claim_pending(250, k_claim)))
            EXPECT_TRUE(seen.insert(e.event_id).second) << e.event_id;
    EXPECT_EQ(seen.size(), 1000U);
}

TEST_F(event_inbox, requests_that_arrive_during_an_insert_share_the_next_one) {
    std::vector<awaitable<void>> tasks;
    for (int n = 0; n < 200; ++n)
        tasks.push_back(append_and_count(*inbox_, {event("e" + std::to_string(n), "x")}));
    run(together(std::move(tasks)));
    EXPECT_EQ(value("select count(*) from webhook_events"), "200");
    EXPECT_LE(counter_.statements("inbox_append"), 3); // the first alone, the rest together
}

TEST_F(event_inbox, be_25_two_nodes_that_store_the_same_events_at_once_agree_who_was_first) {
    auto second_node = std::make_unique<pg::database>(settings());
    auto other = pg::make_event_inbox(*second_node);
    const auto batch = [](bool backwards) {
        std::vector<port::inbox_event> events;
        for (int i = 0; i < 300; ++i)
            events.push_back(event("e" + std::to_string(backwards ? 299 - i : i), "x"));
        return events;
    };
    std::vector<awaitable<void>> tasks;
    tasks.push_back(append_and_count(*inbox_, batch(false)));
    tasks.push_back(append_and_count(*other, batch(true)));
    run(together(std::move(tasks)));
    EXPECT_EQ(counts_[append_result::stored], 300);
    EXPECT_EQ(counts_[append_result::duplicate], 300);
    EXPECT_EQ(counts_[append_result::conflict], 0);
    other.reset();
    second_node.reset();
}

TEST_F(event_inbox, be_21_events_of_a_dead_node_are_offered_after_their_claim_oldest_first) {
    auto later = event("later", "x");
    later.received_at = k_noon + millis{5};
    append({later, event("early", "x")}, millis{0});
    append({event("claimed", "x")});
    EXPECT_EQ(ids(run(inbox_->claim_pending(10, k_claim))), (std::vector<std::string>{"early", "later"}));
    EXPECT_TRUE(run(inbox_->claim_pending(10, k_claim)).empty());
}

TEST_F(event_inbox, be_12_parked_events_come_back_after_their_delay_and_with_their_session) {
    append({event("e1", "x", "s1"), event("e2", "x", "s1"), event("e3", "x", "s2")});
    run(inbox_->postpone({"e1", "e2", "e3"}, k_claim, "session unknown"));
    EXPECT_TRUE(run(inbox_->claim_pending(10, k_claim)).empty());
    const auto mine = run(inbox_->claim_session("s1", k_claim));
    EXPECT_EQ(ids(mine), (std::vector<std::string>{"e1", "e2"}));
    EXPECT_EQ(mine[0].attempts, 1U);
    run(inbox_->postpone({"e3"}, millis{0}, "still unknown"));
    const auto due = run(inbox_->claim_pending(10, k_claim));
    ASSERT_EQ(ids(due), std::vector<std::string>{"e3"});
    EXPECT_EQ(due[0].attempts, 2U);
}

TEST_F(event_inbox, a_row_that_cannot_be_stored_does_not_keep_its_neighbours_out) {
    sql("alter table webhook_events add check (event_type <> 'poison')");
    std::vector<awaitable<void>> tasks;
    for (int n = 0; n < 20; ++n) {
        auto e = event("e" + std::to_string(n), "x");
        if (n == 7) e.event_type = "poison";
        tasks.push_back(append_and_count(*inbox_, {e}));
    }
    run(together(std::move(tasks)));
    EXPECT_EQ(counts_[append_result::stored], 19);
    EXPECT_EQ(refused_, 1);
}

TEST_F(event_inbox, impossible_ids_are_refused_before_they_reach_a_batch) {
    EXPECT_THROW(append({event("", "x")}), std::invalid_argument);
    EXPECT_THROW(append({event(std::string(300, 'a'), "x")}), std::invalid_argument);
    EXPECT_THROW(append({event(std::string("a\0b", 3), "x")}), std::invalid_argument);
}
