// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "unit/call/hold_music.hpp"

#include "call/prompt.hpp"

namespace z360::call::hold_music {
namespace {

constexpr const char* k_music = "https://example.test/music.mp3";

bool held(const state& s) {
    return phase_of(s) == phase::on_hold;
}

// The carrier will not play it: silence, not the same question again and again.
bool refused(const state& s) {
    return !s.prompts.empty() && (s.prompts.back().refused || s.prompts.back().expired);
}

bool settle(state& s, effects& out, const circumstances& c) {
    if (held(s) && !prompts::plays(s) && !refused(s)) prompts::play(s, out, k_music, c.now);
    if (phase_of(s) == phase::active) prompts::stop(s, out, c.now);
    return false;
}

// Asked before each attempt: an hour-old hold that is over is not played for.
bool wants(const state& s, const effect& e) {
    const auto* cmd = carried(e);
    return cmd != nullptr && cmd->what() == verb::playback_start && held(s);
}

} // namespace

const component k_component{nullptr, nullptr, settle, nullptr, nullptr, wants, nullptr};

} // namespace z360::call::hold_music
