// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/tickets.hpp"

#include <algorithm>

namespace z360::edge::api {
namespace {

problem refuse(api_context& s, std::string code, std::string detail) {
    s.ports.metrics.count("ring_tickets_refused_total", {{"code", code}});
    problem p;
    p.status = 403;
    p.code = std::move(code);
    p.title = "Forbidden";
    p.detail = std::move(detail);
    p.more["credential"] = name(via::ticket);
    return p;
}

} // namespace

std::optional<problem> misused(
    api_context& s, const principal& who, const std::string& asked, const call::state* found,
    whole_call any_ring
) {
    if (who.by != via::ticket) return std::nullopt;
    const auto mine = found != nullptr ? found->id == who.ticket->call : asked == who.ticket->call.text();
    if (!mine) return refuse(s, "ticket_of_another_call", "The ticket is of another call");
    if (found == nullptr || any_ring == whole_call::yes || who.ticket->ring == found->rings.size())
        return std::nullopt;
    return refuse(s, "ticket_of_another_ring", "The ticket is of another ring of this call");
}

std::optional<problem>
of_another_device(api_context& s, const principal& who, const std::string& uid, const port::call_view& in) {
    if (uid.empty()) return std::nullopt;
    const auto wrong = [&] {
        return refuse(s, "ticket_of_another_device", "The ticket is of another device");
    };
    if (who.by == via::device) {
        if (uid == who.device_uid) return std::nullopt;
        problem p;
        p.status = 403;
        p.code = "wrong_device";
        p.title = "Forbidden";
        p.detail = "The token is of another device";
        return p;
    }
    const auto is_me = [&](const auto& d) { return d.first == who.device && d.second == uid; };
    const bool me = std::any_of(in.device_uids.begin(), in.device_uids.end(), is_me);
    return me ? std::nullopt : std::optional(wrong());
}

} // namespace z360::edge::api
