// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A database URL of several hosts: whatever is wrong with the first, the next one is used, soon.
#include "integration/cluster/cluster_flow.hpp"
#include "integration/flows/aftermath.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

/// A port of the loopback that refuses, or that swallows whatever is sent to it: a connect gets no answer.
class dead_port {
  public:
    explicit dead_port(bool black_hole) : fd_(socket()) {
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        void* raw = &a;
        socklen_t size = sizeof a;
        if (::bind(fd_, static_cast<sockaddr*>(raw), size) != 0 ||
            ::getsockname(fd_, static_cast<sockaddr*>(raw), &size) != 0)
            throw std::runtime_error("no port");
        port_ = ntohs(a.sin_port);
        if (!black_hole) return; // bound, so that nobody else takes it, and nobody listens
        // The kernel drops the packets of new connections while the queue of those not yet accepted is full.
        if (::listen(fd_, 0) != 0) throw std::runtime_error("no black hole");
        for (int& f : fillers_) {
            f = socket();
            (void)::connect(f, static_cast<sockaddr*>(raw), size);
        }
    }
    ~dead_port() {
        for (const int f : fillers_)
            if (f >= 0) ::close(f);
        ::close(fd_);
    }
    dead_port(const dead_port&) = delete;
    dead_port& operator=(const dead_port&) = delete;
    [[nodiscard]] std::uint16_t port() const { return port_; }

  private:
    static int socket() { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }
    int fd_;
    std::array<int, 4> fillers_{-1, -1, -1, -1};
    std::uint16_t port_ = 0;
};

enum class trouble { refusing, black_holed, frozen, read_only };

std::string name_of(const ::testing::TestParamInfo<trouble>& what) {
    switch (what.param) {
    case trouble::refusing: return "refusing";
    case trouble::black_holed: return "black_holed";
    case trouble::frozen: return "frozen";
    case trouble::read_only: return "read_only";
    }
    return {};
}

std::string port_of(const std::string& url) {
    const auto colon = url.rfind(':');
    return url.substr(colon + 1, url.find('/', colon) - colon - 1);
}

class first_host : public cluster_flow, public ::testing::WithParamInterface<trouble> {};
class lost_primary : public cluster_flow, public ::testing::WithParamInterface<trouble> {};

} // namespace

TEST_P(first_host, sys_a_node_that_starts_finds_the_host_that_takes_writes) {
    rig_options o;
    o.start = false;
    auto& r = set_up(std::move(o));
    const dead_port dead(GetParam() == trouble::black_holed);
    auto first = std::to_string(dead.port());
    if (GetParam() == trouble::frozen || GetParam() == trouble::read_only)
        first = port_of(pair().url(pair().standby()));
    if (GetParam() == trouble::frozen) pair().freeze(pair().standby());
    auto url = r.server().environment().at("Z360_DATABASE_URL"); // …@first,second/…
    const auto from = url.find("127.0.0.1:");
    const auto to = url.find('/', from);
    url.replace(from, to - from, "127.0.0.1:" + first + ",127.0.0.1:" + std::to_string(r.postgres(0).port()));
    auto& n = r.add_node({{"Z360_DATABASE_URL", url}});
    r.point_webhooks(k_nodes, k_nodes);
    const auto began = std::chrono::steady_clock::now();
    n.start();
    EXPECT_TRUE(n.ready(6s)) << n.get("/readyz");
    RecordProperty(
        "ready_ms",
        std::to_string(std::chrono::duration_cast<millis>(std::chrono::steady_clock::now() - began).count())
    );
    r.phone(1, phone::answers(100ms));
    const std::vector<party> all{arrive(r)};
    EXPECT_EQ(not_joined(r, all, 5s), "");
    expect_active(r, all);
    EXPECT_EQ(farewell(r, all), "");
}
INSTANTIATE_TEST_SUITE_P(
    hosts, first_host,
    ::testing::Values(trouble::refusing, trouble::black_holed, trouble::frozen, trouble::read_only), name_of
);

// Commits wait for the standby, so that none is lost: what is asked for here is that the nodes follow in
// time.
TEST_P(lost_primary, i_03_calls_go_on_and_their_rows_follow_to_the_standby) {
    auto& r = set_up();
    pair().commits_wait_for_standby();
    const auto talks = ring(r, 3);
    for (const auto& p : talks)
        ASSERT_TRUE(picks_up(r, p.session, 1));
    ASSERT_EQ(not_joined(r, talks, 5s), "");
    expect_active(r, talks);
    const auto ringing = ring(r, 1);
    pair().await_standby();
    switch (GetParam()) {
    case trouble::refusing:
        pair().kill(pair().primary());
        r.postgres(0).cut(); // or the relay would take connections for it
        break;
    case trouble::black_holed: r.postgres(0).stall(); break;
    case trouble::frozen: pair().freeze(pair().primary()); break;
    case trouble::read_only: break; // not played here
    }
    fail_over(r);
    const auto began = std::chrono::steady_clock::now();
    ASSERT_TRUE(picks_up(r, ringing.front().session, 2));
    const auto fresh = arrive(r);
    EXPECT_TRUE(all_ready(r, 6s));
    RecordProperty(
        "all_ready_ms",
        std::to_string(std::chrono::duration_cast<millis>(std::chrono::steady_clock::now() - began).count())
    );
    EXPECT_EQ(not_joined(r, ringing, 5s), "");
    EXPECT_TRUE(r.ringing(fresh.session, 1, 10s));
    EXPECT_TRUE(picks_up(r, fresh.session, 1));
    const auto all = talks + ringing + std::vector<party>{fresh};
    EXPECT_EQ(not_joined(r, all, 10s), "");
    expect_active(r, all);
    EXPECT_EQ(parted(r, all, 4s), "");
    EXPECT_EQ(farewell(r, all), "");
    if (GetParam() != trouble::refusing)
        pair().kill(pair().primary() == place::first ? place::second : place::first);
}
INSTANTIATE_TEST_SUITE_P(
    hosts, lost_primary, ::testing::Values(trouble::refusing, trouble::black_holed, trouble::frozen), name_of
);
