// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/state_model.hpp"

#include <z360/call/state.hpp>

#include <initializer_list>

namespace z360::edge::api {
namespace {

using call::phase;

std::initializer_list<phase> next_of(phase p) {
    // What a client may see follow: several steps of the core can happen between two looks at a call, and the
    // winner may be dropped again, so that the ring resumes.
    static constexpr auto k_ringing = {phase::answering,   phase::bridging,  phase::active, phase::on_hold,
                                       phase::remote_hold, phase::voicemail, phase::ended};
    static constexpr auto k_answering = {phase::ringing,     phase::bridging,  phase::active, phase::on_hold,
                                         phase::remote_hold, phase::voicemail, phase::ended};
    static constexpr auto k_bridging = {phase::ringing,     phase::answering, phase::active, phase::on_hold,
                                        phase::remote_hold, phase::voicemail, phase::ended};
    static constexpr auto k_active = {phase::on_hold, phase::remote_hold, phase::reconnecting, phase::ended};
    static constexpr auto k_on_hold = {phase::active, phase::remote_hold, phase::reconnecting, phase::ended};
    static constexpr auto k_remote_hold = {phase::active, phase::on_hold, phase::reconnecting, phase::ended};
    static constexpr auto k_reconnecting = {phase::active, phase::on_hold, phase::remote_hold, phase::ended};
    // A talk that is reported although voicemail had begun goes on as a talk.
    static constexpr auto k_voicemail = {phase::active, phase::on_hold, phase::remote_hold, phase::ended};
    switch (p) {
    case phase::ringing: return k_ringing;
    case phase::answering: return k_answering;
    case phase::bridging: return k_bridging;
    case phase::active: return k_active;
    case phase::on_hold: return k_on_hold;
    case phase::remote_hold: return k_remote_hold;
    case phase::reconnecting: return k_reconnecting;
    case phase::voicemail: return k_voicemail;
    case phase::ended: return {};
    }
    return {};
}

template <class E>
json names(E last) {
    json out = json::array();
    for (int i = 0; i <= static_cast<int>(last); ++i)
        out.push_back(call::name(static_cast<E>(i)));
    return out;
}

struct mapping {
    const char* client;
    std::initializer_list<phase> server; ///< none: the server does not know it
    const char* note;
};

json client_names() {
    static const mapping k_all[] = {
        {"IDLE", {}, "no call"},
        {"REQUESTING", {}, "the client's own, before the server knows the call"},
        {"CONNECTING", {phase::answering, phase::bridging}, "the device that answered waits for its caller"},
        {"RINGING_INBOUND",
         {phase::ringing},
         "for devices whose state is notified or ringing; direction inbound"},
        {"RINGING_OUTBOUND", {phase::ringing}, "of a call whose direction is outbound"},
        {"ACTIVE", {phase::active}, ""},
        {"ON_HOLD", {phase::on_hold}, ""},
        {"REMOTE_HOLD", {phase::remote_hold}, ""},
        {"RECONNECTING", {phase::reconnecting}, ""},
        {"RENEGOTIATING", {phase::active}, "media only; the server does not see it"},
        {"DISCONNECTING", {}, "the client's own"},
        {"ENDED", {phase::voicemail, phase::ended}, "for a device also status answered_elsewhere"},
        {"FAILED", {phase::ended}, "reason failed or rejected"},
        {"MISSED", {phase::ended}, "missed is true"},
        {"DROPPED", {phase::ended}, "reason completed without the device having hung up"},
    };
    json out = json::array();
    for (const auto& m : k_all) {
        json server = json::array();
        for (const auto p : m.server)
            server.push_back(call::name(p));
        out.push_back({{"client", m.client}, {"server", std::move(server)}, {"note", m.note}});
    }
    return out;
}

} // namespace

json state_model() {
    json transitions = json::object();
    for (int i = 0; i < call::k_phase_count; ++i) {
        const auto p = static_cast<phase>(i);
        json next = json::array();
        for (const auto n : next_of(p))
            next.push_back(call::name(n));
        transitions[std::string(call::name(p))] = std::move(next);
    }
    return {
        {"version", 1},
        {"states", names(phase::ended)},
        {"terminal", {call::name(phase::ended)}},
        {"transitions", std::move(transitions)},
        {"statuses_for_devices", {"answered_elsewhere"}},
        {"end_reasons", names(call::end_reason::no_answer)},
        {"release_reasons", names(call::release_reason::device_removed)},
        {"device_states", names(call::device_status::failed)},
        {"leg_states",
         {"none", "dialing", "dialed", "ringing", "answered", "bridged", "released", "ended", "failed"}},
        {"client_states", client_names()},
    };
}

} // namespace z360::edge::api
