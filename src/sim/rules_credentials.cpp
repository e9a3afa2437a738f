// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What may stand in requests about telephony credentials.
#include "sim/rules.hpp"

#include <algorithm>
#include <array>

namespace z360::sim {

namespace {
constexpr std::array<std::string_view, 6> k_verbs{"create_credential", "get_credential",
                                                  "list_credentials",  "update_credential",
                                                  "delete_credential", "mint_token"};
constexpr std::array<std::string_view, 4> k_members{"connection_id", "name", "tag", "expires_at"};
} // namespace

bool is_credential_verb(std::string_view verb) {
    return std::find(k_verbs.begin(), k_verbs.end(), verb) != k_verbs.end();
}

std::optional<time_point> read_time(std::string_view text) {
    if (const auto t = parse_iso8601(text)) return t;
    return parse_iso8601(std::string(text) + "Z");
}

std::vector<complaint> check_credential_request(std::string_view verb, const json& body) {
    std::vector<complaint> found;
    const auto add = [&found](const char* code, std::string_view member, std::string detail, bool fatal) {
        found.push_back({code, "/" + std::string(member), std::move(detail), fatal});
    };
    if (!body.is_object()) {
        add("10004", "", "a JSON object is required as request body", true);
        return found;
    }
    if (verb == "create_credential" && !body.contains("connection_id"))
        add("10004", "connection_id", "is required", true);
    for (const auto& item : body.items()) {
        if (std::find(k_members.begin(), k_members.end(), item.key()) == k_members.end()) {
            add("10015", item.key(), "is not a field we know", false);
        } else if (!item.value().is_string()) {
            add("10015", item.key(), "must be a string", true);
        } else if (item.key() == "connection_id" && item.value().get<std::string>().empty()) {
            add("10004", item.key(), "must not be empty", true);
        } else if (item.key() == "expires_at" && !read_time(item.value().get<std::string>())) {
            add("10015", item.key(), "must be a date and time in ISO 8601", true);
        }
    }
    return found;
}

} // namespace z360::sim
