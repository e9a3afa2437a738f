// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/ops.hpp"

#include "adapter/crypto/vault.hpp"
#include "adapter/postgres/ops/admin.hpp"
#include "adapter/postgres/ops/key_check.hpp"
#include "adapter/postgres/ops/login_check.hpp"
#include "adapter/postgres/ops/migrate.hpp"
#include "adapter/postgres/schema_error.hpp"
#include "app/ops_support.hpp"
#include "app/push_parts.hpp"
#include "http_server/certificate.hpp"

#include <z360/port/errors.hpp>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace z360::app {
namespace {

using adapter::postgres::admin;
using nlohmann::json;

// Whoever makes a database says whose keys it is: the next command may be one with a wrong file.
void note_keys(const options& o) {
    const auto& file = o.settings.secrets.key_file;
    if (file.empty() || ::access(file.c_str(), F_OK) != 0) return;
    try {
        (void)keys_of(o);
    } catch (const std::exception& e) {
        complain(e.what());
    }
}

int migrate(const options& o) {
    const auto report = adapter::postgres::migrate(o.settings.database.url);
    note_keys(o);
    std::string text = report.applied.empty() ? "nothing to do" : "applied";
    for (const auto& name : report.applied)
        text += " " + name;
    text += "; the database is at version " + std::to_string(report.version);
    for (const auto& name : report.newer)
        text += "\nnewer than this program: " + name;
    if (report.mended > 0)
        text += "\n  " + std::to_string(report.mended) +
                " calls come from a dump of another server: they count as changed now";
    print(
        o,
        {{"applied", report.applied},
         {"version", report.version},
         {"newer", report.newer},
         {"positions_mended", report.mended}},
        text
    );
    return k_ok;
}

int check_keys(const options& o) {
    const auto& file = o.settings.secrets.key_file;
    const auto fault =
        adapter::postgres::key_fault(o.settings.database.url, *adapter::crypto::vault::open(file));
    if (!fault.empty()) complain("config: secrets.key_file: " + file + ": " + fault);
    return fault.empty() ? k_ok : k_failed;
}

// The database is asked where it can be reached; one that is away, as when an image is built, is no mistake
// in the configuration.
int check_database(const options& o) {
    if (o.settings.database.url.empty()) return k_ok;
    try {
        const auto found = adapter::postgres::check_login(o.settings.database.url);
        for (const auto& note : found.notes)
            complain("database: " + note);
        for (const auto& problem : found.problems)
            complain("database: " + problem);
        if (!found.problems.empty()) return k_failed;
        return found.notes.empty() ? check_keys(o)
                                   : k_ok; // --migrate comes first, and looks at the keys as well
    } catch (const port::unavailable& e) {
        complain(
            std::string("database: not reached, so its version, schema and rights were not checked: ") +
            e.what()
        );
        return k_ok;
    }
}

int check_certificates(const options& o) {
    const auto& file = o.settings.http.tls_certificate_file;
    if (file.empty()) {
        print(
            o, {{"certificates", json::array()}}, "no certificate is configured (http.tls_certificate_file)"
        );
        return k_ok;
    }
    const auto fault = http::identity_fault(file, o.settings.http.tls_key_file);
    if (!fault.empty()) {
        complain(fault);
        return k_failed;
    }
    const auto status = http::read_certificate(file);
    const auto now = std::chrono::floor<millis>(std::chrono::system_clock::now());
    const double days = status.days_left(now);
    const auto invalid = status.fault_at(now);
    const bool alarm = http::certificate_alarm(days).has_value() || !invalid.empty();
    char text[64];
    (void)std::snprintf(text, sizeof text, "%.1f days left", days);
    print(
        o,
        {{"file", file},
         {"subject", status.subject},
         {"days_left", days},
         {"not_before", iso8601(status.not_before)},
         {"not_after", iso8601(status.not_after)},
         {"alarm", alarm}},
        file + ": " + status.subject + ", until " + iso8601(status.not_after) + ", " + text +
            (!invalid.empty() ? "; it is " + invalid + ": replace it now"
             : alarm          ? "; renew it now"
                              : "")
    );
    return alarm ? k_failed : k_ok;
}

// What a start would say about the files that the configuration names.
int check_configuration(const options& o) {
    std::vector<std::string> problems;
    try {
        (void)adapter::crypto::vault::open(o.settings.secrets.key_file);
    } catch (const std::exception& e) {
        problems.emplace_back(e.what());
    }
    const auto& h = o.settings.http;
    if (!h.tls_certificate_file.empty()) {
        const auto fault = http::identity_fault(h.tls_certificate_file, h.tls_key_file);
        if (!fault.empty()) problems.push_back("http.tls_certificate_file, http.tls_key_file: " + fault);
    }
    for (auto& p : adapter::push::key_problems(push_settings(o.settings)))
        problems.push_back(std::move(p));
    for (const auto& p : problems)
        complain("config: " + p);
    if (!problems.empty()) {
        if (o.json) print(o, {{"problems", problems}}, {});
        return k_usage;
    }
    print_text(describe(o));
    return check_database(o);
}

int dispatch(const options& o) {
    switch (o.what) {
    case command::serve: return k_usage; // main's business
    case command::check_config: return check_configuration(o);
    case command::migrate: return migrate(o);
    case command::check_certs: return check_certificates(o);
    case command::explain:
    case command::calls: return calls(o);
    case command::export_calls: return export_calls(o);
    case command::dead_letters:
    case command::dead_letter:
    case command::replay_dead_letters: return events(o);
    case command::replay_call:
    case command::replay_file: return replay(o);
    case command::create_org:
    case command::create_user:
    case command::add_number:
    case command::add_contact:
    case command::add_device:
    case command::add_member:
    case command::org_settings: return change_tenants(o);
    case command::outbound_rules: return outbound_rules(o);
    case command::remove_org:
    case command::remove_user:
    case command::remove_member:
    case command::remove_number:
    case command::remove_contact: return remove_tenants(o);
    case command::list_orgs:
    case command::list_members:
    case command::list_numbers:
    case command::list_contacts: return list_tenants(o);
    case command::generate_key: return generate_key(o);
    case command::promote_key: return promote_key(o);
    case command::rekey:
    case command::import_rows: return credentials(o);
    case command::compare_credentials: return compare_credentials(o);
    case command::create_token:
    case command::list_tokens:
    case command::revoke_token:
    case command::enroll_device: return tokens(o);
    case command::list_devices:
    case command::revoke_device: return devices(o);
    case command::push_test: return push_test(o);
    case command::explain_route: return explain_route(o);
    }
    return k_usage;
}

} // namespace

int run_command(const options& o) {
    try {
        return dispatch(o);
    } catch (const adapter::postgres::schema_error& e) {
        complain(e.what()); // it answers: nothing passes by itself, as with what is away
        return k_failed;
    } catch (const port::unavailable& e) {
        complain("database: " + one_line(e.what()) + "; check database.url and that Postgres is running");
        return k_unreachable;
    } catch (const std::exception& e) {
        complain(e.what());
        return k_failed;
    }
}

} // namespace z360::app
