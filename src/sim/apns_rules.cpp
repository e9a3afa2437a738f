// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/apns_rules.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace z360::sim {

namespace {

constexpr std::size_t k_most_bytes = 4096;
constexpr std::size_t k_most_voip_bytes = 5120;
constexpr std::size_t k_longest_collapse_id = 64;

constexpr std::array<std::string_view, 11> k_push_types{
    "alert",        "background", "voip",     "complication", "fileprovider", "mdm",
    "liveactivity", "location",   "controls", "pushtotalk",   "widgets",
};

std::string value(const push_request& r, std::string_view name) {
    const auto* v = r.find(name);
    return v != nullptr ? *v : std::string{};
}

bool upper(char c) {
    return c >= 'A' && c <= 'Z';
}

void note_payload(const push_request& r, const json& body, std::vector<std::string>& notes) {
    const auto type = value(r, "apns-push-type");
    const auto aps = body.find("aps");
    if (aps == body.end() || !aps->is_object()) {
        if (type != "voip") notes.emplace_back("payload without an aps object: the system has nothing to do");
        return;
    }
    const bool shows = aps->contains("alert") || aps->contains("badge") || aps->contains("sound");
    const auto wakes = aps->find("content-available");
    const bool silent = wakes != aps->end() && *wakes == 1;
    if (type == "background" && (shows || !silent))
        notes.emplace_back("a background push has content-available 1 and neither alert, badge nor sound");
    if (type == "alert" && !shows && !aps->contains("content-state"))
        notes.emplace_back("an alert push without alert, badge or sound may be dropped");
}

} // namespace

bool is_hex(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

bool is_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_uuid_text(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !is_hex(text.substr(i, 1))) return false;
    }
    return true;
}

bool apns_headers_repeat(const push_request& r) {
    std::set<std::string_view> seen;
    for (const auto& [name, v] : r.fields)
        if ((name.starts_with("apns-") || name == "authorization") && !seen.insert(name).second) return true;
    return false;
}

std::string apns_header_fault(const push_request& r, std::vector<std::string>& notes) {
    if (const auto* id = r.find("apns-id")) {
        if (!is_uuid_text(*id)) return "BadMessageId";
        if (std::any_of(id->begin(), id->end(), upper)) notes.emplace_back("apns-id is not in lower case");
    }
    const auto type = value(r, "apns-push-type");
    if (r.find("apns-push-type") == nullptr)
        notes.emplace_back("no apns-push-type: devices from iOS 13 may not get it");
    else if (std::find(k_push_types.begin(), k_push_types.end(), type) == k_push_types.end())
        return "InvalidPushType";
    const auto* priority = r.find("apns-priority");
    if (priority != nullptr && *priority != "10" && *priority != "5" && *priority != "1")
        return "BadPriority";
    if (type == "background" && (priority == nullptr || *priority != "5")) return "BadPriority";
    if (const auto* at = r.find("apns-expiration")) {
        if (!is_digits(*at) || at->size() > 12) return "BadExpirationDate";
    } else if (type == "voip") {
        notes.emplace_back("a VoIP push without apns-expiration may ring days later");
    }
    if (const auto* id = r.find("apns-collapse-id"); id != nullptr && id->size() > k_longest_collapse_id)
        return "BadCollapseId";
    return {};
}

std::string apns_payload_fault(const push_request& r, std::vector<std::string>& notes) {
    if (r.body.empty()) return "PayloadEmpty";
    const auto most = value(r, "apns-push-type") == "voip" ? k_most_voip_bytes : k_most_bytes;
    if (r.body.size() > most) return "PayloadTooLarge";
    const auto body = json::parse(r.body, nullptr, false);
    // Apple's table has no word of its own for what is not JSON.
    if (!body.is_object()) {
        notes.emplace_back("the payload is not a JSON object");
        return "PayloadEmpty";
    }
    note_payload(r, body, notes);
    return {};
}

} // namespace z360::sim
