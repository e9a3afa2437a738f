// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the carrier has on record, asked over loopback HTTP.
#include "sim_line.hpp"
#include "wire/telnyx_webhook.hpp"

#include <z360/port/errors.hpp>

#include <set>

using namespace z360;
using namespace z360::test;
using port::leg_life;

namespace {

struct records_line : sim_line {
    /// Types of all events, and every one's id must be that of the webhook.
    std::vector<std::string> types_of(const std::vector<port::recorded_event>& events) {
        std::vector<std::string> out;
        std::set<std::string> known = carrier.with([](sim::carrier& c, time_point) {
            std::set<std::string> ids;
            for (const auto& [serial, w] : c.seen().webhooks)
                ids.insert(w.event_id);
            return ids;
        });
        for (const auto& e : events) {
            const auto hook = wire::parse_envelope(e.body).event;
            EXPECT_TRUE(hook) << e.body;
            if (hook) out.push_back(hook->event_type);
            EXPECT_EQ(hook ? hook->event_id : "", e.event_id);
            EXPECT_TRUE(known.contains(e.event_id));
        }
        return out;
    }
    void expect_no_violations() {
        carrier.with([](sim::carrier& c, time_point) {
            for (const auto& v : c.seen().violations)
                ADD_FAILURE() << sim::to_json(v).dump();
        });
    }
    std::string complaint() {
        try {
            (void)run(records().active_legs({}));
        } catch (const port::unavailable& e) {
            return e.what();
        }
        return {};
    }
    time_point began() {
        return carrier.with([](sim::carrier&, time_point now) { return now; });
    }
};
using strings = std::vector<std::string>;

} // namespace

TEST_F(records_line, be_09_the_events_of_a_session_whose_webhooks_were_lost_are_told) {
    for (const auto form :
         {sim::unknowns::event_record::event, sim::unknowns::event_record::raw_text,
          sim::unknowns::event_record::raw_event}) {
        sim_line::carrier.stop();
        auto s = settings();
        s.carrier.unknown.record = form;
        s.carrier.unknown.lists_newest_first = form == sim::unknowns::event_record::raw_text;
        sim::simulator tel(s);
        tel.start();
        questions.base_url = tel.base_url();
        records_.reset();
        sim::webhook_fault lost;
        lost.drop = true;
        tel.add_fault(lost);
        const auto caller = tel.place_call("+14155550123", "+14155550100");
        tel.caller_hangs_up(caller);
        const auto session = tel.with([&](sim::carrier& c, time_point) { return c.session_of(caller); });
        const auto page = run(records().events_of_session(session, {}));
        ASSERT_EQ(page.events.size(), 2U);
        std::set<std::string> types;
        for (const auto& e : page.events)
            types.insert(wire::parse_envelope(e.body).event->event_type);
        EXPECT_EQ(types, (std::set<std::string>{"call.initiated", "call.hangup"}));
        EXPECT_LE(page.events[0].at, page.events[1].at);
        EXPECT_TRUE(page.next.empty());
        tel.with([](sim::carrier& c, time_point) { EXPECT_TRUE(c.seen().violations.empty()); });
    }
}

TEST_F(records_line, be_09_what_a_blackout_swallowed_is_a_failed_delivery_page_by_page) {
    const auto since = began();
    carrier.set_webhook_urls({"http://127.0.0.1:1/never-asked", {}});
    carrier.black_out_webhooks(millis{600'000});
    carrier.with([](sim::carrier& c, time_point now) {
        for (int i = 0; i < 300; ++i)
            c.place_call("+14155550123", "+14155550100", now);
    });
    ASSERT_TRUE(carrier.wait_until(
        [](const sim::carrier& c) {
            return std::all_of(c.seen().webhooks.begin(), c.seen().webhooks.end(), [](const auto& e) {
                return e.second.state == sim::delivery_state::failed;
            });
        },
        millis{20'000}
    ));
    std::vector<port::recorded_event> all;
    std::string cursor;
    int pages = 0;
    do {
        auto page = run(records().failed_deliveries(since, cursor));
        all.insert(all.end(), page.events.begin(), page.events.end());
        cursor = page.next;
    } while (!cursor.empty() && ++pages < 9);
    EXPECT_EQ(types_of(all), strings(300, "call.initiated"));
    EXPECT_EQ(pages, 1) << "two pages of 250";
    EXPECT_TRUE(run(records().failed_deliveries(began() + 60s, {})).events.empty());
    expect_no_violations();
}

TEST_F(records_line, be_02_a_leg_of_which_nobody_was_told_is_among_the_live_ones) {
    carrier.lose_dials_to("gencred1");
    carrier.set_default_phone(sim::phone::answers(millis{10}));
    const auto caller = ring_in();
    std::optional<call::command_outcome> out;
    start(dial(1, caller, millis{1'500}), &out);
    ASSERT_TRUE(eventually([&out] { return out.has_value(); }));
    EXPECT_TRUE(out->who.call_control_id.empty()) << "the resend is not answered either";
    const auto live = run(records().active_legs({}));
    ASSERT_EQ(live.legs.size(), 2U);
    EXPECT_EQ(live.legs[0].call_control_id, caller);
    const auto opened = codec.open(live.legs[1].client_state);
    ASSERT_TRUE(opened) << "our mark says whose leg it is";
    EXPECT_EQ(opened->leg, (leg_id{uuid{7, 1}}));
    EXPECT_EQ(run(records().life_of(live.legs[1].call_control_id)), leg_life::alive);
    EXPECT_EQ(requests("dial"), 2U);
    expect_no_violations();
}

TEST_F(records_line, live_legs_come_in_pages_without_end_or_repetition) {
    carrier.with([](sim::carrier& c, time_point now) {
        for (int i = 0; i < 600; ++i)
            c.place_call("+14155550123", "+14155550100", now);
    });
    std::set<std::string> seen;
    std::string cursor;
    int pages = 0;
    do {
        auto page = run(records().active_legs(cursor));
        for (auto& leg : page.legs)
            EXPECT_TRUE(seen.insert(leg.call_control_id).second);
        cursor = page.next;
    } while (!cursor.empty() && ++pages < 9);
    EXPECT_EQ(seen.size(), 600U);
    expect_no_violations();
}

TEST_F(records_line, be_09_a_legs_life_is_told_until_it_is_forgotten) {
    const auto caller = ring_in();
    EXPECT_EQ(run(records().life_of(caller)), leg_life::alive);
    carrier.caller_hangs_up(caller);
    EXPECT_EQ(run(records().life_of(caller)), leg_life::gone);
    EXPECT_EQ(run(records().life_of("v3:nobody")), leg_life::gone);
    carrier.stop();
    EXPECT_THROW((void)run(records().life_of(caller)), port::unavailable);
}

TEST_F(records_line, answers_that_do_not_come_are_unavailable_within_the_time_limit) {
    questions.attempt_timeout = millis{300};
    sim::command_fault stall;
    stall.verb = "active_calls";
    stall.stall_reply = millis{5'000};
    carrier.add_fault(stall);
    const auto asked = steady::now();
    EXPECT_NE(complaint(), "");
    EXPECT_LT(steady::now() - asked, 2s);
    mend_api();
    break_api("active_calls", 500);
    EXPECT_NE(complaint().find("HTTP 500 10007"), std::string::npos);
    mend_api();
    EXPECT_EQ(complaint(), "");
    break_api("active_calls", 401);
    EXPECT_NE(complaint().find("HTTP 401 10009"), std::string::npos);
    EXPECT_EQ(counted("telnyx_key_rejected client=records"), 1);
}
