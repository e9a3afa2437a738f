// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Keys that a leg is asked to press.
#include "sim/carrier.hpp"

#include <utility>

namespace z360::sim {
namespace {

constexpr millis k_between_keys{400}; // of somebody who presses several

std::size_t number_in(const json& body, const char* key, std::size_t otherwise) {
    return body.value(key, otherwise);
}

} // namespace

void carrier::start_gather(const order& o, leg_state& l, time_point now) {
    const auto& b = o.body;
    stop_sounds(l, true, "cancelled", now);
    gathering g;
    g.keys = b.value("valid_digits", std::string("0123456789#*"));
    g.least = number_in(b, "minimum_digits", 1);
    g.most = number_in(b, "maximum_digits", 128);
    const auto terminator = b.value("terminating_digit", std::string("#"));
    g.terminator = terminator.empty() ? '\0' : terminator.front();
    g.tries = b.value("maximum_tries", std::int64_t{3});
    g.said = settings_.speak_per_char * static_cast<std::int64_t>(b["payload"].get<std::string>().size());
    g.patience = millis{b.value("timeout_millis", std::int64_t{60'000})};
    l.gathers = std::move(g);
    say_gather(l, now);
    if (!l.behaviour.presses.empty())
        after(now + l.behaviour.press_after, [this, id = l.view.call_control_id](time_point t) {
            press(id, 0, t);
        });
}

void carrier::press(const std::string& id, std::size_t which, time_point now) {
    const auto* l = find(id);
    if (!l || which >= l->behaviour.presses.size()) return;
    if (!device_presses(id, l->behaviour.presses[which], now)) return;
    after(now + k_between_keys, [this, id, which](time_point t) { press(id, which + 1, t); });
}

void carrier::say_gather(leg_state& l, time_point now) {
    auto& g = *l.gathers;
    g.pressed.clear();
    g.wrong = false;
    g.serial = ++l.sound_serial;
    after(now + g.said + g.patience, [this, id = l.view.call_control_id, serial = g.serial](time_point t) {
        auto* leg = find(id);
        if (leg && leg->gathers && leg->gathers->serial == serial) again_or_end(*leg, t);
    });
}

void carrier::again_or_end(leg_state& l, time_point now) {
    auto& g = *l.gathers;
    if (--g.tries > 0) return say_gather(l, now);
    end_gather(l, g.wrong ? "invalid" : "timeout", now);
}

void carrier::end_gather(leg_state& l, const char* status, time_point now) {
    const auto g = std::move(*l.gathers);
    l.gathers.reset();
    emit(l, "call.gather.ended", json{{"digits", g.pressed}, {"status", status}}, now);
}

bool carrier::device_presses(const std::string& call_control_id, char key, time_point now) {
    advance(now);
    auto* l = find(call_control_id);
    if (!l || !l->view.alive() || !l->view.answered_at) return false;
    note_phone(*l, "presses", now);
    emit(*l, "call.dtmf.received", json{{"digit", std::string(1, key)}}, now);
    if (!l->gathers) return true;
    auto& g = *l->gathers;
    const bool ends = key == g.terminator && g.pressed.size() >= g.least;
    if (!ends && g.keys.find(key) == std::string::npos) {
        g.wrong = true;
        again_or_end(*l, now);
        return true;
    }
    if (!ends) g.pressed += key;
    if (ends || g.pressed.size() >= g.most) end_gather(*l, "valid", now);
    return true;
}

} // namespace z360::sim
