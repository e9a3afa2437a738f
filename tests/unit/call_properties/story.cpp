// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "story.hpp"

#include "support/scenario.hpp"

#include <algorithm>
#include <ostream>

namespace z360::testing {

using namespace call;

namespace {

const time_point k_talk = time_point{millis{1'800'000'100'000}};

leg_ref device_ref(const state& begun, std::size_t index) {
    const device_id wanted{static_cast<std::int64_t>(index) + 1};
    for (const auto& l : begun.legs)
        if (l.device() == wanted) return {control_id(static_cast<int>(index) + 1), l.id};
    return {};
}

const char* name_of(fate f) {
    switch (f) {
    case fate::rings_on: return "rings_on";
    case fate::declines: return "declines";
    case fate::times_out: return "times_out";
    case fate::not_dialed: return "not_dialed";
    case fate::answers: return "answers";
    case fate::drops: return "drops";
    }
    return "?";
}

void tell_dial(const device_story& d, const leg_ref& who, std::vector<event>& out) {
    command_outcome reply;
    reply.what = verb::dial;
    reply.who = who;
    reply.command_id = who.leg->text();
    if (d.what == fate::not_dialed) {
        reply.result = outcome::refused;
        reply.who.call_control_id.clear();
    } else if (d.reply_expires) {
        reply.result = outcome::expired;
        reply.who.call_control_id.clear();
    } else if (!d.reply_names_leg) {
        reply.who.call_control_id.clear();
    }
    out.emplace_back(reply);
    if (d.what != fate::not_dialed) out.emplace_back(leg_initiated{who});
}

} // namespace

bool story::caller_ended() const {
    return caller_leaves || went == talk::device_ends || went == talk::caller_ends;
}

bool story::leg_ended(std::size_t device) const {
    const auto& d = devices[device];
    switch (d.what) {
    case fate::declines:
    case fate::times_out:
    case fate::not_dialed:
    case fate::drops: return true;
    case fate::rings_on:
    case fate::answers: break;
    }
    if (joined == static_cast<int>(device)) return caller_ended();
    return (caller_ended() || joined >= 0) && d.hangup_reported;
}

int story::answering() const {
    return static_cast<int>(std::count_if(devices.begin(), devices.end(), [](const auto& d) {
        return d.what == fate::answers || d.what == fate::drops;
    }));
}

bool story::wants_answer() const {
    bool any_left = false;
    for (std::size_t i = 0; i < devices.size(); ++i) {
        if (leg_ended(i)) continue;
        if (devices[i].what == fate::answers) return true;
        any_left = true;
    }
    return !any_left;
}

std::vector<event> tell(const story& s, const state& begun) {
    std::vector<event> out;
    const leg_ref caller{begun.caller.call_control_id, std::nullopt};
    for (std::size_t i = 0; i < s.devices.size(); ++i) {
        const auto who = device_ref(begun, i);
        tell_dial(s.devices[i], who, out);
        const auto what = s.devices[i].what;
        if (what == fate::answers || what == fate::drops) out.emplace_back(leg_answered{who});
    }
    if (s.caller_answered) out.emplace_back(leg_answered{caller});
    if (s.joined >= 0) {
        const auto who = device_ref(begun, static_cast<std::size_t>(s.joined));
        out.emplace_back(leg_bridged{who});
        out.emplace_back(leg_bridged{caller});
        for (std::size_t i = 0; i < s.holds.size(); ++i)
            out.emplace_back(leg_hold{who, s.holds[i], k_talk + std::chrono::seconds{i}});
        for (std::size_t i = 0; i < s.caller_holds.size(); ++i)
            out.emplace_back(leg_hold{caller, s.caller_holds[i], k_talk + std::chrono::seconds{i}});
    }
    for (std::size_t i = 0; i < s.devices.size(); ++i) {
        if (!s.leg_ended(i) || s.devices[i].what == fate::not_dialed) continue;
        std::string cause = "normal_clearing";
        if (s.devices[i].what == fate::declines) cause = "user_busy";
        if (s.devices[i].what == fate::times_out) cause = "timeout";
        out.emplace_back(leg_hangup{device_ref(begun, i), cause});
    }
    if (s.caller_ended()) out.emplace_back(leg_hangup{caller, "normal_clearing"});
    return out;
}

std::ostream& operator<<(std::ostream& out, const device_story& d) {
    out << name_of(d.what);
    if (!d.reply_names_leg) out << "(no id)";
    if (d.reply_expires) out << "(reply lost)";
    if (d.hangup_reported) out << "(hang-up reported)";
    return out;
}

std::ostream& operator<<(std::ostream& out, const story& s) {
    for (const auto& d : s.devices)
        out << d << ' ';
    out << "| joined " << s.joined << " talk " << static_cast<int>(s.went) << " caller"
        << (s.caller_answered ? " answered" : "") << (s.caller_leaves ? " leaves" : "") << " holds ";
    for (const bool h : s.holds)
        out << (h ? '+' : '-');
    out << " caller's ";
    for (const bool h : s.caller_holds)
        out << (h ? '+' : '-');
    return out;
}

} // namespace z360::testing
