// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Several hosts in one URL: a first one that refuses, is frozen, or cannot be written to.
#include "pool_fixture.hpp"
#include "support/recording_metrics.hpp"

#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

using namespace z360;
using namespace z360::testing;

namespace {

// Another Postgres of our own, to be stopped, frozen or made read-only.
class second_postgres {
  public:
    explicit second_postgres(const std::string& folder)
        : script_(std::string(Z360_SOURCE_DIR) + "/scripts/lib/private-postgres"), folder_(folder) {
        if (std::system((script_ + " start '" + folder_ + "' >/dev/null").c_str()) != 0)
            throw std::runtime_error("no second Postgres in " + folder_);
        std::ifstream(folder_ + "/port") >> port_;
        std::ifstream(folder_ + "/data/postmaster.pid") >> pid_;
    }
    ~second_postgres() {
        signal(SIGCONT);
        (void)std::system((script_ + " stop '" + folder_ + "' immediate >/dev/null").c_str());
    }
    second_postgres(const second_postgres&) = delete;
    second_postgres& operator=(const second_postgres&) = delete;

    [[nodiscard]] std::string port() const { return port_; }
    void signal(int what) const { ::kill(pid_, what); }
    void run(const std::string& user, const std::string& database, const std::string& statement) const {
        pqxx::connection c(
            "postgresql://" + user + "@127.0.0.1:" + port_ + "/" + database +
            "?options=-c%20default_transaction_read_only%3Doff"
        );
        pqxx::nontransaction tx(c);
        tx.exec(statement);
    }

  private:
    std::string script_;
    std::string folder_;
    std::string port_;
    pid_t pid_ = 0;
};

// A port whose queue of connections is full: the kernel drops who knocks, as a machine that is gone would.
class black_hole {
  public:
    black_hole() {
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof a;
        auto* address = reinterpret_cast<sockaddr*>(&a);
        const int listener = made();
        if (::bind(listener, address, size) != 0 || ::listen(listener, 0) != 0 ||
            ::getsockname(listener, address, &size) != 0)
            throw std::runtime_error("no port for a black hole");
        port_ = ntohs(a.sin_port);
        for (int i = 0; i < 4; ++i)
            (void)::connect(made(), address, size);
    }
    ~black_hole() {
        for (const int fd : sockets_)
            ::close(fd);
    }
    black_hole(const black_hole&) = delete;
    black_hole& operator=(const black_hole&) = delete;
    [[nodiscard]] std::uint16_t port() const { return port_; }

  private:
    int made() {
        return sockets_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    }
    std::vector<int> sockets_;
    std::uint16_t port_ = 0;
};

class several_hosts : public pool_test {
  protected:
    void SetUp() override {
        pool_test::SetUp();
        if (IsSkipped()) return;
        const auto url = scratch_->url();
        const auto from = url.find("127.0.0.1:") + 10;
        real_ = url.substr(from, url.find('/', from) - from);
        user_ = url.find('@') == std::string::npos ? "" : url.substr(url.find("://") + 3, url.find('@') - 13);
    }
    void
    use(const std::vector<std::string>& ports, const std::string& options = "", unsigned connections = 2) {
        auto s = settings();
        std::string hosts;
        for (const auto& p : ports)
            hosts += (hosts.empty() ? "127.0.0.1:" : ",127.0.0.1:") + p;
        s.url = secret(
            "postgresql://" + (user_.empty() ? "" : user_ + "@") + hosts + "/" + scratch_->name() + options
        );
        s.connections = connections;
        db_.reset();
        db_ = std::make_unique<pg::database>(s, &figures_);
    }
    std::string relayed() const { return std::to_string(relay_->port()); }
    /// Where the answer came from.
    std::string port_of_answer() { return ask_now("select current_setting('port')"); }
    std::string second_folder() const {
        const char* first = std::getenv("Z360_TEST_PG_DIR");
        return first == nullptr ? "" : std::string(first) + "-second";
    }

    test::recording_metrics figures_;
    std::string real_;
    std::string user_;
};

constexpr auto k_both_limits = 2'000ms; // of the frozen host, and a margin

} // namespace

TEST_F(several_hosts, a_refusing_first_host_costs_nothing) {
    relay_->cut();
    use({relayed(), real_});
    EXPECT_LT(until_ok(), 1s);
    EXPECT_EQ(port_of_answer(), real_);
    EXPECT_TRUE(db_->health().up);
}

TEST_F(several_hosts, a_first_host_that_cannot_be_resolved_is_passed_over) {
    auto s = settings();
    s.url = secret(
        "postgresql://" + user_ + "@no-such-host.invalid:1,127.0.0.1:" + real_ + "/" + scratch_->name()
    );
    db_ = std::make_unique<pg::database>(s);
    EXPECT_LT(until_ok(), 5s);
}

TEST_F(several_hosts, a_frozen_first_host_costs_one_second_and_not_the_failover) {
    relay_->stall(); // takes connections, says nothing
    const auto began = clock_type::now();
    use({relayed(), real_});
    (void)until_ok();
    const auto took = clock_type::now() - began;
    EXPECT_GE(took, 900ms);
    EXPECT_LT(took, k_both_limits);
    EXPECT_EQ(port_of_answer(), real_);
}

TEST_F(several_hosts, a_first_host_that_swallows_packets_costs_one_second_and_not_the_failover) {
    const black_hole hole;
    const auto began = clock_type::now();
    use({std::to_string(hole.port()), real_});
    (void)until_ok();
    const auto took = clock_type::now() - began;
    EXPECT_GE(took, 900ms);
    EXPECT_LT(took, k_both_limits);
}

TEST_F(several_hosts, requests_keep_their_limits_while_a_frozen_host_is_waited_for) {
    relay_->stall();
    use({relayed(), relayed(), relayed()});
    const auto began = clock_type::now();
    const auto answers = ask_many(8, "select 'ok'");
    EXPECT_EQ(std::count_if(answers.begin(), answers.end(), is_unavailable), 8);
    EXPECT_LT(clock_type::now() - began, 2'700ms);
    const auto closing = clock_type::now();
    db_.reset();
    EXPECT_LT(clock_type::now() - closing, 500ms); // with two more hosts to try
}

TEST_F(several_hosts, connect_timeout_of_the_url_is_each_hosts_limit) {
    relay_->stall();
    const auto began = clock_type::now();
    use({relayed(), real_}, "?connect_timeout=2");
    (void)until_ok();
    const auto took = clock_type::now() - began;
    EXPECT_GE(took, 1'900ms);
    EXPECT_LT(took, 3'500ms);
    for (const char* wrong : {"?connect_timeout=soon", "?connect_timeout=2s"}) {
        use({real_}, wrong);
        EXPECT_NE(ask_now().find("connect_timeout"), std::string::npos);
    }
    use({relayed(), real_}, "?connect_timeout=0"); // without end: not here
    EXPECT_LT(until_ok(), k_both_limits);
}

TEST_F(several_hosts, be_44_a_host_that_freezes_under_us_is_left_for_the_next_one) {
    use({relayed(), real_}, "", 1);
    ASSERT_LT(until_ok(), 1s);
    const auto before = relay_->accepted();
    EXPECT_GE(before, 1U); // the first host was good
    relay_->stall();
    EXPECT_LT(until_ok(), 5s); // the statement's own limit, and the frozen host's
    EXPECT_TRUE(db_->health().up);
    relay_->cut();
    EXPECT_EQ(ask_now(), "ok"); // it is with the second one
}

TEST_F(several_hosts, the_one_that_worked_last_is_tried_first) {
    relay_->stall();
    use({relayed(), real_}, "", 1);
    (void)until_ok();
    sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'z360-voip' and "
        "datname = "
        "current_database()");
    const auto began = clock_type::now();
    EXPECT_LT(until_ok(), 800ms); // not a second for the frozen one again
    EXPECT_LT(clock_type::now() - began, 800ms);
}

TEST_F(several_hosts, what_is_wrong_with_each_host_is_told) {
    relay_->stall();
    use({"1", relayed()}, "", 1);
    std::string why;
    const auto until = clock_type::now() + 5s;
    while (why.find("no connection within") == std::string::npos && clock_type::now() < until) {
        (void)ask_now();
        why = db_->health().error;
        run(rt::sleep_for(5ms));
    }
    EXPECT_NE(why.find("refused"), std::string::npos) << why;
    EXPECT_NE(why.find("127.0.0.1:" + relayed() + ": no connection within 1000 ms"), std::string::npos)
        << why;
}

TEST_F(several_hosts, i_06_a_url_that_cannot_be_read_is_told_without_its_password) {
    const std::string user = "postgresql://u:hunter2";
    for (const std::string& url :
         {user + "%zz@127.0.0.1/x", user + "@127.0.0.1,b:1,c:2,d:3/x?hostaddr=1.2.3.4"}) {
        auto s = settings();
        s.url = secret(url);
        db_ = std::make_unique<pg::database>(s);
        const auto answer = ask_now();
        EXPECT_TRUE(is_unavailable(answer)) << answer;
        EXPECT_NE(answer.find("URL"), std::string::npos) << answer;
        EXPECT_EQ(answer.find("hunter2"), std::string::npos) << answer;
    }
}

TEST_F(
    several_hosts, be_44_a_real_server_that_is_frozen_or_read_only_is_left_for_one_that_can_be_written_to
) {
    if (second_folder().empty()) GTEST_SKIP() << "Z360_TEST_PG_DIR is not set; scripts/test sets it";
    const second_postgres second(second_folder());
    const auto in_second = [&](const std::string& database, const std::string& statement) {
        second.run(user_, database, statement);
    };
    in_second("postgres", "create database " + scratch_->name());
    sql("create sequence counter");
    in_second(scratch_->name(), "create sequence counter");
    in_second("postgres", "alter system reset default_transaction_read_only"); // of a run that was broken off
    in_second("postgres", "select pg_reload_conf()");

    // Frozen as the first host.
    second.signal(SIGSTOP);
    const auto began = clock_type::now();
    use({second.port(), real_});
    (void)until_ok();
    EXPECT_EQ(port_of_answer(), real_);
    EXPECT_LT(clock_type::now() - began, k_both_limits);
    second.signal(SIGCONT);

    // Read-only under us, as the old primary after a switch-over.
    use({second.port(), real_}, "", 1);
    ASSERT_LT(until_ok(), 5s);
    ASSERT_EQ(port_of_answer(), second.port());
    in_second("postgres", "alter system set default_transaction_read_only = on");
    in_second("postgres", "select pg_reload_conf()");
    constexpr const char* k_write = "select 'ok' from nextval('counter')";
    const auto until = clock_type::now() + 5s;
    while (ask_now(k_write) == "ok" && port_of_answer() == second.port() && clock_type::now() < until)
        run(rt::sleep_for(2ms));
    EXPECT_LT(until_ok(), 1s);
    EXPECT_EQ(ask_now(k_write), "ok");
    EXPECT_EQ(port_of_answer(), real_);

    // Read-only as the first host.
    use({second.port(), real_});
    EXPECT_LT(until_ok(), 1s);
    EXPECT_EQ(port_of_answer(), real_);
    EXPECT_EQ(ask_now(k_write), "ok");
    use({second.port(), real_}, "?target_session_attrs=any"); // who asks for it gets it
    EXPECT_LT(until_ok(), 1s);
    EXPECT_EQ(port_of_answer(), second.port());
    in_second("postgres", "alter system reset default_transaction_read_only");
    db_.reset();
    in_second("postgres", "drop database " + scratch_->name() + " with (force)");
}
