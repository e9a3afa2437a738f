// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The demo against a small server of its own that dials, bridges and hangs up; well or badly.
#include "endpoint.hpp"
#include "sim/demo.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

namespace {

/// A server that knows three phones. What it does wrong is switchable.
struct small_server {
    std::string api;
    bool bridges = true;
    bool hangs_up_losers = true;
    bool dials = true;
    std::string caller;
    std::vector<std::string> legs;

    rt::awaitable<void> post(endpoint& e, std::string path, json body) {
        auto req = request_to("POST", api + path, body);
        auto res = co_await e.client().perform(std::move(req));
        const auto answer = json::parse(res.body, nullptr, false);
        if (path == "/calls" && answer.is_object() && answer.contains("data"))
            legs.push_back(answer["data"]["call_control_id"].get<std::string>());
    }
    rt::awaitable<void> ring(endpoint& e) {
        for (const char* user : {"one", "two", "three"}) {
            json body{
                {"connection_id", carrier_settings{}.app_connection_id},
                {"to", std::string("sip:") + user + "@sip.telnyx.com"},
                {"from", "+15550100001"},
                {"link_to", caller},
                {"bridge_intent", true},
            };
            co_await post(e, "/calls", std::move(body));
        }
    }
    rt::awaitable<void> join(endpoint& e, std::string winner) {
        json body{{"call_control_id", caller}, {"prevent_double_bridge", true}};
        if (bridges) co_await post(e, "/calls/" + winner + "/actions/bridge", std::move(body));
        if (!hangs_up_losers) co_return;
        for (const auto& leg : legs) {
            json empty = json::object();
            if (leg != winner) co_await post(e, "/calls/" + leg + "/actions/hangup", std::move(empty));
        }
    }
    rt::awaitable<void> end_all(endpoint& e) {
        for (const auto& leg : legs) {
            json empty = json::object();
            co_await post(e, "/calls/" + leg + "/actions/hangup", std::move(empty));
        }
    }
    rt::awaitable<int> take(endpoint& e, http::request req) {
        const auto data = json::parse(req.body)["data"];
        const auto id = data["payload"]["call_control_id"].get<std::string>();
        const auto type = data["event_type"].get<std::string>();
        if (type == "call.initiated" && data["payload"]["direction"] == "incoming") {
            caller = id;
            if (dials) e.spawn(ring(e));
        }
        if (type == "call.answered" && id != caller) e.spawn(join(e, id));
        if (type == "call.hangup" && id == caller) e.spawn(end_all(e));
        co_return 200;
    }
};

struct stage {
    small_server server;
    endpoint e{[this](endpoint& self, http::request req) { return server.take(self, std::move(req)); }};
    std::ostringstream out;
    demo_settings show;
    millis patience = 1000ms; ///< what failing takes; success is not held up by it

    int run(std::string explain = {}) {
        simulator_settings s;
        s.api_key = secret("key");
        s.app.primary = e.url();
        simulator sim(std::move(s));
        sim.start();
        server.api = sim.base_url();
        show.from = "+15550100001";
        show.to = "+15550100002";
        show.answer_after = 100ms;
        show.talk = 100ms;
        show.patience = patience;
        show.explain_command = std::move(explain);
        return run_demo(sim, show, true, out, [](millis) { return false; });
    }
};

} // namespace

TEST(demo, exits_0_when_one_phone_was_joined_and_the_others_stopped) {
    stage s;
    s.show.devices = {"two"};
    s.patience = 20s;
    EXPECT_EQ(s.run("printf '{\"at\":1,\"what\":\"winner_claimed\",\"detail\":\"%s\"}\\n'"), 0)
        << s.out.str();
    const auto text = s.out.str();
    for (const char* part :
         {"calls +15550100002", "call.initiated caller", "200 after", "dial one", "three ringing",
          "two answers", "bridge two with caller", "caller and two talk", "one stops", "hangs up",
          "winner_claimed", "ok: 1 of 3"})
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    EXPECT_EQ(text.find("\033["), std::string::npos);
}
TEST(demo, fails_when_nothing_rings) {
    stage s;
    s.server.dials = false;
    EXPECT_EQ(s.run(), 1);
    EXPECT_NE(s.out.str().find("FAILED: no phone rang"), std::string::npos) << s.out.str();
}
TEST(demo, fails_when_nobody_is_bridged) {
    stage s;
    s.server.bridges = false;
    s.server.hangs_up_losers = false;
    EXPECT_EQ(s.run(), 1);
    EXPECT_NE(s.out.str().find("not joined to the caller"), std::string::npos) << s.out.str();
}
TEST(demo, fails_when_losers_ring_on) {
    stage s;
    s.server.hangs_up_losers = false;
    EXPECT_EQ(s.run(), 1);
    EXPECT_NE(s.out.str().find("2 losing phones"), std::string::npos) << s.out.str();
}
TEST(demo, waits_for_the_file_of_devices_and_takes_them_from_it) {
    demo_settings s;
    s.devices_file = ::testing::TempDir() + "z360-demo-devices-" + std::to_string(::getpid());
    int looks = 0;
    const bool there = wait_for_devices(s, [&](millis) {
        if (++looks == 3) std::ofstream(s.devices_file) << "gencredOne\n\ngencredTwo\n";
        return false;
    });
    EXPECT_TRUE(there);
    EXPECT_EQ(looks, 3);
    EXPECT_EQ(s.devices, (std::vector<std::string>{"gencredOne", "gencredTwo"}));
    std::remove(s.devices_file.c_str());
    EXPECT_FALSE(wait_for_devices(s, [](millis) { return true; })) << "interrupted";
}
