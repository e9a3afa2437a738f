// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/credentials_client.hpp"
#include "fakes.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

using namespace z360;
using namespace z360::test;
using nlohmann::json;
using outcome = port::credential_outcome;

namespace {

constexpr const char* k_password = "a92dbcfb60184a8cb330b0acb2f7617b";
// {"alg":"HS512","typ":"JWT"} . {"exp":1800036000,"tel_token":"secret"} . signature
constexpr const char* k_token = "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9."
                                "eyJleHAiOjE4MDAwMzYwMDAsInRlbF90b2tlbiI6InNlY3JldCJ9.c2lnbmF0dXJl";

json entry(const std::string& id, const std::string& name = "z360-test-one") {
    return json{
        {"id", id},
        {"name", name},
        {"resource_id", "connection:27"},
        {"sip_username", "gencred" + id},
        {"sip_password", k_password},
        {"expired", false},
        {"expires_at", "2042-06-18T21:32:38Z"},
        {"created_at", "2020-06-18T21:32:38Z"},
    };
}
play one(int status, const json& data) {
    return answer(status, json{{"data", data}}.dump());
}
play page(const json& data, int number = 1, int pages = 1) {
    const json meta{{"page_number", number}, {"total_pages", pages}};
    return answer(200, json{{"data", data}, {"meta", meta}}.dump());
}
play expired_status() {
    return answer(422, R"({"errors":{"status":"can't update credentials in expired status"}})");
}

struct desk {
    boost::asio::io_context io{1};
    scripted_http http;
    moving_clock clock;
    counting_metrics metrics;
    adapter::telnyx::credentials_client_settings settings = defaults();
    std::unique_ptr<port::telnyx_credentials> client_;

    static adapter::telnyx::credentials_client_settings defaults() {
        adapter::telnyx::credentials_client_settings s;
        s.base_url = "https://telnyx.example.test/v2/";
        s.api_key = secret{std::string("KEY-for-tests")};
        s.requests_per_second = 10'000; // no waiting unless the test is about it
        s.burst = 1'000;
        return s;
    }
    port::telnyx_credentials& client() {
        if (!client_)
            client_ =
                adapter::telnyx::make_telnyx_credentials(io.get_executor(), settings, http, clock, metrics);
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
    port::credential_request request() const {
        return {"z360-test-one", "z360-test-u7", "27", time_point{std::chrono::seconds{1'802'000'000}}};
    }
    auto create() { return run(client().create(request())); }
    auto get() { return run(client().get("c1")); }
    auto extend() { return run(client().extend("c1", time_point{std::chrono::seconds{1'802'000'000}})); }
    auto remove() { return run(client().remove("c1")); }
    auto find() { return run(client().find("z360-test-one")); }
    auto list(unsigned n = 1) { return run(client().list("27", n)); }
    auto mint() { return run(client().mint("c1")); }
    /// Each request once against the same answer.
    std::map<std::string, outcome> all_against(const play& p) {
        http.otherwise = p;
        return {
            {"create", create().outcome}, {"extend", extend().outcome}, {"remove", remove().outcome},
            {"find", find().outcome},     {"get", get().outcome},       {"list", list().outcome},
            {"mint", mint().outcome},
        };
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

using outcomes = std::map<std::string, outcome>;
outcomes changes_and_reads(outcome changes, outcome reads) {
    return {
        {"create", changes}, {"extend", changes}, {"remove", changes}, {"find", reads},
        {"get", reads},      {"list", reads},     {"mint", reads},
    };
}

} // namespace

TEST(credentials_client, a_create_tells_the_new_credential) {
    desk d;
    d.http.script = {one(201, entry("c1"))};
    const auto r = d.create();
    ASSERT_EQ(r.outcome, outcome::done);
    EXPECT_EQ(r.value->id, "c1");
    EXPECT_EQ(r.value->sip_username, "gencredc1");
    EXPECT_EQ(r.value->sip_password.reveal(), k_password);
    EXPECT_EQ(r.value->connection_id, "27");
    EXPECT_TRUE(r.error.empty());
    const auto& sent = d.http.seen.at(0);
    EXPECT_EQ(sent.method, "POST");
    EXPECT_EQ(sent.url, "https://telnyx.example.test/v2/telephony_credentials");
    EXPECT_EQ(sent.bearer.reveal(), "KEY-for-tests");
    EXPECT_EQ(sent.headers.get("Content-Type"), "application/json");
    EXPECT_EQ(sent.timeout, d.settings.attempt_timeout);
    EXPECT_EQ(json::parse(sent.body)["tag"], "z360-test-u7");
    EXPECT_EQ(d.counted("telnyx_credential_requests_total verb=create outcome=done"), 1);
    EXPECT_EQ(d.counted("telnyx_credential_seconds verb=create"), 1);
}

TEST(credentials_client, ids_and_names_are_encoded) {
    desk d;
    d.http.otherwise = page(json::array());
    (void)d.run(d.client().remove("a/b?c"));
    (void)d.run(d.client().find("a b&c=d"));
    (void)d.list(4);
    EXPECT_EQ(d.http.seen[0].url, "https://telnyx.example.test/v2/telephony_credentials/a%2Fb%3Fc");
    EXPECT_EQ(d.http.seen[0].method, "DELETE");
    EXPECT_TRUE(d.http.seen[1].url.find("filter%5Bname%5D=a%20b%26c%3Dd&") != std::string::npos);
    EXPECT_TRUE(d.http.seen[2].url.find("filter%5Bresource_id%5D=connection%3A27") != std::string::npos);
    EXPECT_TRUE(d.http.seen[2].url.find("page%5Bnumber%5D=4&page%5Bsize%5D=250") != std::string::npos);
}

TEST(credentials_client, cred_03_after_no_answer_or_5xx_a_change_may_have_happened) {
    const auto expected = changes_and_reads(outcome::unknown, outcome::unavailable);
    for (const auto& p : {no_answer(), answer(500), answer(503, ""), answer(408), answer(409)}) {
        desk d;
        EXPECT_EQ(d.all_against(p), expected) << p.reply.status;
    }
}

TEST(credentials_client, what_never_left_or_came_too_often_did_not_happen) {
    const auto expected = changes_and_reads(outcome::unavailable, outcome::unavailable);
    for (const auto& p : {unreachable(), error_code(429, "10011")}) {
        desk d;
        EXPECT_EQ(d.all_against(p), expected) << p.reply.status;
    }
}

TEST(credentials_client, refusals_are_final) {
    for (const int status : {400, 401, 403, 405, 422}) {
        desk d;
        EXPECT_EQ(
            d.all_against(error_code(status, "10015")), changes_and_reads(outcome::refused, outcome::refused)
        ) << status;
    }
}

TEST(credentials_client, a_missing_one_is_gone_but_a_missing_address_is_not) {
    for (const auto& p : {error_code(404, "10005"), answer(404, "")}) {
        desk d;
        EXPECT_EQ(
            d.all_against(p), (outcomes{
                                  {"create", outcome::refused},
                                  {"find", outcome::refused},
                                  {"list", outcome::refused},
                                  {"get", outcome::gone},
                                  {"extend", outcome::gone},
                                  {"remove", outcome::gone},
                                  {"mint", outcome::gone}
                              })
        );
    }
}

TEST(credentials_client, be_06_an_expired_credential_is_told_apart) {
    desk d;
    d.http.otherwise = expired_status();
    EXPECT_EQ(d.extend().outcome, outcome::expired);
    EXPECT_EQ(d.mint().outcome, outcome::expired);
    EXPECT_EQ(d.create().outcome, outcome::refused);
    d.http.otherwise = answer(422, R"({"errors":[{"code":"10015","detail":"The credential is expired."}]})");
    EXPECT_EQ(d.mint().outcome, outcome::expired);
    EXPECT_EQ(d.mint().error, "10015");
}

TEST(credentials_client, a_rejected_key_raises_the_alarm) {
    desk d;
    d.http.script = {error_code(401, "10009"), one(201, entry("c1"))};
    EXPECT_EQ(d.create().outcome, outcome::refused);
    EXPECT_EQ(d.counted("telnyx_key_rejected_total verb=credential_create"), 1);
    EXPECT_EQ(d.counted("telnyx_key_rejected client=credentials"), 1);
    EXPECT_EQ(d.create().outcome, outcome::done);
    EXPECT_EQ(d.counted("telnyx_key_rejected client=credentials"), 0);
    desk other;
    other.http.script = {error_code(403, "10010")};
    EXPECT_EQ(other.create().outcome, outcome::refused);
    EXPECT_EQ(other.counted("telnyx_key_rejected_total verb=credential_create"), 0) << "one request's matter";
}

TEST(credentials_client, success_without_substance_is_not_believed) {
    auto nameless = entry("c1");
    nameless.erase("sip_username");
    auto open = entry("c1");
    open.erase("sip_password");
    for (const auto& p :
         {answer(201, ""), answer(201, "<html>"), one(201, json::object()), one(201, nameless), one(201, open)
         }) {
        desk d;
        d.http.script = {p};
        const auto r = d.create();
        EXPECT_EQ(r.outcome, outcome::unknown) << "it may exist: to be looked up by its name";
        EXPECT_FALSE(r.value);
    }
    desk d;
    d.http.otherwise = answer(200, "{}");
    EXPECT_EQ(d.get().outcome, outcome::unavailable);
    EXPECT_EQ(d.find().outcome, outcome::unavailable) << "not: there is none";
    EXPECT_EQ(d.list().outcome, outcome::unavailable);
    EXPECT_EQ(d.mint().outcome, outcome::unavailable);
    EXPECT_EQ(d.remove().outcome, outcome::done);
    EXPECT_EQ(d.extend().outcome, outcome::done);
}

TEST(credentials_client, cred_03_find_knows_exact_names_only_the_oldest_first) {
    desk d;
    auto young = entry("young");
    young["created_at"] = "2021-01-01T00:00:00Z";
    auto undated = entry("undated");
    undated.erase("created_at");
    d.http.script = {page(json::array(
        {undated, young, entry("similar", "z360-test-one-more"), entry("old"), entry("x", "Z360-TEST-ONE")}
    ))};
    const auto r = d.find();
    ASSERT_EQ(r.outcome, outcome::done);
    ASSERT_EQ(r.value->size(), 3U);
    EXPECT_EQ((*r.value)[0].id, "old");
    EXPECT_EQ((*r.value)[1].id, "young");
    EXPECT_EQ((*r.value)[2].id, "undated");
    d.http.script = {page(json::array({entry("similar", "z360-test-one-more")}))};
    EXPECT_EQ(d.find().outcome, outcome::gone);
    d.http.script = {page(json::array())};
    EXPECT_EQ(d.find().outcome, outcome::gone);
}

TEST(credentials_client, find_looks_at_every_page_before_it_says_there_is_none) {
    desk d;
    d.http.script = {page(json::array({entry("a", "other")}), 1, 2), page(json::array({entry("b")}), 2, 2)};
    const auto r = d.find();
    ASSERT_EQ(r.outcome, outcome::done);
    EXPECT_EQ(r.value->at(0).id, "b");
    EXPECT_TRUE(d.http.seen[1].url.find("page%5Bnumber%5D=2") != std::string::npos);
    d.http.script = {page(json::array(), 1, 2), answer(503)};
    EXPECT_EQ(d.find().outcome, outcome::unavailable) << "half a look is none";
    d.http.otherwise = page(json::array(), 1, 1'000'000);
    EXPECT_EQ(d.find().outcome, outcome::unavailable);
}

TEST(credentials_client, lists_come_page_by_page) {
    desk d;
    d.http.script = {
        page(json::array({entry("a"), entry("b")}), 1, 2), page(json::array({entry("c")}), 2, 2)
    };
    const auto first = d.list(1);
    ASSERT_EQ(first.outcome, outcome::done);
    EXPECT_EQ(first.value->items.size(), 2U);
    EXPECT_TRUE(first.value->more);
    EXPECT_FALSE(d.list(2).value->more);
}

TEST(credentials_client, cred_02_tokens_come_bare_or_in_quotes_with_their_end) {
    for (const auto& body : {std::string(k_token), "\"" + std::string(k_token) + "\"\n"}) {
        desk d;
        d.http.script = {answer(201, body)};
        const auto r = d.mint();
        ASSERT_EQ(r.outcome, outcome::done);
        EXPECT_EQ(r.value->jwt.reveal(), k_token);
        EXPECT_EQ(r.value->expires_at, time_point{std::chrono::seconds{1'800'036'000}});
        EXPECT_TRUE(d.http.seen[0].body.empty());
        EXPECT_EQ(d.http.seen[0].method, "POST");
    }
    desk d;
    d.http.script = {answer(201, "ab.e30.cd"), answer(201, "undefined")};
    const auto endless = d.mint();
    ASSERT_EQ(endless.outcome, outcome::done);
    EXPECT_FALSE(endless.value->expires_at);
    EXPECT_EQ(d.mint().outcome, outcome::unavailable) << "nothing token-shaped is never a token";
}

TEST(credentials_client, the_pause_that_telnyx_asks_for_is_told_and_kept) {
    desk d;
    d.http.script = {with_header(error_code(429, "10011"), "retry-after", "30")};
    const auto r = d.create();
    EXPECT_EQ(r.outcome, outcome::unavailable);
    EXPECT_EQ(r.retry_after, millis{30'000});
    const auto next = d.create();
    EXPECT_EQ(next.outcome, outcome::unavailable);
    EXPECT_EQ(next.error, "pace");
    EXPECT_GT(next.retry_after, millis{20'000});
    EXPECT_EQ(d.http.seen.size(), 1U) << "nothing is sent meanwhile";
    desk other;
    other.http.script = {with_header(error_code(429, "10011"), "x-ratelimit-reset", "2")};
    EXPECT_EQ(other.get().retry_after, millis{2'000});
}

TEST(credentials_client, be_42_requests_keep_the_pace_and_wait_no_longer_than_an_attempt) {
    desk d;
    d.settings.requests_per_second = 5;
    d.settings.burst = 2;
    d.settings.attempt_timeout = millis{300};
    d.http.otherwise = one(200, entry("c1"));
    std::vector<std::optional<port::credential_reply<port::carrier_credential>>> out(8);
    const auto began = std::chrono::steady_clock::now();
    for (auto& slot : out)
        boost::asio::co_spawn(d.io, desk::keep(d.client().get("c1"), &slot), stage::rethrow);
    d.io.run();
    const auto took = std::chrono::steady_clock::now() - began;
    const auto done =
        std::count_if(out.begin(), out.end(), [](const auto& r) { return r->outcome == outcome::done; });
    EXPECT_EQ(done, 3) << "two at once, one after 200 ms; the next turn comes too late";
    EXPECT_EQ(d.http.seen.size(), 3U);
    EXPECT_GE(took, std::chrono::milliseconds{195});
    EXPECT_EQ(out.back()->outcome, outcome::unavailable);
    EXPECT_EQ(out.back()->error, "pace");
    EXPECT_TRUE(out.back()->retry_after);
}

TEST(credentials_client, a_broken_carrier_is_left_alone_and_probed) {
    desk d;
    d.settings.probe_every = millis{40};
    d.http.otherwise = no_answer();
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(d.create().outcome, outcome::unknown);
    EXPECT_EQ(d.counted("telnyx_breaker_open class=credential"), 1);
    const auto held = d.create();
    EXPECT_EQ(held.outcome, outcome::unavailable) << "not sent, so nothing can have been made";
    EXPECT_EQ(held.error, "breaker_open");
    ASSERT_TRUE(held.retry_after);
    EXPECT_EQ(d.http.seen.size(), 10U);
    EXPECT_EQ(d.counted("telnyx_credential_requests_total verb=create outcome=unavailable"), 1);
    d.http.otherwise = one(201, entry("c1"));
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    auto r = d.create();
    while (r.outcome != outcome::done && std::chrono::steady_clock::now() < give_up)
        r = d.create();
    EXPECT_EQ(r.outcome, outcome::done);
    EXPECT_EQ(d.counted("telnyx_breaker_open class=credential"), 0);
}

TEST(credentials_client, refusals_and_rate_limits_do_not_open_the_breaker) {
    desk d;
    d.http.otherwise = error_code(422, "10015");
    for (int i = 0; i < 20; ++i)
        (void)d.create();
    d.http.otherwise = error_code(429, "10011");
    for (int i = 0; i < 20; ++i)
        (void)d.create();
    EXPECT_EQ(d.http.seen.size(), 40U);
    EXPECT_EQ(d.counted("telnyx_breaker_open class=credential"), 0);
}

TEST(credentials_client, cancelling_ends_a_request_and_gives_the_probe_back) {
    desk d;
    d.settings.probe_every = millis{1};
    d.http.otherwise = no_answer();
    for (int i = 0; i < 10; ++i)
        (void)d.get();
    d.http.otherwise = silence();
    std::optional<port::credential_reply<port::carrier_credential>> out;
    rt::task_group group(d.io.get_executor());
    const auto sent = d.http.seen.size();
    while (d.http.seen.size() == sent) { // until the breaker lets a probe through
        group.spawn(desk::keep(d.client().get("c1"), &out));
        d.io.restart();
        d.io.poll();
    }
    out.reset();
    boost::asio::co_spawn(d.io, group.join(), stage::rethrow);
    d.io.restart();
    d.io.run();
    EXPECT_EQ(d.http.aborted, 1);
    EXPECT_FALSE(out) << "no outcome was made up";
    d.http.otherwise = one(200, entry("c1"));
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    auto next = d.get();
    while (next.outcome != outcome::done && std::chrono::steady_clock::now() < give_up)
        next = d.get();
    EXPECT_EQ(next.outcome, outcome::done) << "the next one may probe";
}

TEST(credentials_client, sec_03_no_password_or_token_in_logs_errors_or_metrics) {
    desk d;
    log::settings all;
    all.threshold = log::level::debug;
    log::configure(all);
    testing::internal::CaptureStderr();
    std::string told;
    const auto hear = [&told](const auto& r) { told += r.error + "\n"; };
    const std::string leaky = R"({"errors":[{"code":"10015","title":"Refused","detail":")" +
                              std::string(k_password) + " " + k_token + R"("}],"data":)" +
                              entry("c1").dump() + "}";
    for (const auto& p :
         {one(201, entry("c1")), page(json::array({entry("c1")})), answer(201, k_token), answer(401, leaky),
          answer(422, leaky), answer(404, leaky), answer(503, leaky), answer(201, "{" + leaky),
          expired_status(), no_answer()}) {
        d.http.otherwise = p;
        hear(d.create());
        hear(d.find());
        hear(d.get());
        hear(d.list());
        hear(d.extend());
        hear(d.remove());
        hear(d.mint());
    }
    auto text = told + testing::internal::GetCapturedStderr();
    log::configure({});
    EXPECT_NE(text.find("telnyx_key_rejected"), std::string::npos) << "the capture works";
    EXPECT_NE(told.find("10015: Refused"), std::string::npos);
    for (const auto& [key, value] : d.metrics.values)
        text += key + "\n";
    for (const auto& sent : d.http.seen) {
        text += sent.url + sent.body;
        for (const auto& [header, value] : sent.headers.items())
            text += header + value;
    }
    for (const char* hidden : {k_password, k_token, "c2lnbmF0dXJl", "KEY-for-tests"})
        EXPECT_EQ(text.find(hidden), std::string::npos) << hidden;
}

TEST(credentials_client, settings_come_from_the_configuration) {
    config::telnyx_t c;
    c.base_url = "http://127.0.0.1:4510";
    c.api_key = secret{std::string("k")};
    c.connect_timeout = millis{7};
    c.attempt_timeout = millis{8};
    config::credentials_t pace;
    pace.requests_per_second = 3;
    const auto s = adapter::telnyx::credentials_settings_from(c, pace);
    EXPECT_EQ(s.base_url, c.base_url);
    EXPECT_EQ(s.api_key.reveal(), "k");
    EXPECT_EQ(s.connect_timeout, millis{7});
    EXPECT_EQ(s.attempt_timeout, millis{8});
    EXPECT_EQ(s.requests_per_second, 3U);
    EXPECT_EQ(s.burst, 3U);
}
