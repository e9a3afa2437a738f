// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Bearer tokens, enrolment codes and devices. A token is printed once, alone on standard output, and never
// stored.
#include "adapter/crypto/bearer.hpp"
#include "adapter/crypto/vault.hpp"
#include "app/ops_support.hpp"

#include <algorithm>
#include <stdexcept>

namespace z360::app {
namespace {

using adapter::postgres::admin;
using adapter::postgres::database;
using nlohmann::json;
using port::token_kind;

constexpr std::size_t k_most = 10'000;

template <class F>
auto with_tokens(const options& o, F ask) {
    std::unique_ptr<port::token_store> tokens; // outlives the loop's last step
    return run_once(o, [&](database& db) {
        tokens = adapter::postgres::make_token_store(db);
        return ask(*tokens);
    });
}

std::vector<std::string> scopes_of(const std::string& text) {
    std::vector<std::string> out;
    for (std::size_t from = 0; from < text.size();) {
        const auto comma = std::min(text.find(',', from), text.size());
        auto scope = text.substr(from, comma - from);
        const auto& all = port::k_token_scopes;
        if (std::find(all.begin(), all.end(), scope) == all.end()) {
            std::string list;
            for (const auto s : all)
                list += (list.empty() ? "" : ", ") + std::string(s);
            throw std::runtime_error("--scopes: \"" + scope + "\" is no scope; give some of " + list);
        }
        out.push_back(std::move(scope));
        from = comma + 1;
    }
    return out;
}

struct made {
    token_id id;
    secret text;
};

// Nothing is given out that is not recorded, and nothing recorded that was not made.
made make(const options& o, admin& db, port::new_token t, const std::string& action) {
    made out;
    const auto keys = keys_of(o);
    out.text = adapter::crypto::make_bearer(t.kind, o.settings.server.environment);
    auto hash = keys->hash(out.text);
    t.hash = std::move(hash.bytes);
    t.hash_key_id = std::move(hash.key_id);
    port::audit_line line;
    line.actor = "cli";
    line.action = action;
    line.detail = std::string(name(t.kind)) + " " + t.label;
    line.user = t.user;
    line.org = t.org;
    line.at = now();
    out.id = db.add_token(t, std::move(line));
    return out;
}

int create_token(const options& o) {
    const auto& a = o.arguments;
    port::new_token t;
    t.kind = a.subject == "admin" ? token_kind::admin : token_kind::service;
    t.label = a.name;
    t.scopes = scopes_of(a.scopes);
    if (t.kind == token_kind::service && t.scopes.empty()) t.scopes = {"act"};
    admin db(o.settings.database.url);
    if (!a.org.empty()) t.org = known_org(db, a.org);
    t.now = now();
    t.expires_at = t.ends_at = t.now + millis{86'400'000} * as_number(a.days).value_or(365);
    const auto token = make(o, db, t, "token_created");
    const std::string text(token.text.reveal());
    print_alone(
        o,
        {{"id", token.id.value},
         {"kind", a.subject},
         {"token", text},
         {"scopes", t.scopes},
         {"expires_at", iso8601(t.ends_at)}},
        text,
        a.subject + " token " + std::to_string(token.id.value) + ", valid until " + iso8601(t.ends_at) +
            "; it is not shown again"
    );
    return k_ok;
}

json shown(const port::token_row& t) {
    return {
        {"id", t.id.value},
        {"kind", name(t.kind)},
        {"name", t.label},
        {"scopes", t.scopes},
        {"org", t.org.none() ? json() : json(t.org.value)},
        {"user", t.user.none() ? json() : json(t.user.value)},
        {"device_id", t.device.none() ? json() : json(t.device_uid)},
        {"issued_by", t.issued_by.none() ? json() : json(t.issued_by.value)},
        {"created_at", iso8601(t.created_at)},
        {"last_used_at", t.last_used_at ? json(iso8601(*t.last_used_at)) : json()},
        {"expires_at", iso8601(t.expires_at)},
    };
}

std::string line_of(const port::token_row& t) {
    std::string scopes;
    for (const auto& s : t.scopes)
        scopes += (scopes.empty() ? "" : ",") + s;
    const bool personal = !t.user.none();
    std::string out = std::to_string(t.id.value) + "  " + std::string(name(t.kind)) + "  ";
    if (personal)
        out += "user " + std::to_string(t.user.value) + "  " +
               (t.device.none() ? "one device" : "device " + t.device_uid);
    else
        out += (t.org.none() ? "every organisation" : "organisation " + std::to_string(t.org.value)) + "  " +
               (scopes.empty() ? "everything" : scopes);
    return out + "  until " + iso8601(t.expires_at) + "  " +
           (t.last_used_at ? "used " + iso8601(*t.last_used_at) : std::string("never used")) + "  " + t.label;
}

int list_tokens(const options& o) {
    org_id org;
    if (!o.arguments.org.empty()) {
        admin db(o.settings.database.url);
        org = known_org(db, o.arguments.org);
    }
    for (const auto& t : with_tokens(o, [&](port::token_store& s) { return s.list(org, k_most); }))
        print_row(o, shown(t), line_of(t));
    for (const auto& t : with_tokens(o, [&](port::token_store& s) { return s.codes(org, k_most); }))
        print_row(o, shown(t), line_of(t));
    return k_ok;
}

int revoke_token(const options& o) {
    const auto& a = o.arguments;
    const token_id id{as_number(a.subject).value_or(0)};
    const auto made = with_tokens(o, [&](port::token_store& s) { return s.issued_by(id, k_most); });
    admin db(o.settings.database.url);
    port::audit_line line;
    line.actor = "cli";
    line.action = "token_revoked";
    line.at = now();
    const auto devices = db.revoke_token(id, a.issued, line);
    if (!devices) {
        complain(
            "token " + a.subject + ": there is no valid one of that id" +
            (a.issued || made.empty() ? "; see --list-tokens"
                                      : ", but what it made is in force; end that with --issued")
        );
        if (a.issued || made.empty()) return k_failed;
    }
    json rows = json::array();
    for (const auto& t : made)
        rows.push_back(shown(t));
    if (o.json) {
        print(
            o,
            {{"revoked", devices ? json(id.value) : json()},
             {"issued", std::move(rows)},
             {"issued_revoked", a.issued},
             {"devices_removed", devices.value_or(0)}},
            {}
        );
    } else {
        if (devices) print_row(o, {}, "token " + a.subject + " is void now");
        for (const auto& t : made)
            print_row(o, {}, std::string(a.issued ? "void too:  " : "in force:  ") + line_of(t));
        if (a.issued && devices.value_or(0) > 0)
            print_row(o, {}, std::to_string(*devices) + " devices ring no more");
        if (!a.issued && !made.empty())
            print_row(
                o, {}, "what it made stays in force; end it with: --revoke-token " + a.subject + " --issued"
            );
    }
    return devices ? k_ok : k_failed;
}

int enroll_device(const options& o) {
    const auto& a = o.arguments;
    admin db(o.settings.database.url);
    port::new_token t;
    t.kind = token_kind::enrolment;
    t.label = "enrolment";
    t.user = known_user(db, a.user);
    std::unique_ptr<port::tenants> tenants;
    const auto person = run_once(o, [&](database& pool) {
        tenants = adapter::postgres::make_tenants(pool, {});
        return tenants->person_of(port::tenant_scope::all(), t.user);
    });
    if (!person || person->status != "active")
        throw std::runtime_error(
            "--user: \"" + a.user +
            "\": there is no such active user; see --list-members --org ORG; --create-user with --id makes "
            "one active again"
        );
    if (!a.org.empty()) {
        t.org = known_org(db, a.org);
        const auto& in = person->memberships;
        if (std::none_of(in.begin(), in.end(), [&](const auto& m) { return m.first == t.org; }))
            throw std::runtime_error("--org: the user is no member of \"" + a.org + "\"; see --add-member");
    }
    t.now = now();
    t.expires_at = t.ends_at = t.now + millis{60'000} * as_number(a.minutes).value_or(60);
    const auto code = make(o, db, t, "enrolment_code_made");
    const std::string text(code.text.reveal());
    print_alone(
        o, {{"enrolment_code", text}, {"user", t.user.value}, {"expires_at", iso8601(t.ends_at)}}, text,
        "registers one device of " + person->login + ", once, until " + iso8601(t.ends_at)
    );
    return k_ok;
}

} // namespace

int tokens(const options& o) {
    if (o.what == command::create_token) return create_token(o);
    if (o.what == command::list_tokens) return list_tokens(o);
    if (o.what == command::revoke_token) return revoke_token(o);
    return o.what == command::enroll_device ? enroll_device(o) : k_usage;
}

int devices(const options& o) {
    admin db(o.settings.database.url);
    const auto owner = known_user(db, o.arguments.user);
    if (o.what == command::list_devices) {
        for (const auto& d : db.devices_of(owner))
            print_row(
                o,
                {{"device", d.id.value},
                 {"device_id", d.device_uid},
                 {"name", d.name},
                 {"platform", d.platform},
                 {"status", d.status},
                 {"last_seen_at", iso8601(d.last_seen)},
                 {"identity", d.identity.empty() ? json() : json(d.identity)}},
                std::to_string(d.id.value) + "  " + d.device_uid + "  " + d.platform + "  " + d.status +
                    "  identity " + (d.identity.empty() ? "none" : d.identity) + "  seen " +
                    iso8601(d.last_seen) + "  " + d.name
            );
        return k_ok;
    }
    port::audit_line line;
    line.actor = "cli";
    line.action = "device_removed";
    line.detail = "revoked";
    line.user = owner;
    line.at = now();
    const auto gone = db.revoke_device(owner, o.arguments.subject, line);
    if (!gone) {
        complain(
            "device " + o.arguments.subject +
            ": the user has none of that id, or it is removed; see --list-devices"
        );
        return k_failed;
    }
    print(o, {{"revoked", gone->value}}, "device " + o.arguments.subject + " rings no more");
    return k_ok;
}

} // namespace z360::app
