// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/push/notice.hpp"

#include <vector>

namespace z360::adapter::push {

using z360::push::judgement;
using z360::push::kind;
using z360::push::message;
using z360::push::provider;
using z360::push::token_kind;
using z360::push::token_ref;

message message_of(const call::push_notice& n, const port::push_address& a, const std::string& api_base) {
    message m;
    m.what = n.what;
    m.org = a.org;
    m.at = n.began;
    m.deadline = n.what == kind::incoming_call ? n.ring_until : n.began + z360::push::lifetime(n.what);
    m.call.id = n.call;
    m.call.session = n.session;
    m.call.caller_control_id = n.caller_control_id;
    m.call.caller_number = n.caller_number;
    m.call.caller_name = n.caller_name;
    m.call.caller_avatar = a.caller_avatar;
    m.call.channel_number = n.number;
    if (n.what == kind::incoming_call)
        m.call.ring_seconds =
            static_cast<int>(std::chrono::ceil<std::chrono::seconds>(n.ring_until - n.began).count());
    m.device.uid = a.uid;
    m.device.credential_version = a.credential_version;
    m.device.api_base = api_base;
    m.device.notification_fallback = a.platform == "android" && !a.full_screen;
    m.reason = n.why;
    m.winner_device = a.winner_uid;
    return m;
}

std::optional<std::size_t> token_of(kind k, const port::push_address& a) {
    std::vector<token_ref> refs;
    refs.reserve(a.tokens.size());
    for (const auto& t : a.tokens)
        refs.push_back({t.to.token_is, t.to.registered_at, t.dead});
    return z360::push::token_for(k, refs);
}

bool told_by_missed_call(const call::push_notice& n, const port::push_address& a) {
    if (n.what != kind::call_ended || !z360::push::is_missed(n.why)) return false;
    const auto t = token_of(n.what, a);
    return t && a.tokens[*t].to.token_is == token_kind::alert;
}

port::push_attempt_end end_of(judgement j) {
    using port::push_attempt_end;
    switch (j) {
    case judgement::done: return push_attempt_end::accepted;
    case judgement::configuration: return push_attempt_end::configuration;
    case judgement::dead_token: return push_attempt_end::dead_token;
    case judgement::retry:
    case judgement::new_connection: return push_attempt_end::failed;
    case judgement::later: return push_attempt_end::later;
    }
    return push_attempt_end::failed;
}

std::string_view fix_for(provider p, std::string_view reason) {
    if (p == provider::fcm)
        return "check that push.fcm_service_account_file is of the apps' Firebase project and may send "
               "messages";
    if (reason.find("Topic") != std::string_view::npos)
        return "check push.apns_bundle_ids, and that the key may push to these apps";
    return "check push.apns_key_id, push.apns_team_id and push.apns_key_file, and that the key is for this "
           "environment";
}

} // namespace z360::adapter::push
