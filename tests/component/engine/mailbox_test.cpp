// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One call's turns under failures: whatever throws, at whichever call to the database, the end is the same; a
// slow or forgetful database ends no talk (I3, I21).
#include "engine/fold.hpp"
#include "support/faulty_ports.hpp"
#include "support/memory_ports.hpp"
#include "wire/state_codec.hpp"

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>

using namespace z360;
using namespace z360::testing;
using namespace std::chrono_literals;

namespace {

constexpr const char* k_session = "0b0c8f52-1f6e-4a5b-9d39-2f0f5d0a7c01";
constexpr auto k_patience = 60s; // bounds a failing test

struct bed {
    explicit bed(boost::asio::io_context& io) : ex(io.get_executor()) {
        settings.sweep_period = 20ms;
        settings.event_claim = 100ms;
        settings.command_claim = 500ms;
        settings.urgent_claim = 200ms;
    }

    boost::asio::any_io_executor ex;
    steady_wall clock;
    counting_metrics metrics;
    memory_store rows{clock};
    memory_inbox events{rows, clock};
    memory_spool files;
    fault_plan plan;
    faulty_store store{rows, plan};
    faulty_inbox inbox{events, plan};
    faulty_spool spool{files, plan};
    fixed_directory directory;
    no_hint hint;
    scripted_telnyx telnyx;
    engine::settings settings;
    std::vector<std::unique_ptr<engine::engine>> nodes;
    int serial = 0;
    std::vector<leg_id> legs;

    engine::engine& add_node() {
        auto open = [this](std::string_view text) -> std::optional<engine::leg_mark> {
            if (!text.starts_with("mark:")) return std::nullopt;
            const auto n = static_cast<std::size_t>(text[5] - '1');
            return engine::leg_mark{id(), legs.at(n)};
        };
        nodes.push_back(engine::make_engine(
            ex, {store, inbox, &spool, directory, telnyx, hint, clock, metrics, open}, settings
        ));
        nodes.back()->start();
        return *nodes.back();
    }
    [[nodiscard]] static call_id id() { return call_id{*uuid::parse(k_session)}; }
    [[nodiscard]] call::state* state() {
        const auto found = rows.calls.find(id());
        return found == rows.calls.end() ? nullptr : &found->second.state;
    }
    [[nodiscard]] bool in(call::phase p) { return state() != nullptr && phase_of(*state()) == p; }
    [[nodiscard]] std::size_t hung_up(const std::string& control_id) const {
        return static_cast<std::size_t>(std::count_if(
            telnyx.sent.begin(), telnyx.sent.end(),
            [&](const auto& c) { return c.what() == call::verb::hangup && c.call_control_id == control_id; }
        ));
    }
    [[nodiscard]] std::string control(int n) const {
        return "v3:" + legs.at(static_cast<std::size_t>(n - 1)).text();
    }

    engine::genuine_webhook
    webhook(const std::string& type, const std::string& control_id, const std::string& extra = "") {
        engine::genuine_webhook hook;
        hook.received_at = clock.now();
        hook.body = R"({"data":{"record_type":"event","event_type":")" + type + R"(","id":"event-)" +
                    std::to_string(++serial) +
                    R"(","occurred_at":"2026-01-01T00:00:00Z","payload":{"call_control_id":")" + control_id +
                    R"(","call_session_id":")" + k_session + R"(")" + extra + "}}}";
        return hook;
    }
    engine::genuine_webhook incoming() {
        return webhook(
            "call.initiated", "v3:caller",
            R"(,"direction":"incoming","from":"+15550100001","to":"+15550109999","state":"parked")"
        );
    }
    engine::genuine_webhook device(const std::string& type, int n) {
        return webhook(type, control(n), R"(,"client_state":"mark:)" + std::to_string(n) + R"(")");
    }
    engine::genuine_webhook caller(const std::string& type) { return webhook(type, "v3:caller"); }
};

awaitable<bool> until(std::function<bool()> condition) {
    const auto end = std::chrono::steady_clock::now() + k_patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) co_return false;
        co_await rt::sleep_for(2ms);
    }
    co_return true;
}

#define WAIT_FOR(condition)                                                                                  \
    {                                                                                                        \
        const bool came = co_await until([&] { return (condition); });                                       \
        EXPECT_TRUE(came) << #condition;                                                                     \
        if (!came) co_return;                                                                                \
    }

// The carrier: tells an event until it hears that it was taken.
awaitable<void> deliver(engine::engine& to, engine::genuine_webhook hook) {
    for (;;) {
        try {
            auto copy = hook;
            (void)co_await to.accept(std::move(copy));
            co_return;
        } catch (const port::unavailable&) {
            // 503
        }
        co_await rt::sleep_for(5ms); // tidy: allow, the carrier waits before it tries again
    }
}

using script = std::function<awaitable<void>(bed&)>;

awaitable<void> play(script s, bed* w) {
    w->legs.clear();
    auto first = sample_incoming(2);
    first.id = bed::id();
    for (const auto& l : call::begin(first, time_point{}).next.legs)
        w->legs.push_back(l.id);
    co_await s(*w);
    w->plan.disarm();
    for (auto& n : w->nodes)
        co_await n->stop(1s);
}

void run(std::vector<std::pair<script, bed*>> plays, boost::asio::io_context& io) {
    std::exception_ptr error;
    for (auto& [s, w] : plays)
        boost::asio::co_spawn(io, play(s, w), [&error](std::exception_ptr e) {
            if (e) error = e;
        });
    io.run();
    if (error) std::rethrow_exception(error);
}
void run(script s) {
    boost::asio::io_context io{1};
    bed w(io);
    run({{std::move(s), &w}}, io);
}

// ---- one call from its beginning to its end, each event once the one before is stored

awaitable<void> whole_call(bed& w) {
    auto& node = w.add_node();
    co_await deliver(node, w.incoming());
    WAIT_FOR(w.telnyx.distinct(call::verb::dial) == 2);
    WAIT_FOR(
        w.state() != nullptr && w.state()->legs[0].dial == call::dial_status::accepted &&
        w.state()->legs[1].dial == call::dial_status::accepted
    );
    co_await deliver(node, w.device("call.answered", 1));
    WAIT_FOR(w.telnyx.distinct(call::verb::bridge) == 1);
    co_await deliver(node, w.device("call.bridged", 1));
    co_await deliver(node, w.caller("call.bridged"));
    WAIT_FOR(w.in(call::phase::active));
    co_await deliver(node, w.device("call.hangup", 2));
    co_await deliver(node, w.device("call.hangup", 1));
    WAIT_FOR(w.in(call::phase::ended));
    co_await deliver(node, w.caller("call.hangup"));
    WAIT_FOR(w.files.size() == 0 && w.events.rows.size() == 7);
    WAIT_FOR(std::all_of(w.events.rows.begin(), w.events.rows.end(), [&](const auto& r) {
        return w.rows.processed.contains(r.first) || r.second.status == "ignored";
    }));
    WAIT_FOR(w.metrics.gauges["events_in_work"] == 0 && node.now().unsaved_calls == 0);
}

// A number that is nobody's; the carrier tells both nodes, and again.
awaitable<void> refused_call(bed& w) {
    w.directory.answer = {};
    auto& a = w.add_node();
    auto& b = w.add_node();
    const auto hook = w.incoming();
    engine::engine* const nodes[] = {&a, &b};
    for (int i = 0; i < 4; ++i)
        co_await deliver(*nodes[i % 2], hook);
    WAIT_FOR(w.in(call::phase::ended) && w.files.size() == 0);
    w.rows.slow = 0ms; // or no commit would ever be known in time
    WAIT_FOR(a.now().events_in_work == 0 && b.now().events_in_work == 0);
    WAIT_FOR(a.now().unsaved_calls == 0 && b.now().unsaved_calls == 0);
    WAIT_FOR(w.telnyx.count(call::verb::reject) > 0);
    WAIT_FOR(std::all_of(w.rows.commands.begin(), w.rows.commands.end(), [](const auto& c) {
        return c.second.finished;
    }));
}

// What must not differ: everything but the times.
std::string without_times(call::state s) {
    s.began = {};
    for (auto& r : s.rings)
        r = {.over = r.over};
    s.answered_at = s.ended_at = s.voicemail.limit = std::nullopt;
    for (auto& j : s.joins)
        j.joined_at = j.over_at = j.limit = j.quiet_from = std::nullopt;
    // Whether a hang-up's reply or the carrier's event came first is no matter of the outcome.
    for (auto& l : s.legs)
        l.hung_up = false;
    s.recorder = {}; // likewise the bridge's reply, which names the recording
    return wire::encode(s);
}

struct trial {
    std::string port;
    std::size_t nth;
    fault what;
    fault_plan::moment when;

    // What a newer program wrote is found by reading; a commit does not say so once it is done.
    [[nodiscard]] bool possible() const {
        return what != fault::newer_form || port != "store.commit" || when == fault_plan::moment::before;
    }
};

// ---- a database that is slow or forgets

awaitable<void> until_joined(bed& w, engine::engine& node) {
    co_await deliver(node, w.incoming());
    WAIT_FOR(w.telnyx.distinct(call::verb::dial) == 2);
    WAIT_FOR(
        w.state() != nullptr && w.state()->legs[0].dial == call::dial_status::accepted &&
        w.state()->legs[1].dial == call::dial_status::accepted
    );
    co_await deliver(node, w.device("call.answered", 1));
    WAIT_FOR(w.telnyx.distinct(call::verb::bridge) == 1);
}

// Both reports reach the other node; this one's copy is old, its bridge limit passes, its commits hang.
awaitable<void> slow_commits(bed& w) {
    w.directory.answer.rules.bridge_limit = 300ms;
    w.settings.commit_budget = 50ms;
    auto& a = w.add_node();
    auto& b = w.add_node();
    co_await deliver(a, w.incoming());
    WAIT_FOR(w.telnyx.distinct(call::verb::dial) == 2);
    WAIT_FOR(w.state() != nullptr && w.state()->legs[0].dial == call::dial_status::accepted);
    w.rows.slow = 1'000ms;
    co_await deliver(a, w.device("call.answered", 1));
    WAIT_FOR(w.telnyx.distinct(call::verb::bridge) == 1);
    co_await deliver(b, w.device("call.bridged", 1));
    co_await deliver(b, w.caller("call.bridged"));
    co_await rt::sleep_for(1'500ms); // tidy: allow, the limit of the bridge passes and nothing may happen
    EXPECT_EQ(w.hung_up(w.control(1)), 0U);
    EXPECT_EQ(w.hung_up("v3:caller"), 0U);
    w.rows.slow = 0ms;
    WAIT_FOR(w.in(call::phase::active));
    EXPECT_EQ(w.hung_up(w.control(1)), 0U);
}

// An asynchronous failover: the last commits are gone, the ring's end comes and the talk must live on.
awaitable<void> failover(bed& w, bool row_gone) {
    w.directory.answer.rules.ring_time = 5'000ms;
    auto& node = w.add_node();
    co_await deliver(node, w.incoming());
    WAIT_FOR(w.state() != nullptr);
    const auto old_rows = w.rows.calls;
    WAIT_FOR(w.telnyx.distinct(call::verb::dial) == 2);
    co_await deliver(node, w.device("call.answered", 1));
    WAIT_FOR(w.telnyx.distinct(call::verb::bridge) == 1);
    co_await deliver(node, w.device("call.bridged", 1));
    co_await deliver(node, w.caller("call.bridged"));
    WAIT_FOR(w.in(call::phase::active));
    WAIT_FOR(w.rows.processed.size() == 4);
    const auto version = w.rows.calls.at(bed::id()).version;
    w.rows.away = true;
    co_await rt::sleep_for(200ms); // tidy: allow, the outage itself
    w.rows.calls = row_gone ? decltype(old_rows){} : old_rows;
    w.rows.away = false;
    WAIT_FOR(w.in(call::phase::active)); // without any further event
    EXPECT_GT(w.rows.calls.at(bed::id()).version, version);
    EXPECT_EQ(w.hung_up(w.control(1)), 0U);
    co_await deliver(node, w.caller("call.hangup"));
    WAIT_FOR(w.in(call::phase::ended));
    EXPECT_EQ(w.state()->reason, call::end_reason::completed);
    EXPECT_EQ(w.metrics.counts["invariants_broken_total"], 0);
}
awaitable<void> failover_to_older(bed& w) {
    co_await failover(w, false);
}
awaitable<void> failover_to_nothing(bed& w) {
    co_await failover(w, true);
}

// Two nodes knew the call; the one that knew less wrote its memory forward first.
awaitable<void> other_line(bed& w) {
    w.directory.answer.rules.ring_time = 60'000ms;
    auto& a = w.add_node();
    co_await until_joined(w, a);
    co_await deliver(a, w.device("call.bridged", 1));
    co_await deliver(a, w.caller("call.bridged"));
    WAIT_FOR(w.in(call::phase::active));
    // What another node made of an earlier copy: the call as it rang, in a later line.
    auto first = sample_incoming(2);
    first.id = bed::id();
    first.call_session_id = k_session;
    first.call_control_id = "v3:caller";
    first.routed = w.directory.answer;
    auto& row = w.rows.calls.at(bed::id());
    row.state = call::begin(first, w.clock.now()).next;
    row.version = engine::forward_version(row.version);
    co_await deliver(a, w.device("call.hangup", 2));
    WAIT_FOR(w.in(call::phase::active));
    EXPECT_TRUE(w.state()->legs[0].bridged && w.state()->caller.bridged && w.state()->legs[1].ended);
    EXPECT_EQ(w.hung_up(w.control(1)), 0U);
}

// A ring's end whose commit hangs is not acted upon: an answer that comes meanwhile is not cut.
awaitable<void> ring_end_in_doubt(bed& w) {
    w.directory.answer.rules.ring_time = 2'500ms;
    w.settings.commit_budget = 30ms;
    auto& node = w.add_node();
    co_await deliver(node, w.incoming());
    WAIT_FOR(w.state() != nullptr && w.state()->legs[0].dial == call::dial_status::accepted);
    w.plan.arm(1, fault::unavailable, fault_plan::moment::before, fault_plan::k_for_ever, "store.");
    co_await rt::sleep_for(3'000ms); // tidy: allow, the ring's end passes and nothing may happen
    EXPECT_EQ(w.telnyx.count(call::verb::hangup), 0U);
    co_await deliver(node, w.device("call.answered", 1));
    WAIT_FOR(w.telnyx.distinct(call::verb::bridge) == 1); // time takes nothing away, facts go on
    co_await deliver(node, w.device("call.bridged", 1));
    co_await deliver(node, w.caller("call.bridged"));
    w.plan.disarm();
    WAIT_FOR(w.in(call::phase::active));
    EXPECT_EQ(w.hung_up(w.control(1)), 0U);
}

// Reads and claims of the database go on while its commits fail: what was carried out here is no orphan.
awaitable<void> commits_fail_for_long(bed& w) {
    w.directory.answer.rules.ring_time = 60'000ms;
    auto& node = w.add_node();
    co_await deliver(node, w.incoming());
    WAIT_FOR(w.telnyx.distinct(call::verb::dial) == 2 && w.state() != nullptr);
    w.plan.arm(1, fault::unavailable, fault_plan::moment::before, fault_plan::k_for_ever, "store.commit");
    co_await deliver(node, w.device("call.answered", 1));
    WAIT_FOR(w.telnyx.distinct(call::verb::bridge) == 1 && node.now().unsaved_calls == 1);
    co_await rt::sleep_for(1'500ms); // tidy: allow, three times the claim of a command passes
    EXPECT_EQ(node.now().unsaved_calls, 1U);
    EXPECT_EQ(w.metrics.counts["commands_taken_over_total"], 0);
    w.plan.disarm();
    WAIT_FOR(node.now().unsaved_calls == 0);
    for (const auto& l : w.state()->legs)
        EXPECT_FALSE(l.expired) << l.id.text();
    EXPECT_EQ(w.telnyx.count(call::verb::dial), 2U);
}

} // namespace

TEST(mailbox, i_21_what_was_carried_out_here_is_not_taken_over_while_commits_fail) {
    run(commits_fail_for_long);
}

TEST(mailbox, i_03_the_end_is_the_same_whatever_throws_at_any_call_to_the_database) {
    boost::asio::io_context io{1};
    bed calm(io);
    run({{whole_call, &calm}}, io);
    ASSERT_NE(calm.state(), nullptr);
    const auto wanted = without_times(*calm.state());

    std::vector<trial> trials;
    const auto add = [&](const char* port, std::size_t most) {
        for (std::size_t n = 1; n <= most; ++n)
            for (const auto f : k_faults)
                for (const auto when : {fault_plan::moment::before, fault_plan::moment::after})
                    if (const trial t{port, n, f, when}; t.possible()) trials.push_back(t);
    };
    add("store.commit", 14);
    add("store.load", 3);
    add("store.extend_claim", 2);
    add("inbox.append", 7);
    add("inbox.claim_pending", 3);
    add("inbox.claim_session", 1);
    add("inbox.postpone", 2);
    std::vector<std::unique_ptr<bed>> beds;
    std::vector<std::pair<script, bed*>> plays;
    io.restart();
    for (const auto& t : trials) {
        beds.push_back(std::make_unique<bed>(io));
        beds.back()->plan.arm(t.nth, t.what, t.when, 1, t.port);
        plays.emplace_back(whole_call, beds.back().get());
    }
    run(plays, io);
    for (std::size_t i = 0; i < trials.size(); ++i) {
        auto& w = *beds[i];
        const auto& t = trials[i];
        SCOPED_TRACE(
            ::testing::Message() << t.port << " #" << t.nth << " " << t.what << " "
                                 << (t.when == fault_plan::moment::before ? "before" : "after")
        );
        ASSERT_NE(w.state(), nullptr);
        EXPECT_EQ(without_times(*w.state()), wanted);
        EXPECT_EQ(w.metrics.counts["dead_letters_total"], 0);
        EXPECT_EQ(w.metrics.counts["calls_ended_total"], 1);
        EXPECT_EQ(w.telnyx.distinct(call::verb::dial), 2U);
        EXPECT_EQ(w.telnyx.distinct(call::verb::bridge), 1U);
    }
}

TEST(mailbox, web_04_a_refused_call_is_counted_once_whatever_is_repeated) {
    boost::asio::io_context io{1};
    std::vector<trial> trials;
    for (const auto when : {fault_plan::moment::before, fault_plan::moment::after})
        for (const auto f : k_faults)
            for (std::size_t n = 1; n <= 4; ++n)
                for (const char* port : {"store.commit", "store.load", "inbox."})
                    if (const trial t{port, n, f, when}; t.possible()) trials.push_back(t);
    std::vector<std::unique_ptr<bed>> beds;
    std::vector<std::pair<script, bed*>> plays;
    for (const auto& t : trials) {
        beds.push_back(std::make_unique<bed>(io));
        beds.back()->plan.arm(t.nth, t.what, t.when, 1, t.port);
        plays.emplace_back(refused_call, beds.back().get());
    }
    // A commit that is slow goes on; the call is decided from memory meanwhile.
    beds.push_back(std::make_unique<bed>(io));
    beds.back()->settings.commit_budget = 20ms;
    beds.back()->rows.slow = 100ms;
    plays.emplace_back(refused_call, beds.back().get());
    trials.push_back({"slow commits", 0, fault::unavailable, fault_plan::moment::before});
    run(plays, io);
    for (std::size_t i = 0; i < trials.size(); ++i) {
        const auto& t = trials[i];
        SCOPED_TRACE(
            ::testing::Message() << t.port << " #" << t.nth << " " << t.what << " "
                                 << (t.when == fault_plan::moment::before ? "before" : "after")
        );
        EXPECT_EQ(beds[i]->metrics.counts["unknown_numbers_total"], 1);
        EXPECT_EQ(beds[i]->metrics.counts["calls_ended_total"], 1);
    }
}

TEST(mailbox, i_21_commits_that_hang_cut_no_talk_of_two_nodes) {
    run(slow_commits);
}
TEST(mailbox, i_21_memory_is_written_forward_over_a_database_that_lost_commits) {
    run(failover_to_older);
}
TEST(mailbox, i_21_memory_is_written_forward_when_the_row_is_gone) {
    run(failover_to_nothing);
}
TEST(mailbox, i_03_what_only_this_node_knew_is_told_again_after_another_wrote_forward) {
    run(other_line);
}
TEST(mailbox, i_21_the_end_of_a_ring_waits_for_the_database) {
    run(ring_end_in_doubt);
}
