// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A second channel of effects: issued by the core, stored, taken, carried out, and its outcome decided about,
// by the same code that carries the carrier's commands.
#include "component/effects/test_part.hpp"
#include "support/engine_play.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <utility>

using namespace z360;
using namespace z360::testing;
using namespace std::chrono_literals;

namespace {

/// Answers, or keeps everybody waiting and asks meanwhile whether that makes sense.
class test_runner final : public port::effect_runner {
  public:
    explicit test_runner(boost::asio::any_io_executor ex) : let_go(std::move(ex)) {}
    [[nodiscard]] call::channel runs() const override { return call::channel::test; }
    awaitable<call::effect_outcome> run(call::effect what, port::still_wanted wanted) override {
        call::test_outcome out;
        out.effect_id = what.id;
        ++begun;
        for (out.attempts = 1;; ++out.attempts) {
            const bool go = co_await wanted(out.attempts);
            if (!go) {
                out.result = call::outcome::superseded;
                break;
            }
            if (!hold) {
                out.answer = "I heard: " + std::get<call::test_effect>(what.body).text;
                break;
            }
            (void)co_await let_go.wait_for(1ms); // and asks again: the call may be over meanwhile
        }
        co_return out;
    }
    bool hold = false;
    rt::event let_go;
    int begun = 0;
};

struct world : engine_world {
    test_runner runner{io.get_executor()};
    const call_id id = sample_incoming(2).id;
    int serial = 0;

    engine::engine& add_node(bool with_runner) {
        settings.command_claim = 200ms;
        auto p = ports();
        p.open_mark = [this](std::string_view text) -> std::optional<engine::leg_mark> {
            if (text != "mark:1" || state() == nullptr) return std::nullopt;
            return engine::leg_mark{id, state()->legs.at(0).id};
        };
        if (with_runner) p.runners.push_back(&runner);
        return start(std::move(p));
    }
    engine::genuine_webhook of_caller(const std::string& type, const std::string& extra) {
        return of("v3:caller", type, extra);
    }
    engine::genuine_webhook device_answers() {
        return of("v3:" + state()->legs.at(0).id.text(), "call.answered", R"(,"client_state":"mark:1")");
    }
    engine::genuine_webhook of(const std::string& leg, const std::string& type, const std::string& extra) {
        return {
            port::webhook_route::call_control, clock.now(),
            webhook_body(type, "e" + std::to_string(++serial), leg, extra)
        };
    }
    engine::genuine_webhook initiated() { return of_caller("call.initiated", k_caller_waits); }
    [[nodiscard]] const memory_store::row* row() const { return row("-test"); }
    [[nodiscard]] const memory_store::row* row(const std::string& name) const {
        const auto found = store.commands.find(id.text() + name);
        return found == store.commands.end() ? nullptr : &found->second;
    }
    awaitable<void> stop() {
        runner.hold = false;
        co_await engine_world::stop();
    }
};

awaitable<void> there_and_back(world& w) {
    auto& node = w.add_node(true);
    auto hook = w.initiated();
    co_await node.accept(std::move(hook));
    WAIT_FOR(w.row() != nullptr);
    EXPECT_EQ(call::channel_of(w.row()->what), call::channel::test);
    WAIT_FOR(w.state() != nullptr && test_answer(*w.state()) == "I heard: who are you?");
    WAIT_FOR(w.row()->finished);
    EXPECT_EQ(w.runner.begun, 1);
    WAIT_FOR(w.telnyx.count(call::verb::dial) == 2); // the carrier's go their own way
}

// Without a runner the row is nobody's: no claim is taken, no attempt counted, until a node comes that can.
awaitable<void> left_alone(world& w) {
    auto& node = w.add_node(false);
    auto hook = w.initiated();
    co_await node.accept(std::move(hook));
    WAIT_FOR(w.row() != nullptr);
    const auto claimed_until = w.row()->claimed_until;
    WAIT_FOR(w.clock.now() > claimed_until);
    const auto looks = w.store.looks;
    WAIT_FOR(w.store.looks > looks + 3);
    EXPECT_EQ(w.row()->claimed_until, claimed_until);
    EXPECT_EQ(w.row()->attempts, 0U);
    EXPECT_FALSE(w.row()->finished);
    EXPECT_EQ(w.metrics.counts["commands_taken_over_total"], 0);
    EXPECT_EQ(test_answer(*w.state()), "");
    w.add_node(true);
    WAIT_FOR(test_answer(*w.state()) == "I heard: who are you?");
    WAIT_FOR(w.row()->finished);
    EXPECT_EQ(w.runner.begun, 1);
}

awaitable<void> over_meanwhile(world& w) {
    w.runner.hold = true;
    auto& node = w.add_node(true);
    auto hook = w.initiated();
    co_await node.accept(std::move(hook));
    WAIT_FOR(w.runner.begun == 1);
    auto gone = w.of_caller("call.hangup", R"(,"hangup_cause":"originator_cancel","hangup_source":"caller")");
    co_await node.accept(std::move(gone));
    WAIT_FOR(w.row()->finished);
    EXPECT_EQ(test_answer(*w.state()), "superseded");
}

/// The carrier's answer is on its way, and an effect of the other channel waits for it.
awaitable<bool> chained(world& w, engine::engine& node) {
    auto hook = w.initiated();
    co_await node.accept(std::move(hook));
    const bool rings = co_await until([&] {
        return w.state() != nullptr && w.state()->legs[0].dial == call::dial_status::accepted;
    });
    if (!rings) co_return false;
    w.telnyx.held.insert(call::verb::answer);
    auto answered = w.device_answers();
    co_await node.accept(std::move(answered));
    const bool waits = co_await until([&] { return w.row("-test-chained") != nullptr; });
    co_return waits;
}
#define CHAINED(node)                                                                                        \
    {                                                                                                        \
        const bool waits = co_await chained(w, node);                                                        \
        EXPECT_TRUE(waits);                                                                                  \
        if (!waits) co_return;                                                                               \
    }

awaitable<void> after_a_command(world& w) {
    w.settings.commit_budget = 60s;
    auto& node = w.add_node(true);
    CHAINED(node);
    EXPECT_EQ(w.row("-test-chained")->what.after->id, w.id.text() + "-answer-1");
    WAIT_FOR(test_answer(*w.state()) != "");
    EXPECT_EQ(w.runner.begun, 1) << "the other one, which waits for nothing";
    w.store.stalled = true;
    w.telnyx.held.clear();
    WAIT_FOR(w.runner.begun == 2);
    EXPECT_FALSE(w.state()->caller.answered) << "no commit in between";
    w.store.stalled = false;
    WAIT_FOR(chained_answer(*w.state()) == "I heard: who are you?");
    WAIT_FOR(w.row("-test-chained")->finished);
    EXPECT_EQ(w.runner.begun, 2);
}

awaitable<void> with_a_failed_command(world& w) {
    w.telnyx.ends[call::verb::answer] = call::outcome::refused;
    auto& node = w.add_node(true);
    CHAINED(node);
    w.telnyx.held.clear();
    WAIT_FOR(w.row("-test-chained")->finished);
    EXPECT_EQ(w.row("-test-chained")->how, call::outcome::superseded);
    EXPECT_EQ(w.runner.begun, 1);
}

// The node that has the answer cannot carry the other one out: it is its turn, for whoever can.
awaitable<void> for_another_node(world& w) {
    auto& node = w.add_node(false);
    CHAINED(node);
    w.telnyx.held.clear();
    WAIT_FOR(w.row("-answer-1")->finished);
    EXPECT_FALSE(w.row("-test-chained")->finished);
    w.add_node(true);
    WAIT_FOR(chained_answer(*w.state()) == "I heard: who are you?");
    WAIT_FOR(w.row("-test-chained")->finished);
}

} // namespace

TEST(effect_channels, i_09_an_effect_may_wait_for_one_of_another_channel) {
    run(after_a_command);
}

TEST(effect_channels, i_09_it_is_given_up_with_what_it_waits_for) {
    run(with_a_failed_command);
}

TEST(effect_channels, be_21_it_is_left_to_a_node_that_can_carry_it_out_once_it_is_its_turn) {
    run(for_another_node);
}

TEST(effect_channels, an_effect_of_a_second_channel_goes_the_whole_way_and_its_outcome_comes_back) {
    run(there_and_back);
}

TEST(effect_channels, be_21_a_node_without_a_runner_leaves_the_effect_to_one_that_has_it) {
    run(left_alone);
}

TEST(effect_channels, mob_18_an_effect_that_its_call_does_not_want_any_more_is_given_up) {
    run(over_meanwhile);
}
