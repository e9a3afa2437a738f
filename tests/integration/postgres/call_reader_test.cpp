// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "tenancy.hpp"

#include <set>

using namespace z360;
using namespace z360::testing;

namespace {

class call_views : public postgres_test {
  protected:
    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        acme_ = add_people("acme", "+15550100001", 2);
        store_ = pg::make_call_store(*db_);
        reader_ = pg::make_call_reader(*db_);
        who_ = tenant_scope::of(acme_.user);
    }
    void TearDown() override {
        reader_.reset();
        store_.reset();
        postgres_test::TearDown();
    }
    void begin(const std::string& session, millis after = millis{0}) {
        auto s = ringing(acme_, session);
        s.began += after;
        run(store_->commit(first_commit(s), millis{60'000}));
    }
    void end(const std::string& session) {
        port::call_commit c;
        c.expected_version = 1;
        c.next = ringing(acme_, session);
        c.next.reason = call::end_reason::caller_cancelled;
        c.next.ended_at = k_noon + millis{9'000};
        c.at = k_noon + millis{9'000};
        run(store_->commit(c, millis{60'000}));
    }
    std::vector<port::call_view> changed(std::uint64_t since, std::size_t limit = 100) {
        return run(reader_->changed(who_, since, limit));
    }
    static std::vector<std::string> sessions(const std::vector<port::call_view>& views) {
        std::vector<std::string> out;
        for (const auto& v : views)
            out.push_back(v.state.origin.call_session_id);
        return out;
    }
    using names = std::vector<std::string>;

    people acme_;
    std::unique_ptr<port::call_store> store_;
    std::unique_ptr<port::call_reader> reader_;
    tenant_scope who_;
};

} // namespace

TEST_F(call_views, ios_05_a_call_is_told_with_its_organisation_its_number_and_its_devices) {
    begin("s1");
    for (const auto& id : {std::string("s1"), id_of("s1").text()}) {
        const auto v = run(reader_->find(who_, id));
        ASSERT_TRUE(v) << id;
        EXPECT_EQ(v->state, ringing(acme_, "s1"));
        EXPECT_EQ(v->version, 1U);
        EXPECT_GT(v->position, 0U);
        EXPECT_EQ(v->org.id, acme_.org);
        EXPECT_EQ(v->org.name, "Org acme");
        EXPECT_EQ(v->org.slug, "acme");
        EXPECT_EQ(v->org.role, "member");
        EXPECT_EQ(v->org.status, "active");
        EXPECT_EQ(v->channel_number, "+15550100001");
        ASSERT_EQ(v->device_uids.size(), 2U);
        EXPECT_EQ(v->device_uids[0].first, acme_.devices[0].device);
        EXPECT_EQ(v->device_uids[0].second, "acme-device-0");
    }
    EXPECT_FALSE(run(reader_->find(who_, "")));
    EXPECT_FALSE(run(reader_->find(who_, std::string("x\0'", 3))));
}

TEST_F(call_views, ios_05_the_same_question_gets_the_same_answer_any_number_of_times) {
    begin("s1");
    begin("s2", millis{5});
    end("s1");
    const auto before = value("select string_agg(ctid::text || xmin::text, ',' order by ctid) from calls");
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(sessions(run(reader_->live(who_))), names{"s2"});
        EXPECT_EQ(sessions(run(reader_->newest(who_, 10))), (names{"s2", "s1"}));
    }
    EXPECT_EQ(sessions(run(reader_->newest(who_, 1))), names{"s2"});
    EXPECT_EQ(value("select string_agg(ctid::text || xmin::text, ',' order by ctid) from calls"), before);
}

TEST_F(call_views, state_03_a_call_comes_again_whenever_it_has_changed) {
    begin("s1");
    begin("s2");
    auto page = changed(0);
    EXPECT_EQ(sessions(page), (names{"s1", "s2"}));
    const auto since = page.back().position;
    EXPECT_TRUE(changed(since).empty());
    end("s1");
    page = changed(since);
    EXPECT_EQ(sessions(page), names{"s1"});
    EXPECT_EQ(page[0].version, 2U);
    EXPECT_EQ(phase_of(page[0].state), call::phase::ended);
    EXPECT_GT(page[0].position, since);
}

TEST_F(call_views, state_03_a_change_of_an_older_transaction_still_under_way_is_not_skipped) {
    begin("slow");
    begin("quick");
    const auto since = changed(0).back().position;
    pqxx::connection other(scratch_->url());
    {
        pqxx::work slow(other); // has its place in the order, and is not over
        slow.exec("update calls set updated_at = now() where call_session_id = 'slow'");
        end("quick");
        EXPECT_TRUE(changed(since).empty()) << "a reader that passed the younger would miss the older one";
        slow.commit();
    }
    EXPECT_EQ(sessions(changed(since)), (names{"slow", "quick"}));
    {
        pqxx::work given_up(other);
        given_up.exec("update calls set updated_at = now() where call_session_id = 'slow'");
    }
    EXPECT_EQ(sessions(changed(since)), (names{"slow", "quick"})) << "what was rolled back holds nobody up";
}

TEST_F(call_views, state_03_a_page_never_cuts_a_position_in_half) {
    for (const auto* s : {"s1", "s2", "s3", "s4", "s5", "s6"})
        begin(s);
    sql("update calls set updated_at = now() where call_session_id in ('s3', 's4')"); // one transaction
    for (const std::size_t limit : {1U, 2U, 3U, 5U}) {
        std::uint64_t since = 0;
        std::set<std::string> seen;
        std::size_t told = 0;
        for (auto page = changed(since, limit); !page.empty(); page = changed(since, limit)) {
            EXPECT_LE(page.size(), std::max<std::size_t>(limit, 2)) << "only the shared position is larger";
            for (const auto& s : sessions(page))
                seen.insert(s);
            told += page.size();
            EXPECT_GT(page.back().position, since);
            since = page.back().position;
        }
        EXPECT_EQ(seen.size(), 6U) << "limit " << limit;
        EXPECT_EQ(told, 6U) << "limit " << limit;
    }
    EXPECT_EQ(sessions(changed(0, 5)), (names{"s1", "s2", "s5", "s6"})) << "the shared position did not fit";
}

TEST_F(call_views, a_call_that_a_newer_server_stored_hides_no_other) {
    begin("s1");
    begin("s2");
    sql("update calls set snapshot = '{\"v\": 999}' where call_session_id = 's1'");
    EXPECT_EQ(sessions(run(reader_->live(who_))), names{"s2"});
    EXPECT_FALSE(run(reader_->find(who_, "s1")));
}

// A dump brings its server's positions along; the server it is restored into counts from a lower number.
TEST_F(call_views, state_03_after_a_restore_into_another_server_no_call_is_out_of_sight) {
    const std::uint64_t far = 4'000'000'000'000;
    for (const char* session : {"s1", "s2", "s3"})
        begin(session);
    sql("alter table calls disable trigger calls_changed");
    sql("update calls set changed = (" + std::to_string(far) +
        " + n)::text::xid8 from (select call_id as id, row_number() over (order by call_id) as n from calls) "
        "x "
        "where id = call_id");
    sql("alter table calls enable trigger calls_changed");
    EXPECT_TRUE(changed(0).empty()) << "not mended yet";
    EXPECT_EQ(pg::migrate(secret(scratch_->url())).mended, 3U);
    EXPECT_EQ(pg::migrate(secret(scratch_->url())).mended, 0U);
    EXPECT_EQ(changed(0).size(), 3U);
    // A client has a position of the server before.
    const auto page = changed(far + 3);
    ASSERT_EQ(page.size(), 3U);
    EXPECT_LT(page.back().position, far);
    EXPECT_TRUE(changed(page.back().position).empty());
    begin("s4");
    EXPECT_EQ(sessions(changed(page.back().position)), names{"s4"});
}
