// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the voicemail of a number, or of a member, says otherwise than the organisation's.
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/refusals.hpp"
#include "adapter/postgres/tenant_transaction.hpp"
#include "adapter/postgres/tenants/tenant_rows.hpp"
#include "wire/e164.hpp"

#include <utility>
#include <vector>

namespace z360::adapter::postgres::tenant_rows {
namespace {

using port::box_owner;
using port::voicemail_box;
using why = port::refusal::why;

constexpr std::size_t k_longest_text = 3'000;

#define Z360_BOX                                                                                             \
    "voicemail, max_secs, greeting, greeting_url, closed_greeting, unavailable_message, voice, beep"
// $1 organisation, $2 number or null, $3 person or null. By the id, so that an index finds it.
#define Z360_OWNER                                                                                           \
    "org_id = $1 and phone_number_id is not distinct from $2::bigint and user_id is not distinct from "      \
    "$3::bigint"

// One number may be on two connections, and what was given back is none: calls of its rows come no more.
constexpr const char* k_number =
    "select phone_number_id from phone_numbers where org_id = $1 and e164 = $2 and not starts_with("
    "connection_id, " Z360_GIVEN_BACK ") order by phone_number_id";
constexpr const char* k_member = "select user_id from memberships where org_id = $1 and user_id = $2";
constexpr const char* k_box = "select " Z360_BOX " from voicemail_settings where " Z360_OWNER;
constexpr const char* k_remove = "delete from voicemail_settings where " Z360_OWNER;
constexpr const char* k_put = "insert into voicemail_settings (org_id, phone_number_id, user_id, " Z360_BOX
                              ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/// Whose it is, by our keys; both null: there is no such number or member.
struct owner_row {
    std::optional<std::string> number, user;
};
std::vector<owner_row> find(pqxx::work& tx, const box_owner& of) {
    std::vector<owner_row> out;
    if (of.e164.empty()) {
        for (const auto& r : exec_in(tx, "box_member", k_member, of.org.value, of.user.value))
            out.push_back({std::nullopt, r[0].c_str()});
    } else {
        for (const auto& r : exec_in(tx, "box_number", k_number, of.org.value, of.e164))
            out.push_back({r[0].c_str(), std::nullopt});
    }
    return out;
}
std::size_t remove(pqxx::work& tx, org_id org, const owner_row& row) {
    return exec_in(tx, "box_remove", k_remove, org.value, or_null(row.number), or_null(row.user))
        .affected_rows();
}

std::optional<port::refusal> problem(const voicemail_box& b) {
    if (b.max_secs && (*b.max_secs < 5 || *b.max_secs > 600))
        return port::refusal{why::invalid, "max_seconds", "give 5 to 600"};
    for (const auto& [field, text] :
         {std::pair{"greeting", &b.greeting}, std::pair{"closed_greeting", &b.closed_greeting},
          std::pair{"unavailable_message", &b.unavailable_message}})
        if (*text && ((*text)->empty() || (*text)->size() > k_longest_text))
            return port::refusal{why::invalid, field, "give 1 to 3000 bytes"};
    if (b.voice && (b.voice->empty() || b.voice->size() > 200))
        return port::refusal{why::invalid, "voice", "give the name of a voice"};
    const auto& url = b.greeting_url;
    if (url && !url->empty() && !url->starts_with("https://") && !url->starts_with("http://"))
        return port::refusal{why::invalid, "greeting_url", "give an http or https URL"};
    return std::nullopt;
}

std::optional<std::string> flag(const std::optional<bool>& v) {
    return v ? std::optional<std::string>(*v ? "true" : "false") : std::nullopt;
}
std::optional<std::string> text(const pqxx::field& f) {
    return f.is_null() ? std::nullopt : std::optional<std::string>(f.c_str());
}

voicemail_box read(const pqxx::row& r) {
    voicemail_box b;
    if (!r[0].is_null()) b.voicemail = r[0].as<bool>();
    if (!r[1].is_null()) b.max_secs = r[1].as<int>();
    b.greeting = text(r[2]);
    b.greeting_url = text(r[3]);
    b.closed_greeting = text(r[4]);
    b.unavailable_message = text(r[5]);
    b.voice = text(r[6]);
    if (!r[7].is_null()) b.beep = r[7].as<bool>();
    return b;
}

} // namespace

outcome_of<voicemail_box> put(connection& db, const tenant_scope& who, const box_owner& of, voicemail_box b) {
    const char* field = of.e164.empty() ? "user" : "number";
    if (!may_write(who, of.org)) return refused<voicemail_box>(why::not_found, "org", "does not exist");
    for (auto* t : {&b.greeting, &b.greeting_url, &b.closed_greeting, &b.unavailable_message, &b.voice})
        if (*t) **t = storable(**t);
    if (auto p = problem(b)) return refused<voicemail_box>(p->reason, p->field, p->text);
    const auto secs = b.max_secs ? std::optional(std::to_string(*b.max_secs)) : std::nullopt;
    const auto on = flag(b.voicemail);
    const auto beep = flag(b.beep);
    const auto write = [&](pqxx::work& tx) {
        const auto rows = find(tx, of);
        if (rows.empty()) return refused<voicemail_box>(why::not_found, field, "does not exist");
        outcome_of<voicemail_box> out;
        out.created = true;
        for (const auto& row : rows) {
            if (remove(tx, of.org, row) > 0) out.created = false;
            exec_in(
                tx, "box_put", k_put, of.org.value, or_null(row.number), or_null(row.user), or_null(on),
                or_null(secs), or_null(b.greeting), or_null(b.greeting_url), or_null(b.closed_greeting),
                or_null(b.unavailable_message), or_null(b.voice), or_null(beep)
            );
        }
        out.value = b;
        return out;
    };
    return guarded([&] { return in_scope(db, who, write); });
}

std::optional<voicemail_box> box_of(connection& db, const tenant_scope& who, const box_owner& of) {
    tenant_transaction tx(db, who);
    for (const auto& row : find(*tx, of)) {
        const auto r = exec_in(*tx, "box", k_box, of.org.value, or_null(row.number), or_null(row.user));
        if (!r.empty()) return read(r[0]);
    }
    return std::nullopt;
}

bool remove_box(connection& db, const tenant_scope& who, const box_owner& of) {
    if (!may_write(who, of.org)) return false;
    return in_scope(db, who, [&](pqxx::work& tx) {
        bool gone = false;
        for (const auto& row : find(tx, of))
            if (remove(tx, of.org, row) > 0) gone = true;
        return gone;
    });
}

} // namespace z360::adapter::postgres::tenant_rows
