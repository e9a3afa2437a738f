// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the carrier has on record comes to the calls: found by the reconciler, or asked for by a call that is
// about to give something up.
#include "engine/engine_impl.hpp"

#include <z360/log.hpp>

#include <utility>
#include <variant>

namespace z360::engine {
namespace {

// Facts about legs, and that a recording failed, add up to the same whatever their order and however often
// they are told (I10).
bool may_be_repeated(const call::event& e) {
    return std::holds_alternative<call::leg_initiated>(e) || std::holds_alternative<call::leg_answered>(e) ||
           std::holds_alternative<call::leg_bridged>(e) || std::holds_alternative<call::leg_hangup>(e) ||
           std::holds_alternative<call::recording_failed>(e);
}

} // namespace

void engine_impl::take_up(std::vector<port::inbox_event> events) {
    if (stopping_) return; // their claims run out; another node or the next start takes them
    for (auto& e : events)
        hand_over(std::move(e));
}

// Also what the inbox has already: it may be waiting in another node's hands, or have been decided on a copy
// that was lost.
std::vector<item> engine_impl::items_of(const call::state& about, carrier_answer answer) {
    std::vector<item> out;
    for (auto& [e, fresh] : answer.events) {
        auto known = read(e.body, e.route, e.received_at);
        const auto& caller = about.caller;
        const bool nobodys = is_of_unmarked_leg(known) &&
                             known.hook->call_control_id != caller.call_control_id &&
                             about.find_by_control_id(known.hook->call_control_id) == nullptr;
        if (nobodys || !is_for(about.id, about.origin.call_session_id, caller.call_control_id, known))
            known.what.reset(); // another call's leg in this session, or one of a caller still to come
        if (fresh && !known.what) {
            hand_over(std::move(e));
            continue;
        }
        if (!known.what) continue;
        in_work mark;
        if (fresh)
            mark = in_work(handling_, e.event_id, offer{.session = e.call_session_id, .type = label_of(e)});
        if (mark) {
            mark.keep();
            out.push_back(item{std::move(*known.what), e.event_id});
        } else if (may_be_repeated(*known.what)) {
            out.push_back(item{std::move(*known.what), {}});
        }
    }
    return out;
}

// Whoever asks decides about what is on record before anything else: it is in the call's queue when this
// returns.
boost::asio::awaitable<bool> engine_impl::ask_on_record(call::state about) {
    auto answer = co_await p_.ask(about.origin.call_session_id);
    const bool answered = answer.answered;
    auto items = items_of(about, std::move(answer));
    if (!items.empty()) post(about.id, std::move(items));
    co_return answered;
}

} // namespace z360::engine
