// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Providers, or the store, that do not work; and what must not be seen anywhere.
#include "component/push/bed.hpp"

#include <z360/log.hpp>

using namespace z360;
using namespace z360::test;

namespace {

bool all_done(const std::vector<started_ptr>& all) {
    return std::all_of(all.begin(), all.end(), [](const auto& s) { return s->done; });
}
double shed(const bed& b, std::string_view why) {
    return b.metrics.counted("push_shed_total", {{"provider", "apns"}, {"why", why}});
}
void down(h2_peer& p, const h2_seen& r) {
    bed::refuse(p, r, 500, "InternalServerError");
}

awaitable<void> breaker(bed& b) {
    b.apns.on_request = down;
    std::vector<started_ptr> all;
    for (int i = 0; i < 60; ++i)
        all.push_back(b.start(b.effect(1)));
    WAIT_UNTIL(all_done(all));
    EXPECT_EQ(b.metrics.gauge_value("push_breaker_open", {{"provider", "apns"}}), 1);
    for (const auto& s : all)
        EXPECT_EQ(s->out.result, outcome::expired);
    EXPECT_GE(shed(b, "down"), 1);
    EXPECT_LT(b.apns.seen.size(), 100U) << "no storm of retries";
    EXPECT_EQ(b.metrics.gauge_value("push_breaker_open", {{"provider", "fcm"}}), 0);
    const auto other = b.start(b.effect(2));
    WAIT_UNTIL(other->done);
    EXPECT_EQ(other->out.result, outcome::done) << "a failing APNs does not touch FCM";

    b.apns.on_request = [](h2_peer& p, const h2_seen& r) { bed::accept(p, r); };
    const auto before = b.apns.seen.size();
    std::vector<started_ptr> flood;
    for (int i = 0; i < 20; ++i)
        flood.push_back(b.start(b.effect(1)));
    WAIT_UNTIL(all_done(flood));
    EXPECT_LE(b.apns.seen.size() - before, 3U) << "probes";
    for (int i = 0; i < 400 && b.metrics.gauge_value("push_breaker_open", {{"provider", "apns"}}) == 1; ++i) {
        const auto probe = b.start(b.effect(1));
        WAIT_UNTIL(probe->done);
        co_await rt::sleep_for(10ms);
    }
    EXPECT_EQ(b.metrics.gauge_value("push_breaker_open", {{"provider", "apns"}}), 0);
}

// Enough that is well keeps the breaker closed, and then the budget bounds the retries.
awaitable<void> budget(bed& b) {
    int n = 0;
    b.apns.on_request = [&n](h2_peer& p, const h2_seen& r) {
        if (++n % 5 < 3)
            bed::accept(p, r);
        else
            down(p, r);
    };
    std::vector<started_ptr> all;
    for (int i = 0; i < 300; ++i)
        all.push_back(b.start(b.effect(1)));
    WAIT_UNTIL(all_done(all));
    EXPECT_EQ(b.metrics.gauge_value("push_breaker_open", {{"provider", "apns"}}), 0);
    EXPECT_GE(shed(b, "budget"), 1);
    EXPECT_LE(b.apns.seen.size(), 300U + 30U) << "a tenth of the first attempts";
}

awaitable<void> nobody_listens(bed& b) {
    b.apns.refuse();
    const auto s = b.start(b.effect(1, kind::incoming_call, 2s));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::expired);
    EXPECT_FALSE(s->out.sent);
    EXPECT_TRUE(b.ledger.dead.empty());
}

awaitable<void> store_away(bed& b) {
    b.addresses.away = 2;
    const auto s = b.start(b.effect(1));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::done);
    EXPECT_EQ(b.addresses.asked, 3);
    b.addresses.away = 1'000;
    const auto in_vain = b.start(b.effect(1, kind::incoming_call, 1s));
    WAIT_UNTIL(in_vain->done);
    EXPECT_EQ(in_vain->out.result, outcome::expired);
    EXPECT_EQ(in_vain->out.code, "no_address");
}

// FCM says nothing about messages: they fill their lane, and calls have one of their own.
awaitable<void> lanes(bed& b) {
    std::size_t silent = 0;
    b.fcm.on_request = [&silent](h2_peer& p, const h2_seen& r) {
        if (r.body.find("missed_call") != std::string::npos)
            ++silent;
        else
            p.respond(r.stream, 200, R"({"name":"projects/our-project/messages/0:1"})");
    };
    std::vector<started_ptr> messages;
    for (int i = 0; i < 400; ++i)
        messages.push_back(b.start(b.effect(2, kind::missed_call)));
    WAIT_UNTIL(silent == 300);
    const auto ring = b.start(b.effect(2));
    WAIT_UNTIL(ring->done);
    EXPECT_EQ(ring->out.result, outcome::done);
    EXPECT_EQ(silent, 300U) << "the others wait for their turn";
    EXPECT_FALSE(std::any_of(messages.begin(), messages.end(), [](const auto& s) { return s->done; }));
}

awaitable<void> only_one_provider(bed& b) {
    const auto iphone = b.start(b.effect(1));
    const auto pixel = b.start(b.effect(2));
    WAIT_UNTIL(iphone->done && pixel->done);
    EXPECT_EQ(iphone->out.result, outcome::refused);
    EXPECT_EQ(iphone->out.code, "apns_not_configured");
    EXPECT_EQ(pixel->out.result, outcome::done);
}

// All that a push holds, through everything that writes lines or figures.
awaitable<void> secrets(bed& b) {
    for (auto& t : b.addresses.of[1].tokens)
        t.to.registered_at = time_point{millis{1'789'999'999'000}};
    int n = 0;
    b.apns.on_request = [&n](h2_peer& p, const h2_seen& r) {
        switch (++n) {
        case 1: bed::refuse(p, r, 400, "TopicDisallowed"); return;
        case 2: p.respond(r.stream, 410, R"({"reason":"Unregistered","timestamp":1790000000000})"); return;
        case 3: p.goaway(r.stream, 0, R"({"reason":"BadDeviceToken"})"); return;
        default: bed::accept(p, r);
        }
    };
    b.fcm.on_request = [](h2_peer& p, const h2_seen& r) {
        p.respond(
            r.stream, 404,
            R"({"error":{"code":404,"status":"NOT_FOUND","details":[{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"UNREGISTERED"}]}})"
        );
    };
    std::vector<started_ptr> all;
    for (const std::int64_t device : {1, 1, 3, 2}) {
        all.push_back(b.start(b.effect(device)));
        WAIT_UNTIL(all.back()->done);
    }
    b.google_tokens.status = 400;
    b.clock.by += 2h;
    all.push_back(b.start(b.effect(2, kind::incoming_call, 2s)));
    WAIT_UNTIL(all_done(all));
}

} // namespace

TEST(push_outage, be_46_an_open_breaker_sheds_retries_and_lets_probes_through) {
    bed().run(breaker);
}
TEST(push_outage, retries_are_a_tenth_of_first_attempts) {
    bed().run(budget);
}
TEST(push_outage, a_service_that_cannot_be_reached_costs_no_token) {
    bed().run(nobody_listens);
}
TEST(push_outage, i_16_messages_that_wait_for_an_answer_hold_up_no_call) {
    bed().run(lanes);
}
TEST(push_outage, an_outage_of_the_store_is_waited_out_while_it_rings) {
    bed().run(store_away);
}
TEST(push_outage, a_provider_without_keys_is_not_asked) {
    bed b;
    b.settings.apns.reset();
    b.run(only_one_provider);
}

TEST(push_outage, i_06_no_token_ticket_or_key_is_in_a_line_a_metric_or_an_outcome) {
    bed b;
    ::testing::internal::CaptureStderr();
    log::settings everything;
    everything.threshold = log::level::debug;
    log::configure(everything); // to standard error
    b.run(secrets);
    auto all = ::testing::internal::GetCapturedStderr() + b.metrics.text();
    log::configure({});
    for (const auto& a : b.ledger.attempts)
        all += a.reason + ' ' + a.push_id + ' ';
    for (const auto& d : b.ledger.dead)
        all += d + ' ';
    EXPECT_NE(all.find("push_refused_by_configuration"), std::string::npos) << "lines are captured";
    EXPECT_NE(all.find("push_token_dead"), std::string::npos);
    EXPECT_NE(all.find("push_access_token_failed"), std::string::npos);
    std::vector<std::string> planted{k_voip_token, k_alert_token, k_fcm_token, "ya29."};
    for (const auto& r : b.apns.seen)
        planted.push_back(r.get("authorization").substr(std::string("bearer ").size()));
    for (const auto& f : b.google_tokens.forms)
        planted.push_back(f.substr(f.find("assertion=") + 10));
    for (const auto& p : planted)
        EXPECT_EQ(all.find(p), std::string::npos) << p;
}
