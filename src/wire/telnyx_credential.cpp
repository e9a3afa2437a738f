// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/telnyx_credential.hpp"

#include "wire/telnyx_reply.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <utility>

namespace z360::wire {
namespace {

using json = nlohmann::json;

constexpr std::size_t k_longest_name = 256; // of what goes into an index; real ones have some 40 bytes
constexpr const char* k_path = "/telephony_credentials";
constexpr std::string_view k_connection = "connection:";
constexpr std::size_t k_max_list_bytes = 8 * 1024 * 1024;

std::string path_of(std::string_view id) {
    return std::string(k_path) + "/" + percent_encode(id);
}

std::string dump(const nlohmann::ordered_json& body) {
    return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

telnyx_request page_request(std::string_view filter, std::string_view value, unsigned page) {
    std::string query = percent_encode("filter[" + std::string(filter) + "]") + "=" + percent_encode(value);
    query += "&" + percent_encode("page[number]") + "=" + std::to_string(page);
    query += "&" + percent_encode("page[size]") + "=" + std::to_string(k_credentials_per_page);
    return {"GET", std::string(k_path) + "?" + query, {}};
}

/// Moves the text out of the document: a copy of a password would stay in memory.
std::string take_text(json& object, const char* key) {
    const auto it = object.find(key);
    if (it == object.end()) return {};
    if (it->is_string()) return std::move(it->get_ref<std::string&>());
    return it->is_number_integer() ? it->dump() : std::string{};
}

std::optional<time_point> time_in(json& object, const char* key) {
    const auto text = take_text(object, key);
    if (auto t = parse_iso8601(text)) return t;
    return parse_iso8601(text + "Z"); // Telnyx leaves the zone out at times; it is UTC
}

std::optional<telnyx_credential> read(json& object) {
    if (!object.is_object()) return std::nullopt;
    telnyx_credential c;
    c.sip_password = secret(take_text(object, "sip_password"));
    c.id = take_text(object, "id");
    if (c.id.empty() || c.id.size() > k_longest_name) return std::nullopt;
    c.name = take_text(object, "name");
    c.tag = take_text(object, "tag");
    c.sip_username = take_text(object, "sip_username");
    if (c.sip_username.size() > k_longest_name) return std::nullopt;
    c.connection_id = take_text(object, "resource_id");
    if (c.connection_id.starts_with(k_connection)) c.connection_id.erase(0, k_connection.size());
    const auto expired = object.find("expired");
    c.expired = expired != object.end() && expired->is_boolean() && expired->get<bool>();
    c.expires_at = time_in(object, "expires_at");
    c.created_at = time_in(object, "created_at");
    return c;
}

json parse(std::string_view body) {
    if (body.empty() || body.size() > k_max_list_bytes) return json::value_t::discarded;
    return json::parse(body.begin(), body.end(), nullptr, false);
}

std::int64_t number_in(const json& object, const char* key) {
    const auto it = object.find(key);
    return it != object.end() && it->is_number_integer() ? it->get<std::int64_t>() : -1;
}

/// Without figures a full page is taken for one that others follow.
bool more_follow(const json& root, std::size_t entries) {
    const auto meta = root.find("meta");
    if (meta != root.end() && meta->is_object()) {
        const auto page = number_in(*meta, "page_number");
        const auto pages = number_in(*meta, "total_pages");
        if (page >= 0 && pages >= 0) return page < pages;
    }
    return entries >= k_credentials_per_page;
}

bool mentions_expiry(const json& object, const char* key) {
    const auto it = object.find(key);
    return it != object.end() && it->is_string() &&
           it->get_ref<const std::string&>().find("expired") != std::string::npos;
}

} // namespace

telnyx_request create_credential(const new_credential& c) {
    nlohmann::ordered_json body = nlohmann::ordered_json::object();
    body["connection_id"] = c.connection_id;
    if (!c.name.empty()) body["name"] = c.name;
    if (!c.tag.empty()) body["tag"] = c.tag;
    body["expires_at"] = iso8601(c.expires_at);
    return {"POST", k_path, dump(body)};
}

telnyx_request get_credential(std::string_view id) {
    return {"GET", path_of(id), {}};
}

telnyx_request extend_credential(std::string_view id, time_point expires_at) {
    nlohmann::ordered_json body = nlohmann::ordered_json::object();
    body["expires_at"] = iso8601(expires_at);
    return {"PATCH", path_of(id), dump(body)};
}

telnyx_request remove_credential(std::string_view id) {
    return {"DELETE", path_of(id), {}};
}

telnyx_request mint_credential_token(std::string_view id) {
    return {"POST", path_of(id) + "/token", {}};
}

telnyx_request find_credentials(std::string_view name, unsigned page) {
    return page_request("name", name, page);
}

telnyx_request list_credentials(std::string_view connection_id, unsigned page) {
    return page_request("resource_id", std::string(k_connection) + std::string(connection_id), page);
}

std::optional<telnyx_credential> parse_credential(std::string_view body) {
    json root = parse(body);
    if (!root.is_object() || !root.contains("data")) return std::nullopt;
    return read(root["data"]);
}

std::optional<credential_list> parse_credentials(std::string_view body) {
    json root = parse(body);
    if (!root.is_object() || !root.contains("data") || !root["data"].is_array()) return std::nullopt;
    credential_list out;
    auto& entries = root["data"];
    out.more = more_follow(root, entries.size());
    out.items.reserve(entries.size());
    for (auto& entry : entries)
        if (auto c = read(entry)) out.items.push_back(std::move(*c));
    return out;
}

credential_error parse_credential_error(std::string_view body) {
    auto usual = parse_reply(body);
    credential_error out{std::move(usual.error_code), std::move(usual.error_title), false};
    const json root = parse(body);
    if (!root.is_object()) return out;
    const auto errors = root.find("errors");
    if (errors == root.end()) return out;
    if (errors->is_object()) {
        out.expired = mentions_expiry(*errors, "status");
    } else if (errors->is_array() && !errors->empty() && errors->front().is_object()) {
        out.expired = mentions_expiry(errors->front(), "title") || mentions_expiry(errors->front(), "detail");
    }
    return out;
}

} // namespace z360::wire
