// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/ops.hpp"

#include "adapter/postgres/admin.hpp"
#include "adapter/postgres/migrate.hpp"
#include "http_server/certificate.hpp"

#include <z360/port/errors.hpp>

#include <nlohmann/json.hpp>

#include <charconv>
#include <cstdio>
#include <iostream>
#include <string>

namespace z360::app {
namespace {

using adapter::postgres::admin;
using nlohmann::json;

// One result in the form that was asked for.
void print(const options& o, const json& machine, const std::string& people) {
    if (o.json)
        std::cout << machine.dump() << '\n';
    else
        std::cout << people << '\n';
}

std::optional<std::int64_t> as_number(const std::string& text) {
    std::int64_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc{} || end != text.data() + text.size() || n <= 0) return std::nullopt;
    return n;
}

// "Demo Company, Ltd." is organisation demo-company-ltd.
std::string slug_of(const std::string& name) {
    std::string out;
    for (const char c : name) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        const bool capital = c >= 'A' && c <= 'Z';
        if (letter || capital)
            out.push_back(capital ? static_cast<char>(c - 'A' + 'a') : c);
        else if (!out.empty() && out.back() != '-')
            out.push_back('-');
    }
    while (!out.empty() && out.back() == '-')
        out.pop_back();
    return out.empty() ? "org-" + derive_uuid(name).text().substr(0, 8) : out;
}

// Organisations and users may be named by their id or by their name; a new name makes a new row.
org_id org_of(admin& db, const options& o) {
    if (const auto n = as_number(o.arguments.org)) return org_id{*n};
    return db.upsert_organization(slug_of(o.arguments.org), o.arguments.org);
}
user_id user_of(admin& db, const options& o) {
    if (const auto n = as_number(o.arguments.user)) return user_id{*n};
    return db.upsert_user(o.arguments.user, o.arguments.user);
}

int migrate(const options& o) {
    const auto report = adapter::postgres::migrate(o.settings.database.url);
    std::string text = report.applied.empty() ? "nothing to do" : "applied";
    for (const auto& name : report.applied)
        text += " " + name;
    text += "; the database is at version " + std::to_string(report.version);
    for (const auto& name : report.newer)
        text += "\nnewer than this program: " + name;
    print(o, {{"applied", report.applied}, {"version", report.version}, {"newer", report.newer}}, text);
    return k_ok;
}

int check_certificates(const options& o) {
    const auto& file = o.settings.http.tls_certificate_file;
    if (file.empty()) {
        print(
            o, {{"certificates", json::array()}}, "no certificate is configured (http.tls_certificate_file)"
        );
        return k_ok;
    }
    const auto status = http::read_certificate(file);
    if (!status.ok()) {
        std::cerr << status.error << '\n';
        return k_failed;
    }
    const auto now = std::chrono::floor<millis>(std::chrono::system_clock::now());
    const double days = status.days_left(now);
    const bool alarm = http::certificate_alarm(days).has_value();
    char text[64];
    (void)std::snprintf(text, sizeof text, "%.1f days left", days);
    print(
        o,
        {{"file", file},
         {"subject", status.subject},
         {"days_left", days},
         {"not_after", iso8601(status.not_after)},
         {"alarm", alarm}},
        file + ": " + status.subject + ", until " + iso8601(status.not_after) + ", " + text +
            (alarm ? "; renew it now" : "")
    );
    return alarm ? k_failed : k_ok;
}

int explain(admin& db, const options& o) {
    const auto call = db.explain(o.arguments.subject);
    if (!call) {
        std::cerr << "no call or webhook is known under " << o.arguments.subject << '\n';
        return k_failed;
    }
    if (o.json) { // one line each, for programs that follow along
        for (const auto& l : call->lines) {
            const json line{
                {"at", iso8601(l.at)}, {"source", l.source}, {"what", l.what}, {"detail", l.detail}
            };
            std::cout << line.dump() << '\n';
        }
        return k_ok;
    }
    std::cout << "call " << call->id.text() << " session " << call->call_session_id << ": " << call->phase
              << (call->end_reason.empty() ? "" : " (" + call->end_reason + ")") << ", version "
              << call->version << '\n';
    for (const auto& l : call->lines) {
        char head[64];
        (void)std::snprintf(
            head, sizeof head, "%s  %-8s %-22s ", iso8601(l.at).c_str(), l.source.c_str(), l.what.c_str()
        );
        std::cout << head << l.detail << '\n';
    }
    return k_ok;
}

int dead_letters(admin& db, const options& o) {
    constexpr std::size_t k_limit = 1'000;
    const auto rows = db.dead_letters(k_limit);
    for (const auto& r : rows) {
        const json line{{"event_id", r.event_id},       {"type", r.event_type},
                        {"session", r.call_session_id}, {"received_at", iso8601(r.received_at)},
                        {"attempts", r.attempts},       {"error", r.error}};
        print(o, line, iso8601(r.received_at) + "  " + r.event_type + "  " + r.event_id + "  " + r.error);
    }
    if (rows.empty() && !o.json) std::cout << "no dead letters\n";
    return k_ok;
}

int add(admin& db, const options& o) {
    const auto& a = o.arguments;
    switch (o.what) {
    case command::create_org: {
        const auto id = db.upsert_organization(slug_of(a.subject), a.subject);
        print(o, {{"org", id.value}}, "organisation " + std::to_string(id.value) + ": " + a.subject);
        return k_ok;
    }
    case command::create_user: {
        const auto org = org_of(db, o);
        const auto id = db.upsert_user(a.subject, a.name.empty() ? a.subject : a.name);
        db.upsert_membership(org, id, "member");
        print(
            o, {{"user", id.value}, {"org", org.value}}, "user " + std::to_string(id.value) + ": " + a.subject
        );
        return k_ok;
    }
    case command::add_number: {
        adapter::postgres::number_row n;
        n.org = org_of(db, o);
        n.connection_id = o.settings.telnyx.connection_id;
        n.number = a.subject;
        n.receiver = a.user.empty() ? user_id{} : user_of(db, o);
        n.route_type = a.user.empty() ? "voicemail" : "user";
        const auto id = db.upsert_number(n);
        print(
            o, {{"number", id.value}},
            "number " + a.subject + " routes to " + (a.user.empty() ? "voicemail" : a.user)
        );
        return k_ok;
    }
    case command::add_contact: {
        db.upsert_contact(org_of(db, o), a.subject, a.name);
        print(o, {{"contact", a.subject}}, "contact " + a.subject + ": " + a.name);
        return k_ok;
    }
    case command::add_device: {
        adapter::postgres::device_row d;
        d.user = user_of(db, o);
        d.device_uid = a.subject;
        d.name = a.name;
        d.platform = a.platform;
        d.telnyx_credential_id = "manual-" + a.sip_username;
        d.sip_username = a.sip_username;
        const auto keys = db.upsert_device(d);
        db.touch_device(keys.device, std::chrono::floor<millis>(std::chrono::system_clock::now()));
        print(
            o, {{"device", keys.device.value}, {"identity", keys.identity.value}},
            "device " + std::to_string(keys.device.value) + ": " + a.subject
        );
        return k_ok;
    }
    case command::serve:
    case command::check_config:
    case command::migrate:
    case command::check_certs:
    case command::explain:
    case command::dead_letters: break;
    }
    return k_usage;
}

int dispatch(const options& o) {
    switch (o.what) {
    case command::serve: return k_usage; // main's business
    case command::check_config: std::cout << describe(o) << '\n'; return k_ok;
    case command::migrate: return migrate(o);
    case command::check_certs: return check_certificates(o);
    case command::explain: {
        admin db(o.settings.database.url);
        return explain(db, o);
    }
    case command::dead_letters: {
        admin db(o.settings.database.url);
        return dead_letters(db, o);
    }
    case command::create_org:
    case command::create_user:
    case command::add_number:
    case command::add_contact:
    case command::add_device: {
        admin db(o.settings.database.url);
        return add(db, o);
    }
    }
    return k_usage;
}

} // namespace

int run_command(const options& o) {
    try {
        return dispatch(o);
    } catch (const port::unavailable& e) {
        std::cerr << "database: " << e.what() << "; check database.url and that Postgres is running\n";
        return k_unreachable;
    } catch (const std::exception& e) {
        std::cerr << e.what() << '\n';
        return k_failed;
    }
}

} // namespace z360::app
