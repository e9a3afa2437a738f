// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Plans of what happens to an inbound call beside the ring: before it, instead of it, and while two talk.
#include "plan.hpp"

#include <algorithm>
#include <array>

namespace z360::testing {
namespace {

constexpr const char* k_greeting_url = "https://media.example.test/greeting.mp3";

sim::command_fault failing(const char* verb, const char* why, unsigned times) {
    sim::command_fault f;
    f.verb = verb;
    f.match.times = times;
    f.recording_error = why;
    return f;
}

sim::command_fault refused(const char* verb, const char* leg, int status) {
    sim::command_fault f;
    f.verb = verb;
    f.match.leg = leg;
    f.fail_status = status;
    return f;
}

void any_hours(chance& c, plan& p) {
    p.routed.cause = c.percent(70) ? call::route_cause::closed : call::route_cause::holiday;
    if (c.percent(60)) p.routed.instead = "We are closed. We open at nine.";
}

void any_blocking(chance& c, plan& p) {
    p.routed.cause = call::route_cause::blocked;
    if (c.percent(60)) p.routed.instead = "This number takes no calls from you.";
}

// Nobody answers, mostly.
void any_silent_phones(chance& c, plan& p) {
    for (auto& phone : p.phones)
        if (c.percent(90))
            phone = c.percent(50) ? sim::phone::ignores() : sim::phone::declines(c.span(200, 3'000));
    if (p.routed.plan.empty()) p.routed.rules.ring_time = c.span(5'000, 8'000);
}

void any_voicemail(chance& c, plan& p) {
    auto& rules = p.routed.rules;
    rules.takes_messages = c.percent(80);
    rules.voicemail_beep = c.percent(70);
    rules.transcribe_messages = c.percent(20);
    rules.voicemail_max = c.span(2'000, 12'000);
    if (c.percent(40)) rules.voicemail_greeting = "Leave word.";
    if (c.percent(40)) {
        rules.voicemail_greeting_url = k_greeting_url;
        if (c.percent(50)) p.carrier.missing_audio.insert(k_greeting_url);
    }
    if (!rules.ringback_url.empty() && c.percent(20)) p.carrier.missing_audio.insert(rules.ringback_url);
    if (c.percent(8)) p.carrier_faults.push_back(refused("playback_start", "caller", 422));
    if (c.percent(8)) {
        p.carrier_faults.push_back(failing("record_start", "internal_server_error", 0));
        p.carrier_faults.back().match.leg = "caller";
    }
    p.caller_leaves = c.percent(60) ? c.span(150'000, 240'000) : c.span(0, 40'000);
    if (c.percent(30)) {
        p.leaves_in = farewell::greeting;
        p.leaves_after = c.span(0, 5'000);
    } else if (c.percent(40)) {
        p.leaves_in = farewell::message;
        p.leaves_after = c.percent(40) ? c.span(0, 400) : c.span(400, 9'000);
    }
}

// Somebody answers, mostly, and the talk has its time.
void any_talk(chance& c, plan& p) {
    auto& all = p.phones;
    if (!all.empty() && c.percent(90)) {
        auto& first = all[static_cast<std::size_t>(c.between(0, static_cast<std::int64_t>(all.size()) - 1))];
        const auto when = c.span(200, 4'000);
        first = c.percent(70) ? sim::phone::answers(when)
                              : sim::phone::answers_then_hangs_up(when, c.span(500, 20'000));
    }
    p.caller_leaves = c.percent(70) ? c.span(12'000, 45'000) : c.span(2'000, 12'000);
}

// Both ways to begin a recording; the first alone, all of them, or only the second.
void any_recording(chance& c, plan& p) {
    auto& rules = p.routed.rules;
    rules.record_calls = c.percent(85);
    rules.recording_mandatory = c.percent(35);
    rules.ends_unrecorded = c.percent(70);
    if (c.percent(30)) rules.unrecorded_message.clear();
    if (c.percent(30)) rules.recording_announcement = "This call is recorded.";
    p.carrier.recording_delay = c.span(0, 2'000); // less than a world waits for news
    auto& faults = p.carrier_faults;
    switch (c.between(0, 5)) {
    case 0: faults.push_back(failing("bridge", "internal_server_error", 1)); break;
    case 1:
        faults.push_back(failing("bridge", "failed_to_authorize_with_storage_using_custom_credentials", 0));
        faults.push_back(failing("record_start", "internal_server_error", 0));
        faults.back().match.leg = "device";
        break;
    case 2:
        faults.push_back(failing("bridge", "internal_server_error", 0));
        faults.push_back(refused("record_start", "device", c.percent(50) ? 422 : 503));
        break;
    case 3:
        if (c.percent(40)) {
            sim::command_fault never;
            never.verb = "bridge";
            never.unrecorded = true;
            faults.push_back(never);
        }
        break;
    default: break;
    }
}

void any_wishes(chance& c, plan& p) {
    const auto n = c.percent(30) ? 0 : c.between(1, 6);
    millis when{0};
    for (std::int64_t i = 0; i < n; ++i) {
        when += c.percent(40) ? c.span(0, 300) : c.span(0, 6'000);
        wish w;
        w.pause = c.percent(i % 2 == 0 ? 80 : 25);
        w.when = when;
        w.at_the_end = c.percent(15);
        if (w.at_the_end) w.when = c.span(0, 250);
        w.stranger = c.percent(8);
        w.twice = c.percent(20);
        p.wishes.push_back(w);
    }
}

// Beyond what the level loses of everything.
void any_loss(chance& c, plan& p) {
    if (p.level == trouble::none || !c.percent(40)) return;
    constexpr std::array types{
        "call.speak.ended", "call.playback.ended", "call.recording.saved", "call.recording.error"
    };
    for (const auto* type : types)
        if (c.percent(40)) p.untold[type] = static_cast<int>(c.between(20, 100));
    // Its report lost, only the carrier's record tells of a fault, and that is asked for where the bridge
    // names no recording.
    if (p.untold.contains("call.recording.error")) p.carrier.unknown.bridge_names_recording = false;
    if (p.level > trouble::webhooks) p.lost_wishes = static_cast<int>(c.between(0, 60));
}

} // namespace

plan make_life_plan(std::uint64_t seed, trouble level) {
    chance c(seed * 8 + 0x6c696665 + static_cast<std::uint64_t>(level));
    const auto whom = c.between(0, 9);
    auto p = whom == 0   ? make_mobile_plan(seed, level)
             : whom <= 2 ? make_group_plan(seed, level)
                         : make_plan(seed, level);
    p.routed.rules.wake_by_push = c.percent(30);
    any_recording(c, p);
    any_wishes(c, p);
    any_loss(c, p);
    switch (c.between(0, 9)) {
    case 0:
    case 1:
        any_voicemail(c, p);
        any_hours(c, p);
        break;
    case 2:
        any_voicemail(c, p);
        any_blocking(c, p);
        break;
    case 3:
    case 4:
    case 5:
        any_silent_phones(c, p);
        any_voicemail(c, p);
        break;
    default: any_talk(c, p); break;
    }
    return p;
}

call::route heeded(const plan& p) {
    auto r = p.routed;
    call::heed_cause(r);
    return r;
}

} // namespace z360::testing
