// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/telnyx_records.hpp"

#include "wire/lenient_json.hpp"
#include "wire/telnyx_webhook.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace z360::wire {
namespace {

using json = nlohmann::json;

constexpr std::size_t k_max_page_bytes = 8 * 1024 * 1024;
// An event nests about five levels, a delivery three more; deeper values are left out.
constexpr int k_max_depth = 40;
// Our cursors: the number of a page, or what Telnyx calls the opaque identifier of the next one.
constexpr std::string_view k_by_number = "page=";
constexpr std::string_view k_by_mark = "after=";

bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

json parse(std::string_view text) {
    if (text.empty() || text.size() > k_max_page_bytes) return json::value_t::discarded;
    const json::parser_callback_t shallow = [](int depth, json::parse_event_t, json&) {
        return depth <= k_max_depth;
    };
    auto out = json::parse(text.begin(), text.end(), shallow, false);
    if (!out.is_discarded()) return out;
    const auto mended = repaired(text);
    return json::parse(mended.begin(), mended.end(), shallow, false);
}

const json* member(const json& parent, const char* key) {
    if (!parent.is_object()) return nullptr;
    const auto it = parent.find(key);
    return it == parent.end() ? nullptr : &*it;
}

const json* object_in(const json& parent, const char* key) {
    const json* m = member(parent, key);
    return m != nullptr && m->is_object() ? m : nullptr;
}

std::string text_in(const json& parent, const char* key) {
    const json* m = member(parent, key);
    if (m == nullptr) return {};
    if (m->is_string()) return m->get<std::string>();
    return m->is_number_integer() ? m->dump() : std::string{};
}

std::int64_t number_in(const json& parent, const char* key) {
    const json* m = member(parent, key);
    return m != nullptr && m->is_number_integer() ? m->get<std::int64_t>() : -1;
}

std::optional<time_point> time_in(const json& parent, const char* key) {
    const auto text = text_in(parent, key);
    if (auto t = parse_iso8601(text)) return t;
    return parse_iso8601(text + "Z"); // Telnyx leaves the zone out at times; it is UTC
}

// ---- pages

class query {
  public:
    explicit query(std::string path) : path_(std::move(path)) {}
    void add(std::string_view name, std::string_view value) {
        path_ += first_ ? '?' : '&';
        first_ = false;
        path_ += percent_encode(name) + "=" + percent_encode(value);
    }
    [[nodiscard]] telnyx_request get() && { return {"GET", std::move(path_), {}}; }

  private:
    std::string path_;
    bool first_ = true;
};

void add_page(query& q, std::string_view cursor, bool numbered) {
    const auto size = std::to_string(k_records_per_page);
    if (cursor.starts_with(k_by_mark)) {
        q.add("page[after]", cursor.substr(k_by_mark.size()));
        q.add("page[limit]", size);
        return;
    }
    if (!numbered) {
        q.add("page[limit]", size);
        return;
    }
    q.add("page[number]", cursor.starts_with(k_by_number) ? cursor.substr(k_by_number.size()) : "1");
    q.add("page[size]", size);
}

/// `page[after]` of the path to the next page.
std::string mark_in_path(std::string_view path) {
    for (const std::string_view key : {"page[after]=", "page%5Bafter%5D="}) {
        const auto at = path.find(key);
        if (at == std::string_view::npos) continue;
        const auto rest = path.substr(at + key.size());
        const auto raw = rest.substr(0, rest.find('&'));
        std::string out;
        for (std::size_t i = 0; i < raw.size(); ++i) {
            unsigned byte = 0;
            if (raw[i] == '%' && i + 2 < raw.size() && is_hex(raw[i + 1]) && is_hex(raw[i + 2])) {
                std::from_chars(raw.data() + i + 1, raw.data() + i + 3, byte, 16);
                out += static_cast<char>(byte);
                i += 2;
            } else {
                out += raw[i];
            }
        }
        return out;
    }
    return {};
}

std::string next_mark(const json& root, std::string_view cursor, std::size_t entries) {
    const json* meta = object_in(root, "meta");
    if (meta == nullptr || entries == 0) return {};
    std::string mark;
    if (const json* cursors = object_in(*meta, "cursors")) mark = text_in(*cursors, "after");
    if (mark.empty()) mark = mark_in_path(text_in(*meta, "next"));
    if (mark.empty()) return {};
    auto next = std::string(k_by_mark) + mark;
    return next == cursor ? std::string{} : next; // a cursor that leads to itself would never end
}

/// Without figures a full page is taken for one that others follow.
std::string next_number(const json& root, std::string_view cursor, std::size_t entries) {
    std::int64_t page = 1;
    if (cursor.starts_with(k_by_number)) {
        const auto digits = cursor.substr(k_by_number.size());
        std::from_chars(digits.data(), digits.data() + digits.size(), page);
    }
    bool more = entries >= k_records_per_page;
    if (const json* meta = object_in(root, "meta"))
        if (const auto pages = number_in(*meta, "total_pages"); pages >= 0) more = page < pages;
    return more && entries > 0 ? std::string(k_by_number) + std::to_string(page + 1) : std::string{};
}

// ---- events

/// Of a call and its recordings; an account's other products report to the same list.
bool is_of_calls(std::string_view type) {
    for (const std::string_view prefix : {"call.", "call_", "recording_"})
        if (type.starts_with(prefix)) return true;
    return false;
}

/// The `data` of a webhook out of any form in which an event is kept; a discarded value: none.
json webhook_data(json event) {
    if (event.is_string()) event = parse(event.get_ref<const std::string&>());
    if (const json* data = object_in(event, "data")) event = json(*data);
    if (!event.is_object() || !event.contains("event_type")) return json::value_t::discarded;
    if (event.contains("id")) return event;
    // The event log's form: the same things under other names.
    json out{{"record_type", "event"}, {"event_type", event["event_type"]}};
    out["id"] = text_in(event, "webhook_id");
    for (const auto& [from, to] : {std::pair{"occurred_at", "occurred_at"}, std::pair{"payload", "payload"}})
        if (event.contains(from)) out[to] = std::move(event[from]);
    if (!out.contains("occurred_at") && event.contains("created_at"))
        out["occurred_at"] = std::move(event["created_at"]);
    return out;
}

std::optional<telnyx_record> record_of(json data, std::optional<time_point> otherwise) {
    if (!data.is_object()) return std::nullopt;
    telnyx_record out;
    out.event_type = text_in(data, "event_type");
    if (!is_of_calls(out.event_type)) return std::nullopt;
    out.event_id = text_in(data, "id");
    out.at = time_in(data, "occurred_at");
    if (const json* payload = object_in(data, "payload")) {
        out.connection_id = text_in(*payload, "connection_id");
        if (!out.at) out.at = time_in(*payload, "occurred_at");
    }
    if (!out.at) out.at = otherwise;
    const json body{{"data", std::move(data)}};
    out.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
    return out;
}

/// The ids that every entry of the log has, where the event in it lacks them.
void complete(json& data, const json& entry) {
    json* payload = data.is_object() && data.contains("payload") ? &data["payload"] : nullptr;
    if (payload == nullptr || !payload->is_object()) return;
    for (const char* key : {"call_leg_id", "call_session_id"})
        if (text_in(*payload, key).empty() && !text_in(entry, key).empty())
            (*payload)[key] = text_in(entry, key);
}

std::optional<telnyx_record> logged_event(json& entry) {
    if (text_in(entry, "type") == "command") return std::nullopt;
    const auto at = time_in(entry, "event_timestamp");
    const auto it = entry.find("metadata");
    if (it == entry.end()) return std::nullopt;
    json metadata = it->is_string() ? parse(it->get_ref<const std::string&>()) : std::move(*it);
    if (!metadata.is_object()) return std::nullopt;
    for (const char* key : {"event", "raw_event", "raw"}) {
        if (!metadata.contains(key)) continue;
        auto data = webhook_data(std::move(metadata[key]));
        complete(data, entry);
        if (auto found = record_of(std::move(data), at)) return found;
    }
    auto data = webhook_data(std::move(metadata));
    complete(data, entry);
    return record_of(std::move(data), at);
}

std::optional<telnyx_record> undelivered(json& entry) {
    const auto status = text_in(entry, "status");
    if (!status.empty() && status != "failed") return std::nullopt;
    const auto it = entry.find("webhook");
    if (it == entry.end()) return std::nullopt;
    const auto at = time_in(entry, "started_at");
    return record_of(webhook_data(std::move(*it)), at);
}

json* list_in(json& root) {
    if (!root.is_object()) return nullptr;
    const auto it = root.find("data");
    return it != root.end() && it->is_array() ? &*it : nullptr;
}

template <class Read>
std::optional<record_page> read_page(std::string_view body, std::string_view cursor, Read read) {
    json root = parse(body);
    json* entries = list_in(root);
    if (entries == nullptr) return std::nullopt;
    record_page out;
    out.next = next_mark(root, cursor, entries->size());
    if (out.next.empty()) out.next = next_number(root, cursor, entries->size());
    for (auto& entry : *entries)
        if (entry.is_object())
            if (auto r = read(entry)) out.events.push_back(std::move(*r));
    std::sort(out.events.begin(), out.events.end(), [](const auto& a, const auto& b) {
        const auto of_a = a.at.value_or(time_point::min());
        const auto of_b = b.at.value_or(time_point::min());
        return of_a != of_b ? of_a < of_b : a.event_id < b.event_id;
    });
    return out;
}

} // namespace

telnyx_request failed_deliveries(time_point since, std::string_view cursor) {
    query q("/webhook_deliveries");
    q.add("filter[status][eq]", "failed");
    q.add("filter[started_at][gte]", iso8601(since));
    add_page(q, cursor, true);
    return std::move(q).get();
}

telnyx_request session_events(std::string_view call_session_id, std::string_view cursor) {
    query q("/call_events");
    q.add("filter[application_session_id]", call_session_id);
    q.add("filter[type]", "webhook");
    add_page(q, cursor, true);
    return std::move(q).get();
}

telnyx_request call_status(std::string_view call_control_id) {
    return {"GET", "/calls/" + percent_encode(call_control_id), {}};
}

telnyx_request active_calls(std::string_view connection_id, std::string_view cursor) {
    query q("/connections/" + percent_encode(connection_id) + "/active_calls");
    add_page(q, cursor, false);
    return std::move(q).get();
}

std::optional<record_page> parse_deliveries(std::string_view body, std::string_view cursor) {
    return read_page(body, cursor, undelivered);
}

std::optional<record_page> parse_call_events(std::string_view body, std::string_view cursor) {
    return read_page(body, cursor, logged_event);
}

std::optional<bool> parse_call_status(std::string_view body) {
    const json root = parse(body);
    const json* data = object_in(root, "data");
    const json* alive = data == nullptr ? nullptr : member(*data, "is_alive");
    if (alive == nullptr || !alive->is_boolean()) return std::nullopt;
    return alive->get<bool>();
}

std::optional<active_page> parse_active_calls(std::string_view body, std::string_view cursor) {
    json root = parse(body);
    const json* entries = list_in(root);
    if (entries == nullptr) return std::nullopt;
    active_page out;
    out.next = next_mark(root, cursor, entries->size());
    for (const auto& entry : *entries) {
        active_call c;
        c.call_control_id = text_in(entry, "call_control_id");
        if (c.call_control_id.empty()) continue;
        c.call_session_id = text_in(entry, "call_session_id");
        // No ids that a carrier makes, nor that an index holds.
        if (std::max(c.call_control_id.size(), c.call_session_id.size()) > k_longest_carrier_id) continue;
        c.client_state = text_in(entry, "client_state");
        c.seconds = std::max<std::int64_t>(number_in(entry, "call_duration"), 0);
        out.calls.push_back(std::move(c));
    }
    return out;
}

} // namespace z360::wire
