// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What comes of each kind of answer, from end to end.
#include "component/push/bed.hpp"

using namespace z360;
using namespace z360::test;

namespace {

awaitable<void> accepted_by_apns(bed& b) {
    const auto s = b.start(b.effect(1));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::done);
    EXPECT_TRUE(s->out.sent);
    EXPECT_EQ(s->out.by, push::provider::apns);
    EXPECT_EQ(s->out.attempts, 1U);
    EXPECT_EQ(s->out.device, device_id{1});
    EXPECT_EQ(b.apns.seen.size(), 1U);
    const auto& r = b.apns.seen.at(0);
    EXPECT_EQ(r.path, std::string("/3/device/") + k_voip_token);
    EXPECT_EQ(r.get("apns-topic"), "com.example.phone.voip");
    EXPECT_EQ(r.get("apns-push-type"), "voip");
    EXPECT_EQ(r.get("apns-expiration"), "0");
    EXPECT_TRUE(r.get("authorization").starts_with("bearer ey"));
    EXPECT_EQ(s->out.code, r.get("apns-id"));
    EXPECT_EQ(b.ledger.learned, std::vector<std::string>{"1 voip name-of-voip production"});
    EXPECT_EQ(b.ledger.attempts.size(), 1U);
    const auto& a = b.ledger.attempts.at(0);
    EXPECT_EQ(a.status, 200);
    EXPECT_EQ(a.push_id, r.get("apns-id"));
    EXPECT_EQ(a.end, port::push_attempt_end::accepted);
    EXPECT_TRUE(a.answered_at);
    EXPECT_EQ(
        b.metrics.counted(
            "push_attempts_total", {{"provider", "apns"}, {"kind", "incoming_call"}, {"outcome", "accepted"}}
        ),
        1
    );
}

awaitable<void> accepted_by_fcm(bed& b) {
    const auto s = b.start(b.effect(2));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::done);
    EXPECT_EQ(s->out.by, push::provider::fcm);
    EXPECT_EQ(s->out.code, "projects/our-project/messages/0:1");
    const auto& r = b.fcm.seen.at(0);
    EXPECT_EQ(r.path, "/v1/projects/our-project/messages:send");
    EXPECT_EQ(r.get("authorization"), "bearer ya29.number-1");
    const auto m = nlohmann::json::parse(r.body).at("message");
    EXPECT_EQ(m.at("token"), k_fcm_token);
    EXPECT_EQ(m.at("android").at("priority"), "HIGH");
    const auto ttl = std::stoi(m.at("android").at("ttl").get<std::string>());
    EXPECT_GE(ttl, 28);
    EXPECT_LE(ttl, 30);
}

awaitable<void> pushkit_dead_then_alert(bed& b) {
    for (auto& t : b.addresses.of[1].tokens)
        t.to.registered_at = time_point{millis{1'789'999'999'000}};
    b.apns.on_request = [](h2_peer& p, const h2_seen& r) {
        if (r.get("apns-push-type") == "voip")
            p.respond(r.stream, 410, R"({"reason":"Unregistered","timestamp":1790000000000})");
        else
            bed::accept(p, r);
    };
    const auto s = b.start(b.effect(1));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::done);
    EXPECT_EQ(s->out.attempts, 2U);
    EXPECT_EQ(b.ledger.dead, std::vector<std::string>{"1 voip name-of-voip Unregistered"});
    EXPECT_EQ(b.apns.seen.at(1).path, std::string("/3/device/") + k_alert_token);
    EXPECT_EQ(b.metrics.total("push_tokens_dead_total"), 1);
}

awaitable<void> gone_since(bed& b) {
    const auto& token = b.addresses.of[3].tokens.at(0);
    auto since = token.to.registered_at - 1min;
    b.apns.on_request = [&since](h2_peer& p, const h2_seen& r) {
        p.respond(
            r.stream, 410,
            R"({"reason":"Unregistered","timestamp":)" + std::to_string(since.time_since_epoch().count()) +
                "}"
        );
    };
    auto s = b.start(b.effect(3, kind::incoming_call, 2s));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::expired) << "it was registered since: not now";
    EXPECT_TRUE(b.ledger.dead.empty());
    since = token.to.registered_at + 1min;
    s = b.start(b.effect(3));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::refused);
    EXPECT_EQ(s->out.code, "Unregistered");
    EXPECT_EQ(b.ledger.dead, std::vector<std::string>{"3 alert name-of-alert Unregistered"});
}

awaitable<void> other_environment(bed& b) {
    b.apns.on_request = [](h2_peer& p, const h2_seen& r) { bed::refuse(p, r, 400, "BadDeviceToken"); };
    const auto s = b.start(b.effect(1));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::done);
    EXPECT_EQ(b.apns.seen.size(), 1U);
    EXPECT_EQ(b.sandbox.seen.size(), 1U);
    EXPECT_EQ(b.ledger.learned, std::vector<std::string>{"1 voip name-of-voip sandbox"});
    EXPECT_TRUE(b.ledger.dead.empty());

    b.sandbox.on_request = b.apns.on_request;
    const auto nowhere = b.start(b.effect(3));
    WAIT_UNTIL(nowhere->done);
    EXPECT_EQ(nowhere->out.result, outcome::refused);
    EXPECT_EQ(b.apns.seen.size() + b.sandbox.seen.size(), 4U) << "each once";
    EXPECT_EQ(b.ledger.dead, std::vector<std::string>{"3 alert name-of-alert BadDeviceToken"});
}

awaitable<void> configuration(bed& b) {
    b.apns.on_request = [](h2_peer& p, const h2_seen& r) { bed::refuse(p, r, 400, "TopicDisallowed"); };
    const auto s = b.start(b.effect(3));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::refused);
    EXPECT_EQ(s->out.code, "TopicDisallowed");
    EXPECT_FALSE(s->out.sent);
    EXPECT_EQ(b.apns.seen.size(), 1U);
    EXPECT_TRUE(b.ledger.dead.empty());
    EXPECT_EQ(b.metrics.counted("push_config_faults_total", {{"provider", "apns"}}), 1);
}

awaitable<void> alert_after_refusal(bed& b, std::string word) {
    b.apns.on_request = [&word](h2_peer& p, const h2_seen& r) {
        if (r.get("apns-push-type") == "voip")
            bed::refuse(p, r, 400, word);
        else
            bed::accept(p, r);
    };
    const auto s = b.start(b.effect(1));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::done) << word;
    EXPECT_TRUE(s->out.sent);
    EXPECT_EQ(s->out.attempts, 2U);
    EXPECT_EQ(s->asked, 2U) << "whether it still rings, before each";
    EXPECT_TRUE(b.ledger.dead.empty()) << "the PushKit token is kept";
    EXPECT_EQ(b.apns.seen.size(), 2U);
    const auto& alert = b.apns.seen.at(1);
    EXPECT_EQ(alert.path, std::string("/3/device/") + k_alert_token);
    EXPECT_EQ(alert.get("apns-push-type"), "alert");
    EXPECT_EQ(alert.get("apns-topic"), "com.example.phone");
    const auto body = nlohmann::json::parse(alert.body);
    EXPECT_EQ(body.at("aps").at("interruption-level"), "time-sensitive");
    EXPECT_EQ(body.at("type"), "incoming_call");
    EXPECT_EQ(body.at("deadline"), alert.get("apns-expiration")) << "it is gone with the ring";
    EXPECT_EQ(b.ledger.attempts.size(), 2U);
    EXPECT_EQ(b.ledger.attempts.at(0).token, token_kind::voip);
    EXPECT_EQ(b.ledger.attempts.at(0).end, port::push_attempt_end::configuration);
    EXPECT_EQ(b.ledger.attempts.at(0).reason, word);
    EXPECT_EQ(b.ledger.attempts.at(1).token, token_kind::alert);
    EXPECT_EQ(b.ledger.attempts.at(1).end, port::push_attempt_end::accepted);
}
awaitable<void> topic_refused(bed& b) {
    co_await alert_after_refusal(b, "TopicDisallowed");
}
awaitable<void> token_not_for_topic(bed& b) {
    co_await alert_after_refusal(b, "DeviceTokenNotForTopic");
}

awaitable<void> each_token_once(bed& b) {
    b.apns.on_request = [](h2_peer& p, const h2_seen& r) { bed::refuse(p, r, 400, "BadTopic"); };
    const auto s = b.start(b.effect(1));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::refused);
    EXPECT_EQ(s->out.code, "BadTopic");
    EXPECT_FALSE(s->out.sent);
    EXPECT_EQ(b.apns.seen.size(), 2U);
    EXPECT_TRUE(b.ledger.dead.empty());
}

awaitable<void> not_without_a_right_key(bed& b) {
    b.apns.on_request = [](h2_peer& p, const h2_seen& r) { bed::refuse(p, r, 403, "InvalidProviderToken"); };
    const auto s = b.start(b.effect(1));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::refused);
    EXPECT_EQ(s->out.code, "InvalidProviderToken");
    EXPECT_EQ(b.apns.seen.size(), 1U);
    // What has a token of another provider is told by that one.
    auto fcm = b.addresses.of[2].tokens.at(0);
    fcm.to.device = {1};
    b.addresses.of[1].tokens.push_back(std::move(fcm));
    const auto both = b.start(b.effect(1));
    WAIT_UNTIL(both->done);
    EXPECT_EQ(both->out.result, outcome::done);
    EXPECT_EQ(both->out.by, push::provider::fcm);
    EXPECT_EQ(b.apns.seen.size(), 2U);
}

awaitable<void> not_after_the_ring(bed& b) {
    b.apns.on_request = [](h2_peer& p, const h2_seen& r) { bed::refuse(p, r, 400, "TopicDisallowed"); };
    const auto s = b.start(b.effect(1), [](unsigned attempt) { return attempt < 2; });
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::superseded);
    EXPECT_EQ(b.apns.seen.size(), 1U) << "it was answered meanwhile";
}

awaitable<void> trouble_then_good(bed& b) {
    int failures = 2;
    b.apns.on_request = [&failures](h2_peer& p, const h2_seen& r) {
        if (--failures >= 0)
            bed::refuse(p, r, 503, "ServiceUnavailable");
        else
            bed::accept(p, r);
    };
    const auto s = b.start(b.effect(1));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::done);
    EXPECT_EQ(s->out.attempts, 3U);
    EXPECT_EQ(s->asked, 3U) << "before each attempt";
    EXPECT_EQ(b.apns.seen.at(0).get("apns-id"), b.apns.seen.at(2).get("apns-id"));
}

awaitable<void> too_large_once_smaller(bed& b) {
    b.addresses.of[1].org.name = std::string(120, 'n');
    b.apns.on_request = [](h2_peer& p, const h2_seen& r) {
        if (p.last_stream() == r.stream && r.stream == 1)
            bed::refuse(p, r, 413, "PayloadTooLarge");
        else
            bed::accept(p, r);
    };
    const auto s = b.start(b.effect(1));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::done);
    EXPECT_EQ(s->out.attempts, 2U);
}

awaitable<void> connection_used_up(bed& b) {
    b.apns.on_request = [](h2_peer& p, const h2_seen& r) {
        if (p.index == 0)
            bed::refuse(p, r, 429, "TooManyProviderTokenUpdates");
        else
            bed::accept(p, r);
    };
    const auto s = b.start(b.effect(1));
    WAIT_UNTIL(s->done);
    EXPECT_EQ(s->out.result, outcome::done);
    EXPECT_EQ(b.apns.accepted, 2U);
    EXPECT_EQ(
        b.metrics.counted("push_provider_tokens_total", {{"provider", "apns"}, {"outcome", "done"}}), 1
    );
}

awaitable<void> fcm_slows_down(bed& b) {
    b.fcm.on_request = [](h2_peer& p, const h2_seen& r) {
        p.respond(
            r.stream, 429,
            R"({"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"QUOTA_EXCEEDED"}]}})"
        );
    };
    const auto ring = b.start(b.effect(2));
    WAIT_UNTIL(ring->done);
    EXPECT_EQ(ring->out.result, outcome::expired);
    EXPECT_EQ(ring->out.code, "QUOTA_EXCEEDED");
    EXPECT_EQ(b.fcm.seen.size(), 1U);
    auto e = b.effect(2, kind::missed_call);
    e.deadline = b.clock.now() + 30s;
    const auto message = b.start(std::move(e));
    WAIT_UNTIL(message->done);
    EXPECT_EQ(message->out.code, "provider_slows_down") << "what is no ring waits for a minute";
    EXPECT_EQ(b.fcm.seen.size(), 1U);
}

awaitable<void> nobody_to_tell(bed& b) {
    const auto web = b.start(b.effect(4));
    const auto unknown = b.start(b.effect(99));
    WAIT_UNTIL(web->done && unknown->done);
    EXPECT_EQ(web->out.result, outcome::refused);
    EXPECT_EQ(web->out.code, "no_token");
    EXPECT_FALSE(web->out.by);
    EXPECT_EQ(unknown->out.code, "no_device");
    b.addresses.of[1].eligible = false;
    const auto ring = b.start(b.effect(1));
    const auto end = b.start(b.effect(1, kind::call_ended));
    WAIT_UNTIL(ring->done && end->done);
    EXPECT_EQ(ring->out.code, "not_eligible");
    EXPECT_EQ(end->out.result, outcome::done) << "who rings must stop";
}

awaitable<void> missed_instead(bed& b) {
    const auto ended = [&b](std::int64_t device, push::ended_reason why) {
        auto e = b.effect(device, kind::call_ended);
        std::get<call::push_notice>(e.body).why = why;
        return b.start(std::move(e));
    };
    const auto iphone = ended(1, push::ended_reason::caller_gone);
    const auto pixel = ended(2, push::ended_reason::caller_gone);
    const auto elsewhere = ended(1, push::ended_reason::answered_elsewhere);
    WAIT_UNTIL(iphone->done && pixel->done && elsewhere->done);
    EXPECT_EQ(iphone->out.result, outcome::superseded);
    EXPECT_EQ(iphone->out.code, "missed_call_instead");
    EXPECT_EQ(pixel->out.result, outcome::done);
    EXPECT_EQ(elsewhere->out.result, outcome::done);
    EXPECT_EQ(b.apns.seen.size(), 1U);
    EXPECT_EQ(b.apns.seen.at(0).get("apns-push-type"), "alert") << "never by PushKit";
}

} // namespace

TEST(push_answers, a_ring_goes_to_pushkit_and_its_place_is_remembered) {
    bed().run(accepted_by_apns);
}
TEST(push_answers, a_ring_by_fcm_lives_as_long_as_it_rings) {
    bed().run(accepted_by_fcm);
}
TEST(push_answers, be_46_a_dead_pushkit_token_is_marked_and_the_alert_goes) {
    bed().run(pushkit_dead_then_alert);
}
TEST(push_answers, be_46_a_token_dies_of_410_only_if_it_was_registered_before) {
    bed().run(gone_since);
}
TEST(push_answers, a_token_of_the_other_environment_is_tried_there_once) {
    bed().run(other_environment);
}
TEST(push_answers, what_is_wrong_by_us_is_told_and_not_repeated) {
    bed().run(configuration);
}
TEST(push_answers, be_14_a_call_whose_pushkit_topic_is_refused_is_told_by_an_alert) {
    bed().run(topic_refused);
}
TEST(push_answers, be_46_a_pushkit_token_that_does_not_fit_our_topic_is_kept_and_the_alert_goes) {
    bed().run(token_not_for_topic);
}
TEST(push_answers, be_14_each_token_is_tried_once_however_it_is_refused) {
    bed().run(each_token_once);
}
TEST(push_answers, be_14_a_key_that_is_refused_is_not_tried_at_the_other_token_of_the_same_service) {
    bed().run(not_without_a_right_key);
}
TEST(push_answers, be_14_no_alert_goes_for_a_call_that_rings_no_more) {
    bed().run(not_after_the_ring);
}
TEST(push_answers, be_14_the_provider_s_trouble_is_tried_again_while_it_rings) {
    bed().run(trouble_then_good);
}
TEST(push_answers, what_is_too_large_goes_once_more_trimmed) {
    bed().run(too_large_once_smaller);
}
TEST(push_answers, a_connection_that_is_used_up_is_replaced_and_the_token_stays) {
    bed().run(connection_used_up);
}
TEST(push_answers, when_fcm_asks_all_to_slow_down_only_rings_go_on) {
    bed().run(fcm_slows_down);
}
TEST(push_answers, who_has_no_token_or_may_not_be_told_is_not) {
    bed().run(nobody_to_tell);
}
TEST(push_answers, and_14_an_iphone_gets_one_notification_of_a_missed_call) {
    bed().run(missed_instead);
}
