// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/call/route.hpp>

#include <algorithm>
#include <utility>

namespace z360::call {

void heed_cause(route& r) {
    const auto told = std::exchange(r.instead, {});
    if (r.verdict != route_verdict::ring || r.cause == route_cause::as_set) return;
    r.targets.clear();
    r.plan.clear();
    r.mobile.clear();
    if (r.cause != route_cause::blocked) {
        if (told.empty()) return;
        r.rules.voicemail_greeting = told;
        r.rules.voicemail_greeting_url.clear();
        r.rules.unavailable_message = told;
        return;
    }
    r.verdict = route_verdict::blocked_caller;
    r.user = {};                   // nobody's call
    r.rules.takes_messages = true; // whether they are is not asked: nothing is recorded
    r.rules.voicemail_greeting = told;
}

void record_as_number_says(policy& rules, recording_policy number) {
    if (recording_of(rules) == recording_policy::mandatory) return;
    rules.record_calls = number != recording_policy::off;
    rules.recording_mandatory = number == recording_policy::mandatory;
    rules.recorded_by_number = true;
}

bool rings_anybody(const route& r) {
    const auto is_number = [](const branch& b) { return !b.number.empty(); };
    const bool number = std::any_of(r.plan.begin(), r.plan.end(), [&](const wave& w) {
        return std::any_of(w.branches.begin(), w.branches.end(), is_number);
    });
    return number || !r.targets.empty() || !r.mobile.empty();
}

std::vector<user_id> people_of(const route& r) {
    std::vector<user_id> out;
    const auto add = [&out](user_id who) {
        if (!who.none() && std::find(out.begin(), out.end(), who) == out.end()) out.push_back(who);
    };
    add(r.user);
    for (const auto& w : r.plan)
        for (const auto& b : w.branches)
            add(b.user);
    return out;
}

route_outcome outcome_of(const route& r) {
    switch (r.verdict) {
    case route_verdict::unknown_number: return route_outcome::rejected;
    case route_verdict::blocked_caller:
        return r.rules.voicemail_greeting.empty() ? route_outcome::rejected : route_outcome::announcement;
    case route_verdict::ring: break;
    }
    if (rings_anybody(r)) return route_outcome::ring;
    return r.rules.takes_messages ? route_outcome::voicemail : route_outcome::announcement;
}

std::string_view name(route_outcome o) {
    switch (o) {
    case route_outcome::ring: return "ring";
    case route_outcome::voicemail: return "voicemail";
    case route_outcome::announcement: return "announcement";
    case route_outcome::rejected: return "rejected";
    }
    return "?";
}

} // namespace z360::call
