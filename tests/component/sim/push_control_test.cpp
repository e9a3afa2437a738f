// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The control API's part about pushes, and phones that a push wakes.
#include "endpoint.hpp"
#include "push_bed.hpp"

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;

namespace {

struct desk {
    push_bed bed;
    endpoint e;

    http::client_response ask(std::string method, const std::string& path, const json& body = json()) {
        const auto root = bed.sim().base_url();
        return e.ask(request_to(std::move(method), root.substr(0, root.size() - 3) + path, body));
    }
};

rt::awaitable<void> push_once(push_bed& bed, int status) {
    const auto got = co_await bed.apns().perform(bed.voip());
    EXPECT_EQ(got.status, status) << got.body;
}

rt::awaitable<void> push_by_fcm(push_bed& bed, json more) {
    auto& pool = bed.fcm();
    const auto token = co_await bed.access_token(pool);
    const auto got = co_await pool.perform(push_bed::message(token, more));
    EXPECT_EQ(got.status, 200) << got.body;
}

bool rings(const carrier& c) {
    for (const auto& l : c.legs())
        if (l.ringing_since) return true;
    return false;
}

void dial(simulator& sim) {
    sim.with([](carrier& c, time_point now) {
        const json body{
            {"connection_id", carrier_settings{}.app_connection_id},
            {"to", "sip:phone@sip.telnyx.com"},
            {"from", "+15550100001"},
        };
        EXPECT_EQ(c.handle("POST", "/calls", body, now).status, 200);
    });
}

phone asleep(const char* token, std::optional<millis> wakes) {
    auto p = phone::offline();
    p.push_token = token;
    p.wakes_after = wakes;
    p.act_after = 1h;
    return p;
}

} // namespace

TEST(sim_push_control, lists_what_came_with_tokens_shortened) {
    desk d;
    d.bed.play(push_once(d.bed, 200));
    const auto shown = d.ask("GET", "/sim/pushes?provider=apns&kind=incoming_call");
    EXPECT_EQ(shown.status, 200);
    EXPECT_EQ(shown.body.find(k_voip_token), std::string::npos);
    const auto list = json::parse(shown.body).at("pushes");
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0].at("status"), 200);
    EXPECT_EQ(list[0].at("kind"), "incoming_call");
    EXPECT_EQ(list[0].at("topic"), "com.example.voip.voip");
    EXPECT_EQ(json::parse(d.ask("GET", "/sim/pushes?provider=fcm").body).at("pushes").size(), 0U);
    EXPECT_EQ(d.ask("DELETE", "/sim/pushes").status, 200);
    EXPECT_EQ(json::parse(d.ask("GET", "/sim/pushes").body).at("pushes").size(), 0U);
}
TEST(sim_push_control, registers_and_kills_tokens) {
    desk d;
    const std::string path = std::string("/sim/push-tokens/apns/") + k_voip_token;
    EXPECT_EQ(d.ask("PUT", path, {{"state", "unregistered"}}).status, 200);
    d.bed.play(push_once(d.bed, 410));
    EXPECT_EQ(d.ask("DELETE", path).status, 200);
    desk fresh;
    EXPECT_EQ(fresh.ask("PUT", path, {{"state", "ill"}}).status, 422);
    EXPECT_EQ(fresh.ask("PUT", "/sim/push-tokens/wns/x", json::object()).status, 422);
    EXPECT_EQ(fresh.ask("PUT", "/sim/push-tokens/fcm/a:b", {{"project_id", "p"}}).status, 200);
    fresh.bed.sim().with_push([](push_desk& p, time_point) { EXPECT_TRUE(p.fcm().device("a:b")); });
}
TEST(sim_push_control, faults_come_with_those_of_calls_all_or_none) {
    desk d;
    const json faults{
        {"pushes", json::array({json{{"status", 500}}})}, {"commands", json::array({json{{"colour", 1}}})}
    };
    EXPECT_EQ(d.ask("POST", "/sim/faults", faults).status, 422);
    d.bed.play(push_once(d.bed, 200));
    desk other;
    EXPECT_EQ(
        other.ask("POST", "/sim/faults", {{"pushes", json::array({json{{"status", 500}}})}}).status, 200
    );
    other.bed.play(push_once(other.bed, 500));
    desk cleared;
    EXPECT_EQ(
        cleared.ask("POST", "/sim/faults", {{"pushes", json::array({json{{"status", 500}}})}}).status, 200
    );
    EXPECT_EQ(cleared.ask("DELETE", "/sim/faults").status, 200);
    cleared.bed.play(push_once(cleared.bed, 200));
}
TEST(sim_push_control, a_simulator_without_push_services_says_so) {
    simulator sim{simulator_settings{}};
    sim.start();
    endpoint e;
    const auto root = sim.base_url().substr(0, sim.base_url().size() - 3);
    const json faults{{"pushes", json::array({json{{"status", 500}}})}};
    EXPECT_EQ(e.ask(request_to("POST", root + "/sim/faults", faults)).status, 422);
    EXPECT_EQ(e.ask(request_to("GET", root + "/sim/pushes", json())).status, 404);
    EXPECT_THROW((void)sim.fcm_port(), std::logic_error);
}
TEST(sim_push_control, a_push_of_a_call_wakes_the_phone_that_is_tied_to_it) {
    desk d;
    auto& sim = d.bed.sim();
    sim.set_phone("phone", asleep("A1B2C3D4E5F60718A1B2C3D4E5F60718", 30ms));
    dial(sim);
    EXPECT_FALSE(sim.wait_until(rings, 150ms)) << "nobody has woken it";
    d.bed.play(push_once(d.bed, 200));
    EXPECT_TRUE(sim.wait_until(rings, 5s));
    const auto did = sim.with([](carrier& c, time_point) { return c.seen().phones; });
    ASSERT_EQ(did.size(), 2U);
    EXPECT_EQ(did[0].what, "wakes by push");
    EXPECT_EQ(did[1].what, "ringing");
}
TEST(sim_push_control, a_push_that_is_faster_than_the_dial_wakes_it_too) {
    desk d;
    auto& sim = d.bed.sim();
    sim.set_phone("phone", asleep(k_fcm_token, 0ms));
    d.bed.play(push_by_fcm(d.bed, json::object()));
    dial(sim);
    EXPECT_TRUE(sim.wait_until(rings, 5s));
}
TEST(sim_push_control, a_phone_that_is_never_woken_does_not_ring) {
    desk d;
    auto& sim = d.bed.sim();
    sim.set_phone("phone", asleep(k_voip_token, std::nullopt));
    dial(sim);
    d.bed.play(push_once(d.bed, 200));
    EXPECT_FALSE(sim.wait_until(rings, 150ms));
}
TEST(sim_push_control, what_is_refused_or_not_urgent_wakes_nobody) {
    desk d;
    auto& sim = d.bed.sim();
    sim.set_phone("phone", asleep(k_fcm_token, 0ms));
    dial(sim);
    d.bed.play(push_by_fcm(d.bed, {{"android", {{"priority", "NORMAL"}}}}));
    EXPECT_FALSE(sim.wait_until(rings, 150ms));
    desk other;
    other.bed.sim().set_phone("phone", asleep(k_voip_token, 0ms));
    dial(other.bed.sim());
    other.bed.fault({{"status", 503}});
    other.bed.play(push_once(other.bed, 503));
    EXPECT_FALSE(other.bed.sim().wait_until(rings, 150ms));
}
