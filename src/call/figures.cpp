// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "call/figures.hpp"

#include "call/leg.hpp"

#include <algorithm>
#include <utility>

namespace z360::call::figures {
namespace {

bool was_joined(const state& s, const leg& l) {
    return std::any_of(s.joins.begin(), s.joins.end(), [&l](const join& j) {
        return j.joined_at && (j.a == l.id || j.b == l.id);
    });
}

/// The leg that it is about; null: none that is known, e.g. the second one of a dial.
const leg* leg_of_report(const state& s, const leg_ref& who) {
    if (legs::is_caller(s, who)) return &s.caller;
    const auto* l = who.leg ? s.find(*who.leg) : s.find_by_control_id(who.call_control_id);
    const bool same = l != nullptr && (who.call_control_id.empty() || l->call_control_id.empty() ||
                                       l->call_control_id == who.call_control_id);
    return same ? l : nullptr;
}

template <class What>
void report(const state& s, const leg_ref& who, What what, effects& out) {
    leg_report r;
    const auto* l = leg_of_report(s, who);
    r.carrier_leg = who.call_control_id;
    if (r.carrier_leg.empty() && l != nullptr) r.carrier_leg = l->call_control_id;
    if (r.carrier_leg.empty() && l != nullptr) r.carrier_leg = l->id.text();
    if (r.carrier_leg.empty()) return;
    if (l != nullptr) {
        r.leg = l->id;
        r.talked = was_joined(s, *l);
    }
    r.what = std::move(what);
    out.emplace_back(std::move(r));
}

// The state remembers nothing of it, so a repeated event says it again: what is stored stays as it is.
void narrate(const state&, const event& what, const state& after, effects& out) {
    if (const auto* e = std::get_if<leg_hangup>(&what); e != nullptr && !e->heard.empty())
        report(after, e->who, e->heard, out);
    if (const auto* e = std::get_if<leg_charged>(&what)) report(after, e->who, e->what, out);
}

} // namespace

const component k_component{nullptr, narrate, nullptr, nullptr, nullptr, nullptr, nullptr};

} // namespace z360::call::figures
