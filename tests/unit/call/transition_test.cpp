// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Every phase meets every event, from every side: nothing may throw, break an invariant or leave a terminal
// state.
#include "support/scenario.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

using namespace z360;
using namespace z360::call;
using z360::testing::control_id;
using z360::testing::sample_incoming;

namespace {

const time_point k_now = time_point{millis{1'800'000'000'000}};

state feed(state s, const std::vector<event>& events, time_point now = k_now) {
    for (const auto& e : events)
        s = decide(s, e, now).next;
    return s;
}

leg_ref device(const state& s, int n) {
    for (const auto& l : s.legs)
        if (l.device() == device_id{n}) return {control_id(n), l.id};
    return {};
}
leg_ref mobile(const state& s) {
    for (const auto& l : s.legs)
        if (l.role == leg_role::peer) return {"v3:m", l.id};
    return {};
}
leg_ref caller() {
    return {"v3:caller", std::nullopt};
}

command_outcome result(const state& s, verb v, leg_ref who, outcome o) {
    command_outcome c{"", v, std::move(who), o, "90018"};
    // The ids are part of the protocol: other nodes and restarts must arrive at the same ones.
    if (const auto* j = current_join(s); v == verb::bridge && j != nullptr)
        c.command_id = j->b.text() + "-bridge-" + std::to_string(j->epoch);
    if (v == verb::speak) {
        c.command_id = s.id.text();
        c.command_id += phase_of(s) == phase::voicemail ? std::string("-greeting")
                                                        : "-prompt-" + std::to_string(s.prompts.size());
    }
    if (v == verb::gather_using_speak && mobile(s).leg) c.command_id = mobile(s).leg->text() + "-confirm";
    if (v == verb::record_start) c.command_id = s.id.text() + "-record";
    return c;
}

// One reachable state per phase, reached by real steps where there is a way.
std::vector<state> states() {
    std::vector<state> out;
    const auto ringing = begin(sample_incoming(3), k_now).next;
    out.push_back(ringing);
    const auto known = feed(ringing, {leg_initiated{device(ringing, 1)}, leg_initiated{device(ringing, 2)}});
    out.push_back(known);
    const auto answering = feed(known, {leg_answered{device(known, 1)}});
    out.push_back(answering);
    const auto bridging = feed(answering, {leg_answered{caller()}});
    out.push_back(bridging);
    out.push_back(feed(bridging, {tick{}}, k_now + millis{6'500})
    ); // asked when nothing is on its way any more
    const auto accepted =
        feed(bridging, {result(bridging, verb::bridge, device(bridging, 1), outcome::done)});
    out.push_back(accepted);
    out.push_back(feed(accepted, {tick{}}, k_now + millis{3'000}));
    const auto active = feed(accepted, {leg_bridged{device(known, 1)}, leg_bridged{caller()}});
    out.push_back(active);
    out.push_back(feed(active, {leg_hold{device(known, 1), true, k_now}}));
    out.push_back(feed(active, {leg_hold{caller(), true, k_now}}));
    const auto voicemail = begin(sample_incoming(0), k_now).next;
    out.push_back(voicemail);
    const auto greeting = feed(voicemail, {leg_answered{caller()}});
    out.push_back(greeting);
    out.push_back(feed(greeting, {prompt_ended{caller(), false}}));
    out.push_back(feed(active, {leg_hangup{caller(), "normal_clearing"}}));
    out.push_back(feed(ringing, {leg_hangup{caller(), "originator_cancel"}}));
    incoming reachable = sample_incoming(1);
    reachable.routed.mobile = "+15550107777";
    const auto both = feed(begin(reachable, k_now).next, {tick{}}, k_now + millis{15'000});
    out.push_back(both);
    const auto asked = feed(both, {leg_answered{mobile(both)}});
    out.push_back(asked);
    out.push_back(feed(asked, {digits_gathered{mobile(both), "1"}}));
    out.push_back(feed(asked, {digits_gathered{mobile(both), ""}}));
    incoming refused = sample_incoming(2);
    refused.routed = {};
    out.push_back(begin(refused, k_now).next);
    return out;
}

std::vector<event> events(const state& s) {
    std::vector<event> out{sample_incoming(3), tick{}};
    for (std::uint32_t round = 0; round < 3; ++round)
        for (const bool answered : {true, false})
            out.emplace_back(carrier_told{round, answered});
    out.emplace_back(ring_withdrawn{{device_id{1}, device_id{99}}});
    out.emplace_back(ring_withdrawn{{device_id{1}, device_id{2}, device_id{3}}});
    for (const auto d : {1, 2, 99})
        for (const auto in : {millis{-1}, millis{5'000}, millis{60'000}})
            for (int k = 0; k < k_request_count; ++k) {
                device_asks e{static_cast<request_kind>(k), "request", device_id{d}, k_now + in, {}};
                out.emplace_back(e);
                e.at = sample_incoming(99).routed.targets;
                out.emplace_back(std::move(e));
            }
    for (int o = 0; o < k_outcome_count; ++o)
        out.emplace_back(test_outcome{"effect", static_cast<outcome>(o), "answer", 1});
    for (const auto d : {1, 99}) {
        out.emplace_back(push_received{device_id{d}});
        out.emplace_back(push_received{device_id{d}, true});
        for (int o = 0; o < k_outcome_count; ++o)
            for (const bool sent : {false, true})
                out.emplace_back(push_outcome{
                    "effect", push::kind::incoming_call, device_id{d}, 1, static_cast<outcome>(o), sent,
                    push::provider::fcm, "word", 1
                });
    }
    std::vector<leg_ref> everybody{
        caller(), {"v3:stranger", std::nullopt}, {"", std::nullopt}, {"v3:twin", std::nullopt}
    };
    for (int n = 1; n <= 3; ++n) {
        if (device(s, n).leg) {
            everybody.push_back(device(s, n));
            everybody.push_back({"v3:other", device(s, n).leg});
            everybody.push_back({"", device(s, n).leg});
        }
    }
    if (mobile(s).leg) everybody.push_back(mobile(s));
    for (const auto& who : everybody) {
        for (const char* keys : {"1", "", "21"})
            out.emplace_back(digits_gathered{who, keys});
        out.emplace_back(leg_initiated{who});
        out.emplace_back(leg_answered{who});
        out.emplace_back(leg_bridged{who});
        for (const char* cause :
             {"normal_clearing", "user_busy", "timeout", "originator_cancel", "never heard of it", ""})
            out.emplace_back(leg_hangup{who, cause});
        out.emplace_back(leg_charged{who, {.total = "0.0106", .currency = "USD"}});
        for (const bool held : {true, false})
            out.emplace_back(leg_hold{who, held, k_now + millis{5}});
        for (const bool left : {true, false})
            out.emplace_back(prompt_ended{who, left});
        out.emplace_back(recording_saved{who, "rec", "https://example.test/x"});
        out.emplace_back(recording_failed{who, "storage"});
        for (int v = 0; v < k_verb_count; ++v)
            for (int o = 0; o < k_outcome_count; ++o)
                out.emplace_back(result(s, static_cast<verb>(v), who, static_cast<outcome>(o)));
    }
    return out;
}

// What takes something from somebody: a leg or the caller told to go, a winner or the ring given up.
std::string taken(const state& before, const decision& d) {
    for (const auto& f : d.effects) {
        const auto c = command_of(f);
        if (c && (c->what() == verb::hangup || c->what() == verb::reject)) return c->id;
    }
    const bool over = phase_of(d.next) == phase::ended || phase_of(d.next) == phase::voicemail;
    if (over && phase_of(d.next) != phase_of(before)) return std::string(name(phase_of(d.next)));
    for (const auto& l : before.legs) {
        const auto* now = d.next.find(l.id);
        if (out_of_race(d.next, l.id) && !out_of_race(before, l.id)) return "winner dropped";
        if (now->release != l.release) return "leg released";
    }
    return {};
}

} // namespace

TEST(call_transitions, i_21_time_takes_nothing_away_on_a_copy_that_may_be_old) {
    bool would = false;
    for (const auto& s : states()) {
        for (const auto later : {millis{0}, millis{3'000}, millis{30'000}, millis{3'000'000}}) {
            auto now = s;
            for (int i = 0; i < 40; ++i) {
                const auto at = k_now + later + millis{i * 1'000};
                would = would || !taken(now, decide(now, tick{}, at)).empty();
                const auto d = decide(now, tick{}, at, authority::unproven);
                ASSERT_EQ(taken(now, d), "") << "in " << name(phase_of(now)) << " +" << later.count();
                ASSERT_EQ(broken_invariant(d.next), nullptr);
                now = d.next;
            }
        }
    }
    EXPECT_TRUE(would) << "with authority the same ticks do take";
}

TEST(call_transitions, i_21_facts_decide_the_same_whatever_the_copy_except_by_time) {
    for (const auto& s : states()) {
        for (const auto& e : events(s)) {
            const auto* o = std::get_if<command_outcome>(&e);
            // The one fact that counts less on an old copy: the 2xx of its bridge (see ring.cpp).
            const auto* j = current_join(s);
            const bool bridge = (o != nullptr && o->what == verb::bridge) || (j != nullptr && j->accepted);
            const auto due = deadline(s);
            if ((bridge && phase_of(s) == phase::bridging) || (due && *due <= k_now + millis{1})) continue;
            const auto sure = decide(s, e, k_now + millis{1});
            const auto unsure = decide(s, e, k_now + millis{1}, authority::unproven);
            // The message is over: the caller is hung up on, which waits for the newest copy.
            if (phase_of(s) == phase::voicemail && unsure.next.voicemail.step == voicemail_step::done) {
                EXPECT_EQ(taken(s, unsure), "") << name(e);
                continue;
            }
            EXPECT_EQ(sure.next, unsure.next) << name(e) << " in " << name(phase_of(s));
        }
    }
}

TEST(call_transitions, i_10_every_phase_takes_every_event_and_the_end_is_final) {
    std::set<std::pair<phase, std::size_t>> covered;
    for (const auto& s : states()) {
        ASSERT_EQ(broken_invariant(s), nullptr) << name(phase_of(s));
        for (const auto& e : events(s)) {
            for (const auto later : {millis{0}, millis{4'000}, millis{300'000}}) {
                const auto once = decide(s, e, k_now + later);
                covered.emplace(phase_of(s), e.index());
                const char* broken = broken_invariant(once.next);
                ASSERT_EQ(broken, nullptr) << broken << " after " << name(e) << " in " << name(phase_of(s));
                if (phase_of(s) == phase::ended) {
                    EXPECT_EQ(phase_of(once.next), phase::ended);
                    EXPECT_EQ(once.next.ended_at, s.ended_at) << "ended twice by " << name(e);
                }
                // The same event again must not cause any further command (I7, BE-25, BE-33), but where a
                // time limit had passed already: the first delivery only made up for the missing tick.
                const auto due = deadline(s);
                if (due && *due <= k_now + later) continue;
                const auto twice = decide(once.next, e, k_now + later);
                for (const auto& f : twice.effects) {
                    if (std::holds_alternative<note>(f) || std::holds_alternative<leg_report>(f)) continue;
                    const auto* o = std::get_if<command_outcome>(&e);
                    const auto c = command_of(f);
                    ADD_FAILURE() << "repeat of " << name(e) << " " << (o ? name(o->what) : "") << " "
                                  << (o ? name(o->result) : "") << " " << (o ? o->who.call_control_id : "")
                                  << " in " << name(phase_of(s)) << " +" << later.count() << " caused "
                                  << (c ? name(c->what()) : "inquiry") << " " << (c ? c->id : "");
                }
            }
        }
    }
    // "reconnecting" is a word of the model that nothing enters yet.
    EXPECT_EQ(covered.size(), static_cast<std::size_t>((k_phase_count - 1) * k_event_count));
    RecordProperty("transitions", static_cast<int>(covered.size()));
}

TEST(call_transitions, i_18_the_same_inputs_give_the_same_effects) {
    for (const auto& s : states()) {
        for (const auto& e : events(s)) {
            const auto a = decide(s, e, k_now);
            const auto b = decide(s, e, k_now);
            EXPECT_EQ(a.next, b.next);
            EXPECT_EQ(a.effects.size(), b.effects.size());
        }
    }
}

TEST(call_transitions, i_16_deadlines_are_never_in_the_past_after_a_tick) {
    for (const auto& s : states()) {
        auto at = k_now;
        auto now = s;
        for (int i = 0; i < 50; ++i) { // every call comes to an end or to a talk by time alone
            const auto next = deadline(now);
            if (!next) break;
            at = std::max(at, *next);
            const auto asked = now.asked;
            now = decide(now, tick{}, at).next;
            if (now.asked > asked) now = decide(now, carrier_told{now.asked, true}, at).next;
            const auto after = deadline(now);
            ASSERT_TRUE(!after || *after > at) << name(phase_of(now)) << " would spin";
        }
        const auto* j = current_join(now);
        EXPECT_TRUE(phase_of(now) == phase::ended || (j != nullptr && j->accepted)) << name(phase_of(now));
    }
}
