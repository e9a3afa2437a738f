// SPDX-License-Identifier: LicenseRef-z360-proprietary
// News of a call that nobody waits for are gathered, and nothing that somebody waits for waits with them.
#include "engine/mailbox.hpp"
#include "support/scenario.hpp"

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace z360;
using namespace z360::engine;
using z360::testing::sample_incoming;

namespace {

const time_point k_start{millis{1'800'000'000'000}};

/// A mailbox with a call that rings its phones, and what it does about each thing that arrives.
struct ringing_call {
    explicit ringing_call(int phones) : first(sample_incoming(phones)), box(first.id) {
        around.now = k_start;
        around.ticks = rt::clock::time_point(k_start.time_since_epoch());
        around.gathering = millis{100};
        box.arrive(item{first, "e0"});
        EXPECT_EQ(run(), 1U);
        for (const auto& l : box.loaded()->state.legs)
            legs.push_back(l.id);
    }
    /// Until it rests or waits; how many commits.
    std::size_t run() {
        std::size_t commits = 0;
        for (waits.reset();;) {
            auto what = box.next(around);
            if (std::holds_alternative<todo::rest>(what)) return commits;
            if (const auto* p = std::get_if<todo::pause>(&what)) {
                waits = p->at_most;
                return commits;
            }
            if (std::holds_alternative<todo::hint>(what)) box.hinted(false);
            if (const auto* w = std::get_if<todo::write>(&what)) {
                ++commits;
                written = w->what;
                box.written(written_as::stored);
            }
        }
    }
    void pass(millis t) {
        around.now += t;
        around.ticks += t;
    }
    [[nodiscard]] call::leg_ref phone(std::size_t n) const {
        return {"v3:d" + std::to_string(n), legs.at(n)};
    }

    call::incoming first;
    mailbox box;
    surroundings around;
    std::vector<leg_id> legs;
    std::optional<rt::clock::duration> waits;
    port::call_commit written;
};

} // namespace

TEST(mailbox_steps, sys_what_is_told_of_all_legs_of_a_ring_is_one_commit) {
    ringing_call c(5);
    for (std::size_t n = 0; n < 5; ++n) {
        c.box.arrive(item{call::leg_initiated{c.phone(n)}, "up" + std::to_string(n)});
        EXPECT_EQ(c.run(), 0U);
        ASSERT_TRUE(c.waits);
        EXPECT_EQ(*c.waits, millis{100 - 10 * static_cast<int>(n)}) << "counted from the first";
        c.pass(millis{10});
    }
    c.pass(millis{50});
    EXPECT_EQ(c.run(), 1U);
    EXPECT_EQ(c.written.processed_events.size(), 5U);
    ASSERT_TRUE(c.written.touched);
    EXPECT_EQ(c.written.touched->size(), 5U);
    EXPECT_FALSE(c.written.joins_touched);
    EXPECT_FALSE(c.waits);
}

TEST(mailbox_steps, sys_who_answers_waits_for_nothing_and_takes_along_what_was_gathered) {
    ringing_call c(3);
    c.box.arrive(item{call::leg_initiated{c.phone(0)}, "up"});
    EXPECT_EQ(c.run(), 0U);
    c.box.arrive(item{call::leg_answered{c.phone(1)}, "answer"});
    EXPECT_EQ(c.run(), 1U);
    EXPECT_EQ(c.written.processed_events, (std::vector<std::string>{"up", "answer"}));
    EXPECT_EQ(c.written.touched->size(), 2U) << "two of three legs have changed";
    EXPECT_TRUE(c.written.joins_touched);
}

TEST(mailbox_steps, sys_the_end_of_a_talk_and_a_deadline_wait_for_nothing) {
    ringing_call c(2);
    c.box.arrive(item{call::leg_answered{c.phone(0)}, "answer"});
    EXPECT_EQ(c.run(), 1U);
    c.box.arrive(item{call::leg_hangup{c.phone(1), "originator_cancel"}, "loser"});
    EXPECT_EQ(c.run(), 0U);
    EXPECT_TRUE(c.waits) << "nobody waits for the end of one who was let go";
    c.box.arrive(item{call::leg_hangup{c.phone(0), "normal_clearing"}, "winner"});
    EXPECT_EQ(c.run(), 1U) << "the caller would hear nothing any more";

    ringing_call late(1);
    late.pass(*call::deadline(late.box.loaded()->state) - late.around.now);
    late.box.arrive(item{call::leg_initiated{late.phone(0)}, "up"});
    (void)late.run();
    EXPECT_FALSE(late.waits) << "time is up";
}

TEST(mailbox_steps, be_37_the_outcome_of_an_answer_whose_bridge_is_on_its_way_waits_for_the_bridge) {
    for (const bool followed : {true, false}) {
        ringing_call c(1);
        c.box.arrive(item{call::leg_answered{c.phone(0)}, "answer"});
        EXPECT_EQ(c.run(), 1U);
        call::command_outcome done;
        done.what = call::verb::answer;
        done.result = call::outcome::done;
        done.who = {c.first.call_control_id, std::nullopt};
        item i{done, {}};
        i.followed = followed;
        c.box.arrive(std::move(i));
        EXPECT_EQ(c.run(), followed ? 0U : 1U);
    }
}

TEST(mailbox_steps, sys_the_end_of_a_talk_that_was_forgotten_here_is_read_at_once) {
    ringing_call c(1);
    c.box.arrive(item{call::leg_answered{c.phone(0)}, "answer"});
    EXPECT_EQ(c.run(), 1U);
    for (const bool shared : {false, true}) {
        mailbox later(c.first.id); // a long talk leaves memory
        c.around.shared = shared;
        later.arrive(item{call::leg_hangup{c.phone(0), "normal_clearing"}, "winner"});
        const auto what = later.next(c.around);
        EXPECT_EQ(std::holds_alternative<todo::read>(what), !shared);
    }
}

TEST(mailbox_steps, i_16_what_was_decided_is_remembered_without_the_bytes_of_its_event) {
    boost::asio::io_context io;
    ringing_call c(2);
    const auto tell = [&](call::event what, const char* id, written_as how) {
        auto e = std::make_shared<fresh_event>(port::inbox_event{}, io.get_executor());
        item i{std::move(what), id};
        i.fresh = e;
        i.since = c.around.ticks;
        c.box.arrive(std::move(i));
        bool wrote = false;
        while (!wrote || !c.box.queue().empty()) {
            auto next = c.box.next(c.around);
            if (std::holds_alternative<todo::hint>(next)) c.box.hinted(false);
            if (std::holds_alternative<todo::write>(next)) c.box.written(how);
            wrote = wrote || std::holds_alternative<todo::act>(next);
        }
        return std::weak_ptr(e);
    };
    // The database is away, and comes back with the second.
    const auto first = tell(call::leg_answered{c.phone(0)}, "answer", written_as::unavailable);
    EXPECT_TRUE(c.box.unsaved());
    const auto second = tell(call::leg_hangup{c.phone(0), "normal_clearing"}, "gone", written_as::stored);
    EXPECT_FALSE(c.box.unsaved());
    EXPECT_TRUE(first.expired());
    EXPECT_TRUE(second.expired());
}
