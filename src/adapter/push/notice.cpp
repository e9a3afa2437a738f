// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/push/notice.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace z360::adapter::push {

using z360::push::judgement;
using z360::push::kind;
using z360::push::message;
using z360::push::provider;
using z360::push::refusal;
using z360::push::token_kind;
using z360::push::token_ref;

namespace {

token_ref ref_of(const port::push_address_token& t) {
    return {t.to.token_is, t.to.registered_at, t.dead, t.to.env};
}

} // namespace

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

message message_of(const port::queued_push& q, const port::push_address& a) {
    message m;
    m.what = q.what;
    if (q.what == kind::business) m.org = a.org;
    m.at = q.at;
    m.deadline = q.until;
    m.device.uid = a.uid;
    m.shown = q.shown;
    m.occasion = q.id.text();
    return m;
}

errand errand_of(const call::effect& e, const call::push_notice& n, const std::string& api_base) {
    errand out;
    out.id = e.id;
    out.like.call = n.call;
    out.like.org = n.org;
    out.like.device = n.device;
    out.like.what = n.what;
    out.like.ring = n.ring;
    out.like.round = n.round;
    out.where = {n.device, n.org, n.winner, n.what == kind::call_ended ? std::string{} : n.caller_number};
    const auto deadline = n.what == kind::incoming_call ? std::min(e.deadline, n.ring_until) : e.deadline;
    out.until = z360::push::limits_of(n.what, n.began, deadline);
    out.why = n.why;
    out.compose = [n, api_base](const port::push_address& a) { return message_of(n, a, api_base); };
    return out;
}

errand errand_of(const port::queued_push& q) {
    errand out;
    out.id = "message-" + q.id.text() + "-" + std::to_string(q.claim);
    out.like.message = q.id;
    out.like.org = q.org;
    out.like.device = q.device;
    out.like.what = q.what;
    out.like.round = q.claim;
    out.where = {q.device, q.org, {}, {}};
    out.until = z360::push::limits_of(q.what, q.at, q.until);
    out.left_behind = q.in_doubt;
    out.can_wait = true;
    out.compose = [q](const port::push_address& a) { return message_of(q, a); };
    return out;
}

call::push_outcome outcome_of(const call::effect& e, const call::push_notice& n, bool left_behind, report r) {
    call::push_outcome out;
    out.effect_id = e.id;
    out.what = n.what;
    out.device = n.device;
    out.ring = n.ring;
    out.result = r.result;
    out.sent = r.may_have_reached || left_behind;
    out.by = r.by;
    out.code = std::move(r.code);
    out.attempts = r.attempts;
    return out;
}

std::optional<std::size_t> token_of(kind k, const port::push_address& a) {
    std::vector<token_ref> refs;
    refs.reserve(a.tokens.size());
    for (const auto& t : a.tokens)
        refs.push_back(ref_of(t));
    return z360::push::token_for(k, refs);
}

void rule_out(port::push_address& a, std::size_t place, refusal why) {
    const auto refused = ref_of(a.tokens.at(place));
    for (std::size_t i = 0; i < a.tokens.size(); ++i)
        if (i == place || !z360::push::worth_a_try(why, refused, ref_of(a.tokens[i])))
            a.tokens[i].dead = true;
}

bool told_by_missed_call(kind what, z360::push::ended_reason why, const port::push_address& a) {
    if (what != kind::call_ended || !z360::push::is_missed(why)) return false;
    const auto t = token_of(what, a);
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
