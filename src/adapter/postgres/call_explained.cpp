// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Everything on record of one call: its timeline, and of each of the person's devices the facts by which
// call:: judges why it did not ring.
#include "adapter/postgres/admin_connection.hpp"
#include "adapter/postgres/call_view_row.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/ring_conditions.hpp"
#include "wire/state_codec.hpp"
#include "wire/telnyx_webhook.hpp"

#include <z360/call/view.hpp>
#include <z360/credential/standing.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace z360::adapter::postgres {
namespace {

using nlohmann::json;

// Commands appear twice: when they were decided and when their outcome was known. Each line says what was so
// then.
constexpr const char* k_lines = R"sql(
select z360_ms(at), source, what, detail, channel from (
    select received_at as at, 0 as rank, seq, 'webhook' as source, event_type as what,
           'event_id=' || event_id || ' route=' || route || ' status=' || status ||
           coalesce(' call_control_id=' || call_control_id, '') || coalesce(' error=' || error, '') as detail, '' as channel
      from webhook_events where call_session_id = $2 or call_id = $1
    union all
    select began_at, 1, -1, 'call', 'caller',
           'number=' || coalesce(caller_number, snapshot #>> '{caller,number}', '') ||
           coalesce(' sent=' || to_json(caller_sent)::text, '') ||
           ' dialed=' || coalesce(snapshot #>> '{routed,number_e164}', '') ||
           coalesce(' dialed_sent=' || to_json(dialed_sent)::text, ''), ''
      from calls where call_id = $1
    union all
    select at, 1, seq, 'note', what, detail, '' from call_events where call_id = $1
    union all
    select created_at, 2, 0, 'command', verb,
           'command_id=' || command_id || coalesce(' leg=' || leg_id, '') ||
           case when status = 'pending' then ' status=pending attempts=' || attempts || coalesce(' after=' || after_id, '')
                else '' end, channel
      from commands where call_id = $1
    union all
    select finished_at, 3, 0, 'outcome', verb,
           'command_id=' || command_id || ' status=' || status || ' attempts=' || attempts ||
           coalesce(' error=' || error_code, ''), channel
      from commands where call_id = $1 and finished_at is not null
) t order by at, rank, seq)sql";

// ---- words of a line

// "key=value": the value, up to the next blank; empty: it has none.
std::string_view value_of(std::string_view detail, std::string_view key) {
    for (std::size_t at = 0; at < detail.size();) {
        const auto end = std::min(detail.find(' ', at), detail.size());
        const auto word = detail.substr(at, end - at);
        if (word.size() > key.size() && word.starts_with(key) && word[key.size()] == '=')
            return word.substr(key.size() + 1);
        at = end + 1;
    }
    return {};
}

bool is(const timeline_line& l, std::string_view source, call::remark what) {
    return l.source == source && l.what == call::name(what);
}

// ---- whom a line is about

class places {
  public:
    explicit places(const call::state& s) : caller_(s.caller.call_control_id) {
        for (const auto& l : s.legs) {
            by_leg_.emplace(l.id.text(), l.device());
            if (!l.call_control_id.empty()) by_control_.emplace(l.call_control_id, l.device());
        }
    }
    void add_push(std::string effect, device_id d) { by_effect_.emplace(std::move(effect), d); }

    void mark(timeline_line& l) const {
        if (const auto leg = value_of(l.detail, "leg"); !leg.empty()) l.device = in(by_leg_, leg);
        const auto control = value_of(l.detail, "call_control_id");
        if (!control.empty()) l.device = in(by_control_, control);
        l.caller = !control.empty() && control == caller_;
        if (const auto id = value_of(l.detail, "device"); !id.empty())
            l.device = device_id{std::strtoll(std::string(id).c_str(), nullptr, 10)};
        if (const auto effect = value_of(l.detail, "command_id"); l.device.none() && !effect.empty()) {
            l.device = in(by_effect_, effect);
            // Ids of what is done with a leg begin with its id; the rest is done with the caller's.
            if (l.device.none()) l.device = in(by_leg_, effect.substr(0, k_id_length));
            l.caller = l.device.none() && l.channel == name(call::channel::carrier);
        }
    }

  private:
    static constexpr std::size_t k_id_length = 36;
    using index = std::map<std::string, device_id, std::less<>>;
    static device_id in(const index& where, std::string_view key) {
        const auto found = where.find(key);
        return found == where.end() ? device_id{} : found->second;
    }
    std::string caller_;
    index by_leg_, by_control_, by_effect_;
};

// ---- pushes

struct wanted_push {
    std::string effect;
    device_id device;
    std::uint32_t ring = 0;
    call::push_facts is;
};

std::optional<call::outcome> outcome_named(std::string_view word) {
    for (const auto o :
         {call::outcome::done, call::outcome::peer_gone, call::outcome::refused, call::outcome::expired,
          call::outcome::superseded})
        if (name(o) == word) return o;
    return std::nullopt;
}
std::optional<push::provider> provider_named(std::string_view word) {
    for (const auto p : {push::provider::apns, push::provider::fcm})
        if (name(p) == word) return p;
    return std::nullopt;
}

constexpr const char* k_pushes = R"sql(
select command_id, payload::text, z360_ms(created_at), z360_ms(finished_at), status, coalesce(error_code, ''), attempts
  from commands where call_id = $1 and channel = 'push' order by created_at, command_id)sql";

std::vector<wanted_push> read_pushes(pqxx::work& tx, call_id call) {
    std::vector<wanted_push> out;
    for (const auto& r : tx.exec_params(k_pushes, call.text())) {
        const auto e = wire::decode_effect(r[1].c_str());
        const auto* p = e ? std::get_if<call::push_notice>(&e->body) : nullptr;
        if (p == nullptr) continue; // a newer program's
        wanted_push w;
        w.effect = r[0].c_str();
        w.device = p->device;
        w.ring = p->ring;
        w.is.what = p->what;
        w.is.round = p->round;
        w.is.asked_at = time_at(r[2]);
        w.is.over_at = time_or_null(r[3]);
        w.is.result = outcome_named(r[4].c_str()).value_or(call::outcome::done);
        w.is.code = r[5].c_str();
        w.is.attempts = r[6].as<unsigned>();
        out.push_back(std::move(w));
    }
    return out;
}

// Who was asked is in the note of the same commit.
void add_providers(std::vector<wanted_push>& pushes, const std::vector<timeline_line>& lines) {
    for (const auto& l : lines) {
        if (!is(l, "note", call::remark::push_accepted) && !is(l, "note", call::remark::push_failed))
            continue;
        for (auto& p : pushes) {
            if (p.is.by || p.device != l.device || p.is.over_at != l.at ||
                name(p.is.what) != value_of(l.detail, "what"))
                continue;
            p.is.by = provider_named(value_of(l.detail, "by"));
            break;
        }
    }
}

// Each request to a provider.
constexpr const char* k_attempts = R"sql(
select device_id, kind, ring, round, attempt, provider, status, reason from push_attempts
 where call_id = $1 order by sent_at)sql";

void add_attempts(pqxx::work& tx, call_id call, std::vector<wanted_push>& pushes) {
    for (const auto& r : tx.exec_params(k_attempts, call.text()))
        for (auto& p : pushes) {
            if (p.device.value != r[0].as<std::int64_t>() || name(p.is.what) != r[1].c_str() ||
                p.ring != r[2].as<std::uint32_t>() || p.is.round != r[3].as<std::uint32_t>())
                continue;
            if (!p.is.by) p.is.by = provider_named(r[5].c_str());
            p.is.attempts = std::max(p.is.attempts, r[4].as<unsigned>());
            const std::string reason = r[7].c_str();
            if (p.is.result == call::outcome::done || reason.empty()) continue;
            const auto status = r[6].as<int>();
            p.is.code = (status > 0 ? std::to_string(status) + " " : "") + reason;
        }
}

constexpr const char* k_receipts =
    "select device_id, state, z360_ms(at) from push_receipts where call_id = $1 order by at, state";

void add_receipts(pqxx::work& tx, call_id call, std::vector<call::device_facts>& devices) {
    for (const auto& r : tx.exec_params(k_receipts, call.text()))
        for (auto& d : devices)
            if (d.id.value == r[0].as<std::int64_t>()) d.receipts.push_back({r[1].c_str(), time_at(r[2])});
}

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
// $1 person, $2 organisation, $3 when it rang, $4 device life, both in ms, $5 call, $6 until when it rang, $7
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
 where d.user_id = $1 and (d.status <> 'removed' or d.removed_at >= z360_at($3::bigint) - interval '30 days'
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
        i.now_in = credential::phase_of(text_in(r, "state")).value_or(credential::phase::dead);
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

void add_devices(
    pqxx::work& tx, explained_call& out, const call::state& s, const std::vector<wanted_push>& pushes,
    millis device_life
) {
    out.ring = ring_of(s);
    const auto* ring = current_ring(s);
    const auto until = ring != nullptr ? ring->over_at.value_or(ring->deadline) : out.ring.began;
    for (const auto& r : tx.exec_params(
             k_devices, s.routed.user.value, s.routed.org.value, in_ms(out.ring.began), device_life.count(),
             s.id.text(), in_ms(until), key_array(rung_in(s))
         ))
        out.devices.push_back(read_device(r, out.ring.began));
    const auto ended = read_hangups(tx, out);
    for (const auto& t : s.routed.targets)
        of(out.devices, t).rung = true;
    for (const auto& l : s.legs) {
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

// ---- the call

constexpr const char* k_call = R"sql(
select c.call_id, c.call_session_id, c.phase, coalesce(c.end_reason, ''), c.version, coalesce(u.name, ''),
       coalesce(u.login, ''), coalesce(n.alias, '')
  from calls c left join users u on u.user_id = c.user_id
  left join phone_numbers n on n.org_id = c.org_id and n.phone_number_id = c.phone_number_id
 where c.call_session_id = $1 or c.call_id::text = lower($1) order by c.call_id::text = lower($1) desc limit 1)sql";

void read_call(pqxx::work& tx, const pqxx::row& r, explained_call& out) {
    out.id = call_id::parse(r[0].c_str()).value_or(call_id{});
    out.call_session_id = r[1].c_str();
    out.phase = r[2].c_str();
    out.end_reason = r[3].c_str();
    out.version = r[4].as<std::uint64_t>();
    out.person = r[5].c_str();
    out.login = r[6].c_str();
    out.number_alias = r[7].c_str();
    const auto row = tx.exec_params(std::string(k_call_view) + "c.call_id = $1::uuid", out.id.text());
    if (!row.empty()) out.call = read_call_view(row[0]);
}

void read_lines(pqxx::work& tx, explained_call& out) {
    for (const auto& l : tx.exec_params(k_lines, out.id.text(), out.call_session_id)) {
        timeline_line line;
        line.at = time_at(l[0]);
        line.source = l[1].c_str();
        line.what = l[2].c_str();
        line.detail = l[3].c_str();
        line.channel = l[4].c_str();
        out.lines.push_back(std::move(line));
    }
}

} // namespace

std::optional<explained_call> admin::explain(const std::string& call_or_session, millis device_life) {
    return with(db_->db, [&](pqxx::work& tx) -> std::optional<explained_call> {
        const auto given = storable(call_or_session);
        explained_call out;
        out.call_session_id = given; // webhooks may wait or lie dead without a call
        const auto r = tx.exec_params(k_call, given);
        if (!r.empty()) read_call(tx, r[0], out);
        read_lines(tx, out);
        if (r.empty() && out.lines.empty()) return std::nullopt;
        if (!out.call) return out;
        const auto& s = out.call->state;
        auto pushes = read_pushes(tx, s.id);
        places where(s);
        for (const auto& p : pushes)
            where.add_push(p.effect, p.device);
        for (auto& l : out.lines)
            where.mark(l);
        add_providers(pushes, out.lines);
        add_attempts(tx, s.id, pushes);
        add_devices(tx, out, s, pushes, device_life);
        add_receipts(tx, s.id, out.devices);
        return out;
    });
}

} // namespace z360::adapter::postgres
