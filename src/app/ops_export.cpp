// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calls as CSV or JSON lines: page by page, whatever their number.
#include "app/ops_support.hpp"
#include "app/values.hpp"
#include "edge/api/record_json.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace z360::app {
namespace {

using adapter::postgres::admin;

constexpr std::size_t k_page = 500;

port::record_span span_of(const options& o, org_id org, time_point now) {
    const auto& a = o.arguments;
    port::record_span out{org, now - std::chrono::hours{24}, now};
    if (!a.until.empty())
        out.until = parse_iso8601(a.until).value_or(now); // both were checked with the command line
    if (!a.since.empty()) (void)read_since(a.since, now, out.from);
    if (out.from > out.until) throw std::runtime_error("--until: lies before --since; give a later time");
    return out;
}

// As it is, not made printable: a file is to hold what there is, and JSON and CSV escape on their own.
void write(const std::string& text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size())
        throw std::runtime_error(std::string("cannot write: ") + std::strerror(errno));
}

void write_calls(admin& db, const port::record_span& span, bool csv) {
    port::record_cursor after;
    for (;;) {
        const auto page = db.records(span, after, k_page);
        for (const auto& r : page)
            write(csv ? edge::api::record_csv(r) : edge::api::record_json(r).dump() + "\n");
        if (page.size() < k_page) return;
        after = {page.back().began, page.back().id};
    }
}

} // namespace

int export_calls(const options& o) {
    admin db(o.settings.database.url);
    const bool csv = o.arguments.subject == "csv";
    const auto at = now();
    auto organisations =
        o.arguments.org.empty() ? db.organizations() : std::vector{known_org(db, o.arguments.org)};
    if (csv) write(edge::api::record_csv_header());
    for (const auto org : organisations)
        write_calls(db, span_of(o, org, at), csv);
    if (std::fflush(stdout) != 0)
        throw std::runtime_error(std::string("cannot write: ") + std::strerror(errno));
    return k_ok;
}

} // namespace z360::app
