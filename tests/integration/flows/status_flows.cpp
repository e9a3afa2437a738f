// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What apps are told about calls: after a crash, when events crossed, when nothing was heard at all.
#include "edge/api/state_model.hpp"
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"
#include "integration/flows/watch.hpp"

#include <z360/call/state.hpp>

#include <algorithm>
#include <map>
#include <set>

using namespace z360;
using namespace z360::testing;

namespace {

class status_flow : public flow {
  protected:
    rig& apps(std::map<std::string, std::string> environment = {}) {
        rig_options o;
        o.devices = 0;
        o.environment = std::move(environment);
        o.environment["Z360_LIMITS_POLL_PER_MINUTE"] = "10000";
        o.environment["Z360_LIMITS_READ_PER_MINUTE"] = "10000";
        return set_up(std::move(o));
    }
};

json status_of(const app& a, const std::string& session) {
    const auto r = a.client.get("/api/voip/call-status/" + session);
    EXPECT_EQ(r.status, 200) << r.body;
    return r.status == 200 ? r.data() : json::object();
}
json active_of(const app& a) {
    const auto r = a.client.get("/api/voip/my-active-call");
    EXPECT_EQ(r.status, 200) << r.body;
    return r.status == 200 ? r.data().at("active_call") : json::object();
}

/// Asked a hundred times, by both questions: always the same, and asking changes nothing.
void expect_steady(rig& r, const app& a, const std::string& session) {
    const auto one = status_of(a, session);
    const auto other = active_of(a);
    const auto version = r.sql("select changed from calls where call_session_id = '" + session + "'");
    // Of this call alone: the comparison of both sides asks for Telnyx's list whenever it is its time.
    const auto asked_of_carrier = [&] {
        return r.carrier().with([&](sim::carrier& c, time_point) {
            const auto& all = c.seen().commands;
            return std::count_if(all.begin(), all.end(), [&](const auto& x) {
                return x.second.session == session;
            });
        });
    };
    const auto commands = asked_of_carrier();
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(status_of(a, session), one) << "question " << i;
        ASSERT_EQ(active_of(a), other) << "question " << i;
    }
    EXPECT_EQ(r.sql("select changed from calls where call_session_id = '" + session + "'"), version);
    EXPECT_EQ(asked_of_carrier(), commands);
}

time_point moment(const json& j, const char* key) {
    return parse_iso8601(j.at(key).get<std::string>()).value();
}

} // namespace

TEST_F(status_flow, ios_05_and_07_and_08_each_device_is_told_its_own_truth_in_every_phase) {
    auto& r = apps();
    const auto phone = install(r, "phone", "ios");
    const auto tablet = install(r, "tablet", "android");
    EXPECT_TRUE(active_of(phone).is_null());
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 2));
    ASSERT_TRUE(settled(r, session));

    for (const auto* a : {&phone, &tablet}) {
        SCOPED_TRACE("ringing, " + a->uid);
        const auto s = status_of(*a, session);
        EXPECT_EQ(s.at("status"), "ringing");
        EXPECT_EQ(s.at("device_state"), "ringing");
        EXPECT_TRUE(s.at("winner_device_id").is_null());
        EXPECT_TRUE(s.at("answered_at").is_null());
        EXPECT_EQ(
            moment(s, "ring_expires_at") - moment(s, "started_at"),
            std::chrono::seconds(s.at("ring_seconds").get<int>())
        ) << "the app needs no timeout of its own (AND-07)";
        EXPECT_EQ(active_of(*a), s);
        expect_steady(r, *a, session);
    }

    ASSERT_TRUE(answers(r, session, tablet));
    ASSERT_TRUE(r.joined(caller));
    ASSERT_TRUE(r.phase(session, "active"));
    ASSERT_TRUE(r.quiet(session, 2));
    ASSERT_TRUE(settled(r, session));
    const auto won = status_of(tablet, session);
    EXPECT_EQ(won.at("status"), "active");
    EXPECT_EQ(won.at("leg_state"), "bridged");
    EXPECT_EQ(won.at("winner_device_id"), "tablet");
    const auto joined = bridges(r, session).at(0).began;
    EXPECT_LE(std::chrono::abs(moment(won, "answered_at") - joined), 500ms)
        << "every clock shows the same (AND-08)";
    EXPECT_EQ(active_of(tablet), won);
    const auto lost = status_of(phone, session);
    EXPECT_EQ(lost.at("status"), "answered_elsewhere");
    EXPECT_EQ(lost.at("reason"), "answered_elsewhere");
    EXPECT_EQ(lost.at("state"), "active");
    EXPECT_EQ(lost.at("winner_device_id"), "tablet");
    EXPECT_EQ(lost.at("answered_at"), won.at("answered_at"));
    EXPECT_TRUE(active_of(phone).is_null());
    expect_steady(r, phone, session);
    expect_steady(r, tablet, session);
    EXPECT_EQ(tablet.client.get("/api/voip/call-status/" + won.at("call_id").get<std::string>()).data(), won);

    r.carrier().caller_hangs_up(caller);
    ASSERT_TRUE(ended_as(r, session, "completed"));
    ASSERT_TRUE(settled(r, session));
    for (const auto* a : {&phone, &tablet}) {
        SCOPED_TRACE("ended, " + a->uid);
        const auto s = status_of(*a, session);
        EXPECT_EQ(s.at("state"), "ended");
        EXPECT_EQ(s.at("missed"), false);
        EXPECT_FALSE(s.at("ended_at").is_null());
        EXPECT_TRUE(active_of(*a).is_null()) << "an app that crashed opens no call screen (IOS-05)";
        EXPECT_EQ(
            a->client.get("/api/voip/my-active-call").data().at("recent_calls").at(0).at("call_session_id"),
            session
        );
        expect_steady(r, *a, session);
    }
    EXPECT_EQ(status_of(phone, session).at("status"), "answered_elsewhere");
    EXPECT_EQ(status_of(tablet, session).at("status"), "ended");
    EXPECT_EQ(phone.client.get("/api/voip/call-status/" + derive_uuid("none").text()).status, 404);
}

TEST_F(status_flow, and_04_a_call_that_nobody_took_is_missed_with_a_way_to_call_back) {
    auto& r = apps();
    const auto phone = install(r, "phone");
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 1));
    r.carrier().caller_hangs_up(caller);
    ASSERT_TRUE(ended_as(r, session, "caller_cancelled"));
    ASSERT_TRUE(settled(r, session));
    const auto s = status_of(phone, session);
    EXPECT_EQ(s.at("status"), "ended");
    EXPECT_EQ(s.at("missed"), true);
    EXPECT_EQ(s.at("caller_name"), "Grace Caller");
    EXPECT_EQ(s.at("callback").at("to"), "+13125550142");
    EXPECT_EQ(s.at("callback").at("from"), r.number());
    EXPECT_EQ(s.at("callback").at("organization_id"), r.org());
    EXPECT_TRUE(s.at("answered_at").is_null());
    EXPECT_TRUE(s.at("winner_device_id").is_null());
}

TEST_F(status_flow, state_01_and_05_the_published_model_is_the_one_that_runs) {
    auto& r = apps();
    const auto served = r.client().get("/api/voip/state-model");
    ASSERT_EQ(served.status, 200);
    EXPECT_EQ(served.data(), edge::api::state_model());
    const auto& states = served.data().at("states");
    ASSERT_EQ(states.size(), static_cast<std::size_t>(call::k_phase_count));
    for (int i = 0; i < call::k_phase_count; ++i)
        EXPECT_EQ(states[static_cast<std::size_t>(i)], call::name(static_cast<call::phase>(i)));

    // What an app sees of a real call keeps to it.
    const auto phone = install(r, "phone");
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 1));
    ASSERT_TRUE(answers(r, session, phone));
    std::vector<std::string> seen;
    const auto look = [&](const std::string& until) {
        return eventually([&] {
            const auto now = status_of(phone, session).at("state").get<std::string>();
            if (seen.empty() || seen.back() != now) seen.push_back(now);
            return now == until;
        });
    };
    ASSERT_TRUE(look("active"));
    const auto leg = leg_of(r, session, phone);
    for (const bool hold : {true, false}) {
        ASSERT_TRUE(r.carrier().with([&](sim::carrier& c, time_point now) {
            return c.device_holds(leg.call_control_id, hold, now);
        }));
        ASSERT_TRUE(look(hold ? "on_hold" : "active"));
    }
    r.carrier().caller_hangs_up(caller);
    ASSERT_TRUE(look("ended"));
    const auto& transitions = served.data().at("transitions");
    for (std::size_t i = 1; i < seen.size(); ++i) {
        const auto& next = transitions.at(seen[i - 1]);
        EXPECT_NE(std::find(next.begin(), next.end(), seen[i]), next.end())
            << seen[i - 1] << " to " << seen[i];
    }
    EXPECT_GE(seen.size(), 4U);
}

TEST_F(status_flow, state_03_calls_since_a_position_come_once_each_page_by_page) {
    auto& r = apps();
    const auto phone = install(r, "phone");
    std::set<std::string> made;
    const auto add_call = [&] {
        const auto caller = r.call();
        const auto session = r.session(caller);
        EXPECT_TRUE(r.ringing(session, 1));
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(ended_as(r, session, "caller_cancelled"));
        EXPECT_TRUE(settled(r, session));
        made.insert(session);
    };
    for (int i = 0; i < 5; ++i)
        add_call();
    std::map<std::string, int> seen;
    std::uint64_t next = 0;
    const auto read_pages = [&] {
        for (int pages = 0;; ++pages) {
            const auto page = phone.client.get("/api/voip/calls?limit=2&since=" + std::to_string(next));
            ASSERT_EQ(page.status, 200) << page.body;
            ASSERT_LE(page.data().size(), 2U);
            ASSERT_LT(pages, 10) << "the pages never end";
            for (const auto& c : page.data())
                ++seen[c.at("call_session_id").get<std::string>()];
            const auto before = next;
            next = page.json.at("meta").at("next").get<std::uint64_t>();
            EXPECT_GE(next, before);
            if (!page.json.at("meta").at("more").get<bool>()) return;
        }
    };
    read_pages();
    EXPECT_EQ(seen.size(), 5U);
    for (const auto& session : made)
        EXPECT_EQ(seen[session], 1) << session;
    read_pages();
    EXPECT_EQ(seen.size(), 5U) << "nothing new";
    add_call();
    read_pages();
    EXPECT_EQ(seen.size(), 6U);
    EXPECT_EQ(phone.client.get("/api/voip/calls").data().size(), 6U);
    const auto last = next;
    next = 4'000'000'000'000; // of a database server that had made far more transactions than the one here
    const auto moved = phone.client.get("/api/voip/calls?since=" + std::to_string(next));
    EXPECT_EQ(moved.data().size(), 6U) << moved.body;
    const auto here = moved.json.at("meta").at("next").get<std::uint64_t>();
    EXPECT_GE(here, last); // the server's other databases count on
    EXPECT_LT(here, next);
    for (const char* bad : {"since=x", "since=-1", "limit=0", "limit=1000"})
        EXPECT_EQ(phone.client.get(std::string("/api/voip/calls?") + bad).status, 422) << bad;
}
