// SPDX-License-Identifier: LicenseRef-z360-proprietary
// How often, until when, and what is sent if nothing is heard.
#include "component/push/bed.hpp"

using namespace z360;
using namespace z360::test;

namespace {

void no_answer(h2_peer&, const h2_seen&) {}

awaitable<void> not_wanted(bed& b) {
    const auto never = b.start(b.effect(1), [](unsigned) { return false; });
    WAIT_UNTIL(never->done);
    EXPECT_EQ(never->out.result, outcome::superseded);
    EXPECT_FALSE(never->out.sent);
    EXPECT_TRUE(b.apns.seen.empty());

    b.apns.on_request = [](h2_peer& p, const h2_seen& r) { bed::refuse(p, r, 503, "ServiceUnavailable"); };
    const auto once = b.start(b.effect(1), [](unsigned attempt) { return attempt < 2; });
    WAIT_UNTIL(once->done);
    EXPECT_EQ(once->out.result, outcome::superseded);
    EXPECT_EQ(once->out.code, "ServiceUnavailable");
    EXPECT_EQ(b.apns.seen.size(), 1U);
}

awaitable<void> too_late(bed& b) {
    auto e = b.effect(1);
    e.deadline = b.clock.now() - 1ms;
    const auto late = b.start(std::move(e));
    WAIT_UNTIL(late->done);
    EXPECT_EQ(late->out.result, outcome::expired);
    EXPECT_TRUE(b.apns.seen.empty());

    b.apns.on_request = [](h2_peer& p, const h2_seen& r) { bed::refuse(p, r, 503, "ServiceUnavailable"); };
    const auto ring = 2s;
    const auto until = b.clock.now() + ring;
    const auto s = b.start(b.effect(1, kind::incoming_call, ring));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::expired);
    EXPECT_LE(b.clock.now(), until);
    for (const auto& a : b.ledger.attempts)
        EXPECT_LE(a.sent_at, until - ring / 4) << "nobody wakes up and answers in so short a time";
}

awaitable<void> unknown_once_more(bed& b) {
    int lost = 1;
    b.apns.on_request = [&lost](h2_peer& p, const h2_seen& r) {
        if (--lost >= 0)
            p.drop();
        else
            bed::accept(p, r);
    };
    const auto s = b.start(b.effect(1));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::done);
    EXPECT_EQ(b.apns.seen.size(), 2U);
    lost = 10;
    const auto twice = b.start(b.effect(1));
    WAIT_UNTIL(twice->done);
    EXPECT_EQ(twice->out.result, outcome::expired);
    EXPECT_TRUE(twice->out.sent) << "nobody knows";
    EXPECT_EQ(b.apns.seen.size(), 4U) << "two would be a habit";
}

awaitable<void> silence(bed& b) {
    b.apns.on_request = no_answer;
    const auto s = b.start(b.effect(1));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::expired);
    EXPECT_TRUE(s->out.sent);
    EXPECT_EQ(s->out.attempts, 2U);
    EXPECT_EQ(b.ledger.attempts.at(0).end, port::push_attempt_end::unknown);
    EXPECT_FALSE(b.ledger.attempts.at(0).answered_at);
}

awaitable<void> left_behind(bed& b) {
    b.apns.on_request = [](h2_peer& p, const h2_seen&) { p.drop(); };
    const auto s = b.start(b.effect(1), {}, true);
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::expired);
    EXPECT_EQ(b.apns.seen.size(), 1U) << "the other node's attempt was the first of two";
    const auto over = b.start(b.effect(1), [](unsigned) { return false; }, true);
    WAIT_UNTIL(over->done);
    EXPECT_EQ(over->out.result, outcome::superseded);
    EXPECT_TRUE(over->out.sent) << "perhaps by the other node: whoever may ring is told to stop";
}

// Every third answer is lost in some way; what is certainly not processed goes again, what was accepted
// never.
awaitable<void> under_load(bed& b) {
    constexpr int k_pushes = 300;
    std::map<std::string, int> taken;
    int n = 0;
    b.apns.on_request = [&](h2_peer& p, const h2_seen& r) {
        ++n;
        if (n % 50 == 7) { // this one, and what came after it, was not processed
            p.goaway(r.stream - 2, 0, R"({"reason":"Shutdown"})");
            return;
        }
        if (n % 11 == 0) {
            p.reset(r.stream, 7); // REFUSED_STREAM
            return;
        }
        ++taken[r.get("apns-id")];
        bed::accept(p, r);
    };
    std::vector<started_ptr> all;
    for (int i = 0; i < k_pushes; ++i)
        all.push_back(b.start(b.effect(1)));
    const auto done = [&all] {
        return std::all_of(all.begin(), all.end(), [](const auto& s) { return s->done; });
    };
    WAIT_UNTIL(done());
    int good = 0;
    for (const auto& s : all)
        good += s->out.result == outcome::done ? 1 : 0;
    EXPECT_EQ(good, k_pushes);
    EXPECT_EQ(taken.size(), static_cast<std::size_t>(k_pushes));
    for (const auto& [id, times] : taken)
        EXPECT_EQ(times, 1) << id;
}

// A claim lasts for five seconds; an answer may take ten.
awaitable<void> claim_is_kept(bed& b) {
    int stream = 0;
    h2_peer* peer = nullptr;
    b.fcm.on_request = [&](h2_peer& p, const h2_seen& r) {
        peer = &p;
        stream = r.stream;
    };
    int questions = 0;
    const auto s = b.start(b.effect(2, kind::missed_call), [&questions](unsigned) {
        ++questions;
        return true;
    });
    WAIT_UNTIL(questions >= 2 && stream != 0);
    peer->respond(stream, 200, R"({"name":"projects/our-project/messages/0:1"})");
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.attempts, 1U);
    EXPECT_EQ(s->out.result, outcome::done);
}

// The node stops: its runs are given up, and another node takes them over.
awaitable<void> given_up(bed& b) {
    b.apns.on_request = no_answer;
    const auto s = b.start(b.effect(1));
    WAIT_UNTIL(b.apns.seen.size() == 1);
    const auto began = std::chrono::steady_clock::now();
    co_await b.tasks.join();
    co_await b.runner->stop(300ms);
    b.stopped = true;
    EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
    EXPECT_FALSE(s->done);
}

awaitable<void> another_channel(bed& b) {
    call::effect e;
    e.id = "1";
    e.deadline = b.clock.now() + 1min;
    e.body = call::test_effect{};
    auto end = co_await b.runner->run(std::move(e), [](unsigned) -> awaitable<bool> { co_return true; });
    EXPECT_EQ(call::end_of(end).result, outcome::refused);
}

} // namespace

TEST(push_attempts, mob_18_a_push_that_is_not_wanted_any_more_is_not_sent) {
    bed().run(not_wanted);
}
TEST(push_attempts, none_leaves_after_its_deadline) {
    bed().run(too_late);
}
TEST(push_attempts, what_nothing_was_heard_of_goes_once_more) {
    bed().run(unknown_once_more);
}
TEST(push_attempts, a_service_that_says_nothing_is_not_waited_for_long) {
    bed b;
    b.settings.call_timeout = 300ms;
    b.run(silence);
}
TEST(push_attempts, be_21_a_push_that_a_node_left_behind_may_have_been_sent) {
    bed().run(left_behind);
}
TEST(push_attempts, goaways_and_refused_streams_lose_and_double_nothing) {
    bed().run(under_load);
}
TEST(push_attempts, be_21_a_claim_is_kept_while_an_answer_is_waited_for) {
    bed().run(claim_is_kept);
}
TEST(push_attempts, a_stop_with_a_push_on_its_way_is_bounded) {
    bed().run(given_up);
}
TEST(push_attempts, an_effect_of_another_channel_is_refused) {
    bed().run(another_channel);
}
