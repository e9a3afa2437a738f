// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/push_fields.hpp"

#include "wire/business_push.hpp"
#include "wire/push_text.hpp"

#include <z360/base/name.hpp>
#include <z360/call/endpoint.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <variant>

namespace z360::wire {
namespace {

using push::kind;

constexpr std::size_t k_longest_id = 256;
constexpr std::size_t k_longest_number = 128; // or a SIP address
constexpr std::size_t k_longest_ticket = 1024;
constexpr std::size_t k_longest_link = 2048;

// In what phones read, these are ours, of whatever kind of push, APNs's or FCM's: data of others may not take
// their place, now or when a kind of ours gets one more of them. FCM's library hides "collapse_key" from the
// app, and existing apps take whatever has the last three for a call.
constexpr std::array<std::string_view, 36> k_reserved{
    "type",
    "link",
    "timestamp",
    "deadline",
    "seq",
    "reason",
    "callback",
    "device_id",
    "winner_device_id",
    "credential_version",
    "api_base",
    "notification_fallback",
    "organization_id",
    "organization_name",
    "organization_slug",
    "call_uuid",
    "call_id",
    "call_session_id",
    "call_control_id",
    "telnyx_leg_id",
    "caller_number",
    "caller_name",
    "caller_avatar",
    "caller_avatar_url",
    "avatar_url",
    "channel_number",
    "ring_ticket",
    "ring_seconds",
    "ring_expires_at",
    "aps",
    "from",
    "message_type",
    "collapse_key",
    "metadata",
    "telnyx",
    "voice_sdk_id",
};

bool may_be_extra(std::string_view key) {
    return !key.starts_with("google.") && !key.starts_with("gcm.") && key != "google" && key != "gcm" &&
           std::find(k_reserved.begin(), k_reserved.end(), key) == k_reserved.end();
}

std::string unix_seconds(time_point t) {
    return std::to_string(std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count());
}

class list {
  public:
    void add(std::string_view name, std::string value) { out_.emplace_back(name, std::move(value)); }
    void add_if_any(std::string_view name, std::string value) {
        if (!value.empty()) add(name, std::move(value));
    }
    push_fields take() { return std::move(out_); }

  private:
    push_fields out_;
};

std::string shown_number(const push::message& m) {
    return one_line(m.call.caller_number, k_longest_number);
}

std::string shown_name(const push::message& m, const push_cut& cut) {
    auto name = one_line(m.call.caller_name, cut.name);
    if (!name.empty() && fault_of_name(name) != name_fault::blank) return name;
    auto number = shown_number(m);
    return number.empty() || number == "withheld" ? "Unknown caller" : number;
}

void add_organisation(list& out, const push::message& m, const push_cut& cut) {
    if (m.org.id.none()) return;
    out.add("organization_id", std::to_string(m.org.id.value));
    out.add_if_any("organization_name", one_line(m.org.name, cut.organisation));
    out.add_if_any("organization_slug", one_line(m.org.slug, k_longest_id));
}

void add_call_ids(list& out, const push::message& m) {
    const auto uuid = m.call.id.text();
    const auto session = one_line(m.call.session, k_longest_id);
    out.add("call_uuid", uuid);
    out.add("call_id", uuid);
    out.add("call_session_id", session.empty() ? uuid : session);
    out.add_if_any("call_control_id", one_line(m.call.caller_control_id, k_longest_id));
    out.add_if_any("telnyx_leg_id", one_line(m.call.device_control_id, k_longest_id));
    if (m.seq != 0) out.add("seq", std::to_string(m.seq));
}

void add_caller(list& out, const push::message& m, const push_cut& cut) {
    out.add_if_any("caller_number", shown_number(m));
    out.add_if_any("caller_name", shown_name(m, cut));
    // An end takes away what is shown: nobody looks at its picture.
    const bool shown = cut.avatar && m.what != kind::call_ended;
    const auto picture = shown ? web_address(m.call.caller_avatar) : std::string{};
    out.add_if_any("caller_avatar", picture);
    if (cut.spare_avatars) { // as one document or another names it
        out.add_if_any("caller_avatar_url", picture);
        out.add_if_any("avatar_url", picture);
    }
    out.add_if_any("channel_number", one_line(m.call.channel_number, k_longest_number));
}

void add_ring(list& out, const push::message& m) {
    out.add("deadline", unix_seconds(m.deadline));
    out.add("ring_expires_at", iso8601(m.deadline));
    if (m.call.ring_seconds > 0) out.add("ring_seconds", std::to_string(m.call.ring_seconds));
    out.add_if_any("ring_ticket", plain_word(m.call.ticket.reveal(), k_longest_ticket));
    if (m.device.credential_version > 0)
        out.add("credential_version", std::to_string(m.device.credential_version));
    out.add_if_any("api_base", web_address(m.device.api_base));
    if (m.device.notification_fallback) out.add("notification_fallback", "true");
}

// Whom a missed call can be answered by: as text of JSON, because FCM takes no object.
void add_callback(list& out, const push::message& m) {
    const auto number = shown_number(m);
    if (!std::holds_alternative<call::e164>(call::endpoint_of(number))) return;
    nlohmann::ordered_json callback{{"to", number}, {"organization_id", m.org.id.value}};
    const auto ours = one_line(m.call.channel_number, k_longest_number);
    callback["from"] = ours.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(ours);
    out.add("callback", callback.dump());
}

std::string_view words_for(push::ended_reason r) {
    switch (r) {
    case push::ended_reason::answered_elsewhere: return "Answered on another device";
    case push::ended_reason::caller_gone:
    case push::ended_reason::ring_timeout:
    case push::ended_reason::bridge_failed: return "Missed call";
    case push::ended_reason::declined: return "Declined";
    case push::ended_reason::none:
    case push::ended_reason::call_over:
    case push::ended_reason::device_removed: return "Call ended";
    }
    return "Call ended";
}

push_words default_words(const push::message& m, const push_cut& cut) {
    const auto who = shown_name(m, cut);
    switch (m.what) {
    case kind::incoming_call: return {who, "Incoming call"};
    case kind::call_ended: return {who, std::string(words_for(m.reason))};
    case kind::missed_call: return {who, "Missed call"};
    case kind::session_warning:
        return {"Open the app to keep receiving calls", "This device has not been used for a while."};
    case kind::push_token_required:
    case kind::business: break;
    }
    return {};
}

bool about_a_call(kind k) {
    return k == kind::incoming_call || k == kind::call_ended || k == kind::missed_call;
}

/// What is wrong with its data, one line for each name.
std::vector<std::string> extras_faults(const push::text& t) {
    std::vector<std::string> out;
    for (auto it = t.extras.begin(); it != t.extras.end(); ++it) {
        const auto& key = it->first;
        const auto same = [&key](const auto& other) { return other.first == key; };
        if (plain_word(key, 128).empty())
            out.emplace_back("a name of its data is no printable word of at most 128 characters");
        else if (!may_be_extra(key))
            out.push_back("'" + key + "' is reserved; give its data another name");
        else if (std::any_of(t.extras.begin(), it, same))
            out.push_back("'" + key + "' is there twice; send it once");
    }
    return out;
}

} // namespace

std::string_view name(push_fault f) {
    switch (f) {
    case push_fault::none: return "none";
    case push_fault::too_late: return "too_late";
    case push_fault::wrong_token: return "wrong_token";
    case push_fault::bad_token: return "bad_token";
    case push_fault::not_allowed: return "not_allowed";
    case push_fault::incomplete: return "incomplete";
    case push_fault::too_large: return "too_large";
    }
    return "?";
}

const std::array<push_cut, 7>& push_cuts() {
    static constexpr std::array<push_cut, 7> k_cuts{{
        {},
        {"caller_avatar_url, avatar_url", false, true, 128, 128, 1000, 200},
        {"caller_avatar", false, false, 128, 128, 1000, 200},
        {"organization_name", false, false, 32, 128, 1000, 200},
        {"caller_name", false, false, 32, 32, 1000, 200},
        {"body", false, false, 32, 32, 120, 200},
        {"title", false, false, 32, 32, 120, 60},
    }};
    return k_cuts;
}

push_fields fields_of(const push::message& m, const push_cut& cut) {
    list out;
    out.add("type", m.what == kind::business ? m.shown.type : std::string(push::name(m.what)));
    if (about_a_call(m.what)) {
        add_call_ids(out, m);
        add_caller(out, m, cut);
    }
    add_organisation(out, m, cut);
    out.add("timestamp", unix_seconds(m.at));
    out.add_if_any("device_id", plain_word(m.device.uid, k_longest_id));
    switch (m.what) {
    case kind::incoming_call: add_ring(out, m); break;
    case kind::call_ended:
        out.add("reason", std::string(push::name(m.reason)));
        out.add_if_any("winner_device_id", plain_word(m.winner_device, k_longest_id));
        break;
    case kind::missed_call:
        out.add_if_any(
            "reason", m.reason == push::ended_reason::none ? "" : std::string(push::name(m.reason))
        );
        add_callback(out, m);
        break;
    case kind::session_warning: out.add("deadline", unix_seconds(m.deadline)); break;
    case kind::push_token_required: break;
    case kind::business:
        out.add_if_any("link", valid_utf8(m.shown.link));
        for (const auto& [key, value] : m.shown.extras)
            out.add(key, valid_utf8(value));
        break;
    }
    return out.take();
}

push_words words_of(const push::message& m, const push_cut& cut) {
    auto own = default_words(m, cut);
    push_words out{one_line(m.shown.title, cut.title), some_lines(m.shown.body, cut.body)};
    if (out.title.empty()) out.title = std::move(own.title);
    if (out.body.empty()) out.body = std::move(own.body);
    return out;
}

std::size_t business_data_size(const push::text& t) {
    auto data = nlohmann::json::object();
    data["link"] = valid_utf8(t.link);
    for (const auto& [name, value] : t.extras)
        data[valid_utf8(name)] = valid_utf8(value);
    return data.dump().size();
}

std::vector<business_fault> business_faults(const push::text& t) {
    std::vector<business_fault> out;
    if (plain_word(t.type, 64).empty())
        out.push_back({"type", "must be a word of 1 to 64 printable ASCII characters without blanks"});
    else if (push::kind_named(t.type) || t.type == "push_test")
        out.push_back({"type", "is one that the server sends itself; name it otherwise"});
    if (t.link.size() > k_longest_link) out.push_back({"link", "must have at most 2048 bytes"});
    for (auto& why : extras_faults(t))
        out.push_back({"data", std::move(why)});
    return out;
}

push_refusal check_push(const push::message& m, const push::target& to, time_point now) {
    const std::string what(push::name(m.what));
    if (!push::may_go(m.what, to.token_is))
        return {
            push_fault::wrong_token, "no " + what + " goes to a PushKit token; send it to the alert token"
        };
    if (about_a_call(m.what) && m.call.id.nil())
        return {push_fault::incomplete, "a " + what + " without its call's id; set call.id"};
    if (m.what == kind::call_ended && m.reason == push::ended_reason::none)
        return {push_fault::incomplete, "a call_ended without a reason; set one"};
    if (!m.call.ticket.empty() && plain_word(m.call.ticket.reveal(), k_longest_ticket).empty())
        return {push_fault::incomplete, "its ring ticket is no word of at most 1024 characters; make it one"};
    if (!about_a_call(m.what) && m.occasion.empty())
        return {
            push_fault::incomplete, "a " + what + " without an occasion, by which repeats are known; set one"
        };
    if (m.what == kind::business && plain_word(m.shown.type, 64).empty())
        return {push_fault::incomplete, "a business push whose type is no word of 1 to 64 characters"};
    if (m.what == kind::business && push::kind_named(m.shown.type))
        return {push_fault::not_allowed, "'" + m.shown.type + "' is a type of our own; name it otherwise"};
    if (m.what == kind::business && m.shown.link.size() > k_longest_link)
        return {push_fault::not_allowed, "its link has more than 2048 bytes; shorten it"};
    if (m.what == kind::business)
        if (auto faults = extras_faults(m.shown); !faults.empty())
            return {push_fault::not_allowed, std::move(faults.front())};
    if (now >= m.deadline) return {push_fault::too_late, "its deadline has come"};
    return {};
}

} // namespace z360::wire
