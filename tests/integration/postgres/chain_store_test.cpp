// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Effects that wait for another one, in the outbox: whose they are, when it is their turn, how they end.
#include "calls.hpp"
#include "wire/state_codec.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace z360;
using namespace z360::testing;
using port::commit_result;

namespace {

constexpr millis k_claim{60'000};
const std::string k_first = "first";
const std::string k_second = "second";

class chain_store : public postgres_test {
  protected:
    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        people_ = add_people("acme", "+15550100001", 1);
        calls_ = pg::make_call_store(*db_);
    }
    void TearDown() override {
        calls_.reset();
        postgres_test::TearDown();
    }
    static call::command command_of(const std::string& id, call::command_body body, time_point until) {
        call::command c;
        c.id = id;
        c.call_control_id = "v3:leg";
        c.issued_at = k_noon;
        c.deadline = until;
        c.body = std::move(body);
        return c;
    }
    static call::effect first(time_point until = k_far) {
        return command_of(k_first, call::answer_body{}, until);
    }
    static call::effect released(time_point until = k_far) {
        return command_of(k_second, call::bridge_body{}, until);
    }
    static call::effect waiting(time_point until = k_far, const std::string& id = k_second) {
        call::effect e = released(until);
        e.id = id;
        e.after = call::predecessor{k_first, millis{3'000}};
        return e;
    }
    /// Stores a call with these, claimed for so long.
    void begin(std::vector<call::effect> effects, port::effect_claims claim = millis{0}) {
        s_ = ringing(people_, "s1");
        auto c = first_commit(s_);
        c.new_effects = std::move(effects);
        ASSERT_EQ(run(calls_->commit(std::move(c), claim)), commit_result::committed);
        version_ = 1;
    }
    void step(
        std::vector<call::effect> effects, std::vector<call::effect_outcome> finished,
        millis claim = millis{0}
    ) {
        port::call_commit c;
        c.expected_version = version_++;
        c.next = s_;
        c.at = k_noon + millis{7};
        c.new_effects = std::move(effects);
        c.finished = std::move(finished);
        ASSERT_EQ(run(calls_->commit(std::move(c), claim)), commit_result::committed);
    }
    static call::effect_outcome end(const call::effect& e, call::outcome how) {
        return call::ended_as(e, how);
    }
    /// What a node may take now: ids, in brackets what only comes along.
    std::string
    taken(std::vector<call::channel> channels = {call::channel::carrier}, millis claim = millis{0}) {
        std::vector<std::string> ids;
        for (const auto& o : run(calls_->claim_effects(10, claim, std::move(channels)))) {
            EXPECT_EQ(o.call, s_.id);
            EXPECT_EQ(o.what.after.has_value(), o.what.id != k_first && o.what.id != "free") << o.what.id;
            ids.push_back(o.waits ? "(" + o.what.id + ")" : o.what.id);
        }
        std::sort(ids.begin(), ids.end());
        std::string out;
        for (const auto& id : ids)
            out += (out.empty() ? "" : " ") + id;
        return out;
    }
    std::string status(const std::string& id = k_second) {
        return value(
            "select status || coalesce(' ' || error_code, '') || coalesce(' after ' || after_id, '') from "
            "commands where command_id = '" +
            id + "'"
        );
    }

    static constexpr time_point k_far{millis{4'000'000'000'000}};
    people people_;
    call::state s_;
    std::uint64_t version_ = 0;
    std::unique_ptr<port::call_store> calls_;
};

} // namespace

// What is issued with an answer may take longer than an answer: it must not be carried out twice for that.
TEST_F(chain_store, be_21_each_effect_of_a_commit_is_claimed_for_a_time_of_its_own) {
    begin({first(), command_of("free", call::playback_stop_body{}, k_far)}, {k_claim, millis{0}});
    EXPECT_EQ(taken(), "first") << "the other is its node's for longer";
}

TEST_F(chain_store, be_21_one_that_waits_comes_along_with_what_it_waits_for_and_is_not_taken_alone) {
    begin({first(), waiting()});
    EXPECT_EQ(status(), "pending after first");
    EXPECT_EQ(taken({call::channel::carrier}, k_claim), "(second) first");
    EXPECT_EQ(taken(), "") << "the first one's claim holds for both";
    EXPECT_EQ(
        value("select claimed_until <= clock_timestamp() from commands where command_id = 'second'"), "t"
    );
}

TEST_F(chain_store, be_21_it_is_its_turn_once_what_it_waited_for_is_done) {
    begin({first(), waiting()});
    step({}, {end(first(), call::outcome::done)}, k_claim);
    EXPECT_EQ(status(), "pending after first");
    EXPECT_EQ(taken(), "") << "whoever stored the success starts it: its claim";
    sql("update commands set claimed_until = clock_timestamp() where status = 'pending'");
    EXPECT_EQ(taken(), "second");
    step({}, {end(waiting(), call::outcome::done)});
    EXPECT_EQ(status(), "done after first");
    EXPECT_EQ(taken(), "");
}

TEST_F(chain_store, i_09_it_is_given_up_in_the_commit_that_says_that_what_it_waited_for_failed) {
    for (const auto how :
         {call::outcome::refused, call::outcome::expired, call::outcome::superseded, call::outcome::peer_gone
         }) {
        sql("delete from commands; delete from call_events; delete from call_joins; delete from call_legs; "
            "delete from calls");
        begin({first(), waiting()});
        step({}, {end(first(), how)});
        EXPECT_EQ(status(), "superseded predecessor_" + std::string(name(how)) + " after first");
        EXPECT_EQ(
            value("select extract(epoch from finished_at)::numeric(20,3) from commands where command_id = "
                  "'second'"),
            "1760000000.130"
        );
        EXPECT_EQ(taken(), "");
        step({released()}, {}, k_claim); // the core wants it all the same
        EXPECT_EQ(status(), "pending");
    }
}

TEST_F(chain_store, i_09_a_release_makes_it_a_row_like_any_other) {
    begin({first(), waiting()});
    EXPECT_EQ(
        value("select form from commands where command_id = 'second'"),
        std::to_string(wire::k_plain_form + wire::k_waiting_form)
    );
    auto free = released(k_far + millis{1});
    step({free}, {});
    EXPECT_EQ(status(), "pending");
    EXPECT_EQ(
        value("select form from commands where command_id = 'second'"), std::to_string(wire::k_plain_form)
    );
    const auto all = run(calls_->claim_effects(10, k_claim, {call::channel::carrier}));
    ASSERT_EQ(all.size(), 2U);
    for (const auto& o : all)
        if (o.what.id == k_second) {
            EXPECT_FALSE(o.what.after);
            EXPECT_EQ(o.what.deadline, free.deadline) << "the new one, in what is decoded, too";
        }
    // and it has nothing to do with the first one any more
    step({}, {end(first(), call::outcome::refused)});
    EXPECT_EQ(status(), "pending");
}

TEST_F(chain_store, i_07_a_release_does_not_reopen_what_has_been_carried_out) {
    for (const auto how : {call::outcome::done, call::outcome::refused, call::outcome::expired}) {
        sql("delete from commands; delete from call_events; delete from call_joins; delete from call_legs; "
            "delete from calls");
        begin({first(), waiting()});
        step({}, {end(waiting(), how)});
        step({released()}, {});
        EXPECT_EQ(status(), std::string(name(how)) + " after first");
        EXPECT_EQ(taken(), "first");
    }
}

// The chain ran before its decisions were stored: all of it is in one commit.
TEST_F(chain_store, i_20_released_and_finished_at_once_it_is_finished) {
    begin({first(), waiting()});
    step({released()}, {end(first(), call::outcome::done), end(released(), call::outcome::done)});
    EXPECT_EQ(status(k_first), "done");
    EXPECT_EQ(status().substr(0, 4), "done");
    EXPECT_EQ(taken(), "");
}

TEST_F(chain_store, i_20_issued_and_finished_at_once_it_waits_for_nothing) {
    begin({});
    step({first(), waiting()}, {end(first(), call::outcome::done), end(waiting(), call::outcome::done)});
    EXPECT_EQ(status(), "done");
    EXPECT_EQ(
        value("select form from commands where command_id = 'second'"), std::to_string(wire::k_plain_form)
    );
}

TEST_F(chain_store, i_09_released_while_what_it_waited_for_fails_it_lives) {
    begin({first(), waiting()});
    step({released()}, {end(first(), call::outcome::expired)});
    EXPECT_EQ(status(), "pending");
    EXPECT_EQ(status(k_first), "expired");
    EXPECT_EQ(value("select finished_at is null from commands where command_id = 'second'"), "t");
}

// A second end of the first one, by a node that had taken it over, is none.
TEST_F(chain_store, i_10_the_first_end_of_what_it_waits_for_counts) {
    begin({first(), waiting()});
    step({}, {end(first(), call::outcome::done)});
    step({}, {end(first(), call::outcome::superseded)});
    EXPECT_EQ(status(), "pending after first");
    EXPECT_EQ(taken(), "second");
}

// Nothing waits for ever: an earlier program says how the first one ended, and not a word of who waits for
// it.
TEST_F(chain_store, be_21_one_whose_turn_never_came_is_found_after_its_deadline) {
    const auto now = std::stoll(value("select (extract(epoch from clock_timestamp()) * 1000)::bigint"));
    begin(
        {first(), waiting(time_point{millis{now + 600'000}}),
         waiting(time_point{millis{now - 4'000}}, "soon"), waiting(time_point{millis{now - 5'000}}, "late")}
    );
    sql("update commands set status = 'refused', finished_at = now() where command_id = 'first'");
    EXPECT_EQ(taken(), "late");
}

TEST_F(chain_store, it_is_a_row_of_its_channel) {
    call::effect other;
    other.id = k_second;
    other.issued_at = k_noon;
    other.deadline = k_far;
    other.after = call::predecessor{k_first, millis{3'000}};
    other.body = call::test_effect{id_of("s1"), "hello"};
    begin({first(), other});
    EXPECT_EQ(
        value("select form from commands where command_id = 'second'"),
        std::to_string(wire::k_other_channels_form + wire::k_waiting_form)
    );
    EXPECT_EQ(taken(), "first");
    EXPECT_EQ(taken({call::channel::carrier, call::channel::test}), "(second) first");
    EXPECT_EQ(taken({call::channel::test}), "");
    step({}, {end(first(), call::outcome::done)});
    EXPECT_EQ(taken(), "");
    EXPECT_EQ(taken({call::channel::test}), "second");
}

TEST_F(chain_store, a_newer_programs_waiting_row_is_left_alone) {
    begin({first(), waiting()});
    sql("update commands set form = " + std::to_string(wire::k_state_version + 1 + wire::k_waiting_form) +
        " where command_id = 'second'");
    EXPECT_EQ(taken(), "first");
    step({}, {end(first(), call::outcome::done)});
    EXPECT_EQ(taken(), "");
}

TEST_F(chain_store, programs_from_before_chains_leave_it_alone_and_its_release_to_those_who_know_them) {
    begin({first(), waiting()});
    // its statements: by form and channel, and by form alone
    const std::string version = std::to_string(wire::k_plain_form);
    const std::string rules[] = {
        "form <= case channel when 'carrier' then " + version + " else " +
            std::to_string(wire::k_other_channels_form) + " end",
        "form <= " + version
    };
    for (const auto& rule : rules)
        EXPECT_EQ(
            value(
                "select string_agg(command_id, ' ') from commands where status = 'pending' and claimed_until "
                "<= clock_timestamp() and " +
                rule
            ),
            "first"
        );
    // it issues the same bridge at once, and ends it
    sql("insert into commands (command_id, call_id, org_id, verb, payload, deadline, status, claimed_until, "
        "created_at, form) select command_id, call_id, org_id, verb, payload, deadline, 'pending', "
        "clock_timestamp(), created_at, " +
        version +
        " from commands where command_id = 'second' on conflict (command_id) do update set status = "
        "excluded.status where commands.status = 'superseded' and excluded.status = 'pending'");
    EXPECT_EQ(status(), "pending after first");
    sql("update commands set status = 'done', finished_at = now() where status = 'pending'");
    EXPECT_EQ(taken(), "");
}

TEST_F(chain_store, b_21_it_goes_with_its_call) {
    begin({first(), waiting()});
    EXPECT_NO_THROW(sql("delete from commands where call_id = any(array(select call_id from calls))"));
    EXPECT_EQ(value("select count(*) from commands"), "0");
}
