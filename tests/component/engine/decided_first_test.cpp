// SPDX-License-Identifier: LicenseRef-z360-proprietary
// An urgent event of a call that is held here is stored by the commit of the decision about it, and
// acknowledged after that (I3). Where that cannot be, it takes the ordinary way: stored by itself, decided
// once.
#include "callers_world.hpp"

#include <boost/asio/co_spawn.hpp>

using namespace z360;
using namespace z360::testing;

namespace {

bool stored_done(const callers_world& w, const std::string& id) {
    return w.inbox.rows.contains(id) && w.store.processed.contains(id);
}
double decided_first(callers_world& w) {
    return w.metrics.counts["events_stored_with_decision_total"];
}
std::ptrdiff_t appended(const callers_world& w) {
    return std::count(w.plan.calls.begin(), w.plan.calls.end(), "inbox.append");
}

awaitable<engine::accepted> tell(engine::engine& node, port::inbox_event e) {
    auto hook = callers_world::raw(std::move(e));
    co_return co_await node.accept(std::move(hook));
}

/// What came of telling it, or that it was refused (503).
struct told {
    std::optional<engine::accepted> how;
    bool refused = false;
    bool over = false;
};
awaitable<void> tell_into(engine::engine& node, port::inbox_event e, std::shared_ptr<told> out) {
    try {
        out->how = co_await tell(node, std::move(e));
    } catch (const port::unavailable&) {
        out->refused = true;
    }
    out->over = true;
}
std::shared_ptr<told> tell_meanwhile(callers_world& w, engine::engine& node, port::inbox_event e) {
    auto out = std::make_shared<told>();
    boost::asio::co_spawn(w.io, tell_into(node, std::move(e), out), [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
    });
    return out;
}

bool rings(const callers_world& w, int n) {
    const auto* s = w.state(n);
    return w.dials_for(n) == 2 && s != nullptr && w.idle() &&
           std::all_of(s->legs.begin(), s->legs.end(), [](const auto& l) {
               return l.dial == call::dial_status::accepted;
           });
}

/// Call `n` rings its two devices, and nothing is on its way.
#define RING(w, node, n)                                                                                     \
    (void)co_await tell(node, (w).initiated(n));                                                             \
    WAIT_FOR(rings(w, n))

awaitable<void> answer_and_end(callers_world& w) {
    auto& node = w.add_node();
    RING(w, node, 1);
    const auto before = appended(w);
    auto answered = w.of_device("call.answered", 1, 1);
    const auto first = answered.event_id;
    const auto how = co_await tell(node, std::move(answered));
    EXPECT_EQ(how, engine::accepted::stored);
    // Acknowledged: so it is durable, and so is what it led to.
    EXPECT_TRUE(stored_done(w, first));
    EXPECT_EQ(w.state(1)->answers, 1U);
    auto gone = w.hangup(1);
    const auto second = gone.event_id;
    const auto then = co_await tell(node, std::move(gone));
    EXPECT_EQ(then, engine::accepted::stored);
    EXPECT_TRUE(stored_done(w, second));
    EXPECT_EQ(appended(w), before);
    EXPECT_EQ(decided_first(w), 2);
    WAIT_FOR(w.in(1, call::phase::ended));
}

awaitable<void> repeated(callers_world& w) {
    auto& node = w.add_node();
    RING(w, node, 1);
    const auto answered = w.of_device("call.answered", 1, 1);
    w.store.slow = 20ms; // the second comes while the first is being stored
    const auto one = tell_meanwhile(w, node, answered);
    const auto other = tell_meanwhile(w, node, answered);
    WAIT_FOR(one->over && other->over);
    EXPECT_TRUE(one->how && other->how);
    EXPECT_TRUE(one->how == engine::accepted::duplicate || other->how == engine::accepted::duplicate);
    const auto third = co_await tell(node, answered);
    EXPECT_EQ(third, engine::accepted::duplicate);
    w.store.slow = 0ms;
    WAIT_FOR(w.idle());
    EXPECT_EQ(w.telnyx.distinct(call::verb::bridge), 1U);
    EXPECT_TRUE(stored_done(w, answered.event_id));
}

awaitable<void> known_with_other_contents(callers_world& w) {
    auto& node = w.add_node();
    RING(w, node, 1);
    auto real = w.hangup(1);
    auto forged = w.of_device("call.answered", 1, 1);
    auto body = forged.body;
    body.replace(body.find(forged.event_id), forged.event_id.size(), real.event_id);
    // The row is another node's: it stored the caller's hang-up a moment ago, and this node has not heard of
    // it.
    w.inbox.rows.try_emplace(
        real.event_id, memory_inbox::row{real, w.clock.now() + 10s, "new", {}, w.clock.now(), 1'000}
    );
    forged.event_id = real.event_id;
    forged.body = body;
    const auto how = co_await tell(node, std::move(forged));
    EXPECT_EQ(how, engine::accepted::conflict);
    WAIT_FOR(node.now().events_in_work == 0);
    EXPECT_EQ(w.telnyx.count(call::verb::bridge), 0U); // it is not acted upon
    EXPECT_FALSE(w.state(1)->legs[0].answered);
}

// Whatever a commit that carries an event says: the event is stored once, and decided.
awaitable<void> commit_fails(callers_world& w) {
    w.settings.command_claim = 300ms; // whose reply was lost, the sweep carries out
    auto& node = w.add_node();
    int n = 0;
    for (const auto f : {fault::unavailable, fault::unexpected, fault::statement, fault::foreign})
        for (const auto when : {fault_plan::moment::before, fault_plan::moment::after}) {
            ++n;
            RING(w, node, n);
            w.plan.arm(1, f, when, 1, "store.commit");
            auto gone = w.hangup(n);
            const auto id = gone.event_id;
            const auto how = co_await tell(node, std::move(gone));
            EXPECT_TRUE(how == engine::accepted::stored || how == engine::accepted::duplicate) << f;
            EXPECT_EQ(w.plan.fired, 1U);
            EXPECT_TRUE(w.inbox.rows.contains(id)) << f;
            WAIT_FOR(w.in(n, call::phase::ended) && w.idle());
            EXPECT_TRUE(stored_done(w, id)) << f;
            WAIT_FOR(w.hangups_of(w.device(n, 1)) > 0);
        }
    EXPECT_EQ(w.dead(), 0U);
}

awaitable<void> database_away(callers_world& w) {
    auto& node = w.add_node();
    RING(w, node, 1);
    w.postgres(false);
    auto gone = w.hangup(1);
    const auto id = gone.event_id;
    const auto how = co_await tell(node, std::move(gone));
    EXPECT_EQ(how, engine::accepted::spooled);
    WAIT_FOR(w.hangups_of(w.device(1, 1)) == 1); // decided in memory
    w.postgres(true);
    WAIT_FOR(w.in(1, call::phase::ended) && w.idle());
    EXPECT_TRUE(w.inbox.rows.contains(id));
}

// Neither commit, inbox nor spool: the carrier hears that it must tell again.
awaitable<void> nowhere(callers_world& w) {
    w.with_spool = false;
    auto& node = w.add_node();
    RING(w, node, 1);
    w.postgres(false);
    const auto gone = w.hangup(1);
    const auto first = tell_meanwhile(w, node, gone);
    WAIT_FOR(first->over);
    EXPECT_TRUE(first->refused);
    w.postgres(true);
    const auto again = co_await tell(node, gone);
    EXPECT_TRUE(again == engine::accepted::stored || again == engine::accepted::duplicate);
    WAIT_FOR(w.in(1, call::phase::ended) && w.idle());
    EXPECT_TRUE(w.inbox.rows.contains(gone.event_id));
}

// A commit that hangs holds no acknowledgement: by then the event is stored by itself.
awaitable<void> slow_commit(callers_world& w) {
    w.settings.commit_budget = 50ms;
    auto& node = w.add_node();
    RING(w, node, 1);
    w.store.stalled = true;
    auto gone = w.hangup(1);
    const auto id = gone.event_id;
    const auto how = co_await tell(node, std::move(gone));
    EXPECT_EQ(how, engine::accepted::stored);
    EXPECT_TRUE(w.inbox.rows.contains(id));
    EXPECT_TRUE(w.store.stalled);
    w.store.stalled = false;
    WAIT_FOR(w.in(1, call::phase::ended) && w.idle());
    EXPECT_TRUE(stored_done(w, id));
    EXPECT_EQ(w.hangups_of(w.device(1, 1)), 1U);
}

struct slow_carrier {
    bool asked = false;
    bool answers = false;
};
awaitable<engine::carrier_answer> ask_slowly(std::shared_ptr<slow_carrier> c) {
    c->asked = true;
    while (!c->answers)
        co_await rt::sleep_for(1ms);
    co_return engine::carrier_answer{true, {}};
}

// A call that is busy (its carrier is asked, for seconds) holds none either.
awaitable<void> busy_call(callers_world& w) {
    w.directory.answer.rules.ring_time = 2'500ms;
    const auto carrier = std::make_shared<slow_carrier>();
    w.ask = [carrier](const std::string&) { return ask_slowly(carrier); };
    auto& node = w.add_node();
    RING(w, node, 1);
    WAIT_FOR(carrier->asked); // the ring's time is over
    auto gone = w.hangup(1);
    const auto id = gone.event_id;
    const auto how = co_await tell(node, std::move(gone));
    EXPECT_EQ(how, engine::accepted::stored);
    EXPECT_TRUE(w.inbox.rows.contains(id));
    EXPECT_FALSE(carrier->answers);
    carrier->answers = true;
    WAIT_FOR(w.in(1, call::phase::ended) && w.idle());
    EXPECT_TRUE(stored_done(w, id));
}

// Its inbox says after those 100 ms that the id is another event's: it is dropped before its turn comes.
awaitable<void> refused_while_it_waits(callers_world& w) {
    w.directory.answer.rules.ring_time = 2'500ms;
    const auto carrier = std::make_shared<slow_carrier>();
    w.ask = [carrier](const std::string&) { return ask_slowly(carrier); };
    auto& node = w.add_node();
    RING(w, node, 1);
    WAIT_FOR(carrier->asked);
    const auto real = w.of_device("call.initiated", 1, 2);
    auto forged = w.of_device("call.answered", 1, 1);
    forged.body.replace(forged.body.find(forged.event_id), forged.event_id.size(), real.event_id);
    forged.event_id = real.event_id;
    w.inbox.rows.try_emplace(
        real.event_id, memory_inbox::row{real, w.clock.now() + 10s, "new", {}, w.clock.now(), 1'000}
    );
    const auto how = co_await tell(node, std::move(forged));
    EXPECT_EQ(how, engine::accepted::conflict);
    EXPECT_FALSE(carrier->answers);
    carrier->answers = true;
    WAIT_FOR(phase_of(*w.state(1)) != call::phase::ringing && node.now().events_in_work == 0);
    EXPECT_EQ(w.telnyx.count(call::verb::bridge), 0U);
    EXPECT_FALSE(w.state(1)->legs[0].answered);
}

// The commit was refused, and inbox or spool hang over its event: the call waits for that, but not for ever.
awaitable<void> hanging_disk(callers_world& w) {
    auto& node = w.add_node();
    RING(w, node, 1);
    w.plan.arm(1, fault::unexpected, fault_plan::moment::before, 1, "store.commit");
    w.inbox.slow = 9s;
    const auto gone = tell_meanwhile(w, node, w.hangup(1));
    const bool ended = co_await until([&w] { return w.in(1, call::phase::ended); }, 6s);
    EXPECT_TRUE(ended) << "devices ring for nobody";
    EXPECT_FALSE(gone->over);
    WAIT_FOR(gone->over);
    EXPECT_EQ(gone->how, engine::accepted::stored);
    EXPECT_EQ(w.hangups_of(w.device(1, 1)), 1U);
    w.inbox.slow = 0ms;
    WAIT_FOR(w.idle());
}

// The process ends while an event is in a mailbox, part of a commit, or being stored by itself: what is
// acknowledged is stored, and nobody hangs.
enum class stop_in : std::uint8_t { mailbox, commit, inbox };
awaitable<void> stopped(callers_world& w, stop_in where) {
    const auto carrier = std::make_shared<slow_carrier>();
    w.ask = [carrier](const std::string&) { return ask_slowly(carrier); };
    w.directory.answer.rules.ring_time = where == stop_in::mailbox ? 2'500ms : 20s;
    w.settings.commit_budget = 10s;
    auto& node = w.add_node();
    RING(w, node, 1);
    if (where == stop_in::mailbox) WAIT_FOR(carrier->asked);
    if (where == stop_in::commit) w.store.stalled = true;
    if (where == stop_in::inbox) {
        w.plan.arm(1, fault::statement, fault_plan::moment::before, 1, "store.commit");
        w.inbox.slow = 300ms;
    }
    const auto gone = w.hangup(1);
    const auto answer = tell_meanwhile(w, node, gone);
    co_await rt::sleep_for(20ms); // tidy: allow, any moment will do
    co_await node.stop(0ms);
    WAIT_FOR(answer->over);
    EXPECT_EQ(answer->how, engine::accepted::stored);
    EXPECT_TRUE(w.inbox.rows.contains(gone.event_id));
    w.store.stalled = false;
    w.inbox.slow = 0ms;
    carrier->answers = true;
    (void)w.add_node(); // another one, or the next life of this one
    WAIT_FOR(w.in(1, call::phase::ended) && w.hangups_of(w.device(1, 1)) > 0);
}

// Of whom nobody waits for, and of calls that others write to as well, the inbox comes first.
awaitable<void> ordinary_way(callers_world& w) {
    auto& node = w.add_node();
    RING(w, node, 1);
    (void)co_await tell(node, w.of_device("call.hangup", 1, 2)); // gathered
    WAIT_FOR(w.idle());
    (void)co_await tell(node, w.hangup(2)); // of a call that is not here
    EXPECT_EQ(decided_first(w), 0);
    EXPECT_GE(appended(w), 3);
}

} // namespace

TEST(decided_first, i_03_an_urgent_event_is_stored_with_its_decision_before_its_200) {
    run(answer_and_end);
}
TEST(decided_first, i_03_an_event_that_comes_twice_meanwhile_counts_once) {
    run(repeated);
}
TEST(decided_first, i_03_an_id_that_is_known_with_other_contents_is_not_acted_upon) {
    run(known_with_other_contents);
}
TEST(decided_first, i_03_whatever_the_commit_says_the_event_is_stored_once_and_decided) {
    run(commit_fails);
}
TEST(decided_first, i_03_without_the_database_it_is_in_the_spool_and_decided_in_memory) {
    run(database_away);
}
TEST(decided_first, i_03_what_cannot_be_stored_anywhere_is_refused_and_taken_the_next_time) {
    run(nowhere);
}
TEST(decided_first, i_03_a_commit_that_hangs_holds_no_acknowledgement) {
    run(slow_commit);
}
TEST(decided_first, i_03_a_call_that_asks_the_carrier_holds_no_acknowledgement) {
    run(busy_call);
}
TEST(decided_first, i_03_an_id_that_turns_out_to_be_anothers_while_the_call_is_busy_is_not_acted_upon) {
    run(refused_while_it_waits);
}
TEST(decided_first, i_09_a_disk_that_hangs_holds_up_no_call) {
    run(hanging_disk);
}
TEST(decided_first, i_03_a_process_that_stops_acknowledges_what_is_stored_and_nothing_else) {
    for (const auto where : {stop_in::mailbox, stop_in::commit, stop_in::inbox})
        run([where](callers_world& w) { return stopped(w, where); });
}
TEST(decided_first, i_03_what_nobody_waits_for_goes_the_ordinary_way) {
    run(ordinary_way);
}
