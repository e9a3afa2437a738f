// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Events on their way to a call: durable somewhere or refused, given up late, and legs of no call.
#include "callers_world.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

// ---- durable somewhere, or 503

awaitable<void> not_in_postgres(callers_world& w) {
    auto& node = w.add_node();
    std::size_t n = 0;
    for (const auto f : k_faults) {
        w.plan.arm(1, f, fault_plan::moment::before, 1, "inbox.append");
        auto first = w.initiated(static_cast<int>(++n));
        const auto taken = co_await node.accept(w.raw(std::move(first)));
        EXPECT_EQ(taken, engine::accepted::spooled) << f;
        EXPECT_EQ(w.plan.fired, 1U);
        WAIT_FOR(w.dials_for(static_cast<int>(n)) == 2);
    }
    WAIT_FOR(w.idle());
    EXPECT_EQ(
        w.store.processed.size() + static_cast<std::size_t>(std::count_if(
                                       w.inbox.rows.begin(), w.inbox.rows.end(),
                                       [](const auto& r) { return r.second.status == "ignored"; }
                                   )),
        n
    );
}

awaitable<void> nowhere(callers_world& w) {
    w.with_spool = false;
    auto& node = w.add_node();
    for (const auto f : k_faults) {
        w.plan.arm(1, f, fault_plan::moment::before, 1, "inbox.append");
        auto first = w.hangup(1);
        bool away = false;
        try {
            (void)co_await node.accept(w.raw(std::move(first)));
        } catch (const port::unavailable&) {
            away = true; // 503: the carrier repeats it
        }
        EXPECT_TRUE(away) << f;
    }
    EXPECT_EQ(node.now().events_in_work, 0U);
    // Both fail: the same.
    w.with_spool = true;
    auto& other = w.add_node();
    for (const auto f : k_faults) {
        w.store.away = true;
        w.plan.arm(1, f, fault_plan::moment::before, 1, "spool.append");
        auto first = w.hangup(1);
        bool away = false;
        try {
            (void)co_await other.accept(w.raw(std::move(first)));
        } catch (const port::unavailable&) {
            away = true;
        }
        EXPECT_TRUE(away) << f;
    }
    w.store.away = false;
    EXPECT_EQ(other.now().events_in_work, 0U);
}

awaitable<void> refused_rows(callers_world& w) {
    auto& node = w.add_node();
    auto odd = w.initiated(1);
    w.inbox.verdicts[odd.event_id] = port::append_result::set_aside;
    const auto id = odd.event_id;
    const auto taken = co_await node.accept(w.raw(std::move(odd)));
    EXPECT_EQ(taken, engine::accepted::set_aside);
    EXPECT_EQ(w.inbox.rows.at(id).status, "dead");
    auto odder = w.initiated(2);
    const auto other_id = odder.event_id;
    w.inbox.verdicts[other_id] = port::append_result::refused;
    const auto kept = co_await node.accept(w.raw(std::move(odder)));
    EXPECT_EQ(kept, engine::accepted::set_aside);
    EXPECT_EQ(w.spool.aside, std::vector<std::string>{other_id});
    EXPECT_EQ(w.metrics.counts["webhooks_set_aside_total"], 2);
    EXPECT_EQ(node.now().events_in_work, 0U);
}

// ---- what is asked before a caller's devices are rung

bool was_called(const callers_world& w, std::string_view name) {
    return std::any_of(w.plan.calls.begin(), w.plan.calls.end(), [name](const auto& c) {
        return std::string_view(c).starts_with(name);
    });
}

// Nothing else of its session is stored: there is nothing to claim.
awaitable<void> one_round_trip(callers_world& w) {
    w.add_node();
    auto first = w.initiated(1);
    (void)co_await w.nodes.front()->accept(w.raw(std::move(first)));
    WAIT_FOR(w.telnyx.distinct(call::verb::dial) == 2);
    EXPECT_TRUE(was_called(w, "directory.resolve"));
    EXPECT_FALSE(was_called(w, "inbox.claim_session"));
}

// The hang-up came first: it is taken up before anything is dialed.
awaitable<void> overtaken(callers_world& w) {
    auto bye = w.hangup(1);
    std::vector<port::inbox_event> one;
    one.push_back(std::move(bye));
    (void)co_await w.inbox.append(std::move(one), 60s); // another node has it
    w.add_node();
    auto first = w.initiated(1);
    (void)co_await w.nodes.front()->accept(w.raw(std::move(first)));
    WAIT_FOR(w.in(1, call::phase::ended));
    EXPECT_TRUE(was_called(w, "inbox.claim_session"));
    EXPECT_EQ(w.telnyx.distinct(call::verb::dial), 0U);
}

// The route was asked for in vain: it is asked again, and nobody is rung twice.
awaitable<void> look_up_fails(callers_world& w) {
    w.plan.arm(1, fault::unavailable, fault_plan::moment::before, 1, "directory.resolve");
    w.add_node();
    auto first = w.initiated(1);
    (void)co_await w.nodes.front()->accept(w.raw(std::move(first)));
    WAIT_FOR(w.telnyx.distinct(call::verb::dial) == 2);
}

// ---- waiting counts from storage

awaitable<void> long_in_a_spool(callers_world& w) {
    w.settings.unknown_session_wait = 2s;
    w.late = 90s;
    auto bye = w.hangup(1);
    const auto id = bye.event_id;
    w.late = 0s;
    std::vector<port::inbox_event> one;
    one.push_back(std::move(bye));
    co_await w.spool.append(std::move(one));
    w.add_node();
    WAIT_FOR(w.inbox.rows.contains(id) && w.inbox.rows.at(id).event.attempts >= 1);
    EXPECT_EQ(w.inbox.rows.at(id).status, "new"); // nobody could have processed it in the spool
    WAIT_FOR(w.inbox.rows.at(id).status == "dead");
    EXPECT_GE(w.clock.now() - w.inbox.rows.at(id).stored_at, 2s);
    EXPECT_EQ(w.inbox.rows.at(id).why, "unknown session");
}

// Burying it fails twice: one dead letter nevertheless.
awaitable<void> hard_to_bury(callers_world& w) {
    w.settings.unknown_session_wait = 500ms;
    w.plan.arm(1, fault::unavailable, fault_plan::moment::before, 2, "inbox.mark_dead");
    auto& node = w.add_node();
    auto bye = w.hangup(1);
    const auto id = bye.event_id;
    (void)co_await node.accept(w.raw(std::move(bye)));
    WAIT_FOR(w.inbox.rows.at(id).status == "dead");
    EXPECT_EQ(w.plan.fired, 2U);
    WAIT_FOR(w.metrics.counts["dead_letters_total"] > 0);
    EXPECT_EQ(w.metrics.counts["dead_letters_total"], 1);
    EXPECT_EQ(w.metrics.counts["unknown_session_events_total"], 1);
}

awaitable<void> outage_is_no_chance(callers_world& w) {
    w.settings.unknown_session_wait = 15s; // needs one more offer
    auto bye = w.hangup(1);
    const auto id = bye.event_id;
    std::vector<port::inbox_event> one;
    one.push_back(std::move(bye));
    (void)co_await w.inbox.append(std::move(one), 0ms);
    w.inbox.rows.at(id).stored_at -= 60s; // stored before an outage of a minute
    w.add_node();
    WAIT_FOR(w.inbox.rows.at(id).event.attempts == 1);
    EXPECT_EQ(w.inbox.rows.at(id).status, "new");
    WAIT_FOR(w.inbox.rows.at(id).status == "dead"); // after its second offer
}

// ---- legs of no call

const std::string k_ours = R"(,"to":"sip:gencredOurs@sip.telnyx.com")";

awaitable<void> orphan_leg(callers_world& w) {
    w.settings.orphan_wait = 1s;
    w.directory.devices.insert("gencredOurs");
    auto& node = w.add_node();
    auto up = w.of_device("call.answered", 1, 1, k_ours);
    const auto id = up.event_id;
    const auto began = std::chrono::steady_clock::now();
    co_await node.accept(w.raw(std::move(up)));
    WAIT_FOR(w.hangups_of(w.device(1, 1)) == 1);
    EXPECT_GE(std::chrono::steady_clock::now() - began, 1s);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
    WAIT_FOR(w.inbox.rows.at(id).status == "ignored");
    EXPECT_EQ(w.metrics.counts["orphan_legs_hung_up_total"], 1);
    WAIT_FOR(w.idle());
    EXPECT_EQ(w.hangups_of(w.device(1, 1)), 1U);
}

// The mark is of our key; the device that rings is not in our database.
awaitable<void> leg_of_others(callers_world& w) {
    w.settings.orphan_wait = 100ms;
    w.settings.unknown_session_wait = 3s;
    w.directory.devices.insert("gencredOurs");
    auto& node = w.add_node();
    std::vector<std::string> ids;
    for (const auto& to :
         {std::string(R"(,"to":"sip:gencredTheirs@sip.telnyx.com")"), std::string(),
          std::string(R"(,"to":"+13125550142")")}) {
        auto up = w.of_device("call.initiated", static_cast<int>(ids.size()) + 1, 1, to);
        ids.push_back(up.event_id);
        co_await node.accept(w.raw(std::move(up)));
    }
    for (const auto& id : ids)
        WAIT_FOR(w.inbox.rows.at(id).status == "dead");
    WAIT_FOR(w.idle());
    EXPECT_EQ(w.telnyx.sent.size(), 0U);
    EXPECT_EQ(w.metrics.counts["orphan_legs_hung_up_total"], 0);
}

// A number may be known to many: it is ours to hang up if the caller called one of ours that rings on there.
awaitable<void> mobile_leg(callers_world& w) {
    w.settings.orphan_wait = 100ms;
    w.settings.unknown_session_wait = 3s;
    w.directory.answer.mobile = "+13125550142";
    auto& node = w.add_node();
    const auto rings_on = [&w](int n, const char* mobile, const char* called) {
        auto up = w.of_device("call.initiated", n, 1, std::string(R"(,"to":")") + mobile + '"');
        if (*called != '\0') {
            auto first = w.event(
                "call.initiated", n, w.caller(n),
                std::string(R"(,"direction":"incoming","state":"parked","from":"+13125550100","to":")") +
                    called + '"'
            );
            w.records.sessions[w.session(n)].push_back({.event_id = first.event_id, .body = first.body});
        }
        return up;
    };
    std::vector<port::inbox_event> events;
    events.push_back(rings_on(1, "+13125550142", "+15550109999"));
    events.push_back(rings_on(2, "+13125550142", "+15550108888")); // a number that is not ours
    events.push_back(rings_on(3, "+13125550143", "+15550109999")); // no mobile number of that person
    events.push_back(rings_on(4, "+13125550142", ""));             // nobody says who called
    std::vector<std::string> ids;
    for (auto& e : events) {
        ids.push_back(e.event_id);
        co_await node.accept(w.raw(std::move(e)));
    }
    WAIT_FOR(w.hangups_of(w.device(1, 1)) == 1);
    WAIT_FOR(w.inbox.rows.at(ids[0]).status == "ignored");
    for (std::size_t i = 1; i < ids.size(); ++i)
        WAIT_FOR(w.inbox.rows.at(ids[i]).status == "dead");
    WAIT_FOR(w.idle());
    EXPECT_EQ(w.telnyx.sent.size(), 1U);
    EXPECT_EQ(w.metrics.counts["orphan_legs_hung_up_total"], 1);
}

// The event does not say whom it rings; the carrier's record does.
awaitable<void> told_by_the_record(callers_world& w) {
    w.settings.orphan_wait = 100ms;
    w.directory.devices.insert("gencredOurs");
    const auto record = w.of_device("call.initiated", 1, 1, k_ours);
    w.records.sessions[w.session(1)].push_back({.event_id = record.event_id, .body = record.body});
    auto& node = w.add_node();
    auto up = w.of_device("call.answered", 1, 1);
    co_await node.accept(w.raw(std::move(up)));
    WAIT_FOR(w.hangups_of(w.device(1, 1)) == 1);
}

// A caller whom another installation serves, found on the carrier's record: its number is not ours.
awaitable<void> caller_of_others(callers_world& w) {
    w.settings.orphan_wait = 100ms;
    w.directory.known = "+15550108888";
    auto& node = w.add_node();
    std::vector<std::string> ids;
    for (int n = 1; n <= 2; ++n) {
        auto first = w.event(
            "call.initiated", n, w.caller(n),
            R"(,"direction":"incoming","state":"parked","from":"+13125550142","to":"+15550109999")"
        );
        auto later = n == 1 ? w.of_device("call.initiated", n, 1) : w.event("call.bridged", n, w.caller(n));
        std::vector<port::inbox_event> found;
        for (auto* e : {&first, &later}) {
            ids.push_back(e->event_id);
            found.push_back(*e);
        }
        (void)co_await w.inbox.append(std::move(found), 60s);
        std::vector<port::inbox_event> told;
        told.push_back(std::move(first));
        node.take_up(std::move(told));
    }
    for (const auto& id : ids)
        WAIT_FOR(w.inbox.rows.at(id).status == "ignored");
    EXPECT_EQ(w.telnyx.sent.size(), 0U);
    EXPECT_TRUE(w.store.calls.empty());
    // Nobody serves this one: refused, as ever.
    auto alone = w.event(
        "call.initiated", 3, w.caller(3),
        R"(,"direction":"incoming","state":"parked","from":"+13125550142","to":"+15550109999")"
    );
    std::vector<port::inbox_event> one;
    one.push_back(alone);
    (void)co_await w.inbox.append(std::move(one), 60s);
    std::vector<port::inbox_event> told;
    told.push_back(std::move(alone));
    node.take_up(std::move(told));
    WAIT_FOR(w.telnyx.count(call::verb::reject) == 1);
    WAIT_FOR(w.idle());
}

awaitable<void> talk_of_nobody(callers_world& w) {
    w.settings.orphan_wait = 100ms;
    w.settings.unknown_session_wait = 3s;
    port::recorded_event joined;
    auto record = w.of_device("call.bridged", 1, 1);
    joined.event_id = record.event_id;
    joined.body = record.body;
    w.records.sessions[w.session(1)].push_back(joined);
    auto& node = w.add_node();
    auto up = w.of_device("call.answered", 1, 1);
    const auto id = up.event_id;
    co_await node.accept(w.raw(std::move(up)));
    auto bridged = w.of_device("call.bridged", 2, 1);
    co_await node.accept(w.raw(std::move(bridged)));
    WAIT_FOR(w.inbox.rows.at(id).status == "dead");
    WAIT_FOR(w.idle());
    EXPECT_EQ(w.telnyx.sent.size(), 0U);
}

// The node that has joined the two is away, with what began the call: what the leg's end leaves behind waits.
awaitable<void> recording_of_an_orphan(callers_world& w) {
    w.settings.orphan_wait = 100ms;
    w.directory.devices.insert("gencredOurs");
    auto& node = w.add_node();
    auto saved = w.of_device(
        "call.recording.saved", 1, 1,
        k_ours + R"(,"recording_id":"rec-1","recording_urls":{"mp3":"https://example.test/r.mp3"})"
    );
    const auto id = saved.event_id;
    co_await node.accept(w.raw(std::move(saved)));
    WAIT_FOR(w.inbox.rows.at(id).event.attempts >= 3);
    EXPECT_EQ(w.inbox.rows.at(id).status, "new");
    EXPECT_EQ(w.hangups_of(w.device(1, 1)), 0U);
    co_await node.accept(w.raw(w.initiated(1)));
    WAIT_FOR(w.state(1) != nullptr && !w.state(1)->recordings.empty());
    EXPECT_EQ(w.state(1)->recordings.front().id, "rec-1");
}

awaitable<void> orphan_with_a_caller(callers_world& w) {
    w.settings.orphan_wait = 100ms;
    auto first = w.initiated(1); // claimed by a node that died with it
    std::vector<port::inbox_event> one;
    one.push_back(std::move(first));
    (void)co_await w.inbox.append(std::move(one), 60s);
    auto& node = w.add_node();
    auto up = w.of_device("call.answered", 1, 1);
    co_await node.accept(w.raw(std::move(up)));
    WAIT_FOR(w.state(1) != nullptr && w.state(1)->legs.at(0).answered);
    WAIT_FOR(w.telnyx.count(call::verb::answer) >= 1);
    EXPECT_EQ(w.hangups_of(w.device(1, 1)), 0U);
}

} // namespace

TEST(ingress, i_03_whatever_keeps_an_event_out_of_postgres_it_goes_to_the_spool) {
    run(not_in_postgres);
}
TEST(ingress, i_03_what_is_durable_nowhere_is_refused_and_leaves_nothing_behind) {
    run(nowhere);
}
TEST(ingress, i_03_an_event_that_postgres_refuses_for_itself_is_kept_for_people) {
    run(refused_rows);
}
TEST(ingress, be_32_time_in_a_spool_is_no_waiting) {
    run(long_in_a_spool);
}
TEST(ingress, be_32_a_dead_letter_is_counted_once_however_hard_it_was_to_bury) {
    run(hard_to_bury);
}
TEST(ingress, be_32_nothing_is_given_up_that_was_never_offered_again) {
    run(outage_is_no_chance);
}
TEST(orphans, be_32_a_recording_is_not_written_off_with_its_leg) {
    run(recording_of_an_orphan);
}
TEST(orphans, i_08_a_device_leg_whose_call_is_nowhere_is_hung_up) {
    run(orphan_leg);
}
TEST(orphans, i_21_a_leg_to_a_device_that_this_database_never_knew_is_not_hung_up) {
    run(leg_of_others);
}
TEST(new_callers, sys_a_caller_of_whom_nothing_else_is_stored_costs_no_look_at_the_inbox) {
    run(one_round_trip);
}
TEST(new_callers, i_11_who_has_hung_up_before_the_call_began_rings_nobody) {
    run(overtaken);
}
TEST(new_callers, i_03_a_look_up_that_was_made_early_and_failed_is_made_again) {
    run(look_up_fails);
}
TEST(orphans, i_08_a_leg_to_a_mobile_number_whose_call_is_nowhere_is_hung_up_if_the_call_was_ours) {
    run(mobile_leg);
}
TEST(orphans, i_08_whom_a_leg_rings_is_told_by_the_carriers_record) {
    run(told_by_the_record);
}
TEST(orphans, i_21_a_caller_whom_another_installation_serves_is_not_refused) {
    run(caller_of_others);
}
TEST(orphans, i_21_a_leg_that_talks_is_not_hung_up_for_want_of_its_call) {
    run(talk_of_nobody);
}
TEST(orphans, i_03_a_leg_whose_caller_nobody_has_begun_begins_the_call) {
    run(orphan_with_a_caller);
}
