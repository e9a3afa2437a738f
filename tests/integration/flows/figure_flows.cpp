// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What is measured of a call, what it costs and what its phone tells of it: one record, one timeline.
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"
#include "integration/flows/watch.hpp"
#include "support/run_program.hpp"

#include <sstream>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

class figure_flow : public flow {
  protected:
    rig& measured() {
        rig_options o;
        o.devices = 0;
        o.carrier.tells_costs = true;
        o.carrier.cost_delay = 100ms;
        return set_up(std::move(o));
    }
    /// The app takes the call and they talk; the session.
    static std::string talk(rig& r, const app& a, const std::string& caller, millis length = 300ms) {
        const auto session = r.session(caller);
        EXPECT_TRUE(r.ringing(session, 1));
        EXPECT_TRUE(answers(r, session, a));
        EXPECT_TRUE(r.joined(caller));
        EXPECT_TRUE(r.phase(session, "active"));
        const auto from = std::chrono::steady_clock::now();
        EXPECT_TRUE(eventually([&] { return std::chrono::steady_clock::now() - from >= length; }, length + 1s)
        );
        return session;
    }
    static void ends(rig& r, const std::string& caller, const std::string& session) {
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.phase(session, "ended"));
        EXPECT_TRUE(r.quiet(session));
        EXPECT_TRUE(settled(r, session));
    }
    static bool charged(rig& r, int legs) {
        return eventually([&] { return r.sql("select count(*) from leg_charges") == std::to_string(legs); });
    }
    static json record(rig& r, const std::string& session) {
        const auto reply =
            r.admin().get("/api/admin/organizations/" + std::to_string(r.org()) + "/calls/" + session);
        EXPECT_EQ(reply.status, 200) << reply.body;
        return reply.status == 200 ? reply.data() : json::object();
    }
    static std::int64_t now() {
        return std::chrono::duration_cast<millis>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    }
};

} // namespace

TEST_F(figure_flow, state_05_a_call_has_one_record_and_one_timeline_of_carrier_server_and_phone) {
    auto& r = measured();
    const auto a = install(r, "phone", "android", {{"sdk_version", "3.3.1"}});
    const auto caller = r.call();
    const auto session = talk(r, a, caller);
    const json samples{
        {"call_uuid", session},
        {"sent_at", now()},
        {"sdk_version", "3.2.0"},
        {"network_type", "wifi"},
        {"samples",
         {{{"ts", now() - 200}, {"mos", 4.1}, {"jitter_ms", 9}, {"rtt_ms", 70}, {"loss_percent", 0}}}}
    };
    for (int i = 0; i < 2; ++i) {
        const auto reply = a.client.post("/api/voip/call-quality", samples);
        EXPECT_EQ(reply.status, 200) << reply.body;
        EXPECT_EQ(reply.data()["stored"], i == 0 ? 1 : 0);
    }
    constexpr std::int64_t k_wrong = -7'200'000; // the phone's clock is two hours late
    const json told{
        {"call_uuid", session},
        {"sent_at", now() + k_wrong},
        {"events",
         {{{"name", "ring_shown"}, {"ts", now() + k_wrong - 100}, {"detail", {{"ui", "leg=caller"}}}}}}
    };
    EXPECT_EQ(a.client.post("/api/voip/client-events", told).data()["stored"], 1);
    ends(r, caller, session);
    ASSERT_TRUE(charged(r, 2));
    const auto x = record(r, session);
    EXPECT_EQ(x["outcome"], "answered");
    EXPECT_EQ(x["quality"]["mos_carrier"], "4.50");
    EXPECT_EQ(x["quality"]["mos_client"], "4.10");
    EXPECT_EQ(x["quality"]["no_media"], false);
    EXPECT_EQ(x["costs"], (json{{{"currency", "USD"}, {"total", "0.0136"}}})) << "of both legs";
    EXPECT_GE(x["talk_ms"].get<int>(), 200);
    EXPECT_EQ(x["device_id"], "phone");
    EXPECT_EQ(x["legs"].size(), 2U) << x.dump(1);
    EXPECT_LE(
        std::stoll(r.sql("select abs(z360_ms(received_at) - z360_ms(at) - 100) from client_events")), 50
    ) << "put on our clock";
    const auto lines = r.run("--explain " + session);
    for (const char* word :
         {"carrier", "quality", "cost", "ring_shown", "total=0.0068", "mos=4.1", "said_sdk=3.2.0"})
        EXPECT_NE(lines.find(word), std::string::npos) << word << "\n" << lines;
    EXPECT_GE(r.server().metric("leg_quality_mos_count{source=\"carrier\"}"), 2);
    EXPECT_EQ(r.server().metric("leg_quality_mos_count{source=\"client\"}"), 1);
    EXPECT_EQ(r.server().metric("client_events_total{name=\"ring_shown\"}"), 1);
    EXPECT_EQ(r.server().metric("legs_without_media_total{source=\"carrier\"}"), 0);
}

TEST_F(figure_flow, be_33_hangups_and_costs_that_come_twice_late_or_in_the_wrong_order_are_counted_once) {
    auto& r = measured();
    const auto a = install(r, "phone");
    for (const char* type : {"call.hangup", "call.cost"}) {
        sim::webhook_fault twice;
        twice.event_type = type;
        twice.duplicates = 2;
        twice.duplicate_after = 20ms;
        twice.new_id = true;
        r.carrier().add_fault(twice);
    }
    r.carrier().add_fault(late("call.hangup", "device", 600ms));
    const auto caller = r.call();
    const auto session = talk(r, a, caller);
    ends(r, caller, session);
    ASSERT_TRUE(charged(r, 2));
    ASSERT_TRUE(eventually([&] { return r.sql("select count(*) from leg_media") == "2"; }));
    ASSERT_TRUE(settled(r, session));
    EXPECT_EQ(record(r, session)["costs"][0]["total"], "0.0136");
    EXPECT_EQ(r.sql("select count(*) from webhook_events where status = 'dead'"), "0");
    EXPECT_EQ(r.server().metric("leg_quality_mos_count{source=\"carrier\"}"), 2);
}

TEST_F(figure_flow, b7_a_talk_that_nobody_hears_is_flagged_and_its_phone_is_told_to_use_a_relay) {
    auto& r = measured();
    const auto a = install(r, "phone");
    phone mute;
    mute.mute = true;
    r.carrier().set_phone(a.sip(), mute);
    const auto caller = r.call();
    const auto session = talk(r, a, caller);
    const auto said =
        a.client.post("/api/voip/calls/" + session + "/media-failed", {{"reason", "ice_failed"}});
    EXPECT_EQ(said.status, 200) << said.body;
    EXPECT_TRUE(r.joined(caller)) << "nothing is torn down for want of sound";
    ends(r, caller, session);
    ASSERT_TRUE(eventually([&] { return r.sql("select count(*) from leg_media where silent") == "1"; }));
    EXPECT_EQ(record(r, session)["quality"]["no_media"], true);
    EXPECT_EQ(a.client.get("/api/voip/bootstrap").data()["client_config"]["force_relay"], true);
    EXPECT_EQ(r.server().metric("legs_without_media_total{source=\"carrier\"}"), 1);
    EXPECT_EQ(r.server().metric("legs_without_media_total{source=\"client\"}"), 1);
}

TEST_F(figure_flow, i_05_what_a_person_sees_of_their_calls_has_no_cost_and_others_see_nothing) {
    auto& r = measured();
    const auto a = install(r, "phone");
    const auto rival = founded(r, 870, "rival", "+13125550177");
    const auto other = install_for(r, rival, "rivals-phone");
    const auto caller = r.call();
    const auto session = talk(r, a, caller);
    ends(r, caller, session);
    ASSERT_TRUE(charged(r, 2));
    const auto mine = a.client.get("/api/voip/calls");
    EXPECT_EQ(mine.status, 200);
    EXPECT_EQ(mine.body.find("0.0136"), std::string::npos);
    EXPECT_EQ(mine.body.find("0.0068"), std::string::npos);
    EXPECT_EQ(
        a.client.get("/api/admin/organizations/" + std::to_string(r.org()) + "/calls/" + session).status, 403
    );
    EXPECT_EQ(other.client.post("/api/voip/calls/" + session + "/media-failed", json::object()).status, 404);
    EXPECT_EQ(r.admin().get("/api/admin/organizations/870/calls/" + session).status, 404);
}

TEST_F(figure_flow, calls_are_exported_as_csv_and_as_json_lines) {
    auto& r = measured();
    const auto a = install(r, "phone");
    (void)r.sql(
        "insert into contacts (org_id, e164, name) values (" + std::to_string(r.org()) +
        ", '+13125550142', '=HYPERLINK(\"x\")') on conflict (org_id, e164) do update set name = excluded.name"
    );
    std::vector<std::string> sessions;
    for (int i = 0; i < 2; ++i) {
        const auto caller = r.call();
        sessions.push_back(talk(r, a, caller, 50ms));
        ends(r, caller, sessions.back());
    }
    ASSERT_TRUE(charged(r, 4));
    const auto csv = r.run("--export-calls csv --org " + std::to_string(r.org()) + " --since 1h");
    std::istringstream lines(csv);
    std::vector<std::string> all;
    for (std::string line; std::getline(lines, line);)
        all.push_back(line);
    ASSERT_EQ(all.size(), 3U) << csv;
    EXPECT_TRUE(all[0].starts_with("call_uuid,call_session_id,"));
    EXPECT_NE(all[1].find(sessions[0]), std::string::npos);
    EXPECT_NE(all[1].find("\"'=HYPERLINK(\"\"x\"\")\""), std::string::npos) << all[1];
    EXPECT_TRUE(all[1].ends_with(",0.0136,USD\r")) << all[1];
    const auto rows = r.run("--export-calls json --since 1h");
    EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 2) << rows;
    EXPECT_EQ(json::parse(rows.substr(0, rows.find('\n')))["call_session_id"], sessions[0]);
    const auto backwards =
        run_voipd("--export-calls json --since 1h --until 2026-01-01T00:00:00Z", r.server().environment());
    EXPECT_EQ(backwards.code, 1) << backwards.out;
    EXPECT_NE(backwards.err.find("--until"), std::string::npos) << backwards.err;
}
