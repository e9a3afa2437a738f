// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who is called: one statement from the dialed number to the devices that may ring.
#include "adapter/postgres/identities/identity_rows.hpp"
#include "adapter/postgres/identities/placing.hpp"
#include "adapter/postgres/identities/ring_conditions.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "wire/e164.hpp"
#include "wire/opening_hours.hpp"
#include "wire/party.hpp"
#include "wire/plan_member.hpp"

#include <z360/call/hours.hpp>
#include <z360/credential/lifecycle.hpp>
#include <z360/log.hpp>

#include <nlohmann/json.hpp>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
namespace {

// Devices of a person that may ring for an organisation.
#define Z360_AND(OBSTACLE, CONDITION) " and " CONDITION
#define Z360_MAY_RING(ORG, USER)                                                                             \
    " from devices d where d.user_id = " USER Z360_RING_CONDITIONS(Z360_AND, ORG) " "
// AT: in ms.
#define Z360_DEVICE(AT)                                                                                      \
    "json_build_object('device', d.device_id, 'user', d.user_id, 'name', d.name, 'platform', d.platform, "   \
    "'undisturbed', coalesce(d.do_not_disturb_until > z360_at(" AT                                           \
    "), false), 'talks', z360_talks(d.device_id), 'identities', " Z360_IDENTITIES ")"
// What the person does, as far as it keeps calls of that organisation away.
#define Z360_PERSON(ORG, USER, AT)                                                                           \
    "(select json_build_object('undisturbed', coalesce(u.do_not_disturb_until > z360_at(" AT                 \
    "), false), 'talks', z360_person_talks(u.user_id), 'second_call', z360_second_call(" ORG                 \
    ", u.user_id)) from users u where u.user_id = " USER ")"

// The end of the last talk of the member `g`, in ms; who talks is the least idle. Of the newest calls only:
// who has missed fifty since is idle enough.
#define Z360_TALKED                                                                                          \
    "(select max(z360_ms(coalesce(t.ended_at, clock_timestamp()))) from ("                                   \
    "(select x.ended_at from (select c.ended_at, c.bridged_at, c.shared from calls c where c.user_id = "     \
    "g.user_id order by c.began_at desc, c.call_id limit 50) x where x.bridged_at is not null and not "      \
    "x.shared) union all (select c.ended_at from (select w.call_id from call_people w where w.user_id = "    \
    "g.user_id and w.answered order by w.began_at desc limit 1) y join calls c on c.call_id = y.call_id)) "  \
    "t)"

// $1 dialed, $2 connection or '', $3 caller or '', $4 now in ms, $5 device life in ms, $6 when it is called,
// in ms. Two rows: ambiguous. Devices come with all their identities; which of them ring is said by
// credential::dialable alone.
constexpr const char* k_resolve =
    R"sql(
select n.phone_number_id, n.org_id, n.route_type, coalesce(n.receiving_user_id, 0),
       coalesce((select c.name from contacts c where c.org_id = n.org_id and c.e164 = $3), ''),
       s.ring_seconds, coalesce(vn.max_secs, vu.max_secs, s.voicemail_max_secs),
       coalesce(vn.greeting, vu.greeting, s.voicemail_greeting), s.hold_prompt, coalesce(vn.voice, vu.voice, s.voice),
       s.ringback_url,
       s.record_calls,
       coalesce((
           select json_agg()sql" Z360_DEVICE("$6::bigint"
    ) R"sql( order by d.device_id))sql" Z360_MAY_RING("n.org_id", "n.receiving_user_id") R"sql(
              and n.route_type = 'user' and )sql" Z360_SHOWS_LIFE("$4", "$5") R"sql(), '[]')::text,
       s.mobile_after_secs, s.mobile_prompt,
       coalesce((
           select m.mobile from memberships m join users u on u.user_id = m.user_id and u.status = 'active'
            where m.org_id = n.org_id and m.user_id = n.receiving_user_id and n.route_type = 'user'
              and not z360_is_ours(m.mobile)), ''),
       exists (select from blocked_callers b where b.org_id = n.org_id and b.e164 = $3), s.blocked_message,
       h.rules::text, coalesce(vn.closed_greeting, vu.closed_greeting, h.closed_greeting), case when h.rules is not null then z360_wall_time($6, h.time_zone) end,
       coalesce(vn.voicemail, vu.voicemail, s.voicemail),
       case when vn.greeting_url is not null or vn.greeting is not null then coalesce(vn.greeting_url, '')
            when vu.greeting_url is not null or vu.greeting is not null then coalesce(vu.greeting_url, '')
            else s.voicemail_greeting_url end,
       coalesce(vn.beep, vu.beep, s.voicemail_beep),
       coalesce(vn.unavailable_message, vu.unavailable_message, s.unavailable_message), s.transcribe_messages,
       s.recording_mandatory, s.ends_unrecorded, s.unrecorded_message, s.recording_announcement,
       s.agent_uri, h.closed_to = 'agent' as closed_to_agent, s.block_anonymous, coalesce(s.anonymous_message, s.blocked_message) as anonymous_message,
       n.external_e164 as external, coalesce(z360_is_ours(n.external_e164), false) as external_is_ours,
       n.external_asked,
       (select json_build_object('strategy', p.strategy, 'step', p.step_secs, 'ring', p.ring_secs, 'mailbox', p.mailbox_user_id,
               'took_last', case when p.strategy = 'hunt' then (
                   select w.user_id from call_people w where w.phone_number_id = n.phone_number_id and w.answered
                    order by w.began_at desc limit 1) end,
               'members', (select json_agg(json_build_object('user', g.user_id, 'number', g.e164, 'asked', g.asked,
                       'wave', g.wave, 'delay', g.delay_secs, 'turn', g.turn_secs,
                       'talked', case when p.strategy = 'longest_idle' then )sql" Z360_TALKED R"sql( end,
                       'devices', (select json_agg()sql" Z360_DEVICE("$6::bigint"
    ) R"sql( order by d.last_seen_at desc, d.device_id))sql" Z360_MAY_RING("n.org_id", "g.user_id") "and"
                                                                                                    " " Z360_SHOWS_LIFE(
                                                                                                        "$4",
                                                                                                        "$5"
                                                                                                    )
                                                                                                        R"sql(),
                       'person', )sql" Z360_PERSON("n.org_id", "g.user_id", "$6::bigint") R"sql() order by g.place)
                  from ring_plan_members g where g.org_id = p.org_id and g.plan = p.plan
                   and not coalesce(z360_is_ours(g.e164), false)))::text
          from ring_plans p
         where p.org_id = n.org_id and p.plan = case n.route_type
               when 'plan' then n.ring_plan
               when 'user' then (select m.ring_plan from memberships m
                                  where m.org_id = n.org_id and m.user_id = n.receiving_user_id) end) as plan,
       )sql" Z360_PERSON("n.org_id", "n.receiving_user_id", "$6::bigint") R"sql(::text as person, n.recording as number_recording
  from phone_numbers n
  join organizations o on o.org_id = n.org_id and o.status = 'active'
  left join org_settings s on s.org_id = n.org_id
  left join opening_hours h on h.org_id = n.org_id
  left join voicemail_settings vn on vn.phone_number_id = n.phone_number_id
  left join voicemail_settings vu on vu.org_id = n.org_id and vu.user_id = n.receiving_user_id
 where n.e164 = $1 and n.status = 'active' and ($2 = '' or n.connection_id = $2)
 limit 2)sql";

// $1 device, $2 people, $3 organisation, $4 now in ms.
constexpr const char* k_reach = "select " Z360_DEVICE("$4::bigint") "::text, " Z360_PERSON(
    "$3::bigint", "d.user_id", "$4::bigint"
) "::text" Z360_MAY_RING("$3::bigint", "any($2::bigint[])") "and d.device_id = $1::bigint and exists (select "
                                                            "from organizations o where o.org_id = "
                                                            "$3::bigint and "
                                                            "o.status = 'active')";

constexpr const char* k_is_device =
    "select from sip_identities where sip_username = $1 and kind in ('device', 'organization') limit 1";

template <class T>
void overlay(T& to, const pqxx::field& from) {
    if (!from.is_null()) to = from.as<T>();
}
void overlay_seconds(millis& to, const pqxx::field& from) {
    if (!from.is_null()) to = std::chrono::seconds{from.as<int>()};
}

call::occupation read_occupation(const nlohmann::json& row) {
    call::occupation out;
    if (!row.is_object()) return out;
    out.do_not_disturb = row.at("undisturbed").get<bool>();
    out.talks = row.at("talks").get<bool>();
    out.policy =
        call::second_call_named(row.at("second_call").get<std::string>()).value_or(call::second_call::others);
    return out;
}

// The targets of one device: none, one, or both identities of a rotation that the device has not proved yet.
void add_targets(
    std::vector<call::target>& to, const nlohmann::json& row, const call::occupation& person, time_point now,
    bool of_several
) {
    credential::device d;
    d.id = {row.at("device").get<std::int64_t>()};
    const auto identities = read_identities(row.at("identities"));
    for (const auto& i : identities)
        d.identities.push_back(i.identity);
    for (const auto id : credential::dialable(d, now))
        for (const auto& i : identities) {
            if (i.identity.id != id) continue;
            call::target x;
            x.device = d.id;
            x.identity = id;
            x.sip_username = i.names.sip_username;
            x.device_name = row.at("name").get<std::string>();
            x.platform = row.at("platform").get<std::string>();
            x.left_out =
                call::keeps_out(person, row.at("undisturbed").get<bool>(), row.at("talks").get<bool>());
            if (of_several) x.user = {row.at("user").get<std::int64_t>()};
            to.push_back(std::move(x));
        }
}

// What cannot be read closes nobody: a call is rather taken than not.
call::route_cause cause_of(const pqxx::row& r, org_id org, bool withheld) {
    if (r[16].as<bool>()) return call::route_cause::blocked;
    if (withheld && r["block_anonymous"].as<bool>(false)) return call::route_cause::anonymous;
    if (r[18].is_null()) return call::route_cause::as_set;
    const auto wall = r[20].is_null() ? std::nullopt : call::read_wall_time(r[20].c_str());
    std::vector<wire::hours_fault> faults; // only in rows that were written by hand
    const auto hours = wire::read_opening_hours(nlohmann::json::parse(r[18].c_str()), faults);
    if (wall && faults.empty()) return call::cause_at(hours, *wall);
    const auto what = wall ? faults.front().field : std::string("time_zone");
    log::error("opening_hours_unreadable", {{"org", org}, {"what", what}});
    return call::route_cause::as_set;
}

template <class T>
T value_or(const nlohmann::json& row, const char* key, T otherwise) {
    const auto at = row.find(key);
    return at == row.end() || at->is_null() ? otherwise : at->get<T>();
}

// All of a plan, and at least of each member: those heard of last. Every commit of a call writes all its
// legs.
constexpr std::size_t k_most_devices = 200;
constexpr std::size_t k_least_devices = 4;

// Whom the plan rings, and when. A plan that has lost its members is none.
void add_plan(call::route& to, const nlohmann::json& row, time_point now) {
    const auto members = row.find("members");
    if (members == row.end() || !members->is_array()) return;
    call::plan_rules rules;
    rules.how = call::strategy_named(row.at("strategy").get<std::string>()).value_or(call::strategy::all);
    rules.step = std::chrono::seconds{row.at("step").get<int>()};
    rules.last = std::chrono::seconds{row.at("ring").get<int>()};
    std::vector<call::member_history> known;
    std::vector<call::target> targets;
    const auto each =
        std::max<std::size_t>(k_least_devices, k_most_devices / std::max<std::size_t>(1, members->size()));
    for (const auto& m : *members) {
        auto one = wire::read_plan_member(m);
        if (const auto talked = value_or<std::int64_t>(m, "talked", 0); talked != 0)
            known.push_back({one.who.user, time_point{millis{talked}}});
        const auto person = read_occupation(m.at("person"));
        std::size_t devices = 0;
        if (m.at("devices").is_array())
            for (const auto& d : m.at("devices"))
                if (++devices <= each) add_targets(targets, d, person, now, true);
        if (devices > each)
            log::warn("ring_plan_devices_left_out", {{"user", one.who.user}, {"devices", devices - each}});
        rules.members.push_back(std::move(one));
    }
    to.plan = call::waves_of(rules, {value_or<std::int64_t>(row, "took_last", 0)}, known);
    to.targets = std::move(targets);
    to.mobile.clear();
    to.rules.ring_time = call::length_of(to.plan);
    if (to.user.none()) to.user = {value_or<std::int64_t>(row, "mailbox", 0)};
}

// What this caller is told in place of voicemail's greeting.
pqxx::field words_for(const pqxx::row& r, call::route_cause c) {
    if (c == call::route_cause::blocked) return r[17];
    return c == call::route_cause::anonymous ? r["anonymous_message"] : r[19];
}

// A number that leads neither to people nor to voicemail.
void lead(call::route& to, const pqxx::row& r) {
    const std::string_view type = r[2].c_str();
    const auto agent = r["agent_uri"].as<std::string>("");
    if (r["closed_to_agent"].as<bool>(false)) to.when_closed = agent;
    if (type == "agent" && !agent.empty()) call::lead_to_agent(to, agent);
    if (type != "external" || r["external"].is_null()) return;
    // It was outside when it was set; a call to it would come back.
    if (r["external_is_ours"].as<bool>())
        log::error("external_number_is_ours", {{"org", to.org}, {"phone_number_id", to.number}});
    else
        call::lead_to_number(to, r["external"].c_str(), r["external_asked"].as<bool>());
}

/// The one who calls.
struct party {
    std::string e164; ///< empty: they show none
    bool withheld = false;
};

call::route
read(const pqxx::row& r, std::string number, const party& caller, call::policy rules, time_point now) {
    call::route out;
    if (std::string_view(r[2].c_str()) == "reject") return out;
    out.verdict = call::route_verdict::ring;
    out.number = {r[0].as<std::int64_t>()};
    out.org = {r[1].as<std::int64_t>()};
    out.user = {r[3].as<std::int64_t>()};
    out.number_e164 = std::move(number);
    out.caller_name = r[4].as<std::string>();
    overlay_seconds(rules.ring_time, r[5]);
    overlay_seconds(rules.voicemail_max, r[6]);
    overlay(rules.voicemail_greeting, r[7]);
    overlay(rules.hold_prompt, r[8]);
    overlay(rules.voice, r[9]);
    overlay(rules.ringback_url, r[10]);
    overlay(rules.record_calls, r[11]);
    overlay_seconds(rules.mobile_after, r[13]);
    overlay(rules.mobile_prompt, r[14]);
    overlay(rules.takes_messages, r[21]);
    overlay(rules.voicemail_greeting_url, r[22]);
    overlay(rules.voicemail_beep, r[23]);
    overlay(rules.unavailable_message, r[24]);
    overlay(rules.transcribe_messages, r[25]);
    overlay(rules.recording_mandatory, r[26]);
    rules.record_calls = rules.record_calls || rules.recording_mandatory; // whatever the server's default is
    if (const auto said = r["number_recording"]; !said.is_null())
        if (const auto by_number = call::recording_named(said.c_str()))
            call::record_as_number_says(rules, *by_number);
    overlay(rules.ends_unrecorded, r[27]);
    overlay(rules.unrecorded_message, r[28]);
    overlay(rules.recording_announcement, r[29]);
    out.cause = cause_of(r, out.org, caller.withheld);
    if (out.cause != call::route_cause::as_set) overlay(out.instead, words_for(r, out.cause));
    out.mobile = r[15].c_str();
    out.rules = std::move(rules);
    call::occupation person;
    if (const auto p = r["person"]; !p.is_null()) person = read_occupation(nlohmann::json::parse(p.c_str()));
    out.mobile_left_out = call::keeps_out_mobile(person);
    for (const auto& d : nlohmann::json::parse(r[12].c_str()))
        add_targets(out.targets, d, person, now, false);
    if (const auto plan = r["plan"]; !plan.is_null()) add_plan(out, nlohmann::json::parse(plan.c_str()), now);
    lead(out, r);
    return out;
}

class rows final : public port::directory {
  public:
    rows(database& db, directory_settings s) : db_(db.connections()), settings_(std::move(s)) {
        db_.keep_warm({{"directory_resolve", k_resolve, 6}});
    }

    asio::awaitable<call::route> resolve(std::string dialed, std::string caller, time_point now) override {
        return foresee(std::move(dialed), std::move(caller), now, now);
    }

    asio::awaitable<call::route>
    foresee(std::string dialed, std::string caller, time_point now, time_point at) override {
        auto number = wire::to_e164(dialed);
        if (!number) {
            log::warn("number_malformed", {{"length", dialed.size()}});
            co_return call::route{};
        }
        party who{wire::to_e164(caller).value_or(""), caller == wire::k_withheld};
        auto ask = [dialed_e164 = std::move(*number), who = std::move(who), now, at,
                    settings = settings_](pqxx::connection_base& db) {
            const auto r = exec_once(
                db, "directory_resolve", k_resolve, dialed_e164, settings.connection_id, who.e164, in_ms(now),
                settings.device_life.count(), in_ms(at)
            );
            if (r.size() == 1) return read(r[0], dialed_e164, who, settings.defaults, now);
            // Ambiguous: two connections have the number; to pick one would be to guess (WEB-04).
            if (r.size() > 1)
                log::error("number_ambiguous", {{"phone_number_id", r[0][0].as<std::int64_t>()}});
            return call::route{};
        };
        co_return co_await db_.run("directory_resolve", std::move(ask));
    }

    asio::awaitable<call::route> place(port::placing what, time_point now) override {
        auto ask = [what = std::move(what), settings = settings_, now](pqxx::connection_base& db) {
            return place_call(db, what, settings, now);
        };
        co_return co_await db_.run("directory_place", std::move(ask));
    }

    asio::awaitable<std::vector<call::target>>
    reach(device_id device, std::vector<user_id> people, org_id org, time_point now) override {
        auto ask = [device, people = std::move(people), org, now](pqxx::connection_base& db) {
            std::vector<call::target> out;
            for (const auto& r : exec_once(
                     db, "directory_reach", k_reach, device.value, key_array(people), org.value, in_ms(now)
                 ))
                add_targets(
                    out, nlohmann::json::parse(r[0].c_str()),
                    read_occupation(nlohmann::json::parse(r[1].c_str())), now, true
                );
            std::erase_if(out, [](const call::target& t) { return t.left_out != call::kept_out::none; });
            return out;
        };
        co_return co_await db_.run("directory_reach", std::move(ask));
    }

    asio::awaitable<bool> is_device(std::string sip_username) override {
        auto ask = [user = storable(sip_username)](pqxx::connection_base& db) {
            return !exec_once(db, "directory_is_device", k_is_device, user).empty();
        };
        co_return co_await db_.run("directory_is_device", std::move(ask));
    }

  private:
    pool& db_;
    directory_settings settings_;
};

} // namespace

std::unique_ptr<port::directory> make_directory(database& db, directory_settings s) {
    return std::make_unique<rows>(db, std::move(s));
}

} // namespace z360::adapter::postgres
