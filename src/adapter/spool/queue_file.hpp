// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A queue in one SQLite file. Blocking; used by one thread at a time, and by one process at a time: SQLite's
// exclusive lock is held as long as the file is open, and the kernel ends it with the process.
#pragma once

#include "adapter/spool/sqlite.hpp"

#include <z360/port/event_inbox.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace z360::adapter::spool {

class queue_file {
  public:
    using how = sqlite_file::how;
    /// Throws port::unavailable; in_use when another process has the file; damaged when it cannot be read.
    queue_file(std::filesystem::path file, how h);
    queue_file(const queue_file&) = delete;
    queue_file& operator=(const queue_file&) = delete;

    /// All or none; on disk when it returns. An id that waits already is not stored twice.
    void append(const std::vector<port::inbox_event>& events);
    /// The oldest, at most `limit`, but for those with these ids.
    [[nodiscard]] std::vector<port::inbox_event>
    peek(std::size_t limit, const std::set<std::string>& without = {});
    [[nodiscard]] std::vector<port::inbox_event> find(const std::vector<std::string>& event_ids);
    [[nodiscard]] bool holds(const std::string& event_id);
    /// In one transaction. Needs no room on the disk for a few events: the journal's is reserved.
    void remove(const std::vector<std::string>& event_ids);
    /// Gives room that events left back to the disk, a part at a time.
    void shrink();
    /// Writes and takes away as much as an event or two need. Throws when there is no room for it.
    void probe();
    /// The path leads elsewhere or nowhere: what is stored now would be lost with the process.
    [[nodiscard]] bool moved() { return db_.moved(); }

    [[nodiscard]] std::size_t size() const { return size_; }
    /// Of the bodies, and what SQLite adds to them.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    /// What `bytes` grows by with this event.
    [[nodiscard]] static std::size_t cost(const port::inbox_event& e);

  private:
    void begin_new();
    void take_over();
    void reserve_journal() const;
    void count();

    std::filesystem::path path_;
    sqlite_file db_;
    std::size_t size_ = 0;
    std::size_t bytes_ = 0;
};

} // namespace z360::adapter::spool
