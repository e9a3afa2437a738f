// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/records_client.hpp"
#include "fakes.hpp"

#include <z360/port/errors.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <set>

using namespace z360;
using namespace z360::test;
using nlohmann::json;
using port::leg_life;

namespace {

struct desk {
    boost::asio::io_context io{1};
    scripted_http http;
    moving_clock clock;
    counting_metrics metrics;
    adapter::telnyx::records_client_settings settings = defaults();
    std::unique_ptr<port::carrier_records> client_;

    static adapter::telnyx::records_client_settings defaults() {
        adapter::telnyx::records_client_settings s;
        s.base_url = "https://telnyx.example.test/v2/";
        s.api_key = secret{std::string("KEY-for-tests")};
        s.connection_id = "265";
        s.credential_connection_id = "277";
        s.requests_per_second = 10'000; // no waiting unless the test is about it
        s.burst = 1'000;
        return s;
    }
    port::carrier_records& client() {
        if (!client_)
            client_ =
                adapter::telnyx::make_carrier_records(io.get_executor(), settings, http, clock, metrics);
        return *client_;
    }
    template <class T>
    T run(rt::awaitable<T> op) {
        std::optional<T> out;
        boost::asio::co_spawn(io, keep(std::move(op), &out), stage::rethrow);
        io.restart();
        io.run();
        return std::move(out).value();
    }
    auto deliveries(std::string cursor = {}) {
        return run(client().failed_deliveries(time_point{std::chrono::seconds{1'800'000'000}}, cursor));
    }
    auto events(std::string session = "s1") { return run(client().events_of_session(session, {})); }
    auto life() { return run(client().life_of("v3:a/b")); }
    auto legs(std::string cursor = {}) { return run(client().active_legs(cursor)); }
    template <class F>
    static std::string complaint(F f) {
        try {
            f();
        } catch (const port::unavailable& e) {
            return e.what();
        }
        return {};
    }
    [[nodiscard]] double counted(const std::string& key) const {
        const auto it = metrics.values.find(key);
        return it == metrics.values.end() ? 0 : it->second;
    }
    template <class T>
    static rt::awaitable<void> keep(rt::awaitable<T> op, std::optional<T>* out) {
        *out = co_await std::move(op);
    }
};

/// What every question throws against this answer, each asked by a client of its own; empty: nothing.
std::map<std::string, std::string> complaints_against(const play& p) {
    const auto against = [&p](auto ask) {
        desk d;
        d.http.otherwise = p;
        return desk::complaint([&] { (void)ask(d); });
    };
    return {
        {"deliveries", against([](desk& d) { return d.deliveries(); })},
        {"events", against([](desk& d) { return d.events(); })},
        {"call", against([](desk& d) { return d.life(); })},
        {"active_calls", against([](desk& d) { return d.legs(); })},
    };
}

json delivery(const std::string& id, const std::string& type, const json& connection) {
    const json hook{
        {"id", id},
        {"event_type", type},
        {"occurred_at", "2026-01-31T12:00:00Z"},
        {"payload", {{"call_control_id", "v3:leg"}, {"connection_id", connection}}},
    };
    return json{{"status", "failed"}, {"webhook", hook}};
}
play list(const json& entries, const json& meta = json::object()) {
    return answer(200, json{{"data", entries}, {"meta", meta}}.dump());
}
play alive(bool yes) {
    return answer(200, json{{"data", {{"is_alive", yes}}}}.dump());
}

} // namespace

TEST(records_client, be_09_failed_deliveries_are_read_page_by_page) {
    desk d;
    d.http.script = {
        list(json::array({delivery("e1", "call.hangup", "265")}), {{"page_number", 1}, {"total_pages", 2}}),
        list(json::array({delivery("e2", "call.hangup", "277")}), {{"page_number", 2}, {"total_pages", 2}})
    };
    const auto first = d.deliveries();
    ASSERT_EQ(first.events.size(), 1U);
    EXPECT_EQ(first.events[0].event_id, "e1");
    EXPECT_EQ(first.events[0].at, parse_iso8601("2026-01-31T12:00:00Z"));
    EXPECT_EQ(json::parse(first.events[0].body)["data"]["event_type"], "call.hangup");
    const auto second = d.deliveries(first.next);
    ASSERT_EQ(second.events.size(), 1U);
    EXPECT_TRUE(second.next.empty());
    const auto& sent = d.http.seen.at(1);
    EXPECT_EQ(sent.method, "GET");
    EXPECT_TRUE(sent.url.starts_with("https://telnyx.example.test/v2/webhook_deliveries?")) << sent.url;
    EXPECT_NE(sent.url.find("page%5Bnumber%5D=2"), std::string::npos);
    EXPECT_EQ(sent.bearer.reveal(), "KEY-for-tests");
    EXPECT_EQ(sent.connect_timeout, millis{1'000});
    EXPECT_EQ(sent.timeout, millis{3'000});
    EXPECT_EQ(d.counted("telnyx_records_requests_total what=deliveries outcome=done"), 2);
    EXPECT_EQ(d.counted("telnyx_records_seconds what=deliveries"), 2);
}

TEST(records_client, deliveries_of_other_environments_of_the_account_are_not_ours) {
    desk d;
    d.http.otherwise = list(json::array(
        {delivery("ours", "call.initiated", "265"), delivery("devices", "call.initiated", "277"),
         delivery("theirs", "call.initiated", "999"), delivery("theirs too", "call.hangup", "999"),
         delivery("anybody's", "call.initiated", nullptr), delivery("told", "call.recording.saved", nullptr)}
    ));
    std::set<std::string> ids;
    for (const auto& e : d.deliveries().events)
        ids.insert(e.event_id);
    EXPECT_EQ(ids, (std::set<std::string>{"ours", "devices", "told"}));
}

TEST(records_client, a_legs_life_is_alive_gone_or_unknown) {
    struct row {
        play reply;
        leg_life expected;
    };
    const std::vector<row> table{
        {alive(true), leg_life::alive},
        {alive(false), leg_life::gone},
        {error_code(404, "10005"), leg_life::gone},
        {error_code(422, "90015"), leg_life::gone},
        {error_code(422, "90018"), leg_life::gone},
        {answer(404, "<html>nothing here</html>"), leg_life::unknown}, // a proxy, or a wrong address
        {error_code(422, "10015"), leg_life::unknown},
        {answer(422, ""), leg_life::unknown},
        {answer(200, "{}"), leg_life::unknown},
        {answer(200, "<html>"), leg_life::unknown},
    };
    for (const auto& r : table) {
        desk d;
        d.http.script = {r.reply};
        EXPECT_EQ(d.life(), r.expected) << r.reply.reply.status << " " << r.reply.reply.body;
        EXPECT_EQ(d.http.seen.at(0).url, "https://telnyx.example.test/v2/calls/v3%3Aa%2Fb");
    }
}

TEST(records_client, live_legs_are_listed_by_cursor) {
    desk d;
    const json leg{
        {"call_control_id", "v3:a"}, {"call_session_id", "s"}, {"client_state", "ZGV2"}, {"call_duration", 7}
    };
    d.http.script = {list(json::array({leg}), {{"cursors", {{"after", "v1:x="}}}}), list(json::array())};
    const auto page = d.legs();
    ASSERT_EQ(page.legs.size(), 1U);
    EXPECT_EQ(page.legs[0].call_control_id, "v3:a");
    EXPECT_EQ(page.legs[0].client_state, "ZGV2");
    EXPECT_EQ(page.legs[0].seconds, 7);
    EXPECT_TRUE(d.legs(page.next).legs.empty());
    EXPECT_EQ(
        d.http.seen.at(1).url, "https://telnyx.example.test/v2/connections/265/active_calls?"
                               "page%5Bafter%5D=v1%3Ax%3D&page%5Blimit%5D=250"
    );
}

TEST(records_client, nothing_is_asked_about_nobody) {
    desk d;
    EXPECT_TRUE(d.events("").events.empty());
    EXPECT_EQ(d.run(d.client().life_of("")), leg_life::unknown);
    EXPECT_TRUE(d.http.seen.empty()) << "the carrier would tell everybody's";
}

TEST(records_client, whatever_gives_no_answer_is_unavailable_and_says_why_without_the_key) {
    const std::vector<std::pair<play, std::string>> table{
        {error_code(500, "10007"), "HTTP 500 10007: scripted"},
        {answer(503, "<html>"), "HTTP 503"},
        {error_code(429, "10011"), "HTTP 429"},
        {error_code(401, "10009"), "HTTP 401 10009"},
        {error_code(403, "10010"), "HTTP 403 10010"},
        {error_code(400, "10001"), "HTTP 400"},
        {unreachable(), "connection refused"},
        {no_answer(), "timed out"},
    };
    for (const auto& [p, why] : table)
        for (const auto& [what, said] : complaints_against(p)) {
            EXPECT_NE(said.find(why), std::string::npos) << what << ": " << said;
            EXPECT_NE(said.find(what), std::string::npos) << said;
            EXPECT_EQ(said.find("KEY-for-tests"), std::string::npos) << said;
        }
    const auto odd = complaints_against(answer(200, "<html>"));
    EXPECT_NE(odd.at("deliveries"), "");
    EXPECT_NE(odd.at("events"), "");
    EXPECT_NE(odd.at("active_calls"), "");
}

TEST(records_client, outcomes_are_counted_by_question) {
    desk d;
    d.http.script = {error_code(429, "10011")};
    EXPECT_NE(desk::complaint([&d] { (void)d.events(); }), "");
    EXPECT_EQ(d.counted("telnyx_records_requests_total what=events outcome=limited"), 1);
    desk e;
    e.http.script = {unreachable()};
    EXPECT_NE(desk::complaint([&e] { (void)e.legs(); }), "");
    EXPECT_EQ(e.counted("telnyx_records_requests_total what=active_calls outcome=not_sent"), 1);
    desk f;
    f.http.script = {error_code(404, "10005")};
    (void)f.life();
    EXPECT_EQ(f.counted("telnyx_records_requests_total what=call outcome=gone"), 1);
}

TEST(records_client, be_22_a_rejected_key_alarms_and_the_questions_pause) {
    desk d;
    d.http.otherwise = error_code(401, "10009");
    for (int i = 0; i < 20; ++i)
        EXPECT_NE(desk::complaint([&d] { (void)d.events(); }), "");
    EXPECT_EQ(d.http.seen.size(), 1U) << "not asked again for five seconds";
    EXPECT_EQ(d.counted("telnyx_key_rejected_total verb=records_events"), 1);
    EXPECT_EQ(d.counted("telnyx_key_rejected client=records"), 1);
    desk other;
    other.http.otherwise = error_code(403, "10010");
    EXPECT_NE(desk::complaint([&other] { (void)other.events(); }), "");
    EXPECT_EQ(other.counted("telnyx_key_rejected client=records"), 0) << "one request's matter";
}

TEST(records_client, the_servers_pause_holds_the_next_question) {
    for (const auto& [header, value] :
         {std::pair{"Retry-After", "9"}, std::pair{"Retry-After", "Fri, 15 Jan 2027 08:00:09 GMT"},
          std::pair{"x-ratelimit-reset", "1800000009"}}) {
        desk d;
        d.http.script = {with_header(error_code(429, "10011"), header, value)};
        EXPECT_NE(desk::complaint([&d] { (void)d.events(); }), "");
        const auto said = desk::complaint([&d] { (void)d.events(); });
        EXPECT_NE(said.find("turn would come in"), std::string::npos) << said;
        EXPECT_EQ(d.http.seen.size(), 1U) << header << " " << value;
        EXPECT_EQ(d.counted("telnyx_records_requests_total what=events outcome=held"), 1);
    }
}

TEST(records_client, i_21_as_many_questions_a_second_as_calls_may_begin_and_not_more) {
    desk d;
    d.settings = desk::defaults();
    d.settings.requests_per_second = 50; // every 20 ms
    d.settings.burst = 1;
    d.http.otherwise = alive(true);
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 11; ++i)
        (void)d.life();
    EXPECT_GE(std::chrono::steady_clock::now() - began, millis{200});
    const adapter::telnyx::records_client_settings usual;
    EXPECT_EQ(usual.requests_per_second, 30U);
}

TEST(records_client, i16_questions_in_flight_and_waiting_are_bounded) {
    desk d;
    d.settings.max_in_flight = 2;
    d.settings.max_waiting = 3;
    d.http.otherwise = answer(200, json{{"data", {{"is_alive", true}}}}.dump(), millis{100});
    int answered = 0;
    int refused = 0;
    for (int i = 0; i < 9; ++i)
        boost::asio::co_spawn(d.io, d.client().life_of("v3:a"), [&](const std::exception_ptr& e, leg_life) {
            ++(e ? refused : answered);
        });
    d.io.run_for(millis{50});
    EXPECT_EQ(d.http.seen.size(), 2U);
    EXPECT_EQ(refused, 4);
    d.io.restart();
    d.io.run();
    EXPECT_EQ(answered, 5);
}

TEST(records_client, a_broken_api_is_left_alone_until_a_probe_succeeds) {
    desk d;
    d.settings.probe_every = millis{30};
    d.http.otherwise = answer(503);
    for (int i = 0; i < 30; ++i)
        EXPECT_NE(desk::complaint([&d] { (void)d.events(); }), "");
    EXPECT_LE(d.http.seen.size(), 12U);
    EXPECT_EQ(d.counted("telnyx_breaker_open class=records"), 1);
    d.http.otherwise = alive(true);
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (desk::complaint([&d] { (void)d.life(); }) != "" && std::chrono::steady_clock::now() < limit) {
    }
    EXPECT_EQ(d.counted("telnyx_breaker_open class=records"), 0);
}

TEST(records_client, settings_come_from_the_configuration) {
    config::telnyx_t c;
    c.base_url = "https://x.example.test/v2";
    c.connection_id = "1";
    c.credential_connection_id = "2";
    c.connect_timeout = millis{7};
    c.attempt_timeout = millis{8};
    const auto s = adapter::telnyx::records_settings_from(c);
    EXPECT_EQ(s.base_url, c.base_url);
    EXPECT_EQ(s.connection_id, "1");
    EXPECT_EQ(s.credential_connection_id, "2");
    EXPECT_EQ(s.connect_timeout, millis{7});
    EXPECT_EQ(s.attempt_timeout, millis{8});
}
