// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Living legs against our rows, both ways (I8): a leg that should live and that the carrier does not list has
// lost its end; a listed leg with our mark that no call knows, or that should be dead, is hung up. Rows are
// read before the list: only what was there before it can be missing from it.
#include "engine/reconcile.hpp"
#include "engine/whose_leg.hpp"
#include "wire/leg_event.hpp"
#include "wire/party.hpp"
#include "wire/telnyx_webhook.hpp"

#include <z360/log.hpp>

#include <algorithm>
#include <set>
#include <utility>

namespace z360::engine {
namespace {

constexpr const char* k_legs = "sweep";
constexpr millis k_at_once{3'000}; // between comparisons that do not wait for their time
constexpr std::size_t k_rows = 1'000;
constexpr std::size_t k_batch = 500;
constexpr int k_pages = 400;
constexpr std::size_t k_hanging_up = 100;
constexpr std::size_t k_unknown_callers = 20;
constexpr int k_failures = 3;
constexpr std::int64_t k_new_seconds = 5; // its webhooks and the dial's answer are still on their way
constexpr millis k_on_its_way{30'000};    // an event in the inbox may wait so long for its turn
constexpr millis k_hang_up_for{60'000};   // then the next comparison does it again

// By its record this leg was joined to another one, which has not ended since.
bool talks(const std::vector<port::inbox_event>& record, const std::string& control_id) {
    std::set<std::string> joined;
    for (const auto& e : record)
        if (e.event_type == "call.bridged") joined.insert(e.call_control_id);
    for (const auto& e : record)
        if (e.event_type == "call.hangup") joined.erase(e.call_control_id);
    return joined.contains(control_id) && joined.size() > 1;
}

// Whom this leg rings, as the carrier writes it; empty: not on record.
std::string rung_by(const std::vector<port::inbox_event>& record, const std::string& control_id) {
    for (const auto& e : record) {
        if (e.call_control_id != control_id) continue;
        const auto read = wire::parse_envelope(e.body);
        if (read.event && !read.event->to.empty()) return read.event->to;
    }
    return {};
}

// What the caller of this session dialed, +E.164; empty: not on record, or no number.
std::string called_by_caller(const std::vector<port::inbox_event>& record) {
    for (const auto& e : record) {
        if (e.event_type != "call.initiated") continue;
        const auto read = wire::parse_envelope(e.body);
        if (!read.event || read.event->direction != "incoming") continue;
        auto called = wire::read_called(read.event->to);
        if (called.is_number()) return std::move(called.text);
    }
    return {};
}

/// As the webhook that did not come would have brought it.
port::inbox_event as_delivered(const wire::leg_event& e, const char* type, std::string body) {
    port::inbox_event out;
    out.event_id = e.event_id;
    out.event_type = type;
    out.call_session_id = e.call_session_id;
    out.call_control_id = e.call_control_id;
    out.received_at = e.at;
    out.body = std::move(body);
    return out;
}

} // namespace

void reconciler_impl::judged(std::string_view what, double n) {
    p_.metrics.count("reconcile_legs_total", {{"what", what}}, n);
}

boost::asio::awaitable<void> reconciler_impl::legs_round() {
    const auto every = legs_at_once_ ? k_at_once : s_.sweep_every;
    const auto t = co_await begin_turn(k_legs, every);
    if (!t) co_return;
    auto rows = co_await read_ledger();
    co_await end_overlong(std::move(rows.overlong));
    auto listed = co_await read_listing();
    p_.metrics.gauge("reconcile_listed_legs", static_cast<double>(listed.size()));
    std::erase_if(rows.legs, [&](const leg_row& r) { return listed.contains(r.call_control_id); });
    co_await judge_missing(std::move(rows.legs));
    co_await judge_listed(std::move(listed));
    co_await p_.store.tidy();
    legs_at_once_ = false;
    co_await p_.store.end_turn(k_legs, s_.node, t->now);
}

boost::asio::awaitable<reconciler_impl::ledger> reconciler_impl::read_ledger() {
    ledger out;
    call_id after;
    for (;;) {
        const auto page = co_await p_.store.ledger(after, k_rows, s_.young, s_.longest_call + s_.grace);
        for (const auto& c : page) {
            auto& to = c.overlong ? out.overlong : out.legs;
            for (const auto& l : c.legs)
                to.push_back({c.call, c.call_session_id, l.call_control_id, l.leg});
            if (!c.call_control_id.empty())
                to.push_back({c.call, c.call_session_id, c.call_control_id, std::nullopt});
        }
        if (page.size() < k_rows) co_return out;
        after = page.back().call;
    }
}

// Throws when it does not come to the end: an incomplete list proves nothing.
boost::asio::awaitable<reconciler_impl::listing> reconciler_impl::read_listing() {
    listing out;
    std::string cursor;
    for (int page = 0; page < k_pages; ++page) {
        auto answer = co_await p_.records.active_legs(cursor);
        for (auto& l : answer.legs) {
            auto key = l.call_control_id;
            out.insert_or_assign(std::move(key), std::move(l));
        }
        if (answer.next.empty()) co_return out;
        cursor = std::move(answer.next);
        (void)co_await keep_turn(k_legs);
    }
    throw std::runtime_error("the carrier's list of living legs does not end");
}

// ---- rows whose leg is not alive

port::inbox_event reconciler_impl::hangup_of(const leg_row& leg) const {
    wire::leg_event e;
    e.event_id = "reconcile-hangup-" + derive_uuid(leg.call_control_id).text();
    e.call_control_id = leg.call_control_id;
    e.call_session_id = leg.call_session_id;
    e.at = p_.clock.now();
    return as_delivered(e, "call.hangup", wire::hangup_body(e));
}

// True: it was news, and the engine has it.
boost::asio::awaitable<bool> reconciler_impl::tell(port::inbox_event made) {
    events one;
    one.push_back(made);
    const auto stored = co_await p_.store.append_recorded(std::move(one), s_.event_claim);
    if (!stored.at(0)) co_return false;
    events again;
    again.push_back(std::move(made));
    p_.take_up(std::move(again));
    co_return true;
}

// The carrier ends every call at its limit, so these have lost their ends, whatever it answers now.
boost::asio::awaitable<void> reconciler_impl::end_overlong(std::vector<leg_row> legs) {
    for (const auto& leg : legs) {
        auto life = port::leg_life::unknown;
        try {
            life = co_await p_.records.life_of(leg.call_control_id);
        } catch (const std::exception& e) {
            log::warn("carrier_not_asked", {{"call", leg.call}, {"why", e.what()}});
        }
        if (life == port::leg_life::alive) hang_up(leg.call_control_id, leg.leg, "overlong");
        auto made = hangup_of(leg);
        const bool news = co_await tell(std::move(made));
        if (!news) continue;
        judged("overlong");
        log::error("call_overlong", {{"call", leg.call}, {"session", leg.call_session_id}});
    }
}

boost::asio::awaitable<void> reconciler_impl::judge_missing(std::vector<leg_row> missing) {
    std::map<std::string, std::vector<leg_row>> by_session;
    for (auto& leg : missing)
        by_session[leg.call_session_id].push_back(std::move(leg));
    int failures = 0;
    for (auto& [session, legs] : by_session) {
        (void)co_await keep_turn(k_legs);
        std::exception_ptr failure;
        try {
            co_await judge_silent(std::move(legs));
        } catch (const std::exception&) {
            failure = std::current_exception();
        }
        if (!failure) continue;
        log::warn("silent_legs_not_judged", {{"session", session}, {"why", rt::what(failure)}});
        // One that cannot be asked about must not keep the others from being asked.
        if (++failures == k_failures) std::rethrow_exception(failure);
    }
}

// Legs of one session. Their own events tell more than we could make up; what these leave open is asked leg
// by leg.
boost::asio::awaitable<void> reconciler_impl::judge_silent(std::vector<leg_row> legs) {
    const auto session = legs.front().call_session_id;
    const auto told = co_await look(session, k_legs);
    const auto now = p_.clock.now();
    for (const auto& leg : legs) {
        const bool on_its_way = std::any_of(told.begin(), told.end(), [&](const told_event& t) {
            return t.event.event_type == "call.hangup" && t.event.call_control_id == leg.call_control_id &&
                   (t.fresh || now - t.event.received_at < k_on_its_way);
        });
        if (on_its_way) continue;
        const auto life = co_await p_.records.life_of(leg.call_control_id);
        if (life != port::leg_life::gone) continue;
        auto made = hangup_of(leg);
        const bool news = co_await tell(std::move(made));
        if (!news) continue;
        judged("gone");
        log::warn("leg_is_gone", {{"call", leg.call}, {"session", session}});
    }
}

// ---- living legs whose row says otherwise

std::optional<leg_id> reconciler_impl::leg_of(const port::live_leg& leg) const {
    if (leg.client_state.empty()) return std::nullopt;
    const auto mark = p_.open_mark(leg.client_state);
    if (!mark) return std::nullopt;
    return mark->leg;
}

boost::asio::awaitable<std::vector<port::standing>>
reconciler_impl::standings(std::vector<port::live_leg> legs) {
    std::vector<port::standing> out;
    for (std::size_t from = 0; from < legs.size(); from += k_batch) {
        std::vector<port::listed_leg> batch;
        for (auto i = from; i < std::min(legs.size(), from + k_batch); ++i)
            batch.push_back({legs[i].call_control_id, legs[i].call_session_id, leg_of(legs[i])});
        const auto some = co_await p_.store.standings(std::move(batch), s_.settled);
        out.insert(out.end(), some.begin(), some.end());
    }
    co_return out;
}

boost::asio::awaitable<void> reconciler_impl::judge_listed(listing all) {
    std::vector<port::live_leg> legs;
    for (auto& [id, leg] : all)
        legs.push_back(std::move(leg));
    auto copy = legs;
    const auto words = co_await standings(std::move(copy));
    std::vector<port::live_leg> strangers;
    std::size_t callers = 0;
    for (std::size_t i = 0; i < legs.size(); ++i) {
        const auto leg = leg_of(legs[i]);
        switch (words.at(i)) {
        case port::standing::live: break;
        case port::standing::unlearned:
        case port::standing::duplicate:
            if (legs[i].seconds >= k_new_seconds) co_await teach(legs[i]);
            break;
        case port::standing::over: hang_up(legs[i].call_control_id, leg, "over"); break;
        case port::standing::none:
            if (leg) {
                strangers.push_back(legs[i]);
            } else if (legs[i].seconds >= k_new_seconds && callers++ < k_unknown_callers) {
                // Somebody waits whose call.initiated is lost.
                (void)co_await look(legs[i].call_session_id, k_legs);
            }
            break;
        }
    }
    if (!strangers.empty()) co_await judge_strangers(std::move(strangers));
}

// The call learns the id of its leg as from the webhook that did not come; then it does what it has to.
boost::asio::awaitable<void> reconciler_impl::teach(port::live_leg leg) {
    const auto told = co_await look(leg.call_session_id, k_legs);
    const bool known = std::any_of(told.begin(), told.end(), [&](const told_event& t) {
        return t.fresh && t.event.call_control_id == leg.call_control_id;
    });
    if (known) co_return;
    wire::leg_event e;
    e.event_id = "reconcile-leg-" + derive_uuid(leg.call_control_id).text();
    e.call_control_id = leg.call_control_id;
    e.call_session_id = leg.call_session_id;
    e.client_state = leg.client_state;
    e.at = p_.clock.now();
    auto made = as_delivered(e, "call.initiated", wire::initiated_body(e));
    const bool news = co_await tell(std::move(made));
    if (!news) co_return;
    judged("found");
    log::warn("leg_was_found", {{"session", leg.call_session_id}});
}

// A leg with our mark and no row. Commits may be lost, and whoever holds the call in memory writes it again:
// that gets its time. People who talk are left alone, whoever has forgotten them (I21).
boost::asio::awaitable<void> reconciler_impl::judge_strangers(std::vector<port::live_leg> legs) {
    co_await rt::sleep_for(s_.second_look);
    auto copy = legs;
    const auto words = co_await standings(std::move(copy));
    for (std::size_t i = 0; i < legs.size(); ++i) {
        if (words.at(i) != port::standing::none) continue;
        (void)co_await keep_turn(k_legs);
        co_await judge_stranger(legs[i]);
    }
}

boost::asio::awaitable<void> reconciler_impl::judge_stranger(port::live_leg leg) {
    const auto life = co_await p_.records.life_of(leg.call_control_id);
    if (life != port::leg_life::alive) co_return;
    const auto r = co_await on_record(leg.call_session_id);
    if (talks(r.known, leg.call_control_id) || !r.complete) {
        judged("left_alone");
        log::warn("talk_of_no_call", {{"session", leg.call_session_id}});
        co_return;
    }
    auto to = rung_by(r.known, leg.call_control_id);
    auto called = called_by_caller(r.known);
    const bool ours = co_await is_ours(p_.directory, std::move(to), std::move(called), p_.clock.now());
    if (!ours) {
        judged("foreign");
        log::warn("leg_of_another_installation", {{"session", leg.call_session_id}});
        co_return;
    }
    hang_up(leg.call_control_id, leg_of(leg), "no call");
}

void reconciler_impl::hang_up(std::string control_id, std::optional<leg_id> leg, std::string_view why) {
    if (hanging_up_.size() >= k_hanging_up || !hanging_up_.insert(control_id).second) return;
    judged("hung_up");
    log::warn("stray_leg_hung_up", {{"leg", leg ? leg->text() : std::string()}, {"why", why}});
    call::command cmd;
    cmd.id = "reconcile-hangup-" + derive_uuid(control_id).text();
    cmd.call_control_id = std::move(control_id);
    cmd.leg = leg;
    cmd.issued_at = p_.clock.now();
    cmd.deadline = cmd.issued_at + k_hang_up_for;
    cmd.body = call::hangup_body{call::release_reason::call_over};
    work_.spawn(run_hang_up(std::move(cmd)));
}

boost::asio::awaitable<void> reconciler_impl::run_hang_up(call::command cmd) {
    struct forget {
        std::unordered_set<std::string>& set;
        std::string key;
        ~forget() { set.erase(key); }
    };
    const forget at_end{hanging_up_, cmd.call_control_id};
    struct always {
        static boost::asio::awaitable<bool> yes(unsigned) { co_return true; }
    };
    const auto o = co_await p_.telnyx.execute(std::move(cmd), &always::yes);
    if (o.result != call::outcome::done && o.result != call::outcome::peer_gone)
        log::warn("stray_leg_not_hung_up", {{"outcome", call::name(o.result)}, {"code", o.error_code}});
}

} // namespace z360::engine
