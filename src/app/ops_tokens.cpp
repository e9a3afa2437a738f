// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Bearer tokens, enrolment codes and devices. A token is printed once, on standard output, and never stored.
#include "adapter/crypto/bearer.hpp"
#include "adapter/crypto/vault.hpp"
#include "app/ops_support.hpp"

#include <algorithm>
#include <iostream>
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

void record(admin& db, std::string action, std::string detail, user_id user, org_id org) {
    port::audit_line line;
    line.actor = "cli";
    line.action = std::move(action);
    line.detail = std::move(detail);
    line.user = user;
    line.org = org;
    line.at = now();
    db.record(line);
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

// The audit comes first: nothing is given out that is not recorded.
made make(const options& o, admin& db, port::new_token t, const std::string& action) {
    made out;
    const auto keys = adapter::crypto::vault::open(o.settings.secrets.key_file);
    out.text = adapter::crypto::make_bearer(t.kind, o.settings.server.environment);
    auto hash = keys->hash(out.text);
    t.hash = std::move(hash.bytes);
    t.hash_key_id = std::move(hash.key_id);
    record(db, action, std::string(name(t.kind)) + " " + t.label, t.user, t.org);
    out.id = with_tokens(o, [&](port::token_store& s) { return s.add(t); });
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
    print(
        o,
        {{"id", token.id.value},
         {"kind", a.subject},
         {"token", text},
         {"scopes", t.scopes},
         {"expires_at", iso8601(t.ends_at)}},
        text + "\n" + a.subject + " token " + std::to_string(token.id.value) + ", valid until " +
            iso8601(t.ends_at) + "; it is not shown again"
    );
    return k_ok;
}

int list_tokens(const options& o) {
    org_id org;
    if (!o.arguments.org.empty()) {
        admin db(o.settings.database.url);
        org = known_org(db, o.arguments.org);
    }
    for (const auto& t : with_tokens(o, [&](port::token_store& s) { return s.list(org, k_most); })) {
        std::string scopes;
        for (const auto& s : t.scopes)
            scopes += (scopes.empty() ? "" : ",") + s;
        const auto used = t.last_used_at ? iso8601(*t.last_used_at) : std::string();
        print(
            o,
            {{"id", t.id.value},
             {"kind", name(t.kind)},
             {"name", t.label},
             {"scopes", t.scopes},
             {"org", t.org.none() ? json() : json(t.org.value)},
             {"created_at", iso8601(t.created_at)},
             {"last_used_at", used.empty() ? json() : json(used)},
             {"expires_at", iso8601(t.expires_at)}},
            std::to_string(t.id.value) + "  " + std::string(name(t.kind)) + "  " +
                (t.org.none() ? "every organisation" : "organisation " + std::to_string(t.org.value)) + "  " +
                (scopes.empty() ? "everything" : scopes) + "  until " + iso8601(t.expires_at) + "  " +
                (used.empty() ? "never used" : "used " + used) + "  " + t.label
        );
    }
    return k_ok;
}

int revoke_token(const options& o) {
    const token_id id{as_number(o.arguments.subject).value_or(0)};
    admin db(o.settings.database.url);
    record(db, "token_revoked", o.arguments.subject, {}, {});
    const bool done = with_tokens(o, [&](port::token_store& s) {
        return s.revoke(id, {}, "revoked by an operator", now());
    });
    if (!done) {
        std::cerr << "token " << o.arguments.subject
                  << ": there is no valid one of that id; see --list-tokens\n";
        return k_failed;
    }
    print(o, {{"revoked", id.value}}, "token " + o.arguments.subject + " is void now");
    return k_ok;
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
        throw std::runtime_error("--user: \"" + a.user + "\": there is no such active user");
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
    print(
        o, {{"enrolment_code", text}, {"user", t.user.value}, {"expires_at", iso8601(t.ends_at)}},
        text + "\nregisters one device of " + person->login + ", once, until " + iso8601(t.ends_at)
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
            print(
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
        std::cerr << "device " << o.arguments.subject
                  << ": the user has none of that id, or it is removed; see --list-devices\n";
        return k_failed;
    }
    print(o, {{"revoked", gone->value}}, "device " + o.arguments.subject + " rings no more");
    return k_ok;
}

} // namespace z360::app
