// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "run.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>

using namespace z360;
using namespace z360::call;
using namespace z360::testing;

// A blocked caller who is told or rejected, under any events in any order with any repetition.
TEST(call_properties, b_43_a_blocked_caller_is_done_with_whatever_comes) {
    std::map<std::string, int> how;
    for (unsigned seed = 0; seed < 5'000; ++seed) {
        std::mt19937 g(seed);
        const auto below = [&](unsigned n) { return static_cast<unsigned>(g() % n); };
        auto in = sample_incoming(2);
        auto& r = in.routed;
        r.verdict = route_verdict::blocked_caller;
        r.cause = route_cause::blocked;
        const auto targets = r.targets;
        r.targets.clear();
        r.user = {};
        r.rules.wake_by_push = below(2) == 0;
        r.rules.record_calls = true;
        if (below(2) == 0) r.mobile = "+15550177777"; // never so, and still
        const bool told = below(3) != 0;
        r.rules.voicemail_greeting = told ? "Not you." : "";
        if (below(4) == 0) in.waiting_since = k_begin - std::chrono::minutes{5};
        auto at = k_begin;
        auto d = begin(in, at);
        auto s = d.next;
        std::set<std::string> ids;
        std::string log = "seed " + std::to_string(seed) + ": ";
        bool answered_known = false, ended_known = false;
        int rejects = 0, hangups = 0;
        const auto take = [&](const decision& x) {
            ASSERT_EQ(broken_invariant(x.next), nullptr) << log << broken_invariant(x.next);
            for (const auto& f : x.effects) {
                const auto* e = std::get_if<effect>(&f);
                if (e != nullptr) ASSERT_FALSE(std::holds_alternative<push_notice>(e->body)) << log;
                const auto c = command_of(f);
                if (!c) continue;
                log += "[" + std::string(name(c->what())) + "] ";
                ASSERT_TRUE(ids.insert(c->id).second) << log << " twice " << c->id;
                const auto v = c->what();
                ASSERT_TRUE(v == verb::answer || v == verb::speak || v == verb::hangup || v == verb::reject)
                    << log;
                rejects += v == verb::reject;
                hangups += v == verb::hangup && !c->leg;
                if (v == verb::reject) ASSERT_FALSE(answered_known) << log << " reject of an answered caller";
                if (v == verb::reject || v == verb::hangup)
                    if (!c->leg) ASSERT_FALSE(ended_known) << log << " of one who has gone";
            }
            s = x.next;
        };
        take(d);
        if (::testing::Test::HasFatalFailure()) return;
        const leg_ref caller{in.call_control_id, std::nullopt};
        const auto base = in.id.text();
        for (unsigned n = below(14); n > 0; --n) {
            at += millis{below(4) == 0 ? below(9'000) : below(400)};
            event e = tick{};
            const auto res = static_cast<outcome>(below(3));
            std::string pick;
            for (const auto& i : ids)
                if (below(2) == 0) pick = i;
            verb v = verb::answer;
            if (pick.find("greeting") != std::string::npos) v = verb::speak;
            if (pick.ends_with("reject")) v = verb::reject;
            if (pick.ends_with("hangup")) v = verb::hangup;
            switch (below(12)) {
            case 0:
                e = leg_answered{caller};
                answered_known = true;
                log += "answered ";
                break;
            case 1:
                e = leg_hangup{caller, "originator_cancel"};
                ended_known = true;
                log += "gone ";
                break;
            case 2:
                e = prompt_ended{caller, below(2) == 0, below(3) != 0, at, {}};
                log += "prompt_ended ";
                break;
            case 3:
            case 4:
            case 5:
                if (pick.empty()) continue;
                e = command_outcome{pick, v, caller, res, res == outcome::refused ? "90018" : "", "", 1};
                if (v == verb::answer && res == outcome::done) answered_known = true;
                log += "outcome(" + pick.substr(37 < pick.size() ? 37 : 0) + " " +
                       std::to_string(static_cast<int>(res)) + ") ";
                break;
            case 6: e = recording_failed{caller, "x"}; break;
            case 7: e = ring_withdrawn{{device_id{1}, device_id{2}, device_id{0}}}; break;
            case 8: {
                device_asks q;
                q.what = static_cast<request_kind>(below(3));
                q.id = "q" + std::to_string(n);
                q.device = targets[0].device;
                q.until = at + millis{5'000};
                q.at = {targets[0]};
                e = q;
                log += "asks ";
                break;
            }
            case 9: e = push_received{targets[0].device, true}; break;
            case 10: e = carrier_told{below(3), below(2) == 0}; break;
            default: log += "tick "; break;
            }
            const auto may = below(3) == 0 ? authority::unproven : authority::newest;
            const auto x = decide(s, e, at, may);
            take(x);
            if (::testing::Test::HasFatalFailure()) return;
            if (s.caller.ended) ended_known = true;
        }
        for (int i = 0; i < 50 && deadline(s); ++i) {
            at = std::max(at, *deadline(s));
            take(decide(s, tick{}, at, authority::newest));
            if (::testing::Test::HasFatalFailure()) return;
        }
        ASSERT_EQ(phase_of(s), phase::ended) << log;
        ASSERT_EQ(s.reason, end_reason::rejected) << log;
        ASSERT_LE(rejects + hangups, 1) << log;
        if (!s.caller.ended) ASSERT_EQ(rejects + hangups, 1) << log;
        ++how[rejects ? "reject" : hangups ? "hangup" : "gone"];
    }
    EXPECT_EQ(how.size(), 3U) << "each way to be done with them was gone";
}
