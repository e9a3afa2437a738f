// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The process as its operator meets it: configuration, start, commands, TLS, figures, secrets.
#include "component/http/test_certificate.hpp"
#include "integration/flows/aftermath.hpp"
#include "integration/flows/flow.hpp"
#include "integration/flows/watch.hpp"
#include "support/run_program.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>
#include <regex>
#include <set>
#include <sstream>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

class process_flow : public flow {
  protected:
    // What a node would be started with, for runs that end by themselves.
    static ended
    run(rig& r, const std::string& arguments, const std::map<std::string, std::string>& changes = {}) {
        auto e = r.server().environment();
        for (const auto& [k, v] : changes)
            e[k] = v;
        return run_voipd(arguments, e);
    }
    static std::ptrdiff_t lines(const std::string& text) {
        return std::count(text.begin(), text.end(), '\n');
    }
    static std::string finished_call(rig& r) {
        r.phone(1, phone::answers(50ms));
        return answered_and_ended(r);
    }
    static rig_options not_started() {
        rig_options o;
        o.start = false;
        return o;
    }
};

/// A port that somebody else holds, without sharing it.
class taken_port {
  public:
    taken_port() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof a;
        void* raw = &a;
        if (::bind(fd_, static_cast<sockaddr*>(raw), size) != 0 || ::listen(fd_, 1) != 0)
            throw std::runtime_error("no port to take");
        (void)::getsockname(fd_, static_cast<sockaddr*>(raw), &size);
        port_ = ntohs(a.sin_port);
    }
    ~taken_port() { ::close(fd_); }
    taken_port(const taken_port&) = delete;
    taken_port& operator=(const taken_port&) = delete;
    [[nodiscard]] std::string text() const { return std::to_string(port_); }

  private:
    int fd_;
    std::uint16_t port_ = 0;
};

// Body of an https GET that trusts nobody but this certificate; "" when the handshake fails.
std::string get_https(std::uint16_t port, const std::string& trusted, const std::string& path) {
    const std::string out = trusted + ".out";
    const std::string command = "curl --silent --max-time 3 --cacert " + shell_quoted(trusted) +
                                " --output " + shell_quoted(out) +
                                " https://127.0.0.1:" + std::to_string(port) + path;
    if (std::system(command.c_str()) != 0) return {};
    return read_file(out);
}

} // namespace

TEST_F(process_flow, cfg_02_wrong_configuration_is_one_line_with_key_value_and_fix_and_exit_2) {
    auto& r = set_up(not_started());
    const auto e = run(r, "", {{"Z360_CALLS_RING_TIME_MS", "90000"}});
    EXPECT_EQ(e.code, 2);
    EXPECT_EQ(lines(e.err), 1) << e.err;
    for (const char* part : {"calls.ring_time_ms", "90000", "give 5 s"})
        EXPECT_NE(e.err.find(part), std::string::npos) << part << " is missing in: " << e.err;
    const auto two = run(r, "--http.port=99999", {{"Z360_LOG_LEVEL", "loud"}});
    EXPECT_EQ(two.code, 2);
    EXPECT_EQ(lines(two.err), 2) << two.err; // every problem at once
}

TEST_F(process_flow, sec_01_without_a_public_key_it_does_not_start) {
    auto& r = set_up(not_started());
    const auto e = run(r, "", {{"Z360_TELNYX_PUBLIC_KEYS", ""}});
    EXPECT_EQ(e.code, 2);
    EXPECT_NE(e.err.find("telnyx.public_keys"), std::string::npos) << e.err;
}

TEST_F(process_flow, a_port_in_use_is_a_clear_line_and_exit_1) {
    auto& r = set_up(not_started());
    const taken_port port;
    const auto e = run(r, "", {{"Z360_HTTP_PORT", port.text()}});
    EXPECT_EQ(e.code, 1);
    const auto all = e.out + e.err;
    EXPECT_NE(all.find(port.text()), std::string::npos) << all;
    EXPECT_NE(all.find("in use"), std::string::npos) << all;
}

TEST_F(process_flow, i_03_postgres_unreachable_at_start_is_waited_for) {
    auto& r = set_up(not_started());
    r.postgres().cut();
    r.redis().cut();
    r.server().start();
    int status = 0;
    std::string body;
    ASSERT_TRUE(eventually([&] {
        body = r.server().get("/readyz", &status);
        return status != 0;
    }));
    EXPECT_EQ(status, 503);
    EXPECT_NE(body.find("database"), std::string::npos) << body;
    EXPECT_FALSE(r.server().ready(1s)); // and stays so while there is none
    EXPECT_NE(r.server().get("/healthz"), "");
    r.postgres().resume();
    EXPECT_TRUE(r.server().ready());
    EXPECT_NE(finished_call(r), ""); // Redis is still away
    const auto log = read_file(r.server().log_file());
    EXPECT_NE(log.find("postgres_down"), std::string::npos);
    EXPECT_NE(log.find("redis_away"), std::string::npos);
    EXPECT_LE(lines(log), 60) << "an outage must not flood the log:\n" << log;
}

TEST_F(process_flow, commands_answer_on_standard_output_and_repeat_safely) {
    auto& r = set_up(not_started());
    EXPECT_EQ(run(r, "--check-config").code, 0);
    const auto version = run(r, "--version");
    EXPECT_EQ(version.code, 0);
    EXPECT_TRUE(std::regex_search(version.out, std::regex(R"(\d+\.\d+)"))) << version.out;
    for (int i = 0; i < 2; ++i) {
        const auto migrated = run(r, "--migrate");
        EXPECT_EQ(migrated.code, 0) << migrated.err;
        EXPECT_NE(migrated.out.find("nothing to do"), std::string::npos) << migrated.out;
    }
    const auto letters = run(r, "--dead-letters");
    EXPECT_EQ(letters.code, 0);
    EXPECT_NE(letters.out.find("no dead letters"), std::string::npos) << letters.out;
    EXPECT_EQ(run(r, "--explain 11111111-2222-3333-4444-555555555555").code, 1);
    r.postgres().cut();
    const auto away = run(r, "--migrate");
    EXPECT_EQ(away.code, 3);
    EXPECT_EQ(lines(away.err), 1) << away.err;
}

TEST_F(process_flow, be_19_a_dead_letter_that_is_replayed_takes_effect_once) {
    rig_options o;
    o.devices = 1;
    auto& r = set_up(std::move(o));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 1));
    // The caller's hang-up, given up while the server could not make anything of it.
    const sim::json body{
        {"data",
         {{"record_type", "event"},
          {"event_type", "call.hangup"},
          {"id", "letter-1"},
          {"occurred_at", iso8601(std::chrono::floor<millis>(std::chrono::system_clock::now()))},
          {"payload",
           {{"call_control_id", caller}, {"call_session_id", session}, {"hangup_cause", "originator_cancel"}}}
         }}
    };
    (void)r.sql(
        "insert into webhook_events (event_id, event_type, route, call_session_id, call_control_id, "
        "received_at, "
        "body, claimed_until, status, processed_at, error) values ('letter-1', 'call.hangup', "
        "'call_control', '" +
        session + "', '" + caller + "', now(), convert_to('" + body.dump() +
        "', 'UTF8'), now(), 'dead', now(), 'failed 5 times') returning 1"
    );
    EXPECT_NE(run(r, "--dead-letters --since 1h").out.find("letter-1"), std::string::npos);
    const auto shown = run(r, "--json --dead-letter letter-1");
    ASSERT_EQ(shown.code, 0) << shown.err;
    EXPECT_EQ(nlohmann::json::parse(shown.out).at("body"), body);
    EXPECT_NE(run(r, "--dead-letter letter-1").out.find("error: failed 5 times"), std::string::npos);
    EXPECT_EQ(column(r, session, "phase"), "ringing");
    EXPECT_EQ(run(r, "--replay-dead-letters letter-1").code, 0);
    EXPECT_TRUE(eventually([&] { return column(r, session, "phase") == "ended"; }));
    EXPECT_TRUE(eventually([&] { return commands(r, "hangup", session).size() == 1U; }));
    const auto again = run(r, "--replay-dead-letters letter-1");
    EXPECT_EQ(again.code, 1);
    EXPECT_NE(again.err.find("not processed twice"), std::string::npos) << again.err;
    EXPECT_NE(run(r, "--replay-dead-letters all").out.find("no dead letters"), std::string::npos);
    EXPECT_EQ(run(r, "--replay-dead-letters nothing").code, 1);
    EXPECT_EQ(run(r, "--dead-letter nothing").code, 1);
    EXPECT_EQ(commands(r, "hangup", session).size(), 1U);
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}

// One view, one JSON: what the operator reads is what the person's apps are told.
TEST_F(process_flow, explain_shows_the_call_as_the_api_does) {
    auto& r = set_up();
    const auto shown = [&](const std::string& session) {
        return r.service(r.user(), r.org()).get("/api/voip/call-status/" + session).data();
    };
    const auto explained = [&](const std::string& session) {
        const auto e = run(r, "--json --explain " + shell_quoted(session));
        EXPECT_EQ(e.code, 0) << e.err;
        return nlohmann::json::parse(e.out.substr(0, e.out.find('\n'))).at("call");
    };
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 1));
    EXPECT_TRUE(eventually([&] { return explained(session) == shown(session); })); // it still moves
    EXPECT_EQ(explained(session).at("state"), "ringing");
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    const auto finished = finished_call(r);
    EXPECT_EQ(explained(finished), shown(finished));
    EXPECT_EQ(explained(finished).at("reason"), "completed");
}

TEST_F(process_flow, explain_tells_a_finished_call_in_the_order_of_time) {
    auto& r = set_up();
    const auto session = finished_call(r);
    EXPECT_TRUE(eventually([&] {
        return r.sql("select count(*) from commands where status = 'pending'") == "0";
    }));
    const auto e = run(r, "--explain " + shell_quoted(session));
    EXPECT_EQ(e.code, 0) << e.err;
    std::size_t at = 0;
    for (const char* step :
         {"call.initiated", "call_began", "device_answered", "winner_claimed", "bridged", "caller_hung_up",
          "call_ended"}) {
        const auto found = e.out.find(step, at);
        EXPECT_NE(found, std::string::npos) << step << " is missing, or out of order, in:\n" << e.out;
        if (found != std::string::npos) at = found;
    }
    for (const char* source : {"webhook", "note", "command", "outcome"})
        EXPECT_NE(e.out.find(source), std::string::npos) << e.out;
    for (const char* verb : {"dial", "answer", "bridge", "hangup"})
        EXPECT_NE(e.out.find(verb), std::string::npos) << verb;
    // Each line says what was so at its time: a command has no outcome yet, an outcome has its attempts.
    const std::regex command(R"(command_id=\S+( leg=\S+)?)");
    const std::regex outcome(R"(command_id=\S+ status=(\S+) attempts=(\d+)( error=\S+)?)");
    std::istringstream in(run(r, "--json --explain " + shell_quoted(session)).out);
    int outcomes = 0;
    for (std::string line; std::getline(in, line);) {
        const auto j = nlohmann::json::parse(line);
        if (!j.contains("source")) continue;
        const auto detail = j.at("detail").get<std::string>();
        if (j.at("source") == "command") EXPECT_TRUE(std::regex_match(detail, command)) << line;
        if (j.at("source") != "outcome") continue;
        std::smatch m;
        ASSERT_TRUE(std::regex_match(detail, m, outcome)) << line;
        if (m[1] == "done") EXPECT_GE(std::stoi(m[2]), 1) << line;
        ++outcomes;
    }
    EXPECT_GE(outcomes, 4);
}

TEST_F(process_flow, i_08_two_processes_share_the_port_and_one_may_leave) {
    auto& r = set_up();
    auto& second = r.add_node({}, r.server().port());
    second.start();
    ASSERT_TRUE(eventually(
        [&] { return read_file(second.log_file()).find("schema state=current") != std::string::npos; }, 15s
    ));
    EXPECT_NE(finished_call(r), "");
    r.server().signal(SIGTERM);
    EXPECT_EQ(r.server().wait(10s).value_or(-1), 0);
    EXPECT_TRUE(second.ready());
    EXPECT_NE(finished_call(r), "");
}

TEST_F(process_flow, sys_01_https_works_and_a_renewed_certificate_is_used_without_restart) {
    auto& r = set_up(not_started());
    const test::temp_folder folder;
    const auto certificate = folder.file("cert.pem");
    const auto key = folder.file("key.pem");
    test::write_certificate(certificate, key, "first", 90);
    std::filesystem::permissions(
        key, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write
    );
    const std::map<std::string, std::string> tls{
        {"Z360_HTTP_TLS_CERTIFICATE_FILE", certificate}, {"Z360_HTTP_TLS_KEY_FILE", key}
    };
    auto& n = r.add_node(tls);
    n.start();
    EXPECT_TRUE(eventually([&] { return !get_https(n.port(), certificate, "/healthz").empty(); }, 15s));
    const auto old = folder.file("old.pem");
    std::filesystem::copy_file(certificate, old);
    EXPECT_NE(
        get_https(n.port(), certificate, "/metrics").find("tls_certificate_days_left"), std::string::npos
    );
    EXPECT_EQ(run(r, "--check-certs", tls).code, 0);

    test::write_certificate(certificate, key, "second", 3);
    std::filesystem::permissions(
        key, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write
    );
    EXPECT_TRUE(eventually([&] { return !get_https(n.port(), certificate, "/healthz").empty(); }, 30s));
    EXPECT_EQ(get_https(n.port(), old, "/healthz"), ""); // the old one is not shown any more
    EXPECT_EQ(n.running(), true);
    const auto soon = run(r, "--check-certs", tls);
    EXPECT_EQ(soon.code, 1); // three days are an alarm
    EXPECT_NE(soon.out.find("days left"), std::string::npos) << soon.out << soon.err;
    std::filesystem::remove(certificate);
    const auto gone = run(r, "--check-certs", tls);
    EXPECT_NE(gone.code, 0);
    EXPECT_NE(gone.err.find("cert.pem"), std::string::npos) << gone.err;
}

TEST_F(process_flow, i_06_secrets_appear_in_no_log_line_figure_or_answer) {
    const std::string state_key = "canary-state-key-0123456789abcdef0123456789";
    rig_options o;
    o.environment["Z360_LOG_LEVEL"] = "debug";
    o.environment["Z360_TELNYX_CLIENT_STATE_KEY"] = state_key;
    auto& r = set_up(std::move(o));
    const auto session = finished_call(r);
    // Everything that can go wrong with a secret in hand: wrong API key, unreachable Postgres, refused Redis.
    auto& wrong = r.add_node({{"Z360_TELNYX_API_KEY", "KEY-canary-wrong"}});
    auto database = r.server().environment().at("Z360_DATABASE_URL");
    database.replace(database.find('@'), 1, ":canary-database-password@");
    auto redis = r.server().environment().at("Z360_REDIS_URL");
    redis.replace(redis.find("//"), 2, "//:canary-redis-password@");
    auto& refused = r.add_node({{"Z360_DATABASE_URL", database}, {"Z360_REDIS_URL", redis}});
    wrong.start();
    refused.start();
    ASSERT_TRUE(wrong.ready());
    ASSERT_TRUE(refused.ready());
    r.point_webhooks(1, 1);
    const auto caller = r.call();
    EXPECT_TRUE(eventually([&] { return wrong.metric("telnyx_key_rejected_total") > 0; }));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(eventually([&] {
        return read_file(refused.log_file()).find("redis_away") != std::string::npos;
    }));
    r.postgres().cut();
    EXPECT_TRUE(eventually([&] {
        return read_file(refused.log_file()).find("postgres_down") != std::string::npos;
    }));
    std::string all;
    for (std::size_t i = 0; i < r.servers(); ++i) {
        all += read_file(r.server(i).log_file());
        for (const char* path : {"/metrics", "/readyz", "/healthz", "/nowhere"})
            all += r.server(i).get(path);
    }
    r.postgres().resume();
    for (const char* arguments : {"--check-config", "--check-config --json", "--migrate", "--dead-letters"}) {
        const auto e = run(r, arguments, {{"Z360_DATABASE_URL", database}, {"Z360_REDIS_URL", redis}});
        all += e.out + e.err;
    }
    all += run(r, "--explain " + session).out;
    ASSERT_NE(all.find("call_ended"), std::string::npos); // the search looks at something
    ASSERT_NE(all.find("telnyx_key_rejected"), std::string::npos);
    for (const auto& canary :
         {std::string("KEY-of-the-flow-tests"), std::string("KEY-canary-wrong"), state_key,
          std::string("canary-database-password"), std::string("canary-redis-password")})
        EXPECT_EQ(all.find(canary), std::string::npos)
            << canary << " leaked: " << all.substr(std::max<std::size_t>(all.find(canary), 200) - 200, 300);
}

TEST_F(process_flow, every_figure_that_the_operations_guide_names_exists) {
    auto& r = set_up();
    (void)finished_call(r);
    const auto guide = read_file(std::string(Z360_SOURCE_DIR) + "/docs/operations.md");
    const auto figures = r.server().get("/metrics");
    const std::regex name(
        R"(`((?:z360|process)_[a-z0-9_]+_(?:total|seconds|open|up|events|left|unsaved|memory|bytes|connections))\b)"
    );
    std::set<std::string> named;
    for (auto it = std::sregex_iterator(guide.begin(), guide.end(), name); it != std::sregex_iterator(); ++it)
        named.insert((*it)[1]);
    EXPECT_GE(named.size(), 10U); // the guide does name figures
    for (const auto& n : named) {
        // Of the TLS listener and of push, where there are such: sys_01 and push_flow look at them.
        if (n.starts_with("z360_tls_") || n.starts_with("z360_push_")) continue;
        EXPECT_TRUE(std::regex_search(figures, std::regex("(^|\n)" + n + "(_count)?[ {]")))
            << n << " is not in /metrics";
    }
}
