// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/event_type.hpp"

#include <algorithm>
#include <array>

namespace z360::wire {
namespace {

// Telnyx's, of "Call Control" in its OpenAPI document: what our commands and people bring about.
constexpr std::array<std::string_view, 16> k_known{
    "call.answered",
    "call.bridged",
    "call.cost",
    "call.dtmf.received",
    "call.gather.ended",
    "call.hangup",
    "call.hold",
    "call.initiated",
    "call.playback.ended",
    "call.playback.started",
    "call.recording.error",
    "call.recording.saved",
    "call.recording.transcription.saved",
    "call.speak.ended",
    "call.speak.started",
    "call.unhold",
};

} // namespace

std::string_view event_type_label(std::string_view event_type) {
    const auto* const found = std::find(k_known.begin(), k_known.end(), event_type);
    return found == k_known.end() ? "other" : *found;
}

} // namespace z360::wire
