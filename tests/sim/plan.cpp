// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "plan.hpp"

#include <algorithm>

namespace z360::testing {
namespace {

sim::phone any_phone(chance& c) {
    const auto when = c.span(200, c.percent(50) ? 6'000 : 25'000);
    sim::phone p;
    switch (c.between(0, 9)) {
    case 0: p = sim::phone::declines(when); break;
    case 1: p = sim::phone::unreachable(c.span(20, 500)); break;
    case 2: p = sim::phone::ignores(); break;
    case 3: p = sim::phone::offline(); break;
    case 4: p = sim::phone::answers_then_hangs_up(when, c.span(0, 12'000)); break;
    case 5: p = sim::phone::answers_then_drops(when, c.span(0, 1'500)); break;
    default: p = sim::phone::answers(when); break;
    }
    p.ring_after = c.span(0, 300);
    return p;
}

call::route any_route(chance& c) {
    call::route r;
    r.verdict = call::route_verdict::ring;
    r.org = org_id{7};
    r.user = user_id{42};
    r.number = phone_number_id{3};
    r.number_e164 = "+15550109999";
    r.caller_name = "Ada Example";
    const auto n = c.percent(5) ? 0 : c.between(1, c.percent(10) ? 20 : 4);
    for (std::int64_t i = 0; i < n; ++i) {
        r.targets.push_back(
            {device_id{i + 1}, identity_id{100 + i}, sip_username(static_cast<std::size_t>(i)), "phone", "ios"
            }
        );
    }
    r.rules.ring_time = c.span(8'000, 30'000);
    r.rules.voicemail_max = c.span(4'000, 10'000);
    if (c.percent(50)) r.rules.ringback_url = "https://media.example.test/ringback.mp3";
    return r;
}

sim::carrier_settings any_carrier(chance& c, std::uint64_t seed) {
    sim::carrier_settings s;
    s.seed = std::to_string(seed);
    auto& u = s.unknown;
    using sim::unknowns;
    if (c.percent(30)) u.duplicate = unknowns::duplicate_answer::no_data;
    u.bridge_answers_caller = c.percent(50);
    u.linked_legs_end_with_caller = c.percent(30);
    u.unknown_leg_is_404 = c.percent(50);
    u.answer_twice_fails = c.percent(30);
    u.prompt_ends_bear_newest_mark = seed % 2 == 0;
    u.bridge_names_recording = seed % 3 != 0;
    return s;
}

void any_trouble(chance& c, plan& p) {
    if (p.level == trouble::none) return;
    p.trouble_ends = c.span(5'000, 45'000);
    p.late_webhooks = static_cast<int>(c.between(0, 60));
    p.repeated_webhooks = static_cast<int>(c.between(0, 40));
    p.lost_webhooks = static_cast<int>(c.between(0, 30));
    if (p.level == trouble::webhooks) return;
    p.bad_commands = static_cast<int>(c.between(0, 40));
    if (p.level == trouble::commands) return;
    p.slow_store = static_cast<int>(c.between(0, 20));
    (void)c.next(); // once meant something; keeps the plans of old seeds
    const auto some = [&](int chance_percent, std::int64_t longest) {
        std::vector<interval> out;
        for (std::size_t n = 0; n < p.nodes; ++n) {
            while (c.percent(chance_percent)) {
                const auto from = c.span(0, p.trouble_ends.count());
                out.push_back({n, from, std::min(from + c.span(50, longest), p.trouble_ends)});
            }
        }
        return out;
    };
    p.store_away = some(40, 15'000);
    if (c.percent(20)) { // Postgres itself is away
        const auto from = c.span(0, p.trouble_ends.count());
        const auto until = std::min(from + c.span(100, 20'000), p.trouble_ends);
        for (std::size_t n = 0; n < p.nodes; ++n)
            p.store_away.push_back({n, from, until});
    }
    p.telnyx_away = some(15, 4'000);
    p.dead = some(30, 8'000);
    for (auto& s : p.clock_skew)
        s = c.span(-250, 250);
    if (p.level == trouble::nodes) return;
    p.statement_errors = static_cast<int>(c.between(0, 6));
    for (std::size_t n = 0; n < p.nodes; ++n)
        while (c.percent(40))
            p.clock_steps.push_back({n, c.span(0, p.trouble_ends.count()), c.span(-250, 250)});
}

void any_silence(chance& c, plan& p) {
    p.reconciles = true;
    p.silenced_webhooks = static_cast<int>(c.between(1, 60));
    p.late_webhooks = static_cast<int>(c.between(0, 40));
    p.repeated_webhooks = static_cast<int>(c.between(0, 30));
    p.trouble_ends = c.span(5'000, 45'000);
}

} // namespace

std::string sip_username(std::size_t n) {
    return "gencred" + std::to_string(n + 1);
}

std::string number_of(const call::route& r) {
    for (const auto& w : r.plan)
        for (const auto& b : w.branches)
            if (!b.number.empty()) return b.number;
    return r.mobile;
}

plan make_plan(std::uint64_t seed, trouble level) {
    chance c(seed * 4 + static_cast<std::uint64_t>(level)); // 4: the plans of old seeds
    plan p;
    p.seed = seed;
    p.level = level;
    p.nodes = static_cast<std::size_t>(c.between(1, 3));
    p.clock_skew.assign(p.nodes, millis{0});
    p.routed = any_route(c);
    p.routed.rules.record_calls = seed % 5 != 0;
    if (seed % 7 == 0) p.routed.rules.recording_announcement = "This call is recorded.";
    p.carrier = any_carrier(c, seed);
    for (std::size_t i = 0; i < p.routed.targets.size(); ++i)
        p.phones.push_back(any_phone(c));
    // A second answer within moments of the first is the case that matters most.
    if (p.phones.size() > 1 && c.percent(40)) {
        p.phones[0] = sim::phone::answers(c.span(500, 5'000));
        p.phones[1] = sim::phone::answers(p.phones[0].act_after + c.span(0, 300));
    }
    p.caller_leaves = c.percent(35) ? c.span(0, 15'000) : c.span(15'000, 90'000);
    if (level == trouble::silence)
        any_silence(c, p);
    else
        any_trouble(c, p);
    return p;
}

namespace {

// Half of them take the call; the others are what a number may be instead.
sim::phone any_mobile(chance& c) {
    const auto when = c.span(500, 9'000);
    const auto pressed = c.span(200, 14'000);
    switch (c.between(0, 9)) {
    case 0: return sim::phone::answers(when); // a voicemail
    case 1: return sim::phone::answers_and_presses(when, "25", pressed);
    case 2: return sim::phone::answers_and_presses(when, "31", pressed);
    case 3: return sim::phone::declines(when);
    case 4: return sim::phone::ignores();
    case 5: return sim::phone::answers_then_hangs_up(when, c.span(0, 3'000));
    default: return sim::phone::answers_and_presses(when, "1", pressed);
    }
}

} // namespace

plan make_mobile_plan(std::uint64_t seed, trouble level) {
    auto p = make_plan(seed, level);
    chance c(seed * 4 + 0x6d6f62);
    p.routed.mobile = "+15550107777";
    p.routed.rules.mobile_after = c.span(1'000, 9'000);
    p.routed.rules.wake_by_push = c.percent(30);
    p.mobile = any_mobile(c);
    for (auto& phone : p.phones) // else they are faster, mostly
        if (c.percent(60)) phone = c.percent(50) ? sim::phone::ignores() : sim::phone::offline();
    if (c.percent(70)) p.caller_leaves = c.span(20'000, 90'000);
    return p;
}

plan make_group_plan(std::uint64_t seed, trouble level) {
    auto p = make_plan(seed, level);
    chance c(seed * 4 + 0x67726f7570);
    auto& r = p.routed;
    std::vector<call::branch> all;
    for (auto& t : r.targets) { // a person has one device, or two
        t.user = user_id{1'000 + t.device.value - (c.percent(25) && t.device.value > 1 ? 1 : 0)};
        call::branch b;
        b.user = t.user;
        b.after = c.percent(30) ? c.span(0, 6'000) : millis{0};
        b.lasts = c.percent(60) ? c.span(2'000, 15'000) : millis{0};
        const bool known =
            std::any_of(all.begin(), all.end(), [&b](const auto& o) { return o.user == b.user; });
        if (!known) all.push_back(b);
    }
    for (auto& b : all) {
        if (r.plan.empty() || c.percent(60)) r.plan.push_back({c.span(1'000, 12'000), {}});
        r.plan.back().branches.push_back(b);
    }
    if (c.percent(25)) {
        call::branch b;
        b.number = "+15550107777";
        b.asked = c.percent(60);
        r.plan.push_back({c.span(5'000, 12'000), {b}});
        p.mobile = any_mobile(c);
    }
    if (!r.plan.empty()) {
        r.user = {};
        r.rules.ring_time = call::length_of(r.plan);
    }
    r.rules.wake_by_push = c.percent(40);
    if (c.percent(60)) p.caller_leaves = c.span(20'000, 120'000);
    return p;
}

} // namespace z360::testing
