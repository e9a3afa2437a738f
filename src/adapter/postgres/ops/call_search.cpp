// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Which calls an operator means.
#include "adapter/postgres/ops/admin_connection.hpp"
#include "adapter/postgres/params.hpp"
#include "wire/e164.hpp"
#include "wire/state_codec.hpp"

#include <z360/call/view.hpp>

#include <algorithm>

namespace z360::adapter::postgres {
namespace {

bool looks_like_a_number(const std::string& text) {
    return text.find_first_not_of("+0123456789 ()-./") == std::string::npos &&
           text.find_first_of("0123456789") != std::string::npos;
}

std::optional<std::string> number_in(const std::string& text) {
    return looks_like_a_number(text) ? wire::to_e164(text) : std::nullopt;
}

constexpr const char* k_is_call = R"sql(
select from calls where call_session_id = $1 or call_id::text = lower($1)
union all select from webhook_events where call_session_id = $1 limit 1)sql";

// The beginning of a call's id, as lists show it. Between two ids, so that the index is used.
std::optional<std::string> call_by_prefix(pqxx::work& tx, const std::string& text) {
    constexpr std::string_view k_form = "00000000-0000-0000-0000-000000000000";
    if (text.size() < 8 || text.size() >= k_form.size()) return std::nullopt;
    std::string low(k_form), high(k_form);
    std::replace(high.begin(), high.end(), '0', 'f');
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = k_form[i] == '-';
        const bool hex = std::string_view("0123456789abcdefABCDEF").find(text[i]) != std::string_view::npos;
        if (dash ? text[i] != '-' : !hex) return std::nullopt;
        low[i] = high[i] = text[i];
    }
    const auto found = tx.exec_params(
        "select call_id from calls where call_id between $1::uuid and $2::uuid order by call_id limit 2", low,
        high
    );
    if (found.size() == 2) throw admin_error("several calls' ids begin with " + text + ": give more of it");
    if (found.empty()) return std::nullopt;
    return found[0][0].c_str();
}

// $1 as given, $2 the same where it may be an id of ours. What an app calls it comes before what people do.
// One that is removed is meant only where no other is.
constexpr const char* k_devices = R"sql(
select d.device_id, d.name, user_id, u.login, d.device_uid, d.place, d.gone from (
    select d.*, case when device_uid = $1 then 1 when device_id::text = $2 then 2 else 3 end as place,
           status = 'removed' as gone
      from devices d where device_uid = $1 or device_id::text = $2 or lower(d.name) = lower($1)) as d
  join users u using (user_id)
 order by d.place, d.gone, d.device_id limit 50)sql";
std::optional<call_subject> device_of(pqxx::work& tx, const std::string& text) {
    const auto found = tx.exec_params(k_devices, storable(text), id_or_empty(text));
    if (found.empty()) return std::nullopt;
    const auto place = [](const pqxx::row& r) { return std::pair{r[5].as<int>(), r[6].as<bool>()}; };
    const auto best = place(found[0]);
    std::string others;
    std::size_t same = 0;
    for (const auto& r : found) {
        if (place(r) != best) break;
        if (++same <= 5)
            others += (others.empty() ? "" : ", ") + std::string(r[0].c_str()) + " of " + r[3].c_str();
    }
    if (same > 1)
        throw admin_error(
            "\"" + text + "\" may be " + std::to_string(same) + " devices: name it by its number, " + others +
            (same > 5 ? ", …" : "")
        );
    call_subject s;
    s.is = call_subject::kind::device;
    s.device = {found[0][0].as<std::int64_t>()};
    s.name = *found[0][1].c_str() != '\0' ? found[0][1].c_str() : found[0][4].c_str();
    s.user = {found[0][2].as<std::int64_t>()};
    return s;
}

std::optional<call_subject> someone(pqxx::work& tx, const std::string& text) {
    if (!id_or_empty(text).empty()) return std::nullopt; // an id would be a guess: a device's, or a person's
    const auto user = person_of(tx, text);
    if (!user) return std::nullopt;
    call_subject s;
    s.is = call_subject::kind::person;
    s.user = *user;
    s.name = tx.exec_params1("select name from users where user_id = $1", user->value)[0].c_str();
    return s;
}

std::optional<call_subject> subject_of(pqxx::work& tx, const std::string& text) {
    call_subject s;
    s.text = s.name = text;
    if (!tx.exec_params(k_is_call, storable(text)).empty()) return s;
    if (auto id = call_by_prefix(tx, text)) {
        s.text = std::move(*id);
        return s;
    }
    if (auto number = number_in(text)) {
        s.is = call_subject::kind::number;
        s.text = s.name = *number;
        return s;
    }
    if (auto who = someone(tx, text)) return who;
    return device_of(tx, text);
}

// Through the organisations, because calls are indexed by them; a refused call is none's.
// $1 since, $2 number or '', $3 user or 0, $4 only those that nobody of ours has talked in, $5 how many.
constexpr const char* k_calls = R"sql(
with recent as (
    select c.* from organizations o join calls c on c.org_id = o.org_id and c.began_at >= z360_at($1)
     where $3::bigint = 0
    union all
    select * from calls where org_id is null and began_at >= z360_at($1) and $3::bigint = 0
    union all
    select * from calls where user_id = $3::bigint and $3::bigint <> 0 and began_at >= z360_at($1)
    union all -- and those that a ring plan brought to them
    select c.* from call_people p join calls c on c.call_id = p.call_id and c.user_id is distinct from p.user_id
     where p.user_id = $3::bigint and $3::bigint <> 0 and p.began_at >= z360_at($1)
)
select c.call_id, c.call_session_id, z360_ms(c.began_at), coalesce(c.caller_number, ''),
       coalesce(n.e164, c.snapshot #>> '{routed,number_e164}', ''), coalesce(n.alias, ''), coalesce(o.name, ''),
       coalesce(c.user_id, 0), coalesce(u.name, ''), coalesce(u.login, ''), c.phase, coalesce(c.end_reason, ''),
       z360_ms(c.bridged_at), z360_ms(c.ended_at), c.snapshot::text, coalesce(d.device_id, 0), coalesce(d.name, '')
  from recent c
  left join organizations o on o.org_id = c.org_id
  left join users u on u.user_id = c.user_id
  left join phone_numbers n on n.org_id = c.org_id and n.phone_number_id = c.phone_number_id
  left join call_legs w on w.leg_id = c.winner_leg_id
  left join devices d on d.device_id = w.device_id
 where ($2 = '' or $2 in (c.caller_number, n.e164, c.snapshot #>> '{routed,number_e164}'))
   and (not $4::boolean or (c.phase = 'ended' and c.bridged_at is null))
 order by c.began_at desc, c.call_id limit $5)sql";

call_line read_line(const pqxx::row& r) {
    call_line l;
    l.id = call_id::parse(r[0].c_str()).value_or(call_id{});
    l.call_session_id = r[1].c_str();
    l.began = time_at(r[2]);
    l.caller_number = r[3].c_str();
    l.number = r[4].c_str();
    l.number_alias = r[5].c_str();
    l.org = r[6].c_str();
    l.user = {r[7].as<std::int64_t>()};
    l.person = r[8].c_str();
    l.login = r[9].c_str();
    l.phase = r[10].c_str();
    l.end_reason = r[11].c_str();
    l.bridged_at = time_or_null(r[12]);
    l.ended_at = time_or_null(r[13]);
    if (l.bridged_at) {
        l.answered_by = {r[15].as<std::int64_t>()};
        l.device_name = r[16].c_str();
    }
    // Of a newer program's calls the columns tell what they can.
    const auto s = wire::decode_state(r[14].c_str());
    if (!s) {
        l.missed = l.phase == "ended" && !l.bridged_at && l.end_reason != "rejected";
        return l;
    }
    call::viewer all;
    all.who = call::viewer::as::overseer;
    const auto v = call::view_of(*s, all);
    if (!v) return l;
    l.missed = v->missed;
    l.caller_name = v->caller_name;
    if (l.caller_number.empty()) l.caller_number = v->caller_number;
    return l;
}

} // namespace

std::optional<call_subject> admin::find_subject(const std::string& text) {
    return with(db_->db, [&](pqxx::work& tx) { return subject_of(tx, text); });
}

std::optional<call_subject> admin::find_device(const std::string& text) {
    return with(db_->db, [&](pqxx::work& tx) { return device_of(tx, text); });
}

std::vector<call_line> admin::calls(const call_filter& f) {
    return with(db_->db, [&](pqxx::work& tx) {
        std::vector<call_line> out;
        for (const auto& r :
             tx.exec_params(k_calls, in_ms(f.since), f.number, f.user.value, f.missed, f.limit)) {
            auto l = read_line(r);
            if (!f.missed || l.missed) out.push_back(std::move(l));
        }
        return out;
    });
}

} // namespace z360::adapter::postgres
