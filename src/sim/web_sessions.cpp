// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/web_sessions.hpp"

#include <z360/base/ids.hpp>

#include <stdexcept>
#include <utility>

namespace z360::sim {

namespace {

std::string session_in(std::string_view cookies) {
    constexpr std::string_view k_name = "session=";
    while (!cookies.empty()) {
        const auto end = cookies.find(';');
        auto one = cookies.substr(0, end);
        while (one.starts_with(' '))
            one.remove_prefix(1);
        if (one.starts_with(k_name)) return std::string(one.substr(k_name.size()));
        if (end == std::string_view::npos) break;
        cookies.remove_prefix(end + 1);
    }
    return {};
}

} // namespace

void web_sessions::put(const std::string& value, json about) {
    if (value.empty() || value.find_first_of("; ,") != std::string::npos)
        throw std::invalid_argument("a session's value must be fit for a cookie");
    for (const char* key : {"user_id", "organization_id"})
        if (!about.is_object() || !about.contains(key) || !about[key].is_number_integer())
            throw std::invalid_argument(std::string("session.") + key + " must be a whole number");
    about["active"] = true;
    if (!about.contains("session_id")) about["session_id"] = derive_uuid("session/" + value).text();
    sessions_[value] = std::move(about);
}

bool web_sessions::end(std::string_view value) {
    const auto it = sessions_.find(value);
    if (it == sessions_.end()) return false;
    sessions_.erase(it);
    return true;
}

web_sessions::answer web_sessions::introspect(std::string_view cookie_header) {
    ++asked_in_all_;
    const auto value = session_in(cookie_header);
    if (!value.empty()) ++asked_[value];
    const json inactive{{"active", false}};
    if (broken_ != 0) return {broken_, inactive};
    const auto it = sessions_.find(value);
    if (it == sessions_.end()) return {401, inactive};
    return {200, it->second};
}

std::size_t web_sessions::asked(std::string_view value) const {
    const auto it = asked_.find(value);
    return it == asked_.end() ? 0 : it->second;
}

json web_sessions::to_json() const {
    json sessions = json::object();
    for (const auto& [value, about] : sessions_)
        sessions[value] = about;
    json counts = json::object();
    for (const auto& [value, n] : asked_)
        counts[value] = n;
    return json{
        {"sessions", std::move(sessions)}, {"asked", std::move(counts)}, {"asked_in_all", asked_in_all_}
    };
}

} // namespace z360::sim
