// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Events that a commit brings into the inbox itself.
#include "calls.hpp"

using namespace z360;
using namespace z360::testing;
using port::commit_result;

namespace {

class call_store_events : public stored_calls {
  protected:
    // What it came to, or why not.
    awaitable<void> commit_into(port::call_commit c, std::string* out) {
        try {
            const auto r = co_await calls_->commit(std::move(c), k_claim);
            *out = r == commit_result::committed ? "stored" : "conflict";
        } catch (const std::exception& e) {
            *out = e.what();
        }
    }
    awaitable<void> append_into(std::vector<port::inbox_event> events, std::string* out) {
        try {
            for (const auto r : co_await inbox_->append(std::move(events), k_claim))
                *out += r == port::append_result::stored      ? "s"
                        : r == port::append_result::duplicate ? "d"
                                                              : "x";
        } catch (const std::exception& e) {
            *out = e.what();
        }
    }
    static port::call_commit next_step(const call::state& s, std::uint64_t version) {
        port::call_commit c;
        c.expected_version = version;
        c.next = s;
        c.at = k_noon;
        c.touched.emplace();
        c.joins_touched = false;
        return c;
    }
};

} // namespace

TEST_F(call_store_events, i_03_an_event_is_stored_with_what_was_decided_about_it_or_neither_is) {
    const auto s = ringing(people_, "s1");
    ASSERT_EQ(commit(first_commit(s)), commit_result::committed);
    port::call_commit step;
    step.expected_version = 1;
    step.next = s;
    step.at = k_noon;
    step.touched.emplace();
    step.joins_touched = false;
    auto e = event("new-1", R"({"data":{"id":"new-1","said":"\u00e4\u0000"}})", "s1");
    e.event_type = "call.answered";
    auto other = event("new-2", std::string("\xff\x00 no text", 10), "");
    other.route = port::webhook_route::credential;
    step.fresh_events = {e, other};
    step.notes.push_back({call::remark::winner_claimed, "leg"});
    ASSERT_EQ(commit(step), commit_result::committed);
    EXPECT_EQ(
        value("select string_agg(concat_ws(' ', event_id, event_type, route, call_session_id, status), ',' "
              "order by event_id) "
              "from webhook_events"),
        "new-1 call.answered call_control s1 done,new-2 " + other.event_type + " credential done"
    );
    EXPECT_EQ(
        value(
            "select count(*) from webhook_events where call_id = '" + s.id.text() +
            "' and processed_at = stored_at"
        ),
        "2"
    );
    EXPECT_EQ(
        value("select convert_from(body, 'UTF8') from webhook_events where event_id = 'new-1'"), e.body
    );
    EXPECT_EQ(value("select length(body) from webhook_events where event_id = 'new-2'"), "10");

    // One of them is known: nothing of the commit takes place.
    step.expected_version = 2;
    step.fresh_events = {event("new-3", "{}", "s1"), e};
    step.notes = {{call::remark::winner_claimed, "again"}};
    EXPECT_EQ(commit(step), commit_result::conflict);
    EXPECT_EQ(value("select count(*) from webhook_events"), "2");
    EXPECT_EQ(value("select version from calls"), "2");
    EXPECT_EQ(value("select count(*) from call_events where detail = 'again'"), "0");
    // And where the version is another's, its event is not stored either.
    step.expected_version = 7;
    step.fresh_events = {event("new-3", "{}", "s1")};
    EXPECT_EQ(commit(step), commit_result::conflict);
    EXPECT_EQ(value("select count(*) from webhook_events"), "2");
}

TEST_F(
    call_store_events, i_03_an_event_whose_id_is_no_text_refuses_the_commit_and_is_set_aside_by_the_inbox
) {
    const auto s = ringing(people_, "s1");
    ASSERT_EQ(commit(first_commit(s)), commit_result::committed);
    for (const auto& id :
         {std::string("a\0b", 3), std::string("\xff"), std::string(257, 'a'), std::string()}) {
        auto step = next_step(s, 1);
        step.fresh_events = {event("good", "{}", "s1"), event(id, "{}", "s1")};
        EXPECT_EQ(commit(step), commit_result::conflict);
        EXPECT_EQ(
            run(inbox_->append({event(id, "{}", "s1")}, k_claim)).at(0), port::append_result::set_aside
        );
    }
    EXPECT_EQ(value("select string_agg(distinct status, ',') from webhook_events"), "dead");
    EXPECT_EQ(value("select version from calls"), "1");
}

// A commit that has outrun its budget, and the inbox that stores its events by themselves meanwhile.
TEST_F(
    call_store_events, i_03_a_commit_and_the_inbox_that_store_the_same_events_wait_for_each_other_but_once
) {
    const auto s = ringing(people_, "s1");
    ASSERT_EQ(commit(first_commit(s)), commit_result::committed);
    sql("create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.1); return "
        "new; "
        "end $$");
    sql("create trigger slow before insert on webhook_events for each row execute function slow()");
    auto step = next_step(s, 1);
    const auto events = std::vector{event("z", "{}", "s1"), event("a", "{}", "s1")};
    step.fresh_events = events;
    std::string committed;
    std::string appended;
    std::vector<awaitable<void>> both;
    both.push_back(commit_into(step, &committed));
    both.push_back(append_into(events, &appended));
    run(together(std::move(both)));
    EXPECT_TRUE((committed == "stored" && appended == "dd") || (committed == "conflict" && appended == "ss"))
        << committed << " and " << appended;
    EXPECT_EQ(value("select count(*) from webhook_events"), "2");
}
