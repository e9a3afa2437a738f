// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/spool/queue_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace z360::adapter::spool {
namespace fs = std::filesystem;
using port::inbox_event;
namespace {

constexpr std::size_t k_overhead_per_event = 512;
constexpr std::size_t k_journal_bytes = 131'072; // 30 pages: a removal of a few events changes fewer
constexpr std::int64_t k_free_pages_kept = 64;

constexpr const char* k_columns =
    "select event_id, event_type, route, session_id, control_id, received_ms, body from queue ";

inbox_event event_of(sqlite3_stmt* s) {
    inbox_event e;
    e.event_id = blob(s, 0);
    e.event_type = blob(s, 1);
    e.route = static_cast<port::webhook_route>(integer(s, 2) & 3);
    e.call_session_id = blob(s, 3);
    e.call_control_id = blob(s, 4);
    e.received_at = time_point{millis{integer(s, 5)}};
    e.body = blob(s, 6);
    return e;
}

} // namespace

std::size_t queue_file::cost(const inbox_event& e) {
    return e.body.size() + k_overhead_per_event;
}

queue_file::queue_file(fs::path file, how h) : path_(std::move(file)), db_(path_, h, 0) {
    // Set before the file is read: no other process may come between, and a log (the form of files of
    // former releases) needs no shared memory.
    db_.exec("pragma locking_mode = exclusive");
    db_.exec("pragma temp_store = memory");
    db_.exec("pragma journal_size_limit = 131072"); // a long drain must not leave its journal behind
    db_.exec("pragma secure_delete = fast"
    ); // what is freed is not written once more: that would need the journal
    if (h == how::create)
        begin_new();
    else
        take_over();
}

// A rollback journal of its full size, kept for good: a write-ahead log would have to grow for a removal too,
// and nothing can grow on a full disk.
void queue_file::begin_new() {
    db_.exec("pragma auto_vacuum = incremental");
    db_.exec("pragma journal_mode = persist");
    db_.exec("pragma synchronous = full");
    db_.exec("begin exclusive");
    db_.exec(
        "create table queue (seq integer primary key autoincrement, event_id blob not null unique, "
        "event_type blob not null, route integer not null, session_id blob not null, control_id blob not "
        "null, received_ms integer not null, body blob not null)"
    );
    db_.exec("create table probe (body blob)");
    db_.exec("commit");
    reserve_journal();
}

void queue_file::take_over() {
    db_.exec("begin exclusive");
    db_.exec("commit");
    try {
        db_.exec("pragma journal_mode = persist"); // does nothing but for a log, and that may need room
    } catch (const damaged&) {
        throw;
    } catch (const port::unavailable&) {
        // what it could not move stays in the log, and is read from there
    }
    db_.exec("pragma synchronous = full");
    if (!db_.sound()) throw damaged("spool: " + path_.string() + " is damaged");
    count();
}

void queue_file::reserve_journal() const {
    const auto journal = path_.string() + "-journal";
    const auto fail = [&] {
        throw port::unavailable("spool: cannot reserve room for " + journal + ": " + std::strerror(errno));
    };
    const int fd = ::open(journal.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) fail();
    struct guard {
        int fd;
        ~guard() { ::close(fd); }
    } const closes{fd};
    struct stat st{};
    if (::fstat(fd, &st) != 0) fail();
    // Written, not only allocated: so the room is there whatever the file system thinks of unwritten parts.
    const std::string zeros(4096, '\0');
    for (auto at = static_cast<std::size_t>(st.st_size); at < k_journal_bytes; at += zeros.size())
        if (::pwrite(fd, zeros.data(), zeros.size(), static_cast<off_t>(at)) !=
            static_cast<ssize_t>(zeros.size()))
            fail();
    if (::fsync(fd) != 0) fail();
}

void queue_file::count() {
    size_ = bytes_ = 0;
    if (db_.number("select count(*) from sqlite_master where type = 'table' and name = 'queue'") == 0) return;
    size_ = static_cast<std::size_t>(db_.number("select count(*) from queue"));
    bytes_ = static_cast<std::size_t>(db_.number("select coalesce(sum(length(body)), 0) from queue")) +
             size_ * k_overhead_per_event;
}

void queue_file::append(const std::vector<inbox_event>& events) {
    std::size_t added = 0;
    std::size_t added_bytes = 0;
    db_.in_transaction([&] {
        const auto s = db_.prepare("insert into queue (event_id, event_type, route, session_id, control_id, "
                                   "received_ms, body) values (?, ?, ?, ?, ?, ?, ?) on conflict do nothing");
        for (const auto& e : events) {
            bind(s.get(), 1, e.event_id);
            bind(s.get(), 2, e.event_type);
            bind(s.get(), 3, static_cast<std::int64_t>(e.route));
            bind(s.get(), 4, e.call_session_id);
            bind(s.get(), 5, e.call_control_id);
            bind(s.get(), 6, std::int64_t{e.received_at.time_since_epoch().count()});
            bind(s.get(), 7, e.body);
            (void)db_.step(s.get());
            if (db_.changes() > 0) {
                ++added;
                added_bytes += cost(e);
            }
            reset(s.get());
        }
    });
    size_ += added;
    bytes_ += added_bytes;
}

std::vector<inbox_event> queue_file::peek(std::size_t limit, const std::set<std::string>& without) {
    std::vector<inbox_event> out;
    if (size_ == 0 || limit == 0) return out;
    const auto s = db_.prepare((std::string(k_columns) + "order by seq").c_str());
    while (out.size() < limit && db_.step(s.get()))
        if (auto e = event_of(s.get()); !without.contains(e.event_id)) out.push_back(std::move(e));
    return out;
}

std::vector<inbox_event> queue_file::find(const std::vector<std::string>& event_ids) {
    std::vector<inbox_event> out;
    if (size_ == 0) return out;
    const auto s = db_.prepare((std::string(k_columns) + "where event_id = ?").c_str());
    for (const auto& id : event_ids) {
        bind(s.get(), 1, id);
        if (db_.step(s.get())) out.push_back(event_of(s.get()));
        reset(s.get());
    }
    return out;
}

bool queue_file::holds(const std::string& event_id) {
    if (size_ == 0) return false;
    const auto s = db_.prepare("select 1 from queue where event_id = ?");
    bind(s.get(), 1, event_id);
    return db_.step(s.get());
}

void queue_file::remove(const std::vector<std::string>& event_ids) {
    if (size_ == 0) return;
    std::size_t gone = 0;
    std::size_t gone_bytes = 0;
    db_.in_transaction([&] {
        const auto s = db_.prepare("delete from queue where event_id = ? returning length(body)");
        for (const auto& id : event_ids) {
            bind(s.get(), 1, id);
            while (db_.step(s.get())) {
                ++gone;
                gone_bytes += static_cast<std::size_t>(integer(s.get(), 0)) + k_overhead_per_event;
            }
            reset(s.get());
        }
    });
    size_ -= std::min(gone, size_);
    bytes_ -= std::min(gone_bytes, bytes_);
}

void queue_file::shrink() {
    const auto free = db_.number("pragma freelist_count");
    // While the queue is long, its free pages are the next to be filled.
    if (free < k_free_pages_kept || free * 2 < db_.number("pragma page_count")) return;
    db_.exec("pragma incremental_vacuum(2048)");
}

void queue_file::probe() {
    db_.in_transaction([&] { db_.exec("insert into probe (body) values (zeroblob(32768))"); });
    db_.in_transaction([&] { db_.exec("delete from probe"); });
}

} // namespace z360::adapter::spool
