// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/introspection.hpp"
#include "fakes.hpp"

using namespace z360;
using namespace z360::edge::api;
using namespace z360::edge::api::test;
using kind = verdict::kind;

namespace {

const std::string k_alice = R"({"active":true,"user_id":7,"organization_id":3,"session_id":"s-1"})";

struct bed {
    explicit bed(asio::any_io_executor e) : ex(e) {
        settings.url = "https://app.example.test/api/introspect";
        peer.says = [](const auto&) { return answer(200, k_alice); };
    }
    introspection& it() {
        if (!made) made = std::make_unique<introspection>(ex, peer, clock, metrics, settings);
        return *made;
    }
    awaitable<void> stop() { co_await it().stop(); }

    asio::any_io_executor ex;
    fake_peer peer;
    hand_clock clock;
    counting_metrics metrics;
    introspection_settings settings;
    std::unique_ptr<introspection> made;
};

awaitable<void> into(introspection* it, std::string cookie, std::vector<verdict>* out) {
    auto v = co_await it->who(std::move(cookie), "browser");
    out->push_back(std::move(v));
}

awaitable<void> forwards(bed& b) {
    const auto v = co_await b.it().who("laravel_session=abc; XSRF-TOKEN=x", "Mozilla/5.0");
    EXPECT_EQ(v.what, kind::signed_in);
    EXPECT_EQ(v.who, (web_identity{user_id{7}, org_id{3}, "s-1"}));
    EXPECT_EQ(b.peer.seen.size(), 1U);
    const auto& q = b.peer.seen.front();
    EXPECT_EQ(q.method, "GET");
    EXPECT_EQ(q.url, b.settings.url);
    EXPECT_EQ(q.headers.get("Cookie"), "laravel_session=abc; XSRF-TOKEN=x");
    EXPECT_EQ(q.headers.get("User-Agent"), "Mozilla/5.0");
    EXPECT_EQ(q.headers.get("Accept"), "application/json");
    EXPECT_EQ(q.timeout, millis{2'000});
    EXPECT_EQ(b.metrics.values["introspection_total result=signed_in"], 1);
}

awaitable<void> answers_table(bed& b) {
    struct row {
        int status;
        std::string body;
        kind expected;
    };
    const std::vector<row> rows{
        {200, R"({"active":true,"user_id":7})", kind::signed_in},
        {200, R"({"active":true,"user_id":7,"organization_id":null,"session_id":null,"more":[1]})",
         kind::signed_in},
        {200, R"({"active":false})", kind::not_signed_in},
        {401, "<html>", kind::not_signed_in},
        {403, "", kind::not_signed_in},
        {0, "", kind::unavailable},
        {204, "", kind::unavailable},
        {301, k_alice, kind::unavailable},
        {302, k_alice, kind::unavailable},
        {404, R"({"active":false})", kind::unavailable},
        {419, "", kind::unavailable},
        {429, "", kind::unavailable},
        {500, k_alice, kind::unavailable},
        {503, "", kind::unavailable},
        {200, "", kind::unavailable},
        {200, "<html>sign in</html>", kind::unavailable},
        {200, "[]", kind::unavailable},
        {200, "{}", kind::unavailable},
        {200, R"({"active":1,"user_id":7})", kind::unavailable},
        {200, R"({"active":"true","user_id":7})", kind::unavailable},
        {200, R"({"active":true})", kind::unavailable},
        {200, R"({"active":true,"user_id":"7"})", kind::unavailable},
        {200, R"({"active":true,"user_id":0})", kind::unavailable},
        {200, R"({"active":true,"user_id":-1})", kind::unavailable},
        {200, R"({"active":true,"user_id":7.5})", kind::unavailable},
        {200, R"({"active":true,"user_id":18446744073709551615})", kind::unavailable},
        {200, R"({"active":true,"user_id":7,"organization_id":"3"})", kind::unavailable},
        {200, R"({"active":true,"user_id":7,"organization_id":0})", kind::unavailable},
        {200, R"({"active":true,"user_id":7,"session_id":5})", kind::unavailable},
        {200, R"({"active":true,"user_id":7,"session_id":")" + std::string(201, 's') + R"("})",
         kind::unavailable},
        {200, R"({"active":false,"x":")" + std::string(70'000, 'x') + R"("})", kind::unavailable},
    };
    int n = 0;
    for (const auto& r : rows) {
        b.peer.says = [&r](const auto&) { return answer(r.status, r.body); };
        const auto v = co_await b.it().who("session=" + std::to_string(++n), "");
        EXPECT_EQ(v.what, r.expected) << r.status << " " << r.body.substr(0, 80);
        if (v.what != kind::signed_in) EXPECT_EQ(v.who, web_identity{});
    }
}

awaitable<void> nothing_to_ask(bed& b) {
    const auto none = co_await b.it().who("", "browser");
    const auto split = co_await b.it().who("a=b\r\nX-Admin: 1", "browser");
    EXPECT_EQ(none.what, kind::not_signed_in);
    EXPECT_EQ(split.what, kind::not_signed_in);
    EXPECT_EQ(b.peer.seen.size(), 0U);
    const auto odd = co_await b.it().who("a=b", "agent\r\nX-Admin: 1");
    EXPECT_EQ(odd.what, kind::signed_in);
    EXPECT_EQ(b.peer.seen.front().headers.count("User-Agent"), 0U);
}

awaitable<void> switched_off(bed& b) {
    b.settings.url.clear();
    const auto v = co_await b.it().who("session=a", "browser");
    EXPECT_EQ(v.what, kind::not_signed_in);
    EXPECT_EQ(b.peer.seen.size(), 0U);
}

awaitable<void> belief_ends(bed& b) {
    b.settings.cache = millis{3'600'000}; // whatever is configured
    for (const auto passed : {millis{0}, millis{29'999}}) {
        b.clock.at = hand_clock{}.at + passed;
        const auto v = co_await b.it().who("session=a", "browser");
        EXPECT_EQ(v.who.user, user_id{7});
    }
    EXPECT_EQ(b.peer.seen.size(), 1U);
    b.clock.at = hand_clock{}.at + millis{30'000};
    b.peer.says = [](const auto&) { return answer(401); };
    for (const auto passed : {millis{30'000}, millis{34'999}}) {
        b.clock.at = hand_clock{}.at + passed;
        const auto v = co_await b.it().who("session=a", "browser");
        EXPECT_EQ(v.what, kind::not_signed_in);
    }
    EXPECT_EQ(b.peer.seen.size(), 2U);
    b.clock.at = hand_clock{}.at + millis{35'000};
    (void)co_await b.it().who("session=a", "browser");
    EXPECT_EQ(b.peer.seen.size(), 3U);
    b.clock.at = hand_clock{}.at; // set back: no belief lasts longer for that
    (void)co_await b.it().who("session=a", "browser");
    EXPECT_EQ(b.peer.seen.size(), 4U);
}

awaitable<void> outage(bed& b) {
    const auto before = co_await b.it().who("session=a", "browser");
    EXPECT_EQ(before.what, kind::signed_in);
    b.peer.says = [](const auto&) { return answer(502); };
    const auto known = co_await b.it().who("session=a", "browser");
    EXPECT_EQ(known.what, kind::signed_in) << "believed until its time is over";
    for (int i = 0; i < 3; ++i) {
        const auto v = co_await b.it().who("session=b", "browser");
        EXPECT_EQ(v.what, kind::unavailable);
    }
    EXPECT_EQ(b.peer.seen.size(), 4U) << "an outage is not remembered";
    b.peer.says = [](const auto&) { return answer(200, k_alice); };
    const auto after = co_await b.it().who("session=b", "browser");
    EXPECT_EQ(after.what, kind::signed_in);
}

awaitable<void> one_question(bed& b) {
    b.peer.holds = true;
    rt::task_group group(b.ex);
    std::vector<verdict> all;
    for (int i = 0; i < 50; ++i)
        group.spawn(into(&b.it(), "session=a", &all));
    group.spawn(into(&b.it(), "session=other", &all));
    const bool asked = co_await until([&b] { return b.peer.seen.size() == 2; });
    EXPECT_TRUE(asked);
    b.peer.release();
    const bool done = co_await group.drain(5s);
    EXPECT_TRUE(done);
    EXPECT_EQ(all.size(), 51U);
    for (const auto& v : all)
        EXPECT_EQ(v.what, kind::signed_in);
    EXPECT_EQ(b.peer.seen.size(), 2U);
    co_await group.join();
}

awaitable<void> first_one_leaves(bed& b) {
    b.peer.holds = true;
    rt::task_group first(b.ex);
    rt::task_group others(b.ex);
    std::vector<verdict> of_first;
    std::vector<verdict> of_others;
    first.spawn(into(&b.it(), "session=a", &of_first));
    const bool asked = co_await until([&b] { return b.peer.seen.size() == 1; });
    EXPECT_TRUE(asked);
    others.spawn(into(&b.it(), "session=a", &of_others));
    co_await first.join(); // its client hung up
    b.peer.release();
    const bool done = co_await others.drain(5s);
    EXPECT_TRUE(done);
    EXPECT_EQ(of_first.size(), 0U);
    EXPECT_EQ(of_others.size(), 1U);
    if (!of_others.empty()) EXPECT_EQ(of_others.front().what, kind::signed_in);
    EXPECT_EQ(b.peer.seen.size(), 1U);
    EXPECT_EQ(b.peer.aborted, 0);
    co_await others.join();
}

awaitable<void> silence(bed& b) {
    b.settings.limit = millis{30};
    b.peer.holds = true;
    const auto began = std::chrono::steady_clock::now();
    const auto v = co_await b.it().who("session=a", "browser");
    EXPECT_EQ(v.what, kind::unavailable);
    EXPECT_GE(std::chrono::steady_clock::now() - began, 30ms);
    EXPECT_EQ(b.peer.aborted, 1);
}

awaitable<void> bounded_questions(bed& b) {
    b.settings.max_questions = 4;
    b.peer.holds = true;
    rt::task_group group(b.ex);
    std::vector<verdict> all;
    for (int i = 0; i < 20; ++i)
        group.spawn(into(&b.it(), "session=" + std::to_string(i), &all));
    const bool turned_away = co_await until([&all] { return all.size() == 16; });
    EXPECT_TRUE(turned_away);
    for (const auto& v : all)
        EXPECT_EQ(v.what, kind::unavailable);
    b.peer.release();
    const bool done = co_await group.drain(5s);
    EXPECT_TRUE(done);
    EXPECT_EQ(b.peer.seen.size(), 4U);
    co_await group.join();
}

awaitable<void> bounded_memory(bed& b) {
    b.settings.max_entries = 3;
    for (int i = 0; i < 4; ++i)
        (void)co_await b.it().who("session=" + std::to_string(i), "browser");
    EXPECT_EQ(b.peer.seen.size(), 4U);
    (void)co_await b.it().who("session=3", "browser");
    (void)co_await b.it().who("session=1", "browser");
    EXPECT_EQ(b.peer.seen.size(), 4U);
    (void)co_await b.it().who("session=0", "browser");
    EXPECT_EQ(b.peer.seen.size(), 5U) << "the oldest was forgotten";
}

awaitable<void> stops(bed& b) {
    b.peer.holds = true;
    rt::task_group group(b.ex);
    std::vector<verdict> all;
    group.spawn(into(&b.it(), "session=a", &all));
    const bool asked = co_await until([&b] { return b.peer.seen.size() == 1; });
    EXPECT_TRUE(asked);
    co_await b.it().stop();
    const bool done = co_await group.drain(5s);
    EXPECT_TRUE(done);
    EXPECT_EQ(all.size(), 1U);
    if (!all.empty()) EXPECT_EQ(all.front().what, kind::unavailable);
    const auto late = co_await b.it().who("session=b", "browser");
    EXPECT_EQ(late.what, kind::unavailable);
    EXPECT_EQ(b.peer.seen.size(), 1U);
    co_await group.join();
}

} // namespace

TEST(introspection, mob_13_the_cookie_and_browser_are_passed_on_and_the_person_comes_back) {
    play(forwards);
}
TEST(introspection, mob_13_only_a_clear_no_is_not_signed_in) {
    play(answers_table);
}
TEST(introspection, what_cannot_be_a_cookie_is_asked_about_by_nobody) {
    play(nothing_to_ask);
}
TEST(introspection, without_a_url_no_cookie_counts) {
    play(switched_off);
}
TEST(introspection, mob_13_is_believed_for_30_s_and_a_refusal_for_5) {
    play(belief_ends);
}
TEST(introspection, mob_13_an_outage_is_never_a_sign_out) {
    play(outage);
}
TEST(introspection, fifty_requests_with_one_cookie_are_one_question) {
    play(one_question);
}
TEST(introspection, the_one_who_asked_first_may_leave_without_harm_to_the_others) {
    play(first_one_leaves);
}
TEST(introspection, silence_costs_the_limit) {
    play(silence);
}
TEST(introspection, questions_at_a_time_are_bounded) {
    play(bounded_questions);
}
TEST(introspection, memory_is_bounded) {
    play(bounded_memory);
}
TEST(introspection, stopping_lets_those_who_wait_go) {
    play(stops);
}
