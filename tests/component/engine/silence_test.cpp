// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whom nobody talks to is let go on the carrier's word, and that word is of the moment when it is done:
// between question and hang-up a commit may hang, a node die, another one join them in its memory (I21).
#include "callers_world.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

/// What the carrier says, question by question.
struct carrier {
    std::size_t asked = 0;
    std::size_t deaf_from = 0, deaf_until = 0; ///< it does not tell at these; the first question is 1
    std::vector<port::inbox_event> since;      ///< on record from the second question on
};
using carrier_ptr = std::shared_ptr<carrier>;

awaitable<engine::carrier_answer> answer(carrier_ptr c) {
    engine::carrier_answer out;
    const auto n = ++c->asked;
    out.answered = n < c->deaf_from || n >= c->deaf_until;
    if (n == 1 || !out.answered) co_return out;
    for (const auto& e : c->since)
        out.events.push_back({e, false});
    co_return out;
}

/// A call whose ring ends by time; the hang-ups of its two devices are decided and not sent yet.
awaitable<engine::engine*> ring_in_vain(callers_world& w, carrier_ptr c) {
    w.directory.answer.rules.ring_time = 2'500ms;
    w.ask = [c](const std::string&) { return answer(c); };
    w.telnyx.held = {call::verb::hangup};
    auto& node = w.add_node();
    auto hook = callers_world::raw(w.initiated(1));
    (void)co_await node.accept(std::move(hook));
    const bool rung = co_await until([&w] { return w.dials_for(1) == 2; });
    EXPECT_TRUE(rung);
    const bool over =
        co_await until([&w] { return w.in(1, call::phase::voicemail) && w.state(1)->legs[0].hangup_sent; });
    EXPECT_TRUE(over);
    EXPECT_EQ(c->asked, 1U);
    co_return &node;
}

awaitable<void> word_grows_old() {
    co_await rt::sleep_for(700ms); // tidy: allow, that it is old is what is tested
}

awaitable<void> joined_meanwhile(callers_world& w) {
    const auto c = std::make_shared<carrier>();
    (void)co_await ring_in_vain(w, c);
    c->since = {w.of_device("call.bridged", 1, 1), w.event("call.bridged", 1, w.caller(1))};
    co_await word_grows_old();
    w.telnyx.held.clear();
    WAIT_FOR(w.in(1, call::phase::active));
    WAIT_FOR(w.hangups_of(w.device(1, 2)) == 1);
    EXPECT_EQ(w.hangups_of(w.device(1, 1)), 0U) << "they talk";
    EXPECT_GE(c->asked, 2U);
}

awaitable<void> does_not_tell(callers_world& w) {
    const auto c = std::make_shared<carrier>();
    c->deaf_from = 2;
    c->deaf_until = 6;
    (void)co_await ring_in_vain(w, c);
    co_await word_grows_old();
    w.telnyx.held.clear();
    WAIT_FOR(c->asked >= 4);
    EXPECT_EQ(w.telnyx.count(call::verb::hangup), 0U);
    WAIT_FOR(w.hangups_of(w.device(1, 1)) == 1 && w.hangups_of(w.device(1, 2)) == 1);
}

awaitable<void> sent_at_once(callers_world& w) {
    const auto c = std::make_shared<carrier>();
    (void)co_await ring_in_vain(w, c);
    w.telnyx.held.clear();
    WAIT_FOR(w.hangups_of(w.device(1, 1)) == 1 && w.hangups_of(w.device(1, 2)) == 1);
    EXPECT_EQ(c->asked, 1U);
}

} // namespace

TEST(silence, i_21_whoever_was_joined_since_the_carrier_was_asked_is_not_hung_up_on) {
    run(joined_meanwhile);
}
TEST(silence, i_21_nobody_is_let_go_on_an_old_word_while_the_carrier_does_not_tell) {
    run(does_not_tell);
}
TEST(silence, i_21_a_word_of_this_moment_is_enough) {
    run(sent_at_once);
}
