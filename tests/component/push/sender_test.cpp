// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Pushes that belong to no call: from the queue to the provider, and back with an end.
#include "component/push/sender_bed.hpp"

#include <z360/log.hpp>

#include <set>

using namespace z360;
using namespace z360::test;

namespace {

sending_bed& of(bed& b) {
    return static_cast<sending_bed&>(b);
}

nlohmann::json body_of(const h2_seen& r) {
    return nlohmann::json::parse(r.body);
}

awaitable<void> each_goes_once(bed& base) {
    auto& b = of(base);
    auto sender = b.make();
    sender->start();
    b.put(1);
    b.put(2);
    b.put(1, kind::session_warning);
    b.put(1, kind::push_token_required);
    b.put(4);  // without a token
    b.put(99); // no such device
    sender->wake();
    WAIT_UNTIL(b.queue.over() == 6);
    EXPECT_EQ(b.queue.over("done"), 4U);
    EXPECT_EQ(b.queue.rows[4].code, "no_token");
    EXPECT_EQ(b.queue.rows[5].code, "no_device");
    EXPECT_EQ(b.fcm.seen.size(), 1U);
    const auto sent = body_of(b.fcm.seen[0]).at("message");
    EXPECT_EQ(sent.at("notification").at("title"), "secret-title");
    EXPECT_EQ(sent.at("data").at("organization_id"), "7");
    EXPECT_EQ(b.apns.seen.size(), 3U);
    std::set<std::string> kinds, ids;
    for (const auto& r : b.apns.seen) {
        kinds.insert(r.get("apns-push-type"));
        ids.insert(r.get("apns-id"));
        EXPECT_EQ(r.get("apns-topic"), "com.example.phone") << "PushKit is for ringing calls alone";
    }
    EXPECT_EQ(kinds, (std::set<std::string>{"alert", "background"}));
    EXPECT_EQ(ids.size(), 3U);
    for (const auto& a : b.ledger.attempts) {
        EXPECT_TRUE(a.call.nil());
        EXPECT_FALSE(a.message.nil());
    }
    WAIT_UNTIL(sender->in_work() == 0);
    co_await sender->stop(1s);
}

awaitable<void> warned_only_while_silent(bed& base) {
    auto& b = of(base);
    auto sender = b.make();
    b.put(1, kind::session_warning);
    b.put(1, kind::session_warning);
    b.queue.back.insert(b.queue.rows[0].what.id);
    sender->start();
    WAIT_UNTIL(b.queue.over() == 2);
    EXPECT_EQ(b.queue.rows[0].outcome, "superseded") << "the phone has come back while it waited";
    EXPECT_EQ(b.queue.rows[1].outcome, "done");
    EXPECT_EQ(b.apns.seen.size(), 1U);
    b.queue.silence_unknown = true;
    b.put(1, kind::session_warning);
    b.put(1);
    sender->wake();
    WAIT_UNTIL(b.queue.over("done") == 3);
    co_await sender->stop(1s);
}

// A provider in trouble costs the other one nothing, and no message: it comes again.
awaitable<void> outage(bed& base) {
    auto& b = of(base);
    bool well = false;
    b.apns.on_request = [&well](h2_peer& p, const h2_seen& r) {
        if (well)
            bed::accept(p, r);
        else
            bed::refuse(p, r, 503, "ServiceUnavailable");
    };
    auto s = quick();
    s.messages = 4;
    auto sender = b.make(s);
    sender->start();
    for (int i = 0; i < 20; ++i)
        b.put(i % 2 == 0 ? 1 : 2, kind::business, 1h);
    WAIT_UNTIL(b.queue.over("done") == 10);
    EXPECT_EQ(b.fcm.seen.size(), 10U);
    WAIT_UNTIL(b.metrics.counted("push_messages_postponed_total", {{"kind", "business"}}) >= 10);
    EXPECT_EQ(b.queue.over(), 10U) << "none is given up";
    well = true;
    const auto hurried = [&b] {
        for (auto& r : b.queue.rows)
            if (!r.held) r.due = {}; // nobody waits for Apple's next quarter of an hour
        return b.queue.over("done") == 20;
    };
    WAIT_UNTIL(hurried());
    co_await sender->stop(1s);
}

awaitable<void> both_down_until_it_is_worth_nothing(bed& base) {
    auto& b = of(base);
    b.apns.on_request = [](h2_peer& p, const h2_seen& r) { bed::refuse(p, r, 503, "ServiceUnavailable"); };
    b.fcm.on_request = [](h2_peer& p, const h2_seen& r) {
        p.respond(r.stream, 503, R"({"error":{"status":"UNAVAILABLE"}})");
    };
    auto sender = b.make();
    sender->start();
    b.put(1, kind::business, 300ms);
    b.put(2, kind::business, 300ms);
    WAIT_UNTIL(b.queue.over("expired") == 2);
    const auto call = b.start(b.effect(2, kind::incoming_call, 300ms));
    WAIT_UNTIL(call->done);
    co_await sender->stop(1s);
}

awaitable<void> store_away(bed& base) {
    auto& b = of(base);
    auto s = quick();
    s.messages = 3;
    auto sender = b.make(s);
    for (int i = 0; i < 5; ++i)
        b.put(2);
    b.fcm.on_request = [&b](h2_peer& p, const h2_seen& r) {
        b.queue.away = true; // while it is on its way
        p.respond(r.stream, 200, R"({"name":"projects/our-project/messages/0:1"})");
    };
    sender->start();
    WAIT_UNTIL(b.fcm.seen.size() == 3);
    WAIT_UNTIL(b.metrics.counted("loop_failures_total", {{"loop", "push_ends"}}) >= 1);
    EXPECT_EQ(sender->in_work(), 3U) << "what is done is known, and nothing new is begun";
    EXPECT_EQ(b.queue.over(), 0U);
    b.fcm.on_request = [](h2_peer& p, const h2_seen& r) {
        p.respond(r.stream, 200, R"({"name":"projects/our-project/messages/0:1"})");
    };
    b.queue.away = false;
    WAIT_UNTIL(b.queue.over("done") == 5);
    EXPECT_EQ(b.fcm.seen.size(), 5U) << "none twice";
    co_await sender->stop(1s);
}

// What was sent is known here, and nobody else has it: it is no other node's leavings.
awaitable<void> store_away_for_longer_than_a_claim(bed& base) {
    auto& b = of(base);
    auto s = quick();
    s.claim = 100ms;
    s.keep_every = 60s;
    auto sender = b.make(s);
    b.put(2);
    b.put(2);
    b.queue.ends_away = true;
    sender->start();
    WAIT_UNTIL(b.fcm.seen.size() == 2);
    const auto past = rt::clock::now() + 3 * s.claim;
    WAIT_UNTIL(rt::clock::now() > past);
    b.queue.ends_away = false;
    WAIT_UNTIL(b.queue.over("done") == 2);
    EXPECT_EQ(b.fcm.seen.size(), 2U) << "none twice";
    EXPECT_EQ(b.metrics.counted("push_messages_taken_over_total"), 0);
    co_await sender->stop(1s);
}

// The first node hangs until its claims have ended; the second sends, and the first says nothing more.
class hanging final : public sut::message_carrier {
  public:
    explicit hanging(asio::any_io_executor ex) : go(std::move(ex)) {}
    awaitable<sut::report> carry(port::queued_push, port::still_wanted wanted) override {
        ++begun;
        co_await go.wait();
        sut::report out;
        const bool mine = co_await wanted(1);
        out.result = mine ? outcome::done : outcome::superseded;
        asked_in_vain += mine ? 0 : 1;
        co_return out;
    }
    rt::event go;
    int begun = 0, asked_in_vain = 0;
};

awaitable<void> take_over(bed& base) {
    auto& b = of(base);
    hanging stuck(b.io.get_executor());
    auto s = quick();
    s.claim = 100ms;
    s.look_every = s.keep_every = 1h; // it hangs: either would keep the claim that nobody has taken yet
    auto first = b.make(stuck, s);
    b.put(2);
    first->start();
    WAIT_UNTIL(stuck.begun == 1);
    auto second = b.make();
    second->start();
    WAIT_UNTIL(b.queue.over("done") == 1);
    EXPECT_EQ(b.queue.rows[0].runs, 2);
    EXPECT_EQ(b.metrics.counted("push_messages_taken_over_total", {}), 1);
    stuck.go.set();
    WAIT_UNTIL(stuck.asked_in_vain == 1);
    WAIT_UNTIL(first->in_work() == 0);
    EXPECT_EQ(b.queue.rows[0].outcome, "done");
    EXPECT_EQ(b.fcm.seen.size(), 1U);
    co_await first->stop(1s);
    co_await second->stop(1s);
}

awaitable<void> kept(bed& base) {
    auto& b = of(base);
    hanging slow(b.io.get_executor());
    auto s = quick();
    s.claim = 100ms;
    auto first = b.make(slow, s);
    b.put(2);
    first->start();
    WAIT_UNTIL(slow.begun == 1);
    auto second = b.make();
    second->start();
    WAIT_UNTIL(b.queue.kept >= 12); // twice as long as a claim lasts
    EXPECT_TRUE(b.fcm.seen.empty()) << "it is held as long as it takes";
    slow.go.set();
    WAIT_UNTIL(b.queue.over("done") == 1);
    co_await first->stop(1s);
    co_await second->stop(1s);
}

awaitable<void> stop_hands_back(bed& base) {
    auto& b = of(base);
    hanging stuck(b.io.get_executor());
    auto first = b.make(stuck);
    b.put(2);
    first->start();
    WAIT_UNTIL(stuck.begun == 1);
    co_await first->stop(100ms);
    EXPECT_EQ(first->in_work(), 0U);
    EXPECT_TRUE(b.queue.rows[0].outcome.empty());
    EXPECT_TRUE(b.queue.rows[0].in_doubt);
    auto second = b.make();
    second->start();
    WAIT_UNTIL(b.queue.over("done") == 1);
    co_await second->stop(1s);
}

// 10,000 of them wait, and the provider takes its time: a call's push goes before whatever has not left.
awaitable<void> calls_go_first(bed& base) {
    auto& b = of(base);
    std::vector<rt::clock::duration> took;
    std::map<std::string, rt::clock::time_point> began;
    std::size_t before_call = 0, most_before = 0;
    b.fcm.on_request = [&](h2_peer& p, const h2_seen& r) {
        const auto data = body_of(r).at("message").at("data");
        if (data.at("type") == "incoming_call") {
            took.push_back(rt::clock::now() - began.at(data.at("call_uuid").get<std::string>()));
            most_before = std::max(most_before, before_call);
        } else {
            ++before_call;
        }
        p.respond(r.stream, 200, R"({"name":"projects/our-project/messages/0:1"})");
    };
    for (int i = 0; i < 10'000; ++i)
        b.put(2, kind::business, 1h);
    auto sender = b.make({});
    sender->start();
    WAIT_UNTIL(b.fcm.seen.size() > 100);
    std::vector<started_ptr> calls;
    for (int i = 0; i < 200; ++i) {
        auto e = b.effect(2);
        before_call = 0;
        began[std::get<call::push_notice>(e.body).call.text()] = rt::clock::now();
        calls.push_back(b.start(std::move(e)));
        const auto last = calls.back();
        WAIT_UNTIL(last->done);
    }
    EXPECT_LT(b.queue.over(), 10'000U) << "they were behind messages";
    EXPECT_EQ(took.size(), 200U);
    std::sort(took.begin(), took.end());
    // How long that takes is the machine's matter; that nothing which leaves after it goes before it is ours.
    const auto p99 = std::chrono::duration_cast<millis>(took.at(197));
    ::testing::Test::RecordProperty("p99_ms", static_cast<int>(p99.count()));
    EXPECT_LE(most_before, sut::sender_settings{}.messages) << "none that left after it";
    co_await sender->stop(5s);
}

awaitable<void> bounded(bed& base) {
    auto& b = of(base);
    hanging stuck(b.io.get_executor());
    auto s = quick();
    s.messages = 3;
    s.syncs = 2;
    for (int i = 0; i < 10; ++i) {
        b.put(2);
        b.put(2, kind::session_warning);
    }
    auto sender = b.make(stuck, s);
    sender->start();
    WAIT_UNTIL(b.metrics.gauge_value("push_messages_waiting", {{"lane", "message"}}) == 10);
    EXPECT_EQ(stuck.begun, 5) << "as many as there are places, of each lane its own";
    EXPECT_GE(b.queue.warned, 1);
    co_await sender->stop(100ms);
}

awaitable<void> secrecy(bed& base) {
    auto& b = of(base);
    b.fcm.on_request = [](h2_peer& p, const h2_seen& r) {
        p.respond(r.stream, 404, R"({"error":{"details":[{"@type":
            "type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"UNREGISTERED"}]}})");
    };
    auto sender = b.make();
    sender->start();
    b.put(2);
    WAIT_UNTIL(b.queue.over() == 1);
    EXPECT_EQ(b.ledger.dead.size(), 1U);
    co_await sender->stop(1s);
}

port::queued_push one(millis life, std::uint32_t claim = 1) {
    port::queued_push q;
    q.id = derive_uuid("one");
    q.claim = claim;
    q.at = time_point{millis{1'000'000}};
    q.until = q.at + life;
    return q;
}
sut::report expired(bool reached = false, std::optional<millis> again = {}) {
    sut::report r;
    r.may_have_reached = reached;
    r.again_after = again;
    r.code = "why";
    return r;
}

} // namespace

TEST(push_sender, be_28_each_message_goes_once_to_the_token_that_may_have_it) {
    sending_bed b;
    b.run(each_goes_once);
}
TEST(push_sender, cred_01_a_phone_that_has_come_back_is_not_warned) {
    sending_bed b;
    b.run(warned_only_while_silent);
}
TEST(push_sender, be_28_a_provider_that_is_down_costs_the_other_nothing_and_no_message) {
    sending_bed b;
    b.run(outage);
}
TEST(push_sender, be_28_with_both_providers_down_messages_end_when_they_are_worth_nothing) {
    sending_bed b;
    b.run(both_down_until_it_is_worth_nothing);
}
TEST(push_sender, be_28_while_the_store_is_away_nothing_new_begins_and_nothing_goes_twice) {
    sending_bed b;
    b.run(store_away);
}
TEST(push_sender, be_28_what_was_sent_before_an_outage_longer_than_a_claim_does_not_go_again) {
    sending_bed b;
    b.run(store_away_for_longer_than_a_claim);
}
TEST(push_sender, be_28_what_a_node_leaves_behind_another_sends_and_the_first_stops) {
    sending_bed b;
    b.run(take_over);
}
TEST(push_sender, be_28_a_claim_is_kept_for_as_long_as_the_run_takes) {
    sending_bed b;
    b.run(kept);
}
TEST(push_sender, be_28_a_node_that_stops_hands_back_what_it_has_not_ended) {
    sending_bed b;
    b.run(stop_hands_back);
}
TEST(push_sender, be_28_a_call_goes_before_ten_thousand_messages) {
    sending_bed b;
    b.run(calls_go_first);
}
TEST(push_sender, be_28_no_more_are_begun_than_there_are_places) {
    sending_bed b;
    b.run(bounded);
}
TEST(push_sender, sec_02_neither_texts_nor_tokens_are_logged) {
    ::testing::internal::CaptureStderr();
    log::settings everything;
    everything.threshold = log::level::debug;
    log::configure(everything); // to standard error
    sending_bed b;
    b.run(secrecy);
    log::configure({});
    const auto out = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(out.find("push_token_dead"), std::string::npos);
    for (const auto* secret : {"secret-title", "secret-body", k_fcm_token})
        EXPECT_EQ(out.find(secret), std::string::npos) << secret;
}

TEST(push_sender, be_28_what_may_come_again_does_until_it_is_worth_nothing) {
    const sut::sender_settings s;
    const auto q = one(10min);
    const auto first = sut::settled_of(q, expired(), s, q.at, 0.5);
    ASSERT_TRUE(first.again_after);
    EXPECT_EQ(*first.again_after, s.first_pause);
    EXPECT_FALSE(first.in_doubt);
    EXPECT_EQ(first.code, "why");
    EXPECT_EQ(*sut::settled_of(one(1h, 3), expired(), s, q.at, 0.5).again_after, 4 * s.first_pause);
    EXPECT_EQ(*sut::settled_of(one(1h, 60), expired(), s, q.at, 0.5).again_after, s.longest_pause);
    EXPECT_EQ(*sut::settled_of(q, expired(false, 60s), s, q.at, 0.5).again_after, 60s) << "as they ask";
    EXPECT_FALSE(sut::settled_of(q, expired(), s, q.until - 1s, 0.5).again_after);
    EXPECT_EQ(sut::settled_of(q, expired(), s, q.until - 1s, 0.5).outcome, "expired");
}
TEST(push_sender, be_21_what_may_have_been_shown_comes_again_only_if_its_ladder_says_so) {
    const sut::sender_settings s;
    const auto q = one(10min);
    EXPECT_FALSE(sut::settled_of(q, expired(true), s, q.at, 0.5).again_after);
    const auto again = sut::settled_of(q, expired(true, 10s), s, q.at, 0.5);
    EXPECT_TRUE(again.again_after);
    EXPECT_TRUE(again.in_doubt);
    auto done = expired();
    done.result = outcome::refused;
    EXPECT_FALSE(sut::settled_of(q, done, s, q.at, 0.5).again_after) << "what is wrong stays wrong";
    EXPECT_EQ(sut::settled_of(q, done, s, q.at, 0.5).outcome, "refused");
}
