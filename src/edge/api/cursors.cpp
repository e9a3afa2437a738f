// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/cursors.hpp"

namespace z360::edge::api {
namespace {

constexpr std::int64_t k_last_moment = 253'402'300'799'999; // in 9999; the database knows no moment for some

} // namespace

std::string cursor_text(time_point at, const std::string& id) {
    return std::to_string(at.time_since_epoch().count()) + "." + id;
}

std::optional<std::pair<time_point, std::string>> split_cursor(const std::string& text) {
    const auto dot = text.find('.');
    if (dot == std::string::npos) return std::nullopt;
    const auto at = whole_number(text.substr(0, dot), 0, k_last_moment);
    if (!at) return std::nullopt;
    return std::pair{time_point{millis{*at}}, text.substr(dot + 1)};
}

std::string recording_url(const api_context& s, const request_context& in, const uuid& recording) {
    const auto until = in.now + s.ports.settings.recordings.link_life;
    return in.base + "/api/recordings/" + recording.text() + "?" +
           s.ports.recording_links->sign(recording, until);
}

} // namespace z360::edge::api
