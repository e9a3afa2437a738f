// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Two statements: who calls, for which organisation, as which of its numbers; and, once it is known in which
// country they dial, whether they may.
#include "adapter/postgres/identities/placing.hpp"

#include "adapter/postgres/identities/identity_rows.hpp"
#include "adapter/postgres/params.hpp"
#include "wire/caller_id.hpp"
#include "wire/countries.hpp"
#include "wire/dialed.hpp"
#include "wire/e164.hpp"

#include <z360/log.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace z360::adapter::postgres {
namespace {

using call::placing_rule;
using nlohmann::json;

// $1 SIP username, $2 organisation or 0, $3 number as which they want to be shown or ''. No row: nobody of
// ours. An organisation of null: none that they may call for. Of several it is the one whose number they
// show, else the one whose credentials the device has asked for last. A web view inside an app calls by the
// app.
constexpr const char* k_caller = R"sql(
with who as materialized (
    select d.device_id, d.user_id, d.name, d.platform, d.bound_org_id, i.identity_id
      from sip_identities i join devices d on d.device_id = i.device_id
      join users u on u.user_id = d.user_id and u.status = 'active'
     where i.sip_username = $1 and i.kind = 'device' and i.state in ('active', 'rotating') and d.status = 'active'
       and not )sql" Z360_NATIVE_HANDLES_CALLS R"sql(
     limit 1
), may as materialized (
    select m.org_id from who w join memberships m on m.user_id = w.user_id
      join organizations o on o.org_id = m.org_id and o.status = 'active'
     where (w.bound_org_id is null or w.bound_org_id = m.org_id)
       and not exists (select from device_exclusions x where x.device_id = w.device_id and x.org_id = m.org_id)
), chosen as materialized (
    select m.org_id from may m, who w
     where $2::bigint = 0 or m.org_id = $2::bigint
     order by exists (select from phone_numbers n where n.org_id = m.org_id and n.e164 = $3 and n.status = 'active') desc,
              (select r.updated_at from device_registrations r where r.device_id = w.device_id and r.org_id = m.org_id)
                  desc nulls last,
              m.org_id
     limit 1
)
select w.device_id, w.user_id, w.name, w.platform, w.identity_id, c.org_id, s.record_calls, s.recording_mandatory,
       s.ends_unrecorded, s.unrecorded_message, s.voice, r.enabled, r.allowed::text, r.forbidden::text, r.premium,
       r.ring_seconds, r.at_once, r.per_minute,
       coalesce((select json_agg(json_build_object('id', n.phone_number_id, 'e164', n.e164, 'default', n.is_default_caller_id,
                    'mine', n.receiving_user_id is not distinct from w.user_id, 'recording', n.recording)
                    order by n.is_default_caller_id desc, n.phone_number_id)
                   from (select * from phone_numbers p where p.org_id = c.org_id and p.status = 'active'
                            and not starts_with(p.connection_id, 'removed:')
                          order by p.is_default_caller_id desc, p.e164 = $3 desc, p.phone_number_id limit 200) n), '[]')::text
           as numbers
  from who w
  left join chosen c on true
  left join org_settings s on s.org_id = c.org_id
  left join outbound_rules r on r.org_id = c.org_id)sql";

// $1 organisation, $2 person, $3 device, $4 number called.
constexpr const char* k_standing = R"sql(
select coalesce((select k.name from contacts k where k.org_id = $1::bigint and k.e164 = $4), ''),
       exists (select from blocked_callers b where b.org_id = $1::bigint and b.e164 = $4),
       (select count(*) from calls c where c.org_id = $1::bigint and c.placed_by is not null and c.phase <> 'ended'),
       (select count(*) from calls c where c.user_id = $2::bigint and c.placed_by is not null
           and c.began_at > now() - interval '1 minute'),
       z360_talks($3::bigint))sql";

struct shown {
    phone_number_id id;
    std::string number;
    std::string recording; ///< what is recorded of its talks; empty: as its organisation says
    bool usual = false, mine = false;
};

std::vector<shown> numbers_in(const std::string& text) {
    std::vector<shown> out;
    for (const auto& n : json::parse(text)) {
        shown x;
        x.id = {n.at("id").get<std::int64_t>()};
        x.number = n.at("e164").get<std::string>();
        if (!n.at("recording").is_null()) x.recording = n.at("recording").get<std::string>();
        x.usual = n.at("default").get<bool>();
        x.mine = n.at("mine").get<bool>();
        out.push_back(std::move(x));
    }
    return out;
}

// As whom they are shown when they do not say: in the country that they call, their own number before the
// others.
const shown* best_for(const std::vector<shown>& all, std::string_view to) {
    const auto weight = [&](const shown& n) {
        return wire::caller_id_weight({n.number, n.mine, n.usual}, to);
    };
    const shown* best = nullptr;
    for (const auto& n : all)
        if (best == nullptr || weight(n) > weight(*best)) best = &n;
    return best;
}

const shown* asked_for(const std::vector<shown>& all, const std::string& number) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&number](const shown& n) { return n.number == number; });
    return found == all.end() ? nullptr : &*found;
}

std::vector<std::string> texts_in(const pqxx::field& array) {
    std::vector<std::string> out;
    if (array.is_null()) return out;
    auto parser = array.as_array();
    for (auto next = parser.get_next(); next.first != pqxx::array_parser::juncture::done;
         next = parser.get_next())
        if (next.first == pqxx::array_parser::juncture::string_value) out.push_back(next.second);
    return out;
}

bool begins_with_one_of(std::string_view number, const std::vector<std::string>& beginnings) {
    return std::any_of(beginnings.begin(), beginnings.end(), [number](const auto& b) {
        return number.starts_with(b);
    });
}

// Where the organisation calls.
bool may_be_called(const std::string& number, const pqxx::row& r) {
    const auto allowed = texts_in(r["allowed"]);
    if (!allowed.empty() && !begins_with_one_of(number, allowed)) return false;
    if (begins_with_one_of(number, texts_in(r["forbidden"]))) return false;
    return r["premium"].as<bool>(false) || !wire::is_premium(number);
}

// The home of the organisation's numbers: where its people dial without a calling code.
std::string_view home_of(const std::vector<shown>& numbers) {
    return numbers.empty() ? std::string_view{}
                           : wire::calling_code_of(std::string_view(numbers.front().number).substr(1));
}

void heed_settings(call::route& to, const pqxx::row& r, const shown* as) {
    auto& rules = to.rules;
    const auto overlay = [](auto& into, const pqxx::field& from) {
        if (!from.is_null()) into = from.as<std::decay_t<decltype(into)>>();
    };
    overlay(rules.record_calls, r["record_calls"]);
    overlay(rules.recording_mandatory, r["recording_mandatory"]);
    rules.record_calls = rules.record_calls || rules.recording_mandatory;
    overlay(rules.ends_unrecorded, r["ends_unrecorded"]);
    overlay(rules.unrecorded_message, r["unrecorded_message"]);
    overlay(rules.voice, r["voice"]);
    if (as != nullptr && !as->recording.empty())
        if (const auto said = call::recording_named(as->recording)) call::record_as_number_says(rules, *said);
    if (!r["ring_seconds"].is_null())
        to.placed->ring_time = std::chrono::seconds{r["ring_seconds"].as<int>()};
}

placing_rule judge(
    pqxx::connection_base& db, call::route& to, const pqxx::row& r, const directory_settings& s,
    bool shown_is_theirs
) {
    auto& p = *to.placed;
    if (p.to.empty()) return placing_rule::number_malformed;
    const auto at =
        exec_once(db, "directory_placing", k_standing, to.org.value, to.user.value, p.by.device.value, p.to)
            .at(0);
    to.caller_name = at[0].c_str();
    if (to.number.none()) return placing_rule::no_caller_id;
    if (p.emergency) return placing_rule::none; // whatever else holds
    if (!shown_is_theirs) return placing_rule::caller_id_not_yours;
    if (!s.placing_enabled || !r["enabled"].as<bool>(true)) return placing_rule::switched_off;
    if (!may_be_called(p.to, r)) return placing_rule::destination_forbidden;
    if (at[1].as<bool>()) return placing_rule::destination_blocked;
    if (at[4].as<bool>()) return placing_rule::in_a_call;
    if (at[2].as<int>() >= r["at_once"].as<int>(s.placed_at_once)) return placing_rule::too_many_calls;
    if (at[3].as<int>() >= r["per_minute"].as<int>(s.placed_per_minute)) return placing_rule::too_often;
    return placing_rule::none;
}

// What people hear. Clients get the rule's name.
std::string words_for(placing_rule rule) {
    switch (rule) {
    case placing_rule::none:
    case placing_rule::unknown_device: return {};
    case placing_rule::not_a_member: return "You cannot place calls for this organisation.";
    case placing_rule::number_malformed: return "The number that you dialed is not valid.";
    case placing_rule::caller_id_not_yours: return "You cannot call with that caller ID.";
    case placing_rule::no_caller_id: return "Your organisation has no number to call from.";
    case placing_rule::switched_off: return "Outgoing calls are switched off.";
    case placing_rule::destination_forbidden: return "Calls to this destination are not allowed.";
    case placing_rule::destination_blocked: return "This number is blocked.";
    case placing_rule::in_a_call: return "You are in another call on this device.";
    case placing_rule::too_many_calls: return "Too many calls are going on. Please try again later.";
    case placing_rule::too_often: return "You have placed too many calls. Please wait a minute.";
    }
    return {};
}

std::int64_t number_in(const std::string& text) {
    std::int64_t out = 0;
    const auto end = text.data() + text.size();
    const auto r = std::from_chars(text.data(), end, out);
    return r.ec == std::errc{} && r.ptr == end && out > 0 ? out : -1; // nobody's
}

} // namespace

call::route
place_call(pqxx::connection_base& db, const port::placing& what, const directory_settings& s, time_point) {
    call::route out;
    out.verdict = call::route_verdict::ring;
    out.rules = s.defaults;
    auto& p = out.placed.emplace();
    p.by.sip_username = what.sip_username;
    const auto refused = [&out](placing_rule why) {
        out.placed->refused = why;
        if (!out.org.none()) out.placed->said = words_for(why); // nobody's call talks to nobody
        return out;
    };
    const auto wanted = wire::to_e164(what.from).value_or("");
    const std::int64_t org = what.org.empty() ? 0 : number_in(what.org);
    const auto found =
        what.sip_username.empty()
            ? pqxx::result{}
            : exec_once(db, "directory_placing_caller", k_caller, storable(what.sip_username), org, wanted);
    if (found.empty()) return refused(placing_rule::unknown_device);
    const auto& r = found[0];
    p.by.device = {r[0].as<std::int64_t>()};
    p.by.device_name = r[2].c_str();
    p.by.platform = r[3].c_str();
    p.by.identity = {r[4].as<std::int64_t>()};
    out.user = {r[1].as<std::int64_t>()};
    const auto numbers = numbers_in(r["numbers"].c_str());
    const auto dialed = wire::read_dialed(what.to, home_of(numbers));
    if (dialed) {
        p.to = dialed->number;
        p.emergency = dialed->emergency;
    }
    if (r["org_id"].is_null()) {
        out.user = {}; // nobody's call: it has no organisation
        return refused(placing_rule::not_a_member);
    }
    out.org = {r["org_id"].as<std::int64_t>()};
    // Whoever names a number of theirs is shown as it, for an emergency too; a number of nobody's is not
    // shown.
    const auto* as = wanted.empty() ? nullptr : asked_for(numbers, wanted);
    const bool theirs = wanted.empty() || as != nullptr;
    if (as == nullptr) as = best_for(numbers, p.to);
    if (as != nullptr) {
        out.number = as->id;
        out.number_e164 = as->number;
    }
    heed_settings(out, r, as);
    return refused(judge(db, out, r, s, theirs));
}

} // namespace z360::adapter::postgres
