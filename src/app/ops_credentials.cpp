// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Work on everything that is stored about credentials, while the servers go on.
#include "adapter/crypto/vault.hpp"
#include "adapter/postgres/ops/import.hpp"
#include "adapter/postgres/ops/rekey.hpp"
#include "app/ops_support.hpp"

#include <filesystem>
#include <fstream>

namespace z360::app {
namespace {

using nlohmann::json;

int rekey(const options& o) {
    const auto keys = keys_of(o);
    const auto progress = [&o](const std::string& column, std::size_t rows) {
        if (!o.json) complain(column + ": " + std::to_string(rows) + " rows");
    };
    const auto report = adapter::postgres::rekey(o.settings.database.url, *keys, progress);
    json left = json::array();
    for (const auto& c : report.columns)
        for (const auto& row : c.left)
            left.push_back(row);
    std::string people =
        std::to_string(report.changed()) + " values are under key " + keys->current_key() + " now";
    if (report.tokens_under_old_keys > 0)
        people += "; " + std::to_string(report.tokens_under_old_keys) +
                  " bearer tokens follow at their next use: keep the old keys until a run says none";
    for (const auto& row : left)
        people += "\nno key of the file opens " + row.get<std::string>();
    print(
        o,
        {{"changed", report.changed()},
         {"key", keys->current_key()},
         {"left", left},
         {"tokens_under_old_keys", report.tokens_under_old_keys}},
        people
    );
    return report.complete() ? k_ok : k_failed;
}

int import_file(const options& o) {
    const auto& file = o.arguments.subject;
    const auto keys = keys_of(o);
    std::ifstream in;
    if (!std::filesystem::is_directory(file))
        in.open(file, std::ios::binary); // which opens, and reads as empty
    if (!in.is_open())
        throw std::runtime_error(file + ": cannot be read; correct the path or its permissions");
    adapter::postgres::import_options how;
    how.strict = o.arguments.strict;
    how.now = now();
    const auto r = adapter::postgres::import_old_rows(in, o.settings.database.url, *keys, how);
    for (const auto& p : r.problems)
        complain(
            file + " line " + std::to_string(p.line) + ": " + (p.field.empty() ? "" : p.field + ": ") +
            p.reason
        );
    json dropped = json::array();
    for (const auto& d : r.dropped) {
        dropped.push_back({{"line", d.line}, {"what", d.what}});
        if (!o.json) complain(file + " line " + std::to_string(d.line) + ": " + d.what);
    }
    if (r.drops > r.dropped.size() && !o.json)
        complain(file + ": and " + std::to_string(r.drops - r.dropped.size()) + " more of these");
    json counts{
        {"lines", r.lines},
        {"devices", r.devices},
        {"registrations", r.registrations},
        {"identities", r.identities},
        {"pending", r.pending},
        {"duplicates", r.duplicates},
        {"retired", r.retired},
        {"organization_credentials", r.organization_credentials},
        {"unchanged", r.unchanged},
        {"bad_lines", r.bad_lines},
        {"drops", r.drops},
        {"applied", r.applied},
    };
    std::string people = r.applied ? "imported" : "nothing was changed (--strict)";
    for (const auto& [key, v] : counts.items())
        if (key != "applied") people += "\n  " + key + ": " + v.dump();
    counts["dropped"] = std::move(dropped);
    print(o, counts, people);
    return r.applied && r.bad_lines == 0 ? k_ok : k_failed;
}

} // namespace

int credentials(const options& o) {
    return o.what == command::rekey ? rekey(o) : import_file(o);
}

} // namespace z360::app
