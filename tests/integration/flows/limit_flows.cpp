// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Limits that stop floods and no poll, also without Redis (SEC-04).
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"

#include <atomic>
#include <thread>

using namespace z360;
using namespace z360::testing;

namespace {

class limit_flow : public flow {
  protected:
    rig& limited(std::map<std::string, std::string> environment = {}) {
        rig_options o;
        o.devices = 0;
        o.environment = std::move(environment);
        return set_up(std::move(o));
    }
};

void expect_limited(const api_reply& r) {
    EXPECT_EQ(r.status, 429) << r.body;
    EXPECT_EQ(r.code(), "rate_limited");
    EXPECT_GE(std::atoi(r.header("retry-after").c_str()), 1);
    EXPECT_EQ(r.json.value("retry_after", 0), std::atoi(r.header("retry-after").c_str()));
    EXPECT_EQ(r.header("ratelimit-remaining"), "0");
    EXPECT_NE(r.header("ratelimit-limit"), "");
    EXPECT_NE(r.header("ratelimit-reset"), "");
}

int passed(const std::vector<api_reply>& all) {
    return static_cast<int>(std::count_if(all.begin(), all.end(), [](const auto& r) {
        return r.status != 429;
    }));
}

} // namespace

TEST_F(limit_flow, sec_04_the_eleventh_registration_in_a_minute_waits) {
    auto& r = limited();
    const auto phone = install(r, "phone");
    const json again{{"device_id", "phone"}, {"platform", "android"}};
    for (int i = 1; i <= 10; ++i) {
        const auto reply = phone.client.post("/api/device-tokens", again);
        ASSERT_EQ(reply.status, 200) << i << " " << reply.body;
        EXPECT_EQ(reply.header("ratelimit-limit"), "10");
        EXPECT_EQ(reply.header("ratelimit-remaining"), std::to_string(10 - i));
        EXPECT_EQ(reply.header("retry-after"), "");
    }
    expect_limited(phone.client.post("/api/device-tokens", again));
    EXPECT_EQ(phone.client.get("/api/voip/my-active-call").status, 200) << "a class of its own";
    const auto other = install(r, "other");
    EXPECT_EQ(
        other.client.post("/api/device-tokens", {{"device_id", "other"}, {"platform", "ios"}}).status, 200
    ) << "a device of its own";
    EXPECT_GE(r.server().metric("api_rate_limited_total{class=\"register\"}"), 1);
}

TEST_F(limit_flow, sec_04_five_devices_that_ask_every_three_seconds_are_never_limited) {
    auto& r = limited();
    std::vector<app> apps;
    for (int i = 0; i < 5; ++i)
        apps.push_back(install(r, "phone-" + std::to_string(i)));
    const auto session = r.session(r.call());
    ASSERT_TRUE(r.ringing(session, 5));
    // Two minutes of it at once, and the other question as often.
    const auto lost = in_parallel(5, [&](int i) {
        int n = 0;
        for (int q = 0; q < 40; ++q) {
            const auto& client = apps[static_cast<std::size_t>(i)].client;
            n += client.get("/api/voip/call-status/" + session).status == 200 ? 0 : 1;
            n += client.get("/api/voip/my-active-call").status == 200 ? 0 : 1;
        }
        return n;
    });
    EXPECT_EQ(lost, std::vector<int>(5, 0));
    EXPECT_EQ(r.server().metric("api_rate_limited_total"), 0);
}

TEST_F(limit_flow, sec_04_reveal_is_limited_to_three_an_hour_on_all_nodes_together) {
    rig_options o;
    o.devices = 0;
    o.nodes = 2;
    auto& r = set_up(std::move(o));
    const auto phone = install(r, "phone");
    const auto reveal = [&](std::size_t n) {
        return phone.client.at(r.server(n).port()).post("/api/voip/credentials/reveal");
    };
    for (const std::size_t n : {0U, 1U, 0U})
        EXPECT_EQ(reveal(n).status, 200);
    for (const std::size_t n : {0U, 1U}) {
        const auto refused = reveal(n);
        expect_limited(refused);
        EXPECT_GT(std::atoi(refused.header("retry-after").c_str()), 600);
    }
    EXPECT_EQ(r.sql("select count(*) from audit_events where action = 'password_disclosed'"), "4")
        << "with the one of the registration";
}

TEST_F(limit_flow, sec_04_limits_hold_while_redis_is_away) {
    auto& r = limited();
    const auto phone = install(r, "phone");
    const json again{{"device_id", "phone"}, {"platform", "android"}};
    std::vector<api_reply> before;
    for (int i = 0; i < 5; ++i)
        before.push_back(phone.client.post("/api/device-tokens", again));
    EXPECT_EQ(passed(before), 5);
    r.redis().cut();
    std::vector<api_reply> during;
    for (int i = 0; i < 8; ++i)
        during.push_back(phone.client.post("/api/device-tokens", again));
    EXPECT_EQ(passed(during), 5) << "the loss hands out no fresh burst";
    expect_limited(during.back());
    r.redis().resume();
    ASSERT_TRUE(eventually([&] {
        return r.server().get("/readyz").find("\"redis\":{\"needed\":false,\"ok\":true}") !=
               std::string::npos;
    })) << r.server().get("/readyz");
    expect_limited(phone.client.post("/api/device-tokens", again));
    EXPECT_EQ(phone.client.get("/api/voip/devices/self").status, 200);
}

TEST_F(limit_flow, sec_04_guessing_is_limited_by_address_and_good_tokens_still_pass) {
    auto& r = limited({{"Z360_HTTP_TRUSTED_PROXIES", "127.0.0.1"}});
    const auto phone = install(r, "phone");
    const auto from = [](const api& c, const char* address) { return c.with("X-Forwarded-For", address); };
    const auto guess = [&](int i, const char* address) {
        const auto token = made_up_bearer("test", static_cast<char>('A' + i % 26));
        return from(r.client().bearer(token), address).get("/api/voip/devices/self");
    };
    std::vector<api_reply> replies;
    for (int i = 0; i < 14; ++i)
        replies.push_back(guess(i, "203.0.113.5"));
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(replies[static_cast<std::size_t>(i)].status, 401) << i;
    EXPECT_EQ(passed(replies), 10);
    expect_limited(replies.back());
    // A made-up hop in front of the proxy's own is no other address.
    EXPECT_EQ(guess(1, "198.51.100.77, 203.0.113.5").status, 429);
    EXPECT_EQ(from(phone.client, "203.0.113.5").get("/api/voip/devices/self").status, 200)
        << "one broken app behind an address locks nobody out";
    EXPECT_EQ(guess(1, "203.0.113.6").status, 401) << "another address";
    EXPECT_EQ(guess(1, "2001:db8:1:2::1").status, 401);
    for (int i = 0; i < 10; ++i)
        (void)guess(i, ("2001:db8:1:2::" + std::to_string(i + 2)).c_str());
    EXPECT_EQ(guess(1, "2001:db8:1:2:ffff::9").status, 429) << "a customer has a whole /64";
    EXPECT_EQ(guess(1, "2001:db8:1:3::1").status, 401);
}

TEST_F(limit_flow, sec_04_two_thousand_made_up_cookies_take_nothing_from_others) {
    rig_options o;
    o.devices = 0;
    o.start = false;
    auto& r = set_up(std::move(o));
    auto& server = r.add_node(
        {{"Z360_AUTH_INTROSPECTION_URL", r.carrier().introspection_url()},
         {"Z360_HTTP_TRUSTED_PROXIES", "127.0.0.1"},
         {"Z360_LIMITS_ADDRESS_PER_MINUTE", "5000"}}
    );
    server.start();
    ASSERT_TRUE(server.ready());
    const auto phone = install(r, "phone", "android", json::object(), 1);
    r.carrier().put_session("good", {{"user_id", r.user()}, {"organization_id", r.org()}});
    const auto from = [&](const char* address) { return r.client(1).with("X-Forwarded-For", address); };

    std::atomic<int> odd{0};
    std::vector<std::thread> crowd;
    for (int t = 0; t < 8; ++t)
        crowd.emplace_back([&, t] {
            const auto junk = from("203.0.113.5");
            for (int i = 0; i < 250; ++i) {
                const auto reply =
                    junk.cookie("session=junk-" + std::to_string(t * 1'000 + i)).get("/api/device-tokens");
                if (reply.status != 401 && reply.status != 429) ++odd;
            }
        });
    // Meanwhile: a person elsewhere by cookie, and a phone behind the same address by its bearer.
    std::vector<int> others;
    for (int i = 0; i < 20; ++i) {
        const auto elsewhere = "198.51.100." + std::to_string(i + 1);
        others.push_back(from(elsewhere.c_str()).cookie("session=good").get("/api/device-tokens").status);
        others.push_back(
            phone.client.with("X-Forwarded-For", "203.0.113.5").get("/api/voip/my-active-call").status
        );
    }
    for (auto& t : crowd)
        t.join();
    EXPECT_EQ(others, std::vector<int>(40, 200));
    EXPECT_EQ(odd, 0);
    EXPECT_LE(server.metric("introspection_total{result=\"not_signed_in\"}"), 40)
        << "ten a minute, and who was in the line";
}
