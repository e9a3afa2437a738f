// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "call/recording.hpp"

#include "call/leg.hpp"

#include <algorithm>

namespace z360::call::recordings {
namespace {

constexpr std::size_t k_most = 16; // more would be an attack or a fault of ours

// A set by id. A bridge is recorded on the device's leg, a message on the caller's.
void absorb(state& s, const event& what, time_point) {
    const auto* e = std::get_if<recording_saved>(&what);
    if (e == nullptr || s.recordings.size() >= k_most) return;
    const bool known = std::any_of(s.recordings.begin(), s.recordings.end(), [e](const recording& r) {
        return r.id == e->recording_id;
    });
    if (known) return;
    const auto purpose = legs::is_caller(s, e->who) ? recording_purpose::message : recording_purpose::talk;
    s.recordings.push_back({e->recording_id, e->url, purpose, e->format, e->began_at, e->ended_at});
    // Told in any order, it is the same set.
    std::sort(s.recordings.begin(), s.recordings.end(), [](const auto& a, const auto& b) {
        return a.id < b.id;
    });
}

void narrate(const state& before, const event& what, const state& after, effects& out) {
    const auto* e = std::get_if<recording_saved>(&what);
    if (e != nullptr && after.recordings.size() > before.recordings.size())
        add_note(out, remark::recording_saved, "recording=" + e->recording_id);
    const bool news = before.recorder.faults != after.recorder.faults ||
                      before.voicemail.failed != after.voicemail.failed; // told again it is none
    if (const auto* f = std::get_if<recording_failed>(&what); f != nullptr && news)
        add_note(out, remark::recording_failed, "reason=" + f->reason);
}

} // namespace

const component k_component{absorb, narrate, nullptr, nullptr, nullptr, nullptr, nullptr};

} // namespace z360::call::recordings
