// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Organisations, people, numbers, contacts: what the admin API does, from a terminal.
#include "adapter/postgres/tenants/slug.hpp"
#include "app/ops_support.hpp"

#include <stdexcept>

namespace z360::app {
namespace {

using adapter::postgres::admin;
using nlohmann::json;
using port::tenant_scope;

const tenant_scope k_all = tenant_scope::all();

template <class T>
T put(const options& o, T what) {
    return accepted(with_tenants(o, [&](port::tenants& t) { return t.put(k_all, what); }));
}

int create_org(const options& o) {
    const auto& a = o.arguments;
    org_id id;
    if (const auto given = as_number(a.id)) {
        port::organisation org;
        org.id = {*given};
        org.name = a.subject;
        id = put(o, org).id;
    } else {
        admin db(o.settings.database.url);
        // A name that looks like an id is a name here.
        const auto found = as_number(a.subject) ? std::nullopt : db.find_organization(a.subject);
        id = found ? *found : db.upsert_organization(adapter::postgres::slug_of(a.subject), a.subject);
    }
    print(o, {{"org", id.value}}, "organisation " + std::to_string(id.value) + ": " + a.subject);
    return k_ok;
}

int create_user(const options& o) {
    const auto& a = o.arguments;
    admin db(o.settings.database.url);
    adapter::postgres::user_wish w;
    w.login = a.subject;
    w.name = a.name;
    w.id = {as_number(a.id).value_or(0)};
    w.org = a.org;
    w.role = a.role;
    const auto keys = db.create_user(w);
    print(
        o, {{"user", keys.user.value}, {"org", keys.org.value}},
        "user " + std::to_string(keys.user.value) + ": " + a.subject
    );
    return k_ok;
}

int add_member(const options& o) {
    const auto& a = o.arguments;
    port::membership m;
    {
        admin db(o.settings.database.url);
        m.org = known_org(db, a.org);
        m.user = known_user(db, a.subject);
    }
    m.role = a.role;
    m.mobile = a.mobile;
    m.second_call = a.second_call;
    m = put(o, m);
    print(
        o,
        {{"user", m.user.value},
         {"org", m.org.value},
         {"role", m.role},
         {"mobile_number", m.mobile ? json(*m.mobile) : json()}},
        m.login + " is " + m.role + " of organisation " + std::to_string(m.org.value) +
            (m.mobile ? ", reached at " + *m.mobile + " when no device answers" : "")
    );
    return k_ok;
}

int add_number(const options& o) {
    const auto& a = o.arguments;
    admin db(o.settings.database.url);
    adapter::postgres::number_wish w;
    w.org = a.org;
    w.connection_id = o.settings.telnyx.connection_id;
    w.number = a.subject;
    w.receiver = a.user;
    w.route_type = a.route.empty() ? "user" : a.route;
    w.external = a.to;
    w.external_asked = !a.no_key;
    w.alias = a.name;
    w.recording = a.recording;
    const auto id = db.add_number(w);
    print(
        o, {{"number", id.value}},
        "number " + a.subject + " routes to " + (w.route_type == "user" ? a.user : w.route_type) +
            (a.to.empty() ? "" : " " + a.to)
    );
    return k_ok;
}

int add_contact(const options& o) {
    const auto& a = o.arguments;
    port::contact c;
    {
        admin db(o.settings.database.url);
        c.org = known_org(db, a.org);
    }
    c.e164 = a.subject;
    c.name = a.name;
    c.avatar_url = a.avatar_url;
    put(o, c);
    print(o, {{"contact", a.subject}}, "contact " + a.subject + ": " + a.name);
    return k_ok;
}

int add_device(const options& o) {
    const auto& a = o.arguments;
    admin db(o.settings.database.url);
    adapter::postgres::device_row d;
    (void)known_org(db, a.org);
    d.user = known_user(db, a.user);
    d.device_uid = a.subject;
    d.name = a.name;
    d.platform = a.platform;
    d.telnyx_credential_id = "manual-" + a.sip_username;
    d.sip_username = a.sip_username;
    const auto keys = db.upsert_device(d);
    print(
        o, {{"device", keys.device.value}, {"identity", keys.identity.value}},
        "device " + std::to_string(keys.device.value) + ": " + a.subject
    );
    return k_ok;
}

// What was not given stays; an empty value goes back to the server's default.
void overlay(port::org_settings& s, const command_arguments& a) {
    const auto number = [](std::optional<int>& to, const std::optional<std::string>& from) {
        if (!from) return;
        to.reset();
        if (const auto n = as_number(*from)) to = static_cast<int>(*n);
    };
    const auto text = [](std::optional<std::string>& to, const std::optional<std::string>& from) {
        if (from) to = from->empty() ? std::nullopt : from;
    };
    number(s.ring_seconds, a.ring_seconds);
    number(s.voicemail_max_secs, a.voicemail_max_seconds);
    text(s.voicemail_greeting, a.voicemail_greeting);
    text(s.hold_prompt, a.hold_prompt);
    text(s.voice, a.voice);
    text(s.ringback_url, a.ringback_url);
    number(s.mobile_after_secs, a.mobile_after_seconds);
    number(s.recording_days, a.recording_days);
    text(s.mobile_prompt, a.mobile_prompt);
    text(s.blocked_message, a.blocked_message);
    text(s.agent_uri, a.agent_uri);
    text(s.anonymous_message, a.anonymous_message);
    text(s.voicemail_greeting_url, a.voicemail_greeting_url);
    text(s.unavailable_message, a.unavailable_message);
    text(s.unrecorded_message, a.unrecorded_message);
    text(s.recording_announcement, a.recording_announcement);
    text(s.second_call, a.second_call);
    const auto flag = [](std::optional<bool>& to, const std::optional<std::string>& from) {
        if (!from) return;
        to.reset();
        if (!from->empty()) to = *from == "true" || *from == "1";
    };
    flag(s.record_calls, a.record_calls);
    flag(s.recording_mandatory, a.recording_mandatory);
    flag(s.ends_unrecorded, a.ends_unrecorded);
    flag(s.block_anonymous, a.block_anonymous);
    flag(s.voicemail, a.voicemail);
    flag(s.voicemail_beep, a.voicemail_beep);
    flag(s.transcribe_messages, a.transcribe_messages);
}

json shown(const port::org_settings& s) {
    const auto value = [](const auto& v) { return v ? json(*v) : json(); };
    return {
        {"ring_seconds", value(s.ring_seconds)},
        {"voicemail_max_seconds", value(s.voicemail_max_secs)},
        {"voicemail_greeting", value(s.voicemail_greeting)},
        {"hold_prompt", value(s.hold_prompt)},
        {"voice", value(s.voice)},
        {"ringback_url", value(s.ringback_url)},
        {"record_calls", value(s.record_calls)},
        {"mobile_after_seconds", value(s.mobile_after_secs)},
        {"mobile_prompt", value(s.mobile_prompt)},
        {"blocked_message", value(s.blocked_message)},
        {"agent_uri", value(s.agent_uri)},
        {"block_anonymous", value(s.block_anonymous)},
        {"anonymous_message", value(s.anonymous_message)},
        {"recording_days", value(s.recording_days)},
        {"voicemail", value(s.voicemail)},
        {"voicemail_greeting_url", value(s.voicemail_greeting_url)},
        {"voicemail_beep", value(s.voicemail_beep)},
        {"unavailable_message", value(s.unavailable_message)},
        {"transcribe_messages", value(s.transcribe_messages)},
        {"recording_mandatory", value(s.recording_mandatory)},
        {"ends_unrecorded", value(s.ends_unrecorded)},
        {"unrecorded_message", value(s.unrecorded_message)},
        {"recording_announcement", value(s.recording_announcement)},
        {"second_call", value(s.second_call)},
    };
}

int org_settings(const options& o) {
    const auto& a = o.arguments;
    org_id org;
    {
        admin db(o.settings.database.url);
        org = known_org(db, a.subject);
    }
    const auto stored = with_tenants(o, [&](port::tenants& t) { return t.settings_of(k_all, org); });
    if (!stored) throw std::runtime_error("there is no organisation " + a.subject + "; see --list-orgs");
    auto next = *stored;
    overlay(next, a);
    const auto change = a.ring_seconds || a.voicemail_max_seconds || a.voicemail_greeting || a.hold_prompt ||
                        a.voice || a.ringback_url || a.record_calls || a.mobile_after_seconds ||
                        a.mobile_prompt || a.blocked_message || a.agent_uri || a.block_anonymous ||
                        a.anonymous_message || a.recording_days || a.voicemail || a.voicemail_greeting_url ||
                        a.voicemail_beep || a.unavailable_message || a.transcribe_messages ||
                        a.recording_mandatory || a.ends_unrecorded || a.unrecorded_message ||
                        a.recording_announcement || a.second_call;
    if (change) next = accepted(with_tenants(o, [&](port::tenants& t) { return t.put(k_all, org, next); }));
    const auto all = shown(next);
    std::string people = "settings of organisation " + std::to_string(org.value);
    for (const auto& [key, v] : all.items())
        people += "\n  " + key + ": " + (v.is_null() ? "(the server's default)" : v.dump());
    print(o, {{"org", org.value}, {"settings", all}}, people);
    return k_ok;
}

int told(const options& o, bool done, const std::string& what) {
    if (!done) {
        complain(what + ": not there, or gone already");
        return k_failed;
    }
    print(o, {{"removed", what}}, what + ": removed");
    return k_ok;
}

} // namespace

int change_tenants(const options& o) {
    if (o.what == command::create_org) return create_org(o);
    if (o.what == command::create_user) return create_user(o);
    if (o.what == command::add_member) return add_member(o);
    if (o.what == command::add_number) return add_number(o);
    if (o.what == command::add_contact) return add_contact(o);
    if (o.what == command::add_device) return add_device(o);
    return o.what == command::org_settings ? org_settings(o) : k_usage;
}

int remove_tenants(const options& o) {
    const auto& a = o.arguments;
    admin db(o.settings.database.url);
    if (!a.number.empty()) { // numbers and contacts touch nobody's devices
        const auto org = known_org(db, a.org);
        const bool done = with_tenants(o, [&](port::tenants& t) {
            if (o.what == command::remove_number) return t.remove_number(k_all, org, a.number);
            return t.remove_contact(k_all, org, a.number);
        });
        return told(o, done, a.subject);
    }
    port::audit_line line;
    line.actor = "cli";
    line.at = now();
    // The servers find the devices whose identities are to be deleted by themselves.
    if (o.what == command::remove_org) {
        line.org = known_org(db, a.subject);
        line.action = "organisation_removed";
        return told(o, db.remove_organization(line.org, line).has_value(), a.subject);
    }
    line.user = known_user(db, a.subject);
    if (o.what == command::remove_user) {
        line.action = "user_removed";
        return told(o, db.remove_user(line.user, line).has_value(), a.subject);
    }
    line.org = known_org(db, a.org);
    line.action = "member_removed";
    return told(o, db.remove_member(line.org, line.user, line).has_value(), a.subject);
}

int list_tenants(const options& o) {
    constexpr std::size_t k_page = 500;
    org_id org;
    if (o.what != command::list_orgs) {
        admin db(o.settings.database.url);
        org = known_org(db, o.arguments.org);
    }
    // Page after page, each line printed as it comes.
    const auto walk = [&](auto after, const auto& ask, const auto& line) {
        for (;;) {
            const auto page = with_tenants(o, [&](port::tenants& t) { return ask(t, after); });
            for (const auto& x : page)
                after = line(x);
            if (page.size() < k_page) return;
        }
    };
    if (o.what == command::list_orgs) {
        walk(
            org_id{}, [&](port::tenants& t, org_id after) { return t.organisations(k_all, after, k_page); },
            [&](const port::organisation& x) {
                print_row(
                    o, {{"org", x.id.value}, {"slug", x.slug}, {"name", x.name}, {"status", x.status}},
                    std::to_string(x.id.value) + "  " + x.slug + "  " + x.name + "  " + x.status
                );
                return x.id;
            }
        );
    } else if (o.what == command::list_members) {
        walk(
            user_id{}, [&](port::tenants& t, user_id after) { return t.members(k_all, org, after, k_page); },
            [&](const port::membership& x) {
                print_row(
                    o,
                    {{"user", x.user.value},
                     {"login", x.login},
                     {"name", x.name},
                     {"role", x.role},
                     {"mobile_number", x.mobile ? json(*x.mobile) : json()}},
                    std::to_string(x.user.value) + "  " + x.login + "  " + x.name + "  " + x.role +
                        (x.mobile ? "  " + *x.mobile : "")
                );
                return x.user;
            }
        );
    } else if (o.what == command::list_numbers) {
        walk(
            std::string(),
            [&](port::tenants& t, const std::string& after) { return t.numbers(k_all, org, after, k_page); },
            [&](const port::number& x) {
                print_row(
                    o,
                    {{"number", x.e164},
                     {"route", x.route_type},
                     {"user", x.receiver.value},
                     {"external", x.external},
                     {"status", x.status},
                     {"default_caller_id", x.default_caller_id},
                     {"recording", x.recording.value_or("organization")},
                     {"name", x.alias}},
                    x.e164 + "  " + x.route_type + "  " +
                        (!x.external.empty() ? x.external
                         : x.receiver.none() ? "-"
                                             : std::to_string(x.receiver.value)) +
                        "  " + x.status + "  " + x.alias +
                        (x.recording.value_or("organization") == "organization"
                             ? ""
                             : "  recording " + *x.recording)
                );
                return x.e164;
            }
        );
    } else {
        walk(
            std::string(),
            [&](port::tenants& t, const std::string& after) { return t.contacts(k_all, org, after, k_page); },
            [&](const port::contact& x) {
                print_row(
                    o, {{"number", x.e164}, {"name", x.name}, {"avatar_url", x.avatar_url}},
                    x.e164 + "  " + x.name
                );
                return x.e164;
            }
        );
    }
    return k_ok;
}

} // namespace z360::app
