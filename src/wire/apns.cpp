// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/apns.hpp"

#include "wire/lenient_json.hpp"
#include "wire/push_fields.hpp"
#include "wire/push_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace z360::wire {
namespace {

using push::kind;
using json = nlohmann::ordered_json;

constexpr std::size_t k_longest_token = 512; // Apple promises no length; today they have 64 digits
constexpr std::size_t k_longest_bundle_id = 155;
constexpr std::size_t k_longest_reply = std::size_t{64} * 1024;
constexpr std::size_t k_longest_reason = 64;

enum class push_type : std::uint8_t { voip, alert, background };

push_type type_of(const push::message& m, const push::target& to) {
    if (to.token_is == push::token_kind::voip) return push_type::voip;
    return m.what == kind::push_token_required ? push_type::background : push_type::alert;
}

std::string_view name(push_type t) {
    switch (t) {
    case push_type::voip: return "voip";
    case push_type::alert: return "alert";
    case push_type::background: return "background";
    }
    return "alert";
}

bool urgent(const push::message& m) {
    switch (m.what) {
    case kind::incoming_call:
    case kind::call_ended:
    case kind::missed_call: return true;
    case kind::session_warning:
    case kind::push_token_required: return false;
    case kind::business: return m.shown.urgent;
    }
    return false;
}

// Lower case: the same bytes are the same token.
std::string hex_token(std::string_view token) {
    const bool hex = !token.empty() && token.size() <= k_longest_token && token.size() % 2 == 0 &&
                     token.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
    if (!hex) return {};
    std::string out(token);
    for (char& c : out)
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

bool is_bundle_id(std::string_view id) {
    return !id.empty() && id.size() <= k_longest_bundle_id && std::all_of(id.begin(), id.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '-';
    });
}

// PushKit's pushes are worth nothing later: one attempt, not stored. The others as long as they say.
std::string expiration(const push::message& m, push_type t) {
    if (t == push_type::voip) return "0";
    return std::to_string(std::chrono::floor<std::chrono::seconds>(m.deadline).time_since_epoch().count());
}

std::string collapse_id(const push::message& m) {
    switch (m.what) {
    case kind::incoming_call:
    case kind::call_ended:
    case kind::missed_call: return m.call.id.text(); // of one call the last one stays
    case kind::session_warning:
    case kind::push_token_required: return std::string(push::name(m.what));
    case kind::business: break;
    }
    const auto& key = m.shown.collapse_key;
    if (key.empty() || !plain_word(key, k_apns_longest_collapse_id).empty()) return key;
    return derive_uuid("collapse " + key).text();
}

json aps_of(const push::message& m, push_type t, const push_cut& cut) {
    if (t != push_type::alert) return {{"content-available", 1}};
    auto words = words_of(m, cut);
    json aps{{"alert", {{"title", std::move(words.title)}, {"body", std::move(words.body)}}}};
    if (m.what != kind::call_ended && urgent(m)) aps["sound"] = "default";
    if (m.what == kind::incoming_call) {
        aps["mutable-content"] = 1; // the app's extension may make a call of it
        aps["interruption-level"] = "time-sensitive";
    }
    if (!m.call.id.nil()) aps["thread-id"] = m.call.id.text();
    return aps;
}

push_sized payload(const push::message& m, push_type t, const push_cut& cut) {
    json out{{"aps", aps_of(m, t, cut)}};
    for (auto& [name, value] : fields_of(m, cut))
        out[name] = std::move(value);
    auto body = out.dump(-1, ' ', false, json::error_handler_t::replace);
    const auto size = body.size();
    return {std::move(body), size};
}

struct topic {
    std::string text;
    std::string why; ///< there is none
};

topic topic_of(const push::target& to, const apns_apps& apps, push_type t) {
    const auto& bundle = to.bundle_id.empty() ? apps.without_one : to.bundle_id;
    if (bundle.empty()) return {{}, "the device named no bundle id; set the one of the apps that send none"};
    const bool allowed =
        std::find(apps.bundle_ids.begin(), apps.bundle_ids.end(), bundle) != apps.bundle_ids.end();
    if (!is_bundle_id(bundle) || !allowed)
        return {
            {},
            "bundle id '" + one_line(bundle, 60) +
                "' is not one that we push to; add it to push.apns_bundle_ids, if it is ours"
        };
    return {t == push_type::voip ? bundle + ".voip" : bundle, {}};
}

push_header header(std::string_view name, std::string value, bool never_index) {
    return {std::string(name), secret(std::move(value)), never_index};
}

push_built refused(push_fault fault, std::string why) {
    push_built out;
    out.fault = fault;
    out.why = std::move(why);
    return out;
}

} // namespace

std::string_view apns_host(push::environment e) {
    return e == push::environment::sandbox ? "api.sandbox.push.apple.com" : "api.push.apple.com";
}

push_built build_apns(
    const push::message& m, const push::target& to, const apns_apps& apps, time_point now, bool smaller
) {
    if (push::provider_of(to.token_is) != push::provider::apns)
        return refused(push_fault::wrong_token, "an FCM token is not one of APNs; send it to FCM");
    if (auto r = check_push(m, to, now); r.fault != push_fault::none)
        return refused(r.fault, std::move(r.why));
    const auto token = hex_token(to.token.reveal());
    if (token.empty())
        return refused(
            push_fault::bad_token, "an APNs token is an even number of hexadecimal digits, up to 512"
        );
    const auto type = type_of(m, to);
    auto on = topic_of(to, apps, type);
    if (on.text.empty()) return refused(push_fault::not_allowed, std::move(on.why));

    push_built out;
    const auto whole = type == push_type::voip ? k_apns_voip_limit : k_apns_limit;
    const auto limit = smaller ? whole / 2 : whole;
    auto body = fit_push([&](const push_cut& c) { return payload(m, type, c); }, limit, out.trimmed);
    if (body.counted > (smaller ? whole : limit))
        return refused(
            push_fault::too_large, std::to_string(body.counted) + " bytes of payload, " +
                                       std::to_string(limit) + " are allowed; send less data with it"
        );
    auto& r = out.request.emplace();
    r.authority = apns_host(to.env);
    r.path = secret("/3/device/" + token);
    r.body = secret(std::move(body.body));
    r.headers.push_back(header("apns-topic", std::move(on.text), false));
    r.headers.push_back(header("apns-push-type", std::string(name(type)), false));
    const bool now_or_never = type != push_type::background && urgent(m);
    r.headers.push_back(header("apns-priority", now_or_never ? "10" : "5", false));
    r.headers.push_back(header("apns-expiration", expiration(m, type), true));
    r.headers.push_back(header("apns-id", push::push_id(m, to.device).text(), true));
    if (auto id = collapse_id(m); !id.empty())
        r.headers.push_back(header("apns-collapse-id", std::move(id), true));
    return out;
}

std::string read_apns_goaway(std::string_view debug_data) {
    if (debug_data.empty() || debug_data.size() > k_longest_reply) return {};
    const auto root = read_json(debug_data);
    if (!root.is_object()) return {};
    const auto it = root.find("reason");
    return it != root.end() && it->is_string()
               ? plain_word(it->get_ref<const std::string&>(), k_longest_reason)
               : std::string{};
}

push::answer read_apns(const apns_reply& r, time_point now) {
    push::answer out;
    out.status = r.status;
    out.retry_after = read_retry_after(r.retry_after, now);
    out.id = plain_word(r.apns_id, k_longest_reason);
    out.reason = read_apns_goaway(r.body);
    if (r.status == 200 || r.body.empty() || r.body.size() > k_longest_reply) return out;
    const auto root = read_json(r.body);
    if (!root.is_object()) return out;
    const auto at = root.find("timestamp");
    // Milliseconds. What no time point can hold is none; whether it makes sense is judged with the rest.
    constexpr std::int64_t k_latest = 253'402'300'799'000;
    if (at != root.end() && at->is_number_integer() && *at >= 0 && *at <= k_latest)
        out.dead_since = time_point{millis{at->get<std::int64_t>()}};
    return out;
}

} // namespace z360::wire
