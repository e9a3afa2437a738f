// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What devices ask for is judged once, and the verdict is a fact. Between two verdicts the carrier's facts
// may come in any order and any number: the verdicts are the same, and so is the call that they lead to
// (I10).
#include "run.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

using namespace z360;
using namespace z360::call;
using namespace z360::testing;

namespace {

/// The carrier's facts up to a request, and the request; the last one has none.
struct chapter {
    std::vector<event> facts;
    std::optional<device_asks> then;
};

device_asks asks(request_kind what, std::int64_t device, std::size_t serial) {
    device_asks out{what, "request-" + std::to_string(serial), {device}, k_begin + std::chrono::hours{1}, {}};
    if (what == request_kind::ring) {
        out.at.push_back(sample_incoming(static_cast<int>(device)).routed.targets.back());
        out.at.back().identity.value += 100 * static_cast<std::int64_t>(serial);
    }
    return out;
}

/// Requests in random places of a story. A joined device declines after the join only: before it, whether
/// voicemail had begun meanwhile would rightly depend on what was heard first.
std::vector<chapter> with_requests(const story& s, const std::vector<event>& told) {
    const auto n = static_cast<std::int64_t>(s.devices.size());
    std::vector<std::pair<std::size_t, device_asks>> asked;
    const auto many = *rc::gen::inRange<std::size_t>(1, 5);
    for (std::size_t i = 0; i < many; ++i) {
        const auto what = static_cast<request_kind>(*rc::gen::inRange(0, k_request_count));
        const auto device = *rc::gen::inRange<std::int64_t>(1, n + 2); // the last one was not rung at first
        auto place = *rc::gen::inRange<std::size_t>(0, told.size() + 1);
        if (what == request_kind::decline && s.joined + 1 == device) place = told.size();
        asked.emplace_back(place, asks(what, device, i));
    }
    std::sort(asked.begin(), asked.end(), [](const auto& a, const auto& b) {
        return std::pair(a.first, a.second.id) < std::pair(b.first, b.second.id);
    });
    std::vector<chapter> out;
    std::size_t from = 0;
    for (auto& [place, request] : asked) {
        const auto at = [&told](std::size_t i) { return told.begin() + static_cast<std::ptrdiff_t>(i); };
        out.push_back({{at(from), at(place)}, std::move(request)});
        from = place;
    }
    out.push_back({{told.begin() + static_cast<std::ptrdiff_t>(from), told.end()}, std::nullopt});
    return out;
}

/// What the carrier tells of a leg that was let in: it rings on, is not picked up, is declined or cannot be
/// dialed; or answers, where nobody else does.
std::vector<event> life_of(const leg& l, bool may_answer) {
    const leg_ref who{"v3:" + l.id.text(), l.id};
    command_outcome reply;
    reply.what = verb::dial;
    reply.who = who;
    reply.command_id = l.id.text();
    std::vector<event> out;
    const auto fate = *rc::gen::inRange(0, may_answer ? 5 : 4);
    if (fate == 0) {
        reply.result = outcome::refused;
        reply.who.call_control_id.clear();
        return {reply};
    }
    out.emplace_back(reply);
    out.emplace_back(leg_initiated{who});
    if (fate == 1) out.emplace_back(leg_hangup{who, "timeout"});
    if (fate == 2) out.emplace_back(leg_hangup{who, "user_busy"});
    if (fate == 4) out.emplace_back(leg_answered{who});
    return out;
}

bool gone(const leg& l) {
    return l.ended || l.dial == dial_status::failed || l.called_off();
}

/// Of the legs as they are once everything was told.
ending ending_of(const story& s, const state& at) {
    const auto& legs = at.legs;
    auto out = z360::testing::ending_of(s);
    const bool waits =
        std::any_of(legs.begin(), legs.end(), [](const auto& l) { return !gone(l) && l.answered; });
    out.wants_answer = waits || std::all_of(legs.begin(), legs.end(), gone);
    return out;
}

std::vector<refusal> verdicts(const state& s) {
    std::vector<refusal> out;
    for (const auto& v : s.verdicts)
        out.push_back(v.why);
    return out;
}

line_set seen(const run& r, const story& s) {
    auto out = view(r.now, false);
    const auto& legs = r.now.legs;
    if (s.caller_answered && s.joined < 0 && std::all_of(legs.begin(), legs.end(), gone)) blur_reason(out);
    return out;
}

void same_between_verdicts() {
    auto s = any_story(true);
    for (auto& d : s.devices)
        d.reply_expires = false; // a leg that counts as refused for a while may be the last one
    RC_LOG() << s << '\n';
    const int n = static_cast<int>(s.devices.size());
    run straight(n);
    run mixed(n);
    auto chapters = with_requests(s, tell(s, straight.now));
    bool may_answer = s.answering() == 0;
    std::vector<event> over; // any of it may come once more
    std::size_t granted = 0;
    for (std::size_t i = 0; i < chapters.size(); ++i) {
        auto& c = chapters[i];
        for (const auto& e : c.facts)
            straight.feed(e, millis{1});
        auto mess = c.facts;
        for (const auto& e : over)
            if (*rc::gen::inRange(0, 4) == 0) mess.push_back(e);
        deliver(mixed, shuffled(mess));
        over.insert(over.end(), c.facts.begin(), c.facts.end());
        if (!c.then) break;
        const auto legs = straight.now.legs.size();
        straight.feed(*c.then, millis{1});
        mixed.feed(*c.then, millis{1});
        over.emplace_back(*c.then);
        RC_ASSERT(verdicts(mixed.now) == verdicts(straight.now));
        granted += straight.now.verdicts.back().why == refusal::none ? 1 : 0;
        RC_ASSERT(mixed.now.legs.size() == straight.now.legs.size());
        for (auto l = legs; l < straight.now.legs.size(); ++l) {
            const auto told = life_of(straight.now.legs[l], may_answer);
            auto& next = chapters[i + 1].facts;
            next.insert(next.begin(), told.begin(), told.end());
            if (std::holds_alternative<leg_answered>(told.back())) may_answer = false;
        }
    }
    RC_CLASSIFY(granted > 0, "granted");
    RC_ASSERT(seen(mixed, s) == seen(straight, s));
    RC_ASSERT(verdicts(mixed.now) == verdicts(straight.now));
    const auto end = ending_of(s, straight.now);
    RC_ASSERT(effective(mixed, end, false) == effective(straight, end, false));
    for (auto* r : {&straight, &mixed})
        r->let_time_pass();
    RC_ASSERT(seen(mixed, s) == seen(straight, s));
    for (const auto* r : {&straight, &mixed}) {
        check_ids(*r);
        check_end(*r);
    }
}

} // namespace

TEST(call_properties, i_10_between_two_verdicts_facts_come_in_any_order) {
    EXPECT_TRUE(holds("declines, words of answers and late joins", same_between_verdicts));
}

// However the requests lie between them: what the carrier told of the legs is written down alike.
TEST(call_properties, i_10_requests_leave_what_the_carrier_tells_as_it_is) {
    EXPECT_TRUE(holds("facts with and without requests", [] {
        const auto s = any_story(*rc::gen::arbitrary<bool>());
        RC_LOG() << s << '\n';
        const int n = static_cast<int>(s.devices.size());
        run without(n);
        run with(n);
        const auto told = tell(s, without.now);
        for (const auto& e : told)
            without.feed(e, millis{1});
        std::vector<event> all = told;
        const auto many = *rc::gen::inRange<std::size_t>(1, 6);
        for (std::size_t i = 0; i < many; ++i)
            all.emplace_back(asks(
                *rc::gen::element(
                    request_kind::decline, request_kind::answered, request_kind::pause_recording,
                    request_kind::resume_recording, request_kind::give_up_media
                ),
                *rc::gen::inRange<std::int64_t>(1, n + 2), i
            ));
        deliver(with, shuffled(all));
        auto want = facts(without.now);
        auto got = facts(with.now);
        RC_ASSERT(got == want);
        check_ids(with);
    }));
}
