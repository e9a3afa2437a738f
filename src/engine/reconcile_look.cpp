// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Records of the carrier become events of the inbox: read as the webhooks that they stand for, stored before
// anybody decides about them, and passed over where the webhook came.
#include "engine/arrival.hpp"
#include "engine/reconcile.hpp"
#include "wire/reference_mask.hpp"

#include <z360/base/ids.hpp>
#include <z360/log.hpp>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace z360::engine {
namespace {

constexpr int k_pages_a_session = 20;
constexpr std::size_t k_longest_id = 256; // what the inbox takes as a key; real ids are far shorter

} // namespace

// The bytes are the carrier's own, over TLS and with our key: there is no signature to check. Which route
// they would have come by is told by their connection; other applications of the account are none of ours.
std::optional<port::inbox_event> reconciler_impl::readable(port::recorded_event r) const {
    const auto skip = [this](std::string_view why) {
        p_.metrics.count("reconcile_records_skipped_total", {{"why", why}});
        return std::nullopt;
    };
    if (!uuid::parse(r.event_id)) return skip("no_id");
    auto parsed = wire::parse_envelope(r.body);
    if (!parsed.event) return skip("unreadable");
    const auto& hook = *parsed.event;
    if (hook.call_session_id.size() > k_longest_id || hook.call_control_id.size() > k_longest_id)
        return skip("unreadable");
    const bool by_device =
        !s_.credential_connection_id.empty() && hook.connection_id == s_.credential_connection_id;
    const bool ours = by_device || hook.connection_id.empty() || s_.connection_id.empty() ||
                      hook.connection_id == s_.connection_id;
    if (!ours) return skip("foreign");
    std::optional<leg_id> leg;
    if (!hook.client_state.empty())
        if (const auto mark = p_.open_mark(hook.client_state)) leg = mark->leg;
    const auto source = by_device ? wire::webhook_source::credential : wire::webhook_source::call_control;
    const bool begins = wire::is_new_caller(hook, source, leg) || wire::is_placed_call(hook, source, leg);
    if (!begins && !wire::to_call_event(hook, leg, r.at)) return std::nullopt; // means nothing to any call
    port::inbox_event e;
    e.event_id = std::move(r.event_id);
    e.event_type = hook.event_type;
    e.route = by_device ? port::webhook_route::credential : port::webhook_route::call_control;
    e.call_session_id = hook.call_session_id;
    e.call_control_id = hook.call_control_id;
    e.received_at = hook.occurred_at.value_or(r.at);
    e.body = std::move(r.body);
    wire::mask_references(e.body);
    return e;
}

void reconciler_impl::read_into(events& out, std::vector<port::recorded_event> page) const {
    for (auto& r : page)
        if (auto e = readable(std::move(r))) out.push_back(std::move(*e));
}

boost::asio::awaitable<reconciler_impl::record> reconciler_impl::on_record(std::string call_session_id) {
    record out;
    call_session_id = carrier_session(call_session_id); // two callers of one have names of their own
    std::string cursor;
    for (int page = 0; page < k_pages_a_session; ++page) {
        auto answer = co_await p_.records.events_of_session(call_session_id, cursor);
        read_into(out.known, std::move(answer.events));
        cursor = std::move(answer.next);
        if (cursor.empty()) break;
    }
    out.complete = cursor.empty();
    if (!out.complete) log::warn("reconcile_record_too_long", {{"session", call_session_id}});
    std::sort(out.known.begin(), out.known.end(), [](const auto& a, const auto& b) {
        return std::tie(a.received_at, a.event_id) < std::tie(b.received_at, b.event_id);
    });
    co_return out;
}

boost::asio::awaitable<std::vector<told_event>> reconciler_impl::keep(events found_here, std::string by) {
    std::vector<told_event> out;
    if (found_here.empty()) co_return out;
    std::vector<std::string> ids;
    for (const auto& e : found_here)
        ids.push_back(e.event_id);
    const auto missing = co_await p_.store.unseen(std::move(ids));
    std::set<std::string> lost(missing.begin(), missing.end());
    events to_store;
    std::vector<std::size_t> at;
    for (auto& e : found_here) {
        // One of two with the same id is enough.
        if (lost.erase(e.event_id) > 0) {
            at.push_back(out.size());
            to_store.push_back(e);
        }
        out.push_back({std::move(e), false});
    }
    if (to_store.empty()) co_return out;
    // Received now; in the order in which they happened.
    const auto now = p_.clock.now();
    for (std::size_t i = 0; i < to_store.size(); ++i) {
        to_store[i].received_at = now - millis{static_cast<std::int64_t>(to_store.size() - i)};
        out[at[i]].event.received_at = to_store[i].received_at;
    }
    const auto stored = co_await p_.store.append_recorded(std::move(to_store), s_.event_claim);
    for (std::size_t i = 0; i < at.size(); ++i)
        out[at[i]].fresh = stored.at(i);
    found(out, by);
    co_return out;
}

void reconciler_impl::found(const std::vector<told_event>& told, std::string_view by) {
    for (const auto& t : told) {
        if (!t.fresh) continue;
        p_.metrics.count("reconcile_events_found_total", {{"by", by}});
        log::warn(
            "webhook_was_missing", {{"event_id", t.event.event_id},
                                    {"type", t.event.event_type},
                                    {"session", t.event.call_session_id},
                                    {"by", by}}
        );
    }
}

void reconciler_impl::hand_over(std::vector<told_event>& told) {
    events fresh;
    for (auto& t : told)
        if (t.fresh) fresh.push_back(t.event);
    if (!fresh.empty()) p_.take_up(std::move(fresh));
}

boost::asio::awaitable<std::vector<told_event>>
reconciler_impl::look(std::string call_session_id, std::string by) {
    auto r = co_await on_record(std::move(call_session_id));
    auto told = co_await keep(std::move(r.known), std::move(by));
    hand_over(told);
    co_return told;
}

} // namespace z360::engine
