// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/audit.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/refusals.hpp"
#include "adapter/postgres/tenant_transaction.hpp"
#include "adapter/postgres/tenants/entitlement.hpp"
#include "adapter/postgres/tenants/slug.hpp"
#include "adapter/postgres/tenants/tenant_rows.hpp"
#include "wire/agent_uri.hpp"

namespace z360::adapter::postgres::tenant_rows {
namespace {

using port::org_settings;
using port::organisation;
using why = port::refusal::why;

// $5: a slug was given; without one an organisation keeps what it has.
constexpr const char* k_put_by_id = R"sql(
insert into organizations as o (org_id, slug, name, status) values ($1, $2, $3, $4)
on conflict (org_id) do update
   set name = excluded.name, status = excluded.status, updated_at = now(),
       slug = case when $5::boolean then excluded.slug else o.slug end
returning org_id, slug, name, status, xmax = 0)sql";

constexpr const char* k_put_by_slug = R"sql(
insert into organizations (slug, name, status) values ($1, $2, $3)
on conflict (slug) do update set name = excluded.name, status = excluded.status, updated_at = now()
returning org_id, slug, name, status, xmax = 0)sql";

constexpr const char* k_update = R"sql(
update organizations set name = $3, status = $4, updated_at = now(), slug = coalesce(nullif($2, ''), slug)
 where org_id = $1
returning org_id, slug, name, status, false)sql";

// Ids of ours, for rows that come without one, begin after the caller's.
constexpr const char* k_advance = R"sql(
select setval('organizations_org_id_seq', $1::bigint) from organizations_org_id_seq where last_value < $1::bigint)sql";

organisation read(const pqxx::row& r) {
    organisation o;
    o.id = {r[0].as<std::int64_t>()};
    o.slug = r[1].c_str();
    o.name = r[2].c_str();
    o.status = r[3].c_str();
    return o;
}

std::string free_slug(pqxx::work& tx, const organisation& o) {
    auto slug = slug_of(o.name);
    const auto taken = exec_in(
        tx, "org_slug_taken", "select from organizations where slug = $1 and org_id <> $2", slug, o.id.value
    );
    if (taken.empty()) return slug;
    const auto tail = "-" + std::to_string(o.id.value);
    return slug.substr(0, 63 - tail.size()) + tail;
}

pqxx::result store(pqxx::work& tx, const tenant_scope& who, const organisation& o) {
    if (!who.everything) return exec_in(tx, "org_update", k_update, o.id.value, o.slug, o.name, o.status);
    if (o.id.none())
        return exec_in(
            tx, "org_put_by_slug", k_put_by_slug, o.slug.empty() ? slug_of(o.name) : o.slug, o.name, o.status
        );
    exec_in(tx, "org_advance", k_advance, o.id.value);
    return exec_in(
        tx, "org_put_by_id", k_put_by_id, o.id.value, o.slug.empty() ? free_slug(tx, o) : o.slug, o.name,
        o.status, !o.slug.empty()
    );
}

org_settings read_settings(const pqxx::row& r) {
    org_settings s;
    const auto text = [](const pqxx::field& f) {
        return f.is_null() ? std::nullopt : std::optional<std::string>(f.c_str());
    };
    if (!r[0].is_null()) s.ring_seconds = r[0].as<int>();
    if (!r[1].is_null()) s.voicemail_max_secs = r[1].as<int>();
    s.voicemail_greeting = text(r[2]);
    s.hold_prompt = text(r[3]);
    s.voice = text(r[4]);
    s.ringback_url = text(r[5]);
    if (!r[6].is_null()) s.record_calls = r[6].as<bool>();
    if (!r[7].is_null()) s.mobile_after_secs = r[7].as<int>();
    s.mobile_prompt = text(r[8]);
    s.blocked_message = text(r[9]);
    if (!r[10].is_null()) s.recording_days = r[10].as<int>();
    if (!r[11].is_null()) s.voicemail = r[11].as<bool>();
    s.voicemail_greeting_url = text(r[12]);
    if (!r[13].is_null()) s.voicemail_beep = r[13].as<bool>();
    s.unavailable_message = text(r[14]);
    if (!r[15].is_null()) s.transcribe_messages = r[15].as<bool>();
    if (!r[16].is_null()) s.recording_mandatory = r[16].as<bool>();
    if (!r[17].is_null()) s.ends_unrecorded = r[17].as<bool>();
    s.unrecorded_message = text(r[18]);
    s.recording_announcement = text(r[19]);
    s.agent_uri = text(r[20]);
    if (!r[21].is_null()) s.block_anonymous = r[21].as<bool>();
    s.anonymous_message = text(r[22]);
    s.second_call = text(r[23]);
    return s;
}

#define Z360_SETTINGS                                                                                        \
    "ring_seconds, voicemail_max_secs, voicemail_greeting, hold_prompt, voice, ringback_url, record_calls, " \
    "mobile_after_secs, mobile_prompt, blocked_message, recording_days, voicemail, "                         \
    "voicemail_greeting_url, voicemail_beep, unavailable_message, transcribe_messages, "                     \
    "recording_mandatory, ends_unrecorded, unrecorded_message, recording_announcement, agent_uri, "          \
    "block_anonymous, anonymous_message, second_call"

constexpr const char* k_put_settings =
    "insert into org_settings (org_id, " Z360_SETTINGS
    ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, "
    "$21, $22, $23, $24, $25) "
    "on conflict (org_id) do update set ring_seconds = excluded.ring_seconds, "
    "voicemail_max_secs = excluded.voicemail_max_secs, voicemail_greeting = excluded.voicemail_greeting, "
    "hold_prompt = excluded.hold_prompt, voice = excluded.voice, ringback_url = excluded.ringback_url, "
    "record_calls = excluded.record_calls, mobile_after_secs = excluded.mobile_after_secs, "
    "mobile_prompt = excluded.mobile_prompt, blocked_message = excluded.blocked_message, "
    "recording_days = excluded.recording_days, voicemail = excluded.voicemail, "
    "voicemail_greeting_url = excluded.voicemail_greeting_url, voicemail_beep = excluded.voicemail_beep, "
    "unavailable_message = excluded.unavailable_message, "
    "transcribe_messages = excluded.transcribe_messages, "
    "recording_mandatory = excluded.recording_mandatory, ends_unrecorded = excluded.ends_unrecorded, "
    "unrecorded_message = excluded.unrecorded_message, "
    "recording_announcement = excluded.recording_announcement, agent_uri = excluded.agent_uri, "
    "block_anonymous = excluded.block_anonymous, anonymous_message = excluded.anonymous_message, "
    "second_call = excluded.second_call, "
    "updated_at = now() "
    "returning " Z360_SETTINGS ", xmax = 0";

constexpr const char* k_no_agent =
    "is no address of an agent; write it like sip:agent@agents.example, without a password, and not at the "
    "carrier itself";

std::optional<port::refusal> problem(const org_settings& s) {
    const auto out_of = [](const std::optional<int>& v, int from, int to) {
        return v && (*v < from || *v > to);
    };
    const auto bad_text = [](const std::optional<std::string>& v, std::size_t longest) {
        return v && (v->empty() || v->size() > longest);
    };
    if (out_of(s.ring_seconds, 5, 60)) return port::refusal{why::invalid, "ring_seconds", "give 5 to 60"};
    if (out_of(s.voicemail_max_secs, 5, 600))
        return port::refusal{why::invalid, "voicemail_max_secs", "give 5 to 600"};
    if (bad_text(s.voicemail_greeting, 3'000))
        return port::refusal{why::invalid, "voicemail_greeting", "give 1 to 3000 bytes"};
    if (bad_text(s.hold_prompt, 3'000))
        return port::refusal{why::invalid, "hold_prompt", "give 1 to 3000 bytes"};
    if (out_of(s.mobile_after_secs, 5, 60))
        return port::refusal{why::invalid, "mobile_after_secs", "give 5 to 60"};
    if (bad_text(s.mobile_prompt, 3'000))
        return port::refusal{why::invalid, "mobile_prompt", "give 1 to 3000 bytes"};
    if (bad_text(s.blocked_message, 3'000))
        return port::refusal{why::invalid, "blocked_message", "give 1 to 3000 bytes"};
    if (out_of(s.recording_days, 1, 3'650))
        return port::refusal{why::invalid, "recording_days", "give 1 to 3650"};
    if (bad_text(s.unavailable_message, 3'000))
        return port::refusal{why::invalid, "unavailable_message", "give 1 to 3000 bytes"};
    if (s.recording_mandatory.value_or(false) && !s.record_calls.value_or(true))
        return port::refusal{why::invalid, "recording_mandatory", "needs record_calls"};
    if (bad_text(s.unrecorded_message, 3'000))
        return port::refusal{why::invalid, "unrecorded_message", "give 1 to 3000 bytes"};
    if (bad_text(s.recording_announcement, 3'000))
        return port::refusal{why::invalid, "recording_announcement", "give 1 to 3000 bytes"};
    if (s.second_call && !call::second_call_named(*s.second_call))
        return port::refusal{why::invalid, "second_call", "give ring, others or none"};
    if (bad_text(s.anonymous_message, 3'000))
        return port::refusal{why::invalid, "anonymous_message", "give 1 to 3000 bytes"};
    if (bad_text(s.voice, 200)) return port::refusal{why::invalid, "voice", "give the name of a voice"};
    for (const auto& [field, url] :
         {std::pair{"ringback_url", &s.ringback_url},
          std::pair{"voicemail_greeting_url", &s.voicemail_greeting_url}})
        if (*url && !(*url)->empty() && !(*url)->starts_with("https://") && !(*url)->starts_with("http://"))
            return port::refusal{why::invalid, field, "give an http or https URL"};
    return std::nullopt;
}

} // namespace

outcome_of<organisation> put(connection& db, const tenant_scope& who, organisation o) {
    o.name = storable(o.name);
    if (!who.everything && !may_write(who, o.id))
        return refused<organisation>(why::not_found, "org", "does not exist");
    if (o.name.empty()) return refused<organisation>(why::invalid, "name", "is empty; give a name");
    if (!o.slug.empty() && !is_slug(o.slug))
        return refused<organisation>(
            why::invalid, "slug", "give 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit"
        );
    if (o.status != "active" && o.status != "suspended")
        return refused<organisation>(why::invalid, "status", "give active or suspended");
    const auto write = [&](pqxx::work& tx) {
        const auto r = store(tx, who, o);
        if (r.empty()) return refused<organisation>(why::not_found, "org", "does not exist");
        outcome_of<organisation> out;
        out.value = read(r[0]);
        out.created = r[0][4].as<bool>();
        if (o.status == "suspended") {
            const auto now = time_of(tx);
            out.stopped =
                part_with_members(tx, out.value->id, out_of_use::suspended, "organisation_suspended", now);
        }
        return out;
    };
    return guarded([&] { return in_scope(db, who, write); });
}

outcome_of<org_settings> put(connection& db, const tenant_scope& who, org_id org, org_settings s) {
    if (!may_write(who, org)) return refused<org_settings>(why::not_found, "org", "does not exist");
    for (auto* text :
         {&s.voicemail_greeting, &s.hold_prompt, &s.voice, &s.ringback_url, &s.mobile_prompt,
          &s.blocked_message, &s.voicemail_greeting_url, &s.unavailable_message, &s.unrecorded_message,
          &s.recording_announcement, &s.agent_uri, &s.anonymous_message})
        if (*text) **text = storable(**text);
    if (auto p = problem(s)) return refused<org_settings>(p->reason, p->field, p->text);
    if (s.agent_uri) {
        const auto agent = wire::read_agent_uri(*s.agent_uri);
        if (!agent) return refused<org_settings>(why::invalid, "agent_uri", k_no_agent);
        s.agent_uri = *agent;
    }
    return guarded([&] {
        tenant_transaction tx(db, who);
        const auto number = [](const std::optional<int>& v) {
            return v ? std::optional(std::to_string(*v)) : std::nullopt;
        };
        const auto ring = number(s.ring_seconds);
        const auto longest = number(s.voicemail_max_secs);
        const auto mobile_after = number(s.mobile_after_secs);
        const auto days = number(s.recording_days);
        const auto flag = [](const std::optional<bool>& v) {
            return v ? std::optional<std::string>(*v ? "true" : "false") : std::nullopt;
        };
        const auto record = flag(s.record_calls);
        const auto voicemail = flag(s.voicemail);
        const auto beep = flag(s.voicemail_beep);
        const auto transcribe = flag(s.transcribe_messages);
        const auto mandatory = flag(s.recording_mandatory);
        const auto ends = flag(s.ends_unrecorded);
        const auto anonymous = flag(s.block_anonymous);
        const auto r = exec_in(
            *tx, "org_settings_put", k_put_settings, org.value, or_null(ring), or_null(longest),
            or_null(s.voicemail_greeting), or_null(s.hold_prompt), or_null(s.voice), or_null(s.ringback_url),
            or_null(record), or_null(mobile_after), or_null(s.mobile_prompt), or_null(s.blocked_message),
            or_null(days), or_null(voicemail), or_null(s.voicemail_greeting_url), or_null(beep),
            or_null(s.unavailable_message), or_null(transcribe), or_null(mandatory), or_null(ends),
            or_null(s.unrecorded_message), or_null(s.recording_announcement), or_null(s.agent_uri),
            or_null(anonymous), or_null(s.anonymous_message), or_null(s.second_call)
        );
        outcome_of<org_settings> out;
        out.value = read_settings(r[0]);
        out.created = r[0][r[0].size() - 1].as<bool>();
        tx.commit();
        return out;
    });
}

std::optional<organisation> organisation_of(connection& db, const tenant_scope& who, org_id o) {
    tenant_transaction tx(db, who);
    const auto r = exec_in(
        *tx, "org_of", "select org_id, slug, name, status from organizations where org_id = $1", o.value
    );
    if (r.empty()) return std::nullopt;
    return read(r[0]);
}

std::optional<org_settings> settings_of(connection& db, const tenant_scope& who, org_id o) {
    tenant_transaction tx(db, who);
    const auto r = exec_in(
        *tx, "org_settings_of",
        "select " Z360_SETTINGS " from organizations left join org_settings using (org_id) where org_id = $1",
        o.value
    );
    if (r.empty()) return std::nullopt;
    return read_settings(r[0]);
}

std::vector<organisation>
organisations(connection& db, const tenant_scope& who, org_id after, std::size_t limit) {
    tenant_transaction tx(db, who);
    std::vector<organisation> out;
    for (const auto& r : exec_in(
             *tx, "org_list",
             "select org_id, slug, name, status from organizations where org_id > $1 order by org_id limit "
             "$2",
             after.value, limit
         ))
        out.push_back(read(r));
    return out;
}

std::optional<std::vector<device_id>> remove_organisation(
    connection& db, const tenant_scope& who, org_id o, time_point now, const port::audit_line* told
) {
    if (!may_write(who, o)) return std::nullopt;
    return in_scope(db, who, [&](pqxx::work& tx) -> std::optional<std::vector<device_id>> {
        const auto r = exec_in(
            tx, "org_remove",
            "update organizations set status = 'suspended', updated_at = now() where org_id = $1", o.value
        );
        if (r.affected_rows() == 0) return std::nullopt;
        auto gone = part_with_members(tx, o, out_of_use::removed, "organisation_removed", now);
        if (told != nullptr) append_audit(tx, *told);
        return gone;
    });
}

} // namespace z360::adapter::postgres::tenant_rows
