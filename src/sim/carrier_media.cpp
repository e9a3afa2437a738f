// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Speech, audio and recordings of a leg.
#include "sim/carrier.hpp"

#include <z360/base/ids.hpp>

#include <algorithm>
#include <utility>

namespace z360::sim {
namespace {

constexpr millis k_recording_fails_after{100};

} // namespace

void carrier::start_media(const order& o, leg_state& l, time_point now) {
    sound s;
    s.speech = o.verb == "speak";
    std::int64_t loops = 1;
    if (const auto it = o.body.find("loop"); it != o.body.end()) {
        s.endless = it->is_string();
        if (!s.endless) loops = it->get<std::int64_t>();
    }
    for (const char* key : {"audio_url", "media_name", "payload"})
        if (o.body.contains(key)) s.source = o.body[key].get<std::string>();
    s.client_state = l.view.client_state;
    s.missing = !s.speech && settings_.missing_audio.contains(s.source);
    const auto once = s.speech ? settings_.speak_per_char * static_cast<std::int64_t>(s.source.size())
                               : settings_.playback_length;
    s.length = once * loops;
    if (o.body.contains("stop")) stop_sounds(l, o.body["stop"] == "all", "cancelled", now);
    play(l, std::move(s), now);
}

void carrier::play(leg_state& l, sound s, time_point now) {
    l.sounds.push_back(std::move(s));
    if (l.sounds.size() == 1) start_sound(l, now);
}

void carrier::start_sound(leg_state& l, time_point now) {
    if (l.sounds.empty()) return;
    const auto& s = l.sounds.front();
    const auto serial = ++l.sound_serial;
    const auto id = l.view.call_control_id;
    if (s.missing) {
        end_sound(l, "file_not_found", now);
        return;
    }
    json extra = json::object();
    if (!s.speech) extra = json{{"media_url", s.source}, {"overlay", false}};
    if (!settings_.unknown.prompt_ends_bear_newest_mark) extra["client_state"] = s.client_state;
    emit(l, s.speech ? "call.speak.started" : "call.playback.started", std::move(extra), now);
    if (s.endless) return;
    after(now + s.length, [this, id, serial](time_point t) {
        auto* leg = find(id);
        if (leg && leg->view.alive() && leg->sound_serial == serial && !leg->sounds.empty())
            end_sound(*leg, "completed", t);
    });
}

void carrier::end_sound(leg_state& l, const char* status, time_point now) {
    const sound s = std::move(l.sounds.front());
    l.sounds.pop_front();
    // speak.ended has no status of its own for speech that was stopped.
    const bool stopped_speech = s.speech && std::string_view(status) == "cancelled";
    json extra{{"status", stopped_speech ? "completed" : status}};
    if (!settings_.unknown.prompt_ends_bear_newest_mark) extra["client_state"] = s.client_state;
    if (!s.speech) {
        extra["media_url"] = s.source;
        extra["overlay"] = false;
    }
    emit(l, s.speech ? "call.speak.ended" : "call.playback.ended", std::move(extra), now);
    start_sound(l, now);
}

void carrier::stop_sounds(leg_state& l, bool all, const char* status, time_point now) {
    if (l.sounds.empty()) return;
    // What was only queued never started and therefore never ends.
    if (all) l.sounds.erase(l.sounds.begin() + 1, l.sounds.end());
    end_sound(l, status, now);
}

std::string carrier::start_recording(const order& o, leg_state& l, std::string_view prefix, time_point now) {
    if (o.fault && o.fault->unrecorded) {
        truth_.commands.at(o.request).fault = "unrecorded";
        return {};
    }
    const auto& body = o.body;
    const auto key = [&prefix](const char* name) { return std::string(prefix) + name; };
    recording r;
    r.id = make_id("recording");
    r.channels = body.value(key("channels"), std::string("dual"));
    r.format = body.value(key("format"), std::string("mp3"));
    r.began = now;
    r.transcribed = prefix.empty() && body.value("transcription", false);
    const auto recording_id = r.id;
    l.recordings.push_back(std::move(r));
    if (o.fault && !o.fault->recording_error.empty()) {
        truth_.commands.at(o.request).fault = "recording_error";
        after(
            now + k_recording_fails_after,
            [this, leg = l.view.call_control_id, recording_id, why = o.fault->recording_error](time_point t) {
                fail_recording(leg, recording_id, why, t);
            }
        );
    }
    const auto limit = body.value(key("max_length"), std::int64_t{0});
    if (limit > 0) {
        after(
            now + std::chrono::seconds{limit},
            [this, id = l.view.call_control_id, recording_id](time_point t) {
                auto* leg = find(id);
                if (!leg) return;
                for (std::size_t i = 0; i < leg->recordings.size(); ++i)
                    if (leg->recordings[i].id == recording_id) return finish_recording(*leg, i, t);
            }
        );
    }
    return recording_id;
}

void carrier::fail_recording(
    const std::string& leg, const std::string& id, const std::string& reason, time_point now
) {
    auto* l = find(leg);
    if (l == nullptr) return;
    const auto failed = std::erase_if(l->recordings, [&id](const recording& r) { return r.id == id; });
    if (failed > 0) emit(*l, "call.recording.error", json{{"reason", reason}}, now);
}

void carrier::finish_recording(leg_state& l, std::size_t index, time_point now) {
    const auto r = l.recordings.at(index);
    l.recordings.erase(l.recordings.begin() + static_cast<std::ptrdiff_t>(index));
    if (!l.view.answered_at) return; // nothing was ever heard on this leg
    saved_recording saved;
    saved.id = r.id;
    saved.session = l.view.call_session_id;
    saved.call_control_id = l.view.call_control_id;
    saved.call_leg_id = l.view.call_leg_id;
    saved.channels = r.channels;
    saved.format = r.format;
    saved.began = r.began;
    saved.ended = now;
    saved.pauses = r.pauses;
    if (r.paused_at) saved.pauses.emplace_back(*r.paused_at, now);
    saved.listed_from = now + settings_.recording_delay;
    json urls;
    urls[r.format] = recording_url(saved, now);
    truth_.recordings.push_back(std::move(saved));
    json extra{
        {"recording_id", r.id},
        {"recording_urls", urls},
        {"public_recording_urls", json::object()},
        {"channels", r.channels},
        {"format", r.format},
        {"recording_started_at", iso8601(r.began)},
        {"recording_ended_at", iso8601(now)},
        {"start_time", iso8601(r.began)},
        {"end_time", iso8601(now)},
    };
    emit(l, "call.recording.saved", std::move(extra), now, settings_.recording_delay);
    if (!r.transcribed) return;
    json said{
        {"recording_id", r.id},
        {"recording_transcription_id", derive_uuid("transcription/" + r.id).text()},
        {"status", "completed"},
        {"transcription_text", settings_.transcript},
    };
    emit(l, "call.recording.transcription.saved", std::move(said), now, settings_.transcript_delay);
}

} // namespace z360::sim
