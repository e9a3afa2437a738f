// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Any order and any repetition of a call's events ends in the same call with the same effective commands;
// terminal states never revert (I7, I10, I18; BE-12, BE-33, BE-35).
#include "run.hpp"

#include <gtest/gtest.h>

using namespace z360;
using namespace z360::call;
using namespace z360::testing;

namespace {

void same_in_any_order(const story& s, bool anyone) {
    RC_LOG() << s << '\n';
    const int n = static_cast<int>(s.devices.size());
    run straight(n);
    run mixed(n);
    const auto events = tell(s, straight.now);
    for (const auto& e : events)
        straight.feed(e, millis{1});
    deliver(mixed, shuffled(events));
    auto want = view(straight.now, anyone);
    auto got = view(mixed.now, anyone);
    blur_reason(want, s);
    blur_reason(got, s);
    RC_ASSERT(got == want);
    RC_ASSERT(effective(mixed, ending_of(s), anyone) == effective(straight, ending_of(s), anyone));
    if (!anyone || s.joined >= 0) {
        // Nothing more is heard of the call: it ends the same way in both.
        straight.let_time_pass();
        mixed.let_time_pass();
        want = view(straight.now, anyone);
        got = view(mixed.now, anyone);
        blur_reason(want, s);
        blur_reason(got, s);
        RC_ASSERT(got == want);
    }
    for (const auto* r : {&straight, &mixed}) {
        check_ids(*r);
        check_end(*r);
    }
}

} // namespace

TEST(call_properties, i_10_be_12_be_33_be_35_one_answerer_ends_the_same_in_any_order) {
    EXPECT_TRUE(holds("one device at most answers", [] { same_in_any_order(any_story(true), false); }));
}

TEST(call_properties, i_10_several_answerers_end_the_same_but_for_who_wins) {
    EXPECT_TRUE(holds("several devices answer", [] {
        const auto s = any_story(false);
        // Once the carrier has joined somebody there is nothing left to choose.
        same_in_any_order(s, s.joined < 0);
    }));
}

TEST(call_properties, i_10_voicemail_ends_the_same_in_any_order) {
    EXPECT_TRUE(holds("nobody answers, the caller speaks to voicemail", [] {
        story s;
        s.devices = *rc::gen::resize(20, rc::gen::container<std::vector<device_story>>(any_device(false)));
        if (s.devices.size() > 20) s.devices.resize(20);
        const bool saved = *rc::gen::arbitrary<bool>();
        const bool leaves = *rc::gen::arbitrary<bool>();
        RC_LOG() << s << (saved ? " saved" : "") << (leaves ? " leaves" : "") << '\n';
        const int n = static_cast<int>(s.devices.size());
        run straight(n);
        run mixed(n);
        const auto ring = tell(s, straight.now);
        for (const auto& e : ring)
            straight.feed(e, millis{1});
        deliver(mixed, shuffled(ring));
        // The carrier could only come to voicemail after we had: by the last device's end or by time.
        for (auto* r : {&straight, &mixed}) {
            if (phase_of(r->now) == phase::ringing) r->feed(tick{}, current_ring(r->now)->deadline - r->at);
            RC_ASSERT(phase_of(r->now) == phase::voicemail);
        }
        const leg_ref caller{"v3:caller", std::nullopt};
        std::vector<event> rest{leg_answered{caller}, prompt_ended{caller, false}};
        if (saved) rest.emplace_back(recording_saved{caller, "rec-1", "https://example.test/rec-1.mp3"});
        if (leaves) rest.emplace_back(leg_hangup{caller, "normal_clearing"});
        for (const auto& e : rest)
            straight.feed(e, millis{1});
        rest.insert(rest.end(), ring.begin(), ring.end()); // and everything from before once more
        deliver(mixed, shuffled(rest));
        for (auto* r : {&straight, &mixed})
            r->let_time_pass();
        RC_ASSERT(view(mixed.now, false) == view(straight.now, false));
        RC_ASSERT(mixed.now.reason == end_reason::voicemail);
        for (const auto* r : {&straight, &mixed}) {
            check_ids(*r);
            check_end(*r);
        }
    }));
}

// A node that cannot ask for the newest copy hears everything minutes late, while every deadline of its copy
// passes: nothing is taken away by time, and once it is sure again the call is the one that it would have
// been.
TEST(call_properties, i_21_time_without_proof_only_adds_and_leaves_the_same_call) {
    EXPECT_TRUE(holds("late events on a copy that may be old", [] {
        const auto s = any_story(true);
        RC_LOG() << s << '\n';
        const int n = static_cast<int>(s.devices.size());
        run sure(n);
        run unsure(n);
        for (const auto& e : tell(s, sure.now))
            sure.feed(e, millis{1});
        for (const auto& e : tell(s, unsure.now)) {
            unsure.feed(tick{}, millis{*rc::gen::inRange(0, 20'000)}, authority::unproven);
            unsure.feed(e, millis{0}, authority::unproven);
        }
        sure.let_time_pass();
        unsure.let_time_pass();
        auto want = view(sure.now, false);
        auto got = view(unsure.now, false);
        blur_reason(want, s);
        blur_reason(got, s);
        RC_ASSERT(got == want);
        RC_ASSERT(effective(unsure, ending_of(s), false) == effective(sure, ending_of(s), false));
        check_ids(unsure);
        check_end(unsure);
    }));
}

TEST(call_properties, i_18_an_event_fed_again_at_once_changes_nothing) {
    EXPECT_TRUE(holds("every event twice in a row", [] {
        const auto s = any_story(*rc::gen::arbitrary<bool>());
        RC_LOG() << s << '\n';
        run r(static_cast<int>(s.devices.size()));
        for (const auto& [e, later] : shuffled(tell(s, r.now))) {
            r.feed(e, later);
            const auto before = r.now;
            const auto commands = r.sent.size();
            r.feed(e, millis{0});
            RC_ASSERT(r.now == before);
            RC_ASSERT(r.sent.size() == commands);
        }
    }));
}
