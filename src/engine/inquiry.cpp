// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the carrier has on record comes to the calls: found by the reconciler, or asked for by a call that is
// about to give something up.
#include "engine/engine_impl.hpp"

#include <z360/log.hpp>

#include <utility>
#include <variant>

namespace z360::engine {
namespace {

// Facts about legs add up to the same whatever their order and however often they are told (I10).
bool may_be_repeated(const call::event& e) {
    return std::holds_alternative<call::leg_initiated>(e) || std::holds_alternative<call::leg_answered>(e) ||
           std::holds_alternative<call::leg_bridged>(e) || std::holds_alternative<call::leg_hangup>(e);
}

} // namespace

void engine_impl::take_up(std::vector<port::inbox_event> events) {
    if (stopping_) return; // their claims run out; another node or the next start takes them
    for (auto& e : events)
        if (handling_.insert(e.event_id).second) hand_over(std::move(e));
}

// Everything on record is decided before the answer, in one batch with it: also what the inbox has already,
// for it may be waiting in another node's hands, or have been decided on a copy that was lost.
std::vector<item> engine_impl::items_of(call_id id, carrier_answer answer) {
    std::vector<item> out;
    for (auto& [e, fresh] : answer.events) {
        auto known = read(e.body, e.route, e.received_at);
        if (known.mark && known.mark->call != id) known.what.reset(); // another call's leg in this session
        if (fresh && (!known.what || known.new_caller)) {
            take_up({std::move(e)});
            continue;
        }
        if (!known.what) continue;
        if (fresh && handling_.insert(e.event_id).second)
            out.push_back(item{std::move(*known.what), e.event_id});
        else if (may_be_repeated(*known.what))
            out.push_back(item{std::move(*known.what), {}});
    }
    return out;
}

boost::asio::awaitable<void> engine_impl::inquire(call_id id, std::string session, call::inquiry what) {
    p_.metrics.count("inquiries_total");
    carrier_answer answer;
    if (p_.ask) answer = co_await p_.ask(std::move(session));
    const bool answered = answer.answered;
    log::info("carrier_asked", {{"call", id}, {"answered", answered}, {"events", answer.events.size()}});
    auto items = items_of(id, std::move(answer));
    items.push_back(item{call::carrier_told{what.round, answered}, {}});
    post(id, std::move(items));
}

} // namespace z360::engine
