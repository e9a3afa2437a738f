// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Before a node can work and before it goes: a schema that is not there or not its own, tables that are away
// for a moment, and balancers that have to notice.
#include "integration/flows/aftermath.hpp"
#include "integration/flows/flow.hpp"
#include "integration/flows/raw_http.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

class start_stop_flow : public flow {
  protected:
    /// What /readyz says about this; "" when there is no answer.
    static std::string said(const node& n, const std::string& check) {
        int status = 0;
        const auto body = nlohmann::json::parse(n.get("/readyz", &status), nullptr, false);
        if (!body.is_object()) return {};
        const auto& checks = body.at("checks");
        return checks.contains(check) ? checks.at(check).value("detail", "") : "";
    }
    static bool says(const node& n, const std::string& check, const std::string& text) {
        return eventually([&] { return said(n, check).find(text) != std::string::npos; }, 15s);
    }
    static int readyz(const node& n) {
        int status = 0;
        (void)n.get("/readyz", &status);
        return status;
    }
    static double failures(const node& n, const std::string& loop) {
        return n.metric("loop_failures_total{loop=\"" + loop + "\"}");
    }
    static void finished_call(rig& r) {
        r.phone(1, phone::answers(50ms));
        const auto caller = r.call();
        const auto session = r.session(caller);
        EXPECT_TRUE(r.joined(caller));
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.quiet(session));
        EXPECT_EQ(aftermath(r, session), "");
    }
    /// Only the sweep finds what another process put into the inbox: a device is revoked while it rings.
    static void sweep_works(rig& r) {
        r.phone(1, phone{});
        const auto caller = r.call();
        const auto session = r.session(caller);
        ASSERT_TRUE(r.ringing(session, 2));
        (void)r.run("--revoke-device device-1 --user ada@flow.example");
        EXPECT_TRUE(r.quiet(session, 2)) << "the caller and the device that is left";
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.quiet(session));
    }
    /// A registered device gets its identity; only the worker deletes that of one that was revoked.
    static void worker_works(rig& r) {
        const auto registered = r.register_device("late-phone");
        EXPECT_TRUE(registered.status == 201 || registered.status == 202) << registered.body;
        const std::string mine = "from sip_identities i join devices d using (device_id) where "
                                 "d.device_uid = 'late-phone' and i.state ";
        EXPECT_TRUE(eventually([&] { return r.sql("select count(*) " + mine + "= 'active'") == "1"; }, 15s));
        (void)r.run("--revoke-device late-phone --user ada@flow.example");
        EXPECT_TRUE(eventually([&] { return r.sql("select count(*) " + mine + "<> 'dead'") == "0"; }, 15s));
    }
    static void rename(rig& r, const std::string& from, const std::string& to) {
        (void)r.sql("alter table " + from + " rename to " + to);
    }
};

} // namespace

TEST_F(start_stop_flow, a_settings_file_that_lies_where_tests_run_changes_nothing) {
    rig_options o;
    o.start = false;
    auto& r = set_up(std::move(o));
    const auto before = std::filesystem::current_path();
    std::filesystem::create_directories(r.folder() + "/here/config");
    std::ofstream(r.folder() + "/here/config/z360.toml") << "[telnyx]\nno_such_setting = 1\n";
    std::filesystem::current_path(r.folder() + "/here");
    r.server().start();
    EXPECT_TRUE(r.server().ready());
    std::filesystem::current_path(before);
}

TEST_F(start_stop_flow, i_03_started_before_its_schema_it_says_so_and_works_by_itself_once_it_is_there) {
    rig_options o;
    o.start = false;
    o.migrated = false;
    auto& r = set_up(std::move(o));
    auto& n = r.server();
    n.start();
    ASSERT_TRUE(says(n, "schema", "not there; run z360-voipd --migrate"));
    EXPECT_EQ(readyz(n), 503);
    // The loops have met a database without tables.
    EXPECT_TRUE(
        eventually([&] { return failures(n, "events") >= 2 && failures(n, "credential_work") >= 2; }, 15s)
    );
    r.migrate();
    ASSERT_TRUE(n.ready());
    finished_call(r);
    sweep_works(r);
    worker_works(r);
    EXPECT_EQ(said(n, "loops"), "");
    EXPECT_EQ(said(n, "background_loops"), "");
    EXPECT_EQ(n.metric("schema_state{state=\"current\"}"), 1);
}

TEST_F(start_stop_flow, i_03_a_newer_schema_leaves_an_old_node_in_service_and_an_older_one_does_not) {
    auto& r = set_up();
    auto& n = r.server();
    EXPECT_EQ(said(n, "schema"), "");
    const std::string newer =
        "insert into schema_migrations (version, name, checksum) values (9000, 'later', 'x')";
    (void)r.sql(newer);
    ASSERT_TRUE(says(n, "schema", "newer than this program, has 9000_later"));
    EXPECT_EQ(readyz(n), 200);
    EXPECT_TRUE(eventually([&] { return n.metric("schema_state{state=\"newer\"}") == 1; }));
    finished_call(r);
    (void)r.sql("delete from schema_migrations where version = 9000");
    ASSERT_TRUE(eventually([&] { return said(n, "schema").empty(); }, 15s));
    // A restored backup, or a standby that lagged.
    (void)r.sql("create table kept as select * from schema_migrations where version = 2");
    (void)r.sql("delete from schema_migrations where version >= 2");
    ASSERT_TRUE(says(n, "schema", "older than this program, lacks 0002_"));
    EXPECT_EQ(readyz(n), 503);
    (void)r.run("--version"); // commands do not mind
}

TEST_F(start_stop_flow, i_03_tables_that_are_away_for_a_moment_stop_no_loop) {
    auto& r = set_up();
    auto& n = r.server();
    rename(r, "webhook_events", "webhook_events_away");
    rename(r, "sip_identities", "sip_identities_away");
    EXPECT_TRUE(
        eventually([&] { return failures(n, "events") >= 2 && failures(n, "credential_work") >= 2; }, 15s)
    );
    EXPECT_NE(said(n, "loops"), "");
    rename(r, "webhook_events_away", "webhook_events");
    rename(r, "sip_identities_away", "sip_identities");
    EXPECT_TRUE(
        eventually([&] { return said(n, "loops").empty() && said(n, "background_loops").empty(); }, 15s)
    );
    EXPECT_TRUE(n.ready());
    finished_call(r);
    sweep_works(r);
    worker_works(r);
}

TEST_F(start_stop_flow, be_21_after_sigterm_balancers_are_told_first_and_whoever_comes_is_served) {
    rig_options o;
    o.environment["Z360_SERVER_DRAIN_DELAY_MS"] = "60000";
    auto& r = set_up(std::move(o));
    auto& n = r.server();
    n.signal(SIGTERM);
    ASSERT_TRUE(says(n, "accepting", "shutting down"));
    EXPECT_EQ(readyz(n), 503);
    finished_call(r);  // on new connections, by this node alone
    n.signal(SIGTERM); // somebody is in a hurry
    EXPECT_EQ(n.wait(5s).value_or(-1), 1);
    auto& second = r.add_node({});
    second.start();
    ASSERT_TRUE(second.ready());
    second.signal(SIGINT); // a person at a terminal waits for no balancer
    EXPECT_EQ(second.wait(15s).value_or(-1), 0);
}

TEST_F(start_stop_flow, be_21_a_hangup_is_a_stop_like_any_other) {
    rig_options o;
    o.environment["Z360_SERVER_DRAIN_DELAY_MS"] = "1000";
    auto& r = set_up(std::move(o));
    auto& n = r.server();
    n.signal(SIGHUP); // somebody believes that settings or keys are read anew
    ASSERT_TRUE(says(n, "accepting", "shutting down"));
    finished_call(r);
    EXPECT_EQ(n.wait(15s).value_or(-1), 0);
}

TEST_F(start_stop_flow, be_21_a_request_begun_before_the_listener_closes_is_answered) {
    rig_options o;
    o.environment["Z360_SERVER_DRAIN_DELAY_MS"] = "1000";
    auto& r = set_up(std::move(o));
    auto& n = r.server();
    const auto asked = std::chrono::steady_clock::now();
    n.signal(SIGTERM);
    ASSERT_TRUE(says(n, "accepting", "shutting down"));
    raw_connection begun(n.port());
    begun.send("GET /healthz HTTP/1.1\r\nHost: te");
    ASSERT_TRUE(eventually([&] { return readyz(n) == 0; }, 10s)) << "the listener closes";
    EXPECT_GE(std::chrono::steady_clock::now() - asked, 1s);
    EXPECT_EQ(begun.ask("st\r\n\r\n").status, 200);
    EXPECT_EQ(n.wait(15s).value_or(-1), 0);
}
