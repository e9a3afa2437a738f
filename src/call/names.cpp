// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The canonical words, in one place.
#include <z360/call/effect.hpp>
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
    case end_reason::no_media: return "no_media";
    case end_reason::busy: return "busy";
    case end_reason::no_answer: return "no_answer";
    }
    return "?";
}

std::string_view name(route_cause c) {
    switch (c) {
    case route_cause::as_set: return "as_set";
    case route_cause::closed: return "closed";
    case route_cause::holiday: return "holiday";
    case route_cause::blocked: return "blocked";
    case route_cause::anonymous: return "anonymous";
    }
    return "?";
}

std::string_view name(placing_rule r) {
    switch (r) {
    case placing_rule::none: return "none";
    case placing_rule::unknown_device: return "unknown_device";
    case placing_rule::not_a_member: return "not_a_member";
    case placing_rule::number_malformed: return "number_malformed";
    case placing_rule::caller_id_not_yours: return "caller_id_not_yours";
    case placing_rule::no_caller_id: return "no_caller_id";
    case placing_rule::switched_off: return "switched_off";
    case placing_rule::destination_forbidden: return "destination_forbidden";
    case placing_rule::destination_blocked: return "destination_blocked";
    case placing_rule::in_a_call: return "in_a_call";
    case placing_rule::too_many_calls: return "too_many_calls";
    case placing_rule::too_often: return "too_often";
    }
    return "?";
}

std::string_view name(recording_policy p) {
    switch (p) {
    case recording_policy::off: return "off";
    case recording_policy::on: return "on";
    case recording_policy::mandatory: return "mandatory";
    }
    return "?";
}

std::optional<recording_policy> recording_named(std::string_view text) {
    for (const auto p : {recording_policy::off, recording_policy::on, recording_policy::mandatory})
        if (name(p) == text) return p;
    return std::nullopt;
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

std::string_view name(ring_end e) {
    switch (e) {
    case ring_end::none: return "none";
    case ring_end::answered: return "answered";
    case ring_end::nobody_answered: return "nobody_answered";
    case ring_end::no_device_left: return "no_device_left";
    case ring_end::no_devices: return "no_devices";
    case ring_end::waited_too_long: return "waited_too_long";
    case ring_end::call_over: return "call_over";
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
    case dial_status::planned: return "planned";
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
    case request_kind::pause_recording: return "pause_recording";
    case request_kind::resume_recording: return "resume_recording";
    case request_kind::give_up_media: return "give_up_media";
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
    case refusal::not_talking: return "not_talking";
    case refusal::not_recorded: return "not_recorded";
    case refusal::recording_fixed: return "recording_fixed";
    case refusal::media_may_come: return "media_may_come";
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
    case verb::gather_using_speak: return "gather_using_speak";
    case verb::record_pause: return "record_pause";
    case verb::record_resume: return "record_resume";
    case verb::transfer: return "transfer";
    }
    return "?";
}

std::string_view name(channel c) {
    switch (c) {
    case channel::carrier: return "carrier";
    case channel::push: return "push";
    case channel::test: return "test";
    }
    return "?";
}

std::optional<channel> channel_named(std::string_view word) {
    for (int i = 0; i < k_channel_count; ++i)
        if (name(static_cast<channel>(i)) == word) return static_cast<channel>(i);
    return std::nullopt;
}

std::string_view name(remark r) {
    switch (r) {
    case remark::number_refused: return "number_refused";
    case remark::caller_blocked: return "caller_blocked";
    case remark::call_began: return "call_began";
    case remark::waited_too_long: return "waited_too_long";
    case remark::caller_hung_up: return "caller_hung_up";
    case remark::answer_failed: return "answer_failed";
    case remark::dial_failed: return "dial_failed";
    case remark::duplicate_leg: return "duplicate_leg";
    case remark::device_answered: return "device_answered";
    case remark::device_withdrawn: return "device_withdrawn";
    case remark::device_declined: return "device_declined";
    case remark::device_says_answered: return "device_says_answered";
    case remark::device_joins_ring: return "device_joins_ring";
    case remark::device_leg_ended: return "device_leg_ended";
    case remark::wave_began: return "wave_began";
    case remark::number_rung: return "number_rung";
    case remark::branch_stopped: return "branch_stopped";
    case remark::mobile_rung: return "mobile_rung";
    case remark::mobile_answered: return "mobile_answered";
    case remark::mobile_confirmed: return "mobile_confirmed";
    case remark::mobile_refused: return "mobile_refused";
    case remark::mobile_leg_ended: return "mobile_leg_ended";
    case remark::agent_rung: return "agent_rung";
    case remark::agent_answered: return "agent_answered";
    case remark::agent_leg_ended: return "agent_leg_ended";
    case remark::agent_unreachable: return "agent_unreachable";
    case remark::push_accepted: return "push_accepted";
    case remark::push_failed: return "push_failed";
    case remark::request_refused: return "request_refused";
    case remark::winner_claimed: return "winner_claimed";
    case remark::winner_by_fact: return "winner_by_fact";
    case remark::winner_dropped: return "winner_dropped";
    case remark::bridge_refused: return "bridge_refused";
    case remark::bridge_expired: return "bridge_expired";
    case remark::bridge_confirmed_by_one_side: return "bridge_confirmed_by_one_side";
    case remark::bridged: return "bridged";
    case remark::second_bridge_dropped: return "second_bridge_dropped";
    case remark::carrier_asked: return "carrier_asked";
    case remark::active: return "active";
    case remark::on_hold: return "on_hold";
    case remark::remote_hold: return "remote_hold";
    case remark::speak_failed: return "speak_failed";
    case remark::playback_start_failed: return "playback_start_failed";
    case remark::playback_stop_failed: return "playback_stop_failed";
    case remark::record_start_failed: return "record_start_failed";
    case remark::voicemail: return "voicemail";
    case remark::recording_saved: return "recording_saved";
    case remark::recording_failed: return "recording_failed";
    case remark::recording_retried: return "recording_retried";
    case remark::recording_unavailable: return "recording_unavailable";
    case remark::recording_announced: return "recording_announced";
    case remark::recording_pausing: return "recording_pausing";
    case remark::recording_paused: return "recording_paused";
    case remark::recording_resuming: return "recording_resuming";
    case remark::recording_resumed: return "recording_resumed";
    case remark::record_pause_failed: return "record_pause_failed";
    case remark::record_resume_failed: return "record_resume_failed";
    case remark::media_given_up: return "media_given_up";
    case remark::end_reason: return "end_reason";
    case remark::call_ended: return "call_ended";
    case remark::call_placed: return "call_placed";
    case remark::placing_refused: return "placing_refused";
    case remark::transfer_failed: return "transfer_failed";
    case remark::peer_answered: return "peer_answered";
    case remark::peer_leg_ended: return "peer_leg_ended";
    }
    return "?";
}

std::string_view name(const event& e) {
    static constexpr std::string_view k_names[] = {"incoming",
                                                   "leg_initiated",
                                                   "leg_answered",
                                                   "leg_bridged",
                                                   "leg_hangup",
                                                   "leg_hold",
                                                   "prompt_ended",
                                                   "digits_gathered",
                                                   "recording_saved",
                                                   "recording_failed",
                                                   "leg_charged",
                                                   "command_outcome",
                                                   "push_outcome",
                                                   "test_outcome",
                                                   "ring_withdrawn",
                                                   "push_received",
                                                   "device_asks",
                                                   "carrier_told",
                                                   "tick"};
    static_assert(std::size(k_names) == std::variant_size_v<event>);
    return k_names[e.index()];
}

} // namespace z360::call
