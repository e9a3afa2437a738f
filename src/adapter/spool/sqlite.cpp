// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/spool/sqlite.hpp"

#include <z360/base/time.hpp>
#include <z360/log.hpp>

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <chrono>
#include <system_error>

namespace z360::adapter::spool {
namespace fs = std::filesystem;

void closer::operator()(sqlite3* db) const {
    sqlite3_close_v2(db);
}
void closer::operator()(sqlite3_stmt* s) const {
    sqlite3_finalize(s);
}

namespace {

// Bodies hold phone numbers. SQLite gives a journal the mode that the file has when the journal is begun, so
// it has to be right from the first moment on. A file that is there is not opened: closing it would end
// SQLite's locks.
void begin_private(const fs::path& file) {
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) ::close(fd); // else it is there, or SQLite says why not
}

} // namespace

sqlite_file::sqlite_file(const fs::path& file, how h, int busy_timeout_ms) {
    if (h == how::create) begin_private(file);
    sqlite3* raw = nullptr;
    const int create = h == how::create ? SQLITE_OPEN_CREATE : 0;
    const int rc =
        sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE | create | SQLITE_OPEN_NOMUTEX, nullptr);
    db_.reset(raw);
    check(rc, "open");
    sqlite3_busy_timeout(raw, busy_timeout_ms);
}

void sqlite_file::check(int code, const char* doing) {
    const int kind = code & 0xFF;
    if (kind == SQLITE_OK || kind == SQLITE_ROW || kind == SQLITE_DONE) return;
    const auto text =
        std::string("spool: ") + doing + ": " + (db_ ? sqlite3_errmsg(db_.get()) : "out of memory");
    if (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB) throw damaged(text);
    if (kind == SQLITE_BUSY || kind == SQLITE_LOCKED) throw in_use(text);
    throw port::unavailable(text);
}

void sqlite_file::exec(const char* sql) {
    check(sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr), sql);
}

statement sqlite_file::prepare(const char* sql) {
    sqlite3_stmt* s = nullptr;
    check(sqlite3_prepare_v2(db_.get(), sql, -1, &s, nullptr), "prepare");
    return statement(s);
}

bool sqlite_file::step(sqlite3_stmt* s) {
    const int rc = sqlite3_step(s);
    check(rc, "write");
    return rc == SQLITE_ROW;
}

std::int64_t sqlite_file::number(const char* sql) {
    const auto s = prepare(sql);
    return step(s.get()) ? integer(s.get(), 0) : 0;
}

bool sqlite_file::sound() {
    try {
        const auto s = prepare("pragma quick_check(1)");
        return step(s.get()) && blob(s.get(), 0) == "ok";
    } catch (const damaged&) {
        return false;
    }
}

bool sqlite_file::moved() {
    int gone = 0;
    (void)sqlite3_file_control(db_.get(), nullptr, SQLITE_FCNTL_HAS_MOVED, &gone);
    return gone != 0;
}

int sqlite_file::changes() {
    return sqlite3_changes(db_.get());
}

void sqlite_file::roll_back() noexcept {
    (void)sqlite3_exec(db_.get(), "rollback", nullptr, nullptr, nullptr);
}

void bind(sqlite3_stmt* s, int at, const std::string& v) {
    sqlite3_bind_blob64(s, at, v.empty() ? "" : v.data(), v.size(), SQLITE_TRANSIENT);
}
void bind(sqlite3_stmt* s, int at, std::int64_t v) {
    sqlite3_bind_int64(s, at, v);
}

std::string blob(sqlite3_stmt* s, int at) {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(s, at));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(s, at));
    return data ? std::string(data, size) : std::string();
}
std::int64_t integer(sqlite3_stmt* s, int at) {
    return sqlite3_column_int64(s, at);
}
void reset(sqlite3_stmt* s) {
    sqlite3_reset(s);
}

void move_aside(const fs::path& file) {
    const auto stamp =
        std::chrono::duration_cast<millis>(std::chrono::system_clock::now().time_since_epoch());
    const auto suffix = ".damaged-" + std::to_string(stamp.count());
    for (const char* part : {"", "-journal", "-wal", "-shm"}) {
        std::error_code ec;
        const fs::path from = file.string() + part;
        if (fs::exists(from, ec)) fs::rename(from, file.string() + suffix + part, ec);
        if (ec) throw port::unavailable("spool: cannot move " + from.string() + " aside: " + ec.message());
    }
    log::critical("spool_damaged", {{"kept_as", file.string() + suffix}});
}

void delete_file(const fs::path& file) {
    for (const char* part : {"-wal", "-shm", "-journal", ""}) {
        std::error_code ec;
        fs::remove(file.string() + part, ec);
    }
}

} // namespace z360::adapter::spool
