// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/phone.hpp"

#include "sim/json_keys.hpp"

#include <array>
#include <utility>

namespace z360::sim {

namespace {
constexpr std::array<std::pair<phone::mode, const char*>, 7> k_modes{{
    {phone::mode::ignore, "ignore"},
    {phone::mode::answer, "answer"},
    {phone::mode::decline, "decline"},
    {phone::mode::unreachable, "unreachable"},
    {phone::mode::offline, "offline"},
    {phone::mode::answer_then_hang_up, "answer_then_hang_up"},
    {phone::mode::answer_then_drop, "answer_then_drop"},
}};

phone make(phone::mode does, millis act, millis then = millis{0}) {
    phone p;
    p.does = does;
    p.act_after = act;
    p.then_after = then;
    return p;
}
} // namespace

phone phone::answers(millis after) {
    return make(mode::answer, after);
}
phone phone::answers_and_presses(millis after, std::string keys, millis pressed) {
    auto p = answers(after);
    p.presses = std::move(keys);
    p.press_after = pressed;
    return p;
}
phone phone::declines(millis after) {
    return make(mode::decline, after);
}
phone phone::unreachable(millis after) {
    return make(mode::unreachable, after);
}
phone phone::busy(millis after) {
    auto p = unreachable(after);
    p.hangup_cause = "user_busy";
    p.sip_code = "486";
    return p;
}
phone phone::unallocated() {
    auto p = unreachable(millis{0});
    p.hangup_cause = "not_found";
    p.sip_code = "404";
    return p;
}
phone phone::offline() {
    return make(mode::offline, millis{0});
}
phone phone::answers_then_hangs_up(millis after, millis talk) {
    return make(mode::answer_then_hang_up, after, talk);
}
phone phone::answers_then_drops(millis after, millis lives) {
    return make(mode::answer_then_drop, after, lives);
}

phone phone::from_json(const json& j) {
    phone p;
    key_reader r(j, "phone");
    std::string does = "ignore";
    r.text("does", does);
    bool known = false;
    for (const auto& [m, text] : k_modes) {
        if (does != text) continue;
        p.does = m;
        known = true;
    }
    if (!known)
        r.fail(
            "does", "ignore, answer, decline, unreachable, offline, answer_then_hang_up or answer_then_drop"
        );
    r.ms("ring_after_ms", p.ring_after);
    r.ms("after_ms", p.act_after);
    r.ms("then_after_ms", p.then_after);
    if (j.contains("wakes_after_ms")) {
        millis wakes{0};
        r.ms("wakes_after_ms", wakes);
        p.wakes_after = wakes;
    }
    r.text("push_token", p.push_token);
    if (!p.push_token.empty() && p.does != mode::offline) r.fail("push_token", "of a phone that is offline");
    r.text("presses", p.presses);
    if (p.presses.find_first_not_of("0123456789*#") != std::string::npos)
        r.fail("presses", "keys of a telephone: 0-9, * and #");
    r.ms("press_after_ms", p.press_after);
    r.flag("mute", p.mute);
    r.text("hangup_cause", p.hangup_cause);
    r.text("sip_code", p.sip_code);
    r.done();
    return p;
}

json phone::to_json() const {
    json j;
    for (const auto& [m, text] : k_modes)
        if (m == does) j["does"] = text;
    j["ring_after_ms"] = ring_after.count();
    j["after_ms"] = act_after.count();
    j["then_after_ms"] = then_after.count();
    if (wakes_after) j["wakes_after_ms"] = wakes_after->count();
    if (!push_token.empty()) j["push_token"] = push_token;
    if (!presses.empty()) {
        j["presses"] = presses;
        j["press_after_ms"] = press_after.count();
    }
    if (mute) j["mute"] = true;
    if (!hangup_cause.empty()) j["hangup_cause"] = hangup_cause;
    if (!sip_code.empty()) j["sip_code"] = sip_code;
    return j;
}

} // namespace z360::sim
