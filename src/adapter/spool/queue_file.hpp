// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The queue in one SQLite file. Blocking; used by one thread at a time.
#pragma once

#include <z360/port/event_inbox.hpp>

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace z360::adapter::spool {

class queue_file {
  public:
    /// Throws port::unavailable.
    queue_file(const std::filesystem::path& directory, std::size_t max_bytes);
    ~queue_file();
    queue_file(const queue_file&) = delete;
    queue_file& operator=(const queue_file&) = delete;

    /// All or none; on disk when it returns. An id that waits already is not stored twice.
    void append(const std::vector<port::inbox_event>& events);
    [[nodiscard]] std::vector<port::inbox_event> peek(std::size_t limit);
    void remove(const std::vector<std::string>& event_ids);
    /// May be called from any thread.
    [[nodiscard]] std::size_t size() const { return size_.load(std::memory_order_relaxed); }

  private:
    struct closer {
        void operator()(sqlite3* db) const;
        void operator()(sqlite3_stmt* s) const;
    };
    using handle = std::unique_ptr<sqlite3, closer>;
    using statement = std::unique_ptr<sqlite3_stmt, closer>;

    bool open(const std::filesystem::path& file);
    void move_aside(const std::filesystem::path& file);
    void count();
    void exec(const char* sql);
    [[nodiscard]] statement prepare(const char* sql);
    [[nodiscard]] bool step(sqlite3_stmt* s);
    template <class F>
    void in_transaction(F change);

    handle db_;
    const std::size_t max_bytes_;
    std::size_t bytes_ = 0;
    std::atomic<std::size_t> size_ = 0;
};

} // namespace z360::adapter::spool
