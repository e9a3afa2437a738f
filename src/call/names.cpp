// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The canonical words, in one place.
#include <z360/call/event.hpp>
#include <z360/call/state.hpp>

namespace z360::call {

std::string_view name(phase p) {
    switch (p) {
    case phase::ringing: return "ringing";
    case phase::answering: return "answering";
    case phase::bridging: return "bridging";
    case phase::active: return "active";
    case phase::on_hold: return "on_hold";
    case phase::remote_hold: return "remote_hold";
    case phase::reconnecting: return "reconnecting";
    case phase::voicemail: return "voicemail";
    case phase::ended: return "ended";
    }
    return "?";
}

std::string_view name(end_reason r) {
    switch (r) {
    case end_reason::none: return "none";
    case end_reason::completed: return "completed";
    case end_reason::caller_cancelled: return "caller_cancelled";
    case end_reason::voicemail: return "voicemail";
    case end_reason::rejected: return "rejected";
    case end_reason::failed: return "failed";
    }
    return "?";
}

std::string_view name(device_status s) {
    switch (s) {
    case device_status::notified: return "notified";
    case device_status::ringing: return "ringing";
    case device_status::answered: return "answered";
    case device_status::dismissed: return "dismissed";
    case device_status::failed: return "failed";
    }
    return "?";
}

std::string_view name(release_reason r) {
    switch (r) {
    case release_reason::none: return "none";
    case release_reason::answered_elsewhere: return "answered_elsewhere";
    case release_reason::caller_gone: return "caller_gone";
    case release_reason::ring_timeout: return "ring_timeout";
    case release_reason::bridge_failed: return "bridge_failed";
    case release_reason::call_over: return "call_over";
    case release_reason::device_removed: return "device_removed";
    }
    return "?";
}

std::string_view name(leg_role r) {
    switch (r) {
    case leg_role::device: return "device";
    case leg_role::caller: return "caller";
    case leg_role::peer: return "peer";
    case leg_role::agent: return "agent";
    }
    return "?";
}

std::string_view name(join_end e) {
    switch (e) {
    case join_end::none: return "none";
    case join_end::talk_over: return "talk_over";
    case join_end::call_over: return "call_over";
    case join_end::dropped: return "dropped";
    case join_end::overtaken: return "overtaken";
    }
    return "?";
}

std::string_view name(dial_status s) {
    switch (s) {
    case dial_status::requested: return "requested";
    case dial_status::accepted: return "accepted";
    case dial_status::failed: return "failed";
    }
    return "?";
}

std::string_view name(recording_purpose p) {
    switch (p) {
    case recording_purpose::talk: return "talk";
    case recording_purpose::message: return "message";
    }
    return "?";
}

std::string_view name(voicemail_step s) {
    switch (s) {
    case voicemail_step::none: return "none";
    case voicemail_step::answering: return "answering";
    case voicemail_step::greeting: return "greeting";
    case voicemail_step::recording: return "recording";
    case voicemail_step::done: return "done";
    }
    return "?";
}

std::string_view name(request_kind k) {
    switch (k) {
    case request_kind::decline: return "decline";
    case request_kind::answered: return "answered";
    case request_kind::ring: return "ring";
    }
    return "?";
}

std::string_view name(refusal r) {
    switch (r) {
    case refusal::none: return "none";
    case refusal::late: return "late";
    case refusal::not_rung: return "not_rung";
    case refusal::leg_over: return "leg_over";
    case refusal::in_the_talk: return "in_the_talk";
    case refusal::call_over: return "call_over";
    case refusal::not_ringing: return "not_ringing";
    case refusal::rings_already: return "rings_already";
    case refusal::may_not_ring: return "may_not_ring";
    case refusal::let_in_before: return "let_in_before";
    }
    return "?";
}

std::string_view name(outcome o) {
    switch (o) {
    case outcome::done: return "done";
    case outcome::peer_gone: return "peer_gone";
    case outcome::refused: return "refused";
    case outcome::expired: return "expired";
    case outcome::superseded: return "superseded";
    }
    return "?";
}

std::string_view name(verb v) {
    switch (v) {
    case verb::dial: return "dial";
    case verb::answer: return "answer";
    case verb::bridge: return "bridge";
    case verb::hangup: return "hangup";
    case verb::reject: return "reject";
    case verb::speak: return "speak";
    case verb::playback_start: return "playback_start";
    case verb::playback_stop: return "playback_stop";
    case verb::record_start: return "record_start";
    }
    return "?";
}

std::string_view name(const event& e) {
    static constexpr std::string_view k_names[] = {"incoming",         "leg_initiated",
                                                   "leg_answered",     "leg_bridged",
                                                   "leg_hangup",       "leg_hold",
                                                   "prompt_ended",     "recording_saved",
                                                   "recording_failed", "command_outcome",
                                                   "ring_withdrawn",   "device_asks",
                                                   "carrier_told",     "tick"};
    static_assert(std::size(k_names) == std::variant_size_v<event>);
    return k_names[e.index()];
}

} // namespace z360::call
