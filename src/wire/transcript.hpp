// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a message says, as the carrier tells it after the call (Telnyx: call.recording.transcription.saved).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace z360::wire {

inline constexpr std::string_view k_transcript_event = "call.recording.transcription.saved";
/// Of a transcript, in bytes; what is longer is cut between two characters.
inline constexpr std::size_t k_longest_transcript = 60'000;

struct told_transcript {
    std::string recording_id;
    std::string call_session_id, call_control_id; ///< one of them at least
    std::string text; ///< valid UTF-8 without control characters but line breaks and tabs
};

/// nullopt: the body is no such event, or it names no recording or no call, or says nothing.
[[nodiscard]] std::optional<told_transcript> parse_transcript(std::string_view webhook_body);
/// As it is kept: bounded, valid UTF-8, without what no person can read; empty: nothing is left.
[[nodiscard]] std::string kept_transcript(std::string_view text);

} // namespace z360::wire
