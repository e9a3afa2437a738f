// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "engine/actor.hpp"

#include <iterator>
#include <utility>

namespace z360::engine {
namespace {

// A failover loses seconds of commits; what is older is safe, or nobody can tell it any more.
constexpr std::chrono::seconds k_recent{60};
constexpr std::size_t k_recent_items = 256;

constexpr std::size_t k_unsaved_limit = 2'000; // items of one call

constexpr unsigned k_line_bits = 40; // a call never has this many commits

} // namespace

void actor::take() {
    // What begins a call stays together with what is stored of its session: nobody is dialed who has hung up.
    const bool begins = !queue.empty() && std::holds_alternative<call::incoming>(queue.front().what);
    const std::size_t n = careful && !begins ? std::min<std::size_t>(queue.size(), 1) : queue.size();
    const auto end = queue.begin() + static_cast<std::ptrdiff_t>(n);
    in_hand.insert(in_hand.end(), std::make_move_iterator(queue.begin()), std::make_move_iterator(end));
    queue.erase(queue.begin(), end);
}

void actor::put_back() {
    queue.insert(
        queue.begin(), std::make_move_iterator(in_hand.begin()), std::make_move_iterator(in_hand.end())
    );
    in_hand.clear();
}

void actor::start_over() {
    put_back();
    queue.insert(
        queue.begin(), std::make_move_iterator(unsaved_items.begin()),
        std::make_move_iterator(unsaved_items.end())
    );
    unsaved_items.clear();
    unsaved.reset();
    loaded.reset();
    lost_to.reset();
}

void actor::remember(const std::vector<item>& items) {
    for (const auto& i : items)
        if (!std::holds_alternative<call::tick>(i.what)) recent.push_back(i);
    const auto oldest = steady::now() - k_recent;
    while (!recent.empty() && (recent.size() > k_recent_items || recent.front().since < oldest))
        recent.pop_front();
}

bool actor::too_much_unsaved() const {
    return unsaved_items.size() >= k_unsaved_limit;
}

std::uint64_t version_after(const port::call_commit& c) {
    return c.next_version == 0 ? c.expected_version + 1 : c.next_version;
}

std::uint64_t forward_version(std::uint64_t mine) {
    const auto line = mine >> k_line_bits;
    const auto number = mine & ((1ULL << k_line_bits) - 1);
    return ((line + 1) << k_line_bits) | (number + 1);
}

bool later_line(std::uint64_t stored, std::uint64_t mine) {
    return (stored >> k_line_bits) > (mine >> k_line_bits);
}

bool can_wait(const call::event& what, const call::state* known) {
    const bool over = known != nullptr && known->now_in == call::phase::ended;
    // Somebody waits for these: a caller who arrives or leaves, a device that answers, our own answer and
    // bridge. Their reports by webhook say the same a little later; the node that sent the command does not
    // wait for them.
    if (std::holds_alternative<call::tick>(what)) return known != nullptr;
    if (std::holds_alternative<call::leg_initiated>(what)) return !over; // over: it must be hung up
    if (std::holds_alternative<call::recording_saved>(what)) return true;
    if (std::holds_alternative<call::leg_bridged>(what)) return true;
    if (const auto* answered = std::get_if<call::leg_answered>(&what)) {
        const auto& who = answered->who;
        return !who.leg && known != nullptr && who.call_control_id == known->caller.call_control_id;
    }
    if (const auto* left = std::get_if<call::leg_hangup>(&what)) return left->who.leg.has_value();
    if (const auto* done = std::get_if<call::command_outcome>(&what)) {
        if (done->what == call::verb::answer || done->what == call::verb::bridge) return false;
        if (done->what == call::verb::hangup || done->what == call::verb::reject) return true;
        return !over && (done->result == call::outcome::done || done->result == call::outcome::superseded);
    }
    return false;
}

} // namespace z360::engine
