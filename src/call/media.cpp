// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "call/media.hpp"

#include "call/talk.hpp"

#include <algorithm>

namespace z360::call::media {
namespace {

// Phones that were asleep take so long at worst until the sound is there.
constexpr millis k_time_to_come{15'000};

// Whoever was granted it was the one who talked, so the verdict is all that need be remembered: the talk ends
// in the step that judges.
bool given_up(const state& s) {
    return std::any_of(s.verdicts.begin(), s.verdicts.end(), [](const verdict& v) {
        return v.what == request_kind::give_up_media && v.why == refusal::none;
    });
}

bool settle(state& s, effects& out, const circumstances& c) {
    if (talking(s) == nullptr || !given_up(s)) return false;
    end(s, out, end_reason::no_media, c.now);
    return true;
}

} // namespace

const component k_component{nullptr, nullptr, settle, nullptr, nullptr, nullptr, nullptr};

refusal judge(const state& s, device_id device) {
    if (over(s)) return refusal::call_over;
    return talks_by(s, device) ? refusal::none : refusal::not_talking;
}

bool may_still_come(const state& s, time_point now) {
    const auto* j = current_join(s);
    return j != nullptr && j->joined_at && now < *j->joined_at + k_time_to_come;
}

} // namespace z360::call::media
