// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The bridge waits for the caller's answer: who starts it, when, and how often, whatever fails in between.
#include "engine/followers.hpp"
#include "support/engine_play.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>

using namespace z360;
using namespace z360::testing;
using namespace std::chrono_literals;
using call::verb;

namespace {

struct world : engine_world {
    int serial = 0;

    // A commit that stalls is waited for: nothing is decided in memory.
    world() { settings.commit_budget = 60s; }
    int questions = 0; ///< to the carrier

    engine::engine& add_node() {
        auto p = ports();
        p.ask = [this](std::string) -> awaitable<engine::carrier_answer> {
            ++questions;
            engine::carrier_answer a;
            a.answered = true;
            co_return a;
        };
        return start(std::move(p));
    }
    engine::genuine_webhook of(const std::string& leg, const std::string& type, const std::string& extra) {
        return {
            port::webhook_route::call_control, clock.now(),
            webhook_body(type, "e" + std::to_string(++serial), leg, extra)
        };
    }
    engine::genuine_webhook of_caller(const std::string& type, const std::string& extra = "") {
        return of("v3:caller", type, extra);
    }
    engine::genuine_webhook of_device(int n, const std::string& type) {
        return of(
            "v3:" + legs.at(static_cast<std::size_t>(n - 1)).text(), type,
            R"(,"client_state":"mark:)" + std::to_string(n) + R"(")"
        );
    }
    /// The outbox's newest row of this kind; null: none.
    [[nodiscard]] const memory_store::row* row(verb v) const {
        const memory_store::row* out = nullptr;
        for (const auto& [key, r] : store.commands)
            if (call::kind_of(r.what) == name(v)) out = &r;
        return out;
    }
    [[nodiscard]] bool ended(verb v, call::outcome how) const {
        const auto* r = row(v);
        return r != nullptr && r->finished && r->how == how;
    }
    [[nodiscard]] double chained() { return metrics.counts["commands_chained_total"]; }
};

/// A device has answered, and the caller is being answered: `answers` is where that stands still.
awaitable<bool> claimed(world& w, engine::engine& node, std::set<verb>& answers) {
    auto first = w.of_caller("call.initiated", k_caller_waits);
    co_await node.accept(std::move(first));
    const bool rings = co_await until([&] {
        return w.state() != nullptr && w.state()->legs[0].dial == call::dial_status::accepted &&
               w.state()->legs[1].dial == call::dial_status::accepted;
    });
    if (!rings) co_return false;
    answers.insert(verb::answer);
    auto answered = w.of_device(1, "call.answered");
    co_await node.accept(std::move(answered));
    const bool there = co_await until([&] { return w.in(call::phase::answering); });
    co_return there;
}
#define CLAIMED(node, answers)                                                                               \
    {                                                                                                        \
        const bool there = co_await claimed(w, node, answers);                                               \
        EXPECT_TRUE(there);                                                                                  \
        if (!there) co_return;                                                                               \
    }

awaitable<void> no_commit_between(world& w) {
    auto& node = w.add_node();
    CLAIMED(node, w.telnyx.held);
    EXPECT_EQ(w.row(verb::bridge)->what.after->id, w.row(verb::answer)->what.id);
    w.store.stalled = true;
    w.telnyx.held.clear();
    WAIT_FOR(w.telnyx.count(verb::bridge) == 1);
    EXPECT_TRUE(w.in(call::phase::answering)) << "nothing was stored since the claim";
    EXPECT_EQ(w.chained(), 1);
    w.store.stalled = false;
    WAIT_FOR(w.in(call::phase::bridging));
    WAIT_FOR(w.ended(verb::answer, call::outcome::done) && w.ended(verb::bridge, call::outcome::done));
    WAIT_FOR(w.telnyx.count(verb::hangup) == 1); // the other phone: the bridge is a fact
    EXPECT_EQ(w.questions, 0) << "nothing is taken away by time";
    EXPECT_EQ(w.telnyx.count(verb::bridge), 1U);
    EXPECT_EQ(w.telnyx.count(verb::answer), 1U);
}

awaitable<void> answer_refused(world& w) {
    w.directory.answer.rules.answer_limit = 300ms;
    w.telnyx.ends[verb::answer] = call::outcome::refused;
    auto& node = w.add_node();
    CLAIMED(node, w.telnyx.held);
    w.telnyx.held.clear();
    WAIT_FOR(w.ended(verb::answer, call::outcome::refused));
    EXPECT_TRUE(w.ended(verb::bridge, call::outcome::superseded)) << "in the same commit";
    EXPECT_EQ(w.telnyx.count(verb::bridge), 0U);
    WAIT_FOR(w.in(call::phase::bridging)); // the core tries it all the same
    WAIT_FOR(w.telnyx.count(verb::bridge) == 1);
    WAIT_FOR(w.ended(verb::bridge, call::outcome::done));
    EXPECT_EQ(w.chained(), 0);
}

awaitable<void> webhook_first(world& w) {
    auto& node = w.add_node();
    CLAIMED(node, w.telnyx.late);
    auto answered = w.of_caller("call.answered");
    co_await node.accept(std::move(answered));
    WAIT_FOR(w.in(call::phase::bridging));
    WAIT_FOR(w.telnyx.count(verb::bridge) == 1);
    w.telnyx.late.clear();
    WAIT_FOR(w.ended(verb::answer, call::outcome::done) && w.ended(verb::bridge, call::outcome::done));
    WAIT_FOR(w.telnyx.count(verb::hangup) == 1);
    EXPECT_EQ(w.telnyx.count(verb::bridge), 1U) << "released by the webhook, and not started again";
    EXPECT_EQ(w.chained(), 0);
}

// The answer's success and the caller's webhook come together; the chained bridge is still under way when the
// decision releases it.
awaitable<void> released_under_way(world& w) {
    auto& node = w.add_node();
    CLAIMED(node, w.telnyx.held);
    w.telnyx.late.insert(verb::bridge);
    w.telnyx.held.clear();
    WAIT_FOR(w.telnyx.count(verb::bridge) == 1);
    auto answered = w.of_caller("call.answered");
    co_await node.accept(std::move(answered));
    WAIT_FOR(w.in(call::phase::bridging) && w.store.processed.size() == 3);
    EXPECT_EQ(w.telnyx.count(verb::bridge), 1U);
    EXPECT_FALSE(w.row(verb::bridge)->what.after) << "the decision released it";
    w.telnyx.late.clear();
    WAIT_FOR(w.ended(verb::bridge, call::outcome::done));
    WAIT_FOR(w.telnyx.count(verb::hangup) == 1);
    EXPECT_EQ(w.telnyx.count(verb::bridge), 1U);
    EXPECT_EQ(w.chained(), 1);
}

awaitable<void> device_leaves(world& w) {
    auto& node = w.add_node();
    CLAIMED(node, w.telnyx.held);
    auto gone = w.of_device(1, "call.hangup");
    co_await node.accept(std::move(gone));
    WAIT_FOR(w.in(call::phase::ringing));
    w.telnyx.held.clear();
    WAIT_FOR(w.ended(verb::answer, call::outcome::done));
    EXPECT_TRUE(w.ended(verb::bridge, call::outcome::superseded)) << "in the same commit";
    EXPECT_EQ(w.telnyx.count(verb::bridge), 0U);
    EXPECT_EQ(w.chained(), 0);
}

awaitable<void> stop_it(engine::engine* node, bool* stopped) {
    co_await node->stop(2s);
    *stopped = true;
}

// I15: it begins nothing new, and what is begun is brought to its end.
awaitable<void> stopping(world& w) {
    auto& node = w.add_node();
    CLAIMED(node, w.telnyx.held);
    bool stopped = false;
    boost::asio::co_spawn(w.io, stop_it(&node, &stopped), [](std::exception_ptr) {});
    co_await rt::sleep_for(5ms); // tidy: allow, it is stopping then
    w.telnyx.held.clear();
    WAIT_FOR(stopped);
    EXPECT_EQ(w.telnyx.count(verb::bridge), 1U);
    EXPECT_TRUE(w.ended(verb::bridge, call::outcome::done));
    EXPECT_EQ(w.chained(), 1);
}

/// The node dies while the carrier has the answer or has not; another one goes on from the rows alone.
awaitable<void> taken_over(world& w, std::set<verb>& answers) {
    w.settings.urgent_claim = 30ms;
    w.settings.event_claim = 30ms;
    auto& node = w.add_node();
    CLAIMED(node, answers);
    co_await node.stop(0ms);
    EXPECT_EQ(w.telnyx.count(verb::bridge), 0U);
    answers.clear();
    w.store.stalled = true;
    w.add_node();
    WAIT_FOR(w.telnyx.count(verb::bridge) >= 1);
    EXPECT_TRUE(w.in(call::phase::answering)) << "no commit in between there, too";
    EXPECT_EQ(w.telnyx.distinct(verb::answer), 1U);
    EXPECT_EQ(w.chained(), 1);
    w.store.stalled = false;
    WAIT_FOR(w.in(call::phase::bridging));
    WAIT_FOR(w.ended(verb::answer, call::outcome::done) && w.ended(verb::bridge, call::outcome::done));
    EXPECT_EQ(w.telnyx.distinct(verb::bridge), 1U);
}
awaitable<void> dies_before_the_answer(world& w) {
    co_await taken_over(w, w.telnyx.held);
}
awaitable<void> dies_after_the_answer(world& w) {
    co_await taken_over(w, w.telnyx.late);
}

// Both were carried out, and nothing of it was stored: the other node repeats both, the carrier knows the
// ids.
awaitable<void> outcomes_lost(world& w) {
    w.settings.urgent_claim = 30ms;
    w.settings.event_claim = 30ms;
    auto& node = w.add_node();
    CLAIMED(node, w.telnyx.held);
    w.store.stalled = true;
    w.telnyx.held.clear();
    WAIT_FOR(w.telnyx.count(verb::bridge) == 1);
    co_await node.stop(0ms);
    w.store.stalled = false;
    EXPECT_TRUE(w.in(call::phase::answering));
    w.add_node();
    WAIT_FOR(w.in(call::phase::bridging));
    WAIT_FOR(w.ended(verb::answer, call::outcome::done) && w.ended(verb::bridge, call::outcome::done));
    EXPECT_EQ(w.telnyx.distinct(verb::bridge), 1U);
}

// One whose turn never came: an earlier program recorded the end of what it waited for, say.
awaitable<void> never_its_turn(world& w) {
    auto& node = w.add_node();
    CLAIMED(node, w.telnyx.held);
    auto late = w.row(verb::bridge)->what;
    late.id = "late";
    late.after->id = "nobody";
    late.deadline = w.clock.now() - 5s;
    w.store.commands.emplace(
        "late", memory_store::row{call_id{*uuid::parse(k_session)}, late, w.clock.now() - 1s}
    );
    auto waits = late;
    waits.id = "waits";
    waits.deadline = w.clock.now() + 60s;
    w.store.commands.emplace(
        "waits", memory_store::row{call_id{*uuid::parse(k_session)}, waits, w.clock.now() - 1s}
    );
    WAIT_FOR(w.store.commands.at("late").finished);
    EXPECT_EQ(w.store.commands.at("late").how, call::outcome::superseded);
    EXPECT_FALSE(w.store.commands.at("waits").finished);
    EXPECT_EQ(w.telnyx.count(verb::bridge), 0U);
}

call::effect waiting(const std::string& id, const std::string& on, time_point until) {
    call::effect e;
    e.id = id;
    e.deadline = until;
    e.after = call::predecessor{on, 1s};
    e.body = call::test_effect{};
    return e;
}

} // namespace

TEST(chains, i_09_the_bridge_follows_the_answer_without_a_commit_in_between) {
    run(no_commit_between);
}
TEST(chains, i_09_a_refused_answer_takes_its_bridge_along_and_the_core_issues_it_again) {
    run(answer_refused);
}
TEST(chains, be_12_the_callers_webhook_starts_the_bridge_before_the_answers_reply) {
    run(webhook_first);
}
TEST(chains, i_07_a_release_does_not_start_again_what_is_under_way) {
    run(released_under_way);
}
TEST(chains, i_01_a_device_that_leaves_meanwhile_is_not_bridged) {
    run(device_leaves);
}
TEST(chains, i_15_a_stopping_node_brings_a_chain_to_its_end) {
    run(stopping);
}
TEST(chains, be_21_a_node_that_dies_before_the_answer_leaves_the_whole_chain) {
    run(dies_before_the_answer);
}
TEST(chains, be_21_a_node_that_dies_between_answer_and_bridge_leaves_both) {
    run(dies_after_the_answer);
}
TEST(chains, i_07_a_chain_whose_outcomes_are_lost_is_repeated_under_its_ids) {
    run(outcomes_lost);
}
TEST(chains, be_21_one_whose_turn_never_comes_is_given_up_after_its_deadline) {
    run(never_its_turn);
}

TEST(followers, are_handed_out_once_by_what_they_wait_for) {
    const time_point now{1'000ms};
    engine::followers f;
    f.keep({call_id{}, waiting("a", "x", now + 1s), std::nullopt});
    f.keep({call_id{}, waiting("b", "x", now + 2s), std::nullopt});
    f.keep({call_id{}, waiting("c", "y", now + 2s), 3U});
    f.keep({call_id{}, waiting("c", "x", now + 2s), 4U}); // told anew: it waits for another one now
    EXPECT_EQ(f.size(), 3U);
    EXPECT_TRUE(f.take("y").empty());
    f.forget("b");
    f.forget("unknown");
    const auto out = f.take("x");
    ASSERT_EQ(out.size(), 2U);
    EXPECT_EQ(out[0].what.id, "a");
    EXPECT_EQ(out[1].what.id, "c");
    EXPECT_EQ(out[1].made, 4U);
    EXPECT_TRUE(f.take("x").empty());
    EXPECT_EQ(f.size(), 0U);
}

TEST(followers, i_16_are_bounded_and_forgotten_once_their_time_is_over) {
    const time_point now{1'000ms};
    engine::followers f(2);
    f.keep({call_id{}, waiting("a", "x", now), std::nullopt});
    f.keep({call_id{}, waiting("b", "x", now + 1ms), std::nullopt});
    f.keep({call_id{}, waiting("c", "x", now + 1s), std::nullopt});
    EXPECT_EQ(f.size(), 2U) << "the third is left to whoever finds its row";
    f.forget_late(now);
    EXPECT_EQ(f.size(), 1U);
    EXPECT_EQ(f.take("x").at(0).what.id, "b");
    call::effect free = waiting("d", "x", now + 1s);
    free.after.reset();
    f.keep({call_id{}, free, std::nullopt});
    EXPECT_EQ(f.size(), 0U) << "it waits for nothing";
}
