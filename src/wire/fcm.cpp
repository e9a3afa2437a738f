// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/fcm.hpp"

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

constexpr std::int64_t k_longest_ttl = 2'419'200; // four weeks
constexpr std::size_t k_longest_token = 4096;

// Priority high is for what a person sees; FCM takes it from apps that use it for anything else.
bool high_priority(const push::message& m) {
    switch (m.what) {
    case kind::incoming_call:
    case kind::call_ended: // takes away what is shown: a stale ring is worse
    case kind::missed_call: return true;
    case kind::session_warning:
    case kind::push_token_required: return false;
    case kind::business: return m.shown.urgent;
    }
    return false;
}

bool of_a_ring(kind k) {
    return k == kind::incoming_call || k == kind::call_ended;
}

// The system shows it, without the app. Never for a ring: then the app would not run.
bool shown_by_the_system(const push::message& m) {
    if (m.what == kind::business) return !m.shown.title.empty() || !m.shown.body.empty();
    return m.what == kind::session_warning || (m.what == kind::missed_call && m.device.notification_fallback);
}

// None on calls: FCM delivers collapsible pushes to a busy phone once in three minutes. A device has room for
// four keys.
std::string collapse_key(const push::message& m) {
    switch (m.what) {
    case kind::incoming_call:
    case kind::call_ended:
    case kind::missed_call: return {};
    case kind::session_warning:
    case kind::push_token_required: return std::string(push::name(m.what));
    case kind::business: return one_line(m.shown.collapse_key, 64);
    }
    return {};
}

std::string ttl(const push::message& m, time_point now) {
    const auto left = std::chrono::floor<std::chrono::seconds>(m.deadline - now).count();
    return std::to_string(std::clamp<std::int64_t>(left, 0, k_longest_ttl)) + "s";
}

bool is_project_id(std::string_view id) {
    return !id.empty() && id.size() <= 100 && std::all_of(id.begin(), id.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':';
    });
}

json android_of(const push::message& m, const push::target& to, const fcm_apps& apps, time_point now) {
    json out{{"priority", high_priority(m) ? "HIGH" : "NORMAL"}, {"ttl", ttl(m, now)}};
    if (auto key = collapse_key(m); !key.empty()) out["collapse_key"] = std::move(key);
    if (of_a_ring(m.what)) {
        out["direct_boot_ok"] = true;
        out["bandwidth_constrained_ok"] = true;
        out["restricted_satellite_ok"] = true;
    }
    if (std::find(apps.packages.begin(), apps.packages.end(), to.bundle_id) != apps.packages.end())
        out["restricted_package_name"] = to.bundle_id;
    if (auto channel = one_line(m.shown.channel, 64); !channel.empty() && shown_by_the_system(m))
        out["notification"] = {{"channel_id", std::move(channel)}};
    return out;
}

push_sized payload(
    const push::message& m, const push::target& to, const fcm_apps& apps, time_point now, const push_cut& cut
) {
    push_sized out;
    json data = json::object();
    for (auto& [name, value] : fields_of(m, cut)) {
        out.counted += name.size() + value.size();
        data[name] = std::move(value);
    }
    json message = json::object();
    message[to.token_is == push::token_kind::fcm_fid ? "fid" : "token"] = to.token.reveal();
    message["data"] = std::move(data);
    message["android"] = android_of(m, to, apps, now);
    if (shown_by_the_system(m)) {
        auto words = words_of(m, cut);
        out.counted += words.title.size() + words.body.size() + std::string_view("titlebody").size();
        message["notification"] = {{"title", std::move(words.title)}, {"body", std::move(words.body)}};
    }
    message["fcm_options"] = {{"analytics_label", push::name(m.what)}};
    json root{{"message", std::move(message)}};
    if (apps.validate_only) root["validate_only"] = true;
    out.body = root.dump(-1, ' ', false, json::error_handler_t::replace);
    return out;
}

push_built refused(push_fault fault, std::string why) {
    push_built out;
    out.fault = fault;
    out.why = std::move(why);
    return out;
}

} // namespace

push_built build_fcm(
    const push::message& m, const push::target& to, const fcm_apps& apps, time_point now, bool smaller
) {
    if (push::provider_of(to.token_is) != push::provider::fcm)
        return refused(push_fault::wrong_token, "an APNs token is not one of FCM; send it to APNs");
    if (auto r = check_push(m, to, now); r.fault != push_fault::none)
        return refused(r.fault, std::move(r.why));
    if (plain_word(to.token.reveal(), k_longest_token).empty())
        return refused(push_fault::bad_token, "an FCM token has 1 to 4096 printable characters and no blank");
    if (!is_project_id(apps.project_id))
        return refused(push_fault::not_allowed, "the service account's project_id is not one of Google's");

    push_built out;
    const auto limit = smaller ? k_fcm_limit / 2 : k_fcm_limit;
    auto body = fit_push([&](const push_cut& c) { return payload(m, to, apps, now, c); }, limit, out.trimmed);
    if (body.counted > k_fcm_limit)
        return refused(
            push_fault::too_large, std::to_string(body.counted) + " bytes of names and values, " +
                                       std::to_string(k_fcm_limit) + " are allowed; send less data with it"
        );
    auto& r = out.request.emplace();
    r.authority = k_fcm_host;
    r.path = secret("/v1/projects/" + apps.project_id + "/messages:send");
    r.body = secret(std::move(body.body));
    r.headers.push_back({"content-type", secret("application/json"), false});
    return out;
}

} // namespace z360::wire
