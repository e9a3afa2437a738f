// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A thin hold on SQLite: handles that close themselves, errors that say what to do next.
#pragma once

#include <z360/port/errors.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

struct sqlite3;
struct sqlite3_stmt;

namespace z360::adapter::spool {

/// The file is no database, or a broken one.
class damaged : public port::unavailable {
  public:
    using unavailable::unavailable;
};

/// Another process holds the file.
class in_use : public port::unavailable {
  public:
    using unavailable::unavailable;
};

struct closer {
    void operator()(sqlite3* db) const;
    void operator()(sqlite3_stmt* s) const;
};
using statement = std::unique_ptr<sqlite3_stmt, closer>;

/// Everything throws port::unavailable or one of its kinds above. Used by one thread at a time.
class sqlite_file {
  public:
    enum class how { create, existing };
    sqlite_file(const std::filesystem::path& file, how h, int busy_timeout_ms);

    void exec(const char* sql);
    [[nodiscard]] statement prepare(const char* sql);
    /// true: a row; false: done.
    [[nodiscard]] bool step(sqlite3_stmt* s);
    /// The number in the first column of the first row; 0 without a row.
    [[nodiscard]] std::int64_t number(const char* sql);
    /// Whether the pages are in order; reads the whole file.
    [[nodiscard]] bool sound();
    /// Whether the path no longer leads to this file: somebody deleted or renamed it.
    [[nodiscard]] bool moved();
    /// Of the last statement.
    [[nodiscard]] int changes();

    template <class F>
    void in_transaction(F change) {
        exec("begin immediate");
        try {
            change();
            exec("commit"); // with synchronous=full the change is on the disk when this returns
        } catch (...) {
            roll_back();
            throw;
        }
    }

  private:
    void check(int code, const char* doing);
    void roll_back() noexcept;

    std::unique_ptr<sqlite3, closer> db_;
};

/// A blob keeps NUL bytes; the column decides how it is read back.
void bind(sqlite3_stmt* s, int at, const std::string& v);
void bind(sqlite3_stmt* s, int at, std::int64_t v);
[[nodiscard]] std::string blob(sqlite3_stmt* s, int at);
[[nodiscard]] std::int64_t integer(sqlite3_stmt* s, int at);
/// So that the statement can run again.
void reset(sqlite3_stmt* s);

/// Renames a file and what SQLite keeps beside it to `<file>.damaged-<ms>`; tells so at level critical.
void move_aside(const std::filesystem::path& file);
/// Deletes a file and what SQLite keeps beside it; the file itself last, so that nothing is left without it.
void delete_file(const std::filesystem::path& file);

} // namespace z360::adapter::spool
