// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Of each of the person's devices, and each leg, the facts by which call:: judges why it did not ring.
#include "adapter/postgres/identities/ring_conditions.hpp"
#include "adapter/postgres/ops/explained.hpp"
#include "adapter/postgres/params.hpp"
#include "wire/telnyx_webhook.hpp"

#include <z360/call/view.hpp>
#include <z360/credential/standing.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <utility>

namespace z360::adapter::postgres {
namespace {

using nlohmann::json;

// ---- legs

struct hangup {
    std::string sip;
    time_point at{};
};
using hangups = std::map<std::string, hangup, std::less<>>; // by control id

constexpr const char* k_hangups = R"sql(
select body, z360_ms(received_at) from webhook_events
 where (call_session_id = $1 or call_id = $2) and event_type = 'call.hangup' order by seq)sql";

hangups read_hangups(pqxx::work& tx, const explained_call& c) {
    hangups out;
    for (const auto& r : tx.exec_params(k_hangups, c.call_session_id, c.id.text())) {
        const auto e = wire::parse_envelope(bytes_of(r[0])).event;
        if (!e || e->call_control_id.empty()) continue;
        auto& h = out[e->call_control_id];
        if (h.sip.empty()) h.sip = e->sip_hangup_cause;
        h.at = e->occurred_at.value_or(time_at(r[1]));
    }
    return out;
}

call::leg_facts
leg_facts_of(const call::leg& l, const std::vector<timeline_line>& lines, const hangups& ended) {
    call::leg_facts f;
    f.is = l;
    const auto id = l.id.text();
    for (const auto& x : lines) {
        if (value_of(x.detail, "leg") != id && value_of(x.detail, "command_id") != id) continue;
        if (x.source == "command" && x.what == "dial") f.dialed_at = x.at;
        if (x.source == "command" && x.what == "hangup") f.released_at = x.at;
        if (x.source == "outcome" && x.what == "dial") {
            f.dial_result = outcome_named(value_of(x.detail, "status")).value_or(call::outcome::done);
            f.dial_error = value_of(x.detail, "error");
            if (f.dial_result != call::outcome::done) f.ended_at = x.at;
        }
        if (is(x, "note", call::remark::device_joins_ring)) f.let_in_at = x.at;
        if (is(x, "note", call::remark::device_answered)) f.answered_at = x.at;
        if (is(x, "note", call::remark::device_leg_ended)) f.ended_at = x.at;
    }
    if (const auto h = ended.find(l.call_control_id); h != ended.end()) {
        f.sip_cause = h->second.sip;
        if (!f.ended_at) f.ended_at = h->second.at;
    }
    return f;
}

// ---- devices

std::string text_in(const json& row, const char* key) {
    const auto found = row.find(key);
    return found != row.end() && found->is_string() ? found->get<std::string>() : std::string();
}

#define Z360_LACKS(OBSTACLE, CONDITION) "|| case when " CONDITION " then '' else '" #OBSTACLE " ' end "
// $1 people, $2 organisation, $3 when it rang, $4 device life, both in ms, $5 call, $6 until when it rang, $7
// devices that were rung. What is long gone is nobody's question any more.
constexpr const char* k_devices = R"sql(
select d.device_id, d.device_uid, d.name, d.platform, z360_ms(d.registered_at), z360_ms(d.removed_at),
       z360_ms(d.last_seen_at),
       (d.push_token is not null and d.push_invalid_at is null) or (d.voip_token is not null and d.voip_invalid_at is null),
       '' )sql" Z360_RING_CONDITIONS(Z360_LACKS, "$2::bigint") R"sql(
          || case when )sql" Z360_SHOWS_LIFE("$3", "$4") R"sql( then '' else 'silent ' end,
       coalesce((select json_agg(json_build_object(
           'state', i.state, 'created', z360_ms(i.created_at), 'activated', z360_ms(i.activated_at),
           'expires', z360_ms(i.expires_at), 'retired', z360_ms(i.retired_at), 'why', i.retire_reason)
           order by i.identity_id) from sip_identities i where i.device_id = d.device_id), '[]')::text,
       exists (select from call_legs l join calls c on c.call_id = l.call_id
                where l.device_id = d.device_id and l.call_id <> $5::uuid and l.answered
                  and coalesce(c.answered_at, c.began_at) <= z360_at($6)
                  and (c.ended_at is null or c.ended_at > z360_at($3)))
  from devices d
 where d.user_id = any($1::bigint[]) and (d.status <> 'removed' or d.removed_at >= z360_at($3::bigint) - interval '30 days'
                           or d.device_id = any($7::bigint[]))
 order by d.device_id)sql";

call::obstacle obstacle_named(std::string_view word) {
    for (int i = 0; i < call::k_obstacle_count; ++i)
        if (name(static_cast<call::obstacle>(i)) == word) return static_cast<call::obstacle>(i);
    return call::obstacle::none;
}

std::optional<time_point> time_in(const json& row, const char* key) {
    const auto found = row.find(key);
    if (found == row.end() || !found->is_number_integer()) return std::nullopt;
    return time_point{millis{found->get<std::int64_t>()}};
}

// What the device had to be dialed by when it rang.
call::obstacle by_identity(const json& rows, time_point at) {
    std::vector<credential::identity_life> all;
    std::string why; // the newest of those that had been taken back
    for (const auto& r : rows) {
        credential::identity_life i;
        i.now_in =
            credential::identity_state_of(text_in(r, "state")).value_or(credential::identity_state::dead);
        i.created_at = time_in(r, "created").value_or(time_point{});
        i.activated_at = time_in(r, "activated");
        i.expires_at = time_in(r, "expires");
        i.retired_at = time_in(r, "retired");
        if (i.retired_at && *i.retired_at <= at) why = text_in(r, "why");
        all.push_back(i);
    }
    const auto had = credential::standing_at(all, at);
    // Its credential went because it was silent, and came back with the first sign of life.
    const bool went = had == credential::standing::retired || had == credential::standing::pending;
    if (went && why == credential::name(credential::retire_reason::silent)) return call::obstacle::silent;
    switch (had) {
    case credential::standing::usable: return call::obstacle::none;
    case credential::standing::none: return call::obstacle::no_identity;
    case credential::standing::pending: return call::obstacle::identity_pending;
    case credential::standing::expired: return call::obstacle::identity_expired;
    case credential::standing::retired: return call::obstacle::identity_retired;
    }
    return call::obstacle::none;
}

call::device_facts read_device(const pqxx::row& r, time_point began) {
    call::device_facts d;
    d.id = {r[0].as<std::int64_t>()};
    d.uid = r[1].c_str();
    d.name = r[2].c_str();
    d.platform = r[3].c_str();
    d.registered_at = time_at(r[4]);
    d.removed_at = time_or_null(r[5]);
    d.last_seen = time_at(r[6]);
    d.has_push_token = r[7].as<bool>();
    for (std::string_view words = r[8].c_str(); !words.empty();) {
        const auto end = words.find(' ');
        const auto o = obstacle_named(words.substr(0, end));
        if (std::find(d.today.begin(), d.today.end(), o) == d.today.end()) d.today.push_back(o);
        words.remove_prefix(end + 1);
    }
    if (const auto o = by_identity(json::parse(r[9].c_str()), began); o != call::obstacle::none)
        d.today.push_back(o);
    d.was_talking = r[10].as<bool>();
    return d;
}

call::device_facts& of(std::vector<call::device_facts>& all, const call::target& t) {
    const auto found = std::find_if(all.begin(), all.end(), [&t](const auto& d) { return d.id == t.device; });
    if (found != all.end()) return *found;
    call::device_facts d; // somebody else's today, or its row is gone
    d.id = t.device;
    d.name = t.device_name;
    d.platform = t.platform;
    return all.emplace_back(std::move(d));
}

std::vector<device_id> rung_in(const call::state& s) {
    std::vector<device_id> out;
    for (const auto& t : s.routed.targets)
        out.push_back(t.device);
    for (const auto& l : s.legs)
        if (!l.device().none()) out.push_back(l.device());
    return out;
}

call::ring_facts ring_of(const call::state& s) {
    call::ring_facts r;
    r.began = s.rings.empty() ? s.began : s.rings.front().began;
    r.wakes_by_push = s.routed.rules.wake_by_push;
    r.over = phase_of(s) != call::phase::ringing;
    if (!bridged_at(s)) return r;
    call::viewer all;
    all.who = call::viewer::as::overseer;
    if (const auto v = view_of(s, all)) r.talked = v->winner;
    return r;
}

} // namespace

void add_devices(
    pqxx::work& tx, explained_call& out, const call::state& s, const std::vector<wanted_push>& pushes,
    millis device_life
) {
    out.ring = ring_of(s);
    const auto* ring = current_ring(s);
    const auto until = ring != nullptr ? ring->over_at.value_or(ring->deadline) : out.ring.began;
    for (const auto& r : tx.exec_params(
             k_devices, key_array(people_of(s.routed)), s.routed.org.value, in_ms(out.ring.began),
             device_life.count(), s.id.text(), in_ms(until), key_array(rung_in(s))
         ))
        out.devices.push_back(read_device(r, out.ring.began));
    const auto ended = read_hangups(tx, out);
    for (const auto& t : s.routed.targets)
        of(out.devices, t).rung = true;
    for (const auto& t : s.routed.left_out)
        of(out.devices, t).left_out = t.left_out;
    for (const auto& l : s.legs) {
        if (l.role != call::leg_role::device) out.mobile.push_back(leg_facts_of(l, out.lines, ended));
        if (l.goes_to() == nullptr) continue;
        auto& d = of(out.devices, *l.goes_to());
        d.rung = true;
        d.legs.push_back(leg_facts_of(l, out.lines, ended));
    }
    for (auto& d : out.devices) {
        for (const auto& p : pushes)
            if (p.device == d.id) d.pushes.push_back(p.is);
        for (const auto& n : s.notices)
            d.acknowledged = d.acknowledged || (n.device == d.id && n.acknowledged);
        for (const auto& v : s.verdicts)
            if (v.device == d.id) d.asks.push_back({v.what, v.why, v.at});
    }
}

} // namespace z360::adapter::postgres
