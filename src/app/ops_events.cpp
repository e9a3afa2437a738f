// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Events that nobody could use: looked at, and offered again.
#include "adapter/spool/spool.hpp"
#include "app/ops_support.hpp"
#include "app/values.hpp"
#include "wire/lenient_json.hpp"

#include <cstdint>
#include <string>

namespace z360::app {
namespace {

using adapter::postgres::admin;
using adapter::postgres::stored_event;
using nlohmann::json;

constexpr int k_deepest = 64; // of a body that is shown as JSON
constexpr std::size_t k_limit = 1'000;
constexpr std::size_t k_most_at_once = 10'000;

// As far back as there are any, unless told.
time_point since_of(const options& o) {
    time_point out{};
    if (!o.arguments.since.empty())
        (void)read_since(o.arguments.since, now(), out); // checked with the command line
    return out;
}

// Of this machine alone: what no database keeps stays where it arrived.
std::size_t set_aside_here(const options& o, std::size_t limit, time_point since) {
    const auto& directory = o.settings.spool.directory;
    if (directory.empty()) return 0;
    std::size_t shown = 0;
    const auto rows = adapter::spool::read_dead_letters(directory, limit);
    for (const auto& [e, why] : rows) {
        if (e.received_at < since) continue;
        ++shown;
        const json line{{"event_id", e.event_id},       {"type", e.event_type},
                        {"session", e.call_session_id}, {"received_at", iso8601(e.received_at)},
                        {"where", directory},           {"error", why}};
        print_row(
            o, line,
            iso8601(e.received_at) + "  " + e.event_type + "  " + e.event_id + "  set aside in " + directory +
                ": " + why
        );
    }
    return shown;
}

int dead_letters(admin& db, const options& o) {
    const auto rows = db.dead_letters(k_limit, since_of(o));
    for (const auto& r : rows) {
        const json line{{"event_id", r.event_id},       {"type", r.event_type},
                        {"session", r.call_session_id}, {"received_at", iso8601(r.received_at)},
                        {"attempts", r.attempts},       {"error", r.error}};
        print_row(o, line, iso8601(r.received_at) + "  " + r.event_type + "  " + r.event_id + "  " + r.error);
    }
    const auto aside = set_aside_here(o, k_limit, since_of(o));
    if (rows.empty() && aside == 0 && !o.json) print(o, {}, "no dead letters");
    return k_ok;
}

std::string no_such(const std::string& event) {
    return "the database has no event " + event +
           "; what this machine's spool set aside is only listed, by --dead-letters";
}

json all_of(const stored_event& e) {
    auto body = wire::nested_deeper_than(e.body, k_deepest) ? json(json::value_t::discarded)
                                                            : json::parse(e.body, nullptr, false);
    if (body.is_discarded()) body = e.body; // genuine, and no JSON, or such as nobody can print
    return {
        {"event_id", e.line.event_id},
        {"type", e.line.event_type},
        {"session", e.line.call_session_id},
        {"call_control_id", e.call_control_id},
        {"route", e.route},
        {"received_at", iso8601(e.line.received_at)},
        {"status", e.status},
        {"attempts", e.line.attempts},
        {"processed_at", e.processed_at ? json(iso8601(*e.processed_at)) : json()},
        {"error", e.line.error.empty() ? json() : json(e.line.error)},
        {"body", std::move(body)},
    };
}

int show(admin& db, const options& o) {
    const auto found = db.event(o.arguments.subject);
    if (!found) {
        complain(no_such(o.arguments.subject));
        return k_failed;
    }
    const auto shown = all_of(*found);
    std::string people;
    for (const auto& [key, v] : shown.items())
        if (key != "body" && !v.is_null())
            people += key + ": " + (v.is_string() ? v.get<std::string>() : v.dump()) + "\n";
    const auto& body = shown["body"];
    people += "body: " + (body.is_string() ? body.get<std::string>()
                                           : body.dump(2, ' ', false, json::error_handler_t::replace));
    print(o, shown, people);
    return k_ok;
}

int replay(admin& db, const options& o) {
    const auto& which = o.arguments.subject;
    if (which == "all") {
        const auto n = db.revive_since(since_of(o), k_most_at_once);
        const bool rest = n == k_most_at_once;
        print(
            o, {{"replayed", n}},
            n == 0 ? "no dead letters"
                   : std::to_string(n) + " dead letters are offered again" +
                         (rest ? "; call it again for the others" : "")
        );
        return k_ok;
    }
    if (!db.revive(which)) {
        const auto found = db.event(which);
        complain(
            found
                ? "event " + which + " is no dead letter but " + found->status + ": it is not processed twice"
                : no_such(which)
        );
        return k_failed;
    }
    print(
        o, {{"replayed", 1}},
        "event " + which + " is offered again; --dead-letter " + which + " tells how it went"
    );
    return k_ok;
}

} // namespace

int events(const options& o) {
    admin db(o.settings.database.url);
    if (o.what == command::dead_letter) return show(db, o);
    return o.what == command::replay_dead_letters ? replay(db, o) : dead_letters(db, o);
}

} // namespace z360::app
