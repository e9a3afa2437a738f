// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Messages that were left for a person, recordings of an organisation's calls, and what is on them. Content
// is fetched by an address that bears its own right for minutes: a player takes no bearer along.
#include "edge/api/client_rules.hpp"
#include "edge/api/cursors.hpp"
#include "edge/api/operators.hpp"
#include "edge/api/route_tables.hpp"
#include "edge/api/views.hpp"

#include <z360/http/range.hpp>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace z360::edge::api {
namespace {

constexpr std::size_t k_most_counted = 1'000;
constexpr std::size_t k_longest_transcript = 15'000; // characters: 60,000 bytes at most

std::string_view state_of(port::recording_status s) {
    switch (s) {
    case port::recording_status::waiting: return "pending"; // it can be heard all the same
    case port::recording_status::kept: return "ready";
    case port::recording_status::lost: return "lost";
    case port::recording_status::removing:
    case port::recording_status::removed: return "removed";
    }
    return "removed";
}

json view(const api_context& s, const request_context& in, const port::recording_view& r) {
    const auto until = in.now + s.ports.settings.recordings.link_life;
    const bool there = r.status != port::recording_status::lost;
    // By the names that the web product's transcription reads.
    json urls{{"mp3", nullptr}, {"wav", nullptr}};
    if (there) urls[r.format == "wav" ? "wav" : "mp3"] = recording_url(s, in, r.id);
    json out{
        {"id", r.id.text()},
        {"call_uuid", r.call.text()},
        {"call_session_id", r.session},
        {"organization_id", r.org.value},
        {"user_id", r.user.none() ? json(nullptr) : json(r.user.value)},
        {"kind", r.purpose == call::recording_purpose::message ? "voicemail" : "call"},
        {"state", state_of(r.status)},
        {"from", text_or_null(r.caller)},
        {"from_name", text_or_null(r.caller_name)},
        {"to", text_or_null(r.dialed)},
        {"received_at", iso8601(r.told_at)},
        {"recording_id", r.carrier_id},
        {"recording_started_at", time_or_null(r.began_at)},
        {"recording_ended_at", time_or_null(r.ended_at)},
        {"duration_ms", nullptr},
        {"recording_urls", std::move(urls)},
        {"urls_expire_at", there ? json(iso8601(until)) : json(nullptr)},
        {"bytes", r.bytes == 0 ? json(nullptr) : json(r.bytes)},
        {"sha256", text_or_null(r.sha256)},
    };
    if (r.began_at && r.ended_at && *r.ended_at >= *r.began_at)
        out["duration_ms"] = (*r.ended_at - *r.began_at).count();
    if (r.purpose == call::recording_purpose::message) {
        out["seen"] = r.heard_at.has_value();
        out["seen_at"] = time_or_null(r.heard_at);
        out["transcript"] = text_or_null(r.transcript);
        out["transcribed_at"] = time_or_null(r.transcribed_at);
    }
    return out;
}

problem no_message() {
    return not_found("voicemail_unknown", "There is no such message");
}
problem no_recording() {
    return not_found("recording_unknown", "There is no such recording");
}

/// The id in the path; nil: it is none, so there is nothing.
uuid path_uuid(const request_context& in) {
    return uuid::parse(in.param("id")).value_or(uuid{});
}

// ---- a person's messages

std::string cursor_of(const port::recording_view& r) {
    return cursor_text(r.told_at, r.id.text());
}
std::optional<port::recording_cursor> read_cursor(const std::string& text) {
    const auto split = split_cursor(text);
    const auto id = split ? uuid::parse(split->second) : std::nullopt;
    if (!id) return std::nullopt;
    return port::recording_cursor{split->first, *id};
}

awaitable<http::response> list_messages(api_context& s, request_context in) {
    fields f(json::object());
    const auto limit = read_limit(in, f);
    std::optional<port::recording_cursor> before;
    if (const auto text = in.query("before")) {
        before = read_cursor(*text);
        if (!before) f.refuse("before", "must be `next` of an earlier reply");
    }
    const auto seen = in.query("seen");
    if (seen && *seen != "false" && *seen != "all")
        f.refuse("seen", "must be \"false\" for those that were not heard yet, or \"all\"");
    if (!f.ok()) co_return respond(f.refusal());
    const bool only_new = seen && *seen == "false";
    const auto found =
        co_await s.ports.recordings->messages(in.who.scope(), in.who.user, only_new, before, limit);
    const auto waiting = co_await s.ports.recordings->unheard(in.who.scope(), in.who.user, k_most_counted);
    json rows = json::array();
    for (const auto& r : found)
        rows.push_back(view(s, in, r));
    json next = nullptr;
    if (found.size() == limit) next = cursor_of(found.back());
    json meta{{"next", std::move(next)}, {"unseen", waiting}};
    co_return success(200, std::move(rows), {}, std::move(meta));
}

/// A message of the person; not a recording of a talk, which is the organisation's.
awaitable<std::optional<port::recording_view>> message_of(api_context& s, request_context in) {
    auto found = co_await s.ports.recordings->find(in.who.scope(), path_uuid(in));
    if (found && (found->purpose != call::recording_purpose::message || found->user != in.who.user))
        found.reset();
    co_return found;
}

awaitable<http::response> get_message(api_context& s, request_context in) {
    const auto found = co_await message_of(s, in);
    if (!found) co_return respond(no_message());
    co_return success(200, view(s, in, *found));
}

awaitable<http::response> post_seen(api_context& s, request_context in) {
    bool seen = true;
    if (!in.req.body.empty()) {
        auto body = read_object(in.req.body);
        if (body.refused) co_return respond(*body.refused);
        fields f(body.value);
        seen = f.boolean("seen").value_or(true);
        if (!f.ok()) co_return respond(f.refusal());
    }
    const auto found = co_await message_of(s, in);
    if (!found) co_return respond(no_message());
    const auto marked = co_await s.ports.recordings->mark_heard(in.who.scope(), found->id, seen);
    if (!marked) co_return respond(no_message()); // removed meanwhile
    co_return success(200, view(s, in, *marked));
}

awaitable<http::response> delete_message(api_context& s, request_context in) {
    const auto found = co_await message_of(s, in);
    if (!found) co_return respond(no_message());
    const bool gone = co_await s.ports.recordings->remove(in.who.scope(), found->id);
    if (!gone) co_return respond(no_message());
    co_await audit(s, in.who, in.address, "recording_removed", in.who.device, found->id.text());
    co_return success(200, json{{"id", found->id.text()}}, "The message is removed");
}

/// What a message says, from whoever has listened to it for the product. Again is no change; another text
/// takes its place. The text is in no reply but the message's own, and in no log.
awaitable<http::response> post_transcript(api_context& s, request_context in) {
    const auto found = co_await s.ports.recordings->find(scope_of(in), path_uuid(in));
    if (!found || found->purpose != call::recording_purpose::message) co_return respond(no_message());
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    auto text =
        f.text("transcript", {.required = true, .min = 1, .max = k_longest_transcript, .lines = true});
    if (!f.ok()) co_return respond(f.refusal());
    co_await audit(s, in.who, in.address, "voicemail_transcribed", {}, found->id.text());
    const auto written = co_await s.ports.recordings->transcribe(scope_of(in), found->id, std::move(text));
    if (!written) co_return respond(no_message()); // removed meanwhile
    co_return success(200, view(s, in, *written));
}

// ---- an organisation's recordings

awaitable<http::response> list_of_call(api_context& s, request_context in) {
    const auto org = path_org(in);
    if (org.none()) co_return respond(no_org());
    const auto found = co_await s.ports.recordings->of_call(scope_of(in), org, in.param("id"));
    json rows = json::array();
    for (const auto& r : found)
        rows.push_back(view(s, in, r));
    co_return success(200, std::move(rows));
}

awaitable<http::response> delete_recording(api_context& s, request_context in) {
    const auto org = path_org(in);
    if (org.none()) co_return respond(no_org());
    const auto found = co_await s.ports.recordings->find(scope_of(in), path_uuid(in));
    if (!found || found->org != org) co_return respond(no_recording());
    co_await audit(s, in.who, in.address, "recording_removed", {}, found->id.text());
    const bool gone = co_await s.ports.recordings->remove(scope_of(in), found->id);
    if (!gone) co_return respond(no_recording());
    co_return success(200, json{{"id", found->id.text()}}, "The recording is removed");
}

// ---- what is on them

problem old_link() {
    problem p;
    p.status = 403;
    p.code = "link_expired";
    p.title = "This address is no longer good";
    p.detail = "Ask for the message or the recording again: the reply has a new one";
    return p;
}
problem bad_link() {
    problem p;
    p.status = 403;
    p.code = "link_invalid";
    p.title = "This is not an address that we have given";
    return p;
}

http::response no_such_part(std::uint64_t bytes) {
    problem p;
    p.status = 416;
    p.code = "range_not_satisfiable";
    p.title = "The recording has no such part";
    auto r = respond(p);
    http::mark_outside(r, bytes);
    return r;
}

http::response lead_to(std::string url) {
    http::response r;
    r.status = 302;
    r.headers.set("Location", std::move(url));
    r.headers.set("Cache-Control", "no-store");
    return r;
}

std::string file_name(const port::recording_view& r) {
    return iso8601(r.told_at).substr(0, 10) + "-" + r.id.text().substr(0, 8) + "." +
           (r.format == "wav" ? "wav" : "mp3");
}

/// Null: it is not there, or not as it was kept.
awaitable<std::unique_ptr<port::byte_source>>
open_copy(port::recording_vault& vault, std::string key, http::content_part part) {
    std::unique_ptr<port::byte_source> out;
    try {
        out = co_await vault.open(std::move(key), {part.first, part.length});
    } catch (const std::invalid_argument&) { // it has become shorter
    }
    co_return out;
}

awaitable<http::response> send_copy(api_context& s, request_context in, port::recording_view r) {
    auto* vault = s.ports.recording_vault;
    if (vault == nullptr || vault->kind() != r.copy.vault) {
        log::error("recording_vault_differs", {{"recording", r.id.text()}, {"kept_in", r.copy.vault}});
        co_return respond(unavailable_now("recording_store_away", 60));
    }
    if (auto url = vault->link(r.copy.key, s.ports.settings.recordings.link_life)) co_return lead_to(*url);
    const auto part = http::asked_part(in.req, r.bytes);
    if (part.what == http::content_part::kind::outside) co_return no_such_part(r.bytes);
    auto content = co_await open_copy(*vault, r.copy.key, part);
    if (!content) {
        log::error("recording_copy_missing", {{"recording", r.id.text()}, {"key", r.copy.key}});
        s.ports.metrics.count("recording_copies_missing_total");
        co_return respond(no_recording());
    }
    http::response out;
    out.headers.set("Content-Type", r.format == "wav" ? "audio/wav" : "audio/mpeg");
    out.headers.set("Content-Disposition", "inline; filename=\"" + file_name(r) + "\"");
    out.headers.set("Cache-Control", "private, max-age=600");
    http::mark_part(out, part, r.bytes);
    out.stream = std::move(content);
    co_return out;
}

awaitable<http::response> get_content(api_context& s, request_context in) {
    using verdict = adapter::crypto::recording_link_codec::verdict;
    const auto id = path_uuid(in);
    const auto good = s.ports.recording_links->check(
        id, in.query("expires").value_or(""), in.query("signature").value_or(""), in.now
    );
    if (good != verdict::good) co_return respond(good == verdict::expired ? old_link() : bad_link());
    const auto found = co_await s.ports.recordings->find(port::tenant_scope::all(), id);
    if (!found || found->status == port::recording_status::lost) co_return respond(no_recording());
    if (found->status == port::recording_status::kept) co_return co_await send_copy(s, std::move(in), *found);
    // Not ours yet: the carrier's own, by a fresh address of it.
    if (s.ports.carrier_recordings == nullptr) co_return respond(unavailable_now("recording_not_ready", 5));
    const auto there = co_await s.ports.carrier_recordings->find(found->carrier_id);
    if (!there || there->url.empty()) co_return respond(unavailable_now("recording_not_ready", 5));
    co_return lead_to(there->url);
}

} // namespace

std::vector<entry> recording_entries() {
    std::vector<entry> out{
        {"GET", "/api/voip/voicemails", list_messages, k_person, rate_class::read},
        {"GET", "/api/voip/voicemails/{id}", get_message, k_person, rate_class::read},
        {"POST", "/api/voip/voicemails/{id}/seen", post_seen, k_person, rate_class::read, true},
        {"DELETE", "/api/voip/voicemails/{id}", delete_message, k_person, rate_class::read, true},
        {"GET", "/api/recordings/{id}", get_content, any_of(via::nobody), rate_class::none},
        operator_entry(
            "POST", "/api/voip/voicemails/{id}/transcription", post_transcript, "recordings:write"
        ),
        operator_entry(
            "GET", "/api/admin/organizations/{org}/calls/{id}/recordings", list_of_call, "recordings:read"
        ),
        operator_entry(
            "DELETE", "/api/admin/organizations/{org}/recordings/{id}", delete_recording, "recordings:write"
        ),
    };
    return out;
}

} // namespace z360::edge::api
