// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/spool/queue_file.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <sqlite3.h>

#include <chrono>
#include <string>
#include <system_error>

namespace z360::adapter::spool {
namespace fs = std::filesystem;
using port::inbox_event;
namespace {

// Room for what SQLite adds to the bodies, and a hard stop below it should our own count ever be wrong.
constexpr std::size_t k_overhead_per_event = 512;
constexpr const char* k_name = "webhooks.sqlite";

[[noreturn]] void fail(sqlite3* db, const std::string& doing) {
    throw port::unavailable("spool: " + doing + ": " + (db ? sqlite3_errmsg(db) : "out of memory"));
}

std::size_t cost(const inbox_event& e) {
    return e.body.size() + k_overhead_per_event;
}

void bind(sqlite3_stmt* s, int at, const std::string& v) {
    // A blob keeps NUL bytes; the column decides how it is read back.
    sqlite3_bind_blob64(s, at, v.empty() ? "" : v.data(), v.size(), SQLITE_TRANSIENT);
}

std::string blob(sqlite3_stmt* s, int at) {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(s, at));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(s, at));
    return data ? std::string(data, size) : std::string();
}

} // namespace

void queue_file::closer::operator()(sqlite3* db) const {
    sqlite3_close_v2(db);
}
void queue_file::closer::operator()(sqlite3_stmt* s) const {
    sqlite3_finalize(s);
}

queue_file::queue_file(const fs::path& directory, std::size_t max_bytes) : max_bytes_(max_bytes) {
    std::error_code ec;
    const bool created = fs::create_directories(directory, ec);
    if (ec) throw port::unavailable("spool: cannot create " + directory.string() + ": " + ec.message());
    if (created) fs::permissions(directory, fs::perms::owner_all, ec); // bodies hold phone numbers
    const auto file = directory / k_name;
    if (!open(file)) {
        move_aside(file);
        if (!open(file)) throw port::unavailable("spool: cannot begin a new queue in " + directory.string());
    }
    count();
    if (size() > 0) log::warn("spool_not_empty", {{"events", size()}, {"bytes", bytes_}});
}

queue_file::~queue_file() = default;

// false: the file is there but damaged. Throws for everything else (locked, no rights, disk full).
bool queue_file::open(const fs::path& file) {
    sqlite3* raw = nullptr;
    const int rc = sqlite3_open_v2(
        file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr
    );
    db_.reset(raw);
    const auto damaged = [](int code) {
        return (code & 0xFF) == SQLITE_CORRUPT || (code & 0xFF) == SQLITE_NOTADB;
    };
    const auto check = [this, &damaged](int code, const char* doing) {
        if (code == SQLITE_OK) return true;
        if (damaged(code)) return false;
        if ((code & 0xFF) == SQLITE_BUSY)
            throw port::unavailable("spool: another process uses this queue: give each one a spool.directory"
            );
        fail(db_.get(), doing);
    };
    if (!check(rc, "open")) return false;
    sqlite3_busy_timeout(db_.get(), 1'000);
    // Exclusive: two processes that drained one queue would not lose events, but count wrongly.
    for (const char* sql :
         {"pragma locking_mode = exclusive", "pragma journal_mode = wal", "pragma synchronous = full",
          "create table if not exists queue (seq integer primary key autoincrement, event_id blob not null "
          "unique, event_type blob not null, route integer not null, session_id blob not null, control_id "
          "blob not null, received_ms integer not null, body blob not null)"})
        if (!check(sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr), "set up")) return false;
    auto s = prepare("pragma quick_check(1)");
    const int checked = sqlite3_step(s.get());
    if (checked != SQLITE_ROW) return damaged(checked) ? false : (fail(db_.get(), "check"), false);
    return blob(s.get(), 0) == "ok";
}

void queue_file::move_aside(const fs::path& file) {
    const auto stamp =
        std::chrono::duration_cast<millis>(std::chrono::system_clock::now().time_since_epoch());
    const auto suffix = ".damaged-" + std::to_string(stamp.count());
    db_.reset();
    for (const char* part : {"", "-wal", "-shm"}) {
        std::error_code ec;
        const fs::path from = file.string() + part;
        if (fs::exists(from, ec)) fs::rename(from, file.string() + suffix + part, ec);
        if (ec) throw port::unavailable("spool: cannot move " + from.string() + " aside: " + ec.message());
    }
    log::critical("spool_damaged", {{"kept_as", file.string() + suffix}});
}

void queue_file::exec(const char* sql) {
    if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(db_.get(), sql);
}

queue_file::statement queue_file::prepare(const char* sql) {
    sqlite3_stmt* s = nullptr;
    if (sqlite3_prepare_v2(db_.get(), sql, -1, &s, nullptr) != SQLITE_OK) fail(db_.get(), "prepare");
    return statement(s);
}

// true: a row; false: done.
bool queue_file::step(sqlite3_stmt* s) {
    const int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) return true;
    if (rc != SQLITE_DONE) fail(db_.get(), "write");
    return false;
}

template <class F>
void queue_file::in_transaction(F change) {
    exec("begin immediate");
    try {
        change();
        exec("commit"); // with synchronous=full the log is on the disk when this returns
    } catch (...) {
        (void)sqlite3_exec(db_.get(), "rollback", nullptr, nullptr, nullptr);
        throw;
    }
}

void queue_file::count() {
    const auto s = prepare("select count(*), coalesce(sum(length(body)), 0) from queue");
    (void)step(s.get());
    const auto n = static_cast<std::size_t>(sqlite3_column_int64(s.get(), 0));
    bytes_ = static_cast<std::size_t>(sqlite3_column_int64(s.get(), 1)) + n * k_overhead_per_event;
    size_.store(n, std::memory_order_relaxed);
}

void queue_file::append(const std::vector<inbox_event>& events) {
    std::size_t more = 0;
    for (const auto& e : events)
        more += cost(e);
    if (bytes_ + more > max_bytes_)
        throw port::unavailable(
            "spool: full (" + std::to_string(bytes_) + " of " + std::to_string(max_bytes_) + " bytes)"
        );
    std::size_t added = 0;
    std::size_t added_bytes = 0;
    in_transaction([&] {
        const auto s = prepare("insert into queue (event_id, event_type, route, session_id, control_id, "
                               "received_ms, body) values (?, ?, ?, ?, ?, ?, ?) on conflict do nothing");
        for (const auto& e : events) {
            bind(s.get(), 1, e.event_id);
            bind(s.get(), 2, e.event_type);
            sqlite3_bind_int(s.get(), 3, static_cast<int>(e.route));
            bind(s.get(), 4, e.call_session_id);
            bind(s.get(), 5, e.call_control_id);
            sqlite3_bind_int64(s.get(), 6, e.received_at.time_since_epoch().count());
            bind(s.get(), 7, e.body);
            (void)step(s.get());
            if (sqlite3_changes(db_.get()) > 0) {
                ++added;
                added_bytes += cost(e);
            }
            sqlite3_reset(s.get());
        }
    });
    bytes_ += added_bytes;
    size_.fetch_add(added, std::memory_order_relaxed);
}

std::vector<inbox_event> queue_file::peek(std::size_t limit) {
    const auto s =
        prepare("select event_id, event_type, route, session_id, control_id, received_ms, body from "
                "queue order by seq limit ?");
    sqlite3_bind_int64(s.get(), 1, static_cast<sqlite3_int64>(limit));
    std::vector<inbox_event> out;
    while (step(s.get())) {
        inbox_event e;
        e.event_id = blob(s.get(), 0);
        e.event_type = blob(s.get(), 1);
        e.route = static_cast<port::webhook_route>(sqlite3_column_int(s.get(), 2) & 3);
        e.call_session_id = blob(s.get(), 3);
        e.call_control_id = blob(s.get(), 4);
        e.received_at = time_point{millis{sqlite3_column_int64(s.get(), 5)}};
        e.body = blob(s.get(), 6);
        out.push_back(std::move(e));
    }
    return out;
}

void queue_file::remove(const std::vector<std::string>& event_ids) {
    in_transaction([&] {
        const auto s = prepare("delete from queue where event_id = ?");
        for (const auto& id : event_ids) {
            bind(s.get(), 1, id);
            (void)step(s.get());
            sqlite3_reset(s.get());
        }
    });
    count();
}

} // namespace z360::adapter::spool
