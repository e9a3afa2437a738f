// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whether a phone can be told by push. Apart from the server: keys, connections and access token are its own.
#include "adapter/push/probe.hpp"
#include "app/ops_support.hpp"
#include "app/parts_settings.hpp"
#include "app/push_parts.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace z360::app {
namespace {

using adapter::postgres::admin;
using adapter::postgres::database;
using adapter::push::probe_step;
using nlohmann::json;
using port::push_address;

struct known_device {
    device_id id;
    user_id user;
    std::string name;
};

std::string in_lower_case(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return text;
}

// Of one person: by the app's id, ours, or its name.
known_device device_of(admin& db, const std::string& person, const std::string& text) {
    const auto owner = known_user(db, person);
    std::vector<known_device> found;
    for (const auto& d : db.devices_of(owner)) {
        const bool named = d.device_uid == text || std::to_string(d.id.value) == text ||
                           in_lower_case(d.name) == in_lower_case(text);
        if (named && d.status != "removed")
            found.push_back({d.id, owner, d.name.empty() ? d.device_uid : d.name});
    }
    if (found.size() == 1) return found.front();
    throw std::runtime_error(
        found.empty() ? "the user has no device \"" + text + "\"; see --list-devices --user " + person
                      : "\"" + text + "\" may be " + std::to_string(found.size()) +
                            " devices of the user: name it by its number; see --list-devices --user " + person
    );
}

known_device device_of(admin& db, const command_arguments& a) {
    if (!a.user.empty()) return device_of(db, a.user, a.subject);
    const auto found = db.find_device(a.subject);
    if (!found)
        throw std::runtime_error(
            "there is no device \"" + a.subject +
            "\": give the app's id, its name or our id; see --list-devices --user USER"
        );
    return {found->device, found->user, found->name};
}

// Why no push is sent to it, and what to do.
std::string why_not(admin& db, const known_device& d, const std::string& person_is) {
    for (const auto& row : db.devices_of(d.user))
        if (row.id == d.id && row.status != "active") return "it is " + row.status + "; sign in on it again";
    if (person_is != "active")
        return "its person is " + (person_is.empty() ? "gone" : person_is) +
               "; --create-user with --id makes them active again";
    return "its person is in no active organisation that it serves; see --list-orgs and --add-member";
}

/// As a call in one of the person's organisations would find it; the first in which it may be told.
push_address address_of(admin& db, const options& o, const known_device& d) {
    const auto keys = keys_of(o);
    std::unique_ptr<port::tenants> tenants;
    const auto person = run_once(o, [&](database& pool) {
        tenants = adapter::postgres::make_tenants(pool, {});
        return tenants->person_of(port::tenant_scope::all(), d.user);
    });
    std::optional<push_address> out;
    std::unique_ptr<port::push_addresses> addresses;
    if (person)
        for (const auto& [org, role] : person->memberships) {
            if (out && out->eligible) break;
            out = run_once(o, [&, in = org](database& pool) {
                addresses = adapter::postgres::make_push_addresses(pool, keys);
                port::push_addresses::question q;
                q.device = d.id;
                q.org = in;
                return addresses->find(std::move(q));
            });
        }
    if (!out || !out->eligible)
        throw std::runtime_error(
            "device " + std::to_string(d.id.value) +
            ": no push is sent to it: " + why_not(db, d, person ? person->status : std::string())
        );
    return std::move(*out);
}

std::string age_of(millis age) {
    const auto minutes = std::max<std::int64_t>(std::chrono::floor<std::chrono::minutes>(age).count(), 0);
    if (minutes < 120) return std::to_string(minutes) + " min";
    if (minutes < 48 * 60) return std::to_string(minutes / 60) + " h";
    return std::to_string(minutes / (24 * 60)) + " days";
}

void show_device(const options& o, const known_device& d, const push_address& a) {
    print_row(
        o,
        {{"device", {{"id", d.id.value}, {"device_id", a.uid}, {"name", d.name}, {"platform", a.platform}}}},
        d.name + "  " + a.platform + "  device " + std::to_string(d.id.value) + "  " + a.uid
    );
    const auto at = now();
    for (const auto& t : a.tokens) {
        const std::string kind(push::name(t.to.token_is));
        const bool apns = push::provider_of(t.to.token_is) == push::provider::apns;
        const std::string env(apns ? push::name(t.to.env) : "");
        print_row(
            o,
            {{"token",
              {{"kind", kind},
               {"state", t.dead ? "dead" : "alive"},
               {"environment", apns ? json(env) : json()},
               {"proven", t.to.env_proven},
               {"app", t.to.bundle_id},
               {"registered_at", iso8601(t.to.registered_at)}}}},
            "  has " + kind + "  " + (t.dead ? "dead" : "alive") + "  " + age_of(at - t.to.registered_at) +
                " old" + (apns ? "  " + env + (t.to.env_proven ? ", proven" : ", as the app says") : "") +
                (t.to.bundle_id.empty() ? "" : "  " + t.to.bundle_id)
        );
    }
}

void show(const options& o, const probe_step& s) {
    const auto word = [&] {
        switch (s.came) {
        case probe_step::end::good: return "  ok      ";
        case probe_step::end::failed: return "  FAILED  ";
        case probe_step::end::skipped: return "  -       ";
        }
        return "  ";
    };
    print_row(
        o,
        {{"step", s.what},
         {"result", adapter::push::name(s.came)},
         {"said", s.said},
         {"fix", s.fix.empty() ? json() : json(s.fix)}},
        word() + s.what + ": " + s.said + (s.fix.empty() ? "" : "; " + s.fix)
    );
}

} // namespace

int push_test(const options& o) {
    const auto& c = o.settings;
    if (!c.push.configured()) {
        complain("push is not configured: set push.apns_key_file and push.fcm_service_account_file, as for "
                 "the server; --config FILE reads the server's file");
        return k_usage;
    }
    admin db(c.database.url);
    const auto device = device_of(db, o.arguments);
    const auto address = address_of(db, o, device);
    show_device(o, device, address);
    const wall_clock clock;
    boost::asio::io_context io{1};
    const auto client = http::make_client(io.get_executor(), 1, c.push.ca_file);
    const auto steps = run_to_end(
        io, adapter::push::probe(
                push_settings(c), adapter::push::probe_ports{*client, clock}, address, o.arguments.dry
            )
    );
    bool good = true;
    for (const auto& s : steps) {
        show(o, s);
        good = good && s.came != probe_step::end::failed;
    }
    if (!o.json)
        print_row(o, {}, "  not recorded: push_attempts holds what was sent for calls and notifications");
    return good ? k_ok : k_failed;
}

} // namespace z360::app
