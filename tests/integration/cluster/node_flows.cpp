// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Nodes that come and go, stand still, and share the events of one call.
#include "integration/cluster/cluster_flow.hpp"
#include "integration/flows/aftermath.hpp"
#include "integration/flows/raw_http.hpp"
#include "support/run_program.hpp"

#include <atomic>
#include <csignal>
#include <mutex>
#include <thread>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

/// People call, one after the other, until this object ends.
class traffic {
  public:
    traffic(rig& r, millis every) : rig_(r), every_(every), thread_([this] { call_on(); }) {}
    ~traffic() { (void)stop(); }
    traffic(const traffic&) = delete;
    traffic& operator=(const traffic&) = delete;
    /// Nobody else calls; who has.
    std::vector<party> stop() {
        over_ = true;
        if (thread_.joinable()) thread_.join();
        return all_;
    }
    [[nodiscard]] std::size_t calls() const { return calls_; }

  private:
    void call_on() {
        while (!over_) {
            all_.push_back(arrive(rig_));
            ++calls_;
            (void)rig_.carrier().wait_until([](const sim::carrier&) { return false; }, every_);
        }
    }
    rig& rig_;
    const millis every_;
    std::vector<party> all_; ///< of the thread until it has ended
    std::atomic<std::size_t> calls_{0};
    std::atomic<bool> over_{false};
    std::thread thread_;
};

class node_flow : public cluster_flow {
  protected:
    static std::string undelivered(rig& r) {
        return r.carrier().with([](sim::carrier& c, time_point) {
            std::string out;
            for (const auto& [id, w] : c.seen().webhooks)
                if (w.state == sim::delivery_state::failed) out += w.event_type + " of " + w.session + "\n";
            return out;
        });
    }
};

} // namespace

TEST_F(node_flow, sys_a_node_told_to_stop_says_so_before_it_closes_its_door) {
    rig_options o;
    o.environment["Z360_SERVER_DRAIN_DELAY_MS"] = "2000";
    auto& r = set_up(std::move(o));
    auto& leaving = r.server(0);
    raw_connection early(leaving.port());
    const std::string ask = "GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n";
    ASSERT_EQ(early.ask(ask).status, 200);
    leaving.signal(SIGTERM);
    int status = 0;
    std::string body;
    ASSERT_TRUE(eventually(
        [&] {
            status = 0;
            body = leaving.get("/readyz", &status);
            return status != 200;
        },
        1s
    ));
    EXPECT_EQ(status, 503) << "the door is closed already: who passes requests on was not told";
    EXPECT_NE(body.find("shutting down"), std::string::npos) << body;
    EXPECT_TRUE(eventually([&] { return !r.front().in_rotation(0); }, 1s));
    raw_connection late(leaving.port());
    EXPECT_EQ(late.ask(ask).status, 200);
    EXPECT_EQ(early.ask(ask).status, 200);
    EXPECT_EQ(leaving.wait(15s).value_or(-1), 0);
}

TEST_F(node_flow, sys_a_rolling_restart_under_load_loses_no_call_and_no_request) {
    rig_options o;
    o.environment["Z360_SERVER_DRAIN_DELAY_MS"] = "1500";
    auto& r = set_up(std::move(o));
    r.phone(1, phone::answers(200ms));
    traffic load(r, 150ms);
    for (std::size_t n = 0; n < k_nodes; ++n) {
        const auto before = load.calls();
        r.server(n).signal(SIGTERM);
        EXPECT_EQ(r.server(n).wait(20s).value_or(-1), 0);
        EXPECT_TRUE(eventually([&] { return load.calls() > before + 3; }));
        r.server(n).start();
        ASSERT_TRUE(r.server(n).ready());
        ASSERT_TRUE(eventually([&] { return r.front().in_rotation(n); }));
    }
    const auto all = load.stop();
    EXPECT_EQ(not_joined(r, all, 10s), "");
    expect_active(r, all);
    EXPECT_EQ(r.front().refused(), 0U);
    EXPECT_EQ(undelivered(r), "");
    EXPECT_EQ(parted(r, all, 4s), "");
    EXPECT_EQ(farewell(r, all), "");
}

TEST_F(node_flow, i_01_a_node_that_stood_still_and_goes_on_does_no_harm) {
    auto& r = set_up();
    r.phone(1, phone::answers(300ms));
    traffic load(r, 250ms);
    ASSERT_TRUE(eventually([&] { return load.calls() > 4; }));
    r.server(1).signal(SIGSTOP); // in the middle of whatever it does
    const auto still_since = std::chrono::steady_clock::now();
    EXPECT_TRUE(eventually([&] { return !r.front().in_rotation(1); }));
    // Longer than every claim: whatever it had begun is taken up by others.
    EXPECT_TRUE(eventually([&] { return std::chrono::steady_clock::now() - still_since > 8s; }, 10s));
    const auto before = load.calls();
    r.server(1).signal(SIGCONT);
    EXPECT_TRUE(eventually([&] { return load.calls() > before + 4; }));
    const auto all = load.stop();
    EXPECT_EQ(not_joined(r, all, 10s), "");
    EXPECT_EQ(undelivered(r), "");
    EXPECT_EQ(parted(r, all, 4s), "");
    expect_active(r, all);
    EXPECT_EQ(total(r, "double_bridges_total"), 0.0);
    EXPECT_EQ(farewell(r, all), "");
}

TEST_F(node_flow, sys_events_of_one_call_at_three_nodes_cost_less_than_one_conflict) {
    constexpr int k_calls = 30;
    rig_options o;
    o.devices = 5;
    auto& r = set_up(std::move(o));
    r.phone(1, phone::answers(300ms));
    for (int d = 2; d <= 5; ++d)
        r.phone(d, phone::ignores());
    std::vector<party> all;
    for (int i = 0; i < k_calls; ++i) {
        all.push_back(arrive(r));
        EXPECT_EQ(not_joined(r, {all.back()}, 5s), "");
    }
    expect_active(r, all);
    EXPECT_EQ(farewell(r, all), "");
    const auto conflicts = total(r, "commit_conflicts_total");
    RecordProperty("conflicts_per_call", std::to_string(conflicts / k_calls));
    EXPECT_LT(conflicts / k_calls, 1.0);
}
