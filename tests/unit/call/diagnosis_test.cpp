// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One test for each reason why a phone does not ring, from the facts alone.
#include <z360/call/diagnosis.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

using namespace z360;
using namespace z360::call;

namespace {

constexpr time_point k_noon{millis{1'760'000'000'000}};
constexpr device_id k_phone{7};
constexpr device_id k_other{8};

ring_facts the_ring() {
    ring_facts r;
    r.began = k_noon;
    r.wakes_by_push = true;
    r.over = true;
    return r;
}

device_facts phone() {
    device_facts d;
    d.id = k_phone;
    d.name = "Ada's iPhone";
    d.platform = "ios";
    d.registered_at = k_noon - millis{1};
    d.last_seen = k_noon - millis{1};
    d.has_push_token = true;
    return d;
}

/// Dialed, and known to the carrier.
leg_facts leg_of(millis dialed = millis{200}) {
    leg_facts f;
    f.is.id = leg_id{derive_uuid(std::to_string(dialed.count()))};
    f.is.to = target{k_phone, identity_id{1}, "gencredA", "Ada's iPhone", "ios"};
    f.is.ring = 1;
    f.is.dial = dial_status::accepted;
    f.is.initiated = true;
    f.dialed_at = k_noon + dialed;
    return f;
}
leg_facts ended(const std::string& cause, const std::string& sip = "", millis at = millis{400}) {
    auto f = leg_of();
    f.is.ended = true;
    f.is.hangup_cause = cause;
    f.sip_cause = sip;
    f.ended_at = k_noon + at;
    return f;
}
device_facts with(leg_facts l) {
    auto d = phone();
    d.rung = true;
    d.legs.push_back(std::move(l));
    return d;
}
ring_result result_of(const device_facts& d) {
    return judge_device(d, the_ring()).result;
}
ring_result result_of(leg_facts l) {
    return result_of(with(std::move(l)));
}
push_facts push_that(outcome o, const std::string& code = "") {
    push_facts p;
    p.asked_at = k_noon + millis{10};
    p.over_at = k_noon + millis{110};
    p.result = o;
    p.by = push::provider::apns;
    p.code = code;
    p.attempts = 1;
    return p;
}
obstacle left_out(const device_facts& d) {
    const auto f = judge_device(d, the_ring());
    EXPECT_EQ(f.result, ring_result::left_out);
    return f.why_left_out;
}
/// A phone that a push was taken for: whatever its leg did, it may have been heard there.
device_facts pushed(leg_facts l) {
    auto d = with(std::move(l));
    d.pushes = {push_that(outcome::done)};
    return d;
}
std::string told(const device_facts& d) {
    return in_words(judge_device(d, the_ring()), d);
}

} // namespace

// ---- who is left out

TEST(diagnosis, be_41_a_device_that_was_not_rung_says_what_kept_it_from_it) {
    std::set<std::string> texts;
    for (int i = 1; i < k_obstacle_count; ++i) {
        const auto o = static_cast<obstacle>(i);
        auto d = phone();
        if (o == obstacle::registered_later)
            d.registered_at = k_noon + millis{1};
        else if (o != obstacle::changed_since)
            d.today = {o};
        EXPECT_EQ(left_out(d), o) << name(o);
        EXPECT_TRUE(told(d).starts_with("not rung")) << told(d);
        EXPECT_TRUE(texts.insert(told(d)).second) << "two reasons, one text: " << told(d);
        const bool nothing_to_do = o == obstacle::registered_later;
        EXPECT_EQ(advice(judge_device(d, the_ring()), d).empty(), nothing_to_do) << name(o);
    }
}

TEST(diagnosis, of_several_obstacles_the_first_is_told) {
    auto d = phone();
    d.today = {obstacle::no_member, obstacle::silent, obstacle::identity_retired};
    EXPECT_EQ(left_out(d), obstacle::no_member);
}

TEST(diagnosis, what_was_done_to_a_device_after_the_call_is_not_why_it_did_not_ring) {
    auto d = phone();
    d.today = {obstacle::removed};
    d.removed_at = k_noon + millis{1};
    EXPECT_EQ(left_out(d), obstacle::changed_since);
    d.today.push_back(obstacle::identity_pending); // as of the call: it was being made then
    EXPECT_EQ(left_out(d), obstacle::identity_pending);
    d.removed_at = k_noon;
    EXPECT_EQ(left_out(d), obstacle::removed);
}

TEST(diagnosis, a_device_that_registered_while_it_rang_and_was_let_in_is_judged_by_its_leg) {
    auto l = leg_of(millis{6'000});
    l.is.late = 1;
    l.is.release = release_reason::answered_elsewhere;
    auto d = with(l);
    d.registered_at = k_noon + millis{5'000};
    EXPECT_EQ(result_of(d), ring_result::rang);
}

// ---- what the carrier says

TEST(diagnosis, push_02_a_sip_status_says_more_than_the_cause_beside_it) {
    EXPECT_EQ(result_of(ended("not_found", "404")), ring_result::not_registered);
    EXPECT_EQ(result_of(ended("not_found")), ring_result::not_registered);
    EXPECT_EQ(result_of(ended("normal_clearing", "404")), ring_result::not_registered);
    EXPECT_EQ(result_of(ended("normal_clearing", "480")), ring_result::unreachable);
    EXPECT_EQ(result_of(ended("normal_clearing", "408")), ring_result::unreachable);
    EXPECT_EQ(result_of(ended("normal_clearing", "486")), ring_result::busy);
    EXPECT_EQ(result_of(ended("user_busy")), ring_result::busy);
    EXPECT_EQ(result_of(ended("call_rejected")), ring_result::declined);
    EXPECT_EQ(result_of(ended("normal_clearing", "603")), ring_result::declined);
    EXPECT_EQ(result_of(ended("normal_clearing", "503")), ring_result::invite_failed);
    EXPECT_EQ(result_of(ended("unspecified", "unspecified")), ring_result::invite_failed);
    EXPECT_EQ(result_of(ended("a word of tomorrow")), ring_result::invite_failed);
}

TEST(diagnosis, what_stood_until_its_time_was_up_rang) {
    EXPECT_EQ(result_of(pushed(ended("timeout", "480"))), ring_result::rang)
        << "the status goes with the time out";
    EXPECT_EQ(result_of(pushed(ended("no_answer"))), ring_result::rang);
    EXPECT_EQ(result_of(pushed(ended("originator_cancel", "487"))), ring_result::rang);
    for (const auto why :
         {release_reason::answered_elsewhere, release_reason::caller_gone, release_reason::ring_timeout}) {
        auto l = ended("originator_cancel", "487");
        l.is.release = why;
        EXPECT_EQ(result_of(pushed(l)), ring_result::rang);
        EXPECT_NE(told(pushed(l)).find("rang until"), std::string::npos);
    }
    auto r = the_ring();
    r.over = false;
    EXPECT_EQ(judge_device(pushed(leg_of()), r).result, ring_result::rings);
    EXPECT_EQ(judge_device(pushed(leg_of()), the_ring()).result, ring_result::rang);
}

TEST(diagnosis, push_02_a_phone_that_no_push_has_reached_and_that_said_nothing_is_not_told_to_have_rung) {
    auto l = ended("originator_cancel", "487");
    l.is.release = release_reason::answered_elsewhere;
    for (const auto& stood : {l, leg_of(), ended("timeout", "480"), ended("no_answer")}) {
        auto d = with(stood);
        EXPECT_EQ(result_of(d), ring_result::no_sign);
        d.pushes = {push_that(outcome::refused, "410 Unregistered")};
        EXPECT_EQ(result_of(d), ring_result::no_sign);
        EXPECT_EQ(judge_device(d, the_ring()).asleep, sleep_cause::push_failed);
        EXPECT_NE(told(d).find(": the push was not delivered: 410 Unregistered"), std::string::npos)
            << told(d);
        EXPECT_FALSE(has_rung(result_of(d)));
        d.pushes = {push_that(outcome::done)};
        d.pushes.front().what = push::kind::call_ended;
        EXPECT_EQ(result_of(d), ring_result::no_sign) << "that push wakes nobody";
    }
    auto d = with(l);
    d.has_push_token = false;
    EXPECT_EQ(told(d), "dialed, nothing shows that it rang: it has no push token");
    EXPECT_NE(advice(judge_device(d, the_ring()), d).find("it registers a token then"), std::string::npos);
    auto r = the_ring();
    r.wakes_by_push = false;
    EXPECT_EQ(
        in_words(judge_device(d, r), d), "dialed, nothing shows that it rang: phones are not woken by push"
    );
    r = the_ring();
    r.over = false;
    auto live = with(leg_of());
    live.pushes = {push_that(outcome::done)};
    live.pushes.front().over_at.reset();
    EXPECT_EQ(
        in_words(judge_device(live, r), live),
        "dialed, nothing shows that it rings: the push is still being tried"
    );
}

TEST(diagnosis, push_02_any_sign_of_a_phone_is_one_that_it_rang_and_a_browser_gives_none) {
    const auto silent = with(ended("no_answer"));
    ASSERT_EQ(result_of(silent), ring_result::no_sign);
    auto d = silent;
    d.receipts = {{"received", k_noon + millis{900}}};
    EXPECT_EQ(result_of(d), ring_result::rang);
    d = silent;
    d.acknowledged = true;
    EXPECT_EQ(result_of(d), ring_result::rang);
    d = silent;
    d.asks = {{request_kind::ring, refusal::none, k_noon + millis{2'000}}};
    EXPECT_EQ(result_of(d), ring_result::rang);
    d = silent;
    d.platform = "web";
    EXPECT_EQ(result_of(d), ring_result::rang) << "its page was open, or it would not have been registered";
}

TEST(diagnosis, and_14_who_answered_declined_or_was_taken_out_is_told_as_that) {
    auto answered = leg_of();
    answered.is.answered = true;
    auto r = the_ring();
    r.talked = k_phone;
    EXPECT_EQ(judge_device(with(answered), r).result, ring_result::talked);
    r.talked = k_other;
    EXPECT_EQ(judge_device(with(answered), r).result, ring_result::answered);
    auto declined = leg_of();
    declined.is.declined = true;
    EXPECT_EQ(result_of(declined), ring_result::declined);
    auto withdrawn = leg_of();
    withdrawn.is.withdrawn = true;
    EXPECT_EQ(result_of(withdrawn), ring_result::withdrawn);
}

TEST(diagnosis, be_22_a_dial_that_telnyx_refused_is_told_with_its_code_and_one_that_was_late_as_late) {
    auto l = leg_of();
    l.is.dial = dial_status::failed;
    l.dial_result = outcome::refused;
    l.dial_error = "10010";
    EXPECT_EQ(result_of(l), ring_result::dial_refused);
    EXPECT_NE(told(with(l)).find("10010"), std::string::npos);
    l.dial_result = outcome::expired;
    l.dial_error.clear();
    EXPECT_EQ(result_of(l), ring_result::dial_unsent);
    EXPECT_NE(told(with(l)).find("expired"), std::string::npos);
    l.is.dial = dial_status::requested;
    EXPECT_EQ(result_of(l), ring_result::dial_unsent);
    auto chosen = phone(); // the call had waited for its whole ring already
    chosen.rung = true;
    EXPECT_EQ(result_of(chosen), ring_result::dial_unsent);
    EXPECT_NE(told(chosen).find("time was up"), std::string::npos);
}

TEST(diagnosis, cred_01_of_several_legs_the_one_that_came_furthest_counts) {
    auto d = with(ended("not_found", "404"));
    auto late = leg_of(millis{6'400});
    late.is.late = 1;
    late.is.release = release_reason::answered_elsewhere;
    d.legs.push_back(late);
    const auto f = judge_device(d, the_ring());
    EXPECT_EQ(f.result, ring_result::rang);
    EXPECT_EQ(f.leg, 1U);
    EXPECT_EQ(f.asleep, sleep_cause::none) << "it woke";
}

// ---- why it did not wake

TEST(diagnosis, push_02_a_phone_that_was_not_registered_says_what_became_of_its_push) {
    const auto cause = [](const device_facts& d) { return judge_device(d, the_ring()).asleep; };
    auto d = with(ended("not_found", "404"));
    EXPECT_EQ(cause(d), sleep_cause::not_pushed);
    d.pushes = {push_that(outcome::refused, "410 Unregistered")};
    EXPECT_EQ(cause(d), sleep_cause::push_failed);
    EXPECT_NE(told(d).find("410 Unregistered"), std::string::npos) << told(d);
    d.has_push_token = false;
    EXPECT_EQ(cause(d), sleep_cause::push_failed) << "that word made it so";
    d.pushes = {push_that(outcome::refused, "no_token")};
    d.pushes.front().by.reset();
    EXPECT_EQ(cause(d), sleep_cause::no_token);
    d.has_push_token = true;
    d.pushes = {push_that(outcome::done)};
    EXPECT_EQ(cause(d), sleep_cause::not_received);
    d.pushes.front().over_at.reset();
    EXPECT_EQ(cause(d), sleep_cause::push_pending);
    d.pushes = {push_that(outcome::done)};
    d.receipts = {{"received", k_noon + millis{900}}};
    EXPECT_EQ(cause(d), sleep_cause::stayed_out);
    d.receipts.clear();
    d.acknowledged = true;
    EXPECT_EQ(cause(d), sleep_cause::stayed_out);
    d.asks = {{request_kind::ring, refusal::not_ringing, k_noon + millis{29'000}}};
    EXPECT_EQ(cause(d), sleep_cause::not_let_in);
    EXPECT_NE(told(d).find("not ringing"), std::string::npos) << told(d);
    d.asks = {{request_kind::ring, refusal::none, k_noon + millis{2'000}}};
    EXPECT_EQ(cause(d), sleep_cause::none);
}

TEST(diagnosis, push_02_a_push_that_tells_of_an_end_wakes_nobody) {
    auto d = with(ended("not_found", "404"));
    d.pushes = {push_that(outcome::done)};
    d.pushes.front().what = push::kind::missed_call;
    EXPECT_EQ(judge_device(d, the_ring()).asleep, sleep_cause::not_pushed);
}

TEST(diagnosis, a_browser_and_a_server_without_pushes_wake_nobody) {
    auto d = with(ended("not_found", "404"));
    auto r = the_ring();
    r.wakes_by_push = false;
    EXPECT_EQ(judge_device(d, r).asleep, sleep_cause::pushes_off);
    d.platform = "web";
    EXPECT_EQ(judge_device(d, r).asleep, sleep_cause::browser);
    EXPECT_EQ(judge_device(d, the_ring()).asleep, sleep_cause::browser);
}

TEST(diagnosis, what_rang_or_was_busy_needs_no_waking) {
    for (const auto& l : {ended("timeout"), ended("user_busy", "486"), ended("normal_clearing", "503")})
        EXPECT_EQ(judge_device(pushed(l), the_ring()).asleep, sleep_cause::none);
}

// ---- words

TEST(diagnosis, every_result_has_a_text_and_what_rang_needs_no_advice) {
    for (int i = 0; i < k_ring_result_count; ++i) {
        finding f;
        f.result = static_cast<ring_result>(i);
        if (f.result == ring_result::not_registered || f.result == ring_result::unreachable)
            f.asleep = sleep_cause::not_received;
        if (f.result == ring_result::no_sign) f.asleep = sleep_cause::no_token;
        if (f.result == ring_result::left_out) f.why_left_out = obstacle::silent;
        const auto d = phone();
        EXPECT_FALSE(in_words(f, d).empty()) << name(f.result);
        if (has_rung(f.result))
            EXPECT_EQ(advice(f, d), "") << name(f.result);
        else if (f.result != ring_result::withdrawn)
            EXPECT_NE(advice(f, d), "") << name(f.result);
    }
    EXPECT_EQ(
        cause_in_words("480", "normal_clearing"),
        "480, the phone did not answer the carrier (normal_clearing)"
    );
    EXPECT_EQ(cause_in_words("unspecified", "not_found"), "not_found, the phone was not registered");
    EXPECT_EQ(cause_in_words("", ""), "no cause is known");
}

TEST(diagnosis, a_mobile_number_that_nobody_answered_is_not_told_to_have_rung) {
    const auto says = [](const leg_facts& l) { return number_in_words(l, false); };
    EXPECT_EQ(says(leg_of()), "dialed, nobody has answered yet");
    EXPECT_EQ(
        says(ended("normal_clearing", "480")),
        "dialed, nobody answered: 480, switched off or out of reach (normal_clearing)"
    );
    EXPECT_EQ(
        says(ended("not_found", "404")), "dialed, nobody answered: 404, there is no such number (not_found)"
    );
    EXPECT_EQ(says(ended("user_busy")), "dialed, nobody answered: user_busy, busy");
    EXPECT_EQ(says(ended("normal_clearing")), "dialed, nobody answered: normal_clearing");
    EXPECT_EQ(says(ended("timeout")), "dialed, nobody answered: timeout, nobody picked up");
    auto l = ended("originator_cancel", "487");
    l.is.release = release_reason::caller_gone;
    EXPECT_EQ(says(l), "dialed, nobody answered until: caller gone");
    l = leg_of();
    l.is.dial = dial_status::failed;
    l.dial_error = "10010";
    EXPECT_EQ(says(l), "could not be dialed: 10010");
    l = ended("normal_clearing");
    l.is.answered = true;
    EXPECT_EQ(says(l), "was answered, and nobody pressed 1, ended: normal_clearing");
    l.is.confirmed = true;
    EXPECT_EQ(says(l), "wanted the call, and did not get it, ended: normal_clearing");
    l.is.bridged = true;
    EXPECT_EQ(number_in_words(l, true), "took the call by a key, ended: normal_clearing");
}

TEST(diagnosis, push_02_the_steps_of_a_woken_phone_are_told_in_the_order_of_time) {
    auto d = with(ended("normal_clearing", "480"));
    d.pushes = {push_that(outcome::done)};
    d.acknowledged = true;
    d.asks = {{request_kind::ring, refusal::none, k_noon + millis{6'400}}};
    auto late = leg_of(millis{6'410});
    late.is.late = 1;
    late.let_in_at = k_noon + millis{6'400};
    late.is.release = release_reason::answered_elsewhere;
    late.released_at = k_noon + millis{8'000};
    d.legs.push_back(late);
    std::string all;
    std::optional<time_point> last;
    for (const auto& s : steps_of(d, the_ring())) {
        all += s.text + "|";
        if (!s.at) continue;
        EXPECT_TRUE(!last || *last <= *s.at) << all;
        last = s.at;
    }
    EXPECT_EQ(
        all, "push accepted by APNs|the phone says that the push came|INVITE|INVITE failed: 480, the phone "
             "did not "
             "answer the carrier (normal_clearing)|woke and was let in|INVITE again|answered elsewhere|"
    );
}

TEST(diagnosis, push_02_what_the_phone_says_of_a_push_is_told_at_its_time) {
    auto d = with(ended("not_found", "404", millis{400}));
    d.acknowledged = true;
    d.pushes = {push_that(outcome::done)};
    d.receipts = {
        {"received", k_noon + millis{300}},
        {"ready", k_noon + millis{1'900}},
        {"tomorrow's", k_noon + millis{2'000}}
    };
    std::string all;
    for (const auto& s : steps_of(d, the_ring()))
        all += s.text.substr(0, 40) + "|";
    EXPECT_EQ(
        all, "push accepted by APNs|INVITE|the phone says that the push came|INVITE failed: 404, the phone "
             "was not re|"
             "the phone says that it is ready to be ru|the phone says: tomorrow's|"
    );
}

TEST(diagnosis, push_02_a_push_is_told_with_the_providers_word_and_its_attempts) {
    auto d = phone();
    auto p = push_that(outcome::refused, "410 Unregistered");
    p.attempts = 3;
    d.pushes = {p};
    auto end = push_that(outcome::done);
    end.what = push::kind::call_ended;
    end.by = push::provider::fcm;
    d.pushes.push_back(end);
    auto waits = push_that(outcome::done);
    waits.over_at.reset();
    waits.round = 2;
    d.pushes.push_back(waits);
    std::set<std::string> all;
    for (const auto& s : steps_of(d, the_ring()))
        all.insert(s.text);
    EXPECT_EQ(
        all, (std::set<std::string>{
                 "push refused by APNs: 410 Unregistered, 3 attempts", "push \"call ended\" accepted by FCM",
                 "push (said again, 2) is being tried"
             })
    );
}

TEST(diagnosis, a_refused_request_and_a_talk_are_steps) {
    auto l = leg_of();
    l.is.answered = l.is.ended = true;
    l.is.hangup_cause = "normal_clearing";
    l.answered_at = k_noon + millis{3'000};
    l.ended_at = k_noon + millis{9'000};
    auto d = with(l);
    d.asks = {{request_kind::decline, refusal::in_the_talk, k_noon + millis{4'000}}};
    std::string all;
    for (const auto& s : steps_of(d, the_ring()))
        all += s.text + "|";
    EXPECT_EQ(all, "INVITE|answered|declined, refused: in the talk|hung up: normal_clearing|");
}
