// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The tokens by which providers know us, and the keys that make them.
#include "component/push/bed.hpp"

#include <set>

using namespace z360;
using namespace z360::test;

namespace {

bool all_done(const std::vector<started_ptr>& all) {
    return std::all_of(all.begin(), all.end(), [](const auto& s) { return s->done; });
}
bool all_accepted(const std::vector<started_ptr>& all) {
    return std::all_of(all.begin(), all.end(), [](const auto& s) { return s->out.result == outcome::done; });
}
std::vector<started_ptr> hundred(bed& b, std::int64_t device) {
    std::vector<started_ptr> out;
    for (int i = 0; i < 100; ++i)
        out.push_back(b.start(b.effect(device)));
    return out;
}
std::set<std::string> tokens_seen(const h2_server& at) {
    std::set<std::string> out;
    for (const auto& r : at.seen)
        out.insert(r.get("authorization"));
    return out;
}
double tokens(const bed& b, std::string_view of, std::string_view how = "done") {
    return b.metrics.counted("push_provider_tokens_total", {{"provider", of}, {"outcome", how}});
}

awaitable<void> one_mint(bed& b) {
    const auto all = hundred(b, 1);
    WAIT_UNTIL(all_done(all));
    EXPECT_TRUE(all_accepted(all));
    EXPECT_EQ(tokens_seen(b.apns).size(), 1U);
    EXPECT_EQ(tokens(b, "apns"), 1);
    b.clock.by += 49min;
    auto s = b.start(b.effect(1));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(tokens(b, "apns"), 1);
    b.clock.by += 2min;
    s = b.start(b.effect(1));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(tokens(b, "apns"), 2);
    EXPECT_EQ(b.apns.accepted, 1U) << "the connection stays";
}

awaitable<void> first_alone(bed& b) {
    std::vector<std::pair<h2_peer*, h2_seen>> waiting;
    b.apns.on_request = [&waiting](h2_peer& p, const h2_seen& r) { waiting.emplace_back(&p, r); };
    const auto all = hundred(b, 1);
    WAIT_UNTIL(!waiting.empty() && b.addresses.asked == 100);
    co_await rt::sleep_for(20ms); // tidy: allow, nothing more may come meanwhile
    EXPECT_EQ(b.apns.most_open, 1U);
    b.apns.on_request = [](h2_peer& p, const h2_seen& r) { bed::accept(p, r); };
    for (auto& [p, r] : waiting)
        bed::accept(*p, r);
    WAIT_UNTIL(all_done(all));
    EXPECT_TRUE(all_accepted(all));
}

awaitable<void> expired_token(bed& b) {
    std::string bad;
    b.apns.on_request = [&bad](h2_peer& p, const h2_seen& r) {
        if (r.get("authorization") == bad)
            bed::refuse(p, r, 403, "ExpiredProviderToken");
        else
            bed::accept(p, r);
    };
    auto s = b.start(b.effect(1));
    WAIT_UNTIL(s->done);
    bad = b.apns.seen.at(0).get("authorization");
    b.clock.by += 30min;
    const auto all = hundred(b, 1);
    WAIT_UNTIL(all_done(all));
    EXPECT_TRUE(all_accepted(all));
    EXPECT_EQ(tokens(b, "apns"), 2) << "one new one for all";
    EXPECT_TRUE(b.ledger.dead.empty());
}

awaitable<void> young_token_refused(bed& b) {
    b.apns.on_request = [](h2_peer& p, const h2_seen& r) {
        if (p.index == 0)
            bed::refuse(p, r, 403, "ExpiredProviderToken");
        else
            bed::accept(p, r);
    };
    const auto s = b.start(b.effect(1));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::done);
    EXPECT_EQ(tokens(b, "apns"), 1) << "a second one of the same minutes would be no better";
    EXPECT_EQ(b.apns.accepted, 2U);
}

awaitable<void> one_fetch(bed& b) {
    b.google_tokens.delay = 30ms;
    const auto all = hundred(b, 2);
    WAIT_UNTIL(all_done(all));
    EXPECT_TRUE(all_accepted(all));
    EXPECT_EQ(b.google_tokens.asked, 1);
    EXPECT_TRUE(b.google_tokens.forms.at(0).starts_with("grant_type=urn"));
}

awaitable<void> old_one_meanwhile(bed& b) {
    auto s = b.start(b.effect(2));
    WAIT_UNTIL(s->done);
    b.clock.by += 56min;
    b.google_tokens.status = 503;
    s = b.start(b.effect(2));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::done);
    EXPECT_EQ(b.fcm.seen.at(1).get("authorization"), "bearer ya29.number-1");
    WAIT_UNTIL(tokens(b, "fcm", "failed") == 1);
    b.google_tokens.status = 200;
    b.clock.by += 1min;
    s = b.start(b.effect(2));
    WAIT_UNTIL(s->done && tokens(b, "fcm") == 2);
    s = b.start(b.effect(2));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(b.fcm.seen.back().get("authorization"), "bearer ya29.number-2");
}

awaitable<void> refused_by_google(bed& b) {
    b.fcm.on_request = [](h2_peer& p, const h2_seen& r) {
        if (r.get("authorization") == "bearer ya29.number-1")
            p.respond(r.stream, 401, R"({"error":{"code":401,"status":"UNAUTHENTICATED"}})");
        else
            p.respond(r.stream, 200, R"({"name":"projects/our-project/messages/0:1"})");
    };
    const auto s = b.start(b.effect(2));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::done);
    EXPECT_EQ(b.google_tokens.asked, 2);
}

awaitable<void> no_access(bed& b) {
    b.google_tokens.status = 400;
    const auto s = b.start(b.effect(2, kind::incoming_call, 3s));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::expired);
    EXPECT_EQ(s->out.code, "no_provider_token");
    EXPECT_FALSE(s->out.sent);
    EXPECT_TRUE(b.fcm.seen.empty());
    EXPECT_GE(b.metrics.counted("push_config_faults_total", {{"provider", "fcm"}}), 1);
}

awaitable<void> key_replaced(bed& b) {
    auto s = b.start(b.effect(1));
    WAIT_UNTIL(s->done);
    const auto old = b.apns.seen.at(0).get("authorization");
    write_key(b.folder.file("key.p8"), "no key at all");
    WAIT_UNTIL(b.metrics.gauge_value("push_key_broken", {{"provider", "apns"}}) == 1);
    s = b.start(b.effect(1));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(b.apns.seen.at(1).get("authorization"), old) << "the old key goes on";
    const auto fresh = z360::testing::made_key::ec();
    write_key(b.folder.file("key.p8"), fresh.pem());
    WAIT_UNTIL(b.metrics.counted("push_key_reloads_total", {{"provider", "apns"}}) == 1);
    EXPECT_EQ(b.metrics.gauge_value("push_key_broken", {{"provider", "apns"}}), 0);
    s = b.start(b.effect(1));
    WAIT_UNTIL(s->done);
    EXPECT_NE(b.apns.seen.at(2).get("authorization"), old);
    EXPECT_EQ(b.apns.accepted, 2U) << "a connection that knows the old key takes no other one";
}

awaitable<void> account_replaced(bed& b) {
    auto s = b.start(b.effect(2));
    WAIT_UNTIL(s->done);
    write_key(b.folder.file("account.json"), account("other-project"));
    WAIT_UNTIL(b.metrics.counted("push_key_reloads_total", {{"provider", "fcm"}}) == 1);
    s = b.start(b.effect(2));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(b.fcm.seen.at(1).path, "/v1/projects/other-project/messages:send");
    EXPECT_EQ(b.fcm.seen.at(1).get("authorization"), "bearer ya29.number-2");
}

} // namespace

TEST(push_tokens, a_hundred_pushes_at_once_make_one_provider_token_which_lives_fifty_minutes) {
    bed().run(one_mint);
}
TEST(push_tokens, apns_gets_one_push_alone_until_it_has_seen_the_token) {
    bed().run(first_alone);
}
TEST(push_tokens, an_expired_provider_token_is_replaced_once_for_all) {
    bed().run(expired_token);
}
TEST(push_tokens, a_young_provider_token_that_is_refused_needs_another_connection) {
    bed().run(young_token_refused);
}
TEST(push_tokens, a_hundred_pushes_at_once_fetch_one_access_token) {
    bed().run(one_fetch);
}
TEST(push_tokens, the_old_access_token_is_used_while_a_new_one_cannot_be_had) {
    bed().run(old_one_meanwhile);
}
TEST(push_tokens, an_access_token_that_fcm_refuses_is_fetched_anew_once) {
    bed().run(refused_by_google);
}
TEST(push_tokens, without_an_access_token_nothing_is_sent_and_people_are_told) {
    bed().run(no_access);
}
TEST(push_tokens, a_new_apns_key_is_taken_while_running_and_a_broken_one_is_not) {
    bed().run(key_replaced);
}
TEST(push_tokens, a_new_service_account_is_taken_while_running) {
    bed().run(account_replaced);
}

TEST(push_tokens, keys_that_cannot_be_read_refuse_the_start_with_a_line_each) {
    bed b;
    std::filesystem::remove(b.folder.file("key.p8"));
    write_key(b.folder.file("account.json"), "{}");
    const auto problems = sut::key_problems(b.settings);
    ASSERT_EQ(problems.size(), 2U);
    EXPECT_TRUE(problems[0].starts_with("push.apns_key_file: ")) << problems[0];
    EXPECT_TRUE(problems[1].starts_with("push.fcm_service_account_file: ")) << problems[1];
    EXPECT_THROW(
        (void)sut::make_push_runner(
            b.io.get_executor(), b.settings,
            sut::ports{b.addresses, b.ledger, b.google_tokens, b.clock, b.metrics, {}, {}}
        ),
        std::runtime_error
    );
}
