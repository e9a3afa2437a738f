// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Recordings at Telnyx: what we ask about them, and the answers, read leniently (GET, DELETE
// /recordings/{recording_id}).
#pragma once

#include "wire/telnyx_command.hpp"

#include <z360/base/time.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::wire {

struct telnyx_recording {
    std::string id;
    std::string url;    ///< of `download_urls`, mp3 before wav; empty: none
    std::string format; ///< of what is there, "mp3" or "wav"; empty: nothing is
    std::optional<time_point> began_at, ended_at;
    std::string call_control_id; ///< empty: not said
};

[[nodiscard]] telnyx_request recording_status(std::string_view recording_id);
/// The first page of a session's.
[[nodiscard]] telnyx_request session_recordings(std::string_view call_session_id);
[[nodiscard]] telnyx_request recording_removal(std::string_view recording_id);
/// nullopt: that is no list. What has no id is passed over.
[[nodiscard]] std::optional<std::vector<telnyx_recording>> parse_recordings(std::string_view body);
/// nullopt: that is no answer about a recording.
[[nodiscard]] std::optional<telnyx_recording> parse_recording(std::string_view body);

} // namespace z360::wire
