// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/call/route.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace z360::call {
namespace {

constexpr millis k_agent_rings{20'000};

bool turns_away(route_cause c) {
    return c == route_cause::blocked || c == route_cause::anonymous;
}

void leave_out(route& r) {
    const auto kept = [](const target& t) { return t.left_out != kept_out::none; };
    std::copy_if(r.targets.begin(), r.targets.end(), std::back_inserter(r.left_out), kept);
    std::erase_if(r.targets, kept);
    if (r.mobile_left_out != kept_out::none) r.mobile.clear();
}

void ring_only(route& r, branch who, millis lasts) {
    r.targets.clear();
    r.mobile.clear();
    r.plan = only(std::move(who), lasts);
    r.rules.ring_time = lasts;
}

} // namespace

void lead_to_agent(route& r, std::string uri) {
    branch who;
    who.agent = std::move(uri);
    ring_only(r, std::move(who), std::min(r.rules.ring_time, k_agent_rings));
}

void lead_to_number(route& r, std::string number, bool asked) {
    branch who;
    who.number = std::move(number);
    who.asked = asked;
    ring_only(r, std::move(who), r.rules.ring_time);
}

void leave_out_caller(route& r, std::string_view caller) {
    if (caller.empty()) return;
    const auto is = [caller](const branch& b) { return b.number == caller; };
    for (auto& w : r.plan)
        std::erase_if(w.branches, is);
    std::erase_if(r.plan, [](const wave& w) { return w.branches.empty(); });
}

void heed_cause(route& r) {
    const auto told = std::exchange(r.instead, {});
    auto agent = std::exchange(r.when_closed, {});
    if (r.verdict != route_verdict::ring) return;
    if (r.cause == route_cause::as_set) return leave_out(r);
    r.targets.clear();
    r.plan.clear();
    r.mobile.clear();
    if (!turns_away(r.cause)) {
        if (!agent.empty()) lead_to_agent(r, std::move(agent));
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

void heed_nothing(route& r) {
    r.cause = route_cause::as_set;
    r.mobile_left_out = kept_out::none;
    for (auto& t : r.targets)
        t.left_out = kept_out::none;
}

std::size_t count_left_out(const route& r, kept_out why) {
    std::size_t n = 0;
    for (std::size_t i = 0; i < r.left_out.size(); ++i) {
        // A device in rotation stands there with both identities.
        const auto& t = r.left_out[i];
        const auto same = [&t](const target& before) { return before.device == t.device; };
        const auto here = r.left_out.begin() + static_cast<std::ptrdiff_t>(i);
        if (t.left_out == why && std::none_of(r.left_out.begin(), here, same)) ++n;
    }
    return n;
}

void record_as_number_says(policy& rules, recording_policy number) {
    if (recording_of(rules) == recording_policy::mandatory) return;
    rules.record_calls = number != recording_policy::off;
    rules.recording_mandatory = number == recording_policy::mandatory;
    rules.recorded_by_number = true;
}

bool rings_anybody(const route& r) {
    const auto needs_no_device = [](const branch& b) { return !b.number.empty() || !b.agent.empty(); };
    const bool any = std::any_of(r.plan.begin(), r.plan.end(), [&](const wave& w) {
        return std::any_of(w.branches.begin(), w.branches.end(), needs_no_device);
    });
    return any || !r.targets.empty() || !r.mobile.empty();
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
