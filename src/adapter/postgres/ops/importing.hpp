// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the parts of import.cpp share. Private to this folder.
#pragma once

#include "adapter/crypto/vault.hpp"
#include "adapter/postgres/ops/import.hpp"
#include "adapter/postgres/ops/import_lines.hpp"
#include "adapter/postgres/session.hpp"
#include "adapter/postgres/transaction.hpp"

#include <z360/base/ids.hpp>

#include <pqxx/pqxx>

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace z360::adapter::postgres {

/// One row of a device, as staged.
struct staged {
    std::int64_t line = 0, org = 0;
    std::string platform, app_version, name;
    crypto::sealed push, password;
    bool voip = false;
    std::string credential_id, sip_username, connection_id;
    std::optional<time_point> seen, created, expires;

    [[nodiscard]] bool usable() const {
        return !credential_id.empty() && !sip_username.empty() && !password.bytes.empty();
    }
};

/// One run. Blocks.
class importing {
  public:
    importing(
        session& db, const crypto::vault& keys, const import_options& o, const import_progress& progress
    )
        : db_(db), keys_(keys), options_(o), progress_(progress) {}

    import_report run(std::istream& in);

  private:
    static constexpr std::size_t k_batch = 500;
    static constexpr std::size_t k_most_problems = 10'000;
    /// What secrets are bound to while they wait in import_rows.
    static std::string push_place(std::int64_t line) { return crypto::place("import_rows.push", line); }
    static std::string password_place(std::int64_t line) {
        return crypto::place("import_rows.password", line);
    }

    // import_stage.cpp
    void stage(std::istream& in);
    bool next_line(std::istream& in, std::string& line);
    void stage_row(pqxx::work& tx, const old_row& row, std::size_t line);
    void leave_out(pqxx::work& tx, const std::vector<std::string>& names);
    void drop_unknown();

    // import_devices.cpp
    void take_devices();
    void take_device(pqxx::work& tx, std::int64_t user, const std::string& uid, import_report& r);
    std::vector<staged> rows_of(pqxx::work& tx, std::int64_t user, const std::string& uid);
    void
    register_at(pqxx::work& tx, device_id device, std::int64_t user, const staged& row, import_report& r);
    void take_push(pqxx::work& tx, device_id device, const std::vector<staged>& rows);
    const staged* survivor(pqxx::work& tx, const std::vector<staged>& rows);
    void take_identity(pqxx::work& tx, device_id device, const staged* best, import_report& r);

    // import_credentials.cpp
    void retire_superfluous();
    void take_organization_credentials();
    /// What is in the way of deleting it, in words for a person; empty: it is recorded to be deleted.
    std::string retire(
        pqxx::work& tx, std::int64_t device, std::int64_t org, const std::string& id,
        const std::string& username, const std::string& connection, std::size_t nth
    );

    // import.cpp
    void take_all(std::istream& in);
    void note(std::int64_t line, std::string what);
    void keep_notes();
    template <class F>
    void counted(F step);
    void mark(pqxx::work& tx, const std::vector<std::int64_t>& lines);

    session& db_;
    const crypto::vault& keys_;
    const import_options& options_;
    const import_progress& progress_;
    import_report out_; ///< counters only; copied for each transaction
    std::vector<import_problem> problems_;
    std::vector<import_problem> found_; ///< of one batch
    std::vector<import_note> noted_;    ///< of one transaction
    std::vector<import_note> notes_;
};

// Counted and noted only when committed: the transaction may have to begin again.
template <class F>
void importing::counted(F step) {
    out_ = in_transaction(db_, [&](pqxx::work& tx) {
        noted_.clear();
        auto r = out_;
        step(tx, r);
        return r;
    });
    keep_notes();
}

} // namespace z360::adapter::postgres
