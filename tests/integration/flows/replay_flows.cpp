// SPDX-License-Identifier: LicenseRef-z360-proprietary
// I18 at a terminal: whatever a call went through in the whole program, its decisions made again from what is
// stored lead to the state and the effects that are stored.
#include "integration/flows/aftermath.hpp"
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"
#include "integration/flows/watch.hpp"
#include "support/run_program.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <sstream>

using namespace z360;
using namespace z360::testing;
using nlohmann::json;
using sim::phone;

namespace {

class replay_flow : public flow {
  protected:
    rig& devices(int n, int nodes = 1) {
        rig_options o;
        o.devices = n;
        o.nodes = nodes;
        o.carrier.speak_per_char = millis{5};
        o.carrier.recording_delay = 200ms;
        o.environment["Z360_CALLS_RING_TIME_MS"] = "5000";
        rig_ = &set_up(std::move(o));
        return *rig_;
    }
    ended run(const std::string& arguments) { return run_voipd(arguments, rig_->server().environment()); }
    /// Every call in the database, once nothing moves any more.
    void expect_all_replayed(std::size_t calls) {
        std::istringstream ids(rig_->sql("select string_agg(call_id::text, ' ') from calls"));
        std::size_t n = 0;
        for (std::string id; ids >> id; ++n) {
            const auto e = run("--replay " + id);
            EXPECT_EQ(e.code, 0) << e.out << e.err;
            EXPECT_NE(e.out.find("the same state and the same effects"), std::string::npos) << e.out;
        }
        EXPECT_EQ(n, calls);
    }
    rig* rig_ = nullptr;
};

} // namespace

TEST_F(replay_flow, i_18_calls_that_are_answered_missed_and_left_to_voicemail_replay_to_what_is_stored) {
    auto& r = devices(3);
    sim::webhook_fault again; // every answer and every end comes three times, and late
    again.duplicates = 2;
    again.duplicate_after = 120ms;
    r.carrier().add_fault(again);
    r.phone(1, phone::answers(100ms));
    r.phone(2, phone::declines(20ms));
    r.phone(3, phone::answers(110ms));
    const auto talked = answered_and_ended(r);

    for (int n = 1; n <= 3; ++n)
        r.phone(n, phone::ignores());
    const auto caller = r.call();
    const auto missed = r.session(caller);
    ASSERT_TRUE(r.ringing(missed, 3));
    r.carrier().caller_hangs_up(caller);
    ASSERT_TRUE(r.quiet(missed));

    for (int n = 1; n <= 3; ++n)
        r.phone(n, phone::declines(20ms));
    const auto asker = r.call();
    const auto message = r.session(asker);
    ASSERT_TRUE(r.commanded("record_start", message, 1, 8s));
    r.carrier().caller_hangs_up(asker);
    ASSERT_TRUE(r.quiet(message));
    for (const auto& session : {talked, missed, message})
        EXPECT_EQ(aftermath(r, session), "");
    expect_all_replayed(3);

    const auto id = r.sql("select call_id from calls where call_session_id = '" + talked + "'");
    const auto e = run("--replay " + talked + " --json");
    ASSERT_EQ(e.code, 0) << e.err;
    std::istringstream lines(e.out);
    json last;
    std::size_t steps = 0;
    for (std::string line; std::getline(lines, line); last = json::parse(line))
        if (line.find("\"step\"") != std::string::npos) ++steps;
    EXPECT_GE(steps, 4U);
    EXPECT_EQ(last.at("result"), "same");
    EXPECT_EQ(last.at("call_id"), id);
}

TEST_F(replay_flow, b_44_a_decline_of_a_phone_replays_with_its_verdict) {
    rig_options o;
    o.devices = 0;
    rig_ = &set_up(std::move(o));
    auto& r = *rig_;
    const auto mine = install(r, "phone", "ios");
    const auto tablet = install(r, "tablet", "android");
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 2));
    ASSERT_EQ(mine.client.post("/api/voip/calls/" + session + "/decline", json::object()).status, 200);
    r.carrier().caller_hangs_up(caller);
    ASSERT_TRUE(r.quiet(session));
    EXPECT_EQ(aftermath(r, session), "");
    expect_all_replayed(1);
}

TEST_F(replay_flow, i_18_a_call_whose_node_was_killed_replays_over_both_nodes_decisions) {
    auto& r = devices(2, 2);
    r.phone(1, phone::answers(400ms));
    r.phone(2, phone::ignores());
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 2));
    r.point_webhooks(1, 0);
    r.server(0).kill();
    ASSERT_TRUE(r.joined(caller, 15s));
    r.carrier().caller_hangs_up(caller);
    ASSERT_TRUE(r.quiet(session, 0, 15s));
    EXPECT_EQ(aftermath(r, session), "");
    expect_all_replayed(1);
}

TEST_F(replay_flow, i_06_an_export_replays_without_a_database_and_shows_what_was_changed) {
    auto& r = devices(2);
    r.phone(1, phone::answers(50ms));
    const auto session = answered_and_ended(r);
    const auto file = r.folder() + "/call.json", masked = r.folder() + "/masked.json";
    ASSERT_EQ(run("--replay " + session + " --export " + file).code, 0);
    ASSERT_EQ(run("--replay " + session + " --export " + masked + " --masked").code, 0);
    EXPECT_EQ(run("--replay " + session + " --export " + file).code, 1) << "never over another file";
    EXPECT_EQ(read_file(masked).find("+13125550142"), std::string::npos);
    for (const auto& name : {file, masked})
        EXPECT_EQ(run_voipd("--replay-file " + name, {}).code, 0) << name << ": needs no configuration";

    auto changed = json::parse(read_file(file));
    changed["state"]["reason"] = "failed";
    std::ofstream(file + ".changed") << changed.dump();
    const auto e = run_voipd("--replay-file " + file + ".changed", {});
    EXPECT_EQ(e.code, 1);
    EXPECT_NE(e.out.find("state/reason: stored \"failed\", replayed \"completed\""), std::string::npos)
        << e.out;
}

TEST_F(replay_flow, i_18_a_call_of_a_program_from_before_the_record_is_said_to_have_none) {
    auto& r = devices(1);
    r.phone(1, phone::answers(50ms));
    const auto session = answered_and_ended(r);
    (void)r.sql("with gone as (delete from call_steps returning 1) select count(*) from gone");
    const auto e = run("--replay " + session);
    EXPECT_EQ(e.code, 2);
    EXPECT_NE(e.out.find("nothing is recorded of its decisions"), std::string::npos) << e.out;
    EXPECT_EQ(run("--replay nobody-knows-it").code, 1);
}
