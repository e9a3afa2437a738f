// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/spool/dead_letter_file.hpp"

#include "adapter/spool/sqlite.hpp"

#include <algorithm>
#include <cstdint>
#include <system_error>

namespace z360::adapter::spool {
namespace fs = std::filesystem;
namespace {

constexpr const char* k_name = "set-aside.sqlite";
constexpr int k_patience_ms = 1'000; // another process writes a few rows

bool present(const fs::path& file) {
    std::error_code ec;
    return fs::exists(file, ec);
}

// Not where the disk was full when the file was begun.
bool has_table(sqlite_file& db) {
    return db.number("select count(*) from sqlite_master where name = 'set_aside'") > 0;
}

} // namespace

dead_letter_file::dead_letter_file(const fs::path& directory, std::size_t max_bytes)
    : path_(directory / k_name), max_bytes_(max_bytes) {}

void dead_letter_file::add(const std::vector<dead_letter>& events) {
    sqlite_file db(path_, sqlite_file::how::create, k_patience_ms);
    db.exec("pragma synchronous = extra"); // the journal is deleted: its directory must know
    db.exec(
        "create table if not exists set_aside (seq integer primary key autoincrement, event_id blob not null "
        "unique, event_type blob not null, route integer not null, session_id blob not null, control_id blob "
        "not null, received_ms integer not null, body blob not null, why blob not null)"
    );
    std::error_code ec;
    fs::permissions(path_, fs::perms::owner_read | fs::perms::owner_write, ec);
    const auto kept =
        static_cast<std::size_t>(db.number("select coalesce(sum(length(body)), 0) from set_aside"));
    if (kept > max_bytes_)
        throw port::unavailable("spool: " + path_.string() + " is full: read it, then delete it");
    db.in_transaction([&] {
        const auto s =
            db.prepare("insert into set_aside (event_id, event_type, route, session_id, control_id, "
                       "received_ms, body, why) values (?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing");
        for (const auto& [e, why] : events) {
            bind(s.get(), 1, e.event_id);
            bind(s.get(), 2, e.event_type);
            bind(s.get(), 3, static_cast<std::int64_t>(e.route));
            bind(s.get(), 4, e.call_session_id);
            bind(s.get(), 5, e.call_control_id);
            bind(s.get(), 6, std::int64_t{e.received_at.time_since_epoch().count()});
            bind(s.get(), 7, e.body);
            bind(s.get(), 8, why);
            (void)db.step(s.get());
            reset(s.get());
        }
    });
}

std::vector<dead_letter> dead_letter_file::read(std::size_t limit) const {
    std::vector<dead_letter> out;
    if (!present(path_)) return out;
    sqlite_file db(path_, sqlite_file::how::existing, k_patience_ms);
    if (!has_table(db)) return out;
    const auto s =
        db.prepare("select event_id, event_type, route, session_id, control_id, received_ms, body, why "
                   "from set_aside order by seq limit ?");
    bind(s.get(), 1, static_cast<std::int64_t>(limit));
    while (db.step(s.get())) {
        dead_letter a;
        a.event.event_id = blob(s.get(), 0);
        a.event.event_type = blob(s.get(), 1);
        a.event.route = static_cast<port::webhook_route>(integer(s.get(), 2) & 3);
        a.event.call_session_id = blob(s.get(), 3);
        a.event.call_control_id = blob(s.get(), 4);
        a.event.received_at = time_point{millis{integer(s.get(), 5)}};
        a.event.body = blob(s.get(), 6);
        a.why = blob(s.get(), 7);
        out.push_back(std::move(a));
    }
    return out;
}

std::size_t dead_letter_file::count() const {
    if (!present(path_)) return 0;
    sqlite_file db(path_, sqlite_file::how::existing, k_patience_ms);
    if (!has_table(db)) return 0;
    return static_cast<std::size_t>(std::max<std::int64_t>(0, db.number("select count(*) from set_aside")));
}

} // namespace z360::adapter::spool
