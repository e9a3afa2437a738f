// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Transfers: the carrier dials for a leg and joins the two once the other side answers. What may be played
// before that, and answering machine detection, are taken and have no effect.
#include "sim/carrier.hpp"

#include <utility>

namespace z360::sim {

std::optional<reply> carrier::refuses_transfer(const leg_state& origin) const {
    if (!origin.view.answered_at && !origin.view.calls())
        return refuse(422, "90034", "The call has not been answered.");
    // Undocumented: what a second one does before the first has an end.
    if (!origin.transfer_to.empty()) return refuse(422, "10015", "The call is being transferred already.");
    const auto limit = settings_.unknown.outbound_channels;
    std::size_t busy = 0;
    for (const auto& [id, l] : legs_)
        if (l.view.alive() && l.view.kind != leg_kind::caller) ++busy;
    if (limit != 0 && busy >= limit)
        return refuse(422, "90043", "All outbound channels of the connection are in use.");
    return std::nullopt;
}

reply carrier::transfer(const order& o, leg_state& origin, time_point now) {
    const auto& b = o.body;
    const auto to = without_digits(b["to"].get<std::string>());
    const auto user = is_own_address(to) ? sip_user(to) : std::nullopt;
    const auto kind = user ? leg_kind::device : sip_user(to) ? leg_kind::address : leg_kind::number;
    auto& target = new_leg(kind, origin.view.call_session_id, now);
    target.view.connection_id = origin.view.connection_id;
    target.view.from = b.value("from", origin.view.to);
    target.view.to = to;
    target.view.username = user.value_or(std::string{});
    if (b.contains("target_leg_client_state")) target.view.client_state = b["target_leg_client_state"];
    if (b.contains("webhook_retries_policies")) origin.policies = b["webhook_retries_policies"];
    origin.transfer_to = target.view.call_control_id;
    transfers_.emplace(target.view.call_control_id, transferring{origin.view.call_control_id, o});
    send_out(target, o, now);
    reply r;
    r.status = 200;
    r.body = json{{"data", {{"result", "ok"}}}};
    return r;
}

void carrier::target_answered(leg_state& target, time_point now) {
    auto node = transfers_.extract(target.view.call_control_id);
    if (!node) return;
    const auto& o = node.mapped().what;
    auto* origin = find(node.mapped().origin);
    if (!origin || !origin->view.alive()) return; // answered, and nobody is there
    origin->transfer_to.clear();
    const bool told =
        origin->view.kind != leg_kind::device_outgoing || settings_.unknown.transfer_answers_device;
    if (told)
        leg_answered(*origin, now);
    else if (!origin->view.answered_at)
        origin->view.answered_at = now;
    if (o.body.contains("park_after_unbridge")) origin->park_after_unbridge = true;
    join(target, *origin, now, o.fault ? o.fault->one_sided : std::string{});
    if (o.fault && !o.fault->one_sided.empty()) truth_.commands.at(o.request).fault = "one_sided";
    if (!o.body.contains("record")) return;
    (void)start_recording(o, settings_.unknown.transfer_records_target ? target : *origin, "record_", now);
}

// One of the two has ended before the target answered.
void carrier::transfer_over(
    const leg_state& l, const std::string& cause, const std::string& sip, time_point now
) {
    if (const auto node = transfers_.extract(l.view.call_control_id)) {
        auto* origin = find(node.mapped().origin);
        if (!origin) return;
        origin->transfer_to.clear();
        if (settings_.unknown.failed_transfer_ends_device) end_leg(*origin, cause, "callee", sip, now);
        return;
    }
    auto* target = l.transfer_to.empty() ? nullptr : find(l.transfer_to);
    if (target && !settings_.unknown.transfer_outlives_device)
        end_leg(*target, "originator_cancel", "caller", "487", now);
}

} // namespace z360::sim
