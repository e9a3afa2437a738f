// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Webhooks that nobody could use, for operators: looked at, and offered to the nodes again (BE-19).
#include "edge/api/operators.hpp"
#include "edge/api/route_tables.hpp"

#include <algorithm>
#include <utility>

namespace z360::edge::api {
namespace {

constexpr std::size_t k_most_at_once = 500;
constexpr std::size_t k_usual_at_once = 100;
constexpr std::size_t k_longest_id = 256; // of an event, as the inbox has it
constexpr std::size_t k_ids_in_audit = 20;

// They are of no organisation, or of any.
std::optional<problem> not_for_them(api_context& s, const request_context& in) {
    if (s.ports.dead_letters == nullptr) return not_found("event_unknown", "There is no such event");
    if (in.who.bound_to.none()) return std::nullopt;
    auto p = access_denied();
    p.detail = "Events are of no organisation: ask with an unbound token";
    return p;
}

json event_json(const port::dead_event& e) {
    const auto text = [](const std::string& t) { return t.empty() ? json() : json(t); };
    return {
        {"position", e.position},
        {"event_id", e.event_id},
        {"type", e.event_type},
        {"call_session_id", text(e.call_session_id)},
        {"call_control_id", text(e.call_control_id)},
        {"route", e.route},
        {"received_at", iso8601(e.received_at)},
        {"attempts", e.attempts},
        {"status", e.status},
        {"error", text(e.error)},
        {"processed_at", e.processed_at ? json(iso8601(*e.processed_at)) : json()},
    };
}

void read_time(std::string text, std::string_view name, fields& f, std::optional<time_point>& into) {
    if (text.empty()) return;
    std::replace(text.begin(), text.end(), ' ', '+'); // one that was not escaped
    into = parse_iso8601(text);
    if (!into) f.refuse(name, "must be a time like 2026-12-24T18:00:00Z");
}

port::dead_filter filter_of(const request_context& in, fields& f) {
    port::dead_filter out;
    out.event_type = in.query("type").value_or("");
    out.call_session_id = in.query("call_session_id").value_or("");
    out.error = in.query("error").value_or("");
    read_time(in.query("since").value_or(""), "since", f, out.since);
    read_time(in.query("until").value_or(""), "until", f, out.until);
    return out;
}

port::dead_filter filter_of(fields& f) {
    port::dead_filter out;
    out.event_type = f.text("type");
    out.call_session_id = f.text("call_session_id", {.max = k_longest_id});
    out.error = f.text("error");
    read_time(f.text("since"), "since", f, out.since);
    read_time(f.text("until"), "until", f, out.until);
    return out;
}

awaitable<http::response> list_dead(api_context& s, request_context in) {
    if (const auto no = not_for_them(s, in)) co_return respond(*no);
    const auto page = read_page(in, true);
    if (page.refused) co_return respond(*page.refused);
    fields f(json::object());
    auto which = filter_of(in, f);
    if (!f.ok()) co_return respond(f.refusal());
    const auto all = co_await s.ports.dead_letters->list(std::move(which), cursor_id(page), page.limit);
    co_return reply_rows(all, event_json, page.limit, "position");
}

awaitable<http::response> get_dead(api_context& s, request_context in) {
    if (const auto no = not_for_them(s, in)) co_return respond(*no);
    const auto found = co_await s.ports.dead_letters->find(in.param("id"));
    if (!found) co_return respond(not_found("event_unknown", "There is no such event"));
    auto data = event_json(*found);
    // As text: it is what was signed, and need not be JSON.
    data["body"] = found->body;
    co_return success(200, std::move(data));
}

std::string listed(const std::vector<std::string>& ids) {
    std::string out;
    for (std::size_t n = 0; n < std::min(ids.size(), k_ids_in_audit); ++n)
        out += " " + ids[n];
    return out;
}

awaitable<http::response> replay_one(api_context& s, request_context in) {
    if (const auto no = not_for_them(s, in)) co_return respond(*no);
    const auto id = in.param("id");
    const auto found = co_await s.ports.dead_letters->find(id);
    if (!found) co_return respond(not_found("event_unknown", "There is no such event"));
    std::vector<std::string> one{id};
    co_await audit(s, in.who, in.address, "dead_letters_replayed", {}, "ids=1" + listed(one));
    const auto done = co_await s.ports.dead_letters->revive(std::move(one));
    json data{
        {"event_id", id}, {"replayed", !done.empty()}, {"status", done.empty() ? found->status : "new"}
    };
    co_return success(
        200, std::move(data),
        done.empty() ? "It is no dead letter: nothing is processed twice" : "Offered again"
    );
}

// By ids, or by what they have in common: never all of them for want of a word.
awaitable<http::response> replay_many(api_context& s, request_context in) {
    if (const auto no = not_for_them(s, in)) co_return respond(*no);
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    auto ids = f.texts("event_ids", k_most_at_once);
    auto which = filter_of(f);
    const auto limit = static_cast<std::size_t>(
        f.integer("limit", 1, static_cast<std::int64_t>(k_most_at_once)).value_or(k_usual_at_once)
    );
    const bool filtered = !which.event_type.empty() || !which.call_session_id.empty() ||
                          !which.error.empty() || which.since || which.until;
    if (ids.empty() == !filtered && f.ok())
        f.refuse("event_ids", "give these, or at least one of type, call_session_id, error, since and until");
    if (!f.ok()) co_return respond(f.refusal());
    std::string detail = "ids=" + std::to_string(ids.size()) + listed(ids);
    if (filtered)
        detail = "type=" + which.event_type + " session=" + which.call_session_id + " error=" + which.error +
                 (which.since ? " since=" + iso8601(*which.since) : "") +
                 (which.until ? " until=" + iso8601(*which.until) : "") + " limit=" + std::to_string(limit);
    co_await audit(s, in.who, in.address, "dead_letters_replayed", {}, std::move(detail));
    std::vector<std::string> done;
    if (filtered)
        done = co_await s.ports.dead_letters->revive(std::move(which), limit);
    else
        done = co_await s.ports.dead_letters->revive(std::move(ids));
    std::sort(done.begin(), done.end());
    const bool more = filtered && done.size() == limit;
    json data{{"replayed", done.size()}, {"event_ids", std::move(done)}, {"more", more}};
    co_return success(200, std::move(data), "Offered again");
}

} // namespace

std::vector<entry> event_entries() {
    return {
        operator_entry("GET", "/api/admin/dead-letters", list_dead, "events:read"),
        operator_entry("POST", "/api/admin/dead-letters/replay", replay_many, "events:write"),
        operator_entry("GET", "/api/admin/dead-letters/{id}", get_dead, "events:read"),
        operator_entry("POST", "/api/admin/dead-letters/{id}/replay", replay_one, "events:write"),
    };
}

} // namespace z360::edge::api
