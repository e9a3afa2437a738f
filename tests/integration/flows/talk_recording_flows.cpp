// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Recording while the talk goes on: by the rules, looked after, paused; over the real process.
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"
#include "integration/flows/watch.hpp"

#include <utility>

using namespace z360;
using namespace z360::testing;

namespace {

struct talk {
    app phone;
    std::string caller, session;
};

class talk_recording : public flow {
  protected:
    rig& under(const json& rules, sim::carrier_settings carrier = {}) {
        rig_options o;
        o.devices = 0;
        o.carrier = std::move(carrier);
        o.carrier.speak_per_char = millis{5};
        o.carrier.recording_delay = 50ms;
        auto& r = set_up(std::move(o));
        const auto path = "/api/admin/organizations/" + std::to_string(r.org()) + "/settings";
        const auto put = r.admin().put(path, rules);
        EXPECT_LT(put.status, 300) << put.body;
        return r;
    }
    static talk talking(rig& r) {
        talk t{install(r, "phone", "ios"), {}, {}};
        t.caller = r.call();
        t.session = r.session(t.caller);
        EXPECT_TRUE(r.ringing(t.session, 1));
        EXPECT_TRUE(answers(r, t.session, t.phone));
        EXPECT_TRUE(r.joined(t.caller));
        EXPECT_TRUE(r.phase(t.session, "active"));
        return t;
    }
    static std::string shown(const talk& t) {
        const auto a = t.phone.client.get("/api/voip/call-status/" + t.session);
        EXPECT_EQ(a.status, 200) << a.body;
        return a.data().value("recording", "");
    }
    static bool shows(rig& r, const talk& t, const std::string& word, millis limit = 5s) {
        std::string version; // asked once for each: polls are counted
        return eventually(
            [&] {
                const auto now =
                    r.sql("select version from calls where call_session_id = '" + t.session + "'");
                return std::exchange(version, now) != now && shown(t) == word;
            },
            limit
        );
    }
    static api_reply ask(const talk& t, const std::string& what) {
        return t.phone.client.post("/api/voip/calls/" + t.session + "/recording/" + what, json::object());
    }
    static void over(rig& r, const talk& t) {
        r.carrier().caller_hangs_up(t.caller);
        EXPECT_TRUE(r.quiet(t.session));
        EXPECT_TRUE(r.phase(t.session, "ended"));
    }
    static std::vector<sim::saved_recording> kept(rig& r) {
        return r.carrier().with([](sim::carrier& c, time_point) { return c.seen().recordings; });
    }
};

sim::command_fault fails(std::string verb, unsigned times) {
    auto f = fault_of(std::move(verb), {}, times);
    f.recording_error = "Internal server error";
    return f;
}

} // namespace

TEST_F(talk_recording, be_24_a_recording_that_fails_once_runs_again_within_six_seconds) {
    auto& r = under({{"record_calls", true}});
    r.carrier().add_fault(fails("bridge", 1));
    sim::webhook_fault again;
    again.event_type = "call.recording.error";
    again.duplicates = 3;
    again.new_id = true;
    again.delay = 50ms;
    again.after_next = true;
    r.carrier().add_fault(again);
    const auto t = talking(r);
    ASSERT_TRUE(eventually([&] { return leg_of(r, t.session, t.phone).recording; }, 6s));
    ASSERT_TRUE(shows(r, t, "on"));
    EXPECT_TRUE(settled(r, t.session));
    EXPECT_EQ(r.accepted("record_start", t.session), 1U) << "the same report, four times";
    EXPECT_EQ(shown(t), "on");
    over(r, t);
    ASSERT_TRUE(eventually([&] { return kept(r).size() == 1; }));
    EXPECT_EQ(kept(r)[0].channels, "dual");
}

TEST_F(talk_recording, be_24_a_talk_that_cannot_be_recorded_goes_on_and_is_told) {
    auto& r = under({{"record_calls", true}});
    r.carrier().add_fault(fails("bridge", 1));
    auto refused = fault_of("record_start");
    refused.fail_status = 422;
    refused.fail_code = "10015";
    r.carrier().add_fault(refused);
    const auto t = talking(r);
    ASSERT_TRUE(eventually([&] { return r.server().metric("talk_recordings_unavailable_total") == 1; }, 7s));
    EXPECT_EQ(shown(t), "unavailable");
    EXPECT_EQ(ask(t, "pause").status, 409);
    EXPECT_TRUE(r.joined(t.caller, 0ms)) << "I21";
    over(r, t);
}

TEST_F(talk_recording, be_24_a_talk_that_must_be_recorded_and_cannot_be_is_announced_and_ended) {
    auto& r = under({{"recording_mandatory", true}, {"unrecorded_message", "Not recorded."}});
    r.carrier().add_fault(fails("bridge", 1));
    r.carrier().add_fault(fails("record_start", 0));
    const auto t = talking(r);
    ASSERT_TRUE(r.quiet(t.session, 0, 8s));
    EXPECT_EQ(commands(r, "speak", t.session).at(0).body.at("payload"), "Not recorded.");
    EXPECT_EQ(r.accepted("record_start", t.session), 1U);
    EXPECT_TRUE(ended_as(r, t.session, "completed"));
}

TEST_F(talk_recording, be_24_a_fault_whose_report_is_lost_is_found_on_the_carriers_record) {
    sim::carrier_settings c;
    c.unknown.bridge_names_recording = false;
    auto& r = under({{"record_calls", true}}, c);
    r.carrier().add_fault(fails("bridge", 1));
    r.carrier().add_fault(lost("call.recording.error"));
    const auto t = talking(r);
    ASSERT_TRUE(r.commanded("record_start", t.session, 1, 8s));
    ASSERT_TRUE(shows(r, t, "on"));
    over(r, t);
}

TEST_F(talk_recording, i_17_where_the_rules_say_off_nothing_is_recorded_or_paused_or_announced) {
    auto& r = under({{"record_calls", false}, {"recording_announcement", "This call is recorded."}});
    const auto t = talking(r);
    EXPECT_EQ(shown(t), "off");
    const auto no = ask(t, "pause");
    EXPECT_EQ(no.status, 409);
    EXPECT_EQ(no.json.at("code"), "not_recorded");
    const auto path = "/api/admin/organizations/" + std::to_string(r.org()) + "/settings";
    ASSERT_EQ(r.admin().put(path, {{"recording_mandatory", true}}).status, 200);
    EXPECT_EQ(shown(t), "off") << "the rules that it began with";
    over(r, t);
    EXPECT_TRUE(settled(r, t.session));
    EXPECT_TRUE(commands(r, "speak", t.session).empty());
    EXPECT_TRUE(kept(r).empty());
}

TEST_F(talk_recording, be_24_a_number_says_otherwise_but_loosens_nothing_that_is_demanded) {
    auto& r = under({{"record_calls", true}});
    const auto number =
        "/api/admin/organizations/" + std::to_string(r.org()) + "/numbers/%2B" + r.number().substr(1);
    const auto says = [&](const std::string& word) {
        const auto put = r.admin().put(number, {{"receiving_user_id", r.user()}, {"recording", word}});
        EXPECT_EQ(put.status, 200) << put.body;
        return r.admin().get(number + "/route").data();
    };
    EXPECT_EQ(says("off").at("recording"), "off");
    const auto silent = talking(r);
    EXPECT_EQ(shown(silent), "off");
    EXPECT_EQ(says("on").at("recording_set_by"), "number");
    EXPECT_EQ(ask(silent, "pause").json.value("code", ""), "not_recorded")
        << "it goes by what held when it began";
    over(r, silent);
    EXPECT_TRUE(kept(r).empty());

    const auto settings = "/api/admin/organizations/" + std::to_string(r.org()) + "/settings";
    ASSERT_LT(r.admin().put(settings, {{"recording_mandatory", true}}).status, 300);
    const auto route = says("off");
    EXPECT_EQ(route.at("recording"), "mandatory");
    EXPECT_EQ(route.at("recording_set_by"), "organization");
    auto t = silent; // the phone is there already
    t.caller = r.call();
    t.session = r.session(t.caller);
    ASSERT_TRUE(r.ringing(t.session, 1));
    ASSERT_TRUE(answers(r, t.session, t.phone));
    ASSERT_TRUE(shows(r, t, "on"));
    over(r, t);
    EXPECT_TRUE(eventually([&] { return kept(r).size() == 1; }));
}

TEST_F(talk_recording, i_17_a_pause_is_taken_once_survives_a_killed_node_and_ends) {
    auto& r = under({{"record_calls", true}, {"recording_announcement", "This call is recorded."}});
    const auto t = talking(r);
    ASSERT_TRUE(r.commanded("speak", t.session));
    EXPECT_EQ(commands(r, "speak", t.session).at(0).body.at("payload"), "This call is recorded.");
    ASSERT_EQ(shown(t), "on");
    ASSERT_EQ(ask(t, "pause").status, 200);
    ASSERT_TRUE(shows(r, t, "paused"));
    EXPECT_TRUE(leg_of(r, t.session, t.phone).recording_paused);
    EXPECT_EQ(ask(t, "pause").status, 200);
    r.server().kill();
    r.server().start();
    ASSERT_TRUE(r.server().ready());
    EXPECT_EQ(shown(t), "paused");
    EXPECT_EQ(r.accepted("record_pause", t.session), 1U);
    ASSERT_EQ(ask(t, "resume").status, 200);
    ASSERT_TRUE(eventually([&] { return !leg_of(r, t.session, t.phone).recording_paused; }));
    EXPECT_TRUE(shows(r, t, "on"));
    over(r, t);
    EXPECT_EQ(ask(t, "pause").status, 409);
    ASSERT_TRUE(eventually([&] { return kept(r).size() == 1; }));
    EXPECT_EQ(kept(r)[0].pauses.size(), 1U);
}

TEST_F(talk_recording, i_17_a_pause_that_a_killed_node_had_not_sent_is_sent_by_the_next) {
    auto& r = under({{"record_calls", true}});
    auto late = fault_of("record_pause", {}, 1);
    late.stall_before = 1s;
    late.stall_reply = 1s;
    const auto t = talking(r);
    r.carrier().add_fault(late);
    ASSERT_EQ(ask(t, "pause").status, 200);
    EXPECT_EQ(shown(t), "on") << "until the carrier has taken it";
    r.server().kill();
    r.server().start();
    ASSERT_TRUE(r.server().ready());
    ASSERT_TRUE(shows(r, t, "paused", 10s));
    EXPECT_TRUE(leg_of(r, t.session, t.phone).recording_paused);
    over(r, t);
}

TEST_F(talk_recording, i_17_a_mandatory_recording_is_paused_by_nobody) {
    auto& r = under({{"recording_mandatory", true}});
    const auto t = talking(r);
    const auto no = ask(t, "pause");
    EXPECT_EQ(no.status, 409);
    EXPECT_EQ(no.json.at("code"), "recording_mandatory");
    EXPECT_TRUE(leg_of(r, t.session, t.phone).recording);
    EXPECT_EQ(shown(t), "on");
    over(r, t);
}
