// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The inbox: conversations with their figures, and the messages of one.
#include "edge/api/cursors.hpp"
#include "edge/api/route_tables.hpp"
#include "edge/api/views.hpp"

#include <string>
#include <utility>

namespace z360::edge::api {
namespace {

constexpr std::int64_t k_minute = 60'000;

json view(const port::book_summary& s) {
    return {
        {"messages", s.messages},
        {"missed", s.missed},
        {"voicemails", s.voicemails},
        {"talk_minutes", (s.talk.count() + k_minute - 1) / k_minute},
        {"last_message_at", time_or_null(s.last_at)},
    };
}

json view(const port::conversation_view& c) {
    return {
        {"id", c.id},
        {"organization_id", c.org.value},
        {"type", "PHONE"},
        {"number", text_or_null(c.number)},
        {"identifier", c.identifier},
        {"name", text_or_null(c.name)},
        {"last_message_at", iso8601(c.last_at)},
        {"summary", view(c.summary)},
    };
}

/// The document as it is stored, with addresses that whoever asks may open.
json metadata_of(const api_context& s, const request_context& in, const port::message_view& m) {
    auto out = json::parse(m.metadata, nullptr, false);
    if (!out.is_object()) out = json::object();
    json urls{{"mp3", nullptr}, {"wav", nullptr}};
    if (m.recording) urls[m.recording_format == "wav" ? "wav" : "mp3"] = recording_url(s, in, *m.recording);
    out["recording_urls"] = std::move(urls);
    return out;
}

json view(const api_context& s, const request_context& in, const port::message_view& m) {
    return {
        {"id", m.id},
        {"conversation_id", m.conversation},
        {"type", "PHONE_CALL"},
        {"direction", m.direction},
        {"status", m.status},
        {"call_uuid", m.call.text()},
        {"missed", m.missed},
        {"voicemail", m.voicemail},
        {"talk_ms", m.talk.count()},
        {"created_at", iso8601(m.at)},
        {"metadata", metadata_of(s, in, m)},
    };
}

std::optional<port::book_cursor> cursor_in(const request_context& in, fields& f) {
    const auto text = in.query("before");
    if (!text) return std::nullopt;
    if (const auto split = split_cursor(*text))
        if (const auto id = whole_number(split->second)) return port::book_cursor{split->first, *id};
    f.refuse("before", "must be `next` of an earlier reply");
    return std::nullopt;
}

template <class Row>
json next_of(const std::vector<Row>& rows, std::size_t limit, time_point Row::* at) {
    if (rows.size() < limit) return nullptr;
    return cursor_text(rows.back().*at, std::to_string(rows.back().id));
}

awaitable<http::response> list_conversations(api_context& s, request_context in) {
    fields f(json::object());
    const auto limit = read_limit(in, f);
    const auto before = cursor_in(in, f);
    org_id org = in.who.bound_to;
    if (const auto text = in.query("organization_id")) {
        const auto id = whole_number(*text);
        if (!id) f.refuse("organization_id", "must be the id of an organisation");
        org = {id.value_or(0)};
    }
    if (!f.ok()) co_return respond(f.refusal());
    const auto found = co_await s.ports.books->conversations(in.who.scope(), org, before, limit);
    json meta{{"next", next_of(found, limit, &port::conversation_view::last_at)}};
    if (!before) { // of all of them: said with the first page alone
        const auto all = co_await s.ports.books->summary(in.who.scope(), org);
        meta["summary"] = view(all);
    }
    json rows = json::array();
    for (const auto& c : found)
        rows.push_back(view(c));
    co_return success(200, std::move(rows), {}, std::move(meta));
}

awaitable<http::response> list_messages(api_context& s, request_context in) {
    fields f(json::object());
    const auto limit = read_limit(in, f);
    const auto before = cursor_in(in, f);
    if (!f.ok()) co_return respond(f.refusal());
    const auto id = whole_number(in.param("id")).value_or(0);
    const auto found = co_await s.ports.books->messages(in.who.scope(), id, before, limit);
    if (!found) co_return respond(not_found("conversation_unknown", "There is no such conversation"));
    json rows = json::array();
    for (const auto& m : *found)
        rows.push_back(view(s, in, m));
    json meta{{"next", next_of(*found, limit, &port::message_view::at)}};
    co_return success(200, std::move(rows), {}, std::move(meta));
}

} // namespace

std::vector<entry> conversation_entries() {
    return {
        {"GET", "/api/voip/conversations", list_conversations, k_person, rate_class::read},
        {"GET", "/api/voip/conversations/{id}/messages", list_messages, k_person, rate_class::read},
    };
}

} // namespace z360::edge::api
