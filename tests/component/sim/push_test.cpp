// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Over TLS and HTTP/2, with the project's own client: what the push services answer, and each way in which an
// answer fails to come.
#include "push_bed.hpp"

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;

namespace {

rt::awaitable<void> take_a_call(push_bed& bed) {
    auto& pool = bed.apns();
    const auto got = co_await pool.perform(bed.voip());
    EXPECT_EQ(got.status, 200) << got.body << h2::name(got.why);
    EXPECT_EQ(got.headers.get("apns-id"), "4d3b7f44-8608-4373-a988-b1767b6d8a37");
    auto wrong = bed.voip();
    wrong.path = "/3/device/abcd";
    const auto refused = co_await pool.perform(std::move(wrong));
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(refused.body, R"({"reason":"BadDeviceToken"})");
    auto& sandbox = bed.apns(apns_environment::sandbox);
    const auto other = co_await sandbox.perform(bed.voip());
    EXPECT_EQ(other.status, 400) << "of the other environment";
}

rt::awaitable<void> one(h2::pool& pool, h2::request r, std::vector<h2::result>& into) {
    auto got = co_await pool.perform(std::move(r));
    into.push_back(std::move(got));
}

rt::awaitable<void> many_at_once(push_bed& bed) {
    auto& pool = bed.apns(apns_environment::production, true);
    auto ex = co_await rt::asio::this_coro::executor;
    rt::task_group tasks(ex);
    std::vector<h2::result> got;
    for (int i = 0; i < 200; ++i)
        tasks.spawn(one(pool, bed.voip(), got));
    const bool all = co_await tasks.drain(20s);
    co_await tasks.join();
    EXPECT_TRUE(all);
    EXPECT_EQ(got.size(), 200U);
    for (const auto& r : got)
        EXPECT_EQ(r.status, 200) << r.body << h2::name(r.why);
}

rt::awaitable<void> send_by_fcm(push_bed& bed) {
    auto& pool = bed.fcm();
    const auto token = co_await bed.access_token(pool);
    auto got = co_await pool.perform(push_bed::message(token));
    EXPECT_EQ(got.status, 200) << got.body;
    EXPECT_TRUE(got.body.find("projects/z360-example/messages/0:") != std::string::npos) << got.body;
    got = co_await pool.perform(push_bed::message("ya29.other"));
    EXPECT_EQ(got.status, 401) << got.body;
    auto about_another = push_bed::message(token, {{"token", "never-seen"}});
    got = co_await pool.perform(std::move(about_another));
    EXPECT_EQ(got.status, 400);
    EXPECT_TRUE(got.body.find("message.token") != std::string::npos) << got.body;
}

rt::awaitable<void> send_by_http1(push_bed& bed) {
    http::client_request grant;
    grant.method = "POST";
    grant.url = bed.fcm_root() + "/token";
    grant.headers.add("Content-Type", "application/x-www-form-urlencoded");
    grant.body = bed.grant_form();
    auto got = co_await bed.http1().perform(std::move(grant));
    EXPECT_EQ(got.status, 200) << got.body << got.error;
    const auto token = json::parse(got.body).at("access_token").get<std::string>();
    for (int i = 0; i < 3; ++i) {
        auto message = push_bed::message(token);
        http::client_request send;
        send.method = "POST";
        send.url = bed.fcm_root() + message.path;
        send.headers.add("Content-Type", "application/json");
        send.bearer = std::move(message.bearer);
        send.body = std::move(message.body);
        got = co_await bed.http1().perform(std::move(send));
        EXPECT_EQ(got.status, 200) << got.body << got.error;
    }
}

rt::awaitable<h2::result> under_fault(push_bed& bed, json fault, millis timeout) {
    bed.no_faults();
    bed.fault(fault);
    auto& pool = bed.apns();
    auto r = bed.voip();
    r.timeout = timeout;
    auto got = co_await pool.perform(std::move(r));
    co_return got;
}

rt::awaitable<void> answers_by_script(push_bed& bed) {
    json fault{{"provider", "apns"}, {"status", 503}, {"reason", "Shutdown"}, {"retry_after_s", 3}};
    auto got = co_await under_fault(bed, std::move(fault), 10s);
    EXPECT_EQ(got.status, 503);
    EXPECT_EQ(got.body, R"({"reason":"Shutdown"})");
    EXPECT_EQ(got.headers.get("retry-after"), "3");
    fault = {{"delay_ms", 150}};
    const auto before = std::chrono::steady_clock::now();
    got = co_await under_fault(bed, std::move(fault), 10s);
    EXPECT_EQ(got.status, 200);
    EXPECT_GE(std::chrono::steady_clock::now() - before, 150ms);
}

rt::awaitable<void> no_answer(push_bed& bed) {
    json fault{{"instead", "stall"}, {"processed", true}};
    auto got = co_await under_fault(bed, std::move(fault), 200ms);
    EXPECT_EQ(got.what, h2::outcome::unknown);
    EXPECT_EQ(got.why, h2::cause::timeout);
    EXPECT_TRUE(bed.records().back().delivered);
    fault = {{"instead", "drop"}};
    got = co_await under_fault(bed, std::move(fault), 10s);
    EXPECT_EQ(got.what, h2::outcome::unknown);
    EXPECT_EQ(got.why, h2::cause::lost);
    EXPECT_FALSE(bed.records().back().delivered);
    fault = {{"instead", "reset"}, {"processed", true}};
    got = co_await under_fault(bed, std::move(fault), 10s);
    EXPECT_EQ(got.what, h2::outcome::unknown);
    EXPECT_EQ(got.why, h2::cause::reset);
    EXPECT_TRUE(bed.records().back().delivered);
}

rt::awaitable<void> sent_again(push_bed& bed, json fault) {
    const auto before = bed.records().size();
    const auto got = co_await under_fault(bed, std::move(fault), 10s);
    EXPECT_EQ(got.status, 200) << "certainly not processed, so it is sent again: " << h2::name(got.why);
    const auto seen = bed.records();
    EXPECT_EQ(seen.size(), before + 2);
    if (seen.size() == before + 2) {
        EXPECT_FALSE(seen[before].delivered);
        EXPECT_TRUE(seen[before + 1].delivered);
    }
}

rt::awaitable<void> refused_and_gone(push_bed& bed) {
    json refused{{"instead", "reset"}, {"h2_error", "REFUSED_STREAM"}, {"times", 1}};
    co_await sent_again(bed, std::move(refused));
    json gone{{"instead", "goaway"}, {"reason", "Shutdown"}, {"times", 1}};
    co_await sent_again(bed, std::move(gone));
    EXPECT_EQ(bed.goaways.size(), 1U);
    if (!bed.goaways.empty()) EXPECT_EQ(bed.goaways.front().debug, R"({"reason":"Shutdown"})");
    json after{{"instead", "goaway"}, {"processed", true}, {"times", 1}};
    const auto got = co_await under_fault(bed, std::move(after), 10s);
    EXPECT_EQ(got.status, 200) << "answered first";
}

rt::awaitable<void> one_stalled(push_bed& bed) {
    auto& pool = bed.apns();
    auto r = bed.voip();
    r.timeout = 100ms;
    const auto got = co_await pool.perform(std::move(r));
    EXPECT_EQ(got.why, h2::cause::timeout);
}

rt::awaitable<void> too_much(push_bed& bed) {
    auto& pool = bed.apns();
    auto r = bed.voip();
    r.body = std::string(6000, 'x');
    auto got = co_await pool.perform(std::move(r));
    EXPECT_EQ(got.status, 413);
    r = bed.voip();
    r.body = std::string(80'000, 'x');
    got = co_await pool.perform(std::move(r));
    EXPECT_EQ(got.why, h2::cause::reset) << "beyond what it keeps";
    r = bed.voip();
    r.fields.push_back({"x-much", std::string(9000, 'x'), false});
    got = co_await pool.perform(std::move(r));
    EXPECT_EQ(got.why, h2::cause::headers_too_large);
}

} // namespace

TEST(sim_push, answers_over_tls_and_http2) {
    push_bed bed;
    bed.play(take_a_call(bed));
    const auto seen = bed.records();
    ASSERT_EQ(seen.size(), 3U);
    EXPECT_TRUE(seen[0].delivered);
    EXPECT_EQ(seen[0].connection, seen[1].connection);
    EXPECT_EQ(seen[2].environment, "sandbox");
}
TEST(sim_push, one_stream_until_it_trusts_a_connection_then_many) {
    push_bed bed;
    bed.fault({{"times", 1}, {"delay_ms", 100}});
    bed.play(many_at_once(bed));
    const auto seen = bed.records();
    ASSERT_EQ(seen.size(), 200U);
    EXPECT_GE(seen[1].at - seen[0].at, 100ms) << "the second came before the first was answered";
    EXPECT_LT(seen[199].at - seen[1].at, 15s);
}
TEST(sim_push, google_gives_a_token_and_takes_messages_by_http2) {
    push_bed bed;
    bed.play(send_by_fcm(bed));
}
TEST(sim_push, google_takes_http1_too) {
    push_bed clear(true);
    clear.play(send_by_http1(clear));
    push_bed tls;
    tls.play(send_by_http1(tls));
}
TEST(sim_push, speaks_http2_in_clear_text_where_told_so) {
    push_bed bed(true);
    bed.play(take_a_call(bed));
}
TEST(sim_push, faults_change_the_answer) {
    push_bed bed;
    bed.play(answers_by_script(bed));
}
TEST(sim_push, faults_take_the_answer_away) {
    push_bed bed;
    bed.play(no_answer(bed));
}
TEST(sim_push, what_was_not_processed_is_said_to_be_so) {
    push_bed bed;
    bed.play(refused_and_gone(bed));
}
TEST(sim_push, requests_have_limits) {
    push_bed bed;
    bed.play(too_much(bed));
}
TEST(sim_push, is_stopped_with_a_stream_that_waits) {
    push_bed bed;
    bed.fault({{"instead", "stall"}});
    bed.play(one_stalled(bed));
    bed.sim().stop();
    EXPECT_FALSE(bed.records().empty());
}
