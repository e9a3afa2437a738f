// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Events with our mark whose call is nowhere: not begun yet, or lost with a database that lost commits. They
// wait a little; then the leg that we dialed is hung up, for nobody would ever join or end it (I8). The mark
// says who has the key, not whose database: see is_ours().
#include "engine/engine_impl.hpp"
#include "engine/whose_leg.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>
#include <z360/rt/retry.hpp>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace z360::engine {
namespace {

constexpr millis k_must_happen{600'000}; // as every hang-up
constexpr millis k_first_pause{500};
constexpr millis k_longest_pause{4'000};
constexpr std::uint32_t k_offers_due = 2;
constexpr unsigned k_most_pages = 10;

orphan orphan_of(const item& i, const offer& how) {
    orphan o;
    o.event_id = i.inbox_id;
    o.how = how;
    std::visit(
        [&o](const auto& e) {
            if constexpr (requires { e.who.leg; }) o.who = e.who;
        },
        i.what
    );
    o.joined = std::holds_alternative<call::leg_bridged>(i.what);
    o.dead = std::holds_alternative<call::leg_hangup>(i.what) ||
             std::holds_alternative<call::recording_saved>(i.what) ||
             std::holds_alternative<call::recording_failed>(i.what) ||
             std::holds_alternative<call::leg_charged>(i.what);
    return o;
}

call::command hangup_of(const call::leg_ref& who, time_point now) {
    call::command c;
    c.id = derive_uuid("orphan-hangup-" + who.call_control_id).text();
    c.call_control_id = who.call_control_id;
    c.leg = who.leg;
    c.issued_at = now;
    c.deadline = now + k_must_happen;
    c.body = call::hangup_body{call::release_reason::call_over};
    return c;
}

} // namespace

void engine_impl::no_such_call(call_id call, std::vector<item> items) {
    std::vector<orphan> all;
    for (const auto& i : items) {
        if (const auto* request = call::request_of(i.what)) {
            no_call_for(call, request->id);
            if (!i.inbox_id.empty()) ignore(i.inbox_id); // nobody can be helped by it any more
            continue;
        }
        const auto known = handling_.find(i.inbox_id);
        if (!i.inbox_id.empty() && known != handling_.end()) all.push_back(orphan_of(i, known->second));
    }
    if (!all.empty()) work_.spawn(settle_orphans(call, std::move(all)));
}

boost::asio::awaitable<void> engine_impl::settle_orphans(call_id call, std::vector<orphan> all) {
    std::vector<in_work> marks; // whatever happens, all of them end here
    for (const auto& o : all)
        marks.push_back(in_work::adopt(handling_, o.event_id));
    std::unordered_set<std::string> tried; // legs; one hang-up is enough
    for (const auto& o : all) {
        const bool a_leg = o.who.leg && !o.who.call_control_id.empty() && !o.dead;
        const bool due = o.how.age() >= s_.orphan_wait && o.how.attempts >= k_offers_due;
        if (a_leg && due && tried.insert(o.who.call_control_id).second) {
            co_await end_orphan(call, o);
        } else if (had_its_chance(o.how)) {
            co_await bury(o.event_id, std::string(port::k_unknown_session));
        } else {
            const auto pause = rt::growing(k_first_pause, k_longest_pause, o.how.attempts + 1);
            co_await put_off(o.event_id, pause, "no such call", true);
        }
    }
}

boost::asio::awaitable<void> engine_impl::end_orphan(call_id call, orphan o) {
    if (calling_.contains(call) || in_memory(call)) { // it has turned up
        co_await put_off(o.event_id, k_first_pause, "its call begins", false);
        co_return;
    }
    leg_record leg;
    leg.joined = o.joined;
    if (!o.how.session.empty()) {
        auto stored = co_await p_.inbox.claim_session(o.how.session, s_.event_claim);
        for (const auto& e : stored) {
            const auto known = read(e.body, e.route, e.received_at);
            if (known.new_caller) { // nobody has begun it: we do
                for (auto& all : stored)
                    hand_over(std::move(all));
                co_return;
            }
            const bool same = known.hook && known.hook->call_control_id == o.who.call_control_id;
            if (!same) continue;
            leg.joined = leg.joined || (known.what && std::holds_alternative<call::leg_bridged>(*known.what));
            if (leg.to.empty()) leg.to = known.hook->to;
        }
    }
    // A talk, perhaps of a node that cannot write it down, is not ended by us (I21).
    if (!leg.joined) {
        auto told = co_await record_of(o);
        leg.joined = told.joined;
        if (leg.to.empty()) leg.to = std::move(told.to);
        leg.called = std::move(told.called);
    }
    if (leg.joined) {
        co_await leave_alone(std::move(o), call, "a talk of a call that is not here");
        co_return;
    }
    const bool ours = co_await is_ours(p_.directory, leg.to, leg.called, p_.clock.now());
    if (!ours) {
        co_await leave_alone(std::move(o), call, "a leg of another installation");
        co_return;
    }
    auto cmd = hangup_of(o.who, p_.clock.now());
    if (!running_.insert(cmd.id).second) co_return; // under way; its claim runs out by itself
    struct forget {
        std::unordered_set<std::string>& set;
        std::string key;
        ~forget() { set.erase(key); }
    } const guard{running_, cmd.id};
    port::still_wanted ask = [this, call](unsigned) { return still_nobodys(call); };
    const auto result = co_await p_.telnyx.execute(cmd, std::move(ask));
    p_.metrics.count(
        "commands_total", {{"verb", call::name(result.what)}, {"outcome", call::name(result.result)}}
    );
    const bool gone = result.result == call::outcome::done || result.result == call::outcome::peer_gone;
    if (!gone) {
        co_await put_off(o.event_id, k_first_pause, "the orphan's hang-up: " + result.error_code, true);
        co_return;
    }
    if (result.result == call::outcome::done) {
        p_.metrics.count("orphan_legs_hung_up_total");
        log::error("orphan_leg_hung_up", {{"call", call}, {"leg", *o.who.leg}});
    }
    ignore(o.event_id);
}

boost::asio::awaitable<bool> engine_impl::still_nobodys(call_id call) {
    co_return !in_memory(call) && !calling_.contains(call);
}

boost::asio::awaitable<void> engine_impl::leave_alone(orphan o, call_id call, std::string why) {
    if (!had_its_chance(o.how)) {
        co_await put_off(o.event_id, k_longest_pause, std::move(why), true);
        co_return;
    }
    log::warn("orphan_leg_left_alone", {{"call", call}, {"leg", *o.who.leg}, {"why", why}});
    co_await bury(o.event_id, std::string(port::k_unknown_session));
}

boost::asio::awaitable<leg_record> engine_impl::record_of(orphan o) {
    leg_record out;
    if (p_.records == nullptr || o.how.session.empty()) co_return out;
    std::string cursor;
    for (unsigned page = 0; page < k_most_pages; ++page) {
        const auto told = co_await p_.records->events_of_session(o.how.session, cursor);
        for (const auto& e : told.events) {
            const auto known = read(e.body, port::webhook_route::call_control, e.at);
            if (known.new_caller && known.called.is_number()) out.called = known.called.text;
            if (!known.hook || known.hook->call_control_id != o.who.call_control_id || !known.what) continue;
            if (out.to.empty()) out.to = known.hook->to;
            if (std::holds_alternative<call::leg_bridged>(*known.what)) out.joined = true;
            if (std::holds_alternative<call::leg_hangup>(*known.what)) out.joined = false;
        }
        cursor = told.next;
        if (cursor.empty()) co_return out;
    }
    out.joined = true; // longer than anybody reads: it proves nothing
    co_return out;
}

} // namespace z360::engine
