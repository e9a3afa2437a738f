// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The reconciler beside an engine, over in-memory ports and a carrier whose records each test writes.
#include "support/engine_play.hpp"
#include "support/memory_reconcile.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>

using namespace z360;
using namespace z360::testing;
using namespace std::chrono_literals;

namespace {

struct world {
    world() {
        for (const auto& l : call::begin(sample_incoming(2), time_point{}).next.legs)
            legs.push_back(l.id);
        settings.node = "here";
        settings.connection_id = "app";
        settings.credential_connection_id = "credential";
        settings.deliveries_every = millis{0};
        settings.sweep_every = millis{0};
        settings.questions_per_second = 0;
        settings.question_period = 2ms;
        settings.young = millis{0};
        settings.second_look = 10ms;
    }

    // A client_state is "mark:<n>": leg n of the one call, in the order of the state; "mark:9" is of a call
    // that nobody knows.
    [[nodiscard]] std::optional<engine::leg_mark> open(std::string_view text) const {
        if (!text.starts_with("mark:")) return std::nullopt;
        if (text == "mark:9") return engine::leg_mark{call_id{uuid{9, 9}}, leg_id{uuid{9, 1}}};
        return engine::leg_mark{
            call_id{*uuid::parse(k_session)}, legs.at(static_cast<std::size_t>(text[5] - '1'))
        };
    }
    void start() {
        auto opener = [this](std::string_view text) { return open(text); };
        engine::settings es;
        es.sweep_period = 5ms;
        node = engine::make_engine(
            io.get_executor(),
            {store,
             inbox,
             nullptr,
             directory,
             telnyx,
             hint,
             clock,
             metrics,
             opener,
             {},
             &records,
             [this](std::string session) { return reconciler->ask(std::move(session)); }},
            es
        );
        reconciler = engine::make_reconciler(
            io.get_executor(),
            {records, rows, telnyx, directory, clock, metrics, opener,
             [this](std::vector<port::inbox_event> e) { node->take_up(std::move(e)); }},
            settings
        );
        node->start();
        reconciler->start();
    }

    std::string id() { return uuid{77, ++serial}.text(); }
    port::recorded_event
    event(const std::string& type, const std::string& control_id, const std::string& extra = "") {
        port::recorded_event e;
        e.event_id = id();
        e.at = clock.now();
        e.body = R"({"data":{"record_type":"event","event_type":")" + type + R"(","id":")" + e.event_id +
                 R"(","occurred_at":")" + iso8601(e.at) + R"(","payload":{"call_control_id":")" + control_id +
                 R"(","call_session_id":")" + k_session + R"(")" + extra + "}}}";
        return e;
    }
    port::recorded_event initiated(const std::string& connection = "app") {
        return event(
            "call.initiated", "v3:caller",
            R"(,"direction":"incoming","from":"+15550100001","to":"+15550109999","state":"parked","connection_id":")" +
                connection + R"(")"
        );
    }
    [[nodiscard]] std::string control(int n) const {
        return "v3:" + legs.at(static_cast<std::size_t>(n - 1)).text();
    }
    port::recorded_event device(const std::string& type, int n) {
        return event(type, control(n), R"(,"client_state":"mark:)" + std::to_string(n) + R"(")");
    }
    /// The beginning of a leg of a call that nobody knows, to this SIP user.
    port::recorded_event stray(const std::string& control_id, const std::string& user) {
        return event(
            "call.initiated", control_id,
            R"(,"direction":"outgoing","client_state":"mark:9","to":"sip:)" + user + R"(@sip.telnyx.com")"
        );
    }
    [[nodiscard]] port::live_leg
    listed(const std::string& control_id, const std::string& mark = "", std::int64_t seconds = 60) const {
        return {control_id, k_session, mark, seconds};
    }
    void due() { rows.due.push_back({call_id{*uuid::parse(k_session)}, k_session, std::nullopt}); }
    engine::genuine_webhook webhook(const port::recorded_event& e) {
        return {port::webhook_route::call_control, clock.now(), e.body};
    }

    [[nodiscard]] call::state* state() {
        const auto found = store.calls.find(call_id{*uuid::parse(k_session)});
        return found == store.calls.end() ? nullptr : &found->second.state;
    }
    [[nodiscard]] bool in(call::phase p) { return state() != nullptr && phase_of(*state()) == p; }
    [[nodiscard]] const call::leg& leg(int n) {
        return *state()->find(legs.at(static_cast<std::size_t>(n - 1)));
    }
    [[nodiscard]] double counted(const std::string& name) { return metrics.counts[name]; }
    awaitable<void> stop() {
        co_await reconciler->stop(1s);
        co_await node->stop(1s);
    }

    boost::asio::io_context io{1};
    steady_wall clock;
    counting_metrics metrics;
    memory_store store{clock};
    memory_inbox inbox{store, clock};
    memory_reconcile_store rows{store, inbox, clock};
    written_records records;
    fixed_directory directory;
    no_hint hint;
    scripted_telnyx telnyx;
    engine::reconcile_settings settings;
    std::unique_ptr<engine::engine> node;
    std::unique_ptr<engine::reconciler> reconciler;
    std::vector<leg_id> legs;
    std::uint64_t serial = 0;
};

// One whole round of this job has ended since.
awaitable<bool> round_of(world& w, std::string job) {
    const auto before = w.rows.turns[job].ended;
    co_return co_await until([&w, job, before] { return w.rows.turns[job].ended > before + 1; });
}

awaitable<void> ring(world& w) {
    const auto first = w.initiated();
    co_await w.node->accept(w.webhook(first));
    WAIT_FOR(w.telnyx.count(call::verb::dial) == 2);
    WAIT_FOR(w.leg(1).dial == call::dial_status::accepted && w.leg(2).dial == call::dial_status::accepted);
}

awaitable<void> talk(world& w) {
    co_await ring(w);
    const auto answered = w.device("call.answered", 1);
    co_await w.node->accept(w.webhook(answered));
    WAIT_FOR(w.telnyx.count(call::verb::bridge) == 1);
    const auto b1 = w.device("call.bridged", 1);
    co_await w.node->accept(w.webhook(b1));
    const auto b2 = w.event("call.bridged", "v3:caller");
    co_await w.node->accept(w.webhook(b2));
    WAIT_FOR(w.in(call::phase::active));
    const auto other = w.device("call.hangup", 2);
    co_await w.node->accept(w.webhook(other));
    WAIT_FOR(w.leg(2).ended);
}

// ---- (a) deliveries

awaitable<void> failed_deliveries(world& w) {
    w.settings.deliveries_every = 20ms;
    // Five of them, two on a page.
    w.records.failed = {
        w.initiated(), w.device("call.initiated", 1), w.device("call.initiated", 2),
        w.device("call.answered", 1)
    };
    w.records.failed.push_back(w.device("call.bridged", 1));
    w.start();
    WAIT_FOR(w.in(call::phase::active));
    EXPECT_EQ(w.counted("reconcile_events_found_total"), 5);
    const bool again = co_await round_of(w, "deliveries");
    EXPECT_TRUE(again);
    EXPECT_EQ(w.counted("reconcile_events_found_total"), 5); // ids make repeats harmless
    EXPECT_TRUE(w.rows.turns["deliveries"].position.has_value());
    WAIT_FOR(w.store.processed.size() == 5);
}

awaitable<void> useless_records(world& w) {
    w.settings.deliveries_every = 20ms;
    auto nameless = w.initiated();
    nameless.event_id.clear();
    auto odd = w.initiated();
    odd.event_id = "no uuid";
    auto foreign = w.initiated("somebody's");
    auto by_device = w.initiated("credential");
    port::recorded_event garbage{w.id(), "{\"data\":", w.clock.now()};
    auto idle = w.event("call.dtmf.received", "v3:caller");
    w.records.failed = {nameless, odd, foreign, by_device, garbage, idle};
    w.start();
    const bool read = co_await round_of(w, "deliveries");
    EXPECT_TRUE(read);
    EXPECT_TRUE(w.store.calls.empty());
    EXPECT_TRUE(w.inbox.rows.empty()); // a leg that a device started is nobody's call
    EXPECT_EQ(w.telnyx.sent.size(), 0U);
    EXPECT_GE(w.counted("reconcile_records_skipped_total"), 4);
}

awaitable<void> deliveries_through_an_outage(world& w) {
    w.settings.deliveries_every = 20ms;
    const auto before = w.clock.now();
    w.rows.turns["deliveries"].position = before - 30min;
    w.records.away = true;
    w.records.failed = {w.initiated()};
    w.start();
    WAIT_FOR(w.records.asked["deliveries"] >= 2);
    EXPECT_EQ(
        w.rows.turns["deliveries"].position, before - 30min
    ); // nothing was read, nothing is passed over
    w.records.away = false;
    WAIT_FOR(w.in(call::phase::ringing));
    EXPECT_LE(w.records.asked_since.back(), before - 30min); // overlapping what was read last
    WAIT_FOR(w.rows.turns["deliveries"].position > before - 1s);
}

awaitable<void> deliveries_of_another_nodes_turn(world& w) {
    w.settings.deliveries_every = 20ms;
    w.rows.turns["deliveries"] = {"elsewhere", w.clock.now() + 300ms, w.clock.now(), std::nullopt};
    w.records.failed = {w.initiated()};
    w.start();
    WAIT_FOR(w.rows.refused >= 2);
    EXPECT_EQ(w.records.asked["deliveries"], 0);
    WAIT_FOR(w.in(call::phase::ringing)); // that node is gone, its turn has run out
}

// ---- (b) questions

awaitable<void> lost_answer(world& w) {
    w.settings.questions_per_second = 10;
    w.start();
    co_await ring(w);
    w.records.events[k_session] = {
        w.device("call.initiated", 1), w.device("call.initiated", 2), w.device("call.answered", 2)
    };
    w.due();
    WAIT_FOR(w.telnyx.count(call::verb::bridge) == 1);
    EXPECT_TRUE(is_winner(*w.state(), w.legs[1]));
}

awaitable<void> webhooks_that_came(world& w) {
    w.settings.questions_per_second = 10;
    w.start();
    co_await ring(w);
    const auto answered = w.device("call.answered", 2);
    co_await w.node->accept(w.webhook(answered));
    WAIT_FOR(w.telnyx.count(call::verb::bridge) == 1);
    auto other_bytes = answered;
    other_bytes.body.insert(1, " ");
    w.records.events[k_session] = {other_bytes};
    w.due();
    WAIT_FOR(w.records.asked["events"] == 1);
    w.due();
    WAIT_FOR(w.records.asked["events"] == 2);
    EXPECT_EQ(w.counted("reconcile_events_found_total"), 0);
    EXPECT_EQ(w.counted("webhook_conflicts_total"), 0);
}

awaitable<void> question_to_a_carrier_that_is_away(world& w) {
    w.settings.questions_per_second = 10;
    w.start();
    co_await ring(w);
    w.records.away = true;
    w.records.events[k_session] = {w.device("call.answered", 1)};
    w.due();
    WAIT_FOR(w.rows.put_backs >= 2);
    w.records.away = false;
    WAIT_FOR(w.telnyx.count(call::verb::bridge) == 1);
}

// ---- (c) a call asks

awaitable<void> inquiry(world& w) {
    w.start();
    co_await ring(w);
    const auto came = w.device("call.initiated", 1);
    co_await w.node->accept(w.webhook(came));
    w.records.events[k_session] = {came, w.device("call.bridged", 1), w.event("call.bridged", "v3:caller")};
    auto answer = co_await w.reconciler->ask(k_session);
    EXPECT_TRUE(answer.answered);
    EXPECT_EQ(answer.events.size(), 3U); // what is known is told as well: it may wait in another node's hands
    if (answer.events.size() != 3) co_return;
    EXPECT_FALSE(answer.events[0].fresh);
    EXPECT_TRUE(answer.events[1].fresh && answer.events[2].fresh);
    EXPECT_EQ(w.inbox.rows.count(answer.events[2].event.event_id), 1U);

    w.store.away = true;
    w.records.events[k_session].push_back(w.device("call.hangup", 1));
    answer = co_await w.reconciler->ask(k_session);
    EXPECT_TRUE(answer.answered); // the carrier did
    EXPECT_EQ(answer.events.size(), 4U);
    for (const auto& t : answer.events)
        EXPECT_FALSE(t.fresh);
    w.store.away = false;

    w.records.away = true;
    answer = co_await w.reconciler->ask(k_session);
    EXPECT_FALSE(answer.answered);
    EXPECT_TRUE(answer.events.empty());
}

// The winner is bridged, and no report of it comes.
awaitable<void> bridge_without_reports(world& w) {
    w.directory.answer.rules.bridge_limit = 100ms;
    w.start();
    co_await ring(w);
    const auto answered = w.device("call.answered", 1);
    co_await w.node->accept(w.webhook(answered));
    WAIT_FOR(w.telnyx.count(call::verb::bridge) == 1);
}

awaitable<void> silent_bridge(world& w) {
    w.records.events[k_session] = {w.device("call.bridged", 1), w.event("call.bridged", "v3:caller")};
    co_await bridge_without_reports(w);
    WAIT_FOR(w.in(call::phase::active));
    EXPECT_EQ(w.records.asked["events"], 1);
    for (const auto& c : w.telnyx.sent)
        EXPECT_FALSE(c.what() == call::verb::hangup && c.leg == w.legs[0]);
}

awaitable<void> silent_bridge_and_carrier(world& w) {
    w.records.away = true;
    co_await bridge_without_reports(w);
    WAIT_FOR(w.records.asked["events"] >= 2); // asked again
    EXPECT_TRUE(w.in(call::phase::bridging)); // and nobody is let go without an answer
    w.records.away = false;                   // it has nothing on record: there was no bridge
    WAIT_FOR(!w.in(call::phase::bridging));
    EXPECT_EQ(w.leg(1).release, call::release_reason::bridge_failed);
}

// ---- (d) living legs

awaitable<void> lost_hang_ups(world& w) {
    w.settings.sweep_every = 20ms;
    w.start();
    co_await talk(w);
    w.records.legs = {w.listed("v3:somebody"), w.listed("v3:caller"), w.listed(w.control(1), "mark:1")};
    const bool quiet = co_await round_of(w, "sweep");
    EXPECT_TRUE(quiet);
    EXPECT_TRUE(w.in(call::phase::active)); // all alive
    w.records.lives = {{w.control(1), port::leg_life::unknown}, {"v3:caller", port::leg_life::alive}};
    w.records.legs = {w.listed("v3:somebody")};
    const bool still = co_await round_of(w, "sweep");
    EXPECT_TRUE(still);
    EXPECT_TRUE(w.in(call::phase::active)); // not in the list, but nothing proves that they are gone
    w.records.lives = {{w.control(1), port::leg_life::gone}, {"v3:caller", port::leg_life::gone}};
    WAIT_FOR(w.in(call::phase::ended));
    EXPECT_EQ(w.state()->reason, call::end_reason::completed);
    EXPECT_EQ(w.counted("reconcile_legs_total"), 2);
}

awaitable<void> lost_hang_ups_on_record(world& w) {
    w.settings.sweep_every = 20ms;
    w.start();
    co_await talk(w);
    w.records.lives = {{w.control(1), port::leg_life::gone}, {"v3:caller", port::leg_life::gone}};
    w.records.events[k_session] = {
        w.event("call.hangup", "v3:caller", R"(,"hangup_cause":"normal_clearing","hangup_source":"caller")"),
        w.device("call.hangup", 1)
    };
    WAIT_FOR(w.in(call::phase::ended));
    EXPECT_EQ(w.state()->caller.hangup_cause, "normal_clearing"); // the carrier's own words
    EXPECT_EQ(w.counted("reconcile_legs_total"), 0);
}

awaitable<void> half_a_list(world& w) {
    w.settings.sweep_every = 20ms;
    w.start();
    co_await talk(w);
    w.records.lives = {{w.control(1), port::leg_life::gone}, {"v3:caller", port::leg_life::gone}};
    w.records.away = true;
    w.records.asked.clear();
    WAIT_FOR(w.records.asked["legs"] >= 2);
    EXPECT_TRUE(w.in(call::phase::active));
    w.records.away = false;
    WAIT_FOR(w.in(call::phase::ended));
}

awaitable<void> lost_dial(world& w) {
    w.settings.sweep_every = 20ms;
    w.start();
    w.telnyx.hold = true; // its answer never comes
    const auto first = w.initiated();
    co_await w.node->accept(w.webhook(first));
    WAIT_FOR(w.in(call::phase::ringing));
    EXPECT_TRUE(w.leg(1).call_control_id.empty());
    w.records.legs = {w.listed("v3:caller"), w.listed("v3:lost", "mark:1", 6)};
    WAIT_FOR(w.leg(1).call_control_id == "v3:lost");
    EXPECT_EQ(w.leg(1).dial, call::dial_status::accepted);
    EXPECT_TRUE(w.leg(2).call_control_id.empty());
    w.telnyx.hold = false;
}

awaitable<void> stray_legs(world& w) {
    w.settings.sweep_every = 20ms;
    w.records.legs = {w.listed("v3:stray", "mark:9", 3), w.listed("v3:unmarked", "", 60)};
    w.records.lives["v3:stray"] = port::leg_life::alive;
    w.directory.devices.insert("gencredOurs");
    w.records.events[k_session] = {w.stray("v3:stray", "gencredOurs")};
    w.start();
    WAIT_FOR(w.telnyx.count(call::verb::hangup) == 1);
    EXPECT_EQ(w.telnyx.sent[0].call_control_id, "v3:stray");
    w.records.legs.clear();
    const bool again = co_await round_of(w, "sweep");
    EXPECT_TRUE(again);
    for (const auto& c : w.telnyx.sent)
        EXPECT_EQ(c.call_control_id, "v3:stray"); // nothing is known of the other: it is left alone
}

// With our mark, for the key is the same; to devices that this database never knew, or to nobody knows whom.
awaitable<void> legs_of_others(world& w) {
    w.settings.sweep_every = 20ms;
    w.directory.devices.insert("gencredOurs");
    w.records.legs = {w.listed("v3:theirs", "mark:9"), w.listed("v3:untold", "mark:9")};
    w.records.lives = {{"v3:theirs", port::leg_life::alive}, {"v3:untold", port::leg_life::alive}};
    w.records.events[k_session] = {w.stray("v3:theirs", "gencredTheirs")};
    w.start();
    WAIT_FOR(w.counted("reconcile_legs_total") >= 2);
    const bool again = co_await round_of(w, "sweep");
    EXPECT_TRUE(again);
    EXPECT_EQ(w.telnyx.count(call::verb::hangup), 0U);
}

awaitable<void> stray_talk(world& w) {
    w.settings.sweep_every = 20ms;
    w.directory.devices.insert("gencredOurs");
    w.records.legs = {w.listed("v3:a", "mark:9"), w.listed("v3:b")};
    w.records.lives["v3:a"] = port::leg_life::alive;
    w.records.events[k_session] = {
        w.stray("v3:a", "gencredOurs"), w.event("call.bridged", "v3:a", R"(,"client_state":"mark:9")"),
        w.event("call.bridged", "v3:b")
    };
    w.start();
    const bool judged = co_await round_of(w, "sweep");
    EXPECT_TRUE(judged);
    EXPECT_EQ(w.telnyx.count(call::verb::hangup), 0U);
    w.records.events[k_session].push_back(w.event("call.hangup", "v3:b"));
    WAIT_FOR(w.telnyx.count(call::verb::hangup) >= 1); // nobody is there to talk to any more
}

awaitable<void> written_in_time(world& w) {
    w.settings.sweep_every = 20ms;
    w.settings.second_look = 200ms;
    w.records.legs = {w.listed(w.control(1), "mark:1", 6)};
    w.records.lives[w.control(1)] = port::leg_life::alive;
    w.start();
    WAIT_FOR(w.records.asked["legs"] == 1);
    co_await ring(w); // as written by the node that held it in memory
    WAIT_FOR(w.records.asked["legs"] >= 3);
    EXPECT_EQ(w.telnyx.count(call::verb::hangup), 0U);
}

awaitable<void> leg_of_an_ended_call(world& w) {
    w.settings.sweep_every = 20ms;
    w.start();
    co_await talk(w);
    const auto bye = w.event("call.hangup", "v3:caller");
    co_await w.node->accept(w.webhook(bye));
    WAIT_FOR(w.in(call::phase::ended));
    WAIT_FOR(w.telnyx.count(call::verb::hangup) == 2);
    w.records.legs = {w.listed(w.control(1), "mark:1")}; // its hang-up came to nothing
    WAIT_FOR(w.telnyx.count(call::verb::hangup) >= 3);
    EXPECT_EQ(w.telnyx.sent.back().call_control_id, w.control(1));
}

// ---- (e) the hard end

awaitable<void> overlong(world& w) {
    w.settings.sweep_every = 20ms;
    w.start();
    co_await talk(w);
    // Even if the carrier said that they live: it ends every call at its limit.
    w.records.legs = {w.listed("v3:caller"), w.listed(w.control(1), "mark:1")};
    w.records.lives = {{w.control(1), port::leg_life::alive}};
    w.state()->began -= 4h + 4min;
    const bool not_yet = co_await round_of(w, "sweep");
    EXPECT_TRUE(not_yet);
    EXPECT_TRUE(w.in(call::phase::active));
    for (auto& [id, c] : w.store.calls)
        c.state.began -= 2min;
    WAIT_FOR(w.in(call::phase::ended));
    WAIT_FOR(w.telnyx.count(call::verb::hangup) >= 2);
}

// ---- life

awaitable<void> sweep_after_an_outage(world& w) {
    w.settings.sweep_every = 1h;
    w.settings.questions_per_second = 10;
    w.start();
    WAIT_FOR(w.rows.turns["sweep"].ended == 1); // at the start
    w.rows.turns["sweep"].began -= 10s;
    w.rows.away = true;
    WAIT_FOR(w.counted("loop_failures_total") > 0);
    w.rows.away = false;
    WAIT_FOR(w.rows.turns["sweep"].ended == 2); // commits may be lost: is there a leg that nobody knows?
}

} // namespace

TEST(reconciler, be_09_failed_deliveries_are_taken_up_by_their_calls) {
    run(failed_deliveries);
}
TEST(reconciler, be_09_records_without_id_of_others_or_without_meaning_are_passed_over) {
    run(useless_records);
}
TEST(reconciler, be_21_what_was_not_read_is_read_when_the_carrier_answers_again) {
    run(deliveries_through_an_outage);
}
TEST(reconciler, be_09_one_node_at_a_time_reads_deliveries_and_another_follows_it) {
    run(deliveries_of_another_nodes_turn);
}
TEST(reconciler, be_09_a_lost_answer_is_found_in_the_records_of_the_session) {
    run(lost_answer);
}
TEST(reconciler, be_09_webhooks_that_came_are_not_told_twice) {
    run(webhooks_that_came);
}
TEST(reconciler, be_09_a_question_that_nobody_answered_is_asked_again) {
    run(question_to_a_carrier_that_is_away);
}
TEST(reconciler, i_21_a_call_that_asks_is_told_all_that_is_on_record) {
    run(inquiry);
}
TEST(reconciler, i_21_a_bridge_whose_reports_are_lost_is_found_on_record) {
    run(silent_bridge);
}
TEST(reconciler, i_21_a_winner_without_reports_is_let_go_on_the_carriers_word_only) {
    run(silent_bridge_and_carrier);
}
TEST(reconciler, be_09_a_talk_whose_hang_ups_are_lost_ends_on_proof_only) {
    run(lost_hang_ups);
}
TEST(reconciler, be_09_hang_ups_on_record_are_preferred_to_made_ones) {
    run(lost_hang_ups_on_record);
}
TEST(reconciler, i_21_a_list_that_did_not_come_whole_ends_no_talk) {
    run(half_a_list);
}
TEST(reconciler, be_09_a_dial_whose_reply_and_webhooks_are_lost_is_found) {
    run(lost_dial);
}
TEST(reconciler, i_08_a_marked_leg_of_no_call_is_hung_up) {
    run(stray_legs);
}
TEST(reconciler, i_21_a_leg_to_a_device_that_this_database_never_knew_is_left_alone) {
    run(legs_of_others);
}
TEST(reconciler, i_21_a_talk_that_no_row_knows_is_left_alone) {
    run(stray_talk);
}
TEST(reconciler, i_21_a_call_that_is_written_late_keeps_its_legs) {
    run(written_in_time);
}
TEST(reconciler, i_08_a_leg_that_outlives_its_call_is_hung_up_again) {
    run(leg_of_an_ended_call);
}
TEST(reconciler, be_09_a_call_beyond_the_carriers_own_limit_is_ended_whatever) {
    run(overlong);
}
TEST(reconciler, i_08_legs_are_compared_at_the_start_and_when_the_database_is_back) {
    run(sweep_after_an_outage);
}

TEST(reconciler, be_09_the_times_that_are_promised_are_the_defaults) {
    const engine::reconcile_settings s;
    EXPECT_EQ(s.deliveries_every, 15s);
    EXPECT_EQ(s.sweep_every, 60s);
    EXPECT_EQ(s.questions_per_second, 10U);
    EXPECT_EQ(s.times.first_leg, 3s);
    EXPECT_EQ(s.times.ring, (std::vector<millis>{5s, 10s, 20s}));
    EXPECT_LE(s.times.ring_then, 10s); // an answer that is lost late in a ring is found within 10 s, too
    EXPECT_EQ(s.times.after_deadline, 2s);
    EXPECT_LE(s.times.silence + s.question_period, 50s); // a talk's lost end is found within 60 s
    EXPECT_EQ(s.longest_call, 4h);
    EXPECT_EQ(s.grace, 5min);
    EXPECT_LE(s.second_look, 4s); // a leg of no call is hung up within 10 s of a recovery
}
