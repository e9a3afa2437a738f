// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who brings made-up credentials, or none, takes nothing from those who bring good ones (SEC-04).
#include "bed.hpp"
#include "edge/api/places.hpp"

#include <z360/rt/sync.hpp>

#include <boost/asio/co_spawn.hpp>

using namespace z360;
using namespace z360::test;
using edge::api::places;

namespace {

class api_starving : public bed {
  protected:
    static with made_up_cookie(int i) { return {{"Cookie", "z360_session=made-up-" + std::to_string(i)}}; }
    static with made_up_bearer(int i) {
        auto filling = std::to_string(i);
        filling.resize(43, 'A');
        return {{"Authorization", "Bearer z360d_test_" + filling}};
    }
};

awaitable<void> slow_product() {
    co_await rt::sleep_for(millis{5}); // tidy: allow, the product takes its time
}

} // namespace

TEST_F(api_starving, sec_04_no_cookie_is_asked_about_once_an_address_has_failed_too_often) {
    settings.limits.failed_auth_per_minute = 10;
    restart();
    for (int i = 0; i < 10; ++i)
        ASSERT_EQ(send("GET", "/api/voip/calls", made_up_cookie(i)).status, 401) << i;
    EXPECT_EQ(cookies.asked, 10);
    for (int i = 10; i < 40; ++i) {
        const auto r = send("GET", "/api/voip/calls", made_up_cookie(i));
        ASSERT_EQ(r.status, 429);
        EXPECT_EQ(r.code(), "rate_limited");
        EXPECT_GE(std::stoi(r.header("Retry-After")), 1);
    }
    EXPECT_EQ(cookies.asked, 10) << "the product is not asked";
    const auto good = cookie(k_ada);
    cookies.believed[good.front().second] = cookies.sessions[good.front().second];
    EXPECT_EQ(send("GET", "/api/voip/calls", good).status, 200) << "who is known needs no question";
    peer = "203.0.113.77:5";
    EXPECT_EQ(send("GET", "/api/voip/calls", cookie(k_bob)).status, 200) << "a person elsewhere";
    clock.at += millis{61'000};
    peer = "198.51.100.9:40000";
    EXPECT_EQ(send("GET", "/api/voip/calls", made_up_cookie(99)).status, 401);
}

TEST_F(api_starving, sec_04_an_address_has_a_share_of_the_questions_and_waits_behind_itself) {
    settings.limits.failed_auth_per_minute = 10;
    restart();
    cookies.before_answer = slow_product;
    std::vector<with> flood;
    for (int i = 0; i < 2'000; ++i)
        flood.push_back(made_up_cookie(i));
    const auto replies = at_once("GET", "/api/voip/calls", flood);
    for (const auto& r : replies)
        EXPECT_TRUE(r.status == 401 || r.status == 429) << r.status;
    EXPECT_LE(cookies.most_at_once, 16);
    EXPECT_LE(cookies.asked, 10 + 16) << "those in the line learn that nothing is left";
}

TEST_F(api_starving, sec_04_cookies_on_a_route_for_everybody_count_too) {
    settings.limits.failed_auth_per_minute = 10;
    restart();
    const json body{{"identity_token", "apple:001"}, {"nonce", "the-nonce"}};
    for (int i = 0; i < 40; ++i)
        (void)send("POST", "/api/auth/apple", made_up_cookie(i), body);
    EXPECT_EQ(cookies.asked, 10);
}

TEST_F(api_starving, sec_04_a_good_bearer_passes_whatever_else_comes_from_its_address) {
    const auto phone = device(k_ada, "phone-1");
    const auto newcomer = token(port::token_kind::admin, {});
    settings.limits.failed_auth_per_minute = 5;
    settings.limits.address_per_minute = 20;
    restart();
    for (int i = 0; i < 60; ++i) {
        (void)send("GET", "/api/voip/state-model");
        (void)send("GET", "/api/voip/calls", made_up_cookie(i));
        (void)send("GET", "/api/voip/calls", made_up_bearer(i));
        (void)send("GET", "/api/voip/calls", {{"Authorization", "Basic eDp5"}});
    }
    EXPECT_EQ(send("GET", "/api/voip/state-model").status, 429);
    EXPECT_EQ(send("GET", "/api/voip/calls", made_up_cookie(99)).status, 429);
    EXPECT_EQ(send("GET", "/api/voip/calls", made_up_bearer(99)).status, 429);
    for (int i = 0; i < 30; ++i)
        ASSERT_EQ(send("GET", "/api/voip/calls", phone).status, 200) << i;
    EXPECT_EQ(send("GET", "/api/voip/state-model", phone).status, 200) << "also where nobody need be known";
    EXPECT_EQ(send("GET", "/api/voip/state-model", made_up_bearer(1)).status, 429);
    EXPECT_EQ(send("GET", "/api/admin/organizations", newcomer).status, 200) << "never seen here before";
}

TEST_F(api_starving, sec_04_cookies_and_requests_without_anything_have_buckets_of_their_own) {
    settings.limits.address_per_minute = 5;
    restart();
    const auto good = cookie(k_ada);
    for (int i = 0; i < 8; ++i)
        (void)send("GET", "/api/voip/state-model");
    EXPECT_EQ(send("GET", "/api/voip/state-model").status, 429);
    EXPECT_EQ(send("GET", "/api/voip/calls", good).status, 200);
}

namespace {

struct crowd {
    boost::asio::io_context io{1};
    rt::task_group all{io.get_executor()};
    places line;
    int inside = 0;
    int most = 0;
    int turned_away = 0;
    std::vector<int> order;

    explicit crowd(places::terms t) : line(t) {}
    ~crowd() {
        boost::asio::co_spawn(io, all.join(), [](const std::exception_ptr&) {});
        run();
    }
    crowd(const crowd&) = delete;
    crowd& operator=(const crowd&) = delete;
    void comes(const std::string& subject, int number, millis stays) {
        all.spawn(visit(subject, number, stays));
    }
    void run() {
        io.restart();
        io.run();
    }
    awaitable<void> visit(std::string subject, int number, millis stays) {
        const auto place = co_await line.enter(subject);
        if (!place.has_one()) {
            ++turned_away;
            co_return;
        }
        most = std::max(most, ++inside);
        order.push_back(number);
        co_await rt::sleep_for(stays); // tidy: allow, the visit itself
        --inside;
    }
};

} // namespace

TEST(api_places, are_given_in_the_order_of_coming_and_go_on_to_the_next) {
    crowd c({.at_once = 2, .waiting = 3, .limit = millis{5'000}});
    for (int i = 0; i < 7; ++i)
        c.comes("a", i, millis{3});
    c.comes("b", 100, millis{3}); // somebody else's line
    c.run();
    EXPECT_EQ(c.turned_away, 2);
    EXPECT_LE(c.most, 3);
    std::erase(c.order, 100);
    EXPECT_EQ(c.order, (std::vector<int>{0, 1, 2, 3, 4}));
    c.comes("a", 9, millis{1});
    c.run();
    EXPECT_EQ(c.order.back(), 9) << "every place came back";
}

TEST(api_places, who_waited_too_long_takes_none_from_those_behind) {
    crowd c({.at_once = 1, .waiting = 5, .limit = millis{20}});
    c.comes("a", 0, millis{200});
    c.comes("a", 1, millis{1});
    c.run();
    EXPECT_EQ(c.turned_away, 1);
    c.comes("a", 2, millis{1});
    c.comes("a", 3, millis{1});
    c.run();
    EXPECT_EQ(c.order, (std::vector<int>{0, 2, 3}));
}
