// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "endpoint.hpp"
#include "sim/signer.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include <array>
#include <set>

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

namespace {

simulator_settings settings_for(const endpoint& e) {
    simulator_settings s;
    s.api_key = secret("key");
    s.app.primary = e.url("/hook");
    return s;
}

/// Libsodium asked directly: nothing of the signer is used.
bool genuine(const http::request& r, const std::string& public_key) {
    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> key{};
    std::array<unsigned char, crypto_sign_BYTES> signature{};
    const auto decode = [](auto& out, std::string_view text) {
        std::size_t n = 0;
        return sodium_base642bin(
                   out.data(), out.size(), text.data(), text.size(), nullptr, &n, nullptr,
                   sodium_base64_VARIANT_ORIGINAL
               ) == 0 &&
               n == out.size();
    };
    if (!decode(key, public_key) || !decode(signature, r.headers.get("telnyx-signature-ed25519")))
        return false;
    const auto text = std::string(r.headers.get("telnyx-timestamp")) + "|" + r.body;
    std::vector<unsigned char> bytes(text.begin(), text.end());
    return crypto_sign_verify_detached(signature.data(), bytes.data(), bytes.size(), key.data()) == 0;
}

rt::awaitable<int> always_503(endpoint&, http::request) {
    co_return 503;
}
rt::awaitable<int> always_404(endpoint&, http::request) {
    co_return 404;
}
rt::awaitable<int> primary_fails(endpoint&, http::request req) {
    co_return req.path == "/hook" ? 500 : 200;
}
rt::awaitable<int> never_in_time(endpoint&, http::request) {
    co_await rt::sleep_for(1h);
    co_return 200;
}

std::optional<delivery_state> first_outcome(simulator& sim) {
    return sim.with([](carrier& c, time_point) -> std::optional<delivery_state> {
        if (c.seen().webhooks.empty()) return std::nullopt;
        return c.seen().webhooks.begin()->second.state;
    });
}
bool wait_outcome(simulator& sim, delivery_state wanted) {
    return sim.wait_until(
        [wanted](const carrier& c) {
            return !c.seen().webhooks.empty() && c.seen().webhooks.begin()->second.state == wanted;
        },
        10s
    );
}

} // namespace

TEST(simulator, sec_01_webhooks_are_signed_posts_that_libsodium_accepts) {
    endpoint e;
    simulator sim(settings_for(e));
    sim.start();
    const auto id = sim.place_call("+15550100001", "+15550100002");
    ASSERT_TRUE(e.wait_for(1));
    auto r = e.kept().at(0);
    EXPECT_EQ(r.headers.get("User-Agent"), "telnyx-webhooks");
    EXPECT_EQ(r.headers.get("Content-Type"), "application/json");
    EXPECT_TRUE(genuine(r, sim.public_key()));
    EXPECT_FALSE(genuine(r, signer("another").public_key()));
    const auto body = json::parse(r.body);
    EXPECT_EQ(body["data"]["payload"]["call_control_id"], id);
    EXPECT_EQ(body["meta"]["attempt"], 1);
    EXPECT_EQ(body["meta"]["delivered_to"], e.url("/hook"));
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    EXPECT_NEAR(std::stod(std::string(r.headers.get("telnyx-timestamp"))), static_cast<double>(now), 5);
    r.body[10] ^= 1;
    EXPECT_FALSE(genuine(r, sim.public_key()));
    EXPECT_TRUE(wait_outcome(sim, delivery_state::delivered));
}

TEST(simulator, be_17_failed_deliveries_are_repeated_and_go_to_the_failover_address) {
    endpoint e(primary_fails);
    auto s = settings_for(e);
    s.app.failover = e.url("/failover");
    simulator sim(std::move(s));
    sim.start();
    sim.place_call("+15550100001", "+15550100002");
    ASSERT_TRUE(wait_outcome(sim, delivery_state::delivered));
    const auto kept = e.kept();
    ASSERT_EQ(kept.size(), 3U);
    EXPECT_EQ(kept[1].path, "/hook");
    EXPECT_EQ(kept[2].path, "/failover");
    EXPECT_EQ(json::parse(kept[2].body)["meta"]["attempt"], 3);
    EXPECT_EQ(json::parse(kept[2].body)["data"], json::parse(kept[0].body)["data"]);
    EXPECT_TRUE(genuine(kept[2], sim.public_key()));
}

TEST(simulator, gives_up_after_its_attempts_and_at_once_on_404) {
    {
        endpoint e(always_503);
        simulator sim(settings_for(e));
        sim.start();
        sim.place_call("+15550100001", "+15550100002");
        EXPECT_TRUE(wait_outcome(sim, delivery_state::failed));
        EXPECT_EQ(e.kept().size(), 4U);
    }
    endpoint e(always_404);
    simulator sim(settings_for(e));
    sim.start();
    sim.place_call("+15550100001", "+15550100002");
    EXPECT_TRUE(wait_outcome(sim, delivery_state::failed));
    EXPECT_EQ(e.kept().size(), 1U);
}

TEST(simulator, a_slow_receiver_counts_as_failed) {
    endpoint e(never_in_time);
    auto s = settings_for(e);
    s.delivery.timeout = 50ms;
    s.delivery.primary_attempts = 1;
    s.delivery.failover_attempts = 0;
    simulator sim(std::move(s));
    sim.start();
    sim.place_call("+15550100001", "+15550100002");
    EXPECT_TRUE(wait_outcome(sim, delivery_state::failed));
    sim.with([](carrier& c, time_point) {
        const auto& w = c.seen().webhooks.begin()->second;
        ASSERT_EQ(w.attempts.size(), 1U);
        EXPECT_EQ(w.attempts[0].status, 0);
        EXPECT_GE(w.attempts[0].finished - w.attempts[0].started, 45ms);
    });
}

TEST(simulator, device_placed_calls_have_a_webhook_address_of_their_own) {
    endpoint e;
    auto s = settings_for(e);
    s.credential.primary = e.url("/credential");
    simulator sim(std::move(s));
    sim.start();
    sim.with([](carrier& c, time_point now) { c.device_calls("gencred1", "+15550100002", json(), now); });
    ASSERT_TRUE(e.wait_for(1));
    EXPECT_EQ(e.kept().at(0).path, "/credential");
}

TEST(simulator, a_device_calls_by_the_control_api_and_is_transferred_to_whom_it_calls) {
    endpoint e;
    auto s = settings_for(e);
    s.credential.primary = e.url("/credential");
    simulator sim(std::move(s));
    sim.start();
    sim.set_phone("+15550100009", phone::answers(10ms));
    const auto root = sim.base_url().substr(0, sim.base_url().size() - 3) + "/sim";
    const json wanted{
        {"username", "gencred1"}, {"to", "+15550100009"}, {"from", "+15550100055"}, {"client_state", "b3du"}
    };
    const auto made = e.ask(request_to("POST", root + "/device-calls", wanted));
    ASSERT_EQ(made.status, 201) << made.body;
    ASSERT_TRUE(e.wait_for(1));
    const auto told = json::parse(e.kept().at(0).body)["data"]["payload"];
    EXPECT_EQ(told["from"], "+15550100055");
    EXPECT_EQ(told["client_state"], "b3du");
    EXPECT_EQ(told["from_sip_uri"], "sip:gencred1@sip.telnyx.com");
    for (const auto& [key, value] :
         {std::pair{"form", json("+1")}, std::pair{"from", json(7)}, std::pair{"to", json("")}}) {
        auto wrong = wanted;
        wrong[key] = value;
        EXPECT_EQ(e.ask(request_to("POST", root + "/device-calls", wrong)).status, 422) << key;
    }
    const auto id = told["call_control_id"].get<std::string>();
    std::string escaped = id;
    escaped.replace(2, 1, "%3A");
    const auto url = sim.base_url() + "/calls/" + escaped + "/actions/transfer";
    ASSERT_EQ(e.ask(request_to("POST", url, json{{"to", "+15550100009"}})).status, 200);
    ASSERT_TRUE(e.wait_for(6)) << "initiated, answered and bridged, of both";
    for (const auto& hook : e.kept())
        EXPECT_EQ(hook.path, "/credential");
    EXPECT_EQ(e.ask(request_to("POST", root + "/legs/" + id + "/hangup", json::object())).status, 200);
    EXPECT_TRUE(sim.wait_until([](const carrier& c) { return c.alive_legs() == 0; }, 10s));
}

TEST(simulator, the_rest_api_wants_its_key_and_speaks_json) {
    endpoint e;
    simulator sim(settings_for(e));
    sim.start();
    const auto caller = sim.place_call("+15550100001", "+15550100002");
    std::string escaped = caller;
    escaped.replace(2, 1, "%3A");
    const auto url = sim.base_url() + "/calls/" + escaped;
    const auto wrong = e.ask(request_to("GET", url, json(), "other"));
    EXPECT_EQ(wrong.status, 401);
    EXPECT_EQ(json::parse(wrong.body)["errors"][0]["code"], "10009");
    const auto right = e.ask(request_to("GET", url));
    ASSERT_EQ(right.status, 200);
    EXPECT_EQ(json::parse(right.body)["data"]["is_alive"], true);
    EXPECT_EQ(e.ask(request_to("POST", url + "/actions/answer", json::object())).status, 200);
    const auto spoken = e.ask(request_to("POST", url + "/actions/speak", json{{"payload", "x"}}));
    EXPECT_EQ(spoken.status, 422);
    EXPECT_EQ(json::parse(spoken.body)["errors"][0]["code"], "10004");
    auto broken = request_to("POST", url + "/actions/hangup", json::object());
    broken.body = "{";
    EXPECT_EQ(e.ask(std::move(broken)).status, 400);
    EXPECT_EQ(e.ask(request_to("POST", url + "/actions/hangup")).status, 422) << "a body is required";
}

TEST(simulator, stalled_and_lost_replies_are_seen_by_the_client) {
    endpoint e;
    simulator sim(settings_for(e));
    sim.start();
    const auto caller = sim.place_call("+15550100001", "+15550100002");
    const auto url = sim.base_url() + "/calls/" + caller + "/actions/";
    command_fault stall;
    stall.verb = "answer";
    stall.stall_reply = 150ms;
    sim.add_fault(stall);
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(e.ask(request_to("POST", url + "answer", json::object())).status, 200);
    EXPECT_GE(std::chrono::steady_clock::now() - began, 145ms);
    command_fault lose;
    lose.verb = "hangup";
    lose.lose_reply = true;
    sim.add_fault(lose);
    auto req = request_to("POST", url + "hangup", json::object());
    req.timeout = 200ms;
    EXPECT_EQ(e.ask(std::move(req)).status, 0);
    EXPECT_FALSE(sim.with([&](carrier& c, time_point) { return c.leg(caller)->alive(); }));
}

TEST(simulator, the_control_api_scripts_and_tells_the_truth) {
    endpoint e;
    simulator sim(settings_for(e));
    sim.start();
    const auto root = sim.base_url().substr(0, sim.base_url().size() - 3) + "/sim";
    EXPECT_EQ(
        e.ask(request_to("PUT", root + "/phones/one", json{{"does", "answer"}, {"after_ms", 20}})).status, 200
    );
    EXPECT_EQ(e.ask(request_to("PUT", root + "/phones/one", json{{"does", "sing"}})).status, 422);
    EXPECT_EQ(e.ask(request_to("PUT", root + "/default-phone", json{{"does", "ignore"}})).status, 200);
    const auto placed =
        e.ask(request_to("POST", root + "/calls", json{{"from", "+15550100001"}, {"to", "+15550100002"}}));
    ASSERT_EQ(placed.status, 201);
    const auto caller = json::parse(placed.body)["call_control_id"].get<std::string>();
    const auto session = json::parse(placed.body)["call_session_id"].get<std::string>();
    const json dial{
        {"connection_id", carrier_settings{}.app_connection_id},
        {"to", "sip:one@sip.telnyx.com"},
        {"from", "+15550100001"},
        {"link_to", caller},
        {"bridge_intent", true},
    };
    const json faults{{"commands", json::array({{{"verb", "dial"}, {"status", 503}, {"times", 1}}})}};
    EXPECT_EQ(e.ask(request_to("POST", root + "/faults", faults)).status, 200);
    EXPECT_EQ(e.ask(request_to("POST", sim.base_url() + "/calls", dial)).status, 503);
    EXPECT_EQ(e.ask(request_to("DELETE", root + "/faults")).status, 200);
    EXPECT_EQ(e.ask(request_to("POST", sim.base_url() + "/calls", dial)).status, 200);
    EXPECT_TRUE(
        sim.wait_until([](const carrier& c) { return !c.seen().webhooks_of("call.answered").empty(); }, 5s)
    );
    EXPECT_EQ(e.ask(request_to("POST", root + "/legs/" + caller + "/hangup")).status, 200);
    EXPECT_EQ(e.ask(request_to("POST", root + "/legs/" + caller + "/answer")).status, 422);
    const auto truth = json::parse(e.ask(request_to("GET", root + "/truth?session=" + session)).body);
    EXPECT_EQ(truth["legs"].size(), 2U);
    EXPECT_EQ(truth["alive_legs"], 1);
    EXPECT_EQ(truth["commands"].size(), 2U);
    EXPECT_EQ(truth["most_devices_per_caller"], 0);
    EXPECT_EQ(json::parse(e.ask(request_to("GET", root + "/violations")).body), json::array());
    EXPECT_NE(
        e.ask(request_to("GET", root + "/ladder?session=" + session)).body.find("one answers"),
        std::string::npos
    );
    EXPECT_EQ(e.ask(request_to("GET", root + "/public-key")).body, sim.public_key() + "\n");
}

TEST(simulator, waiting_ends_when_the_condition_holds_or_the_limit_passes) {
    endpoint e;
    simulator sim(settings_for(e));
    sim.start();
    EXPECT_FALSE(sim.wait_until([](const carrier& c) { return c.alive_legs() > 0; }, 20ms));
    sim.place_call("+15550100001", "+15550100002");
    EXPECT_TRUE(sim.wait_until([](const carrier& c) { return c.alive_legs() > 0; }, 5s));
    EXPECT_THROW(
        sim.with([](carrier&, time_point) { throw std::runtime_error("mine"); }), std::runtime_error
    );
}

TEST(simulator, stops_with_deliveries_and_requests_in_progress) {
    endpoint e(never_in_time);
    simulator sim(settings_for(e));
    sim.start();
    sim.place_call("+15550100001", "+15550100002");
    ASSERT_TRUE(e.wait_for(1));
    EXPECT_EQ(first_outcome(sim), delivery_state::sending);
    const auto began = std::chrono::steady_clock::now();
    sim.stop();
    sim.stop();
    EXPECT_LT(std::chrono::steady_clock::now() - began, 3s);
    EXPECT_EQ(first_outcome(sim), delivery_state::sending);
}

TEST(simulator, a_taken_port_is_reported) {
    endpoint e;
    simulator first(settings_for(e));
    first.start();
    auto s = settings_for(e);
    s.port = first.port();
    simulator second(std::move(s));
    EXPECT_THROW(second.start(), std::runtime_error);
}

TEST(simulator, errors_have_the_carriers_form_on_every_path) {
    endpoint e;
    simulator sim(settings_for(e));
    sim.start();
    for (const auto& [method, path] : {
             std::pair{"GET", "/nothing"},
             std::pair{"POST", "/calls/v3:x/actions/dance"},
             std::pair{"DELETE", "/calls"},
             std::pair{"PATCH", "/calls/v3:x"},
             std::pair{"GET", "/a/b/c/d/e/f"},
             std::pair{"PUT", "/telephony_credentials"},
             std::pair{"GET", "/telephony_credentials/none"},
         }) {
        http::client_request req;
        req.method = method;
        req.url = sim.base_url() + path;
        req.headers.add("Authorization", "Bearer key");
        const auto r = e.ask(std::move(req));
        EXPECT_EQ(r.status, 404) << method << path;
        const auto body = json::parse(r.body, nullptr, false);
        ASSERT_TRUE(body.is_object() && body.contains("errors")) << method << path << r.body;
        EXPECT_EQ(body["errors"][0]["code"], "10005") << method << path;
        EXPECT_TRUE(body["errors"][0].contains("title") && body["errors"][0].contains("detail"));
    }
}

TEST(simulator, attempt_and_address_change_with_each_delivery) {
    endpoint e(primary_fails);
    auto settings = settings_for(e);
    settings.app.failover = e.url("/failover");
    simulator sim(settings);
    sim.start();
    webhook_fault twice;
    twice.event_type = "call.initiated";
    twice.duplicates = 1;
    twice.duplicate_after = 50ms;
    sim.add_fault(twice);
    (void)sim.place_call("+15550100001", "+15550100002");
    ASSERT_TRUE(e.wait_for(6)); // two failures and the failover, for either copy
    std::multiset<int> attempts;
    for (const auto& r : e.kept()) {
        const auto meta = json::parse(r.body)["meta"];
        attempts.insert(meta["attempt"].get<int>());
        EXPECT_EQ(meta["delivered_to"], e.url(r.path.c_str()));
    }
    EXPECT_EQ(attempts, (std::multiset<int>{1, 2, 2, 3, 3, 4}));
}
