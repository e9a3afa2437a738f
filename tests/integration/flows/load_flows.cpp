// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What keeps a server going for years: old rows go, sockets that say nothing cost nobody a call, figures are
// for those whom they are meant for.
#include "integration/flows/flow.hpp"
#include "integration/flows/raw_http.hpp"
#include "support/run_program.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <memory>

using namespace z360;
using namespace z360::testing;

namespace {

/// Connections that are made and say nothing, from an address of this machine.
class silent_crowd {
  public:
    silent_crowd(std::uint16_t port, std::size_t n, const std::string& from) {
        for (std::size_t i = 0; i < n; ++i) {
            const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            if (fd < 0) break;
            sockaddr_in mine{};
            mine.sin_family = AF_INET;
            ::inet_pton(AF_INET, from.c_str(), &mine.sin_addr);
            const int on = 1; // a port is chosen when the peer is known: more than one connection may have it
            ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
            sockaddr_in a{};
            a.sin_family = AF_INET;
            a.sin_port = htons(port);
            a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            const bool made = ::bind(fd, reinterpret_cast<sockaddr*>(&mine), sizeof mine) == 0 && // NOLINT
                              ::connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0;      // NOLINT
            if (made)
                fds_.push_back(fd);
            else
                ::close(fd);
        }
    }
    ~silent_crowd() {
        for (const int fd : fds_)
            ::close(fd);
    }
    silent_crowd(const silent_crowd&) = delete;
    silent_crowd& operator=(const silent_crowd&) = delete;
    [[nodiscard]] std::size_t size() const { return fds_.size(); }

  private:
    std::vector<int> fds_;
};

class open_files {
  public:
    open_files() { (void)::getrlimit(RLIMIT_NOFILE, &before_); }
    ~open_files() { (void)::setrlimit(RLIMIT_NOFILE, &before_); }
    open_files(const open_files&) = delete;
    open_files& operator=(const open_files&) = delete;
    void soft(rlim_t n) const {
        auto l = before_;
        l.rlim_cur = std::min(n, l.rlim_max);
        (void)::setrlimit(RLIMIT_NOFILE, &l);
    }
    [[nodiscard]] rlim_t hard() const { return before_.rlim_max; }

  private:
    rlimit before_{};
};

class load_flow : public flow {
  protected:
    static void expect_a_talk(rig& r) {
        r.phone(1, {.does = sim::phone::mode::answer, .act_after = millis{150}});
        const auto caller = r.call();
        EXPECT_TRUE(r.joined(caller));
    }
};

std::string old_event(const std::string& id, const std::string& status, const std::string& days) {
    return "insert into webhook_events (event_id, event_type, route, received_at, body, claimed_until, "
           "status, "
           "processed_at, error) values ('" +
           id + "', 'call.answered', 'call_control', now() - interval '" + days + " days', '{}', now(), '" +
           status + "', now() - interval '" + days + " days', " + (status == "dead" ? "'no use'" : "null") +
           ") returning 1";
}

} // namespace

TEST_F(load_flow, be_34_old_rows_go_by_themselves_and_calls_go_on) {
    rig_options o;
    o.start = false;
    rig& r = set_up(std::move(o));
    for (const auto* days : {"8", "6"})
        for (const std::string status : {"done", "ignored"})
            (void)r.sql(old_event(status + days, status, days));
    (void)r.sql(old_event("dead31", "dead", "31"));
    (void)r.sql(old_event("dead29", "dead", "29"));
    (void
    )r.sql("insert into calls (call_id, call_session_id, phase, end_reason, version, snapshot, began_at, "
           "ended_at, "
           "updated_at) select gen_random_uuid(), 'old-' || n, 'ended', 'rejected', 1, '{}', t, t, t from "
           "(values (401), (399)) v (n), lateral (select now() - n * interval '1 day' as t) x");
    r.server().start();
    ASSERT_TRUE(r.server().ready());
    expect_a_talk(r);
    const std::string left = "select string_agg(event_id, ' ' order by event_id) from webhook_events "
                             "where event_type = 'call.answered' and body = '{}'";
    EXPECT_TRUE(eventually([&] { return r.sql(left) == "dead29 done6 ignored6"; }, 20s)) << r.sql(left);
    EXPECT_TRUE(eventually(
        [&] {
            return r.sql("select string_agg(call_session_id, ' ') from calls where "
                         "call_session_id like 'old-%'") == "old-399";
        },
        20s
    ));
    EXPECT_EQ(r.server().metric("retention_removed_total{what=\"raw_events\"}"), 2);
    EXPECT_EQ(r.server().metric("retention_removed_total{what=\"calls\"}"), 1);
    int status = 0;
    EXPECT_NE(r.server().get("/readyz", &status).find("background_loops"), std::string::npos);
    EXPECT_EQ(status, 200);
}

TEST_F(load_flow, thousands_of_silent_sockets_of_one_address_cost_nobody_a_call) {
    const open_files limit;
    limit.soft(limit.hard());
    if (limit.hard() < 8'000) GTEST_SKIP() << "the hard limit of open files is too low: " << limit.hard();
    rig& r = set_up();
    for (const std::string from : {"127.0.0.9", "127.0.0.1"}) {
        const silent_crowd crowd(r.server().port(), 2'300, from);
        ASSERT_GE(crowd.size(), 2'100U) << from;
        expect_a_talk(r);
        int status = 0;
        (void)r.server().get("/healthz", &status);
        EXPECT_EQ(status, 200) << "a balancer's probe";
        (void)r.server().get("/api/nothing", &status);
        EXPECT_EQ(status, from == "127.0.0.1" ? 503 : 404) << "who shares the crowd's address is told";
    }
    const auto served = [&] {
        int status = 0;
        (void)r.server().get("/api/nothing", &status);
        return status == 404;
    };
    EXPECT_TRUE(eventually(served, 10s)) << "and when they are gone all is as before";
}

TEST_F(load_flow, silent_sockets_of_many_addresses_cost_nobody_a_call) {
    const open_files limit;
    limit.soft(limit.hard());
    if (limit.hard() < 8'000) GTEST_SKIP() << "the hard limit of open files is too low: " << limit.hard();
    rig& r = set_up();
    std::vector<std::unique_ptr<silent_crowd>> crowds;
    for (int n = 10; n < 16; ++n)
        crowds.push_back(
            std::make_unique<silent_crowd>(r.server().port(), 450, "127.0.0." + std::to_string(n))
        );
    const auto answer = [&] {
        int status = 0;
        (void)r.server().get("/api/nothing", &status);
        return status;
    };
    EXPECT_EQ(answer(), 503) << "all places are taken";
    expect_a_talk(r);
    // Those that never sent a byte are let go within 5 s, until there is room; with places to spare they
    // have 10.
    EXPECT_TRUE(eventually([&] { return answer() == 404; }, 6s));
}

TEST_F(load_flow, the_limit_of_open_files_is_raised_to_what_it_may_be) {
    const open_files limit;
    limit.soft(300);
    rig_options o;
    rig& r = set_up(std::move(o));
    limit.soft(limit.hard());
    const silent_crowd crowd(r.server().port(), 450, "127.0.0.9");
    EXPECT_EQ(crowd.size(), 450U);
    EXPECT_TRUE(eventually([&] { return r.server().metric("http_connections") >= 450; }));
    EXPECT_EQ(r.server().metric("http_accept_errors_total"), 0);
    expect_a_talk(r);
}

TEST_F(load_flow, figures_and_details_are_for_this_machine_and_who_brings_the_token) {
    rig_options o;
    o.environment["Z360_METRICS_TOKEN"] = "figures-0123456789abcdef";
    rig& r = set_up(std::move(o));
    const auto ask = [&](const std::string& path, const std::string& headers) {
        raw_connection c(r.server().port());
        return c.ask("GET " + path + " HTTP/1.1\r\nHost: test\r\n" + headers + "\r\n");
    };
    const std::string outside = "X-Forwarded-For: 192.0.2.7\r\n"; // as a proxy on this machine would bring it
    EXPECT_EQ(ask("/metrics", "").status, 200);
    EXPECT_EQ(ask("/metrics", outside).status, 401);
    EXPECT_EQ(ask("/metrics", outside + "Authorization: Bearer wrong\r\n").status, 401);
    const auto let_in = ask("/metrics", outside + "Authorization: Bearer figures-0123456789abcdef\r\n");
    EXPECT_EQ(let_in.status, 200);
    EXPECT_NE(let_in.body.find("http_connections"), std::string::npos);
    r.postgres().cut();
    const auto details = [&](const std::string& headers) {
        return ask("/readyz", headers).body.find("\"detail\"") != std::string::npos;
    };
    EXPECT_TRUE(eventually([&] { return details(""); }, 10s));
    EXPECT_FALSE(details(outside));
    r.postgres().resume();
    EXPECT_TRUE(r.server().ready());
}

TEST_F(load_flow, figures_may_have_a_listener_of_their_own) {
    const auto port = free_port();
    rig_options o;
    o.environment["Z360_METRICS_PORT"] = std::to_string(port);
    rig& r = set_up(std::move(o));
    const auto ask = [](std::uint16_t at, const std::string& path) {
        raw_connection c(at);
        return c.ask("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n");
    };
    EXPECT_EQ(ask(r.server().port(), "/metrics").status, 404);
    EXPECT_EQ(ask(r.server().port(), "/readyz").status, 200);
    EXPECT_EQ(ask(port, "/metrics").status, 200);
    EXPECT_EQ(ask(port, "/readyz").status, 200);
    EXPECT_EQ(ask(port, "/webhooks/cpaas/telnyx/call-control").status, 404);
    r.server().signal(SIGTERM);
    EXPECT_EQ(r.server().wait(), 0);
}

TEST_F(load_flow, check_config_asks_a_database_that_can_be_reached) {
    rig_options o;
    o.start = false;
    rig& r = set_up(std::move(o));
    const auto check = [&](const std::string& url) {
        auto e = r.server().environment();
        e["Z360_DATABASE_URL"] = url;
        return run_voipd("--check-config", e);
    };
    const auto good = check(r.database_url());
    EXPECT_EQ(good.code, 0);
    EXPECT_EQ(good.err.find("database:"), std::string::npos) << good.err;
    const auto away = check("postgresql://nobody@127.0.0.1:1/nothing");
    EXPECT_EQ(away.code, 0) << "an image is built without a database";
    EXPECT_NE(away.err.find("database: not reached"), std::string::npos) << away.err;
    (void)r.sql("delete from schema_migrations where version = (select max(version) from schema_migrations) "
                "returning 1");
    const auto older = check(r.database_url());
    EXPECT_EQ(older.code, 0);
    EXPECT_NE(older.err.find("run --migrate"), std::string::npos) << older.err;
    (void)r.sql("update schema_migrations set checksum = 'another' where version = 1 returning 1");
    const auto other = check(r.database_url());
    EXPECT_EQ(other.code, 1);
    EXPECT_NE(other.err.find("0001_init was changed"), std::string::npos) << other.err;
}
